from __future__ import annotations

import errno
import io
import os
from datetime import date
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directory.importing import Content, ImportRefused, Problem, parse_directory, read_directory
from directory.layout import COLUMNS, FILES
from directory.model import Person
from tests.directory.organisations import PEOPLE, PROCESSES, TEAMS

HEADER = "id,name,email,manager,team\n"
ADA = "ada,Ada Stern,ada@firm.example,,care\n"
BEN = "ben,Ben Okoro,ben@firm.example,ada,care\n"
CARE = "id,name,parent\ncare,Customer Care,\n"
NONE = "id,name,owner,depends_on\n"


def refused(people: Content = HEADER + ADA, teams: Content = CARE, processes: Content = NONE) -> tuple[Problem, ...]:
    """The problems of an import that must be refused."""
    with pytest.raises(ImportRefused) as caught:
        parse_directory(people, teams, processes)
    assert str(caught.value) == "\n".join(str(problem) for problem in caught.value.problems)
    return caught.value.problems


def only(problems: tuple[Problem, ...], file: str, line: int, field: str, *words: str) -> None:
    """Assert that there is one problem, at this place, in these words."""
    assert [(problem.file, problem.line, problem.field) for problem in problems] == [(file, line, field)], problems
    for word in words:
        assert word in problems[0].message, problems[0].message


def test_a_directory_is_read_with_all_it_holds() -> None:
    directory = parse_directory(PEOPLE, TEAMS, PROCESSES)
    assert list(directory.people) == ["ada", "ben", "cem", "dora"]
    assert directory.person("cem") == Person(
        ref="cem",
        name="Cem Kaya",
        email="cem@firm.example",
        manager="ben",
        team="care",
        other_teams=("office",),
        title="Adviser",
        site="South",
        away_until=date(2026, 11, 30),
        open_to_invitations=False,
    )
    assert directory.person("ada").roles == ("executive",)
    assert not directory.person("dora").active
    assert directory.team("care").parent == "office"
    assert directory.process("refunds").depends_on == ("returns",)


def test_optional_columns_may_be_left_out() -> None:
    directory = parse_directory(HEADER + ADA + BEN, CARE, NONE)
    assert directory.person("ben").manager == "ada"
    assert directory.person("ben").active
    assert directory.person("ben").open_to_invitations


@pytest.mark.parametrize("column", COLUMNS["people.csv"][5:])
def test_each_optional_column_may_be_left_out(column: str) -> None:
    place = COLUMNS["people.csv"].index(column)
    rows = [line.split(",") for line in PEOPLE.splitlines()]
    shorter = "\n".join(",".join(cell for number, cell in enumerate(row) if number != place) for row in rows)
    assert len(parse_directory(shorter, TEAMS, PROCESSES).people) == 4


def test_several_heads_are_allowed() -> None:
    directory = parse_directory(HEADER + ADA + BEN.replace(",ada,", ",,"), CARE, NONE)
    assert directory.line_of("ben") == ()


# How a file may be written


@pytest.mark.parametrize(
    "people",
    [
        PEOPLE,
        "\ufeff" + PEOPLE,
        PEOPLE.replace(",", ";"),
        PEOPLE.replace("\n", "\r\n"),
        PEOPLE.replace("\n", "\r"),
        PEOPLE.rstrip("\n"),
        PEOPLE.replace("\n", "\n\n  \n,,,,,,,,,,,\n"),
        "\n,,\n" + PEOPLE,
        PEOPLE.replace("\n", '\n"", ""\n'),
        PEOPLE.replace(",", "  ,  "),
        PEOPLE.replace(",", ",\u00a0"),
        PEOPLE.replace("ada", '"ada"').replace('"ada"@', "ada@"),
        PEOPLE.replace("id,name,email", " ID ,Name,E" + "MAIL"),
        PEOPLE.replace(",ada,", ",ADA,").replace(",care,", ",Care,").replace("ada@firm", "Ada@Firm"),
        PEOPLE.replace(",yes,,yes", ",,,"),
        PEOPLE.replace(",yes,", ",TRUE,").replace(",no,", ",False,"),
        PEOPLE.replace(",yes,,yes\nben", "\nben"),
        PEOPLE.replace("executive", "Executive | executive"),
        PEOPLE.replace(",care,office,", ",care,care|office office,"),
        PEOPLE.encode(),
        b"\xef\xbb\xbf" + PEOPLE.encode(),
        PEOPLE.encode().replace(b"\n", b"\r"),
    ],
)
def test_ways_of_writing_the_same_people(people: Content) -> None:
    same = parse_directory(PEOPLE, TEAMS, PROCESSES)
    assert parse_directory(people, TEAMS, PROCESSES).people == same.people
    assert parse_directory(people, TEAMS, PROCESSES).version == same.version


