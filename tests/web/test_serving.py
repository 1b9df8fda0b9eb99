"""The web process itself: it starts without Temporal, says so, recovers by itself, and ends when it is told to."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import Engine

from settings import Settings
from store.database import open_database, writing
from store.tokens import make_token
from temporal.connection import Target, connect
from temporal.development_server import DevelopmentServer
from temporal.ports import free_port
from tests.web.office import MARA, proposal
from worker import composed_worker

CHECKOUT = Path(__file__).parents[2]
PROGRAM = (
    "import sys; from settings import load_settings; from web.application import serve;"
    "serve(load_settings(), port=int(sys.argv[1]))"
)


@asynccontextmanager
async def web_process(database_address: str, temporal: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """The web process, and its address."""
    port = free_port()
    environment = {
        **os.environ,
        "DATABASE_URL": database_address,
        "TEMPORAL_ADDRESS": temporal,
        "GROUNDSWELL_MODE": "demo",
        "PYTHONPATH": str(CHECKOUT),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, str(port), env=environment, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        yield process, f"http://127.0.0.1:{port}"
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def until(client: httpx2.AsyncClient, path: str, status: int, seconds: float = 60) -> httpx2.Response:
    """Ask for ``path`` until it is answered with ``status``."""
    late = time.monotonic() + seconds
    while True:
        try:
            response = await client.get(path)
            if response.status_code == status:
                return response
            said = response.text
        except httpx2.TransportError as error:
            said = repr(error)
        assert time.monotonic() < late, f"{path} was not answered with {status}: {said}"
        await asyncio.sleep(0.1)


@pytest.mark.slow
@pytest.mark.temporal
async def test_it_starts_without_temporal_and_finds_it_later(database_address: str, engine: Engine) -> None:
    with writing(engine) as connection:
        token = make_token(connection, MARA, "test", timedelta(hours=1), datetime.now(UTC))
    port = free_port()
    async with web_process(database_address, f"127.0.0.1:{port}") as (process, address):
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "once"}
        async with httpx2.AsyncClient(base_url=address, headers=headers, timeout=60, trust_env=False) as client:
            await until(client, "/healthz", 200)
            missing = (await until(client, "/readyz", 503)).json()["missing"]
            assert missing == ["Temporal does not answer."]
            assert (await client.get("/api/v1/changes")).status_code == 200, "reading needs no Temporal"
            away = await client.post("/api/v1/changes", json=proposal())
            assert away.status_code == 503 and away.headers["Retry-After"] == "5"

            async with DevelopmentServer(port=port) as server:
                while missing != ["No worker looks for commands."]:
                    missing = (await until(client, "/readyz", 503)).json()["missing"]
                settings = Settings(mode="demo", smtp_url="smtp://127.0.0.1:1")
                here = await connect(to=Target(server.address, server.namespace, "a test started it"))
                with composed_worker(here, engine, settings) as worker:
                    async with worker:
                        await until(client, "/readyz", 200)
                        filed = await client.post("/api/v1/changes", json=proposal())
                        assert filed.status_code == 201, filed.text
                        again = await client.post("/api/v1/changes", json=proposal())
                        assert again.json() == filed.json()
                        assert again.headers["Idempotency-Replayed"] == "true"
            process.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(process.wait(), 40) == 0


@pytest.mark.slow
async def test_it_does_not_start_on_a_database_without_tables(tmp_path: Path) -> None:
    open_database(f"sqlite:///{tmp_path / 'empty.db'}").dispose()
    async with web_process(f"sqlite:///{tmp_path / 'empty.db'}", "127.0.0.1:1") as (process, _):
        assert await asyncio.wait_for(process.wait(), 60) != 0
