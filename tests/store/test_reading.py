from __future__ import annotations

import base64
import itertools
import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete, insert, select, update

from changes.any_moment import AddComment, Withdraw
from changes.events import EVENTS
from changes.facts import SYSTEM
from changes.hearing import AcceptForTesting
from changes.recruiting import AcceptInvitation, DeclareInterest, DeclineInvitation, Invite, Nominate
from store import tables
from store.database import lock_ledger, reading, writing
from store.ledger import Entry, append_many
from store.reading import PAGE, ChangesPage, CursorInvalid, change_state, list_changes, waiting_of
from store.trail import UNREADABLE, TrailEntry, trail
from tests.support.desk import MONDAY, Desk
from tests.support.examples import CHAMPION, MANAGER, OWNER, PROPOSER, TO_ROLLOUT, TO_TESTING, submit
from tests.support.thoroughness import examples
from tests.support.writers import entry

INVITED = "lea.fontaine"
COMMENT = AddComment(about="works", text="The checklist is short.")
HOSTILE = [
    "Robert'); DROP TABLE change;--",
    'He said "no" \\ and `left` $1 %s :name {braces} ?',
    "100 % of _all_ things",
    "\u200fעברית\u200f and العربية",
    "\u202ereversed\u202c",
    "🧑‍🤝‍🧑 a family 👩🏽‍🚀 and 🇩🇪",
    "한국어 日本語 ไทย",
    "a\u0301 combining, ligature \ufb01, \u00a0 no-break",
    "<script>alert(1)</script> &amp;",
    "\U0010ffff at the end of Unicode",
]


@pytest.fixture
def desk(engine: Engine) -> Desk:
    return Desk(engine)


def listed(engine: Engine, **asked: object) -> ChangesPage:
    with reading(engine) as connection:
        return list_changes(connection, **asked)  # type: ignore[arg-type]


def refs(page: ChangesPage) -> list[str]:
    return [change.ref for change in page.changes]


def add_changes(engine: Engine, count: int) -> None:
    """Rows of the read model, the highest number last moved; every third at the same moment as the one before."""
    rows = [
        {
            "ref": f"CH-{number}",
            "number": number,
            "title": f"Change {number}",
            "process": "returns",
            "proposer": PROPOSER,
            "stage": "testing" if number % 2 else "rollout",
            "phase": "",
            "outcome": "adopted" if number % 5 == 0 else "",
            "standing": "",
            "version": 1,
            "opened_at": MONDAY,
            "updated_at": MONDAY + timedelta(microseconds=number - (number % 3 == 0)),
            "document": "{}",
        }
        for number in range(1, count + 1)
    ]
    with writing(engine) as connection:
        connection.execute(insert(tables.change), rows)


def move(engine: Engine, ref: str, moment: int) -> None:
    """The change moves to the front of the list."""
    table = tables.change
    with writing(engine) as connection:
        connection.execute(table.update().where(table.c.ref == ref).values(updated_at=MONDAY + timedelta(days=moment)))


def pages(engine: Engine, **asked: object) -> Iterator[ChangesPage]:
    cursor: str | None = None
    while True:
        page = listed(engine, cursor=cursor, **asked)
        yield page
        if page.following is None:
            return
        cursor = page.following


# -------------------------------------------------------------------------------------------------------- pages


def test_pages_hold_everything_once_the_latest_movement_first(engine: Engine) -> None:
    add_changes(engine, 23)
    for limit in (1, 4, 7, 23, 24, 100):
        found = list(pages(engine, limit=limit))
        order = [(change.updated_at, change.ref) for page in found for change in page.changes]
        assert order == sorted(order, reverse=True)
        assert {ref for _, ref in order} == {f"CH-{number}" for number in range(1, 24)}
        assert len(order) == 23
        assert all(len(page.changes) == limit for page in found[:-1])


