"""People before their browsers: how they find their way, fill in forms and press buttons."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from changes.decision import HUMAN_COMMANDS
from store.database import writing
from store.sign_in import begin_session
from tests.demo.serving import Served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page


@dataclass
class Person:
    """Somebody in a window of their own."""

    page: Page
    address: str

    def opens(self, path: str) -> None:
        """Go to a page by its address."""
        answer = self.page.goto(self.address + path)
        assert answer is not None and answer.status < 400, f"{path}: {answer and answer.status}"

    def presses(self, name: str, exact: bool = False) -> None:
        """Press the one button, or follow the one link, of this name; wait for what follows."""
        button = self.page.get_by_role("button", name=name, exact=exact)
        thing = button if button.count() else self.page.get_by_role("link", name=name, exact=exact)
        thing.first.click()
        self.page.wait_for_load_state("load")

    def writes(self, label: str, text: str) -> None:
        """Fill in a field."""
        self.page.get_by_label(label).first.fill(text)

    def chooses(self, label: str, option: str) -> None:
        """Choose from a list."""
        self.page.get_by_label(label).first.select_option(label=option)

    def ticks(self, label: str) -> None:
        """Tick a box, or choose one of several."""
        self.page.get_by_label(label).first.check()

    def does(self, ref: str, kind: str, **fields: str) -> None:
        """Give a command on its own form; a double underscore in a field's name stands for a slash."""
        self.opens(f"/changes/{ref}/do/{kind}")
        for name, value in fields.items():
            self.answers(name.replace("__", "/"), value)
        self.page.locator("main form").get_by_role("button", name=HUMAN_COMMANDS[kind].button, exact=True).last.click()
        self.page.wait_for_load_state("load")
        assert f"/changes/{ref}?done=" in self.page.url, self.text

    def answers(self, name: str, value: str) -> None:
        """Answer the question whose field is called ``name``, however it is asked."""
        boxes = self.page.locator(f'main [name="{name}"]')
        kind = boxes.first.get_attribute("type")
        if kind in {"checkbox", "radio"}:
            self.page.locator(f'main [name="{name}"][value="{value}"]').check()
        elif boxes.first.evaluate("element => element.tagName") == "SELECT":
            boxes.first.select_option(value)
        else:
            boxes.first.fill(value)

    @property
    def text(self) -> str:
        """What stands on the page."""
        return str(self.page.locator("main").inner_text())


@dataclass
class Desk:
    """A served Groundswell, and windows on it. Whatever a browser complains of is kept."""

    browser: Browser
    served: Served
    complaints: list[str] = field(default_factory=list)
    _contexts: list[BrowserContext] = field(default_factory=list)

    def person(self, ref: str, *, scripts: bool = True, dark: bool = False, width: int = 1180) -> Person:
        """``ref``, signed in, in a new window; nobody is signed in where it is empty."""
        options: dict[str, Any] = {"color_scheme": "dark" if dark else "light", "java_script_enabled": scripts}
        context = self.browser.new_context(viewport={"width": width, "height": 900}, reduced_motion="reduce", **options)
        if ref:
            with writing(self.served.engine) as connection:
                token = begin_session(connection, ref, datetime.now(UTC))
            context.add_cookies([{"name": "groundswell", "value": token, "url": self.served.address}])
        context.set_default_timeout(45_000)
        self._contexts.append(context)
        page = context.new_page()
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.complaints.append(f"{page.url}: {error}"))
        return Person(page, self.served.address)

    def _heard(self, message: ConsoleMessage) -> None:
        """Keep what the console says of broken rules. That a page answered 4xx stands there too and is no complaint."""
        if message.type in {"error", "warning"} and "Failed to load resource" not in message.text:
            self.complaints.append(f"{message.page and message.page.url}: {message.text}")

    def close(self) -> None:
        """Close all windows."""
        for context in self._contexts:
            context.close()
