"""Who hears what, one module per stage of a change's life. Importing this package fills the register.

Every event is in :data:`notifications.telling.HEARERS` or, with its reason, in :data:`notifications.telling.SILENT`.
"""

from notifications.hearers import (
    any_moment,
    concerns,
    gates,
    holders,
    learning,
    policy,
    proposal,
    recruiting,
    rollout,
    testing,
)

__all__ = [
    "any_moment",
    "concerns",
    "gates",
    "holders",
    "learning",
    "policy",
    "proposal",
    "recruiting",
    "rollout",
    "testing",
]
