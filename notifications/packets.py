"""The decision packet: what somebody has to know to answer, as short plain strings.

A packet has the same keys at every gate; what does not apply there is empty.
"""

from __future__ import annotations

from collections.abc import Iterable

from changes.facts import ENDORSE_TESTS, SIGN_TESTS, START_ROLLOUT
from changes.packet import Objection, packet_for, tested
from changes.state import Change, Concern, ConcernStatus, OpenGate, Round, Test, Wave
from changes.waiting import GATE_TASKS
from notifications.wording import BRIEF_LENGTH, day_in_words, number, one_line, shortened

MOST_LINES = 20
"""Lines of a list in a packet; the page has them all."""


def packet(change: Change, gate: OpenGate | None) -> dict[str, str]:
    """What the people at ``gate`` have to know; without a gate, only what the change is about."""
    name = gate.name if gate else ""
    whole = packet_for(change, gate) if gate else None
    task = GATE_TASKS.get(name, "")
    return {
        "gate": name,
        "task": task[:1].lower() + task[1:],
        "due": gate.due.isoformat() if gate else "",
        "rule": gate.rule if gate else "",
        **matter(change),
        **(_tests(change.round) if name in {ENDORSE_TESTS, SIGN_TESTS} else _NO_TESTS),
        **(evidence(change.round) if name == SIGN_TESTS else _NO_EVIDENCE),
        **(_readiness(change) if name == START_ROLLOUT else _NO_READINESS),
        "concerns": _objections(whole.open_concerns) if whole else open_concerns(change),
        "overruled": _objections(whole.overruled_concerns) if whole else "",
        "signing": whole.signing if whole else "",
    }


def _objections(concerns: Iterable[Objection]) -> str:
    return _lines(
        f"{each.ref}{' (blocking)' if each.blocking else ''} “{each.title}”: {each.text}"
        + (f" Overruled because: {each.overruled_because}" if each.overruled_because else "")
        for each in concerns
    )


def matter(change: Change) -> dict[str, str]:
    """What the change is about and whom it touches."""
    content = change.proposal.content
    return {
        "proposer": change.proposal.proposer,
        "process": content.process,
        "teams": ",".join(content.affected_teams),
        "problem": _brief(content.problem),
        "suggestion": _brief(content.suggestion),
        "people_affected": f"{content.people_affected:,}",
        "cost": number(content.cost) if content.cost else "",
        "reversible": _flag(content.reversible),
        "customer_facing": _flag(content.customer_facing),
        "regulated": _flag(content.regulated),
        "emergency": _flag(content.urgency == "emergency"),
    }


def _flag(yes: bool) -> str:
    return "yes" if yes else ""


def _brief(text: str) -> str:
    return shortened(text, BRIEF_LENGTH)


def _lines(lines: Iterable[str]) -> str:
    every = [one_line(line) for line in lines]
    kept = [shortened(line, BRIEF_LENGTH) for line in every[:MOST_LINES]]
    if len(every) > MOST_LINES:
        kept.append(f"… and {len(every) - MOST_LINES} more on the page")
    return "\n".join(kept)


# ------------------------------------------------------------------------------------------------------- tests

_NO_TESTS = {"tests": "", "testers": "", "plan_version": ""}


def _tests(round_: Round) -> dict[str, str]:
    return {
        "tests": planned_tests(round_.tests),
        "testers": ",".join(round_.testers),
        "plan_version": str(round_.plan_version),
    }


def planned_tests(tests: Iterable[Test]) -> str:
    """One line per test: what is measured, the pass line, where and when."""
    return _lines(_planned(test) for test in tests)


def _planned(test: Test) -> str:
    today = f" (today {number(test.baseline)})" if test.baseline is not None else ""
    days = f"{day_in_words(test.starts)} to {day_in_words(test.ends)}"
    stop = f" Stopped early if: {test.stop_early_if}" if test.stop_early_if else ""
    elsewhere = f" Expected elsewhere: {test.expected_elsewhere}" if test.expected_elsewhere else ""
    return f"{test.ref}: {_pass_line(test)}{today}, {test.where}, {days}. {test.hypothesis}{stop}{elsewhere}"


def _pass_line(test: Test) -> str:
    return f"{test.measure} {test.operator.replace('_', ' ')} {number(test.pass_line)} {test.unit}"


_NO_EVIDENCE = {"results": "", "verdict": "", "computed": "", "verdict_reason": ""}


def evidence(round_: Round) -> dict[str, str]:
    """What the tests of a round gave, and what was concluded from it."""
    conclusion = round_.conclusion
    return {
        "results": _lines(_outcome(round_, test) for test in round_.tests),
        "verdict": conclusion.verdict.value if conclusion else "",
        "computed": conclusion.computed.value if conclusion else "",
        "verdict_reason": _brief(conclusion.reason) if conclusion else "",
    }


def _outcome(round_: Round, test: Test) -> str:
    found = tested(round_, test)
    if found.outcome == "stopped":
        return f"{test.ref}: stopped early. {found.why_stopped}"
    if found.value is None:
        return f"{test.ref}: {_pass_line(test)}: no result yet"
    target = f" of {test.target_sample:,}" if found.outcome == "partial" and test.target_sample else ""
    evidence = "; ".join(dict.fromkeys(found.evidence))
    notes = [result.note for result in round_.counting_results if result.test == test.ref and result.note]
    return (
        f"{test.ref}: {number(found.value)} {test.unit} from {found.sample:,}{target} observations, {found.outcome} "
        f"({_pass_line(test)}). Evidence: {evidence}{''.join(f' {note}' for note in notes[-1:])}"
    )


def all_results_in(round_: Round) -> bool:
    """Whether every test of the round has a result that counts, or was stopped early."""
    return bool(round_.tests) and all(test.ref in round_.finished for test in round_.tests)


# ----------------------------------------------------------------------------------------------------- rollout

_NO_READINESS = {"champions": "", "places": "", "waves": "", "back_out_plan": ""}


def _readiness(change: Change) -> dict[str, str]:
    return {
        "champions": str(len(change.recruiting.champions)),
        "places": str(change.recruiting.places or ""),
        "waves": _lines(described(progress.wave) for progress in change.rollout.waves),
        "back_out_plan": _brief(change.rollout.back_out_plan),
    }


def described(wave: Wave) -> str:
    """A wave with its size and what must stay healthy."""
    teams = "1 team" if len(wave.teams) == 1 else f"{len(wave.teams)} teams"
    return f"{wave.name}: {teams}; {guards(wave)}"


def guards(wave: Wave) -> str:
    """What must stay healthy in a wave."""
    return "; ".join(
        f"{guard.metric} {guard.operator.replace('_', ' ')} {number(guard.threshold)} {guard.unit}"
        for guard in wave.guards
    )


# ---------------------------------------------------------------------------------------------------- concerns


def open_concerns(change: Change) -> str:
    """One line per open concern, the blocking ones first; they are shown at every gate."""
    still_open = [concern for concern in change.concerns if concern.status is ConcernStatus.OPEN]
    return _lines(_worry(concern) for concern in sorted(still_open, key=lambda concern: not concern.blocking))


def _worry(concern: Concern) -> str:
    weight = " (blocking)" if concern.blocking else ""
    return f"{concern.ref}{weight} “{concern.title}”: {concern.text}"
