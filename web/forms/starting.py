"""What a form begins with, where the change already knows a good answer. A form without any of this works as well."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from changes.commands import Command
from changes.proposal import Revision
from changes.state import Change, InvitationStatus
from web.forms.questions import Option


def values_for(command: type[Command], change: Change, parts: Mapping[str, tuple[Option, ...]]) -> dict[str, Any]:
    """The values that ``command``'s form for ``change`` begins with.

    Args:
        parts: the parts of the change that may be named; where there is one only, it is chosen already.
    """
    only = {name: options[0].value for name, options in parts.items() if len(options) == 1}
    values: dict[str, Any] = {name: value for name, value in only.items() if name in command.model_fields}
    if issubclass(command, Revision):
        content = change.proposal.content
        values |= {name: getattr(content, name) for name in type(content).model_fields}
    if command.kind in {"propose_tests", "endorse_with_changes"}:
        values["tests"] = change.round.tests
    if command.kind == "plan_rollout" and change.rollout.waves:
        values["waves"] = [progress.wave for progress in change.rollout.waves]
        values["back_out_plan"] = change.rollout.back_out_plan
    if command.kind == "invite" and change.recruiting.plans:
        asked = set(change.recruiting.with_status(InvitationStatus.SENT)) | set(change.recruiting.champions)
        values["people"] = [pick.person for pick in change.recruiting.plans[-1].picks if pick.person not in asked]
    return {name: value for name, value in values.items() if value not in ((), [], None)}
