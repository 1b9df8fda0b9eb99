from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import BigInteger, Boolean, Date, Engine, Integer, String, Table, Text, insert, select, update

from changes.any_moment import AddComment, Withdraw
from changes.concerns import RaiseConcern
from changes.decision import evolve_all
from changes.events import event_from
from changes.state import ConcernCode
from ledger.findings import Kind
from ledger.keys import PinnedKey, generate_key
from store import tables
from store.audit.pages import search
from store.audit.questions import Filter, Reader
from store.checkpoints import Sealer
from store.columns import Document, UtcDateTime
from store.database import lock_ledger, open_database, reading, writing
from store.erasing import Erased, erase_person
from store.ledger import number_of, origin_of
from store.moving import NotMoved, move_everything
from store.numbers import reserve_reference
from store.personal_data import FATES, How, columns_that
from store.pseudonyms import pseudonym_for
from store.reading import change_state
from store.recording import event_texts
from store.redacting import ERASED, FREE_TEXT, NUMBERS, Whom, redacted
from store.restoring import NotAccepted
from store.searching import index_new_words
from store.sweeping import sweep
from store.trail import trail
from store.verifying import verify_stored
from tests.support.databases import ON_POSTGRESQL, Databases
from tests.support.desk import MONDAY, Desk
from tests.support.examples import (
    IN_ROLLOUT,
    MANAGER,
    PROPOSER,
    TO_CHAMPIONS,
    TO_ROLLOUT,
    champions_of_the_service_desk,
)
from tests.support.ledgers import check_the_whole_ledger

GONE, OTHER, SILENT = "lea.fontaine", "david.brueckner", "hoa.nguyen"
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


def erase(engine: Engine, person: str = GONE, *, patience: float = 30, **updates: str) -> Erased:
    given = {"reason": "They asked for it.", "by": PROPOSER, "confirmed_by": MANAGER, **updates}
    return erase_person(engine, person, now=MONDAY, patience=patience, **given)


def everything(engine: Engine) -> dict[str, str]:
    """What each table holds."""
    with reading(engine) as connection:
        return {table.name: repr(connection.execute(select(table)).all()) for table in tables.metadata.sorted_tables}


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
        for table, content in everything(engine).items():
            assert not [told for told in (WORDS, GONE, "Fontaine") if told in content], table
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
    for naming in (GONE, "Léa Fontaine", "lea.fontaine@"):
        with pytest.raises(NotAccepted, match="The reason stays on record"):
            erase(engine, reason=f"It is what {naming} wanted.")
    with pytest.raises(NotAccepted, match="nobody erases themselves"):
        erase(engine, person=PROPOSER)


def test_only_free_words_are_taken_out_of_an_event() -> None:
    content = {
        "kind": "commented",
        "by": "a",
        "about": "works",
        "text": "Words",
        "of": {"a": ["a", "b"]},
        "wave": "W 1",
    }
    mine = redacted(content, Whom("a", "erased-1", "p-1"), words=True)
    assert mine == {**content, "by": "erased-1", "text": ERASED, "of": {"erased-1": ["erased-1", "b"]}}
    others = redacted(content, Whom("a", "erased-1", "p-1"))
    assert others["text"] == "Words"
    assert {"text", "note", "reason", "way_forward", "heard", "title"} <= FREE_TEXT
    assert not {"wave", "about", "kind", "metric", "measure", "unit"} & FREE_TEXT


# -------------------------------------------------------------------------------------------------- every table


def test_every_column_is_known_to_the_erasure() -> None:
    """Whoever adds a column says in ``store.personal_data`` what becomes of it when a person is erased."""
    columns = {table.name: {column.name for column in table.columns} for table in tables.metadata.sorted_tables}
    assert columns == {table: set(fates) for table, fates in FATES.items()}
    assert all(fate.why for fates in FATES.values() for fate in fates.values() if fate.how in {How.KEPT, How.BY_ITSELF})


