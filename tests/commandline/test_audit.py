from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine, delete, text, update

from changes.any_moment import AddComment
from changes.hearing import AcceptForTesting
from ledger.canonical import canonical_bytes
from ledger.keys import generate_key, write_key_file
from ledger.merkle import leaf_hash
from store import tables
from store.audit.standing import ledger_state
from store.checkpoints import head_of
from store.database import reading, writing
from store.ledger import origin_of
from tests.support.attacks import PRIVATE, Attacker
from tests.support.databases import ON_POSTGRESQL
from tests.support.desk import Desk
from tests.support.examples import MANAGER, PROPOSER, TO_CHAMPIONS, submit

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def place(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation with a key, a folder for checkpoints and one change in it."""
    from tests.support.processes import address_of

    with reading(engine) as connection:
        key = generate_key(origin_of(connection))
    write_key_file(tmp_path / "signing.key", key)
    monkeypatch.setenv("DATABASE_URL", address_of(engine))
    monkeypatch.setenv("GROUNDSWELL_LEDGER_KEY_FILE", str(tmp_path / "signing.key"))
    monkeypatch.setenv("GROUNDSWELL_LEDGER_CHECKPOINTS", f"file://{tmp_path / 'outside'}")
    monkeypatch.setenv("GROUNDSWELL_LEDGER_TRUSTED_KEYS", key.vkey)
    desk = Desk(engine)
    desk.walk(TO_CHAMPIONS)
    desk.give(PROPOSER, AddComment(about="works", text="=Zauberwort tells more than a thousand words"))
    desk.refused(PROPOSER, AcceptForTesting())
    return tmp_path


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command line in this process: exit code, output, errors."""
    import cli

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["groundswell", *arguments])
        try:
            cli.main()
            code = 0
        except SystemExit as ended:
            code = int(ended.code or 0)
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