@settings(max_examples=examples(25), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moves=st.lists(st.integers(1, 12), min_size=4, max_size=8), limit=st.integers(1, 5))
def test_changes_that_move_meanwhile_are_never_shown_twice_and_hide_no_other(
    engine: Engine, moves: list[int], limit: int
) -> None:
    with writing(engine) as connection:
        connection.execute(delete(tables.change))
    add_changes(engine, 12)
    moved: set[str] = set()
    shown: list[str] = []
    clock = itertools.count(1)
    for page, number in zip(pages(engine, limit=limit), itertools.chain(moves, itertools.repeat(0)), strict=False):
        shown += refs(page)
        if number:
            move(engine, f"CH-{number}", next(clock))
            moved.add(f"CH-{number}")
    assert len(shown) == len(set(shown))
    assert {f"CH-{number}" for number in range(1, 13)} - moved <= set(shown)
    assert set(refs(listed(engine, limit=len(moved) or 1))) >= moved


def test_a_page_is_never_longer_than_a_hundred_and_fifty_unless_asked(engine: Engine) -> None:
    add_changes(engine, 120)
    assert len(listed(engine).changes) == PAGE == 50
    assert len(listed(engine, limit=1_000_000).changes) == 100
    assert len(listed(engine, limit=0).changes) == len(listed(engine, limit=-5).changes) == 1


def test_an_empty_list_has_no_following_page(engine: Engine) -> None:
    assert listed(engine) == ChangesPage(changes=(), following=None)


def cursor_of(content: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode()


NOT_OURS = [
    "nonsense",
    "ä",
    "%00",
    "=",
    base64.urlsafe_b64encode(b"\xff\xfe").decode(),
    base64.urlsafe_b64encode(b"[" * 10_000).decode(),
    cursor_of([]),
    cursor_of(None),
    cursor_of("CH-1"),
    cursor_of({"a": 1, "b": 2}),
    cursor_of([1, 2, 3]),
    cursor_of(["2026-03-02T09:00:00", "CH-1"]),
    cursor_of(["2026-03-02T09:00:00+00:00", 1]),
    cursor_of(["2026-03-02T09:00:00+00:00", "CH-1\0"]),
    cursor_of(["2026-03-02T09:00:00+00:00", "\ud800"]),
    cursor_of(["2026-03-02T09:00:00+00:00", "CH-1' OR '1'='1"]),
    cursor_of(["0001-01-01T00:00:00+23:59", "CH-1"]),
    cursor_of(["9999-12-31T23:59:59-23:59", "CH-1"]),
    cursor_of(["yesterday", "CH-1"]),
    cursor_of(["2026-03-02T09:00:00+00:00", "CH-1", "more"]),
]


def test_a_cursor_that_is_not_ours_says_what_to_do(engine: Engine) -> None:
    for cursor in NOT_OURS:
        with pytest.raises(CursorInvalid, match="Start again from the first page"):
            listed(engine, cursor=cursor)
            pytest.fail(f"taken for one of ours: {cursor}")


@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 200), new=st.characters())
def test_a_cursor_with_one_letter_changed_is_refused_or_a_place_in_the_list(
    engine: Engine, place: int, new: str
) -> None:
    with writing(engine) as connection:
        connection.execute(delete(tables.change))
    add_changes(engine, 4)
    cursor = listed(engine, limit=2).following
    assert cursor is not None
    place %= len(cursor)
    try:
        page = listed(engine, limit=2, cursor=cursor[:place] + new + cursor[place + 1 :])
    except CursorInvalid:
        return
    assert set(refs(page)) <= {f"CH-{number}" for number in range(1, 5)}


# ------------------------------------------------------------------------------------------------------ filters


def test_filters_by_stage_by_end_and_by_person(engine: Engine) -> None:
    add_changes(engine, 10)
    with writing(engine) as connection:
        connection.execute(insert(tables.part).values(change="CH-3", person=MANAGER, parts=["asked"]))
        connection.execute(insert(tables.part).values(change="CH-5", person=MANAGER, parts=["signer"]))
        connection.execute(insert(tables.part).values(change="CH-4", person=OWNER, parts=["asked"]))
    assert refs(listed(engine, stage="testing")) == ["CH-9", "CH-7", "CH-5", "CH-3", "CH-1"]
    assert refs(listed(engine, stage="nowhere")) == []
    assert refs(listed(engine, ended=True)) == ["CH-10", "CH-5"]
    assert len(listed(engine, ended=False).changes) == 8
    assert refs(listed(engine, person=MANAGER)) == ["CH-5", "CH-3"]
    assert refs(listed(engine, person=MANAGER, ended=False, stage="testing")) == ["CH-3"]
    assert refs(listed(engine, person="nobody")) == []
    assert [ref for page in pages(engine, person=MANAGER, limit=1) for ref in refs(page)] == ["CH-5", "CH-3"]


