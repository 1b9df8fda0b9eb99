"""Each activity is run twice: a worker that dies after the work and before the answer has Temporal run it again."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine
from structlog.testing import capture_logs
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.deciding import DecisionActivities
from changes.any_moment import AddComment
from changes.commands import Command
from changes.decision import subject_of
from changes.facts import SYSTEM
from changes.hearing import AcceptForTesting, Decline
from changes.instruction import Assertion, assert_actor
from changes.passing_time import NoticeTime
from changes.refusals import Refused
from store.authority import Authority
from store.database import open_database, reading
from store.recording import Decision
from store.recording import record as write
from temporal import calls
from tests.support.desk import MONDAY, Desk, everything_written
from tests.support.examples import MANAGER, OWNER, PROPOSER, TO_TESTING, submit
from tests.support.ledgers import check_the_whole_ledger, records
from tests.support.senders import SECRET


def as_a_local_activity() -> ActivityEnvironment:
    """How a change's workflow calls these."""
    environment = ActivityEnvironment()
    environment.info = replace(environment.info, is_local=True)
    return environment


COMMENT = AddComment(about="works", text="The checklist is short.")


@pytest.fixture
def desk(engine: Engine) -> Desk:
    return Desk(engine)


@pytest.fixture
def deciding(engine: Engine) -> DecisionActivities:
    return DecisionActivities(engine, Authority(), SECRET)


def claim(actor: str, command: Command, change: str = "CH-1", key: str = "k", secret: bytes = SECRET) -> Assertion:
    return assert_actor(secret, actor, "api", MONDAY, change, key, command)


def look_up_request(desk: Desk, actor: str, command: Command, assertion: Assertion | None, **fields: Any) -> Any:
    asked: dict[str, Any] = {
        "change": desk.change,
        "subject": subject_of(desk.state, command, actor, desk.now),
        "actor": actor,
        "at": desk.now,
        "command": command.kind,
        "fingerprint": command.fingerprint(),
        "key": "k",
        "assertion": assertion,
    }
    return calls.LookUpRequest(**{**asked, **fields})


def look_up(deciding: DecisionActivities, request: calls.LookUpRequest) -> calls.LookUpAnswer:
    """Twice, and over the wire: the answer must be the same and survive being written as JSON."""
    first, second = (as_a_local_activity().run(deciding.look_up, request) for _ in range(2))
    assert first == second
    return calls.LookUpAnswer.model_validate_json(first.model_dump_json())


def record_request(decision: Decision, update_id: str = "update-1") -> calls.RecordRequest:
    """The decision as a workflow sends it: over the wire."""
    fields = {name: getattr(decision, name) for name in Decision.model_fields}
    return calls.RecordRequest.model_validate_json(calls.RecordRequest(**fields, update_id=update_id).model_dump_json())


def record(deciding: DecisionActivities, request: calls.RecordRequest) -> calls.RecordAnswer:
    return as_a_local_activity().run(deciding.record, request)


# --------------------------------------------------------------------------------------------------------- load


def test_load_gives_the_change_as_it_is_recorded(desk: Desk, deciding: DecisionActivities) -> None:
    assert as_a_local_activity().run(deciding.load_change, "CH-1") is None
    desk.walk(TO_TESTING)
    for _ in range(2):
        assert as_a_local_activity().run(deciding.load_change, "CH-1") == desk.state
    assert as_a_local_activity().run(deciding.load_change, "CH-2") is None


# ------------------------------------------------------------------------------------------------------ look up


def test_look_up_answers_who_is_asked(desk: Desk, deciding: DecisionActivities) -> None:
    answer = look_up(deciding, look_up_request(desk, PROPOSER, submit(), claim(PROPOSER, submit())))
    assert answer.refused is None
    assert answer.facts is not None
    assert answer.facts.actor.ref == PROPOSER
    assert [seat.person for seat in answer.facts.gates["answer_proposal"].seats] == [MANAGER, OWNER]


def forged(desk: Desk) -> dict[str, calls.LookUpRequest]:
    """Requests that each say one thing that nobody vouched for."""
    command, other = AcceptForTesting(note="Yes."), Decline(reason="No.", way_forward="Never.")
    good = claim(MANAGER, command)
    return {
        "no assertion at all": look_up_request(desk, MANAGER, command, None),
        "made up": look_up_request(desk, MANAGER, command, good.having(signature="0" * 64)),
        "made with another key": look_up_request(desk, MANAGER, command, claim(MANAGER, command, secret=b"guess")),
        "about somebody else": look_up_request(desk, MANAGER, command, claim(PROPOSER, command)),
        "used by somebody else": look_up_request(desk, OWNER, command, good),
        "renamed": look_up_request(desk, OWNER, command, good.having(actor=OWNER)),
        "for another command": look_up_request(desk, MANAGER, other, good),
        "for other words": look_up_request(desk, MANAGER, AcceptForTesting(note="Never."), good),
        "for another change": look_up_request(desk, MANAGER, command, claim(MANAGER, command, change="CH-2")),
        "for another key": look_up_request(desk, MANAGER, command, claim(MANAGER, command, key="other")),
        "at another time": look_up_request(desk, MANAGER, command, good.having(at=MONDAY + timedelta(seconds=1))),
        "by another way": look_up_request(desk, MANAGER, command, good.having(via="page")),
        "as Groundswell itself": look_up_request(desk, SYSTEM, NoticeTime(), claim(SYSTEM, NoticeTime())),
    }


