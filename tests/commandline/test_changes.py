"""``groundswell changes``: lists, one change, its trail, and what waits for you; as tables and as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from commandline.output import moment
from demo.telling import tell_story
from tests.commandline.conftest import Said, Type
from tests.demo.serving import Served

SignIn = Callable[[str], Said]


@pytest.fixture(scope="module", autouse=True)
async def told(here: Served) -> None:
    """The demonstration's story has been told."""
    await tell_story(here.engine, here.address, datetime.now(UTC), lambda tale, done: None)


def test_the_list_shows_what_moved_last_first_and_can_be_narrowed(signed_in: SignIn, type_in: Type) -> None:
    signed_in("mara.lind")
    lines = [line for line in type_in("changes", "list").out.splitlines() if line.startswith(" CH-")]
    assert len(lines) == 12
    assert "Offer to call back" in lines[0]
    assert "Is waiting for an answer to the proposal" in lines[0]
    assert json.loads(type_in("changes", "list", "--ended", "--json").out)["changes"]
    refs = [each["ref"] for each in json.loads(type_in("changes", "list", "--mine", "--json").out)["changes"]]
    assert refs == ["CH-12", "CH-11", "CH-10"]
    assert "No change fits." in type_in("changes", "list", "--text", "nothing like that").out
    assert "There are more" in type_in("changes", "list", "--limit", "2").out


def test_a_stage_that_is_none_is_refused_in_words(signed_in: SignIn, type_in: Type) -> None:
    signed_in("mara.lind")
    said = type_in("changes", "list", "--stage", "nowhere")
    assert said.code == 1
    assert "stage" in said.err


def test_what_waits_says_what_could_be_typed(signed_in: SignIn, type_in: Type) -> None:
    signed_in("jonas.okafor")
    out = type_in("changes", "waiting").out
    assert "Endorse the tests, or say what would have to change" in out
    assert "groundswell do endorse CH-10" in out
    signed_in("noor.vandijk")
    assert type_in("changes", "waiting").out == "Nothing waits for you.\n"


def test_one_change_shows_where_it_stands_its_parts_and_what_you_may_do(signed_in: SignIn, type_in: Type) -> None:
    signed_in("luca.ricci")
    out = type_in("changes", "show", "CH-5").out
    assert "CH-5  A text message when a repair is ready" in out
    assert "This change is being tested." in out
    assert "Proposed by Luca Ricci, about Workshop repairs." in out
    assert "Waiting for Kenji Watanabe: Run T2 and enter its result" in out
    assert "1.9 days, passed" in out
    assert "at least 97 per cent" in out
    assert "You may: " in out
    assert "withdraw" in out
    crates = type_in("changes", "show", "CH-3").out
    assert "Whole workshop" in crates
    assert "paused" in crates
    assert "A fee after one reminder may not hold" in type_in("changes", "show", "CH-9").out


def test_the_trail_names_people_and_hides_whom_it_promised_to_hide(signed_in: SignIn, type_in: Type) -> None:
    signed_in("mara.lind")
    out = type_in("changes", "trail", "CH-4").out
    assert "Hoa Nguyễn" in out
    assert "somebody" in out
    assert "named a colleague people go to" in out
    entries = json.loads(type_in("changes", "trail", "CH-4", "--json").out)["entries"]
    assert entries[0]["action"] == "submitted"


@pytest.mark.parametrize("what", ["show", "trail"])
def test_an_unknown_change_is_said_to_be_one(what: str, signed_in: SignIn, type_in: Type) -> None:
    signed_in("mara.lind")
    said = type_in("changes", what, "CH-99")
    assert said.code == 1
    assert "There is no change “CH-99”" in said.err


def test_moments_are_shown_as_the_clock_on_this_wall_does() -> None:
    now = datetime.now(UTC)
    assert moment(now.isoformat()) == f"{now.astimezone():%a} {now.astimezone().day} {now.astimezone():%b, %H:%M}"
    assert moment("2001-05-06T12:00:00Z").split(",")[0].endswith(" 2001")
    assert moment(None) == ""
