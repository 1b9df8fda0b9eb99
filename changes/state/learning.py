"""Whether it worked: effect checks, benefits and the retrospective."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from changes.values import Moment, Number, Ref, Value


class EffectOutcome(StrEnum):
    """What an effect check found."""

    EFFECTIVE = "effective"
    INEFFECTIVE = "ineffective"
    INCONCLUSIVE = "inconclusive"


class EffectCheck(Value):
    """A look, some time later, at whether the change did what it promised."""

    ref: Ref
    opens: Moment
    owner: Ref
    opened: bool = False
    opened_at: Moment | None = None
    outcome: EffectOutcome | None = None
    value: Number | None = None
    numbers: str = ""
    next_step: str = ""
    at: Moment | None = None


class Benefit(Value):
    """A benefit with what was aimed at, expected and reached."""

    name: str
    unit: str
    target: Number
    forecast: Number | None = None
    actual: Number | None = None
    by: Ref
    at: Moment


class Retrospective(Value):
    """Prediction against result, what surprised us, and the consequence that follows."""

    prediction_and_result: str
    surprises: str
    consequence: Literal["standard_change", "policy_edit", "test_template", "none"]
    because: str
    by: Ref
    at: Moment


class Learning(Value):
    """What was learned, and what changed because of it."""

    checks: tuple[EffectCheck, ...] = ()
    benefits: tuple[Benefit, ...] = ()
    retrospective: Retrospective | None = None
