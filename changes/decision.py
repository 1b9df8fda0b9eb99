"""The whole business logic: decide what a command means, and evolve the state by what happened.

``decide`` and ``evolve`` are pure and deterministic: the workflow replays them, tests drive them without Temporal,
and the worker rebuilds a change from its recorded events with the same ``evolve``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime

# Importing the stages registers their rules; the order is the order of a change's life.
from changes import (
    anonymity,
    any_moment,
    authors,
    concerns,
    hearing,
    held,
    holders,
    learning,
    passing_time,
    proposal,
    publishing,
    recruiting,
    review,
    rollout,
    testing,
)
from changes.anonymity import check_anonymity, check_kind_spoken, pseudonyms_in
from changes.any_moment import StepAside
from changes.authors import JoinAuthors, LeaveAuthors, without_author, worked_on
from changes.commands import COMMANDS, Command, names_in
from changes.consequences import FOLLOWED, consequences
from changes.events import Event
from changes.facts import REVIEW, Facts, Picking, Subject
from changes.hearing import TakeOverFollowers
from changes.passing_time import (
    AuthorsReminded,
    LookAgain,
    NoticeTime,
    batch_to_look_at,
    falls_to_escalation,
    owed_step,
)
from changes.proposal import Revision, Submit, Submitted
from changes.publishing import MoveToNewerPolicy
from changes.recruiting import AcceptInvitation, PlanChampions
from changes.refusals import Refusal, RefusalKind, Refused, unknown
from changes.rules import EVOLUTIONS, RULES
from changes.state import Change, InvitationStatus, Stage
from changes.testing import EndorseWithChanges, ProposeTests
from changes.values import nobodys_name

STAGES = (
    proposal,
    hearing,
    authors,
    testing,
    recruiting,
    rollout,
    learning,
    review,
    concerns,
    any_moment,
    anonymity,
    publishing,
    holders,
    passing_time,
)
"""The modules whose rules make up a change's life."""

HUMAN_COMMANDS: Mapping[str, type[Command]] = {
    kind: command
    for stage in STAGES
    for kind, command in COMMANDS.items()
    if command.by_people and command.__module__ == stage.__name__
}
"""The commands that people give, by kind, in the order of a change's life."""


def decide(
    change: Change | None, command: Command, facts: Facts, now: datetime, expected_version: int | None = None
) -> tuple[Event, ...] | Refused:
    """What ``command`` means for ``change``, given ``facts`` as of ``now``.

    Args:
        change: the state, or None before the first command.
        command: what is asked for.
        facts: the look-up's answer to :func:`subject_of`.
        now: the moment of applying, aware.
        expected_version: the version the caller last saw; a newer state refuses as stale.

    Returns:
        The events, stamped with actor and time, or the refusal.
    """
    try:
        events = _stamped(_decide(change, command, facts, now, expected_version), change, facts, now)
        events = (*events, *_stamped(_following(change, events, facts), change, facts, now))
        return _with_reminder(change, events, facts)
    except Refusal as refusal:
        return refusal.refused


def _following(change: Change | None, events: tuple[Event, ...], facts: Facts) -> Iterable[Event]:
    if not any(isinstance(event, FOLLOWED) for event in events):
        return ()
    after = evolve_all(change, events, _NEW)
    return consequences(change, after, events, facts) if after else ()


_NEW = "new"
"""Stands for the reference of a change that is being submitted; no rule asks for it."""


def _stamped(events: Iterable[Event], change: Change | None, facts: Facts, now: datetime) -> tuple[Event, ...]:
    return tuple(_stamp(event, change, facts, now) for event in events)


def _stamp(event: Event, change: Change | None, facts: Facts, now: datetime) -> Event:
    event = event.having(by=_by(event, facts), at=now)
    if change is None or change.gate is None or type(event).kind not in _ANSWERS_AT_A_GATE:
        return event
    seat = facts.gates[change.gate.name].seat_of(event.by)
    return event.having(in_place_of=seat.stands_in_for) if seat and seat.stands_in_for else event


