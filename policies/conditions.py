"""The typed condition tree under ``when``, which decides and says in a sentence why.

Leaves compare one field with one operator; ``all``, ``any`` and ``not`` combine them. A value of the wrong type is an
error when the policy is loaded, never a surprise when it is used.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Discriminator, Field, StrictBool, Tag, model_validator
from pydantic_core import PydanticCustomError

from changes.values import Ref, enumerated
from policies.values import Amount, Role, Section
from policies.wording import amount, counted

Urgency: TypeAlias = Literal["normal", "emergency"]
KindOfChange: TypeAlias = Literal["process", "policy"]


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What conditions ask about a change, with the names to say it in."""

    people_affected: int
    cost: Decimal
    reversible: bool
    customer_facing: bool
    regulated: bool
    urgency: Urgency
    crosses_teams: bool
    """Whether the affected teams and the proposer's own are together more than one."""
    process: str
    affected_teams: frozenset[str]
    proposer_role: frozenset[str]
    """All roles of the proposer, ``employee`` and ``manager`` included."""
    kind: KindOfChange = "process"
    process_names: Mapping[str, str] = field(default_factory=dict)
    team_names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Whether a condition holds, and the facts that made it so."""

    holds: bool
    because: str


_OPERATORS = {
    "equals": "is",
    "differs": "is_not",
    "over": "over",
    "under": "under",
    "at_least": "at_least",
    "at_most": "at_most",
    "one_of": "in",
    "includes": "includes",
}
"""The operators' names in Python and in a policy."""


class Comparison(Section):
    """One field compared with one value. Exactly one operator is given."""

    field: str

    @model_validator(mode="after")
    def _one_operator(self) -> Comparison:
        if len(self._given()) != 1:
            words = [f'"{word}"' for name, word in _OPERATORS.items() if name in type(self).model_fields]
            raise PydanticCustomError(
                "one_operator", "needs exactly one operator: {words}", {"words": enumerated(words, "or")}
            )
        return self

    def _given(self) -> list[str]:
        return [name for name in _OPERATORS if getattr(self, name, None) is not None]

    @cached_property
    def operator(self) -> str:
        """The operator's word in the policy."""
        return _OPERATORS[self._given()[0]]

    @cached_property
    def operand(self) -> Any:
        """The value that stands beside the operator."""
        return getattr(self, self._given()[0])

    def accepts(self, actual: Any) -> bool:
        """Whether a value of the field fulfils the comparison."""
        raise NotImplementedError


class NumberComparison(Comparison):
    """Compares the number of people affected, or the cost."""

    field: Literal["people_affected", "cost"]
    equals: Amount | None = Field(None, alias="is")
    differs: Amount | None = Field(None, alias="is_not")
    over: Amount | None = None
    under: Amount | None = None
    at_least: Amount | None = None
    at_most: Amount | None = None
    one_of: tuple[Amount, ...] | None = Field(None, alias="in")

    def accepts(self, actual: Any) -> bool:
        """Whether a number fulfils the comparison."""
        return bool(_COMPARE[self.operator](actual, self.operand))

    def evaluate(self, circumstances: Circumstances) -> Outcome:
        """Compare and say so: "it touches 120 people, over 50"."""
        if self.field == "people_affected":
            actual = Decimal(circumstances.people_affected)
            fact = f"it touches {counted(circumstances.people_affected, 'person', 'people')}"
        else:
            actual = circumstances.cost
            fact = f"it costs {amount(actual)}"
        holds = self.accepts(actual)
        if self.operator == "in":
            limit = enumerated((amount(number) for number in self.operand), "or") or "no number yet"
        else:
            limit = amount(self.operand)
        return Outcome(holds, f"{fact}, {_LIMITS[self.operator][not holds]} {limit}")


_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "is": operator.eq,
    "is_not": operator.ne,
    "over": operator.gt,
    "under": operator.lt,
    "at_least": operator.ge,
    "at_most": operator.le,
    "in": lambda actual, wanted: actual in wanted,
}
_LIMITS = {
    "is": ("exactly", "not"),
    "is_not": ("not", "exactly"),
    "over": ("over", "not over"),
    "under": ("under", "not under"),
    "at_least": ("at least", "under"),
    "at_most": ("at most", "over"),
    "in": ("one of", "none of"),
}
"""How a comparison is said when it holds, and when it does not."""


class YesNoComparison(Comparison):
    """Asks a question that is answered by true or false."""

    field: Literal["reversible", "customer_facing", "regulated", "crosses_teams"]
    equals: StrictBool | None = Field(None, alias="is")
    differs: StrictBool | None = Field(None, alias="is_not")

    def accepts(self, actual: Any) -> bool:
        """Whether an answer fulfils the comparison."""
        return bool(actual == self.operand) == (self.operator == "is")

    def evaluate(self, circumstances: Circumstances) -> Outcome:
        """Compare and say the answer: "it can be undone"."""
        actual: bool = getattr(circumstances, self.field)
        return Outcome(self.accepts(actual), yes_or_no(self.field, circumstances))


