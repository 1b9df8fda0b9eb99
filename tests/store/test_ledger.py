from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any
from uuid import RFC_4122, UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete, event, func, insert, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from changes.facts import SYSTEM, PolicyRef
from ledger.canonical import NotCanonical, parse_canonical
from ledger.commitments import verify
from ledger.merkle import root_of
from ledger.proofs import inclusion_proof, root_at, verify_inclusion
from ledger.record import Subject, statement_sha256
from ledger.tiles import NoSuchTile
from store import tables
from store.database import lock_ledger, reading, writing
from store.ledger import LABEL, Entry, KeyConflict, Source, Standing, append_many, append_once, number_of, origin_of
from store.tiles import stored_inclusion, stored_reader
from tests.support.databases import ON_POSTGRESQL
from tests.support.desk import MONDAY
from tests.support.ledgers import check_the_whole_ledger, heads, records
from tests.support.processes import address_of, in_processes
from tests.support.thoroughness import examples
from tests.support.writers import append_ten, append_ten_at, entry


def append(engine: Engine, *entries: Entry, now: datetime = MONDAY) -> int:
    with writing(engine) as connection:
        lock_ledger(connection)
        return append_many(connection, entries, now)


# -------------------------------------------------------------------------------------------------- appending


def test_records_are_numbered_without_gaps_and_the_head_is_the_root_over_their_bodies(engine: Engine) -> None:
    sizes = [append(engine, *(entry(f"{batch}/{index}") for index in range(batch))) for batch in range(1, 8)]
    assert sizes == [1, 3, 6, 10, 15, 21, 28]
    with reading(engine) as connection:
        assert check_the_whole_ledger(connection) == 28
        assert [head["size"] for head in heads(connection)] == sizes


@settings(max_examples=examples(8), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(st.integers(1, 9), min_size=1, max_size=6))
def test_the_head_does_not_depend_on_the_batches(engine: Engine, batches: list[int]) -> None:
    with engine.connect().execution_options(writing=True) as connection:
        with connection.begin() as transaction:
            for number, batch in enumerate(batches):
                append_many(connection, [entry(f"{number}/{index}") for index in range(batch)], MONDAY)
            assert check_the_whole_ledger(connection) == sum(batches)
            transaction.rollback()


def test_a_body_says_who_what_when_where_under_which_policy_and_by_which_program(engine: Engine) -> None:
    policy = PolicyRef(name="default", version=3, sha256="ab" * 32)
    source = Source(namespace="default", workflow_id="CH-7", run_id="r-1", update_id="u-1")
    signed = entry(
        "CH-7/4",
        change="CH-7",
        version=4,
        action="endorsed",
        stage="testing",
        phase="running_tests",
        policy=policy,
        meaning="These tests must pass.",
        command="endorse",
        source=source,
        on_behalf_of="jonas.okafor",
        before=Standing("testing", "awaiting_endorsement", 3),
    )
    append(engine, signed, entry("CH-7/5"))
    with reading(engine) as connection:
        first, second = (parse_canonical(row["body"]) for row in records(connection))
        numbers = {row.person: row.id for row in connection.execute(select(tables.ledger_person))}
        origin = origin_of(connection)
    identity, commitment = first.pop("record_id"), first["after"]["commit"].pop("content")
    statement, version = first["signature"].pop("statement_sha256"), first["source"].pop("version")
    assert (len(identity), len(commitment), len(statement)) == (36, 64, 64)
    assert version
    subject: dict[str, Any] = {"change_id": "CH-7", "revision": 4, "stage": "testing"}
    subject |= {"policy_id": "default", "policy_version": 3, "policy_sha256": "ab" * 32}
    assert first == {
        "v": 2,
        "log": origin,
        "seq": 0,
        "idem_key": "CH-7/4",
        "recorded_at": "2026-03-02T09:00:00.000000Z",
        "occurred_at": "2026-03-02T08:59:59.000000Z",
        "type": "org.groundswell.change.endorsed",
        "action": "endorsed",
        "outcome": "applied",
        "actor": {"kind": "user", "ref": numbers["mara.lind"], "on_behalf_of": numbers["jonas.okafor"], "via": "page"},
        "subject": subject,
        "before": {"stage": "testing", "phase": "awaiting_endorsement", "version": 3},
        "after": {"stage": "testing", "phase": "running_tests", "version": 4, "commit": {}},
        "source": {"component": "worker"},
        "workflow": {"namespace": "default", "workflow_id": "CH-7", "run_id": "r-1", "update_id": "u-1"},
        "command": "endorse",
        "signature": {
            "meaning": "These tests must pass.",
            "signer_ref": numbers["mara.lind"],
            "method": "signed-in-session",
            "signed_at": "2026-03-02T08:59:59.000000Z",
        },
    }
    assert statement == statement_sha256("These tests must pass.", Subject(**subject))
    assert not {"command", "signature", "workflow", "before"} & set(second)