def test_open_files_are_read() -> None:
    texts = [io.StringIO(text) for text in (PEOPLE, TEAMS, PROCESSES)]
    assert parse_directory(*texts) == parse_directory(PEOPLE, TEAMS, PROCESSES)


@given(st.permutations(PEOPLE.splitlines()[1:]), st.permutations(range(12)))
def test_neither_the_order_of_rows_nor_that_of_columns_matters(rows: list[str], columns: list[int]) -> None:
    cells = [line.split(",") for line in (PEOPLE.splitlines()[0], *rows)]
    people = "\n".join(",".join(row[column] for column in columns) for row in cells)
    assert parse_directory(people, TEAMS, PROCESSES).version == parse_directory(PEOPLE, TEAMS, PROCESSES).version


def test_what_looks_like_a_formula_is_text() -> None:
    directory = parse_directory(HEADER + 'ada,"=HYPERLINK(""http://x"")",ada@firm.example,,care\n', CARE, NONE)
    assert directory.person("ada").name == '=HYPERLINK("http://x")'


def test_a_decomposed_name_is_composed() -> None:
    directory = parse_directory(HEADER + "lea,Le\u0301a,lea@firm.example,,care\n", CARE, NONE)
    assert directory.person("lea").name == "L\u00e9a"


# What is wrong with one cell of people.csv, on line 3, after Ada


