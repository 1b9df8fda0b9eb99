"""The list of changes, with a filter that stands in the address, so that a view can be sent to a colleague."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from sqlalchemy import Connection
from starlette.responses import Response

from changes.permissions import Operation
from changes.state import Outcome, Stage
from store.reading import ChangesPage, list_changes
from web.pages.rendering import page
from web.pages.wording import Wording, wording_for
from web.security.authorising import needs
from web.security.sign_in import SignedIn, Visitor
from web.services import Services, ServicesHere

router = APIRouter()


@dataclass(frozen=True)
class Filter:
    """Which changes are listed. A filter nobody understands is left out: an address was typed or cut off."""

    text: str = ""
    stage: str = ""
    ended: str = ""
    outcome: str = ""
    mine: bool = False
    cursor: str = ""

    @classmethod
    def of(cls, request: Request) -> Filter:
        """The filter in the address."""
        asked = request.query_params
        stage, ended = asked.get("stage", ""), asked.get("ended", "")
        outcome = asked.get("outcome", "")
        return cls(
            text=asked.get("text", "").strip()[:200],
            stage=stage if stage in set(Stage) else "",
            ended=ended if ended in {"yes", "no"} else "",
            outcome=outcome if outcome in set(Outcome) else "",
            mine=asked.get("mine") == "yes",
            cursor=asked.get("cursor", ""),
        )

    @property
    def narrowed(self) -> bool:
        """Whether anything is left out of the list."""
        return bool(self.text or self.stage or self.ended or self.outcome or self.mine)

    def address(self, cursor: str) -> str:
        """The address of the page that begins at ``cursor``."""
        asked = {"text": self.text, "stage": self.stage, "ended": self.ended, "outcome": self.outcome}
        asked["mine"] = "yes" if self.mine else ""
        return "/changes?" + urlencode({name: value for name, value in {**asked, "cursor": cursor}.items() if value})


@router.get("/changes")
@needs(Operation.READ_CHANGES)
async def changes(request: Request, services: ServicesHere, visitor: SignedIn) -> Response:
    """All changes, the latest movement first."""
    chosen = Filter.of(request)
    listed, wording = await services.read(lambda connection: _list(services, connection, visitor, chosen))
    return page(
        request,
        "changes.html",
        visitor=visitor,
        chosen=chosen,
        listed=listed.changes,
        older=chosen.address(listed.following) if listed.following else "",
        wording=wording,
    )


def _list(services: Services, connection: Connection, visitor: Visitor, chosen: Filter) -> tuple[ChangesPage, Wording]:
    listed = list_changes(
        connection,
        person=visitor.ref if chosen.mine else None,
        stage=chosen.stage or None,
        text=chosen.text or None,
        outcome=chosen.outcome or None,
        ended={"yes": True, "no": False}.get(chosen.ended),
        cursor=chosen.cursor or None,
    )
    return listed, wording_for(services, connection, visitor)