class UrgencyComparison(Comparison):
    """Compares how urgent the change is."""

    field: Literal["urgency"]
    equals: Urgency | None = Field(None, alias="is")
    differs: Urgency | None = Field(None, alias="is_not")

    def accepts(self, actual: Any) -> bool:
        """Whether an urgency fulfils the comparison."""
        return bool(actual == self.operand) == (self.operator == "is")

    def evaluate(self, circumstances: Circumstances) -> Outcome:
        """Compare and say the urgency: "it is an emergency"."""
        emergency = circumstances.urgency == "emergency"
        return Outcome(self.accepts(circumstances.urgency), f"it is {'an' if emergency else 'not an'} emergency")


class KindComparison(Comparison):
    """Asks what is to change: a process, or the policy itself."""

    field: Literal["kind"]
    equals: KindOfChange | None = Field(None, alias="is")
    differs: KindOfChange | None = Field(None, alias="is_not")

    def accepts(self, actual: Any) -> bool:
        """Whether a kind of change fulfils the comparison."""
        return bool(actual == self.operand) == (self.operator == "is")

    def evaluate(self, circumstances: Circumstances) -> Outcome:
        """Compare and say the kind: "it changes the policy itself"."""
        about = "the policy itself" if circumstances.kind == "policy" else "a process, not the policy"
        return Outcome(self.accepts(circumstances.kind), f"it changes {about}")


class ProcessComparison(Comparison):
    """Compares the process that is to change. An empty ``in`` matches nothing, until a change adds a process to it."""

    field: Literal["process"]
    equals: Ref | None = Field(None, alias="is")
    differs: Ref | None = Field(None, alias="is_not")
    one_of: tuple[Ref, ...] | None = Field(None, alias="in")

    def accepts(self, actual: Any) -> bool:
        """Whether a process fulfils the comparison."""
        if self.operator == "in":
            return bool(actual in self.operand)
        return bool(actual == self.operand) == (self.operator == "is")

    def evaluate(self, circumstances: Circumstances) -> Outcome:
        """Compare and name the process: "it changes Billing, one of the processes listed"."""
        process = circumstances.process
        holds = self.accepts(process)
        fact = f"it changes {circumstances.process_names.get(process, process)}"
        if self.operator == "in":
            return Outcome(holds, f"{fact}, {'one of' if holds else 'none of'} the processes listed")
        return Outcome(holds, fact if process == self.operand else f"{fact}, not {self.operand}")


class SetComparison(Comparison):
    """Compares a field with several values, by asking whether it holds one of some."""

    @cached_property
    def elements(self) -> tuple[str, ...]:
        """The values of which one must be there."""
        return self.operand if self.operator == "in" else (self.operand,)

    def accepts(self, actual: Any) -> bool:
        """Whether the values fulfil the comparison."""
        return any(element in actual for element in self.elements) == (self.operator != "is_not")


class TeamsComparison(SetComparison):
    """Asks whether a team is affected (``includes``), or one of several (``in``)."""

    field: Literal["affected_teams"]
    includes: Ref | None = None
    one_of: tuple[Ref, ...] | None = Field(None, alias="in")

    def evaluate(self, circumstances: Circumstances) -> Outcome:
        """Compare and name the teams: "it affects Billing Support"."""
        holds = self.accepts(circumstances.affected_teams)
        met = [team for team in self.elements if team in circumstances.affected_teams] if holds else self.elements
        names = enumerated(circumstances.team_names.get(team, team) for team in met) or "any team listed"
        return Outcome(holds, f"it {'affects' if holds else 'does not affect'} {names}")


class RoleComparison(SetComparison):
    """Asks whether the proposer has a role (``is`` or ``includes``), or one of several (``in``)."""

    field: Literal["proposer_role"]
    equals: Role | None = Field(None, alias="is")
    differs: Role | None = Field(None, alias="is_not")
    includes: Role | None = None
    one_of: tuple[Role, ...] | None = Field(None, alias="in")

    def evaluate(self, circumstances: Circumstances) -> Outcome:
        """Compare and name the role: "the proposer has the role executive"."""
        met = [role for role in self.elements if role in circumstances.proposer_role]
        has = f"has the role {enumerated(met)}" if met else f"does not have the role {enumerated(self.elements, 'or')}"
        return Outcome(self.accepts(circumstances.proposer_role), f"the proposer {has}")


class AllOf(Section):
    """Holds when every part holds."""

    every: tuple[Condition, ...] = Field(alias="all", min_length=1)

    def evaluate(self, circumstances: Circumstances) -> Outcome:
        """Say every part when it holds, else the parts that do not."""
        return _combined([part.evaluate(circumstances) for part in self.every], all)


