"""What a policy says about one change: its route, its gates, what may be decided alone, by when; all with reasons.

Pure: the same policy, directory, subject and moment always give the same answer. Nothing here walks through all people
(issue 3: below 5 ms with 100 routes and 20,000 people).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime

from changes.facts import (
    GATES,
    REVIEW,
    SYSTEM,
    Empowerment,
    Facts,
    GateFacts,
    Norms,
    PersonFacts,
    ProcessFacts,
    RouteFacts,
    Subject,
    Whereabouts,
)
from changes.values import is_erased, is_pseudonym, nobodys_name
from directory.model import Directory
from directory.standing_in import NOBODY_STANDS_IN, StandIns
from policies.case import Case
from policies.judgements import Judgements, judge
from policies.relations import candidates
from policies.schema import REVEAL, Policy
from policies.working_time import working_time


def choose_route(policy: Policy, directory: Directory, subject: Subject, today: date) -> RouteFacts:
    """The first route that fits a change. The reasons tell it first, then each route before it that did not fit.

    ``today`` is not asked for yet: no field of a condition depends on the day.
    """
    return judge(policy, directory, subject, today=today).route


def seats_for(policy: Policy, directory: Directory, subject: Subject, gate_name: str, now: datetime) -> GateFacts:
    """One gate as it would be asked now, also :data:`policies.schema.REVEAL`; without seats if nobody can be asked.

    Raises:
        LookupError: no such gate.
    """
    return judge(policy, directory, subject, today=working_time(policy.time).today(now)).gate(gate_name, now)


def empowerment_of(policy: Policy, directory: Directory, subject: Subject, now: datetime) -> Empowerment:
    """Whether the proposer may decide alone, with every limit explained, and until when their manager may object."""
    return judge(policy, directory, subject, today=working_time(policy.time).today(now)).empowerment(now)


def norms_of(policy: Policy, now: datetime) -> Norms:
    """The policy's numbers, with its durations counted from ``now``."""
    calendar = working_time(policy.time)
    champions = policy.champions
    invitation_due, reminders = calendar.window(now, champions.invitation)
    return Norms(
        free_edit_until=calendar.add(now, policy.proposal.free_edit),
        invitation_due=invitation_due,
        invitation_reminder=reminders[0] if reminders else invitation_due,
        campaign_due=calendar.add(now, champions.campaign),
        expires=calendar.add(now, policy.escalation.expire_after),
        effect_checks=tuple(calendar.add(now, check) for check in policy.learning.effect_checks),
        escalation_levels=policy.escalation.levels,
        people_per_champion=getattr(champions.ratio, champions.assume),
        cover_every_unit=champions.cover_every_unit,
        smallest_adoption=policy.rollout.smallest_adoption,
        open_campaigns_per_person=champions.open_campaigns_per_person,
        open_rollouts_per_team=policy.rollout.load.open_rollouts_per_team,
        quiet_until=calendar.add(now, policy.escalation.nudge_at_most_every),
        last_call_until=calendar.add(now, policy.proposal.last_call),
        ask_why_by=calendar.add(now, policy.concerns.ask_why_within),
        step_reminder=calendar.add(now, policy.proposal.answer_in),
        anonymous_proposals=policy.anonymity.proposals == "allowed",
        anonymous_concerns=policy.anonymity.concerns == "allowed",
        co_proposers_asked=True,
    )


