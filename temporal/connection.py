"""Which Temporal server, and connecting to it.

The standard variables and configuration file win (``temporalio.envconfig``); without them it is a server on this
machine. Nothing is ever downloaded: a failed ``start_local`` can crash the interpreter (reference/temporal.md 7.28).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta

from temporalio.client import Client
from temporalio.envconfig import ClientConfigProfile
from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig

from temporal.plugin import groundswell_plugin
from temporal.ports import LOOPBACK

DEFAULT_ADDRESS = "127.0.0.1:7233"
CONNECT_SECONDS = 10.0


class TemporalUnavailable(Exception):
    """The Temporal server does not answer; the message says which and what to do."""


@dataclass(frozen=True)
class Target:
    """The server and namespace that would be used, and why."""

    address: str
    namespace: str
    because: str
    configured: bool = False
    """Whether somebody chose it; a server that the demonstration brings itself never replaces such a choice."""


def target() -> Target:
    """The server this process would use."""
    profile = ClientConfigProfile.load()
    if profile.address:
        because = "it is configured (TEMPORAL_ADDRESS or a Temporal profile)"
    else:
        because = "nothing is configured, so it must run on this machine"
    return Target(
        profile.address or DEFAULT_ADDRESS, profile.namespace or "default", because, configured=bool(profile.address)
    )


def runtime_with_metrics(port: int, host: str = LOOPBACK) -> Runtime:
    """A runtime that serves the SDK's metrics for Prometheus."""
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return Runtime(telemetry=TelemetryConfig(metrics=PrometheusConfig(bind_address=address)))


async def connect(runtime: Runtime | None = None, to: Target | None = None) -> Client:
    """Connect to the configured server, or to another one ``to`` which this process was told of.

    Raises:
        TemporalUnavailable: when it does not answer in time.
    """
    chosen = to or target()
    config = {} if to else {**ClientConfigProfile.load().to_client_connect_config()}
    config.setdefault("target_host", chosen.address)
    config.setdefault("namespace", chosen.namespace)
    try:
        connecting = Client.connect(**config, plugins=[groundswell_plugin()], runtime=runtime)  # type: ignore[arg-type]
        return await asyncio.wait_for(connecting, CONNECT_SECONDS)
    except (RuntimeError, TimeoutError, OSError) as error:
        raise TemporalUnavailable(
            f"No Temporal server answers on {chosen.address} ({chosen.because}). "
            "Start one, or set TEMPORAL_ADDRESS; `make demo` brings its own."
        ) from error


async def answers(client: Client, within: timedelta = timedelta(seconds=3)) -> bool:
    """Whether the server answers."""
    try:
        return await client.service_client.check_health(timeout=within)
    except Exception:
        return False
