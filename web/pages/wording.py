"""How pages name people and things, tell times and write numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from zoneinfo import ZoneInfo

from markupsafe import Markup
from sqlalchemy import Connection

from changes.facts import SYSTEM
from changes.state import Outcome, Stage
from changes.values import nobodys_name
from directory.model import Directory
from web.security.sign_in import Visitor
from web.services import Services

STAGE_NAMES = {
    Stage.PROPOSAL: "Proposal",
    Stage.TESTING: "Testing",
    Stage.CHAMPIONS: "Champions",
    Stage.ROLLOUT: "Rollout",
    Stage.LEARNING: "Learning",
}
"""The stages of a change's road, in order."""
OUTCOME_NAMES = {outcome: outcome.replace("_", " ") for outcome in Outcome}


Day = date
"""A day of the calendar; ``Wording`` has a method of its name."""


@dataclass(frozen=True)
class Wording:
    """Names from the directory, times on the organisation's own clock."""

    directory: Directory
    zone: ZoneInfo

    @property
    def names(self) -> Mapping[str, str]:
        """The names of people and teams by reference, for the sentences of the trail."""
        return _Names(self.directory)

    def person(self, ref: str) -> str:
        """Somebody's name; nobody's, where the record keeps it back."""
        if ref == SYSTEM:
            return "Groundswell"
        if not ref:
            return "Somebody"
        if nobody := nobodys_name(ref):
            return nobody[0].upper() + nobody[1:]
        known = self.directory.people.get(ref)
        return known.name if known else ref

    def people(self, refs: Iterable[str]) -> str:
        """Several names."""
        return ", ".join(self.person(ref) for ref in refs)

    def team(self, ref: str) -> str:
        """A team's name."""
        known = self.directory.teams.get(ref)
        return known.name if known else ref

    def teams(self, refs: Iterable[str]) -> str:
        """Several teams."""
        return ", ".join(self.team(ref) for ref in refs)

    def process(self, ref: str) -> str:
        """A process's name."""
        known = self.directory.processes.get(ref)
        return known.name if known else ref

    def moment(self, moment: datetime) -> Markup:
        """A moment with its weekday and zone, as a ``time`` element."""
        local = moment.astimezone(self.zone)
        stamp = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return _time(stamp, f"{local:%a} {local.day} {local:%b %Y, %H:%M %Z}")

    def distance(self, moment: datetime, now: datetime) -> str:
        """How far away a moment is, in days on this clock: "today", "tomorrow", "in 5 days", "3 days ago"."""
        days = (moment.astimezone(self.zone).date() - now.astimezone(self.zone).date()).days
        near = {-1: "yesterday", 0: "today", 1: "tomorrow"}
        if days in near:
            return near[days]
        return f"in {days} days" if days > 0 else f"{-days} days ago"

    def short(self, moment: datetime) -> Markup:
        """A moment without its year and zone, where those stand nearby, as a ``time`` element."""
        local = moment.astimezone(self.zone)
        stamp = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return _time(stamp, f"{local:%a} {local.day} {local:%b, %H:%M}")

    def date(self, moment: datetime) -> Markup:
        """The day of a moment on this clock, as a ``time`` element."""
        local = moment.astimezone(self.zone)
        return _time(local.date().isoformat(), f"{local:%a} {local.day} {local:%b %Y}")

    def day(self, day: Day) -> Markup:
        """A day with its weekday, as a ``time`` element."""
        return _time(day.isoformat(), f"{day:%a} {day.day} {day:%b %Y}")


class _Names(Mapping[str, str]):
    """People's names, then teams', looked up where they are: twenty thousand need not be copied for ten sentences."""

    def __init__(self, directory: Directory) -> None:
        self._things = (directory.people, directory.teams)

    def __getitem__(self, ref: str) -> str:
        for things in self._things:
            if ref in things:
                return things[ref].name
        raise KeyError(ref)

    def __iter__(self) -> Iterator[str]:
        for things in self._things:
            yield from things

    def __len__(self) -> int:
        return sum(len(things) for things in self._things)


def wording_for(services: Services, connection: Connection, visitor: Visitor) -> Wording:
    """Names as they are now, and times on the reader's clock: their own, or the organisation's."""
    return Wording(services.authority.directory(connection), reader_zone(services, connection, visitor))


def reader_zone(services: Services, connection: Connection, visitor: Visitor) -> ZoneInfo:
    """The clock on which ``visitor`` reads and writes times."""
    return visitor.zone or services.zone(connection)


def _time(stamp: str, text: str) -> Markup:
    return Markup('<time datetime="{}">{}</time>').format(stamp, text)


def number(value: Decimal | int) -> str:
    """A number as people write it: no trailing zeros, thousands apart."""
    if isinstance(value, int):
        return f"{value:,}"
    whole = value == value.to_integral_value()
    return f"{value.to_integral_value():,f}" if whole else f"{value.normalize():,f}"


def plain(value: str) -> str:
    """A name of the code in plain words: ``at_least`` is "at least"."""
    text = value.value if isinstance(value, Enum) else value
    return str(text).replace("_", " ")


def without(text: str, beginning: str) -> str:
    """``text`` without ``beginning``, where it begins so."""
    return text.removeprefix(beginning)


def sentence(text: str) -> str:
    """``text`` with a capital at its beginning, the rest as it is."""
    return text[:1].upper() + text[1:]


_BROWSERS = {"Edg": "Edge", "OPR": "Opera", "Firefox": "Firefox", "Chrom": "Chrome", "Safari": "Safari"}
_SYSTEMS = {
    "iPhone": "an iPhone",
    "iPad": "an iPad",
    "Android": "Android",
    "Windows": "Windows",
    "Mac OS": "a Mac",
    "Linux": "Linux",
}
"""What stands in a browser's name for itself, in the order in which it has to be looked for: each names others too."""


def browser_in_words(agent: str) -> str:
    """What a browser says it is, in words: "Firefox on Windows". An unknown one is told as it stands."""
    name = next((words for mark, words in _BROWSERS.items() if mark in agent), "")
    system = next((words for mark, words in _SYSTEMS.items() if mark in agent), "")
    if not name:
        return agent or "A browser that does not say what it is"
    return f"{name} on {system}" if system else name
