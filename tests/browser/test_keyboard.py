"""The keyboard alone is enough for the main paths."""

from __future__ import annotations

import pytest

from tests.browser.people import Desk, Person
from tests.browser.test_life import filed
from tests.web.office import JONAS, MARA


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