@pytest.mark.parametrize(
    ("row", "field", "words"),
    [
        (",Ben,ben@firm.example,,care", "id", ["is empty", "fill it in"]),
        ("b en,Ben,ben@firm.example,,care", "id", ["'b en' is not an id", "use letters, digits"]),
        ("-ben,Ben,ben@firm.example,,care", "id", ["'-ben' is not an id"]),
        ("bén,Ben,ben@firm.example,,care", "id", ["'bén' is not an id"]),
        ("b\x00n,Ben,ben@firm.example,,care", "id", ["'b\\u0000n' is not an id"]),
        (f"{'b' * 65},Ben,ben@firm.example,,care", "id", ["has 65 characters", "shorten it to 64"]),
        ("System,Ben,ben@firm.example,,care", "id", ["'system' is kept", "choose another id"]),
        ("ada,Ben,ben@firm.example,,care", "id", ["'ada' already stands on line 2;", "change its id"]),
        ("ADA ,Ben,ben@firm.example,,care", "id", ["'ADA' already stands on line 2 as 'ada'", "capital and small"]),
        ("ben,,ben@firm.example,,care", "name", ["is empty", "fill it in"]),
        ("ben, \u00a0 ,ben@firm.example,,care", "name", ["is empty"]),
        (f"ben,{'B' * 201},ben@firm.example,,care", "name", ["has 201 characters", "shorten it to 200"]),
        ("ben,Be\x00n,ben@firm.example,,care", "name", ["control character U+0000", "remove it"]),
        ("ben,Be\x1bn,ben@firm.example,,care", "name", ["control character U+001B", "remove it"]),
        ("ben,Be\tn,ben@firm.example,,care", "name", ["contains a tab", "put a blank"]),
        ("ben,Be\ud800n,ben@firm.example,,care", "name", ["broken character", "type it again"]),
        ("ben,Ben,,,care", "email", ["is empty", "fill it in"]),
        ("ben,Ben,ben.firm.example,,care", "email", ["'ben.firm.example' is not an e-mail address", "write it like"]),
        ("ben,Ben,ben@fi\x00rm.example,,care", "email", ["is not an e-mail address"]),
        ("ben,Ben,b@" + "x." * 100 + "example,,care", "email", ["has 209 characters", "shorten it to 200"]),
        ("ben,Ben,ADA@firm.example,,care", "email", ["'ada@firm.example' is already the address of 'ada' on line 2"]),
        ("ben,Ben,ben@firm.example,zoe,care", "manager", ["people.csv has no person with the id 'zoe'", "add a row"]),
        ("ben,Ben,ben@firm.example,BEN,care", "manager", ["nobody is their own manager", "name another person"]),
        ("ben,Ben,ben@firm.example,,", "team", ["is empty", "give the id of a team in teams.csv"]),
        ("ben,Ben,ben@firm.example,,shop", "team", ["teams.csv has no team with the id 'shop'", "correct the id"]),
        ("ben,Ben,ben@firm.example,,ca\x00re", "team", ["no team with the id 'ca\\u0000re'"]),
        ("ben,Ben,ben@firm.example,,care,care shop", "other_teams", ["no team with the id 'shop'", "with blanks"]),
        (f"ben,Ben,ben@firm.example,,care,,{'t' * 201}", "title", ["has 201 characters", "shorten it to 200"]),
        ("ben,Ben,ben@firm.example,,care,,a\tb", "title", ["contains a tab"]),
        ("ben,Ben,ben@firm.example,,care,,a\x07b", "title", ["control character U+0007"]),
        (
            "ben,Ben,ben@firm.example,,care,,,boss",
            "roles",
            ["'boss' is not a role", "executive, auditor, steward, adm"],
        ),
        ("ben,Ben,ben@firm.example,,care,,,manager", "roles", ["'manager' is not a role"]),
        (f"ben,Ben,ben@firm.example,,care,,,,{'s' * 5000}", "site", ["has 5000 characters", "shorten it to 200"]),
        ("ben,Ben,ben@firm.example,,care,,,,,maybe", "active", ["'maybe' is neither yes nor no", "write 'yes' or"]),
        ("ben,Ben,ben@firm.example,,care,,,,,,31.12.2026", "away_until", ["'31.12.2026' is not a date", "2026-11-30"]),
        ("ben,Ben,ben@firm.example,,care,,,,,,2026-02-30", "away_until", ["'2026-02-30' is not a date"]),
        ("ben,Ben,ben@firm.example,,care,,,,,,20261231", "away_until", ["'20261231' is not a date"]),
        ("ben,Ben,ben@firm.example,,care,,,,,,,x", "open_to_invitations", ["'x' is neither yes nor no"]),
        ("ben,Ben,ben@firm.example,,care,,,,,,,,", "", ["has 13 cells", "names 12", "quotation marks"]),
        ("ben,Okoro, Ben,ben@firm.example,,care,,,,,,,", "", ["has 13 cells", "text that contains ','"]),
        ('ben,"Ben,ben@firm.example,,care', "", ["quotation mark is opened and not closed", "close it"]),
        (
            'ben,"Ben" Okoro,ben@firm.example,,care',
            "",
            ["text follows a closing quotation mark", "double those inside"],
        ),
        (f"ben,{'B' * 140_000},ben@firm.example,,care", "", ["more than 131,072 characters", "shorten it to 200"]),
    ],
)
def test_a_bad_row_of_people(row: str, field: str, words: list[str]) -> None:
    people = PEOPLE.splitlines()[0] + "\n" + "ada,Ada Stern,ada@firm.example,,care,,,,,,,\n" + row + "\n"
    only(refused(people), "people.csv", 3, field, *words)


def test_the_duplicate_of_an_address_without_an_id_is_found_by_its_line() -> None:
    problems = refused(HEADER + ",Ada,ada@firm.example,,care\n" + "ben,Ben,ada@firm.example,,care\n")
    assert [(problem.line, problem.field) for problem in problems] == [(2, "id"), (3, "email")]
    assert "already the address of line 2" in problems[1].message


def test_an_active_person_needs_an_active_manager() -> None:
    people = "id,name,email,manager,team,active\nada,Ada,ada@firm.example,,care,no\n"
    only(
        refused(people + "ben,Ben,ben@firm.example,Ada,care,yes\n"),
        "people.csv",
        3,
        "manager",
        "'ada' is not active (line 2)",
        "name somebody who is",
    )
    assert not parse_directory(people + "ben,Ben,ben@firm.example,ada,care,no\n", CARE, NONE).active("ben")


