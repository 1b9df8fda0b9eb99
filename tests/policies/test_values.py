from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from policies.values import Amount, Day, Duration, HolidayCode, Hour, Percent, Role, Week, Zone


@pytest.mark.parametrize(
    ("text", "shortest", "words"),
    [
        ("5d", "5d", "5 working days"),
        ("5 working days", "5d", "5 working days"),
        ("1 working day", "1d", "1 working day"),
        ("30cd", "30cd", "30 calendar days"),
        ("30 calendar days", "30cd", "30 calendar days"),
        ("6w", "6w", "6 weeks"),
        ("4 hours", "4h", "4 hours"),
        ("15m", "15m", "15 minutes"),
        ("30 seconds", "30s", "30 seconds"),
        ("0d", "0d", "0 working days"),
    ],
)
def test_a_duration_names_its_clock(text: str, shortest: str, words: str) -> None:
    duration = Duration.parse(text)
    assert str(duration) == shortest
    assert duration.in_words() == words
    assert Duration.parse(shortest) == duration


@pytest.mark.parametrize("bad", ["5", "d", "-1d", "1.5d", "5 d d", "5days", "5 days", "5D", "", 5, None, True, "٥d"])
def test_what_is_no_duration_is_refused(bad: object) -> None:
    with pytest.raises(ValidationError, match="must be a length of time"):
        TypeAdapter(Duration).validate_python(bad)


@pytest.mark.parametrize("long", ["2601d", "3651cd", "521w", "999999999s"])
def test_more_than_ten_years_are_refused(long: str) -> None:
    with pytest.raises(ValidationError, match="longer than ten years"):
        TypeAdapter(Duration).validate_python(long)


def test_a_duration_travels_as_text() -> None:
    adapter = TypeAdapter(Duration)
    assert adapter.dump_json(Duration(5, "d")) == b'"5d"'
    assert adapter.validate_json(b'"5d"') == Duration(5, "d")
    assert adapter.json_schema() == {"type": "string"}


@pytest.mark.parametrize(
    ("kind", "given", "read"),
    [
        (Percent, "50%", 50),
        (Percent, 0, 0),
        (Amount, 500, Decimal(500)),
        (Amount, Decimal("500.00"), Decimal(500)),
        (Amount, "0.10", Decimal("0.1")),
        (Hour, "24:00", "24:00"),
        (Day, "02-29", "02-29"),
        (Day, "2026-12-20", "2026-12-20"),
        (Zone, "Europe/Berlin", "Europe/Berlin"),
        (HolidayCode, "DE-be", "de-BE"),
        (HolidayCode, "fr", "fr"),
        (Role, "manager", "manager"),
        (Week, ["fri", "mon", "fri"], ("mon", "fri")),
    ],
)
def test_values_are_read_into_one_spelling(kind: Any, given: object, read: object) -> None:
    found = TypeAdapter(kind).validate_python(given)
    assert found == read
    assert str(found) == str(read)


@pytest.mark.parametrize(
    ("kind", "given", "message"),
    [
        (Percent, "half", "whole percentage"),
        (Percent, True, "whole percentage"),
        (Percent, "101%", "less than or equal to 100"),
        (Amount, True, "must be a number"),
        (Amount, "NaN", "must be a number"),
        (Amount, 10**18, "must be a number"),
        (Amount, Decimal("0.1234567"), "decimal places"),
        (Hour, "9:00", "time of day"),
        (Hour, "24:01", "time of day"),
        (Day, "02-30", "must be a day"),
        (Day, "2025-02-29", "must be a day"),
        (Day, "20261220", "must be a day"),
        (Zone, "Europe/Berln", 'did you mean "Europe/Berlin"'),
        (Zone, "../etc/passwd", "is not a time zone"),
        (HolidayCode, "xx", "names no country"),
        (HolidayCode, "de-XX", '"DE" has no region "XX"'),
        (Role, "boss", "choose from employee, manager, executive"),
        (Role, "executiv", 'did you mean "executive"'),
    ],
)
def test_what_cannot_be_meant_is_refused(kind: Any, given: object, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        TypeAdapter(kind).validate_python(given)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=0, max_value=10**11))
def test_a_number_has_one_spelling_whatever_its_zeros(number: Decimal) -> None:
    adapter = TypeAdapter(Amount)
    assert str(adapter.validate_python(number)) == str(adapter.validate_python(number.normalize()))
