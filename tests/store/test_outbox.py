from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine, RowMapping, select

from notifications.notices import notices_for
from store import tables
from store.claims import CLAIM
from store.database import reading, writing
from store.outbox import (
    PATIENCE,
    Outgoing,
    claim_letters,
    count_waiting,
    holds_letter,
    let_letters_go,
    mark_delivered,
    mark_failed,
    waiting_to_leave,
)
from tests.support.databases import ON_POSTGRESQL
from tests.support.desk import MONDAY, Desk
from tests.support.examples import MANAGER, OWNER, PROPOSER, submit

LATER = MONDAY + timedelta(hours=1)


@pytest.fixture
def filled(engine: Engine) -> Engine:
    """Two changes were filed, and two people are to hear of each."""
    for change in ("CH-1", "CH-2"):
        Desk(engine, change).give(PROPOSER, submit())
    return engine


def outgoing(engine: Engine, change: str | None = None, **options: int) -> list[Outgoing]:
    with reading(engine) as connection:
        return list(waiting_to_leave(connection, change, **options))


def row(engine: Engine, number: int) -> RowMapping:
    with reading(engine) as connection:
        return connection.execute(select(tables.outbox).where(tables.outbox.c.number == number)).mappings().one()


def claim(engine: Engine, numbers: Collection[int], claimant: str, now: datetime = LATER) -> set[int]:
    with writing(engine) as connection:
        return claim_letters(connection, numbers, claimant, now)


def fail(engine: Engine, item: Outgoing, error: str = "away", final: bool = False, now: datetime = LATER) -> None:
    """A round that claims one letter and fails to send it."""
    with writing(engine) as connection:
        assert claim_letters(connection, [item.number], "one", now) == {item.number}
        mark_failed(connection, item, "one", error, final, now)


def test_what_waits_leaves_in_the_order_in_which_it_was_written(filled: Engine) -> None:
    items = outgoing(filled)
    assert [item.number for item in items] == sorted(item.number for item in items)
    assert [(item.notice.change, item.notice.recipient) for item in items] == [
        ("CH-1", MANAGER),
        ("CH-1", OWNER),
        ("CH-2", MANAGER),
        ("CH-2", OWNER),
    ]
    assert {item.attempts for item in items} == {0}
    assert outgoing(filled, "CH-2") == items[2:]
    assert outgoing(filled, "CH-3") == []
    assert outgoing(filled, limit=3) == items[:3]
    assert outgoing(filled, after=items[1].number) == items[2:]
    assert outgoing(filled, "CH-1", after=items[0].number) == items[1:2]


def test_a_notice_comes_back_as_it_was_written(engine: Engine) -> None:
    desk = Desk(engine)
    decision = desk.decision(PROPOSER, submit(title="Été “à l’heure” 🕰"))
    desk.record(decision)
    assert desk.state is not None
    assert tuple(item.notice for item in outgoing(engine)) == notices_for(None, desk.state, decision.events)


def test_what_has_left_does_not_leave_again(filled: Engine) -> None:
    first, *rest = outgoing(filled)
    with writing(filled) as connection:
        mark_delivered(connection, [first.number], LATER)
        mark_delivered(connection, [], LATER)
        assert count_waiting(connection) == 3
    assert outgoing(filled) == rest
    assert row(filled, first.number)["finished_at"] == LATER


def test_what_failed_is_tried_again_for_days_however_often_it_was_tried(filled: Engine) -> None:
    number = outgoing(filled)[0].number
    for attempt in range(1, 20):
        fail(filled, outgoing(filled)[0], f"away, {attempt}", now=MONDAY + PATIENCE - timedelta(seconds=1))
    assert [row(filled, number)[name] for name in ("attempts", "last_error", "finished_at")] == [19, "away, 19", None]
    fail(filled, outgoing(filled)[0], "away, for good", now=MONDAY + PATIENCE)
    assert [row(filled, number)[name] for name in ("attempts", "last_error", "finished_at")] == [
        20,
        "away, for good",
        MONDAY + PATIENCE,
    ]
    assert number not in [item.number for item in outgoing(filled)]


