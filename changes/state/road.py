"""Where a change is on its road, and the words for what comes out of it."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum


class Stage(StrEnum):
    """Where on its road a change is."""

    PROPOSAL = "proposal"
    TESTING = "testing"
    CHAMPIONS = "champions"
    ROLLOUT = "rollout"
    LEARNING = "learning"


class Phase(StrEnum):
    """What a change is waiting for within its stage."""

    AWAITING_ANSWER = "awaiting_answer"
    NEEDS_CHANGES = "needs_changes"
    OVERTAKEN = "overtaken"
    OBJECTION_WINDOW = "objection_window"
    PLANNING_TESTS = "planning_tests"
    AWAITING_ENDORSEMENT = "awaiting_endorsement"
    RUNNING_TESTS = "running_tests"
    AWAITING_SIGNATURES = "awaiting_signatures"
    RECRUITING = "recruiting"
    PREPARING_WAVE = "preparing_wave"
    WAVE_RUNNING = "wave_running"
    WAVE_PAUSED = "wave_paused"
    CHECKING_EFFECT = "checking_effect"


class Outcome(StrEnum):
    """How a change ended."""

    DECLINED = "declined"
    DUPLICATE = "duplicate"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    ABANDONED = "abandoned"
    ROLLED_BACK = "rolled_back"
    ADOPTED = "adopted"


class Verdict(StrEnum):
    """What follows from a round of tests."""

    ADOPT = "adopt"
    ADAPT = "adapt"
    ABANDON = "abandon"


class Operator(StrEnum):
    """How a value is held against a number."""

    AT_LEAST = "at_least"
    AT_MOST = "at_most"
    OVER = "over"
    UNDER = "under"

    def holds(self, value: Decimal, number: Decimal) -> bool:
        """Whether ``value`` is on the right side of ``number``."""
        match self:
            case Operator.AT_LEAST:
                return value >= number
            case Operator.AT_MOST:
                return value <= number
            case Operator.OVER:
                return value > number
            case Operator.UNDER:
                return value < number