def test_the_key_that_a_person_chose_stands_in_a_body_with_their_number(engine: Engine) -> None:
    """It begins with their reference, for it counts for them alone; from a leaf that could never be erased."""
    source = Source(namespace="default", workflow_id="CH-1", run_id="r-1", update_id="1/k/refused/1/k")
    about = {"change": "CH-1", "sender": "1", "source": source}
    append(
        engine,
        entry("CH-1/2", actor="1", **about),
        entry("CH-1/3", actor=SYSTEM, **about),
        entry("CH-1/refused/1/k", actor="1", outcome="refused", **about),
        entry("CH-1/refused/time/k", actor=SYSTEM, outcome="refused", change="CH-1"),
    )
    with reading(engine) as connection:
        check_the_whole_ledger(connection)
        number = number_of(connection, "1")
        bodies = [parse_canonical(row["body"]) for row in records(connection)]
    assert number.startswith("p-")
    ids = [body.get("workflow", {}).get("update_id") for body in bodies]
    assert ids == [f"{number}/k/refused/1/k"] * 3 + [None]
    keys = [body["idem_key"] for body in bodies]
    assert keys == ["CH-1/2", "CH-1/3", f"CH-1/refused/{number}/k", "CH-1/refused/time/k"]


def test_an_anonymous_record_names_nobody_and_no_minute(engine: Engine) -> None:
    source = Source(namespace="default", workflow_id="CH-7", run_id="r-1", update_id="chosen-by-mara")
    append(engine, entry("CH-7/refused/chosen-by-mara", anonymous=True, meaning="Yes.", source=source), entry("b"))
    with reading(engine) as connection:
        check_the_whole_ledger(connection)
        first, second = records(connection)
        assert connection.execute(select(tables.ledger_person.c.person)).scalars().all() == ["mara.lind"]
        private = connection.execute(select(tables.ledger_private.c.subject_ref)).scalars().all()
    body = parse_canonical(first["body"])
    assert body["actor"] == {"kind": "anonymous", "via": "page"}
    assert body["occurred_at"] == "2026-03-02T08:00:00.000000Z"
    assert body["workflow"] == {"namespace": "default", "workflow_id": "CH-7"}
    assert "signature" not in body
    assert b"mara" not in first["body"]
    assert (first["actor"], first["occurred_at"]) == ("", MONDAY - timedelta(hours=1))
    assert private == [None, second["actor"]]


def test_a_key_that_is_on_record_is_answered_and_never_means_something_else(engine: Engine) -> None:
    def once(one: Entry) -> int:
        with writing(engine) as connection:
            lock_ledger(connection)
            return append_once(connection, one, MONDAY)

    append(engine, entry("first"))
    assert once(entry("b")) == 1
    rerun = entry("b", source=Source(component="web"))
    assert once(rerun) == once(entry("b")) == 1
    for other in (entry("b", content='{"kind":"another"}'), entry("b", actor="jonas.okafor"), entry("b", stage="x")):
        with pytest.raises(KeyConflict, match="is on record as number 1 with other content"):
            once(other)
    with writing(engine) as connection:
        connection.execute(delete(tables.ledger_private).where(tables.ledger_private.c.seq == 1))
    assert once(entry("b")) == 1  # erased words cannot be compared
    with reading(engine) as connection:
        assert check_the_whole_ledger(connection) == 2


def test_full_tiles_are_written_once_with_their_roots(engine: Engine) -> None:
    for size in (200, 300, 13):
        append(engine, *(entry(f"{size}/{number}") for number in range(size)))
    with reading(engine) as connection:
        leaves = [row["leaf_hash"] for row in records(connection)]
        tiles = connection.execute(select(tables.ledger_tile).order_by(tables.ledger_tile.c.index)).all()
        assert [tuple(tile)[:2] for tile in tiles] == [(0, 0), (0, 1)]
        assert b"".join(tile.data for tile in tiles) == b"".join(leaves[:512])
        assert tiles[1].root == root_of(leaves[256:512])
        reader = stored_reader(connection, 513)
        assert root_at(reader, 513) == heads(connection)[-1]["root"]
        for seq in (0, 255, 256, 512):
            verify_inclusion(leaves[seq], seq, 513, inclusion_proof(reader, seq, 513), root_of(leaves))


