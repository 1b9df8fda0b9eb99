"""Writes docs/openapi.json: the interface of the demonstration, which has everything. Run by ``make openapi``."""

from __future__ import annotations

from pathlib import Path

from settings import Settings
from store.database import open_database
from temporal.link import TemporalLink
from web.application import create_app
from web.openapi import as_text

FILE = Path(__file__).parents[1] / "docs" / "openapi.json"


def main() -> None:
    """Write the file. Nothing is connected; the application is only composed."""
    app = create_app(Settings(mode="demo"), open_database("sqlite://"), TemporalLink("groundswell"))
    FILE.write_text(as_text(app.openapi()))


if __name__ == "__main__":
    main()
