"""Tokens, webhooks and mail on the command line, and signing in with a token."""

from __future__ import annotations

import io
import json
import stat
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from changes.permissions import Scope
from store.database import writing
from store.tokens import Bounds, make_token
from tests.commandline.conftest import Said, Type
from tests.demo.serving import Served

KENJI, MARA = "kenji.watanabe", "mara.lind"


def token_of(here: Served, person: str, **more: Any) -> str:
    """A token made elsewhere."""
    with writing(here.engine) as connection:
        return make_token(connection, person, "cli", timedelta(days=3), datetime.now(UTC), **more)


def told(said: Said) -> Any:
    """What a command printed for programs."""
    assert said.code == 0, said.err
    return json.loads(said.out)


def typed(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))


# ------------------------------------------------------------------------------------------------------ signing in


def test_a_token_signs_in_and_is_kept_for_this_user_alone(
    here: Served, type_in: Type, local: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = token_of(here, MARA)
    typed(monkeypatch, f"{token}\n")
    said = type_in("sign-in", "--token", "--server", here.address)
    assert said.out == f"Signed in as Mara Lind (mara.lind), Service Adviser, on {here.address}.\n", said.err
    file = local / "sign-ins.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600 and token in file.read_text()
    assert told(type_in("whoami", "--json"))["ref"] == MARA


def test_the_environment_signs_in_without_anything_on_disk(
    here: Served, type_in: Type, local: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GROUNDSWELL_TOKEN", token_of(here, MARA))
    half = type_in("mail", "list")
    assert half.code == 2 and "GROUNDSWELL_SERVER is not" in half.err
    monkeypatch.setenv("GROUNDSWELL_SERVER", here.address)
    assert told(type_in("whoami", "--json"))["ref"] == MARA
    assert type_in("sign-in", "--token").code == 0, "read from the environment, and kept"
    assert (local / "sign-ins.json").exists()


@pytest.mark.parametrize(
    ("arguments", "given", "words"),
    [
        (("--token", "--server", "HERE"), "gw_nonsense", "does not know this token"),
        (("--token", "--server", "HERE"), "", "That is no token"),
        (("--token", "--server", "HERE"), "two words", "That is no token"),
        (("--token", "--server", "groundswell.example"), "gw_x", "is no address"),
        (("--token",), "gw_x", "No demonstration is running here"),
        (("--token", "LINK"), "gw_x", "either a one-time LINK or --token"),
        ((), "", "either a one-time LINK or --token"),
    ],
)
def test_what_is_wrong_with_a_sign_in_is_said(
    here: Served,
    type_in: Type,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    given: str,
    words: str,
) -> None:
    typed(monkeypatch, given)
    said = type_in("sign-in", *(argument.replace("HERE", here.address) for argument in arguments))
    assert said.code == 2 and words in said.err, said.err
    assert "Traceback" not in said.err and type_in("whoami").code == 2, "nothing was kept"


def test_a_systems_token_signs_nobody_in(here: Served, type_in: Type, monkeypatch: pytest.MonkeyPatch) -> None:
    bounds = Bounds("", "returns", "")
    token = token_of(here, MARA, scopes=(Scope.REPORT,), service="metrics", bounds=bounds)
    typed(monkeypatch, token)
    said = type_in("sign-in", "--token", "--server", here.address)
    assert said.code == 2 and "it is not for people" in said.err


def test_a_server_that_is_away_is_said_to_be(type_in: Type, monkeypatch: pytest.MonkeyPatch) -> None:
    typed(monkeypatch, "gw_x")
    said = type_in("sign-in", "--token", "--server", "http://127.0.0.1:9")
    assert said.code == 3 and "No Groundswell answers" in said.err


# ----------------------------------------------------------------------------------------------------------- tokens


def test_tokens_are_issued_listed_and_revoked(here: Served, type_in: Type, signed_in: Callable[[str], Said]) -> None:
    signed_in(MARA)
    made = told(type_in("token", "issue", "reports", "--scope", "read", "--days", "7", "--json"))
    assert made["token"].startswith("gw_") and made["scopes"] == ["read"]
    assert "“reports” exists already" in type_in("token", "issue", "reports").err
    assert "reports" in type_in("token", "list").out and made["token"] not in type_in("token", "list").out
    [one] = [t for t in told(type_in("token", "list", "--json"))["tokens"] if t["name"] == "reports"]
    assert type_in("token", "revoke", one["id"]).out == f"{one['id']} does not work any more.\n"
    gone = type_in("token", "revoke", one["id"])
    assert gone.code == 1 and "Traceback" not in gone.err


def test_systems_get_tokens_from_administrators(here: Served, type_in: Type, signed_in: Callable[[str], Said]) -> None:
    signed_in(MARA)
    assert type_in("token", "list", "--systems").code == 1
    signed_in(KENJI)
    unbounded = type_in("token", "issue-for-system", "metrics", "--on-behalf-of", MARA)
    assert unbounded.code == 1 and "Name the change or the process" in unbounded.err
    made = told(
        type_in("token", "issue-for-system", "metrics", "--on-behalf-of", MARA, "--process", "returns", "--json")
    )
    assert (made["service"], made["on_behalf_of"]) == ("metrics", MARA)
    assert "report (returns)" in type_in("token", "list", "--systems").out
    found = told(type_in("token", "list", "--systems", "--json"))["tokens"]
    [one] = [token for token in found if token["name"] == "reports"]
    assert told(type_in("token", "revoke", one["id"], "--systems", "--json")) == {"revoked": one["id"]}
    assert one["id"] not in type_in("token", "list", "--systems").out


# --------------------------------------------------------------------------------------------------------- webhooks


def test_a_webhook_from_beginning_to_end(here: Served, type_in: Type, signed_in: Callable[[str], Said]) -> None:
    signed_in(KENJI)
    assert "Nothing is sent anywhere." in type_in("webhooks", "list").out
    inside = type_in("webhooks", "add", "https://10.0.0.1/", "--description", "x")
    assert inside.code == 1 and "outside world" in inside.err
    url = "https://receiver.example/hook"
    made = told(type_in("webhooks", "add", url, "--description", "screens", "--event", "closed", "--json"))
    ref = made["endpoint"]["ref"]
    assert made["secret"].startswith("whsec_")
    listed = type_in("webhooks", "list").out
    assert ref in listed and "groundswell.change.closed" in listed and made["secret"] not in listed
    assert type_in("webhooks", "secret", ref).out.startswith("whsec_")
    assert "on its way" in type_in("webhooks", "test", ref).out
    assert "groundswell.test" in type_in("webhooks", "log", ref).out
    [delivery] = told(type_in("webhooks", "log", ref, "--json"))["deliveries"]
    waits = type_in("webhooks", "again", ref, str(delivery["number"]))
    assert waits.code == 1, "what still waits is not sent again"
    assert type_in("webhooks", "disable", ref).out == f"Nothing more is sent to {url}.\n"
    assert type_in("webhooks", "change", ref, "--url", url, "--description", "all").out == f"{ref} sends to {url}.\n"
    assert told(type_in("webhooks", "list", "--json"))["endpoints"][0]["disabled_at"] is None
    assert "once more" in type_in("webhooks", "again", ref, str(delivery["number"])).out
    assert type_in("webhooks", "remove", ref).out == f"{ref} is forgotten.\n"
    assert type_in("webhooks", "log", ref).code == 1
    signed_in(MARA)
    refused = type_in("webhooks", "list")
    assert refused.code == 1 and "administrators" in refused.err


# ------------------------------------------------------------------------------------------------------------- mail


def test_mail_is_chosen(here: Served, type_in: Type, signed_in: Callable[[str], Said]) -> None:
    signed_in(MARA)
    assert "commented" in type_in("mail", "list").out
    assert type_in("mail", "set", "commented", "digest").out == (
        "Somebody commented on your change: in the weekly digest.\n"
    )
    mine = {one["kind"]: one["choice"] for one in told(type_in("mail", "list", "--json"))["choices"]}
    assert mine["commented"] == "digest"
    assert type_in("mail", "set", "asked", "off").code == 1, "what one is asked to answer always comes"
    assert type_in("mail", "set", "commented", "never").code == 1