TITLES = [
    "Save 50% of paper",
    "Save 500 sheets",
    "snake_case in forms",
    "snakeXcase in forms",
    r"C:\forms\new",
    "Ärger über ÖFFNUNGSZEITEN",
    "İstanbul desk",
    "Straße",
    "Ça suffit",
]


@pytest.fixture
def titled(engine: Engine) -> Engine:
    for number, title in enumerate(TITLES, start=1):
        Desk(engine, f"CH-{number}").give(PROPOSER, submit(title=title))
    return engine


def titles(engine: Engine, text: str) -> set[str]:
    return {change.title for change in listed(engine, text=text).changes}


def test_the_text_filter_takes_wildcards_literally_and_letters_in_either_case(titled: Engine) -> None:
    found = {
        "50%": {"Save 50% of paper"},
        "%": {"Save 50% of paper"},
        "_": {"snake_case in forms"},
        "SNAKE_C": {"snake_case in forms"},
        "\\": {r"C:\forms\new"},
        r"\f": {r"C:\forms\new"},
        r"\%": set(),
        "ärger": {"Ärger über ÖFFNUNGSZEITEN"},
        "ÄRGER ÜBER öffnungs": {"Ärger über ÖFFNUNGSZEITEN"},
        "A\u0308rger": {"Ärger über ÖFFNUNGSZEITEN"},
        "İstanbul": {"İstanbul desk"},
        "STRAßE": {"Straße"},
        "ça": {"Ça suffit"},
        "' OR 1=1 --": set(),
        "save\0": {"Save 50% of paper", "Save 500 sheets"},
        "*": set(),
        "": set(TITLES),
    }
    assert {text: titles(titled, text) for text in found} == found


# ------------------------------------------------------------------------------------------------------ waiting


def test_what_waits_is_in_the_order_of_its_urgency(desk: Desk) -> None:
    desk.give(PROPOSER, submit())
    soon = Desk(desk.engine, "CH-2", now=MONDAY - timedelta(days=3))
    soon.give(PROPOSER, submit(title="Filed on Friday"))
    undated = Desk(desk.engine, "CH-3", now=MONDAY - timedelta(days=30))
    undated.give(MANAGER, submit(title="Filed by the manager"))
    undated.give(OWNER, AcceptForTesting())
    with reading(desk.engine) as connection:
        items = waiting_of(connection, MANAGER)
    assert [(item.change, item.title) for item in items] == [
        ("CH-2", "Filed on Friday"),
        ("CH-1", "Answer returns within a day"),
        ("CH-3", "Filed by the manager"),
    ]
    assert items[0].due is not None
    assert items[2].due is None
    assert {item.person for item in items} == {MANAGER}
    assert items[0].commands == ("accept_for_testing", "ask_for_changes", "decline", "say_back")


def test_several_tasks_on_one_change_are_always_in_the_same_order(engine: Engine) -> None:
    add_changes(engine, 1)
    with writing(engine) as connection:
        for task in ("Plan", "Invite", "Respond", "Answer"):
            connection.execute(
                insert(tables.waiting).values(
                    change="CH-1", person=MANAGER, task=task, commands=[task], since=MONDAY, due=None
                )
            )
    with reading(engine) as connection:
        assert [item.task for item in waiting_of(connection, MANAGER)] == ["Answer", "Invite", "Plan", "Respond"]


def test_nobody_waits_for_a_change_that_ended(desk: Desk) -> None:
    desk.walk(TO_TESTING)
    desk.give(PROPOSER, Withdraw(reason="Not now."))
    with reading(desk.engine) as connection:
        assert [waiting_of(connection, person) for person in (PROPOSER, MANAGER, OWNER)] == [(), (), ()]


# -------------------------------------------------------------------------------------------------------- trail


