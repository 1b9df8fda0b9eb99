"""Looking up, as of now, who somebody is and what the policy says: the facts a decision is made on.

Every command is authorised again at the moment it is applied, against the directory as it is then (lifecycle.md).
Pages ask the same question to say what may be offered, so they cannot promise what a command would refuse.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, CompoundSelect, Connection, bindparam, func, literal_column, select

from champions.choosing import plan
from champions.coverage import coverage, places_for
from champions.invitations import Answers, what_follows
from champions.model import Candidate, Ground, Unit
from changes.facts import (
    START_ROLLOUT,
    SYSTEM,
    Facts,
    Picking,
    PolicyRef,
    Recommendation,
    Recommended,
    Subject,
    UnitCoverage,
)
from changes.values import Value, is_pseudonym, nobodys_name
from directory.model import Directory
from directory.standing_in import StandIns
from policies.evaluation import facts_for
from policies.judgements import Judgements
from policies.working_time import working_time
from store import freshness, tables
from store.directory import DirectoryCache
from store.policies import PolicyCache, candidate_text
from store.prepared import Prepared, among, listed
from store.pseudonyms import person_behind
from store.reading import change_state


class LookedUp(Value):
    """The answer to a look-up: facts, or the references nobody knows that made an answer impossible."""

    facts: Facts | None = None
    unknown: tuple[str, ...] = ()


class Authority:
    """Looks up facts; keeps the directory and the policies in memory. Safe to share between threads."""

    def __init__(self) -> None:
        self._directories = DirectoryCache()
        self._policies = PolicyCache()
        self._judgements: Judgements | None = None

    def _judged(self, directory: Directory, stand_ins: StandIns, today: date) -> Judgements:
        """What is remembered of the organisation as it is now."""
        kept = self._judgements
        if kept is None or not kept.still_hold(directory, stand_ins, today):
            kept = self._judgements = Judgements(directory, stand_ins, today)
        return kept

    def directory(self, connection: Connection) -> Directory:
        """The directory as it is now."""
        return self._directories.current(connection)

    def policy_in_force(self, connection: Connection) -> PolicyRef:
        """The policy that a change submitted now would be bound to."""
        return self._policies.bound(connection, None).ref

    def today(self, connection: Connection, now: datetime) -> date:
        """The day it is in the organisation's time zone, by the policy in force."""
        return working_time(self._policies.bound(connection, None).time).today(now)

    def zone(self, connection: Connection) -> str:
        """The organisation's time zone, an IANA name."""
        return self._policies.bound(connection, None).time.zone

    def look_up(
        self, connection: Connection, subject: Subject, actor: str, now: datetime, change: str = ""
    ) -> LookedUp:
        """What is true of the people, the policy and the load around ``change`` for ``actor`` at ``now``.

        ``connection`` sees one moment (see :func:`store.database.reading`), so what is in memory is compared with it
        once.
        """
        with freshness.once():
            return self._look_up(connection, subject, actor, now, change)

    def _look_up(self, connection: Connection, subject: Subject, actor: str, now: datetime, change: str) -> LookedUp:
        directory, stand_ins = self._directories.with_stand_ins(connection)
        unknown = _unknown(connection, directory, subject, actor)
        here = _speaks_here(connection, directory, actor, change) if is_pseudonym(actor) else True
        if here is None:
            return LookedUp(unknown=(actor,))
        essential = {actor, subject.proposer, subject.filer, subject.process, *subject.affected_teams}
        if essential & set(unknown):
            return LookedUp(unknown=unknown)
        policy = self._policies.bound(connection, subject.policy)
        known = _without(subject, unknown) if unknown else subject
        today = working_time(policy.time).today(now)
        judgements = self._judged(directory, stand_ins, today)
        facts = facts_for(policy, directory, known, actor, now, stand_ins, judgements)
        more: dict[str, object] = {"newest": self._policies.newest(connection), "unknown": unknown}
        if subject.candidate is not None:
            fresh = subject.candidate in subject.named_policies
            more["candidate"] = self._policies.candidate(
                connection, subject.candidate, directory, today, put_forward=fresh
            )
        if not here:
            more["actor"] = facts.actor.having(active=False)
        if subject.duplicate:
            more["followers_of_duplicate"] = _followers(connection, subject.duplicate, change)
        if subject.recruits:
            people, teams = (*facts.people, *subject.champions), (*subject.affected_teams, *subject.named_teams)
            more["campaigns"], more["rollouts"] = _load(connection, change, people, teams)
            more["coverage"] = _coverage(directory, known, facts, change, today)
            more["recommendation"] = self._recommendation(connection, directory, known, facts, change, today)
        return LookedUp(facts=facts.having(**more))

    def _recommendation(
        self,
        connection: Connection,
        directory: Directory,
        subject: Subject,
        facts: Facts,
        change: str,
        today: date,
    ) -> Recommendation | None:
        if subject.picking is None:
            return None
        if subject.picking.only_if_lost:
            here = tuple(ref for ref in subject.champions if ref in directory.people and directory.person(ref).active)
            if here == subject.champions:
                return None
            subject = subject.having(champions=here)
        everybody = [person.ref for team in subject.affected_teams for person in directory.members_of(team)]
        campaigns, _ = _load(connection, change, everybody, ())
        return recommended(directory, subject, facts, change, today, campaigns)


