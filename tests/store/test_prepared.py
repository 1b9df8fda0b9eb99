from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import Engine, bindparam, func, insert, literal, select, text
from sqlalchemy.exc import IntegrityError

from store import tables
from store.database import DatabaseUnavailable, reading, writing
from store.prepared import Prepared, among, listed
from tests.support.databases import ON_POSTGRESQL

HEADS = Prepared(insert(tables.ledger_head))
HEAD = select(tables.ledger_head).order_by(tables.ledger_head.c.size.desc()).limit(1)
NOON = datetime(2026, 7, 1, 14, 0, 0, 250_000, timezone(timedelta(hours=2)))


def head(size: int) -> dict[str, object]:
    return {"size": size, "root": bytes(32), "frontier": b"\x00\xff", "recorded_at": NOON, "first_seq": None}


def test_what_is_written_and_read_is_what_sqlalchemy_writes_and_reads(engine: Engine) -> None:
    with writing(engine) as connection:
        HEADS.write(connection, head(1))
        HEADS.write(connection, head(2), head(3))
        HEADS.write(connection)
    with reading(engine) as connection:
        (row,) = Prepared(HEAD).read(connection, {})
        assert row == tuple(connection.execute(HEAD).one())
        assert row[0] == 3
        assert row[3] == NOON
        assert row[3].tzinfo is UTC
        assert connection.execute(select(func.count()).select_from(tables.ledger_head)).scalar_one() == 3


def test_a_statement_for_each_kind_of_database(engine: Engine) -> None:
    moment = bindparam("given", type_=tables.ledger_head.c.recorded_at.type)
    prepared = Prepared({dialect: select(literal(dialect), moment) for dialect in ("sqlite", "postgresql")})
    with reading(engine) as connection:
        assert prepared.read(connection, {"given": NOON}) == [(engine.dialect.name, NOON)]


def test_an_error_is_sqlalchemys_and_does_not_quote_what_was_written(engine: Engine) -> None:
    prepared = Prepared(insert(tables.deployment))
    row = {"name": "n", "value": "somebody's words"}
    for rows in ([row], [row, {**row, "name": "m"}]):
        with pytest.raises(IntegrityError) as caught, writing(engine) as connection:
            prepared.write(connection, row)
            prepared.write(connection, *rows)
        assert "somebody" not in str(caught.value)
    with writing(engine) as connection:
        prepared.write(connection, row)


@pytest.mark.skipif(not ON_POSTGRESQL, reason="about PostgreSQL")
@pytest.mark.parametrize("act", ["read", "write"])
def test_a_connection_that_was_lost_is_an_outage_and_not_used_again(engine: Engine, act: str) -> None:
    with pytest.raises(DatabaseUnavailable), writing(engine) as connection:
        pid = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
        with engine.connect() as other:
            other.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})
        if act == "read":
            Prepared(HEAD).read(connection, {})
        HEADS.write(connection, head(1))
    with reading(engine) as connection:
        assert Prepared(HEAD).read(connection, {}) == []


def test_a_list_is_bound_as_one_value(engine: Engine) -> None:
    named = among(tables.deployment.c.name, "names")
    prepared = Prepared({dialect: select(tables.deployment.c.name).where(found) for dialect, found in named.items()})
    with writing(engine) as connection:
        rows = [{"name": name, "value": ""} for name in ("a", 'with "quotes"', "c")]
        connection.execute(insert(tables.deployment), rows)
        for wanted in ([], ["a"], ['with "quotes"', "c", "c", "unknown"]):
            found = {name for (name,) in prepared.read(connection, {"names": listed(connection, wanted)})}
            assert found == set(wanted) - {"unknown"}
