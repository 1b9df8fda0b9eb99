"""A change of the policy itself: put forward, answered, tried out and signed like any other, then in force.

Its road ends after the signatures on how it was tried out: there are no champions and no waves, because a policy holds
for everybody from one moment on (docs/decisions/0016). Changes under way keep the version they began under; a steward
may move one to the newest, openly and with a reason.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from pydantic import Field

from changes.commands import Command
from changes.events import Event
from changes.facts import SYSTEM, Candidate, Facts, PolicyRef
from changes.gates import opened, settled, yes_at
from changes.learning import plan_effect_checks
from changes.refusals import invalid, not_yours, wrong_stage
from changes.rules import decides, evolves, is_open, not_an_author
from changes.state import Change, Phase, PolicyChange, ProposalContent, Stage
from changes.values import Text

STEWARD = "steward"
"""The role of those who write the policy (product.md, "Who uses it")."""

# ---------------------------------------------------------------------------------------------------- commands


class MoveToNewerPolicy(Command, kind="move_to_newer_policy", button="Move to the newest policy"):
    """Let the newest version of the policy decide about this change from now on, with a reason everybody can read."""

    reason: Text = Field(description="Why this change should not keep the version it began under")


# ------------------------------------------------------------------------------------------------------ events


class PolicyPutForward(
    Event, kind="policy_put_forward", words="put forward version {version} of the policy “{name}”: {what_changes}"
):
    """A candidate was attached, as it was compared with the policy in force."""

    name: str
    version: int
    candidate: PolicyRef
    instead_of: PolicyRef
    what_changes: tuple[str, ...]
    worth_knowing: tuple[str, ...] = ()
    """What the check of the candidate found, none of it an error."""


class PolicyTookForce(
    Event,
    kind="policy_took_force",
    words="put version {version} of the policy “{name}” in force for changes from now on",
):
    """The candidate is the policy; recorded and published in one transaction."""

    name: str
    version: int
    policy: PolicyRef
    instead_of: PolicyRef


class Superseded(
    Event,
    kind="superseded",
    words="did not put this in force, because another policy took force meanwhile: version {version} of “{name}”. "
    "It is back with its proposer, to be based on that one",
):
    """A last call ran out, and what was signed would silently have undone a newer version. Nobody said no."""

    name: str
    version: int
    policy: PolicyRef
    """The policy that is in force."""


class MovedToNewerPolicy(
    Event,
    kind="moved_to_newer_policy",
    words="moved this change to version {version} of the policy, on the route {route}: {reason}",
):
    """The newest policy decides about this change from here on; its open gate is asked anew."""

    version: int
    policy: PolicyRef
    instead_of: PolicyRef
    route: str
    because: tuple[str, ...]
    reason: str


# ------------------------------------------------------------------------------------------------------- rules


def put_forward(content: ProposalContent, facts: Facts) -> Iterator[Event]:
    """Attach the candidate that a proposal names.

    Raises:
        Refusal: who asks is no steward, or the candidate could not be the next policy.
    """
    if content.policy is None:
        return
    if STEWARD not in facts.actor.roles:
        not_yours("stewards_only", "Only a steward puts a policy forward. Describe what you need, and ask one of them.")
    candidate = _usable(facts)
    yield PolicyPutForward(
        name=candidate.ref.name,
        version=candidate.ref.version,
        candidate=candidate.ref,
        instead_of=candidate.in_force,
        what_changes=candidate.differences,
        worth_knowing=candidate.worth_knowing,
    )


def _usable(facts: Facts) -> Candidate:
    candidate = facts.candidate
    if candidate is None:
        invalid("unknown_policy", "There is no such candidate. Check it in on the policy pages first.", "/policy")
    if candidate.ref.sha256 == candidate.in_force.sha256:
        invalid("policy_in_force", "This is the policy that is in force already, to the letter.", "/policy")
    if candidate.ref.name == candidate.in_force.name and candidate.ref.version != candidate.in_force.version + 1:
        invalid(
            "policy_version",
            f"The candidate calls itself version {candidate.ref.version}. Version {candidate.in_force.version} is in "
            f"force, so the next is {candidate.in_force.version + 1}.",
            "/policy",
        )
    if candidate.taken:
        invalid(
            "policy_version",
            f"“{candidate.ref.name}” version {candidate.ref.version} has been published before, with other content. "
            "Give the candidate a number of its own.",
            "/policy",
        )
    if candidate.errors:
        invalid("policy_would_stick", f"Changes would get stuck under it. {' '.join(candidate.errors)}", "/policy")
    return candidate


def take_force(change: Change, facts: Facts) -> Iterator[Event]:
    """What follows once the signatures on a policy's try-out are complete.

    Raises:
        Refusal: another version took force since the candidate was put forward; signing would silently undo it.
    """
    put = change.policy_change
    if put is None:
        return
    if facts.candidate is None or facts.candidate.in_force != put.instead_of:
        newest = facts.candidate.in_force if facts.candidate else facts.newest or put.instead_of
        if facts.actor.ref == SYSTEM:  # a last call that ran out: nobody is there who could be refused
            yield Superseded(name=newest.name, version=newest.version, policy=newest)
            return
        wrong_stage(
            "policy_moved_on",
            f"Another policy has taken force since this was put forward: “{newest.name}” version {newest.version}. "
            "Decline this with that as the reason; its proposer can submit it again with a candidate on top of it.",
        )
    yield PolicyTookForce(
        name=put.candidate.name, version=put.candidate.version, policy=put.candidate, instead_of=put.instead_of
    )
    yield plan_effect_checks(change, facts)


def _a_steward(change: Change, facts: Facts) -> None:
    not_an_author(change, facts)
    if STEWARD not in facts.actor.roles:
        not_yours("stewards_only", "Only a steward, and not one whose change it is, moves a change to a newer policy.")
    if facts.newest in (None, change.policy):
        not_yours("policy_already", f"This change is under the newest policy: version {change.policy.version}.")


@decides(MoveToNewerPolicy, when=[is_open], who=_a_steward)
def _move(change: Change, command: MoveToNewerPolicy, facts: Facts, now: datetime) -> Iterator[Event]:
    newest = facts.route.policy
    yield MovedToNewerPolicy(
        version=newest.version,
        policy=newest,
        instead_of=change.policy,
        route=facts.route.route,
        because=facts.route.because,
        reason=command.reason,
    )
    if change.gate is None:
        return
    yield opened(change, facts, change.gate.name, now)
    yield from settled(change, facts, change.gate.name, yes_at(change, change.gate.name), now)


# --------------------------------------------------------------------------------------------------- evolution


@evolves(PolicyPutForward)
def _put_forward(change: Change, event: PolicyPutForward) -> Change:
    return change.having(
        policy_change=PolicyChange(
            candidate=event.candidate,
            instead_of=event.instead_of,
            what_changes=event.what_changes,
            worth_knowing=event.worth_knowing,
        )
    )


@evolves(PolicyTookForce)
def _took_force(change: Change, event: PolicyTookForce) -> Change:
    if change.policy_change is None:
        return change
    return change.having(
        policy_change=change.policy_change.having(in_force_since=event.at),
        recruiting=change.recruiting.having(campaign_due=None),
    )


@evolves(Superseded)
def _superseded(change: Change, event: Superseded) -> Change:
    return change.having(
        gate=None,
        stage=Stage.PROPOSAL,
        phase=Phase.OVERTAKEN,
        proposal=change.proposal.having(acceptances=(), overtaken_by=event.policy),
        recruiting=change.recruiting.having(campaign_due=None),
    )


@evolves(MovedToNewerPolicy)
def _moved(change: Change, event: MovedToNewerPolicy) -> Change:
    return change.having(policy=event.policy, route=event.route, route_because=event.because)
