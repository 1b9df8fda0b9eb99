"""Changes of every kind and age, each decided once by the real rules, to be copied in any number.

Deciding a hundred thousand changes one after the other would take an hour. Here a dozen roads are walked in a small
organisation, command by command, through the same look-up, decision and recording as everywhere; what that wrote is
read back with its references, words and times as slots. A copy fills the slots, so that its read model says what its
records say.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, Table, select, text

from benchmarks.organisation import COLLEAGUES, Cell, cast_of, organisation
from changes.any_moment import AddComment, Follow, Withdraw
from changes.concerns import AskWhy, RaiseConcern
from changes.decision import decide, evolve_all, subject_of
from changes.hearing import AcceptForTesting, AskForChanges, Decline, SayBack
from changes.proposal import Submit
from changes.refusals import Refused
from changes.state import Change, ConcernCode
from changes.waiting import receipt_for
from demo.road import main_road
from demo.sending import Act
from policies.loader import shipped
from store import tables
from store.authority import Authority
from store.committing import GroupCommitter, Outcome, T, Work
from store.database import open_database, reading, writing
from store.directory import save_directory
from store.ledger import Entry, Source
from store.migrating import migrate
from store.policies import publish_policy
from store.recording import Decision, States, record

BEGAN = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
"""When every road begins; a copy moves it."""
STEP = timedelta(hours=5)
"""From one act to the next: five a day of work, and the gates still open."""
CELL = Cell(0)
CHANGE = "CH-1"
TITLE, PROBLEM, SUGGESTION = "Title of the story", "Problem of the story.", "Suggestion of the story."
COPIED = (
    tables.change,
    tables.waiting,
    tables.part,
    tables.rollout_load,
    tables.campaign_place,
    tables.proposal_text,
    tables.concern,
)
"""The read model of a change."""
CAST = (CELL.lead, CELL.owner, CELL.team, f"process-{CELL.number}", *map(CELL.colleague, range(COLLEAGUES)))
"""References that a copy replaces, in the order of :func:`cast`."""
_MOMENT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|\+00:00)"
_WORDS = "|".join(map(re.escape, (*CAST, TITLE, PROBLEM, SUGGESTION)))
_SLOT = re.compile(rf"({_MOMENT}|\b\d{{4}}-\d\d-\d\d\b|\b{CHANGE}\b|{_WORDS})")


@dataclass(frozen=True)
class Slotted:
    """A text with slots: at every second place stands what is replaced."""

    parts: tuple[str, ...]

    @classmethod
    def of(cls, text: str) -> Slotted:
        """Find the slots of ``text``."""
        return cls(tuple(_SLOT.split(text)))

    def filled(self, words: Mapping[str, str], later: timedelta) -> str:
        """The text with other words and references, and every moment so much later."""
        parts = list(self.parts)
        for place in range(1, len(parts), 2):
            slot = parts[place]
            parts[place] = words.get(slot) or _moved(slot, later)
        return "".join(parts)


@lru_cache(maxsize=100_000)
def _moved(text: str, later: timedelta) -> str:
    if len(text) == len("2026-03-02"):
        return (date.fromisoformat(text) + later).isoformat()
    moment = datetime.fromisoformat(text.replace("Z", "+00:00")) + later
    return moment.isoformat().replace("+00:00", "Z")


@dataclass(frozen=True)
class Story:
    """What one road left: its records in order, and the rows of its read model."""

    name: str
    entries: tuple[Entry, ...]
    contents: tuple[Slotted, ...]
    """The content of each record."""
    rows: Mapping[Table, Sequence[Mapping[str, Any]]]
    last: timedelta
    """From its beginning to its latest record."""

    def entry(self, number: int, words: Mapping[str, str], later: timedelta, source: Source) -> Entry:
        """A copy of record ``number``."""
        made = self.entries[number]
        return replace(
            made,
            key=made.key.replace(CHANGE, words[CHANGE], 1),
            change=words[CHANGE],
            actor=words.get(made.actor, made.actor),
            on_behalf_of=words.get(made.on_behalf_of, made.on_behalf_of),
            occurred_at=made.occurred_at + later,
            content=self.contents[number].filled(words, later),
            source=source,
        )

    def rows_of(self, table: Table, words: Mapping[str, str], later: timedelta) -> Iterator[dict[str, Any]]:
        """A copy of the rows of ``table``."""
        for row in self.rows[table]:
            yield {name: _copied(value, words, later) for name, value in row.items()}


def _copied(value: Any, words: Mapping[str, str], later: timedelta) -> Any:
    if isinstance(value, Slotted):
        return value.filled(words, later)
    return value + later if isinstance(value, date) else value  # a datetime is a date


def cast(lead: str, owner: str, team: str, process: str, colleagues: Sequence[str]) -> dict[str, str]:
    """The references of a copy: who leads the team, who owns the process, and ``COLLEAGUES`` members of the team."""
    return dict(zip(CAST, (lead, owner, team, process, *colleagues), strict=True))


# ------------------------------------------------------------------------------------------------------- roads


def _roads() -> dict[str, Sequence[Act]]:
    """Every road by its name. Those that go on are cut off where somebody is waited for."""
    road = _main_road()
    proposer, lead, owner = CELL.colleague(0), CELL.lead, CELL.owner
    submitted, accepted = road[:1], [*road[:1], Act(lead, AcceptForTesting(note="Worth a try."))]
    declined = Decline(reason="The desk moves in summer.", way_forward="Bring it back when the new desk is up.")
    doubt = RaiseConcern(
        title="Who does the work at noon?",
        text="At noon one of us is alone at the desk, and the telephone rings.",
        code=ConcernCode.R07,
        would_settle="A second person at noon.",
    )
    colleagues = [CELL.colleague(number) for number in range(3, COLLEAGUES)]
    talk = [
        Act(colleagues[number % 3], AddComment(about="works", text=f"Day {number}: it goes well at our end."))
        for number in range(475)
    ]
    return {
        "proposed": submitted,
        "heard": [*submitted, Act(lead, SayBack(heard="People wait too long, and nobody knows why."))],
        "changes asked": [*submitted, Act(lead, AskForChanges(what="Say which customers you mean."))],
        "declined": [*submitted, Act(lead, SayBack(heard="The desk is too slow.")), Act(owner, declined)],
        "withdrawn": [*submitted, Act(proposer, Withdraw(reason="Somebody had the same idea."))],
        "accepted": accepted,
        "doubted": [*accepted, Act(colleagues[0], doubt), Act(lead, AskWhy(concern="C1", question="Every day?"))],
        "tests proposed": road[: _at(road, "endorse")],
        "tested": [*road[: _at(road, "sign_gate")], Act(colleagues[0], Follow())],
        "recruiting": road[: _at(road, "sign_coverage")],
        "rolling out": road[: _at(road, "complete_wave")],
        "learning": road[: _at(road, "record_effect")],
        "closed": road,
        "talked about": [*road[: _at(road, "close")], *talk, road[-1]],
    }


def _main_road() -> list[Act]:
    first, *others = main_road(cast_of(CELL), BEGAN)
    assert isinstance(first.command, Submit)
    words = first.command.having(title=TITLE, problem=PROBLEM, suggestion=SUGGESTION)
    return [Act(first.person, words), *others]


def _at(road: Sequence[Act], kind: str) -> int:
    return next(place for place, act in enumerate(road) if act.command.kind == kind)


# ------------------------------------------------------------------------------------------------------ walking


class _Noting(GroupCommitter):
    """Commits, and keeps the entries that went into the ledger."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.noted: list[Entry] = []

    def commit(self, work: Work[T]) -> T:
        def noting(connection: Any) -> Outcome[T]:
            outcome = work(connection)
            self.noted += outcome.entries
            return outcome

        return super().commit(noting)


