"""Headers on every answer, requests from other sites, sign-in and sessions, hostile text."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Message, Receive, Scope, Send

from directory.model import Directory
from settings import Settings
from store.database import DatabaseUnavailable
from store.directory import load_directory, save_directory
from store.sign_in import SESSION_IDLES, SESSION_LASTS
from temporal.gateway import NotNow
from tests.support.thoroughness import examples
from tests.web.conftest import OfficeMaker
from tests.web.office import ADDRESS, JONAS, MARA, Office, Page
from web.failures import Failure
from web.security.cross_origin import SameOriginOnly
from web.security.envelope import CONTENT_SECURITY_POLICY


async def test_security_headers_on_every_answer(office: Office) -> None:
    ref = await office.filed()
    seen = set()
    async with office.browser(MARA) as browser, office.anybody() as stranger:
        stylesheet = next(
            line.split('"')[3] for line in (await browser.get("/")).text.splitlines() if 'rel="stylesheet"' in line
        )
        answers = [
            await browser.get("/"),
            await browser.get(f"/changes/{ref}"),
            await browser.get(stylesheet),
            await browser.get("/static/missing.css"),
            await browser.get("/nowhere"),
            await browser.get("/openapi.json"),
            await browser.get("/healthz"),
            await browser.post(f"/changes/{ref}/do/follow", data={}),
            await browser.post(f"/changes/{ref}/do/withdraw", data={}),
            await stranger.get("/changes"),
            await stranger.get("/api/v1/me"),
            await stranger.post("/sign-out", headers={"Sec-Fetch-Site": "cross-site"}),
            await stranger.post("/api/v1/sign-in", content=b"x" * 300_000),
        ]
        office.gateway.failing = RuntimeError("broken")
        answers.append(await browser.post(f"/changes/{ref}/do/unfollow", data={}))
    for answer in answers:
        seen.add(answer.status_code)
        assert answer.headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "same-origin"
        assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert len(answer.headers["X-Request-Id"]) == 16
        assert "Cache-Control" in answer.headers
        assert "server" not in answer.headers
    assert seen == {200, 303, 401, 403, 404, 413, 422, 500}
    assert "immutable" in answers[2].headers["Cache-Control"]
    assert answers[0].headers["Cache-Control"] == "no-store"
    assert "unsafe" not in CONTENT_SECURITY_POLICY
    assert "broken" not in answers[-1].text and "Request" in answers[-1].text


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "none"}, True),
        ({"sec-fetch-site": "same-site"}, False),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": "cross-site", "origin": ADDRESS}, False),
        ({"sec-fetch-site": "cross-site", "authorization": "Bearer gw_x"}, True),
        ({"sec-fetch-site": "cross-site", "authorization": "Basic eDp5"}, False),
        ({"origin": ADDRESS}, True),
        ({"origin": "https://outside.example"}, True),
        ({"origin": "https://evil.example"}, False),
        ({"origin": "null"}, False),
        ({"origin": "file://"}, False),
        ({}, True),
    ],
)
async def test_who_may_send_a_change(headers: dict[str, str], allowed: bool) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await PlainTextResponse("passed")(scope, receive, send)

    async def refuse(request: Request, failure: Failure) -> Response:
        return PlainTextResponse(failure.rule, status_code=failure.status)

    statuses: list[int] = []

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    guard = SameOriginOnly(app, refuse, public_url="https://outside.example")
    for method in ("POST", "DELETE", "GET"):
        raw = [(b"host", b"groundswell.test"), *((k.encode(), v.encode()) for k, v in headers.items())]
        await guard({"type": "http", "method": method, "path": "/", "headers": raw}, receive, send)
    assert statuses == ([200] * 3 if allowed else [403, 403, 200])


async def test_a_form_of_another_site_does_nothing(office: Office) -> None:
    ref = await office.filed()
    async with office.browser(JONAS) as browser:
        browser.headers["Sec-Fetch-Site"] = "cross-site"
        answer = await browser.post(f"/changes/{ref}/do/decline", data={"reason": "x", "way_forward": "y"})
        assert answer.status_code == 403
        assert "sent from another site" in answer.text and 'value="x"' not in answer.text
        problem = await browser.post(f"/api/v1/changes/{ref}/follow", headers={"Idempotency-Key": "k"})
        assert problem.json()["type"] == "/problems/cross_origin"
        assert (await browser.get(f"/changes/{ref}")).status_code == 200, "a link from elsewhere may be followed"
    assert office.gateway.state(ref).closing is None


# ------------------------------------------------------------------------------------------------------ sign-in


async def test_a_link_signs_in_once_and_looking_does_not_use_it_up(office: Office) -> None:
    token = office.link(MARA)
    async with office.anybody() as browser:
        for _ in range(3):
            page = Page(await browser.get(f"/sign-in/{token}"))
            assert ("h1", "Sign in as Mara Lind?") in page.headings
        assert "set-cookie" not in page.response.headers
        signed_in = await browser.post(f"/sign-in/{token}")
        assert signed_in.status_code == 303 and signed_in.headers["location"] == "/"
        cookie = signed_in.headers["set-cookie"]
        assert cookie.startswith("groundswell=")
        for part in ("HttpOnly", "Path=/", "SameSite=lax"):
            assert part in cookie
        assert "Secure" not in cookie, "the demonstration is reached by plain http on this machine"
        assert "Hello, Mara" in Page(await browser.get("/")).text
    async with office.anybody() as other:
        assert (await other.post(f"/sign-in/{token}")).status_code == 404
        assert (await other.get(f"/sign-in/{token}")).status_code == 404
        assert (await other.get("/")).status_code == 401


async def test_signing_out_ends_the_session_on_the_server(office: Office) -> None:
    async with office.browser(MARA) as browser:
        token = next(iter(browser.cookies.jar)).value
        out = await browser.post("/sign-out")
        assert out.status_code == 303 and 'groundswell=""' in out.headers["set-cookie"]
        browser.cookies.set("groundswell", token or "")
        page = Page(await browser.get("/"))
    assert page.status == 401 and "/sign-in" in page.links


async def test_signing_in_as_somebody_else_ends_the_first_session(office: Office) -> None:
    async with office.browser(MARA) as browser:
        first = next(iter(browser.cookies.jar)).value or ""
        await browser.post(f"/sign-in/{office.link(JONAS)}")
    async with office.anybody() as browser:
        browser.cookies.set("groundswell", first)
        assert (await browser.get("/")).status_code == 401


async def test_sessions_end_when_nobody_uses_them_and_after_a_day_of_work(office: Office) -> None:
    async with office.browser(MARA) as browser:
        for _ in range(6):
            office.clock.now += SESSION_IDLES - timedelta(minutes=1)
            if office.clock.now < office.clock().replace(hour=9) + SESSION_LASTS:
                assert (await browser.get("/sign-in")).text.count("signed in as Mara") == 1
        office.clock.now += timedelta(minutes=10)
        assert (await browser.get("/")).status_code == 401, "twelve hours are over, in use or not"
    async with office.browser(MARA) as browser:
        office.clock.now += SESSION_IDLES + timedelta(minutes=1)
        assert (await browser.get("/")).status_code == 401, "nobody was there for two hours"


async def test_somebody_who_left_is_not_signed_in(office: Office) -> None:
    async with office.browser(MARA) as browser, office.program(MARA) as program:
        assert (await browser.get("/")).status_code == 200
        with office.engine.begin() as connection:
            now = load_directory(connection)
            people = [person.having(active=False) if person.ref == MARA else person for person in now.people.values()]
            changed = Directory(people, now.teams.values(), now.processes.values())
            save_directory(connection, changed, office.clock())
        assert (await browser.get("/")).status_code == 401
        assert (await program.get("/api/v1/me")).status_code == 401


async def test_what_was_typed_survives_the_end_of_a_session(office: Office) -> None:
    ref = await office.filed()
    async with office.browser(JONAS) as browser:
        form = Page(await browser.get(f"/changes/{ref}/do/decline"))
        answers = form.answers(reason="Too early.", way_forward="After the move.")
        office.clock.now += SESSION_IDLES + timedelta(minutes=1)
        kept = Page(await browser.post(form.action, data=answers))
        assert kept.status == 401
        assert kept.answers() == answers
        await browser.post(f"/sign-in/{office.link(JONAS)}")
        sent = await browser.post(kept.action, data=kept.answers())
    assert sent.status_code == 303
    assert office.gateway.state(ref).closing is not None


async def test_what_was_typed_survives_the_database_being_away(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    ref = await office.filed()
    async with office.browser(JONAS) as browser:
        form = Page(await browser.get(f"/changes/{ref}/do/decline"))
        answers = form.answers(reason="Too early.", way_forward="After the move.")

        def away(*_: object) -> None:
            raise DatabaseUnavailable("gone")

        with monkeypatch.context() as broken:
            broken.setattr("web.services.reading", away)
            kept = Page(await browser.post(form.action, data=answers))
        assert kept.status == 503 and kept.response.headers["Retry-After"] == "5"
        assert kept.action == form.action and kept.answers() == answers
        assert (await browser.post(kept.action, data=kept.answers())).status_code == 303


# --------------------------------------------------------------------------------------------------- production


@pytest.fixture
def production(make_office: OfficeMaker) -> Office:
    """An office in production mode."""
    return make_office(
        Settings(
            mode="production",
            actor_key=SecretStr("a-key-of-more-than-thirty-two-characters"),
            public_url="https://groundswell.test",
            smtp_url="smtp://mail.test",
            mail_sender="Groundswell <changes@groundswell.test>",
            ledger_key_file=Path("/run/secrets/ledger.key"),
            ledger_checkpoints="file:///srv/checkpoints",
            DATABASE_URL="postgresql://db.test/groundswell",
        )
    )


async def test_production_has_no_links_no_mail_page_and_no_banner(production: Office) -> None:
    token = production.link(MARA)
    async with production.anybody() as browser:
        assert (await browser.get(f"/sign-in/{token}")).status_code == 404
        assert (await browser.post("/demo/time", data={"days": "14"})).status_code == 404
        assert (await browser.post(f"/sign-in/{token}")).status_code == 404
        assert (await browser.post("/api/v1/sign-in", json={"token": token})).status_code == 404
        page = Page(await browser.get("/sign-in"))
    assert "Demonstration" not in page.text and "not set up" in page.text
    assert "max-age=31536000" in page.response.headers["Strict-Transport-Security"]
    async with production.browser(MARA) as browser:
        assert next(iter(browser.cookies.jar)).name == "__Host-groundswell"
        assert (await browser.get("/")).status_code == 200
        assert (await browser.get("/demo/mail")).status_code == 404
        out = (await browser.post("/sign-out")).headers["set-cookie"]
    assert out.startswith("__Host-groundswell=") and "Secure" in out


# ------------------------------------------------------------------------------------------------- hostile text

HOSTILE = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror='alert(1)'>",
    "{{ 7 * 7 }}{% raw %}",
    "</textarea></title><b>",
    "javascript:alert(1)",
    "\u202egnp.exe & <i>",
]


@settings(max_examples=examples(25), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.one_of(
        st.sampled_from(HOSTILE),
        st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=60).filter(str.strip),
    )
)
async def test_hostile_text_is_text(office: Office, text: str) -> None:
    ref = await office.filed(title=text, problem=text, goal=text)
    await office.done(MARA, "raise_concern", {"title": text, "text": text, "code": "R01", "would_settle": text}, ref)
    title = office.gateway.state(ref).title
    async with office.browser(JONAS) as browser:
        pages = [Page(await browser.get(path)) for path in (f"/changes/{ref}", "/", f"/changes/{ref}/do/decline")]
        typed = Page(await browser.post(f"/changes/{ref}/do/decline", data={"reason": text, "way_forward": ""}))
    async with office.browser(MARA) as own:
        edited = Page(await own.get(f"/changes/{ref}/do/edit"))
    assert ("h1", " ".join(title.split())) in pages[0].headings
    assert typed.answers()["reason"] == text.replace("\r", "\n")
    assert edited.answers()["title"] == title
    for page in (*pages, typed, edited):
        assert page.status in {200, 422}
        for hostile in ("<script>", "<img src=x", "<b>", "<i>"):
            assert hostile not in page.html
        assert "49" not in page.text or "49" in text


async def test_hostile_words_in_a_trouble_page(office: Office) -> None:
    ref = await office.filed()
    office.gateway.failing = NotNow(retry_after=1)
    async with office.browser(JONAS) as browser:
        hostile = {"reason": HOSTILE[1], HOSTILE[0]: HOSTILE[3], "way_forward": "x"}
        page = Page(await browser.post(f"/changes/{ref}/do/decline", data=hostile))
        lost = Page(await browser.get("/changes/%3Cscript%3E"))
    office.clock.now += SESSION_IDLES * 2
    async with office.anybody() as stranger:
        kept = Page(await stranger.post(f"/changes/{ref}/do/decline", data=hostile))
    for shown in (page, lost, kept):
        assert "<script>" not in shown.html and "<img src=x" not in shown.html
    assert kept.answers()[HOSTILE[0]] == HOSTILE[3]


async def test_the_templates_never_switch_escaping_off() -> None:
    folder = Path(__file__).parents[2] / "web" / "templates"
    templates = list(folder.glob("*.html"))
    assert len(templates) > 5
    for template in templates:
        text = template.read_text()
        assert "|safe" not in text.replace(" ", "") and "autoescape" not in text, template
        assert "<script>" not in text and "style=" not in text, template