def test_what_nobody_vouches_for_is_refused_in_words(desk: Desk, deciding: DecisionActivities) -> None:
    desk.give(PROPOSER, submit())
    for why, request in forged(desk).items():
        answer = look_up(deciding, request)
        assert answer.refused is not None, why
        assert answer.refused.rule == "actor_not_proven", why
        assert answer.facts is None, why
        assert answer.refused.detail.endswith("signed in.")
    honest = look_up_request(
        desk, MANAGER, AcceptForTesting(note="Yes."), claim(MANAGER, AcceptForTesting(note="Yes."))
    )
    assert look_up(deciding, honest).refused is None


def test_a_stranger_on_the_task_queue_gets_and_writes_nothing(desk: Desk, deciding: DecisionActivities) -> None:
    """Whoever has access to Temporal can schedule any activity that a worker knows; these are no ordinary ones."""
    desk.give(PROPOSER, submit())
    before = everything_written(desk.engine)
    honest = look_up_request(desk, MANAGER, COMMENT, claim(MANAGER, COMMENT))
    called: list[tuple[Any, Any]] = [
        (deciding.load_change, "CH-1"),
        (deciding.look_up, honest),
        (deciding.record, record_request(desk.decision(MANAGER, AcceptForTesting()))),
    ]
    for call, request in called:
        with pytest.raises(ApplicationError, match="only the workflow of a change calls it") as caught:
            ActivityEnvironment().run(call, request)
        assert (caught.value.type, caught.value.non_retryable) == ("NotLocal", True)
    assert everything_written(desk.engine) == before


def test_groundswell_itself_needs_nobody_to_vouch(desk: Desk, deciding: DecisionActivities) -> None:
    desk.give(PROPOSER, submit())
    answer = look_up(deciding, look_up_request(desk, SYSTEM, NoticeTime(), None, key="time/1"))
    assert answer.facts is not None
    assert answer.facts.actor.ref == SYSTEM


def test_an_actor_that_nobody_knows_is_named(desk: Desk, deciding: DecisionActivities) -> None:
    answer = look_up(deciding, look_up_request(desk, "ghost", submit(), claim("ghost", submit())))
    assert answer == calls.LookUpAnswer(unknown=("ghost",))


def test_looking_up_writes_nothing(desk: Desk, deciding: DecisionActivities) -> None:
    desk.give(PROPOSER, submit())
    before = everything_written(desk.engine)
    for request in forged(desk).values():
        look_up(deciding, request)
    look_up(deciding, look_up_request(desk, MANAGER, COMMENT, claim(MANAGER, COMMENT)))
    assert everything_written(desk.engine) == before


# ------------------------------------------------------------------------------------------------------- record


def test_a_decision_recorded_twice_happens_once_and_is_answered_the_same(
    desk: Desk, deciding: DecisionActivities
) -> None:
    request = record_request(desk.decision(PROPOSER, submit()))
    first, second = record(deciding, request), record(deciding, request)
    assert (first.repeated, second.repeated) == (False, True)
    assert first.having(repeated=True) == second
    assert first.receipt == request.receipt
    with reading(desk.engine) as connection:
        assert check_the_whole_ledger(connection) == len(request.events) == 2


def test_a_record_names_the_workflow_and_the_update_it_comes_from(desk: Desk, deciding: DecisionActivities) -> None:
    environment = as_a_local_activity()
    environment.run(deciding.record, record_request(desk.decision(PROPOSER, submit()), "update-7"))
    with reading(desk.engine) as connection:
        body = json.loads(records(connection)[0]["body"])
    assert body["source"]["component"] == "worker"
    assert body["workflow"] == {
        "namespace": environment.info.namespace,
        "workflow_id": environment.info.workflow_id,
        "run_id": environment.info.workflow_run_id,
        "update_id": "update-7",
    }


def test_a_refusal_recorded_twice_is_on_record_once(desk: Desk, deciding: DecisionActivities) -> None:
    desk.give(PROPOSER, submit())
    request = record_request(desk.decision(PROPOSER, AcceptForTesting()))
    answers = [record(deciding, request) for _ in range(2)]
    assert [answer.refused for answer in answers] == [request.refused] * 2
    assert isinstance(request.refused, Refused)
    with reading(desk.engine) as connection:
        assert [row["outcome"] for row in records(connection)] == ["applied", "applied", "refused"]


