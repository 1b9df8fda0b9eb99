from __future__ import annotations

import json
import re
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import Engine, delete, event, func, insert, select
from sqlalchemy.engine import Connection

from changes.any_moment import AddComment, Follow, Withdraw
from changes.commands import Command
from changes.decision import evolve_all
from changes.events import event_from
from changes.facts import SYSTEM
from changes.hearing import AcceptForTesting, Decline, SayBack
from changes.passing_time import NoticeTime, next_moment
from changes.recruiting import AcceptInvitation, DeclineInvitation, Invite
from changes.refusals import RefusalKind, Refused
from changes.rollout import CompleteWave, StartWave
from changes.waiting import parts_in, waiting_for
from ledger.canonical import parse_canonical
from ledger.record import policy_of
from notifications.notices import notices_for
from store import recording, tables
from store.authority import Authority
from store.database import open_database, reading, writing
from store.reading import change_state, waiting_of
from store.recording import Decision, MovedOn, Recorded, States, applied, event_texts, record
from tests.support.databases import ON_POSTGRESQL, Databases
from tests.support.desk import MONDAY, SOURCE, WRITTEN_BY_A_DECISION, Desk, everything_written
from tests.support.examples import (
    CHAMPION,
    IN_ROLLOUT,
    MANAGER,
    OWNER,
    PROPOSER,
    TESTER,
    TO_CHAMPIONS,
    TO_ROLLOUT,
    TO_TESTING,
    champions_of_the_service_desk,
    submit,
)
from tests.support.ledgers import actors, check_commitments, check_the_whole_ledger, records
from tests.support.processes import address_of, in_processes
from tests.support.writers import record_and_die, record_at

COMMENT = AddComment(about="works", text="The checklist is short.")
INVITED = "lea.fontaine"


@pytest.fixture
def desk(engine: Engine) -> Desk:
    return Desk(engine)


def in_a_wave(desk: Desk) -> Desk:
    """A wave runs, a champion holds a place, and everybody has a task: all tables have rows of this change."""
    return desk.walk((*TO_ROLLOUT, *champions_of_the_service_desk(INVITED), *IN_ROLLOUT[:3]))


def rebuilt(connection: Connection, change: str) -> object:
    """The state made of the recorded events alone."""
    events = [event_from(json.loads(text)) for text in event_texts(connection, change)]
    return evolve_all(None, events, change)


# ---------------------------------------------------------------------------------------------- what is written


def test_one_decision_writes_ledger_read_model_outbox_and_key(desk: Desk) -> None:
    decision = desk.decision(PROPOSER, submit(), "the-key")
    answer = desk.record(decision)
    assert answer.repeated is False
    assert answer.applied.receipt == decision.receipt
    with reading(desk.engine) as connection:
        assert check_the_whole_ledger(connection) == len(decision.events) == 2
        assert [row["action"] for row in records(connection)] == ["submitted", "gate_opened"]
        assert [row["idem_key"] for row in records(connection)] == ["CH-1/1", "CH-1/2"]
        assert actors(connection) == [PROPOSER, SYSTEM]
        assert {row["outcome"] for row in records(connection)} == {"applied"}
        assert change_state(connection, "CH-1") == desk.state
        assert [item.commands[0] for item in waiting_of(connection, MANAGER)] == ["accept_for_testing"]
        assert applied(connection, "CH-1", "the-key") == answer.applied
        assert applied(connection, "CH-2", "the-key") is None
        outbox = connection.execute(select(tables.outbox)).mappings().all()
    assert desk.state is not None
    notices = notices_for(None, desk.state, decision.events)
    assert [row["notice"] for row in outbox] == [notice.model_dump_json() for notice in notices]
    assert [row["key"] for row in outbox] == [notice.key for notice in notices]
    assert {row["recipient"] for row in outbox} == {MANAGER, OWNER}
    assert {(row["attempts"], row["last_error"], row["finished_at"]) for row in outbox} == {(0, None, None)}


