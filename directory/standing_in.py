"""Who answers for whom: delegations that people give, absences they announce, and the rules for both.

Source: lifecycle.md, "Rules that always hold": a delegation is dated, scoped, never passed on, never to the proposer;
both names are on the record.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, timedelta

from pydantic import Field

from changes.acts import Act
from changes.facts import GATES
from changes.refusals import invalid, not_yours, unknown
from changes.values import ChangeRef, OptionalText, PersonRef, Ref, Value
from directory.model import Directory

LONGEST = timedelta(days=366)
"""A delegation or an absence that is longer is a matter for the directory."""
KINDS_OF_DECISION = {
    "answer_proposal": "answering proposals",
    "endorse_tests": "endorsing tests",
    "sign_tests": "signing the gate after the tests",
    "start_rollout": "deciding on champion coverage and rollout",
}
"""What can be delegated, in words; the names are those of the gates."""


class Delegate(Act, kind="delegate", button="Let somebody answer for you"):
    """Somebody answers in your place, from and until a day, for some kinds of decision or some changes."""

    to: PersonRef = Field(description="Who answers for you")
    starts: date = Field(description="First day")
    ends: date = Field(description="Last day")
    decisions: tuple[str, ...] = Field(
        default=(), max_length=len(GATES), description="Which kinds of decision; left out, all of them"
    )
    changes: tuple[ChangeRef, ...] = Field(
        default=(), max_length=100, description="Which changes; left out, all of them"
    )
    reason: OptionalText = Field(default="", description="A word for the record")


class RevokeDelegation(Act, kind="revoke_delegation", button="Take a delegation back"):
    """What was delegated is yours again from this moment. Whoever answers for you may give it back as well."""

    delegation: Ref = Field(description="Which delegation")


class AnnounceAbsence(Act, kind="announce_absence", button="Say that you are away"):
    """While you are away, whoever you delegated to is asked, or somebody in your line."""

    starts: date = Field(description="First day away")
    ends: date = Field(description="Last day away")


class EndAbsence(Act, kind="end_absence", button="Say that you are back"):
    """You are asked again from this moment."""

    absence: Ref = Field(description="Which absence")


class Delegation(Value):
    """One delegation as it was given."""

    ref: Ref
    giver: Ref
    receiver: Ref
    starts: date
    ends: date
    gates: tuple[str, ...] = ()
    """The kinds of decision; none means all."""
    changes: tuple[Ref, ...] = ()
    """The changes; none means all."""
    reason: str = ""

    def covers(self, gate: str, change: str, day: date) -> bool:
        """Whether it holds at ``gate`` of ``change`` on ``day``, both its days included."""
        return (
            self.starts <= day <= self.ends
            and (not self.gates or gate in self.gates)
            and (not self.changes or change in self.changes)
        )

    def scope_in_words(self) -> str:
        """What it is about, such as "endorsing tests, on CH-7"."""
        kinds = " and ".join(KINDS_OF_DECISION.get(gate, gate) for gate in self.gates) or "every kind of decision"
        return f"{kinds}, on {', '.join(self.changes)}" if self.changes else kinds


class Absence(Value):
    """When somebody is away, as they announced it. Both days belong to it."""

    ref: Ref
    person: Ref
    starts: date
    ends: date


class StandIns:
    """All delegations and absences that hold or will hold. It never changes after construction."""

    def __init__(self, delegations: Iterable[Delegation] = (), absences: Iterable[Absence] = ()) -> None:
        self._by_giver: dict[str, list[Delegation]] = defaultdict(list)
        self._absences: dict[str, list[Absence]] = defaultdict(list)
        for delegation in sorted(delegations, key=lambda each: (each.starts, each.ref)):
            self._by_giver[delegation.giver].append(delegation)
        for absence in absences:
            self._absences[absence.person].append(absence)

    def delegates_of(self, giver: str, gate: str, change: str, day: date) -> tuple[Delegation, ...]:
        """What ``giver`` has delegated at this gate of this change on ``day``: single changes first."""
        found = [each for each in self._by_giver.get(giver, ()) if each.covers(gate, change, day)]
        return tuple(sorted(reversed(found), key=lambda each: (not each.changes, not each.gates)))

    def away_until(self, person: str, day: date) -> date | None:
        """The last day of the absence ``person`` announced for ``day``; none if they did not."""
        return max((a.ends for a in self._absences.get(person, ()) if a.starts <= day <= a.ends), default=None)


NOBODY_STANDS_IN = StandIns()
"""Nobody delegated anything, and nobody announced an absence."""


def check_delegation(act: Delegate, giver: str, directory: Directory, today: date, authors: Iterable[str]) -> None:
    """Look whether somebody may delegate this.

    Args:
        authors: those whose change it is, of every change that ``act`` names.

    Raises:
        Refusal: naming the field at fault.
    """
    check_active(giver, directory)
    _check_days(act.starts, act.ends, today, "A delegation")
    if act.to not in directory.people:
        unknown("unknown_person", f"There is no person called “{act.to}”. Check the name.", "/to")
    if act.to == giver:
        invalid("to_oneself", "That is you. Name the colleague who answers in your place.", "/to")
    receiver = directory.person(act.to)
    if not receiver.active:
        invalid("not_active", f"{receiver.name} is not active any more. Name somebody else.", "/to")
    for index, decision in enumerate(act.decisions):
        if decision not in GATES:
            kinds = ", ".join(GATES)
            invalid("unknown_decision", f"“{decision}” cannot be delegated. There is: {kinds}.", f"/decisions/{index}")
    if act.to in set(authors):
        invalid(
            "to_the_proposer",
            f"{receiver.name} is an author of one of these changes, and nobody decides on their own change.",
            "/to",
        )


def check_absence(act: AnnounceAbsence, person: str, directory: Directory, today: date) -> None:
    """Look whether somebody may say that they are away then.

    Raises:
        Refusal: naming the field at fault.
    """
    check_active(person, directory)
    _check_days(act.starts, act.ends, today, "An absence")


def check_active(person: str, directory: Directory) -> None:
    """Look whether somebody still works here.

    Raises:
        Refusal: they do not.
    """
    if person not in directory.people or not directory.person(person).active:
        not_yours("not_active", "Your account is not active any more, so you cannot act in Groundswell.")


def _check_days(starts: date, ends: date, today: date, what: str) -> None:
    if ends < starts:
        invalid("ends_before_start", f"{what} cannot end on {ends}, before it starts on {starts}.", "/ends")
    if ends < today:
        invalid("in_the_past", f"{ends} has passed. {what} needs a last day that is still to come.", "/ends")
    if ends - starts > LONGEST:
        invalid("too_long", f"{what} lasts at most {LONGEST.days} days. Choose an earlier last day.", "/ends")
