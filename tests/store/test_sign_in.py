from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier

import pytest
from sqlalchemy import Connection, Engine, func, select

from store import tables
from store.database import reading, writing
from store.sign_in import (
    LINK_LASTS,
    SESSION_IDLES,
    SESSION_LASTS,
    begin_session,
    end_session,
    link_person,
    make_link,
    session_person,
    touch_session,
    use_link,
)
from store.tokens import make_token, token_holder
from tests.support.desk import MONDAY
from tests.support.examples import MANAGER, PROPOSER

SECOND = timedelta(seconds=1)


@pytest.fixture
def link(engine: Engine) -> str:
    with writing(engine) as connection:
        return make_link(connection, PROPOSER, MONDAY)


@pytest.fixture
def session(engine: Engine) -> str:
    with writing(engine) as connection:
        return begin_session(connection, PROPOSER, MONDAY)


def use(engine: Engine, link: str, now: datetime) -> str | None:
    with writing(engine) as connection:
        return use_link(connection, link, now)


def signed_in(engine: Engine, token: str, now: datetime) -> str | None:
    with reading(engine) as connection:
        return session_person(connection, token, now)


def person_of(connection: Connection, token: str, now: datetime) -> str | None:
    holder = token_holder(connection, token, now)
    return holder.person if holder else None


def touch(engine: Engine, token: str, now: datetime) -> None:
    with writing(engine) as connection:
        touch_session(connection, token, now)


# -------------------------------------------------------------------------------------------------------- links


def test_looking_at_a_link_does_not_use_it_up(engine: Engine, link: str) -> None:
    with reading(engine) as connection:
        assert [link_person(connection, link, MONDAY) for _ in range(3)] == [PROPOSER] * 3
    assert use(engine, link, MONDAY) is not None


def test_a_link_works_once(engine: Engine, link: str) -> None:
    session = use(engine, link, MONDAY)
    assert session is not None
    assert signed_in(engine, session, MONDAY) == PROPOSER
    assert use(engine, link, MONDAY) is None
    with reading(engine) as connection:
        assert link_person(connection, link, MONDAY) is None


def test_a_link_used_by_eight_at_once_signs_in_one(engine: Engine, link: str) -> None:
    barrier = Barrier(8)

    def click(_: int) -> str | None:
        barrier.wait()
        return use(engine, link, MONDAY)

    with ThreadPoolExecutor(8) as threads:
        sessions = list(threads.map(click, range(8)))
    assert sum(session is not None for session in sessions) == 1
    with reading(engine) as connection:
        assert connection.execute(select(func.count()).select_from(tables.session)).scalar_one() == 1


def test_a_link_ends_on_its_day(engine: Engine, link: str) -> None:
    with reading(engine) as connection:
        assert link_person(connection, link, MONDAY + LINK_LASTS - SECOND) == PROPOSER
        assert link_person(connection, link, MONDAY + LINK_LASTS) is None
    assert use(engine, link, MONDAY + LINK_LASTS) is None
    assert use(engine, link, MONDAY + LINK_LASTS - SECOND) is not None


def test_a_link_that_failed_to_sign_in_is_not_used_up(engine: Engine, link: str) -> None:
    with pytest.raises(RuntimeError), writing(engine) as connection:
        assert use_link(connection, link, MONDAY)
        raise RuntimeError("the answer could not be sent")
    assert use(engine, link, MONDAY) is not None


# ----------------------------------------------------------------------------------------------------- sessions


def test_a_session_that_idles_ends_and_one_in_use_goes_on(engine: Engine, session: str) -> None:
    assert signed_in(engine, session, MONDAY + SESSION_IDLES - SECOND) == PROPOSER
    assert signed_in(engine, session, MONDAY + SESSION_IDLES) is None
    touch(engine, session, MONDAY + timedelta(hours=1))
    assert signed_in(engine, session, MONDAY + SESSION_IDLES) == PROPOSER


