"""Concerns: a named worry with a reason, asked why, answered, and closed by the person who raised it.

Source: lifecycle.md, "Concerns"; reason codes from reference/champions.md 3.7.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NoReturn

from pydantic import Field

from changes.commands import Command
from changes.events import Event
from changes.facts import ENDORSE_TESTS, START_ROLLOUT, Facts
from changes.gates import GATE_WORDS, GateReopened, settled, yes_at
from changes.refusals import invalid, not_yours
from changes.rules import anybody, decides, evolves, is_open, not_an_author, the_lead
from changes.state import Change, Concern, ConcernCode, ConcernStatus, Response, Why
from changes.values import Line, Moment, OptionalText, Ref, Text

# ---------------------------------------------------------------------------------------------------- commands


class RaiseConcern(Command, kind="raise_concern", button="Raise a concern"):
    """Say what worries you. A blocking concern holds the next gate until it is resolved or overruled."""

    title: Line = Field(description="Your concern in a few words")
    text: Text = Field(description="What worries you")
    code: ConcernCode = Field(description="The reason behind it")
    blocking: bool = Field(
        default=False, description="It must be settled before the next gate; what breaks something (R09) always must"
    )
    would_settle: OptionalText = Field(default="", description="What would settle it")


class AskWhy(Command, kind="ask_why", button="Ask why"):
    """Ask what is behind a concern. Anybody may; the answer belongs to the person who raised it."""

    concern: Ref = Field(description="Which concern, for example C1")
    question: Text = Field(description="What you would like to understand")


class AnswerWhy(Command, kind="answer_why", button="Answer why"):
    """Say what is behind your concern."""

    concern: Ref = Field(description="Which concern, for example C1")
    answer: Text = Field(description="What is behind it")


class Respond(Command, kind="respond", button="Respond to the concern"):
    """Say what was changed because of it, or why not."""

    concern: Ref = Field(description="Which concern, for example C1")
    text: Text = Field(description="What was changed, or why not")
    changed_something: bool = Field(default=False, description="Something was changed because of it")


class ResolveConcern(Command, kind="resolve_concern", button="Resolve my concern"):
    """My concern is settled. Only the person who raised it can say so."""

    concern: Ref = Field(description="Which concern, for example C1")
    because: OptionalText = Field(default="", description="What settled it")


class OverruleConcern(Command, kind="overrule_concern", button="Overrule the concern"):
    """Go on in spite of it, one level above the gate, with a reason. The dissent stays on record."""

    concern: Ref = Field(description="Which concern, for example C1")
    reason: Text = Field(description="Why the change goes on in spite of it")


# ------------------------------------------------------------------------------------------------------ events


class ConcernRaised(Event, kind="concern_raised", words="raised the {weight} concern {concern} “{title}”: {text}"):
    """A worry is on record."""

    concern: Ref
    title: str
    text: str
    code: ConcernCode
    blocking: bool
    weight: str
    would_settle: str = ""
    must_answer: tuple[Ref, ...] = ()
    ask_by: Moment | None = None


class WhyAsked(Event, kind="why_asked", words="asked why on {concern}: {question}"):
    """Somebody wants to understand."""

    concern: Ref
    question: str


class WhyAnswered(Event, kind="why_answered", words="answered why on {concern}: {answer}"):
    """What is behind it."""

    concern: Ref
    answer: str


class Responded(Event, kind="responded", words="responded to {concern}: {text}"):
    """What was changed because of it, or why not."""

    concern: Ref
    text: str
    changed_something: bool


class ConcernResolved(Event, kind="concern_resolved", words="resolved their concern {concern}. {because}"):
    """Settled, says the person who raised it."""

    concern: Ref
    because: str = ""


class ConcernOverruled(Event, kind="concern_overruled", words="overruled the concern {concern}: {reason}"):
    """The change goes on in spite of it; the dissent stays."""

    concern: Ref
    reason: str


# ------------------------------------------------------------------------------------------------------- rules


def _open_concern(change: Change, ref: str) -> Concern:
    concern = change.concern(ref)
    if concern is None:
        names = ", ".join(known.ref for known in change.concerns) or "none yet"
        invalid("unknown_concern", f"There is no concern called {ref} here. There are: {names}.", "/concern")
    if concern.status is not ConcernStatus.OPEN:
        invalid("concern_closed", f"{ref} is already {concern.status}.", "/concern")
    return concern


def _open_concerns(change: Change) -> tuple[Concern, ...]:
    return tuple(concern for concern in change.concerns if concern.status is ConcernStatus.OPEN)


def _some_concern_open(change: Change) -> None:
    is_open(change)
    if not _open_concerns(change):
        invalid("no_concern_open", "No concern is open on this change.", "/concern")


@decides(RaiseConcern, when=[is_open], who=anybody)
def _raise(change: Change, command: RaiseConcern, facts: Facts, now: datetime) -> Iterator[Event]:
    ref = f"C{len(change.concerns) + 1}"
    blocking = command.blocking or command.code is ConcernCode.R09
    yield ConcernRaised(
        concern=ref,
        title=command.title,
        text=command.text,
        code=command.code,
        blocking=blocking,
        weight="blocking" if blocking else "open",
        would_settle=command.would_settle,
        must_answer=who_must_answer(change, command.code, facts),
        ask_by=facts.norms.ask_why_by,
    )
    if blocking and change.gate and change.gate.last_call_until:
        yield GateReopened(gate=change.gate.name, what=GATE_WORDS[change.gate.name], concern=ref)


def who_must_answer(change: Change, code: ConcernCode, facts: Facts) -> tuple[str, ...]:
    """Who owes an answer to a reason like this (reference/champions.md 3.7); nobody to what somebody will not say."""
    authors = change.proposal.authors
    match code:
        case ConcernCode.R01 | ConcernCode.R02 | ConcernCode.R07:
            return authors
        case ConcernCode.R03 | ConcernCode.R05:
            return facts.seated(ENDORSE_TESTS) or authors
        case ConcernCode.R06 | ConcernCode.R08:
            return change.round.counting_endorsers or facts.seated(ENDORSE_TESTS) or authors
        case ConcernCode.R09:
            return facts.seated(change.gate.name if change.gate else START_ROLLOUT) or authors
        case ConcernCode.R04 | ConcernCode.R10:
            return tuple(dict.fromkeys((*authors, facts.process.owner)))
        case _:
            return ()


def _others_concern_open(change: Change, facts: Facts) -> None:
    anybody(change, facts)
    if all(concern.by == facts.actor.ref for concern in _open_concerns(change)):
        _own_to_answer()


def _own_to_answer() -> NoReturn:
    not_yours("own_concern", "This is your own concern. Others ask why; you answer.")


@decides(AskWhy, when=[_some_concern_open], who=_others_concern_open)
def _ask_why(change: Change, command: AskWhy, facts: Facts, now: datetime) -> Iterator[Event]:
    concern = _open_concern(change, command.concern)
    if concern.by == facts.actor.ref:
        _own_to_answer()
    yield WhyAsked(concern=concern.ref, question=command.question)


def _raised_one(change: Change, facts: Facts) -> None:
    anybody(change, facts)
    if not any(concern.by == facts.actor.ref for concern in _open_concerns(change)):
        not_yours("raiser_only", "Only the person who raised a concern can do that.")


def _own_concern(change: Change, facts: Facts, ref: str) -> Concern:
    concern = _open_concern(change, ref)
    if concern.by != facts.actor.ref:
        not_yours("raiser_only", "Only the person who raised a concern can do that.")
    return concern


@decides(AnswerWhy, when=[_some_concern_open], who=_raised_one)
def _answer_why(change: Change, command: AnswerWhy, facts: Facts, now: datetime) -> Iterator[Event]:
    concern = _own_concern(change, facts, command.concern)
    if all(why.answer for why in concern.whys):
        invalid("nothing_asked", "Nobody has asked why since you last answered.", "/concern")
    yield WhyAnswered(concern=concern.ref, answer=command.answer)


def _may_respond(change: Change, facts: Facts) -> None:
    """The people who carry the change, those who are asked at its gates, and whoever owes an answer."""
    owing = {person for concern in change.concerns for person in concern.must_answer}
    if facts.actor.ref in owing or any(gate.seat_of(facts.actor.ref) for gate in facts.gates.values()):
        return anybody(change, facts)
    return the_lead(change, facts)


@decides(Respond, when=[_some_concern_open], who=_may_respond)
def _respond(change: Change, command: Respond, facts: Facts, now: datetime) -> Iterator[Event]:
    concern = _open_concern(change, command.concern)
    yield Responded(concern=concern.ref, text=command.text, changed_something=command.changed_something)


@decides(ResolveConcern, when=[_some_concern_open], who=_raised_one)
def _resolve(change: Change, command: ResolveConcern, facts: Facts, now: datetime) -> Iterator[Event]:
    concern = _own_concern(change, facts, command.concern)
    yield ConcernResolved(concern=concern.ref, because=command.because)
    yield from _last_call_again(change, concern, facts, now)


def _last_call_again(change: Change, settled_now: Concern, facts: Facts, now: datetime) -> Iterator[Event]:
    """Where a concern had opened a gate again in its last call, another follows once nothing blocks it any more."""
    if change.gate and change.gate.reopened and all(c.ref == settled_now.ref for c in change.blocking_concerns):
        yield from settled(change, facts, change.gate.name, yes_at(change, change.gate.name), now)


def _one_level_up(change: Change, facts: Facts) -> None:
    """The manager of somebody who is asked at a gate of this change, or the head of the line."""
    not_an_author(change, facts)
    above = facts.above_the_gates()
    if facts.actor.ref not in above:
        names = ", ".join(sorted(facts.people[person].name for person in above if person in facts.people))
        not_yours(
            "one_level_up", f"A concern is overruled one level above the gate: {names or 'nobody at the moment'}."
        )


@decides(OverruleConcern, when=[_some_concern_open], who=_one_level_up)
def _overrule(change: Change, command: OverruleConcern, facts: Facts, now: datetime) -> Iterator[Event]:
    concern = _open_concern(change, command.concern)
    if concern.by == facts.actor.ref:
        not_yours("own_concern", "This is your own concern. You can resolve it, and not overrule it.")
    yield ConcernOverruled(concern=concern.ref, reason=command.reason)
    yield from _last_call_again(change, concern, facts, now)


# --------------------------------------------------------------------------------------------------- evolution


def _with_concern(change: Change, ref: str, **updates: object) -> Change:
    concerns = tuple(c.having(**updates) if c.ref == ref else c for c in change.concerns)
    return change.having(concerns=concerns)


def _recorded(change: Change, ref: str) -> Concern:
    return next(concern for concern in change.concerns if concern.ref == ref)


@evolves(ConcernRaised)
def _concern_raised(change: Change, event: ConcernRaised) -> Change:
    concern = Concern(
        ref=event.concern,
        title=event.title,
        text=event.text,
        code=event.code,
        blocking=event.blocking,
        would_settle=event.would_settle,
        by=event.by,
        at=event.at,
        must_answer=event.must_answer,
        ask_by=event.ask_by,
    )
    return change.having(concerns=(*change.concerns, concern))


@evolves(WhyAsked)
def _why_asked(change: Change, event: WhyAsked) -> Change:
    whys = (*_recorded(change, event.concern).whys, Why(by=event.by, at=event.at, question=event.question))
    return _with_concern(change, event.concern, whys=whys)


@evolves(WhyAnswered)
def _why_answered(change: Change, event: WhyAnswered) -> Change:
    whys = tuple(
        why if why.answer else why.having(answer=event.answer, answered_at=event.at)
        for why in _recorded(change, event.concern).whys
    )
    return _with_concern(change, event.concern, whys=whys)


@evolves(Responded)
def _responded(change: Change, event: Responded) -> Change:
    response = Response(by=event.by, at=event.at, text=event.text, changed_something=event.changed_something)
    return _with_concern(change, event.concern, responses=(*_recorded(change, event.concern).responses, response))


@evolves(ConcernResolved)
def _concern_resolved(change: Change, event: ConcernResolved) -> Change:
    return _with_concern(
        change, event.concern, status=ConcernStatus.RESOLVED, closed_by=event.by, closed_because=event.because
    )


@evolves(ConcernOverruled)
def _concern_overruled(change: Change, event: ConcernOverruled) -> Change:
    return _with_concern(
        change, event.concern, status=ConcernStatus.OVERRULED, closed_by=event.by, closed_because=event.reason
    )
