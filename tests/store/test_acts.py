"""Acts of the organisation: once per key, recorded with what follows, and undone together."""

from __future__ import annotations

from datetime import timedelta
from email import message_from_bytes
from email.policy import default

import pytest
from sqlalchemy import Connection, Engine, select

from changes.acts import Act
from changes.refusals import not_yours
from directory.standing_in import AnnounceAbsence, Delegate
from notifications.notices import Notice
from notifications.rendering import Recipient, render
from store import tables
from store.acts import Happened, Performed, perform
from store.authority import Authority
from store.database import reading
from store.standing_in import delegate, delegations_of
from tests.support.desk import MONDAY

TODAY = MONDAY.date()
ACT = Delegate(to="priya.nair", starts=TODAY, ends=TODAY + timedelta(days=5), reason="A holiday. 🏖️")


def doing(engine: Engine, act: Delegate = ACT, key: str = "k1", actor: str = "samira.haddad") -> Performed:
    with reading(engine) as connection:
        directory = Authority().directory(connection)
    return perform(
        engine,
        act,
        lambda connection: delegate(connection, act, actor, directory, TODAY, MONDAY),
        actor=actor,
        via="api",
        key=key,
        now=MONDAY,
    )


def records(engine: Engine) -> list[tuple[str, str, str]]:
    table = tables.ledger_record.c
    with reading(engine) as connection:
        return [tuple(row) for row in connection.execute(select(table.action, table.outcome, table.change))]


def test_happens_once_however_often_it_is_sent(engine: Engine) -> None:
    first, again = doing(engine), doing(engine)
    assert first.receipt == again.receipt is not None
    assert (first.replayed, again.replayed) == (False, True)
    assert records(engine) == [("delegated", "applied", "")]
    with reading(engine) as connection:
        assert len(delegations_of(connection, "priya.nair")) == 1


def test_a_key_stands_for_one_act(engine: Engine) -> None:
    doing(engine)
    other = doing(engine, ACT.having(reason="Another."))
    assert other.refused is not None
    assert other.refused.rule == "key_reused"


def test_a_refusal_is_on_record_and_leaves_nothing_else(engine: Engine) -> None:
    refused = doing(engine, ACT.having(to="samira.haddad"))
    assert refused.refused is not None
    assert refused.refused.rule == "to_oneself"
    assert records(engine) == [("delegate", "refused", "")]
    with reading(engine) as connection:
        assert delegations_of(connection, "samira.haddad") == []


def test_what_was_written_before_a_rule_said_no_is_gone(engine: Engine) -> None:
    def half(connection: Connection) -> Happened:
        with reading(engine) as other:
            directory = Authority().directory(other)
        delegate(connection, ACT, "samira.haddad", directory, TODAY, MONDAY)
        not_yours("no", "No.")

    perform(engine, ACT, half, actor="samira.haddad", via="api", key="k", now=MONDAY)
    with reading(engine) as connection:
        assert delegations_of(connection, "samira.haddad") == []
        assert connection.execute(select(tables.outbox)).all() == []


def test_both_hear_of_a_delegation(engine: Engine) -> None:
    doing(engine)
    with reading(engine) as connection:
        notices = [
            Notice.model_validate_json(text) for text in connection.execute(select(tables.outbox.c.notice)).scalars()
        ]
    assert {notice.recipient: notice.kind for notice in notices} == {
        "priya.nair": "delegated_to_you",
        "samira.haddad": "delegated_by_you",
    }
    names = {"samira.haddad": "Samira Haddad", "priya.nair": "Priya Nair"}
    for notice in notices:
        person = Recipient(ref=notice.recipient, name=names[notice.recipient], email="a@b.example", zone="UTC")
        letter = render(notice, person, names, "https://groundswell.example", "Groundswell <g@b.example>")
        text = str(message_from_bytes(letter.content, policy=default).get_body(("plain",)))
        assert "https://groundswell.example/standing-in" in text


def test_an_act_has_a_kind_of_its_own() -> None:
    with pytest.raises(TypeError, match="two acts are called 'announce_absence'"):

        class Twice(Act, kind=AnnounceAbsence.kind, button="Again"):
            """The same again."""

    with pytest.raises(TypeError, match="needs a kind"):
        type("Nameless", (Act,), {})
