"""A small firm, its changes, and generated organisations to try policies on."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from hypothesis import strategies as st

from changes.facts import Subject
from directory.model import ROLES, Directory, Person, Process, Team
from policies.loader import parse_policy, shipped
from policies.schema import Policy

TUESDAY = datetime(2026, 3, 10, 13, 0, tzinfo=UTC)
"""An ordinary Tuesday, 14:00 in Berlin."""
TODAY = TUESDAY.date()


def person(ref: str, name: str, team: str, manager: str | None = None, **more: Any) -> Person:
    """Somebody with an address."""
    return Person(ref=ref, name=name, email=f"{ref}@firm.example", team=team, manager=manager, **more)


PEOPLE = (
    person("eva", "Eva Roth", "office", roles=("executive",)),
    person("otto", "Otto Kern", "office", "eva"),
    person("nora", "Nora Falk", "office", "eva", roles=("ombuds",)),
    person("mara", "Mara Lind", "billing", "otto"),
    person("ann", "Ann Berg", "billing", "mara"),
    person("ben", "Ben Hoff", "billing", "mara"),
    person("ivo", "Ivo Sand", "claims", "otto"),
    person("cem", "Cem Kaya", "claims", "ivo"),
)
TEAMS = (
    Team(ref="office", name="Head Office"),
    Team(ref="billing", name="Billing Support"),
    Team(ref="claims", name="Claims"),
)
PROCESSES = (
    Process(ref="invoicing", name="Invoicing", owner="mara"),
    Process(ref="settling", name="Settling claims", owner="ivo"),
)


def firm(**changed: dict[str, Any]) -> Directory:
    """Eight people: Eva above Otto above Mara (Billing Support) and Ivo (Claims). ``changed`` alters people."""
    people = [person.model_copy(update=changed.get(person.ref, {})) for person in PEOPLE]
    return Directory(people, TEAMS, PROCESSES)


def change(proposer: str = "ann", **facts: Any) -> Subject:
    """A small, harmless change to invoicing, with ``facts`` told otherwise."""
    usual: dict[str, Any] = {
        "proposer": proposer,
        "filer": proposer,
        "process": "invoicing",
        "affected_teams": ("billing",),
        "people_affected": 8,
        "cost": Decimal(300),
        "reversible": True,
        "customer_facing": False,
        "regulated": False,
    }
    return Subject(**{**usual, **facts})


@lru_cache(maxsize=1)
def shipped_text() -> str:
    """The text of the shipped policy."""
    return shipped()[1]


@lru_cache(maxsize=256)
def altered(*replacements: tuple[str, str]) -> Policy:
    """The shipped policy with pieces of its text replaced, each of them once."""
    return parse_policy(altered_text(*replacements))


def altered_text(*replacements: tuple[str, str]) -> str:
    """The text of :func:`altered`."""
    text = shipped_text()
    for old, new in replacements:
        assert old in text, f"the shipped policy does not say {old!r}"
        text = text.replace(old, new, 1)
    return text


@lru_cache(maxsize=64)
def with_gate(gate: str, rule: str) -> Policy:
    """The shipped policy reduced to its everyday route, with one gate described by ``rule``."""
    head, _, rest = shipped_text().partition("routes:\n")
    tail = rest[rest.index("proposal:\n") :]
    routes = f"routes:\n  - name: everyday\n    when: always\n    gates:\n      {gate}: {rule}\n\n"
    return parse_policy(head + routes + tail)


@st.composite
def organisations(draw: st.DrawFn) -> Directory:
    """One to eight people in up to three teams; managers come earlier in the list, so that lines end."""
    count = draw(st.integers(1, 8))
    teams = [f"t{number}" for number in range(draw(st.integers(1, 3)))]
    people = []
    for number in range(count):
        managers = [None, *(f"p{above}" for above in range(number))]
        people.append(
            person(
                f"p{number}",
                f"Person {number}",
                draw(st.sampled_from(teams)),
                draw(st.sampled_from(managers)),
                roles=tuple(draw(st.sets(st.sampled_from(ROLES), max_size=2))),
                active=draw(st.integers(0, 4)) > 0,
                away_until=draw(st.sampled_from([None, None, None, date(2026, 3, 1), date(2026, 4, 1)])),
            )
        )
    owners = draw(st.lists(st.integers(0, count - 1), min_size=1, max_size=3))
    processes = [Process(ref=f"q{n}", name=f"Process {n}", owner=f"p{owner}") for n, owner in enumerate(owners)]
    return Directory(people, [Team(ref=team, name=team.upper()) for team in teams], processes)


@st.composite
def subjects(draw: st.DrawFn, directory: Directory, *, alone: bool) -> Subject:
    """Any change in an organisation; ``alone`` if nobody but the proposer has a part in it."""
    active = [ref for ref, person in directory.people.items() if person.active]
    anybody = st.sampled_from(sorted(directory.people))
    proposer = draw(st.sampled_from(active))
    endorsers = draw(st.lists(anybody.filter(lambda ref: ref != proposer), max_size=2)) if len(active) > 1 else []
    return change(
        proposer,
        filer=proposer if alone else draw(anybody),
        process=draw(st.sampled_from(sorted(directory.processes))),
        affected_teams=tuple(draw(st.lists(st.sampled_from(sorted(directory.teams)), min_size=1, unique=True))),
        people_affected=draw(st.integers(1, 200)),
        regulated=draw(st.booleans()),
        urgency=draw(st.sampled_from(["normal", "emergency"])),
        endorsers=tuple(endorsers),
        testers=() if alone else (draw(anybody),),
        levels=draw(st.dictionaries(st.sampled_from(["answer_proposal", "sign_tests"]), st.integers(0, 6))),
    )
