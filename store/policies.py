"""Published policy versions: every one is kept, because changes in flight keep the version they began under."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime

from sqlalchemy import Connection, bindparam, insert, select

from changes.facts import Candidate, PolicyRef
from changes.state import Change
from changes.values import Moment, Ref, Value
from directory.model import Directory
from policies.comparison import difference
from policies.lint import Finding, check
from policies.loader import parse_policy, place_in
from policies.proven import Verdict
from policies.schema import Policy
from store import freshness, tables
from store.database import lock_ledger


class PolicyConflict(Exception):
    """A policy of this name and version is already published with other content."""


def changes_on_record(connection: Connection) -> Iterator[Change]:
    """Every change as it stands, in the order in which they were filed."""
    table = tables.change
    for document in connection.execute(select(table.c.document).order_by(table.c.number)).scalars():
        yield Change.model_validate_json(document)


def verdicts_on_record(connection: Connection) -> Iterator[Verdict]:
    """What ended changes say about their processes, in the order in which they were filed."""
    table = tables.change.c
    query = select(table.process, table.ref, table.worked).where(table.worked.is_not(None)).order_by(table.number)
    for row in connection.execute(query):
        yield Verdict(*row)


class PublishedVersion(Value):
    """One version that is or was in force."""

    name: str
    version: int
    sha256: str
    published_at: Moment
    change: Ref | None = None
    """The change that brought it; none for the very first."""


def published_versions(connection: Connection) -> tuple[PublishedVersion, ...]:
    """Every version, the one in force first."""
    table = tables.policy_version
    columns = [table.c[name] for name in PublishedVersion.model_fields]
    rows = connection.execute(select(*columns).order_by(table.c.number.desc())).mappings()
    return tuple(PublishedVersion.model_validate(dict(row)) for row in rows)


def published_text(connection: Connection, sha256: str) -> str | None:
    """The text of a version, as it was published."""
    table = tables.policy_version
    text: str | None = connection.execute(select(table.c.text).where(table.c.sha256 == sha256)).scalar()
    return text


def put_candidate(connection: Connection, policy: Policy, text: str, by: str, now: datetime) -> None:
    """Keep a text that a change may put forward by its content hash. The same content again changes nothing."""
    lock_ledger(connection)
    table = tables.policy_candidate
    if connection.execute(select(table.c.sha256).where(table.c.sha256 == policy.sha256)).first() is None:
        connection.execute(
            insert(table).values(
                sha256=policy.sha256, name=policy.name, version=policy.version, text=text, put_by=by, put_at=now
            )
        )


def candidate_text(connection: Connection, sha256: str) -> str | None:
    """The text of a candidate."""
    table = tables.policy_candidate
    text: str | None = connection.execute(select(table.c.text).where(table.c.sha256 == sha256)).scalar()
    return text


def policy_evidence(ref: PolicyRef) -> dict[str, str]:
    """How a record refers to the text of a policy that it is about, beside the one it was decided under; a bundle holds
    the text, and ``ledger/offline.py`` knows it again by this name."""
    return {"sha256": ref.sha256, "name": f"policy {ref.name} {ref.version}"}


def publish_candidate(connection: Connection, candidate: PolicyRef, instead_of: PolicyRef, change: str) -> bool:
    """Put a candidate in force, inside the transaction that records it. The ledger's lock must be held.

    Returns:
        Whether it is in force now; false when another policy has taken force meanwhile, or the text is gone.
    """
    now = connection.execute(_NEWEST).first()
    text = candidate_text(connection, candidate.sha256)
    if now is None or now.sha256 != instead_of.sha256 or text is None:
        return False
    publish_policy(connection, parse_policy(text, candidate.name), text, datetime.now(UTC), change)
    return True


_NEWEST = (
    select(tables.policy_version.c.sha256, tables.policy_version.c.text, tables.policy_version.c.name)
    .order_by(tables.policy_version.c.number.desc())
    .limit(1)
)

_OF_HASH = select(tables.policy_version.c.sha256, tables.policy_version.c.text, tables.policy_version.c.name).where(
    tables.policy_version.c.sha256 == bindparam("wanted")
)


def publish_policy(connection: Connection, policy: Policy, text: str, now: datetime, change: str | None = None) -> bool:
    """Make ``policy`` the one in force. Publishing what is in force already does nothing.

    Args:
        change: the change that brought it; none for an installation's first.

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
            name=policy.name, version=policy.version, sha256=policy.sha256, text=text, published_at=now, change=change
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
        wanted = ref.sha256 if ref else freshness.latest(connection).policy
        if wanted and (known := self._known.get(wanted)):
            return known
        row = connection.execute(_OF_HASH, {"wanted": wanted}).first()
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

    def newest(self, connection: Connection) -> PolicyRef | None:
        """The policy in force; none while nothing is published."""
        return self.bound(connection, None).ref if freshness.latest(connection).policy else None

    def _read_candidate(self, connection: Connection, sha256: str) -> Policy | None:
        text = candidate_text(connection, sha256)
        if text is None:
            return None
        with self._lock:
            return self._known.setdefault(sha256, parse_policy(text, "candidate"))

    def candidate(
        self, connection: Connection, sha256: str, directory: Directory, today: date, *, put_forward: bool
    ) -> Candidate | None:
        """A candidate, held against the policy in force; none if it was never checked in.

        Args:
            put_forward: a change puts it forward now, so it is looked at whether changes would get stuck under it.
        """
        policy = self._known.get(sha256) or self._read_candidate(connection, sha256)
        if policy is None:
            return None
        in_force = self.bound(connection, None)
        table = tables.policy_version
        published = connection.execute(
            select(table.c.sha256).where(table.c.name == policy.name, table.c.version == policy.version)
        ).scalar()
        findings = check(policy, directory, today) if put_forward else ()
        text = candidate_text(connection, sha256) or "" if findings else ""
        return Candidate(
            ref=policy.ref,
            in_force=in_force.ref,
            taken=published is not None,
            errors=tuple(_with_line(one, text) for one in findings if one.severity == "error"),
            worth_knowing=tuple(_with_line(one, text) for one in findings if one.severity != "error"),
            differences=tuple(str(one) for one in difference(in_force, policy)) if put_forward else (),
        )


def _with_line(found: Finding, text: str) -> str:
    return f"Line {place_in(text, found.path).line}, {found.path}: {found.message}."


def _as_published(text: str, name: str, sha256: str) -> Policy:
    policy = parse_policy(text, name)
    if policy.sha256 != sha256:
        raise LookupError(
            f"The policy “{name}” version {policy.version} in the database was altered after it was published. "
            "Restore it from a backup; nothing is decided under it until then."
        )
    return policy
