from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event, insert, select

from ledger.canonical import NotCanonical
from store import committing, tables
from store.committing import GroupCommitter, NothingWritten, Outcome
from store.database import DatabaseUnavailable, adding, reading
from tests.support.desk import MONDAY
from tests.support.ledgers import check_the_whole_ledger, heads
from tests.support.writers import entry


def appending(key: str, **updates: Any) -> Callable[[Connection], Outcome[str]]:
    """A work that writes a row of its own and one entry."""

    def work(connection: Connection) -> Outcome[str]:
        connection.execute(insert(tables.deployment).values(name=key, value="here"))
        return Outcome([entry(key, **updates)], MONDAY, f"answer to {key}")

    return work


def written(engine: Engine) -> set[str]:
    """The rows that works wrote, which must be those of the ledger."""
    with reading(engine) as connection:
        check_the_whole_ledger(connection)
        keys = set(connection.execute(select(tables.ledger_record.c.idem_key)).scalars())
        assert keys == set(connection.execute(select(tables.deployment.c.name)).scalars()) - {"ledger_origin"}
    return keys


class Gate:
    """A work that holds up its batch until it is opened, so that others gather meanwhile."""

    def __init__(self) -> None:
        self.entered, self.opened = threading.Event(), threading.Event()

    def work(self, connection: Connection) -> Outcome[str]:
        self.entered.set()
        assert self.opened.wait(10)
        return appending("gate")(connection)


def at_once(committer: GroupCommitter, works: list[Callable[[Connection], Outcome[str]]]) -> list[Any]:
    """Have all ``works`` wait while something is being written, and return answers and errors in their order."""
    gate = Gate()

    def commit(work: Callable[[Connection], Outcome[str]]) -> Any:
        try:
            return committer.commit(work)
        except Exception as error:
            return error

    with ThreadPoolExecutor(len(works) + 1) as threads:
        first = threads.submit(committer.commit, gate.work)
        assert gate.entered.wait(10)
        waiting = [threads.submit(commit, work) for work in works]
        while len(committer._queue) < len(works):
            time.sleep(0.001)
        gate.opened.set()
        assert first.result(20) == "answer to gate"
        return [one.result(20) for one in waiting]


def test_those_who_wait_share_one_commit_and_each_gets_their_own_answer(engine: Engine) -> None:
    answers = at_once(GroupCommitter(engine), [appending(f"w{number}") for number in range(12)])
    assert answers == [f"answer to w{number}" for number in range(12)]
    assert len(written(engine)) == 13
    with reading(engine) as connection:
        assert [head["size"] for head in heads(connection)] == [1, 13]


def test_no_more_than_so_many_share_a_commit(engine: Engine) -> None:
    at_once(GroupCommitter(engine, most=5), [appending(f"w{number}") for number in range(12)])
    with reading(engine) as connection:
        assert [head["size"] for head in heads(connection)] == [1, 6, 11, 13]


def broken(_connection: Connection) -> Outcome[str]:
    raise ZeroDivisionError("of its own")


def moved_on(_connection: Connection) -> Outcome[str]:
    raise NothingWritten("look again")


def half_written(connection: Connection) -> Outcome[str]:
    appending("half")(connection)
    raise ZeroDivisionError("after writing")


BAD: dict[str, tuple[Callable[[Connection], Outcome[str]], type[Exception]]] = {
    "raises": (broken, ZeroDivisionError),
    "was decided on an old state": (moved_on, NothingWritten),
    "raises after writing": (half_written, ZeroDivisionError),
    "does not fit into the ledger": (appending("long", command="x" * 60_000), NotCanonical),
    "has a key that is taken": (appending("gate"), Exception),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_one_fails_alone(engine: Engine, kind: str) -> None:
    work, error = BAD[kind]
    answers = at_once(GroupCommitter(engine), [appending("a"), work, appending("b"), appending("c")])
    assert isinstance(answers[1], error)
    assert [answers[0], *answers[2:]] == ["answer to a", "answer to b", "answer to c"]
    assert written(engine) == {"gate", "a", "b", "c"}


def test_a_database_that_is_away_is_said_to_each_of_them_at_once(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = []

    def away(_engine: Engine) -> Any:
        tries.append(1)
        raise DatabaseUnavailable("is away")

    def away_after_this(engine: Engine) -> Any:
        monkeypatch.setattr(committing, "adding", away)
        return adding(engine)

    monkeypatch.setattr(committing, "adding", away_after_this)
    answers = at_once(GroupCommitter(engine), [appending(f"w{number}") for number in range(4)])
    assert all(isinstance(answer, DatabaseUnavailable) for answer in answers)
    assert len(tries) == 1


def test_a_writer_that_is_ended_leaves_errors_and_no_hanging_callers(engine: Engine) -> None:
    def ended(_connection: Connection) -> Outcome[str]:
        raise SystemExit

    committer = GroupCommitter(engine)
    gate, answers = Gate(), list[Any]()

    def commit(work: Callable[[Connection], Outcome[str]]) -> None:
        try:
            answers.append(committer.commit(work))
        except BaseException as error:
            answers.append(error)

    threads = [threading.Thread(target=commit, args=(work,)) for work in (gate.work, ended, appending("a"))]
    threads[0].start()
    assert gate.entered.wait(10)
    for number, thread in enumerate(threads[1:], start=1):
        thread.start()
        while len(committer._queue) < number:
            time.sleep(0.001)
    gate.opened.set()
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()
    assert {type(answer) for answer in answers} == {str, SystemExit, DatabaseUnavailable}
    assert committer.commit(appending("later")) == "answer to later"
    assert written(engine) == {"gate", "later"}


def test_whoever_waits_too_long_gets_an_error_and_is_not_written(engine: Engine) -> None:
    committer = GroupCommitter(engine, patience=0.05)
    gate = Gate()
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(committer.commit, gate.work)
        assert gate.entered.wait(10)
        with pytest.raises(DatabaseUnavailable, match="it took too long to write"):
            committer.commit(appending("late"))
        gate.opened.set()
        assert first.result(10) == "answer to gate"
    assert written(engine) == {"gate"}


def test_a_commit_that_fails_is_an_error_for_each_and_nothing_is_written(engine: Engine) -> None:
    committer = GroupCommitter(engine)

    def fail(_connection: object) -> None:
        raise RuntimeError("no space left on device")

    event.listen(engine, "commit", fail)
    for work in (appending("a"), appending("b")):
        with pytest.raises(RuntimeError):
            committer.commit(work)
    event.remove(engine, "commit", fail)
    assert written(engine) == set()
    assert committer.commit(appending("a")) == "answer to a"
