"""Who reaches which address: every persona at every address of the OpenAPI document and of the page map."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from fastapi import FastAPI, Request
from starlette.responses import PlainTextResponse

from changes.permissions import Actor, Operation, may
from store.database import reading
from store.directory import load_directory
from tests.web.office import JONAS, MARA, Office
from web.security.authorising import addresses

ROLES = ("executive", "auditor", "steward", "administrator", "ombuds")
NEW = "{} {} declares no permission: write @needs(Operation.…) below its route (web/security/authorising.py)"


def personas(office: Office) -> dict[str, Actor]:
    """One person for each role, with what the permissions see of them."""
    with reading(office.engine) as connection:
        directory = load_directory(connection)
    people = {"employee": MARA, "manager": JONAS}
    people |= {role: directory.with_role(role)[0].ref for role in ROLES if directory.with_role(role)}
    return {role: Actor(ref, directory.roles_of(ref)) for role, ref in people.items()}


def filled(path: str, ref: str) -> str:
    """The path with something at its places: a change that exists, else something that does not."""
    return path.replace("{ref}", ref).replace("{kind}", "follow").replace("{", "").replace("}", "")


def is_the_permissions_no(answer: httpx2.Response) -> bool:
    """Whether it is 403 from the permissions, and not from a command's own rule."""
    return answer.status_code == 403 and ("not_permitted" in answer.text or "This is for somebody else" in answer.text)


def test_every_address_declares_what_it_is(office: Office) -> None:
    document = office.app.openapi()
    found = list(addresses(office.app))
    for method, path, operation in found:
        if path not in {"/openapi.json"}:
            assert operation is not None, NEW.format(method, path)
    described = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert described <= {(method, path) for method, path, _ in found}
    assert all("x-permission" in entry for methods in document["paths"].values() for entry in methods.values())


async def test_an_address_that_declares_nothing_is_refused_to_everybody(office: Office) -> None:
    from web.application import create_app

    app: FastAPI = create_app(office.settings, office.engine, office.gateway, clock=office.clock)

    @app.get("/api/v1/forgotten")
    async def forgotten(request: Request) -> PlainTextResponse:
        return PlainTextResponse("secret")

    async with office.program(MARA) as program:
        token = program.headers["Authorization"]
    client = httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://groundswell.test")
    async with client:
        for headers in ({}, {"Authorization": token}):
            answer = await client.get("/api/v1/forgotten", headers=headers)
            assert answer.status_code == 403 and "secret" not in answer.text


@pytest.mark.parametrize("role", ["employee", "manager", *ROLES])
async def test_each_persona_reaches_what_is_theirs_and_nothing_else(office: Office, role: str) -> None:
    ref = await office.filed()
    persona = personas(office).get(role)
    if persona is None:
        pytest.skip(f"the demonstration has no {role}")
    async with office.program(persona.ref) as program, office.browser(persona.ref) as browser:
        # Pages first: one of the API's addresses ends all sessions of whoever asks for it.
        for method, path, operation in sorted(addresses(office.app), key=lambda each: each[1].startswith("/api")):
            if operation is None or path == "/sign-out":
                continue
            if operation is Operation.GIVE_COMMANDS and role not in {"employee", "auditor"}:
                continue  # every role has the same rule, and the commands are most of the addresses
            client = program if path.startswith("/api") else browser
            answer = await client.request(method, filled(path, ref), **_content(method, path))
            verdict = may(persona, operation)
            assert is_the_permissions_no(answer) != verdict.allowed, f"{role} {method} {path}: {answer.text[:300]}"
            assert answer.status_code < 500 or path == "/readyz", f"{role} {method} {path}: {answer.text[:300]}"
            if not verdict.allowed and path.startswith("/api"):
                assert answer.json()["detail"] == verdict.reason


async def test_strangers_reach_only_what_is_open(office: Office) -> None:
    ref = await office.filed()
    async with office.anybody() as stranger:
        for method, path, operation in addresses(office.app):
            if operation is None:
                continue
            answer = await stranger.request(method, filled(path, ref), **_content(method, path))
            asked_to_sign_in = answer.status_code == 401 and "not_valid" not in answer.text
            assert asked_to_sign_in == (operation is not Operation.OPEN), f"{method} {path}: {answer.status_code}"


def _content(method: str, path: str) -> dict[str, Any]:
    if method in {"GET", "HEAD", "OPTIONS"}:
        return {}
    if path.startswith("/api"):
        return {"json": {}, "headers": {"Idempotency-Key": "matrix"}}
    return {"data": {}}
