"""What is wrong with an import, in words somebody with a spreadsheet can act on."""

from __future__ import annotations

from pydantic import Field

from changes.values import Value
from directory.layout import COLUMNS, FILES

_SHOWN = 60


class Problem(Value):
    """One thing to put right before a directory can be loaded."""

    file: str
    line: int = Field(ge=0)
    """The line in the file as an editor counts it, the header row being 1; 0 for the file as a whole."""
    field: str
    """The column; empty for the row or the file as a whole."""
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.field}: {self.message}" if self.field else f"{place}: {self.message}"


class ImportRefused(Exception):
    """Nothing was loaded. ``problems`` holds every problem found, in the order of files, lines and columns."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__(problems)
        self.problems = problems

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


class Findings:
    """Collects problems in the order they are found and tells them in the order of the files."""

    def __init__(self) -> None:
        self._found: list[Problem] = []

    def __bool__(self) -> bool:
        return bool(self._found)

    def add(self, file: str, line: int, field: str, message: str) -> None:
        """Note a problem, see :class:`Problem`."""
        self._found.append(Problem(file=file, line=line, field=field, message=message))

    def refusal(self) -> ImportRefused:
        """The refusal that tells all of them."""
        return ImportRefused(tuple(sorted(self._found, key=_place)))


def shown(text: str) -> str:
    """A cell as it can stand in a message: quoted, not too long, and with nothing invisible left invisible."""
    visible = "".join(
        character if character.isprintable() else f"\\u{ord(character):04x}" for character in text[:_SHOWN]
    )
    return f"'{visible}…'" if len(text) > _SHOWN else f"'{visible}'"


def _place(problem: Problem) -> tuple[int, int, int]:
    columns = COLUMNS[problem.file]
    column = columns.index(problem.field) if problem.field in columns else -1
    return FILES.index(problem.file), problem.line, column
