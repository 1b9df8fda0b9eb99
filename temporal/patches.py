"""Every change of the workflow's order since the first release, by its id (docs/house.md)."""

from __future__ import annotations

from enum import StrEnum


class Patch(StrEnum):
    """Ids for ``workflow.patched``. Never renamed; one is removed when no change that began before it is open."""

    FOLLOWERS_MOVE_ALONG = "followers-move-along"
    """After a change was marked as a duplicate, word is sent to the other change."""
    HOUR_ONLY = "hour-only"
    """What happens because somebody acts who stays anonymous bears the hour and no minute; timers follow from it."""
