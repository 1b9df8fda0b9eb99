"""Every command is a named update; keys hold, refusals are recorded, nobody can borrow a name."""

from __future__ import annotations

import asyncio
import json
import uuid

import pytest
from temporalio import workflow
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from changes.any_moment import AddComment, Withdraw
from changes.decision import HUMAN_COMMANDS
from changes.hearing import AcceptForTesting
from changes.instruction import Instruction, Receipt
from changes.proposal import Resubmit
from changes.refusals import RefusalKind, Refused
from store.database import reading
from temporal import calls
from tests.support.examples import MANAGER, OWNER, PROPOSER, TO_TESTING, submit, the_tests
from tests.support.ledgers import records
from tests.support.senders import instruction
from tests.support.waiting import eventually
from tests.support.workers import Running
from workflows.change import ChangeWorkflow

pytestmark = pytest.mark.temporal


def test_every_human_command_is_a_named_update() -> None:
    updates = set(workflow._Definition.must_from_class(ChangeWorkflow).updates)
    assert updates == set(HUMAN_COMMANDS), "nobody may tell a change that time has passed"


async def test_a_repeated_key_happens_once(running: Running) -> None:
    change = running.change()
    first = await change.send(PROPOSER, submit(), key="same")
    second = await change.send(PROPOSER, submit(), key="same")
    assert first == second
    assert len(running.trail(change.change)) == first.version


async def test_concurrent_deliveries_of_one_key_happen_once(running: Running) -> None:
    change = running.change()
    await change.send(PROPOSER, submit())
    comment = AddComment(about="works", text="I like it.")
    told = instruction(comment, OWNER, change.change, key="once")
    answers = await asyncio.gather(*(running.gateway.send(comment, told) for _ in range(6)))
    assert len({answer.model_dump_json() for answer in answers}) == 1
    assert len(running.state(change.change).comments) == 1


async def test_a_key_used_for_something_else_is_refused(running: Running) -> None:
    change = running.change()
    await change.send(PROPOSER, submit())
    await change.send(OWNER, AddComment(about="works", text="Good."), key="k")
    # The same update id would attach to the first update; a retry by way of another id must not slip through either.
    other = AddComment(about="works", text="Something else.")
    handle = running.client.get_workflow_handle(change.change)
    with pytest.raises(WorkflowUpdateFailedError) as failed:
        await handle.execute_update(
            "comment", args=[other, instruction(other, OWNER, change.change, key="k")], id=uuid.uuid4().hex
        )
    assert isinstance(failed.value.cause, ApplicationError)
    assert failed.value.cause.details[0]["rule"] == "key_reused"
    assert len(running.state(change.change).comments) == 1


async def test_no_digest_of_what_somebody_wrote_stands_in_a_record(running: Running) -> None:
    """Temporal tells other words with the same key apart by one; whoever has it can try short words until it fits."""
    change = running.change()
    await change.send(PROPOSER, submit())
    comment = AddComment(about="works", text="No.")
    await change.send(OWNER, comment, key="of-the-comment")
    with reading(running.engine) as connection:
        bodies = [row["body"].decode() for row in records(connection)]
    assert json.loads(bodies[-1])["workflow"]["update_id"] == "of-the-comment"
    assert not any(comment.fingerprint()[:16] in body or submit().fingerprint()[:16] in body for body in bodies)


async def test_a_key_holds_after_the_change_has_ended(running: Running) -> None:
    change = running.change()
    await change.send(PROPOSER, submit())
    ended = await change.send(PROPOSER, Withdraw(reason="Solved otherwise."), key="last")
    await running.client.get_workflow_handle(change.change).result()
    again = await change.send(PROPOSER, Withdraw(reason="Solved otherwise."), key="last")
    assert again == ended


async def test_an_ended_change_comes_back_from_its_records(running: Running) -> None:
    change = running.change()
    await change.send(PROPOSER, submit())
    await change.send(PROPOSER, Withdraw(reason="Not now."))
    await running.client.get_workflow_handle(change.change).result()
    back = await change.send(PROPOSER, Resubmit(what_changed="Now is the time."))
    assert back.phase == "awaiting_answer"
    assert (await change.send(MANAGER, AcceptForTesting())).stage == "testing"