def filled(table: Table, about: str, number: int) -> dict[str, object]:
    """A row of ``table`` whose column ``about`` speaks of the person; where the row is theirs, so are its words."""
    fate = FATES[table.name][about].how
    row: dict[str, object] = {}
    for column in table.columns:
        kind = column.type
        if column.name == about:
            row[column.name] = mentioning(kind) if fate is How.MENTIONED else GONE
            if fate is How.BEGINS:
                row[column.name] = f"{GONE}/k{number}"
        elif kind is Document:
            row[column.name] = ["executive"] if column.name == "roles" else []
        elif isinstance(kind, Integer | BigInteger):
            row[column.name] = 10_000 + number
        elif isinstance(kind, String):
            theirs = fate is How.THEIRS and FATES[table.name][column.name].how is How.WITH_ROW
            row[column.name] = f"{number} {WORDS}"[: kind.length or 100] if theirs else f"x{number}"
        else:
            row[column.name] = {Boolean: True, Date: MONDAY.date(), UtcDateTime: MONDAY}[type(kind)]
    return row


def mentioning(kind: object) -> object:
    """Something in which the person is named."""
    content = {"summary": f"Léa Fontaine, {GONE}, lea.fontaine@frankenfeld.example said so.", "of": {GONE: 1}}
    if kind is Document:
        return content
    return json.dumps(content, ensure_ascii=False) if isinstance(kind, Text) else f"for {GONE}"


SPEAKING = [
    (table.name, column.name)
    for how in (How.THEIRS, How.NAMED, How.BEGINS, How.MENTIONED)
    for table, column in columns_that(how)
    if table.name not in {"person", "ledger_person", "process"}  # where the desk has put them
]


def test_no_table_names_or_quotes_them_afterwards(desk: Desk) -> None:
    engine = desk.engine
    with writing(engine) as connection:
        for number, (name, column) in enumerate(SPEAKING):
            table = tables.metadata.tables[name]
            connection.execute(insert(table).values(**filled(table, column, number)))
        connection.execute(update(tables.process).where(tables.process.c.ref == "returns").values(owner=GONE))
        connection.execute(update(tables.person).where(tables.person.c.ref == PROPOSER).values(manager=GONE))
    before = everything(engine)
    assert all(GONE in before[name] for name, _ in SPEAKING)
    leave(engine)
    erase(engine)
    for name, content in everything(engine).items():
        assert not [told for told in (WORDS, GONE, "Fontaine") if told in content], name


def test_the_list_names_every_table_that_the_rows_above_fill() -> None:
    by_hand = {
        "person",
        "process",
        "ledger_person",
        "ledger_private",
        "redacted_event",
        "change",
        "proposal_text",
        "proposal_word",
    }
    plain = {name for name, fates in FATES.items() if {fate.how for fate in fates.values()} <= {How.KEPT}}
    assert {name for name, _ in SPEAKING} | by_hand | plain == set(FATES)


def test_whoever_owned_a_process_and_had_a_seat_is_out_of_the_words_that_groundswell_wrote(desk: Desk) -> None:
    """Reasons for a seat and receipts name people; others quote what they wrote."""
    engine = desk.engine
    desk.give(PROPOSER, AddComment(about="works", text=f"As said: “{WORDS}”. I agree with Léa Fontaine."))
    desk.walk((*TO_ROLLOUT[len(TO_CHAMPIONS) :], *champions_of_the_service_desk(GONE), *IN_ROLLOUT[:3]))
    assert "Léa Fontaine" in everything(engine)["ledger_private"]
    leave(engine)
    erase(engine)
    for table, content in everything(engine).items():
        assert not [told for told in (WORDS, GONE, "Fontaine") if told in content], table
    with reading(engine) as connection:
        kept = event_texts(connection, "CH-1")
        rebuilt = evolve_all(None, [event_from(json.loads(value)) for value in kept], "CH-1")
        state = change_state(connection, "CH-1")
    assert rebuilt is not None
    assert state is not None
    assert state.having(updated_at=rebuilt.updated_at) == rebuilt
    assert any("As said: “[erased]”. I agree with [erased]." in value for value in kept)


