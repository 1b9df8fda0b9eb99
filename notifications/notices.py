"""What people are to be told after a command: one notice per person, the most important one.

Pure. The names of people are not known here: notices carry references, and a letter looks them up when it is written
(:mod:`notifications.rendering`), so that a name is as it is then and an erased one is gone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pydantic import Field

from changes.events import Event
from changes.facts import SYSTEM
from changes.state import Change
from changes.values import Ref, Value
from changes.waiting import GATE_COMMANDS, waiting_for
from notifications import hearers as _hearers  # noqa: F401  importing it fills the register
from notifications.kinds import ALREADY_ASKING, ASKED_OF_ANYBODY, IMPORTANCE
from notifications.telling import FOLLOWER, HEARERS, Scene, Telling

_REFERENCES = (
    "by",
    "asker",
    "proposer",
    "stands_in_for",
    "testers",
    "escalated_to",
    "other",
    "process",
    "teams",
    "giver",
    "receiver",
    "instead",
    "gone",
    "missed",
)
_ASKING_AT_A_GATE = frozenset({"asked", "reminded", "escalated", "changed_since_you_answered"})
_GATE_ANSWERS = frozenset(commands[0] for commands in GATE_COMMANDS.values())


class Notice(Value):
    """One thing for one person to hear."""

    recipient: Ref
    kind: str
    """One of :data:`notifications.kinds.KINDS`."""
    change: Ref
    version: int = Field(ge=1)
    """The version of the change after what happened."""
    data: dict[str, str]
    """What the letter needs: plain strings, moments in ISO 8601, several references joined by commas."""

    @property
    def key(self) -> str:
        """The same for the same news to the same person, whenever it is worked out; channels deduplicate by it."""
        return f"{self.change}:{self.version}:{self.kind}:{self.recipient}"

    @property
    def mentions(self) -> tuple[str, ...]:
        """The references of people, teams and the process whose names the letter will use, besides the recipient's."""
        found = [ref for name in _REFERENCES for ref in self.data.get(name, "").split(",") if ref and ref != SYSTEM]
        return tuple(dict.fromkeys(found))


def notices_for(before: Change | None, after: Change, events: Sequence[Event]) -> tuple[Notice, ...]:
    """Who hears what of one command's ``events``.

    Nobody is told of their own acts. What Groundswell then asks by itself is asked of everybody
    (:data:`notifications.kinds.ASKED_OF_ANYBODY`). When several kinds fall on one person the most important is kept,
    in the order of :data:`notifications.kinds.KINDS`; what else waits for them is listed in it.

    Args:
        before: the change before the command, None when it was submitted by it.
        after: the change after all ``events``.
        events: what the command led to, in order.
    """
    scene = Scene(before, after, tuple(events))
    best: dict[str, Telling] = {}
    for telling in _tellings(scene):
        if _may_hear(telling, scene):
            best[telling.person] = _better(best.get(telling.person), telling)
    return tuple(_notice(scene, telling) for telling in best.values())


def _tellings(scene: Scene) -> Iterator[Telling]:
    for event in scene.events:
        if hearers := HEARERS.get(type(event)):
            yield from hearers(scene, event)
    yield from _moved_on(scene)


def _moved_on(scene: Scene) -> Iterator[Telling]:
    """Followers hear of every stage reached, by whatever event; an end is told by the event that ends it."""
    before, after = scene.before, scene.after
    if before is None or after.closing or (before.stage is after.stage and not before.closing):
        return
    data = {"stage": after.stage.value, "again": "yes" if before.closing else ""}
    for person in after.followers:
        yield Telling(person, "moved_on", FOLLOWER, scene.giver, data)


def _may_hear(telling: Telling, scene: Scene) -> bool:
    if telling.person in {SYSTEM, telling.by}:
        return False
    return telling.person != scene.giver or telling.kind in ASKED_OF_ANYBODY


def _better(known: Telling | None, new: Telling) -> Telling:
    """The more important of two; of one kind, the first with what the second adds: an answer and the gate it passed."""
    if known is None or IMPORTANCE[new.kind] < IMPORTANCE[known.kind]:
        return new
    if new.kind != known.kind:
        return known
    data = {name: known.data.get(name) or new.data.get(name, "") for name in {**known.data, **new.data}}
    return Telling(known.person, known.kind, known.part, known.by, data)


def _notice(scene: Scene, telling: Telling) -> Notice:
    change = scene.after
    seat = next((seat for seat in scene.gate.asked if seat.person == telling.person), None) if scene.gate else None
    data = {
        **telling.data,
        "title": change.title,
        "part": telling.part,
        "by": telling.by,
        "at": scene.events[-1].at.isoformat(),
        "seat_because": seat.because if seat else "",
        "stands_in_for": (seat.stands_in_for or "") if seat else "",
        "waits": "\n".join(_waits(change, telling)),
    }
    return Notice(recipient=telling.person, kind=telling.kind, change=change.ref, version=change.version, data=data)


def _waits(change: Change, telling: Telling) -> Iterator[str]:
    """What else this person is asked to do on the change, so that no task is lost when one notice wins over another."""
    for task in waiting_for(change):
        asked_by_gate = telling.kind in _ASKING_AT_A_GATE and task.commands[0] in _GATE_ANSWERS
        if task.person == telling.person and not asked_by_gate and task.commands[0] != ALREADY_ASKING.get(telling.kind):
            yield task.task