def facts_for(
    policy: Policy,
    directory: Directory,
    subject: Subject,
    actor: str,
    now: datetime,
    stand_ins: StandIns = NOBODY_STANDS_IN,
    judgements: Judgements | None = None,
) -> Facts:
    """Everything the rules ask about a change and one actor at one moment, except what only the store knows.

    ``campaigns`` and ``rollouts`` are left empty. ``unknown`` lists references that the directory does not hold. An
    actor it does not hold is described as nobody active; a process it does not hold as owned by
    :data:`changes.facts.SYSTEM`. ``judgements`` are those that were made before, of the same organisation and day.
    """
    today = working_time(policy.time).today(now)
    judgements = judgements or Judgements(directory, stand_ins, today)
    judgement = judgements.of(policy, subject)
    case = judgement.case
    gates = {name: judgement.gate(name, now) for name in GATES}
    named = _named(subject, actor)
    reveal = judgement.gate(REVEAL, now) if subject.revealing else None
    people = dict.fromkeys([*named, *_seated(gates), *_around(directory, subject)])
    review = judgement.gate(REVIEW, now) if case.route.review_within else None
    told = _told(case) if review else ()
    people |= dict.fromkeys([seat.person for seat in review.seats] if review else ())
    people |= dict.fromkeys(_above(directory, gates) if subject.holders else ())
    proposer = directory.people.get(subject.proposer)
    teams = dict.fromkeys([*subject.affected_teams, *subject.named, *([proposer.team] if proposer else [])])
    since = subject.asked_since
    return Facts(
        actor=_actor(directory, actor, today),
        route=judgement.route,
        gates=gates,
        empowerment=judgement.empowerment(now),
        norms=norms_of(policy, now),
        process=_process(directory, subject.process),
        people={
            ref: judgements.person(ref) if ref in directory.people else _nobody(ref)
            for ref in people
            if ref in directory.people or nobodys_name(ref)
        },
        teams={ref: directory.team_facts(ref) for ref in teams if ref in directory.teams},
        reveal=reveal,
        asked_anew=judgement.gate_since(subject.open_gate, since, now) if since else None,
        review=review,
        told=told,
        whereabouts=_whereabouts(directory, subject, stand_ins, today),
        unknown=tuple(_unknown(directory, subject, named)),
    )


def _whereabouts(directory: Directory, subject: Subject, stand_ins: StandIns, today: date) -> dict[str, Whereabouts]:
    found = {}
    for ref in subject.holders:
        person = directory.people.get(ref)
        if person is not None:
            announced = stand_ins.away_until(ref, today)
            until = max((day for day in (announced, person.away_until) if day and day >= today), default=None)
            found[ref] = Whereabouts(active=person.active, away_until=until, team=person.team)
    return found


def _above(directory: Directory, gates: dict[str, GateFacts]) -> Iterator[str]:
    """The managers of those asked: they have the word on a concern that nobody is left to resolve."""
    for gate in gates.values():
        for seat in gate.seats:
            person = directory.people.get(seat.person)
            if person is not None and person.manager is not None:
                yield person.manager


def _told(case: Case) -> tuple[str, ...]:
    """Who hears at once of a change on a route that must be reviewed."""
    found = (one.person for who in case.policy.review.tell for one in candidates(who, case.directory, case.subject))
    return tuple(dict.fromkeys(person.ref for person in found if person.active))


def _named(subject: Subject, actor: str) -> tuple[str, ...]:
    """Everybody the subject and the command name, once each. ``named`` may hold teams and processes as well."""
    people = (actor, subject.proposer, subject.filer, *subject.co_proposers, *subject.endorsers, *subject.testers)
    return tuple(dict.fromkeys([*people, *subject.named]))


def _seated(gates: dict[str, GateFacts]) -> Iterator[str]:
    for gate in gates.values():
        for seat in gate.seats:
            yield seat.person
            if seat.stands_in_for is not None:
                yield seat.stands_in_for
        yield from (passed.person for passed in gate.passed_over)


def _around(directory: Directory, subject: Subject) -> Iterator[str]:
    """The people who are told about a change without being named by it: the proposer's manager and the owner."""
    proposer, process = directory.people.get(subject.proposer), directory.processes.get(subject.process)
    if proposer is not None and proposer.manager is not None:
        yield proposer.manager
    if process is not None:
        yield process.owner


def _nobody(ref: str) -> PersonFacts:
    """Somebody whom the directory must not know."""
    name = nobodys_name(ref) or ref
    return PersonFacts(ref=ref, name=name, active=not is_erased(ref), open_to_invitations=False)


def _actor(directory: Directory, actor: str, today: date) -> PersonFacts:
    if actor == SYSTEM:
        return PersonFacts(ref=SYSTEM, name="Groundswell")
    if is_pseudonym(actor):
        return _nobody(actor)
    if actor not in directory.people:
        return PersonFacts(ref=actor, name=actor, active=False, open_to_invitations=False)
    return directory.as_person_facts(actor, today)


def _process(directory: Directory, ref: str) -> ProcessFacts:
    if ref not in directory.processes:
        return ProcessFacts(ref=ref, name=ref, owner=SYSTEM)
    return directory.process_facts(ref)


def _unknown(directory: Directory, subject: Subject, named: tuple[str, ...]) -> Iterator[str]:
    """References to nobody and nothing, in the order in which they are named."""
    for ref in dict.fromkeys([*named, *subject.affected_teams, subject.process]):
        if ref == SYSTEM or nobodys_name(ref):
            continue
        if not any(ref in kind for kind in (directory.people, directory.teams, directory.processes)):
            yield ref