def seen(desk: Desk, reader: str) -> list[TrailEntry]:
    with reading(desk.engine) as connection:
        return list(trail(connection, desk.change, reader))


def test_the_trail_tells_who_did_what_when_under_which_policy(desk: Desk) -> None:
    desk.walk(TO_TESTING)
    desk.now += timedelta(minutes=5)
    desk.refused(PROPOSER, AcceptForTesting())
    entries = seen(desk, CHAMPION)
    assert [(entry.seq, entry.actor, entry.action, entry.outcome) for entry in entries] == [
        (0, PROPOSER, "submitted", "applied"),
        (1, "system", "gate_opened", "applied"),
        (2, MANAGER, "accepted_for_testing", "applied"),
        (3, "system", "gate_passed", "applied"),
        (4, PROPOSER, "accept_for_testing", "refused"),
    ]
    assert entries[0].sentence == "submitted the proposal “Answer returns within a day”"
    assert entries[2].sentence == "accepted the proposal for testing. Let us try it."
    assert entries[4].sentence.startswith("was refused “accept for testing”: ")
    assert {entry.policy for entry in entries} == {"default 1"}
    assert [entry.via for entry in entries] == ["api", "groundswell", "api", "groundswell", "api"]
    assert (entries[4].occurred_at, entries[4].recorded_at) == (desk.now, desk.now)
    assert entries[0].stage == "proposal"
    assert all(len(bytes.fromhex(entry.leaf_hash)) == 32 for entry in entries)


def test_the_trail_can_be_read_in_pieces_and_holds_one_change_only(desk: Desk) -> None:
    other = Desk(desk.engine, "CH-2")
    for one in (desk, other, desk, other):
        one.give(PROPOSER, submit() if one.state is None else COMMENT)
    whole = seen(desk, CHAMPION)
    assert [entry.seq for entry in whole] == [0, 1, 4]
    with reading(desk.engine) as connection:
        first = trail(connection, "CH-1", CHAMPION, limit=2)
        rest = trail(connection, "CH-1", CHAMPION, after=first[-1].seq)
        assert [*first, *rest] == whole
        assert trail(connection, "CH-404", CHAMPION) == []


DISCREET = {
    "nominated": (INVITED, Nominate(person="hoa.nguyen")),
    "interest_declared": (CHAMPION, DeclareInterest(level="not_for_me_now")),
    "invitation_declined": (INVITED, DeclineInvitation()),
}


def test_what_is_discreet_names_nobody_but_to_the_person_themselves(desk: Desk) -> None:
    desk.walk(TO_ROLLOUT)
    desk.give(PROPOSER, Invite(people=(INVITED, "hoa.nguyen")))
    for person, command in DISCREET.values():
        desk.give(person, command)
    for action, (person, _) in DISCREET.items():
        for reader in (PROPOSER, MANAGER, "arjun.mehta", ""):
            entries = [entry for entry in seen(desk, reader) if entry.action == action]
            assert len(entries) == (0 if EVENTS[action].secret else 1), "a no leaves no trace for others"
            assert all(entry.actor == "" and person not in entry.model_dump_json() for entry in entries)
        [own] = [entry for entry in seen(desk, person) if entry.action == action]
        assert own.actor == person
    accepted = [entry.actor for entry in seen(desk, "hoa.nguyen") if entry.action == "invited"]
    assert accepted == [PROPOSER]


def test_a_refused_attempt_at_something_discreet_names_nobody_either(desk: Desk) -> None:
    desk.walk(TO_ROLLOUT)
    desk.give(PROPOSER, Invite(people=(INVITED,)))
    desk.give(INVITED, DeclineInvitation())
    attempts = [Nominate(person=INVITED), DeclineInvitation(), AcceptInvitation()]
    for attempt in attempts:
        desk.refused(INVITED, attempt)
    others = [entry for entry in seen(desk, PROPOSER) if entry.outcome == "refused"]
    assert [entry.action for entry in others] == ["nominate"], "the others would tell that somebody said no before"
    assert {entry.actor for entry in others} == {""}
    assert all(INVITED not in entry.model_dump_json() and "Fontaine" not in entry.sentence for entry in others)
    own = [entry for entry in seen(desk, INVITED) if entry.outcome == "refused"]
    assert [entry.action for entry in own] == [attempt.kind for attempt in attempts]
    assert {entry.actor for entry in own} == {INVITED}


