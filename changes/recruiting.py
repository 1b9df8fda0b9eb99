"""The champions stage: colleagues are asked, say yes or no freely, and somebody signs that every group is covered.

Source: lifecycle.md, "Champions"; reference/champions.md 3.2 (eligibility), 3.4 (invitations), 3.8 (gate).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Literal

from pydantic import Field

from changes.commands import Command
from changes.events import Event
from changes.facts import START_ROLLOUT, Facts, Recommendation, UnitCoverage
from changes.gates import ask, held_by_concern, settled, yes_at
from changes.refusals import invalid, not_yours, wrong_stage
from changes.rules import Authority, anybody, decides, evolves, in_stage, no_blocking_concern, seat_at, the_lead
from changes.state import (
    Change,
    ConcernCode,
    Conversation,
    CoverageSignature,
    Introduction,
    Invitation,
    InvitationStatus,
    Phase,
    Stage,
)
from changes.values import Moment, OptionalText, PersonRef, Ref, TeamRef, Text

# ---------------------------------------------------------------------------------------------------- commands


class Nominate(Command, kind="nominate", button="Name somebody people go to"):
    """Whom do you go to for advice? They are not told who named them."""

    person: PersonRef = Field(description="A colleague")


class DeclareInterest(Command, kind="declare_interest", button="Say how interested you are"):
    """Tell the planner, and nobody else, whether you would like to be asked."""

    level: Literal["keen", "curious", "unsure", "not_for_me_now"] = Field(description="How interested you are")


class PlanChampions(Command, kind="plan_champions", button="Recommend champions"):
    """Have colleagues recommended, with reasons. The recommendation is kept as it was made."""

    places: int | None = Field(
        default=None, ge=1, le=10_000, description="How many places; left out, the policy's ratio decides"
    )


class OpenPlaces(Command, kind="open_places", button="Open places to volunteers"):
    """Say openly how many more champions are wanted."""

    count: int = Field(ge=0, le=10_000, description="How many places are open to volunteers")


class Invite(Command, kind="invite", button="Invite champions"):
    """Ask colleagues. Saying no is free, silent and needs no reason."""

    people: tuple[PersonRef, ...] = Field(min_length=1, max_length=500, description="Whom to invite")


class AcceptInvitation(Command, kind="accept_invitation", button="Yes, I will be a champion"):
    """Accept a champion's place."""


class DeclineInvitation(Command, kind="decline_invitation", button="Not this time"):
    """Say no. Nobody is told, and no reason is asked."""


class StepDown(Command, kind="step_down", button="Step down as champion"):
    """Give the place back, at any time and without a reason."""


class LogConversation(Command, kind="log_conversation", button="Log a conversation"):
    """Note a talk with colleagues: what they said, never who said it."""

    team: TeamRef = Field(description="In which team")
    people: int = Field(default=1, ge=1, le=1_000, description="With how many colleagues")
    note: Text = Field(description="What came up; no names, please")
    reason_code: ConcernCode | None = Field(default=None, description="The reason behind any hesitation")


class Introduce(Command, kind="introduce", button="Introduce two people"):
    """Link two colleagues who can help each other."""

    person: PersonRef = Field(description="Whom you introduce")
    to: PersonRef = Field(description="To whom")
    why: Text = Field(description="What they can do for each other")


class SignCoverage(Command, kind="sign_coverage", button="Sign champion coverage"):
    """Go, go with conditions, or hold: is every affected group covered, and is the rollout plan sound?"""

    decision: Literal["go", "go_with_conditions", "hold"] = Field(description="Your decision")
    conditions: OptionalText = Field(default="", description="The conditions, or what is missing")


# ------------------------------------------------------------------------------------------------------ events


class Nominated(Event, kind="nominated", words="named a colleague people go to", discreet=True):
    """A vote about a person; only counts are ever shown."""

    person: Ref


class InterestDeclared(Event, kind="interest_declared", words="said how interested they are", discreet=True):
    """Seen by the person and the planner only."""

    level: str


class ChampionsPlanned(Event, kind="champions_planned", words="had {count} colleagues recommended for {places} places"):
    """A recommendation, frozen as evidence."""

    plan: Recommendation
    places: int
    count: int


class PlacesOpened(Event, kind="places_opened", words="opened {count} places to volunteers"):
    """Open places."""

    count: int


class Invited(Event, kind="invited", words="invited {count} colleagues to be champions"):
    """Colleagues were asked."""

    invitations: tuple[Invitation, ...]
    count: int


class InvitationAccepted(Event, kind="invitation_accepted", words="accepted a champion's place"):
    """A yes."""


class InvitationDeclined(Event, kind="invitation_declined", words="is not available this time", secret=True):
    """A no: free, silent, unexplained."""


