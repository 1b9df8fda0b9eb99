"""Giving an act that is not about one change, for API and pages alike: authorised, done and recorded at once."""

from __future__ import annotations

from datetime import date, datetime

import anyio.to_thread
from sqlalchemy import Connection

from changes.acts import Act
from directory.model import Directory
from directory.standing_in import AnnounceAbsence, Delegate, EndAbsence, RevokeDelegation
from store.acts import Happened, Performed, perform
from store.standing_in import announce_absence, delegate, end_absence, revoke
from web.services import Services


async def act(services: Services, wanted: Act, *, actor: str, via: str, key: str) -> Performed:
    """Do ``wanted`` in the name of ``actor``, and have open gates looked at where it changes who is asked.

    Raises:
        store.database.DatabaseUnavailable: nothing was done; the same key may be sent again.
        LookupError: this is no act that people give.
    """
    now = services.clock()

    def do(connection: Connection) -> Happened:
        directory = services.authority.directory(connection)
        return _doing(wanted, connection, actor, directory, services.authority.today(connection, now), now)

    def in_a_thread() -> Performed:
        return perform(services.engine, wanted, do, actor=actor, via=via, key=f"{actor}/{key}", now=now)

    done = await anyio.to_thread.run_sync(in_a_thread, limiter=services.threads)
    if done.receipt is not None and not done.replayed:
        await services.ask_again()
    return done


def _doing(
    wanted: Act, connection: Connection, actor: str, directory: Directory, today: date, now: datetime
) -> Happened:
    match wanted:
        case Delegate():
            return delegate(connection, wanted, actor, directory, today, now)
        case RevokeDelegation():
            return revoke(connection, wanted, actor, directory, now)
        case AnnounceAbsence():
            return announce_absence(connection, wanted, actor, directory, today, now)
        case EndAbsence():
            return end_absence(connection, wanted, actor, directory, now)
        case _:
            raise LookupError(f"{wanted.kind} is not given here")
