"""Sealing: a signed checkpoint of the log, kept in the database and outside of it, and cosigned by witnesses.

Before anything is signed the records since the last checkpoint are hashed again from their stored bytes, because one
flipped bit that was signed cannot be taken back; and the copies outside are compared, because a log must never sign a
fork (reference/ledger.md 6.8). A database that is smaller than its last checkpoint outside, or another one, is stopped:
nothing is appended until a person has looked at it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

import structlog
from sqlalchemy import Connection, Engine, Select, insert, select

from ledger.checkpoint import Checkpoint, read_checkpoint, sign_checkpoint
from ledger.merkle import EMPTY_ROOT, CompactRange, leaf_hash
from ledger.note import Note, NoteError, NoteSignature, Signer, parse_note
from ledger.proofs import consistency_proof, root_at
from ledger.tiles import NoSuchTile
from store import tables
from store.as_stored import number, octets, rows_of, words
from store.database import adding, reading
from store.outside import Asked, ask_outside
from store.sinks import Sink, SinkUnusable
from store.stopping import let_stand, stop, stopped_because
from store.tiles import stored_reader
from store.witnesses import Witness, WitnessDisagrees, WitnessKnowsMore, WitnessRefused

CHUNK = 2_000
"""Records that are read at a time."""

SEE = "Nothing is added to it. See: groundswell audit restore-status"
RESTORED = f"this database was restored from an older backup, or its end was cut off. {SEE}"

log = structlog.get_logger()


class LedgerDamaged(Exception):
    """The stored records do not fit what was signed or kept about them; the message says how. Nothing was signed."""


class CopiesMissing(LedgerDamaged):
    """A place outside has less than it once took, and no other has as much, so that nobody can say whether the end of
    the log is still there. Nothing is signed and no program starts on it; those that run go on adding."""


class RecordsAltered(LedgerDamaged):
    """What was to be signed as evidence is not what was recorded; the message says what. No evidence is made of it."""


class Head(NamedTuple):
    """The tree as the database has it."""

    size: int
    root: bytes


@dataclass(frozen=True)
class Sealed:
    """What a sealing did."""

    size: int
    note: str
    new: bool
    """Whether a checkpoint was made; there was nothing new otherwise."""
    kept: tuple[str, ...] = ()
    """The sinks that hold it."""
    cosigned: tuple[str, ...] = ()
    """The witnesses that vouch for it."""
    problems: tuple[str, ...] = ()
    """Sinks and witnesses that did not, in sentences."""


@dataclass(frozen=True)
class Sealer:
    """Seals one log. ``signers`` are given the log's name, which is theirs too; the first key is the log's own, a
    second one signs too while a key is being replaced."""

    engine: Engine
    signers: Callable[[str], Sequence[Signer]]
    sinks: Sequence[Sink] = ()
    witnesses: Sequence[Witness] = ()
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def seal(self) -> Sealed | None:
        """Make a checkpoint of what is there, if it is new, and hand it to whoever lacks it. None for an empty log.

        Raises:
            LedgerDamaged: the records do not fit what was signed or kept before; the log is stopped.
        """
        with compared(self.engine, self.sinks) as (connection, asked, head):
            if head.size == 0:
                return None
            last = latest_checkpoint(connection)
            if last and last.size == head.size:
                _require_signed(last, head.root)
                note, new = last.note, False
            else:
                check_new_records(connection, head, last)
                note, new = (
                    str(sign_checkpoint(Checkpoint(asked.origin, head.size, head.root), self.signers(asked.origin))),
                    True,
                )
        # The witnesses before anything is stored: one that knows more keeps a second history from being signed.
        cosigned = self._cosigned(head.size, note)
        if new:
            self._store(head.size, note)
        sealed = self._hand_out(head.size, new, asked, cosigned)
        let_stand(self.engine, sealed.problems)
        return sealed

    def _store(self, size: int, note: str) -> None:
        key_id = parse_note(note).signatures[0].key_id.hex()
        table = tables.ledger_checkpoint
        with adding(self.engine) as connection:
            known = select(table.c.size).where(table.c.size == size, table.c.key_id == key_id)
            if connection.execute(known).first() is None:  # another process may have been first
                made = {"size": size, "key_id": key_id, "note": note, "made_at": self.clock()}
                connection.execute(insert(table), made)

    def _cosigned(self, size: int, note: str) -> _Cosigned:
        """The note with the lines of the witnesses.

        Raises:
            LedgerDamaged: one of them knows more than there is, or something else; the log is stopped.
        """
        with reading(self.engine) as connection:
            holders = {row.witness: row.note for row in connection.execute(_holders_at(size))}
        found = _Cosigned(parse_note(note), holders)
        for witness in self.witnesses:
            name = witness.key.name
            if name in holders:
                found.note = _with_lines_of(found.note, holders[name], witness)
                found.by.append(name)
                continue
            with reading(self.engine) as connection:
                seen = _last_seen(connection, name)
            if seen > size:  # another process was faster, and it has that one
                continue
            try:
                found.note = found.note.with_signatures(ask_witness(self.engine, witness, note, size, seen))
            except WitnessKnowsMore:
                continue
            except WitnessRefused as error:
                found.problems.append(str(error))
                continue
            found.by.append(name)
            found.fresh[name] = str(found.note)
        return found

    def _hand_out(self, size: int, new: bool, asked: Asked, cosigned: _Cosigned) -> Sealed:
        problems, lacking = asked.problems + cosigned.problems, {one.place for one in asked.lacking}
        holders, made, vouching, kept = cosigned.holders, cosigned.note, cosigned.fresh, []
        for sink in self.sinks:
            if sink.name in lacking:
                continue
            if sink.name in holders and not vouching:
                kept.append(sink.name)
                continue
            try:
                sink.keep(asked.origin, size, str(made))
            except SinkUnusable as error:
                problems.append(str(error))
                continue
            kept.append(sink.name)
            if sink.name not in holders:
                vouching[sink.name] = str(made)
        self._write_down(size, vouching)
        for problem in problems:
            log.warning("a checkpoint was not taken", problem=problem, size=size)
        return Sealed(size, str(made), new, tuple(kept), tuple(cosigned.by), tuple(problems))

    def _write_down(self, size: int, vouching: dict[str, str]) -> None:
        if not vouching:
            return
        now = self.clock()
        rows = [{"size": size, "witness": who, "note": note, "received_at": now} for who, note in vouching.items()]
        table = tables.ledger_witness
        with adding(self.engine) as connection:
            there = set(connection.execute(select(table.c.witness).where(table.c.size == size)).scalars())
            if fresh := [row for row in rows if row["witness"] not in there]:
                connection.execute(insert(table), fresh)


@dataclass
class _Cosigned:
    """A checkpoint with the lines of the witnesses that it has."""

    note: Note
    holders: Mapping[str, str]
    """Who outside vouched for it before, and the note as it was then."""
    by: list[str] = field(default_factory=list)
    fresh: dict[str, str] = field(default_factory=dict)
    """Who vouched for it just now, likewise."""
    problems: list[str] = field(default_factory=list)


def ask_witness(engine: Engine, witness: Witness, note: str, size: int, seen: int) -> NoteSignature:
    """The witness's line for the checkpoint of ``size``; it is thought to know the log at ``seen``.

    Raises:
        LedgerDamaged: it knows more than there is, or a log that this one did not grow out of; the log is stopped.
        WitnessKnowsMore: another process got a larger checkpoint cosigned meanwhile.
        WitnessRefused: it does not answer, or not as it should.
    """

    def prove(old_size: int) -> Sequence[bytes]:
        with reading(engine) as connection:
            return consistency_proof(stored_reader(connection, size), old_size, size)

    try:
        return witness.cosign(note, seen, prove)
    except WitnessKnowsMore as error:
        with reading(engine) as connection:
            here = head_of(connection).size
        if error.size <= here:
            raise
        reason = f"The ledger has {here:,} records, but {witness.key.name} has cosigned {error.size:,}: {RESTORED}"
    except WitnessDisagrees as error:
        reason = f"{error}: the records were altered, or this database is another one. {SEE}"
    stop(engine, reason)
    raise LedgerDamaged(reason)


def _last_seen(connection: Connection, witness: str) -> int:
    table = tables.ledger_witness
    query = select(table.c.size).where(table.c.witness == witness).order_by(table.c.size.desc()).limit(1)
    return connection.execute(query).scalar() or 0


class KeptCheckpoint(NamedTuple):
    """A checkpoint in the database."""

    size: int
    note: str
    made_at: datetime


class Vouched(NamedTuple):
    """The latest checkpoint that somebody outside holds or cosigned."""

    size: int
    by: str
    at: datetime


def latest_checkpoint(connection: Connection) -> KeptCheckpoint | None:
    """The checkpoint of the largest size in the database."""
    table = tables.ledger_checkpoint
    query = select(table.c.size, table.c.note, table.c.made_at).order_by(table.c.size.desc()).limit(1)
    row = next(iter(rows_of(connection, query)), None)
    return KeptCheckpoint(number(row.size), words(row.note), row.made_at) if row else None


def latest_vouched(connection: Connection) -> Vouched | None:
    """Who outside vouched last, and when: what is newer could be lost unseen."""
    table = tables.ledger_witness
    query = select(table.c.size, table.c.witness, table.c.received_at)
    row = connection.execute(query.order_by(table.c.size.desc(), table.c.received_at).limit(1)).first()
    return Vouched(*row) if row else None


def head_of(connection: Connection) -> Head:
    """The newest state of the tree."""
    table = tables.ledger_head
    row = connection.execute(select(table.c.size, table.c.root).order_by(table.c.size.desc()).limit(1)).first()
    return Head(row.size, octets(row.root)) if row else Head(0, EMPTY_ROOT)


class Compared(NamedTuple):
    """A moment of the database, which fits what is held outside."""

    connection: Connection
    asked: Asked
    head: Head


@contextmanager
def compared(engine: Engine, sinks: Sequence[Sink]) -> Iterator[Compared]:
    """The database as it is, compared with what is held outside: the way of everything that needs it to be whole.

    Raises:
        LedgerDamaged: it is smaller than a checkpoint outside, or another one, or was found damaged inside the block;
            the log is stopped. Or it is stopped already.
        CopiesMissing: that cannot be said, because a place lost what it had; see there.
    """
    asked = ask_outside(engine, sinks)
    stopped: str | None = None
    try:
        with reading(engine) as connection:
            stopped, head = stopped_because(connection), head_of(connection)
            if stopped:
                raise LedgerDamaged(stopped)
            check_outside(connection, head, asked)
            yield Compared(connection, asked, head)
    except CopiesMissing as error:
        let_stand(engine, [str(error)])
        raise
    except LedgerDamaged as error:
        if not stopped:
            stop(engine, str(error))
        raise


def check_outside(connection: Connection, head: Head, asked: Asked) -> None:
    """Compare the database with the largest checkpoint of each place; they were asked before ``head`` was read.

    Raises:
        LedgerDamaged: the database is smaller than one of them, or another one.
        CopiesMissing: one has less than it once took, and no other has as much.
    """
    for one in asked.answers:
        if one.kept is not None:
            _compare(connection, head, one.kept, one.place)
    for one in asked.lacking:
        if one.taken > asked.vouched:
            raise CopiesMissing(
                f"{one.in_words()} Nothing is signed until it has them again: without them nobody sees whether the end "
                "of the ledger was lost. If they are gone for good, two people can accept that. "
                "See: groundswell audit restore-status"
            )


def _compare(connection: Connection, head: Head, kept: Checkpoint, where: str) -> None:
    if kept.size > head.size:
        raise LedgerDamaged(
            f"The ledger has {head.size:,} records, but the checkpoint in {where} counts {kept.size:,}: {RESTORED}"
        )
    try:
        root = root_at(stored_reader(connection, head.size), kept.size)
    except NoSuchTile as error:
        raise LedgerDamaged(
            f"The ledger cannot be compared with the checkpoint in {where}: {error}. "
            "See: groundswell audit restore-status"
        ) from error
    if root != kept.root:
        raise LedgerDamaged(
            f"The first {kept.size:,} records are not those of the checkpoint in {where}: they were altered, "
            "or this database is another one. Nothing is added to it. See: groundswell audit verify"
        )


def check_new_records(connection: Connection, head: Head, last: KeptCheckpoint | None) -> None:
    """Hash the records since the last checkpoint again, from their bytes, and compare with the tree that was kept.

    Raises:
        LedgerDamaged: they do not fit.
    """
    tree = _tree_at(connection, last)
    table = tables.ledger_record
    while tree.size < head.size:
        end = min(tree.size + CHUNK, head.size)
        query = select(table.c.seq, table.c.body, table.c.leaf_hash).where(table.c.seq.between(tree.size, end - 1))
        for row in rows_of(connection, query.order_by(table.c.seq)):
            leaf = leaf_hash(octets(row.body))
            if row.seq != tree.size or leaf != octets(row.leaf_hash):
                raise LedgerDamaged(f"Record {tree.size} is missing, or its bytes are not those that were recorded.")
            tree.append(leaf)
        if tree.size != end:
            raise LedgerDamaged(f"Record {tree.size} is missing.")
    if tree.root() != head.root:
        raise LedgerDamaged(f"The records up to {head.size:,} do not make the tree that was kept with them.")


def _tree_at(connection: Connection, last: KeptCheckpoint | None) -> CompactRange:
    """The tree at the last checkpoint, as that states its root."""
    if last is None:
        return CompactRange()
    table = tables.ledger_head
    row = connection.execute(select(table.c.frontier).where(table.c.size == last.size)).first()
    try:
        tree = CompactRange.from_bytes(last.size, octets(row.frontier)) if row else CompactRange()
    except ValueError:  # not the frontier of that size, nor of any
        tree = CompactRange()
    _require_signed(last, tree.root())
    return tree


def _require_signed(last: KeptCheckpoint, root: bytes) -> None:
    """The last checkpoint is about the tree with ``root``."""
    try:
        stated, _ = read_checkpoint(last.note)
    except NoteError as error:
        message = f"The checkpoint of size {last.size:,} in the database cannot be read: {error}."
        raise LedgerDamaged(f"{message} See: groundswell audit verify") from error
    if (stated.size, stated.root) != (last.size, root):
        raise LedgerDamaged(f"The tree of size {last.size:,} is not the one that was signed.")


def require_whole(engine: Engine, sinks: Sequence[Sink], witnesses: Sequence[Witness] = ()) -> None:
    """Refuse to begin on a database that does not fit its checkpoints outside. A witness shows what it knows only when
    it is given a checkpoint: it gets the latest, which it mostly knows.

    Raises:
        LedgerDamaged: it does not; the log is stopped.
        CopiesMissing: that cannot be said.
    """
    with compared(engine, sinks) as (connection, asked, _head):
        last = latest_checkpoint(connection)
        seen = {witness.key.name: _last_seen(connection, witness.key.name) for witness in witnesses}
    problems = asked.problems
    for witness in witnesses if last else ():
        assert last is not None  # noqa: S101
        try:
            ask_witness(engine, witness, last.note, last.size, min(seen[witness.key.name], last.size))
        except WitnessKnowsMore:  # somebody sealed meanwhile
            continue
        except WitnessRefused as error:
            problems.append(str(error))
    for problem in problems:
        log.warning("a place for checkpoints or a witness is not as it should be", problem=problem)
    if problems:
        let_stand(engine, problems)


def _holders_at(size: int) -> Select[Any]:
    table = tables.ledger_witness
    return select(table.c.witness, table.c.note).where(table.c.size == size)


def _with_lines_of(note: Note, held: str, witness: Witness) -> Note:
    try:
        lines = [line for line in parse_note(held).signatures if line.is_by(witness.key)]
    except NoteError:  # altered in the database; the witness has it, and a verification names this row
        return note
    return note.with_signatures(*lines)