def recommended(
    directory: Directory, subject: Subject, facts: Facts, change: str, today: date, campaigns: dict[str, int]
) -> Recommendation | None:
    """Whom to invite as champions of a change, as people and their campaigns are now; none where nobody asks."""
    if subject.picking is None:
        return None
    ground = _ground(directory, subject, facts, change, today, campaigns)
    return _with_finding(_recommend(ground), subject.picking, len(subject.champions))


def _with_finding(made: Recommendation, picking: Picking, champions: int) -> Recommendation:
    """What follows from the answers so far, where somebody asks: go on inviting, or stop (champions.md 3.4)."""
    if not picking.batches:
        return made
    answers = Answers(
        batches=picking.batches,
        accepted=max(picking.accepted, champions),
        left=max(picking.accepted - champions, 0),
        expired=picking.silent,
    )
    step = what_follows(made.places, answers, anyone_eligible=bool(made.picks))
    return made.having(finding=step.finding or "", offers=step.offers)


def _speaks_here(connection: Connection, directory: Directory, pseudonym: str, change: str) -> bool | None:
    """Whether whoever stands behind a pseudonym still works here; None where it does not belong to this change."""
    found = person_behind(connection, pseudonym)
    if found is None or found[1] != change:
        return None
    return found[0] in directory.people and directory.person(found[0]).active


def _followers(connection: Connection, duplicate: str, of: str) -> tuple[str, ...]:
    """The people who want to hear of a change that was marked as a duplicate of another; nobody if it was not."""
    found = change_state(connection, duplicate)
    if found is None or found.closing is None or found.closing.duplicate_of != of:
        return ()
    people = dict.fromkeys((*found.followers, *found.proposal.authors))
    return tuple(ref for ref in people if not is_pseudonym(ref))


def _unknown(connection: Connection, directory: Directory, subject: Subject, actor: str) -> tuple[str, ...]:
    people = {actor, subject.proposer, subject.filer, *subject.co_proposers, *subject.named} - {SYSTEM}
    teams = {*subject.affected_teams, *subject.named_teams}
    missing = [ref for ref in people if ref not in directory.people and not nobodys_name(ref)]
    missing += [ref for ref in teams if ref not in directory.teams]
    missing += [ref for ref in {subject.process, *subject.named_processes} if ref not in directory.processes]
    if subject.named_changes:
        known = connection.execute(
            select(tables.change.c.ref).where(tables.change.c.ref.in_(subject.named_changes))
        ).scalars()
        missing += sorted(set(subject.named_changes) - set(known))
    missing += [sha256 for sha256 in subject.named_policies if candidate_text(connection, sha256) is None]
    return tuple(sorted(missing))


def _without(subject: Subject, unknown: tuple[str, ...]) -> Subject:
    """The subject without the references that nobody knows."""
    named = ("named", "named_teams", "named_processes", "co_proposers", "testers")
    return subject.having(
        **{name: tuple(ref for ref in getattr(subject, name) if ref not in unknown) for name in named}
    )


def _load(
    connection: Connection, change: str, people: Iterable[str], teams: Iterable[str]
) -> tuple[dict[str, int], dict[str, int]]:
    """How many campaigns people carry and how many rollouts teams are in, beside ``change``. One query."""
    asked = {"people": listed(connection, people), "teams": listed(connection, teams), "beside": change}
    found: dict[str, dict[str, int]] = {"campaign": {}, "rollout": {}}
    for what, who, count in _LOAD.read(connection, asked):
        found[what][who] = count
    return found["campaign"], found["rollout"]


