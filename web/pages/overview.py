"""How it goes, for those who lead: what moves, what is stuck and with whom, and what came of it."""

from __future__ import annotations

from datetime import timedelta

from fastapi import APIRouter, Request
from sqlalchemy import Connection
from starlette.responses import Response

from changes.permissions import Operation
from store.measures import ASKED_IN_TIME, SMALLEST_GROUP, Measures, measures
from web.pages.charts import bars
from web.pages.rendering import page
from web.pages.wording import OUTCOME_NAMES, STAGE_NAMES, Wording, sentence, wording_for
from web.security.authorising import needs
from web.security.sign_in import SignedIn, Visitor
from web.services import Services, ServicesHere

router = APIRouter()

MOST_TEAMS = 15
"""Teams at either end that are shown, where there are more than twice as many."""
PERIODS = {30: "the last 30 days", 90: "the last 90 days", 365: "the last year"}


@router.get("/overview")
@needs(Operation.READ_OVERVIEW)
async def overview(request: Request, services: ServicesHere, visitor: SignedIn) -> Response:
    """The measures of a period."""
    asked = request.query_params.get("days", "")
    days = next((period for period in PERIODS if str(period) == asked), 90)
    found, wording = await services.read(lambda connection: _read(services, connection, visitor, days))
    stages = [(STAGE_NAMES[stage], float(count), str(count)) for stage, count in found.open_by_stage.items()]
    outcomes = [
        (sentence(OUTCOME_NAMES[outcome]), float(found.outcomes[outcome]), str(found.outcomes[outcome]))
        for outcome in OUTCOME_NAMES
        if found.outcomes.get(outcome)
    ]
    shown = found.teams if len(found.teams) <= 2 * MOST_TEAMS else found.teams[:MOST_TEAMS] + found.teams[-MOST_TEAMS:]
    teams = [
        (wording.team(team.ref), team.took_part / team.people, f"{team.took_part} of {team.people}") for team in shown
    ]
    weeks = [(f"{week.day} {week:%b}", float(count), str(count)) for week, count in found.begun]
    return page(
        request,
        "overview.html",
        visitor=visitor,
        found=found,
        days=days,
        periods=PERIODS,
        stages=bars(stages),
        outcomes=bars(outcomes),
        teams=bars(teams),
        fewer=len(found.teams) - len(shown),
        weeks=bars(weeks),
        smallest=SMALLEST_GROUP,
        asked_in=ASKED_IN_TIME.days,
        wording=wording,
        now=services.clock(),
    )


def _read(services: Services, connection: Connection, visitor: Visitor, days: int) -> tuple[Measures, Wording]:
    wording = wording_for(services, connection, visitor)
    now = services.clock()
    return measures(connection, wording.directory, now - timedelta(days=days), now), wording
