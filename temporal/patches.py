"""Every change of the workflow's order since the first release, by its id (docs/house.md)."""

from __future__ import annotations

from enum import StrEnum


class Patch(StrEnum):
    """Ids for ``workflow.patched``. Never renamed; one is removed when no change that began before it is open."""

    FOLLOWERS_MOVE_ALONG = "followers-move-along"
    """After a change was marked as a duplicate, word is sent to the other change."""
    HOUR_ONLY = "hour-only"
    """What happens because somebody acts who stays anonymous bears the hour and no minute; timers follow from it."""
    READS_ITS_RECORDS = "reads-its-records"
    """A run reads the change from its records, also where its input says what it was."""
    REPEATED_IS_READ = "repeated-is-read"
    """What was on record already may be news to the workflow, so it reads the change and goes on from there."""
    LOOKS_AT_RECORDS = "looks-at-records"
    """Who tells a change to look again has it read its records first."""
    WAITS_LONGER = "waits-longer"
    """Time that was noticed in vain is noticed again after a minute, then two, and so on; no longer each second."""