def test_a_circle_of_managers_is_told_once_and_drawn() -> None:
    rows = [("z", "a"), ("c", "a"), ("a", "b"), ("b", "C"), ("y", "x"), ("x", "y")]
    people = HEADER + "".join(f"{ref},{ref},{ref}@firm.example,{manager},care\n" for ref, manager in rows)
    first, second = refused(people)
    only((first,), "people.csv", 3, "manager", "circle: c → a → b → c;", "give one of them another manager, or none")
    only((second,), "people.csv", 6, "manager", "circle: y → x → y;")


# The other files


@pytest.mark.parametrize(
    ("row", "field", "words"),
    [
        (",Shop,", "id", ["is empty"]),
        ("CARE,Shop,", "id", ["'CARE' already stands on line 2 as 'care'"]),
        ("shop,,", "name", ["is empty"]),
        ("shop,Shop,north", "parent", ["teams.csv has no team with the id 'north'", "add a row"]),
        ("shop,Shop,shop", "parent", ["cannot be part of itself", "leave the cell empty"]),
        ("shop,Shop,care,,", "", ["has 5 cells", "names 3"]),
    ],
)
def test_a_bad_row_of_teams(row: str, field: str, words: list[str]) -> None:
    only(refused(teams=CARE + row + "\n"), "teams.csv", 3, field, *words)


def test_a_circle_of_teams_is_told_once_and_drawn() -> None:
    teams = CARE + "a,A,b\nb,B,c\nc,C,a\n"
    only(refused(teams=teams), "teams.csv", 3, "parent", "circle: a → b → c → a;", "give one of them another parent")


@pytest.mark.parametrize(
    ("row", "field", "words"),
    [
        ("RETURNS,Returns,ada,", "id", ["'RETURNS' already stands on line 2 as 'returns'"]),
        ("x,,ada,", "name", ["is empty"]),
        ("x,X,,", "owner", ["is empty", "give the id of a person in people.csv"]),
        ("x,X,zoe,", "owner", ["people.csv has no person with the id 'zoe'"]),
        ("x,X,eve,", "owner", ["'eve' is not active (people.csv, line 3)", "name somebody who is"]),
        ("x,X,ada,returns y", "depends_on", ["processes.csv has no process with the id 'y'", "correct the id"]),
    ],
)
def test_a_bad_row_of_processes(row: str, field: str, words: list[str]) -> None:
    people = "id,name,email,manager,team,active\nada,A,ada@firm.example,,care,\neve,E,eve@firm.example,,care,no\n"
    processes = NONE + "returns,Returns,ada,\n" + row + "\n"
    only(refused(people, processes=processes), "processes.csv", 3, field, *words)


# What is wrong with a file


@pytest.mark.parametrize("text", ["", "\n\n", "\ufeff", " \n,,,\n"])
def test_an_empty_file(text: str) -> None:
    only(refused(text), "people.csv", 0, "", "is empty", "id, name, email, manager, team")
    only(refused(teams=text), "teams.csv", 0, "", "is empty", "id, name, parent")
    only(refused(processes=text), "processes.csv", 0, "", "is empty", "id, name, owner, depends_on")


def test_a_directory_without_people() -> None:
    only(refused(HEADER), "people.csv", 1, "", "has no people", "add a row for each person")


@pytest.mark.parametrize("text", [ADA, "id|name|email|manager|team\n", "x" * 140_000, '"'])
def test_a_file_without_a_header_row(text: str) -> None:
    only(refused(text), "people.csv", 1, "", "first row must name the columns", "id,name,email,manager,team")


def test_an_unknown_column() -> None:
    problems = refused("id,name,email,boss,manager,team\nada,Ada,ada@firm.example,,,care\n")
    only(problems, "people.csv", 1, "", "unknown column 'boss'", "remove it or use one of: id, name")


def test_a_column_without_a_name() -> None:
    problems = refused("id,name,email,manager,team,\nada,Ada,ada@firm.example,,care,\n")
    only(problems, "people.csv", 1, "", "column 6 has no name", "remove it")


def test_a_column_that_is_there_twice() -> None:
    problems = refused("id,name,email,manager,team,Name\nada,Ada,ada@firm.example,,care,Eve\n")
    only(problems, "people.csv", 1, "name", "as a column twice", "keep one")


