"""Writes a directory as the CSV files that the import reads."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

from directory.layout import COLUMNS, PEOPLE, PROCESSES, TEAMS
from directory.model import Directory, Person, Process, Team


def write_directory(directory: Directory, folder: Path) -> None:
    """Write people.csv, teams.csv and processes.csv in UTF-8; the folder is made if it is not there.

    Reading them again gives an equal directory, if this one could have been imported.

    Raises:
        OSError: a file cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder, PEOPLE, (_person(person) for person in directory.people.values()))
    _write(folder, TEAMS, (_team(team) for team in directory.teams.values()))
    _write(folder, PROCESSES, (_process(process) for process in directory.processes.values()))


def _write(folder: Path, file: str, rows: Iterable[tuple[str, ...]]) -> None:
    with (folder / file).open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(COLUMNS[file])
        writer.writerows(rows)


def _person(person: Person) -> tuple[str, ...]:
    return (
        person.ref,
        person.name,
        person.email,
        person.manager or "",
        person.team,
        " ".join(person.other_teams),
        person.title,
        " ".join(person.roles),
        person.site,
        _yes_or_no(person.active),
        person.away_until.isoformat() if person.away_until else "",
        _yes_or_no(person.open_to_invitations),
    )


def _team(team: Team) -> tuple[str, ...]:
    return team.ref, team.name, team.parent or ""


def _process(process: Process) -> tuple[str, ...]:
    return process.ref, process.name, process.owner, " ".join(process.depends_on)


def _yes_or_no(answer: bool) -> str:
    return "yes" if answer else "no"