class AnyOf(Section):
    """Holds when at least one part holds."""

    some: tuple[Condition, ...] = Field(alias="any", min_length=1)

    def evaluate(self, circumstances: Circumstances) -> Outcome:
        """Say the parts that hold, or every part when none does."""
        return _combined([part.evaluate(circumstances) for part in self.some], any)


class NotThis(Section):
    """Holds when its one part does not."""

    negated: Condition = Field(alias="not")

    def evaluate(self, circumstances: Circumstances) -> Outcome:
        """The part's own facts, with the opposite result."""
        inner = self.negated.evaluate(circumstances)
        return Outcome(not inner.holds, inner.because)


def _combined(outcomes: list[Outcome], rule: Callable[[Iterable[bool]], bool]) -> Outcome:
    holds = rule(outcome.holds for outcome in outcomes)
    return Outcome(holds, enumerated(dict.fromkeys(outcome.because for outcome in outcomes if outcome.holds == holds)))


_LEAVES: dict[str, type[Comparison]] = {
    "people_affected": NumberComparison,
    "cost": NumberComparison,
    "reversible": YesNoComparison,
    "customer_facing": YesNoComparison,
    "regulated": YesNoComparison,
    "crosses_teams": YesNoComparison,
    "urgency": UrgencyComparison,
    "kind": KindComparison,
    "process": ProcessComparison,
    "affected_teams": TeamsComparison,
    "proposer_role": RoleComparison,
}
FIELDS = tuple(_LEAVES)
"""The fields a condition may ask about."""
_BRANCHES: dict[str, type[Section]] = {"all": AllOf, "any": AnyOf, "not": NotThis}


def _shape(value: Any) -> str | None:
    """The name of the model that reads a piece of the tree; none if nothing about it is recognisable."""
    if isinstance(value, Section):
        return type(value).__name__
    if not isinstance(value, Mapping):
        return None
    for word, branch in _BRANCHES.items():
        if word in value:
            return branch.__name__
    asked = value.get("field")
    return _LEAVES[asked].__name__ if isinstance(asked, str) and asked in _LEAVES else None


Condition: TypeAlias = Annotated[
    Annotated[AllOf, Tag("AllOf")]
    | Annotated[AnyOf, Tag("AnyOf")]
    | Annotated[NotThis, Tag("NotThis")]
    | Annotated[NumberComparison, Tag("NumberComparison")]
    | Annotated[YesNoComparison, Tag("YesNoComparison")]
    | Annotated[UrgencyComparison, Tag("UrgencyComparison")]
    | Annotated[KindComparison, Tag("KindComparison")]
    | Annotated[ProcessComparison, Tag("ProcessComparison")]
    | Annotated[TeamsComparison, Tag("TeamsComparison")]
    | Annotated[RoleComparison, Tag("RoleComparison")],
    Discriminator(
        _shape,
        custom_error_type="condition",
        custom_error_message='must be a comparison with "field", or one of "all", "any" and "not"',
    ),
]
"""One node of the tree."""

When: TypeAlias = Annotated[
    Annotated[Literal["always"], Tag("always")] | Annotated[Condition, Tag("tree")],
    Discriminator(lambda value: "always" if isinstance(value, str) else "tree"),
]
"""What a route asks of a change: ``always``, or a tree."""

for _model in (AllOf, AnyOf, NotThis):
    _model.model_rebuild()


def evaluate(when: When, circumstances: Circumstances) -> Outcome:
    """Whether a change fulfils what a route asks, with the facts that decided it."""
    if when == "always":
        return Outcome(True, "it applies to every change")
    return when.evaluate(circumstances)


def yes_or_no(name: str, circumstances: Circumstances) -> str:
    """The answer to one of the true-or-false fields as a clause about the change."""
    actual: bool = getattr(circumstances, name)
    match name:
        case "reversible":
            return "it can be undone" if actual else "it cannot be undone"
        case "customer_facing":
            return "customers will notice it" if actual else "customers will not notice it"
        case "regulated":
            return "it touches regulated work" if actual else "it does not touch regulated work"
        case _:
            names = enumerated(circumstances.team_names.values())
            many = f"it touches more than one team ({names})"
            return many if actual else f"it stays inside one team ({names})" if names else "it stays inside one team"


def in_words(when: When) -> str:
    """What a route asks of a change, as short text: "any of (crosses_teams is true, people_affected over 50)"."""
    match when:
        case AllOf():
            return f"all of ({', '.join(in_words(part) for part in when.every)})"
        case AnyOf():
            return f"any of ({', '.join(in_words(part) for part in when.some)})"
        case NotThis():
            return f"not ({in_words(when.negated)})"
        case Comparison():
            operand = when.operand
            said = f"({', '.join(map(str, operand))})" if isinstance(operand, tuple) else str(operand)
            return (
                f"{when.field} {when.operator.replace('_', ' ')} {said.lower() if operand in (True, False) else said}"
            )
        case _:
            return "always"
