"""Reads a directory from three CSV files: all of it, or nothing and every reason why.

The files and their columns are in :mod:`directory.layout`. They are UTF-8, with or without a byte-order mark, separated
by commas or semicolons, and begin with a row that names the columns. Lists are separated by blanks or ``|``. Blank
lines are skipped and blanks around a cell trimmed. Ids are compared whatever their case. What is refused follows
reference/champions.md 5 ("Bad input") and the foundation's list for the import.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from changes.facts import SYSTEM
from directory.cells import Cells, Index
from directory.cycles import cycles
from directory.layout import COLUMNS, FILES, PEOPLE, PROCESSES, TEAMS
from directory.model import Directory, Person, Process, Team
from directory.problems import Findings, ImportRefused, Problem, shown
from directory.tables import Content, Row, Table, read_table

__all__ = ["Content", "ImportRefused", "Problem", "parse_directory", "read_directory"]


def read_directory(folder: Path) -> Directory:
    """The directory in a folder's people.csv, teams.csv and processes.csv.

    Raises:
        ImportRefused: something is wrong, a missing folder or file included; it holds every problem.
    """
    if not folder.is_dir():
        message = f"there is no such folder; name one that holds {', '.join(FILES)}"
        raise ImportRefused((Problem(file=shown(str(folder)).strip("'"), line=0, field="", message=message),))
    findings = Findings()
    return _import({file: _read(folder, file, findings) for file in FILES}, findings)


def parse_directory(people: Content, teams: Content, processes: Content) -> Directory:
    """The directory in three texts, such as uploaded files: bytes, text, or files opened as text.

    Raises:
        ImportRefused: something is wrong; it holds every problem.
    """
    findings = Findings()
    contents = {PEOPLE: people, TEAMS: teams, PROCESSES: processes}
    return _import({file: read_table(file, content, findings) for file, content in contents.items()}, findings)


def _read(folder: Path, file: str, findings: Findings) -> Table:
    try:
        content = (folder / file).read_bytes()
    except FileNotFoundError:
        findings.add(file, 0, "", f"the file is missing; add it, with the columns {', '.join(COLUMNS[file])}")
    except OSError as error:
        findings.add(file, 0, "", f"the file cannot be read ({error.strerror}); check it and load it again")
    else:
        return read_table(file, content, findings)
    return Table(file, 0, (), has_ids=False)


@dataclass(frozen=True)
class _Known:
    """What one row of a file may refer to."""

    people: Index
    teams: Index
    processes: Index
    active: Mapping[str, bool]
    """Whether a person is active, under the spelling of their row."""


def _import(tables: Mapping[str, Table], findings: Findings) -> Directory:
    people = _index("person", tables[PEOPLE], findings)
    known = _Known(
        people=people,
        teams=_index("team", tables[TEAMS], findings),
        processes=_index("process", tables[PROCESSES], findings),
        active=_active(tables[PEOPLE], people, findings),
    )
    found_people = _people(tables[PEOPLE], known, findings)
    found_teams = _teams(tables[TEAMS], known, findings)
    found_processes = _processes(tables[PROCESSES], known, findings)
    if findings:
        raise findings.refusal()
    return Directory(found_people, found_teams, found_processes)


def _index(kind: str, table: Table, findings: Findings) -> Index:
    """The ids of a file. Two rows with one id, in whatever case, are a problem of the second."""
    spelled: dict[str, str] = {}
    lines: dict[str, int] = {}
    for row in table.rows:
        ref = row.cells.get("id", "")
        if not ref:
            continue
        first = spelled.setdefault(ref.casefold(), ref)
        if first in lines:
            as_what = "" if first == ref else f" as {shown(first)} (capital and small letters count as the same)"
            message = f"{shown(ref)} already stands on line {lines[first]}{as_what}; remove one row or change its id"
            findings.add(table.file, row.line, "id", message)
        else:
            lines[first] = row.line
    return Index(table.file, kind, spelled, lines, table.has_ids)


def _active(table: Table, people: Index, findings: Findings) -> dict[str, bool]:
    """Who is active; needed before the first reference to them is judged."""
    active: dict[str, bool] = {}
    for row in table.rows:
        answer = Cells(PEOPLE, row, findings).yes_or_no("active")
        ref = people.find(row.cells.get("id", ""))
        if ref is not None:
            active.setdefault(ref, answer)
    return active


def _people(table: Table, known: _Known, findings: Findings) -> list[Person]:
    found: list[Person] = []
    managers: dict[str, str] = {}
    addresses: dict[str, Row] = {}
    if table.has_ids and not table.rows:
        findings.add(PEOPLE, table.heading, "", "has no people; add a row for each person")
    for row in table.rows:
        cells = Cells(PEOPLE, row, findings)
        _check_id(cells)
        _check_address(cells, addresses)
        manager = _manager(cells, known)
        ref = known.people.find(cells.text("id"))
        if ref is not None and manager is not None:
            managers.setdefault(ref, manager)
        person = _person(cells, manager, known)
        if person is not None:
            found.append(person)
    _tell_circles("the reporting line", known.people, managers, "manager", findings)
    return found


def _person(cells: Cells, manager: str | None, known: _Known) -> Person | None:
    ref = known.people.find(cells.text("id"))
    return cells.build(
        Person,
        ref=cells.text("id"),
        name=cells.text("name"),
        email=cells.text("email"),
        manager=manager,
        team=cells.required_reference("team", known.teams),
        other_teams=cells.references("other_teams", known.teams),
        title=cells.text("title"),
        roles=cells.roles("roles"),
        site=cells.text("site"),
        active=ref is None or known.active[ref],
        away_until=cells.day("away_until"),
        open_to_invitations=cells.yes_or_no("open_to_invitations"),
    )


def _check_id(cells: Cells) -> None:
    """Nobody may carry the name under which Groundswell itself stands on the record."""
    if cells.text("id").casefold() == SYSTEM:
        cells.refuse("id", f"'{SYSTEM}' is kept for what Groundswell does by itself; choose another id")


def _check_address(cells: Cells, addresses: dict[str, Row]) -> None:
    """Refuse an e-mail address that an earlier row has: mail for one person must not reach another."""
    address = cells.text("email").casefold()
    if not address:
        return
    first = addresses.setdefault(address, cells.row)
    if first is not cells.row:
        whose = f"{shown(first.cells['id'])} on line {first.line}" if first.cells.get("id") else f"line {first.line}"
        cells.refuse("email", f"{shown(address)} is already the address of {whose}; give each person their own")


def _manager(cells: Cells, known: _Known) -> str | None:
    """Whom a person reports to. People who left may keep a manager who left as well."""
    manager = cells.reference("manager", known.people)
    if manager is None:
        return None
    ref = known.people.find(cells.text("id"))
    if manager == ref:
        cells.refuse("manager", "nobody is their own manager; name another person, or leave the cell empty")
        return None
    if not known.active[manager] and (ref is None or known.active[ref]):
        line = known.people.lines[manager]
        cells.refuse(
            "manager",
            f"{shown(manager)} is not active (line {line}); name somebody who is, or leave the cell empty",
        )
    return manager


def _teams(table: Table, known: _Known, findings: Findings) -> list[Team]:
    found: list[Team] = []
    parents: dict[str, str] = {}
    for row in table.rows:
        cells = Cells(TEAMS, row, findings)
        ref = known.teams.find(cells.text("id"))
        parent = cells.reference("parent", known.teams)
        if parent is not None and parent == ref:
            cells.refuse("parent", "a team cannot be part of itself; name another team, or leave the cell empty")
        elif ref is not None and parent is not None:
            parents.setdefault(ref, parent)
        team = cells.build(Team, ref=cells.text("id"), name=cells.text("name"), parent=parent)
        if team is not None:
            found.append(team)
    _tell_circles("the line of parent teams", known.teams, parents, "parent", findings)
    return found


def _processes(table: Table, known: _Known, findings: Findings) -> list[Process]:
    found: list[Process] = []
    for row in table.rows:
        cells = Cells(PROCESSES, row, findings)
        owner = cells.required_reference("owner", known.people)
        if owner is not None and not known.active[owner]:
            line = known.people.lines[owner]
            cells.refuse("owner", f"{shown(owner)} is not active ({PEOPLE}, line {line}); name somebody who is")
        process = cells.build(
            Process,
            ref=cells.text("id"),
            name=cells.text("name"),
            owner=owner,
            depends_on=cells.references("depends_on", known.processes),
        )
        if process is not None:
            found.append(process)
    return found


def _tell_circles(what: str, index: Index, following: Mapping[str, str], column: str, findings: Findings) -> None:
    """Note each circle once, at the first of its rows."""
    for circle in cycles(following):
        drawn = " → ".join((*circle, circle[0]))
        message = f"{what} runs in a circle: {drawn}; give one of them another {column}, or none"
        findings.add(index.file, index.lines[circle[0]], column, message)