def test_a_proof_is_read_in_one_query_and_is_the_same_as_read_piece_by_piece(engine: Engine) -> None:
    append(engine, *(entry(str(number)) for number in range(600)))
    asked: list[str] = []
    with reading(engine) as connection:
        event.listen(engine, "before_cursor_execute", lambda *a: asked.append(a[2]))
        for size, seq in ((1, 0), (255, 3), (256, 255), (257, 256), (513, 300), (600, 599), (600, 0)):
            asked.clear()
            proof = stored_inclusion(connection, seq, size)
            assert len(asked) <= 1, asked
            assert proof == inclusion_proof(stored_reader(connection, size), seq, size)
        with pytest.raises(ValueError, match="has no leaf 600"):
            stored_inclusion(connection, 600, 600)
        with pytest.raises(NoSuchTile, match="are stored"):
            stored_inclusion(connection, 599, 700)


def test_the_words_stay_outside_and_the_commitment_proves_them(engine: Engine) -> None:
    words = '{"text":"Ça va être très cher, 値段が高い 🫣"}'
    append(engine, entry("a", content=words), entry("b", content=words))
    with reading(engine) as connection:
        private = connection.execute(select(tables.ledger_private).order_by(tables.ledger_private.c.seq)).all()
        for row, kept in zip(records(connection), private, strict=True):
            commitment = bytes.fromhex(parse_canonical(row["body"])["after"]["commit"][LABEL])
            assert kept.value == words
            assert verify(LABEL, kept.value, kept.salt, commitment)
            assert not verify(LABEL, words.replace("cher", "bon"), kept.salt, commitment)
            assert "値段".encode() not in row["body"]
    salts = {row.salt for row in private}
    assert len(salts) == 2
    assert all(len(salt) == 32 for salt in salts)


def test_erased_words_leave_a_tree_that_still_verifies(engine: Engine) -> None:
    append(engine, *(entry(str(number)) for number in range(5)))
    with writing(engine) as connection:
        connection.execute(delete(tables.ledger_private).where(tables.ledger_private.c.seq == 2))
    append(engine, entry("after"))
    with reading(engine) as connection:
        assert check_the_whole_ledger(connection) == 6


def test_the_time_of_recording_never_goes_back_when_the_clock_does(engine: Engine) -> None:
    for minutes in (0, 10, -30, 5, 20):
        append(engine, entry(f"at/{minutes}"), now=MONDAY + timedelta(minutes=minutes))
    with reading(engine) as connection:
        check_the_whole_ledger(connection)
        recorded = [(row["recorded_at"] - MONDAY).total_seconds() / 60 for row in records(connection)]
        assert recorded == [0, 10, 10, 10, 20]
        assert {row["occurred_at"] for row in records(connection)} == {MONDAY - timedelta(seconds=1)}


def test_nothing_to_append_leaves_everything_as_it_is(engine: Engine) -> None:
    assert append(engine) == 0
    append(engine, entry("a"))
    assert append(engine) == 1
    with reading(engine) as connection:
        assert len(heads(connection)) == 1


def test_a_body_that_is_too_long_is_refused_whole(engine: Engine) -> None:
    with pytest.raises(NotCanonical, match="60,000 are allowed"):
        append(engine, entry("fits"), entry("does-not", meaning="x" * 60_000))
    with reading(engine) as connection:
        assert check_the_whole_ledger(connection) == 0


@pytest.mark.parametrize(
    "facts", [{"blob": "x" * 10_000_000}, {f"key{number}": number for number in range(100_000)}], ids=["10 MB", "keys"]
)
def test_a_huge_body_is_refused_whole(engine: Engine, facts: dict[str, Any]) -> None:
    with pytest.raises(NotCanonical, match="60,000 are allowed"):
        append(engine, entry("fits"), entry("does-not", facts=facts))
    with reading(engine) as connection:
        assert check_the_whole_ledger(connection) == 0
    assert append(engine, entry("later")) == 1


