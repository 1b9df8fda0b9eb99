"""Erasing a person: their words and who they are go, the ledger still verifies (lifecycle.md, rules that always hold).

What becomes of each column of each table stands in :mod:`store.personal_data`; :mod:`store.redacting` takes somebody
out of a text, :mod:`store.forgetting` out of the tables beside the ledger's. What stays: the records with their
commitments, and of each event a redacted form outside the ledger, in which their words are gone and their reference is
one that stands for nobody, so that the changes they had a part in can be read and rebuilt. The erasure is a record
itself and says which values went, never whose.

What somebody said without their name is not erased with them: to see which words vanish would say who it was, to the
two who ask and to everybody. The row that ties them to it goes instead, whether there is one or not, and no answer
depends on it. The words are erased by their pseudonym, which whoever wrote them knows (docs/decisions/0044).
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, Select, delete, insert, or_, select, update

from changes.decision import evolve_all
from changes.events import event_from
from changes.values import ERASED_PREFIX, is_pseudonym
from store import tables
from store.database import adding
from store.directory import load_directory
from store.forgetting import forget, forget_mentions, is_known, is_sought, naming
from store.ledger import LABEL, Entry, append_many, number_of
from store.personal_data import How
from store.recording import event_texts, write_read_model
from store.redacting import Whom, redacted
from store.restoring import NotAccepted, require_two_people
from store.searching import rebuild
from store.sweeping import PATIENCE, sweep

IN_ONE_RECORD = 1_000
"""Erased values named in one record; a body must not grow beyond its limit."""


class Erased(NamedTuple):
    """What an erasure did."""

    values: int
    changes: tuple[str, ...]
    pseudonym: str
    """The reference that stands where theirs was."""
    known: bool = True
    """Whether anything here named them; not, where they were erased before or nobody was ever called so."""
    left: tuple[str, ...] = ()
    """What the database's files still hold, until when, and what ends it: sentences."""


def erase_person(
    engine: Engine,
    person: str,
    reason: str,
    by: str,
    confirmed_by: str,
    now: datetime,
    *,
    patience: float = PATIENCE,
) -> Erased:
    """Erase ``person``, who must not be active any more; or what was said under a pseudonym, on changes that ended.

    Done again it erases what has come up since, such as from a change that was open, and sweeps what was not swept.

    Args:
        patience: seconds to wait for others who use the database; see :mod:`store.sweeping`.

    Raises:
        store.restoring.NotAccepted: the person is active, no reason is given or it names them, or it is not two other
            people.
    """
    with adding(engine) as connection:
        require_two_people(connection, reason, by, confirmed_by)
        if person in (by, confirmed_by):
            raise NotAccepted("Two other people are needed; nobody erases themselves.")
        done = _erase(connection, _whom(connection, person), reason, by, confirmed_by, now)
    return done._replace(left=sweep(engine, patience))


def _erase(connection: Connection, whom: Whom, reason: str, by: str, confirmed_by: str, now: datetime) -> Erased:
    if whom.without(reason) != reason:
        raise NotAccepted("The reason stays on record. Write it without the name, address or reference of the person.")
    sought = is_sought(connection, whom)
    found = _values_about(connection, whom) if sought else ()
    redacted_again = _redacted_before(connection, whom) if sought else ()
    for row in (*found, *redacted_again):  # what they wrote is known before anybody who quotes it is looked at
        _left_of(row, whom)
    changes = tuple(dict.fromkeys(row.change for row in (*found, *redacted_again) if row.change))
    if is_pseudonym(whom.ref):
        _require_ended(connection, changes)
    _redact(connection, found, whom)
    _redact_again(connection, redacted_again, whom)
    quoting = _values_quoting(connection, changes, whom)
    _redact(connection, quoting, whom)
    values = sorted(row.seq for row in (*found, *quoting))
    known = bool(values) or is_known(connection, whom.ref, How.THEIRS, How.NAMED)
    for change in changes:
        _rebuild(connection, change)
    if sought:
        known = forget_mentions(connection, whom, changes) or known
    known = forget(connection, whom, now) or known
    if known:
        _record(connection, values, reason, by, confirmed_by, now)
    rebuild(connection)
    return Erased(len(values), changes, whom.pseudonym, known)


