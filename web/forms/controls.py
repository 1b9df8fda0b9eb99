"""A form as a template draws it: controls with their answers and what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel

from web.forms.answers import Answers
from web.forms.options import Offered
from web.forms.questions import Kind, Option, Question, questions_of, thing_called
from web.plain_words import Finding, Location

RADIOS = 6
"""Up to so many answers are shown all at once; more are folded into a list."""
LONG = 16
"""More boxes than that scroll."""


@dataclass(frozen=True)
class Group:
    """One of a list of things, with its controls."""

    legend: str
    place: str
    controls: Sequence[Control]


@dataclass(frozen=True)
class Control:
    """One question with its answer."""

    id: str
    name: str
    """The field's name in the form."""
    pointer: str
    label: str
    kind: Kind
    required: bool
    answer: Any
    options: Sequence[Option]
    longest: int | None
    errors: Sequence[str] = ()
    focus: bool = False
    """Typing begins here."""
    groups: Sequence[Group] = ()
    thing: str = ""
    """For groups: what one of them is called."""
    may_add: bool = False
    may_remove: bool = False
    radios: bool = False
    """For one of several: all of them are shown at once."""
    long: bool = False
    """So many boxes that they are shown in a part of the page that scrolls, the ticked ones first."""

    @property
    def target(self) -> str:
        """The id to go to from an error: the control, or the first of its boxes."""
        return f"{self.id}-1" if self.radios or (self.kind is Kind.MANY and self.options) else self.id


@dataclass(frozen=True)
class Form:
    """All controls, and the errors for the summary above them."""

    controls: Sequence[Control]
    summary: Sequence[tuple[str, str]] = ()
    """Message and id of the control it leads to; empty where it is about no control."""


def form(
    model: type[BaseModel],
    answers: Answers,
    offered: Offered,
    found: Sequence[Finding] = (),
    focus: str = "",
    prefix: str = "",
) -> Form:
    """The form of ``model`` with ``answers`` in it.

    Args:
        found: what is wrong; each finding goes to the control that its pointer leads to, or the nearest around it.
        focus: the place of a group that has just been added, such as ``tests/1``.
        prefix: begins every id, where several forms stand on one page.
    """
    controls = _named(_controls(model, answers, offered, "", focus), prefix)
    places = {control.pointer: control for control in _every(controls)}
    errors: dict[str, list[str]] = {}
    summary = []
    for finding in found:
        control = _nearest(places, finding.pointer)
        if control:
            errors.setdefault(control.pointer, []).append(finding.message)
        summary.append((finding.message, control.target if control else ""))
    return Form(_with_errors(controls, errors), summary)


def label_at(model: type[BaseModel], location: Location) -> str:
    """What the question at ``location`` is called on the page: "Last day (test 2)"."""
    inside: type[BaseModel] | None = model
    label, holders = "", []
    for part in location:
        if isinstance(part, int):
            if inside:
                holders.append(f"{thing_called(inside)} {part + 1}")
            continue
        question = next((q for q in questions_of(inside) if q.name == part), None) if inside else None
        label = question.label if question else part
        inside = question.group if question else None
    return f"{label} ({', '.join(holders)})" if holders else label


def _controls(model: type[BaseModel], answers: Answers, offered: Offered, at: str, focus: str) -> tuple[Control, ...]:
    return tuple(
        _control(question, answers[question.name], offered, f"{at}{question.name}", focus, first=index == 0)
        for index, question in enumerate(questions_of(model))
    )


def _control(question: Question, answer: Any, offered: Offered, name: str, focus: str, first: bool) -> Control:
    control = Control(
        id=name.replace("/", "-").replace("_", "-"),
        name=name,
        pointer=f"/{name}",
        label=question.label,
        kind=question.kind,
        required=question.required,
        answer=answer,
        options=(),
        longest=question.longest,
        focus=bool(focus) and first and name.startswith(f"{focus}/"),
    )
    if question.kind is Kind.GROUPS and question.group:
        return _with_groups(control, question, question.group, offered, focus)
    options = offered.to(question)
    kind = question.kind
    if options and kind is Kind.LINE:
        kind = Kind.ONE
    if kind is Kind.ONE and not options:
        kind = Kind.LINE
    # A folded list can be left empty again, radios cannot; so they are for questions that always have an answer.
    answered = question.required or question.default is not None
    radios = kind is Kind.ONE and question.names is None and answered and len(options) <= RADIOS
    long = kind is Kind.MANY and len(options) > LONG
    if long:
        options = tuple(sorted(options, key=lambda option: option.value not in answer))
    return replace(control, kind=kind, options=options, radios=radios, long=long)


def _with_groups(control: Control, question: Question, model: type[BaseModel], offered: Offered, focus: str) -> Control:
    thing = thing_called(model)
    groups = tuple(
        Group(
            legend=f"{thing.capitalize()} {number + 1}",
            place=f"{control.name}/{number}",
            controls=_controls(model, group, offered, f"{control.name}/{number}/", focus),
        )
        for number, group in enumerate(control.answer)
    )
    return replace(
        control,
        groups=groups,
        thing=thing,
        may_add=question.most is None or len(groups) < question.most,
        may_remove=len(groups) > question.fewest,
    )


def _named(controls: Sequence[Control], prefix: str) -> tuple[Control, ...]:
    return tuple(
        replace(
            control,
            id=prefix + control.id,
            groups=tuple(replace(group, controls=_named(group.controls, prefix)) for group in control.groups),
        )
        for control in controls
    )


def _every(controls: Sequence[Control]) -> Iterator[Control]:
    for control in controls:
        yield control
        for group in control.groups:
            yield from _every(group.controls)


def _nearest(places: Mapping[str, Control], pointer: str) -> Control | None:
    while pointer:
        if pointer in places:
            return places[pointer]
        pointer = pointer.rpartition("/")[0]
    return None


def _with_errors(controls: Sequence[Control], errors: Mapping[str, list[str]]) -> tuple[Control, ...]:
    return tuple(
        replace(
            control,
            errors=errors.get(control.pointer, ()),
            groups=tuple(replace(group, controls=_with_errors(group.controls, errors)) for group in control.groups),
        )
        for control in controls
    )
