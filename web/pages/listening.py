"""How people listen: whether somebody asked why in time, how soon, who asks, and which reasons return. Never who."""

from __future__ import annotations

from fastapi import APIRouter, Request
from sqlalchemy import Connection
from starlette.responses import Response

from changes.permissions import Operation
from changes.state import ConcernCode
from web.api.listening import Listening, read_listening
from web.pages.charts import bars
from web.pages.overview import PERIODS
from web.pages.rendering import page
from web.pages.wording import Wording, sentence, wording_for
from web.security.authorising import needs
from web.security.sign_in import SignedIn, Visitor
from web.services import Services, ServicesHere

router = APIRouter()


@router.get("/listening")
@needs(Operation.READ_OVERVIEW)
async def listening(request: Request, services: ServicesHere, visitor: SignedIn) -> Response:
    """What is known about the concerns of a period."""
    asked = request.query_params.get("days", "")
    days = next((period for period in PERIODS if str(period) == asked), 90)
    found, wording, within = await services.read(lambda connection: _read(services, connection, visitor, days))
    asking = found.asked_why
    in_time = [
        ("Asked in time", float(asking.in_time), str(asking.in_time)),
        ("Asked later", float(asking.late), str(asking.late)),
        ("Not asked", float(asking.never), str(asking.never)),
    ]
    return page(
        request,
        "listening.html",
        visitor=visitor,
        found=found,
        days=days,
        periods=PERIODS,
        within=within,
        in_time=bars(in_time),
        asked=bars([(sentence(span.words), float(span.count), str(span.count)) for span in found.how_soon.asked]),
        answered=bars([(sentence(span.words), float(span.count), str(span.count)) for span in found.how_soon.answered]),
        askers=bars([(sentence(one.part), float(one.questions), str(one.questions)) for one in found.who_asked]),
        questions=sum(one.questions for one in found.who_asked),
        patterns=[(wording.process(one.process), ConcernCode(one.code).meaning, one) for one in found.patterns],
        wording=wording,
        now=services.clock(),
    )


def _read(services: Services, connection: Connection, visitor: Visitor, days: int) -> tuple[Listening, Wording, str]:
    within = services.policies.bound(connection, None).concerns.ask_why_within.in_words()
    wording = wording_for(services, connection, visitor)
    return read_listening(connection, services.clock(), days), wording, within
