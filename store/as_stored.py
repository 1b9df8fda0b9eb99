"""Rows of the ledger as they lie there, whatever somebody put into them.

SQLite keeps text where bytes belong, a fraction where a number does, and text that is not UTF-8. A verification that
falls over such a row would not name it: here a value of another kind becomes one that fits nothing that was recorded.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Executable, Row
from sqlalchemy.exc import OperationalError

NO_TEXT = "\0"
"""Stands for what is no text. The ledger never holds it: U+0000 is refused at the edge."""


def octets(value: object) -> bytes:
    """``value``, or no bytes at all where it is something else; they are the hash of nothing and hash to no leaf."""
    if type(value) is bytes:  # what nearly all are, and some hundred thousand are asked for in a second
        return value
    return bytes(value) if isinstance(value, bytearray | memoryview) else b""


def words(value: object) -> str:
    """``value``, or :data:`NO_TEXT` where it is something else."""
    return value if isinstance(value, str) else NO_TEXT


def number(value: object) -> int:
    """``value``, or -1 where it is something else, which is no size and no place in a log."""
    return value if type(value) is int else -1


def rows_of(connection: Connection, query: Executable) -> Sequence[Row[Any]]:
    """All that ``query`` answers. SQLite's text that is not UTF-8 comes with surrogates in it, and so fits nothing."""
    try:
        return connection.execute(query).all()
    except OperationalError as error:
        if connection.dialect.name != "sqlite" or "decode to UTF-8" not in str(error.orig):
            raise
    driver: Any = connection.connection.driver_connection
    strict, driver.text_factory = driver.text_factory, lambda raw: raw.decode("utf-8", "surrogateescape")
    try:
        return connection.execute(query).all()
    finally:
        driver.text_factory = strict