def _load_of(person: ColumnElement[bool], team: ColumnElement[bool]) -> CompoundSelect[Any]:
    place, busy = tables.campaign_place.c, tables.rollout_load.c
    beside: BindParameter[str] = bindparam("beside")
    return (
        select(literal_column("'campaign'"), place.person, func.count())
        .where(person, place.change != beside)
        .group_by(place.person)
        .union_all(
            select(literal_column("'rollout'"), busy.team, func.count())
            .where(team, busy.change != beside)
            .group_by(busy.team)
        )
    )


_PEOPLE, _TEAMS = among(tables.campaign_place.c.person, "people"), among(tables.rollout_load.c.team, "teams")
_LOAD = Prepared({dialect: _load_of(_PEOPLE[dialect], _TEAMS[dialect]) for dialect in _PEOPLE})


def _ground(
    directory: Directory, subject: Subject, facts: Facts, change: str, today: date, campaigns: dict[str, int]
) -> Ground:
    """Everything a recommendation is made from, for the teams the change touches."""
    members = {team: tuple(p.ref for p in directory.members_of(team)) for team in subject.affected_teams}
    affected = tuple(dict.fromkeys(ref for refs in members.values() for ref in refs))
    picking = subject.picking
    gate_owners = {seat.person for seat in facts.gates[START_ROLLOUT].seats}
    deciders = {subject.proposer, *subject.endorsers, *gate_owners}
    units = tuple(
        Unit(ref=team, name=directory.team(team).name, members=refs, parent=directory.team(team).parent)
        for team, refs in members.items()
    )
    wanted = places_for(len(affected), facts.norms.people_per_champion, len(units))
    return Ground(
        people=tuple(
            _candidate(directory, ref, today, deciders, campaigns, subject)
            for ref in dict.fromkeys((*affected, *subject.champions))
        ),
        affected=affected,
        ties=picking.introductions if picking else (),
        units=units,
        places=(picking.places if picking else None) or wanted,
        already=subject.champions,
        asked=picking.asked if picking else (),
        not_again=picking.not_again if picking else (),
        excluded=tuple(
            {subject.proposer, subject.filer, *subject.co_proposers, *subject.testers, *subject.endorsers, *gate_owners}
        ),
        seed=change,
        today=today,
        cover_every_unit=facts.norms.cover_every_unit,
        open_campaigns_allowed=facts.norms.open_campaigns_per_person,
    )


def _candidate(
    directory: Directory, ref: str, today: date, deciders: set[str], campaigns: dict[str, int], subject: Subject
) -> Candidate:
    person = directory.person(ref)
    conflict = "reports to somebody who decides about this change" if person.manager in deciders else None
    picking = subject.picking
    return Candidate(
        ref=ref,
        unit=person.team,
        site=person.site,
        active=person.active,
        quiet_until=person.away_until + timedelta(days=1) if person.away_until else None,
        open_to_invitations=person.open_to_invitations,
        leads_people=directory.leads_people(ref),
        open_campaigns=campaigns.get(ref, 0),
        volunteered=bool(picking and ref in picking.volunteers),
        votes=picking.votes.get(ref, 0) if picking else 0,
        conflicted=conflict,
    )


def _coverage(
    directory: Directory, subject: Subject, facts: Facts, change: str, today: date
) -> tuple[UnitCoverage, ...]:
    """Per affected unit of five or more; where all are smaller they count as one, so that nobody is singled out."""
    ground = _ground(directory, subject, facts, change, today, {})
    units = coverage(ground, subject.champions).units
    if not units:
        teams = " and ".join(directory.team(team).name for team in subject.affected_teams)
        accepted = len(set(subject.champions))
        return (
            UnitCoverage(team=subject.affected_teams[0], name=teams, members=len(ground.affected), champions=accepted),
        )
    return tuple(
        UnitCoverage(team=unit.unit, name=unit.name, members=unit.members, champions=unit.champions) for unit in units
    )


def _recommend(ground: Ground) -> Recommendation:
    made = plan(ground)
    return Recommendation(
        places=made.places,
        picks=tuple(Recommended(person=pick.person, reasons=pick.reasons) for pick in made.picks),
        unmet=tuple(f"{unit.unit}: {unit.reason}" for unit in made.unmet),
        notes=made.notes,
        ground_sha256=made.ground_sha256,
    )
