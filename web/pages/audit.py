"""The audit trail over all changes: filters that stand in the address, pages that do not shift, the evidence behind an
entry, and what is signed and vouched for."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

import anyio.to_thread
from fastapi import APIRouter, Path, Request
from sqlalchemy import Connection
from starlette.responses import Response, StreamingResponse

from changes.events import EVENTS
from changes.permissions import Operation, may
from store.audit.access import record_access
from store.audit.evidence import Evidence, evidence
from store.audit.pages import AuditPage, WordsNotIndexed, search_and_state
from store.audit.standing import LedgerState, ledger_state
from store.bundles import NothingRecorded
from store.searching import index_new_words
from web.auditing import FORMATS, called, export_lines, filter_in, reader_of
from web.pages.rendering import page
from web.pages.wording import Wording, wording_for
from web.security.authorising import needs
from web.security.sign_in import SignedIn, Visitor
from web.services import Services, ServicesHere

router = APIRouter()
FIELDS = ("text", "change", "person", "kind", "stage", "outcome", "since", "until")
"""The parts of the filter, as they stand in the address."""


@router.get("/audit")
@needs(Operation.READ_AUDIT)
async def audit(request: Request, services: ServicesHere, visitor: SignedIn) -> Response:
    """Records of all changes, the newest first. That somebody read them is on record."""
    asked = dict(request.query_params)
    cursor = asked.pop("cursor", "")
    try:
        found, state, wording, chosen = await services.read(
            lambda connection: _search(services, connection, visitor, asked, cursor)
        )
    except WordsNotIndexed:
        await anyio.to_thread.run_sync(index_new_words, services.engine, limiter=services.threads)
        found, state, wording, chosen = await services.read(
            lambda connection: _search(services, connection, visitor, asked, cursor, anyway=True)
        )
    await _record(services, visitor, "trail_read", chosen.to_mapping())
    older = {**_address_of(asked), "cursor": found.following} if found.following else None
    return page(
        request,
        "audit.html",
        visitor=visitor,
        found=found,
        state=state,
        asked={name: asked.get(name, "") for name in FIELDS},
        meant=called(asked.get("person", ""), wording.directory),
        narrowed=bool(chosen.to_mapping()),
        older=f"/audit?{urlencode(older)}" if older else "",
        exports=_exports(asked) if may(visitor.actor, Operation.EXPORT_AUDIT).allowed else [],
        kinds=sorted(EVENTS),
        wording=wording,
        now=services.clock(),
    )


@router.get("/audit/export")
@needs(Operation.EXPORT_AUDIT)
async def export(request: Request, services: ServicesHere, visitor: SignedIn) -> Response:
    """The records that fit, as a file."""
    asked = dict(request.query_params)
    form = asked.get("format", "jsonl")
    form = form if form in FORMATS else "jsonl"
    wording = await services.read(lambda connection: wording_for(services, connection, visitor))

    def begin() -> Any:
        chosen, reader = filter_in(_named(asked, wording), wording.zone), reader_of(visitor)
        return export_lines(services.engine, services.settings, chosen, form, reader, wording.names, services.clock())

    lines = await anyio.to_thread.run_sync(begin, limiter=services.threads)
    disposition = f'attachment; filename="groundswell-trail.{form if form != "cloudevents" else "jsonl"}"'
    return StreamingResponse(lines, media_type=FORMATS[form][0], headers={"Content-Disposition": disposition})


@router.get("/audit/records/{seq}")
@needs(Operation.READ_AUDIT)
async def record(
    request: Request, services: ServicesHere, visitor: SignedIn, seq: int = Path(ge=0, le=2**53)
) -> Response:
    """One record with the evidence behind it, verified as the page is made."""
    found, state, wording = await services.read(lambda connection: _evidence(services, connection, visitor, seq))
    if found is None:
        raise NothingRecorded(f"There is no record number {seq} that you may see.")
    await _record(services, visitor, "trail_read", {"record": str(seq)})
    return page(
        request,
        "audit_record.html",
        visitor=visitor,
        found=found,
        state=state,
        wording=wording,
        now=services.clock(),
        status=HTTPStatus.OK,
    )


def _named(asked: dict[str, str], wording: Wording) -> dict[str, str]:
    """The filter with a reference in the place of a name, where only one person can be meant by it."""
    meant = called(asked.get("person", ""), wording.directory)
    return {**asked, "person": meant[0].ref} if len(meant) == 1 else asked


def _search(
    services: Services,
    connection: Connection,
    visitor: Visitor,
    asked: dict[str, str],
    cursor: str,
    anyway: bool = False,
) -> tuple[AuditPage, LedgerState, Wording, Any]:
    wording = wording_for(services, connection, visitor)
    chosen = filter_in(_named(asked, wording), wording.zone)
    found, state = search_and_state(
        connection, chosen, reader_of(visitor), wording.names, cursor or None, anyway=anyway
    )
    return found, state, wording, chosen


def _evidence(
    services: Services, connection: Connection, visitor: Visitor, seq: int
) -> tuple[Evidence | None, LedgerState, Wording]:
    wording = wording_for(services, connection, visitor)
    return evidence(connection, seq, reader_of(visitor), wording.names), ledger_state(connection), wording


async def _record(services: Services, visitor: Visitor, action: str, asked: dict[str, str]) -> None:
    def write() -> None:
        record_access(services.engine, visitor.ref, action, asked, services.clock(), "page")

    await anyio.to_thread.run_sync(write, limiter=services.threads)


def _address_of(asked: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in asked.items() if value and name not in ("cursor", "format")}


def _exports(asked: dict[str, str]) -> list[tuple[str, str]]:
    """The address of each kind of export of what is asked for, and what it is for."""
    kept = _address_of(asked)
    return [(f"/audit/export?{urlencode({**kept, 'format': form})}", name) for form, (_, name) in FORMATS.items()]
