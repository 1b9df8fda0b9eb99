"""How pages name people and things, tell times and write numbers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from zoneinfo import ZoneInfo

from markupsafe import Markup

from changes.facts import SYSTEM
from changes.state import Outcome, Stage
from directory.model import Directory

STAGE_NAMES = {
    Stage.PROPOSAL: "Proposal",
    Stage.TESTING: "Testing",
    Stage.CHAMPIONS: "Champions",
    Stage.ROLLOUT: "Rollout",
    Stage.LEARNING: "Learning",
}
"""The stages of a change's road, in order."""
OUTCOME_NAMES = {outcome: outcome.replace("_", " ") for outcome in Outcome}


@dataclass(frozen=True)
class Wording:
    """Names from the directory, times on the organisation's own clock."""

    directory: Directory
    zone: ZoneInfo

    def person(self, ref: str) -> str:
        """Somebody's name; nobody's, where the record keeps it back."""
        if ref == SYSTEM:
            return "Groundswell"
        if not ref:
            return "Somebody"
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

    def day(self, day: date) -> Markup:
        """A day with its weekday, as a ``time`` element."""
        return _time(day.isoformat(), f"{day:%a} {day.day} {day:%b %Y}")


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
