"""Recording a decision: ONE transaction writes ledger entries, read model, outbox and the answer to the key.

The update that caused it returns after this has committed, so whoever acted sees their act, and what nobody was told
did not happen.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache, partial
from typing import NamedTuple, TypeVar

from sqlalchemy import Connection, Engine, Table, and_, bindparam, delete, exists, func, insert, select, update

from changes.anonymity import full_hour
from changes.decision import evolve_all
from changes.events import AnyEvent, Event
from changes.facts import SYSTEM
from changes.instruction import Applied, Receipt
from changes.passing_time import next_moment
from changes.publishing import PolicyPutForward, PolicyTookForce
from changes.refusals import Refused
from changes.similarity import essence
from changes.state import Change
from changes.values import Moment, Ref, Value, is_pseudonym, nobodys_name
from changes.waiting import parts_in, standing, waiting_for
from notifications.notices import notices_for
from notifications.webhooks import postings_for
from policies.proven import worked
from store import tables
from store.committing import GroupCommitter, NothingWritten, Outcome
from store.ledger import LABEL, Entry, Source, Standing
from store.policies import policy_evidence, publish_candidate
from store.prepared import Prepared
from store.webhooks import write_postings

T = TypeVar("T")


class MovedOn(NothingWritten):
    """The stored change is at another version than the decision was made on; look again and decide again."""


class Decision(Value):
    """Everything there is to record about one command."""

    change: Ref
    key: str
    fingerprint: str
    command: str
    actor: str
    via: str
    at: Moment
    version: int
    """How many events the change had when this was decided; 0 when it did not exist yet."""
    events: tuple[AnyEvent, ...] = ()
    refused: Refused | None = None
    receipt: Receipt | None = None


class States:
    """The latest states of changes in memory, so that a command costs no reading and parsing of the whole change.

    Only a memory: the version in the database decides, under the lock, whether a remembered state is still true.
    Safe to share between threads.
    """

    def __init__(self, most: int = 500) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._known: OrderedDict[str, Change] = OrderedDict()
        self._lists: OrderedDict[str, tuple[Change, Mapping[Table, _Rows]]] = OrderedDict()

    def at(self, connection: Connection, ref: str, version: int, updated_at: datetime) -> Change:
        """The change ``ref``, which is stored at ``version`` and was written at ``updated_at``."""
        with self._lock:
            remembered = self._known.get(ref)
        # The time too: after a restored backup, the same number of events may be other events.
        if remembered and (remembered.version, remembered.updated_at) == (version, updated_at):
            return remembered
        ((document,),) = _DOCUMENT.read(connection, {"of": ref})
        return Change.model_validate_json(document)

    def remember(self, change: Change) -> None:
        """Keep ``change`` as the latest; called after it was committed."""
        with self._lock:
            self._keep(self._known, change.ref, change)

    def lists(self, change: Change) -> Mapping[Table, _Rows]:
        """What pages list of a state. Each is asked about twice: as what is written, and as what was there before."""
        with self._lock:
            kept = self._lists.get(change.ref)
        if kept and kept[0] is change:
            return kept[1]
        rows = {table: rows(change) for table, rows in _LISTS}
        with self._lock:
            self._keep(self._lists, change.ref, (change, rows))
        return rows

    def _keep(self, kept: OrderedDict[str, T], ref: str, value: T) -> None:
        kept[ref] = value
        kept.move_to_end(ref)
        while len(kept) > self._most:
            kept.popitem(last=False)


class Recorded(NamedTuple):
    """What is on record for a key, and whether it was there before; then nothing was written."""

    applied: Applied
    repeated: bool
    letters: bool = True
    """Whether somebody may have to be told; false where nobody has to."""


def record(
    engine: Engine,
    decision: Decision,
    source: Source,
    now: datetime,
    states: States | None = None,
    committer: GroupCommitter | None = None,
) -> Recorded:
    """Write ``decision`` once. Delivered again, it answers what was recorded the first time.

    The read model is evolved from the recorded events here, by the same function the workflow uses; it cannot say
    anything that is not on record. ``committer`` lets decisions that come at the same time share a commit.

    Raises:
        MovedOn: when somebody else changed the change in between.
        store.database.DatabaseUnavailable: when nothing could be written; nothing is lost, try again.
    """
    known = states or States()
    work = partial(_write, decision, source, now, known)
    recorded, after = (committer or GroupCommitter(engine)).commit(work)
    if after:
        known.remember(after)
    return recorded


def _write(
    decision: Decision, source: Source, now: datetime, states: States, connection: Connection
) -> Outcome[tuple[Recorded, Change | None]]:
    """Write everything but the ledger's records, and say what those are."""
    found = _Found(*_FOUND.read(connection, {"to": decision.change, "by": decision.key})[0])
    if found.applied:
        known = Applied.model_validate_json(found.applied)
        return Outcome((), now, (Recorded(known, repeated=True), None))
    if (found.version or 0) != decision.version:  # before anything is written
        at = f"{decision.change} is at version {found.version or 0}"
        raise MovedOn(f"{at}, the decision was made on {decision.version}")
    before = states.at(connection, decision.change, found.version, found.updated_at) if found.updated_at else None
    after = evolve_all(before, decision.events, decision.change)
    happened = after if decision.events else None
    letters = False
    now = full_hour(now) if is_pseudonym(decision.actor) else now
    if happened:
        _publish(connection, decision)
        _write_change(connection, before, happened, decision.events)
        _write_lists(connection, states, before, happened, clear=before is not None)
        letters = _write_outbox(connection, before, happened, decision.events, now)
        if found.webhooks:
            postings = postings_for(happened, decision.events, decision.version)
            letters = write_postings(connection, postings, now) or letters
    entries = _entries(decision, before, after, source)
    answer = Applied(fingerprint=decision.fingerprint, receipt=decision.receipt, refused=decision.refused)
    row = {"change": decision.change, "key": decision.key, "applied": answer.model_dump_json(), "at": now}
    _INSERT_APPLIED.write(connection, row)
    return Outcome(entries, now, (Recorded(answer, repeated=False, letters=letters), happened))


