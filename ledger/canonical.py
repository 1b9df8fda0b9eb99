"""The canonical bytes of a record body: RFC 8785 (JCS), narrowed until every JSON library writes the same bytes.

The profile (reference/ledger.md 6.3): ASCII keys, whole numbers within +-(2^53 - 1), no floats, valid Unicode, at most
32 levels deep and 60,000 bytes long. Text is never normalised: NFC and NFD are two different records.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, TypeAlias

MAXIMUM_BYTES = 60_000
"""The longest body in bytes. A C2SP entry bundle cannot carry more than 65,535."""
MAXIMUM_DEPTH = 32
"""The deepest nesting of objects and lists, the body itself being level 1."""
SAFE_INTEGER = 2**53 - 1
"""The largest whole number that every JSON reader keeps exactly (RFC 7493)."""

_Path: TypeAlias = "tuple[_Path, str | int] | None"


class NotCanonical(ValueError):
    """A value or an encoding outside the canonical profile.

    ``path`` names the place ("after.waves[2].share", empty for the whole body), ``problem`` what is wrong there.
    """

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path or 'the body'}: {problem}")
        self.path = path
        self.problem = problem


def canonical_bytes(body: Mapping[str, Any]) -> bytes:
    """The one encoding of ``body`` under the profile.

    Raises:
        NotCanonical: ``body`` holds something outside the profile, or is too deep or too long.
    """
    if not isinstance(body, Mapping):
        raise NotCanonical("", "must be an object with named fields")
    if not _is_plain(body, 1):
        _check(body, None, 1)
    encoded = _ENCODER.encode(body).encode()
    if len(encoded) > MAXIMUM_BYTES:
        raise NotCanonical("", _too_long(len(encoded)))
    return encoded


def parse_canonical(raw: bytes) -> dict[str, Any]:
    """The body that ``raw`` is the canonical encoding of.

    Raises:
        NotCanonical: ``raw`` is not UTF-8, not JSON, holds a duplicate key or anything else outside the profile, or
            is another encoding of its content (white space, key order, escapes, number forms).
    """
    if len(raw) > MAXIMUM_BYTES:
        raise NotCanonical("", _too_long(len(raw)))
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise NotCanonical("", f"byte {error.start} is not UTF-8") from error
    try:
        body = _decoded((_DECODER if text.isascii() else _DECODER_FOR_ASCII_KEYS).decode, text)
    except _OutOfProfile:
        body = _explain(text)
    if not isinstance(body, dict):
        raise NotCanonical("", "must be an object with named fields")
    if text.count("{") + text.count("[") > MAXIMUM_DEPTH:  # else it cannot be too deep, and a walk would cost more
        _check(body, None, 1)
    try:
        canonical = _ENCODER.encode(body).encode()
    except UnicodeEncodeError:
        _check(body, None, 1)
        raise
    if canonical != raw:
        _explain(text)
        raise NotCanonical("", _difference(raw, canonical))
    return body


_TOO_DEEP = f"is nested more than {MAXIMUM_DEPTH} levels deep; flatten it or refer to it by its digest"


def _too_long(length: int) -> str:
    return f"is {length:,} bytes long, {MAXIMUM_BYTES:,} are allowed; refer to long content by its digest"


def _name(path: _Path) -> str:
    """The path in the words of a programmer: ``after.waves[2].share``."""
    parts: list[str] = []
    while path is not None:
        path, step = path
        parts.append(f"[{step}]" if isinstance(step, int) else f".{step}")
    return "".join(reversed(parts)).removeprefix(".")


def _is_plain(value: object, depth: int) -> bool:
    """Whether ``value`` is surely within the profile: what nearly every body is, seen in a third of the time."""
    kind = type(value)
    if kind is dict:
        if depth > MAXIMUM_DEPTH:
            return False
        for key, item in value.items():  # type: ignore[attr-defined]
            if type(key) is not str or not key.isascii():
                return False
            if type(item) is str:
                if not item.isascii():
                    return False
            elif not _is_plain(item, depth + 1):
                return False
        return True
    if kind is int:
        return -SAFE_INTEGER <= value <= SAFE_INTEGER  # type: ignore[operator]
    if kind is list:
        return depth <= MAXIMUM_DEPTH and all(_is_plain(item, depth + 1) for item in value)  # type: ignore[attr-defined]
    if kind is str:
        return value.isascii()  # type: ignore[attr-defined,no-any-return]
    return value is None or kind is bool


def _check(value: object, path: _Path, depth: int) -> None:
    """Raise :class:`NotCanonical` for the first part of ``value`` that is outside the profile."""
    if isinstance(value, str):
        _check_text(value, path)
    elif isinstance(value, int):
        if not -SAFE_INTEGER <= value <= SAFE_INTEGER:
            raise NotCanonical(_name(path), "is a whole number beyond 2^53 - 1; write it as text")
    elif isinstance(value, dict | Mapping):  # dict first: the abstract class is slow to ask
        _check_depth(path, depth)
        for key, item in value.items():
            _check_key(key, path)
            _check(item, (path, key), depth + 1)
    elif isinstance(value, list | tuple):
        _check_depth(path, depth)
        for position, item in enumerate(value):
            _check(item, (path, position), depth + 1)
    elif isinstance(value, float):
        raise NotCanonical(_name(path), f"is the floating-point number {value!r}; write it as text")
    elif value is not None:
        kind = type(value).__name__
        raise NotCanonical(_name(path), f"is a {kind}; write it as text, a whole number, a list or an object")


def _check_text(text: str, path: _Path) -> None:
    if text.isascii():
        return
    try:
        text.encode()
    except UnicodeEncodeError as error:
        code = f"U+{ord(text[error.start]):04X}"
        raise NotCanonical(_name(path), f"holds the lone surrogate {code} at character {error.start}") from error


def _check_key(key: object, path: _Path) -> None:
    if not isinstance(key, str):
        raise NotCanonical(_name(path), f"has the key {key!r}, which is not text")
    if not key.isascii():
        raise NotCanonical(_name(path), f"has the key {key!a}, which is not ASCII")


def _check_depth(path: _Path, depth: int) -> None:
    if depth > MAXIMUM_DEPTH:
        raise NotCanonical(_name(path), _TOO_DEEP)


def _difference(raw: bytes, canonical: bytes) -> str:
    first = next(
        (position for position, (one, other) in enumerate(zip(raw, canonical, strict=False)) if one != other),
        min(len(raw), len(canonical)),
    )
    return f"is not in canonical form: it differs from it at byte {first}"


class _OutOfProfile(Exception):
    """A number or a key that the fast decoder met and that the slow one will name the place of."""


def _refuse(_text: str) -> NoReturn:
    raise _OutOfProfile


def _whole_number(text: str) -> int:
    # Sixteen digits hold 2^53 - 1; the sign may add one. Longer ones are never parsed: that takes quadratic time.
    number = int(text) if len(text) <= 17 else SAFE_INTEGER + 1
    if not -SAFE_INTEGER <= number <= SAFE_INTEGER:
        raise _OutOfProfile
    return number


def _number_to_name(text: str) -> int:
    return int(text) if len(text) <= 17 else SAFE_INTEGER + 1


def _with_ascii_keys(fields: dict[str, Any]) -> dict[str, Any]:
    if not "".join(fields).isascii():
        raise _OutOfProfile
    return fields


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for key, value in pairs:
        if key in fields:
            raise NotCanonical("", f"the key {key!a} appears twice in one object")
        fields[key] = value
    return fields


def _explain(text: str) -> object:
    """Read ``text`` again, slowly, and raise :class:`NotCanonical` with the place of what is outside the profile.

    The first reader may have stopped at a number far in front of what is not even JSON.
    """
    body = _decoded(_SLOW_DECODER.decode, text)
    _check(body, None, 1)
    return body


def _decoded(decode: Callable[[str], Any], text: str) -> Any:
    try:
        return decode(text)
    except RecursionError as error:
        raise NotCanonical("", _TOO_DEEP) from error
    except json.JSONDecodeError as error:
        raise NotCanonical("", f"is not JSON at character {error.pos}: {error.msg}") from error


_ENCODER = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, check_circular=False, default=dict
)
_DECODER = json.JSONDecoder(parse_float=_refuse, parse_constant=_refuse, parse_int=_whole_number)
_DECODER_FOR_ASCII_KEYS = json.JSONDecoder(
    parse_float=_refuse, parse_constant=_refuse, parse_int=_whole_number, object_hook=_with_ascii_keys
)
_SLOW_DECODER = json.JSONDecoder(parse_int=_number_to_name, object_pairs_hook=_without_duplicates)
