"""Without one's name on the whole way: neither Temporal's histories nor the logs of web and worker say who it was."""

from __future__ import annotations

import json
import logging
import re

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, select
from structlog.testing import capture_logs

from changes.any_moment import AddComment
from changes.commands import Command
from changes.concerns import RaiseConcern
from changes.instruction import Receipt
from changes.proposal import Edit
from changes.state import ConcernCode
from settings import Settings
from store import tables
from store.database import reading
from tests.support.examples import submit
from tests.support.senders import SECRET
from tests.support.workers import Running
from web.commanding import Given, give
from web.services import Services

pytestmark = pytest.mark.temporal

PERSON = "priya.nair"
OTHER = "mara.lind"
KEY = "sent-from-the-warehouse-tablet"


def name_of(engine: Engine, person: str) -> str:
    """A person's name, as the directory has it."""
    table = tables.person.c
    with reading(engine) as connection:
        return str(connection.execute(select(table.name).where(table.ref == person)).scalar_one())


MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d")


def moments_written(engine: Engine) -> set[str]:
    """Every moment that stands anywhere in a row, to the second."""
    found: set[str] = set()
    with reading(engine) as connection:
        for table in tables.metadata.sorted_tables:
            for row in connection.execute(select(table)):
                found |= set(MOMENT.findall(" ".join(_text(value) for value in row)))
    return {moment.replace("T", " ") for moment in found}


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


async def payloads(running: Running, ref: str) -> str:
    """Everything Temporal keeps about the workflow of a change, as text in which a name would be found."""
    history = await running.client.get_workflow_handle(ref).fetch_history()
    found = [event.SerializeToString().decode("utf-8", "replace") for event in history.events]
    assert found
    return "\n".join(found)


async def test_neither_history_nor_log_says_who_filed_and_went_on_anonymously(
    running: Running, caplog: pytest.LogCaptureFixture
) -> None:
    settings = Settings(actor_key=SecretStr(SECRET.decode()))
    services = Services(settings=settings, engine=running.engine, gateway=running.gateway)

    async def say(command: Command, person: str, change: str | None, key: str, anonymously: bool = True) -> Given:
        return await give(services, command, change=change, key=key, actor=person, via="page", anonymously=anonymously)

    caplog.set_level(logging.INFO)
    before = moments_written(running.engine)
    with capture_logs() as logged:
        filed = await say(submit(), PERSON, None, KEY)
        assert isinstance(filed.answer, Receipt), filed.answer
        ref = filed.change
        worry = RaiseConcern(title="Fraud", text="Nobody checks.", code=ConcernCode.R09, blocking=True)
        for command in (Edit(title="Answer at once"), worry):
            assert isinstance((await say(command, PERSON, ref, f"{KEY}/{command.kind}")).answer, Receipt)
        nameless = moments_written(running.engine) - before
        assert nameless
        assert all(moment.endswith(":00:00") for moment in nameless), "the hour, and no minute"
        assert isinstance(
            (await say(AddComment(about="works", text="Good."), OTHER, ref, "named", False)).answer, Receipt
        )

    assert not all(moment.endswith(":00:00") for moment in moments_written(running.engine) - before)
    history, lines = await payloads(running, ref), json.dumps([*logged, *caplog.messages], default=str)
    for place, text in (("history", history), ("log", lines)):
        for trace in (PERSON, name_of(running.engine, PERSON), KEY):
            assert trace not in text, f"{trace} stands in the {place}"
        assert OTHER in text, f"whoever acts under their name stands in the {place}, so the test would see one"
    assert "Answer at once" in history
    assert "anon-" not in lines
