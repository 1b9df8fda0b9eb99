"""A whole Groundswell in one process for tests of the web: a real database, and commands applied without Temporal."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from itertools import count
from typing import Any

import httpx2
from fastapi import FastAPI
from sqlalchemy import Engine

from changes.anonymity import moment_of
from changes.commands import Command
from changes.decision import decide, evolve_all, refuse_unknown, subject_of
from changes.facts import SYSTEM
from changes.instruction import Applied, Asked, Instruction, Receipt, assertion_holds
from changes.passing_time import NoticeTime, next_moment
from changes.refusals import Refusal, RefusalKind, Refused
from changes.state import Change
from changes.waiting import receipt_for
from settings import Settings
from store.authority import Authority
from store.database import reading, writing
from store.ledger import Source
from store.reading import change_state
from store.recording import Decision, record
from store.sign_in import begin_session, make_link
from store.tokens import make_token
from web.security.sign_in import cookie_name

MONDAY = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
"""When every story begins."""
ADDRESS = "http://groundswell.test"

MARA = "mara.lind"
"""The employee: works in Service Desk and reports to Jonas."""
JONAS = "jonas.okafor"
"""Leads Service Desk."""
SAMIRA = "samira.haddad"
"""Leads Returns and Warranty, and owns the process ``returns``."""
LEA = "lea.fontaine"
"""Works in Service Desk, and runs the tests."""
HOA = "hoa.nguyen"
"""Works in Service Desk, and is asked to be a champion."""
PRIYA = "priya.nair"
"""Has no part in Mara's change."""


@dataclass
class Clock:
    """The present moment, moved by tests."""

    now: datetime = MONDAY

    def __call__(self) -> datetime:
        return self.now


@dataclass
class InProcessGateway:
    """Applies commands as the workflow does: look up, decide, record. Fails when it is told to."""

    engine: Engine
    secret: bytes
    clock: Clock
    authority: Authority = field(default_factory=Authority)
    failing: Exception | None = None
    rehearsing: bool = False
    """Decide and answer, and record nothing."""
    sent: list[Instruction] = field(default_factory=list)

    async def send(self, command: Command, instruction: Instruction, begins: bool = False) -> Receipt | Refused:
        """Apply ``command`` at once."""
        if self.failing:
            raise self.failing
        assert assertion_holds(
            self.secret, instruction.assertion, Asked.of(instruction.change, instruction.key, command)
        )
        self.sent.append(instruction)
        return self._apply(
            instruction.change,
            command,
            actor=instruction.assertion.actor,
            key=instruction.key,
            via=instruction.assertion.via,
            expected=instruction.expected_version,
        )

    def notice_time(self, change: str) -> None:
        """Let whatever has fallen due happen."""
        self._apply(change, NoticeTime(), actor=SYSTEM, key=f"time/{self.clock.now}", via="groundswell", expected=None)

    def wait_for_next(self, change: str) -> None:
        """Move the clock to the next moment that matters for ``change``, and let it happen."""
        state = self.state(change)
        coming = next_moment(state)
        assert coming is not None, "nothing falls due"
        self.clock.now = max(coming, self.clock.now) + timedelta(seconds=1)
        self.notice_time(change)

    def state(self, ref: str) -> Change:
        """The whole state of a change."""
        with reading(self.engine) as connection:
            change = change_state(connection, ref)
        assert change is not None
        return change

    def _apply(
        self, ref: str, command: Command, actor: str, key: str, via: str, expected: int | None
    ) -> Receipt | Refused:
        with reading(self.engine) as connection:
            before = change_state(connection, ref)
            now = moment_of(actor, self.clock(), before)
            try:
                found = self.authority.look_up(connection, subject_of(before, command, actor, now), actor, now, ref)
            except Refusal as refusal:
                return refusal.refused
        if found.facts:
            decided = decide(before, command, found.facts, now, expected)
        else:
            decided = refuse_unknown(command, found.unknown) or Refused(
                kind=RefusalKind.UNKNOWN, rule="not_in_directory", detail=f"Nobody knows {found.unknown}."
            )
        refused = decided if isinstance(decided, Refused) else None
        events = () if isinstance(decided, Refused) else decided
        after = evolve_all(before, events, ref)
        made = Decision(
            change=ref,
            key=key,
            fingerprint=command.fingerprint(),
            command=command.kind,
            actor=actor,
            via=via,
            at=now,
            version=before.version if before else 0,
            events=events,
            refused=refused,
            receipt=receipt_for(after, events) if after and events else None,
        )
        source, at = Source(), self.clock()
        applied = rehearsed(made) if self.rehearsing else record(self.engine, made, source, at).applied
        answer = applied.receipt or applied.refused
        assert answer is not None
        return answer


