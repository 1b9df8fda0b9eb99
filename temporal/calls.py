"""What workflows ask of activities: names, inputs and outputs. Workflows never see the activities themselves."""

from __future__ import annotations

from changes.events import AnyEvent
from changes.facts import Facts, Subject
from changes.instruction import Assertion, Receipt
from changes.refusals import Refused
from changes.values import Moment, Ref, Value

CHANGE_WORKFLOW = "Change"
HOUSEKEEPING_WORKFLOW = "Housekeeping"
SEALING_WORKFLOW = "Sealing"
LOAD_CHANGE = "load_change"
LOOK_UP = "look_up"
RECORD = "record"
DELIVER = "deliver_notices"
ASKING_AGAIN_WORKFLOW = "AskingAgain"
ASKING_AGAIN_NOW = "asking-again-now"
"""The id of the one that is begun when somebody wants it at once, and not by its schedule."""
ASK_AGAIN = "ask_again"
SEND_WORD = "send_word"
LOOK_AGAIN = "look_again"
"""The signal by which a change is told that the world around it may be different. It says nothing: what is different
is looked up, so that whoever sends it can only make a change look."""
DELIVER_LEFTOVERS = "deliver_leftover_notices"
HOW_FAR_AHEAD = "how_far_ahead"
LOOK_AT_THE_CLOCK = "look_at_the_clock"
"""The signal by which a change of the demonstration is told that its clock was put forward. It says nothing: how far is
looked up by the worker, which knows of no such clock in production."""
WEBHOOK_WORKFLOW = "Webhook"
DIGEST_WORKFLOW = "WeeklyDigest"
WRITE_DIGESTS = "write_digests"
SEND_DIGESTS = "send_digests"
POST_EVENTS = "post_events"
WAKE = "wake"
SEAL = "seal_ledger"

REFUSED = "Refused"
"""The type of the ApplicationError by which a refusal leaves an update; its detail is the refusal."""
MOVED_ON = "MovedOn"
"""The type of the error when the stored change is ahead of the workflow's state."""


class LookUpRequest(Value):
    """Who asks for what, and what has to be known to decide it."""

    change: Ref
    subject: Subject
    actor: Ref
    at: Moment
    command: str
    fingerprint: str
    """The command's, to check what the assertion was made for."""
    key: str
    assertion: Assertion | None
    """None only for what Groundswell does by itself; no update can leave it out."""


class LookUpAnswer(Value):
    """Facts, or why there are none: an assertion that does not hold, or references nobody knows."""

    facts: Facts | None = None
    unknown: tuple[str, ...] = ()
    refused: Refused | None = None


class RecordRequest(Value):
    """A decision to record; see ``store.recording.Decision``."""

    change: Ref
    key: str
    fingerprint: str
    command: str
    actor: str
    via: str
    at: Moment
    update_id: str = ""
    version: int = 0
    events: tuple[AnyEvent, ...] = ()
    refused: Refused | None = None
    receipt: Receipt | None = None


class RecordAnswer(Value):
    """What is on record for the key now."""

    fingerprint: str
    receipt: Receipt | None = None
    refused: Refused | None = None
    repeated: bool = False
    """The key had been recorded before, perhaps by an earlier run: nothing was written now."""
    letters: bool = True
    """Whether somebody is told of it, so that there is mail to deliver."""


class Delivery(Value):
    """How a round of sending went."""

    sent: int = 0
    failed: int = 0
    version: int = 0
    """Everything up to this version of the change has left or was given up; 0 where several changes were looked at."""


class AskedAgain(Value):
    """How a round of looking at open gates went."""

    looked_at: int = 0
    told: tuple[Ref, ...] = ()
    """The changes that were told to look again, because other people would be asked now."""


class Word(Value):
    """One change has something to tell another."""

    to: Ref
    duplicate: Ref
    """The change that was marked as its duplicate."""


class Posted(Value):
    """How a round of webhooks went."""

    sent: int = 0
    more: bool = False
    """Something waits still."""
    pause: float = 0.0
    """Seconds to wait before the next round, because the last event failed."""


class Sealing(Value):
    """How a round of sealing the ledger went."""

    size: int = 0
    new: bool = False
    problems: tuple[str, ...] = ()
    """Who outside could not be reached or did not agree."""