class InvitationsExpired(
    Event, kind="invitations_expired", words="saw invitations pass without an answer", discreet=True
):
    """Silence, which looks the same as a no."""

    people: tuple[Ref, ...]


class InvitationsReminded(Event, kind="invitations_reminded", words="reminded colleagues who have not answered yet"):
    """The one reminder of an invitation."""

    people: tuple[Ref, ...]


class SteppedDown(Event, kind="stepped_down", words="gave a champion's place back"):
    """A place is free again."""


class ConversationLogged(Event, kind="conversation_logged", words="talked with {people} colleagues in {team}: {note}"):
    """A talk with colleagues."""

    team: TeamRef
    people: int
    note: str
    reason_code: str = ""


class Introduced(Event, kind="introduced", words="introduced {person} to {to}: {why}"):
    """Two people were linked."""

    person: PersonRef
    to: PersonRef
    why: str


class CoverageSigned(Event, kind="coverage_signed", words="decided on champion coverage: {decision}. {conditions}"):
    """A signature, with the coverage table it was based on."""

    decision: Literal["go", "go_with_conditions", "hold"]
    conditions: str = ""
    coverage: tuple[UnitCoverage, ...]
    plan_version: int
    meaning: str = "Every affected group is covered as shown, and the rollout may start."


class CampaignEnded(Event, kind="campaign_ended", words="the time for recruiting champions is over"):
    """The campaign's time is over; the gate decides with what there is."""


# ------------------------------------------------------------------------------------------------------- rules

recruiting = (in_stage(Stage.CHAMPIONS, Stage.ROLLOUT),)


@decides(Nominate, when=recruiting, who=anybody)
def _nominate(change: Change, command: Nominate, facts: Facts, now: datetime) -> Iterator[Event]:
    if command.person == facts.actor.ref:
        invalid("own_nomination", "Please name somebody else. You can declare your own interest.", "/person")
    if facts.actor.ref in change.recruiting.nominations.get(command.person, ()):
        invalid("named_already", "You have already named this colleague.", "/person")
    if facts.actor.manager == command.person:
        invalid("own_manager", "Votes for one's own manager are not counted. Please name a colleague.", "/person")
    yield Nominated(person=command.person)


@decides(DeclareInterest, when=recruiting, who=anybody)
def _declare_interest(change: Change, command: DeclareInterest, facts: Facts, now: datetime) -> Iterator[Event]:
    yield InterestDeclared(level=command.level)


@decides(PlanChampions, when=recruiting, who=the_lead)
def _plan_champions(change: Change, command: PlanChampions, facts: Facts, now: datetime) -> Iterator[Event]:
    if facts.recommendation is None:
        raise RuntimeError("the look-up for plan_champions must bring a recommendation")
    plan = facts.recommendation
    yield ChampionsPlanned(plan=plan, places=plan.places, count=len(plan.picks))


@decides(OpenPlaces, when=recruiting, who=the_lead)
def _open_places(change: Change, command: OpenPlaces, facts: Facts, now: datetime) -> Iterator[Event]:
    yield PlacesOpened(count=command.count)


def _why_not(change: Change, facts: Facts, ref: str, now: datetime) -> str | None:
    """Why this colleague cannot be invited, in words, or None. Hard rules of reference/champions.md 3.2 and 3.4.

    A no and silence look the same: until the time to answer has passed both have been asked, then neither is available.
    """
    person = facts.people[ref]
    latest = next(
        (invitation for invitation in reversed(change.recruiting.invitations) if invitation.person == ref), None
    )
    involved = {*change.proposal.authors, *change.round.testers, *change.round.counting_endorsers}
    if ref in involved:
        return f"{person.name} already has another part in this change"
    if facts.gates[START_ROLLOUT].seat_of(ref):
        return f"{person.name} decides at the gate"
    if not person.active:
        return f"{person.name} is not active any more"
    if person.leads_people:
        return f"{person.name} leads people; a champion is a colleague among colleagues"
    if latest and latest.status is InvitationStatus.ACCEPTED:
        return f"{person.name} is already a champion of this change"
    if latest and latest.status is not InvitationStatus.STEPPED_DOWN and now < latest.due:
        return f"{person.name} has already been asked"
    if latest or not person.open_to_invitations:
        return f"{person.name} is not available for this campaign"
    if facts.campaigns.get(ref, 0) >= facts.norms.open_campaigns_per_person:
        return f"{person.name} is already champion of another change"
    return None