def test_two_people_who_name_each_other_are_erased_one_after_the_other(desk: Desk) -> None:
    desk.walk((*TO_ROLLOUT[len(TO_CHAMPIONS) :], *champions_of_the_service_desk(GONE)))
    desk.give(OTHER, AddComment(about="works", text=f"{GONE} showed it to me at the Käsetheke"))
    for person in (GONE, OTHER):
        leave(desk.engine, person)
        erase(desk.engine, person)
    for table, content in everything(desk.engine).items():
        assert not [told for told in (WORDS, GONE, OTHER, "Käsetheke", "David Br") if told in content], table
    with reading(desk.engine) as connection:
        assert verify_stored(connection, origin_of(connection), []).findings == ()


def test_a_person_known_by_a_number_is_erased_without_the_numbers_that_people_measured(engine: Engine) -> None:
    assert {"value", "pass_line", "baseline"} <= NUMBERS
    content = {"by": "60", "person": "60", "value": "60", "text": "60 of 60"}
    left = redacted(content, Whom("60", "erased-1", "p-1"))
    assert left == {"by": "erased-1", "person": "erased-1", "value": "60", "text": "60 of 60"}


# ---------------------------------------------------------------------------------------------- again, and anonymous


def test_done_again_it_finishes_what_has_come_up_and_touches_nothing_else(desk: Desk) -> None:
    engine = desk.engine
    leave(engine)
    first = erase(engine)
    assert (first.known, first.left) == (True, ())
    # An open change whose workflow began before names them once more.
    desk.give(PROPOSER, AddComment(about="works", text=f"Where is {GONE}?"))
    with writing(engine) as connection:
        connection.execute(update(tables.outbox).values(recipient=GONE))
    second = erase(engine)
    assert second.known
    assert GONE not in "".join(everything(engine).values())
    before = everything(engine)
    third = erase(engine)
    assert (third.values, third.known) == (0, False)
    after = everything(engine)
    assert {name for name in before if before[name] != after[name]} <= {"directory_import"}


@pytest.mark.parametrize("word", ["testing", "returns", "system", "works", "mara"])
def test_a_word_that_is_nobody_takes_nothing_from_anybody(desk: Desk, word: str) -> None:
    before = everything(desk.engine)
    done = erase(desk.engine, word)
    after = everything(desk.engine)
    assert (done.known, done.values) == (False, 0)
    assert {name for name in before if before[name] != after[name]} <= {"directory_import"}


def speaks_anonymously(desk: Desk, person: str) -> str:
    """``person`` raises a concern without their name; under which pseudonym."""
    with writing(desk.engine) as connection:
        ref = pseudonym_for(connection, person, desk.change, MONDAY)
    desk.give(ref, RaiseConcern(title="Nobody dares to say it", text="ANONYMOUS WORDS", code=ConcernCode.R01))
    return ref


def test_who_only_spoke_anonymously_is_erased_and_nobody_learns_that_they_did(desk: Desk) -> None:
    engine = desk.engine
    pseudonym = speaks_anonymously(desk, OTHER)
    leave(engine, OTHER)
    leave(engine, SILENT)
    told, silent = erase(engine, OTHER), erase(engine, SILENT)
    assert told._replace(pseudonym="") == silent._replace(pseudonym="")
    left = everything(engine)
    assert OTHER not in "".join(left.values())
    assert pseudonym not in left["pseudonym"]
    assert "ANONYMOUS WORDS" in left["ledger_private"]
    with reading(engine) as connection:
        bodies = [json.loads(body) for body in connection.execute(select(tables.ledger_record.c.body)).scalars()]
    erasures = [body for body in bodies if body["action"] == "erased"]
    assert [(body["after"]["values"], "links" in body) for body in erasures] == [(0, False), (0, False)]


