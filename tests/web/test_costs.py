"""What a page costs: queries, and what travels to the browser."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest

from benchmarks.measuring import statements
from changes.proposal import Submit
from store.database import writing
from store.drafts import begin_draft
from tests.web.office import HOA, JONAS, LEA, MARA, PRIYA, SAMIRA, Office, a_wave
from web.forms.answers import blank

STATIC = Path(__file__).parents[2] / "web"
MOST_QUERIES = 5
MOST_BYTES = 100_000
INGRID, ARJUN, KENJI = "ingrid.halvorsen", "arjun.mehta", "kenji.watanabe"


async def under_way(office: Office) -> str:
    """A change with tests, results, champions, a running wave, a concern and a comment."""
    ref = await office.recruiting()
    await office.done(MARA, "raise_concern", {"title": "Too fast", "text": "Who checks?", "code": "R07"}, ref)
    await office.done(LEA, "comment", {"about": "works", "text": "Good."}, ref)
    await office.done(MARA, "plan_champions", {}, ref)
    await office.done(MARA, "plan_rollout", {"waves": [a_wave()], "back_out_plan": "Go back."}, ref)
    await office.done(MARA, "invite", {"people": [HOA]}, ref)
    await office.done(HOA, "accept_invitation", {}, ref)
    await office.done(SAMIRA, "sign_coverage", {"decision": "go"}, ref)
    return ref


EVERYBODY = (MARA, JONAS, SAMIRA, PRIYA, INGRID, ARJUN, KENJI)
"""An employee, a lead, the owner of the process, one without a part, an executive, an auditor, an administrator."""


async def test_the_pages_that_are_looked_at_most_cost_at_most_five_queries(office: Office) -> None:
    waiting, busy = await office.filed(), await under_way(office)
    with writing(office.engine) as connection:
        draft = begin_draft(connection, JONAS, blank(Submit), office.clock()).ref
    async with office.browser(JONAS) as browser, office.browser(PRIYA) as another:
        pages = ["/", "/approvals", f"/changes/{waiting}", f"/changes/{busy}", "/changes", f"/changes/{waiting}/decide"]
        for address in pages:
            await browser.get(address)  # directory and policy are read once, and the session marked as in use
        await another.get("/")
        for client in (browser, another):
            for address in pages:
                with statements(office.engine) as seen:
                    answer = await client.get(address)
                assert answer.status_code in {200, 303}
                assert len(seen) <= MOST_QUERIES, f"{address}: " + "\n\n".join(seen)
        typed = {"problem": "Customers wait four days for a yes or no to their return."}
        with statements(office.engine) as seen:
            answer = await browser.post(f"/drafts/{draft}/beside/seen", data=typed)
        assert waiting in answer.text, "what is alike is shown while somebody types"
        assert len(seen) <= MOST_QUERIES, "\n\n".join(seen)


@pytest.mark.slow
async def test_every_page_costs_at_most_five_queries_whoever_looks(office: Office) -> None:
    waiting, busy = await office.filed(), await under_way(office)
    now = office.clock()
    with writing(office.engine) as connection:
        draft = begin_draft(connection, MARA, {**blank(Submit), "problem": "Customers wait for days."}, now).ref
    pages = [
        *("/", "/approvals", "/changes", "/changes?mine=yes", "/changes?text=returns", "/changes/new"),
        *(f"/changes/{ref}{part}" for ref in (waiting, busy) for part in ("", "/decide", "/versions")),
        *(
            "/overview",
            "/policy",
            "/policy/versions",
            "/policy/proven",
            "/people",
            "/people?text=a",
            f"/people/{MARA}",
        ),
        *("/administration", "/standing-in", "/settings", f"/drafts/{draft}/suggestion", f"/drafts/{draft}/check"),
        *(f"/audit?{asked}" for asked in ("", f"change={busy}", f"person={MARA}", "kind=endorsed", "text=wait")),
    ]
    shown = 0
    for person in EVERYBODY:
        async with office.browser(person) as browser:
            for address in pages:
                for _ in range(3 if "text=" in address else 1):  # that somebody searched is indexed as well
                    await browser.get(address)
                with statements(office.engine) as seen:
                    answer = await browser.get(address)
                assert answer.status_code in {200, 303, 403, 404}
                shown += answer.status_code == 200
                assert len(seen) <= MOST_QUERIES, f"{person} {address}: " + "\n\n".join(seen)
    assert shown > 140, "most pages are shown to most people"


async def test_a_page_and_everything_it_loads_weigh_less_than_a_hundred_kilobytes(office: Office) -> None:
    busy = await under_way(office)
    async with office.browser(MARA) as browser:
        for address in ("/", "/approvals", f"/changes/{busy}", "/changes/new", "/people"):
            html = (await browser.get(address)).text
            loaded = re.findall(r'(?:src|href)="(/static/[^"?]+)', html)
            files = [(STATIC / name.removeprefix("/")).read_bytes() for name in sorted(set(loaded))]
            weight = sum(len(gzip.compress(content)) for content in (html.encode(), *files))
            assert weight < MOST_BYTES, f"{address} weighs {weight}"
