"""Input is normalised once, bounded, and what was accepted is accepted again unchanged when it is read back."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from email.message import EmailMessage
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from changes.facts import Quorum
from changes.state import Guard, Operator
from changes.values import LINE_LENGTH, TEXT_LENGTH, Line, Moment, Number, OptionalText, Ref, Text, Value, enumerated

line: TypeAdapter[str] = TypeAdapter(Line)
text: TypeAdapter[str] = TypeAdapter(Text)
optional: TypeAdapter[str] = TypeAdapter(OptionalText)
number: TypeAdapter[Decimal] = TypeAdapter(Number)
ref: TypeAdapter[str] = TypeAdapter(Ref)
moment: TypeAdapter[datetime] = TypeAdapter(Moment)


def refusal(adapter: TypeAdapter[Any], value: Any) -> str:
    """The type of the one error that ``value`` gets."""
    with pytest.raises(ValidationError) as caught:
        adapter.validate_python(value)
    [error] = caught.value.errors()
    return error["type"]


class TestText:
    @pytest.mark.parametrize(
        ("typed", "kept"),
        [
            ("  two  words ", "two  words"),
            ("Cafe\u0301", "Café"),
            ("\u3000wide\u3000", "wide"),
            ("Straße 9 – 12 °C 👩🏽‍🔧", "Straße 9 – 12 °C 👩🏽‍🔧"),
        ],
    )
    def test_is_trimmed_and_composed(self, typed: str, kept: str) -> None:
        assert line.validate_python(typed) == text.validate_python(typed) == kept

    def test_may_have_lines_and_tabs_of_any_system(self) -> None:
        assert text.validate_python("one\r\ntwo\n\tthree") == "one\ntwo\n\tthree"

    @pytest.mark.parametrize("broken", ["a\nb", "a\r\nb", "a\tb", "a\u2028b", "a\u2029b"])
    def test_a_line_is_one_line(self, broken: str) -> None:
        assert refusal(line, broken) == "line_break"

    @pytest.mark.parametrize("code", [0x00, 0x07, 0x0D, 0x1B, 0x7F, 0x85])
    def test_refuses_control_characters_and_names_them(self, code: int) -> None:
        for adapter in (line, text, optional):
            with pytest.raises(ValidationError, match=f"U\\+{code:04X}; please remove it"):
                adapter.validate_python(f"a{chr(code)}b")

    def test_refuses_broken_characters(self) -> None:
        for adapter in (line, text, optional):
            assert refusal(adapter, "a\ud800b") == "string_unicode"
            with pytest.raises(ValidationError):
                adapter.validate_json('"a\\ud800b"')

    @pytest.mark.parametrize("empty", ["", "   ", "\n\n", "\u3000"])
    def test_must_not_be_empty_unless_it_may(self, empty: str) -> None:
        assert refusal(line, empty) == refusal(text, empty) == "empty"
        assert optional.validate_python(empty) == ""

    @pytest.mark.parametrize(("adapter", "length"), [(line, LINE_LENGTH), (text, TEXT_LENGTH), (optional, TEXT_LENGTH)])
    def test_is_bounded(self, adapter: TypeAdapter[str], length: int) -> None:
        assert len(adapter.validate_python("x" * length)) == length
        assert refusal(adapter, "x" * (length + 1)) == "string_too_long"
        # Composing makes two of this one character, so it is measured again.
        assert refusal(adapter, "\u0958" * length) == "string_too_long"

    @pytest.mark.parametrize("wrong", [5, 1.5, None, ["a"], True])
    def test_is_text(self, wrong: Any) -> None:
        assert refusal(line, wrong) == "string_type"

    @settings(deadline=None)
    @given(st.text(st.characters(), max_size=60) | st.text("\u0958\u0344e\u0301 \n\t\r\u2028x", max_size=LINE_LENGTH))
    def test_what_was_accepted_is_accepted_again(self, typed: str) -> None:
        for adapter in (line, text, optional):
            try:
                kept = adapter.validate_python(typed)
            except ValidationError:
                continue
            assert adapter.validate_python(kept) == kept
            assert adapter.validate_json(adapter.dump_json(kept)) == kept
            assert unicodedata.is_normalized("NFC", kept)
            assert kept == kept.strip()

    @settings(deadline=None)
    @given(st.text(st.characters(), max_size=LINE_LENGTH))
    def test_a_line_can_be_the_subject_of_a_mail(self, typed: str) -> None:
        try:
            subject = line.validate_python(typed)
        except ValidationError:
            return
        EmailMessage()["Subject"] = subject


class TestNumber:
    @pytest.mark.parametrize(
        ("typed", "kept"),
        [(0.1, "0.1"), (2.5, "2.5"), (1e-6, "0.000001"), (7, "7"), ("19.90", "19.90"), (Decimal("3"), "3")],
    )
    def test_is_exact(self, typed: Any, kept: str) -> None:
        assert number.validate_python(typed) == Decimal(kept)

    def test_json_numbers_mean_what_they_say(self) -> None:
        assert number.validate_json("0.1") == Decimal("0.1")
        assert number.dump_json(Decimal("0.1")) == b'"0.1"'

    @pytest.mark.parametrize("value", [float("nan"), float("inf"), "-Infinity", "NaN"])
    def test_is_finite(self, value: Any) -> None:
        assert refusal(number, value) == "finite_number"

    @pytest.mark.parametrize("value", ["0.0000001", "1234567890123", 1e30, "12345678901234.12345"])
    def test_is_bounded(self, value: Any) -> None:
        assert refusal(number, value).startswith("decimal_")

    @pytest.mark.parametrize("value", [True, "many", None, ""])
    def test_is_a_number(self, value: Any) -> None:
        assert refusal(number, value) in {"decimal_type", "decimal_parsing"}

    @settings(deadline=None)
    @given(st.decimals(-(10**11), 10**11, places=6) | st.floats(-1e6, 1e6).map(lambda value: round(value, 6)))
    def test_survives_json(self, value: Decimal | float) -> None:
        kept = number.validate_python(value)
        assert number.validate_json(number.dump_json(kept)) == kept
        assert float(kept) == float(value)


class TestRef:
    @pytest.mark.parametrize("good", ["a", "CH-0001", "team:billing", "T1.b_2", "x" * 64])
    def test_is_short_and_plain(self, good: str) -> None:
        assert ref.validate_python(good) == good

    @pytest.mark.parametrize("wrong", ["", "-a", "a b", "a\n", "ä", "x" * 65, "a/b", "../a"])
    def test_refuses_everything_else(self, wrong: str) -> None:
        assert refusal(ref, wrong).startswith("string_")


class TestMoment:
    def test_is_kept_in_utc(self) -> None:
        kept = moment.validate_python("2026-07-01T10:00:00+02:00")
        assert kept == datetime(2026, 7, 1, 8, tzinfo=UTC)
        assert kept.tzinfo is UTC

    def test_needs_a_zone(self) -> None:
        assert refusal(moment, datetime(2026, 7, 1)) == "timezone_aware"  # noqa: DTZ001 - the point of the test

    @pytest.mark.parametrize(
        "value", ["9999-12-31T23:59:59-05:00", "0001-01-01T00:00:00+05:00", "2201-01-01T00:00:00Z"]
    )
    def test_lies_within_reach(self, value: str) -> None:
        assert refusal(moment, value) == "out_of_reach"

    @settings(deadline=None)
    @given(
        st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=14)), timezone(timedelta(hours=-12))]))
    )
    def test_what_was_accepted_is_accepted_again(self, value: datetime) -> None:
        try:
            kept = moment.validate_python(value)
        except ValidationError:
            return
        assert kept == value
        assert moment.validate_json(moment.dump_json(kept)) == kept


class TestValue:
    def test_is_frozen_and_knows_its_fields(self) -> None:
        quorum = Quorum(rule="count", count=2)
        with pytest.raises(ValidationError, match="frozen"):
            quorum.count = 3  # type: ignore[misc]
        with pytest.raises(ValidationError, match="Extra inputs"):
            Quorum.model_validate({"rule": "count", "cuont": 2})
        assert quorum.having(count=3) == Quorum(rule="count", count=3)
        assert quorum.count == 2
        assert issubclass(Guard, Value)


@pytest.mark.parametrize(
    ("operator", "at_four", "at_five", "at_six"),
    [
        (Operator.AT_LEAST, False, True, True),
        (Operator.AT_MOST, True, True, False),
        (Operator.OVER, False, False, True),
        (Operator.UNDER, True, False, False),
    ],
)
def test_operators(operator: Operator, at_four: bool, at_five: bool, at_six: bool) -> None:
    assert [operator.holds(Decimal(value), Decimal(5)) for value in (4, 5, 6)] == [at_four, at_five, at_six]


def test_enumerations_read_like_sentences() -> None:
    assert enumerated([]) == ""
    assert enumerated(["a"]) == "a"
    assert enumerated(["a", "b"]) == "a and b"
    assert enumerated(["a", "b", "c"], "or") == "a, b or c"
