"""Every setting, read from the environment or an ``.env``-like file, with an error that names what is wrong.

A configured server always wins: ``DATABASE_URL`` names the database, ``TEMPORAL_ADDRESS`` and the other standard
variables (``temporalio.envconfig``) name the Temporal server. Everything of our own begins with ``GROUNDSWELL_``.
"""

from __future__ import annotations

import ipaddress
import os
import re
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, PrivateAttr, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

CHECKOUT = Path(__file__).parent
LOCAL = Path(os.environ.get("GROUNDSWELL_LOCAL") or CHECKOUT / ".local").absolute()
"""Where a checkout keeps what is not in version control: the demonstration's state, stored sign-ins, logs."""
DEMONSTRATION_KEY = "demonstration-key-never-use-this-in-production"
DEMONSTRATION_SENDER = "Groundswell <groundswell@nordwind.example>"
ROLES = ("executive", "auditor", "steward", "administrator", "ombuds")
"""The roles that groups of an identity provider may give; a test holds them to :data:`directory.model.ROLES`."""
SHORTEST_KEY = 32
"""Bytes of the key that signs who is acting."""


class SettingsWrong(Exception):
    """The settings do not fit together; the message says which and what to do."""


class Settings(BaseSettings):
    """All settings. ``demo`` is for one machine; ``production`` refuses the demonstration's keys."""

    # What is set to nothing, as lines of an .env file often are, counts as not set.
    model_config = SettingsConfigDict(env_prefix="GROUNDSWELL_", extra="ignore", env_ignore_empty=True)

    mode: Literal["demo", "production"] = "demo"
    database_url: str = Field(
        default_factory=lambda: f"sqlite:///{LOCAL / 'groundswell.db'}", validation_alias="DATABASE_URL"
    )
    temporal_task_queue: str = "groundswell"
    """Where web and workers meet. It stays as it is while changes are open: each goes on where it began."""
    actor_key: SecretStr | None = None
    """The key by which the web process asserts who is acting and the worker checks it. At least 32 characters."""
    actor_key_file: Path | None = None
    earlier_actor_key_file: Path | None = None
    """The key that was used before: still accepted, never used to sign, while a new one is brought in."""
    public_url: str = "http://127.0.0.1:8000"
    smtp_url: str = ""
    """Where mail leaves, such as smtp://host:25; empty in the demonstration, which catches it."""
    mail_sender: str = DEMONSTRATION_SENDER
    mail_folder: Path | None = None
    """The demonstration's caught mail, shown on a page; none in production."""
    metrics_port: int = Field(default=9464, ge=0, le=65535)
    """Where the worker serves Prometheus metrics; 0 turns them off."""
    metrics_host: str = "127.0.0.1"
    """The address on which it does; in a container 0.0.0.0, or nobody outside of it can read them."""
    max_cached_workflows: int = Field(default=1000, ge=0)
    """0 replays every workflow from its beginning at every task: slow, and a proof of determinism."""
    log_format: Literal["plain", "json"] = "plain"
    mail_answers: bool = True
    """Whether mail holds links to a page on which one answers without signing in; never where much depends on it."""
    oidc_issuer: str = ""
    """The identity provider that signs people in, as its ID tokens name it; empty for none."""
    oidc_client_id: str = ""
    oidc_client_secret: SecretStr | None = None
    oidc_client_secret_file: Path | None = None
    oidc_scopes: str = "openid email profile"
    oidc_link_by_email: bool = True
    """Whether the first sign-in links a subject to the person with the same verified e-mail address."""
    oidc_groups_claim: str = "groups"
    oidc_role_groups: dict[str, str] = {}
    """Roles that the provider's groups give, as JSON: {"audit-team": "auditor"}."""
    webhook_networks: str = ""
    """Networks of our own to which webhooks may go, such as 10.20.0.0/16; several with commas. Else only outside."""
    requests_per_minute: int = Field(default=600, ge=0)
    """How fast one person or token may ask each web process; half as many may come at once. 0 counts nothing."""
    behind_tls: bool = False
    """The web process is reached over https, so cookies are marked secure; always so in production."""

    ledger_key: SecretStr | None = None
    """The key that signs the ledger's checkpoints, as base64 of its 32 bytes; a file is better."""
    ledger_key_file: Path | None = None
    ledger_second_key_file: Path | None = None
    """Signs beside the first one, while that is being replaced."""
    ledger_trusted_keys: str = ""
    """The public keys that verification trusts, "VKEY" or "VKEY 100-4999", separated by semicolons."""
    ledger_checkpoints: str = ""
    """Where checkpoints are kept outside the database: addresses separated by spaces."""
    ledger_witnesses: str = ""
    """Who cosigns checkpoints: "VKEY ADDRESS", separated by semicolons."""

    @field_validator("webhook_networks")
    @classmethod
    def _networks(cls, networks: str) -> str:
        for one in filter(None, map(str.strip, networks.split(","))):
            try:
                ipaddress.ip_network(one)
            except ValueError as error:
                raise ValueError(f"“{one}” is not a network. Write it like 10.20.0.0/16.") from error
        return networks

    _actor_key: str = PrivateAttr("")
    _earlier_actor_keys: tuple[bytes, ...] = PrivateAttr(())

    @model_validator(mode="after")
    def _keys_are_read(self) -> Self:
        """Read the keys that vouch for people, once: a file that changes meanwhile counts from the next start on."""
        self._actor_key = self.actor_key.get_secret_value() if self.actor_key else ""
        if self.actor_key_file:
            self._actor_key = _content(self.actor_key_file, "GROUNDSWELL_ACTOR_KEY_FILE")
        if self.earlier_actor_key_file:
            earlier = _content(self.earlier_actor_key_file, "GROUNDSWELL_EARLIER_ACTOR_KEY_FILE")
            if len(earlier) < SHORTEST_KEY:  # an empty one would vouch for whatever anybody signs with nothing
                raise ValueError(
                    f"GROUNDSWELL_EARLIER_ACTOR_KEY_FILE holds a key shorter than {SHORTEST_KEY} characters. Put the "
                    "key that was used before into it, or take the setting away."
                )
            self._earlier_actor_keys = (earlier.encode(),)
        return self

    @model_validator(mode="after")
    def _sign_in_is_complete(self) -> Self:
        if self.oidc_issuer and not (self.oidc_client_id and self.oidc_secret_text()):
            raise ValueError(
                "GROUNDSWELL_OIDC_ISSUER names an identity provider. Set GROUNDSWELL_OIDC_CLIENT_ID and "
                "GROUNDSWELL_OIDC_CLIENT_SECRET_FILE as it knows us."
            )
        if unknown := set(self.oidc_role_groups.values()) - set(ROLES):
            raise ValueError(
                f"GROUNDSWELL_OIDC_ROLE_GROUPS gives roles that do not exist: {', '.join(sorted(unknown))}. "
                f"Choose from {', '.join(ROLES)}."
            )
        return self

    @model_validator(mode="after")
    def _production_is_serious(self) -> Self:
        if self.mode == "production":
            if wrong := self.production_problems():
                raise ValueError("Production mode refuses to start. " + " ".join(wrong))
        return self

    def production_problems(self) -> list[str]:
        """What keeps these settings from being used in production, in sentences."""
        key = self._actor_key
        problems = [
            "Set GROUNDSWELL_ACTOR_KEY_FILE to a file with a random key of at least 32 characters." if not key else "",
            "GROUNDSWELL_ACTOR_KEY is the demonstration's key; make a new one." if key == DEMONSTRATION_KEY else "",
            f"The actor key is shorter than {SHORTEST_KEY} characters." if key and len(key) < SHORTEST_KEY else "",
            "DATABASE_URL must name a PostgreSQL database." if self.database_url.startswith("sqlite") else "",
            "GROUNDSWELL_PUBLIC_URL must begin with https://." if not self.public_url.startswith("https://") else "",
            "GROUNDSWELL_SMTP_URL must name a mail server." if not self.smtp_url else "",
            "GROUNDSWELL_MAIL_SENDER is the demonstration's; set it to an address of yours."
            if self.mail_sender == DEMONSTRATION_SENDER
            else "",
            "Set GROUNDSWELL_LEDGER_KEY_FILE to the key that signs the ledger; make it with: groundswell audit key FILE"
            if not (self.ledger_key or self.ledger_key_file)
            else "",
            "Set GROUNDSWELL_LEDGER_CHECKPOINTS to a place outside the database that keeps the ledger's checkpoints."
            if not self.ledger_checkpoints
            else "",
            "GROUNDSWELL_MAIL_FOLDER belongs to the demonstration; remove it." if self.mail_folder else "",
            "GROUNDSWELL_OIDC_ISSUER must begin with https://."
            if self.oidc_issuer and not self.oidc_issuer.startswith("https://")
            else "",
        ]
        return [problem for problem in problems if problem]

    def oidc_secret_text(self) -> str:
        """The secret by which the identity provider knows us, empty when there is none."""
        if self.oidc_client_secret_file:
            return _content(self.oidc_client_secret_file, "GROUNDSWELL_OIDC_CLIENT_SECRET_FILE")
        return self.oidc_client_secret.get_secret_value() if self.oidc_client_secret else ""

    def actor_secret(self) -> bytes:
        """The key that signs who is acting; in demo mode there is a known default."""
        return (self._actor_key or DEMONSTRATION_KEY).encode()

    def earlier_actor_secrets(self) -> tuple[bytes, ...]:
        """Keys whose assertions still count."""
        return self._earlier_actor_keys

    @property
    def ledger_key_path(self) -> Path | None:
        """The file with the signing key; the demonstration has one of its own."""
        return self.ledger_key_file or (LOCAL / "ledger" / "signing.key" if self.demonstration else None)

    @property
    def ledger_checkpoint_places(self) -> str:
        """Where checkpoints are kept; the demonstration has a folder of its own."""
        return self.ledger_checkpoints or (f"file://{LOCAL / 'ledger' / 'checkpoints'}" if self.demonstration else "")

    @property
    def demonstration(self) -> bool:
        """Whether the demonstration's accounts, links and pages exist."""
        return self.mode == "demo"

    @property
    def secure_cookies(self) -> bool:
        """Whether cookies may only travel over https."""
        return self.behind_tls or not self.demonstration


def _content(file: Path, setting: str) -> str:
    """The content of a file that holds a secret.

    Raises:
        ValueError: it cannot be read.
    """
    try:
        return file.read_text().strip()
    except OSError as error:
        raise ValueError(f"{setting} cannot be read: {error}") from error


def load_settings() -> Settings:
    """The settings of this process.

    Raises:
        SettingsWrong: naming each variable that is wrong.
    """
    try:
        return Settings()
    except SettingsError as error:  # its words quote no value
        field = re.search(r'field "([a-z_]+)"', str(error))
        which = f"GROUNDSWELL_{field[1].upper()}" if field else "A setting"
        raise SettingsWrong(f'{which} is not JSON. Write it like {{"audit-team": "auditor"}}.') from error
    except ValidationError as error:
        lines = []
        for problem in error.errors():
            name = "_".join(str(part) for part in problem["loc"]).upper()
            variable = name if name in os.environ or not name else f"GROUNDSWELL_{name.removeprefix('GROUNDSWELL_')}"
            text = problem["msg"].removeprefix("Value error, ")
            lines.append(f"{variable}: {text}" if name else text)
        raise SettingsWrong("\n".join(lines)) from error
