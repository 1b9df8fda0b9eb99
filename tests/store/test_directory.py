from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.exc import IntegrityError

from directory.demonstration import FOLDER
from directory.importing import read_directory
from directory.model import Directory, Person, Process, Team
from store import tables
from store.database import reading, writing
from store.directory import DirectoryCache, load_directory, save_directory
from tests.support.desk import MONDAY


def person(ref: str, **fields: Any) -> Person:
    return Person(**{"ref": ref, "name": ref.title(), "email": f"{ref}@firm.example", "team": "all", **fields})


def organisation(*people: Person, teams: tuple[Team, ...] = (), processes: tuple[Process, ...] = ()) -> Directory:
    return Directory(people, (Team(ref="all", name="All"), *teams), processes)


def save(engine: Engine, directory: Directory) -> None:
    with writing(engine) as connection:
        save_directory(connection, directory, MONDAY)


def load(engine: Engine) -> Directory:
    with reading(engine) as connection:
        return load_directory(connection)


@pytest.fixture
def bare(engine: Engine) -> Engine:
    """A database whose directory has never been filled."""
    with writing(engine) as connection:
        for table in (tables.person, tables.team, tables.process, tables.directory_import):
            connection.execute(table.delete())
    return engine


def test_the_demonstration_comes_back_as_it_was_imported(engine: Engine) -> None:
    assert load(engine) == read_directory(FOLDER)
    assert load(engine).people == read_directory(FOLDER).people


def test_every_field_comes_back(bare: Engine) -> None:
    boss = person("boss", roles=("executive", "steward"), title="Chefin “ganz oben”", site="Łódź 🏭")
    away = person("away", manager="boss", other_teams=("b", "a"), away_until=date(2026, 12, 31), active=False)
    shy = person("shy", open_to_invitations=False, name="O'Brien; DROP TABLE person", email="o'brien@firm.example")
    teams = (Team(ref="a", name="A", parent="all"), Team(ref="b", name="B"))
    processes = (Process(ref="p", name="P", owner="boss", depends_on=("q",)), Process(ref="q", name="Q", owner="shy"))
    directory = organisation(boss, away, shy, teams=teams, processes=processes)
    save(bare, directory)
    found = load(bare)
    assert (found.people, found.teams, found.processes) == (directory.people, directory.teams, directory.processes)


def test_an_import_replaces_what_was_there(bare: Engine) -> None:
    save(bare, organisation(person("anna"), person("ben")))
    renamed = organisation(person("anna", name="Anna Neu"), person("ben", manager="anna"))
    save(bare, renamed)
    assert load(bare) == renamed


def test_what_is_gone_stays_known_because_decisions_name_it(bare: Engine) -> None:
    old_team, old_process = Team(ref="old", name="Old"), Process(ref="fax", name="Faxing", owner="ben")
    save(
        bare,
        organisation(
            person("anna"), person("ben", team="old", manager="anna"), teams=(old_team,), processes=(old_process,)
        ),
    )
    save(bare, organisation(person("anna")))
    found = load(bare)
    assert found.people["ben"] == person("ben", team="old", manager="anna", active=False)
    assert found.teams["old"] == old_team
    assert found.members_of("old") == ()
    assert found.processes["fax"] == old_process
    assert [one.ref for one in found.with_role("employee")] == ["anna"]


def test_somebody_who_comes_back_is_as_the_import_says(bare: Engine) -> None:
    both = organisation(person("anna"), person("ben"))
    for directory in (both, organisation(person("anna")), both):
        save(bare, directory)
    assert load(bare) == both


def test_an_address_is_handed_on_and_its_first_owner_loses_it(bare: Engine) -> None:
    desk = "desk@firm.example"
    for owner in ("Anna.First", "hr:4711", "x" * 64, "dots..", "last"):
        save(bare, organisation(person("boss"), person(owner, email=desk)))
        found = load(bare)
        assert found.people[owner].email == desk
        assert [one.ref for one in found.people.values() if one.email == desk] == [owner]
    gone = [one for one in found.people.values() if not one.active]
    assert len(gone) == 4
    assert len({one.email for one in gone}) == 4
    assert all(one.email.endswith("@left.invalid") for one in gone)
    save(bare, organisation(person("boss")))
    assert load(bare).people["last"].email == desk  # nobody else has it


