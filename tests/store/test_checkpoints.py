from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import Engine, func, select, text

from ledger.checkpoint import Checkpoint, open_checkpoint, read_checkpoint, sign_checkpoint
from ledger.findings import Kind
from ledger.keys import PinnedKey, SigningKey, generate_key, generate_witness_key
from ledger.merkle import EMPTY_ROOT
from ledger.tiles import NoSuchTile
from store import tables
from store.audit.standing import ledger_state
from store.checkpoints import (
    CopiesMissing,
    LedgerDamaged,
    Sealer,
    latest_checkpoint,
    latest_vouched,
    require_whole,
)
from store.committing import GroupCommitter, Outcome
from store.database import lock_ledger, open_database, reading, writing
from store.ledger import LedgerStopped, add_once, append_many, origin_of
from store.restoring import accept_restore, restore_state
from store.sinks import FolderSink, HttpSink, Sink, SinkUnusable, safe_name, sinks_from
from store.stopping import go_on, stopped_because
from store.verifying import verify_stored
from store.witnesses import Witness, WitnessRefused
from tests.support.attacks import RECORD, Attacker
from tests.support.databases import ON_POSTGRESQL
from tests.support.desk import MONDAY
from tests.support.examples import MANAGER, OWNER
from tests.support.ledgers import check_the_whole_ledger
from tests.support.witnesses import SmallPlace, SmallWitness
from tests.support.writers import entry


@pytest.fixture
def origin(engine: Engine) -> str:
    with reading(engine) as connection:
        return origin_of(connection)


@pytest.fixture
def key(origin: str) -> SigningKey:
    return generate_key(origin)


def grow(engine: Engine, count: int, name: str = "e") -> None:
    with writing(engine) as connection:
        lock_ledger(connection)
        size = connection.execute(select(func.count()).select_from(RECORD)).scalar_one()
        append_many(connection, [entry(f"{name}/{size + number}") for number in range(count)], MONDAY)


def sealer(engine: Engine, *keys: SigningKey, sinks: Sequence[Sink] = (), witnesses: Sequence[Witness] = ()) -> Sealer:
    return Sealer(engine, lambda _origin: keys, sinks, witnesses, clock=lambda: MONDAY)


def test_a_checkpoint_is_made_when_there_is_something_new_and_kept_inside_and_outside(
    engine: Engine, key: SigningKey, origin: str, tmp_path: Path
) -> None:
    sink = FolderSink(tmp_path)
    sealing = sealer(engine, key, sinks=[sink])
    assert sealing.seal() is None
    grow(engine, 5)
    first, again = sealing.seal(), sealing.seal()
    assert first is not None
    assert again is not None
    assert (first.size, first.new, first.kept, again.new) == (5, True, (sink.name,), False)
    grow(engine, 2)
    assert sealing.seal() is not None
    assert [read_checkpoint(note)[0].size for note in sink.notes(origin)] == [7, 5]
    with reading(engine) as connection:
        kept, vouched = latest_checkpoint(connection), latest_vouched(connection)
        assert kept is not None
        opened = open_checkpoint(kept.note, origin, [key.verifier_key])
        head = connection.execute(select(tables.ledger_head.c.root).where(tables.ledger_head.c.size == 7)).scalar_one()
        assert (opened.checkpoint.size, opened.checkpoint.root) == (7, head)
        assert vouched == (7, sink.name, MONDAY)


def test_while_a_key_is_replaced_both_sign_and_each_can_be_trusted(
    engine: Engine, key: SigningKey, origin: str
) -> None:
    new = generate_key(origin)
    for keys in ((key,), (key, new), (new,)):
        grow(engine, 3)
        assert sealer(engine, *keys).seal() is not None
    with reading(engine) as connection:
        old_then_new = [PinnedKey(key.verifier_key, 0, 6), PinnedKey(new.verifier_key, 6)]
        assert verify_stored(connection, origin, old_then_new).exit_code == 0
        assert verify_stored(connection, origin, [PinnedKey(new.verifier_key)]).exit_code == 1
        stolen_since = [PinnedKey(key.verifier_key, 0, 3)]
        report = verify_stored(connection, origin, stolen_since)
        assert report.first is not None
        assert (report.first.kind, report.signed_size) == (Kind.CHECKPOINT_UNTRUSTED, 3)


