from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given

from directory.export import write_directory
from directory.importing import parse_directory, read_directory
from directory.model import Directory
from tests.directory.organisations import PEOPLE, PROCESSES, TEAMS, directories


@given(directories())
def test_what_is_written_reads_as_the_same(organisation: Directory) -> None:
    with tempfile.TemporaryDirectory() as folder:
        write_directory(organisation, Path(folder))
        again = read_directory(Path(folder))
    assert again.people == organisation.people
    assert again.teams == organisation.teams
    assert again.processes == organisation.processes
    assert again.version == organisation.version


def test_the_folder_is_made_and_the_files_are_plain(tmp_path: Path) -> None:
    write_directory(parse_directory(PEOPLE, TEAMS, PROCESSES), tmp_path / "new" / "folder")
    written = (tmp_path / "new" / "folder" / "people.csv").read_bytes().decode()
    assert written == PEOPLE
