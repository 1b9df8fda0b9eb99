"""The proposal stage: filing, listening, answering, deciding alone.

Source: lifecycle.md, "Proposal".
"""

from __future__ import annotations

from changes.authors import AuthorLeft, CoProposerJoined, CoProposersAsked, CoProposerUnavailable
from changes.hearing import (
    AcceptedForTesting,
    ChangesAsked,
    Declined,
    FollowersMoved,
    HeardConfirmed,
    HeardCorrected,
    MarkedDuplicate,
    Objected,
    SaidBack,
    SelfDecided,
)
from changes.proposal import Edited, Resubmitted, Submitted
from notifications.packets import matter
from notifications.telling import ASKED, AUTHOR, FOLLOWER, INVITED, LISTENER, SILENT, Scene, Tellings, tell, tells
from notifications.wording import FULL_LENGTH, shortened

SILENT[Edited] = "the people at the gate are asked anew, with what changed"
SILENT[Resubmitted] = "the people at the gate are asked again with what changed, and followers hear that it moved on"


@tells(Submitted)
def _submitted(scene: Scene, event: Submitted) -> Tellings:
    """Whose idea it is should know when somebody else files it in their name."""
    yield from tell(event, "filed_for_you", matter(scene.after), (scene.authors, AUTHOR))


@tells(SaidBack)
def _said_back(scene: Scene, event: SaidBack) -> Tellings:
    yield from tell(event, "said_back", {"heard": shortened(event.heard, FULL_LENGTH)}, (scene.authors, AUTHOR))


@tells(HeardConfirmed)
def _heard_confirmed(scene: Scene, event: HeardConfirmed) -> Tellings:
    yield from _heard_answered(scene, event, "")


@tells(HeardCorrected)
def _heard_corrected(scene: Scene, event: HeardCorrected) -> Tellings:
    yield from _heard_answered(scene, event, event.correction)


def _heard_answered(scene: Scene, event: HeardConfirmed | HeardCorrected, correction: str) -> Tellings:
    heard = scene.after.proposal.heard[-1]
    data = {"heard": shortened(heard.text, FULL_LENGTH), "correction": shortened(correction, FULL_LENGTH)}
    yield from tell(event, "heard_answered", data, ((heard.by,), LISTENER))


@tells(AcceptedForTesting)
def _accepted(scene: Scene, event: AcceptedForTesting) -> Tellings:
    data = {"answer": "accepted", "note": shortened(event.note, FULL_LENGTH), "passed": "", "passed_because": ""}
    yield from tell(event, "answered", data, (scene.authors, AUTHOR))


@tells(ChangesAsked)
def _changes_asked(scene: Scene, event: ChangesAsked) -> Tellings:
    data = {"what": shortened(event.what, FULL_LENGTH), "stage": scene.after.stage.value}
    yield from tell(event, "changes_asked", data, (scene.authors, AUTHOR))


@tells(Declined)
def _declined(scene: Scene, event: Declined) -> Tellings:
    data = {
        "reason": shortened(event.reason, FULL_LENGTH),
        "way_forward": shortened(event.way_forward, FULL_LENGTH),
    }
    yield from tell(event, "declined", data, (scene.authors, AUTHOR), (scene.after.followers, FOLLOWER))


@tells(MarkedDuplicate)
def _duplicate(scene: Scene, event: MarkedDuplicate) -> Tellings:
    data = {"of": event.of, "reason": shortened(event.reason, FULL_LENGTH)}
    yield from tell(event, "duplicate", data, (scene.authors, AUTHOR), (scene.after.followers, FOLLOWER))


@tells(SelfDecided)
def _self_decided(scene: Scene, event: SelfDecided) -> Tellings:
    """Those who would have answered may object until the window closes."""
    limits = "\n".join(shortened(reason, FULL_LENGTH) for reason in event.because)
    data = {**matter(scene.after), "limits": limits, "due": event.objection_due.isoformat()}
    yield from tell(event, "self_decided", data, (scene.at_the_gate, ASKED))


@tells(Objected)
def _objected(scene: Scene, event: Objected) -> Tellings:
    yield from tell(event, "objected", {"reason": shortened(event.reason, FULL_LENGTH)}, (scene.authors, AUTHOR))


@tells(CoProposersAsked)
def _co_proposers_asked(scene: Scene, event: CoProposersAsked) -> Tellings:
    yield from tell(event, "co_proposer_asked", matter(scene.after), (event.people, INVITED))


@tells(CoProposerJoined)
def _co_proposer_joined(scene: Scene, event: CoProposerJoined) -> Tellings:
    yield from tell(event, "co_proposer_joined", {}, (scene.authors, AUTHOR))


SILENT[CoProposerUnavailable] = "saying no is free and silent"


@tells(AuthorLeft)
def _author_left(scene: Scene, event: AuthorLeft) -> Tellings:
    yield from tell(event, "author_left", {"reason": shortened(event.reason, FULL_LENGTH)}, (scene.authors, AUTHOR))


@tells(FollowersMoved)
def _followers_moved(scene: Scene, event: FollowersMoved) -> Tellings:
    """The followers heard where the duplicate goes on when it was closed; here they hear that they follow it."""
    data = {"duplicate": event.duplicate, "count": str(event.count)}
    yield from tell(event, "followers_moved", data, (scene.authors, AUTHOR), (event.people, FOLLOWER))
