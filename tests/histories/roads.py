"""The roads whose histories are kept for replay, and the program that records them.

``python -m tests.histories.roads`` records each road again beside the kept ones, under today's version. Kept histories
are never replaced: they are what changes in flight have in their past, so today's workflow must still follow them.
"""

from __future__ import annotations

import asyncio
import gzip
import os
import shutil
import sys
import tempfile
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from unittest.mock import patch

from temporalio.testing import WorkflowEnvironment

from changes.any_moment import (
    AddComment,
    MakeLastCall,
    MoveDeadline,
    PutOnHold,
    Remind,
    Resume,
    StepAside,
    Withdraw,
)
from changes.authors import JoinAuthors
from changes.concerns import AnswerWhy, AskWhy, RaiseConcern, ResolveConcern, Respond
from changes.hearing import AcceptForTesting, AskForChanges, DecideYourself, Decline, MarkDuplicate, SayBack
from changes.holders import NameTesters
from changes.passing_time import next_moment
from changes.proposal import Resubmit
from changes.recruiting import DeclineInvitation, Invite
from changes.rollout import CompleteWave, RollBack, StartWave
from changes.state import ConcernCode
from changes.testing import Endorse, ProposeTests
from directory.standing_in import Delegate
from store.acts import perform
from store.authority import Authority, LookedUp
from store.database import open_database, reading
from store.standing_in import delegate
from temporal.plugin import groundswell_plugin
from temporal.telling import tell_to_look_again
from tests.support.databases import Databases
from tests.support.examples import (
    CHAMPION,
    IN_ROLLOUT,
    LEARNING,
    MANAGER,
    OWNER,
    PROPOSER,
    TO_CHAMPIONS,
    TO_ROLLOUT,
    TO_TESTING,
    champions_of_the_service_desk,
    effect,
    metric,
    result,
    submit,
    the_tests,
)
from tests.support.leaving import leaves
from tests.support.losing import losing_the_answer_to
from tests.support.senders import ByTemporal
from tests.support.skipping import another_holiday, skip_to, thursday_before_winter_time, to_next_moment
from tests.support.waiting import eventually
from tests.support.workers import Running, running_worker

FOLDER = Path(__file__).parent
VERSION = "0.3"
"""The release whose command order these histories show."""
Road = Callable[[Running, ByTemporal, WorkflowEnvironment], Awaitable[None]]


async def main_road(running: Running, change: ByTemporal, skipping: WorkflowEnvironment) -> None:
    """From filing to closing, with both effect checks opening by themselves."""
    await running.give(change, (*TO_ROLLOUT, *champions_of_the_service_desk("lea.fontaine"), *IN_ROLLOUT))
    for number, check in enumerate(running.state(change.change).learning.checks):
        await skipping.sleep(check.opens - await skipping.get_current_time() + timedelta(seconds=2))

        def opened(number: int = number) -> bool:
            return running.state(change.change).learning.checks[number].opened

        await eventually(opened)
        await change.send(check.owner, effect(check.ref))
    await running.give(change, LEARNING)


async def side_roads(running: Running, change: ByTemporal, skipping: WorkflowEnvironment) -> None:
    """Changes asked, hold and resume, a blocking concern, a refused command, a moved deadline, then withdrawn."""
    await change.send(PROPOSER, submit())
    await change.send(MANAGER, AskForChanges(what="Say who pays."))
    await change.send(PROPOSER, Resubmit(what_changed="The desk pays.", cost=Decimal(250)))
    await change.send(MANAGER, PutOnHold(reason="After the season."))
    await change.send(MANAGER, Resume(reason="The season is over."))
    await change.send(
        CHAMPION, RaiseConcern(title="Warranty cases", text="Some need an expert.", code=ConcernCode.R09, blocking=True)
    )
    await change.refused(MANAGER, AcceptForTesting())
    await change.send(OWNER, AskWhy(concern="C1", question="Which ones?"))
    await change.send(CHAMPION, AnswerWhy(concern="C1", answer="Cracked frames."))
    await change.send(PROPOSER, Respond(concern="C1", text="Frames stay with the experts.", changed_something=True))
    await change.send(CHAMPION, ResolveConcern(concern="C1", because="Frames are out."))
    await change.send(OWNER, AddComment(about="better", text="Write the list down."))
    later = await skipping.get_current_time() + timedelta(days=30)
    await change.send(OWNER, MoveDeadline(deadline="gate", to=later, reason="Holidays."))
    await change.send(MANAGER, AcceptForTesting())
    await change.send(PROPOSER, Withdraw(reason="Solved by the new shop system."))


