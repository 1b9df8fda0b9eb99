"""Debian's chromium before a served Groundswell: every page as people see it, with and without JavaScript."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from tests.browser.people import Desk
from tests.demo.serving import served

CHROMIUM = "/usr/bin/chromium"
FOLDER = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here needs a browser; without one it is skipped and says what to do."""
    try:
        import playwright  # noqa: F401
    except ImportError:
        missing = "the browser tests' packages are not installed: make e2e"
    else:
        missing = "" if shutil.which(CHROMIUM) else f"{CHROMIUM} is missing: apt-get install chromium"
    for item in items:
        if item.path.is_relative_to(FOLDER):
            item.add_marker(pytest.mark.browser)
            if missing:
                item.add_marker(pytest.mark.skip(reason=missing))


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """One browser for all tests; each person gets a window of their own."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def desk(chromium: Any, engine: Engine, tmp_path: Path) -> Iterator[Desk]:
    """A served Groundswell with the demonstration's organisation, and windows on it."""
    with served(engine, tmp_path / "mail") as running:
        desk = Desk(chromium, running)
        yield desk
        desk.close()
        assert desk.complaints == [], "\n".join(desk.complaints)
