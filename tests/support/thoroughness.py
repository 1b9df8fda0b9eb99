"""How many examples a property is tried on: few in `make test`, all of them in `make coverage` and in CI."""

from __future__ import annotations

import os

PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "quick")


def examples(many: int) -> int:
    """``many``, or a fifth of them in a quick run."""
    return max(many // 5, 5) if PROFILE == "quick" else many
