from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from directory.demonstration import FOLDER, PERSONAS
from directory.export import write_directory
from directory.importing import read_directory
from directory.layout import FILES
from directory.model import ROLES, Directory


@pytest.fixture(scope="module")
def nordwind() -> Directory:
    return read_directory(FOLDER)


def test_size_and_shape(nordwind: Directory) -> None:
    assert len(nordwind.people) == len(nordwind.members_of("nordwind")) == 42
    departments = ("customer-care", "operations", "finance")
    assert {ref for ref, team in nordwind.teams.items() if team.parent == "nordwind"} == {*departments, "office"}
    assert 9 <= len(nordwind.processes) <= 12
    assert any(process.depends_on for process in nordwind.processes.values())
    assert all(person.email == f"{person.ref}@nordwind.example" for person in nordwind.people.values())
    assert {person.site for person in nordwind.people.values()} == {"Lübeck", "Leipzig"}
    for department in departments:
        assert 2 <= sum(team.parent == department for team in nordwind.teams.values()) <= 3


def test_every_role_is_held_by_one_person(nordwind: Directory) -> None:
    for role in ROLES:
        assert len(nordwind.with_role(role)) == 1, role


def test_every_team_is_led_by_one_of_its_members(nordwind: Directory) -> None:
    for ref in nordwind.teams:
        leads = nordwind.managers_of_team(ref)
        assert any(lead in nordwind.members_of(ref) for lead in leads), ref
        assert len(leads) == (2 if ref == "finance" else 1), ref


def test_everybody_reports_to_the_managing_director_in_the_end(nordwind: Directory) -> None:
    managing_director = nordwind.person(PERSONAS["executive"])
    for ref in nordwind.people:
        assert (nordwind.line_of(ref) or (managing_director,))[-1] == managing_director


def test_personas(nordwind: Directory) -> None:
    people = {persona: nordwind.person(ref) for persona, ref in PERSONAS.items()}
    assert set(people) == {"employee", "manager", "champion", "executive", "auditor", "steward", "administrator"}
    assert len(set(PERSONAS.values())) == len(PERSONAS)
    for role in ("executive", "auditor", "steward", "administrator"):
        assert people[role].roles == (role,)
    assert people["employee"].manager == people["manager"].ref
    assert people["auditor"].team == "finance"
    assert people["auditor"].manager == people["executive"].ref
    for persona in ("employee", "champion"):
        assert not nordwind.leads_people(people[persona].ref)
        assert people[persona].roles == ()
        assert people[persona].open_to_invitations
        assert not nordwind.away(people[persona].ref, date(2026, 1, 1))


def test_files_are_as_the_export_writes_them(nordwind: Directory, tmp_path: Path) -> None:
    write_directory(nordwind, tmp_path)
    for file in FILES:
        shipped = (FOLDER / file).read_text(encoding="utf-8").splitlines()
        written = (tmp_path / file).read_text(encoding="utf-8").splitlines()
        assert sorted(shipped) == sorted(written)
