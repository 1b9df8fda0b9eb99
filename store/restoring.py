"""A database behind its checkpoints outside: recognised, explained, and accepted by two people with a reason."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, Engine

from ledger.checkpoint import Checkpoint, read_checkpoint
from ledger.note import NoteError
from ledger.proofs import root_at
from ledger.tiles import NoSuchTile
from store.checkpoints import Head, head_of
from store.database import adding, reading
from store.directory import load_directory
from store.ledger import Entry, append_many, origin_of
from store.outside import Answer, ask_outside
from store.sinks import Sink, SinkUnusable
from store.stopping import RESTORED, go_on, stopped_because
from store.tiles import stored_reader


class NotAccepted(ValueError):
    """Something is missing for accepting what happened; the message says what."""


LOST = (
    "These hashes follow from the records, and are made again, if the records are those that were signed, by: "
    "groundswell audit rebuild-tiles"
)


class Outside(NamedTuple):
    """What a place outside says: its largest checkpoint, and the largest that this database agrees with."""

    place: str
    largest: int
    agreed: int
    keep_up_to: int
    """What is larger has to be put aside before the ledger can go on: :attr:`agreed`; where a place shows its largest
    only, the size of this database."""


class RestoreState(NamedTuple):
    """How the database stands to its checkpoints outside."""

    size: int
    stopped: str
    outside: tuple[Outside, ...]
    problems: tuple[str, ...]
    lacking: tuple[str, ...] = ()
    """Places that have less than they once took, in sentences."""
    tiles_lost: str = ""
    """Which of the hashes that proofs are made from is lost, if one is."""

    @property
    def whole(self) -> bool:
        """Whether nothing is missing and nothing differs, here and outside."""
        if self.stopped or self.lacking or self.tiles_lost:
            return False
        return all(one.agreed == one.largest for one in self.outside)

    def in_words(self) -> list[str]:
        """The state in sentences."""
        lines = [f"The ledger has {self.size:,} records."]
        if self.tiles_lost:
            lines.append(f"It cannot be compared with what is held outside: {self.tiles_lost}. {LOST}")
        for one in self.outside:
            if one.agreed == one.largest:
                lines.append(f"It fits the latest checkpoint in {one.place}, of size {one.largest:,}.")
            else:
                lines.append(
                    f"It does not fit the latest checkpoint in {one.place}, which counts {one.largest:,} records: "
                    f"{max(one.largest - self.size, 0):,} are missing here. The largest one it fits is of size "
                    f"{one.agreed:,}; from there on it has to be witnessed again."
                )
        if not self.outside and not self.tiles_lost:
            lines.append("No checkpoint is held outside. Whether records are missing at its end cannot be said.")
        lines += [
            f"{one} When it has them again, all goes on by itself. If they are gone for good, take the place out of "
            "the settings, or accept it (--accept): what it had then counts as lost, on record."
            for one in self.lacking
        ]
        if self.stopped:
            lines.append(f"Nothing is recorded now: {self.stopped}")
        return [*lines, *self.problems]


def restore_state(engine: Engine, sinks: Sequence[Sink]) -> RestoreState:
    """Compare the database with everything that is held outside."""
    asked = ask_outside(engine, sinks)
    with reading(engine) as connection:
        head = head_of(connection)
        outside: list[Outside] = []
        lost = ""
        problems = [one.problem for one in asked.answers if one.problem]
        for one in asked.answers:
            sizes: list[tuple[int, bool]] = []
            try:
                for stated in _from_the_largest(one, problems):  # and no more of them than it takes
                    sizes.append((stated.size, _agrees(connection, head, stated)))
                    if sizes[-1][1]:
                        break
            except SinkUnusable as error:
                problems.append(str(error))
                continue
            except NoSuchTile as error:
                lost = str(error)
                continue
            if sizes:
                agreed = max((size for size, agrees in sizes if agrees), default=0)
                beyond = all(size > head.size for size, _ in sizes)
                keep = agreed or (head.size if beyond else 0)
                outside.append(Outside(one.place, max(size for size, _ in sizes), agreed, keep))
        stopped, lacking = stopped_because(connection) or "", tuple(one.in_words() for one in asked.lacking)
        return RestoreState(head.size, stopped, tuple(outside), tuple(problems), lacking, lost)


def _from_the_largest(answer: Answer, problems: list[str]) -> Iterator[Checkpoint]:
    if answer.kept is not None:
        yield answer.kept
    for note in answer.older:
        try:
            yield read_checkpoint(note)[0]
        except NoteError as error:
            problems.append(f"A checkpoint in {answer.place} cannot be read: {error}")


def _agrees(connection: Connection, head: Head, stated: Checkpoint) -> bool:
    return stated.size <= head.size and root_at(stored_reader(connection, head.size), stated.size) == stated.root


class Accepted(NamedTuple):
    """What accepting did."""

    put_aside: tuple[str, ...]
    """Where the checkpoints lie now that this database does not fit: none of them is deleted."""
    left: tuple[str, ...]
    """Places where they still are, in sentences that say why; each start stops the ledger until they are put aside."""


def accept_restore(
    engine: Engine, sinks: Sequence[Sink], reason: str, by: str, confirmed_by: str, now: datetime
) -> Accepted:
    """Go on with the database as it is, on record: what was lost, why that is accepted, and by which two people.

    The checkpoints outside that it does not fit are put aside where that can be done, never deleted, and where they
    went is on record too: whoever wants to know later what was lost finds it signed.

    Raises:
        NotAccepted: no reason is given, or it is not two different people of the directory.
    """
    state = restore_state(engine, sinks)
    if state.tiles_lost:
        raise NotAccepted(f"{state.tiles_lost[:1].upper()}{state.tiles_lost[1:]}. {LOST}")
    with reading(engine) as connection:
        origin = origin_of(connection)
        require_two_people(connection, reason, by, confirmed_by)
    lost = max((one.largest for one in state.outside), default=state.size)
    restored = Entry.about_the_ledger(
        f"restored/{state.size}/{now:%Y%m%dT%H%M%S}",
        RESTORED,
        by,
        now,
        content={
            "reason": reason.strip(),
            "confirmed_by": confirmed_by,
            "outside": [one._asdict() for one in state.outside],
            "lacking": list(state.lacking),
            "stopped": state.stopped,
        },
        facts={"size_here": state.size, "size_outside": lost, "agreed_size": _agreed(state)},
    )
    _go_on_with(engine, restored, now)
    accepted = _put_aside(origin, state, sinks, now)
    if accepted.put_aside:
        aside = Entry.about_the_ledger(
            f"put-aside/{state.size}/{now:%Y%m%dT%H%M%S}",
            "checkpoints_put_aside",
            by,
            now,
            content={"places": accepted.put_aside, "left": accepted.left},
            facts={"count": len(accepted.put_aside), "larger_than": _agreed(state)},
        )
        _go_on_with(engine, aside, now)
    return accepted


def _go_on_with(engine: Engine, entry: Entry, now: datetime) -> None:
    """Record, and let the ledger go on: a program that runs may have stopped it again a moment ago."""
    with adding(engine) as connection:
        go_on(connection)
        append_many(connection, [entry], now)


def _put_aside(origin: str, state: RestoreState, sinks: Sequence[Sink], now: datetime) -> Accepted:
    keep_up_to = {one.place: one.keep_up_to for one in state.outside if one.agreed != one.largest}
    moved: list[str] = []
    left: list[str] = []
    for sink in sinks:
        if sink.name not in keep_up_to:
            continue
        try:
            moved += sink.put_aside(origin, keep_up_to[sink.name], now)
        except SinkUnusable as error:
            left.append(str(error))
    return Accepted(tuple(moved), tuple(left))


def _agreed(state: RestoreState) -> int:
    return min((one.agreed for one in state.outside), default=state.size)


def require_two_people(connection: Connection, reason: str, by: str, confirmed_by: str) -> None:
    """An administrator's intervention needs a reason and a second person (lifecycle.md).

    Raises:
        NotAccepted: saying what is missing.
    """
    if not reason.strip():
        raise NotAccepted("Give a reason with --reason; it stays on record.")
    if not by or not confirmed_by or by == confirmed_by:
        raise NotAccepted("Two different people are needed: --by and --confirmed-by.")
    people = load_directory(connection).people
    for ref in (by, confirmed_by):
        if ref not in people or not people[ref].active:
            raise NotAccepted(f"The directory knows nobody called {ref} who is active.")