def test_a_body_names_the_person_the_command_the_policy_and_the_workflow(desk: Desk) -> None:
    desk.walk(TO_CHAMPIONS)
    with reading(desk.engine) as connection:
        everything = records(connection)
        bodies = {row["action"]: parse_canonical(row["body"]) for row in everything}
        people = {row.person: row.id for row in connection.execute(select(tables.ledger_person))}
    signed = bodies["signed"]
    assert desk.state is not None
    assert signed["command"] == "sign_gate"
    assert signed["actor"] == {"kind": "user", "ref": people[OWNER], "via": "api"}
    assert policy_of(signed) == tuple(desk.state.policy.model_dump().values())
    assert signed["signature"]["signer_ref"] == people[OWNER]
    assert signed["signature"]["meaning"]
    assert bodies["endorsed"]["signature"]["meaning"] == "These tests must pass before the process changes."
    assert signed["workflow"]["workflow_id"] == SOURCE.workflow_id
    assert signed["before"]["stage"] == "testing"
    assert bodies["gate_passed"]["actor"] == {"kind": "system", "ref": SYSTEM, "via": "groundswell"}
    assert [bodies["submitted"]["subject"][name] for name in ("revision", "stage")] == [1, "proposal"]
    assert "before" not in bodies["submitted"]
    assert bodies["gate_passed"]["subject"]["revision"] == desk.state.version
    assert not any(PROPOSER in row["body"].decode() for row in everything)


def test_the_whole_road_stays_verifiable_and_can_be_rebuilt_from_its_events(desk: Desk) -> None:
    in_a_wave(desk)
    desk.walk(IN_ROLLOUT[3:])
    desk.refused(MANAGER, StartWave(wave="Pilot"))
    with reading(desk.engine) as connection:
        assert desk.state is not None
        assert check_the_whole_ledger(connection) == desk.state.version + 1
        check_commitments(connection)
        assert rebuilt(connection, "CH-1") == change_state(connection, "CH-1") == desk.state


def test_the_lists_say_what_the_rules_say(desk: Desk) -> None:
    in_a_wave(desk)
    assert desk.state is not None
    with reading(desk.engine) as connection:
        row = connection.execute(select(tables.change)).mappings().one()
        waiting = connection.execute(select(tables.waiting)).mappings().all()
        parts = connection.execute(select(tables.part)).mappings().all()
        teams = connection.execute(select(tables.rollout_load.c.team)).scalars().all()
        champions = connection.execute(select(tables.campaign_place.c.person)).scalars().all()
    assert (row["number"], row["title"], row["process"]) == (1, desk.state.title, "returns")
    assert (row["stage"], row["phase"], row["outcome"]) == ("rollout", "wave_running", "")
    assert row["standing"] == "is rolling out a wave"
    assert (row["version"], row["opened_at"], row["updated_at"]) == (desk.state.version, MONDAY, MONDAY)
    assert row["next_moment"] == next_moment(desk.state)
    assert {(w["person"], w["task"], tuple(w["commands"]), w["due"]) for w in waiting} == {
        (task.person, task.task, task.commands, task.due) for task in waiting_for(desk.state)
    }
    assert {p["person"]: tuple(p["parts"]) for p in parts} == parts_in(desk.state)
    assert teams == ["service-desk"]
    assert champions == [INVITED]


def test_a_change_that_ended_keeps_nobody_busy(desk: Desk) -> None:
    in_a_wave(desk)
    desk.give(PROPOSER, Withdraw(reason="The shop closes."))
    with reading(desk.engine) as connection:
        for table in (tables.waiting, tables.rollout_load, tables.campaign_place):
            assert connection.execute(select(func.count()).select_from(table)).scalar_one() == 0
        assert connection.execute(select(tables.change.c.outcome)).scalar_one() == "withdrawn"
        assert connection.execute(select(func.count()).select_from(tables.part)).scalar_one() > 0


