"""A program that appends to the ledger and says what became of each record, for tests that break what is under it.

    python -m tests.support.appending ADDRESS COUNT LETTERS [MOST-BYTES-IN-A-FILE]

Each line is ``there NUMBER`` once the database has said so, or ``failed NUMBER: why``.
"""

from __future__ import annotations

import resource
import sys

from store.database import DatabaseUnavailable, lock_ledger, open_database, writing
from store.ledger import append_once
from tests.support.desk import MONDAY
from tests.support.writers import entry


def main(address: str, count: int, letters: int) -> None:
    """Try each record once, whatever became of the one before."""
    engine = open_database(address)
    for number in range(count):
        try:
            with writing(engine) as connection:
                lock_ledger(connection)
                append_once(connection, entry(f"key/{number}", content="x" * letters), MONDAY)
        except DatabaseUnavailable as error:
            print(f"failed {number}: {error}", flush=True)
        else:
            print(f"there {number}", flush=True)


if __name__ == "__main__":
    if len(sys.argv) > 4:
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[4]), int(sys.argv[4])))
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
