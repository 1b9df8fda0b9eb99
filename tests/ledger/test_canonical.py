"""The canonical profile: the same bytes as an independent RFC 8785 writer inside it, a named refusal outside it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from ledger.canonical import (
    MAXIMUM_BYTES,
    MAXIMUM_DEPTH,
    SAFE_INTEGER,
    NotCanonical,
    canonical_bytes,
    parse_canonical,
)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
keys = st.text(st.characters(max_codepoint=127), max_size=12)
scalars = st.none() | st.booleans() | st.integers(-SAFE_INTEGER, SAFE_INTEGER) | texts
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4), max_leaves=20
)
bodies = st.dictionaries(keys, values, max_size=6)


@given(bodies)
def test_writes_what_an_independent_writer_writes_and_reads_it_back(body: dict[str, Any]) -> None:
    raw = canonical_bytes(body)
    assert raw == rfc8785.dumps(body)
    assert parse_canonical(raw) == body


@given(bodies, st.data())
def test_every_other_encoding_of_the_same_content_is_refused(body: dict[str, Any], data: st.DataObject) -> None:
    raw = canonical_bytes(body)
    other = data.draw(
        st.sampled_from(
            [
                json.dumps(body).encode(),
                json.dumps(body, separators=(",", ":"), ensure_ascii=True, sort_keys=True).encode(),
                json.dumps(body, indent=1, ensure_ascii=False, sort_keys=True).encode(),
                json.dumps(dict(reversed(body.items())), separators=(",", ":"), ensure_ascii=False).encode(),
                raw + b"\n",
                b" " + raw,
                b"\xef\xbb\xbf" + raw,
            ]
        )
    )
    if other == raw:
        assert parse_canonical(other) == body
    else:
        with pytest.raises(NotCanonical):
            parse_canonical(other)


@given(bodies, st.data())
def test_a_changed_byte_is_refused_or_changes_the_content(body: dict[str, Any], data: st.DataObject) -> None:
    raw = bytearray(canonical_bytes(body))
    position = data.draw(st.integers(0, len(raw) - 1))
    raw[position] ^= data.draw(st.integers(1, 255))
    try:
        read = parse_canonical(bytes(raw))
    except NotCanonical:
        return
    assert read != body
    assert canonical_bytes(read) == bytes(raw)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ('\u20ac$\u000f\nA\'B"\\\\"/', '"\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"'),
        ("\b\t\n\f\r\x00\x1f\x7f", '"\\b\\t\\n\\f\\r\\u0000\\u001f\x7f"'),
        ("\u2028\u202e\ufeff\U0001f600", '"\u2028\u202e\ufeff\U0001f600"'),
    ],
)
def test_strings_are_escaped_as_jcs_prescribes(text: str, written: str) -> None:
    assert canonical_bytes({"k": text}).decode() == f'{{"k":{written}}}'


def test_text_is_never_normalised() -> None:
    assert canonical_bytes({"k": "\u00e9"}) != canonical_bytes({"k": "e\u0301"})


def test_the_ends_of_the_profile_are_inside() -> None:
    body = {"": "", "most": SAFE_INTEGER, "least": -SAFE_INTEGER, "none": None, "yes": True, "list": []}
    assert parse_canonical(canonical_bytes(body)) == body


def test_mappings_and_tuples_are_written_as_objects_and_lists() -> None:
    body: Mapping[str, Any] = MappingProxyType({"a": MappingProxyType({"b": (1, 2)})})
    assert canonical_bytes(body) == b'{"a":{"b":[1,2]}}'


def nested(depth: int) -> dict[str, Any]:
    body: dict[str, Any] = {}
    for _ in range(depth - 1):
        body = {"a": body}
    return body


def padded(length: int) -> dict[str, Any]:
    return {"k": "x" * (length - len('{"k":""}'))}


@pytest.mark.parametrize(
    ("body", "path", "problem"),
    [
        ({"a": {"b": [0, {"c": 1.5}]}}, "a.b[1].c", "floating-point number 1.5"),
        ({"a": -0.0}, "a", "floating-point"),
        ({"a": 1e16}, "a", "floating-point"),
        ({"a": math.nan}, "a", "nan"),
        ({"a": math.inf}, "a", "inf"),
        ({"a": 2**53}, "a", "beyond 2^53 - 1"),
        ({"a": [-(2**53)]}, "a[0]", "beyond 2^53 - 1"),
        ({"a": 10**5000}, "a", "beyond 2^53 - 1"),
        ({"a": {"\u00e9": 1}}, "a", "not ASCII"),
        ({"\U0001f600": 1}, "", "not ASCII"),
        ({"a": {1: 2}}, "a", "not text"),
        ({None: 2}, "", "not text"),
        ({"a": "x\ud800"}, "a", "U+D800"),
        ({"a": ["\udfff"]}, "a[0]", "U+DFFF"),
        ({"a": Decimal("1.5")}, "a", "Decimal"),
        ({"a": b"bytes"}, "a", "bytes"),
        ({"a": {1, 2}}, "a", "set"),
        (nested(MAXIMUM_DEPTH + 1), ".".join("a" * MAXIMUM_DEPTH), "levels deep"),
        (nested(1_000), ".".join("a" * MAXIMUM_DEPTH), "levels deep"),
        (padded(MAXIMUM_BYTES + 1), "", "60,001 bytes"),
        ({f"k{number}": number for number in range(100_000)}, "", "bytes long"),
        ({"k": "x" * 10_000_000}, "", "bytes long"),
        ([1], "", "must be an object"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_outside_is_refused_with_its_place(body: Any, path: str, problem: str) -> None:
    with pytest.raises(NotCanonical) as refused:
        canonical_bytes(body)
    assert refused.value.path == path
    assert problem in refused.value.problem
    assert str(refused.value).startswith(path or "the body")


def test_a_body_that_contains_itself_is_refused() -> None:
    body: dict[str, Any] = {}
    body["a"] = [body]
    with pytest.raises(NotCanonical, match="levels deep"):
        canonical_bytes(body)


@pytest.mark.parametrize("body", [nested(MAXIMUM_DEPTH), padded(MAXIMUM_BYTES)], ids=["depth", "length"])
def test_the_limits_themselves_are_allowed(body: dict[str, Any]) -> None:
    assert parse_canonical(canonical_bytes(body)) == body


@pytest.mark.parametrize(
    ("raw", "path", "problem"),
    [
        (b'{"a":1,"a":1}', "", "appears twice"),
        (b'{"b":{"a":1,"a":2}}', "", "appears twice"),
        (b'{"b":1,"a":2}', "", "byte 2"),
        (b'{"a": 1}', "", "byte 5"),
        (b'{"a":1}\n', "", "byte 7"),
        (b'{"a":1.0}', "a", "floating-point"),
        (b'{"a":[1e2]}', "a[0]", "floating-point"),
        (b'{"a":-0}', "", "byte 5"),
        (b'{"a":NaN}', "a", "floating-point"),
        (b'{"a":-Infinity}', "a", "floating-point"),
        (b'{"a":9007199254740992}', "a", "beyond 2^53 - 1"),
        (b'{"a":' + b"9" * 50_000 + b"}", "a", "beyond 2^53 - 1"),
        (b'{"a":"\\u0041"}', "", "byte 6"),
        (b'{"a":"\\u000F"}', "", "byte 11"),
        (b'{"a":"\\/"}', "", "byte 6"),
        (b'{"a":"\\ud800"}', "a", "U+D800"),
        (b'{"\\u00e9":1}', "", "not ASCII"),
        ('{"\u00e9":1}'.encode(), "", "not ASCII"),
        (b'{"a":"\xff"}', "", "byte 6 is not UTF-8"),
        (b'{"a":"\xed\xa0\x80"}', "", "not UTF-8"),
        (b'\xef\xbb\xbf{"a":1}', "", "not JSON"),
        (b"[1]", "", "must be an object"),
        (b'"text"', "", "must be an object"),
        (b"1.5", "", "floating-point"),
        (b"", "", "not JSON"),
        (b'{"a":1', "", "not JSON"),
        (b'{"a":"\n"}', "", "not JSON"),
        (b"[" * 20_000, "", "levels deep"),
        (b'{"v":1.5,', "", "not JSON"),
        (b'{"\\u00e9":1,', "", "not JSON"),
        (b'{"v":1.5,"a":' + b"[" * 20_000, "", "levels deep"),
        (b'{"v":1.5,"a":' + b"[" * 20_000 + b"]" * 20_000 + b"}", "", "levels deep"),
        (b'{"a":' * 33 + b"1" + b"}" * 33, ".".join("a" * 32), "levels deep"),
        (b'{"k":"' + b"x" * 60_000 + b'"}', "", "bytes long"),
    ],
    ids=range(34),
)
def test_other_encodings_are_refused_by_name(raw: bytes, path: str, problem: str) -> None:
    with pytest.raises(NotCanonical) as refused:
        parse_canonical(raw)
    assert (refused.value.path, problem in refused.value.problem) == (path, True), str(refused.value)