def test_a_task_that_goes_on_waiting_says_since_when(desk: Desk) -> None:
    desk.give(PROPOSER, submit())
    desk.now += timedelta(hours=3)
    desk.give(MANAGER, SayBack(heard="You want answers within a day."))
    with reading(desk.engine) as connection:
        assert [task.since for task in waiting_of(connection, MANAGER)] == [MONDAY]
    desk.give(MANAGER, AcceptForTesting())
    with reading(desk.engine) as connection:
        assert waiting_of(connection, MANAGER) == ()
        assert {task.since for task in waiting_of(connection, PROPOSER)} == {MONDAY + timedelta(hours=3)}


def test_what_an_earlier_version_of_the_program_listed_is_put_right(desk: Desk) -> None:
    """Tasks are worded and given by rules that change from release to release, while changes are under way."""
    desk.give(PROPOSER, submit())
    left = {"change": "CH-1", "commands": [], "since": MONDAY, "due": None}
    with writing(desk.engine) as connection:
        connection.execute(insert(tables.waiting).values(person=MANAGER, task="Look at it", **left))
        connection.execute(insert(tables.waiting).values(person=PROPOSER, task="Propose the tests", **left))
        connection.execute(insert(tables.part).values(change="CH-1", person=CHAMPION, parts=["a part of old"]))
        connection.execute(delete(tables.part).where(tables.part.c.person == OWNER))
    desk.give(MANAGER, AcceptForTesting())
    desk.give(CHAMPION, Follow())
    with reading(desk.engine) as connection:
        assert waiting_of(connection, MANAGER) == ()
        assert [task.commands for task in waiting_of(connection, PROPOSER)] == [("propose_tests",)]
        parts = {row.person: tuple(row.parts) for row in connection.execute(select(tables.part))}
    assert desk.state is not None
    assert parts == parts_in(desk.state)


def test_a_declined_invitation_leaves_no_trace_in_the_lists(desk: Desk) -> None:
    desk.walk(TO_ROLLOUT)
    desk.give(PROPOSER, Invite(people=(INVITED,)))
    desk.give(INVITED, DeclineInvitation())
    with reading(desk.engine) as connection:
        for table in (tables.waiting, tables.part, tables.campaign_place):
            assert INVITED not in connection.execute(select(table.c.person)).scalars().all()


def test_the_longest_references_and_keys_fit(engine: Engine) -> None:
    desk = Desk(engine, change="C" * 54 + "-123456789")
    desk.give(PROPOSER, submit(), key="k" * 200)
    desk.refused(PROPOSER, AcceptForTesting(), key="r" * 200)
    with reading(engine) as connection:
        assert connection.execute(select(tables.change.c.number)).scalar_one() == 123456789
        assert check_the_whole_ledger(connection) == 3


# ----------------------------------------------------------------------------------------------- all or nothing