def test_two_who_swap_their_addresses_do_so(bare: Engine) -> None:
    save(bare, organisation(person("anna", email="a@firm.example"), person("ben", email="b@firm.example")))
    swapped = organisation(person("anna", email="b@firm.example"), person("ben", email="a@firm.example"))
    save(bare, swapped)
    assert load(bare) == swapped


def test_an_import_that_fails_leaves_the_directory_as_it_was(bare: Engine) -> None:
    before = organisation(person("anna"), person("ben"))
    save(bare, before)
    with pytest.raises(IntegrityError):
        save(bare, organisation(person("anna"), person("carl"), person("dora", email="carl@firm.example")))
    assert load(bare) == before
    with reading(bare) as connection:
        assert len(connection.execute(select(tables.directory_import)).all()) == 1


def test_every_import_is_written_down_with_its_version(bare: Engine) -> None:
    first, second = organisation(person("anna"), person("ben")), organisation(person("anna"))
    with writing(bare) as connection:
        save_directory(connection, first, MONDAY)
        save_directory(connection, second, MONDAY + timedelta(days=1))
    with reading(bare) as connection:
        table = tables.directory_import
        rows = connection.execute(select(table).order_by(table.c.number)).mappings().all()
    assert [(row["version"], row["people"], row["loaded_at"]) for row in rows] == [
        (first.version, 2, MONDAY),
        (second.version, 1, MONDAY + timedelta(days=1)),
    ]
    assert rows[0]["number"] < rows[1]["number"]


def test_an_empty_directory_can_be_saved_and_read(bare: Engine) -> None:
    assert load(bare).people == {}
    save(bare, Directory((), (), ()))
    assert load(bare).people == {}


# -------------------------------------------------------------------------------------------------- in memory


def test_the_memory_keeps_a_directory_until_the_next_import(bare: Engine) -> None:
    cache = DirectoryCache()

    def current() -> Directory:
        with reading(bare) as connection:
            return cache.current(connection)

    assert current().people == {}
    save(bare, organisation(person("anna")))
    first = current()
    assert list(first.people) == ["anna"]
    assert current() is first
    save(bare, organisation(person("anna")))
    assert current() == first
    save(bare, organisation(person("ben")))
    assert list(current().people) == ["anna", "ben"]


def test_a_directory_in_memory_is_never_that_of_an_import_still_under_way(bare: Engine) -> None:
    save(bare, organisation(person("anna")))
    cache = DirectoryCache()
    with pytest.raises(RuntimeError), writing(bare) as importing:
        save_directory(importing, organisation(person("ben")), MONDAY)
        with reading(bare) as connection:
            assert list(cache.current(connection).people) == ["anna"]
        raise RuntimeError("the import is given up")
    with reading(bare) as connection:
        assert list(cache.current(connection).people) == ["anna"]


def test_many_threads_see_whole_directories(bare: Engine) -> None:
    """Everybody of one import has one site, and the team bears its name as well."""
    cache = DirectoryCache()

    def imported(number: int) -> Directory:
        people = (person(f"p{index}", site=f"site {number}") for index in range(5))
        return Directory(people, (Team(ref="all", name=f"site {number}"),), ())

    save(bare, imported(0))

    def look(_: int) -> set[str]:
        with reading(bare) as connection:
            directory = cache.current(connection)
        return {one.site for one in directory.people.values()} | {directory.team("all").name}

    with ThreadPoolExecutor(4) as threads:
        looks = [threads.submit(look, number) for number in range(40)]
        for number in range(1, 8):
            save(bare, imported(number))
        assert {len(one.result()) for one in looks} == {1}
    assert look(0) == {"site 7"}
