"""Signing in with an identity provider: the way in, and every way in which it may go wrong."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest
from joserfc.jwk import OctKey, RSAKey
from pydantic import SecretStr, ValidationError

from changes.permissions import Actor
from directory import model
from settings import ROLES, Settings
from store.database import reading, writing
from store.identities import identities_of, link_identity, unlink_identities
from tests.support.identity_provider import CLIENT, ISSUER, SECRET, IdentityProvider, back
from tests.web.conftest import Logs
from tests.web.office import JONAS, MARA, Office, Page
from web.security.openid import OpenId

EMAIL = "mara.lind@nordwind.example"
STRANGE_KEY = RSAKey.generate_key(2048, {"kid": "first"})


@pytest.fixture(scope="module")
def key() -> RSAKey:
    """Made once: a key takes longer than a test."""
    return RSAKey.generate_key(2048, {"kid": "first"})


@pytest.fixture
def provider(office: Office, key: RSAKey) -> IdentityProvider:
    """A provider to which the office sends people."""
    made = IdentityProvider(key=key)
    transport = httpx2.ASGITransport(app=made.app())
    openid = OpenId(ISSUER, CLIENT, SECRET, transport=transport)
    office.app.state.services = replace(office.app.state.services, openid=openid)
    return made


def configure(office: Office, **changed: Any) -> None:
    settings = office.settings.model_copy(update=changed)
    office.app.state.services = replace(office.app.state.services, settings=settings)


async def signing_in(
    office: Office, provider: IdentityProvider, browser: httpx2.AsyncClient, onward: str = "", **person: Any
) -> httpx2.Response:
    """Go to the provider, sign in there, and come back."""
    there = await browser.get("/sign-in/openid", params={"onward": onward} if onward else {})
    assert there.status_code == 303, there.text
    claims: dict[str, Any] = {"email": EMAIL, "email_verified": True} | person
    return await browser.get(back(provider.authorise(there.headers["location"], **claims)))


async def test_somebody_signs_in_and_stays_who_they_are(office: Office, provider: IdentityProvider) -> None:
    async with office.anybody() as browser:
        page = Page(await browser.get("/sign-in"))
        assert "/sign-in/openid" in page.links
        answer = await signing_in(office, provider, browser, onward="/changes?mine=1")
        assert answer.status_code == 303 and answer.headers["location"] == "/changes?mine=1"
        assert (await browser.get("/api/v1/me")).json()["ref"] == MARA
        [session] = (await browser.get("/api/v1/sessions")).json()["sessions"]
        assert session["how"] == "oidc"
    [asked] = provider.asked
    assert asked["code_challenge_method"] == "S256" and asked["response_type"] == "code"
    assert len(asked["state"]) >= 40 and len(asked["nonce"]) >= 40
    async with office.anybody() as browser:  # a changed address changes nothing: issuer and subject count
        await signing_in(office, provider, browser, email="other@nordwind.example")
        assert (await browser.get("/api/v1/me")).json()["ref"] == MARA


async def test_signing_out_ends_the_session(office: Office, provider: IdentityProvider) -> None:
    async with office.anybody() as browser:
        await signing_in(office, provider, browser)
        cookie = browser.cookies["groundswell"]
        assert (await browser.post("/sign-out", headers={"Sec-Fetch-Site": "same-origin"})).status_code == 303
        browser.cookies.set("groundswell", cookie)
        assert (await browser.get("/api/v1/me")).status_code == 401


async def test_an_attempt_is_good_once_and_in_its_own_browser(office: Office, provider: IdentityProvider) -> None:
    async with office.anybody() as browser, office.anybody() as other:
        there = await browser.get("/sign-in/openid")
        answer = provider.authorise(there.headers["location"], email=EMAIL, email_verified=True)
        assert (await other.get(back(answer))).status_code == 400, "another browser is not signed in by it"
        assert (await browser.get(back(answer | {"state": "guessed"}))).status_code == 400
        assert (await browser.get(back(answer))).status_code == 303
        repeated = await browser.get(back(answer))
        assert repeated.status_code == 400 and "sign in again" in repeated.text
        async with office.anybody() as third:
            await third.get("/sign-in/openid")
            stolen = await third.get(back({"code": answer["code"], "state": "x"}))
            assert stolen.status_code == 400


@pytest.mark.parametrize(
    ("onward", "leads_to"),
    [
        ("/changes/CH-1", "/changes/CH-1"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("/\\evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("/\r\nX-Evil: 1", "/"),
    ],
)
async def test_nobody_is_led_to_another_site(
    office: Office, provider: IdentityProvider, onward: str, leads_to: str
) -> None:
    async with office.anybody() as browser:
        answer = await signing_in(office, provider, browser, onward=onward)
        assert answer.headers["location"] == leads_to


WRONG: dict[str, dict[str, Any]] = {
    "another issuer": {"iss": "https://evil.example"},
    "another audience": {"aud": "somebody-else"},
    "no audience": {"aud": None},
    "several audiences without azp": {"aud": [CLIENT, "other"]},
    "another nonce": {"nonce": "replayed"},
    "no nonce": {"nonce": None},
    "expired": {"exp": int(time.time()) - 3_600},
    "from the future": {"iat": int(time.time()) + 3_600},
    "no subject": {"sub": None},
    "no expiry": {"exp": None},
}


@pytest.mark.parametrize("what", WRONG)
async def test_a_token_that_is_not_for_us_signs_nobody_in(
    office: Office, provider: IdentityProvider, logs: Logs, what: str
) -> None:
    provider.claims = WRONG[what]
    async with office.anybody() as browser:
        answer = await signing_in(office, provider, browser)
        assert answer.status_code == 502 and "cannot be trusted" in answer.text
        assert (await browser.get("/api/v1/me")).status_code == 401
    assert any("cannot be trusted" in entry["event"] for entry in logs), "the reason is in the log, for administrators"


@pytest.mark.parametrize("how", ["strange key", "shared secret", "unsigned"])
async def test_a_signature_that_is_not_the_providers_signs_nobody_in(
    office: Office, provider: IdentityProvider, how: str
) -> None:
    match how:
        case "strange key":
            provider.signing = STRANGE_KEY
        case "shared secret":
            provider.signing, provider.algorithm = OctKey.import_key(SECRET * 4), "HS256"
        case _:
            provider.signing, provider.algorithm = OctKey.import_key(SECRET * 4), "none"
    async with office.anybody() as browser:
        answer = await signing_in(office, provider, browser)
    assert answer.status_code == 502


async def test_new_keys_of_the_provider_are_found(office: Office, provider: IdentityProvider) -> None:
    async with office.anybody() as browser:
        await signing_in(office, provider, browser)
        provider.key = RSAKey.generate_key(2048, {"kid": "first"})
        assert (await signing_in(office, provider, browser)).status_code == 303


async def test_a_provider_that_is_away_or_misconfigured_is_told_calmly(
    office: Office, provider: IdentityProvider
) -> None:
    async with office.anybody() as browser:
        provider.away = True
        answer = await browser.get("/sign-in/openid")
        assert answer.status_code == 503 and answer.headers["Retry-After"] and "does not answer" in answer.text
        provider.away, provider.issuer = False, "https://somebody.else"
        assert (await browser.get("/sign-in/openid")).status_code == 502
        provider.issuer, provider.id_token = ISSUER, False
        assert (await signing_in(office, provider, browser)).status_code == 502


async def test_who_is_refused_there_is_told_so(office: Office, provider: IdentityProvider) -> None:
    async with office.anybody() as browser:
        there = await browser.get("/sign-in/openid")
        state = provider.authorise(there.headers["location"])["state"]
        answer = await browser.get(back({"error": "access_denied", "state": state}))
        assert answer.status_code == 403 and "cancelled there" in answer.text
        named = await browser.get(back({"code": "x", "state": state, "iss": "https://evil.example"}))
        assert named.status_code == 502, "RFC 9207: the answer of another provider"


async def test_who_cannot_be_told_apart_is_not_let_in(office: Office, provider: IdentityProvider, logs: Logs) -> None:
    async with office.anybody() as browser:
        unverified = await signing_in(office, provider, browser, email_verified=False)
        assert unverified.status_code == 403 and "not verified" in unverified.text
        provider.claims = {}
        unknown = await signing_in(office, provider, browser, email="new@nordwind.example")
        assert unknown.status_code == 403 and "not in the directory" in unknown.text
        provider.claims = {}
        configure(office, oidc_link_by_email=False)
        unlinked = await signing_in(office, provider, browser)
        assert unlinked.status_code == 403 and "not linked" in unlinked.text
        # What an operator needs to link them by hand.
        assert [one["subject"] for one in logs if "linked to nobody" in one["event"]] == ["sub-1", "sub-1"]
        assert (await browser.get("/api/v1/me")).status_code == 401


async def test_whoever_was_linked_by_hand_is_let_in_without_a_verified_address(
    office: Office, provider: IdentityProvider
) -> None:
    configure(office, oidc_link_by_email=False)
    with writing(office.engine) as connection:
        assert link_identity(connection, ISSUER, "sub-1", MARA, "hand", datetime.now(UTC))
    async with office.anybody() as browser:
        answer = await signing_in(office, provider, browser, email_verified=None)
        assert answer.status_code == 303
        assert (await browser.get("/api/v1/me")).json()["ref"] == MARA


async def test_an_address_that_passes_on_does_not_carry_access_along(
    office: Office, provider: IdentityProvider
) -> None:
    async with office.anybody() as first, office.anybody() as second:
        await signing_in(office, provider, first)
        provider.claims = {}
        answer = await signing_in(office, provider, second, subject="sub-2")
        assert answer.status_code == 403 and "Somebody else is linked" in answer.text
        with writing(office.engine) as connection:
            assert [linked.subject for linked in identities_of(connection, MARA)] == ["sub-1"]
            assert unlink_identities(connection, MARA) == 1
        provider.claims = {}
        assert (await signing_in(office, provider, second, subject="sub-2")).status_code == 303


async def test_groups_give_roles_until_they_are_taken_away(office: Office, provider: IdentityProvider) -> None:
    configure(office, oidc_role_groups={"audit-team": "auditor"})
    async with office.anybody() as browser:
        await signing_in(office, provider, browser, groups=["audit-team", "football"])
        assert (await browser.get("/api/v1/me")).json()["roles"] == ["auditor"]
        with reading(office.engine) as connection:
            directory = office.app.state.services.authority.directory(connection)
        assert Actor(MARA, directory.roles_of(MARA)).roles == {"employee", "auditor"}
        provider.claims = {}
        await signing_in(office, provider, browser, groups=["football"])
        assert (await browser.get("/api/v1/me")).json()["roles"] == []


async def test_without_a_provider_there_is_no_such_way(office: Office) -> None:
    async with office.anybody() as browser:
        for path in ("/sign-in/openid", back({"code": "x", "state": "y"})):
            assert (await browser.get(path)).status_code in {404, 400}


async def test_who_was_signed_in_before_in_this_browser_is_signed_out(
    office: Office, provider: IdentityProvider
) -> None:
    async with office.browser(JONAS) as browser:
        earlier = browser.cookies["groundswell"]
        await signing_in(office, provider, browser)
        async with office.anybody() as other:
            other.cookies.set("groundswell", earlier)
            assert (await other.get("/api/v1/me")).status_code == 401


def test_settings_say_what_is_missing() -> None:
    assert ROLES == model.ROLES
    with pytest.raises(ValidationError, match="GROUNDSWELL_OIDC_CLIENT_ID"):
        Settings(oidc_issuer=ISSUER)
    with pytest.raises(ValidationError, match="roles that do not exist: emperor"):
        Settings(oidc_role_groups={"x": "emperor"})
    made = Settings(oidc_issuer=ISSUER, oidc_client_id=CLIENT, oidc_client_secret=SecretStr(SECRET))
    assert made.oidc_secret_text() == SECRET
    assert "must begin with https://" in " ".join(
        made.model_copy(update={"oidc_issuer": "http://identity.example"}).production_problems()
    )