def _with_reminder(change: Change | None, events: tuple[Event, ...], facts: Facts) -> tuple[Event, ...]:
    """Where the authors owe a step from here on, the last event says when they are reminded of it."""
    if not events or change is None or facts.norms.step_reminder is None or isinstance(events[-1], AuthorsReminded):
        return events
    after = evolve_all(change, events)
    step = owed_step(after) if after else ""
    if not step or owed_step(change) == step:
        return events
    return (*events[:-1], events[-1].having(remind_at=facts.norms.step_reminder))


_ANSWERS_AT_A_GATE = {
    "said_back",
    "accepted_for_testing",
    "changes_asked",
    "declined",
    "marked_duplicate",
    "objected",
    "endorsed",
    "endorsed_with_changes",
    "signed",
    "coverage_signed",
}


def _by(event: Event, facts: Facts) -> str:
    """What follows by itself is Groundswell's doing, whoever caused it: a guard that pauses, a gate that is asked."""
    return event.by if type(event).kind in _BY_ITSELF else facts.actor.ref


_BY_ITSELF = {
    "gate_opened",
    "gate_passed",
    "gate_replanned",
    "gate_reopened",
    "reveal_granted",
    "guard_breached",
    "effect_checks_planned",
    "effect_check_opened",
    "policy_took_force",
    "superseded",
    "short_road_taken",
    "review_asked",
}


def _decide(
    change: Change | None, command: Command, facts: Facts, now: datetime, expected_version: int | None
) -> Iterable[Event]:
    if refused := refuse_unknown(command, facts.unknown):
        raise Refusal(refused.kind, refused.rule, refused.detail, refused.pointer)
    check_anonymity(command, facts)
    if isinstance(command, Submit):
        if change is not None:
            raise Refusal(RefusalKind.WRONG_STAGE, "submitted_already", "This change has already been submitted.")
        return proposal.submit(command, facts, now)
    if change is None:
        unknown("unknown_change", "There is no such change.")
    if expected_version is not None and expected_version != change.version:
        raise Refusal(
            RefusalKind.STALE,
            "stale_version",
            f"This change has moved on: you saw version {expected_version}, it is now at {change.version}. "
            "Look at it again, then decide.",
        )
    rule = RULES[type(command)]
    for condition in rule.when:
        condition(change)
    rule.who(change, facts)
    return rule.decide(change, command, facts, now)


def refuse_unknown(command: Command, unknown: Collection[str]) -> Refused | None:
    """The refusal for the first thing ``command`` names that is among ``unknown``; None where it names none of them."""
    for pointer, kind, ref in names_in(command):
        if ref in unknown or (kind == "person" and nobodys_name(ref)):
            detail = f"There is no {kind} called “{ref}”. Check the name."
            return Refused(kind=RefusalKind.INVALID, rule=f"unknown_{kind}", detail=detail, pointer=pointer)
    return None


def evolve(change: Change | None, event: Event, ref: str = "") -> Change:
    """The state after ``event``. ``ref`` names the change when the event is its first."""
    if isinstance(event, Submitted):
        return proposal.begin(ref, event).having(version=1)
    if change is None:
        raise ValueError(f"{type(event).kind} cannot be the first event of a change")
    evolved = EVOLUTIONS[type(event)](change, event)
    stays = evolved.phase is change.phase
    reminder: dict[str, object] = {}
    if event.remind_at is not None:
        reminder = {"step_reminder": event.remind_at, "step_reminders": 0}
    elif not stays and change.step_reminder is not None:
        reminder = {"step_reminder": None, "step_reminders": 0}
    since = change.phase_since if stays else event.at
    return evolved.having(version=change.version + 1, updated_at=event.at, phase_since=since, **reminder)


def evolve_all(change: Change | None, events: Iterable[Event], ref: str = "") -> Change | None:
    """The state after all ``events``, in order."""
    for event in events:
        change = evolve(change, event, ref)
    return change