async def silence(running: Running, change: ByTemporal, skipping: WorkflowEnvironment) -> None:
    """Reminders, two escalations, expiry; each is a timer."""
    await change.send(PROPOSER, submit())
    await skipping.sleep(timedelta(days=200))
    await eventually(lambda: running.state(change.change).closing)


async def declined(running: Running, change: ByTemporal, skipping: WorkflowEnvironment) -> None:
    """A decline ends the first run."""
    await running.give(change, TO_TESTING)
    await change.send(PROPOSER, the_tests())
    await change.send(OWNER, Decline(reason="Too risky now.", way_forward="Try it with paper first."))


async def alone(running: Running, change: ByTemporal, skipping: WorkflowEnvironment) -> None:
    """Decided alone; the window closes by itself; then withdrawn."""
    small = submit(affected_teams=("service-desk",), people_affected=5, cost=Decimal(50), customer_facing=False)
    await change.send(PROPOSER, small)
    await change.send(PROPOSER, DecideYourself())
    await skipping.sleep(timedelta(days=10))
    await eventually(lambda: running.state(change.change).stage == "testing")
    await change.send(PROPOSER, Withdraw(reason="Enough for this road."))


async def rolled_back(running: Running, change: ByTemporal, skipping: WorkflowEnvironment) -> None:
    """A declined invitation, a wave that is rolled back, and the whole rollout undone."""
    await running.give(change, TO_CHAMPIONS)
    await change.send(PROPOSER, Invite(people=(CHAMPION,)))
    await change.send(CHAMPION, DeclineInvitation())
    await running.give(change, (*TO_ROLLOUT[len(TO_CHAMPIONS) :], *champions_of_the_service_desk("lea.fontaine")))
    await running.give(change, IN_ROLLOUT[:2])
    await change.send(PROPOSER, metric(9))
    await change.send(PROPOSER, RollBack(scope="wave", reason="Wrong decisions."))
    await change.send(PROPOSER, StartWave(wave="Pilot"))
    await change.send(PROPOSER, metric(1))
    await change.send(PROPOSER, CompleteWave(adoption=70))
    await change.send(OWNER, RollBack(scope="all", reason="The shop system changes."))
    await running.give(change, LEARNING)


async def asked_again(running: Running, change: ByTemporal, skipping: WorkflowEnvironment) -> None:
    """Somebody delegates and takes it back, a last call is made and reopened, and somebody steps aside."""
    await change.send(PROPOSER, submit())
    with reading(running.engine) as connection:
        directory = Authority().directory(connection)
    now = datetime.now(UTC)
    act = Delegate(to=CHAMPION, starts=now.date(), ends=now.date() + timedelta(days=200))
    given = perform(
        running.engine,
        act,
        lambda connection: delegate(connection, act, OWNER, directory, now.date(), now),
        actor=OWNER,
        via="api",
        key="k",
        now=now,
    )
    assert given.receipt is not None
    await tell_to_look_again(running.client, running.task_queue, change.change)
    await eventually(lambda: "gate_replanned" in {entry.action for entry in running.trail(change.change)})
    await change.send(CHAMPION, SayBack(heard="Faster."))
    await change.send(PROPOSER, Remind())
    await change.send(CHAMPION, MakeLastCall())
    await change.send("lea.fontaine", RaiseConcern(title="Fraud", text="No checks.", code=ConcernCode.R09))
    await change.send("lea.fontaine", ResolveConcern(concern="C1"))
    await change.send(CHAMPION, StepAside(reason="It is my own desk."))
    await tell_to_look_again(running.client, running.task_queue, change.change)
    await change.send(MANAGER, AcceptForTesting())
    await skipping.sleep(timedelta(days=20))
    await eventually(lambda: "authors_reminded" in {entry.action for entry in running.trail(change.change)})
    await change.send(PROPOSER, Withdraw(reason="Enough for this road."))


async def duplicate(running: Running, change: ByTemporal, skipping: WorkflowEnvironment) -> None:
    """The change is a duplicate of another, to which word is sent."""
    other = running.change("CH-2")
    await other.send(PROPOSER, submit())
    await change.send(CHAMPION, submit(title="The same"))
    await change.send(OWNER, MarkDuplicate(of="CH-2", reason="The same desk."))
    await eventually(lambda: CHAMPION in running.state("CH-2").followers)


