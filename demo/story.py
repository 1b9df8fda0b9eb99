"""What has happened at Nordwind before you arrive, read from story.yaml beside this module."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from changes.decision import HUMAN_COMMANDS
from demo.sending import Act

FILE = Path(__file__).with_suffix(".yaml")
_RELATIVE = re.compile(r"(?P<what>today|now)(?:\+(?P<days>[0-9]{1,3})d?)?")


@dataclass(frozen=True)
class Tale:
    """One change and everything people did about it so far."""

    name: str
    now: str
    """Where it stands at the end, in words."""
    acts: tuple[Act, ...]


def story(began: datetime) -> tuple[Tale, ...]:
    """All tales, with their days counted from the moment ``began``; the same moment gives the same commands."""
    content = YAML(typ="safe").load(FILE.read_text(encoding="utf-8"))
    return tuple(
        Tale(name=tale["tale"], now=tale["now"], acts=tuple(_act(act, began) for act in tale["acts"]))
        for tale in content
    )


def _act(written: Mapping[str, Any], began: datetime) -> Act:
    """The first pair says who does what, the others are the command's fields."""
    (person, kind), *fields = written.items()
    content = {name: _in_time(value, began) for name, value in fields}
    return Act(person, HUMAN_COMMANDS[kind].model_validate(content))


def _in_time(value: Any, began: datetime) -> Any:
    if isinstance(value, list):
        return [_in_time(item, began) for item in value]
    if isinstance(value, dict):
        return {name: _in_time(item, began) for name, item in value.items()}
    found = _RELATIVE.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return value
    moment = began + timedelta(days=int(found["days"] or 0))
    return moment if found["what"] == "now" else moment.date()