def test_a_flipped_bit_is_found_before_it_is_signed_and_stops_the_ledger(engine: Engine, key: SigningKey) -> None:
    grow(engine, 4)
    with writing(engine) as connection:
        attacker = Attacker(connection, key, key)
        attacker.take_triggers_away()
        attacker.edit(2, lambda body: body.update(command="other"))
    with pytest.raises(LedgerDamaged, match="Record 2 is missing, or its bytes are not those"):
        sealer(engine, key).seal()
    with pytest.raises(LedgerStopped, match="Record 2"):
        grow(engine, 1)
    with reading(engine) as connection:
        assert latest_checkpoint(connection) is None


DAMAGED_TREES = {
    "the note is cut off": ("ledger_checkpoint SET note = substr(note, 1, 40)", "cannot be read"),
    "the note is of another tree": ("ledger_checkpoint SET note = {note}", "is not the one that was signed"),
    "the frontier is cut off": ("ledger_head SET frontier = {nothing}", "is not the one that was signed"),
    "the bytes of a record are none": ("ledger_record SET body = {nothing} WHERE seq = 5", "Record 5"),
}


@pytest.mark.parametrize("grown", [0, 1], ids=["nothing new", "something new"])
@pytest.mark.parametrize("how", DAMAGED_TREES)
def test_a_checkpoint_that_cannot_be_read_any_more_stops_the_ledger(
    engine: Engine, key: SigningKey, how: str, grown: int
) -> None:
    put, said = DAMAGED_TREES[how]
    grow(engine, 5)
    first = sealer(engine, key).seal()
    assert first is not None
    other = str(sign_checkpoint(Checkpoint(key.name, 5, bytes(32)), [key]))
    grow(engine, grown)
    with writing(engine) as connection:
        Attacker(connection, key, key).take_triggers_away()
        nothing = "''" if ON_POSTGRESQL else "'none'"
        connection.execute(text("UPDATE " + put.format(nothing=nothing, note=f"'{other}'")))
    if "checkpoint" not in put and not grown:  # nothing of it is read again; a verification does
        assert sealer(engine, key).seal() is not None
        return
    for _ in range(2):
        with pytest.raises(LedgerDamaged, match=said):
            sealer(engine, key).seal()
    with pytest.raises(LedgerStopped, match=said):
        grow(engine, 1)


def test_a_restored_backup_is_recognised_and_nothing_is_added_until_somebody_looked(
    engine: Engine, key: SigningKey, tmp_path: Path
) -> None:
    sinks = [FolderSink(tmp_path)]
    grow(engine, 5)
    sealer(engine, key, sinks=sinks).seal()
    grow(engine, 5)
    sealer(engine, key, sinks=sinks).seal()
    require_whole(engine, sinks)
    with writing(engine) as connection:
        attacker = Attacker(connection, key, key)
        attacker.take_triggers_away()
        attacker.cut(5)
    with pytest.raises(LedgerDamaged, match=r"has 5 records, but the checkpoint in file://.* counts 10"):
        require_whole(engine, sinks)
    for _ in range(2):
        with pytest.raises(LedgerStopped, match="restored from an older backup"):
            grow(engine, 1)
        with pytest.raises(LedgerDamaged):
            require_whole(engine, sinks)
    with writing(engine) as connection:
        go_on(connection)
    grow(engine, 1)


