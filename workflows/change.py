"""The workflow of one change: it serialises commands, waits for the next moment that matters, and asks ``decide``.

The way of a decision (architecture.md): look up authority as of now, decide, record in one transaction, evolve.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, ApplicationErrorCategory

from workflows.commands import takes_every_command

with workflow.unsafe.imports_passed_through():
    from changes.anonymity import moment_of
    from changes.commands import Command
    from changes.decision import decide, evolve_all, refuse_unknown, subject_of
    from changes.events import Event
    from changes.facts import SYSTEM
    from changes.hearing import TakeOverFollowers
    from changes.instruction import Applied, Instruction, Receipt
    from changes.passing_time import LookAgain, NoticeTime, next_moment
    from changes.refusals import KEY_REUSED, Refusal, RefusalKind, Refused
    from changes.state import Change
    from changes.waiting import receipt_for, standing
    from temporal import calls, retrying
    from temporal.patches import Patch
    from temporal.start import Carried, ChangeStart

ENOUGH_TIME = timedelta(seconds=1)
"""A timer is set at least this far ahead; the server rounds up to it anyway."""
FIRST_TRY, LAST_TRY = timedelta(minutes=1), timedelta(hours=1)
"""How long to wait before time is noticed again where nothing followed from it, at first and at most."""


@workflow.defn(name=calls.CHANGE_WORKFLOW)
@takes_every_command
class ChangeWorkflow:
    """Carries one change from filing to closing."""

    @workflow.init
    def __init__(self, start: ChangeStart) -> None:
        """Begin with what was carried over; the change is read from its records."""
        self._ref = start.change
        self._state = start.carried or Carried()
        self._demonstration = start.demonstration or self._state.ahead > 0
        self._known = self._state.change is not None
        if self._known or self._state.ahead:  # an earlier release carried it, or somebody says so who has no say
            if workflow.patched(Patch.READS_ITS_RECORDS):
                self._state, self._known = self._state.having(change=None, ahead=0), False
        self._clock_moved = self._demonstration and not self._known
        self._one_at_a_time = asyncio.Lock()
        self._timer: asyncio.Task[None] | None = None
        self._timer_for: datetime | None = None
        self._in_vain: InVain | None = None
        self._reckoned: tuple[Change, datetime | None] | None = None
        """A change, and when to notice that time has passed for it: asked several times for each decision."""
        self._delivery: asyncio.Task[None] | None = None
        self._word: asyncio.Task[None] | None = None
        self._look_again = list(self._state.look_again)
        """Why to look again: a duplicate whose followers move here, or nothing in particular."""

    @workflow.run
    async def run(self, start: ChangeStart) -> None:
        """Wait and notice time until the change has ended."""
        async with self._one_at_a_time:
            await self._remember()
        while True:
            self._set_timer()
            self._begin_delivery()
            await workflow.wait_condition(self._something_to_do)
            if self._clock_moved:
                await self._look_up_the_clock()
            elif self._timer and self._timer.done():
                self._timer = self._timer_for = None
                await self._notice_time()
            elif self._look_again:
                await self._look_once_more(self._look_again.pop(0))
            elif self._finished():
                await workflow.wait_condition(workflow.all_handlers_finished)
                if self._finished():
                    break
            elif self._long_enough():
                await workflow.wait_condition(workflow.all_handlers_finished)
                if self._long_enough():
                    workflow.continue_as_new(self._next_run())

    def _long_enough(self) -> bool:
        """The history is to begin anew, and no word is under way that would be lost with it."""
        return workflow.info().is_continue_as_new_suggested() and not self._sending_word()

    def _next_run(self) -> ChangeStart:
        """A round of mail that has not ended is begun again; it finds what did not leave."""
        state = self._state.having(undelivered=self._state.undelivered or self._delivering())
        return ChangeStart(
            change=self._ref,
            carried=state.for_the_next_run(tuple(self._look_again)),
            demonstration=self._demonstration,
        )

    @workflow.signal(name=calls.LOOK_AGAIN)
    def look_again(self, duplicate: str = "") -> None:
        """The world around this change may be different. What is different is looked up, so nobody has to be believed.

        Args:
            duplicate: a change that may have been marked as a duplicate of this one.
        """
        if duplicate not in self._look_again:
            self._look_again.append(duplicate)

    @workflow.signal(name=calls.LOOK_AT_THE_CLOCK)
    def look_at_the_clock(self) -> None:
        """The demonstration's clock was put forward; how far is looked up."""
        self._clock_moved = True

    async def apply(self, command: Command, instruction: Instruction) -> Receipt:
        """Answer one command: once per key, after everything before it, and only when it is on record.

        Raises:
            ApplicationError: of type ``Refused``, when a rule does not allow it.
        """
        async with self._one_at_a_time:
            await self._remember()
            claim = instruction.assertion
            asked = LookUpFor(instruction.key, claim.actor, claim.via, instruction)
            applied = await self._decide(command, asked)
        if applied.receipt is None:
            refused = applied.refused
            assert refused is not None  # noqa: S101 - what was applied has a receipt or a refusal
            raise ApplicationError(
                refused.detail,
                refused,
                type=calls.REFUSED,
                non_retryable=True,
                category=ApplicationErrorCategory.BENIGN,
            )
        return applied.receipt

    # ----------------------------------------------------------------------------------------------- deciding

    async def _decide(self, command: Command, asked: LookUpFor) -> Applied:
        fingerprint = command.fingerprint()
        if known := self._state.applied.get(asked.key):
            return known if known.fingerprint == fingerprint else _key_reused(fingerprint)
        while True:
            try:
                return await self._decide_once(command, fingerprint, asked)
            except (ActivityError, ApplicationError) as error:
                if not _has_moved_on(error):
                    raise
                # Another run of this workflow recorded something: its records are the truth, so decide on them.
                self._known = False
                await self._remember()

    async def _decide_once(self, command: Command, fingerprint: str, asked: LookUpFor) -> Applied:
        change = self._state.change
        now = self._moment_for(asked.actor)
        events: tuple[Event, ...] = ()
        refused: Refused | None = None
        try:
            answer = await self._look_up(command, fingerprint, asked, now)
            if answer.refused or answer.facts is None:
                refused = answer.refused or refuse_unknown(command, answer.unknown) or _nothing_known(answer.unknown)
            else:
                expected = asked.instruction.expected_version if asked.instruction else None
                decision = decide(change, command, answer.facts, now, expected)
                if isinstance(decision, Refused):
                    refused = decision
                else:
                    events = decision
        except Refusal as refusal:
            refused = refusal.refused
        if isinstance(command, LookAgain | TakeOverFollowers) and not events and refused is None:
            return Applied(fingerprint=fingerprint)  # nothing is different, so there is nothing to record
        if isinstance(command, NoticeTime) and refused and self._in_vain and self._in_vain.refused == refused:
            return Applied(fingerprint=fingerprint, refused=refused)  # it is on record that this cannot go on
        after = evolve_all(change, events, self._ref)
        receipt = None if refused or after is None else receipt_for(after, events)
        recorded = await self._record(
            calls.RecordRequest(
                change=self._ref,
                key=asked.key,
                fingerprint=fingerprint,
                command=command.kind,
                actor=asked.actor,
                via=asked.via,
                at=now,
                # Not the update's own id, which ends with a digest of what somebody wrote.
                update_id=asked.key if asked.instruction else "",
                version=change.version if change else 0,
                events=events,
                refused=refused,
                receipt=receipt,
            )
        )
        applied = Applied(fingerprint=recorded.fingerprint, receipt=recorded.receipt, refused=recorded.refused)
        if not recorded.repeated:
            self._settle(asked.key, applied, after if events else change, bool(events), recorded.letters)
            return applied
        if workflow.patched(Patch.REPEATED_IS_READ):
            # An earlier attempt was recorded and its answer lost: what follows from it has not been seen to yet.
            self._known = False
            await self._remember()
            self._settle(asked.key, applied, self._state.change, recorded.receipt is not None)
        return applied if recorded.fingerprint == fingerprint else _key_reused(fingerprint)

    def _settle(self, key: str, applied: Applied, change: Change | None, happened: bool, letters: bool = True) -> None:
        """Take what was recorded for ``key`` as the state, and see to what follows: mail, word to another change."""
        self._state = self._state.having(
            change=change,
            applied={**self._state.applied, key: applied},
            undelivered=self._state.undelivered or (happened and letters),
        )
        if change and change.closing and change.closing.duplicate_of and happened:
            self._send_word(change.closing.duplicate_of)
        if change:
            workflow.set_current_details(f"{self._ref} {standing(change)}.")

    async def _look_up(self, command: Command, fingerprint: str, asked: LookUpFor, now: datetime) -> calls.LookUpAnswer:
        answer: calls.LookUpAnswer = await workflow.execute_local_activity(
            calls.LOOK_UP,
            calls.LookUpRequest(
                change=self._ref,
                subject=subject_of(self._state.change, command, asked.actor, now),
                actor=asked.actor,
                at=now,
                command=command.kind,
                fingerprint=fingerprint,
                key=asked.key,
                assertion=asked.instruction.assertion if asked.instruction else None,
            ),
            result_type=calls.LookUpAnswer,
            **retrying.IN_THE_DECISION,
        )
        return answer

    async def _record(self, request: calls.RecordRequest) -> calls.RecordAnswer:
        answer: calls.RecordAnswer = await workflow.execute_local_activity(
            calls.RECORD,
            request,
            result_type=calls.RecordAnswer,
            **retrying.IN_THE_DECISION,
        )
        return answer

    async def _remember(self) -> None:
        """Read the change from its records, where this run began without knowing it."""
        if self._clock_moved:
            await self._read_the_clock()
        if self._known:
            return
        change: Change | None = await workflow.execute_local_activity(
            calls.LOAD_CHANGE,
            self._ref,
            result_type=Change | None,  # type: ignore[arg-type]
            **retrying.IN_THE_DECISION,
        )
        self._state = self._state.having(change=change)
        self._known = True

    # ------------------------------------------------------------------------------------------------ waiting

    def _something_to_do(self) -> bool:
        return bool(
            self._clock_moved
            or (self._timer and self._timer.done())
            or self._look_again
            or self._finished()
            or (self._state.undelivered and not self._delivering())
            or self._needs_earlier_timer()
            or self._long_enough()
        )

    def _finished(self) -> bool:
        """The change has ended, nobody waits for anything, and its mail has left or has been given up."""
        change = self._state.change
        nothing_happened = change is None and bool(self._state.applied)
        if self._look_again or self._sending_word():
            return False
        ended = nothing_happened or (change is not None and change.closing is not None)
        return ended and not self._one_at_a_time.locked() and not self._state.undelivered and not self._delivering()

    def _next(self) -> datetime | None:
        """When to notice that time has passed."""
        change = self._state.change
        if change is None:
            return None
        if self._in_vain and self._in_vain.version == change.version:
            return self._in_vain.again_at
        if self._reckoned is None or self._reckoned[0] is not change:
            self._reckoned = change, next_moment(change)
        return self._reckoned[1]

    def _needs_earlier_timer(self) -> bool:
        coming = self._next()
        return coming is not None and (self._timer_for is None or coming < self._timer_for)

    def _set_timer(self) -> None:
        """Set a timer only when the next moment is earlier than the one that is set.

        A moment that moved later needs nothing: the old timer fires, finds nothing due and sets the next one. A road
        of sixty commands then costs a handful of timers instead of sixty.
        """
        if not self._needs_earlier_timer():
            return
        coming = self._next()
        assert coming is not None  # noqa: S101 - said by _needs_earlier_timer
        if self._timer:
            self._timer.cancel()
        self._timer_for = coming
        self._timer = asyncio.create_task(self._sleep_until(coming))

    async def _sleep_until(self, moment: datetime) -> None:
        await workflow.sleep(max(moment - self._now(), ENOUGH_TIME))

    async def _notice_time(self) -> None:
        async with self._one_at_a_time:
            change, due = self._state.change, self._next()
            if change is None or due is None or due > self._now():
                return
            key = f"time/{due.isoformat()}/{change.version}"
            applied = await self._decide(NoticeTime(), LookUpFor(key, SYSTEM, "groundswell", None))
            after = self._state.change
            in_vain = after is not None and after.version == change.version and workflow.patched(Patch.WAITS_LONGER)
            before = self._in_vain.times if self._in_vain and self._in_vain.version == change.version else 0
            self._in_vain = InVain.once_more(before, change.version, self._now(), applied.refused) if in_vain else None

    def _moment_for(self, actor: str) -> datetime:
        now = self._now()
        quiet = moment_of(actor, now, self._state.change)
        return quiet if quiet != now and workflow.patched(Patch.HOUR_ONLY) else now

    def _now(self) -> datetime:
        """The present moment; in the demonstration, as far ahead as its clock was put."""
        return workflow.now() + timedelta(seconds=self._state.ahead)

    async def _look_up_the_clock(self) -> None:
        async with self._one_at_a_time:
            await self._read_the_clock()

    async def _read_the_clock(self) -> None:
        """Ask how far ahead it is, and set the timer anew: what it waits for comes sooner now."""
        self._clock_moved = False
        ahead: float = await workflow.execute_local_activity(
            calls.HOW_FAR_AHEAD,
            result_type=float,
            **retrying.IN_THE_DECISION,
        )
        self._state = self._state.having(ahead=ahead)
        self._in_vain = None
        if self._timer:
            self._timer.cancel()
        self._timer = self._timer_for = None

    async def _look_once_more(self, duplicate: str) -> None:
        async with self._one_at_a_time:
            if workflow.patched(Patch.LOOKS_AT_RECORDS):
                self._known = False
                if self._in_vain:
                    self._in_vain = replace(self._in_vain, again_at=self._now())
            await self._remember()
            change = self._state.change
            if change is None:
                return
            command = TakeOverFollowers(duplicate=duplicate) if duplicate else LookAgain()
            key = f"followers/{duplicate}" if duplicate else f"again/{change.version}"
            await self._decide(command, LookUpFor(key, SYSTEM, "groundswell", None))

    # --------------------------------------------------------------------------------------------- delivering

    def _send_word(self, to: str) -> None:
        """Those who followed a duplicate follow the change it goes on under: word is sent there."""
        if workflow.patched(Patch.FOLLOWERS_MOVE_ALONG):
            self._word = asyncio.create_task(self._tell(to))

    def _sending_word(self) -> bool:
        return self._word is not None and not self._word.done()

    async def _tell(self, to: str) -> None:
        try:
            await workflow.execute_activity(
                calls.SEND_WORD,
                calls.Word(to=to, duplicate=self._ref),
                start_to_close_timeout=retrying.DELIVERING_ATTEMPT,
                retry_policy=retrying.DELIVERING,
            )
        except ActivityError:
            workflow.logger.warning("the change this is a duplicate of could not be told")

    def _delivering(self) -> bool:
        return self._delivery is not None and not self._delivery.done()

    def _begin_delivery(self) -> None:
        """Send what waits in the outbox. One activity at a time takes everything that has gathered meanwhile."""
        if self._state.undelivered and not self._delivering():
            self._state = self._state.having(undelivered=False)
            self._delivery = asyncio.create_task(self._deliver())

    async def _deliver(self) -> None:
        try:
            delivery: calls.Delivery = await workflow.execute_activity(
                calls.DELIVER,
                self._ref,
                result_type=calls.Delivery,
                start_to_close_timeout=retrying.DELIVERING_ATTEMPT,
                retry_policy=retrying.DELIVERING,
            )
        except ActivityError:
            workflow.logger.warning("mail could not leave; housekeeping will try again")
        else:
            change = self._state.change
            if change and change.version <= delivery.version:
                self._state = self._state.having(undelivered=False)


