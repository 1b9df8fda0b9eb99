"""Serves the stylesheet and the icon. Their addresses change with their content, so browsers keep them for ever."""

from __future__ import annotations

from pathlib import Path

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

FOLDER = Path(__file__).parent / "static"
FOR_EVER = "public, max-age=31536000, immutable"
AN_HOUR = "public, max-age=3600"


class KeptFiles(StaticFiles):
    """Static files with caching: for ever under an address with a fingerprint, else for an hour."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file at ``path``."""
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = FOR_EVER if scope["query_string"].startswith(b"v=") else AN_HOUR
        return response


def static_files() -> StaticFiles:
    """The folder with the stylesheet and the icon."""
    return KeptFiles(directory=FOLDER)
