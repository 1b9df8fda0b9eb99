"""The statements of every commit, compiled once and handed straight to the database's driver.

A commit waits for the disk, and the processor has forgotten our code when it comes back: SQLAlchemy's way from a
statement to the driver then takes some 80 us each, the driver's own some 15. What each append and each decision
executes therefore takes the short way. Everything else, and every statement that is made while the program runs, goes
through SQLAlchemy, which knows more about each.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import ARRAY, ColumnElement, CompoundSelect, Connection, Select, String, any_, bindparam, func, select
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import ClauseElement

_Process = Callable[[Any], Any]
Values = Mapping[str, Any]


class Prepared:
    """A statement whose text and kinds of values never change.

    Values go through the same types as in SQLAlchemy, and so do the columns of what is read. Errors are those that
    SQLAlchemy raises, without the values, and its ``before_cursor_execute`` is told. The text of ``IN`` grows with its
    values; lists are therefore bound as one value, see :func:`among`.
    """

    def __init__(
        self, statement: ClauseElement | Mapping[str, ClauseElement], columns: Sequence[str] | None = None
    ) -> None:
        """``statement``, or one for each kind of database, by the name of its dialect. ``columns`` are those that it
        writes, where they are not all of its table's."""
        self._statement = statement
        self._columns = list(columns) if columns is not None else None
        self._compiled: dict[str, _Compiled] = {}

    def read(self, connection: Connection, values: Values) -> list[tuple[Any, ...]]:
        """What a query answers, in the order of its columns."""
        compiled = self._for(connection.dialect)
        say(connection, compiled.text)
        cursor = connection.connection.cursor()
        try:
            cursor.execute(compiled.text, compiled.bound(values))
            rows = cursor.fetchall()
        except connection.dialect.loaded_dbapi.Error as error:
            raise as_sqlalchemy_raises(connection, compiled.text, error) from error
        finally:
            cursor.close()
        return [compiled.read(row) for row in rows]

    def write(self, connection: Connection, *rows: Values) -> None:
        """Execute it once with each of ``rows``; not at all where there are none."""
        if not rows:
            return
        compiled = self._for(connection.dialect)
        bound = [compiled.bound(row) for row in rows]
        say(connection, compiled.text)
        cursor = connection.connection.cursor()
        try:
            if len(bound) == 1:
                cursor.execute(compiled.text, bound[0])
            else:
                cursor.executemany(compiled.text, bound)
        except connection.dialect.loaded_dbapi.Error as error:
            raise as_sqlalchemy_raises(connection, compiled.text, error) from error
        finally:
            cursor.close()

    def _for(self, dialect: Dialect) -> _Compiled:
        found = self._compiled.get(dialect.name)
        if found is None:
            statement = self._statement
            chosen = statement[dialect.name] if isinstance(statement, Mapping) else statement
            found = self._compiled[dialect.name] = _compile(chosen, dialect, self._columns)
        return found


@dataclass(frozen=True, slots=True)
class _Compiled:
    """A statement for one kind of database."""

    text: str
    order: tuple[tuple[str, _Process | None], ...] | None
    """The names of the values in their order, with what makes of each what the driver takes; None where the driver
    takes them by name."""
    fixed: Mapping[str, Any]
    """Values that are part of the statement, such as a limit."""
    processes: Mapping[str, _Process]
    """What makes of a value what the driver takes, where that is something else."""
    results: tuple[tuple[int, _Process], ...]
    """The columns whose values the driver gives in another form than we use."""

    def bound(self, values: Values) -> Any:
        """``values`` in the form that the driver takes."""
        found = {**self.fixed, **values} if self.fixed else values
        if self.order is not None:
            return [found[name] if process is None else process(found[name]) for name, process in self.order]
        return {**found, **{name: process(found[name]) for name, process in self.processes.items()}}

    def read(self, row: tuple[Any, ...]) -> tuple[Any, ...]:
        """A row in the form that we use."""
        if not self.results:
            return row
        values = list(row)
        for place, process in self.results:
            values[place] = process(values[place])
        return tuple(values)


def among(column: ColumnElement[str], values: str) -> dict[str, ColumnElement[bool]]:
    """For each kind of database: whether ``column`` is one of those bound as ``values``, see :func:`listed`."""
    each = func.json_each(bindparam(values, type_=String)).table_valued("value")
    return {
        "sqlite": column.in_(select(each.c.value)),
        "postgresql": column == any_(bindparam(values, type_=ARRAY(String))),
    }


def listed(connection: Connection, values: Iterable[str]) -> object:
    """Several values as one, so that the text of the statement is always the same."""
    once = sorted(set(values))
    return once if connection.dialect.name == "postgresql" else json.dumps(once)


def _compile(statement: ClauseElement, dialect: Dialect, columns: list[str] | None) -> _Compiled:
    compiled = cast(SQLCompiler, statement.compile(dialect=dialect, column_keys=columns))
    processes, fixed = {}, {}
    for name, bind in compiled.binds.items():
        process = bind.type.dialect_impl(dialect).bind_processor(dialect)
        if process:
            processes[name] = process
        if not bind.required:
            fixed[name] = bind.value
    results = []
    for place, column in enumerate(
        statement.selected_columns if isinstance(statement, Select | CompoundSelect) else ()
    ):
        read = column.type.dialect_impl(dialect).result_processor(dialect, None)
        if read:
            results.append((place, read))
    names = compiled.positiontup
    order = tuple((name, processes.get(name)) for name in names) if names is not None else None
    return _Compiled(str(compiled), order, fixed, processes, tuple(results))


def say(connection: Connection, text: str) -> None:
    """Whoever listens to the engine's statements hears of these as well, without their values: costs are counted so."""
    for listener in connection.engine.dispatch.before_cursor_execute:
        listener(connection, None, text, None, None, False)


def as_sqlalchemy_raises(connection: Connection, text: str, error: Exception) -> BaseException:
    """What SQLAlchemy would raise for the driver's ``error``, without values; a lost connection is not used again."""
    dialect = connection.dialect
    lost = dialect.is_disconnect(error, connection.connection.dbapi_connection, None)  # type: ignore[arg-type]
    if lost:
        connection.invalidate(error)
    return DBAPIError.instance(
        text,
        None,
        error,
        dialect.loaded_dbapi.Error,
        hide_parameters=True,
        connection_invalidated=lost,
        dialect=dialect,
    )