@pytest.mark.parametrize("column", ["id", "name", "email", "manager", "team"])
def test_a_missing_column_is_told_once_and_the_rest_still_checked(column: str) -> None:
    names = [name for name in HEADER.strip().split(",") if name != column]
    row = {"id": "ada", "name": "Ada", "email": "ada@firm.example", "manager": "", "team": "care"}
    people = ",".join((*names, "active")) + "\n" + ",".join((*(row[name] for name in names), "maybe")) + "\n"
    header, cell = refused(people)
    only((header,), "people.csv", 1, column, "the column is missing", "add it")
    only((cell,), "people.csv", 2, "active", "neither yes nor no")


def test_the_other_files_are_not_blamed_for_one_that_cannot_be_read() -> None:
    people, teams, processes = PEOPLE, TEAMS, PROCESSES
    only(refused("", teams, processes), "people.csv", 0, "", "is empty")
    only(refused(people, "", processes), "teams.csv", 0, "", "is empty")
    only(refused(people.replace("id,", "key,", 1), teams, processes)[1:], "people.csv", 1, "id", "is missing")


def test_nobody_is_blamed_for_referring_to_a_row_that_is_itself_at_fault() -> None:
    people = PEOPLE.replace("ben@firm.example", "ben").replace("ada,Ada", 'ada,"Ada')
    problems = refused(people, TEAMS, PROCESSES)
    assert [(problem.line, problem.field) for problem in problems] == [(2, ""), (3, "email")]
    only(refused(PEOPLE.replace("ben,", "b%n,"), TEAMS, PROCESSES.replace("ben", "b%n")), "people.csv", 3, "id")


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_text_that_is_not_utf8_is_told_with_its_lines(end: bytes) -> None:
    people = (HEADER + ADA + "léa,Léa,lea@firm.example,,care\n" + BEN.replace("Ben", "Bén")).replace("léa", "lea")
    content = people.encode("latin-1").replace(b"\n", end)
    problems = refused(content)
    assert [(problem.file, problem.line, problem.field) for problem in problems] == [
        ("people.csv", 3, ""),
        ("people.csv", 4, ""),
    ]
    assert "the byte 0xE9 is not UTF-8" in problems[0].message
    assert "save the file as 'CSV UTF-8'" in problems[0].message


def test_a_file_opened_as_text_that_is_not_utf8_is_told_with_its_lines() -> None:
    content = (HEADER + ADA + "lea,Léa,lea@firm.example,,care\n").encode("latin-1")
    only(refused(io.TextIOWrapper(io.BytesIO(content), encoding="utf-8")), "people.csv", 3, "", "0xE9")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ((HEADER + ADA).encode("utf-16"), "is UTF-16 text"),
        (b"\xfe\xff" + (HEADER + ADA).encode("utf-16-be"), "is UTF-16 text"),
        (b"PK\x03\x04\x14\x00", "is a spreadsheet and not CSV"),
    ],
)
def test_a_file_of_another_kind(content: bytes, words: str) -> None:
    only(refused(content), "people.csv", 0, "", words, "save it as 'CSV UTF-8'")


def write(folder: Path, people: str = PEOPLE, teams: str = TEAMS, processes: str = PROCESSES) -> Path:
    for file, text in zip(FILES, (people, teams, processes), strict=True):
        (folder / file).write_text(text, encoding="utf-8")
    return folder


def test_a_folder_is_read(tmp_path: Path) -> None:
    assert read_directory(write(tmp_path)) == parse_directory(PEOPLE, TEAMS, PROCESSES)


@pytest.mark.parametrize("file", FILES)
def test_a_missing_file(tmp_path: Path, file: str) -> None:
    (write(tmp_path) / file).unlink()
    with pytest.raises(ImportRefused) as caught:
        read_directory(tmp_path)
    only(caught.value.problems, file, 0, "", "the file is missing", "add it, with the columns id, name")


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    (write(tmp_path) / "teams.csv").unlink()
    (tmp_path / "teams.csv").mkdir()
    with pytest.raises(ImportRefused) as caught:
        read_directory(tmp_path)
    only(caught.value.problems, "teams.csv", 0, "", "cannot be read", os.strerror(errno.EISDIR))


