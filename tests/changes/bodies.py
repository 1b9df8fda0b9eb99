"""Draws the content of any command for a change as it is: sensible, so that it could work, or wild."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from changes.anonymity import AgreeToReveal, pseudonyms_in
from changes.any_moment import AddComment, MoveDeadline, PutOnHold, Resume, StepAside, Withdraw
from changes.authors import AskCoProposers, LeaveAuthors
from changes.commands import COMMANDS, Command
from changes.concerns import AnswerWhy, AskWhy, OverruleConcern, RaiseConcern, ResolveConcern, Respond
from changes.hearing import AskForChanges, Correct, Decline, MarkDuplicate, Object, SayBack
from changes.holders import NameTesters
from changes.learning import Close, HoldRetrospective, RecordBenefit, RecordEffect
from changes.proposal import Edit, Resubmit
from changes.publishing import MoveToNewerPolicy
from changes.recruiting import (
    DeclareInterest,
    Introduce,
    Invite,
    LogConversation,
    Nominate,
    OpenPlaces,
    PlanChampions,
    SignCoverage,
)
from changes.review import RecordReview
from changes.rollout import CompleteWave, PlanRollout, ReportMetric, ResumeWave, RollBack, StartWave
from changes.state import ConcernCode, EffectOutcome, Test, Verdict, Wave
from changes.testing import (
    Conclude,
    EndorseWithChanges,
    ProposeTests,
    RecordResult,
    StopEarly,
    computed_verdict,
)
from tests.changes.road import Road
from tests.changes.world import a_guard, a_test, a_wave, proposal

WORDS = st.sampled_from(["Yes.", "Because it is slow.", "Nobody asked us…", "Größer {und} 100 % besser\nheute"])
VALUES = st.decimals(0, 50, places=2)


class Bodies:
    """One draw for one person on one road. ``wild`` names things that need not exist or fit."""

    def __init__(self, draw: Callable[..., Any], road: Road, person: str, wild: bool) -> None:
        self._draw, self._road, self._person, self._wild = draw, road, person, wild

    def of(self, kind: str) -> Command:
        """A command of ``kind``."""
        make = getattr(self, f"_{kind}", None)
        command = make() if make else COMMANDS[kind]()
        assert isinstance(command, Command)
        return command

    # ------------------------------------------------------------------------------------------------- pieces

    def _one(self, *choices: Any) -> Any:
        return self._draw(st.sampled_from(choices))

    def _words(self) -> str:
        words: str = self._draw(WORDS)
        return words

    def _some_words(self) -> str:
        return self._words() if self._draw(st.booleans()) else ""

    def _value(self) -> Decimal:
        value: Decimal = self._draw(VALUES)
        return value

    def _somebody(self) -> str:
        people = [*self._road.world.people, "ghost"] if self._wild else [*self._road.world.people]
        return str(self._one(*people))

    def _named(self, *refs: str, wild: str) -> str:
        """One of ``refs``; something else when wild, or when there is none."""
        if self._wild and self._draw(st.booleans()):
            return wild
        return str(self._one(*refs)) if refs else wild

    # ----------------------------------------------------------------------------------------------- proposal

    def _submit(self) -> Command:
        filer = None if self._draw(st.booleans()) else self._somebody()
        others = tuple(self._draw(st.lists(st.just(self._somebody()), max_size=2)))
        teams = self._one(("billing",), ("billing", "support"), ("depot", "billing", "support"))
        process = self._one("returns", "invoicing")
        return proposal(proposer=filer, co_proposers=others, affected_teams=teams, process=process)

    def _ask_co_proposers(self) -> Command:
        return AskCoProposers(people=(self._somebody(),))

    def _edit(self) -> Command:
        # Never the words that are there already: whoever edits changes something.
        title = "Once more" if self._road.change.title != "Once more" else "And again"
        return Edit(title=title, process=self._one(None, "invoicing", "returns"), what_changed=self._words())

    def _resubmit(self) -> Command:
        return Resubmit(people_affected=self._one(None, 5, 90), what_changed=self._words())

    def _move_to_newer_policy(self) -> Command:
        return MoveToNewerPolicy(reason=self._words())

    def _record_review(self) -> Command:
        justified = self._one("yes", "partly", "no")
        return RecordReview(justified=justified, findings=self._words(), consequence=self._words())

    def _say_back(self) -> Command:
        return SayBack(heard=self._words())

    def _correct(self) -> Command:
        return Correct(correction=self._words())

    def _ask_for_changes(self) -> Command:
        return AskForChanges(what=self._words())

    def _decline(self) -> Command:
        return Decline(reason=self._words(), way_forward=self._words())

    def _mark_duplicate(self) -> Command:
        return MarkDuplicate(of=self._named("CH-0002", wild=self._one("CH-0001", "CH-9999")), reason=self._some_words())

    def _leave_authors(self) -> Command:
        return LeaveAuthors(reason=self._some_words())

    def _step_aside(self) -> Command:
        return StepAside(reason=self._words())

    def _agree_to_reveal(self) -> Command:
        return AgreeToReveal(
            pseudonym=self._named(*pseudonyms_in(self._road.change), wild="anon-99"), reason=self._words()
        )

    def _object(self) -> Command:
        return Object(reason=self._words())

    # ------------------------------------------------------------------------------------------------ testing

    def _tests(self) -> tuple[Test, ...]:
        today = self._road.now.date()
        ends = today - timedelta(days=1) if self._wild and self._draw(st.booleans()) else date(2150, 1, 1)
        testers = tuple(dict.fromkeys([self._somebody(), self._somebody()]))
        refs = ("T1", "T1") if self._wild else self._one(("T1",), ("T1", "T2"))
        return tuple(a_test(ref, testers=testers, starts=min(today, ends), ends=ends) for ref in refs)

    def _propose_tests(self) -> Command:
        return ProposeTests(tests=self._tests())

    def _name_testers(self) -> Command:
        change = self._road.change
        missing = {one.person for one in change.missing}
        without = [test.ref for test in change.round.tests if missing & set(test.testers)]
        return NameTesters(
            test=self._named(*without, wild="T9"), testers=(self._somebody(),), reason=self._some_words()
        )

    def _endorse_with_changes(self) -> Command:
        return EndorseWithChanges(what=self._words(), tests=self._tests() if self._draw(st.booleans()) else ())

    def _own_tests(self) -> tuple[str, ...]:
        round_ = self._road.change.round
        stopped = {stop.test for stop in round_.counting_stops}
        return tuple(t.ref for t in round_.tests if self._person in t.testers and t.ref not in stopped)

    def _record_result(self) -> Command:
        test = self._named(*self._own_tests(), wild="T9")
        return RecordResult(test=test, value=self._value(), sample=self._one(1, 400), evidence=self._words())

    def _stop_early(self) -> Command:
        return StopEarly(
            test=self._named(*(test.ref for test in self._road.change.round.tests), wild="T9"), reason="Enough."
        )

    def _conclude(self) -> Command:
        verdict = self._one(*Verdict) if self._wild else self._one(computed_verdict(self._road.change.round), *Verdict)
        return Conclude(verdict=verdict, reason=self._words() if not self._wild else "")

    # ---------------------------------------------------------------------------------------------- champions

    def _nominate(self) -> Command:
        return Nominate(person=self._somebody())

    def _declare_interest(self) -> Command:
        return DeclareInterest(level=self._one("keen", "curious", "unsure", "not_for_me_now"))

    def _plan_champions(self) -> Command:
        return PlanChampions(places=self._one(None, 1, 4))

    def _open_places(self) -> Command:
        return OpenPlaces(count=self._one(0, 3))

    def _invite(self) -> Command:
        asked = {invitation.person for invitation in self._road.change.recruiting.invitations}
        free = [
            ref for ref, p in self._road.world.people.items() if p.active and not p.leads_people and ref not in asked
        ]
        if self._wild or not free:
            return Invite(people=(self._somebody(),))
        people: list[str] = self._draw(st.lists(st.sampled_from(free), min_size=1, max_size=3, unique=True))
        return Invite(people=tuple(people))

    def _log_conversation(self) -> Command:
        return LogConversation(team=self._named("billing", "depot", wild="moon"), people=2, note=self._words())

    def _introduce(self) -> Command:
        return Introduce(person=self._somebody(), to=self._somebody(), why=self._words())

    def _sign_coverage(self) -> Command:
        decision = self._one("go", "go_with_conditions", "go_with_conditions", "hold")
        return SignCoverage(decision=decision, conditions="" if self._wild else self._words())

    # ------------------------------------------------------------------------------------------------ rollout

    def _plan_rollout(self) -> Command:
        begun = tuple(p.wave for p in self._road.change.rollout.waves if p.status != "planned")
        teams = self._road.change.proposal.content.affected_teams
        guards = (a_guard(readings=self._one(1, 2)), a_guard("Queue", "10"))[: self._one(1, 2)]
        by_person = self._draw(st.booleans())
        # A name of its own, so that there is always something left to start.
        fresh: tuple[Wave, ...] = (a_wave(f"Wave {len(begun) + 1}", teams, guards, by_person=by_person),)
        return PlanRollout(waves=fresh if self._wild else (*begun, *fresh), back_out_plan=self._words())

    def _start_wave(self) -> Command:
        upcoming = self._road.change.rollout.upcoming
        return StartWave(wave=self._named(*([upcoming.wave.name] if upcoming else []), wild="Nowhere"))

    def _report_metric(self) -> Command:
        current = self._road.change.rollout.current
        metrics = [guard.metric for guard in current.wave.guards] if current else []
        return ReportMetric(
            metric=self._named(*metrics, wild="Weather"), value=self._one(Decimal(1), Decimal(3), Decimal(60))
        )

    def _resume_wave(self) -> Command:
        return ResumeWave(reason=self._words())

    def _roll_back(self) -> Command:
        scope = "wave" if self._road.change.rollout.current and self._draw(st.booleans()) else "all"
        return RollBack.model_validate({"scope": self._one("wave", "all") if self._wild else scope, "reason": "Slow."})

    def _complete_wave(self) -> Command:
        return CompleteWave(adoption=self._one(10, 80) if self._wild else 80)

    # ----------------------------------------------------------------------------------------------- learning

    def _own_checks(self) -> tuple[str, ...]:
        return tuple(
            check.ref
            for check in self._road.change.learning.checks
            if check.opened and check.outcome is None and (check.owner == self._person or not self._here(check.owner))
        )

    def _here(self, person: str) -> bool:
        return self._road.world.people[person].active

    def _record_effect(self) -> Command:
        outcome = self._one(*EffectOutcome)
        step = self._one("adapt", "roll_back", "accept") if outcome is EffectOutcome.INEFFECTIVE or self._wild else None
        return RecordEffect(
            check=self._named(*self._own_checks(), wild="E9"),
            outcome=outcome,
            numbers=self._words(),
            next_step=step,
            reason="" if self._wild else self._words(),
        )

    def _record_benefit(self) -> Command:
        return RecordBenefit(name=self._one("Hours", "Letters"), unit="a week", target=self._value())

    def _hold_retrospective(self) -> Command:
        return HoldRetrospective(
            prediction_and_result=self._words(), consequence=self._one("none", "policy_edit"), because=self._words()
        )

    def _close(self) -> Command:
        return Close(summary=self._words())

    # ----------------------------------------------------------------------------------- concerns, any moment

    def _concern(self) -> str:
        mine_first = sorted(
            (concern for concern in self._road.change.concerns if concern.status == "open"),
            key=lambda concern: concern.by != self._person,
        )
        return self._named(*(concern.ref for concern in mine_first[:2]), wild=self._one("C1", "C99"))

    def _raise_concern(self) -> Command:
        code = self._one(*ConcernCode)
        return RaiseConcern(title="Worry", text=self._words(), code=code, blocking=self._draw(st.booleans()))

    def _ask_why(self) -> Command:
        return AskWhy(concern=self._concern(), question=self._words())

    def _answer_why(self) -> Command:
        return AnswerWhy(concern=self._concern(), answer=self._words())

    def _respond(self) -> Command:
        return Respond(concern=self._concern(), text=self._words(), changed_something=self._draw(st.booleans()))

    def _resolve_concern(self) -> Command:
        return ResolveConcern(concern=self._concern(), because=self._some_words())

    def _overrule_concern(self) -> Command:
        return OverruleConcern(concern=self._concern(), reason=self._words())

    def _hold(self) -> Command:
        days = self._one(None, 1, 40, -1) if self._wild else self._one(None, 1, 40)
        return PutOnHold(reason=self._words(), until=self._road.now + timedelta(days=days) if days else None)

    def _resume(self) -> Command:
        return Resume(reason=self._words())

    def _withdraw(self) -> Command:
        return Withdraw(reason=self._words())

    def _comment(self) -> Command:
        return AddComment(about=self._one("works", "better", "question"), text=self._words())

    def _move_deadline(self) -> Command:
        change = self._road.change
        waiting = ["gate"] if change.gate else [check.ref for check in change.learning.checks if not check.opened]
        days = self._one(-3, 2, 50) if self._wild else self._one(2, 50)
        to = self._road.now + timedelta(days=days)
        return MoveDeadline(deadline=self._named(*waiting, wild="E9"), to=to, reason=self._words())
