"""Fills a database with as many changes, records and people as are asked for, a few years of an organisation's life.

Records go through the ledger's own appending, in the order in which they happened, so that numbers, hashes, tiles and
heads are what they would be; ``groundswell audit verify`` finds them in order. The read model is copied from stories
that the rules decided (:mod:`benchmarks.stories`). What a page does not read is left out: letters that have left, and
the answers to keys that were used.
"""

from __future__ import annotations

import random
import uuid
from array import array
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, Table, insert, text

from benchmarks.company import Company
from benchmarks.stories import BEGAN, CHANGE, COPIED, PROBLEM, SUGGESTION, TITLE, Story
from changes.similarity import essence
from policies.loader import shipped
from store import tables
from store.database import lock_ledger, writing
from store.directory import save_directory
from store.ledger import Source, append_many
from store.migrating import migrate
from store.policies import publish_policy
from store.searching import index_new_words

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
"""When the pages are looked at: a Friday."""
YEARS = timedelta(days=3 * 365)
RECENT = timedelta(days=20)
"""How long ago the oldest open change began."""
IN_A_THOUSAND = {
    "talked about": 1,
    "proposed": 60,
    "heard": 20,
    "changes asked": 15,
    "accepted": 20,
    "doubted": 15,
    "tests proposed": 30,
    "tested": 15,
    "recruiting": 10,
    "rolling out": 10,
    "learning": 15,
    "closed": 134,
    "declined": 355,
    "withdrawn": 300,
}
"""A fifth is open, and a change has ten records in the mean: most are short, one in a thousand has five hundred."""
ENDED = frozenset({"talked about", "closed", "declined", "withdrawn"})
BUSY_LEAD, BUSY_OWNER = "lead-0", "head-0"
"""For whom very much waits: the first so many changes that wait for a lead or an owner are theirs."""
PILE = 60
TOGETHER = 2_000
"""Records or changes in one transaction."""


@dataclass(frozen=True)
class Copy:
    """One change of the population."""

    number: int
    story: Story
    words: Mapping[str, str]
    """What fills the slots of its story."""
    later: timedelta
    """Its beginning after that of the story."""


def _written(chance: random.Random) -> dict[str, str]:
    """What a proposer wrote."""

    def one(words: tuple[str, ...]) -> str:
        return words[min(int(chance.expovariate(3) * len(words)), len(words) - 1)]  # some words are used much more

    title = f"{one(_DO)} {one(_THINGS)} {one(_WHERE)}"
    problem = (
        f"The {one(_THINGS)} and the {one(_THINGS)} {one(_TROUBLE)} {one(_WHERE)}. We {one(_TROUBLE)} {one(_WHEN)}."
    )
    return {TITLE: title, PROBLEM: problem, SUGGESTION: f"{one(_DO)} {one(_THINGS)} {one(_WHEN)}, {one(_WHERE)}."}


_DO = (
    "Check", "Print", "Sort", "Send", "Shorten", "Join", "Move", "Count", "Label", "Plan", "Drop", "Share", "Swap",
    "Ask for", "Translate", "Weigh", "Photograph", "Number", "Scan", "Announce",
)  # fmt: skip
_THINGS = (
    "bills", "returns", "keys", "parcels", "meters", "forms", "shifts", "orders", "contracts", "pallets", "letters",
    "licences", "invoices", "visits", "complaints", "samples", "badges", "vans", "tools", "seals", "receipts",
    "reminders", "stickers", "certificates", "estimates", "deposits", "vouchers", "manuals", "sensors", "filters",
    "gloves", "ladders", "queues", "calendars", "surcharges", "refunds", "handovers", "inspections", "batteries",
)  # fmt: skip
_WHERE = (
    "at the desk", "in the yard", "on the telephone", "before delivery", "after the visit", "for small customers",
    "in the canteen", "at night", "on the bill", "with the carrier", "in the workshop", "at the border", "by post",
    "in the archive", "on the roof", "with the landlord", "in the north hall", "at the counter", "on Mondays",
)  # fmt: skip
_TROUBLE = (
    "arrive too late", "are counted twice", "get lost", "have to be copied by hand", "wait for a signature",
    "do not fit the shelf", "are read out on the telephone", "come back unopened", "cost us an hour", "are mixed up",
)  # fmt: skip
_WHEN = ("every week", "twice a day", "once a month", "when it rains", "at the end of the quarter", "on request")


