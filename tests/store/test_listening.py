"""Measures about concerns: counts only, and no pattern of fewer than five people."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Engine

from changes.concerns import AskWhy, RaiseConcern
from changes.state import ConcernCode
from store.database import reading
from store.listening import asked_in_time, patterns, raised_since
from store.similar import COMPARED, similar_changes
from tests.support.desk import Desk
from tests.support.examples import OWNER, PROPOSER, submit

PEOPLE = ("jonas.okafor", "priya.nair", "lea.fontaine", "hoa.nguyen", "amara.diallo")


def worry(code: str = "R05") -> RaiseConcern:
    return RaiseConcern(title="No time", text="There is too much.", code=ConcernCode(code))


def test_asked_in_time_late_and_never(engine: Engine) -> None:
    desk = Desk(engine)
    desk.give(PROPOSER, submit())
    for person in PEOPLE[:3]:
        desk.give(person, worry())
    desk.give(OWNER, AskWhy(concern="C1", question="Since when?"))
    desk.now += timedelta(days=8)
    desk.give(OWNER, AskWhy(concern="C2", question="Since when?"))
    with reading(engine) as connection:
        found = asked_in_time(raised_since(connection), desk.now)
        assert (found.in_time, found.late, found.never, found.due, found.percent) == (1, 1, 1, 3, 33)
        assert asked_in_time(raised_since(connection, desk.now), desk.now).percent is None


def test_a_reason_of_fewer_than_five_people_is_no_pattern(engine: Engine) -> None:
    desk = Desk(engine)
    desk.give(PROPOSER, submit())
    for person in PEOPLE[:4]:
        desk.give(person, worry())
    desk.give(PEOPLE[0], worry())  # the same person again is not another one
    desk.give(PEOPLE[4], worry("R01"))
    with reading(engine) as connection:
        assert patterns(connection) == []
    desk.give(PEOPLE[4], worry())
    with reading(engine) as connection:
        [one] = patterns(connection)
    assert (one.process, one.code, one.people) == ("returns", "R05", 5)


def test_similar_changes_are_found_with_where_they_stand(engine: Engine) -> None:
    desk = Desk(engine)
    desk.give(PROPOSER, submit())
    with reading(engine) as connection:
        [one] = similar_changes(connection, "returns answered within one day")
        assert (one.ref, one.outcome) == ("CH-1", "")
        assert one.standing
        assert similar_changes(connection, "returns answered within one day", besides=("CH-1",)) == ()
        assert similar_changes(connection, "a new coffee machine") == ()


@pytest.mark.slow
def test_of_many_changes_those_that_share_the_most_words_are_compared(engine: Engine) -> None:
    common, rare = "Answer returns of customers", "Answer returns of customers with velvet curtains"
    for number in range(1, COMPARED + 20):
        Desk(engine, change=f"CH-{number}").give(PROPOSER, submit(title=rare if number == 7 else common))
    with reading(engine) as connection:
        [first, *_] = similar_changes(connection, "customers want their velvet curtains returned: answer them")
    assert first.ref == "CH-7"
