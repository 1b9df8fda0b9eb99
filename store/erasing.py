"""Erasing a person: their words and who they are go, the ledger still verifies (lifecycle.md, rules that always hold).

What is erased: the private values of every record by the person or naming them, the row that says which number they
had, their row in the directory, the index of words, letters about the changes concerned. What stays: the records with
their commitments, and of each event a redacted form outside the ledger, in which their words are gone and their
reference is a pseudonym, so that the changes they had a part in can be read and rebuilt. The erasure is a record
itself and says which values went, never whose. Backups, Temporal's histories and exports are not reached;
docs/ledger.md says what to do about them.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from sqlalchemy import Connection, Engine, and_, delete, insert, or_, select, text, update

from changes.commands import COMMANDS
from changes.decision import evolve_all
from changes.events import event_from
from changes.values import TEXT_LENGTH
from store import tables
from store.database import adding
from store.directory import load_directory
from store.ledger import LABEL, Entry, append_many, number_of
from store.recording import event_texts, write_read_model
from store.restoring import NotAccepted, require_two_people
from store.searching import rebuild

ERASED = "[erased]"
"""What stands where words were."""
IN_ONE_RECORD = 1_000
"""Erased values named in one record; a body must not grow beyond its limit."""
ONE_LINE = frozenset({"title", "summary", "name"})
"""Fields of one line in which people write what they like. Names of waves and measures are among what rules compare."""


class Erased(NamedTuple):
    """What an erasure did."""

    values: int
    changes: tuple[str, ...]
    pseudonym: str


def erase_person(engine: Engine, person: str, reason: str, by: str, confirmed_by: str, now: datetime) -> Erased:
    """Erase ``person``, who must not be active any more.

    Raises:
        store.restoring.NotAccepted: the person is active, no reason is given, or it is not two other people.
    """
    with adding(engine) as connection:
        require_two_people(connection, reason, by, confirmed_by)
        if person in (by, confirmed_by):
            raise NotAccepted("Two other people are needed; nobody erases themselves.")
        known = load_directory(connection).people.get(person)
        if known is not None and known.active:
            raise NotAccepted(f"{person} is still active. Take them out of the directory first.")
        pseudonym = f"erased-{secrets.token_hex(6)}"
        found = _values_about(connection, person)
        if not found:
            raise NotAccepted(f"Nothing is recorded by or about anybody called {person}.")
        changes = tuple(dict.fromkeys(row.change for row in found if row.change))
        mine = {number_of(connection, person), person}
        _redact(connection, found, person, pseudonym, mine)
        _forget(connection, person, changes)
        _record(connection, [row.seq for row in found], reason, by, confirmed_by, now)
        for change in changes:
            _rebuild(connection, change)
        rebuild(connection)
    _sweep(engine)
    return Erased(len(found), changes, pseudonym)


def _values_about(connection: Connection, person: str) -> Sequence[Any]:
    """The private values of records by ``person`` or naming them, oldest first."""
    records, private = tables.ledger_record, tables.ledger_private
    quoted = json.dumps(person)
    query = (
        select(records.c.seq, records.c.change, records.c.outcome, records.c.actor, private.c.value)
        .join(private, private.c.seq == records.c.seq)
        .where(private.c.label == LABEL)
        .where(
            or_(
                private.c.subject_ref.in_((number_of(connection, person), person)),
                private.c.value.contains(quoted, autoescape=True),
            )
        )
    )
    return connection.execute(query.order_by(records.c.seq)).all()


def _redact(connection: Connection, found: Sequence[Any], person: str, pseudonym: str, mine: set[str]) -> None:
    kept, private = tables.redacted_event, tables.ledger_private
    for row in found:
        content = redacted(json.loads(row.value), person, pseudonym, words=row.actor in mine)
        connection.execute(delete(kept).where(kept.c.seq == row.seq))
        value = json.dumps(content, ensure_ascii=False, sort_keys=True)
        connection.execute(insert(kept).values(seq=row.seq, value=value))
        connection.execute(delete(private).where(private.c.seq == row.seq, private.c.label == LABEL))


def redacted(content: Any, person: str, pseudonym: str, words: bool, field: str = "") -> Any:
    """``content`` with the person's reference replaced, and with ``words`` everything they may have written freely."""
    if isinstance(content, dict):
        return {
            pseudonym if name == person else name: redacted(part, person, pseudonym, words, name)
            for name, part in content.items()
        }
    if isinstance(content, list):
        return [redacted(part, person, pseudonym, words, field) for part in content]
    if not isinstance(content, str):
        return content
    if content == person:
        return pseudonym
    return ERASED if words and content and field in FREE_TEXT else content


