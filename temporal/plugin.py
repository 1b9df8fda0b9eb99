"""One plugin for client, worker, replayer and tests: converter and sandbox.

A client without the pydantic converter reads dictionaries, a worker without the passthrough imports the models twice;
bundling them prevents both (reference/temporal.md 7.10).
"""

from __future__ import annotations

import dataclasses

from temporalio.plugin import SimplePlugin
from temporalio.worker import WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from temporal.converter import data_converter

PURE_ROOMS = ("changes", "temporal", "annotated_types")
"""Modules without side effects, shared between sandboxes instead of imported once per workflow."""


def _runner(existing: WorkflowRunner | None) -> WorkflowRunner:
    if isinstance(existing, SandboxedWorkflowRunner):
        restrictions = existing.restrictions.with_passthrough_modules(*PURE_ROOMS)
        return dataclasses.replace(existing, restrictions=restrictions)
    if existing is None:
        raise ValueError("the worker has no workflow runner")
    return existing


def groundswell_plugin() -> SimplePlugin:
    """The plugin to give to every client and replayer; a worker takes it over from its client."""
    return SimplePlugin(
        "groundswell",
        data_converter=data_converter,
        workflow_runner=_runner,
    )
