"""Everybody can use it: axe finds nothing in light and dark, and the keyboard alone is enough."""

from __future__ import annotations

import pytest

from tests.browser.people import Desk, Person
from tests.browser.test_life import A_TEST, filed
from tests.web.office import JONAS, MARA, SAMIRA

PAGES = {
    MARA: ("/", "/approvals", "/changes", "/changes/new", "/changes/new/one-page", "/settings", "/help", "/people"),
    JONAS: ("/overview", "/policy", f"/people/{MARA}", "/demo", "/demo/mail"),
    "kenji.watanabe": ("/administration",),
    "arjun.mehta": ("/audit",),
}


def sound(person: Person) -> None:
    """Have axe look at the page."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(person.page)
    told = [
        f"{one['id']}: {one['help']} {[node['target'] for node in one['nodes']]}"
        for one in found.response["violations"]
    ]
    assert told == [], f"{person.page.url}\n" + "\n".join(told)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_nothing_on_any_page(desk: Desk, dark: bool) -> None:
    ref = filed(desk)
    desk.person(JONAS).does(ref, "accept_for_testing")
    desk.person(MARA).does(ref, "propose_tests", **A_TEST)
    for name, paths in PAGES.items():
        person = desk.person(name, dark=dark)
        for path in paths:
            person.opens(path)
            sound(person)
    samira = desk.person(SAMIRA, dark=dark)
    for path in ("", "/decide", "/versions", "/do/endorse_with_changes", "/do/decline", "/do/raise_concern"):
        samira.opens(f"/changes/{ref}{path}")
        sound(samira)
    samira.presses("Raise a concern", exact=True)
    assert samira.page.title().startswith("Error: ")
    sound(samira)
    mara = desk.person(MARA, dark=dark, width=390)
    mara.opens("/changes/new")
    mara.presses("Begin")
    mara.presses("Save and go on")
    assert "There is a problem" in mara.text
    sound(mara)
    mara.opens(mara.page.url.removeprefix(desk.served.address).replace("/seen", "/check"))
    sound(mara)
    mara.opens(f"/changes/{ref}")
    sound(mara)


@pytest.mark.timeout(300)
def test_a_proposal_is_filed_with_the_keyboard_alone(desk: Desk) -> None:
    mara = desk.person(MARA)
    keyboard = mara.page.keyboard
    mara.opens("/")
    keyboard.press("Tab")
    assert mara.page.evaluate("document.activeElement.textContent") == "Skip to content"
    keyboard.press("Enter")
    assert mara.page.evaluate("document.activeElement.id") == "main"
    mara.opens("/changes/new")
    reach(mara, "Begin")
    keyboard.press("Enter")
    mara.page.wait_for_url("**/seen")
    reach(mara, "What did you see?")
    keyboard.type("Customers wait.")
    reach(mara, "Save and go on")
    keyboard.press("Enter")
    mara.page.wait_for_url("**/suggestion")
    reach(mara, "What do you suggest?")
    keyboard.type("Decide at the desk.")
    reach(mara, "Save and go on")
    keyboard.press("Enter")
    mara.page.wait_for_url("**/process")
    reach(mara, "The process that could work better")
    keyboard.type("Returns")
    reach(mara, "Save and go on")
    keyboard.press("Enter")
    mara.page.wait_for_url("**/title")
    keyboard.press("Tab")
    reach(mara, "Save and go on")
    keyboard.press("Enter")  # left empty
    mara.page.get_by_role("heading", name="There is a problem").wait_for()
    assert mara.page.evaluate("document.activeElement.className") == "summary", "focus goes to what is wrong"
    keyboard.press("Tab")
    keyboard.press("Enter")
    assert mara.page.evaluate("document.activeElement.id") == "title", "a link leads to the field"


@pytest.mark.timeout(300)
def test_an_answer_is_given_with_the_keyboard_alone(desk: Desk) -> None:
    ref = filed(desk)
    jonas = desk.person(JONAS)
    jonas.opens("/approvals")
    reach(jonas, f"Look and answer {ref}")
    jonas.page.keyboard.press("Enter")
    jonas.page.wait_for_url("**/decide")
    reach(jonas, "Decline")
    jonas.page.keyboard.press("Enter")
    reach(jonas, "Why not")
    jonas.page.keyboard.type("We test another way already.")
    reach(jonas, "What would make it possible, or what else could help")
    jonas.page.keyboard.type("Join that test.")
    reach(jonas, "Decline")
    jonas.page.keyboard.press("Enter")
    jonas.page.wait_for_url("**done=*")
    assert "declined" in jonas.text


def reach(person: Person, name: str) -> None:
    """Press Tab until what has the focus is called ``name``; nothing may be passed unseen on the way."""
    for _ in range(120):
        person.page.keyboard.press("Tab")
        seen = person.page.evaluate(
            """() => { const it = document.activeElement, box = it.getBoundingClientRect();
            const label = it.labels && it.labels.length ? it.labels[0].textContent : it.textContent;
            const name = label.replace(/\\(optional\\)/, '').replace(/\\s+/g, ' ').trim();
            return [name, box.width > 0 && box.height > 0]; }"""
        )
        if seen[0] == name:
            assert seen[1], f"{name} has the focus and cannot be seen"
            return
    raise AssertionError(f"Tab does not reach {name}")