def test_a_key_used_before_answers_with_the_command_it_was_used_for(desk: Desk, deciding: DecisionActivities) -> None:
    first = record(deciding, record_request(desk.decision(PROPOSER, submit(), "one key")))
    desk.state = desk.stored()
    answer = record(deciding, record_request(desk.decision(MANAGER, AcceptForTesting(), "one key")))
    assert answer.repeated
    assert (answer.fingerprint, answer.receipt) == (submit().fingerprint(), first.receipt)


def test_a_change_that_moved_on_is_an_error_that_is_not_tried_again(desk: Desk, deciding: DecisionActivities) -> None:
    desk.walk(TO_TESTING)
    stale = record_request(desk.decision(PROPOSER, COMMENT)).having(version=2)
    before = everything_written(desk.engine)
    for _ in range(2):
        with pytest.raises(ApplicationError) as caught:
            record(deciding, stale)
        assert (caught.value.type, caught.value.non_retryable) == (calls.MOVED_ON, True)
    assert everything_written(desk.engine) == before


def test_what_cannot_be_written_canonically_is_not_tried_for_ever(desk: Desk, deciding: DecisionActivities) -> None:
    request = record_request(desk.decision(PROPOSER, submit()), update_id="u" * 70_000)
    with pytest.raises(ApplicationError, match="60,000 are allowed") as caught:
        record(deciding, request)
    assert (caught.value.type, caught.value.non_retryable) == ("NotCanonical", True)
    assert not any(everything_written(desk.engine).values())


def test_a_database_that_is_away_is_tried_again_and_nothing_is_lost(desk: Desk, tmp_path: Any) -> None:
    """Any error without the mark that it is final is retried for ever; the same request then succeeds."""
    request = record_request(desk.decision(PROPOSER, submit()))
    elsewhere = open_database(f"sqlite:///{tmp_path / 'without-tables.db'}")
    away = DecisionActivities(elsewhere, Authority(), SECRET)
    with pytest.raises(Exception, match="cannot be used right now") as caught:
        record(away, request)
    assert not getattr(caught.value, "non_retryable", False)
    elsewhere.dispose()
    assert record(DecisionActivities(desk.engine, Authority(), SECRET), request).receipt == request.receipt


def test_the_log_names_change_command_and_actor_and_not_what_they_wrote(
    desk: Desk, deciding: DecisionActivities
) -> None:
    with capture_logs() as lines:
        record(deciding, record_request(desk.decision(PROPOSER, submit(title="A secret plan"))))
        desk.state = desk.stored()
        record(deciding, record_request(desk.decision(PROPOSER, AcceptForTesting())))
    assert [(line["event"], line["change"], line["command"], line["actor"], line["rule"]) for line in lines] == [
        ("recorded", "CH-1", "submit", PROPOSER, None),
        ("refused", "CH-1", "accept_for_testing", PROPOSER, "own_change"),
    ]
    assert "secret" not in str(lines)


def test_all_names_every_activity_that_a_workflow_calls(deciding: DecisionActivities) -> None:
    names = {activity.__temporal_activity_definition.name for activity in deciding.all()}  # type: ignore[attr-defined]
    assert names == {calls.LOAD_CHANGE, calls.LOOK_UP, calls.RECORD, calls.HOW_FAR_AHEAD}


def test_while_the_key_is_replaced_the_earlier_one_still_counts(desk: Desk, engine: Engine) -> None:
    desk.give(PROPOSER, submit())
    command = AcceptForTesting(note="Yes.")
    signed_before = look_up_request(desk, MANAGER, command, claim(MANAGER, command))
    rotating = DecisionActivities(engine, Authority(), b"the new key, which signs from now on", [SECRET])
    assert look_up(rotating, signed_before).refused is None
    guessed = look_up_request(desk, MANAGER, command, claim(MANAGER, command, secret=b"guess"))
    assert look_up(rotating, guessed).refused is not None
    done = DecisionActivities(engine, Authority(), b"the new key, which signs from now on")
    assert look_up(done, signed_before).refused is not None, "the earlier key was taken away"


def test_what_is_being_recorded_is_not_broken_off(
    desk: Desk, deciding: DecisionActivities, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread may be writing for others as well; what was recorded is answered, though nobody waits any more."""
    environment = as_a_local_activity()

    def cancelled_meanwhile(*arguments: Any) -> Any:
        environment.cancel()
        return write(*arguments)

    monkeypatch.setattr("activities.deciding.record", cancelled_meanwhile)
    answer = environment.run(deciding.record, record_request(desk.decision(PROPOSER, submit())))
    assert answer.receipt is not None
    assert not answer.repeated