@decides(Invite, when=recruiting, who=the_lead)
def _invite(change: Change, command: Invite, facts: Facts, now: datetime) -> Iterator[Event]:
    for index, ref in enumerate(command.people):
        if ref in command.people[:index]:
            invalid("named_twice", f"{facts.people[ref].name} is named twice.", f"/people/{index}")
        if reason := _why_not(change, facts, ref, now):
            invalid("not_invitable", f"{reason}. Leave them out and invite somebody else.", f"/people/{index}")
    plan = change.recruiting.plans[-1] if change.recruiting.plans else None
    reasons = {pick.person: pick.reasons for pick in plan.picks} if plan else {}
    invitations = tuple(
        Invitation(
            person=ref,
            at=now,
            due=facts.norms.invitation_due,
            reminder=facts.norms.invitation_reminder,
            reasons=reasons.get(ref, ()),
            team=facts.people[ref].team,
        )
        for ref in command.people
    )
    yield Invited(invitations=invitations, count=len(invitations))


def _invitation_of(change: Change, facts: Facts, *statuses: InvitationStatus) -> Invitation:
    for invitation in reversed(change.recruiting.invitations):
        if invitation.person == facts.actor.ref and invitation.status in statuses:
            return invitation
    not_yours("not_invited", "There is no open invitation for you here. You can declare your interest instead.")


def _holds_invitation(*statuses: InvitationStatus) -> Authority:
    def authority(change: Change, facts: Facts) -> None:
        anybody(change, facts)
        _invitation_of(change, facts, *statuses)

    return authority


@decides(AcceptInvitation, when=recruiting, who=_holds_invitation(InvitationStatus.SENT, InvitationStatus.EXPIRED))
def _accept_invitation(change: Change, command: AcceptInvitation, facts: Facts, now: datetime) -> Iterator[Event]:
    yield InvitationAccepted()
    # The look-up counts this acceptance in already, so the gate is asked in the same breath as coverage is complete.
    if change.stage is Stage.CHAMPIONS and change.gate is None and not gaps(facts) and not held_by_concern(change):
        yield from ask(change, facts, START_ROLLOUT, now)


def gaps(facts: Facts) -> tuple[UnitCoverage, ...]:
    """The affected teams that have no champion yet."""
    return tuple(unit for unit in facts.coverage if unit.champions == 0 and unit.members > 0)


@decides(DeclineInvitation, when=recruiting, who=_holds_invitation(InvitationStatus.SENT))
def _decline_invitation(change: Change, command: DeclineInvitation, facts: Facts, now: datetime) -> Iterator[Event]:
    yield InvitationDeclined()


@decides(StepDown, when=recruiting, who=_holds_invitation(InvitationStatus.ACCEPTED))
def _step_down(change: Change, command: StepDown, facts: Facts, now: datetime) -> Iterator[Event]:
    yield SteppedDown()


def _a_champion(change: Change, facts: Facts) -> None:
    anybody(change, facts)
    if facts.actor.ref not in change.recruiting.champions:
        not_yours("champions_only", "Only the champions of this change log conversations.")


@decides(LogConversation, when=recruiting, who=_a_champion)
def _log_conversation(change: Change, command: LogConversation, facts: Facts, now: datetime) -> Iterator[Event]:
    yield ConversationLogged(
        team=command.team, people=command.people, note=command.note, reason_code=command.reason_code or ""
    )


@decides(Introduce, when=recruiting, who=anybody)
def _introduce(change: Change, command: Introduce, facts: Facts, now: datetime) -> Iterator[Event]:
    if command.person == command.to:
        invalid("same_person", "An introduction needs two people.", "/to")
    yield Introduced(person=command.person, to=command.to, why=command.why)


def _something_to_sign(change: Change) -> None:
    in_stage(Stage.CHAMPIONS, Stage.ROLLOUT)(change)
    if change.stage is Stage.ROLLOUT and change.rollout.signed_version == change.rollout.plan_version:
        wrong_stage("signed_already", "The rollout plan as it is now has already been signed.")
    if change.stage is Stage.CHAMPIONS and change.phase is not Phase.RECRUITING:
        wrong_stage("wrong_stage", "Champion coverage is signed while champions are being recruited.")


@decides(SignCoverage, when=[_something_to_sign, no_blocking_concern], who=seat_at(START_ROLLOUT))
def _sign_coverage(change: Change, command: SignCoverage, facts: Facts, now: datetime) -> Iterator[Event]:
    version = change.rollout.plan_version
    if command.decision != "go" and not command.conditions:
        invalid("say_what_is_missing", "Say what the conditions are, or what is missing.", "/conditions")
    uncovered = gaps(facts)
    if command.decision == "go" and facts.norms.cover_every_unit and uncovered:
        names = ", ".join(unit.name for unit in uncovered)
        invalid(
            "units_without_champion",
            f"No champion yet in: {names}. Go with conditions that say how this is closed, or hold.",
            "/decision",
        )
    yield CoverageSigned(
        decision=command.decision, conditions=command.conditions, coverage=facts.coverage, plan_version=version
    )
    if command.decision == "hold":
        return
    yield from settled(change, facts, START_ROLLOUT, (*yes_at(change, START_ROLLOUT), facts.actor.ref), now)