def test_words_under_a_pseudonym_are_erased_by_it_when_the_change_has_ended(desk: Desk) -> None:
    engine = desk.engine
    pseudonym = speaks_anonymously(desk, OTHER)
    with pytest.raises(NotAccepted, match="CH-1 has not ended yet"):
        erase(engine, pseudonym)
    desk.give(PROPOSER, Withdraw(reason="Not now."))
    done = erase(engine, pseudonym)
    assert (done.values >= 1, done.changes, done.pseudonym) == (True, ("CH-1",), pseudonym)
    left = everything(engine)
    assert "ANONYMOUS WORDS" not in "".join(left.values())
    assert pseudonym not in left["pseudonym"]
    assert OTHER in left["person"]
    with reading(engine) as connection:
        assert verify_stored(connection, origin_of(connection), []).findings == ()


# ------------------------------------------------------------------------------------------------------- sweeping


@pytest.mark.skipif(ON_POSTGRESQL, reason="about the files of SQLite")
@pytest.mark.parametrize("in_the_way", ["BEGIN; SELECT count(*) FROM person", "BEGIN IMMEDIATE"])
def test_what_stays_in_the_file_is_said_and_the_same_command_finishes_it(
    desk: Desk, in_the_way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = desk.engine
    path = str(engine.url.database)
    leave(engine)
    other = sqlite3.connect(path, isolation_level=None)

    def held(engine: Engine, patience: float) -> tuple[str, ...]:
        if not other.in_transaction:  # as soon as the erasure is committed
            for statement in in_the_way.split("; "):
                other.execute(statement).fetchall()
        return sweep(engine, patience)

    with monkeypatch.context() as patched:
        patched.setattr("store.erasing.sweep", held)
        first = erase(engine, patience=0.3)
    assert first.known
    assert len(first.left) == 1
    assert "Run the same command again" in first.left[0]
    other.rollback()
    again = erase(engine, patience=10)
    assert (again.known, again.left) == (False, ())
    files = [Path(path), Path(f"{path}-wal")]
    assert not any(WORDS.encode() in file.read_bytes() for file in files if file.exists())
    other.close()


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


WHOLE_ROAD = (*TO_ROLLOUT, *champions_of_the_service_desk(GONE), *IN_ROLLOUT)


@pytest.mark.parametrize(
    ("acts", "person"),
    [
        (acts, person)
        for acts in (len(TO_CHAMPIONS), len(WHOLE_ROAD) - 2, len(WHOLE_ROAD))
        for person in sorted({actor for actor, _ in WHOLE_ROAD[:acts]})
    ],
)
def test_whoever_had_a_part_is_erased_and_the_change_stands_where_it_stood(
    engine: Engine, acts: int, person: str
) -> None:
    """Whatever part it was: gates, policies and waves are told apart by names, and names are no words of theirs."""
    desk = Desk(engine).walk(WHOLE_ROAD[:acts])
    before = desk.stored()
    leave(engine, person)
    two = [one for one in ("david.brueckner", "hoa.nguyen") if one != person]
    done = erase(engine, person, by=two[0], confirmed_by=two[-1] if len(two) > 1 else PROPOSER)
    assert done.changes == ("CH-1",)
    after = desk.stored()
    for same in ("stage", "phase", "version", "policy", "opened_at"):
        assert getattr(after, same) == getattr(before, same), same
    assert [(one.name, one.at) for one in after.passed] == [(one.name, one.at) for one in before.passed]
    waves = [[(one.wave.name, one.status, one.adoption) for one in state.rollout.waves] for state in (before, after)]
    assert waves[0] == waves[1]
    gates = [state.gate and (state.gate.name, state.gate.due) for state in (before, after)]
    assert gates[0] == gates[1]
    assert f'"{person}"' not in after.model_dump_json()
    with reading(engine) as connection:
        assert evolve_all(None, [event_from(json.loads(text)) for text in event_texts(connection, "CH-1")], "CH-1")
        check_the_whole_ledger(connection)
