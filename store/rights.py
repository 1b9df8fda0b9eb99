"""What the login that is used may do to the ledger, beyond adding and reading (reference/ledger.md 6.7), and whether
it may use the function that adds."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, select, text

from store.appending import CAN_APPEND_IN_ONE

TABLES = ("ledger_record", "ledger_head", "ledger_tile", "ledger_checkpoint", "ledger_witness")
FORBIDDEN = ("UPDATE", "DELETE", "TRUNCATE")


def excess_rights(connection: Connection) -> Sequence[str]:
    """The rights that a program does not need, such as "UPDATE on ledger_record". SQLite knows no rights."""
    if connection.dialect.name != "postgresql":
        return ()
    if connection.execute(text("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")).scalar_one():
        return ("everything, as a superuser",)
    return [
        f"{right} on {table}"
        for table in TABLES
        for right in FORBIDDEN
        if connection.execute(
            text("SELECT has_table_privilege(current_user, :table, :right)"), {"table": table, "right": right}
        ).scalar_one()
    ]


def lacks_the_function(connection: Connection) -> bool:
    """Whether PostgreSQL does not have ``ledger_append``, or does not let this login use it: records are then added
    in several statements each, as well as without it but slower."""
    if connection.dialect.name != "postgresql":
        return False
    return not connection.execute(select(CAN_APPEND_IN_ONE["postgresql"])).scalar()
