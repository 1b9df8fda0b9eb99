"""Webhooks through a real Temporal server, a real worker and the web application, to a receiver on this machine.

Signatures are checked by the ``standardwebhooks`` library as receivers use it, not by our own code.
"""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import pytest
from pydantic import SecretStr
from sqlalchemy import Engine
from standardwebhooks.webhooks import Webhook, WebhookVerificationError
from temporalio.client import Client

from settings import Settings
from store.database import reading
from store.outbox import waiting_to_leave
from store.webhooks import endpoint_of
from temporal.development_server import DevelopmentServer
from temporal.link import TemporalLink
from temporal.plugin import groundswell_plugin
from tests.support.senders import SECRET
from tests.support.waiting import eventually
from tests.web.office import JONAS, MARA, Clock, InProcessGateway, Office, Page, proposal
from tests.web.situations import KENJI
from web.application import create_app
from web.services import utc_now
from worker import composed_worker

pytestmark = [pytest.mark.temporal, pytest.mark.slow]


@dataclass
class Receiver:
    """A program that takes webhooks: what came, and with which status it answers next."""

    address: str = ""
    answers: list[int] = field(default_factory=list)
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    def take(self, headers: dict[str, str], content: bytes) -> int:
        """Take one request; the status of the answer."""
        self.got.append((headers, content))
        return self.answers.pop(0) if self.answers else 204

    def verified(self, secret: str) -> list[dict[str, Any]]:
        """The events whose signature holds."""
        return [json.loads(content) for headers, content in self.got if self._holds(secret, headers, content)]

    def _holds(self, secret: str, headers: dict[str, str], content: bytes) -> bool:
        try:
            Webhook(secret).verify(content, headers)
        except WebhookVerificationError:
            return False
        return True


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver on a free port of this machine."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            headers = {name.lower(): value for name, value in self.headers.items()}
            self.send_response(receiver.take(headers, self.rfile.read(length)))
            self.end_headers()

        def log_message(self, format: str, *arguments: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.address = f"http://127.0.0.1:{server.server_port}/groundswell"
    thread = threading.Thread(target=server.serve_forever, name="receiver")
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def whole(address: str, engine: Engine, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    """The web application with its way to the Temporal server at ``address``; its browsers are in this process."""
    monkeypatch.setenv("TEMPORAL_ADDRESS", address)
    settings = Settings(
        mode="demo",
        public_url="http://groundswell.test",
        mail_folder=folder,
        smtp_url="smtp://127.0.0.1:9",
        actor_key=SecretStr(SECRET.decode()),
        temporal_task_queue=f"webhooks-{uuid.uuid4().hex}",
        ledger_key_file=folder / "signing.key",
        ledger_checkpoints=f"file://{folder / 'checkpoints'}",
    )
    link = TemporalLink(settings.temporal_task_queue, demonstration=True)
    app = create_app(settings, engine, link, wake_endpoint=link.wake_endpoint)
    yield Office(app, engine, InProcessGateway(engine, SECRET, Clock()), Clock(utc_now()), settings)


async def arrived(receiver: Receiver, what: Callable[[Receiver], bool]) -> None:
    """Wait until it has come."""
    await eventually(lambda: what(receiver), within=60)


@pytest.mark.timeout(300)
async def test_the_life_of_a_webhook(
    temporal_server: DevelopmentServer,
    engine: Engine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = await Client.connect(temporal_server.address, plugins=[groundswell_plugin()])
    with receiving() as receiver, whole(temporal_server.address, engine, tmp_path, monkeypatch) as office:
        with composed_worker(client, engine, office.settings) as worker:
            async with worker, office.browser(KENJI) as kenji, office.program(KENJI) as script:
                await the_life(office, receiver, kenji, script)


async def the_life(office: Office, receiver: Receiver, kenji: httpx2.AsyncClient, script: httpx2.AsyncClient) -> None:
    """Added, delivered, failing, sent again twice, under a new secret, kept from our network, and gone."""
    # Only addresses that may be reached are taken; this machine's are, because this is the demonstration.
    inside = await script.post("/api/v1/webhooks", json={"url": "http://10.0.0.1/", "description": "x"})
    assert inside.status_code == 422 and "outside world" in inside.text
    made = await script.post("/api/v1/webhooks", json={"url": receiver.address, "description": "screens"})
    assert made.status_code == 201, made.text
    ref, secret = made.json()["endpoint"]["ref"], made.json()["secret"]
    hook = f"/api/v1/webhooks/{ref}"

    # A real command through Temporal; the first answer is a failure, so the first event is sent once more.
    receiver.answers = [503]
    filed = await office.done(MARA, "submit", proposal())
    await arrived(receiver, lambda it: len(it.verified(secret)) >= 3)
    types = [event["type"] for event in receiver.verified(secret)]
    assert types[:3] == ["groundswell.change.submitted"] * 2 + ["groundswell.change.gate_opened"]
    first, second = receiver.verified(secret)[:2]
    assert first == second and first["subject"] == filed["change"], "the retry is the same event"
    assert len(receiver.verified(secret)) == len(receiver.got), "somebody else could not have sent any of them"
    assert receiver.verified("whsec_" + "A" * 44) == []

    # Sent again by the button of the page and over the API: the same event, under the same id.
    log = (await script.get(f"{hook}/deliveries")).json()["deliveries"]
    submitted = next(one for one in log if one["type"].endswith("submitted"))
    assert [attempt["status"] for attempt in submitted["attempts"]] == [503, 204]
    before = len(receiver.got)
    page = Page(await kenji.get(f"/administration/webhooks/{ref}"))
    assert f"/administration/webhooks/{ref}/again/{submitted['number']}" in page.html
    pressed = await kenji.post(f"/administration/webhooks/{ref}/again/{submitted['number']}")
    assert pressed.status_code == 303
    await arrived(receiver, lambda it: len(it.got) == before + 1)
    assert (await script.post(f"{hook}/deliveries/{submitted['number']}/again")).status_code == 202
    await arrived(receiver, lambda it: len(it.got) == before + 2)
    assert [event["id"] for event in receiver.verified(secret)[-2:]] == [submitted["event"]] * 2

    # While the secret is replaced both sign; a change goes on meanwhile.
    renewed = (await script.post(f"{hook}/secret")).json()["secret"]
    await office.done(JONAS, "accept_for_testing", {}, filed["change"])
    await arrived(receiver, lambda it: any("gate_passed" in event["type"] for event in it.verified(renewed)))
    assert any("accepted" in event["type"] for event in receiver.verified(secret))

    # A receiver that is gone gets nothing more, and whoever added it hears of it.
    receiver.answers = [410]
    assert (await script.post(f"{hook}/test")).status_code == 202

    def told() -> bool:
        with reading(office.engine) as connection:
            known = endpoint_of(connection, ref)
            kinds = {one.notice.kind for one in waiting_to_leave(connection, ref)}
        return known is not None and known.disabled_at is not None and kinds == {"webhook_disabled"}

    await eventually(told, within=60)