def test_after_a_restore_is_accepted_only_the_places_that_others_keep_are_left(
    engine: Engine, key: SigningKey, origin: str, tmp_path: Path
) -> None:
    folder, place = FolderSink(tmp_path), SmallPlace()
    sinks: list[Sink] = [folder, HttpSink("https://keeper.example", place.client())]
    for _ in range(3):
        grow(engine, 5)
        sealer(engine, key, sinks=sinks).seal()
    with writing(engine) as connection:
        attacker = Attacker(connection, key, key)
        attacker.take_triggers_away()
        attacker.cut(5)
    accepted = accept_restore(engine, sinks, "The disk died.", MANAGER, OWNER, MONDAY)
    assert len(accepted.put_aside) == 2
    assert [read_checkpoint(note)[0].size for note in folder.notes(origin)] == [5]
    [left] = accepted.left
    assert "ask them to put aside, and not to delete" in left and "larger than 5" in left
    grow(engine, 20)
    sealed = sealer(engine, key, sinks=[folder]).seal()
    assert sealed is not None and sealed.kept == (folder.name,)
    require_whole(engine, [folder])
    with pytest.raises(LedgerDamaged, match=r"not those of the checkpoint in https://keeper"):
        require_whole(engine, sinks)


class OvertakenFolder(FolderSink):
    """A folder that answers slowly: while it is asked, ``meanwhile`` is done elsewhere."""

    def __init__(self, folder: Path, meanwhile: Callable[[], object], first: bool) -> None:
        super().__init__(folder)
        self.meanwhile, self.first = meanwhile, first

    def notes(self, origin: str) -> Iterator[str]:
        """With what is done meanwhile before it looks, or after."""
        if self.first:
            self.meanwhile()
        found = list(super().notes(origin))
        if not self.first:
            self.meanwhile()
        yield from found


@pytest.mark.parametrize("ask", ["seal", "start", "say how it stands"])
@pytest.mark.parametrize("first", [True, False])
def test_what_another_process_seals_while_a_place_is_asked_is_no_restored_backup(
    engine: Engine, key: SigningKey, tmp_path: Path, ask: str, first: bool
) -> None:
    grow(engine, 3)
    other = open_database(engine.url.render_as_string(hide_password=False))
    worker = sealer(other, key, sinks=[FolderSink(tmp_path)])
    worker.seal()

    def meanwhile() -> None:
        grow(other, 1)
        assert worker.seal() is not None

    sink = OvertakenFolder(tmp_path, meanwhile, first)
    if ask == "seal":
        sealed = sealer(engine, key, sinks=[sink]).seal()
        assert sealed is not None and sealed.size == 4
    elif ask == "start":
        require_whole(engine, [sink])
    else:
        assert restore_state(engine, [sink]).whole
    with reading(engine) as connection:
        assert stopped_because(connection) is None
    other.dispose()


@pytest.mark.skipif(ON_POSTGRESQL, reason="about SQLite's files")
def test_a_copy_without_the_file_of_what_was_written_last_is_recognised(
    engine: Engine, key: SigningKey, tmp_path: Path
) -> None:
    sinks = [FolderSink(tmp_path / "kept")]
    grow(engine, 3)
    with engine.connect() as connection:
        connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
    grow(engine, 4)
    assert sealer(engine, key, sinks=sinks).seal() is not None
    copy = tmp_path / "copy.db"
    shutil.copyfile(str(engine.url.database), copy)  # and not the -wal beside it
    restored = open_database(f"sqlite:///{copy}")
    with pytest.raises(LedgerDamaged, match=r"has 3 records, but the checkpoint in file://.* counts 7"):
        require_whole(restored, sinks)
    with pytest.raises(LedgerStopped):
        grow(restored, 1)
    restored.dispose()


def added_by_a_worker(engine: Engine) -> Callable[[str], object]:
    committer = GroupCommitter(engine)
    return lambda name: committer.commit(lambda _connection: Outcome([entry(name)], MONDAY, None))


def added_by_the_web_server(engine: Engine) -> Callable[[str], object]:
    return lambda name: add_once(engine, entry(name), MONDAY)