class _Found(NamedTuple):
    """What has to be known before a decision is written, in one query."""

    applied: str | None
    """What became of its key, if it was used before."""
    version: int
    updated_at: datetime | None
    """When the change was written; None for one that is not there yet."""
    webhooks: bool
    """Whether anybody listens."""


def _publish(connection: Connection, decision: Decision) -> None:
    """Put a policy in force together with the record that says so.

    Raises:
        MovedOn: another policy has taken force since this was decided; decided again, it will be refused.
    """
    for event in decision.events:
        if isinstance(event, PolicyTookForce):
            if not publish_candidate(connection, event.policy, event.instead_of, decision.change):
                raise MovedOn(f"another policy took force before {decision.change} could")


def applied(connection: Connection, change: str, key: str) -> Applied | None:
    """What became of ``key`` on ``change``, if it was used before."""
    found = _KNOWN.read(connection, {"to": change, "by": key})
    return Applied.model_validate_json(found[0][0]) if found else None


def _entries(decision: Decision, before: Change | None, after: Change | None, source: Source) -> list[Entry]:
    stood = _standing(before)
    sender = "" if decision.actor == SYSTEM or is_pseudonym(decision.actor) else decision.actor
    if decision.refused:
        return [
            Entry(
                key=f"{decision.change}/refused/{decision.key}",
                change=decision.change,
                version=after.version if after else 0,
                action=decision.command,
                outcome="refused",
                actor=decision.actor,
                via=decision.via,
                occurred_at=decision.at,
                stage=str(after.stage) if after else "",
                phase=str(after.phase) if after else "",
                content=_canonical_text(decision.refused),
                policy=after.policy if after else None,
                command=decision.command,
                source=source,
                anonymous=is_pseudonym(decision.actor),
                reason=decision.refused.rule,
                before=stood,
                sender=sender,
            )
        ]
    if after is None:
        return []
    return [
        Entry(
            key=f"{decision.change}/{version}",
            change=decision.change,
            version=version,
            action=event.kind,
            outcome="applied",
            actor=event.by,
            via=decision.via if event.by != SYSTEM else "groundswell",
            occurred_at=event.at,
            stage=str(after.stage),
            phase=str(after.phase),
            content=_canonical_text(event),
            policy=after.policy,
            meaning=getattr(event, "meaning", "") or MEANINGS.get(event.kind, ""),
            command=decision.command,
            source=source,
            anonymous=is_pseudonym(event.by),
            beside_anonymous=is_pseudonym(decision.actor),
            on_behalf_of=event.in_place_of or "",
            reason=getattr(event, "code", ""),
            before=stood,
            evidence=_evidence(event),
            sender=sender,
        )
        for version, event in enumerate(decision.events, start=decision.version + 1)
    ]


