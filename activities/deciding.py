"""The local activities around a decision: load, look up, record.

Each is idempotent: loading and looking up change nothing, recording answers a repeated key with what is on record.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import structlog
from sqlalchemy import Engine
from temporalio import activity
from temporalio.exceptions import ApplicationError

from changes.facts import SYSTEM
from changes.instruction import Asked, assertion_holds
from changes.refusals import RefusalKind, Refused
from changes.state import Change
from changes.values import NAMELESS, is_pseudonym
from ledger.canonical import NotCanonical
from store.authority import Authority
from store.committing import GroupCommitter
from store.database import reading
from store.demonstration_clock import DemonstrationClock
from store.ledger import Source
from store.reading import change_state
from store.recording import Decision, MovedOn, States, record
from temporal import calls

log = structlog.get_logger()


class DecisionActivities:
    """Activities on one database, with the key to check assertions and those that were used before it."""

    def __init__(
        self,
        engine: Engine,
        authority: Authority,
        secret: bytes,
        earlier_secrets: Sequence[bytes] = (),
        *,
        clock: DemonstrationClock | None = None,
    ) -> None:
        """Decide on ``engine``; ``clock`` is the demonstration's, and there is none in production."""
        self._clock = clock
        self._engine = engine
        self._authority = authority
        self._secret = secret
        self._earlier_secrets = earlier_secrets
        self._states = States()
        self._committer = GroupCommitter(engine)

    def all(self) -> list[Callable[..., Any]]:
        """The activities, for the worker's list."""
        return [self.load_change, self.look_up, self.record, self.how_far_ahead]

    def _now(self) -> datetime:
        return self._clock() if self._clock else datetime.now(UTC)

    @activity.defn(name=calls.HOW_FAR_AHEAD)
    def how_far_ahead(self) -> float:
        """Seconds by which the demonstration's clock is ahead; in production there is none, whoever asks."""
        if self._clock is None:
            return 0.0
        self._clock.forget()
        return self._clock.ahead().total_seconds()

    @activity.defn(name=calls.LOAD_CHANGE)
    def load_change(self, ref: str) -> Change | None:
        """The change as its records say, None when there are none yet."""
        _only_from_our_workflow()
        with reading(self._engine) as connection:
            return change_state(connection, ref)

    @activity.defn(name=calls.LOOK_UP, no_thread_cancel_exception=True)
    def look_up(self, request: calls.LookUpRequest) -> calls.LookUpAnswer:
        """Check who is asking, and say what is true of people, policy and load as of now."""
        _only_from_our_workflow()
        if refused := self._check_assertion(request):
            return calls.LookUpAnswer(refused=refused)
        with reading(self._engine) as connection:
            found = self._authority.look_up(connection, request.subject, request.actor, request.at, request.change)
        return calls.LookUpAnswer(facts=found.facts, unknown=found.unknown)

    def _check_assertion(self, request: calls.LookUpRequest) -> Refused | None:
        claim = request.assertion
        if claim is None:
            holds = request.actor == SYSTEM
        else:
            asked = Asked(request.change, request.key, request.command, request.fingerprint)
            signed = assertion_holds(self._secret, claim, asked, self._earlier_secrets)
            holds = claim.actor == request.actor != SYSTEM and signed
        if holds:
            return None
        return Refused(
            kind=RefusalKind.NOT_YOURS,
            rule="actor_not_proven",
            detail="Nobody vouches that this person asked for it. Send commands through Groundswell, signed in.",
        )

    # The thread that records may be writing for others as well (store.committing): it is not broken off in the middle.
    @activity.defn(name=calls.RECORD, no_thread_cancel_exception=True)
    def record(self, request: calls.RecordRequest) -> calls.RecordAnswer:
        """Write the decision in one transaction; a key that is on record already is answered, not written again."""
        info = _only_from_our_workflow()
        source = Source(
            namespace=info.namespace,
            workflow_id=info.workflow_id or "",
            run_id=info.workflow_run_id or "",
            update_id=request.update_id,
        )
        decision = Decision.model_construct(**{name: getattr(request, name) for name in Decision.model_fields})
        try:
            recorded = record(self._engine, decision, source, self._now(), self._states, self._committer)
        except MovedOn as error:
            raise ApplicationError(str(error), type=calls.MOVED_ON, non_retryable=True) from error
        except NotCanonical as error:
            raise ApplicationError(str(error), type="NotCanonical", non_retryable=True) from error
        log.info(
            "refused" if request.refused else "recorded",
            change=request.change,
            command=request.command,
            actor=NAMELESS if is_pseudonym(request.actor) else request.actor,
            rule=request.refused.rule if request.refused else None,
            version=request.version + len(request.events),
            repeated=recorded.repeated,
            letters=recorded.letters,
        )
        answer = recorded.applied
        return calls.RecordAnswer(
            fingerprint=answer.fingerprint,
            receipt=answer.receipt,
            refused=answer.refused,
            repeated=recorded.repeated,
            letters=recorded.letters,
        )


def _only_from_our_workflow() -> activity.Info:
    """What is known of the call. A local activity runs where its workflow's code does: here, and the code is ours. Any
    other call comes from a stranger on our task queue, and nothing vouches for what it says.

    Raises:
        ApplicationError: such a call.
    """
    info = activity.info()
    if not info.is_local:
        raise ApplicationError(
            f"{info.activity_type} is part of a decision: only the workflow of a change calls it, as a local activity.",
            type="NotLocal",
            non_retryable=True,
        )
    return info
