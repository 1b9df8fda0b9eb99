"""Takes pictures of the main pages of the running demonstration, light and dark, with Debian's chromium.

    make pictures            # into docs/pictures/, as shown in the README
    .venv/bin/python scripts/pictures.py FOLDER [NAME …]

A picture is what a person sees, so each is taken as somebody for whom there is something to see.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright
from playwright.sync_api import Response as Answer

from demo.place import Place, Running
from settings import CHECKOUT
from store.database import open_database, writing
from store.sign_in import begin_session

CHROMIUM = "/usr/bin/chromium"
WIDTH, HEIGHT = 1180, 820


@dataclass(frozen=True)
class Picture:
    """One page as one person sees it."""

    name: str
    person: str
    path: str
    dark: bool = False
    width: int = WIDTH
    whole: bool = False


PICTURES = (
    Picture("home", "jonas.okafor", "/"),
    Picture("change", "jonas.okafor", "/changes/CH-3"),
    Picture("change-dark", "jonas.okafor", "/changes/CH-10", dark=True),
    Picture("decide", "jonas.okafor", "/changes/CH-10/decide"),
    Picture("overview", "ingrid.halvorsen", "/overview"),
)


def take(running: Running, pictures: tuple[Picture, ...], folder: Path) -> None:
    """Write ``NAME.png`` for each picture into ``folder``."""
    engine = open_database(running.database_url)
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for picture in pictures:
            with writing(engine) as connection:
                token = begin_session(connection, picture.person, datetime.now(UTC))
            _take(browser, running.address, picture, token, folder)
        browser.close()
    engine.dispose()


def _take(browser: Browser, address: str, picture: Picture, token: str, folder: Path) -> None:
    context = browser.new_context(
        viewport={"width": picture.width, "height": HEIGHT},
        color_scheme="dark" if picture.dark else "light",
        reduced_motion="reduce",
    )
    context.add_cookies([{"name": "groundswell", "value": token, "url": address}])
    page = context.new_page()
    page.on("console", lambda message: print(f"{picture.name}: {message.text}", file=sys.stderr))
    page.on("response", _say_what_is_missing)
    page.goto(address + picture.path)
    page.screenshot(path=folder / f"{picture.name}.png", full_page=picture.whole)
    context.close()


def _say_what_is_missing(answer: Answer) -> None:
    if not answer.ok:
        print(answer.status, answer.url, file=sys.stderr)


def main(arguments: list[str]) -> int:
    """Take the pictures named, or all of them."""
    running = Place().running()
    if running is None:
        print("Start the demonstration first, in another terminal: make demo", file=sys.stderr)
        return 1
    folder = Path(arguments[0]) if arguments else CHECKOUT / "docs" / "pictures"
    chosen = tuple(picture for picture in PICTURES if not arguments[1:] or picture.name in arguments[1:])
    take(running, chosen, folder)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
