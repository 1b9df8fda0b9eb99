"""Takes decisions on real databases as a change's workflow does, without Temporal: look up, decide, record."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from sqlalchemy import Engine, select

from changes.commands import Command
from changes.decision import decide, evolve_all, subject_of
from changes.facts import SYSTEM, Facts
from changes.instruction import Receipt
from changes.refusals import Refused
from changes.state import Change
from changes.testing import ProposeTests
from changes.waiting import receipt_for
from store import tables
from store.authority import Authority
from store.database import reading
from store.ledger import Source
from store.reading import change_state
from store.recording import Decision, Recorded, States, record
from tests.support.examples import the_tests

MONDAY = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
"""A quiet morning on which most stories begin."""
SOURCE = Source(namespace="tests", workflow_id="change", run_id="first", update_id="u1")
WRITTEN_BY_A_DECISION = (
    tables.ledger_record,
    tables.ledger_head,
    tables.ledger_private,
    tables.ledger_person,
    tables.ledger_tile,
    tables.change,
    tables.waiting,
    tables.part,
    tables.rollout_load,
    tables.campaign_place,
    tables.applied_command,
    tables.outbox,
)
_counter = itertools.count(1)


@dataclass
class Desk:
    """One change on one database. Time stands still at ``now`` until a test moves it."""

    engine: Engine
    change: str = "CH-1"
    now: datetime = MONDAY
    state: Change | None = None
    authority: Authority = field(default_factory=Authority)
    states: States = field(default_factory=States)

    def facts(self, actor: str, command: Command | None = None) -> Facts:
        """What the look-up brings for ``actor`` now; everybody and everything named must be known."""
        subject = subject_of(self.state, command, actor, self.now)
        with reading(self.engine) as connection:
            found = self.authority.look_up(connection, subject, actor, self.now, self.change)
        assert found.facts is not None, found.unknown
        return found.facts

    def decision(self, actor: str, command: Command, key: str | None = None) -> Decision:
        """What is decided about ``command``, not yet recorded."""
        decided = decide(self.state, command, self.facts(actor, command), self.now)
        refused, events = (decided, ()) if isinstance(decided, Refused) else (None, decided)
        after = evolve_all(self.state, events, self.change)
        return Decision(
            change=self.change,
            key=key or f"{actor}/key-{next(_counter)}",  # as web.commanding makes them
            fingerprint=command.fingerprint(),
            command=command.kind,
            actor=actor,
            via="groundswell" if actor == SYSTEM else "api",
            at=self.now,
            version=self.state.version if self.state else 0,
            events=events,
            refused=refused,
            receipt=receipt_for(after, events) if after and not refused else None,
        )

    def record(self, decision: Decision) -> Recorded:
        """Record ``decision`` and go on from what it left."""
        source = replace(SOURCE, update_id=decision.key)
        recorded = record(self.engine, decision, source, self.now, self.states)
        if not recorded.repeated:
            self.state = evolve_all(self.state, decision.events, self.change)
        return recorded

    def give(self, actor: str, command: Command, key: str | None = None) -> Receipt:
        """Give ``command``; it must not be refused."""
        answer = self.record(self.decision(actor, command, key)).applied
        assert answer.receipt is not None, f"{actor} was refused {command.kind}: {answer.refused}"
        return answer.receipt

    def refused(self, actor: str, command: Command, key: str | None = None) -> Refused:
        """Give ``command``; it must be refused."""
        answer = self.record(self.decision(actor, command, key)).applied
        assert answer.refused is not None, f"{actor} was not refused {command.kind}"
        return answer.refused

    def walk(self, acts: Iterable[tuple[str, Command]]) -> Desk:
        """Give several commands in order; tests that are proposed begin on the desk's own day."""
        for actor, command in acts:
            self.give(actor, the_tests(self.now) if isinstance(command, ProposeTests) else command)
        return self

    def stored(self) -> Change:
        """The change as the read model has it."""
        with reading(self.engine) as connection:
            state = change_state(connection, self.change)
        assert state is not None, f"{self.change} is not stored"
        return state


def everything_written(engine: Engine) -> dict[str, list[tuple[object, ...]]]:
    """All rows of the tables that a decision writes to, to see that nothing at all has changed."""
    with reading(engine) as connection:
        return {
            table.name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
            for table in WRITTEN_BY_A_DECISION
        }