def rehearsed(decision: Decision) -> Applied:
    """What would be answered if ``decision`` were recorded."""
    return Applied(fingerprint=decision.fingerprint, receipt=decision.receipt, refused=decision.refused)


@dataclass
class Office:
    """The application with its database, its gateway, its clock, and everybody's way in."""

    app: FastAPI
    engine: Engine
    gateway: InProcessGateway
    clock: Clock
    settings: Settings
    _keys: Any = field(default_factory=lambda: count(1))

    def anybody(self) -> httpx2.AsyncClient:
        """A client that is not signed in."""
        return httpx2.AsyncClient(transport=httpx2.ASGITransport(app=self.app), base_url=ADDRESS)

    def program(self, person: str) -> httpx2.AsyncClient:
        """A client with a fresh API token of ``person``."""
        with writing(self.engine) as connection:
            token = make_token(connection, person, "test", timedelta(days=400), self.clock())
        client = self.anybody()
        client.headers["Authorization"] = f"Bearer {token}"
        return client

    def browser(self, person: str) -> httpx2.AsyncClient:
        """A client with a fresh session of ``person``, which says what a browser says about its own pages."""
        with writing(self.engine) as connection:
            token = begin_session(connection, person, self.clock())
        client = self.anybody()
        client.cookies.set(cookie_name(self.settings.secure_cookies), token)
        client.headers["Sec-Fetch-Site"] = "same-origin"
        return client

    def link(self, person: str) -> str:
        """A one-time sign-in link's token."""
        with writing(self.engine) as connection:
            return make_link(connection, person, self.clock())

    async def give(
        self,
        person: str,
        kind: str,
        body: Mapping[str, Any] | None = None,
        change: str = "",
        key: str = "",
        **headers: str,
    ) -> httpx2.Response:
        """Give a command over the API."""
        path = f"/api/v1/changes/{change}/{kind}" if change else "/api/v1/changes"
        async with self.program(person) as client:
            return await client.post(
                path,
                json=body or {},
                headers={"Idempotency-Key": key or f"k{next(self._keys)}", "If-Match": "*", **headers},
            )

    async def done(
        self, person: str, kind: str, body: Mapping[str, Any] | None = None, change: str = ""
    ) -> dict[str, Any]:
        """Give a command that must not be refused; its receipt."""
        response = await self.give(person, kind, body, change)
        assert response.is_success, f"{person} {kind}: {response.text}"
        receipt: dict[str, Any] = response.json()
        return receipt

    async def filed(self, **fields: Any) -> str:
        """A change that Mara has filed; its reference."""
        return str((await self.done(MARA, "submit", proposal(**fields)))["change"])

    async def planned(self) -> str:
        """A change that waits for its tests to be proposed."""
        ref = await self.filed()
        await self.done(JONAS, "accept_for_testing", {}, ref)
        return ref

    async def testing(self) -> str:
        """A change whose two tests wait to be endorsed."""
        ref = await self.planned()
        await self.done(MARA, "propose_tests", {"tests": [a_test("T1"), a_test("T2")]}, ref)
        return ref

    async def recruiting(self) -> str:
        """A change that looks for champions."""
        ref = await self.planned()
        await self.done(MARA, "propose_tests", {"tests": [a_test("T1")]}, ref)
        await self.done(SAMIRA, "endorse", {}, ref)
        result = {"test": "T1", "value": "20", "sample": 40, "evidence": "returns-week-10.csv"}
        await self.done(LEA, "record_result", result, ref)
        await self.done(MARA, "conclude", {"verdict": "adopt"}, ref)
        await self.done(SAMIRA, "sign_gate", {}, ref)
        return ref


