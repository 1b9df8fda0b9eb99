from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import Engine, select, update

from changes.any_moment import AddComment
from changes.decision import evolve_all
from changes.events import event_from
from ledger.findings import Kind
from ledger.keys import PinnedKey, generate_key
from store import tables
from store.audit import Filter, Reader, search
from store.checkpoints import Sealer
from store.database import lock_ledger, open_database, reading, writing
from store.erasing import ERASED, FREE_TEXT, erase_person, redacted
from store.ledger import number_of, origin_of
from store.moving import NotMoved, move_everything
from store.numbers import reserve_reference
from store.reading import change_state
from store.recording import event_texts
from store.restoring import NotAccepted
from store.searching import index_new_words
from store.trail import trail
from store.verifying import verify_stored
from tests.support.databases import ON_POSTGRESQL, Databases
from tests.support.desk import MONDAY, Desk
from tests.support.examples import MANAGER, PROPOSER, TO_CHAMPIONS
from tests.support.ledgers import check_the_whole_ledger

GONE = "lea.fontaine"
WORDS = "Quetschkommode is what I call it"


@pytest.fixture
def desk(engine: Engine) -> Desk:
    desk = Desk(engine).walk(TO_CHAMPIONS)
    desk.give(GONE, AddComment(about="works", text=WORDS))
    index_new_words(engine)
    return desk


def leave(engine: Engine, person: str = GONE) -> None:
    with writing(engine) as connection:
        connection.execute(update(tables.person).where(tables.person.c.ref == person).values(active=False))


def erase(engine: Engine, person: str = GONE, **updates: str) -> object:
    given = {"reason": "They asked for it.", "by": PROPOSER, "confirmed_by": MANAGER, **updates}
    return erase_person(engine, person, now=MONDAY, **given)


def test_the_words_and_the_person_are_gone_and_everything_still_verifies(desk: Desk) -> None:
    engine = desk.engine
    with reading(engine) as connection:
        number = number_of(connection, GONE)
        origin = origin_of(connection)
    leave(engine)
    erase(engine)
    key = generate_key(origin)
    assert Sealer(engine, lambda _origin: [key]).seal() is not None
    index_new_words(engine)
    with reading(engine) as connection:
        check_the_whole_ledger(connection)
        report = verify_stored(connection, origin, [PinnedKey(key.verifier_key)])
        assert (report.findings, report.exit_code) == ((), 0)
        assert report.erased >= 1
        for table in tables.metadata.sorted_tables:
            everything = repr(connection.execute(select(table)).all())
            assert WORDS not in everything, table.name
            assert GONE not in everything or table.name == "directory_import", table.name
        sentences = [entry.sentence for entry in trail(connection, "CH-1", PROPOSER)]
        assert "The words of this record were erased." in sentences
        assert search(connection, Filter(text="Quetschkommode"), Reader("a", True), {}).entries == ()
        assert number_of(connection, GONE) == GONE
        assert number.startswith("p-")
        state = change_state(connection, "CH-1")
        events = [event_from(json.loads(value)) for value in event_texts(connection, "CH-1")]
        assert state is not None
        rebuilt = evolve_all(None, events, "CH-1")
        assert rebuilt is not None
        assert state.having(updated_at=rebuilt.updated_at) == rebuilt
        assert state.version == desk.state.version  # type: ignore[union-attr]
    if not ON_POSTGRESQL and engine.url.database:
        engine.dispose()
        files = [Path(engine.url.database), Path(f"{engine.url.database}-wal")]
        assert not any(WORDS.encode() in file.read_bytes() for file in files if file.exists())


def test_the_change_goes_on_after_an_erasure(desk: Desk) -> None:
    leave(desk.engine)
    erase(desk.engine)
    desk.state = desk.stored()
    desk.give(PROPOSER, AddComment(about="works", text="Onwards."))
    assert desk.stored() == desk.state


def test_values_that_vanish_without_a_record_and_come_back_after_one_are_found(desk: Desk) -> None:
    engine, private = desk.engine, tables.ledger_private
    with reading(engine) as connection:
        origin = origin_of(connection)
        kept = connection.execute(select(private)).mappings().all()
    leave(engine)
    erase(engine)
    with writing(engine) as connection:
        there = set(connection.execute(select(private.c.seq)).scalars())
        back = next(dict(row) for row in kept if row["seq"] not in there)
        connection.execute(private.insert().values(**back))
    with reading(engine) as connection:
        report = verify_stored(connection, origin, [])
    assert report.first is not None
    assert report.first.kind == Kind.VALUE_NOT_ERASED


def test_an_erasure_needs_a_reason_two_others_and_somebody_who_left(desk: Desk) -> None:
    engine = desk.engine
    with pytest.raises(NotAccepted, match="is still active"):
        erase(engine)
    leave(engine)
    with pytest.raises(NotAccepted, match="Give a reason"):
        erase(engine, reason=" ")
    with pytest.raises(NotAccepted, match="Two different people"):
        erase(engine, confirmed_by=PROPOSER)
    with pytest.raises(NotAccepted, match="who is active"):
        erase(engine, confirmed_by=GONE)
    with pytest.raises(NotAccepted, match="Nothing is recorded by or about anybody called nobody"):
        erase(engine, person="nobody")
    erase(engine)
    with pytest.raises(NotAccepted, match="Nothing is recorded"):
        erase(engine)


def test_only_free_words_are_taken_out_of_an_event() -> None:
    content = {
        "kind": "commented",
        "by": "a",
        "about": "works",
        "text": "Words",
        "of": {"a": ["a", "b"]},
        "wave": "W 1",
    }
    mine = redacted(content, "a", "erased-1", words=True)
    assert mine == {**content, "by": "erased-1", "text": ERASED, "of": {"erased-1": ["erased-1", "b"]}}
    others = redacted(content, "a", "erased-1", words=False)
    assert others["text"] == "Words"
    assert {"text", "note", "reason", "way_forward", "heard", "title"} <= FREE_TEXT
    assert not {"wave", "about", "kind", "metric", "measure", "unit"} & FREE_TEXT


def test_a_copy_in_another_database_keeps_every_hash(desk: Desk, database_maker: Databases) -> None:
    with writing(desk.engine) as connection:
        reserve_reference(connection, f"{PROPOSER}/k", MONDAY)
    with reading(desk.engine) as connection:
        origin = origin_of(connection)
        before = [tuple(row) for row in connection.execute(select(tables.ledger_head).order_by("size"))]
    with database_maker.empty() as address:
        target = open_database(address)
        size = move_everything(desk.engine, target, MONDAY)
        with reading(target) as connection:
            assert check_the_whole_ledger(connection) == size
            after = [tuple(row) for row in connection.execute(select(tables.ledger_head).order_by("size"))]
            assert after[:-1] == before
            assert origin_of(connection) == origin
            assert change_state(connection, "CH-1") == desk.state
            entries = search(connection, Filter(text="Quetschkommode"), Reader("a", True), {}).entries
            assert [entry.actor for entry in entries] == [GONE]
        with writing(target) as connection:
            lock_ledger(connection)
            assert reserve_reference(connection, f"{PROPOSER}/another", MONDAY) == "CH-2"
        with pytest.raises(NotMoved, match="is not empty"):
            move_everything(desk.engine, target, MONDAY)
        target.dispose()
