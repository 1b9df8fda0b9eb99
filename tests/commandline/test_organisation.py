"""``groundswell directory``, ``policy`` and ``migrate`` on a database of the test's own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from directory.demonstration import FOLDER
from policies.loader import SHIPPED
from store.database import open_database, reading
from store.identities import identities_of
from temporal.ports import free_port
from tests.commandline.conftest import Type
from tests.support.desk import Desk
from tests.support.examples import PROPOSER, submit
from tests.support.leaving import leads_their_manager

POLICY = SHIPPED / "default.yaml"


@pytest.fixture
def database(local: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty database, named by DATABASE_URL."""
    file = tmp_path / "own.db"
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{file}")
    monkeypatch.setenv("TEMPORAL_ADDRESS", f"127.0.0.1:{free_port()}")
    return file


@pytest.fixture
def migrated(database: Path, type_in: Type) -> Path:
    """The same, at the newest schema."""
    assert type_in("migrate").code == 0
    return database


def edited(folder: Path, old: str, new: str) -> str:
    """A copy of the shipped policy with ``new`` in place of ``old``."""
    file, text = folder / "policy.yaml", POLICY.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    return str(file)


def test_migrate_makes_the_tables_and_the_second_time_says_that_they_are_there(database: Path, type_in: Type) -> None:
    first = type_in("migrate")
    assert first.code == 0
    assert "is now at schema" in first.out
    assert "is at the newest schema already" in type_in("migrate").out


def test_without_tables_it_says_to_migrate(database: Path, type_in: Type) -> None:
    database.touch()
    said = type_in("directory", "import", str(FOLDER))
    assert said.code == 3
    assert "Run: groundswell migrate" in said.err


def test_a_directory_is_checked_and_loaded(migrated: Path, type_in: Type) -> None:
    size = "42 people, 13 teams, 12 processes"
    assert type_in("directory", "import", str(FOLDER), "--check").out == f"Nothing is wrong: {size}.\n"
    assert "No policy is published" in type_in("policy", "show").err
    loaded = type_in("directory", "import", str(FOLDER))
    assert loaded.out.startswith(f"Loaded {size} into The SQLite database {migrated} (named by DATABASE_URL)")
    assert "Temporal does not answer here, so changes under way look" in loaded.out
    assert "within a quarter of an hour." in " ".join(loaded.out.split())


def test_a_bad_row_is_named_and_nothing_is_loaded(migrated: Path, type_in: Type, tmp_path: Path) -> None:
    folder = tmp_path / "bad"
    folder.mkdir()
    for file in FOLDER.glob("*.csv"):
        (folder / file.name).write_text(file.read_text())
    people = (folder / "people.csv").read_text()
    (folder / "people.csv").write_text(people.replace("mara.lind@nordwind.example", "mara"))
    said = type_in("directory", "import", str(folder))
    assert said.code == 1
    assert "people.csv:9: email:" in said.err
    assert "Nothing was loaded." in said.err
    assert type_in("policy", "check", str(POLICY)).out.endswith(
        "No directory is loaded, so nobody looked at whether its gates can be filled.\n"
    )


def test_a_policy_is_checked_published_and_shown(migrated: Path, type_in: Type) -> None:
    type_in("directory", "import", str(FOLDER))
    checked = type_in("policy", "check", str(POLICY))
    assert checked.code == 0
    assert "Nothing in it would stop a change." in checked.out
    assert "“default” version 1 is in force" in type_in("policy", "publish", str(POLICY)).out
    assert "Nothing was done." in type_in("policy", "publish", str(POLICY)).out
    shown = type_in("policy", "show")
    assert shown.out.startswith("“default” version 1, in force since ")
    assert type_in("policy", "show", "--text").out == POLICY.read_text()


def test_after_the_first_a_policy_takes_force_through_a_change_only(
    migrated: Path, type_in: Type, tmp_path: Path
) -> None:
    type_in("policy", "publish", str(POLICY))
    for old, new in (("levels: 2", "levels: 1"), ("version: 1", "version: 2")):
        said = type_in("policy", "publish", edited(tmp_path, old, new), "--anyway")
        assert said.code == 1
        assert "The next version takes force through a change, which a steward files" in said.err
    assert type_in("policy", "versions").out.count("default 1") == 1


