"""Whatever people write comes out of every door as words: pages, exports, the packet, calendars of what waits.

Where the rest of the security list (reference of the web, section 4) is tested, each through the real edge:

* headers and content policy of every answer: ``test_security.py``, ``browser/test_every_page.py``
* requests of other sites (CSRF), sessions, sign-in links: ``test_security.py``; identity provider: ``test_openid.py``
* who may do what, and what nobody may know of: ``test_matrix.py``, ``test_hidden.py``, ``test_permissions.py``
* formulas in spreadsheets, and every page: here; headers of mail: ``notifications/test_headers.py``
* words in mail, digests and packets: ``notifications/test_rendering.py``, ``notifications/test_hostile_words.py``
* requests to our own network (SSRF): ``notifications/test_outside.py``, ``end_to_end/test_webhooks_live.py``
* bodies too large, malformed or endless: ``test_api.py``, ``test_schemathesis.py``
"""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.web.office import JONAS, MARA, SAMIRA, Office, a_test
from tests.web.situations import ARJUN, INGRID, KENJI
from tests.web.test_security import HOSTILE

FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "＝1+1", '=HYPERLINK("http://evil";"x")']
WORDS = st.one_of(
    st.sampled_from([*HOSTILE, *FORMULAS]),
    st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=60).filter(str.strip),
)
COMPUTED = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""How a cell begins that a spreadsheet computes."""


async def said(office: Office, words: str) -> str:
    """A change in which ``words`` stand wherever somebody can write."""
    ref = await office.filed(title=words, problem=words, suggestion=words, goal=words)
    worry = {"title": words, "text": words, "code": "R01", "would_settle": words}
    await office.done(MARA, "raise_concern", worry, ref)
    await office.done(INGRID, "ask_why", {"concern": "C1", "question": words}, ref)
    await office.done(JONAS, "say_back", {"heard": words}, ref)
    await office.done(JONAS, "accept_for_testing", {"note": words}, ref)
    test = a_test("T1", hypothesis=words, measure=words, unit=words[:20].strip() or "x", where=words)
    await office.done(MARA, "propose_tests", {"tests": [test]}, ref)
    await office.done(SAMIRA, "comment", {"about": "works", "text": words}, ref)
    return ref


def harmless(page: httpx2.Response) -> None:
    """Nothing that was written became part of the page."""
    assert page.status_code == 200, f"{page.request.url}: {page.status_code} {page.text[:200]}"
    for mark in ("<script>", "<img src=x", "<i>", "</textarea></title>"):
        assert mark not in page.text, page.request.url


async def words_stay_words(office: Office, words: str) -> None:
    """Say it everywhere, and read it everywhere."""
    ref = await said(office, words)
    async with office.browser(SAMIRA) as asked, office.browser(ARJUN) as auditor, office.browser(KENJI) as kenji:
        for path in (f"/changes/{ref}", f"/changes/{ref}/decide", f"/changes/{ref}/versions", "/approvals", "/changes"):
            harmless(await asked.get(path))
        for path in ("/", "/overview", f"/audit?change={ref}", "/people"):
            harmless(await auditor.get(path))
        harmless(await auditor.get("/audit", params={"text": words, "person": words}))
        hook = {"url": f"https://receiver.example/{ref}", "description": words}
        made = await kenji.post("/api/v1/webhooks", json=hook)
        assert made.status_code == 201, made.text
        endpoint = made.json()["endpoint"]["ref"]
        harmless(await kenji.get(f"/administration/webhooks/{endpoint}"))
        await kenji.delete(f"/api/v1/webhooks/{endpoint}")  # there is room for a few
        await check_exports(auditor, ref)
        packet = await auditor.get(f"/api/v1/changes/{ref}/packet")
        assert packet.json()["problem"] == office.gateway.state(ref).proposal.content.problem


async def test_a_formula_with_a_script_in_it_stays_words(office: Office) -> None:
    await words_stay_words(office, f"{FORMULAS[0]}{HOSTILE[0]}")


@pytest.mark.slow
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(words=WORDS)
async def test_whatever_is_written_stays_words(office: Office, words: str) -> None:
    await words_stay_words(office, words)


async def check_exports(auditor: httpx2.AsyncClient, ref: str) -> None:
    """Every export can be read back whole, and no spreadsheet computes a cell of it."""
    as_csv = (await auditor.get("/audit/export", params={"change": ref, "format": "csv"})).content.decode("utf-8-sig")
    heading, *rows = csv.reader(io.StringIO(as_csv, newline=""))
    assert rows and all(len(row) == len(heading) for row in rows), as_csv
    assert not [cell for row in rows for cell in row if cell.startswith(COMPUTED)]
    lines = (await auditor.get("/audit/export", params={"change": ref, "format": "jsonl"})).text
    events = (await auditor.get("/audit/export", params={"change": ref, "format": "cloudevents"})).text
    read: list[Any] = [json.loads(line) for text in (lines, events) for line in text.split("\n") if line]
    assert len(read) >= 2 * len(rows)
