from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from policies.schema import Freeze, Time
from policies.values import WEEK, Duration
from policies.working_time import NeverWorking, WorkingTime, in_freeze, working_time

BERLIN = ZoneInfo("Europe/Berlin")
OFFICE: dict[str, Any] = {"zone": "Europe/Berlin", "working_days": ["mon", "tue", "wed", "thu", "fri"]}


def office(**more: Any) -> WorkingTime:
    return WorkingTime(Time.model_validate({**OFFICE, **more}))


def berlin(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)


@pytest.mark.parametrize(
    ("start", "duration", "due"),
    [
        ("2026-03-10T14:00", "1d", "2026-03-11T14:00"),  # Tuesday to Wednesday, same time
        ("2026-03-10T14:00", "5d", "2026-03-17T14:00"),  # over a weekend
        ("2026-03-14T11:00", "1d", "2026-03-16T17:00"),  # from Saturday: the whole of Monday
        ("2026-03-10T20:00", "1d", "2026-03-11T17:00"),  # from the evening: the whole of the next day
        ("2026-03-10T09:00", "1d", "2026-03-10T17:00"),  # from the opening: that day
        ("2026-03-10T17:00", "1d", "2026-03-11T17:00"),  # from the closing: the next day
        ("2026-03-14T11:00", "0d", "2026-03-16T09:00"),
        ("2026-04-02T14:00", "1d", "2026-04-07T14:00"),  # Easter: Good Friday and Monday are holidays
        ("2026-03-27T14:00", "1d", "2026-03-30T14:00"),  # the clocks go forward on Sunday
        ("2026-10-23T14:00", "1d", "2026-10-26T14:00"),  # and back
        ("2026-12-18T14:00", "1d", "2027-01-04T14:00"),  # over the freeze and the new year
        ("2026-03-10T14:00", "30cd", "2026-04-09T17:00"),
        ("2026-03-10T14:00", "4cd", "2026-03-16T17:00"),  # a Saturday becomes Monday
        ("2026-03-14T20:00", "0cd", "2026-03-16T17:00"),
        ("2026-03-10T20:00", "0cd", "2026-03-11T17:00"),  # today's working day is over already
        ("2026-03-10T14:00", "6w", "2026-04-21T17:00"),
        ("2026-03-28T23:30", "4h", "2026-03-29T04:30"),  # by the clock: four hours pass, the hand moves five
        ("2026-12-24T14:00", "90m", "2026-12-24T15:30"),
        ("2026-12-24T14:00", "30s", "2026-12-24T14:00:30"),
    ],
)
def test_deadlines_by_example(start: str, duration: str, due: str) -> None:
    calendar = office(holidays="de-BE", freezes=[{"name": "year-end", "from": "12-20", "to": "01-02"}])
    found = calendar.add(berlin(start), Duration.parse(duration))
    assert found == berlin(due)
    assert found.tzinfo is UTC


def test_holidays_are_those_of_the_region() -> None:
    womens_day = berlin("2027-03-08T12:00")  # a Monday, free in Berlin only
    assert not office(holidays="de-BE").is_working(womens_day)
    assert office(holidays="de").is_working(womens_day)
    assert office().is_working(berlin("2026-12-25T12:00"))


def test_a_freeze_of_one_year_does_not_return() -> None:
    calendar = office(freezes=[{"name": "move", "from": "2026-03-11", "to": "2026-03-12"}])
    assert calendar.add(berlin("2026-03-10T14:00"), Duration(1, "d")) == berlin("2026-03-13T14:00")
    assert calendar.add(berlin("2027-03-10T14:00"), Duration(1, "d")) == berlin("2027-03-11T14:00")


@pytest.mark.parametrize(
    ("start", "end", "inside", "outside"),
    [
        ("12-20", "01-02", [date(2026, 12, 20), date(2027, 1, 2), date(2026, 1, 1)], [date(2026, 1, 3)]),
        ("07-01", "07-31", [date(2026, 7, 1), date(2026, 7, 31)], [date(2026, 6, 30), date(2026, 8, 1)]),
        ("2026-12-20", "2027-01-02", [date(2027, 1, 1)], [date(2027, 12, 25), date(2026, 1, 1)]),
    ],
)
def test_both_days_belong_to_a_freeze(start: str, end: str, inside: list[date], outside: list[date]) -> None:
    freeze = Freeze.model_validate({"name": "quiet", "from": start, "to": end})
    assert all(in_freeze(freeze, day) for day in inside)
    assert not any(in_freeze(freeze, day) for day in outside)


@pytest.mark.parametrize(
    ("start", "due", "expected"),
    [
        # five working days: at half, Friday 18:00 of 40 hours, and one working day before
        ("2026-03-10T14:00", "2026-03-17T14:00", ["2026-03-13T10:00", "2026-03-16T14:00"]),
        # two working days: both are the same moment
        ("2026-03-10T14:00", "2026-03-12T14:00", ["2026-03-11T14:00"]),
        # one working day: only the half
        ("2026-03-10T14:00", "2026-03-11T14:00", ["2026-03-11T10:00"]),
        # ends with the working day: the day before ends too
        ("2026-03-09T09:00", "2026-03-13T17:00", ["2026-03-11T13:00", "2026-03-12T17:00"]),
        # four hours at night are no working time
        ("2026-03-10T20:00", "2026-03-11T00:00", []),
        ("2026-03-10T14:00", "2026-03-10T14:00", []),
        ("2026-03-10T14:00", "2026-03-09T14:00", []),
    ],
)
def test_reminders_at_half_and_one_working_day_before(start: str, due: str, expected: list[str]) -> None:
    found = office().reminders(berlin(start), berlin(due))
    assert found == tuple(berlin(moment) for moment in expected)


