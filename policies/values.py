"""The small typed values a policy is written in: durations, shares, sums, hours and days of the year."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Annotated, Any, Literal, TypeAlias, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

import holidays
from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, GetCoreSchemaHandler, StrictInt, StrictStr
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from changes.values import Ref, Value
from directory.model import EMPLOYEE, MANAGER, ROLES
from policies.wording import nearest

EVERY_ROLE = (EMPLOYEE, MANAGER, *ROLES)
"""The roles a directory gives, and the two it derives."""
DIGITS_OF_AN_AMOUNT = 18

Weekday: TypeAlias = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEK: tuple[str, ...] = get_args(Weekday)
"""The days of the week as Python counts them: Monday is 0."""

Unit: TypeAlias = Literal["s", "m", "h", "d", "cd", "w"]

_SPELLINGS: dict[Unit, tuple[str, str]] = {
    "s": ("second", "seconds"),
    "m": ("minute", "minutes"),
    "h": ("hour", "hours"),
    "d": ("working day", "working days"),
    "cd": ("calendar day", "calendar days"),
    "w": ("week", "weeks"),
}
_TEN_YEARS: dict[Unit, int] = {"s": 315_360_000, "m": 5_256_000, "h": 87_600, "d": 2_600, "cd": 3_650, "w": 520}
_UNITS: dict[str, Unit] = {word: unit for unit, words in _SPELLINGS.items() for word in (unit, *words)}
_DURATION = re.compile(r"([0-9]{1,9}) ?([a-z]+(?: [a-z]+)?)")
_HOUR = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]|24:00")
_LEAP_YEAR = 2024


class Section(Value):
    """A part of a policy file: unknown keys are refused, and what is written out uses the file's own words."""

    model_config = ConfigDict(serialize_by_alias=True, validate_by_name=False)