def test_a_policy_is_tried_against_the_changes_on_record(migrated: Path, type_in: Type, tmp_path: Path) -> None:
    assert "No policy is published" in type_in("policy", "try", str(POLICY)).err
    type_in("policy", "publish", str(POLICY))
    said = type_in("policy", "try", edited(tmp_path, "levels: 2", "levels: 1"))
    assert said.out == "There is no change on record yet, so there is nothing to try the policy against.\n"
    assert json.loads(type_in("policy", "try", str(POLICY), "--json").out) == {"looked_at": 0, "differ": []}
    broken = type_in("policy", "try", edited(tmp_path, "  levels: 2", "  lewels: 2"))
    assert broken.code == 1
    assert 'unknown key "lewels"; did you mean "levels"?' in broken.err


def test_a_policy_under_which_changes_get_stuck_is_published_only_when_insisted(
    migrated: Path, type_in: Type, tmp_path: Path
) -> None:
    file = edited(tmp_path, "quorum: any\n    # How long they have", "quorum: {count: 40}\n    # How long they have")
    type_in("directory", "import", str(FOLDER))
    checked = type_in("policy", "check", file)
    assert checked.code == 1
    assert "error: " in checked.out
    refused = type_in("policy", "publish", file)
    assert refused.code == 1
    assert "Nothing was published." in refused.err
    assert type_in("policy", "publish", file, "--anyway").code == 0


def test_managers_in_a_circle_are_an_error_with_the_line_of_the_escalation(migrated: Path, type_in: Type) -> None:
    type_in("directory", "import", str(FOLDER))
    engine = open_database(f"sqlite:///{migrated}")
    leads_their_manager(engine, PROPOSER)
    engine.dispose()
    line = 1 + POLICY.read_text().splitlines().index("escalation:")
    checked = type_in("policy", "check", str(POLICY))
    assert checked.code == 1
    assert (
        f"{POLICY}:{line}:1: error: escalation: runs in a circle, because they are each other's managers: "
        in "".join(checked.out.splitlines())
    )
    assert "changes would get stuck" in checked.err
    assert "Nothing was published." in type_in("policy", "publish", str(POLICY)).err


def test_a_policy_that_is_none_is_named_with_line_and_column(migrated: Path, type_in: Type, tmp_path: Path) -> None:
    said = type_in("policy", "check", edited(tmp_path, "version: 1", "version: first"))
    assert said.code == 1
    assert ":" in said.err
    assert "version: must be a whole number" in said.err


def test_a_change_on_record_whose_road_would_differ_is_printed(migrated: Path, type_in: Type, tmp_path: Path) -> None:
    type_in("directory", "import", str(FOLDER))
    type_in("policy", "publish", str(POLICY))
    engine = open_database(f"sqlite:///{migrated}")
    Desk(engine).give(PROPOSER, submit(affected_teams=["service-desk"], people_affected=9))
    engine.dispose()
    said = type_in("policy", "try", edited(tmp_path, "people_affected, over: 50", "people_affected, over: 8"))
    assert said.out.startswith("1 of 1 changes on record would take another road.")
    assert "CH-1" in said.out and "Route: everyday becomes cross-team" in said.out
    [one] = json.loads(type_in("policy", "try", str(tmp_path / "policy.yaml"), "--json").out)["differ"]
    assert (one["change"], one["before"]["route"], one["after"]["route"]) == ("CH-1", "everyday", "cross-team")


def test_a_sign_in_is_linked_by_hand(migrated: Path, type_in: Type, monkeypatch: pytest.MonkeyPatch) -> None:
    type_in("directory", "import", str(FOLDER))
    unnamed = type_in("directory", "link", "mara.lind", "sub-1")
    assert (unnamed.code, "GROUNDSWELL_OIDC_ISSUER" in unnamed.err) == (2, True)
    monkeypatch.setenv("GROUNDSWELL_OIDC_ISSUER", "https://login.example")
    monkeypatch.setenv("GROUNDSWELL_OIDC_CLIENT_ID", "groundswell")
    monkeypatch.setenv("GROUNDSWELL_OIDC_CLIENT_SECRET", "a-secret-of-ours")
    for _ in ("once", "and again"):
        said = type_in("directory", "link", "mara.lind", "sub-1")
        assert (said.code, said.out) == (0, "Whoever https://login.example calls “sub-1” is mara.lind here.\n")
    engine = open_database(f"sqlite:///{migrated}")
    with reading(engine) as connection:
        [linked] = identities_of(connection, "mara.lind")
    engine.dispose()
    assert (linked.issuer, linked.subject, linked.how) == ("https://login.example", "sub-1", "hand")
    assert "Another sign-in is linked to mara.lind" in type_in("directory", "link", "mara.lind", "sub-2").err
    assert "linked to mara.lind" in type_in("directory", "link", "kenji.watanabe", "sub-1").err
    assert type_in("directory", "link", "nobody.here", "sub-3").code == 2