def test_today_is_the_day_in_the_organisations_zone() -> None:
    assert office().today(datetime(2026, 3, 10, 23, 30, tzinfo=UTC)) == date(2026, 3, 11)


def test_working_around_the_clock_counts_midnight_once() -> None:
    calendar = office(working_hours={"from": "00:00", "to": "24:00"})
    assert calendar.is_working(berlin("2026-03-14T00:00"))  # the end of Friday
    assert not calendar.is_working(berlin("2026-03-14T00:01"))
    assert calendar.add(berlin("2026-03-13T18:00"), Duration(1, "d")) == berlin("2026-03-16T18:00")


def test_an_hour_that_the_clock_change_leaves_out_is_no_working_day() -> None:
    calendar = office(working_days=["sun"], working_hours={"from": "02:00", "to": "03:00"})
    assert calendar.working_day(date(2026, 3, 29)) is None
    assert calendar.working_day(date(2026, 3, 22)) is not None


@pytest.mark.parametrize(
    "never",
    [{"working_days": []}, {"freezes": [{"name": "ever", "from": "01-01", "to": "12-31"}]}],
)
def test_a_calendar_without_working_days_says_so_instead_of_searching_for_ever(never: dict[str, Any]) -> None:
    with pytest.raises(NeverWorking, match="no working day"):
        office(**never).add(berlin("2026-03-10T14:00"), Duration(1, "d"))


def test_the_calendar_of_a_policy_is_built_once() -> None:
    assert working_time(Time.model_validate(OFFICE)) is working_time(Time.model_validate(OFFICE))


ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Havana", "Africa/Cairo"]
HOURS = [("09:00", "17:00"), ("00:00", "24:00"), ("01:15", "02:45"), ("22:00", "24:00"), ("08:00", "15:37")]


@st.composite
def calendars(draw: st.DrawFn) -> WorkingTime:
    opens, closes = draw(st.sampled_from(HOURS))
    freezes = draw(st.lists(st.tuples(st.dates(date(2024, 1, 1), date(2024, 12, 31)), st.integers(0, 120)), max_size=2))
    return office(
        zone=draw(st.sampled_from(ZONES)),
        working_days=sorted(draw(st.sets(st.sampled_from(WEEK), min_size=1))),
        working_hours={"from": opens, "to": closes},
        holidays=draw(st.sampled_from([None, "de-BE", "us"])),
        freezes=[
            {"name": "quiet", "from": f"{day:%m-%d}", "to": f"{day + timedelta(days=length):%m-%d}"}
            for day, length in freezes
        ],
    )


moments = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
counted = st.builds(Duration, st.integers(0, 40), st.sampled_from(["d", "cd", "w"]))
durations = st.one_of(counted, st.builds(Duration, st.integers(0, 500), st.sampled_from(["h", "m", "s"])))


@given(calendars(), moments, durations)
def test_nothing_is_due_before_it_began(calendar: WorkingTime, start: datetime, duration: Duration) -> None:
    assert calendar.add(start, duration) >= start


@given(calendars(), moments, counted)
def test_deadlines_in_days_and_weeks_fall_into_working_time(
    calendar: WorkingTime, start: datetime, duration: Duration
) -> None:
    assert calendar.is_working(calendar.add(start, duration))


@given(calendars(), moments, st.timedeltas(timedelta(0), timedelta(days=20)), durations)
def test_what_begins_later_is_never_due_earlier(
    calendar: WorkingTime, start: datetime, later: timedelta, duration: Duration
) -> None:
    assert calendar.add(start, duration) <= calendar.add(start + later, duration)


@given(calendars(), moments, durations, st.integers(0, 10))
def test_more_time_is_never_less(calendar: WorkingTime, start: datetime, duration: Duration, more: int) -> None:
    assert calendar.add(start, duration) <= calendar.add(start, Duration(duration.amount + more, duration.unit))


@given(calendars(), moments, st.integers(1, 15), st.integers(1, 15))
def test_working_days_add_up(calendar: WorkingTime, start: datetime, first: int, second: int) -> None:
    in_two = calendar.add(calendar.add(start, Duration(first, "d")), Duration(second, "d"))
    at_once = calendar.add(start, Duration(first + second, "d"))
    assert abs(in_two - at_once) <= timedelta(microseconds=3)  # days of a clock change are shorter or longer


@given(calendars(), moments, durations)
def test_reminders_come_in_order_between_start_and_due(
    calendar: WorkingTime, start: datetime, duration: Duration
) -> None:
    due = calendar.add(start, duration)
    assume(due > start)
    reminders = calendar.reminders(start, due)
    assert list(reminders) == sorted(set(reminders))
    assert all(start < moment < due and calendar.is_working(moment) for moment in reminders)
    if duration.unit == "d" and duration.amount >= 3:
        assert len(reminders) == 2
