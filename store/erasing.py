"""Erasing a person: their words and who they are go, the ledger still verifies (lifecycle.md, rules that always hold).

What becomes of each column of each table stands in :mod:`store.personal_data`. What stays: the records with their
commitments, and of each event a redacted form outside the ledger, in which their words are gone and their reference is
one that stands for nobody, so that the changes they had a part in can be read and rebuilt. The erasure is a record
itself and says which values went, never whose.

What somebody said without their name is not erased with them: to see which words vanish would say who it was, to the
two who ask and to everybody. The row that ties them to it goes instead, whether there is one or not, and no answer
depends on it. The words are erased by their pseudonym, which whoever wrote them knows (docs/decisions/0044).
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Engine,
    Select,
    Table,
    and_,
    delete,
    insert,
    or_,
    select,
    true,
    update,
)

from changes.acts import ActAnswer
from changes.commands import COMMANDS
from changes.decision import evolve_all
from changes.events import EVENTS, event_from
from changes.instruction import Applied
from changes.values import ERASED_PREFIX, TEXT_LENGTH, is_pseudonym
from store import tables
from store.audit import READERS
from store.columns import Document
from store.database import adding
from store.directory import load_directory
from store.ledger import LABEL, Entry, append_many, number_of
from store.personal_data import How, columns_that
from store.recording import event_texts, write_read_model
from store.restoring import NotAccepted, require_two_people
from store.searching import rebuild
from store.sweeping import PATIENCE, sweep

ERASED = "[erased]"
"""What stands where words were."""
SHORT = "[…]"
"""The same where what it takes the place of is shorter: a line must not grow beyond its limit."""
IN_ONE_RECORD = 1_000
"""Erased values named in one record; a body must not grow beyond its limit."""
ONE_LINE = frozenset({"title", "summary"})
"""Fields of one line in which people write what they like. A name is none of them: policies, gates and waves are told
apart by theirs, and a change in which they are gone can neither be read nor go on."""
AT_ONCE = 200
"""Changes that are asked about in one query."""
TELLING = 8
"""Characters from which on words of theirs are recognised inside other people's; shorter ones are not only theirs."""


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
    sought = _is_sought(connection, whom)
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
    known = bool(values) or _is_known(connection, whom.ref, How.THEIRS, How.NAMED)
    for change in changes:
        _rebuild(connection, change)
    if sought:
        known = _forget_mentions(connection, whom, changes) or known
    known = _forget(connection, whom, now) or known
    if known:
        _record(connection, values, reason, by, confirmed_by, now)
    rebuild(connection)
    return Erased(len(values), changes, whom.pseudonym, known)


@dataclass
class Whom:
    """Whoever is erased, and how they are recognised."""

    ref: str
    pseudonym: str
    """The reference that takes the place of theirs."""
    number: str
    """Under which the ledger knows them."""
    called: tuple[str, ...] = ()
    """Their name and address, where nobody else is called so."""
    wrote: set[str] = field(default_factory=set)
    """What of theirs is taken out: others may quote it."""

    def __post_init__(self) -> None:
        """Have the patterns made of what is known."""
        self._pattern = _pattern(self.ref, self.called)

    @property
    def named(self) -> tuple[str, ...]:
        """All that may stand for them in a text."""
        return (self.ref, *self.called)

    def take_note(self, words: str) -> None:
        """Remember what was taken out, to find it where it is quoted."""
        if len(words) >= TELLING and words not in self.wrote:
            self.wrote.add(words)
            self._pattern = _pattern(self.ref, (*self.called, *sorted(self.wrote, key=len, reverse=True)))

    def without(self, text: str) -> str:
        """``text`` where they are neither named nor quoted."""
        return self._pattern.sub(lambda found: ERASED if len(found[0]) >= len(ERASED) else SHORT, text)


def _pattern(ref: str, others: Iterable[str]) -> re.Pattern[str]:
    """Finds whole words only, so that nobody loses a part of their name. A reference that is a number or a very short
    word is found where it stands alone, and nowhere in a text."""
    parts = [rf"(?<!\w){re.escape(one)}(?!\w)" for one in others if one]
    if len(ref) > 4 and not ref.isdigit():
        parts.insert(0, rf"(?<![\w.:-]){re.escape(ref)}(?![\w:-]|\.\w)")
    return re.compile("|".join(parts) or r"(?!)")


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
    named = [private.c.value.contains(_as_json(one), autoescape=True) for one in whom.named]
    mine = {whom.number, whom.ref}
    rows = connection.execute(_values().where(or_(private.c.subject_ref.in_(mine), *named))).all()
    return [row for row in rows if row.actor in mine or _concerns(row, whom)]


