"""Whoever reads the trail or takes it out leaves a record themselves."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Engine, insert, select
from sqlalchemy.exc import IntegrityError

from store import tables
from store.database import writing
from store.ledger import Entry, add_once


def record_access(
    engine: Engine, reader: str, action: str, asked: Mapping[str, str], now: datetime, via: str, **facts: Any
) -> int:
    """Put on record that somebody read or took out the trail: once an hour for the same person and question.

    What was asked for is committed to and not contained, because it names people.
    """
    question = {"asked": dict(asked), "action": action}
    hour = now.replace(minute=0, second=0, microsecond=0)
    words = f"{reader}\n{json.dumps(question, sort_keys=True, ensure_ascii=False)}"
    digest = hmac.new(_secret_of_readers(engine), words.encode(), hashlib.sha256).hexdigest()
    key = f"access/{action}/{hour:%Y%m%dT%H}/{digest}"
    entry = Entry.about_the_ledger(key, action, reader, hour, via=via, content=question, facts=facts)
    table = tables.ledger_record
    with engine.connect() as connection:
        known = connection.execute(select(table.c.seq).where(table.c.idem_key == entry.key)).scalar()
    if known is not None:
        return int(known)
    return add_once(engine, entry, now)


READERS = "secret_of_readers"
"""The name under which the database keeps what the keys of access records are made with. A plain digest of who asked
for what would stand in the record for ever, and whoever guesses both could see that they guessed right; an erasure
throws the secret away, and another is made."""


_secrets: WeakKeyDictionary[Engine, bytes] = WeakKeyDictionary()


def _secret_of_readers(engine: Engine) -> bytes:
    """The secret. A program that still has an earlier one goes on with it: then a reading is on record twice an hour
    at most."""
    table = tables.deployment
    if engine not in _secrets:
        kept = select(table.c.value).where(table.c.name == READERS)
        try:
            with writing(engine) as connection:
                if connection.execute(kept).first() is None:
                    connection.execute(insert(table).values(name=READERS, value=secrets.token_hex(32)))
        except IntegrityError:  # another program was first
            pass
        with engine.connect() as connection:
            _secrets[engine] = bytes.fromhex(connection.execute(kept).scalar_one())
    return _secrets[engine]
