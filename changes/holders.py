"""Who holds something open on a change, and what becomes of it when they have left, moved or are away.

A gate asks somebody else by itself (:func:`changes.gates.replanned`). Everything else that one person carries is
noticed here: it is put on record, those who carry the change are told and can name somebody else, and where the rules
say who comes next it is handed on at once. Source: lifecycle.md, "Rules that always hold"; docs/decisions/0027.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Literal

from pydantic import Field

from changes.authors import CoProposerUnavailable
from changes.commands import Command
from changes.events import Event
from changes.facts import ANSWER_PROPOSAL, START_ROLLOUT, Facts, Seat, Whereabouts
from changes.held import Item, champions_at_work, held, to_be_run
from changes.learning import next_check_owner
from changes.recruiting import ChampionsPlanned, InvitationsExpired
from changes.refusals import invalid, wrong_stage
from changes.review import joined, owed
from changes.rules import decides, evolves, in_phase, the_lead
from changes.state import Change, ConcernStatus, InvitationStatus, Missing, Phase
from changes.values import Moment, OptionalText, PersonRef, Ref, TeamRef, enumerated

Why = Literal["left", "moved", "away"]


class NameTesters(Command, kind="name_testers", button="Name other testers"):
    """Somebody who was to run a test is not there any more. What was endorsed stays: the test itself is the same."""

    test: Ref = Field(description="Which test, for example T1")
    testers: tuple[PersonRef, ...] = Field(min_length=1, max_length=20, description="Who runs it from now on")
    reason: OptionalText = Field(default="", description="A word for the record")


class HolderGone(Event, kind="holder_gone", words="noticed that {person} {how}. Open because of that: {held}"):
    """Somebody with something open here is not where they were; those who carry the change are told."""

    person: PersonRef
    why: Why
    how: str
    held: str
    until: date | None = None
    team: TeamRef | None = None
    asked: tuple[Ref, ...] = ()
    """Who is to see to it: those who carry the change now."""
    speaking: tuple[Ref, ...] = ()
    """Who may speak for the change from now on, where the last of its authors has left."""
    overruling: tuple[Ref, ...] = ()
    """Who may settle the concerns of somebody who has left."""
    starting: tuple[Ref, ...] = ()
    """Who may start the wave that waits for somebody who has left."""


class HolderBack(Event, kind="holder_back", words="noticed that {person} is back"):
    """Somebody is where they were; what they held is theirs again, unless somebody else has taken it on."""

    person: PersonRef


class TestersNamed(Event, kind="testers_named", words="named {testers} to run {test}. {reason}"):
    """Other people run a test, because those named before are not there."""

    __test__ = False

    test: Ref
    testers: tuple[PersonRef, ...]
    before: tuple[Ref, ...]
    teams: dict[str, Ref] = Field(default_factory=dict)
    reason: str = ""


class CheckHandedOn(Event, kind="check_handed_on", words="handed the effect check {check} on to {owner}"):
    """The owner of an effect check has left, so the next in line owns it."""

    check: Ref
    owner: PersonRef
    before: Ref


class ReviewHandedOn(Event, kind="review_handed_on", words="asked {owner} to review, because {before} is not here"):
    """Whoever was to review the change is not there, so the next in line is asked, with their full time."""

    owner: PersonRef
    before: PersonRef
    asked: tuple[Seat, ...]
    due: Moment
    reminders: tuple[Moment, ...]


# ------------------------------------------------------------------------------------------------------- noticing


def noticed(change: Change, facts: Facts, now: datetime) -> Iterator[Event]:
    """What follows where somebody who holds something is not where they were, or is back; nothing where all are."""
    whereabouts = facts.whereabouts
    carried: dict[str, list[Item]] = {person: [] for person in whereabouts}
    for person, item in held(change):
        carried.setdefault(person, []).append(item)
    before = {one.person: one for one in change.missing}
    gone: list[HolderGone] = []
    for person, items in carried.items():
        if person not in whereabouts:
            continue
        known, where = before.get(person), whereabouts[person]
        why = _why(change, person, items, whereabouts)
        if why is None:
            if known:
                yield HolderBack(person=person)
        elif items and not (known and known.why == why and (why != "moved" or known.team == where.team)):
            gone.append(_gone(change, facts, person, why, items, now))
    yield from gone
    yield from _handed_on(change, facts, {event.person for event in gone if event.why == "left"})


def _why(change: Change, person: str, items: list[Item], whereabouts: Mapping[str, Whereabouts]) -> Why | None:
    """Why somebody is missed. An absence matters only where nobody else holds the same, because it ends by itself."""
    where = whereabouts[person]
    if not where.active:
        return "left"
    if any(team not in {None, where.team} for team in _teams_held_in(change, person, items)):
        return "moved"
    if where.away_until and any(_nobody_else(change, item, person, whereabouts) for item in items):
        return "away"
    return None


def _teams_held_in(change: Change, person: str, items: list[Item]) -> Iterator[str | None]:
    kinds = {item.kind for item in items}
    if "test" in kinds:
        yield change.round.teams.get(person)
    if "place" in kinds:
        yield _invited_in(change, person)


def _invited_in(change: Change, person: str) -> str | None:
    latest = {invitation.person: invitation.team for invitation in change.recruiting.invitations}
    return latest.get(person)


def _nobody_else(change: Change, item: Item, person: str, whereabouts: Mapping[str, Whereabouts]) -> bool:
    if item.kind == "test" and item.test:
        return not any(_is_here(whereabouts.get(other)) for other in item.test.testers)
    if item.kind == "place":
        team = whereabouts[person].team
        others = (whereabouts.get(other) for other in champions_at_work(change))
        return not any(_is_here(other) and other is not None and other.team == team for other in others)
    return False


def _is_here(where: Whereabouts | None) -> bool:
    return where is not None and where.active and where.away_until is None


def _gone(change: Change, facts: Facts, person: str, why: Why, items: list[Item], now: datetime) -> HolderGone:
    where = facts.whereabouts[person]
    authors = tuple(ref for ref in change.proposal.authors if _active(facts, ref))
    owner = (facts.process.owner,) if _active(facts, facts.process.owner) else ()
    speaking_now = () if authors else facts.seated(ANSWER_PROPOSAL)
    raised = why == "left" and any(item.kind in {"concern", "overruling"} for item in items)
    return HolderGone(
        person=person,
        why=why,
        how=_how(why, where),
        held=enumerated(dict.fromkeys(item.words for item in items)),
        until=where.away_until if why == "away" else None,
        team=where.team if why == "moved" else None,
        asked=tuple(ref for ref in dict.fromkeys((*authors, *owner)) if ref != person) or speaking_now,
        speaking=speaking_now,
        overruling=one_level_up(change, facts) if raised else (),
        starting=facts.seated(START_ROLLOUT) if any(item.kind == "wave" for item in items) else (),
    )


def _active(facts: Facts, person: str) -> bool:
    where = facts.whereabouts.get(person)
    if where is not None:
        return where.active
    known = facts.people.get(person)
    return known is not None and known.active


def one_level_up(change: Change, facts: Facts) -> tuple[str, ...]:
    """Who may overrule a concern, as far as the look-up knows them."""
    return tuple(ref for ref in facts.above_the_gates() if _active(facts, ref) and ref not in change.proposal.authors)


def _how(why: Why, where: Whereabouts) -> str:
    if why == "left":
        return "has left"
    if why == "away" and where.away_until:
        return f"is away until {where.away_until.day} {where.away_until:%B %Y}"
    return "has moved to another team"


def _handed_on(change: Change, facts: Facts, left: set[str]) -> Iterator[Event]:
    """What the rules hand on by themselves."""
    invited = {i.person for i in change.recruiting.invitations if i.status is InvitationStatus.SENT}
    if gone := tuple(ref for ref in facts.whereabouts if ref in invited and not facts.whereabouts[ref].active):
        yield InvitationsExpired(people=gone)
    for person in change.proposal.asked_to_join:
        if person in facts.whereabouts and not facts.whereabouts[person].active:
            yield CoProposerUnavailable(person=person)
    plan = facts.recommendation
    if plan is not None and plan.picks and left & set(champions_at_work(change)):
        yield ChampionsPlanned(plan=plan, places=plan.places, count=len(plan.picks))
    for check in change.learning.checks:
        if check.outcome is None and check.owner in left:
            owner = next_check_owner(change, facts)
            if owner is not None and owner not in left:
                yield CheckHandedOn(check=check.ref, owner=owner, before=check.owner)
    yield from _review_handed_on(change, facts)


def _review_handed_on(change: Change, facts: Facts) -> Iterator[Event]:
    review, gate = owed(change), facts.review
    asked = review.asked if review else ()
    missed = [seat.person for seat in asked if seat.person in facts.whereabouts and not _active(facts, seat.person)]
    if gate is None or not missed or len(missed) < len(asked):
        return
    seats = tuple(seat for seat in gate.seats if seat.person not in missed)
    if seats:
        asked = seats[:1] if review and not review.level else seats
        yield ReviewHandedOn(
            owner=asked[0].person, before=missed[0], asked=asked, due=gate.due, reminders=gate.reminders
        )


# ---------------------------------------------------------------------------------------------------------- rules


def _a_tester_is_missing(change: Change) -> None:
    in_phase(Phase.AWAITING_ENDORSEMENT, Phase.RUNNING_TESTS)(change)
    missing = {one.person for one in change.missing}
    if not any(missing & set(test.testers) for test in to_be_run(change)):
        wrong_stage(
            "testers_here", "Everybody who was named for a test is still there. To change the tests, propose them anew."
        )


@decides(NameTesters, when=[_a_tester_is_missing], who=the_lead)
def _name_testers(change: Change, command: NameTesters, facts: Facts, now: datetime) -> Iterator[Event]:
    missing = {one.person for one in change.missing}
    tests = {test.ref: test for test in to_be_run(change) if missing & set(test.testers)}
    if command.test not in tests:
        invalid("unknown_test", f"Other testers can be named for: {', '.join(tests)}.", "/test")
    for index, person in enumerate(command.testers):
        known = facts.people[person]
        if not known.active:
            invalid("not_active", f"{known.name} is not active any more.", f"/testers/{index}")
        if person in change.round.counting_endorsers:
            detail = f"{known.name} endorsed the tests, so somebody else runs them."
            invalid("endorsed_them", detail, f"/testers/{index}")
    yield TestersNamed(
        test=command.test,
        testers=tuple(dict.fromkeys(command.testers)),
        before=tests[command.test].testers,
        teams=facts.teams_of(command.testers),
        reason=command.reason,
    )


# ------------------------------------------------------------------------------------------------------ evolution


@evolves(HolderGone)
def _holder_gone(change: Change, event: HolderGone) -> Change:
    others = tuple(one for one in change.missing if one.person != event.person)
    missing = Missing(
        person=event.person,
        why=event.why,
        at=event.at,
        until=event.until,
        team=event.team,
        asked=event.asked,
        speaking=event.speaking,
    )
    change = change.having(missing=(*others, missing))
    if event.why != "left":
        return change
    if event.starting:
        change = change.having(rollout=change.rollout.having(starters=event.starting))
    return _place_open(_left_to(_carried_on(change, event), event), event)


def _carried_on(change: Change, event: HolderGone) -> Change:
    """Once the last author has left, whoever is asked now goes on in the place of each of them."""
    if not change.left.issuperset(change.proposal.authors):
        return change
    missing = tuple(
        one.having(asked=event.asked, speaking=event.speaking) if one.person in change.proposal.authors else one
        for one in change.missing
    )
    return change.having(missing=missing)


def _left_to(change: Change, event: HolderGone) -> Change:
    concerns = tuple(
        concern.having(left_to=event.overruling)
        if concern.status is ConcernStatus.OPEN and event.person in {concern.by, *concern.left_to}
        else concern
        for concern in change.concerns
    )
    return change.having(concerns=concerns)


def _place_open(change: Change, event: HolderGone) -> Change:
    if event.person not in change.recruiting.champions:
        return change
    invitations = tuple(
        invitation.having(status=InvitationStatus.GONE, answered_at=event.at)
        if invitation.person == event.person and invitation.status is InvitationStatus.ACCEPTED
        else invitation
        for invitation in change.recruiting.invitations
    )
    return change.having(recruiting=change.recruiting.having(invitations=invitations))


@evolves(HolderBack)
def _holder_back(change: Change, event: HolderBack) -> Change:
    return change.having(missing=tuple(one for one in change.missing if one.person != event.person))


@evolves(TestersNamed)
def _testers_named(change: Change, event: TestersNamed) -> Change:
    tests = tuple(test.having(testers=event.testers) if test.ref == event.test else test for test in change.round.tests)
    round_ = change.round.having(
        tests=tests,
        teams={**change.round.teams, **event.teams},
        named_at={**change.round.named_at, event.test: event.at},
    )
    missing = tuple(one for one in change.missing if one.why == "left" or one.person not in event.testers)
    return change.having(round=round_, missing=missing)


@evolves(CheckHandedOn)
def _check_handed_on(change: Change, event: CheckHandedOn) -> Change:
    checks = tuple(
        check.having(owner=event.owner) if check.ref == event.check else check for check in change.learning.checks
    )
    return change.having(learning=change.learning.having(checks=checks))


@evolves(ReviewHandedOn)
def _review_handed_on_to(change: Change, event: ReviewHandedOn) -> Change:
    if change.review is None:
        return change
    review = change.review.having(asked=event.asked, since=event.at, due=event.due, reminders=event.reminders)
    return change.having(review=review.having(joined=joined(review, event.at)))