def test_a_final_failure_is_given_up_at_once(filled: Engine) -> None:
    item = outgoing(filled)[0]
    fail(filled, item, "550 no such user", final=True)
    assert item not in outgoing(filled)
    assert row(filled, item.number)["last_error"] == "550 no such user"


def test_success_after_failures_forgets_the_error(filled: Engine) -> None:
    item = outgoing(filled)[0]
    fail(filled, item)
    with writing(filled) as connection:
        mark_delivered(connection, [item.number], LATER)
    assert (row(filled, item.number)["last_error"], row(filled, item.number)["attempts"]) == (None, 1)


def test_whatever_a_mail_server_says_can_be_written_down(filled: Engine) -> None:
    item = outgoing(filled)[0]
    fail(filled, item, "5\0" + "50 " + "ß€🛑" * 1_000)
    kept = row(filled, item.number)["last_error"]
    assert kept.startswith("550 ß€🛑")
    assert len(kept) == 500


# ----------------------------------------------------------------------------------------------------------- claims


def holds(engine: Engine, number: int, claimant: str, now: datetime = LATER) -> bool:
    with reading(engine) as connection:
        return holds_letter(connection, number, claimant, now)


def test_a_letter_is_in_the_hands_of_one_round_until_its_claim_lapses_or_is_given_back(filled: Engine) -> None:
    first, second, third, fourth = [item.number for item in outgoing(filled)]
    assert claim(filled, [first, second], "one") == {first, second}
    assert claim(filled, [second, third], "two") == {third}
    assert [item.in_hand(LATER) for item in outgoing(filled)] == [True, True, True, False]
    assert [holds(filled, number, "one") for number in (first, second, third, fourth)] == [True, True, False, False]
    with writing(filled) as connection:
        let_letters_go(connection, [first, third], "one")
    assert claim(filled, [first, second, third], "two") == {first}
    lapsed = LATER + CLAIM
    assert not holds(filled, second, "one", lapsed)
    assert claim(filled, [second], "two", lapsed) == {second}
    assert claim(filled, [second], "one", lapsed) == set()


def test_what_left_after_its_claim_lapsed_is_ticked_off_all_the_same(filled: Engine) -> None:
    number = outgoing(filled)[0].number
    claim(filled, [number], "slow")
    claim(filled, [number], "quick", LATER + CLAIM)
    with writing(filled) as connection:
        mark_delivered(connection, [number], LATER + CLAIM)
    assert not holds(filled, number, "quick", LATER + CLAIM), "the other sees that it has left"
    assert claim(filled, [number], "third", LATER + 2 * CLAIM) == set()


def test_what_failed_after_its_claim_lapsed_says_nothing_about_what_another_round_did(filled: Engine) -> None:
    item, other = outgoing(filled)[:2]
    numbers = [item.number, other.number]
    claim(filled, numbers, "slow")
    claim(filled, numbers, "quick", LATER + CLAIM)
    with writing(filled) as connection:
        mark_delivered(connection, [item.number], LATER + CLAIM)
        for one in (item, other):
            mark_failed(connection, one, "slow", "timed out", False, LATER + CLAIM)
    assert row(filled, item.number)["finished_at"] == LATER + CLAIM
    assert holds(filled, other.number, "quick", LATER + CLAIM)
    assert [row(filled, number)["last_error"] for number in numbers] == [None, None]


@pytest.mark.skipif(not ON_POSTGRESQL, reason="SQLite has one writer at a time")
def test_who_claims_does_not_wait_for_another_who_does(filled: Engine) -> None:
    first, second, *_ = [item.number for item in outgoing(filled)]
    with writing(filled) as connection:
        assert claim_letters(connection, [first], "one", LATER) == {first}
        assert claim(filled, [first, second], "two") == {second}
