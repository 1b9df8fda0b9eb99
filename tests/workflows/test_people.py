"""People come and go while a change waits: open gates are asked again, and followers of a duplicate move along."""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from temporalio.testing import WorkflowEnvironment

from changes.any_moment import AddComment, Follow
from changes.hearing import AcceptForTesting, MarkDuplicate
from changes.holders import NameTesters
from changes.passing_time import next_moment
from changes.state import Change
from changes.testing import Endorse, ProposeTests
from directory.demonstration import FOLDER
from directory.standing_in import AnnounceAbsence, Delegate, RevokeDelegation
from store import tables
from store.acts import perform
from store.authority import Authority
from store.database import reading
from store.erasing import erase_person
from store.reading import waiting_of
from store.standing_in import announce_absence, delegate, revoke
from temporal.telling import ask_again
from tests.support.examples import CHAMPION, MANAGER, OWNER, PROPOSER, TO_TESTING, submit, the_tests
from tests.support.leaving import leaves
from tests.support.waiting import eventually
from tests.support.workers import Running


def seats(change: Change) -> dict[str, str | None]:
    """Who is asked, and in whose place."""
    return {seat.person: seat.stands_in_for for seat in change.gate.asked} if change.gate else {}


async def test_a_delegation_moves_what_waits_and_its_end_moves_it_back(
    running: Running, skipping: WorkflowEnvironment
) -> None:
    change = running.change("CH-1")
    await change.send(PROPOSER, submit())
    now = datetime.now(UTC)
    today = now.date()
    with reading(running.engine) as connection:
        directory = Authority().directory(connection)
    act = Delegate(to="priya.nair", starts=today, ends=today + timedelta(days=9), decisions=("answer_proposal",))
    done = perform(
        running.engine,
        act,
        lambda connection: delegate(connection, act, OWNER, directory, today, now),
        actor=OWNER,
        via="api",
        key="k1",
        now=now,
    )
    assert done.receipt is not None, done.refused
    await ask_again(running.client, running.task_queue)
    await eventually(lambda: seats(running.state("CH-1")).get("priya.nair") == OWNER)
    assert OWNER not in seats(running.state("CH-1"))
    refused = await change.refused(OWNER, AcceptForTesting())
    assert refused.rule == "not_asked"
    taken = RevokeDelegation(delegation=done.receipt.ref)
    perform(
        running.engine,
        taken,
        lambda connection: revoke(connection, taken, OWNER, directory, now),
        actor=OWNER,
        via="api",
        key="k2",
        now=now,
    )
    await ask_again(running.client, running.task_queue)
    await eventually(lambda: OWNER in seats(running.state("CH-1")))
    assert "priya.nair" not in seats(running.state("CH-1"))
    assert [entry.action for entry in running.trail("CH-1")].count("gate_replanned") == 2


async def test_an_absence_asks_somebody_in_the_line(running: Running, skipping: WorkflowEnvironment) -> None:
    change = running.change("CH-1")
    await change.send(PROPOSER, submit())
    now = datetime.now(UTC)
    with reading(running.engine) as connection:
        directory = Authority().directory(connection)
    act = AnnounceAbsence(starts=now.date(), ends=now.date() + timedelta(days=9))
    perform(
        running.engine,
        act,
        lambda connection: announce_absence(connection, act, MANAGER, directory, now.date(), now),
        actor=MANAGER,
        via="page",
        key="k1",
        now=now,
    )
    await ask_again(running.client, running.task_queue)
    await eventually(lambda: MANAGER in seats(running.state("CH-1")).values())


async def test_whoever_left_is_missed_and_somebody_else_runs_the_test(
    running: Running, skipping: WorkflowEnvironment
) -> None:
    """No gate is open while tests run: the directory alone says that somebody is gone."""
    change = running.change("CH-1")
    await running.give(change, TO_TESTING)
    [test] = the_tests().tests
    await change.send(PROPOSER, ProposeTests(tests=(test.having(testers=("lea.fontaine",)),)))
    await running.give(change, ((MANAGER, Endorse()), (OWNER, Endorse())))
    leaves(running.engine, "lea.fontaine")
    await ask_again(running.client, running.task_queue)
    await eventually(lambda: "holder_gone" in {entry.action for entry in running.trail("CH-1")})
    with reading(running.engine) as connection:
        assert not waiting_of(connection, "lea.fontaine")
        assert [task.commands[0] for task in waiting_of(connection, PROPOSER)] == ["name_testers"]
    receipt = await change.send(PROPOSER, NameTesters(test=test.ref, testers=("priya.nair",)))
    assert receipt.happened == ("testers_named",)
    with reading(running.engine) as connection:
        assert [task.commands[0] for task in waiting_of(connection, "priya.nair")] == ["record_result"]