@dataclass(frozen=True)
class InVain:
    """Time was noticed and nothing followed, such as while the directory does not know somebody who is asked. It is
    noticed again later and later; at once when somebody acts, or when the change is told to look again.
    """

    version: int
    times: int
    again_at: datetime
    refused: Refused | None
    """Why nothing followed; it is recorded once."""

    @classmethod
    def once_more(cls, times: int, version: int, now: datetime, refused: Refused | None) -> InVain:
        """As it is at ``now``, after ``times`` before."""
        pause: timedelta = min(FIRST_TRY * 2 ** min(times, 20), LAST_TRY)
        return cls(version, times + 1, now + pause, refused)


class LookUpFor:
    """Who asked for a command and with which key; for passing time, Groundswell itself."""

    def __init__(self, key: str, actor: str, via: str, instruction: Instruction | None) -> None:
        self.key, self.actor, self.via = key, actor, via
        self.instruction = instruction


def _has_moved_on(error: ActivityError | ApplicationError) -> bool:
    """Whether the record was refused by the store; a local activity's error arrives bare or wrapped."""
    cause = error.cause if isinstance(error, ActivityError) else error
    return isinstance(cause, ApplicationError) and cause.type == calls.MOVED_ON


def _nothing_known(unknown: tuple[str, ...]) -> Refused:
    names = ", ".join(f"“{ref}”" for ref in unknown)
    return Refused(
        kind=RefusalKind.UNKNOWN,
        rule="not_in_directory",
        detail=f"The directory does not know {names}. Ask an administrator to bring it up to date.",
    )


def _key_reused(fingerprint: str) -> Applied:
    return Applied(fingerprint=fingerprint, refused=KEY_REUSED)