def _values_quoting(connection: Connection, changes: Sequence[str], whom: Whom) -> Sequence[Any]:
    """The private values of the same changes in which their words stand once more."""
    if not whom.wrote:
        return []
    records = tables.ledger_record.c
    rows = [row for change in changes for row in connection.execute(_values().where(records.change == change))]
    return [row for row in rows if _concerns(row, whom)]


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
    named = or_(*(kept.c.value.contains(_as_json(one), autoescape=True) for one in whom.named))
    return [row for row in connection.execute(query.where(named)) if _concerns(row, whom)]


def _redact_again(connection: Connection, found: Sequence[Any], whom: Whom) -> None:
    kept = tables.redacted_event
    for row in found:
        left = _canonical(_left_of(row, whom))
        connection.execute(update(kept).where(kept.c.seq == row.seq).values(value=left))


def redacted(content: Any, whom: Whom, words: bool = False, field: str = "") -> Any:
    """``content`` with the person's reference replaced and their name taken out, and with ``words`` everything they may
    have written freely, which ``whom`` takes note of."""
    if isinstance(content, dict):
        return {
            whom.pseudonym if name == whom.ref else name: redacted(part, whom, words, name)
            for name, part in content.items()
        }
    if isinstance(content, list):
        return [redacted(part, whom, words, field) for part in content]
    if not isinstance(content, str) or not content:
        return content
    if content == whom.ref:
        return content if content.isdigit() and field in NUMBERS else whom.pseudonym
    if words and field in FREE_TEXT and content != ERASED:
        whom.take_note(content)
        return ERASED
    return whom.without(content)


def _require_ended(connection: Connection, changes: Sequence[str]) -> None:
    """Two people must not be able to silence somebody whom they cannot ask."""
    table = tables.change.c
    query = select(table.ref).where(table.ref.in_(changes), table.outcome == "").limit(1)
    if (still_open := connection.execute(query).scalar()) is not None:
        raise NotAccepted(
            f"{still_open} has not ended yet. Until then only whoever stays anonymous there takes back what they said; "
            "it can be erased afterwards."
        )


def _is_sought(connection: Connection, whom: Whom) -> bool:
    """Whether the reference may be looked for everywhere. Where nothing knows it any more as a person's, it must not be
    one of our own words by mistake: they would be taken out of everybody's records."""
    if whom.called or is_pseudonym(whom.ref) or whom.number != whom.ref or _is_known(connection, whom.ref, How.THEIRS):
        return True
    others = (connection.execute(select(table.c.ref).where(table.c.ref == whom.ref)) for table in _OTHER_REFERENCES)
    return bool(re.search(r"[A-Za-z].*[.:]|[.:].*[A-Za-z]", whom.ref)) and not any(rows.first() for rows in others)


_OTHER_REFERENCES = (tables.team, tables.process, tables.change)


def _is_known(connection: Connection, ref: str, *hows: How) -> bool:
    """Whether such a column names them. Whether somebody stands behind a pseudonym does not count: no answer must
    depend on it."""
    columns = [(table, column) for how in hows for table, column in columns_that(how)]
    return any(
        connection.execute(select(column).where(column == ref).limit(1)).first() is not None
        for table, column in columns
        if table is not tables.pseudonym
    )


def _forget_mentions(connection: Connection, whom: Whom, changes: Sequence[str]) -> bool:
    """Take them out of what others may read about them; whether there was anything."""
    _forget_letters(connection, whom, changes)
    mentions = [_take_out(connection, whom, changes, *where) for where in columns_that(How.MENTIONED)]
    return any(mentions)


def _forget(connection: Connection, whom: Whom, now: datetime) -> bool:
    """Take what is theirs out of every other table, as :mod:`store.personal_data` says, and their reference out of what
    is not; whether there was anything of that."""
    touched = 0
    for table, column in columns_that(How.BEGINS):
        touched += _forget_keys(connection, whom, table, column)
    for table, column in columns_that(How.NAMED):
        same = column == whom.ref
        touched += connection.execute(update(table).where(same).values({column.name: whom.pseudonym})).rowcount
    for table, column in columns_that(How.THEIRS):
        connection.execute(delete(table).where(column == whom.ref))
    connection.execute(delete(tables.pseudonym).where(tables.pseudonym.c.ref == whom.ref))
    connection.execute(delete(tables.deployment).where(tables.deployment.c.name == READERS))
    directory = load_directory(connection)  # what is in the memory of programs is read anew
    connection.execute(
        insert(tables.directory_import).values(version=directory.version, loaded_at=now, people=len(directory.people))
    )
    return bool(touched)


