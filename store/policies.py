"""Published policy versions: every one is kept, because changes in flight keep the version they began under."""

from __future__ import annotations

import threading
from datetime import datetime

from sqlalchemy import Connection, insert, select

from changes.facts import PolicyRef
from policies.loader import parse_policy
from policies.schema import Policy
from store import freshness, tables
from store.database import lock_ledger


class PolicyConflict(Exception):
    """A policy of this name and version is already published with other content."""


def publish_policy(connection: Connection, policy: Policy, text: str, now: datetime) -> bool:
    """Make ``policy`` the one in force. Publishing what is in force already does nothing.

    Returns:
        Whether something was published.

    Raises:
        PolicyConflict: when the name and version are taken by other content.
    """
    lock_ledger(connection)  # two programs that start at once publish it once
    table = tables.policy_version
    known = connection.execute(
        select(table.c.sha256).where(table.c.name == policy.name, table.c.version == policy.version)
    ).scalar()
    if known == policy.sha256:
        return False
    if known is not None:
        raise PolicyConflict(
            f"The policy “{policy.name}” version {policy.version} is already published with other content. "
            "Give the new one the next version number."
        )
    connection.execute(
        insert(table).values(
            name=policy.name, version=policy.version, sha256=policy.sha256, text=text, published_at=now
        )
    )
    return True


class PolicyCache:
    """Policies by content hash, parsed once. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, Policy] = {}

    def bound(self, connection: Connection, ref: PolicyRef | None) -> Policy:
        """The policy a change is bound to; for None, the one in force (the latest published).

        Raises:
            LookupError: when no such policy is published, or it is not what was published any more.
        """
        table = tables.policy_version
        seen = freshness.remembered()
        wanted = ref.sha256 if ref else seen.policy if seen else None
        if wanted and (known := self._known.get(wanted)):
            return known
        query = select(table.c.sha256, table.c.text, table.c.name)
        query = query.where(table.c.sha256 == ref.sha256) if ref else query.order_by(table.c.number.desc()).limit(1)
        row = connection.execute(query).first()
        if row is None:
            raise LookupError(
                f"The policy “{ref.name}” version {ref.version} is not in the database. Restore it from a backup."
                if ref
                else "No policy is published yet. Publish one with: groundswell policy publish FILE"
            )
        with self._lock:
            if row.sha256 not in self._known:
                self._known[row.sha256] = _as_published(row.text, row.name, row.sha256)
            return self._known[row.sha256]


def _as_published(text: str, name: str, sha256: str) -> Policy:
    policy = parse_policy(text, name)
    if policy.sha256 != sha256:
        raise LookupError(
            f"The policy “{name}” version {policy.version} in the database was altered after it was published. "
            "Restore it from a backup; nothing is decided under it until then."
        )
    return policy