@dataclass(frozen=True, slots=True)
class Duration:
    """A length of time, and the clock it is counted on (lifecycle.md, Time).

    ``5d`` or ``5 working days`` counts working time only. ``30cd`` or ``30 calendar days`` and ``6w`` or ``6 weeks``
    count every day. ``4h``, ``15m`` and ``30s`` (or ``4 hours``, ``15 minutes``, ``30 seconds``) run by the clock on
    the wall, at night too. :meth:`policies.working_time.WorkingTime.add` says at which moment each of them ends.
    """

    amount: int
    unit: Unit

    @classmethod
    def parse(cls, text: object) -> Duration:
        """Read one of the spellings above.

        Raises:
            PydanticCustomError: the text is no duration, or one of more than ten years.
        """
        found = _DURATION.fullmatch(text) if isinstance(text, str) else None
        unit = _UNITS.get(found[2]) if found else None
        if found is None or unit is None:
            raise PydanticCustomError(
                "duration", "must be a length of time: 5d (working days), 30cd (calendar days), 6w, 4h or 15m"
            )
        if int(found[1]) > _TEN_YEARS[unit]:
            raise PydanticCustomError("duration_too_long", "is longer than ten years; please shorten it")
        return cls(int(found[1]), unit)

    def __str__(self) -> str:
        return f"{self.amount}{self.unit}"

    def in_words(self) -> str:
        """Such as "5 working days" or "1 hour"."""
        return f"{self.amount} {_SPELLINGS[self.unit][self.amount != 1]}"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Validate with :meth:`parse`; travel in JSON as the shortest spelling."""
        return core_schema.no_info_plain_validator_function(
            lambda value: value if isinstance(value, cls) else cls.parse(value),
            json_schema_input_schema=core_schema.str_schema(),
            serialization=core_schema.to_string_ser_schema(when_used="json"),
        )


def _share(value: Any) -> Any:
    """Read ``50%`` as 50; a bare 50 means the same."""
    found = re.fullmatch(r"([0-9]{1,3})%", value) if isinstance(value, str) else None
    if found:
        return int(found[1])
    if isinstance(value, bool) or not isinstance(value, int):
        raise PydanticCustomError("percent", "must be a whole percentage such as 50%")
    return value


def _sum(value: Any) -> Any:
    """Read a number or its decimal text; never a truth value."""
    if isinstance(value, int | Decimal | str) and not isinstance(value, bool):
        try:
            number = Decimal(value)
        except (InvalidOperation, ValueError):
            number = Decimal("NaN")
        if number.is_finite() and number.adjusted() < DIGITS_OF_AN_AMOUNT:
            return number
    raise PydanticCustomError("amount", "must be a number such as 500 or 0.5")


def _plainest(number: Decimal) -> Decimal:
    """One spelling for each number, so that 500 and 500.00 are the same policy."""
    return Decimal(f"{number.normalize():f}")


def _hour(text: str) -> str:
    if not _HOUR.fullmatch(text):
        raise PydanticCustomError("hour", "must be a time of day such as 09:00, at the latest 24:00")
    return text


def _day_of_year(text: str) -> str:
    """Accept a day of every year (12-20) or of one year (2026-12-20)."""
    try:
        date.fromisoformat(text if len(text) > 5 else f"{_LEAP_YEAR}-{text}")
    except ValueError:
        raise PydanticCustomError(
            "day", "must be a day such as 12-20 (every year) or 2026-12-20 (that year only)"
        ) from None
    if not re.fullmatch(r"([0-9]{4}-)?[0-9]{2}-[0-9]{2}", text):
        raise PydanticCustomError("day", "must be a day such as 12-20 (every year) or 2026-12-20 (that year only)")
    return text


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        hint = nearest(name, sorted(available_timezones()))
        raise PydanticCustomError("zone", "is not a time zone such as Europe/Berlin{hint}", {"hint": hint}) from None
    return name


@lru_cache(maxsize=1)
def _countries() -> dict[str, list[str]]:
    return holidays.list_supported_countries()


def _holiday_code(code: str) -> str:
    """Accept a country (de) or a country with its region (de-BE), as the package holidays knows them."""
    country, _, region = code.upper().partition("-")
    if country not in _countries() or not re.fullmatch(r"[A-Z]{2}", country):
        raise PydanticCustomError(
            "holidays",
            'names no country whose holidays are known; write a code such as de or de-BE, not "{code}"',
            {"code": code},
        )
    if "-" in code and region not in _countries()[country]:
        raise PydanticCustomError(
            "holidays",
            '"{country}" has no region "{region}"{hint}',
            {"country": country, "region": region, "hint": nearest(region, sorted(_countries()[country]))},
        )
    return f"{country.lower()}-{region}" if region else country.lower()


def _role(name: str) -> str:
    if name not in EVERY_ROLE:
        raise PydanticCustomError(
            "role", 'there is no role "{role}"{hint}', {"role": name, "hint": nearest(name, EVERY_ROLE)}
        )
    return name


def _week(days: tuple[Weekday, ...]) -> tuple[Weekday, ...]:
    return tuple(sorted(set(days), key=WEEK.index))


Percent = Annotated[StrictInt, BeforeValidator(_share), Field(ge=0, le=100)]
"""A whole percentage, written 50% or 50."""
Amount = Annotated[
    Decimal,
    BeforeValidator(_sum),
    Field(max_digits=DIGITS_OF_AN_AMOUNT, decimal_places=6, allow_inf_nan=False),
    AfterValidator(_plainest),
]
"""An exact number, in the organisation's own currency where it is a cost."""
Hour = Annotated[StrictStr, AfterValidator(_hour)]
"""A time of day as HH:MM, 24:00 being the end of the day."""
Day = Annotated[StrictStr, AfterValidator(_day_of_year)]
"""A day of every year (MM-DD) or of one year (YYYY-MM-DD)."""
Zone = Annotated[StrictStr, AfterValidator(_zone)]
"""A time zone of the IANA database."""
HolidayCode = Annotated[StrictStr, AfterValidator(_holiday_code)]
"""A country, or a country and its region, of the package holidays."""
Role = Annotated[StrictStr, AfterValidator(_role)]
"""One of :data:`EVERY_ROLE`."""
Week = Annotated[tuple[Weekday, ...], AfterValidator(_week)]
"""Days of the week, kept in their order."""
Name = Annotated[Ref, Field(max_length=64)]
"""The name of a policy or a route."""