@pytest.mark.parametrize("program", [added_by_a_worker, added_by_the_web_server])
def test_a_program_notices_a_database_that_was_put_back_under_it_and_stops_all_others(
    engine: Engine, key: SigningKey, program: Callable[[Engine], Callable[[str], object]]
) -> None:
    add = program(engine)
    for name in "abc":
        add(name)
    with writing(engine) as connection:
        attacker = Attacker(connection, key, key)
        attacker.take_triggers_away()
        attacker.cut(1)
    with pytest.raises(LedgerStopped, match="has 1 records and had 3"):
        add("d")
    other = open_database(engine.url.render_as_string(hide_password=False))
    for name in "efg":  # what others add would bring it back to a size at which nothing shows
        with pytest.raises(LedgerStopped, match="had 3 when this program last added to it: an older copy"):
            add_once(other, entry(name), MONDAY)
    other.dispose()
    with reading(engine) as connection:
        assert check_the_whole_ledger(connection) == 1
    accept_restore(engine, [], "The disk died.", MANAGER, OWNER, MONDAY + timedelta(minutes=1))
    add("d")
    add("e")
    with reading(engine) as connection:
        assert check_the_whole_ledger(connection) == 4
        assert stopped_because(connection) is None


def test_a_half_written_copy_is_not_there_and_a_destroyed_one_is_said(
    engine: Engine, key: SigningKey, origin: str, tmp_path: Path
) -> None:
    sink = FolderSink(tmp_path)
    grow(engine, 3)
    sealer(engine, key, sinks=[sink]).seal()
    [file] = tmp_path.rglob("*.checkpoint")
    (file.parent / ".00000000000000000009.1.part").write_text(file.read_text()[:30])
    assert len(list(sink.notes(origin))) == 1
    require_whole(engine, [sink])
    beside = FolderSink(tmp_path / "beside")
    grow(engine, 1)
    sealer(engine, key, sinks=[sink, beside]).seal()
    [file] = (file for file in tmp_path.rglob("*4.checkpoint") if "beside" not in file.parts)
    file.write_text(file.read_text()[:30])
    grow(engine, 1)
    sealed = sealer(engine, key, sinks=[sink, beside]).seal()
    assert sealed is not None and sealed.kept == (beside.name,)
    assert ["cannot be read" in problem for problem in sealed.problems] == [True, False]
    assert "has taken checkpoints up to 4 records and now has only up to 3" in sealed.problems[1]
    with pytest.raises(CopiesMissing, match="only up to 3"):
        require_whole(engine, [sink])
    with reading(engine) as connection:
        report = verify_stored(connection, origin, [PinnedKey(key.verifier_key)], list(sink.notes(origin)))
    assert report.first is not None
    assert report.first.kind == Kind.CHECKPOINT_UNREADABLE


def test_a_place_that_lost_what_it_took_is_evidence_and_nothing_is_signed_until_it_is_back(
    engine: Engine, key: SigningKey, origin: str, tmp_path: Path
) -> None:
    folder, away = tmp_path / "volume", tmp_path / "not mounted"
    sinks = [FolderSink(folder)]
    require_whole(engine, sinks)  # the first start: nothing was ever kept, and no folder is there
    grow(engine, 3)
    sealer(engine, key, sinks=sinks).seal()
    folder.rename(away)
    grow(engine, 1)
    for _ in range(2):
        with pytest.raises(CopiesMissing, match=r"up to 3 records and now has none of them.*volume mounted.*restore-s"):
            require_whole(engine, sinks)
        with pytest.raises(CopiesMissing):
            sealer(engine, key, sinks=sinks).seal()
    grow(engine, 1)  # the company goes on: a program that runs would notice a database that was put back under it
    with reading(engine) as connection:
        kept, state = latest_checkpoint(connection), ledger_state(connection)
    assert kept is not None and kept.size == 3
    assert (state.stopped, len(state.outside)) == ("", 1)
    assert "has none of them" in state.outside[0]
    assert not folder.exists()
    away.rename(folder)
    sealed = sealer(engine, key, sinks=sinks).seal()
    assert sealed is not None and (sealed.size, sealed.kept, sealed.problems) == (5, (sinks[0].name,), ())
    with reading(engine) as connection:
        assert ledger_state(connection).outside == ()


