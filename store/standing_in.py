"""Delegations and absences in the database: given, taken back, listed, and read for look-ups."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import Connection, insert, or_, select, update

from changes.facts import SYSTEM
from changes.refusals import unknown, wrong_stage
from changes.values import Moment
from directory.model import Directory
from directory.standing_in import (
    Absence,
    AnnounceAbsence,
    Delegate,
    Delegation,
    EndAbsence,
    RevokeDelegation,
    check_absence,
    check_active,
    check_delegation,
)
from notifications.notices import Notice
from store import tables
from store.acts import Happened
from store.directory import as_absence, as_delegation
from store.reading import change_state


class GivenDelegation(Delegation):
    """A delegation with what became of it."""

    given_at: Moment
    revoked_at: Moment | None = None
    revoked_by: str | None = None


class GivenAbsence(Absence):
    """An absence with what became of it."""

    given_at: Moment
    ended_at: Moment | None = None


def delegations_of(connection: Connection, person: str) -> Sequence[GivenDelegation]:
    """What somebody has given or received, the latest first, those taken back included."""
    table = tables.delegation
    rows = connection.execute(
        select(table)
        .where(or_(table.c.giver == person, table.c.receiver == person))
        .order_by(table.c.given_at.desc(), table.c.ref)
    ).mappings()
    return [GivenDelegation.model_validate(dict(row)) for row in rows]


def absences_of(connection: Connection, person: str) -> Sequence[GivenAbsence]:
    """When somebody said they are away, the latest first, those ended early included."""
    table = tables.absence
    rows = connection.execute(
        select(table).where(table.c.person == person).order_by(table.c.given_at.desc(), table.c.ref)
    ).mappings()
    return [GivenAbsence.model_validate(dict(row)) for row in rows]


# ---------------------------------------------------------------------------------------------------------- acts


def delegate(
    connection: Connection, act: Delegate, giver: str, directory: Directory, today: date, now: datetime
) -> Happened:
    """Give a delegation, and tell whoever received it.

    Raises:
        Refusal: when it may not be given like that.
    """
    check_delegation(act, giver, directory, today, _authors_of(connection, act.changes))
    given = Delegation(
        ref=f"D-{secrets.token_hex(6)}",
        giver=giver,
        receiver=act.to,
        starts=act.starts,
        ends=act.ends,
        gates=tuple(dict.fromkeys(act.decisions)),
        changes=tuple(dict.fromkeys(act.changes)),
        reason=act.reason,
    )
    row = {**given.model_dump(), "gates": list(given.gates), "changes": list(given.changes)}
    connection.execute(insert(tables.delegation).values(**row, given_at=now))
    _tell(connection, given, given.receiver, "delegated_to_you", giver, now)
    _tell(connection, given, giver, "delegated_by_you", SYSTEM, now)
    days = f"from {given.starts} to {given.ends}"
    receiver = directory.person(given.receiver).name
    return Happened(
        action="delegated",
        ref=given.ref,
        sentence=f"let {receiver} answer in their place {days}: {given.scope_in_words()}",
        summary=f"{receiver} answers in your place {days}: {given.scope_in_words()}. You can take it back any time.",
        details={"delegation": given.model_dump(mode="json")},
    )


def _authors_of(connection: Connection, changes: Sequence[str]) -> set[str]:
    authors: set[str] = set()
    for index, ref in enumerate(changes):
        change = change_state(connection, ref)
        if change is None:
            unknown("unknown_change", f"There is no change called “{ref}”. Check the name.", f"/changes/{index}")
        authors |= set(change.proposal.authors)
    return authors


def revoke(connection: Connection, act: RevokeDelegation, person: str, directory: Directory, now: datetime) -> Happened:
    """Take a delegation back, or give it back, and tell the other.

    Raises:
        Refusal: when it is none of theirs, or over already.
    """
    check_active(person, directory)
    table = tables.delegation
    row = connection.execute(select(table).where(table.c.ref == act.delegation)).mappings().first()
    if row is None or person not in {row["giver"], row["receiver"]}:
        unknown("unknown_delegation", "There is no such delegation of yours. Look at your list again.", "/delegation")
    if row["revoked_at"] is not None:
        wrong_stage("revoked_already", "This delegation has been taken back already.")
    connection.execute(update(table).where(table.c.ref == act.delegation).values(revoked_at=now, revoked_by=person))
    given = as_delegation(row)
    other = given.receiver if person == given.giver else given.giver
    _tell(connection, given, other, "delegation_ended", person, now)
    return Happened(
        action="delegation_revoked",
        ref=given.ref,
        sentence=f"ended the delegation from {_name(directory, given.giver)} to {_name(directory, given.receiver)}",
        summary=f"{_name(directory, given.giver)} is asked again from now on.",
        details={"delegation": given.model_dump(mode="json")},
    )


def announce_absence(
    connection: Connection, act: AnnounceAbsence, person: str, directory: Directory, today: date, now: datetime
) -> Happened:
    """Say that somebody is away.

    Raises:
        Refusal: when the days make no sense.
    """
    check_absence(act, person, directory, today)
    absence = Absence(ref=f"A-{secrets.token_hex(6)}", person=person, starts=act.starts, ends=act.ends)
    connection.execute(insert(tables.absence).values(**absence.model_dump(), given_at=now))
    return Happened(
        action="absence_announced",
        ref=absence.ref,
        sentence=f"is away from {act.starts} to {act.ends}",
        summary=(
            f"You are away from {act.starts} to {act.ends}. Whoever you delegated to is asked meanwhile, "
            "or somebody in your line."
        ),
        details={"absence": absence.model_dump(mode="json")},
    )


def end_absence(connection: Connection, act: EndAbsence, person: str, directory: Directory, now: datetime) -> Happened:
    """Say that somebody is back.

    Raises:
        Refusal: when there is no such absence of theirs, or it is over already.
    """
    check_active(person, directory)
    table = tables.absence
    row = connection.execute(select(table).where(table.c.ref == act.absence)).mappings().first()
    if row is None or row["person"] != person:
        unknown("unknown_absence", "There is no such absence of yours. Look at your list again.", "/absence")
    if row["ended_at"] is not None:
        wrong_stage("ended_already", "You have said already that you are back.")
    connection.execute(update(table).where(table.c.ref == act.absence).values(ended_at=now))
    return Happened(
        action="absence_ended",
        ref=act.absence,
        sentence="is back",
        summary="You are asked again from now on.",
        details={"absence": as_absence(row).model_dump(mode="json")},
    )


def _name(directory: Directory, ref: str) -> str:
    return directory.person(ref).name if ref in directory.people else ref


def _tell(connection: Connection, given: Delegation, to: str, kind: str, by: str, now: datetime) -> None:
    notice = Notice(
        recipient=to,
        kind=kind,
        change=given.ref,
        version=1,
        data={
            "giver": given.giver,
            "receiver": given.receiver,
            "starts": given.starts.isoformat(),
            "ends": given.ends.isoformat(),
            "scope": given.scope_in_words(),
            "reason": given.reason,
            "title": "Answering in somebody's place",
            "part": "delegation",
            "by": by,
            "at": now.isoformat(),
            "seat_because": "",
            "stands_in_for": "",
            "waits": "",
            "address": "/standing-in",
        },
    )
    connection.execute(
        insert(tables.outbox).values(
            key=notice.key,
            change=given.ref,
            recipient=to,
            notice=notice.model_dump_json(),
            created_at=now,
            attempts=0,
        )
    )
