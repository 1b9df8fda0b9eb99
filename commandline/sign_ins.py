"""The sign-ins this user has made on this machine: several people side by side, for this user's eyes alone."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import Field, ValidationError

from changes.values import Moment, Value
from settings import CHECKOUT, LOCAL


class NotSignedIn(Exception):
    """There is no sign-in for that; the message says how to make one."""


class SignIn(Value):
    """One person's API token and the Groundswell it is for."""

    person: str
    name: str
    server: str
    token: str = Field(repr=False)
    expires_at: Moment | None = None
    """When it stops working; not known of a token that was made elsewhere."""


class SignIns(Value):
    """All of them; commands use the latest unless ``--as`` names another."""

    latest: str = ""
    known: dict[str, SignIn] = Field(default_factory=dict)

    def of(self, person: str | None) -> SignIn:
        """The sign-in of ``person``, or the latest one.

        Raises:
            NotSignedIn: there is none.
        """
        wanted = person or self.latest
        if not wanted:
            raise NotSignedIn(f"Nobody is signed in here. {HOW}")
        if wanted not in self.known:
            others = ", ".join(sorted(self.known)) or "nobody"
            raise NotSignedIn(f"“{wanted}” is not signed in here; signed in: {others}. {HOW}")
        return self.known[wanted]

    def with_one(self, made: SignIn) -> SignIns:
        """With a new sign-in, which is now the latest."""
        return self.having(latest=made.person, known={**self.known, made.person: made})

    def without(self, person: str) -> SignIns:
        """Without ``person``; the latest is then any other."""
        known = {ref: kept for ref, kept in self.known.items() if ref != person}
        latest = self.latest if self.latest in known else next(iter(known), "")
        return self.having(latest=latest, known=known)


HOW = (
    "Sign in with: groundswell sign-in LINK (`make demo` prints links; `groundswell sign-in-link` makes more), or with "
    "an API token: groundswell sign-in --token --server https://groundswell.company.example"
)
TOKEN, SERVER = "GROUNDSWELL_TOKEN", "GROUNDSWELL_SERVER"
"""The variables by which a program that keeps nothing on disk signs in: an API token, and where it is for."""


def of_environment() -> SignIn | None:
    """The sign-in that the environment names; none where it holds no token.

    Raises:
        NotSignedIn: there is a token and it does not say for which server.
    """
    token = os.environ.get(TOKEN, "").strip()
    if not token:
        return None
    server = os.environ.get(SERVER, "").strip().rstrip("/")
    if not server:
        raise NotSignedIn(
            f"{TOKEN} is set and {SERVER} is not. Set it to where Groundswell is, beginning with https://."
        )
    return SignIn(person="", name="", server=server, token=token)


def file() -> Path:
    """Where sign-ins are kept: in a checkout's .local, else where the user's programs keep their settings."""
    in_checkout = "GROUNDSWELL_LOCAL" in os.environ or (CHECKOUT / "pyproject.toml").exists()
    if in_checkout:
        return LOCAL / "sign-ins.json"
    configuration = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return configuration / "groundswell" / "sign-ins.json"


def load() -> SignIns:
    """What is stored; nothing where there is no file, or one we cannot read as ours.

    Raises:
        NotSignedIn: the file is damaged.
    """
    path = file()
    try:
        return SignIns.model_validate_json(path.read_text())
    except FileNotFoundError:
        return SignIns()
    except (ValidationError, ValueError) as error:
        raise NotSignedIn(f"The sign-ins in {path} cannot be read. Delete the file and sign in again.") from error


def save(sign_ins: SignIns) -> None:
    """Store them so that nobody else on this machine can read them."""
    path = file()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    unfinished = path.with_suffix(".part")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
        stream.write(sign_ins.model_dump_json(indent=2))
    unfinished.replace(path)