async def test_refusals_are_recorded_and_leave_no_mark_on_the_change(running: Running) -> None:
    change = running.change()
    await change.send(PROPOSER, submit())
    refused = await change.refused(PROPOSER, AcceptForTesting())
    assert (refused.kind, refused.rule) == (RefusalKind.NOT_YOURS, "own_change")
    last = running.trail(change.change)[-1]
    assert (last.outcome, last.actor, last.action) == ("refused", PROPOSER, "accept_for_testing")
    assert running.state(change.change).phase == "awaiting_answer"


async def test_a_refused_submission_leaves_no_workflow_behind(running: Running) -> None:
    change = running.change()
    refused = await change.refused(PROPOSER, submit(process="no-such-process"))
    assert (refused.rule, refused.pointer) == ("unknown_process", "/process")
    await running.client.get_workflow_handle(change.change).result()


async def test_a_command_for_a_change_that_does_not_exist(running: Running) -> None:
    refused = await running.change("CH-404").refused(MANAGER, AcceptForTesting())
    assert refused.kind is RefusalKind.UNKNOWN


async def test_somebody_elses_name_is_not_enough(running: Running) -> None:
    """An update sent straight to Temporal, with the manager's name and a made-up signature."""
    change = running.change()
    await change.send(PROPOSER, submit())
    command = AcceptForTesting()
    honest = instruction(command, PROPOSER, change.change)
    forged = Instruction(
        change=change.change, key="forged", assertion=honest.assertion.having(actor=MANAGER, signature="0" * 64)
    )
    answer = await running.gateway.send(command, forged)
    assert isinstance(answer, Refused) and answer.rule == "actor_not_proven"
    last = running.trail(change.change)[-1]
    assert (last.outcome, last.actor) == ("refused", MANAGER)


async def test_a_signature_is_good_for_one_command_only(running: Running) -> None:
    change = running.change()
    await change.send(PROPOSER, submit())
    signed = instruction(AddComment(about="works", text="Good."), MANAGER, change.change, key="mine")
    answer = await running.gateway.send(AcceptForTesting(), signed)
    assert isinstance(answer, Refused) and answer.rule == "actor_not_proven"


async def test_somebody_the_directory_does_not_know(running: Running) -> None:
    change = running.change()
    await change.send(PROPOSER, submit())
    assert (await change.refused("nobody.here", AcceptForTesting())).rule == "not_in_directory"


async def test_a_stale_version_is_refused(running: Running) -> None:
    change = running.change()
    await running.give(change, TO_TESTING)
    answer = await change.answer(PROPOSER, the_tests(), version=1)
    assert isinstance(answer, Refused) and answer.kind is RefusalKind.STALE


async def test_another_writer_is_noticed_and_the_decision_made_again(running: Running) -> None:
    """Two runs can meet after a reset; whoever comes second decides again on what is recorded."""
    change = running.change()
    await running.give(change, TO_TESTING)
    other = f"twin-of-{change.change}"
    # A second workflow on the same change, as if the server had forgotten the first one.
    handle = running.client.get_workflow_handle(other)
    from temporal.start import ChangeStart

    await running.client.start_workflow(
        calls.CHANGE_WORKFLOW, ChangeStart(change=change.change), id=other, task_queue=running.task_queue
    )
    comment = AddComment(about="question", text="Who pays?")
    told = instruction(comment, OWNER, change.change)
    await handle.execute_update("comment", args=[comment, told], id=told.key, result_type=Receipt)
    receipt = await change.send(PROPOSER, the_tests())
    state = running.state(change.change)
    assert (receipt.version, len(state.comments), len(state.round.tests)) == (state.version, 1, 1)


async def test_mail_is_sent_in_rounds_not_once_per_command(running: Running) -> None:
    change = running.change()
    await change.send(PROPOSER, submit())
    comments = [AddComment(about="works", text=f"Number {number}") for number in range(8)]
    await asyncio.gather(*(change.send(OWNER, comment) for comment in comments))
    await eventually(lambda: running.mail.rounds)
    assert set(running.mail.rounds) == {change.change}
    assert len(running.mail.rounds) <= 9
