"""The policy on pages: in words, its versions side by side, trying another out, and putting one forward."""

from __future__ import annotations

from http import HTTPStatus
from urllib.parse import quote

from fastapi import APIRouter, Request
from pydantic import ValidationError
from sqlalchemy import Connection
from starlette.responses import RedirectResponse, Response

from changes.permissions import Operation, may
from changes.refusals import Refused
from policies.comparison import difference
from policies.document import LARGEST
from policies.in_words import told
from policies.loader import PolicyError, parse_policy
from policies.proven import CannotBeAdded, with_process
from policies.schema import Policy
from store.policies import candidate_text, published_text, published_versions
from temporal.gateway import NotNow
from web.commanding import KEY, new_key
from web.pages.rendering import page
from web.pages.wording import wording_for
from web.plain_words import findings
from web.policy_desk import (
    MOST_NAMED,
    PolicyProposal,
    TriedOut,
    put_forward,
    standard_change,
    suggestions,
    text_in_force,
    try_out,
)
from web.refusing import STATUS
from web.security.authorising import needs
from web.security.sign_in import SignedIn, Visitor
from web.services import Services, ServicesHere

router = APIRouter()


@router.get("/policy")
@needs(Operation.READ_POLICY)
async def policy(request: Request, services: ServicesHere, visitor: SignedIn) -> Response:
    """The policy in force, in words and as it was written."""

    def read(connection: Connection) -> Response:
        in_force, directory = services.policies.bound(connection, None), services.authority.directory(connection)
        return page(
            request,
            "policy.html",
            visitor=visitor,
            policy=in_force,
            chapters=told(in_force, directory),
            text=text_in_force(services, connection),
            version=published_versions(connection)[0],
            may_try=may(visitor.actor, Operation.TRY_POLICY).allowed,
            wording=wording_for(services, connection, visitor),
        )

    return await services.read(read)


@router.get("/policy/versions")
@needs(Operation.READ_POLICY)
async def versions(request: Request, services: ServicesHere, visitor: SignedIn) -> Response:
    """Every version, and what is different between two of them or a candidate."""

    def read(connection: Connection) -> Response:
        known = published_versions(connection)
        asked = request.query_params
        before = asked.get("before") or (known[1] if len(known) > 1 else known[0]).sha256
        after = asked.get("after") or known[0].sha256
        old, new = (_policy_of(connection, sha256) for sha256 in (before, after))
        return page(
            request,
            "policy_versions.html",
            visitor=visitor,
            status=HTTPStatus.OK if old and new else HTTPStatus.NOT_FOUND,
            versions=known,
            old=old,
            new=new,
            differences=difference(old, new) if old and new else (),
            wording=wording_for(services, connection, visitor),
        )

    return await services.read(read)


@router.get("/policy/try")
@needs(Operation.TRY_POLICY)
async def try_form(request: Request, services: ServicesHere, visitor: SignedIn) -> Response:
    """The form that takes a policy; it begins with the one in force."""
    text = await services.read(lambda connection: text_in_force(services, connection))
    return await _show_try(request, services, visitor, text)


@router.post("/policy/try")
@needs(Operation.TRY_POLICY)
async def try_policy(request: Request, services: ServicesHere, visitor: SignedIn) -> Response:
    """Whose road would be another one."""
    text = await _posted_text(request)
    tried = await services.read(lambda connection: try_out(services, connection, text))
    status = HTTPStatus.UNPROCESSABLE_ENTITY if tried.problems else HTTPStatus.OK
    return await _show_try(request, services, visitor, text, tried, status=status)


@router.post("/policy/propose")
@needs(Operation.PUBLISH_POLICY)
async def propose(request: Request, services: ServicesHere, visitor: SignedIn) -> Response:
    """File the change that puts a policy forward."""
    text = await _posted_text(request)
    posted = await request.form()
    written = {name: str(posted.get(name, "")) for name in ("title", "problem", "suggestion", "process")}
    tried = await services.read(lambda connection: try_out(services, connection, text))
    try:
        proposal = PolicyProposal(text=text, **written)
        if tried.problems:
            raise PolicyError([])
        return await _file(services, visitor, proposal, str(posted.get("_key", "")))
    except ValidationError as error:
        notice = " ".join(f"{found.pointer.removeprefix('/')}: {found.message}" for found in findings(error.errors()))
    except PolicyError:
        notice = "This cannot be read as a policy; each place is named below."
    except NotNow as error:
        notice = str(error)
    except _NotFiled as error:
        notice = error.refused.detail
    return await _show_try(
        request, services, visitor, text, tried, notice, written, status=HTTPStatus.UNPROCESSABLE_ENTITY
    )


