"""Acts that are not about one change: delegating, being away, and what else an organisation decides about itself.

An act is declared like a command (:mod:`changes.commands`); it is authorised, done and recorded by ``store.acts``.
"""

from __future__ import annotations

import hashlib
import json
from typing import ClassVar

from changes.refusals import Refused
from changes.values import Ref, Value

ACTS: dict[str, type[Act]] = {}
"""Every act by its kind."""
ORGANISATION = "organisation"
"""What the ledger says an act is about, where it says the change otherwise."""


class Act(Value):
    """Base of all acts. Subclasses say their kind and the words on their button::

    class Delegate(Act, kind="delegate", button="Let somebody answer for you"): ...
    """

    kind: ClassVar[str]
    button: ClassVar[str]

    def __init_subclass__(cls, *, kind: str = "", button: str = "") -> None:
        super().__init_subclass__()
        if not kind or not button:
            raise TypeError(f"{cls.__name__} needs a kind and a button")
        if kind in ACTS:
            raise TypeError(f"two acts are called {kind!r}")
        cls.kind, cls.button = kind, button
        ACTS[kind] = cls

    def fingerprint(self) -> str:
        """SHA-256 over kind and content: the same key with another fingerprint is another act."""
        body = json.dumps([self.kind, self.model_dump(mode="json")], sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(body.encode()).hexdigest()


class ActReceipt(Value):
    """What the sender of an act gets back, once it is on record."""

    kind: str
    ref: Ref
    """What the act made or changed, such as a delegation."""
    summary: str
    """What happened and what comes next, in a sentence or two."""


class ActAnswer(Value):
    """What became of an act: a receipt, or a refusal."""

    fingerprint: str
    receipt: ActReceipt | None = None
    refused: Refused | None = None
