"""The champions stage. Saying no to an invitation, and silence, are never told; nor is who named whom.

Source: lifecycle.md, "Champions"; reference/champions.md 3.4 (declining is free, silent and unexplained).
"""

from __future__ import annotations

from changes.passing_time import BatchAnswered
from changes.recruiting import (
    CampaignEnded,
    ChampionsPlanned,
    ConversationLogged,
    CoverageSigned,
    InterestDeclared,
    Introduced,
    InvitationAccepted,
    InvitationDeclined,
    InvitationsExpired,
    InvitationsReminded,
    Invited,
    Nominated,
    PlacesOpened,
    SteppedDown,
)
from changes.state import Invitation
from notifications.packets import matter
from notifications.telling import AUTHOR, INTRODUCED, INVITED, SILENT, Scene, Telling, Tellings, tell, tells
from notifications.wording import FULL_LENGTH, one_line, shortened

SILENT.update(
    {
        Nominated: "people are not told who named them, nor that they were named",
        InterestDeclared: "seen by the person and the planner only",
        ChampionsPlanned: "a step in the lead's own work; the people concerned hear when they are invited",
        PlacesOpened: "shown on the page; nobody has to act",
        InvitationDeclined: "saying no is free and silent",
        InvitationsExpired: "silence looks the same as a no, and is told to nobody",
        ConversationLogged: "a note for the champions' page",
        CampaignEnded: "the gate that decides is asked in the same breath",
    }
)


def _invitation(scene: Scene, event: Invited | InvitationsReminded, kind: str, invitation: Invitation) -> Telling:
    reasons = "\n".join(one_line(reason) for reason in invitation.reasons)
    data = {**matter(scene.after), "due": invitation.due.isoformat(), "reasons": reasons}
    return Telling(invitation.person, kind, INVITED, event.by, data)


@tells(Invited)
def _invited(scene: Scene, event: Invited) -> Tellings:
    for invitation in event.invitations:
        yield _invitation(scene, event, "champion_invited", invitation)


@tells(InvitationsReminded)
def _invitations_reminded(scene: Scene, event: InvitationsReminded) -> Tellings:
    latest = {invitation.person: invitation for invitation in scene.after.recruiting.invitations}
    for person in event.people:
        yield _invitation(scene, event, "champion_reminded", latest[person])


@tells(InvitationAccepted)
def _accepted(scene: Scene, event: InvitationAccepted) -> Tellings:
    yield from tell(event, "champion_accepted", _counts(scene), (scene.authors, AUTHOR))


@tells(SteppedDown)
def _stepped_down(scene: Scene, event: SteppedDown) -> Tellings:
    yield from tell(event, "champion_stepped_down", _counts(scene), (scene.authors, AUTHOR))


def _counts(scene: Scene) -> dict[str, str]:
    recruiting = scene.after.recruiting
    return {"champions": str(len(recruiting.champions)), "places": str(recruiting.places or "")}


@tells(Introduced)
def _introduced(scene: Scene, event: Introduced) -> Tellings:
    why = shortened(event.why, FULL_LENGTH)
    for person, other in ((event.person, event.to), (event.to, event.person)):
        yield Telling(person, "introduced", INTRODUCED, event.by, {"other": other, "reason": why})


@tells(CoverageSigned)
def _coverage_signed(scene: Scene, event: CoverageSigned) -> Tellings:
    conditions = shortened(event.conditions, FULL_LENGTH)
    if event.decision == "hold":
        table = "\n".join(
            f"{unit.name}: {unit.champions} champions for {unit.members} people" for unit in event.coverage
        )
        data = {"reason": conditions, "coverage": table}
        yield from tell(event, "coverage_held", data, (scene.authors, AUTHOR))
        return
    data = {"answer": event.decision, "note": conditions, "passed": "", "passed_because": ""}
    yield from tell(event, "answered", data, (scene.authors, AUTHOR))


@tells(BatchAnswered)
def _batch_answered(scene: Scene, event: BatchAnswered) -> Tellings:
    """The lead hears what follows, never who answered how."""
    recruiting = scene.after.recruiting
    planned = "" if event.finding or not recruiting.plans else str(len(recruiting.plans[-1].picks))
    data = {**_counts(scene), "finding": event.finding, "offers": "\n".join(event.offers), "planned": planned}
    yield from tell(event, "places_open", data, (scene.authors, AUTHOR))
