"""Searching the trail: the same records, in the same order, as looking at each of them would find."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, insert, select, text

from store import searching, tables
from store.audit import pages, questions
from store.audit.exporting import exported
from store.audit.pages import search
from store.audit.questions import Filter, Reader
from store.database import lock_ledger, reading, writing
from store.ledger import append_many
from store.searching import Way, best_way, fact, index_new_words, rebuild
from tests.support.desk import MONDAY
from tests.support.writers import entry

AUDITOR = Reader("arjun.mehta", sees_all=True)
MANY = 60
"""Records with the word "words"; every third also has "third", every tenth was refused."""


@pytest.fixture
def filled(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Connection]:
    """A log in which few are counted, so that more than are counted fit."""
    for room in (questions, pages):
        monkeypatch.setattr(room, "COUNTED", 20)
    monkeypatch.setattr(searching, "LOOKED_AT", 30)
    for number in range(MANY):
        said = {"kind": "commented", "text": f"words {number}" + (" third" if number % 3 == 0 else "")}
        one = entry(
            str(number),
            content=json.dumps(said),
            outcome="refused" if number % 10 == 0 else "applied",
            actor="jonas.okafor" if number % 2 else "mara.lind",
        )
        with writing(engine) as connection:
            lock_ledger(connection)
            append_many(connection, [one], MONDAY + timedelta(minutes=number))
    index_new_words(engine)
    with reading(engine) as connection:
        yield connection


def all_pages(connection: Connection, asked: Filter) -> tuple[list[int], str]:
    """The numbers on all pages of seven, and how many fit, which each page says alike."""
    found: list[int] = []
    said: set[str] = set()
    cursor: str | None = None
    while True:
        page = search(connection, asked, AUDITOR, {}, cursor, limit=7)
        found += [one.seq for one in page.entries]
        said.add(page.counted)
        cursor = page.following
        if cursor is None:
            [counted] = said
            return found, counted


def fit(asked: Mapping[str, Any], fitting: Sequence[int]) -> str:
    """How many are said to fit: up to twenty are counted, and no more than a page where words are looked for."""
    most = 7 if "text" in asked else 20
    if len(fitting) > most:
        return f"More than {most} records fit"
    return "1 record fits" if len(fitting) == 1 else f"{len(fitting)} records fit"


CASES: dict[str, tuple[dict[str, Any], list[int]]] = {
    "a word that is everywhere": ({"text": "words"}, list(range(MANY))),
    "two words": ({"text": "third words"}, list(range(0, MANY, 3))),
    "a word and a time": (
        {"text": "words", "since": MONDAY + timedelta(minutes=5), "until": MONDAY + timedelta(minutes=45)},
        list(range(5, 45)),
    ),
    "a word and a person": ({"text": "words", "person": "jonas.okafor"}, list(range(1, MANY, 2))),
    "a word in one record": ({"text": "words 17"}, [17]),
    "a word in one record of a person": ({"text": "16", "person": "jonas.okafor"}, []),
    "a word before anything happened": ({"text": "words", "until": MONDAY - timedelta(days=1)}, []),
    "a word that is nowhere": ({"text": "nothing"}, []),
    "a word and a kind": ({"text": "words", "kind": "resumed"}, []),
    "a word, an outcome and a person": (
        {"text": "words", "outcome": "refused", "person": "mara.lind"},
        list(range(0, MANY, 10)),
    ),
    "a word and a fact of another column": ({"text": "words", "stage": "mara.lind"}, []),
    "what the index calls a fact": ({"text": fact("outcome", "refused")}, []),
    "what was refused": ({"outcome": "refused"}, list(range(0, MANY, 10))),
    "what was refused, with a word": ({"outcome": "refused", "text": "third"}, [0, 30]),
    "what was applied": ({"outcome": "applied"}, [number for number in range(MANY) if number % 10]),
}


@pytest.mark.parametrize("case", CASES)
def test_all_pages_together_show_what_fits_and_the_count_says_when_it_is_more(filled: Connection, case: str) -> None:
    asked, fitting = CASES[case]
    found, counted = all_pages(filled, Filter(**asked))
    assert found == fitting[::-1]
    assert counted == fit(asked, fitting)
    assert [record.seq for record in exported(filled, Filter(**asked), AUDITOR, {}, MANY)] == fitting


WAYS = [Way.GATHERED, Way.ASKED, Way.WALKED]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("case", [case for case, (asked, _) in CASES.items() if "text" in asked])
def test_every_way_to_find_words_finds_the_same(
    filled: Connection, monkeypatch: pytest.MonkeyPatch, case: str, way: Way
) -> None:
    if (way is Way.WALKED) is (filled.dialect.name == "postgresql"):
        pytest.skip("this is a way of the other database")
    monkeypatch.setattr(questions, "best_way", lambda *_: way)
    asked, fitting = CASES[case]
    assert all_pages(filled, Filter(**asked)) == (fitting[::-1], fit(asked, fitting))


@pytest.mark.parametrize("way", WAYS)
def test_no_way_to_find_words_finds_for_others_what_is_discreet(
    filled: Connection, engine: Engine, monkeypatch: pytest.MonkeyPatch, way: Way
) -> None:
    if (way is Way.WALKED) is (filled.dialect.name == "postgresql"):
        pytest.skip("this is a way of the other database")
    with writing(engine) as connection:
        lock_ledger(connection)
        said = {"kind": "nominated", "person": "words"}
        more = [entry("vote", action="nominated", actor="jonas.okafor", content=json.dumps(said))]
        append_many(connection, more, MONDAY + timedelta(days=1))
    index_new_words(engine)
    monkeypatch.setattr(questions, "best_way", lambda *_: way)
    with reading(engine) as connection:
        for asked in (Filter(text="words"), Filter(text="words", person="jonas.okafor"), Filter(person="jonas.okafor")):
            found = {
                reader: search(connection, asked, Reader(reader, sees_all), {}, limit=3).entries[0].seq
                for reader, sees_all in (("mara.lind", False), ("jonas.okafor", False), ("arjun.mehta", True))
            }
            assert found == {"mara.lind": MANY - 1, "jonas.okafor": MANY, "arjun.mehta": MANY}
        assert search(connection, Filter(text="words"), Reader("mara.lind"), {}, limit=3).count == 3


@pytest.mark.parametrize(
    ("asked", "postgresql"),
    [
        ({"text": "words"}, Way.ASKED),
        ({"text": "words 17"}, Way.GATHERED),
        ({"text": "words 57"}, Way.ASKED),
        ({"text": "words 57", "kind": "resumed"}, Way.GATHERED),
        ({"text": "words 17", "change": "CH-1"}, Way.ASKED),
        ({"text": "words", "person": "jonas.okafor"}, Way.ASKED),
        ({"text": "words", "person": "nobody"}, Way.ASKED),
        ({"text": "words", "since": MONDAY + timedelta(days=1)}, Way.NONE),
    ],
)
def test_common_words_are_not_gathered(
    filled: Connection, monkeypatch: pytest.MonkeyPatch, asked: dict[str, Any], postgresql: Way
) -> None:
    taken = []

    def way(*given: Any) -> Way:
        taken.append(best_way(*given))
        return taken[-1]

    monkeypatch.setattr(questions, "best_way", way)
    search(filled, Filter(**asked), AUDITOR, {})
    walked = Way.NONE if postgresql is Way.NONE else Way.WALKED
    assert taken == [postgresql if filled.dialect.name == "postgresql" else walked]


def test_how_common_words_are_is_told_by_the_newest_before_the_end(
    filled: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    if filled.dialect.name != "postgresql":
        pytest.skip("about PostgreSQL")
    told = []

    def way(*asked: Any) -> Way:
        told.append(asked[2])
        return Way.GATHERED

    monkeypatch.setattr(questions, "best_way", way)
    for asked in (
        Filter(text="words"),
        Filter(text="third"),
        Filter(text="nothing"),
        Filter(text="words", until=MONDAY + timedelta(minutes=7)),
        Filter(text="words", until=MONDAY + timedelta(days=7)),
    ):
        search(filled, asked, AUDITOR, {})
    assert told == [30, 10, 0, 7, 30]


def test_the_index_made_anew_finds_the_same(engine: Engine, filled: Connection) -> None:
    asked = Filter(text="words", person="jonas.okafor")
    before = all_pages(filled, asked)
    filled.rollback()
    with writing(engine) as connection:
        lock_ledger(connection)
        rebuild(connection)
    with reading(engine) as connection:
        assert all_pages(connection, asked) == ([], "0 records fit")
    assert index_new_words(engine) >= MANY
    with reading(engine) as connection:
        assert all_pages(connection, asked) == before


def test_what_was_refused_is_found_by_its_own_index(filled: Connection) -> None:
    explain = "EXPLAIN QUERY PLAN" if filled.dialect.name == "sqlite" else "EXPLAIN"
    if filled.dialect.name == "postgresql":
        filled.execute(text("SET LOCAL enable_seqscan = off"))
    query = "SELECT seq FROM ledger_record WHERE outcome = :o AND outcome <> 'applied' ORDER BY seq DESC LIMIT 51"
    plan = str(filled.execute(text(f"{explain} {query}"), {"o": "refused"}).all())
    assert "ix_ledger_record_not_applied_seq" in plan


@pytest.mark.parametrize(
    ("asked", "once"),
    [
        (Filter(), True),
        (Filter(text="words"), True),
        (Filter(person="jonas.okafor", stage="testing"), True),
        (Filter(person="jonas.okafor", kind="resumed"), False),
        (Filter(stage="testing"), False),
        (Filter(kind="resumed"), True),
        (Filter(person="jonas.okafor", stage="testing", outcome="refused"), False),
    ],
)
def test_what_one_index_finds_is_planned_once(filled: Connection, asked: Filter, once: bool) -> None:
    if filled.dialect.name != "postgresql":
        pytest.skip("about PostgreSQL")
    search(filled, asked, AUDITOR, {})
    assert planning(filled) == ("force_generic_plan" if once else "auto")
    list(exported(filled, asked, AUDITOR, {}, MANY))
    assert planning(filled) == "auto"


def test_whom_records_name_in_two_ways_is_planned_for_each(filled: Connection) -> None:
    if filled.dialect.name != "postgresql":
        pytest.skip("about PostgreSQL")
    record = tables.ledger_record
    old = filled.execute(select(record).where(record.c.seq == MANY - 1)).one()._asdict()
    old |= {"seq": MANY, "record_id": "old", "idem_key": "old", "actor": "jonas.okafor"}
    filled.execute(insert(record), old)
    found = search(filled, Filter(person="jonas.okafor", until=MONDAY + timedelta(days=1)), AUDITOR, {}, limit=2)
    assert planning(filled) == "auto"
    assert [entry.seq for entry in found.entries] == [MANY - 1, MANY - 3]
    filled.rollback()


def planning(connection: Connection) -> object:
    """How PostgreSQL plans what is prepared in this transaction."""
    return connection.execute(text("SHOW plan_cache_mode")).scalar_one()
