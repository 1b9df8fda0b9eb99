"""One change: where it stands, what is asked of me, what everybody said and did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from fastapi import APIRouter, Request
from sqlalchemy import Connection
from starlette.responses import Response

from changes.gates import BEHIND, GATE_WORDS, unanswered
from changes.permissions import Operation
from changes.state import Change, Stage
from changes.waiting import parts_in
from store.pseudonyms import own_pseudonym
from store.recording import applied
from store.trail import TrailEntry, trail
from web.commanding import KEY, key_of, new_key
from web.looking import Look, look_at
from web.pages.rendering import page
from web.pages.wording import STAGE_NAMES, Wording, wording_for
from web.security.authorising import needs
from web.security.sign_in import SignedIn, Visitor
from web.services import Services, ServicesHere

router = APIRouter()

WITH_A_PLACE_OF_THEIR_OWN = frozenset({"comment", "follow", "unfollow", "raise_concern"})
"""Commands that stand where they are needed on the page, and not in the list of what else is possible."""
MOST_ENTRIES = 1_000
"""Records of the trail on the page; the API pages through longer ones."""


@dataclass(frozen=True)
class Step:
    """A stage of the road."""

    name: str
    state: str
    """Done, now, to come, ended here or not reached."""
    since: datetime | None = None
    """When the change came here, where that is on record."""


@dataclass(frozen=True)
class Shown:
    """Everything on a change's page."""

    look: Look
    wording: Wording
    trail: Sequence[TrailEntry]
    banner: str

    @property
    def more_trail(self) -> bool:
        """Whether the trail goes on beyond the page."""
        return len(self.trail) >= MOST_ENTRIES


@router.get("/changes/{ref}")
@needs(Operation.READ_CHANGES)
async def change(request: Request, services: ServicesHere, visitor: SignedIn, ref: str) -> Response:
    """One change."""
    done = request.query_params.get("done", "")
    shown = await services.read(lambda connection: _shown(services, connection, ref, visitor, done))
    look = shown.look
    mine = look.asked_of(visitor.ref)
    asked = tuple(dict.fromkeys(kind for task in mine for kind in task.commands if kind in look.you_may))
    return page(
        request,
        "change.html",
        visitor=visitor,
        shown=shown,
        change=look.change,
        look=look,
        wording=shown.wording,
        road=road(look.change),
        gate_words=GATE_WORDS,
        mine=mine,
        asked=asked,
        also=tuple(kind for kind in look.you_may if kind not in asked and kind not in WITH_A_PLACE_OF_THEIR_OWN),
        others=tuple(task for task in look.waiting if task.person != visitor.ref),
        parts=parts_in(look.change),
        unanswered=unanswered(look.change),
        now=services.clock(),
        key=new_key(),
        filed=request.query_params.get("new") == "yes",
    )


@router.get("/changes/{ref}/versions")
@needs(Operation.READ_CHANGES)
async def versions(request: Request, services: ServicesHere, visitor: SignedIn, ref: str) -> Response:
    """Every version of the proposal, each beside the one before it."""
    look, wording = await services.read(
        lambda connection: (
            look_at(services, connection, ref, visitor.ref, services.clock()),
            wording_for(services, connection, visitor),
        )
    )
    return page(
        request,
        "versions.html",
        visitor=visitor,
        change=look.change,
        steps=tuple(pairwise(look.change.proposal.versions)),
        wording=wording,
    )


def _shown(services: Services, connection: Connection, ref: str, visitor: Visitor, done: str) -> Shown:
    look = look_at(services, connection, ref, visitor.ref, services.clock())
    wording = wording_for(services, connection, visitor)
    return Shown(
        look=look,
        wording=wording,
        trail=trail(connection, ref, visitor.ref, limit=MOST_ENTRIES, names=wording.names, zone=wording.zone),
        banner=_banner(connection, ref, visitor, done),
    )


def _banner(connection: Connection, ref: str, visitor: Visitor, done: str) -> str:
    """What happened, from the receipt of the key in the address; nobody can make up a banner for somebody else."""
    if not KEY.fullmatch(done):
        return ""
    for speaker in filter(None, (visitor.ref, own_pseudonym(connection, visitor.ref, ref))):
        known = applied(connection, ref, key_of(speaker, done))
        if known and known.receipt:
            return known.receipt.summary
    return ""


def road(change: Change) -> tuple[Step, ...]:
    """The stages, with where the change is on its road."""
    stages = list(Stage)
    at = stages.index(change.stage)
    since = {BEHIND[gate.name][0]: gate.at for gate in change.passed} | {Stage.PROPOSAL: change.opened_at}
    return tuple(
        Step(STAGE_NAMES[stage], _state(change, index - at), since.get(stage) if index <= at else None)
        for index, stage in enumerate(stages)
    )


def _state(change: Change, distance: int) -> str:
    """Where a stage stands that is ``distance`` stages after the one the change is in."""
    if distance < 0:
        return "done"
    if distance > 0:
        return "not reached" if change.closing else "to come"
    if change.closing is None:
        return "now"
    return "done" if change.stage is Stage.LEARNING else "ended here"