def test_erased_words_are_said_to_be_erased_and_the_rest_stays(desk: Desk) -> None:
    desk.walk(TO_ROLLOUT)
    desk.give(INVITED, Nominate(person="hoa.nguyen"))
    before = seen(desk, PROPOSER)
    with writing(desk.engine) as connection:
        connection.execute(delete(tables.ledger_private))
    after = seen(desk, PROPOSER)
    assert {entry.sentence for entry in after} == {"The words of this record were erased."}
    assert [entry.having(sentence="") for entry in after] == [entry.having(sentence="") for entry in before]
    assert after[-1].actor == ""


# ---------------------------------------------------------------------------------------------- any text at all


def test_hostile_texts_come_back_as_they_were_written(desk: Desk) -> None:
    for number, words in enumerate(HOSTILE, start=1):
        one = Desk(desk.engine, f"CH-{number}")
        one.give(PROPOSER, submit(title=words, problem=f"{words}\n{words}"))
        one.give(CHAMPION, AddComment(about="question", text=words))
        assert one.state is not None
        title = one.state.title
        with reading(desk.engine) as connection:
            stored = change_state(connection, one.change)
            assert stored == one.state
            assert title in trail(connection, one.change, CHAMPION)[0].sentence
            assert trail(connection, one.change, CHAMPION)[-1].sentence.endswith(one.state.comments[0].text)
            [item] = [item for item in waiting_of(connection, MANAGER) if item.change == one.change]
            assert item.title == title
            assert one.change in refs(list_changes(connection, text=title))
            assert one.change in refs(list_changes(connection, text=words))
    assert len(listed(desk.engine).changes) == len(HOSTILE)


def test_a_change_that_does_not_exist_is_none(engine: Engine) -> None:
    with reading(engine) as connection:
        assert change_state(connection, "CH-404") is None
        assert change_state(connection, "' OR '1'='1") is None


def test_words_that_were_altered_are_said_to_be_although_they_still_read_as_an_event(desk: Desk) -> None:
    desk.walk(TO_TESTING)
    table = tables.ledger_private
    with writing(desk.engine) as connection:
        said = connection.execute(select(table.c.value).where(table.c.seq == 2)).scalar_one()
        altered = said.replace("Let us try it", "Never mind it")
        assert altered != said
        connection.execute(update(table).where(table.c.seq == 2).values(value=altered))
    assert [entry.seq for entry in seen(desk, PROPOSER) if entry.sentence == UNREADABLE] == [2]


@pytest.mark.parametrize("value", ["", "[]", "null", '{"kind":"praised"}', '{"kind":"commented"}', '{"kind":["a"]}'])
def test_what_was_recorded_in_another_form_has_a_line_all_the_same(engine: Engine, value: str) -> None:
    with writing(engine) as connection:
        lock_ledger(connection)
        append_many(connection, [entry("one", content=value), entry("two", content=value, outcome="refused")], MONDAY)
    with reading(engine) as connection:
        assert [line.sentence for line in trail(connection, "CH-1", "mara.lind")] == [UNREADABLE] * 2


def test_what_the_ledger_says_of_itself_has_no_words_that_could_have_been_erased(engine: Engine) -> None:
    with writing(engine) as connection:
        lock_ledger(connection)
        verified = Entry.about_the_ledger("verified", "ledger_verified", SYSTEM, MONDAY)
        read = Entry.about_the_ledger("read", "trail_read", "arjun.mehta", MONDAY, content={"asked": {}})
        append_many(connection, [verified, read], MONDAY)
        connection.execute(delete(tables.ledger_private))
    with reading(engine) as connection:
        assert [line.sentence for line in trail(connection, "", "arjun.mehta")] == [
            "verified the whole ledger",
            "The words of this record were erased.",
        ]


def test_what_is_secret_does_not_depend_on_what_else_was_imported() -> None:
    code = "import store.trail, changes.events as e; print(sum(event.secret for event in e.EVENTS.values()))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(told.stdout) == sum(event.secret for event in EVENTS.values()) > 0