def test_a_missing_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ImportRefused) as caught:
        read_directory(Path("nowhere"))
    only(caught.value.problems, "nowhere", 0, "", "there is no such folder", "people.csv")


def test_all_problems_come_together_in_order() -> None:
    people = HEADER + "ada,,ada,ada,shop\n" + BEN.replace("ada", "zoe")
    problems = refused(people, CARE + "x,,y\n", NONE + "p,P,zoe,q\n")
    assert [(problem.file, problem.line, problem.field) for problem in problems] == [
        ("people.csv", 2, "name"),
        ("people.csv", 2, "email"),
        ("people.csv", 2, "manager"),
        ("people.csv", 2, "team"),
        ("people.csv", 3, "manager"),
        ("teams.csv", 3, "name"),
        ("teams.csv", 3, "parent"),
        ("processes.csv", 2, "owner"),
        ("processes.csv", 2, "depends_on"),
    ]


# Properties


@given(st.lists(st.integers(-1, 9), min_size=1, max_size=10))
def test_managers_at_random_are_imported_or_refused_for_a_real_circle(managers: list[int]) -> None:
    chosen = {
        f"p{place}": f"p{manager % len(managers)}" if manager >= 0 else "" for place, manager in enumerate(managers)
    }
    people = HEADER + "".join(f"{ref},N,{ref}@firm.example,{manager},care\n" for ref, manager in chosen.items())
    try:
        directory = parse_directory(people, CARE, NONE)
    except ImportRefused as refusal:
        for problem in refusal.problems:
            assert problem.field == "manager"
            if "own manager" in problem.message:
                ref = f"p{problem.line - 2}"
                assert chosen[ref] == ref
            else:
                circle = problem.message.partition("circle: ")[2].partition(";")[0].split(" → ")
                assert len(circle) > 2
                assert circle[0] == circle[-1] == f"p{problem.line - 2}"
                assert all(chosen[ref] == after for ref, after in pairwise(circle))
    else:
        assert all((person.manager or "") == chosen[person.ref] for person in directory.people.values())
        for ref, line in ((ref, directory.line_of(ref)) for ref in chosen):
            assert (line[-1].manager if line else directory.person(ref).manager) is None


@given(st.lists(st.integers(-1, 9), min_size=1, max_size=10))
def test_parents_at_random_are_imported_or_refused_for_a_real_circle(parents: list[int]) -> None:
    chosen = {f"t{place}": f"t{parent % len(parents)}" if parent >= 0 else "" for place, parent in enumerate(parents)}
    teams = "id,name,parent\n" + "".join(f"{ref},T,{parent}\n" for ref, parent in chosen.items())
    try:
        directory = parse_directory(HEADER + ADA.replace("care", "t0"), teams, NONE)
    except ImportRefused as refusal:
        for problem in refusal.problems:
            ref = f"t{problem.line - 2}"
            drawn = problem.message.partition("circle: ")[2].partition(";")[0]
            circle = drawn.split(" → ") if drawn else [ref, ref]
            assert circle[0] == circle[-1] == ref
            assert all(chosen[below] == above for below, above in pairwise(circle))
    else:
        above = [ref for ref in directory.teams if directory.members_of(ref)]
        climbed, here = [], "t0"
        while here:
            climbed.append(here)
            here = chosen[here]
        assert sorted(above) == sorted(climbed)


_cells = st.text(st.sampled_from('abAB1 @.,;"|\t\n\r\x00\ufeff\u2028é-=yesno'), max_size=12)
_tables = st.lists(st.lists(_cells, max_size=7).map(",".join), max_size=5).map("\n".join)


@given(_tables, st.booleans())
def test_any_text_is_a_directory_or_refused_with_reasons(rows: str, bytes_instead: bool) -> None:
    people = HEADER + ADA + rows
    try:
        directory = parse_directory(people.encode() if bytes_instead else people, CARE, NONE)
    except ImportRefused as refusal:
        assert refusal.problems
        assert all(0 <= problem.line <= len(people) and problem.message for problem in refusal.problems)
    else:
        assert directory.active("ada")


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_with_reasons(content: bytes) -> None:
    assert refused(content)
    assert all(problem.file == "processes.csv" for problem in refused(processes=content + b"\n\xff"))