def populate(engine: Engine, stories: Mapping[str, Story], company: Company, changes: int) -> int:
    """Fill an empty database; how many records its ledger has then."""
    migrate(engine)
    policy, policy_text = shipped()
    with writing(engine) as connection:
        save_directory(connection, company.directory(), NOW - YEARS)
        publish_policy(connection, policy, policy_text, NOW - YEARS)
    copies = list(_copies(stories, company, changes))
    for first in range(0, len(copies), TOGETHER):
        _write_read_model(engine, copies[first : first + TOGETHER])
    with _indexes_afterwards(engine):
        records = _append(engine, copies)
        index_new_words(engine)
    _tidy(engine)
    return records


def _copies(stories: Mapping[str, Story], company: Company, changes: int) -> Iterator[Copy]:
    """The changes from the oldest to the latest; each story spread evenly over them, the long one among the first."""
    chance = random.Random(changes)  # noqa: S311 - a population, not a key
    kinds = [name for name, share in IN_A_THOUSAND.items() for _ in range(share * changes // 1_000)]
    begun = sorted((_began(chance, stories[name]), name) for name in kinds)
    for_lead = for_owner = 0
    for number, (at, name) in enumerate(begun, start=1):
        team, process = chance.randrange(company.teams), chance.randrange(company.departments)
        if name == "proposed" and for_lead < PILE:
            team, for_lead = 0, for_lead + 1
        elif name == "tests proposed" and for_owner < PILE:
            process, for_owner = 0, for_owner + 1
        words = {CHANGE: f"CH-{number}", **company.cast(team, process, number), **_written(chance)}
        yield Copy(number, stories[name], words, at - BEGAN)


def _began(chance: random.Random, story: Story) -> datetime:
    """A moment in the day, such that the story is over by now, and an open one has begun lately."""
    latest = NOW - story.last - timedelta(hours=1)
    span = YEARS if story.name in ENDED else RECENT
    days = chance.random() * (span / timedelta(days=1))
    return (latest - timedelta(days=days)).replace(microsecond=0)


def _write_read_model(engine: Engine, copies: list[Copy]) -> None:
    with writing(engine) as connection:
        for table in (*COPIED, tables.proposal_word):
            rows = [row for copy in copies for row in _rows(table, copy)]
            if rows:
                connection.execute(insert(table), rows)


def _rows(table: Table, copy: Copy) -> Iterator[dict[str, object]]:
    words = copy.words
    text = essence(f"{words[TITLE]} {words[SUGGESTION]} {words[PROBLEM]}")
    if table is tables.proposal_word:  # made of words, which no story can know
        for word in sorted(set(text.split())):
            yield {"change": words[CHANGE], "word": word}
        return
    for row in copy.story.rows_of(table, words, copy.later):
        if table is tables.change:
            row["number"] = copy.number
        elif table is tables.proposal_text:
            row["text"] = text
        yield row


def _append(engine: Engine, copies: list[Copy]) -> int:
    """Every record of every copy, in the order in which they happened."""
    size = 0
    for first in range(0, len(order := _order(copies)), TOGETHER):
        entries = []
        for place in order[first : first + TOGETHER]:
            copy, number = copies[place >> _NUMBER & _MOST_COPIES], place & _MOST_RECORDS
            source = Source("default", f"change/CH-{copy.number}", str(uuid.uuid4()), str(uuid.uuid4()))
            entries.append(copy.story.entry(number, copy.words, copy.later, source))
        with writing(engine) as connection:
            lock_ledger(connection)
            size = append_many(connection, entries, entries[-1].occurred_at)
    return size


_NUMBER, _COPY = 10, 20
_MOST_RECORDS, _MOST_COPIES = (1 << _NUMBER) - 1, (1 << _COPY) - 1


def _order(copies: list[Copy]) -> array[int]:
    """Second, copy and record number in one integer each, sorted: a million of them take eight megabytes."""
    return array(
        "q",
        sorted(
            int((made.occurred_at + copy.later).timestamp()) << _NUMBER + _COPY | place << _NUMBER | number
            for place, copy in enumerate(copies)
            for number, made in enumerate(copy.story.entries)
        ),
    )


@contextmanager
def _indexes_afterwards(engine: Engine) -> Iterator[None]:
    """Build PostgreSQL's indexes at the end: at once they cost a fraction of what they cost row by row."""
    if engine.dialect.name != "postgresql":
        yield
        return
    for index in tables.ledger_record.indexes:
        index.drop(engine)
    with engine.begin() as connection:
        words = "SELECT indexdef FROM pg_indexes WHERE indexname = 'ix_ledger_search_words'"
        made = connection.execute(text(words)).scalar_one()
        connection.execute(text("DROP INDEX ix_ledger_search_words"))
    yield
    for index in tables.ledger_record.indexes:
        index.create(engine)
    with engine.begin() as connection:
        connection.execute(text(made))


def _tidy(engine: Engine) -> None:
    """Have the database know what it holds, as it does by itself after a while."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE" if engine.dialect.name == "postgresql" else "ANALYZE"))
