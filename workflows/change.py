"""The workflow of one change: it serialises commands, waits for the next moment that matters, and asks ``decide``.

The way of a decision (architecture.md): look up authority as of now, decide, record in one transaction, evolve.
"""

from __future__ import annotations

import asyncio
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


@workflow.defn(name=calls.CHANGE_WORKFLOW)
@takes_every_command
class ChangeWorkflow:
    """Carries one change from filing to closing."""

    @workflow.init
    def __init__(self, start: ChangeStart) -> None:
        """Begin with what was carried over, or with nothing until the records are read."""
        self._ref = start.change
        self._state = start.carried or Carried()
        self._known = start.carried is not None
        self._one_at_a_time = asyncio.Lock()
        self._timer: asyncio.Task[None] | None = None
        self._timer_for: datetime | None = None
        self._delivery: asyncio.Task[None] | None = None
        self._word: asyncio.Task[None] | None = None
        self._clock_moved = start.demonstration
        self._look_again: list[str] = []
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
            elif workflow.info().is_continue_as_new_suggested() and not (self._word and not self._word.done()):
                await workflow.wait_condition(workflow.all_handlers_finished)
                workflow.continue_as_new(ChangeStart(change=self._ref, carried=self._state))

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
            update = workflow.current_update_info()
            applied = await self._decide(
                command,
                LookUpFor(instruction.key, claim.actor, claim.via, instruction, update.id if update else ""),
            )
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
            answer = await self._look_up(command, asked, now)
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
                update_id=asked.update_id,
                version=change.version if change else 0,
                events=events,
                refused=refused,
                receipt=receipt,
            )
        )
        applied = Applied(fingerprint=recorded.fingerprint, receipt=recorded.receipt, refused=recorded.refused)
        if recorded.repeated:
            return applied if recorded.fingerprint == fingerprint else _key_reused(fingerprint)
        self._state = self._state.having(
            change=after if events else change,
            applied={**self._state.applied, asked.key: applied},
            undelivered=self._state.undelivered or (bool(events) and recorded.letters),
        )
        if after and after.closing and after.closing.duplicate_of and events:
            self._send_word(after.closing.duplicate_of)
        if after:
            workflow.set_current_details(f"{self._ref} {standing(after)}.")
        return applied

    async def _look_up(self, command: Command, asked: LookUpFor, now: datetime) -> calls.LookUpAnswer:
        answer: calls.LookUpAnswer = await workflow.execute_local_activity(
            calls.LOOK_UP,
            calls.LookUpRequest(
                change=self._ref,
                subject=subject_of(self._state.change, command, asked.actor, now),
                actor=asked.actor,
                at=now,
                command=command.kind,
                content=command.model_dump(mode="json"),
                key=asked.key,
                assertion=asked.instruction.assertion if asked.instruction else None,
            ),
            result_type=calls.LookUpAnswer,
            start_to_close_timeout=retrying.RECORDING_ATTEMPT,
            retry_policy=retrying.RECORDING,
        )
        return answer

    async def _record(self, request: calls.RecordRequest) -> calls.RecordAnswer:
        answer: calls.RecordAnswer = await workflow.execute_local_activity(
            calls.RECORD,
            request,
            result_type=calls.RecordAnswer,
            start_to_close_timeout=retrying.RECORDING_ATTEMPT,
            retry_policy=retrying.RECORDING,
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
            start_to_close_timeout=retrying.RECORDING_ATTEMPT,
            retry_policy=retrying.RECORDING,
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
            or workflow.info().is_continue_as_new_suggested()
        )

    def _finished(self) -> bool:
        """The change has ended, nobody waits for anything, and its mail has left or has been given up."""
        change = self._state.change
        nothing_happened = change is None and bool(self._state.applied)
        if self._look_again or (self._word and not self._word.done()):
            return False
        ended = nothing_happened or (change is not None and change.closing is not None)
        return ended and not self._one_at_a_time.locked() and not self._state.undelivered and not self._delivering()

    def _next(self) -> datetime | None:
        return next_moment(self._state.change) if self._state.change else None

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
            coming = self._next()
            if coming is None or coming > self._now():
                return
            key = f"time/{coming.isoformat()}/{self._state.change.version if self._state.change else 0}"
            await self._decide(NoticeTime(), LookUpFor(key, SYSTEM, "groundswell", None, ""))

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
            start_to_close_timeout=retrying.RECORDING_ATTEMPT,
            retry_policy=retrying.RECORDING,
        )
        self._state = self._state.having(ahead=ahead)
        if self._timer:
            self._timer.cancel()
        self._timer = self._timer_for = None

    async def _look_once_more(self, duplicate: str) -> None:
        async with self._one_at_a_time:
            await self._remember()
            change = self._state.change
            if change is None:
                return
            command = TakeOverFollowers(duplicate=duplicate) if duplicate else LookAgain()
            key = f"followers/{duplicate}" if duplicate else f"again/{change.version}"
            await self._decide(command, LookUpFor(key, SYSTEM, "groundswell", None, ""))

    # --------------------------------------------------------------------------------------------- delivering

    def _send_word(self, to: str) -> None:
        """Those who followed a duplicate follow the change it goes on under: word is sent there."""
        if workflow.patched(Patch.FOLLOWERS_MOVE_ALONG):
            self._word = asyncio.create_task(self._tell(to))

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


class LookUpFor:
    """Who asked for a command and with which key; for passing time, Groundswell itself."""

    def __init__(self, key: str, actor: str, via: str, instruction: Instruction | None, update_id: str) -> None:
        self.key, self.actor, self.via = key, actor, via
        self.instruction, self.update_id = instruction, update_id


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
