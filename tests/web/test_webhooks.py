"""Webhooks over the API: for administrators only, to the outside only, secrets shown once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import httpx2
import pytest

from notifications.webhooks import Answered
from store.database import writing
from store.webhooks import deliveries, write_attempt
from store.webhooks import due as due_at
from tests.web.office import MARA, Office

KENJI = "kenji.watanabe"
URL = "https://receiver.example/groundswell"
HOOKS = "/api/v1/webhooks"


@pytest.fixture
def woken(office: Office) -> list[str]:
    """The endpoints that were woken."""
    found: list[str] = []

    async def wake(endpoint: str) -> None:
        found.append(endpoint)

    office.app.state.services = replace(office.app.state.services, wake_endpoint=wake)
    return found


async def add(client: httpx2.AsyncClient, **fields: Any) -> httpx2.Response:
    return await client.post(HOOKS, json={"url": URL, "description": "tests", **fields})


async def test_an_endpoint_from_beginning_to_end(office: Office, woken: list[str]) -> None:
    async with office.browser(KENJI) as kenji:
        made = await add(kenji, events=["closed", "guard_breached"])
        assert made.status_code == 201, made.text
        ref, secret = made.json()["endpoint"]["ref"], made.json()["secret"]
        assert secret.startswith("whsec_")
        [listed] = (await kenji.get(HOOKS)).json()["endpoints"]
        assert listed["types"] == ["groundswell.change.closed", "groundswell.change.guard_breached"]
        assert secret not in str(listed)
        assert (await add(kenji)).status_code == 409, "one endpoint for an address"
        changed = await kenji.put(f"{HOOKS}/{ref}", json={"url": URL, "description": "all of it"})
        assert changed.json()["types"] == []
        rotated = (await kenji.post(f"{HOOKS}/{ref}/secret")).json()["secret"]
        assert rotated != secret
        sent = await kenji.post(f"{HOOKS}/{ref}/test")
        assert sent.status_code == 202 and woken == [ref]
        [delivery] = (await kenji.get(f"{HOOKS}/{ref}/deliveries")).json()["deliveries"]
        assert (delivery["type"], delivery["outcome"], delivery["attempts"]) == ("groundswell.test", "waiting", [])
        again = f"{HOOKS}/{ref}/deliveries/{delivery['number']}/again"
        assert (await kenji.post(again)).status_code == 404, "what still waits is not sent again"
        with writing(office.engine) as connection:
            waiting = due_at(connection, ref)
            assert waiting is not None
            write_attempt(connection, waiting, Answered(204, 12), office.clock())
        assert (await kenji.post(again)).status_code == 202 and woken == [ref, ref]
        found = (await kenji.get(f"{HOOKS}/{ref}/deliveries?limit=1")).json()
        assert len(found["deliveries"]) == 1 and found["next"] == found["deliveries"][0]["number"]
        following = (await kenji.get(f"{HOOKS}/{ref}/deliveries?before={found['next']}")).json()
        assert following["deliveries"][0]["attempts"][0]["status"] == 204 and following["next"] is None
        disabled = (await kenji.post(f"{HOOKS}/{ref}/disable")).json()
        assert disabled["disabled_because"] == f"{KENJI} disabled it."
        assert (await kenji.post(f"{HOOKS}/{ref}/test")).status_code == 409
        assert (await kenji.post(again)).status_code == 409
        enabled = await kenji.put(f"{HOOKS}/{ref}", json={"url": URL, "description": "again"})
        assert enabled.json()["disabled_at"] is None
        assert (await kenji.delete(f"{HOOKS}/{ref}")).status_code == 204
        assert (await kenji.get(HOOKS)).json()["endpoints"] == []
        for method, path in (("GET", "deliveries"), ("POST", "test"), ("POST", "secret"), ("POST", "disable")):
            assert (await kenji.request(method, f"{HOOKS}/{ref}/{path}")).status_code == 404


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"url": "https://10.0.0.1/"}, "/url"),
        ({"url": "ftp://receiver.example/"}, "/url"),
        ({"url": "not an address"}, "/url"),
        ({"events": ["nominated"]}, "/events/0"),
        ({"events": ["closed", "unheard_of"]}, "/events/1"),
        ({"description": ""}, "/description"),
    ],
)
async def test_what_is_wrong_with_an_endpoint_is_said(office: Office, fields: dict[str, Any], pointer: str) -> None:
    async with office.browser(KENJI) as kenji:
        answer = await add(kenji, **fields)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == pointer


async def test_a_decision_writes_its_events_beside_it(office: Office) -> None:
    async with office.browser(KENJI) as kenji, office.browser(MARA) as mara:
        ref = (await add(kenji)).json()["endpoint"]["ref"]
        change = await office.filed()
        assert (await mara.get(f"{HOOKS}/{ref}/deliveries")).status_code == 403
        with writing(office.engine) as connection:
            found = deliveries(connection, ref)
    assert found and {delivery.change for delivery in found} == {change}
    assert found[-1].type == "groundswell.change.submitted"