def test_a_session_ends_however_much_it_is_used(engine: Engine, session: str) -> None:
    touch(engine, session, MONDAY + SESSION_LASTS - SECOND)
    assert signed_in(engine, session, MONDAY + SESSION_LASTS - SECOND) == PROPOSER
    assert signed_in(engine, session, MONDAY + SESSION_LASTS) is None


def test_signing_out_ends_this_session_only_and_for_good(engine: Engine, session: str) -> None:
    with writing(engine) as connection:
        other = begin_session(connection, PROPOSER, MONDAY)
        end_session(connection, session, MONDAY)
    touch(engine, session, MONDAY)
    assert signed_in(engine, session, MONDAY) is None
    assert signed_in(engine, other, MONDAY) == PROPOSER


# ------------------------------------------------------------------------------------------------------- tokens


def test_a_token_works_until_it_expires_or_is_revoked(engine: Engine) -> None:
    with writing(engine) as connection:
        token = make_token(connection, MANAGER, "reports", timedelta(days=30), MONDAY)
        other = make_token(connection, PROPOSER, "reports", timedelta(days=30), MONDAY)
    assert token.startswith("gw_")
    with reading(engine) as connection:
        assert person_of(connection, token, MONDAY + timedelta(days=30) - SECOND) == MANAGER
        assert person_of(connection, token, MONDAY + timedelta(days=30)) is None
    with writing(engine) as connection:
        table = tables.api_token
        connection.execute(table.update().where(table.c.person == MANAGER).values(revoked_at=MONDAY))
        assert person_of(connection, token, MONDAY) is None
        assert person_of(connection, other, MONDAY) == PROPOSER


# -------------------------------------------------------------------------------------------------- in any case


def test_only_hashes_are_stored(engine: Engine, link: str, session: str) -> None:
    second = use(engine, link, MONDAY)
    assert second is not None
    with writing(engine) as connection:
        token = make_token(connection, MANAGER, "reports", timedelta(days=30), MONDAY)
    with reading(engine) as connection:
        stored = [
            str(tuple(row))
            for table in (tables.sign_in_link, tables.session, tables.api_token)
            for row in connection.execute(select(table))
        ]
    assert len(stored) == 4
    for secret in (link, session, second, token, token.removeprefix("gw_")):
        assert not any(secret in row for row in stored)
    for secret in (link, session, second, token):
        assert sum(hashlib.sha256(secret.encode()).hexdigest() in row for row in stored) == 1


def test_secrets_are_long_and_never_the_same(engine: Engine) -> None:
    with writing(engine) as connection:
        links = {make_link(connection, PROPOSER, MONDAY) for _ in range(20)}
    assert len(links) == 20
    assert min(map(len, links)) == 64  # 32 random bytes


def test_a_link_can_be_typed_as_an_argument_and_found_in_plain_text(engine: Engine) -> None:
    with writing(engine) as connection:
        links = [make_link(connection, PROPOSER, MONDAY) for _ in range(20)]
    assert all(link.isalnum() for link in links)


def test_a_guess_signs_nobody_in(engine: Engine, link: str, session: str) -> None:
    with writing(engine) as connection:
        for guess in ("", "nonsense", "ä" * 10, "' OR '1'='1", "\0", "%", "x" * 100_000):
            for find in (link_person, use_link, session_person, person_of):
                assert find(connection, guess, MONDAY) is None
            touch_session(connection, guess, MONDAY)
            end_session(connection, guess, MONDAY)
    assert signed_in(engine, session, MONDAY) == PROPOSER
    assert use(engine, link, MONDAY) is not None


def test_the_hash_of_a_secret_is_not_a_secret(engine: Engine, link: str, session: str) -> None:
    with reading(engine) as connection:
        for table in (tables.sign_in_link, tables.session):
            stored = connection.execute(select(table.c.token_hash)).scalar_one()
            assert link_person(connection, stored, MONDAY) is None
            assert session_person(connection, stored, MONDAY) is None