def _whom(connection: Connection, person: str) -> Whom:
    if is_pseudonym(person):
        return Whom(person, person, person)  # it stands for nobody already, once its row is gone
    people = load_directory(connection).people
    known = people.get(person)
    if known is not None and known.active:
        raise NotAccepted(f"{person} is still active. Take them out of the directory first.")
    called: tuple[str, ...] = ()
    if known is not None:
        alone = sum(one.name == known.name for one in people.values()) == 1
        called = (*((known.name,) if alone else ()), known.email)
    return Whom(person, f"{ERASED_PREFIX}{secrets.token_hex(6)}", number_of(connection, person), called)


def _values_about(connection: Connection, whom: Whom) -> Sequence[Any]:
    """The private values of records by whoever is erased, or naming them, oldest first."""
    private = tables.ledger_private
    named = naming(private.c.value, whom)
    mine = {whom.number, whom.ref}
    rows = connection.execute(_values().where(or_(private.c.subject_ref.in_(mine), *named))).all()
    return [row for row in rows if row.actor in mine or _concerns(row, whom)]


def _values_quoting(connection: Connection, changes: Sequence[str], whom: Whom) -> Sequence[Any]:
    """The private values of the same changes in which their words stand once more."""
    if not whom.wrote:
        return []
    records = tables.ledger_record.c
    return [
        row
        for change in changes
        for row in connection.execute(_values().where(records.change == change))
        if _concerns(row, whom)
    ]


def _values() -> Select[Any]:
    records, private = tables.ledger_record, tables.ledger_private
    return (
        select(records.c.seq, records.c.change, records.c.outcome, records.c.actor, private.c.value)
        .join(private, private.c.seq == records.c.seq)
        .where(private.c.label == LABEL)
        .order_by(records.c.seq)
    )


def _concerns(row: Any, whom: Whom) -> bool:
    return bool(_left_of(row, whom) != json.loads(row.value))


def _left_of(row: Any, whom: Whom) -> Any:
    """What is left of the content of a row without them."""
    content = json.loads(row.value)
    theirs = row.actor in (whom.number, whom.ref) or (isinstance(content, dict) and content.get("by") == whom.ref)
    return redacted(content, whom, words=theirs)


def _redact(connection: Connection, found: Sequence[Any], whom: Whom) -> None:
    """Take the values away, and keep of the events of a change what it is rebuilt from."""
    kept, private = tables.redacted_event, tables.ledger_private
    for row in found:
        connection.execute(delete(kept).where(kept.c.seq == row.seq))
        if row.change and row.outcome == "applied":
            connection.execute(insert(kept).values(seq=row.seq, value=_canonical(_left_of(row, whom))))
        connection.execute(delete(private).where(private.c.seq == row.seq, private.c.label == LABEL))


def _redacted_before(connection: Connection, whom: Whom) -> Sequence[Any]:
    """Events that an earlier erasure left, which name somebody else who is erased now."""
    kept, records = tables.redacted_event, tables.ledger_record
    columns = (kept.c.seq, kept.c.value, records.c.change, records.c.actor)
    query = select(*columns).join(records, records.c.seq == kept.c.seq)
    named = or_(*naming(kept.c.value, whom))
    return [row for row in connection.execute(query.where(named)) if _concerns(row, whom)]


def _redact_again(connection: Connection, found: Sequence[Any], whom: Whom) -> None:
    kept = tables.redacted_event
    for row in found:
        left = _canonical(_left_of(row, whom))
        connection.execute(update(kept).where(kept.c.seq == row.seq).values(value=left))


def _require_ended(connection: Connection, changes: Sequence[str]) -> None:
    """Two people must not be able to silence somebody whom they cannot ask."""
    table = tables.change.c
    query = select(table.ref).where(table.ref.in_(changes), table.outcome == "").limit(1)
    if (still_open := connection.execute(query).scalar()) is not None:
        raise NotAccepted(
            f"{still_open} has not ended yet. Until then only whoever stays anonymous there takes back what they said; "
            "it can be erased afterwards."
        )


def _canonical(content: Any) -> str:
    return json.dumps(content, ensure_ascii=False, sort_keys=True)


def _record(
    connection: Connection, seqs: Sequence[int], reason: str, by: str, confirmed_by: str, now: datetime
) -> None:
    parts = [seqs[first : first + IN_ONE_RECORD] for first in range(0, len(seqs), IN_ONE_RECORD)] or [[]]
    entries = [
        Entry.about_the_ledger(
            f"erased/{now:%Y%m%dT%H%M%S%f}/{secrets.token_hex(4)}/{number * IN_ONE_RECORD}",
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
