"""What somebody can answer from a mail: the one question that is open to them, and a mark of exactly what was asked.

The mark is of everything the question was about. When anything of that has changed, the gate has closed, or they have
answered, the mark is another one or there is none, and a link that carries the old one is void.
"""

from __future__ import annotations

import hashlib

from changes.facts import ANSWER_PROPOSAL, ENDORSE_TESTS
from changes.gates import unanswered
from changes.state import Change, InvitationStatus, OpenGate
from changes.values import Moment, Value
from changes.waiting import GATE_COMMANDS, GATE_TASKS

LIGHT_GATES = frozenset({ANSWER_PROPOSAL, ENDORSE_TESTS})
"""Gates after which more people look at it before anything changes for anybody."""


class Question(Value):
    """What is asked of one person now."""

    mark: str
    """Of what was asked; another one as soon as something else is asked."""
    task: str
    commands: tuple[str, ...]
    """The commands that answer it, the usual one first."""
    due: Moment
    signed_in_only: bool
    """Whether a link alone is not enough, because a mail may be read by others."""


def question_for(change: Change, person: str) -> Question | None:
    """What ``person`` can answer from a mail now; None when nothing is asked of them."""
    if change.closing or change.hold:
        return None
    gate = change.gate
    if gate and person in unanswered(change):
        return Question(
            mark=_mark("gate", person, gate.name, gate.opened_at.isoformat(), *_asked_about(change)),
            task=GATE_TASKS[gate.name],
            commands=GATE_COMMANDS[gate.name],
            due=gate.due,
            signed_in_only=_weighty(change, gate),
        )
    for invitation in change.recruiting.invitations:
        if invitation.person == person and invitation.status is InvitationStatus.SENT:
            return Question(
                mark=_mark("invitation", person, invitation.at.isoformat()),
                task="Say whether you would like to be a champion",
                commands=("accept_invitation", "decline_invitation"),
                due=invitation.due,
                signed_in_only=False,
            )
    return None


def _weighty(change: Change, gate: OpenGate) -> bool:
    """Whether the answer has an effect that somebody with another's mail must not bring about (ASVS 6.3.6)."""
    content = change.proposal.content
    heavy = content.regulated or content.customer_facing or not content.reversible or content.urgency == "emergency"
    return heavy or gate.name not in LIGHT_GATES


def _asked_about(change: Change) -> tuple[str, ...]:
    """Everything that a gate asks about: the words, the tests, what they gave, the plan of the rollout."""
    round_ = change.round
    return (
        change.proposal.content.model_dump_json(),
        str(round_.number),
        str(round_.plan_version),
        *(test.model_dump_json() for test in round_.tests),
        str(len(round_.results)),
        round_.conclusion.model_dump_json() if round_.conclusion else "",
        str(change.rollout.plan_version),
    )


def _mark(*parts: str) -> str:
    digest = hashlib.sha256("\x1f".join(parts).encode()).hexdigest()
    return f"{parts[0]}:{digest}"