@contextmanager
def before_each_statement(engine: Engine, call: Callable[[str], None]) -> Iterator[None]:
    """Call ``call`` with the text of every statement."""

    def told(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        call(statement)

    event.listen(engine, "before_cursor_execute", told)
    try:
        yield
    finally:
        event.remove(engine, "before_cursor_execute", told)


def fail_at_every_statement(desk: Desk, decision: Decision) -> list[str]:
    """Deliver ``decision`` again and again, each time with the next statement broken, until it happens."""
    before = everything_written(desk.engine)
    broken: list[str] = []
    while True:
        seen = 0

        def fail(statement: str) -> None:
            nonlocal seen
            seen += 1
            if seen > len(broken):
                broken.append(statement)
                raise RuntimeError("the disk is full")

        try:
            with before_each_statement(desk.engine, fail):
                answer = desk.record(decision)
        except RuntimeError:
            assert everything_written(desk.engine) == before, f"left behind by a failure at: {broken[-1]}"
        else:
            assert answer.repeated is False
            return broken


def test_a_failure_at_any_statement_leaves_nothing_at_all(desk: Desk) -> None:
    in_a_wave(desk)
    broken = fail_at_every_statement(desk, desk.decision(PROPOSER, CompleteWave(adoption=80)))
    desk.give(PROPOSER, Invite(people=("hoa.nguyen",)))
    broken += fail_at_every_statement(desk, desk.decision("hoa.nguyen", AcceptInvitation()))
    writing_to = re.compile(r"(?:INSERT (?:OR FAIL )?INTO|UPDATE|DELETE FROM) (\w+)")
    written = {table for statement in broken for table in writing_to.findall(statement)}
    assert written == {table.name for table in WRITTEN_BY_A_DECISION} - {"ledger_tile"}  # every 256th record
    with reading(desk.engine) as connection:
        check_the_whole_ledger(connection)
        assert rebuilt(connection, "CH-1") == change_state(connection, "CH-1") == desk.state


def test_a_command_costs_two_questions_and_few_statements(desk: Desk) -> None:
    desk.walk(TO_TESTING)
    comment = desk.decision(PROPOSER, COMMENT)
    asked: list[str] = []
    with before_each_statement(desk.engine, asked.append):
        desk.record(comment)
    writes = ["UPDATE change", "INSERT INTO applied_command"]
    if ON_POSTGRESQL:  # one statement for what is appended, and one that begins and asks for the lock
        expected = ["BEGIN ISOLATION LEVEL", "SELECT", *writes, "SELECT ledger_append"]
    else:
        ledger = ["INSERT OR FAIL INTO ledger_record", "INSERT INTO ledger_private", "INSERT OR FAIL INTO ledger_head"]
        expected = ["BEGIN IMMEDIATE", "SELECT", *writes, "SELECT", *ledger]
    assert len(asked) == len(expected)
    assert [begin for begin, statement in zip(expected, asked, strict=True) if not statement.startswith(begin)] == []


STEPS = ("_write_change", "_write_lists", "_write_outbox", "_entries", "notices_for", "next_moment")


def test_a_failure_in_any_step_leaves_nothing_at_all(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.walk(TO_TESTING)
    before = everything_written(desk.engine)
    decision = desk.decision(PROPOSER, COMMENT)
    for step in STEPS:

        def broken(*_arguments: object, step: str = step, **_named: object) -> None:
            raise ZeroDivisionError(step)

        with monkeypatch.context() as patched:
            patched.setattr(recording, step, broken)
            with pytest.raises(ZeroDivisionError, match=step):
                desk.record(decision)
        assert everything_written(desk.engine) == before
    assert desk.record(decision).repeated is False


def test_a_failure_at_the_commit_leaves_nothing_at_all(desk: Desk) -> None:
    desk.walk(TO_TESTING)
    before = everything_written(desk.engine)
    decision = desk.decision(PROPOSER, COMMENT)

    def fail(_connection: object) -> None:
        raise RuntimeError("no space left on device")

    event.listen(desk.engine, "commit", fail)
    with pytest.raises(RuntimeError):
        desk.record(decision)
    event.remove(desk.engine, "commit", fail)
    assert everything_written(desk.engine) == before
    assert desk.record(decision).repeated is False
    assert desk.stored() == desk.state


# ------------------------------------------------------------------------------------------- once, however often


def test_the_same_decision_twice_happens_once_and_answers_the_same(desk: Desk) -> None:
    decision = desk.decision(PROPOSER, submit())
    first = desk.record(decision)
    before = everything_written(desk.engine)
    again = desk.record(decision)
    assert again == Recorded(first.applied, repeated=True)
    assert everything_written(desk.engine) == before


def test_a_repetition_is_answered_long_after_the_change_has_moved_on(desk: Desk) -> None:
    decision = desk.decision(PROPOSER, submit())
    first = desk.record(decision)
    desk.walk(TO_TESTING[1:])
    desk.give(PROPOSER, Withdraw(reason="Somebody else does it better."))
    assert record(desk.engine, decision, SOURCE, MONDAY + timedelta(days=400)) == Recorded(first.applied, repeated=True)


def test_a_repetition_after_a_restart_and_by_another_run_is_answered(desk: Desk, database_address: str) -> None:
    decision = desk.decision(PROPOSER, submit())
    first = desk.record(decision)
    restarted = open_database(database_address)
    assert record(restarted, decision, SOURCE, MONDAY) == Recorded(first.applied, repeated=True)
    restarted.dispose()


def test_a_refusal_twice_is_recorded_once(desk: Desk) -> None:
    desk.give(PROPOSER, submit())
    decision = desk.decision(PROPOSER, AcceptForTesting())
    first, again = desk.record(decision), desk.record(decision)
    assert again == Recorded(first.applied, repeated=True)
    with reading(desk.engine) as connection:
        assert check_the_whole_ledger(connection) == 3


def test_a_key_that_was_used_for_another_command_is_told_by_the_fingerprint(desk: Desk) -> None:
    first = desk.record(desk.decision(PROPOSER, submit(), "one key"))
    before = everything_written(desk.engine)
    other = desk.decision(MANAGER, AcceptForTesting(), "one key")
    answer = desk.record(other)
    assert answer == Recorded(first.applied, repeated=True)
    assert answer.applied.fingerprint == submit().fingerprint() != other.fingerprint
    assert everything_written(desk.engine) == before


def test_a_key_counts_for_one_change_only(engine: Engine) -> None:
    for change in ("CH-1", "CH-2"):
        assert Desk(engine, change).record(Desk(engine, change).decision(PROPOSER, submit(), "same")).repeated is False
    with reading(engine) as connection:
        assert connection.execute(select(func.count()).select_from(tables.change)).scalar_one() == 2


def test_delivered_by_many_threads_at_once_it_happens_once(desk: Desk) -> None:
    desk.give(PROPOSER, submit())
    decision = desk.decision(MANAGER, AcceptForTesting())
    with ThreadPoolExecutor(8) as threads:
        tasks = [threads.submit(record, desk.engine, decision, SOURCE, MONDAY, desk.states) for _ in range(8)]
        answers = [task.result() for task in tasks]
    assert sorted(answer.repeated for answer in answers) == [False] + [True] * 7
    assert {answer.applied.model_dump_json() for answer in answers} == {answers[0].applied.model_dump_json()}
    with reading(desk.engine) as connection:
        assert check_the_whole_ledger(connection) == 2 + len(decision.events)


def test_killed_between_commit_and_answer_it_has_happened_and_is_answered(desk: Desk) -> None:
    desk.give(PROPOSER, submit())
    decision = desk.decision(MANAGER, AcceptForTesting(note="Ça marche 👍"))
    in_processes(
        1, record_and_die, address_of(desk.engine), decision.model_dump_json(), "after", ends_with=-signal.SIGKILL
    )
    assert desk.stored().version == 2 + len(decision.events)
    before = everything_written(desk.engine)
    answer = desk.record(decision)
    assert answer.repeated is True
    assert answer.applied.receipt == decision.receipt
    assert everything_written(desk.engine) == before


def test_killed_before_the_commit_it_has_not_happened_and_happens_then(desk: Desk) -> None:
    desk.give(PROPOSER, submit())
    before = everything_written(desk.engine)
    decision = desk.decision(MANAGER, AcceptForTesting())
    in_processes(
        1, record_and_die, address_of(desk.engine), decision.model_dump_json(), "before", ends_with=-signal.SIGKILL
    )
    assert everything_written(desk.engine) == before
    assert desk.record(decision).repeated is False
    with reading(desk.engine) as connection:
        assert check_the_whole_ledger(connection) == 2 + len(decision.events)
        assert rebuilt(connection, "CH-1") == desk.state


def test_many_changes_at_once_in_threads_and_processes_keep_one_ledger(engine: Engine) -> None:
    filed = tuple(Desk(engine, f"CH-{number}").decision(PROPOSER, submit()).model_dump_json() for number in range(1, 5))
    in_processes(4, record_at, address_of(engine), filed)
    authority = Authority()
    desks = [Desk(engine, f"CH-{number}", authority=authority) for number in range(10, 14)]
    with ThreadPoolExecutor(4) as threads:
        for walk in [threads.submit(desk.walk, TO_TESTING) for desk in desks]:
            walk.result()
    with reading(engine) as connection:
        assert check_the_whole_ledger(connection) == 4 * 2 + 4 * 4
        check_commitments(connection)
        for change in connection.execute(select(tables.change.c.ref)).scalars().all():
            assert rebuilt(connection, change) == change_state(connection, change)


def test_delivered_by_several_processes_at_once_it_happens_once(desk: Desk) -> None:
    decision = desk.decision(PROPOSER, submit())
    in_processes(4, record_at, address_of(desk.engine), (decision.model_dump_json(),) * 4)
    with reading(desk.engine) as connection:
        assert check_the_whole_ledger(connection) == len(decision.events)
    assert desk.record(decision).repeated is True


# ------------------------------------------------------------------------------------------------- an old state


def test_a_decision_on_another_state_writes_nothing(desk: Desk) -> None:
    desk.walk(TO_TESTING)
    before = everything_written(desk.engine)
    fresh = desk.decision(PROPOSER, COMMENT)
    refused = Refused(kind=RefusalKind.NOT_YOURS, rule="not_asked", detail="You are not asked.")
    for version in (0, 1, 3, 5, 99):
        stale = fresh.having(version=version)
        for states in (desk.states, States()):
            with pytest.raises(MovedOn, match=f"CH-1 is at version 4, the decision was made on {version}"):
                record(desk.engine, stale, SOURCE, MONDAY, states)
        with pytest.raises(MovedOn):
            record(desk.engine, stale.having(events=(), refused=refused, receipt=None), SOURCE, MONDAY, desk.states)
    assert everything_written(desk.engine) == before


def test_a_change_that_nobody_knows_cannot_be_decided_about(desk: Desk) -> None:
    desk.walk(TO_TESTING)
    elsewhere = desk.decision(PROPOSER, COMMENT).having(change="CH-404")
    with pytest.raises(MovedOn):
        record(desk.engine, elsewhere, SOURCE, MONDAY)


def test_of_two_decisions_on_one_state_only_one_happens(desk: Desk) -> None:
    desk.give(PROPOSER, submit())
    decline = Decline(reason="Too early.", way_forward="Come back after the summer.")
    decisions = [desk.decision(MANAGER, AcceptForTesting()), desk.decision(OWNER, decline)]

    def attempt(decision: Decision) -> str:
        try:
            record(desk.engine, decision, SOURCE, MONDAY, desk.states)
        except MovedOn:
            return "moved on"
        return decision.command

    with ThreadPoolExecutor(2) as threads:
        answers = list(threads.map(attempt, decisions))
    assert answers.count("moved on") == 1
    [happened] = [answer for answer in answers if answer != "moved on"]
    with reading(desk.engine) as connection:
        assert check_the_whole_ledger(connection) > 2
        assert {parse_canonical(row["body"])["command"] for row in records(connection)} == {"submit", happened}
        assert rebuilt(connection, "CH-1") == change_state(connection, "CH-1")


def test_a_remembered_state_is_not_trusted_when_another_worker_went_on(desk: Desk) -> None:
    desk.walk(TO_TESTING)
    other = Desk(desk.engine, state=desk.state)
    other.give(PROPOSER, COMMENT)
    desk.state = other.state
    desk.give(MANAGER, Follow())
    with reading(desk.engine) as connection:
        assert rebuilt(connection, "CH-1") == change_state(connection, "CH-1") == desk.state


def test_a_remembered_state_is_not_trusted_after_a_backup_was_restored(desk: Desk, database_maker: Databases) -> None:
    """The same number of events, and not the same events."""
    desk.give(PROPOSER, submit(title="As it was before the backup"))
    with database_maker.fresh() as address:
        restored = Desk(open_database(address), states=desk.states, now=MONDAY + timedelta(minutes=1))
        restored.record(restored.decision(PROPOSER, submit(title="As it is after")))
        desk.states.remember(desk.stored())
        restored.give(MANAGER, AcceptForTesting())
        assert restored.stored() == restored.state
        restored.engine.dispose()


def test_few_states_are_remembered(engine: Engine) -> None:
    states = States(most=2)
    desks = [Desk(engine, f"CH-{number}", states=states) for number in range(1, 4)]
    for desk in desks:
        desk.give(PROPOSER, submit())
    assert list(states._known) == ["CH-2", "CH-3"]
    for desk in desks:
        desk.walk(TO_TESTING[1:])
        assert desk.stored() == desk.state


# ------------------------------------------------------------------------------------------- refusals, and nothing


def test_a_refusal_is_on_record_and_changes_nothing_else(desk: Desk) -> None:
    desk.give(PROPOSER, submit())
    before = everything_written(desk.engine)
    refused = desk.refused(PROPOSER, AcceptForTesting(), "try")
    after = everything_written(desk.engine)
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"ledger_record", "ledger_head", "ledger_private", "applied_command"}
    with reading(desk.engine) as connection:
        last = records(connection)[-1]
        body = parse_canonical(last["body"])
        who = actors(connection)[-1]
        answer = applied(connection, "CH-1", "try")
        assert refused.rule == "own_change"
        assert rebuilt(connection, "CH-1") == desk.state
        check_commitments(connection)
    assert (last["outcome"], last["action"], who) == ("refused", "accept_for_testing", PROPOSER)
    assert body["reason"]["code"] == "own_change"
    assert (last["change"], last["stage"], last["idem_key"]) == ("CH-1", "proposal", "CH-1/refused/try")
    assert body["subject"]["revision"] == 2
    assert answer is not None
    assert (answer.refused, answer.receipt) == (refused, None)


def test_a_refusal_about_a_change_that_does_not_exist_is_on_record_too(engine: Engine) -> None:
    refused = Refused(kind=RefusalKind.UNKNOWN, rule="unknown_change", detail="There is no such change.")
    decision = Decision(
        change="CH-404",
        key="k",
        fingerprint=COMMENT.fingerprint(),
        command=COMMENT.kind,
        actor="nobody.known",
        via="api",
        at=MONDAY,
        version=0,
        refused=refused,
    )
    assert record(engine, decision, SOURCE, MONDAY).applied.refused == refused
    with reading(engine) as connection:
        [row] = records(connection)
        assert (row["change"], row["stage"], row["outcome"]) == ("CH-404", "", "refused")
        assert change_state(connection, "CH-404") is None
        assert policy_of(parse_canonical(row["body"])) is None


def test_time_that_means_nothing_leaves_its_key_and_nothing_else(desk: Desk) -> None:
    desk.give(PROPOSER, submit())
    before = everything_written(desk.engine)
    decision = desk.decision(SYSTEM, NoticeTime())
    assert decision.events == ()
    assert desk.record(decision).repeated is False
    assert desk.record(decision).repeated is True
    after = everything_written(desk.engine)
    assert {name for name in before if before[name] != after[name]} == {"applied_command"}


def test_exact_numbers_and_every_script_come_back_from_the_record(desk: Desk) -> None:
    awkward: tuple[tuple[str, Command], ...] = (
        (PROPOSER, submit(title="Retouren \u202e rückwärts 🙃 'quoted' \\ %_", cost=Decimal("0.100000"))),
        (MANAGER, AcceptForTesting(note="נסיון طويل 長い " + "x" * 3_900)),
        (CHAMPION, AddComment(about="question", text="'); DROP TABLE ledger_record; --")),
    )
    desk.walk(awkward)
    with reading(desk.engine) as connection:
        check_commitments(connection)
        assert rebuilt(connection, "CH-1") == change_state(connection, "CH-1") == desk.state


def test_acceptance_after_a_decline_by_the_same_person_is_decided_on_what_is_stored(desk: Desk) -> None:
    desk.walk(TO_ROLLOUT)
    desk.give(PROPOSER, Invite(people=(INVITED,)))
    desk.give(INVITED, DeclineInvitation())
    fresh = Desk(desk.engine, state=desk.stored())
    assert fresh.refused(INVITED, AcceptInvitation()).rule == "not_invited"
    assert fresh.refused(TESTER, AcceptInvitation()).rule == "not_invited"
