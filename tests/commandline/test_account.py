"""Signing in and out: kept for this user alone, several people side by side, links that work once."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from changes.permissions import Scope
from commandline import sign_ins
from commandline.sign_ins import NotSignedIn, SignIn, SignIns
from store.database import reading, writing
from store.sign_in import make_link
from store.tokens import token_holder
from tests.commandline.conftest import Said, Type
from tests.demo.serving import Served

NOW = datetime.now(UTC)


def kept(person: str) -> SignIn:
    return SignIn(person=person, name=person, server="http://here", token="gw_secret", expires_at=NOW)


def test_a_link_signs_in_once_and_the_token_is_kept_for_this_user_alone(
    here: Served, type_in: Type, local: Path
) -> None:
    with writing(here.engine) as connection:
        token = make_link(connection, "jonas.okafor", NOW)
    said = type_in("sign-in", f"{here.address}/sign-in/{token}")
    assert said.out == f"Signed in as Jonas Okafor (jonas.okafor), Team Lead Service Desk, on {here.address}.\n"
    file = local / "sign-ins.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert json.loads(file.read_text())["known"]["jonas.okafor"]["server"] == here.address

    again = type_in("sign-in", f"{here.address}/sign-in/{token}")
    assert again.code == 2
    assert again.err.startswith("This sign-in link was used before")


def test_a_token_alone_needs_to_know_which_server(here: Served, type_in: Type) -> None:
    with writing(here.engine) as connection:
        token = make_link(connection, "mara.lind", NOW)
    unknown = type_in("sign-in", token)
    assert unknown.code == 2
    assert "--server" in unknown.err
    assert type_in("sign-in", token, "--server", here.address).code == 0


def test_half_a_link_is_said_to_be_one(type_in: Type) -> None:
    said = type_in("sign-in", "127.0.0.1:8000/sign-in/abc")
    assert said.code == 2
    assert "Copy the whole link" in said.err


def test_whoami_names_everybody_who_is_signed_in(signed_in: Callable[[str], Said], type_in: Type) -> None:
    signed_in("mara.lind")
    signed_in("amara.diallo")
    said = type_in("whoami")
    assert said.out.startswith("Amara Diallo (amara.diallo), Organisation and Quality, steward, on http://127.0.0.1:")
    assert "Also signed in: mara.lind." in said.out
    assert json.loads(type_in("whoami", "--as", "mara.lind", "--json").out)["name"] == "Mara Lind"


def test_signing_out_forgets_one_or_all(signed_in: Callable[[str], Said], type_in: Type) -> None:
    signed_in("mara.lind")
    signed_in("jonas.okafor")
    said = type_in("sign-out")
    assert said.out == "Signed out: jonas.okafor.\nNow used: mara.lind.\n"
    assert type_in("whoami").out.startswith("Mara Lind")
    assert type_in("sign-out", "--all").out == "Signed out: mara.lind.\n"
    assert type_in("whoami").code == 2


def test_a_token_that_does_not_count_any_more_says_how_to_sign_in(here: Served, type_in: Type) -> None:
    sign_ins.save(SignIns().with_one(kept("mara.lind").having(server=here.address)))
    said = type_in("changes", "waiting")
    assert said.code == 2
    assert "Sign in with: groundswell sign-in" in said.err


def test_a_server_that_is_away_is_said_with_what_to_do(type_in: Type) -> None:
    sign_ins.save(SignIns().with_one(kept("mara.lind").having(server="http://127.0.0.1:1")))
    said = type_in("whoami")
    assert said.code == 3
    assert said.err.startswith("No Groundswell answers at http://127.0.0.1:1. Is it running?")


def test_links_are_made_for_people_who_are_there(here: Served, type_in: Type, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", here.database_url)
    made = type_in("sign-in-link", "priya.nair")
    token = made.out.strip().rpartition("/")[2]
    assert type_in("sign-in", token, "--server", here.address).out.startswith("Signed in as Priya Nair")
    nobody = type_in("sign-in-link", "nobody.here")
    assert nobody.code == 2
    assert "“nobody.here”" in nobody.err


def test_without_a_database_no_link_is_made(type_in: Type) -> None:
    said = type_in("sign-in-link", "mara.lind")
    assert said.code == 3
    assert said.err.startswith("There is no database yet")


def test_the_latest_sign_in_is_used_and_another_one_after_it_left() -> None:
    both = SignIns().with_one(kept("a")).with_one(kept("b"))
    assert both.of(None).person == "b"
    assert both.of("a").person == "a"
    assert both.without("b").of(None).person == "a"
    assert both.without("a").of(None).person == "b"
    with pytest.raises(NotSignedIn, match="Nobody is signed in"):
        both.without("a").without("b").of(None)


def test_a_damaged_file_is_said_to_be_one(local: Path) -> None:
    local.mkdir()
    (local / "sign-ins.json").write_text("{")
    with pytest.raises(NotSignedIn, match="Delete the file"):
        sign_ins.load()


def test_outside_of_a_checkout_sign_ins_are_kept_with_the_users_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GROUNDSWELL_LOCAL", raising=False)
    monkeypatch.setattr(sign_ins, "CHECKOUT", tmp_path / "site-packages")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    assert sign_ins.file() == tmp_path / "config" / "groundswell" / "sign-ins.json"
    sign_ins.save(SignIns().with_one(kept("a")))
    assert sign_ins.load().of(None) == kept("a")


def test_the_repr_of_a_sign_in_keeps_its_token() -> None:
    assert "gw_secret" not in repr(SignIns().with_one(kept("a")))


def test_the_first_token_is_made_on_the_server(here: Served, type_in: Type, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", here.database_url)
    made = type_in("token", "make", "kenji.watanabe", "--days", "2", "--scope", "read", "--scope", "administer")
    assert made.code == 0 and made.out.startswith("gw_"), made.err
    with reading(here.engine) as connection:
        holder = token_holder(connection, made.out.strip(), datetime.now(UTC))
    assert holder is not None and holder.scopes == {Scope.READ, Scope.ADMINISTER}
    assert type_in("token", "make", "nobody.here").code == 2
    wrong = type_in("token", "make", "kenji.watanabe", "--scope", "everything")
    assert wrong.code == 2 and "Choose from account, act" in wrong.err
