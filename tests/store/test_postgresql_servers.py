"""PostgreSQL that is restarted, crashes, and fails over to a replica that lags (reference/ledger.md 8, group 12)."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine, create_engine, text

from ledger.keys import PinnedKey, generate_key
from store.checkpoints import LedgerDamaged, Sealer, head_of, require_whole
from store.committing import GroupCommitter, Outcome
from store.database import DatabaseUnavailable, lock_ledger, open_database, reading, writing
from store.ledger import LedgerStopped, append_once, origin_of
from store.restoring import accept_restore, restore_state
from store.sinks import FolderSink
from store.spooling import outside_checkpoints
from store.verifying import verify_stored
from tests.support.clusters import Cluster, cluster
from tests.support.databases import fill
from tests.support.desk import MONDAY
from tests.support.examples import MANAGER, OWNER
from tests.support.ledgers import check_the_whole_ledger, records
from tests.support.processes import in_processes
from tests.support.writers import deliver_all, entry

pytestmark = pytest.mark.slow
KEYS, WRITERS = 300, 6


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.05)


def test_a_server_that_is_restarted_and_crashes_in_the_middle_loses_and_repeats_nothing() -> None:
    with cluster() as server:
        engine = open_database(server.address)
        fill(engine)
        done: list[int] = []
        outages: list[str] = []

        def deliver(writer: int) -> None:
            for number in range(writer % 2, KEYS, 2):  # three writers for each key
                while True:
                    try:
                        with writing(engine) as connection:
                            lock_ledger(connection)
                            append_once(connection, entry(f"key/{number}"), MONDAY)
                        break
                    except DatabaseUnavailable as error:
                        outages.append(str(error))
                        time.sleep(0.02)
                done.append(number)

        with ThreadPoolExecutor(WRITERS) as threads:
            writers = [threads.submit(deliver, number) for number in range(WRITERS)]
            for part, mode in ((1, "immediate"), (2, "fast"), (3, "immediate")):
                wait_until(lambda part=part: len(done) > part * KEYS // 2)  # type: ignore[misc]
                server.restart(mode)
            for writer in writers:
                writer.result()
        assert outages, "the server was away while they wrote"
        with reading(engine) as connection:
            assert check_the_whole_ledger(connection) == KEYS
            assert {row["idem_key"] for row in records(connection)} == {f"key/{number}" for number in range(KEYS)}
        engine.dispose()


def test_behind_a_pooler_that_mixes_transactions_each_key_is_recorded_once() -> None:
    pgbouncer = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    if pgbouncer is None:
        pytest.skip("pgbouncer is not installed")
    with cluster() as server:
        engine = open_database(server.address)
        fill(engine)
        place = server.data.parent / "pooler"
        place.mkdir()
        place.chmod(0o777)
        settings = place / "pgbouncer.ini"
        settings.write_text(
            f"[databases]\npostgres = host={server.data} dbname=postgres user=postgres\n"
            f"[pgbouncer]\nlisten_addr =\nunix_socket_dir = {place}\nlisten_port = 6432\nauth_type = any\n"
            f"pool_mode = transaction\ndefault_pool_size = 3\nlogfile = {place}/log\n"
        )
        pooler = subprocess.Popen([pgbouncer, "-q", str(settings)], user=server.user)
        try:
            wait_until((place / ".s.PGSQL.6432").exists)
            through = f"postgresql://postgres:@/postgres?host={place}&port=6432&pooler=transaction"
            in_processes(WRITERS, deliver_all, through, KEYS)
        finally:
            pooler.terminate()
            pooler.wait(10)
        with reading(engine) as connection:
            assert check_the_whole_ledger(connection) == KEYS
        engine.dispose()


def grow(engine: Engine, committer: GroupCommitter, first: int) -> None:
    """Ten records more."""
    for number in range(first, first + 10):
        added = entry(f"key/{number}")
        committer.commit(lambda _connection, added=added: Outcome([added], MONDAY, None))  # type: ignore[misc]


def test_a_replica_that_lagged_and_was_promoted_is_not_added_to(tmp_path: Path) -> None:
    with cluster() as primary:
        serving: list[Cluster] = [primary]
        engine = create_engine(
            "postgresql+psycopg://",
            creator=lambda: psycopg.connect(f"host={serving[0].data} user=postgres dbname=postgres"),
            pool_pre_ping=True,
            isolation_level="READ COMMITTED",
        )
        fill(engine)
        committer, sink = GroupCommitter(engine), FolderSink(tmp_path)
        with reading(engine) as connection:
            key = generate_key(origin_of(connection))
        sealer = Sealer(engine, lambda _origin: [key], [sink])
        grow(engine, committer, 0)
        sealer.seal()
        replica = primary.standby(primary.data.parent / "replica")
        following = open_database(replica.address)
        wait_until(lambda: _size(following) == 10)
        _cut_off(following)
        grow(engine, committer, 10)
        sealed = sealer.seal()
        assert sealed is not None and (sealed.size, sealed.kept) == (20, (sink.name,))
        primary.crash()
        replica.promote()
        serving[0] = replica

        with pytest.raises(LedgerStopped, match="has 10 records and had 20"):  # the program that went on running
            while True:
                try:
                    grow(engine, committer, 20)
                except DatabaseUnavailable:  # its connections to the server that is gone
                    continue
        assert _size(following) == 10
        with pytest.raises(LedgerDamaged, match="has 10 records and had 20"):
            require_whole(following, [sink])  # the program that starts
        with pytest.raises(LedgerStopped, match="an older copy was put in its place"):
            grow(following, GroupCommitter(following), 20)
        words = " ".join(restore_state(following, [sink]).in_words())
        assert "10 are missing here" in words and "of size 10; from there on" in words
        accept_restore(following, [sink], "The replica lagged.", MANAGER, OWNER, MONDAY)
        grow(following, GroupCommitter(following), 20)
        require_whole(following, [sink])
        with reading(following) as connection:
            outside = outside_checkpoints([sink], key.name)
            report = verify_stored(connection, key.name, [PinnedKey(key.verifier_key)], outside)
        assert (report.exit_code, report.size, report.witnessed_size) == (0, 22, 10)
        engine.dispose()
        following.dispose()


def _size(engine: Engine) -> int:
    with reading(engine) as connection:
        return head_of(connection).size


def _cut_off(replica: Engine) -> None:
    """The network between the two is gone."""
    with replica.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ALTER SYSTEM SET primary_conninfo = ''"))
        connection.execute(text("SELECT pg_reload_conf()"))
        receiving = text("SELECT count(*) FROM pg_stat_wal_receiver")
        wait_until(lambda: connection.execute(receiving).scalar_one() == 0)