@pytest.mark.parametrize("place", [1, 20, 39])
def test_a_row_that_is_refused_in_the_middle_leaves_nothing_of_its_batch(engine: Engine, place: int) -> None:
    append(engine, entry("taken"))
    batch = [entry(f"new/{number}", actor=f"person-{number}") for number in range(40)]
    with pytest.raises(IntegrityError):
        append(engine, *batch[:place], entry("taken"), *batch[place:])
    with reading(engine) as connection:
        assert check_the_whole_ledger(connection) == 1
        for table, rows in ((tables.ledger_private, 1), (tables.ledger_person, 1), (tables.ledger_head, 1)):
            assert connection.execute(select(func.count()).select_from(table)).scalar_one() == rows
    assert append(engine, *batch) == 41


def test_a_record_is_named_by_its_number_and_chance_and_by_no_time(engine: Engine) -> None:
    append(engine, *(entry(str(number), anonymous=number % 2 == 0) for number in range(300)))
    with reading(engine) as connection:
        names = [UUID(row["record_id"]) for row in records(connection)]
    assert [name.int >> 80 for name in names] == list(range(300))
    assert {(name.version, name.variant) for name in names} == {(8, RFC_4122)}
    assert [str(name) for name in names] == sorted(str(name) for name in names)
    chance = [[name.int >> bit & 1 for name in names] for bit in (*range(60), *range(64, 76))]
    assert all(50 < sum(bits) < 250 for bits in chance), "each bit behind the number is as often set as not"


@pytest.mark.skipif(ON_POSTGRESQL, reason="about SQLite")
def test_no_statement_of_an_append_keeps_copies_of_what_it_changes(engine: Engine) -> None:
    """SQLite does where a statement with triggers may end with ABORT: that is what 2 says in the second operand."""
    seen: set[str] = set()
    event.listen(engine, "before_cursor_execute", lambda _c, _cursor, statement, *_: seen.add(statement))
    append(engine, entry("a"), entry("b"))
    inserts = [statement for statement in seen if re.match(r"INSERT .*INTO ledger_(record|head) ", statement)]
    assert len(inserts) == 2
    with reading(engine) as connection:
        for statement in inserts:
            steps = connection.exec_driver_sql(f"EXPLAIN {statement}", (None,) * statement.count("?")).all()
            endings = [step.p2 for step in steps if step.opcode.startswith("Halt")]
            assert 3 in endings and 2 not in endings, statement


def test_the_same_business_key_is_recorded_once(engine: Engine) -> None:
    append(engine, entry("CH-1/1"))
    with pytest.raises(DBAPIError):
        append(engine, entry("CH-1/1"))
    with reading(engine) as connection:
        assert check_the_whole_ledger(connection) == 1


# ------------------------------------------------------------------------------------------------ concurrency


def test_many_threads_append_without_a_gap_or_a_fork(engine: Engine) -> None:
    with ThreadPoolExecutor(8) as threads:
        for writer in [threads.submit(append_ten, engine, number) for number in range(8)]:
            writer.result()
    with reading(engine) as connection:
        assert check_the_whole_ledger(connection) == 160
        assert len(heads(connection)) == 80


def test_four_processes_append_without_a_gap_or_a_fork(engine: Engine) -> None:
    in_processes(4, append_ten_at, address_of(engine))
    with reading(engine) as connection:
        assert check_the_whole_ledger(connection) == 80


def test_an_appender_that_forgot_the_lock_is_an_error_and_never_a_fork(engine: Engine) -> None:
    """Two that read the same head write the same number; the second transaction fails as a whole."""
    append(engine, entry("first"))
    with reading(engine) as connection:
        head = heads(connection)[-1]
        taken = records(connection)[-1]
    for table, row in ((tables.ledger_head, head), (tables.ledger_record, taken)):
        fresh = {"record_id": "another", "idem_key": "another"} if table is tables.ledger_record else {}
        with pytest.raises(DBAPIError), writing(engine) as connection:
            connection.execute(insert(table).values({**row, **fresh}))


# -------------------------------------------------------------------------------------------- only ever added


TAMPERING = [
    "UPDATE ledger_record SET actor = 'nobody'",
    "UPDATE ledger_record SET body = body",
    "UPDATE ledger_head SET root = root WHERE size = 1",
    "DELETE FROM ledger_record",
    "DELETE FROM ledger_record WHERE seq = 2",
    "DELETE FROM ledger_head WHERE size = 3",
    "UPDATE ledger_tile SET root = data",
    "DELETE FROM ledger_tile",
    "UPDATE ledger_checkpoint SET note = 'another'",
    "DELETE FROM ledger_checkpoint",
    "UPDATE ledger_witness SET note = 'another'",
    "DELETE FROM ledger_witness",
]


