"""When a deadline falls due: working days and hours, holidays and freezes of the organisation's own zone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays

from policies.schema import Freeze, Time
from policies.values import WEEK, Duration

LONGEST_PAUSE = 3 * 366
"""Days in a row without working time after which :class:`WorkingTime` gives up looking."""
_ONE_DAY = timedelta(days=1)
_CLOCK = {"s": timedelta(seconds=1), "m": timedelta(minutes=1), "h": timedelta(hours=1)}


class NeverWorking(ArithmeticError):
    """The calendar has no working day in reach, so a deadline would never come. :mod:`policies.lint` finds that."""


@dataclass(frozen=True, slots=True)
class WorkingDay:
    """A day on which people work, and between which moments, in UTC."""

    day: date
    opens: datetime
    closes: datetime

    @property
    def length(self) -> int:
        """Its working time in microseconds."""
        return (self.closes - self.opens) // _INSTANT

    def over_at(self, moment: datetime) -> int:
        """Microseconds of its working time that are over at ``moment``, which lies before its end."""
        return max(0, (moment - self.opens) // _INSTANT)

    def moment_at(self, parts: int, of: int) -> datetime:
        """The moment at which this part of the day's working time is over, to the nearest microsecond."""
        whole, rest = divmod(parts * self.length, of)
        nearest = whole + (2 * rest > of or (2 * rest == of and whole % 2))  # the even one of two
        return self.opens + nearest * _INSTANT


_INSTANT = timedelta(microseconds=1)