def test_an_older_database_beside_an_empty_place_is_no_new_beginning(
    engine: Engine, key: SigningKey, origin: str, tmp_path: Path
) -> None:
    sinks = [FolderSink(tmp_path / "volume")]
    for _ in range(2):
        grow(engine, 5)
        sealer(engine, key, sinks=sinks).seal()
    with writing(engine) as connection:
        attacker = Attacker(connection, key, key)
        attacker.take_triggers_away()
        attacker.cut(5)
    (tmp_path / "volume").rename(tmp_path / "elsewhere")
    state = restore_state(engine, sinks)
    assert not state.whole
    assert "has taken checkpoints up to 5 records and now has none of them" in " ".join(state.in_words())
    with pytest.raises(CopiesMissing):
        sealer(engine, key, sinks=sinks).seal()
    accepted = accept_restore(engine, sinks, "The volume burnt, too.", MANAGER, OWNER, MONDAY)
    assert accepted == ((), ())
    assert restore_state(engine, sinks).whole
    require_whole(engine, sinks)
    sealed = sealer(engine, key, sinks=sinks).seal()
    assert sealed is not None and (sealed.size, sealed.kept) == (6, (sinks[0].name,))
    (tmp_path / "volume").rename(tmp_path / "again")
    with pytest.raises(CopiesMissing, match="up to 6 records"):
        require_whole(engine, sinks)


def test_a_place_that_is_silent_is_a_warning_that_stands(engine: Engine, key: SigningKey, tmp_path: Path) -> None:
    place = SmallPlace()
    sinks: list[Sink] = [FolderSink(tmp_path), HttpSink("https://keeper.example", place.client())]
    grow(engine, 3)
    sealer(engine, key, sinks=sinks).seal()
    place.status = 503
    grow(engine, 1)
    require_whole(engine, sinks)
    sealed = sealer(engine, key, sinks=sinks).seal()
    assert sealed is not None and sealed.kept == (sinks[0].name,)
    with reading(engine) as connection:
        said = ledger_state(connection).outside
    assert any("https://keeper.example cannot be read" in one for one in said)
    place.status = 200
    sealer(engine, key, sinks=sinks).seal()
    with reading(engine) as connection:
        assert ledger_state(connection).outside == ()


def test_a_folder_that_cannot_be_looked_into_is_not_an_empty_one(tmp_path: Path, origin: str) -> None:
    assert list(FolderSink(tmp_path / "not there").notes(origin)) == []
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SinkUnusable, match="cannot be read: Not a directory"):
        list(FolderSink(tmp_path / "file").notes(origin))


def test_a_place_that_is_away_keeps_nothing_from_being_signed_and_gets_it_later(
    engine: Engine, key: SigningKey, origin: str
) -> None:
    place = SmallPlace(status=503)
    sink = HttpSink("https://user:secret@keeper.example/gw/", place.client())
    assert sink.name == "https://keeper.example/gw/"[:-1]
    grow(engine, 3)
    first = sealer(engine, key, sinks=[sink]).seal()
    assert first is not None
    assert (first.new, first.kept) == (True, ())
    assert first.problems
    assert "secret" not in sink.name
    place.status = 200
    second = sealer(engine, key, sinks=[sink]).seal()
    assert second is not None
    assert (second.new, second.kept, second.problems) == (False, (sink.name,), ())
    assert [read_checkpoint(note)[0].size for note in sink.notes(origin)] == [3]