def test_verify_says_what_it_verified_and_by_whose_key(run: Run, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("audit", "checkpoint")[0] == 0
    code, said, _ = run("audit", "verify")
    assert (code, "Verified: " in said, "(pinned)" in said) == (0, True, True)
    code, said, _ = run("audit", "verify", "--json", "--from", "3", "--to", "5")
    assert (code, json.loads(said)["size"]) == (0, 5)
    assert run("audit", "verify", "--change", "CH-1")[0] == 0
    assert run("audit", "verify", "--change", "CH-99")[0] == 3
    assert run("audit", "verify", "--from", "minus one")[0] == 3
    monkeypatch.setenv("GROUNDSWELL_LEDGER_TRUSTED_KEYS", "")
    assert run("audit", "verify")[0] == 0  # the demonstration trusts the key it made itself
    monkeypatch.setenv("GROUNDSWELL_LEDGER_KEY_FILE", str(place / "nobody-made.key"))
    code, said, _ = run("audit", "verify")
    assert (code, "nobody vouches for it" in said) == (2, True)
    assert run("audit", "verify", "--change", "CH-1")[0] == 2


def test_what_no_trusted_key_covers_is_not_remembered_as_in_order(run: Run, place: Path, engine: Engine) -> None:
    run("audit", "checkpoint")
    assert run("audit", "verify")[0] == 0
    with reading(engine) as connection:
        assert ledger_state(connection).verified_well
    run("audit", "checkpoint")
    [vkey] = run("audit", "key")[1].split("\n")[:1]
    assert run("audit", "verify", "--key", f"{vkey} 100000-")[0] in (1, 2)
    with reading(engine) as connection:
        assert not ledger_state(connection).verified_well
    with writing(engine) as connection:
        attacker = Attacker(connection, generate_key("a"), generate_key("b"))
        attacker.take_triggers_away()
        connection.execute(delete(tables.ledger_checkpoint))
        connection.execute(delete(tables.ledger_witness))
    (place / "outside").rename(place / "away")
    assert run("audit", "verify")[0] == 2
    with reading(engine) as connection:
        assert not ledger_state(connection).verified_well


def test_verify_names_the_first_wrong_record_and_ends_with_one(run: Run, place: Path, engine: Engine) -> None:
    run("audit", "checkpoint")
    with writing(engine) as connection:
        attacker = Attacker(connection, generate_key("a"), generate_key("b"))
        attacker.take_triggers_away()
        attacker.edit(4, lambda body: body.update(command="other"))
    code, said, _ = run("audit", "verify")
    assert code == 1
    assert said.startswith("TAMPERED: the first wrong thing is at record 4: the leaf hash of record 4")
    code, said, _ = run("audit", "verify", "--change", "CH-1")
    assert (code, "record 4" in said) == (1, True)


def test_verify_says_when_what_was_kept_outside_is_gone(run: Run, place: Path) -> None:
    run("audit", "checkpoint")
    assert run("audit", "verify", "--checkpoints", str(place / "outside"))[0] == 0
    [log] = (place / "outside").iterdir()
    for wrong in (place / "nowhere", log):
        code, _, error = run("audit", "verify", "--checkpoints", str(wrong))
        assert (code, "There is no checkpoint of" in error) == (3, True)
    (place / "outside").rename(place / "away")
    code, said, _ = run("audit", "verify")
    assert (code, "checkpoint held outside missing: file://" in said) == (1, True)
    code, _, error = run("audit", "checkpoint")
    assert (code, "now has none of them" in error) == (1, True)
    code, said, _ = run("audit", "restore-status")
    assert (code, "take the place out of the settings, or accept it" in said) == (1, True)
    _, said, _ = run("doctor")
    assert "now has none of them" in " ".join(said.split())
    (place / "away").rename(place / "outside")
    assert run("audit", "restore-status")[0] == 0
    assert run("audit", "verify")[0] == 0


TAKEN_OUT = {
    "words": ("DELETE FROM ledger_private WHERE seq = 4", "gone, and no later record says that it was erased"),
    "a record": ("DELETE FROM ledger_record WHERE seq = 4", "the first that is missing is record 4"),
    "a record, given to another change": (
        "UPDATE ledger_record SET change = 'CH-2' WHERE seq = 4",
        "revision 5 of CH-1",
    ),
    "the last ones, given to another change": (
        "UPDATE ledger_record SET change = 'CH-2' WHERE seq >= 15 AND change = 'CH-1'",
        "CH-1 is at revision 16, and its records end with 15",
    ),
}


@pytest.mark.parametrize("what", TAKEN_OUT)
def test_what_was_taken_out_of_a_change_is_found_and_no_evidence_is_made_of_the_rest(
    run: Run, place: Path, engine: Engine, what: str
) -> None:
    run("audit", "checkpoint")
    assert run("audit", "verify", "--change", "CH-1")[0] == 0
    statement, said_so = TAKEN_OUT[what]
    with writing(engine) as connection:
        attacker = Attacker(connection, generate_key("a"), generate_key("b"))
        attacker.take_triggers_away()
        if statement.startswith("DELETE FROM ledger_record"):
            attacker.remove(PRIVATE, PRIVATE.c.seq == 4)
        connection.execute(text(statement))
    code, said, _ = run("audit", "verify", "--change", "CH-1")
    assert (code, said_so in said) == (1, True), said
    code, said, _ = run("audit", "verify", "--change", "CH-1", "--json")
    assert (code, json.loads(said)["exit_code"]) == (1, 1)
    file = place / "CH-1.bundle.json"
    code, _, wrong = run("audit", "bundle", "CH-1", "--output", str(file))
    assert (code, file.exists()) == (1, False)
    assert "No bundle of CH-1 is made" in wrong or "cannot be compared with the checkpoint" in wrong


def test_of_a_change_it_is_said_what_was_not_looked_at(run: Run, place: Path) -> None:
    run("audit", "checkpoint")
    code, said, _ = run("audit", "verify", "--change", "CH-1")
    assert (code, said.startswith("Verified: CH-1 has 1")) == (0, True), said
    assert "Witnessed: to size" in said
    assert "`groundswell audit verify` reads everything" in said
    (place / "outside").rename(place / "away")
    code, said, _ = run("audit", "verify", "--change", "CH-1")
    assert (code, "checkpoint held outside missing: file://" in said) == (1, True)
    assert "Witnessed: nothing." in said


def test_of_a_change_a_database_behind_its_checkpoint_outside_is_told(run: Run, place: Path, engine: Engine) -> None:
    run("audit", "checkpoint")
    with reading(engine) as connection:
        size = head_of(connection).size
    Desk(engine, "CH-2").give(PROPOSER, submit())
    run("audit", "checkpoint")
    with writing(engine) as connection:
        attacker = Attacker(connection, generate_key("a"), generate_key("b"))
        attacker.take_triggers_away()
        attacker.cut(size)
    code, said, _ = run("audit", "verify", "--change", "CH-1")
    assert (code, "its end was cut off" in said) == (1, True), said


def test_a_bundle_is_checked_on_a_machine_without_groundswell(run: Run, place: Path) -> None:
    file = place / "CH-1.bundle.json"
    code, said, _ = run("audit", "bundle", "CH-1", "--output", str(file))
    assert code == 0
    vkey = said.strip().splitlines()[-1].rpartition(" ")[2]
    check = [sys.executable, "-I", str(place / "offline.py"), str(file)]
    found = subprocess.run([*check, "--key", vkey], capture_output=True, text=True, check=False, cwd="/")
    assert (found.returncode, found.stdout.startswith("IN ORDER.")) == (0, True), found.stdout + found.stderr
    assert subprocess.run(check, capture_output=True, check=False, cwd="/").returncode == 2
    bundle = json.loads(file.read_text())
    assert [policy["policy_id"] for policy in bundle["policies"]] == ["default"]
    bundle["records"].pop()
    file.write_text(json.dumps(bundle))
    assert subprocess.run([*check, "--key", vkey], capture_output=True, check=False, cwd="/").returncode == 1
    assert run("audit", "bundle", "CH-99", "--output", str(file))[0] == 1


def test_an_export_is_verified_line_by_line(run: Run, place: Path) -> None:
    file = place / "all.jsonl"
    assert run("audit", "export", "--output", str(file))[0] == 0
    assert run("audit", "verify-export", str(file))[0] == 0
    lines = file.read_text().splitlines(keepends=True)
    attacks = {
        "a line removed": [*lines[:2], *lines[3:]],
        "lines swapped": [lines[0], lines[2], lines[1], *lines[3:]],
        "the filter changed": [lines[0].replace('"filter":{}', '"filter":{"stage":"testing"}'), *lines[1:]],
        "the count changed": [*lines[:-1], lines[-1].replace('"count":', '"count":1')],
        "the end cut off": lines[:-1],
        "a word changed": [line.replace("Zauberwort", "Zauberworte") for line in lines],
    }
    for name, changed in attacks.items():
        assert changed != lines, name
        file.write_text("".join(changed))
        code, said, _ = run("audit", "verify-export", str(file))
        assert (code, said.startswith("TAMPERED: ")) == (1, True), name


def test_while_a_key_is_replaced_either_vouches_and_each_for_its_sizes(
    run: Run, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = run("audit", "key")[1].strip()
    bundle, export, early = place / "CH-1.bundle.json", place / "all.jsonl", place / "early.jsonl"
    assert run("audit", "export", "--output", str(early))[0] == 0
    assert run("audit", "key", str(place / "second.key"))[0] == 0
    monkeypatch.setenv("GROUNDSWELL_LEDGER_SECOND_KEY_FILE", str(place / "second.key"))
    new = run("audit", "key")[1].splitlines()[1]
    assert run("audit", "bundle", "CH-1", "--output", str(bundle))[0] == 0  # on record, so there is a new checkpoint
    assert run("audit", "export", "--output", str(export))[0] == 0
    for key in (old, new, f"{old} 10-", f"{new} -999"):
        code, said, _ = run("audit", "verify-export", str(export), "--key", key)
        assert (code, said.startswith("Verified: ")) == (0, True), key
        check = [sys.executable, "-I", str(place / "offline.py"), str(bundle), "--key", key]
        assert subprocess.run(check, capture_output=True, check=False, cwd="/").returncode == 0, key
    for key in (f"{old} -4", f"{new} 999-"):  # as after a theft
        code, said, _ = run("audit", "verify-export", str(export), "--key", key)
        assert (code, "no trusted key vouches for it" in said) == (2, True), key
    assert run("audit", "verify-export", str(early), "--key", new)[0] == 2


ALTERED = {
    "a body": ("UPDATE ledger_record SET body = {body} WHERE seq = 4", "its bytes are not those"),
    "a body and its hash": (
        "UPDATE ledger_record SET body = {body}, leaf_hash = {leaf} WHERE seq = 4",
        "cannot be compared",
    ),
    "words": ("UPDATE ledger_private SET value = '{{}}' WHERE seq = 4", "its words are not those"),
    "a time": (
        "UPDATE ledger_record SET occurred_at = '1970-01-01 00:00:00.000000' WHERE seq = 4",
        "its times are not those",
    ),
    "an outcome": ("UPDATE ledger_record SET outcome = 'refused' WHERE seq = 4", "its columns say something else"),
}


@pytest.mark.parametrize("form", ["jsonl", "csv", "cloudevents"])
@pytest.mark.parametrize("what", ALTERED)
def test_what_was_altered_is_not_taken_out_as_evidence(
    run: Run, place: Path, engine: Engine, what: str, form: str
) -> None:
    run("audit", "checkpoint")
    statement, said = ALTERED[what]
    with writing(engine) as connection:
        attacker = Attacker(connection, generate_key("a"), generate_key("b"))
        attacker.take_triggers_away()
        raw = canonical_bytes({**attacker.body(4), "command": "other"})
        prefix = "'\\x" if ON_POSTGRESQL else "x'"
        values = {"body": f"{prefix}{raw.hex()}'", "leaf": f"{prefix}{leaf_hash(raw).hex()}'"}
        connection.execute(text(statement.format(**values).replace(":", "\\:")))
    file = place / "all"
    code, _, wrong = run("audit", "export", "--format", form, "--output", str(file))
    assert (code, list(place.glob("all*"))) == (1, [])
    assert said in wrong or "another one" in wrong


def test_an_export_begins_where_what_is_signed_ends(run: Run, place: Path) -> None:
    file = place / "all.jsonl"
    assert run("audit", "export", "--output", str(file), "--kind", "endorsed")[0] == 0
    code, said, _ = run("audit", "verify-export", str(file))
    assert (code, said.startswith("Verified: 2 records, each in the ledger of size")) == (0, True), said
    assert run("audit", "export", "--output", str(file))[0] == 0
    code, said, _ = run("audit", "verify-export", str(file))
    assert (code, "Nothing is left out: it is the whole ledger" in said) == (0, True), said
    code, said, _ = run("audit", "verify-export", str(file), "--key", generate_key("elsewhere").vkey)
    assert (code, "no trusted key vouches for it" in said) == (2, True), said


def test_other_formats_are_for_spreadsheets_and_other_systems(run: Run, place: Path) -> None:
    code, said, _ = run("audit", "export", "--format", "csv", "--change", "CH-1")
    rows = list(csv.DictReader(said.splitlines(keepends=True)))
    assert code == 0
    assert {row["change"] for row in rows} == {"CH-1"}
    assert any(row["signature means"] == "These tests must pass before the process changes." for row in rows)
    assert not any(cell.startswith(("=", "+", "@")) for row in rows for cell in row.values())
    code, said, _ = run("audit", "export", "--format", "cloudevents", "--kind", "endorsed")
    events = [json.loads(line) for line in said.splitlines()]
    assert {event["type"] for event in events} == {"org.groundswell.change.endorsed"}
    assert all(event["specversion"] == "1.0" and event["id"] and event["source"] for event in events)
    assert run("audit", "export", "--format", "pdf")[0] == 2


def test_searching_finds_words_and_is_itself_on_record(run: Run, place: Path) -> None:
    code, said, _ = run("audit", "search", "--text", "zauberwort thousand")
    assert (code, said.count("commented: =Zauberwort")) == (0, 1)
    assert "No record fits." in run("audit", "search", "--text", "zauberwort nowhere")[1]
    code, said, _ = run("audit", "search", "--json", "--person", MANAGER)
    entries = json.loads(said)["entries"]
    assert entries
    assert {entry["actor"] for entry in entries} == {MANAGER}
    code, said, _ = run("audit", "search", "--json", "--kind", "trail_read")
    assert len(json.loads(said)["entries"]) == 4
    run("audit", "search", "--json", "--kind", "trail_read")
    assert len(json.loads(run("audit", "search", "--json", "--kind", "trail_read")[1])["entries"]) == 4


def test_a_record_is_proven_by_a_file_of_its_own(run: Run, place: Path) -> None:
    code, said, _ = run("audit", "prove", "3")
    assert code == 0
    assert said.startswith("c2sp.org/tlog-proof@v1\nindex 3\n")
    assert run("audit", "prove", "9999")[0] == 1


def test_a_restored_backup_is_explained_and_accepted_by_two_people(run: Run, place: Path, engine: Engine) -> None:
    desk = Desk(engine, "CH-2")
    run("audit", "checkpoint")
    assert run("audit", "restore-status")[0] == 0
    with reading(engine) as connection:
        size = head_of(connection).size
    desk.give(PROPOSER, submit())
    run("audit", "checkpoint")
    with writing(engine) as connection:
        attacker = Attacker(connection, generate_key("a"), generate_key("b"))
        attacker.take_triggers_away()
        attacker.cut(size)
    for reading_only in (("verify",), ("search", "--limit", "1"), ("export",), ("bundle", "CH-1")):
        assert run("audit", *reading_only)[0] == 1
    with reading(engine) as connection:
        assert head_of(connection).size == size, "not even that somebody looked is added to a database that is behind"
    code, said, _ = run("audit", "restore-status")
    assert (code, f"The largest one it fits is of size {size}" in said) == (1, True)
    assert "from there on it has to be witnessed again" in said
    code, _, wrong = run("audit", "checkpoint")
    assert (code, "restored from an older backup" in wrong) == (1, True)
    accept = ["audit", "restore-status", "--accept", "--by", "mara.lind"]
    assert "Give a reason" in run(*accept)[2]
    assert "Two different people" in run(*accept, "--reason", "The disk died.")[2]
    newer = max((place / "outside").rglob("*.checkpoint"))
    text = newer.read_text()
    code, said, _ = run(*accept, "--reason", "The disk died.", "--confirmed-by", MANAGER)
    assert code == 0
    assert "1 checkpoints that this database does not fit were put aside, and none deleted" in said
    [aside] = place.rglob("put-aside-*/*.checkpoint")
    assert (aside.name, aside.read_text(), newer.exists(), f"file://{aside}" in said) == (newer.name, text, False, True)
    for kind in ("restored", "checkpoints_put_aside"):
        code, said, _ = run("audit", "search", "--json", "--kind", kind)
        assert [entry["actor"] for entry in json.loads(said)["entries"]] == ["mara.lind"]
    assert run("audit", "restore-status")[0] == 0, "the next start finds nothing wrong"
    assert run("audit", "checkpoint")[0] == 0
    assert run("audit", "verify")[0] == 0


def test_keys_are_made_and_shown_and_never_written_over(run: Run, place: Path) -> None:
    fresh = place / "fresh.key"
    assert run("audit", "key", str(fresh))[0] == 0
    assert fresh.stat().st_mode & 0o077 == 0
    assert run("audit", "key", str(fresh))[0] == 1
    assert run("audit", "key")[1].startswith("groundswell.")


def test_an_erasure_says_what_it_did_and_done_again_that_nothing_is_left(
    place: Path, engine: Engine, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    with writing(engine) as connection:
        connection.execute(update(tables.person).where(tables.person.c.ref == "hoa.nguyen").values(active=False))
    asked = ("audit", "erase", "hoa.nguyen", "--reason", "Asked for.", "--by", PROPOSER, "--confirmed-by", MANAGER)
    with monkeypatch.context() as patched:
        patched.setattr("store.erasing.sweep", lambda *_given: ("The file still holds it until then.",))
        code, out, err = run(*asked)
    assert (code, "still holds it" in err) == (1, True)
    assert "What is left names erased-" in out
    code, out, err = run(*asked)
    assert (code, err) == (0, "")
    assert "Nothing here names anybody called hoa.nguyen" in out