def proposal(**fields: Any) -> dict[str, Any]:
    """What Mara files: a change in Samira's process that touches their own team."""
    return {
        "title": "Answer returns within a day",
        "process": "returns",
        "problem": "Customers wait four days for a yes or no.",
        "suggestion": "Decide small returns at the desk.",
        "affected_teams": ["service-desk"],
        "people_affected": 5,
        **fields,
    }


def a_test(ref: str = "T1", **fields: Any) -> dict[str, Any]:
    """A test that passes when customers wait at most 24 hours."""
    return {
        "ref": ref,
        "hypothesis": "People at the desk can decide small returns.",
        "measure": "Waiting time",
        "unit": "hours",
        "baseline": "96",
        "operator": "at_most",
        "pass_line": "24",
        "where": "Desk 2",
        "testers": [LEA],
        "starts": "2026-03-03",
        "ends": "2027-12-31",
        **fields,
    }


def a_wave(name: str = "Pilot", teams: Sequence[str] = ("service-desk",)) -> dict[str, Any]:
    """A wave with one guard."""
    guard = {"metric": "Complaints", "unit": "a day", "operator": "at_most", "threshold": "5"}
    return {"name": name, "teams": list(teams), "guards": [guard]}


class Page(HTMLParser):
    """What a test reads on a page: its headings, links, buttons, and the fields of its last posting form."""

    def __init__(self, response: httpx2.Response) -> None:
        super().__init__()
        self.response = response
        self.status = response.status_code
        self.html = response.text
        self.title = ""
        self.headings: list[tuple[str, str]] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.labelled: set[str] = set()
        self.fields: list[tuple[str, str]] = []
        self.controls: list[dict[str, str | None]] = []
        self.action = ""
        self._text: list[str] = []
        self._inside = ""
        self._select = ""
        self._area = ""
        self._words: list[str] = []
        self.feed(self.html)
        self.text = re.sub(r"\s+", " ", " ".join(self._words))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect what begins here."""
        found = dict(attrs)
        if found.get("id"):
            self.ids.append(str(found["id"]))
        match tag:
            case "form":
                self.action = found.get("action") or str(self.response.url.path)
                self.fields, self.controls = [], []
            case "a" if found.get("href"):
                self.links.append(str(found["href"]))
            case "label":
                self.labelled.add(str(found.get("for")))
            case "input":
                self._input(found)
            case "select":
                self._select = str(found["name"])
                self.controls.append(found)
            case "option" if self._select and "selected" in found:
                self.fields.append((self._select, str(found.get("value") or "")))
            case "textarea":
                self._area, self._text = str(found["name"]), []
                self.controls.append(found)
            case "h1" | "h2" | "h3" | "title":
                self._inside, self._text = tag, []

    def _input(self, found: dict[str, str | None]) -> None:
        kind, name = found.get("type") or "text", found.get("name")
        if kind != "hidden":
            self.controls.append(found)
        if name and (kind not in {"checkbox", "radio"} or "checked" in found):
            self.fields.append((name, found.get("value") or ""))

    def handle_endtag(self, tag: str) -> None:
        """Keep what has ended here."""
        text = "".join(self._text)
        if tag == "select":
            self._select = ""
        elif tag == "textarea":
            self.fields.append((self._area, text.removeprefix("\n")))
            self._area = ""
        elif tag == self._inside:
            self._inside = ""
            if tag == "title":
                self.title = text
            else:
                self.headings.append((tag, re.sub(r"\s+", " ", text).strip()))

    def handle_data(self, data: str) -> None:
        """Keep the words."""
        if self._inside or self._area:
            self._text.append(data)
        self._words.append(data)

    def answers(self, **changed: str | list[str]) -> dict[str, str | list[str]]:
        """The form's fields as a browser would post them, with some changed. In names, ``__`` stands for a slash."""
        posted: dict[str, str | list[str]] = {}
        for name, value in self.fields:
            if name in posted:
                earlier = posted[name]
                posted[name] = [*(earlier if isinstance(earlier, list) else [earlier]), value]
            else:
                posted[name] = value
        return posted | {name.replace("__", "/"): value for name, value in changed.items()}