def test_a_witness_cosigns_what_grew_and_is_asked_again_with_the_size_it_knows(
    engine: Engine, key: SigningKey, origin: str
) -> None:
    small = SmallWitness(generate_witness_key("witness.example/w1"), key.verifier_key)
    witness = Witness(small.key.verifier_key, "https://witness.example", small.client())
    sealing = sealer(engine, key, witnesses=[witness])
    for count in (3, 4):
        grow(engine, count)
        sealed = sealing.seal()
        assert sealed is not None
        assert sealed.cosigned == ("witness.example/w1",)
    small.away = True
    grow(engine, 1)
    away = sealing.seal()
    assert away is not None
    assert (away.cosigned, away.new) == ((), True)
    assert "gone fishing" in away.problems[0]
    small.away = False
    back = sealing.seal()
    assert back is not None
    assert (back.cosigned, back.new, back.problems) == (("witness.example/w1",), False, ())
    with reading(engine) as connection:
        report = verify_stored(connection, origin, [PinnedKey(key.verifier_key)], witnesses=[small.key.verifier_key])
    assert (report.exit_code, report.cosigned_size, report.cosigned_by) == (0, 8, ("witness.example/w1",))
    assert small.asked == [0, 3, 7]


def witnessed(key: SigningKey, size: int = 0, root: bytes = EMPTY_ROOT) -> tuple[SmallWitness, Witness]:
    small = SmallWitness(generate_witness_key("witness.example/w1"), key.verifier_key, size, root)
    return small, Witness(small.key.verifier_key, "https://witness.example", small.client())


@pytest.mark.parametrize(("size", "asked"), [(2, [0, 2]), (3, [0, 3])])
def test_a_witness_that_knows_another_log_stops_ours(
    engine: Engine, key: SigningKey, size: int, asked: list[int]
) -> None:
    small, witness = witnessed(key, size, bytes(32))
    grow(engine, 3)
    with pytest.raises(LedgerDamaged, match=r"w1 (says that ours did not grow|knows other records).*restore-status"):
        sealer(engine, key, witnesses=[witness]).seal()
    assert small.asked == asked
    with pytest.raises(LedgerStopped):
        grow(engine, 1)
    with reading(engine) as connection:
        assert latest_checkpoint(connection) is None, "what it does not sign is not stored either"


def test_a_restored_backup_is_recognised_where_only_a_witness_is_outside(engine: Engine, key: SigningKey) -> None:
    _, witness = witnessed(key)
    sealing = sealer(engine, key, witnesses=[witness])
    for _ in range(2):
        grow(engine, 5)
        sealing.seal()
    require_whole(engine, [], [witness])
    with writing(engine) as connection:
        attacker = Attacker(connection, key, key)
        attacker.take_triggers_away()
        attacker.cut(5)
    require_whole(engine, [])
    grow(engine, 1)
    with pytest.raises(LedgerDamaged, match=r"has 6 records, but witness.example/w1 has cosigned 10: this database"):
        sealing.seal()
    with reading(engine) as connection:
        kept = latest_checkpoint(connection)
    assert kept is not None and kept.size == 5, "no second history is signed"
    with writing(engine) as connection:
        go_on(connection)
    with pytest.raises(LedgerDamaged, match="has cosigned 10"):  # the worker that starts
        require_whole(engine, [], [witness])
    with pytest.raises(LedgerStopped, match="has cosigned 10"):
        grow(engine, 1)


def test_a_witness_that_another_process_gave_more_meanwhile_is_no_fault(engine: Engine, key: SigningKey) -> None:
    small, witness = witnessed(key)
    grow(engine, 3)
    other = sealer(engine, key, witnesses=[witness])

    def overtaken(request: httpx2.Request) -> httpx2.Response:
        if not small.asked:
            small.asked.append(-1)
            grow(engine, 2)
            assert other.seal() is not None
        return small.answer(request)

    transport = httpx2.MockTransport(overtaken)
    slow = Witness(small.key.verifier_key, "https://witness.example", httpx2.Client(transport=transport))
    sealed = sealer(engine, key, witnesses=[slow]).seal()
    assert sealed is not None and (sealed.size, sealed.cosigned, sealed.problems) == (3, (), ())
    late = sealer(engine, key, witnesses=[witness])._cosigned(3, sealed.note)  # it has more, as our own rows say
    assert (late.by, late.problems, small.size) == ([], [], 5)
    with reading(engine) as connection:
        assert stopped_because(connection) is None


