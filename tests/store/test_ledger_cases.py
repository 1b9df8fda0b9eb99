"""Cases of reference/ledger.md 8 that belong to no other test; tests/ledger/__init__.py lists them all."""

from __future__ import annotations

import signal
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Engine, delete, text

from changes.hearing import AcceptForTesting
from ledger.export_check import check_json_lines
from ledger.exports import json_lines
from ledger.findings import Kind, Layer, Report
from ledger.keys import PinnedKey, SigningKey, generate_key
from settings import Settings, SettingsWrong
from store import tables
from store.audit.exporting import exported
from store.audit.questions import Filter, Reader
from store.checkpoints import RecordsAltered, Sealer, latest_checkpoint, require_whole
from store.committing import GroupCommitter
from store.database import NoTransaction, lock_ledger, open_database, reading, writing
from store.keeping import signers_of
from store.ledger import Entry, append_many, append_once, origin_of
from store.recording import record
from store.sinks import FolderSink
from store.spooling import outside_checkpoints
from store.tiles import passing_reader
from store.verifying import verify_stored
from tests.support.attacks import Attacker
from tests.support.databases import ON_POSTGRESQL
from tests.support.desk import MONDAY, SOURCE, Desk
from tests.support.examples import MANAGER, PROPOSER, submit
from tests.support.ledgers import check_the_whole_ledger
from tests.support.processes import address_of, in_processes
from tests.support.writers import entry, seal_and_die


@pytest.fixture
def key(engine: Engine) -> SigningKey:
    with reading(engine) as connection:
        return generate_key(origin_of(connection))


def grow(engine: Engine, *keys: str) -> None:
    with writing(engine) as connection:
        lock_ledger(connection)
        append_many(connection, [entry(one) for one in keys], MONDAY)


# ------------------------------------------------------------------------------------- delivery and concurrency


def test_a_retry_after_an_erasure_is_answered_by_what_is_on_record(engine: Engine) -> None:
    grow(engine, "a", "b")
    erased = Entry.about_the_ledger("erased/1", "erased", "system", MONDAY, erases=[(0, "content")])
    with writing(engine) as connection:
        lock_ledger(connection)
        connection.execute(delete(tables.ledger_private).where(tables.ledger_private.c.seq == 0))
        append_many(connection, [erased], MONDAY)
    with writing(engine) as connection:
        lock_ledger(connection)
        assert append_once(connection, entry("a"), MONDAY) == 0
    with reading(engine) as connection:
        assert check_the_whole_ledger(connection) == 3
        assert verify_stored(connection, origin_of(connection), []).findings == ()


def test_one_decision_several_times_in_one_commit_happens_once(engine: Engine) -> None:
    desk, committer = Desk(engine), GroupCommitter(engine)
    desk.give(PROPOSER, submit())
    decision = desk.decision(MANAGER, AcceptForTesting())
    with reading(engine) as connection:
        before = check_the_whole_ledger(connection)
    with writing(engine) as connection:
        lock_ledger(connection)  # whoever comes meanwhile waits and is written together
        with ThreadPoolExecutor(12) as threads:
            tasks = [
                threads.submit(record, engine, decision, SOURCE, MONDAY, desk.states, committer) for _ in range(12)
            ]
            while len(committer._queue) < 11:
                pass
            connection.rollback()
            answers = [task.result() for task in tasks]
    assert sorted(answer.repeated for answer in answers) == [False] + [True] * 11
    with reading(engine) as connection:
        assert check_the_whole_ledger(connection) == before + len(decision.events)


def test_statement_by_statement_nothing_is_added(engine: Engine) -> None:
    careless = engine.execution_options(isolation_level="AUTOCOMMIT")
    with careless.connect() as connection:
        if not ON_POSTGRESQL:
            connection.exec_driver_sql("ROLLBACK")
        with pytest.raises(NoTransaction, match="only added to in a transaction"):
            lock_ledger(connection)


@pytest.mark.skipif(ON_POSTGRESQL, reason="about SQLite")
def test_what_others_set_for_themselves_does_not_make_us_careless(engine: Engine) -> None:
    other = sqlite3.connect(str(engine.url.database))
    other.execute("PRAGMA synchronous=OFF")
    other.execute("PRAGMA recursive_triggers=OFF")
    for one in (engine, open_database(address_of(engine))):
        with writing(one) as connection:
            assert connection.execute(text("PRAGMA synchronous")).scalar_one() == 2, "FULL"
    other.close()


# ----------------------------------------------------------------------------------------------------- sealing


