"""The audit trail over JSON, and the ledger for other people's tools: C2SP tlog-tiles, read-only."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import Annotated

import anyio.to_thread
from fastapi import APIRouter, Path, Query, Response
from pydantic import AwareDatetime
from sqlalchemy import Connection, select

from changes.permissions import AUDITOR, Operation, Verdict
from changes.state import Stage
from ledger.bundle import bundle_bytes
from ledger.tiles import NoSuchTile, entry_bundle, parse_tile_path, tile_bytes
from store import tables
from store.audit.access import record_access
from store.audit.pages import AuditPage, search
from store.audit.questions import Filter
from store.audit.standing import LedgerState, ledger_state
from store.bundles import NothingRecorded, bundle_of
from store.checkpoints import head_of, latest_checkpoint
from store.keeping import sealer_of, signers_of
from store.ledger import origin_of
from store.searching import index_new_words
from store.tiles import StoredTiles
from web.auditing import reader_of
from web.problems import problem_responses
from web.security.authorising import NotPermitted, needs
from web.security.sign_in import SignedIn
from web.services import ServicesHere

READING = problem_responses(
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.NOT_FOUND,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.SERVICE_UNAVAILABLE,
)
router = APIRouter(responses=READING)
log_router = APIRouter(prefix="/log", responses=READING)
IMMUTABLE = {"Cache-Control": "private, max-age=31536000, immutable"}
OCTETS = "application/octet-stream"


@router.get("/audit", summary="Search the trail of all changes", responses=problem_responses(HTTPStatus.BAD_REQUEST))
@needs(Operation.READ_AUDIT)
async def audit(
    services: ServicesHere,
    visitor: SignedIn,
    change: Annotated[str, Query(max_length=64, description="Only this change")] = "",
    person: Annotated[str, Query(max_length=64, description="Only what this person did")] = "",
    kind: Annotated[str, Query(max_length=64, description="Only this kind, such as endorsed")] = "",
    stage: Annotated[Stage | None, Query(description="Only in this stage")] = None,
    outcome: Annotated[str, Query(max_length=16, description="Only applied, or only refused")] = "",
    since: Annotated[AwareDatetime | None, Query(description="Recorded at or after this moment")] = None,
    until: Annotated[AwareDatetime | None, Query(description="Recorded before this moment")] = None,
    text: Annotated[str, Query(max_length=200, description="Only records with all these words")] = "",
    cursor: Annotated[str | None, Query(max_length=300, description="Where a page begins, from `following`")] = None,
    limit: Annotated[int, Query(ge=1, le=200, description="Records on a page")] = 50,
) -> AuditPage:
    """Records, the newest first; pages keep to the size the log had on the first. Reading is recorded."""
    asked = Filter(
        _plain(change), _plain(person), _plain(kind), stage or "", _plain(outcome), since, until, _plain(text)
    )
    if asked.text:
        await anyio.to_thread.run_sync(index_new_words, services.engine, limiter=services.threads)
    await _record(services, visitor.ref, "trail_read", asked.to_mapping(), services.clock())

    def read(connection: Connection) -> AuditPage:
        directory = services.authority.directory(connection)
        names = {ref: person.name for ref, person in directory.people.items()}
        names |= {ref: team.name for ref, team in directory.teams.items()}
        return search(connection, asked, reader_of(visitor), names, cursor, limit)

    return await services.read(read)


@router.get("/audit/state", summary="How the ledger stands")
@needs(Operation.VERIFY_LEDGER)
async def state(services: ServicesHere, visitor: SignedIn) -> LedgerState:
    """What is signed, who vouched outside and when, and when everything was last verified."""
    return await services.read(ledger_state)


@router.get("/audit/bundles/{change}", summary="One file that proves a change", response_class=Response)
@needs(Operation.EXPORT_AUDIT)
async def bundle(
    services: ServicesHere,
    visitor: SignedIn,
    change: Annotated[str, Path(max_length=64, description="The change's reference")],
) -> Response:
    """Records, evidence references, policy, proofs, checkpoint and key of a change, signed. Taking it is recorded."""
    now = services.clock()
    await _record(services, visitor.ref, "bundle_made", {"change": change}, now)
    sealed = await anyio.to_thread.run_sync(sealer_of(services.settings, services.engine).seal)
    if sealed is None:
        raise NothingRecorded(f"Nothing is recorded about a change {change}.")

    def make(connection: Connection) -> bytes:
        signers = signers_of(services.settings, origin_of(connection))
        return bundle_bytes(bundle_of(connection, change, sealed, signers, reader_of(visitor), now, "groundswell web"))

    made = await services.read(make)
    headers = {"Content-Disposition": 'attachment; filename="bundle.json"'}
    return Response(made, media_type="application/json", headers=headers)


@log_router.get("/checkpoint", summary="The latest signed checkpoint", response_class=Response)
@needs(Operation.VERIFY_LEDGER)
async def checkpoint(services: ServicesHere, visitor: SignedIn) -> Response:
    """A signed note in the form of C2SP tlog-checkpoint."""
    kept = await services.read(latest_checkpoint)
    if kept is None:
        raise NothingRecorded("There is no checkpoint yet; one is made within a minute of the first record.")
    return Response(kept.note, media_type="text/plain; charset=utf-8", headers={"Cache-Control": "no-cache"})


@log_router.get("/tile/{path:path}", response_class=Response, include_in_schema=False)  # described in docs/ledger.md
@needs(Operation.VERIFY_LEDGER)
async def tile(services: ServicesHere, visitor: SignedIn, path: str) -> Response:
    """A tile of the Merkle tree in the layout of C2SP tlog-tiles. Bundles of records are for auditors."""
    address = parse_tile_path(f"tile/{path}")
    if address.level is None and AUDITOR not in visitor.actor.roles:
        raise NotPermitted(Verdict(False, "The records themselves are for auditors. Hashes are for everybody."))
    if address.level is None:
        # Not which of them: whoever follows the log would find a record of their own with each step, and never end.
        await _record(services, visitor.ref, "trail_exported", {"format": "tlog-tiles"}, services.clock())

    def read(connection: Connection) -> bytes:
        size = head_of(connection).size
        if address.level is not None:
            return tile_bytes(StoredTiles(connection), size, address)
        first = address.index * 256
        table = tables.ledger_record
        query = select(table.c.body).where(table.c.seq.between(first, first + address.width - 1)).order_by(table.c.seq)
        found = [bytes(body) for body in connection.execute(query).scalars()]
        if len(found) != address.width:
            raise NoSuchTile(f"a log of {size} records has no bundle {address.path()}")
        return entry_bundle(found)

    return Response(await services.read(read), media_type=OCTETS, headers=IMMUTABLE)


async def _record(services: ServicesHere, reader: str, action: str, asked: dict[str, str], now: datetime) -> None:
    def write() -> None:
        record_access(services.engine, reader, action, asked, now, "api")

    await anyio.to_thread.run_sync(write, limiter=services.threads)


def _plain(text: str) -> str:
    return text.replace("\0", "").strip()