async def months(running: Running, change: ByTemporal, skipping: WorkflowEnvironment) -> None:
    """Silence over clocks that are put back and a new holiday, until it expires."""
    thursday = thursday_before_winter_time(await skipping.get_current_time())
    await skip_to(skipping, thursday)
    await change.send(PROPOSER, submit())
    await to_next_moment(running, skipping, change.change)
    with another_holiday((thursday + timedelta(days=6)).date()):
        await tell_to_look_again(running.client, running.task_queue, change.change)
        await eventually(lambda: "deadline_reckoned" in {entry.action for entry in running.trail(change.change)})
        while running.state(change.change).closing is None:
            await to_next_moment(running, skipping, change.change)


async def left_behind(running: Running, change: ByTemporal, skipping: WorkflowEnvironment) -> None:
    """A co-proposer says yes, the tester leaves while the test runs, and somebody else runs it."""
    await change.send(PROPOSER, submit(co_proposers=["priya.nair"]))
    await change.send("priya.nair", JoinAuthors())
    await change.send(MANAGER, AcceptForTesting())
    [test] = the_tests().tests
    await change.send(PROPOSER, ProposeTests(tests=(test.having(testers=("lea.fontaine",)),)))
    await running.give(change, ((MANAGER, Endorse()), (OWNER, Endorse())))
    leaves(running.engine, "lea.fontaine")
    await tell_to_look_again(running.client, running.task_queue, change.change)
    await eventually(lambda: "holder_gone" in {entry.action for entry in running.trail(change.change)})
    await change.send(PROPOSER, NameTesters(test="T1", testers=("hoa.nguyen",)))
    await change.send("hoa.nguyen", result())
    await change.send("priya.nair", Withdraw(reason="Enough for this road."))


async def lost_answers(running: Running, change: ByTemporal, skipping: WorkflowEnvironment) -> None:
    """What was recorded was not answered: a submission, a comment, and a reminder that is not there to be noticed."""
    with losing_the_answer_to("submit"):
        await change.send(PROPOSER, submit())
    with losing_the_answer_to("comment"):
        await change.send(OWNER, AddComment(about="better", text="Write the list down."))
    with losing_the_answer_to("notice_time"):
        await to_next_moment(running, skipping, change.change)
    with patch.object(Authority, "look_up", lambda *_: LookedUp(unknown=(PROPOSER,))):
        due = next_moment(running.state(change.change))
        assert due is not None
        await skipping.sleep(due - await skipping.get_current_time() + timedelta(hours=5))
    await tell_to_look_again(running.client, running.task_queue, change.change)
    await eventually(lambda: [entry.action for entry in running.trail(change.change)].count("reminded") == 2)
    await change.send(PROPOSER, Withdraw(reason="Enough for this road."))


ROADS: dict[str, Road] = {
    "lost-answers": lost_answers,
    "left-behind": left_behind,
    "months": months,
    "asked-again": asked_again,
    "duplicate": duplicate,
    "main-road": main_road,
    "side-roads": side_roads,
    "silence": silence,
    "declined": declined,
    "alone": alone,
    "rolled-back": rolled_back,
}


async def record(name: str, databases: Databases) -> Path:
    """Take one road on a fresh server and database and keep its history."""
    binary = shutil.which("temporal-test-server", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    environment = await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=binary, plugins=[groundswell_plugin()]
    )
    with databases.fresh() as address:
        engine = open_database(address)
        async with environment, running_worker(environment.client, engine) as running:
            change = running.change("CH-1")
            await ROADS[name](running, change, environment)
            await asyncio.sleep(0.5)
            history = await running.client.get_workflow_handle("CH-1").fetch_history()
    path = FOLDER / f"{name}-{VERSION}.json.gz"
    path.write_bytes(gzip.compress(history.to_json().encode(), mtime=0))
    return path


async def record_all() -> None:
    """Record every road that is not kept yet under this version."""
    databases = Databases(Path(tempfile.mkdtemp()), None)
    for name in ROADS:
        if (FOLDER / f"{name}-{VERSION}.json.gz").exists():
            continue
        path = await record(name, databases)
        print(f"{path.name}: {path.stat().st_size // 1024} kB")


if __name__ == "__main__":
    asyncio.run(record_all())