def test_a_witness_is_said_what_it_cannot_be_given_and_its_connection_is_closed(
    key: SigningKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    small, witness = witnessed(key)
    note = str(sign_checkpoint(Checkpoint(key.name, 1, bytes(32)), [key]))

    def lost(_size: int) -> list[bytes]:
        raise NoSuchTile("the tile 0 of level 0 is not stored")

    with pytest.raises(WitnessRefused, match="w1 cannot be given a proof from size 0: the tile 0 of level 0"):
        witness.cosign(note, 0, lost)
    client = small.client()
    monkeypatch.setattr("store.witnesses.httpx2.Client", lambda **_: client)
    assert Witness(witness.key, witness.address).cosign(note, 0, lambda _size: []).is_by(witness.key)
    assert client.is_closed


def test_the_kind_of_a_place_stands_in_its_address() -> None:
    folder, web = sinks_from("file:///var/checkpoints, https://keeper.example/gw")
    assert (folder.name, web.name) == ("file:///var/checkpoints", "https://keeper.example/gw")
    with pytest.raises(SinkUnusable, match=r"Nothing here keeps checkpoints at sftp://.*groundswell.checkpoint_sinks"):
        sinks_from("sftp://host/path")


def test_a_folder_finds_the_largest_of_many_and_goes_on_with_what_earlier_versions_put_into_it(
    tmp_path: Path, origin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink, top = FolderSink(tmp_path), tmp_path / safe_name(origin)
    top.mkdir()
    for size in (5, 1_000, 70_000):
        (top / f"{size:020}.checkpoint").write_text(f"{size} by an earlier version")
    assert next(iter(sink.notes(origin))) == "70000 by an earlier version"
    later = [70_001, 70_999, 71_000, 5_000_000, 10**12 - 1, 10**12]
    for size in later:
        sink.keep(origin, size, str(size))
    sink.keep(origin, 70_000, "70000, cosigned")
    sink.keep(origin, 71_000, "71000, cosigned")
    looked: list[Path] = []

    def listed(folder: Path) -> list[str]:
        looked.append(folder)
        return listdir(folder)

    listdir = os.listdir
    monkeypatch.setattr("store.sinks.os.listdir", listed)
    assert next(iter(sink.notes(origin))) == str(10**12)
    assert len(looked) == 3
    found = [str(10**12), str(10**12 - 1), "5000000", "71000, cosigned", "70999", "70001", "70000, cosigned"]
    old = ["1000 by an earlier version", "5 by an earlier version"]
    assert list(sink.notes(origin)) == found + old
    aside = sink.put_aside(origin, 69_999, MONDAY)
    assert [Path(one).name for one in aside] == [f"{size:020}.checkpoint" for size in sorted([*later, 70_000])]
    assert list(sink.notes(origin)) == old
    assert sink.put_aside(origin, 69_999, MONDAY) == []
    sink.keep(origin, 80_000, "80000")
    assert list(sink.notes(origin)) == ["80000", *old]


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path, origin: str) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SinkUnusable, match="does not keep the checkpoint"):
        FolderSink(tmp_path / "file").keep(origin, 1, "note")


def test_a_checkpoint_that_another_process_has_made_is_not_made_again(engine: Engine, key: SigningKey) -> None:
    grow(engine, 3)
    one, other = sealer(engine, key), sealer(engine, key)
    first, second = one.seal(), other.seal()
    assert first is not None
    assert second is not None
    assert (first.new, second.new, first.note) == (True, False, second.note)
    one._store(first.size, first.note)
    with reading(engine) as connection:
        assert connection.execute(select(func.count()).select_from(tables.ledger_checkpoint)).scalar_one() == 1
