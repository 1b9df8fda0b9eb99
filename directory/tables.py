"""Reads the text of a CSV file into rows that know their line, and says what is not a table.

Every line is parsed by itself: no cell of a directory has a line break, and so a forgotten quotation mark spoils its
own line and not the rest of the file.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TextIO

from directory.layout import COLUMNS, OPTIONAL
from directory.problems import Findings, shown

Content = str | bytes | TextIO
"""A file's text, its bytes, or the file opened as text."""

_LINE_END = re.compile(r"\r\n|\r|\n")
_LINE_END_BYTES = re.compile(rb"\r\n|\r|\n")
_OTHER_FORMATS = {
    b"\xff\xfe": "is UTF-16 text",
    b"\xfe\xff": "is UTF-16 text",
    b"PK\x03\x04": "is a spreadsheet and not CSV text",
}


@dataclass(frozen=True)
class Row:
    """The trimmed cells of one line under their column names; a column the file lacks is not there.

    A row that could not be read as a table's row keeps its ``id`` alone, so that whoever refers to it is not blamed.
    """

    line: int
    cells: Mapping[str, str]


@dataclass(frozen=True)
class _Heading:
    """The header row: what separates its cells, and the column in each place, none for one that cannot be used."""

    line: int
    delimiter: str
    columns: tuple[str | None, ...]


@dataclass(frozen=True)
class Table:
    """The rows of one file."""

    file: str
    heading: int
    """The line of the header row."""
    rows: tuple[Row, ...]
    has_ids: bool
    """Whether its ids could be read at all; if not, nobody is blamed for referring to one that is missing here."""


def read_table(file: str, content: Content, findings: Findings) -> Table:
    """The rows of a file whose name is one of :data:`directory.layout.FILES`; what is wrong goes into ``findings``."""
    lines = _lines(file, content, findings)
    if lines is None:
        return Table(file, 0, (), has_ids=False)
    filled = [(number, line) for number, line in enumerate(lines, 1) if line.strip().strip(",; \t")]
    if not filled:
        findings.add(file, 0, "", f"is empty; its first row must name the columns: {', '.join(COLUMNS[file])}")
        return Table(file, 0, (), has_ids=False)
    heading = _heading(file, *filled[0], findings)
    read = [_row(file, number, line, heading, findings) for number, line in filled[1:] if heading.columns]
    rows = tuple(row for row in read if row is not None)
    return Table(file, heading.line, rows, has_ids="id" in heading.columns)


def _lines(file: str, content: Content, findings: Findings) -> list[str] | None:
    if not isinstance(content, (str, bytes)):
        try:
            content = content.read()
        except UnicodeDecodeError as error:
            content = error.object  # everything that was read, so that the lines to blame can be named
    if isinstance(content, str):
        return _LINE_END.split(content.removeprefix("\ufeff"))
    for mark, what in _OTHER_FORMATS.items():
        if content.startswith(mark):
            findings.add(file, 0, "", f"{what}; save it as 'CSV UTF-8' and load it again")
            return None
    pieces = _LINE_END_BYTES.split(content.removeprefix(b"\xef\xbb\xbf"))
    return [_decoded(file, number, piece, findings) for number, piece in enumerate(pieces, 1)]


def _decoded(file: str, number: int, piece: bytes, findings: Findings) -> str:
    try:
        return piece.decode()
    except UnicodeDecodeError as error:
        findings.add(
            file,
            number,
            "",
            f"the byte 0x{piece[error.start]:02X} is not UTF-8 text; save the file as 'CSV UTF-8' and load it again",
        )
        return piece.decode(errors="replace")


def _heading(file: str, number: int, line: str, findings: Findings) -> _Heading:
    """The header row, with the delimiter that makes more known columns of it; no columns if it knows none."""
    names = {delimiter: [cell.casefold() for cell in _loose_cells(line, delimiter)] for delimiter in (",", ";")}
    known = {delimiter: len(set(found) & set(COLUMNS[file])) for delimiter, found in names.items()}
    delimiter = max(known, key=known.__getitem__)
    if known[delimiter]:
        return _Heading(number, delimiter, _columns(file, number, names[delimiter], findings))
    message = "the first row must name the columns, separated by commas or semicolons; add the row"
    findings.add(file, number, "", f"{message}: {','.join(COLUMNS[file])}")
    return _Heading(number, delimiter, ())


def _columns(file: str, heading: int, names: list[str], findings: Findings) -> tuple[str | None, ...]:
    known = ", ".join(COLUMNS[file])
    columns: list[str | None] = []
    for place, name in enumerate(names, 1):
        usable = name in COLUMNS[file] and name not in columns
        columns.append(name if usable else None)
        if not name:
            findings.add(file, heading, "", f"column {place} has no name; remove it or name it one of: {known}")
        elif name not in COLUMNS[file]:
            findings.add(file, heading, "", f"unknown column {shown(name)}; remove it or use one of: {known}")
        elif not usable:
            findings.add(file, heading, name, "is there as a column twice; keep one of them")
    for name in COLUMNS[file]:
        if name not in columns and name not in OPTIONAL[file]:
            findings.add(file, heading, name, "the column is missing; add it to the header row and to every row")
    return tuple(columns)


def _row(file: str, number: int, line: str, heading: _Heading, findings: Findings) -> Row | None:
    """The row of a line; none for a line of nothing but empty cells."""
    columns = heading.columns
    try:
        cells = _cells(line, heading.delimiter, strict=True)
    except csv.Error as error:
        findings.add(file, number, "", _not_cells(error))
        return _only_id(number, _loose_cells(line, heading.delimiter), columns)
    if not any(cells):
        return None
    if len(cells) > len(columns):
        findings.add(
            file,
            number,
            "",
            f"has {len(cells)} cells, but the header row names {len(columns)}; remove what is too many, "
            f"or put quotation marks around a text that contains '{heading.delimiter}'",
        )
        return _only_id(number, cells, columns)
    cells += [""] * (len(columns) - len(cells))  # spreadsheets leave empty cells out at the end of a row
    return Row(number, {name: cell for name, cell in zip(columns, cells, strict=True) if name is not None})


def _only_id(number: int, cells: list[str], columns: tuple[str | None, ...]) -> Row:
    return Row(number, {name: cell for name, cell in zip(columns, cells, strict=False) if name == "id"})


def _loose_cells(line: str, delimiter: str) -> list[str]:
    """The cells as far as they can be made out; none if one is endless."""
    try:
        return _cells(line, delimiter, strict=False)
    except csv.Error:
        return []


def _cells(line: str, delimiter: str, strict: bool) -> list[str]:
    reader = csv.reader([line], delimiter=delimiter, skipinitialspace=True, strict=strict)
    return [cell.strip() for cell in next(reader)]


def _not_cells(error: csv.Error) -> str:
    if "limit" in str(error):
        return f"has a cell of more than {csv.field_size_limit():,} characters; shorten it to 200"
    if "unexpected end" in str(error):
        return "a quotation mark is opened and not closed on this line; close it, and keep each row on one line"
    return "text follows a closing quotation mark; put the whole cell in quotation marks, and double those inside it"