def offers(change: Change, facts: Facts) -> tuple[str, ...]:
    """The kinds of command that ``facts.actor`` may give now, by the same rules that will answer them."""
    return tuple(kind for kind, command in HUMAN_COMMANDS.items() if command in RULES and _allowed(change, kind, facts))


def _allowed(change: Change, kind: str, facts: Facts) -> bool:
    rule = RULES[HUMAN_COMMANDS[kind]]
    try:
        check_kind_spoken(kind, facts)
        for condition in rule.when:
            condition(change)
        rule.who(change, facts)
    except Refusal:
        return False
    return True


def subject_of(change: Change | None, command: Command | None, actor: str, now: datetime) -> Subject:
    """What has to be looked up to decide ``command``; with no command, to say what may be offered.

    Raises:
        Refusal: when there is neither a change nor a submission to ask about.
    """
    named = tuple(names_in(command)) if command else ()
    if change is None:
        if not isinstance(command, Submit):
            unknown("unknown_change", "There is no such change.")
        content, proposer = command.content, command.proposer or actor
    else:
        content, proposer = change.proposal.content, change.proposal.proposer
        if isinstance(command, Revision):
            content = command.applied_to(content)
    people = [ref for _, kind, ref in named if kind == "person"]
    proposal = change.proposal if change else None
    if proposal and isinstance(command, LeaveAuthors) and actor in proposal.authors and len(proposal.authors) > 1:
        proposal = without_author(proposal, actor)
    if proposal and isinstance(command, JoinAuthors):
        proposal = proposal.having(co_proposers=(*proposal.co_proposers, actor))
    reckoned = change.gate if change and isinstance(command, NoticeTime | LookAgain) else None
    return Subject(
        policy=change.policy if change and not isinstance(command, MoveToNewerPolicy) else None,
        proposer=proposal.proposer if proposal else proposer,
        filer=proposal.filer if proposal else actor,
        co_proposers=proposal.co_proposers if proposal else (),
        process=content.process,
        affected_teams=content.affected_teams,
        people_affected=content.people_affected,
        cost=content.cost,
        reversible=content.reversible,
        customer_facing=content.customer_facing,
        regulated=content.regulated,
        urgency=content.urgency,
        kind="policy" if content.policy else "process",
        candidate=content.policy,
        deciders=review.deciders(change) if change else (),
        endorsers=change.round.counting_endorsers if change else (),
        testers=change.round.testers if change else (),
        levels=_levels(change, command, now),
        champions=_champions(change, command, actor),
        recruits=change is not None and change.stage in {Stage.CHAMPIONS, Stage.ROLLOUT},
        named=tuple(dict.fromkeys([*people, *(_everyone_in(change) if change else ())])),
        named_teams=tuple(dict.fromkeys([ref for _, kind, ref in named if kind == "team"] + _teams_in(change))),
        named_processes=tuple(ref for _, kind, ref in named if kind == "process"),
        named_changes=tuple(ref for _, kind, ref in named if kind == "change"),
        named_policies=tuple(ref for _, kind, ref in named if kind == "policy"),
        picking=_picking(change, command, now),
        change=change.ref if change else "",
        wrote_tests=actor if isinstance(command, ProposeTests) else _wrote_tests(change),
        stepped_aside=_stepped_aside(change, command, actor),
        open_gate=reckoned.name if reckoned else "",
        asked_since=(reckoned.asked_since or reckoned.opened_at) if reckoned else None,
        duplicate=command.duplicate if isinstance(command, TakeOverFollowers) else None,
        revealing=change is not None and bool(pseudonyms_in(change)),
        holders=_holders(change, command),
    )


