"""What was answered: from the fields of a posted form to the body of a command, and from known values to a form.

Answers are kept as they were typed, so that a form that is shown again shows what somebody wrote. The names of a
form's fields are JSON pointers without the first slash: ``tests/0/hypothesis``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from enum import Enum
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel

from web.forms.options import Offered
from web.forms.questions import Kind, Question, questions_of

Answers = dict[str, Any]
"""By field: a text, a list of texts, whether a box is ticked, or for groups a list of answers."""

MOST_GROUPS = 50
"""Groups that are read from a form, whatever numbers it names."""


class Posted:
    """The fields of a posted form."""

    def __init__(self, items: Iterable[tuple[str, Any]]) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in items:
            if isinstance(value, str):
                self._values.setdefault(name, []).append(value)

    def one(self, name: str) -> str:
        """The value of ``name``; empty where there is none."""
        return self._values.get(name, [""])[-1]

    def all(self, name: str) -> list[str]:
        """All values of ``name``."""
        return self._values.get(name, [])

    def holds(self, name: str) -> bool:
        """Whether ``name`` was posted at all."""
        return name in self._values

    def groups_at(self, place: str) -> list[int]:
        """The numbers of the groups that were posted at ``place``, ascending."""
        inside = re.compile(re.escape(place) + r"/(\d{1,4})/")
        numbers = {int(found[1]) for name in self._values if (found := inside.match(name))}
        return sorted(numbers)[:MOST_GROUPS]


def blank(model: type[BaseModel]) -> Answers:
    """The answers of a form that nobody has touched: defaults, and as many groups as are needed."""
    return {question.name: _untouched(question) for question in questions_of(model)}


def _untouched(question: Question) -> Any:
    match question.kind:
        case Kind.GROUPS if question.group:
            return [blank(question.group) for _ in range(question.fewest)]
        case Kind.TICK:
            return bool(question.default)
        case Kind.MANY:
            return []
        case _:
            return _shown(question, question.default, None)


def known(model: type[BaseModel], values: Mapping[str, Any], zone: ZoneInfo) -> Answers:
    """Answers from known values, such as a proposal that is edited. What is not among them stays blank."""
    answers = blank(model)
    for question in questions_of(model):
        value = values.get(question.name)
        if value is None:
            continue
        if question.kind is Kind.GROUPS and question.group:
            groups = [known(question.group, _fields(item), zone) for item in value]
            answers[question.name] = groups or answers[question.name]  # as many blank ones as are needed
        elif question.kind is Kind.MANY:
            answers[question.name] = [str(item) for item in value]
        elif question.kind is Kind.TICK:
            answers[question.name] = bool(value)
        else:
            answers[question.name] = _shown(question, value, zone)
    return answers


def _fields(item: Any) -> Mapping[str, Any]:
    return {name: getattr(item, name) for name in type(item).model_fields} if isinstance(item, BaseModel) else item


def _shown(question: Question, value: Any, zone: ZoneInfo | None) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.astimezone(zone or UTC).strftime("%Y-%m-%dT%H:%M")
    return str(value.value if isinstance(value, Enum) else value)


def read(model: type[BaseModel], posted: Posted, at: str = "") -> Answers:
    """What was answered to the questions of ``model``; its fields begin with ``at``."""
    return {question.name: _answer(question, posted, f"{at}{question.name}") for question in questions_of(model)}


def _answer(question: Question, posted: Posted, name: str) -> Any:
    match question.kind:
        case Kind.GROUPS if question.group:
            return [read(question.group, posted, f"{name}/{number}/") for number in posted.groups_at(name)]
        case Kind.TICK:
            return posted.holds(name)
        case Kind.MANY:
            # Ticked one by one, or typed one on each line where there are too many to offer.
            return [line.strip() for value in posted.all(name) for line in value.splitlines() if line.strip()]
        case _:
            return posted.one(name)


def without_blank_groups(model: type[BaseModel], answers: Answers) -> Answers:
    """The answers without groups in which nothing was filled in, as long as more are left than are needed."""
    kept = dict(answers)
    for question in questions_of(model):
        if question.kind is Kind.GROUPS and question.group:
            untouched = blank(question.group)
            given: Sequence[Answers] = answers[question.name]
            groups = [without_blank_groups(question.group, group) for group in given]
            filled = [group for group in groups if not _same(group, untouched)]
            missing = max(question.fewest - len(filled), 0)
            spare = [group for group in groups if _same(group, untouched)]
            kept[question.name] = [*filled, *spare[:missing]]
    return kept


def _same(group: Answers, untouched: Answers) -> bool:
    return all(
        value == untouched[name] or (isinstance(value, str) and not value.strip()) for name, value in group.items()
    )


def body(model: type[BaseModel], answers: Answers, offered: Offered, zone: ZoneInfo) -> dict[str, Any]:
    """The command's body, for pydantic to judge. What was left blank is left out, so that its default counts."""
    made: dict[str, Any] = {}
    for question in questions_of(model):
        value = answers[question.name]
        if question.kind is Kind.GROUPS and question.group:
            if value or question.fewest:
                made[question.name] = [body(question.group, group, offered, zone) for group in value]
        elif question.kind is Kind.TICK:
            made[question.name] = value
        elif question.kind is Kind.MANY:
            if value or question.required:
                made[question.name] = [offered.reference(question.names, item) for item in value]
        elif value.strip():
            made[question.name] = _value(question, value, offered, zone)
        elif question.empty_counts:
            made[question.name] = ""
    return made


def _value(question: Question, typed: str, offered: Offered, zone: ZoneInfo) -> str:
    if question.kind is Kind.MOMENT:
        return _moment(typed, zone)
    if question.kind in {Kind.WHOLE, Kind.NUMBER, Kind.DAY}:
        return typed.strip()
    if question.names and question.kind in {Kind.ONE, Kind.LINE}:
        return offered.reference(question.names, typed)
    return typed


def _moment(typed: str, zone: ZoneInfo) -> str:
    """A moment on the organisation's clock. What is none is left as typed, for pydantic to say so."""
    try:
        moment = datetime.fromisoformat(typed.strip())
    except ValueError:
        return typed
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).isoformat()


def with_another(answers: Answers, model: type[BaseModel], place: str) -> Answers:
    """The answers with one more blank group at ``place``, such as ``tests`` or ``waves/0/guards``."""
    return _altered(answers, model, place.split("/"), add=True)


def without(answers: Answers, model: type[BaseModel], place: str) -> Answers:
    """The answers without the group at ``place``, such as ``tests/1``."""
    return _altered(answers, model, place.split("/"), add=False)


def _altered(answers: Answers, model: type[BaseModel], path: list[str], add: bool) -> Answers:
    name, *rest = path
    question = next((q for q in questions_of(model) if q.name == name and q.kind is Kind.GROUPS), None)
    if question is None or question.group is None:
        return answers
    groups: list[Answers] = list(answers[name])
    if not rest:
        if add and (question.most is None or len(groups) < question.most):
            groups.append(blank(question.group))
    elif rest[0].isdecimal() and int(rest[0]) < len(groups):
        number = int(rest[0])
        if len(rest) > 1:
            groups[number] = _altered(groups[number], question.group, rest[1:], add)
        elif not add:
            del groups[number]
    return {**answers, name: groups}