class WorkingTime:
    """The working calendar of one policy. A moment is working from the first to the last instant of a working day.

    It remembers the calendar of days it met and nothing else, so it may be shared. Shares of days are whole numbers of
    their parts, because days may differ in length and each command asks for a dozen moments.
    """

    def __init__(self, settings: Time) -> None:
        """Prepare the calendar of a policy's section ``time``."""
        self._zone = ZoneInfo(settings.zone)
        self._weekdays = frozenset(WEEK.index(day) for day in settings.working_days)
        self._opens = _minutes(settings.working_hours.start)
        self._closes = _minutes(settings.working_hours.end)
        self._holidays = settings.holidays
        self._freezes = settings.freezes
        self._calendar: dict[date, WorkingDay | None] = {}
        # The gates of a change usually have the same time to answer, and all are asked about at one moment.
        self.window = lru_cache(maxsize=32)(self._window)
        """When a duration from a moment is over and when to remind before; see :meth:`add` and :meth:`reminders`."""
        self._place = lru_cache(maxsize=32)(self._found_place)
        self._later = lru_cache(maxsize=1024)(self._found_later)
        self._days_between = lru_cache(maxsize=1024)(self._counted_between)

    def today(self, now: datetime) -> date:
        """The day that ``now`` falls on in the organisation's zone."""
        return now.astimezone(self._zone).date()

    def is_working(self, moment: datetime) -> bool:
        """Whether a moment lies in working time, its first and last instant included."""
        today = self.today(moment)
        days = (self.working_day(today), self.working_day(today - _ONE_DAY))  # 24:00 of a day is tomorrow's 00:00
        return any(day is not None and day.opens <= moment <= day.closes for day in days)

    def add(self, start: datetime, duration: Duration) -> datetime:
        """The moment, in UTC, at which ``duration`` from ``start`` is over; never before ``start``.

        Working days (``d``): the earliest moment by which that much working time has passed. From Tuesday 14:00 one
        working day ends on Wednesday at 14:00; from Saturday it ends on Monday with the working day. None at all ends
        at the first working moment.
        Calendar days and weeks (``cd``, ``w``): the end of the working day that counting days leads to, or of the next.
        Clock time (``s``, ``m``, ``h``): exactly that much later, working or not.

        Raises:
            NeverWorking: no working day comes within three years.
        """
        start = start.astimezone(UTC)
        if duration.unit in _CLOCK:
            return start + duration.amount * _CLOCK[duration.unit]
        if duration.unit == "d":
            first, over = self._place(start)
            if duration.amount == 0:
                return max(start, first.opens)
            return self._moment(first, over + duration.amount * first.length, first.length)
        days = duration.amount * (7 if duration.unit == "w" else 1)
        reached = self._next(self.today(start) + days * _ONE_DAY)
        while reached.closes < start:
            reached = self._next(reached.day + _ONE_DAY)
        return reached.closes

    def _window(self, start: datetime, duration: Duration) -> tuple[datetime, tuple[datetime, ...]]:
        due = self.add(start, duration)
        return due, self.reminders(start, due)

    def reminders(self, start: datetime, due: datetime) -> tuple[datetime, ...]:
        """When to remind: at half of the working time, and one working day before ``due`` (lifecycle.md, Time).

        Only moments strictly between ``start`` and ``due``, each once, in order, in UTC.

        Raises:
            NeverWorking: no working day comes within three years.
        """
        start, due = start.astimezone(UTC), due.astimezone(UTC)
        if start >= due:
            return ()
        first, begin = self._place(start)
        last, over = self._place(due)
        parts = first.length
        if last.length != parts:
            begin, over, parts = begin * last.length, over * parts, parts * last.length
        end = self._days_between(first.day, last.day) * parts + over
        moments = {self._moment(first, begin + end, 2 * parts)} if end > begin else set()
        if end - parts > begin:
            moments.add(self._moment(first, end - parts, parts))
        return tuple(sorted(moment for moment in moments if start < moment < due))

    def working_day(self, day: date) -> WorkingDay | None:
        """The working time of a day; none if nobody works on it."""
        if day not in self._calendar:
            self._calendar[day] = self._working_day(day)
        return self._calendar[day]

    def _working_day(self, day: date) -> WorkingDay | None:
        if day.weekday() not in self._weekdays or any(in_freeze(freeze, day) for freeze in self._freezes):
            return None
        if self._holidays is not None and day in _public_holidays(self._holidays, day.year):
            return None
        opens, closes = self._instant(day, self._opens), self._instant(day, self._closes)
        # A clock change may leave out the only hour in which people work.
        return WorkingDay(day, opens, closes) if opens < closes else None

    def _instant(self, day: date, minutes: int) -> datetime:
        days, rest = divmod(minutes, 24 * 60)
        hour = time(rest // 60, rest % 60, tzinfo=self._zone)
        return datetime.combine(day + days * _ONE_DAY, hour).astimezone(UTC)

    def _next(self, day: date) -> WorkingDay:
        """The first working day not before ``day``."""
        for ahead in range(LONGEST_PAUSE):
            found = self.working_day(day + ahead * _ONE_DAY)
            if found is not None:
                return found
        raise NeverWorking(f"the policy's calendar has no working day in the three years from {day} on")

    def _found_place(self, moment: datetime) -> tuple[WorkingDay, int]:
        """The working day that a moment belongs to, and how much of it is over. A night belongs to the next morning."""
        found = self._next(self.today(moment))
        while found.closes <= moment:
            found = self._next(found.day + _ONE_DAY)
        return found, found.over_at(moment)

    def _found_later(self, first: date, working_days: int) -> WorkingDay:
        """The working day so many working days after ``first``, which is one."""
        found = self._next(first)
        for _ in range(working_days):
            found = self._next(found.day + _ONE_DAY)
        return found

    def _counted_between(self, first: date, last: date) -> int:
        days = 0
        while first < last:
            first = self._next(first + _ONE_DAY).day
            days += 1
        return days

    def _moment(self, first: WorkingDay, parts: int, of: int) -> datetime:
        """The earliest moment by which so many parts of a working day, counted from the opening of ``first``, are over;
        at least one."""
        whole, rest = divmod(parts, of)
        if rest == 0:
            whole, rest = whole - 1, of
        return self._later(first.day, whole).moment_at(rest, of)


def in_freeze(freeze: Freeze, day: date) -> bool:
    """Whether a day belongs to a freeze; a yearly one may span the new year."""
    if not freeze.yearly:
        return freeze.start <= day.isoformat() <= freeze.end
    today = day.isoformat()[len("2026-") :]
    if freeze.start <= freeze.end:
        return freeze.start <= today <= freeze.end
    return today >= freeze.start or today <= freeze.end


@lru_cache(maxsize=64)
def working_time(settings: Time) -> WorkingTime:
    """The working calendar of these settings, built once."""
    return WorkingTime(settings)


def _minutes(hour: str) -> int:
    return int(hour[:2]) * 60 + int(hour[3:])


@lru_cache(maxsize=512)
def _public_holidays(code: str, year: int) -> frozenset[date]:
    country, _, region = code.partition("-")
    return frozenset(holidays.country_holidays(country.upper(), subdiv=region or None, years=year))
