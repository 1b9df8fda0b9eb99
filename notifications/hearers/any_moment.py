"""What may happen at any moment: hold and resume, withdraw, comment, move a deadline, renew.

Source: lifecycle.md, "At any moment from submission on".
"""

from __future__ import annotations

from changes.anonymity import RevealAgreed, RevealGranted
from changes.any_moment import (
    Commented,
    DeadlineMoved,
    Followed,
    HeldBack,
    Renewed,
    Resumed,
    SteppedAside,
    Unfollowed,
    Withdrawn,
)
from changes.events import Event
from changes.gates import GATE_WORDS
from changes.passing_time import AuthorsReminded
from changes.state import Phase
from notifications.telling import (
    ASKED,
    AUTHOR,
    CHAMPION,
    FOLLOWER,
    OWNER,
    SILENT,
    TESTER,
    Scene,
    Tellings,
    tell,
    tells,
)
from notifications.wording import FULL_LENGTH, shortened

SILENT[Followed] = "one's own wish, and nobody else's business"
SILENT[SteppedAside] = "those who are asked instead and the authors hear that the gate moved on"
SILENT[RevealAgreed] = "whoever it is about reads it on their page; mail would say who they are"
SILENT[RevealGranted] = "whoever it is about reads it on their page; mail would say who they are"
SILENT[Unfollowed] = "one's own wish, and nobody else's business"


def _tell_around(scene: Scene, event: Event, kind: str, data: dict[str, str]) -> Tellings:
    """Everybody who works on the change at this moment, is waited for, or follows it."""
    running = scene.after.phase is Phase.RUNNING_TESTS
    groups = (
        (scene.authors, AUTHOR),
        (scene.at_the_gate, ASKED),
        (scene.after.round.testers if running else (), TESTER),
        (scene.after.recruiting.champions, CHAMPION),
        (scene.after.followers, FOLLOWER),
    )
    yield from tell(event, kind, data, *groups)


@tells(HeldBack)
def _held(scene: Scene, event: HeldBack) -> Tellings:
    until = event.until.isoformat() if event.until else ""
    yield from _tell_around(scene, event, "held", {"reason": shortened(event.reason, FULL_LENGTH), "until": until})


@tells(Resumed)
def _resumed(scene: Scene, event: Resumed) -> Tellings:
    yield from _tell_around(scene, event, "resumed", {"reason": shortened(event.reason, FULL_LENGTH)})


@tells(Withdrawn)
def _withdrawn(scene: Scene, event: Withdrawn) -> Tellings:
    yield from _tell_around(scene, event, "withdrawn", {"reason": shortened(event.reason, FULL_LENGTH)})


@tells(Renewed)
def _renewed(scene: Scene, event: Renewed) -> Tellings:
    yield from _tell_around(scene, event, "renewed", {})


@tells(Commented)
def _commented(scene: Scene, event: Commented) -> Tellings:
    data = {"about": event.about, "text": shortened(event.text, FULL_LENGTH)}
    yield from tell(event, "commented", data, (scene.authors, AUTHOR))


@tells(DeadlineMoved)
def _deadline_moved(scene: Scene, event: DeadlineMoved) -> Tellings:
    data = {"to": event.to.isoformat(), "reason": shortened(event.reason, FULL_LENGTH)}
    if event.deadline == "gate" and scene.gate:
        data["deadline"] = GATE_WORDS[scene.gate.name]
        yield from tell(event, "deadline_moved", data, (scene.at_the_gate, ASKED), (scene.authors, AUTHOR))
        return
    data["deadline"] = f"the effect check {event.deadline}"
    owners = [check.owner for check in scene.after.learning.checks if check.ref == event.deadline]
    yield from tell(event, "deadline_moved", data, (owners, OWNER), (scene.authors, AUTHOR))


@tells(AuthorsReminded)
def _authors_reminded(scene: Scene, event: AuthorsReminded) -> Tellings:
    yield from tell(event, "step_reminded", {"task": event.task}, (event.people, AUTHOR))