@router.get("/policy/proven")
@needs(Operation.READ_POLICY)
async def proven(request: Request, services: ServicesHere, visitor: SignedIn) -> Response:
    """Processes whose changes keep working, with the evidence."""
    return await _show_proven(request, services, visitor)


@router.post("/policy/proven/{process}")
@needs(Operation.PUBLISH_POLICY)
async def propose_standard(request: Request, services: ServicesHere, visitor: SignedIn, process: str) -> Response:
    """File the change of the policy that authorises a proven process beforehand."""
    posted = await request.form()
    found = await services.read(lambda connection: suggestions(services, connection))
    one = next((one for one in found if one.proven.process == process and one.proven.often_enough), None)
    if one is None:
        return await _show_proven(request, services, visitor, "Too few changes of this process were effective so far.")
    try:
        text = with_process(await services.read(lambda connection: text_in_force(services, connection)), process)
        proposal = standard_change(process, one.name, text, one.proven)
        return await _file(services, visitor, proposal, str(posted.get("_key", "")))
    except (CannotBeAdded, NotNow) as error:
        notice = str(error)
    except _NotFiled as error:
        notice = error.refused.detail
    return await _show_proven(request, services, visitor, notice)


class _NotFiled(Exception):
    """A rule does not allow it."""

    def __init__(self, refused: Refused) -> None:
        super().__init__(refused.detail)
        self.refused = refused
        self.status = STATUS[refused.kind]


async def _file(services: Services, visitor: Visitor, proposal: PolicyProposal, posted_key: str) -> Response:
    key = posted_key if KEY.fullmatch(posted_key) else new_key()
    given = await put_forward(services, proposal, by=visitor.ref, via="page", key=key)
    if isinstance(given.answer, Refused):
        raise _NotFiled(given.answer)
    return RedirectResponse(f"/changes/{given.change}?done={quote(key)}#main", status_code=HTTPStatus.SEE_OTHER)


async def _posted_text(request: Request) -> str:
    """The policy that was pasted, or uploaded as a file; what is too long is cut where it is refused anyway."""
    async with request.form() as posted:
        upload, pasted = posted.get("file"), posted.get("text", "")
        if upload is not None and not isinstance(upload, str) and upload.size:
            return (await upload.read(LARGEST * 4)).decode("utf-8-sig", errors="replace")[: LARGEST + 1]
    return pasted.replace("\r\n", "\n")[: LARGEST + 1] if isinstance(pasted, str) else ""


async def _show_try(
    request: Request,
    services: Services,
    visitor: Visitor,
    text: str,
    tried: TriedOut | None = None,
    notice: str = "",
    written: dict[str, str] | None = None,
    status: HTTPStatus = HTTPStatus.OK,
) -> Response:
    def read(connection: Connection) -> Response:
        directory = services.authority.directory(connection)
        return page(
            request,
            "policy_try.html",
            visitor=visitor,
            status=status,
            text=text,
            tried=tried,
            notice=notice,
            written=written or {"title": "", "problem": "", "suggestion": "", "process": ""},
            key=new_key(),
            may_propose=may(visitor.actor, Operation.PUBLISH_POLICY).allowed,
            processes=sorted(directory.processes.values(), key=lambda process: process.name.casefold()),
            next_version=services.policies.bound(connection, None).version + 1,
            wording=wording_for(services, connection, visitor),
        )

    return await services.read(read)


async def _show_proven(request: Request, services: Services, visitor: Visitor, notice: str = "") -> Response:
    def read(connection: Connection) -> Response:
        return page(
            request,
            "policy_proven.html",
            visitor=visitor,
            status=HTTPStatus.CONFLICT if notice else HTTPStatus.OK,
            found=suggestions(services, connection),
            most_named=MOST_NAMED,
            enough=services.policies.bound(connection, None).learning.proven_after,
            notice=notice,
            may_propose=may(visitor.actor, Operation.PUBLISH_POLICY).allowed,
            key=new_key(),
            wording=wording_for(services, connection, visitor),
        )

    return await services.read(read)


def _policy_of(connection: Connection, sha256: str) -> Policy | None:
    """A version or a candidate by its content hash."""
    text = published_text(connection, sha256) or candidate_text(connection, sha256)
    return parse_policy(text) if text else None
