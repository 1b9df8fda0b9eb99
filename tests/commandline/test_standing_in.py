"""Standing in, answering several changes at once, and speaking without one's name, as they are typed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from tests.commandline.conftest import Said, Type
from tests.commandline.test_giving import as_options
from tests.demo.serving import Served
from tests.web.office import proposal

SignIn = Callable[[str], Said]
TODAY = datetime.now(UTC).date()
SPAN = ("--starts", f"{TODAY}", "--ends", f"{TODAY + timedelta(days=5)}")


def file(type_in: Type, *more: str) -> str:
    said = type_in("do", "submit", "--receipt", *as_options(proposal()), *more)
    assert said.code == 0, said.err
    return str(json.loads(said.out)["change"])


def test_a_delegation_is_given_listed_and_taken_back(signed_in: SignIn, type_in: Type) -> None:
    signed_in("samira.haddad")
    given = type_in("standing-in", "delegate", "priya.nair", *SPAN, "--decision", "endorse_tests")
    assert given.code == 0, given.err
    [one] = json.loads(type_in("standing-in", "list", "--json").out)["delegations"]
    assert (one["giver"], one["receiver"]) == ("samira.haddad", "priya.nair")
    assert type_in("standing-in", "revoke", one["ref"]).code == 0
    assert "ended" in type_in("standing-in", "list").out


def test_an_absence_is_said_and_ended(signed_in: SignIn, type_in: Type) -> None:
    signed_in("jonas.okafor")
    assert type_in("standing-in", "away", *SPAN).code == 0
    [one] = json.loads(type_in("standing-in", "list", "--json").out)["absences"]
    assert type_in("standing-in", "back", one["ref"]).code == 0
    backwards = type_in("standing-in", "away", "--starts", "2030-02-02", "--ends", "2030-02-01")
    assert backwards.code == 1
    assert "field: /ends" in backwards.err


def test_several_are_answered_and_what_one_refuses_is_shown(signed_in: SignIn, type_in: Type, here: Served) -> None:
    signed_in("mara.lind")
    refs = [file(type_in), file(type_in)]
    signed_in("samira.haddad")
    said = type_in("together", "accept-for-testing", *refs, "CH-99999", "--json")
    assert said.code == 2
    assert "2 of 3 changes" in said.err
    answers = json.loads(said.out)["answers"]
    assert [one["change"] for one in answers] == [*refs, "CH-99999"]
    assert all(here.gateway.state(ref).stage == "testing" for ref in refs)


def test_without_a_name_nothing_says_who_it_was(signed_in: SignIn, type_in: Type, here: Served) -> None:
    signed_in("priya.nair")
    ref = file(type_in, "--anonymously")
    assert type_in("do", "edit", ref, "--title", "Answer at once", "--anonymously").code == 0
    change = here.gateway.state(ref)
    assert re.fullmatch("anon-[0-9a-f]+", change.proposal.proposer)
    assert change.proposal.content.title == "Answer at once"
    assert "priya.nair" not in change.model_dump_json()