def stories(folder: Path) -> dict[str, Story]:
    """Walk every road, each on a database of its own in ``folder``, and keep what it left."""
    empty = folder / "empty.db"
    _begin(empty)
    found = {}
    for name, road in _roads().items():
        own = folder / f"{name}.db"
        shutil.copyfile(empty, own)
        found[name] = _walked(own, name, road)
    return found


def _begin(path: Path) -> None:
    engine = open_database(f"sqlite:///{path}")
    migrate(engine)
    policy, policy_text = shipped()
    with writing(engine) as connection:
        save_directory(connection, organisation(2), BEGAN)
        publish_policy(connection, policy, policy_text, BEGAN)
    with engine.connect() as connection:
        connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
    engine.dispose()


def _walked(path: Path, name: str, road: Sequence[Act]) -> Story:
    engine = open_database(f"sqlite:///{path}")
    committer, authority, states = _Noting(engine), Authority(), States()
    state, now = None, BEGAN
    for number, act in enumerate(road):
        state = _performed(engine, committer, authority, states, state, act, f"{name}/{number}", now)
        now += STEP if number < 40 else timedelta(minutes=11)
    found = _story(engine, name, committer.noted)
    engine.dispose()
    return found


def _performed(
    engine: Engine,
    committer: GroupCommitter,
    authority: Authority,
    states: States,
    state: Change | None,
    act: Act,
    key: str,
    now: datetime,
) -> Change | None:
    with reading(engine) as connection:
        subject = subject_of(state, act.command, act.person, now)
        facts = authority.look_up(connection, subject, act.person, now, CHANGE).facts
    assert facts is not None
    events = decide(state, act.command, facts, now)
    if isinstance(events, Refused):
        raise SystemExit(f"{act.person} was refused {act.command.kind}: {events.detail}")
    after = evolve_all(state, events, CHANGE)
    decision = Decision(
        change=CHANGE,
        key=key,
        fingerprint=act.command.fingerprint(),
        command=act.command.kind,
        actor=act.person,
        via="page",
        at=now,
        version=state.version if state else 0,
        events=events,
        receipt=receipt_for(after, events) if after else None,
    )
    record(engine, decision, Source(), now, states, committer)
    return after


def _story(engine: Engine, name: str, entries: Sequence[Entry]) -> Story:
    with reading(engine) as connection:
        rows = {
            table: [_slotted(dict(row)) for row in connection.execute(select(table)).mappings()] for table in COPIED
        }
    return Story(
        name=name,
        entries=tuple(entries),
        contents=tuple(Slotted.of(entry.content) for entry in entries),
        rows=rows,
        last=max(entry.occurred_at for entry in entries) - BEGAN,
    )


def _slotted(row: dict[str, Any]) -> dict[str, Any]:
    return {name: Slotted.of(value) if isinstance(value, str) else value for name, value in row.items()}