# --------------------------------------------------------------------------------------------------- evolution


@evolves(Nominated)
def _nominated(change: Change, event: Nominated) -> Change:
    votes = dict(change.recruiting.nominations)
    votes[event.person] = (*votes.get(event.person, ()), event.by)
    return change.having(recruiting=change.recruiting.having(nominations=votes))


@evolves(InterestDeclared)
def _interest_declared(change: Change, event: InterestDeclared) -> Change:
    interest = {**change.recruiting.interest, event.by: event.level}
    return change.having(recruiting=change.recruiting.having(interest=interest))


@evolves(ChampionsPlanned)
def _champions_planned(change: Change, event: ChampionsPlanned) -> Change:
    plans = (*change.recruiting.plans, event.plan)
    recruiting = change.recruiting.having(plans=plans, places=event.places, planned_at=event.at, to_invite=True)
    return change.having(recruiting=recruiting)


@evolves(PlacesOpened)
def _places_opened(change: Change, event: PlacesOpened) -> Change:
    return change.having(recruiting=change.recruiting.having(open_places=event.count))


@evolves(Invited)
def _invited(change: Change, event: Invited) -> Change:
    invitations = (*change.recruiting.invitations, *event.invitations)
    return change.having(recruiting=change.recruiting.having(invitations=invitations, to_invite=False))


def _answered(change: Change, people: tuple[str, ...], status: InvitationStatus, at: Moment) -> Change:
    latest = {invitation.person: index for index, invitation in enumerate(change.recruiting.invitations)}
    at_stake = {latest[person] for person in people if person in latest}
    invitations = tuple(
        invitation.having(status=status, answered_at=at, reminder=None) if index in at_stake else invitation
        for index, invitation in enumerate(change.recruiting.invitations)
    )
    return change.having(recruiting=change.recruiting.having(invitations=invitations))


@evolves(InvitationAccepted)
def _invitation_accepted(change: Change, event: InvitationAccepted) -> Change:
    return _answered(change, (event.by,), InvitationStatus.ACCEPTED, event.at)


@evolves(InvitationDeclined)
def _invitation_declined(change: Change, event: InvitationDeclined) -> Change:
    return _answered(change, (event.by,), InvitationStatus.DECLINED, event.at)


@evolves(InvitationsExpired)
def _invitations_expired(change: Change, event: InvitationsExpired) -> Change:
    return _answered(change, event.people, InvitationStatus.EXPIRED, event.at)


@evolves(InvitationsReminded)
def _invitations_reminded(change: Change, event: InvitationsReminded) -> Change:
    invitations = tuple(
        invitation.having(reminder=None) if invitation.person in event.people else invitation
        for invitation in change.recruiting.invitations
    )
    return change.having(recruiting=change.recruiting.having(invitations=invitations))


@evolves(SteppedDown)
def _stepped_down(change: Change, event: SteppedDown) -> Change:
    return _answered(change, (event.by,), InvitationStatus.STEPPED_DOWN, event.at)


@evolves(ConversationLogged)
def _conversation_logged(change: Change, event: ConversationLogged) -> Change:
    conversation = Conversation(
        by=event.by, at=event.at, team=event.team, people=event.people, note=event.note, reason_code=event.reason_code
    )
    conversations = (*change.recruiting.conversations, conversation)
    return change.having(recruiting=change.recruiting.having(conversations=conversations))


@evolves(Introduced)
def _introduced(change: Change, event: Introduced) -> Change:
    introduction = Introduction(by=event.by, at=event.at, person=event.person, to=event.to, why=event.why)
    introductions = (*change.recruiting.introductions, introduction)
    return change.having(recruiting=change.recruiting.having(introductions=introductions))


@evolves(CoverageSigned)
def _coverage_signed(change: Change, event: CoverageSigned) -> Change:
    signature = CoverageSignature(
        person=event.by,
        at=event.at,
        decision=event.decision,
        conditions=event.conditions,
        coverage=event.coverage,
        about_version=event.plan_version,
    )
    return change.having(recruiting=change.recruiting.having(signatures=(*change.recruiting.signatures, signature)))


@evolves(CampaignEnded)
def _campaign_ended(change: Change, event: CampaignEnded) -> Change:
    return change.having(recruiting=change.recruiting.having(campaign_due=None))