def _forget_letters(connection: Connection, whom: Whom, changes: Sequence[str]) -> None:
    outbox = tables.outbox
    telling = [outbox.c.notice.contains(_as_json(one), autoescape=True) for one in whom.named]
    done = and_(outbox.c.change.in_(changes), outbox.c.finished_at.is_not(None))
    connection.execute(delete(outbox).where(or_(outbox.c.recipient == whom.ref, *telling, done)))
    _take_out(connection, whom, changes, outbox, outbox.c.notice)


def _forget_keys(connection: Connection, whom: Whom, table: Table, column: Column[Any]) -> int:
    """Give what they asked for a random key, and leave nothing of what they were answered."""
    own = column.startswith(f"{whom.ref}/", autoescape=True)
    if table is tables.act:
        own = or_(own, table.c.actor == whom.ref)
    rows = connection.execute(select(*table.primary_key).where(own)).all()
    for row in rows:
        digest = secrets.token_hex(32)
        values = {column.name: f"erased/{digest[:32]}"}
        if table is tables.act:
            values |= {"fingerprint": digest, "answer": ActAnswer(fingerprint=digest).model_dump_json()}
        if table is tables.applied_command:
            values |= {"applied": Applied(fingerprint=digest).model_dump_json()}
        connection.execute(update(table).where(_same(table, row)).values(values))
    return len(rows)


def _take_out(connection: Connection, whom: Whom, changes: Sequence[str], table: Table, column: Column[Any]) -> int:
    """Take them out of a column with words or JSON; in how many rows they were."""
    changed = 0
    for condition in _likely(whom, changes, table, column):
        query = select(*table.primary_key, column.label("content_of")).where(condition)
        for row in connection.execute(query).all():
            left = _taken_out(row.content_of, whom)
            if left != row.content_of:
                connection.execute(update(table).where(_same(table, row)).values({column.name: left}))
                changed += 1
    return changed


def _likely(whom: Whom, changes: Sequence[str], table: Table, column: Column[Any]) -> Iterator[ColumnElement[bool]]:
    """Conditions on the rows of a table that may name or quote them, so that not everything is read."""
    if column.type is Document:  # which the databases store in letters of their own; there are few
        yield true()
        return
    yield or_(*(column.contains(_as_json(one), autoescape=True) for one in whom.named))
    for first in range(0, len(changes), AT_ONCE):
        some = changes[first : first + AT_ONCE]
        if "change" in table.columns:
            yield table.c.change.in_(some)
        elif table is tables.digest:
            yield or_(*(column.contains(json.dumps(change)) for change in some))


def _taken_out(content: Any, whom: Whom) -> Any:
    if not isinstance(content, str):
        return redacted(content, whom)
    try:
        value = json.loads(content)
    except ValueError:
        return redacted(content, whom)
    left = redacted(value, whom)
    return content if left == value else json.dumps(left, ensure_ascii=False, separators=(",", ":"))


def _same(table: Table, row: Any) -> Any:
    return and_(*(part == row._mapping[part.name] for part in table.primary_key))


def _as_json(text: str) -> str:
    """``text`` as it stands inside a JSON string."""
    return json.dumps(text, ensure_ascii=False)[1:-1]


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


def _fields_that(fits: Callable[[FieldInfo], bool], models: Iterable[type[BaseModel]]) -> frozenset[str]:
    """The names of all fields of ``models``, and of the models in them, that fit."""
    found: set[str] = set()
    seen: set[type[BaseModel]] = set()

    def look(model: type[BaseModel]) -> None:
        if model in seen:
            return
        seen.add(model)
        for name, info in model.model_fields.items():
            if fits(info):
                found.add(name)
            for inner in _models_in(info):
                look(inner)

    for model in models:
        look(model)
    return frozenset(found)


def _is_free_text(info: FieldInfo) -> bool:
    return any(getattr(one, "max_length", None) == TEXT_LENGTH for one in info.metadata)


def _is_number(info: FieldInfo | Any) -> bool:
    annotation = getattr(info, "annotation", info)
    return annotation is Decimal or any(_is_number(part) for part in get_args(annotation))


def _models_in(info: FieldInfo | Any) -> list[type[BaseModel]]:
    annotation = getattr(info, "annotation", info)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models_in(part)]


FREE_TEXT: frozenset[str] = (
    _fields_that(_is_free_text, COMMANDS.values())
    | ONE_LINE
    | {"text", "note", "reason", "what", "statement", "question", "answer", "way_forward"}
)
"""The names of fields that take what people write."""
NUMBERS: frozenset[str] = _fields_that(_is_number, (*COMMANDS.values(), *EVENTS.values()))
"""The names of fields with a number, which travels as text: that of a person is none of these."""
