"""What somebody wants of each kind of mail: at once, in the weekly digest, or not at all. Pure.

Never a choice: what one is asked to answer. Silence there would stop other people's changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from notifications.kinds import KINDS

Choice = Literal["mail", "digest", "off"]
DIGEST = "digest"
"""The weekly digest itself, which is chosen like a kind."""

ASKING = frozenset(
    {
        "asked",
        "asked_instead",
        "champion_invited",
        "champion_reminded",
        "changed_since_you_answered",
        "changes_asked",
        "concern_why_asked",
        "delegated_to_you",
        "effect_check_due",
        "escalated",
        "expired",
        "objected",
        "places_open",
        "reminded",
        "results_in",
        "review_due",
        "said_back",
        "self_decided",
        "step_reminded",
        "superseded",
        "tests_to_run",
        "wave_paused",
    }
)
"""Kinds that ask for something; they are always sent at once."""
CHOOSABLE: Mapping[str, str] = {
    **{kind: words for kind, words in KINDS.items() if kind not in ASKING},
    DIGEST: "What happened in the week, on Mondays",
}
"""The kinds about which one may choose, in the words of a settings page."""


def how_sent(kind: str, choices: Mapping[str, Choice]) -> Choice:
    """How somebody with these choices gets a notice of ``kind``."""
    return "mail" if kind in ASKING else choices.get(kind, "mail")
