"""The interface for programs as a page: Swagger UI from vendored files, under the same policy as every page."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from changes.permissions import Operation
from web.pages.rendering import fingerprint, page
from web.security.authorising import needs
from web.security.sign_in import SignedIn

router = APIRouter()


@router.get("/api")
@needs(Operation.READ_CHANGES)
async def interface(request: Request, visitor: SignedIn) -> Response:
    """Every operation, to read and to try out."""
    return page(
        request,
        "api.html",
        visitor=visitor,
        swagger_style=fingerprint("vendor/swagger-ui.css"),
        interface_style=fingerprint("api.css"),
        swagger_script=fingerprint("vendor/swagger-ui-bundle.js"),
        interface_script=fingerprint("api.js"),
    )