def copying(verb: str, seq: str, record_id: str = "record_id", idem_key: str = "idem_key", then: str = "") -> str:
    """A statement that writes record 1 again, under other keys."""
    rest = "recorded_at, occurred_at, action, outcome, change, stage, actor, body, leaf_hash"
    source = f"SELECT {seq}, {record_id}, {idem_key}, {rest} FROM ledger_record WHERE seq = 1"  # noqa: S608
    return f"{verb} INTO ledger_record {source} {then}"


SQLITE_TAMPERING = [
    *TAMPERING,
    "UPDATE OR REPLACE ledger_record SET seq = 0 WHERE seq = 1",
    copying("INSERT OR REPLACE", "seq"),
    copying("REPLACE", "seq"),
    # A number that is free, and a key that is not: SQLite would delete the record that has the key, without a trigger.
    copying("REPLACE", "3", record_id="'fresh'"),
    copying("REPLACE", "3", idem_key="'fresh'"),
    "REPLACE INTO ledger_head SELECT 3, root, frontier, recorded_at, 2 FROM ledger_head WHERE size = 1",
    "REPLACE INTO ledger_head SELECT 2, root, frontier, recorded_at, 1 FROM ledger_head WHERE size = 1",
    "REPLACE INTO ledger_tile SELECT * FROM ledger_tile",
    "REPLACE INTO ledger_checkpoint SELECT * FROM ledger_checkpoint",
    "REPLACE INTO ledger_witness SELECT * FROM ledger_witness",
    copying("INSERT", "3", then="ON CONFLICT DO UPDATE SET actor = 'nobody'"),
    # Numbers are dense: nobody leaves a hole to fill in later.
    copying("INSERT", "9", record_id="'fresh'", idem_key="'fresh'"),
]
POSTGRESQL_TAMPERING = [
    *TAMPERING,
    "TRUNCATE ledger_record",
    "TRUNCATE ledger_head",
    "TRUNCATE ledger_tile",
    "TRUNCATE ledger_checkpoint",
    "TRUNCATE ledger_witness",
    "TRUNCATE person, ledger_record CASCADE",
    copying("INSERT", "seq", then="ON CONFLICT (seq) DO UPDATE SET actor = 'nobody'"),
    "MERGE INTO ledger_record USING (SELECT 1 AS seq) AS one ON ledger_record.seq = one.seq "
    "WHEN MATCHED THEN UPDATE SET actor = 'nobody'",
    "MERGE INTO ledger_record USING (SELECT 1 AS seq) AS one ON ledger_record.seq = one.seq WHEN MATCHED THEN DELETE",
]


@pytest.fixture
def filled(engine: Engine) -> Engine:
    """Three records, each with a head, and a row in each of the other tables."""
    for number in range(3):
        append(engine, entry(str(number)))
    with writing(engine) as connection:
        connection.execute(insert(tables.ledger_tile).values(level=0, index=0, data=b"d", root=b"r"))
        connection.execute(insert(tables.ledger_checkpoint).values(size=3, key_id="k", note="n", made_at=MONDAY))
        connection.execute(insert(tables.ledger_witness).values(size=3, witness="w", note="n", received_at=MONDAY))
    return engine


def test_what_is_on_record_cannot_be_altered_or_removed_by_sql(filled: Engine) -> None:
    with reading(filled) as connection:
        before = [dict(row) for row in (*records(connection), *heads(connection))]
    for statement in POSTGRESQL_TAMPERING if ON_POSTGRESQL else SQLITE_TAMPERING:
        with pytest.raises(DBAPIError, match="the ledger is append-only"), writing(filled) as connection:
            connection.execute(text(statement))
            pytest.fail(f"the database allowed: {statement}")
    with reading(filled) as connection:
        assert [dict(row) for row in (*records(connection), *heads(connection))] == before
    assert append(filled, entry("later")) == 4


@pytest.mark.skipif(not ON_POSTGRESQL, reason="about PostgreSQL")
def test_not_even_in_the_role_of_a_replica(filled: Engine) -> None:
    for statement in (*TAMPERING, "TRUNCATE ledger_record", "TRUNCATE ledger_head"):
        with pytest.raises(DBAPIError, match="the ledger is append-only"), writing(filled) as connection:
            connection.execute(text("SET LOCAL session_replication_role = replica"))
            connection.execute(text(statement))
            pytest.fail(f"the database allowed: {statement}")


def test_the_private_words_can_be_erased(filled: Engine) -> None:
    with writing(filled) as connection:
        assert connection.execute(delete(tables.ledger_private)).rowcount == 3
