"""Who is being waited for, and who has a part in a change. Pages and reminders read the answer, never a guess."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from changes.events import Event
from changes.facts import ANSWER_PROPOSAL, ENDORSE_TESTS, SIGN_TESTS, START_ROLLOUT
from changes.gates import unanswered
from changes.held import champion_missed, leading, speaking, wave_starters, without_a_tester
from changes.instruction import Receipt
from changes.passing_time import OVERTAKEN_TASK
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
    since: Moment
    """Since when it waits for them; after a hold, since the change went on."""


def waiting_for(change: Change) -> tuple[Waiting, ...]:
    """Everything anybody is asked to do now, the same person and task once; nothing of those who have left."""
    found: dict[tuple[str, str], Waiting] = {}
    for task in _everything(change):
        if task.person not in change.left:
            found.setdefault((task.person, task.task), task)
    return tuple(found.values())


def _everything(change: Change) -> Iterator[Waiting]:
    if change.closing is None and change.hold is None:
        resumed = change.running_since
        for task in _tasks(change):
            yield task.having(since=resumed) if resumed and resumed > task.since else task
        return
    if change.closing is None:
        yield from _review_tasks(change)
    elif change.closing.outcome is Outcome.EXPIRED:
        yield from _each(speaking(change), "Renew the change, or let it rest", "renew", since=change.closing.at)
        yield from _review_tasks(change)


def _each(
    people: Iterable[str], task: str, *commands: str, since: Moment, due: Moment | None = None
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
        task = "Review the short road this change took"
        for seat in review.asked:
            since = review.joined.get(seat.person, review.since)
            yield from _each((seat.person,), task, "record_review", since=since, due=review.due)


def _gate_tasks(change: Change) -> Iterator[Waiting]:
    gate = change.gate
    if gate is None or gate.agreed:
        return
    for person in unanswered(change):
        since = gate.joined.get(person) or gate.asked_since or gate.opened_at
        if gate.name == ENDORSE_TESTS and person in {a.person for a in change.round.endorsements if a.stale}:
            since = max(since, change.round.proposed_at or since)
        yield from _each((person,), GATE_TASKS[gate.name], *GATE_COMMANDS[gate.name], since=since, due=gate.due)


def _tasks(change: Change) -> Iterator[Waiting]:
    yield from _review_tasks(change)
    yield from _gate_tasks(change)
    if change.phase is Phase.AWAITING_ANSWER and change.proposal.heard:
        if change.proposal.heard[-1].confirmed is None:
            heard = change.proposal.heard[-1].at
            task = "Confirm or correct what was heard"
            yield from _each(speaking(change), task, "confirm_heard", "correct", since=heard)
    for person in change.proposal.asked_to_join:
        since = change.proposal.asked_to_join_at or change.opened_at
        task = "Say whether you propose it with them"
        yield from _each((person,), task, "join_authors", "decline_authorship", since=since)
    yield from _author_tasks(change)
    yield from _tests_to_run(change)
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
            owners = leading(change) if check.owner in change.left else (check.owner,)
            yield from _each(owners, task, "record_effect", since=check.opened_at or check.opens)
    for concern in change.concerns:
        yield from _about(change, concern)


def _tests_to_run(change: Change) -> Iterator[Waiting]:
    orphaned = without_a_tester(change)
    for test, missed in orphaned:
        people = tuple(dict.fromkeys((*leading(change), *missed.asked)))
        yield from _each(people, f"Name somebody else to run {test.ref}", "name_testers", since=missed.at)
    for test in change.round.tests if change.phase is Phase.RUNNING_TESTS else ():
        if test.ref not in change.round.finished:
            since = change.round.named_at.get(test.ref, change.phase_since)
            task = f"Run {test.ref} and enter its result"
            yield from _each(test.testers, task, "record_result", "stop_early", since=since)


def _about(change: Change, concern: Concern) -> Iterator[Waiting]:
    """What is owed about an open concern: why it was raised, and an answer by those whom its reason concerns."""
    if concern.status is not ConcernStatus.OPEN:
        return
    asked = [why.at for why in concern.whys if not why.answer]
    gone = concern.by in change.left
    if asked and not gone:
        yield from _each((concern.by,), f"Answer why on {concern.ref}", "answer_why", since=asked[0])
    elif not concern.responses:
        owing = concern.must_answer or (change.proposal.authors if concern.blocking else ())
        here = tuple(person for person in owing if person != concern.by and person not in change.left)
        people = here or (leading(change) if owing else ())
        yield from _each(people, f"Respond to the concern {concern.ref}", "respond", since=concern.at)
    if gone and concern.blocking:
        task = f"Say whether the concern {concern.ref} still stands in the way: whoever raised it has left"
        noticed = next(one.at for one in change.missing if one.person == concern.by)
        yield from _each(concern.left_to, task, "overrule_concern", since=noticed)


def _author_tasks(change: Change) -> Iterator[Waiting]:
    authors, since = leading(change), change.phase_since
    match change.phase:
        case Phase.NEEDS_CHANGES:
            task = "Change the proposal and submit it again"
            yield from _each(speaking(change), task, "resubmit", "edit", since=since)
        case Phase.OVERTAKEN:
            yield from _each(speaking(change), OVERTAKEN_TASK, "resubmit", "edit", since=since)
        case Phase.PLANNING_TESTS:
            yield from _each(authors, "Propose the tests", "propose_tests", since=since)
        case Phase.RUNNING_TESTS:
            if all(test.ref in change.round.finished for test in change.round.tests):
                yield from _each(authors, "Conclude the tests", "conclude", since=_results_in(change) or since)
        case Phase.RECRUITING:
            yield from _champion_tasks(change)
            if not change.rollout.waves:
                yield from _each(authors, "Plan the rollout", "plan_rollout", since=since)
        case Phase.PREPARING_WAVE:
            yield from _champion_missed(change)
            yield from _next_wave(change)
        case Phase.WAVE_RUNNING:
            yield from _champion_missed(change)
            task = "Report the guards and complete the wave"
            yield from _each(authors, task, "report_metric", "complete_wave", since=since)
        case Phase.WAVE_PAUSED:
            if change.rollout.signed_version == change.rollout.plan_version:
                task = "Resume the wave, or roll it back"
                yield from _each(authors, task, "resume_wave", "roll_back", since=_signed_at(change))
        case Phase.CHECKING_EFFECT:
            if change.learning.retrospective is None:
                yield from _each(authors, "Record the retrospective", "hold_retrospective", since=since)
            elif all(check.outcome for check in change.learning.checks) and not owed(change):
                yield from _each(authors, "Close the change", "close", since=_all_known(change))
        case _:
            return


def _champion_tasks(change: Change) -> Iterator[Waiting]:
    authors, recruiting = leading(change), change.recruiting
    planned = recruiting.planned_at or change.phase_since
    if not recruiting.plans:
        yield from _each(authors, "Have champions recommended", "plan_champions", since=change.phase_since)
    elif not recruiting.invitations:
        yield from _each(authors, "Invite champions", "invite", since=planned)
    elif more_to_invite(change):
        task = "Invite the next colleagues, from the places planned again"
        yield from _each(authors, task, "invite", since=planned)
    elif recruiting.finding:
        task = f"Champions are missing: {recruiting.finding}"
        commands = ("open_places", "plan_rollout", "hold")
        yield from _each(authors, task[:300], *commands, since=recruiting.looked_at or planned)
    else:
        yield from _champion_missed(change)


def _champion_missed(change: Change) -> Iterator[Waiting]:
    if more_to_invite(change) and change.recruiting.with_status(InvitationStatus.GONE):
        task = "Invite somebody in place of a champion who has left"
        yield from _each(leading(change), task, "invite", since=change.recruiting.planned_at or change.phase_since)
    elif missed := champion_missed(change):
        task = "Have champions recommended again: one of them is not there any more"
        yield from _each(leading(change), task, "plan_champions", "open_places", since=missed.at)


def _next_wave(change: Change) -> Iterator[Waiting]:
    upcoming = change.rollout.upcoming
    if not change.rollout.waves:
        yield from _each(leading(change), "Plan the rollout", "plan_rollout", since=change.phase_since)
    elif change.rollout.signed_version == change.rollout.plan_version:
        since = _signed_at(change)
        if upcoming is None or upcoming.wave.gate != "person":
            yield from _each(leading(change), "Start the next wave", "start_wave", "plan_rollout", since=since)
        else:
            yield from _each(wave_starters(change), f"Start the wave “{upcoming.wave.name}”", "start_wave", since=since)


def _signed_at(change: Change) -> Moment:
    """Since when the phase goes on under the rollout plan as it is now."""
    signed = [gate.at for gate in change.passed if gate.name == START_ROLLOUT]
    return max([change.phase_since, *signed])


def _all_known(change: Change) -> Moment:
    """When the last thing was found out that closing waits for."""
    found = [check.at for check in change.learning.checks if check.at]
    found += [change.learning.retrospective.at] if change.learning.retrospective else []
    found += [change.review.at] if change.review and change.review.at else []
    return max([change.phase_since, *found])


def _results_in(change: Change) -> Moment | None:
    """When the last missing result came in."""
    moments = [result.at for result in change.round.counting_results]
    moments += [stop.at for stop in change.round.counting_stops]
    return max(moments, default=None)


def more_to_invite(change: Change) -> bool:
    """Whether places were planned again and nobody of the new plan has been asked yet."""
    recruiting = change.recruiting
    if not recruiting.plans or not recruiting.invitations or recruiting.finding:
        return False
    latest = max(invitation.at for invitation in recruiting.invitations)
    # Records of earlier releases know when the answers were looked at, and not whether anybody was asked since.
    again = recruiting.to_invite or (recruiting.looked_at is not None and recruiting.looked_at >= latest)
    return again and bool(recruiting.plans[-1].picks)


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
