"""What audit pages and the audit interface share: the filter in an address, who reads, and taking the trail out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Engine

from changes.permissions import AUDITOR
from changes.state import Stage
from directory.model import Directory, Person
from ledger.exports import cloud_events, csv_lines, json_lines
from settings import Settings
from store.audit.access import record_access
from store.audit.exporting import exported
from store.audit.questions import Filter, Reader
from store.bundles import NothingRecorded
from store.checkpoints import Sealed
from store.database import reading
from store.keeping import sealer_of, signers_of
from store.ledger import origin_of
from store.searching import index_new_words
from store.tiles import passing_reader
from web.security.sign_in import Visitor

FORMATS = {
    "jsonl": ("application/jsonl", "JSON Lines, as evidence"),
    "csv": ("text/csv", "CSV, for a spreadsheet"),
    "cloudevents": ("application/cloudevents+jsonl", "CloudEvents, for other systems"),
}
"""The formats of an export: media type, and what each is for."""


def reader_of(visitor: Visitor) -> Reader:
    """Who reads; auditors see all."""
    return Reader(visitor.ref, sees_all=AUDITOR in visitor.actor.roles)


def filter_in(asked: Mapping[str, str], zone: ZoneInfo) -> Filter:
    """The filter in an address. A part nobody understands is left out: an address was typed or cut off."""
    stage, outcome = asked.get("stage", ""), asked.get("outcome", "")
    return Filter(
        change=_short(asked.get("change", "")),
        person=_short(asked.get("person", "")),
        kind=_short(asked.get("kind", "")),
        stage=stage if stage in set(Stage) else "",
        outcome=outcome if outcome in {"applied", "refused"} else "",
        since=_day(asked.get("since", ""), zone, 0),
        until=_day(asked.get("until", ""), zone, 1),
        text=asked.get("text", "").replace("\0", "").strip()[:200],
    )


def called(text: str, directory: Directory) -> tuple[Person, ...]:
    """Whom somebody means who typed a reference, a name, or the beginning of one; at most a handful."""
    typed = text.strip().casefold()
    if typed in directory.people or not typed:
        return (directory.people[typed],) if typed else ()
    begins = (one for one in directory.people.values() if f" {typed}" in f" {one.name.casefold()}")
    return tuple(islice(begins, MOST_CALLED))


MOST_CALLED = 6
"""People who are offered where a name that was typed is that of several."""


def export_lines(
    engine: Engine,
    settings: Settings,
    asked: Filter,
    form: str,
    reader: Reader,
    names: Mapping[str, str],
    now: datetime,
) -> Iterator[str]:
    """The lines of an export, under a checkpoint made for it. That it was taken out is on record first.

    Raises:
        store.checkpoints.LedgerDamaged: nothing is signed, and nothing goes out as evidence.
    """
    record_access(engine, reader.ref, "trail_exported", {**asked.to_mapping(), "format": form}, now, "page")
    sealed = sealer_of(settings, engine).seal()
    if sealed is None:
        raise NothingRecorded("Nothing is recorded yet.")
    if asked.text:
        index_new_words(engine)
    return _lines(engine, settings, asked, form, reader, names, now, sealed)


def _lines(
    engine: Engine,
    settings: Settings,
    asked: Filter,
    form: str,
    reader: Reader,
    names: Mapping[str, str],
    now: datetime,
    sealed: Sealed,
) -> Iterator[str]:
    with reading(engine) as connection:
        origin = origin_of(connection)
        records = exported(connection, asked, reader, names, sealed.size)
        head: dict[str, Any] = {"log": origin, "filter": asked.to_mapping(), "made_at": now.isoformat()}
        head |= {"for": reader.ref, "checkpoint": sealed.note}
        if form == "csv":
            yield from csv_lines(records)
        elif form == "cloudevents":
            yield from cloud_events(origin, records)
        else:
            yield from json_lines(head, records, passing_reader(connection, sealed.size), signers_of(settings, origin))


def _short(text: str) -> str:
    return text.replace("\0", "").strip()[:64]


def _day(text: str, zone: ZoneInfo, more: int) -> datetime | None:
    """The beginning of a day on the reader's clock, or of the one after."""
    try:
        day = date.fromisoformat(text) + timedelta(days=more)
        return datetime.combine(day, time(), zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