@pytest.mark.slow
@pytest.mark.parametrize("when", ["before-storing", "before-keeping", "half-written", "before-noting"])
def test_killed_while_sealing_the_next_round_finishes_it(
    engine: Engine, key: SigningKey, tmp_path: Path, when: str
) -> None:
    sink = FolderSink(tmp_path)
    sealer = Sealer(engine, lambda _origin: [key], [sink])
    grow(engine, "a")
    assert sealer.seal() is not None
    grow(engine, "b")
    in_processes(1, seal_and_die, address_of(engine), key.to_text(), str(tmp_path), when, ends_with=-signal.SIGKILL)
    kept = [path.name for path in tmp_path.rglob("*.checkpoint")]
    assert (len(kept) == 2) == (when == "before-noting"), "a copy is there whole or not at all"
    require_whole(engine, [sink])
    sealed = sealer.seal()
    assert sealed is not None and (sealed.size, sealed.kept, sealed.problems) == (2, (sink.name,), ())
    with reading(engine) as connection:
        outside = outside_checkpoints([sink], key.name)
        report = verify_stored(connection, key.name, [PinnedKey(key.verifier_key)], outside)
    assert (report.exit_code, report.witnessed_size, sum(1 for _ in outside.rows)) == (0, 2, 2)


def test_a_second_program_with_another_key_is_found_by_whoever_pinned_one(engine: Engine, key: SigningKey) -> None:
    other = generate_key(key.name)
    for who, name in ((key, "a"), (other, "b"), (key, "c")):
        grow(engine, name)
        assert Sealer(engine, lambda _origin, who=who: [who]).seal() is not None  # type: ignore[misc]
    with reading(engine) as connection:
        report = verify_stored(connection, key.name, [PinnedKey(key.verifier_key)])
        assert latest_checkpoint(connection) is not None
    assert report.first is not None
    assert (report.first.kind, report.first.seq, report.exit_code) == (Kind.CHECKPOINT_UNTRUSTED, 1, 1)


def test_a_range_is_only_verified_when_it_leads_to_a_checkpoint_behind_it(
    engine: Engine, key: SigningKey, tmp_path: Path
) -> None:
    sink, pinned = FolderSink(tmp_path), [PinnedKey(key.verifier_key)]
    for first in (0, 30):
        grow(engine, *(f"e/{number}" for number in range(first, first + 30)))

    def verified(attack: bool = False) -> Report:
        with engine.connect().execution_options(writing=True) as connection, connection.begin() as transaction:
            if attack:
                attacker = Attacker(connection, key, key)
                attacker.take_triggers_away()
                attacker.edit(7, lambda body: body.update(command="other"), leaf=True)
                attacker.fix_tree()
            report = verify_stored(connection, key.name, pinned, list(sink.notes(key.name)), first=5, stop=10)
            transaction.rollback()
        return report

    unsigned = verified()
    assert (unsigned.findings, unsigned.exit_code) == ((), 2)
    assert "no checkpoint by a key you trust covers it yet" in unsigned.in_words()[0]
    assert Sealer(engine, lambda _origin: [key], [sink]).seal() is not None
    signed = verified()
    assert (signed.exit_code, signed.signed_size, signed.witnessed_size, signed.size) == (0, 60, 60, 10)
    wrong = verified(attack=True)
    assert wrong.layers == {Layer.CHECKPOINT, Layer.WITNESS}
    assert "do not lead to the checkpoint of size 60" in wrong.in_words()[0]


def test_without_a_usable_key_nothing_is_signed_and_it_is_said(tmp_path: Path) -> None:
    file = tmp_path / "signing.key"
    file.write_text("")
    with pytest.raises(SettingsWrong, match=r"signing key cannot be used: the key for example\.com/log is empty"):
        signers_of(Settings(ledger_key_file=file), "example.com/log")


# --------------------------------------------------------------------------------------------------- taking out


@pytest.mark.parametrize("asked", [Filter(), Filter(kind="nothing of this kind")])
def test_of_a_log_with_a_gap_nothing_is_taken_out(engine: Engine, key: SigningKey, asked: Filter) -> None:
    grow(engine, *(f"e/{number}" for number in range(300)))
    with writing(engine) as connection:
        attacker = Attacker(connection, key, key)
        attacker.take_triggers_away()
        attacker.remove(tables.ledger_private, tables.ledger_private.c.seq == 15)
        attacker.remove(tables.ledger_record, tables.ledger_record.c.seq == 15)
    with (
        reading(engine) as connection,
        pytest.raises(RecordsAltered, match="the first that is missing is record 15"),
    ):
        list(exported(connection, asked, Reader("auditor", sees_all=True), {}, 300))


def test_an_export_holds_the_log_as_it_was_when_it_began(engine: Engine, key: SigningKey) -> None:
    grow(engine, *(f"e/{number}" for number in range(700)))
    sealed = Sealer(engine, lambda _origin: [key]).seal()
    assert sealed is not None
    grow(engine, "not-signed-yet")

    def while_others_write() -> Iterator[str]:
        with reading(engine) as connection:
            records = exported(connection, Filter(), Reader("auditor", sees_all=True), {}, sealed.size)
            head = {"log": origin_of(connection), "checkpoint": sealed.note}
            for number, line in enumerate(json_lines(head, records, passing_reader(connection, 700), [key])):
                if number in (1, 600):
                    grow(engine, f"meanwhile/{number}")
                yield line

    lines = list(while_others_write())
    checked = check_json_lines(lines, [PinnedKey(key.verifier_key)])
    assert (checked.count, checked.size, checked.exit_code) == (700, 700, 0)
    with reading(engine) as connection:
        assert check_the_whole_ledger(connection) == 703