MEANINGS = {
    "endorsed": "These tests must pass before the process changes.",
    "endorsed_with_changes": "These tests, changed as said, must pass before the process changes.",
    "accepted_for_testing": "This proposal is worth testing.",
    "wave_started": "The rollout may begin here.",
    "concern_overruled": "The change goes on in spite of this concern, for the reason given.",
}
"""What a yes means that has no wording of its own: it is signed as if the person had written it (21 CFR 11.50)."""


def _evidence(event: Event) -> Sequence[Mapping[str, str]]:
    """What the event is about and the ledger does not hold, by its digest. Never where it is: that is free text."""
    if isinstance(event, PolicyPutForward):
        return [policy_evidence(event.candidate)]
    if isinstance(event, PolicyTookForce):
        return [policy_evidence(event.policy)]
    digest = getattr(event, "evidence_sha256", "")
    return [{"sha256": digest, "name": "the evidence of a test's result"}] if digest else []


def _standing(change: Change | None) -> Standing | None:
    return Standing(str(change.stage), str(change.phase), change.version) if change else None


def _canonical_text(value: Value) -> str:
    return json.dumps(value.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


ANSWERS = ("accepted_for_testing", "changes_asked", "declined", "marked_duplicate", "said_back")
"""Whatever counts as a first answer to a proposal."""


def _write_change(connection: Connection, before: Change | None, after: Change, events: Sequence[Event] = ()) -> None:
    row = {
        "title": after.title,
        "process": after.proposal.content.process,
        "proposer": after.proposal.proposer,
        "stage": after.stage,
        "phase": after.phase,
        "outcome": after.closing.outcome if after.closing else "",
        "standing": standing(after),
        "version": after.version,
        "updated_at": after.updated_at,
        "next_moment": next_moment(after),
        "document": after.model_dump_json(),
        "worked": worked(after),
    }
    if before is None:
        number = int(after.ref.rpartition("-")[2])
        opened = {"ref": after.ref, "number": number, "opened_at": after.opened_at, "first_answer_at": None}
        _INSERT_CHANGE.write(connection, {**opened, **row})
        return
    _UPDATE_CHANGE.write(connection, {"of": after.ref, **row})
    if answered := [event.at for event in events if event.kind in ANSWERS]:
        connection.execute(_FIRST_ANSWER, {"of": after.ref, "answered": answered[0]})


def _write_lists(connection: Connection, states: States, before: Change | None, after: Change, *, clear: bool) -> None:
    """What pages list: who is waited for, who has a part, which teams and champions are busy. ``clear`` when there may
    be rows of this change.

    A list that stays as it was is not written: most commands touch one or two of them. One that differs is written
    whole, because what an earlier version of this program left there may be something else than we would have written.
    """
    was = states.lists(before) if before else {}
    for table, new in states.lists(after).items():
        if before and was[table] == new:
            continue
        if clear:
            _DELETE_LIST[table].write(connection, {"of": after.ref})
        _INSERT_LIST[table].write(connection, *({"change": after.ref, **row} for row in new))


def _waiting_rows(change: Change) -> _Rows:
    return [
        {
            "person": task.person,
            "task": task.task,
            "commands": list(task.commands),
            "since": task.since,
            "due": task.due,
        }
        for task in waiting_for(change)
    ]


def _part_rows(change: Change) -> _Rows:
    return [{"person": person, "parts": list(found)} for person, found in parts_in(change).items()]


def _load_rows(change: Change) -> _Rows:
    current = change.rollout.current
    return [{"team": team} for team in current.wave.teams] if current and not change.closing else []


def _place_rows(change: Change) -> _Rows:
    return [{"person": person} for person in change.recruiting.champions] if not change.closing else []


def _text_rows(change: Change) -> _Rows:
    content = change.proposal.content
    return [{"text": _essence(f"{content.title} {content.suggestion} {content.problem}")}]


_essence = lru_cache(maxsize=500)(essence)
"""A proposal seldom changes, and what it is about is looked at with every command."""


def _word_rows(change: Change) -> _Rows:
    [row] = _text_rows(change)
    return [{"word": word} for word in sorted({word[:64] for word in str(row["text"]).split()})]


def _concern_rows(change: Change) -> _Rows:
    seen: set[tuple[str, str]] = set()
    rows: _Rows = []
    for concern in change.concerns:
        first = (concern.by, concern.code) not in seen
        seen.add((concern.by, concern.code))
        answered = [response.at for response in concern.responses]
        rows.append(
            {
                "ref": concern.ref,
                "process": change.proposal.content.process,
                "code": concern.code,
                "blocking": concern.blocking,
                "status": concern.status,
                "first_of_its_kind": first,
                "raised_at": concern.at,
                "ask_by": concern.ask_by,
                "asked_at": min((why.at for why in concern.whys), default=None),
                "answered_at": min(answered, default=None),
                "closed": change.closing is not None,
            }
        )
    return rows


_DOCUMENT = Prepared(select(tables.change.c.document).where(tables.change.c.ref == bindparam("of")))
_APPLIED = select(tables.applied_command.c.applied).where(
    tables.applied_command.c.change == bindparam("to"), tables.applied_command.c.key == bindparam("by")
)
_KNOWN = Prepared(_APPLIED)
_FOUND = Prepared(
    select(
        _APPLIED.scalar_subquery(),
        select(tables.change.c.version).where(tables.change.c.ref == bindparam("to")).scalar_subquery(),
        select(tables.change.c.updated_at).where(tables.change.c.ref == bindparam("to")).scalar_subquery(),
        exists().where(tables.webhook_endpoint.c.disabled_at.is_(None)),
    )
)
_INSERT_APPLIED = Prepared(insert(tables.applied_command))
_INSERT_CHANGE = Prepared(insert(tables.change))
_LASTING = ("ref", "number", "opened_at", "first_answer_at")
_UPDATE_CHANGE = Prepared(
    update(tables.change).where(tables.change.c.ref == bindparam("of")),
    [column.name for column in tables.change.columns if column.name not in _LASTING],
)
_INSERT_OUTBOX = Prepared(
    insert(tables.outbox).inline(), ("key", "change", "recipient", "notice", "created_at", "attempts")
)
_FIRST_ANSWER = (
    update(tables.change)
    .where(tables.change.c.ref == bindparam("of"), tables.change.c.first_answer_at.is_(None))
    .values(first_answer_at=bindparam("answered"))
)
_Rows = list[dict[str, object]]
_LISTS: tuple[tuple[Table, Callable[[Change], _Rows]], ...] = (
    (tables.waiting, _waiting_rows),
    (tables.part, _part_rows),
    (tables.rollout_load, _load_rows),
    (tables.campaign_place, _place_rows),
    (tables.proposal_text, _text_rows),
    (tables.proposal_word, _word_rows),
    (tables.concern, _concern_rows),
)


_DELETE_LIST = {table: Prepared(delete(table).where(table.c.change == bindparam("of"))) for table, _ in _LISTS}
_INSERT_LIST = {table: Prepared(insert(table)) for table, _ in _LISTS}


def _write_outbox(
    connection: Connection, before: Change | None, after: Change, events: Sequence[Event], now: datetime
) -> bool:
    """Put the notices into the outbox; whether there are any."""
    rows = [
        {
            "key": notice.key,
            "change": after.ref,
            "recipient": notice.recipient,
            "notice": notice.model_dump_json(),
            "created_at": now,
            "attempts": 0,
        }
        for notice in notices_for(before, after, events)
        # No mail to somebody who stays anonymous, which would say who they are, nor to anybody who was erased.
        if not nobodys_name(notice.recipient)
    ]
    _INSERT_OUTBOX.write(connection, *rows)
    return bool(rows)


def event_texts(connection: Connection, change: str) -> Sequence[str]:
    """The recorded events of a change as JSON, oldest first, without refusals; redacted where words were erased."""
    records, private, redacted = tables.ledger_record, tables.ledger_private, tables.redacted_event
    words = and_(private.c.seq == records.c.seq, private.c.label == LABEL)
    value = func.coalesce(private.c.value, redacted.c.value)
    query = (
        select(value)
        .select_from(records.outerjoin(private, words).outerjoin(redacted, redacted.c.seq == records.c.seq))
        .where(records.c.change == change, records.c.outcome == "applied", value.is_not(None))
        .order_by(records.c.seq)
    )
    return connection.execute(query).scalars().all()


def write_read_model(connection: Connection, change: Change) -> None:
    """Write the read model of a change that is there already anew, whatever it was before."""
    _write_change(connection, change, change)
    _write_lists(connection, States(), None, change, clear=True)