def _holders(change: Change | None, command: Command | None) -> tuple[str, ...]:
    """Those who hold something open when Groundswell looks again, and those who are to run a test from now on."""
    match command:
        case LookAgain() if change is not None:
            return held.everyone_holding(change)
        case ProposeTests(tests=tests) | EndorseWithChanges(tests=tests):
            return tuple(dict.fromkeys(person for test in tests for person in test.testers))
        case _:
            return ()


def _wrote_tests(change: Change | None) -> str | None:
    """Whoever wrote the tests does not endorse them; who endorsed them with changes of their own has endorsed."""
    if change is None or change.round.proposed_by in change.round.counting_endorsers:
        return None
    return change.round.proposed_by


def _stepped_aside(change: Change | None, command: Command | None, actor: str) -> tuple[str, ...]:
    if change is None:
        return ()
    leaves = isinstance(command, LeaveAuthors) and worked_on(change, actor)
    return (*change.stepped_aside, actor) if leaves or isinstance(command, StepAside) else change.stepped_aside


def _levels(change: Change | None, command: Command | None, now: datetime) -> dict[str, int]:
    if change is None:
        return {}
    noticing = isinstance(command, NoticeTime)
    levels = {}
    if change.gate is not None:
        levels[change.gate.name] = change.gate.level + (noticing and falls_to_escalation(change, now))
    if change.review is not None:
        levels[REVIEW] = change.review.level + (noticing and review.falls_to_more(change, now))
    return {name: level for name, level in levels.items() if level}


def _champions(change: Change | None, command: Command | None, actor: str) -> tuple[str, ...]:
    if change is None:
        return ()
    accepting = (actor,) if isinstance(command, AcceptInvitation) else ()
    return tuple(dict.fromkeys((*change.recruiting.champions, *accepting)))


def _everyone_in(change: Change) -> Iterator[str]:
    yield from change.proposal.authors
    yield from change.round.testers
    for seat in change.gate.asked if change.gate else ():
        yield seat.person
    for invitation in change.recruiting.invitations:
        yield invitation.person
    for check in change.learning.checks:
        yield check.owner
    for concern in change.concerns:
        yield concern.by
    for seat in change.review.asked if change.review else ():
        yield seat.person
    yield from change.proposal.asked_to_join


def _teams_in(change: Change | None) -> list[str]:
    return [team for progress in change.rollout.waves for team in progress.wave.teams] if change else []


def _picking(change: Change | None, command: Command | None, now: datetime) -> Picking | None:
    if change is None:
        return None
    recruiting, places = change.recruiting, None
    batch = batch_to_look_at(change) if isinstance(command, NoticeTime) else None
    if isinstance(command, PlanChampions):
        places = command.places or recruiting.places or None
    elif batch and now >= batch[1]:
        places = recruiting.places
    elif isinstance(command, LookAgain) and held.champions_at_work(change) and recruiting.places:
        places = recruiting.places
    else:
        return None
    gone = (InvitationStatus.DECLINED, InvitationStatus.EXPIRED, InvitationStatus.STEPPED_DOWN, InvitationStatus.GONE)
    return Picking(
        places=places,
        batches=len({invitation.at for invitation in recruiting.invitations}) if batch else 0,
        accepted=len(recruiting.champions) + sum(len(recruiting.with_status(status)) for status in gone[2:]),
        silent=sum(len(recruiting.with_status(status)) for status in gone[:2])
        + sum(i.status is InvitationStatus.SENT and i.due <= now for i in recruiting.invitations),
        asked=recruiting.with_status(InvitationStatus.SENT),
        not_again=tuple(person for status in gone for person in recruiting.with_status(status)),
        volunteers=tuple(person for person, level in recruiting.interest.items() if level == "keen"),
        votes={person: len(voters) for person, voters in recruiting.nominations.items()},
        introductions=tuple((i.person, i.to) for i in recruiting.introductions),
        only_if_lost=isinstance(command, LookAgain),
    )


__all__ = ["HUMAN_COMMANDS", "STAGES", "decide", "evolve", "evolve_all", "offers", "refuse_unknown", "subject_of"]
