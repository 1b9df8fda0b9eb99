"""docker-compose.yml as Compose reads it with an .env file: what a container finds in its environment and mounted."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ruamel.yaml import YAML

from tests.deployment.checkout import ROOT

COMPOSE: dict[str, Any] = YAML(typ="safe").load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
EXAMPLE = (ROOT / "deploy" / "example.env").read_text()
VARIABLE = re.compile(r"\$\{(?P<name>[A-Z_]+)(?:(?P<rule>:\?|:-)(?P<rest>[^}]*))?\}")
_LINE = re.compile(r"^(?P<name>[A-Z_]+)=(?:'(?P<quoted>[^']*)'|(?P<plain>.*?))[ \t]*$", re.MULTILINE)


class NotSet(Exception):
    """Compose would stop here and say this."""


def read_env(text: str) -> dict[str, str]:
    """What an .env file says. A plain value that Compose would read in another way is refused.

    Raises:
        ValueError: naming it.
    """
    found = {}
    for match in _LINE.finditer(text):
        plain = match["plain"]
        if plain and re.search(r"[$\"\s#]", plain):
            raise ValueError(f"{match['name']} has to stand in single quotes")
        found[match["name"]] = match["quoted"] or plain or ""
    return found


def with_every_line(text: str) -> str:
    """The example with the # taken away before each line that may be set."""
    return re.sub(r"^#(?=[A-Z_]+=)", "", text, flags=re.MULTILINE)


def put_in(text: str, values: Mapping[str, str]) -> str:
    """``text`` with its variables replaced.

    Raises:
        NotSet: for one that is required.
    """

    def value(match: re.Match[str]) -> str:
        found = values.get(match["name"], "")
        if not found and match["rule"] == ":?":
            raise NotSet(f"{match['name']}: {match['rest']}")
        return found or (match["rest"] or "" if match["rule"] == ":-" else "")

    return VARIABLE.sub(value, text)


def environment_of(service: str, values: Mapping[str, str]) -> dict[str, str]:
    """What the container finds in its environment. A variable without a value is passed on where .env names it."""
    found: dict[str, str] = {}
    for name, text in SERVICES[service].get("environment", {}).items():
        if text is not None:
            found[name] = put_in(text, values)
        elif name in values:
            found[name] = values[name]
    return found


def mounts_of(service: str, values: Mapping[str, str]) -> dict[str, str]:
    """Where in the container what of the machine is found: a path, or the name of a volume."""
    volumes = [put_in(volume, values).split(":") for volume in SERVICES[service].get("volumes", ())]
    return {volume[1]: volume[0] for volume in volumes}
