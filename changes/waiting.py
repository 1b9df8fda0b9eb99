"""Who is being waited for, and who has a part in a change. Pages and reminders read the answer, never a guess."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from changes.events import Event
from changes.facts import ANSWER_PROPOSAL, ENDORSE_TESTS, SIGN_TESTS, START_ROLLOUT
from changes.gates import unanswered
from changes.instruction import Receipt
from changes.review import owed
from changes.rules import PHASE_WORDS
from changes.state import Change, Concern, ConcernStatus, InvitationStatus, Outcome, Phase
from changes.values import Moment, Ref, Value

GATE_TASKS = {
    ANSWER_PROPOSAL: "Answer the proposal",
    ENDORSE_TESTS: "Endorse the tests, or say what would have to change",
    SIGN_TESTS: "Sign the gate after the tests",
    START_ROLLOUT: "Decide on champion coverage and the rollout",
}


class Waiting(Value):
    """One thing one person is asked to do now."""

    person: Ref
    task: str
    commands: tuple[str, ...]
    """The commands that would answer it, the usual one first."""
    due: Moment | None = None
    since: Moment | None = None
    """Since when it waits for them; none means since the change came into its phase."""


def waiting_for(change: Change) -> tuple[Waiting, ...]:
    """Everything anybody is asked to do now, the same person and task once."""
    if change.closing or change.hold:
        reviewing = tuple(_review_tasks(change))
        if change.closing is None:
            return reviewing
        if change.closing.outcome is Outcome.EXPIRED:
            since = change.closing.at
            renewing = _each(change.proposal.authors, "Renew the change, or let it rest", "renew", since=since)
            return (*renewing, *reviewing)
        return ()
    found: dict[tuple[str, str], Waiting] = {}
    for task in _tasks(change):
        found.setdefault((task.person, task.task), task)
    return tuple(found.values())


def _each(
    people: tuple[str, ...], task: str, *commands: str, due: Moment | None = None, since: Moment | None = None
) -> tuple[Waiting, ...]:
    return tuple(Waiting(person=person, task=task, commands=commands, due=due, since=since) for person in people)


GATE_COMMANDS = {
    ANSWER_PROPOSAL: ("accept_for_testing", "ask_for_changes", "decline", "say_back"),
    ENDORSE_TESTS: ("endorse", "endorse_with_changes", "ask_for_changes", "decline"),
    SIGN_TESTS: ("sign_gate", "decline"),
    START_ROLLOUT: ("sign_coverage",),
}


def _review_tasks(change: Change) -> Iterator[Waiting]:
    if review := owed(change):
        people = tuple(seat.person for seat in review.asked)
        yield from _each(people, "Review the short road this change took", "record_review", due=review.due)


def _tasks(change: Change) -> Iterator[Waiting]:
    yield from _review_tasks(change)
    if change.gate and not change.gate.agreed:
        name, gate = change.gate.name, change.gate
        asked = gate.asked_since or gate.opened_at
        yield from _each(unanswered(change), GATE_TASKS[name], *GATE_COMMANDS[name], due=gate.due, since=asked)
    if change.phase is Phase.AWAITING_ANSWER and change.proposal.heard:
        if change.proposal.heard[-1].confirmed is None:
            heard = change.proposal.heard[-1].at
            task = "Confirm or correct what was heard"
            yield from _each(change.proposal.authors, task, "confirm_heard", "correct", since=heard)
    yield from _author_tasks(change)
    for test in change.round.tests if change.phase is Phase.RUNNING_TESTS else ():
        if test.ref not in change.round.finished:
            yield from _each(test.testers, f"Run {test.ref} and enter its result", "record_result", "stop_early")
    for invitation in change.recruiting.invitations:
        if invitation.status is InvitationStatus.SENT:
            yield Waiting(
                person=invitation.person,
                task="Say whether you would like to be a champion",
                commands=("accept_invitation", "decline_invitation"),
                due=invitation.due,
                since=invitation.at,
            )
    for check in change.learning.checks:
        if check.opened and check.outcome is None:
            task = f"Look at the effect and record check {check.ref}"
            yield from _each((check.owner,), task, "record_effect", since=check.opens)
    for concern in change.concerns:
        yield from _about(change, concern)


def _about(change: Change, concern: Concern) -> Iterator[Waiting]:
    """What is owed about an open concern: why it was raised, and an answer by those whom its reason concerns."""
    if concern.status is not ConcernStatus.OPEN:
        return
    if asked := [why.at for why in concern.whys if not why.answer]:
        yield from _each((concern.by,), f"Answer why on {concern.ref}", "answer_why", since=asked[0])
    elif not concern.responses:
        owing = concern.must_answer or (change.proposal.authors if concern.blocking else ())
        people = tuple(person for person in owing if person != concern.by)
        yield from _each(people, f"Respond to the concern {concern.ref}", "respond", since=concern.at)


def _author_tasks(change: Change) -> Iterator[Waiting]:
    authors = change.proposal.authors
    match change.phase:
        case Phase.NEEDS_CHANGES:
            yield from _each(authors, "Change the proposal and submit it again", "resubmit", "edit")
        case Phase.PLANNING_TESTS:
            yield from _each(authors, "Propose the tests", "propose_tests")
        case Phase.RUNNING_TESTS:
            if all(test.ref in change.round.finished for test in change.round.tests):
                yield from _each(authors, "Conclude the tests", "conclude", since=_results_in(change))
        case Phase.RECRUITING:
            if not change.recruiting.plans:
                yield from _each(authors, "Have champions recommended", "plan_champions")
            elif not change.recruiting.invitations:
                yield from _each(authors, "Invite champions", "invite")
            elif more_to_invite(change):
                task = "Invite the next colleagues, from the places planned again"
                yield from _each(authors, task, "invite", since=change.recruiting.looked_at)
            elif change.recruiting.finding:
                task = f"Champions are missing: {change.recruiting.finding}"
                yield from _each(authors, task[:300], "open_places", "plan_rollout", "hold")
            if not change.rollout.waves:
                yield from _each(authors, "Plan the rollout", "plan_rollout")
        case Phase.PREPARING_WAVE:
            if not change.rollout.waves:
                yield from _each(authors, "Plan the rollout", "plan_rollout")
            elif change.rollout.signed_version == change.rollout.plan_version:
                yield from _each(authors, "Start the next wave", "start_wave", "plan_rollout")
        case Phase.WAVE_RUNNING:
            yield from _each(authors, "Report the guards and complete the wave", "report_metric", "complete_wave")
        case Phase.WAVE_PAUSED:
            yield from _each(authors, "Resume the wave, or roll it back", "resume_wave", "roll_back")
        case Phase.CHECKING_EFFECT:
            if change.learning.retrospective is None:
                yield from _each(authors, "Record the retrospective", "hold_retrospective")
            elif all(check.outcome for check in change.learning.checks) and not owed(change):
                yield from _each(authors, "Close the change", "close")
        case _:
            return


def _results_in(change: Change) -> Moment | None:
    """When the last missing result came in."""
    moments = [result.at for result in change.round.counting_results]
    moments += [stop.at for stop in change.round.counting_stops]
    return max(moments, default=None)


def more_to_invite(change: Change) -> bool:
    """Whether places were planned again and nobody of the new plan has been asked yet."""
    recruiting = change.recruiting
    if not recruiting.plans or recruiting.looked_at is None or recruiting.finding:
        return False
    latest = max(invitation.at for invitation in recruiting.invitations)
    return recruiting.looked_at >= latest and bool(recruiting.plans[-1].picks)


def parts_in(change: Change) -> dict[str, tuple[str, ...]]:
    """Everybody with a part in this change, and which: proposer, filer, tester, endorser, champion, …

    Invitations that were not accepted are no part: saying no leaves no trace that others can see.
    """
    parts: dict[str, list[str]] = {}

    def add(people: tuple[str, ...], part: str) -> None:
        for person in people:
            if part not in parts.setdefault(person, []):
                parts[person].append(part)

    add((change.proposal.proposer,), "proposer")
    add((change.proposal.filer,), "filer")
    add(change.proposal.co_proposers, "co-proposer")
    for round_ in (*change.earlier_rounds, change.round):
        add(round_.testers, "tester")
        add(tuple(answer.person for answer in round_.endorsements), "endorser")
        add(tuple(answer.person for answer in round_.signatures), "signer")
    add(tuple(signature.person for signature in change.recruiting.signatures), "signer")
    add(change.recruiting.champions, "champion")
    add(tuple(check.owner for check in change.learning.checks), "effect check owner")
    add(tuple(concern.by for concern in change.concerns), "concerned")
    add(tuple(seat.person for seat in change.gate.asked) if change.gate else (), "asked")
    add(tuple(seat.person for seat in change.review.asked[:1]) if change.review else (), "reviewer")
    add(change.followers, "follower")
    return {person: tuple(found) for person, found in parts.items()}


def standing(change: Change) -> str:
    """Where the change stands, as the end of the sentence "This change …"."""
    if change.closing:
        return f"has ended: {change.closing.outcome.replace('_', ' ')}"
    if change.hold:
        return f"is on hold: {change.hold.reason}"
    return f"is {PHASE_WORDS[change.phase]}"


def summary(change: Change) -> str:
    """Where the change stands and what is needed next, for receipts."""
    tasks = waiting_for(change)
    following = f" Next: {tasks[0].task[0].lower()}{tasks[0].task[1:]}." if tasks else ""
    return f"{change.ref} {standing(change)}.{following}"


def receipt_for(change: Change, events: Iterable[Event]) -> Receipt:
    """The receipt for the command that made ``events`` and left ``change``."""
    return Receipt(
        change=change.ref,
        version=change.version,
        stage=change.stage,
        phase=change.phase,
        outcome=change.closing.outcome if change.closing else "",
        happened=tuple(event.kind for event in events),
        summary=summary(change),
    )
