"""A policy as a person would tell it: what holds for everybody, and what each road asks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from changes.facts import GATES, START_ROLLOUT, Quorum
from changes.gates import GATE_WORDS
from changes.values import enumerated
from directory.model import Directory
from policies.conditions import When, in_words
from policies.relations import Kind, parse
from policies.schema import Grant, Policy, Route
from policies.wording import amount, counted


@dataclass(frozen=True, slots=True)
class Chapter:
    """One part of a policy, with its sentences."""

    title: str
    sentences: tuple[str, ...]


def told(policy: Policy, directory: Directory | None = None) -> tuple[Chapter, ...]:
    """The whole policy in chapters; people and processes by name where ``directory`` knows them."""
    telling = _Telling(policy, directory)
    roads = (Chapter(f"Route {route.name}", tuple(telling.route(route))) for route in policy.routes)
    return (
        Chapter("Deciding alone", tuple(telling.grant(grant) for grant in policy.empowerment)),
        *roads,
        Chapter("Time", tuple(telling.time())),
        Chapter("Silence", tuple(telling.silence())),
        Chapter("Proposals and concerns", tuple(telling.proposals())),
        Chapter("Champions, rollout and learning", tuple(telling.later())),
    )


@dataclass(frozen=True, slots=True)
class _Telling:
    policy: Policy
    directory: Directory | None

    def who(self, entries: tuple[str, ...], word: str = "and") -> str:
        return enumerated((self._one(entry) for entry in entries), word)

    def _one(self, entry: str) -> str:
        relation = parse(entry)
        if relation.kind is Kind.ROLE:
            return f"everybody with the role {relation.argument}"
        if relation.kind is Kind.PERSON:
            known = self.directory.people.get(relation.argument) if self.directory else None
            return known.name if known else relation.argument
        return _RELATIONS[relation.kind]

    def grant(self, grant: Grant) -> str:
        limits = grant.limits
        bounds = [f"up to {counted(limits.people_affected, 'person', 'people')}", f"a cost of {amount(limits.cost)}"]
        only = [
            words
            for words, closed in (
                ("what can be undone", limits.reversible),
                ("what stays inside one team", not limits.crosses_teams),
                ("what customers will not notice", not limits.customer_facing),
                ("what is not regulated", not limits.regulated),
            )
            if closed
        ]
        restriction = f", and only {enumerated(only)}" if only else ""
        window = grant.objection_window.in_words()
        alone = f"The role {grant.role} decides alone: {enumerated(bounds)}{restriction}."
        return f"{alone} The manager may object for {window}."

    def route(self, route: Route) -> Iterator[str]:
        yield f"It is for {self._when(route.when)}."
        yield _ALONE[route.decide_alone]
        for name in GATES:
            if name == START_ROLLOUT and in_words(route.when) == "kind is policy":
                continue
            gate = self.policy.gate(route, name)
            within = gate.answer_in.in_words()
            sentence = f"{GATE_WORDS[name]}: {self.who(gate.who)}; {_quorum(gate.quorum)}, within {within}."
            yield sentence[0].upper() + sentence[1:]
        if route.review_within is not None:
            yield f"It is reviewed within {route.review_within.in_words()} after its start, and not closed before."
            yield f"The review is asked of the first who decided nothing, of {self.who(self.policy.review.by, 'or')}."
            yield f"At once it is told to {self.who(self.policy.review.tell)}."

    def _when(self, when: When) -> str:
        return "everything else" if when == "always" else f"changes of which this is true: {in_words(when)}"

    def time(self) -> Iterator[str]:
        time = self.policy.time
        hours = f"{time.working_hours.start} to {time.working_hours.end}"
        yield f"Deadlines run on {', '.join(time.working_days)} from {hours}, in {time.zone}."
        if time.holidays:
            yield f"They stand still on the public holidays of {time.holidays}."
        for freeze in time.freezes:
            yield f"They stand still during “{freeze.name}”, from {freeze.start} to {freeze.end}."

    def silence(self) -> Iterator[str]:
        rule = self.policy.escalation
        yield "Silence never approves. People are reminded at half of their time and a working day before."
        yield f"Then it is asked of their managers, {counted(rule.levels, 'level', 'levels')} up at most."
        yield f"After {rule.expire_after.in_words()} a change expires, with notice; one click renews it."
        yield f"Nobody is nudged about the same thing more often than every {rule.nudge_at_most_every.in_words()}."
        yield f"Where nobody is left in a line, it is asked of {self.who(self.policy.fallback, 'or')}."

    def proposals(self) -> Iterator[str]:
        proposal, anonymity = self.policy.proposal, self.policy.anonymity
        yield f"A proposal may be rewritten freely for {proposal.free_edit.in_words()}, or until the first answer."
        yield f"The last call before a gate closes lasts {proposal.last_call.in_words()}."
        yield f"Somebody should ask why on a concern within {self.policy.concerns.ask_why_within.in_words()}."
        yield f"Proposals without a name are {anonymity.proposals}, concerns without a name are {anonymity.concerns}."
        reveal = self.policy.gate(self.policy.routes[-1], "reveal_proposer")
        yield f"A name is shown only if {self.who(reveal.who)} agree: {_quorum(reveal.quorum)}."

    def later(self) -> Iterator[str]:
        champions, rollout, learning = self.policy.champions, self.policy.rollout, self.policy.learning
        ratio = champions.ratio
        yield (
            f"A champion looks after {ratio.easy} people where a change is easy, {ratio.pilot} in a pilot, "
            f"{ratio.hard} where it is hard; {champions.assume} is assumed."
        )
        every = "Every affected unit needs" if champions.cover_every_unit else "Not every affected unit needs"
        yield f"{every} a champion of its own."
        campaigns = counted(champions.open_campaigns_per_person, "change", "changes")
        yield f"Nobody is a champion of more than {campaigns} at a time."
        yield f"Champions are looked for during {champions.campaign.in_words()}."
        yield f"Whoever is invited has {champions.invitation.in_words()} to answer."
        waves = enumerated(f"{wave}%" for wave in rollout.waves)
        yield f"A rollout begins with waves that reach {waves} of the people."
        yield f"A wave is complete when {rollout.smallest_adoption}% of its people have adopted the change."
        yield f"A team takes part in {rollout.load.open_rollouts_per_team} rollouts at a time at most."
        yield f"The effect is checked after {enumerated(check.in_words() for check in learning.effect_checks)}."
        yield f"After {learning.proven_after} effective changes a process is suggested as authorised beforehand."


_RELATIONS = {
    Kind.MANAGER_OF_PROPOSER: "the proposer's manager",
    Kind.LINE_OF_PROPOSER: "the proposer's line of managers",
    Kind.OWNER_OF_PROCESS: "the owner of the process",
    Kind.MANAGERS_OF_AFFECTED_TEAMS: "the managers of the affected teams",
    Kind.ENDORSERS: "those who endorsed the tests",
}
_ALONE = {
    "never": "Nobody decides alone.",
    "within_limits": "Its proposer may decide alone within the limits of their role.",
    "always": "Its proposer may always decide alone: it is authorised beforehand.",
}


def _quorum(quorum: Quorum) -> str:
    match quorum.rule:
        case "any":
            return "one yes is enough"
        case "all":
            return "everybody must say yes"
        case "count":
            return f"{counted(quorum.count, 'person', 'people')} must say yes"
        case "percent":
            return f"{quorum.percent}% must say yes, at least {counted(quorum.at_least, 'person', 'people')}"
        case _:
            inner = _quorum(quorum.each) if quorum.each else ""
            least = f", {quorum.at_least} people altogether" if quorum.at_least > 1 else ""
            return f"in each group by itself, {inner}{least}"
