"""A sender without HTTP and Temporal: looks up, decides and records in this process, as the workflow does."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy import Engine

from changes.commands import Command
from changes.decision import decide, evolve_all, refuse_unknown, subject_of
from changes.instruction import Receipt
from changes.refusals import Refused
from changes.state import Change
from changes.waiting import summary
from store.authority import Authority
from store.database import reading, writing
from store.ledger import Source
from store.numbers import reserve_reference
from store.reading import change_state
from store.recording import Decision, applied, record


class NotAllowed(Exception):
    """A rule refused a command; the test wanted it to be allowed."""

    def __init__(self, person: str, command: Command, refused: Refused) -> None:
        super().__init__(f"{person} may not {command.kind}: {refused.rule}: {refused.detail}")
        self.refused = refused


@dataclass
class DirectSender:
    """Applies commands to one database."""

    engine: Engine
    authority: Authority = field(default_factory=Authority)
    applied: int = 0
    """How many commands were decided, repeated keys left out."""

    async def send(self, person: str, command: Command, change: str | None, key: str) -> Receipt:
        """Decide and record ``command``.

        Raises:
            NotAllowed: a rule refuses it.
        """
        now = datetime.now(UTC)
        with writing(self.engine) as connection:
            ref = change or reserve_reference(connection, person, key, now)
        with reading(self.engine) as connection:
            known = applied(connection, ref, key)
            before = change_state(connection, ref)
            found = self.authority.look_up(connection, subject_of(before, command, person, now), person, now, ref)
        if known and known.receipt:
            assert known.fingerprint == command.fingerprint(), f"{key} was used for another command"
            return known.receipt
        refused = refuse_unknown(command, found.unknown) if found.facts is None else None
        assert found.facts is not None, refused
        decision = decide(before, command, found.facts, now)
        if isinstance(decision, Refused):
            raise NotAllowed(person, command, decision)
        after = evolve_all(before, decision, ref)
        assert after is not None
        receipt = _receipt(after, tuple(event.kind for event in decision))
        made = Decision.model_construct(
            change=ref,
            key=key,
            fingerprint=command.fingerprint(),
            command=command.kind,
            actor=person,
            via="api",
            at=now,
            before=before,
            after=after,
            events=decision,
            refused=None,
            receipt=receipt,
        )
        record(self.engine, made, Source(), now)
        self.applied += 1
        return receipt


def _receipt(change: Change, happened: tuple[str, ...]) -> Receipt:
    return Receipt(
        change=change.ref,
        version=change.version,
        stage=change.stage,
        phase=change.phase,
        outcome=change.closing.outcome if change.closing else "",
        happened=happened,
        summary=summary(change),
    )