def _forget(connection: Connection, person: str, changes: Sequence[str]) -> None:
    for table, column in ((tables.ledger_person, "person"), (tables.person, "ref"), (tables.waiting, "person")):
        connection.execute(delete(table).where(table.c[column] == person))
    outbox = tables.outbox
    telling = outbox.c.notice.contains(json.dumps(person), autoescape=True)
    done = and_(outbox.c.change.in_(changes), outbox.c.finished_at.is_not(None))
    connection.execute(delete(outbox).where(or_(outbox.c.recipient == person, telling, done)))
    for table, column in ((tables.change_number, "reserved_for"), (tables.applied_command, "key")):
        chosen = table.c[column]
        own = select(*table.primary_key, chosen).where(chosen.startswith(f"{person}/", autoescape=True))
        for row in connection.execute(own).all():
            same = and_(*(part == row._mapping[part.name] for part in table.primary_key))
            connection.execute(update(table).where(same).values({column: f"erased/{secrets.token_hex(8)}"}))


def _record(
    connection: Connection, seqs: Sequence[int], reason: str, by: str, confirmed_by: str, now: datetime
) -> None:
    parts = [seqs[first : first + IN_ONE_RECORD] for first in range(0, len(seqs), IN_ONE_RECORD)]
    entries = [
        Entry.about_the_ledger(
            f"erased/{now:%Y%m%dT%H%M%S%f}/{number * IN_ONE_RECORD}",
            "erased",
            by,
            now,
            content={"reason": reason.strip(), "confirmed_by": confirmed_by},
            facts={"values": len(part)},
            erases=[(seq, LABEL) for seq in part],
        )
        for number, part in enumerate(parts)
    ]
    append_many(connection, entries, now)


def _rebuild(connection: Connection, change: str) -> None:
    """Make the read model of ``change`` anew from what is left."""
    table = tables.change
    stored = connection.execute(select(table.c.updated_at).where(table.c.ref == change)).scalar()
    if stored is None:
        return
    events = [event_from(json.loads(value)) for value in event_texts(connection, change)]
    state = evolve_all(None, events, change)
    if state is not None:
        # A moment later, so that no program takes the state it remembers for this one.
        write_read_model(connection, state.having(updated_at=stored + timedelta(microseconds=1)))


def _sweep(engine: Engine) -> None:
    """Have the database let go of the pages that held the words. What its own log still holds, time takes."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if engine.dialect.name == "postgresql":
            for table in ("ledger_private", "ledger_search", "ledger_person", "change", "outbox"):
                connection.execute(text(f"VACUUM {table}"))
            return
    raw = engine.raw_connection()
    try:
        raw.cursor().execute("VACUUM")
        raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        raw.close()


def _free_text_fields() -> frozenset[str]:
    """The names of all fields of commands that take free text: of up to :data:`changes.values.TEXT_LENGTH` letters."""
    found: set[str] = set(ONE_LINE)
    seen: set[type[BaseModel]] = set()

    def look(model: type[BaseModel]) -> None:
        if model in seen:
            return
        seen.add(model)
        for name, info in model.model_fields.items():
            if any(getattr(one, "max_length", None) == TEXT_LENGTH for one in info.metadata):
                found.add(name)
            for inner in _models_in(info):
                look(inner)

    for command in COMMANDS.values():
        look(command)
    return frozenset(found) | {"text", "note", "reason", "what", "statement", "question", "answer", "way_forward"}


def _models_in(info: FieldInfo | Any) -> list[type[BaseModel]]:
    annotation = getattr(info, "annotation", info)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models_in(part)]


FREE_TEXT: frozenset[str] = _free_text_fields()
