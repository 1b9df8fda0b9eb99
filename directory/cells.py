"""Reads the cells of one row as what their column means, and says what a cell should have been."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from changes.values import Value
from directory.model import ROLES
from directory.problems import Findings, shown
from directory.tables import Row

_SEPARATOR = re.compile(r"[\s|]+")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_YES_OR_NO = {"yes": True, "y": True, "true": True, "1": True, "no": False, "n": False, "false": False, "0": False}
_COLUMN_OF = {"ref": "id"}
_REFERENCES = frozenset({"manager", "team", "other_teams", "parent", "owner", "depends_on"})

Built = TypeVar("Built", bound=Value)


@dataclass(frozen=True)
class Index:
    """The ids of one file, to be found whatever their case."""

    file: str
    kind: str
    spelled: Mapping[str, str]
    """The id as its row spells it, under its case-folded form."""
    lines: Mapping[str, int]
    """The line of an id, under the spelling of its row."""
    has_ids: bool
    """Whether the file could be read, see :class:`directory.tables.Table`."""

    def find(self, text: str) -> str | None:
        """The id that is meant, in the spelling of its row."""
        return self.spelled.get(text.casefold())


class Cells:
    """The cells of one row. A cell that cannot be read is noted in ``findings`` and read as empty."""

    def __init__(self, file: str, row: Row, findings: Findings) -> None:
        self.row = row
        self._file = file
        self._findings = findings
        self._refused: set[str] = set()

    def refuse(self, column: str, message: str) -> None:
        """Note what is wrong with the cell in ``column``."""
        self._refused.add(column)
        self._findings.add(self._file, self.row.line, column, message)

    def text(self, column: str) -> str:
        """The cell as it stands; empty if the file has no such column."""
        return self.row.cells.get(column, "")

    def listed(self, column: str) -> list[str]:
        """The words of a list, separated by blanks or ``|``."""
        return [word for word in _SEPARATOR.split(self.text(column)) if word]

    def reference(self, column: str, index: Index) -> str | None:
        """The id that the cell refers to, in the spelling of its own row; none if empty or unknown."""
        text = self.text(column)
        return self._found(column, text, index) if text else None

    def required_reference(self, column: str, index: Index) -> str | None:
        """The same for a cell that must not be empty; none only if a problem is noted."""
        if column in self.row.cells and not self.text(column):
            self.refuse(column, f"is empty; give the id of a {index.kind} in {index.file}")
        return self.reference(column, index)

    def references(self, column: str, index: Index) -> tuple[str, ...]:
        """The ids that a list refers to, without those that are unknown."""
        found = [self._found(column, word, index) for word in self.listed(column)]
        return tuple(ref for ref in found if ref is not None)

    def roles(self, column: str) -> tuple[str, ...]:
        """A list of :data:`directory.model.ROLES`, in any case."""
        words = [word.casefold() for word in self.listed(column)]
        for word in words:
            if word not in ROLES:
                self.refuse(column, f"{shown(word)} is not a role; use one or more of: {', '.join(ROLES)}")
        return tuple(word for word in words if word in ROLES)

    def yes_or_no(self, column: str) -> bool:
        """Yes or no; an empty cell means yes."""
        text = self.text(column)
        if text and text.casefold() not in _YES_OR_NO:
            self.refuse(column, f"{shown(text)} is neither yes nor no; write 'yes' or 'no', or leave the cell empty")
        return _YES_OR_NO.get(text.casefold(), True)

    def day(self, column: str) -> date | None:
        """A day such as 2026-11-30; none if empty."""
        text = self.text(column)
        if not text:
            return None
        try:
            if not _DAY.fullmatch(text):
                raise ValueError
            return date.fromisoformat(text)
        except ValueError:
            self.refuse(column, f"{shown(text)} is not a date; write year-month-day, such as 2026-11-30")
            return None

    def build(self, model: type[Built], **values: Any) -> Built | None:
        """The model of these values; none if it refuses one, or if the row could not be read as a whole.

        What the model refuses is noted, unless it stands in the file's header row or its other rows already: a column
        that is missing, a cell that was refused above, or a reference to a row whose own id is at fault.
        """
        try:
            return model(**values)
        except ValidationError as error:
            for detail in error.errors(include_url=False):
                column = _COLUMN_OF.get(str(detail["loc"][0]), str(detail["loc"][0]))
                if column in self.row.cells and column not in self._refused | _REFERENCES:
                    self.refuse(column, _advice(self.text(column), detail))
            return None

    def _found(self, column: str, text: str, index: Index) -> str | None:
        ref = index.find(text)
        if ref is None and index.has_ids:
            several = ", and separate several ids with blanks" if column in ("other_teams", "depends_on") else ""
            self.refuse(
                column,
                f"{index.file} has no {index.kind} with the id {shown(text)}; add a row for it there, "
                f"or correct the id{several}",
            )
        return ref


def _advice(text: str, detail: ErrorDetails) -> str:
    """What the model's error means to somebody with a spreadsheet."""
    if not text:
        return "is empty; fill it in"
    messages = {
        "string_too_long": f"has {len(text)} characters; shorten it to {detail.get('ctx', {}).get('max_length')}",
        "string_pattern_mismatch": f"{shown(text)} is not an id; use letters, digits and . _ : - and begin with a "
        "letter or a digit",
        "string_unicode": "contains a broken character; please type it again",
        "line_break": "contains a tab; put a blank in its place",
        "email": f"{shown(text)} {detail['msg']}",
    }
    return messages.get(detail["type"], detail["msg"])
