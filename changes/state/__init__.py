"""What a change is: its state, part by part, in the order of its life.

State is only ever made by evolving events (:mod:`changes.decision`). It travels with the workflow through
continue-as-new and is stored beside the ledger as the read model, so fields are added with defaults and never renamed.
"""

from changes.state.any_moment import Closing, Comment, Hold, Missing, PolicyChange, RevealRequest, Review
from changes.state.champions import (
    Conversation,
    CoverageSignature,
    Introduction,
    Invitation,
    InvitationStatus,
    Recruiting,
)
from changes.state.change import Change
from changes.state.concerns import Concern, ConcernCode, ConcernStatus, Response, Why
from changes.state.gates import Answer, OpenGate, PassedGate
from changes.state.learning import Benefit, EffectCheck, EffectOutcome, Learning, Retrospective
from changes.state.proposal import Heard, Proposal, ProposalContent, ProposalVersion, SelfDecision
from changes.state.road import Operator, Outcome, Phase, Stage, Verdict
from changes.state.rollout import READINGS_KEPT, Guard, Reading, Rollout, Wave, WaveProgress, WaveStatus
from changes.state.testing import Conclusion, Result, Round, Stop, Test

__all__ = [
    "READINGS_KEPT",
    "Answer",
    "Benefit",
    "Change",
    "Closing",
    "Comment",
    "Concern",
    "ConcernCode",
    "ConcernStatus",
    "Conclusion",
    "Conversation",
    "CoverageSignature",
    "EffectCheck",
    "EffectOutcome",
    "Guard",
    "Heard",
    "Hold",
    "Introduction",
    "Invitation",
    "InvitationStatus",
    "Learning",
    "Missing",
    "OpenGate",
    "Operator",
    "Outcome",
    "PassedGate",
    "Phase",
    "PolicyChange",
    "Proposal",
    "ProposalContent",
    "ProposalVersion",
    "Reading",
    "Recruiting",
    "Response",
    "Result",
    "Retrospective",
    "RevealRequest",
    "Review",
    "Rollout",
    "Round",
    "SelfDecision",
    "Stage",
    "Stop",
    "Test",
    "Verdict",
    "Wave",
    "WaveProgress",
    "WaveStatus",
    "Why",
]
