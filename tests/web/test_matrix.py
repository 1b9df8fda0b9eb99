"""Every persona at every command of every situation, over the API and on the pages, against one table made by hand.

The addresses come from the OpenAPI document and the page map, so a new command fails here until the table has it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from changes.permissions import Scope
from store.database import writing
from store.tokens import Bounds, make_token
from tests.web.office import LEA, Office
from tests.web.situations import PEOPLE, SITUATIONS
from tests.web.who_may import BODIES, EVERYBODY, NOBODY, who_may

EXPECTED = who_may()
SIGNED_OUT, SYSTEM = "signed out", "system"
PERSONAS = [*PEOPLE, SYSTEM, SIGNED_OUT]
NEEDS_MORE = {
    ("conclude", "testing"): "a result",
    ("complete_wave", "rolling"): "a reading",
    ("agree_to_reveal", "anonymous"): "the right pseudonym",
    ("sign_coverage", "recruiting"): "a plan of the rollout",
    ("move_deadline", "learning"): "a deadline that there is now",
}
"""Theirs to give, and what they send is not enough yet: 422, or 409 where something else has to happen first."""


def commands(office: Office) -> list[str]:
    """The kinds of command on an existing change, as the OpenAPI document has them."""
    paths = office.app.openapi()["paths"]
    inside = (path.rpartition("/") for path, methods in paths.items() if "post" in methods)
    return [kind for front, _, kind in inside if front == "/api/v1/changes/{ref}"]


def expected(kind: str, situation: str, persona: str) -> set[int]:
    """The status that the table says: not signed in, theirs, or somebody else's. 409 is for what nobody may there."""
    if persona == SIGNED_OUT:
        return {401}
    if persona == SYSTEM and kind not in {"record_result", "report_metric"}:
        return {403}
    if persona == SYSTEM and situation == "window":
        return {404}  # its token is for another process, so there is no such change for it
    people = EXPECTED.get((kind, situation))
    if people is None:
        return {403, 409}
    # The system reports on behalf of the tester, and may what she may.
    who = "tester" if persona == SYSTEM else persona
    if EVERYBODY not in people and who not in people:
        return {403}
    return {409, 422} if (kind, situation) in NEEDS_MORE else {200}


def fields(value: Any, at: str = "") -> Iterator[tuple[str, str]]:
    """The body of a command as the fields of a form."""
    if isinstance(value, dict):
        for name, part in value.items():
            yield from fields(part, f"{at}/{name}" if at else name)
    elif isinstance(value, list):
        for number, part in enumerate(value):
            yield from fields(part, f"{at}/{number}" if isinstance(part, dict) else at)
    else:
        yield at, {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)


async def in_situation(office: Office, situation: str) -> str:
    """A change in this situation, and another one beside it; from here on, what is decided is not recorded."""
    ref = await SITUATIONS[situation](office)
    await office.filed()
    office.gateway.rehearsing = True
    return ref


@asynccontextmanager
async def client(office: Office, persona: str, page: bool = False) -> AsyncIterator[httpx2.AsyncClient]:
    """A way in for ``persona``: a browser's session for pages, else a token."""
    if persona == SIGNED_OUT:
        made = office.anybody()
        made.headers["Sec-Fetch-Site"] = "same-origin"
    elif persona == SYSTEM:
        made = office.anybody()
        made.headers["Authorization"] = f"Bearer {system_token(office)}"
    else:
        made = (office.browser if page else office.program)(PEOPLE[persona])
    async with made:
        yield made


def system_token(office: Office) -> str:
    """A token of a system that reports about returns on behalf of the tester."""
    with writing(office.engine) as connection:
        token: str = make_token(
            connection,
            LEA,
            f"metrics {id(connection)}",
            timedelta(days=400),
            office.clock(),
            scopes=(Scope.REPORT,),
            service="returns-metrics",
            bounds=Bounds("", "returns", ""),
        )
    return token


async def ask(way_in: httpx2.AsyncClient, ref: str, kind: str) -> httpx2.Response:
    """Give the command over the API."""
    headers = {"Idempotency-Key": f"{kind}-{id(way_in)}", "If-Match": "*"}
    return await way_in.post(f"/api/v1/changes/{ref}/{kind}", json=BODIES.get(kind, {}), headers=headers)


def test_the_table_names_every_command_person_and_situation(office: Office) -> None:
    kinds = set(commands(office))
    assert {kind for kind, _ in EXPECTED} | set(NOBODY) == kinds
    assert not {kind for kind, _ in EXPECTED} & set(NOBODY)
    assert {name for _, name in EXPECTED} <= set(SITUATIONS)
    assert set().union(*EXPECTED.values()) <= {*PEOPLE, EVERYBODY}
    assert set(NEEDS_MORE) <= set(EXPECTED)


QUICK = ("asked", "rolling", "anonymous")
"""The situations that `make test` looks at; the slow tests have them all."""


@pytest.mark.parametrize(
    "situation", [one if one in QUICK else pytest.param(one, marks=pytest.mark.slow) for one in SITUATIONS]
)
async def test_everybody_is_offered_what_the_table_gives_them(office: Office, situation: str) -> None:
    """By the API, and by the buttons of the page. Each command is then given by somebody, another one each time."""
    ref = await in_situation(office, situation)
    kinds = commands(office)
    for place, persona in enumerate(PERSONAS):
        async with client(office, persona) as way_in:
            seen = await way_in.get(f"/api/v1/changes/{ref}")
            if persona in PEOPLE:
                theirs = {kind for kind in kinds if {persona, EVERYBODY} & EXPECTED.get((kind, situation), set())}
                assert set(seen.json()["you_may"]) == theirs, f"{persona} of {situation}"
            else:
                assert seen.status_code == (401 if persona == SIGNED_OUT else 403)
            turn = place + list(SITUATIONS).index(situation)
            for kind in kinds[turn % len(PERSONAS) :: len(PERSONAS)]:
                answer = await ask(way_in, ref, kind)
                assert answer.status_code in expected(kind, situation, persona), _told(persona, situation, answer)


@pytest.mark.slow
@pytest.mark.parametrize("situation", SITUATIONS)
async def test_every_command_by_everybody_everywhere(office: Office, situation: str) -> None:
    ref = await in_situation(office, situation)
    before = office.gateway.state(ref)
    for place, persona in enumerate(PERSONAS):
        async with client(office, persona) as way_in, client(office, persona, page=True) as browser:
            for number, kind in enumerate(commands(office)):
                answer = await ask(way_in, ref, kind)
                wanted = expected(kind, situation, persona)
                assert answer.status_code in wanted, _told(persona, situation, answer)
                if (place + number) % 4:
                    continue  # the same way in for every command: a quarter of the pages is a page for every command
                page = await browser.post(f"/changes/{ref}/do/{kind}", data=_form(kind))
                if persona == SYSTEM:
                    wanted = {403}  # pages are for people
                done = {303 if status == 200 else status for status in wanted}
                assert page.status_code in done, _told(persona, situation, page)
    assert office.gateway.state(ref) == before, "a rehearsal changed something"


def _form(kind: str) -> dict[str, list[str]]:
    posted: dict[str, list[str]] = {}
    for name, value in fields(BODIES.get(kind, {})):
        posted.setdefault(name, []).append(value)
    return posted


def _told(persona: str, situation: str, answer: httpx2.Response) -> str:
    return f"{persona}, {situation}, {answer.request.url.path}: {answer.status_code} {answer.text[:400]}"
