"""Whether any change at all can take a route, decided by trying every combination of facts that makes a difference.

Sound: a route is called out of reach only if no change can take it. Complete for what a policy of ordinary size asks;
beyond :data:`PATIENCE` steps nothing is claimed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise
from typing import Any, TypeAlias

from directory.model import EMPLOYEE
from policies.conditions import (
    AllOf,
    AnyOf,
    Comparison,
    NotThis,
    NumberComparison,
    ProcessComparison,
    SetComparison,
    When,
)

PATIENCE = 200_000
"""Comparisons made for one route, about a second's worth."""
MOST_QUESTIONS = 400
"""Different questions in the conditions of one comparison of routes; each is one level of the search."""
MOST_PEOPLE = 1_000_000
"""The most people a change can affect, see :class:`changes.facts.Subject`."""

Question: TypeAlias = tuple[str, str]
"""A field, and for fields with several values the one value asked for."""
Facts: TypeAlias = dict[Question, Any]
_ANOTHER = ""
"""Stands for every process that no condition names."""


def comparisons(when: When) -> Iterator[Comparison]:
    """All leaves of a condition."""
    match when:
        case AllOf():
            for part in when.every:
                yield from comparisons(part)
        case AnyOf():
            for part in when.some:
                yield from comparisons(part)
        case NotThis():
            yield from comparisons(when.negated)
        case Comparison():
            yield when


@dataclass(frozen=True, slots=True)
class Asking:
    """A condition with the questions it asks, and the number of comparisons it takes."""

    when: When
    questions: frozenset[Question]
    size: int

    @classmethod
    def of(cls, when: When) -> Asking:
        """Look through a condition once, so that the search need not."""
        leaves = list(comparisons(when))
        return cls(when, frozenset(question for leaf in leaves for question in _questions(leaf)), len(leaves))


def can_hold(wanted: When, unless: Sequence[When] = ()) -> bool:
    """Whether some change fulfils ``wanted`` and none of ``unless``; true as well if that took too long to find out."""
    if wanted == "always" and not unless:
        return True
    if "always" in unless:
        return False
    compared: dict[Question, list[Any]] = {}
    for leaf in (leaf for when in (wanted, *unless) for leaf in comparisons(when)):
        for question in _questions(leaf):
            compared.setdefault(question, []).extend(_compared_with(leaf))
    if len(compared) > MOST_QUESTIONS:
        return True
    questions = [(question, _answers(question, values)) for question, values in compared.items()]
    search = _Search(Asking.of(wanted), questions)
    return search.succeeds(tuple(Asking.of(when) for when in unless), 0)


@dataclass(slots=True)
class _Search:
    """Answers one question after the other, and turns back where no further answer could help."""

    wanted: Asking
    questions: list[tuple[Question, list[Any]]]
    facts: Facts = field(default_factory=dict)
    steps: int = 0

    def succeeds(self, unless: tuple[Asking, ...], number: int) -> bool:
        if number == len(self.questions):
            return truth(self.wanted.when, self.facts) is True and not unless
        question, answers = self.questions[number]
        for answer in answers:
            self.facts[question] = answer
            left = self._left(unless, question)
            if left is not None and self.succeeds(left, number + 1):
                return True
            if self.steps > PATIENCE:
                return True
        del self.facts[question]
        return False

    def _left(self, unless: tuple[Asking, ...], question: Question) -> tuple[Asking, ...] | None:
        """What of ``unless`` is still open after an answer; none if the search has failed here."""
        self.steps += self.wanted.size
        if truth(self.wanted.when, self.facts) is False:
            return None
        left = []
        for asking in unless:
            if question not in asking.questions:
                left.append(asking)
                continue
            self.steps += asking.size
            holds = truth(asking.when, self.facts)
            if holds:
                return None
            if holds is None:
                left.append(asking)
        return tuple(left)


def truth(when: When, facts: Facts) -> bool | None:
    """Whether a condition holds as far as the facts go; none if they leave it open."""
    match when:
        case AllOf():
            return _every(truth(part, facts) for part in when.every)
        case AnyOf():
            return _negated(_every(_negated(truth(part, facts)) for part in when.some))
        case NotThis():
            return _negated(truth(when.negated, facts))
        case SetComparison():
            none = _every(_negated(facts.get((when.field, element))) for element in when.elements)
            return none if when.operator == "is_not" else _negated(none)
        case Comparison():
            answer = facts.get((when.field, ""))
            return None if answer is None else when.accepts(answer)
        case _:
            return True


def _every(parts: Iterable[bool | None]) -> bool | None:
    known = list(parts)
    return False if False in known else None if None in known else True


def _negated(answer: bool | None) -> bool | None:
    return None if answer is None else not answer


def _questions(leaf: Comparison) -> list[Question]:
    if isinstance(leaf, SetComparison):
        return [(leaf.field, element) for element in leaf.elements]
    return [(leaf.field, "")]


def _compared_with(leaf: Comparison) -> tuple[Any, ...]:
    """The values of a field at which its comparisons may begin to come out differently."""
    if not isinstance(leaf, NumberComparison | ProcessComparison):
        return ()
    operand = leaf.operand
    return operand if isinstance(operand, tuple) else (operand,)


def _answers(question: Question, compared: list[Any]) -> list[Any]:
    """One answer out of every region in which all comparisons come out alike, the extremes first."""
    match question[0]:
        case "people_affected":
            near = {math.floor(value) + step for value in compared for step in (-1, 0, 1)} | {1}
            return _extremes_first([Decimal(number) for number in near if 1 <= number <= MOST_PEOPLE])
        case "cost":
            ordered = sorted(compared) or [Decimal(0)]
            between = [(low + high) / 2 for low, high in pairwise(ordered)]
            return _extremes_first([*ordered, *between, ordered[0] - 1, ordered[-1] + 1])
        case "process":
            return [_ANOTHER, *dict.fromkeys(compared)]
        case "urgency":
            return ["normal", "emergency"]
        case "kind":
            return ["process", "policy"]
        case "proposer_role" if question[1] == EMPLOYEE:
            return [True]
        case _:
            return [False, True]


def _extremes_first(numbers: Iterable[Decimal]) -> list[Decimal]:
    ordered = sorted(set(numbers))
    return [*dict.fromkeys([ordered[0], ordered[-1], *ordered])]
