"""Moving the demonstration's time forward, for the page and the command line that show it."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from store import tables
from store.demonstration_clock import DemonstrationClock, NoDemonstration, put_forward
from web.services import Services

MOST_DAYS = 400
"""Days in one step."""


async def move_forward(services: Services, days: int) -> datetime:
    """Put every clock of the demonstration ``days`` forward, and let happen what falls due on every open change.

    Returns:
        The moment it is then.

    Raises:
        NoDemonstration: this is none; production never has this.
        ValueError: not between 1 and :data:`MOST_DAYS` days.
    """
    if not services.settings.demonstration:
        raise NoDemonstration("Time can be moved in the demonstration only.")
    if not 1 <= days <= MOST_DAYS:
        raise ValueError(f"Choose between 1 and {MOST_DAYS} days.")

    def move(connection: Connection) -> list[str]:
        put_forward(connection, timedelta(days=days))
        table = tables.change.c
        return list(connection.execute(select(table.ref).where(table.outcome == "").order_by(table.number)).scalars())

    refs = await services.write(move)
    if isinstance(services.clock, DemonstrationClock):
        services.clock.forget()
    await services.tell_clocks(refs)
    await services.ask_again()
    return services.clock()