@pytest.mark.slow
async def test_an_import_by_the_command_line_is_noticed_at_once(
    running: Running, skipping: WorkflowEnvironment, tmp_path: Path
) -> None:
    change = running.change("CH-1")
    await change.send(PROPOSER, submit())
    for file in FOLDER.glob("*.csv"):
        (tmp_path / file.name).write_text(file.read_text())
    people = (FOLDER / "people.csv").read_text().splitlines()
    header = people[0].split(",")
    rows = [row.split(",") for row in people[1:]]
    for row in rows:
        if row[header.index("id")] == MANAGER:
            row[header.index("away_until")] = (datetime.now(UTC) + timedelta(days=60)).date().isoformat()
    (tmp_path / "people.csv").write_text("\n".join(",".join(row) for row in (header, *rows)))
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "cli",
        "directory",
        "import",
        str(tmp_path),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=os.environ
        | {
            "DATABASE_URL": running.engine.url.render_as_string(hide_password=False),
            "TEMPORAL_ADDRESS": running.client.service_client.config.target_host,
            "GROUNDSWELL_TEMPORAL_TASK_QUEUE": running.task_queue,
        },
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
    assert "Changes under way look now" in said.decode()
    await eventually(lambda: MANAGER not in seats(running.state("CH-1")))


async def test_followers_of_a_duplicate_move_along(running: Running, skipping: WorkflowEnvironment) -> None:
    first, second = running.change("CH-1"), running.change("CH-2")
    await first.send(PROPOSER, submit())
    await second.send("priya.nair", submit(title="Answer returns the same day"))
    await second.send("lea.fontaine", Follow())
    await second.send(OWNER, MarkDuplicate(of="CH-1", reason="The same desk."))
    await eventually(lambda: "lea.fontaine" in running.state("CH-1").followers)
    assert set(running.state("CH-1").followers) == {"lea.fontaine", "priya.nair"}


@pytest.mark.parametrize("gone", [PROPOSER, OWNER])
async def test_a_change_goes_on_after_somebody_in_it_was_erased(
    running: Running, skipping: WorkflowEnvironment, gone: str
) -> None:
    """Its workflow forgets who that was, others decide and are told of it, and time still means something."""
    change = running.change("CH-1")
    await change.send(PROPOSER, submit(co_proposers=[CHAMPION]))
    await change.send(OWNER, AddComment(about="works", text="We tried that in spring."))
    leaves(running.engine, gone)
    await ask_again(running.client, running.task_queue)
    await eventually(lambda: gone not in seats(running.state("CH-1")))
    now = datetime.now(UTC)
    erased = erase_person(running.engine, gone, "They asked for it.", "hoa.nguyen", "david.brueckner", now)
    assert erased.changes == ("CH-1",)
    await ask_again(running.client, running.task_queue)
    handle = running.client.get_workflow_handle("CH-1")
    await eventually(lambda: erased.pseudonym in running.state("CH-1").model_dump_json())
    moment = next_moment(running.state("CH-1"))
    assert moment is not None
    await skipping.sleep(moment - await skipping.get_current_time() + timedelta(hours=3))
    await eventually(lambda: "reminded" in [entry.action for entry in running.trail("CH-1")])
    assert (await handle.describe()).history_length < 100
    asked = next(iter(seats(running.state("CH-1"))))
    assert (await change.send(asked, AcceptForTesting())).happened[0] == "accepted_for_testing"
    with reading(running.engine) as connection:
        for table in (tables.change, tables.ledger_private, tables.redacted_event, tables.outbox, tables.waiting):
            assert gone not in repr(connection.execute(select(table)).all()), table.name
