"""The whole of a change."""

from __future__ import annotations

from changes.facts import PolicyRef
from changes.state.any_moment import Closing, Comment, Hold, Missing, PolicyChange, RevealRequest, Review
from changes.state.champions import Recruiting
from changes.state.concerns import Concern
from changes.state.gates import OpenGate, PassedGate
from changes.state.learning import Learning
from changes.state.proposal import Proposal
from changes.state.road import Phase, Stage
from changes.state.rollout import Rollout
from changes.state.testing import Round
from changes.values import Moment, Ref, Value


class Change(Value):
    """One change, as evolved from everything that was recorded about it."""

    ref: Ref
    version: int = 0
    """How many events made this state; the number an edit must name to prove it is not stale."""
    stage: Stage
    phase: Phase
    policy: PolicyRef
    route: str
    route_because: tuple[str, ...]
    opened_at: Moment
    updated_at: Moment
    phase_since: Moment
    """When the change came into its phase."""
    proposal: Proposal
    gate: OpenGate | None = None
    passed: tuple[PassedGate, ...] = ()
    round: Round = Round()
    earlier_rounds: tuple[Round, ...] = ()
    recruiting: Recruiting = Recruiting()
    rollout: Rollout = Rollout()
    learning: Learning = Learning()
    concerns: tuple[Concern, ...] = ()
    comments: tuple[Comment, ...] = ()
    followers: tuple[Ref, ...] = ()
    hold: Hold | None = None
    closing: Closing | None = None
    reveals: tuple[RevealRequest, ...] = ()
    stepped_aside: tuple[Ref, ...] = ()
    """Those who said that they have a conflict of interest; no gate asks them."""
    step_reminder: Moment | None = None
    """When the authors are reminded of the step they owe, while they owe one."""
    step_reminders: int = 0
    """How often they have been reminded of it."""

    policy_change: PolicyChange | None = None
    review: Review | None = None
    missing: tuple[Missing, ...] = ()
    running_since: Moment | None = None
    """When it went on after its last hold, or was renewed."""

    @property
    def left(self) -> frozenset[str]:
        """Those with a part in it of whom it was noticed that they have left."""
        return frozenset(one.person for one in self.missing if one.why == "left")

    def reveal_of(self, pseudonym: str) -> RevealRequest:
        """Who agreed so far to reveal somebody."""
        found = (request for request in self.reveals if request.pseudonym == pseudonym)
        return next(found, RevealRequest(pseudonym=pseudonym))

    @property
    def title(self) -> str:
        """The title that counts now."""
        return self.proposal.content.title

    @property
    def blocking_concerns(self) -> tuple[Concern, ...]:
        """The open concerns that hold the next gate."""
        return tuple(concern for concern in self.concerns if concern.holds_gates)

    def concern(self, ref: str) -> Concern | None:
        """The concern called ``ref``."""
        return next((concern for concern in self.concerns if concern.ref == ref), None)
