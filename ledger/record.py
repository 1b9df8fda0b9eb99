"""The body of a ledger record, who did what, when, why and on which basis (reference/ledger.md 6.2), and its sealing.

A :class:`Draft` is what the one who acts knows. :func:`seal` adds what only the appender knows, the position, the time
of recording and the commitments to private values, and gives the :class:`Body` whose canonical bytes are the leaf.

The types here are this format's own and not those of ``changes.values``: a rule for new input may become stricter any
day, while every record ever written must stay readable.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    TypeAdapter,
    model_validator,
)

from ledger.canonical import NotCanonical, canonical_bytes, parse_canonical
from ledger.commitments import commit, new_salt

FORM: Literal[2] = 2
"""The form of the bodies that are written now."""
FOUNDATION_FORM = 1
"""The form of the first records ever written: one commitment at the top, no name of the log. They stay as they are, at
the beginning of a log, and can be read and verified like all others (docs/decisions/0008)."""
COLUMNS = (
    "seq",
    "record_id",
    "idem_key",
    "recorded_at",
    "occurred_at",
    "action",
    "outcome",
    "change_id",
    "stage",
    "actor_ref",
)
"""The columns that serve queries beside the body; :func:`columns_of` derives them and nothing else may."""


def instant_text(moment: datetime) -> str:
    """``moment`` as the ledger writes it: UTC, always six digits, sortable as text ("2026-11-23T18:22:00.000000Z")."""
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _storable(text: str) -> str:
    if "\0" in text:
        raise ValueError("contains the character U+0000; please remove it")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError("contains a broken character; please type it again") from error
    return text


def _utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("lies outside the calendar") from error


Instant = Annotated[AwareDatetime, AfterValidator(_utc), PlainSerializer(instant_text, return_type=str)]
"""A moment in UTC that is written by :func:`instant_text`."""
Ref = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]*$")]
"""The reference of a person, a change, or anything else that is referred to."""
Line = Annotated[str, AfterValidator(_storable), Field(min_length=1, max_length=200, pattern=r"^[^\r\n]*$")]
"""One line of text."""
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/@+-]*$")]
"""A technical name or id, ASCII without spaces."""
RecordType = Annotated[str, Field(max_length=128, pattern=r"^[a-z][a-z0-9-]*(\.[a-z][a-z0-9_-]*)+$")]
"""A type in reverse-DNS form: "org.groundswell.test.endorsed"."""
BusinessKey = Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,300}$")]
"""The idempotency key, namespace/workflow/decision: visible ASCII. Never made of a run id (reference 6.6)."""
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
"""SHA-256 in hexadecimal."""
Label = Annotated[str, Field(max_length=64, pattern=r"^[a-z][a-z0-9_]*(\.[a-z0-9_]+)*$")]
"""What a private value is: "actor.name", "reason.text". Unique within a record."""
Commitments = dict[Label, Digest]
Section = Literal["actor", "reason", "before", "after"]
"""The parts of a body that may hold commitments, each under the key "commit"."""
SECTIONS: tuple[Section, ...] = ("actor", "reason", "before", "after")


class Part(BaseModel):
    """A part of a body: immutable, without unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Actor(Part):
    """Who acted. ``ref`` is the random per-person reference; an anonymous actor has none, and acts for nobody."""

    kind: Literal["user", "service", "system", "anonymous"]
    ref: Ref | None = None
    role: Name | None = None
    on_behalf_of: Ref | None = None
    via: Name | None = None
    """The way in: "page", "api", "cli", "mail"; "groundswell" where it acts by itself."""
    commit: Commitments | None = None

    @model_validator(mode="after")
    def _named_or_not(self) -> Self:
        if self.kind == "anonymous" and (self.ref or self.on_behalf_of or self.role):
            raise ValueError("an anonymous actor has no reference and no role, and acts for nobody")
        if self.kind in ("user", "service") and not self.ref:
            raise ValueError(f"a {self.kind} must be named by a reference")
        return self


class Subject(Part):
    """What was acted upon, and the policy that decided."""

    change_id: Ref | None = None
    revision: int | None = Field(default=None, ge=0)
    content_sha256: Digest | None = None
    stage: Name | None = None
    policy_id: Name | None = None
    policy_version: int | None = Field(default=None, ge=1)
    policy_sha256: Digest | None = None


class Reason(Part):
    """Why: a code, and free text as a commitment only."""

    code: Name | None = None
    commit: Commitments | None = None


class Signature(Part):
    """What an electronic signature means (21 CFR 11.50), bound to its record by the digest of the signed statement."""

    signer_ref: Ref
    meaning: Line
    method: Name
    signed_at: Instant
    statement_sha256: Digest
    assertion_sha256: Digest | None = None


class Source(Part):
    """The software that recorded. ``worker`` is left out of anonymous records."""

    component: Name
    version: Name
    worker: Name | None = None


class Workflow(Part):
    """The workflow the decision belongs to; never the attempt."""

    namespace: Name
    workflow_id: Name
    run_id: Name | None = None
    update_id: Name | None = None
    activity_type: Name | None = None


class Erasure(Part):
    """Private values of the record at ``seq`` that were erased."""

    seq: int = Field(ge=0)
    labels: tuple[Label, ...] = Field(min_length=1)


class Evidence(Part):
    """Something kept elsewhere, known by its digest."""

    sha256: Digest
    name: Line
    media_type: Name | None = None


class Links(Part):
    """How the record relates to other records (by record id) and to evidence."""

    corrects: Name | None = None
    supersedes: Name | None = None
    erases: tuple[Erasure, ...] = ()
    evidence: tuple[Evidence, ...] = ()


class PrivateValue(Part):
    """A personal value or free text that stays outside the leaf. ``section`` says where its commitment goes.

    ``subject_ref`` is the person it is about, whose erasure erases it.
    """

    label: Label
    value: Annotated[str, AfterValidator(_storable)] = Field(repr=False)
    section: Section
    subject_ref: Ref | None = None


class _Content(Part):
    """What a draft and a body have in common."""

    idem_key: BusinessKey
    type: RecordType
    action: Name
    outcome: Name
    occurred_at: Instant
    actor: Actor
    subject: Subject = Subject()
    reason: Reason | None = None
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    signature: Signature | None = None
    source: Source
    workflow: Workflow | None = None
    command: Name | None = None
    """What was asked for; ``action`` is what happened."""
    links: Links | None = None

    @model_validator(mode="after")
    def _signature_fits(self) -> Self:
        signature = self.signature
        if signature and signature.statement_sha256 != statement_sha256(signature.meaning, self.subject):
            raise ValueError("the signed statement is about something else than this record's subject")
        return self

    @model_validator(mode="after")
    def _anonymous_stays_anonymous(self) -> Self:
        if self.actor.kind != "anonymous":
            return self
        if self.source.worker:
            raise ValueError("an anonymous record must not name the worker")
        if self.occurred_at != coarsened(self.occurred_at):
            raise ValueError("the time of an anonymous record must be coarsened to the hour")
        if self.signature:
            raise ValueError("an anonymous record cannot be signed")
        return self

    def to_mapping(self) -> dict[str, Any]:
        """The fields as plain JSON values, without those that are not filled in."""
        return self.model_dump(exclude_none=True)


class Draft(_Content):
    """A record before it has a place in the log."""

    private: tuple[PrivateValue, ...] = ()

    @model_validator(mode="after")
    def _labels_are_unique(self) -> Self:
        labels = [one.label for one in self.private]
        if len(set(labels)) != len(labels):
            raise ValueError("two private values have the same label; give each its own")
        content = self.to_mapping()
        if any("commit" in content.get(section, ()) for section in SECTIONS):
            raise ValueError('"commit" is filled in when the record is sealed; give private values instead')
        return self


class Position(NamedTuple):
    """What the appender decides under its lock, fixed by the first successful insert."""

    log: str
    seq: int
    record_id: str
    recorded_at: datetime


class Body(_Content):
    """The body of a record as it stands in the log. Its canonical bytes are what the leaf hash covers."""

    v: Literal[2] = FORM
    log: str = Field(min_length=1, max_length=200)
    seq: int = Field(ge=0)
    record_id: Name
    recorded_at: Instant

    def to_bytes(self) -> bytes:
        """The canonical bytes.

        Raises:
            NotCanonical: ``before`` or ``after`` hold something outside the profile, or the body is too long.
        """
        return canonical_bytes(self.to_mapping())

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """The body in stored bytes.

        Raises:
            NotCanonical: the bytes are not exactly those that :meth:`to_bytes` would write.
            pydantic.ValidationError: a field is missing, unknown or malformed.
        """
        body = cls.model_validate(parse_canonical(raw))
        if body.to_bytes() != raw:
            raise NotCanonical("", "writes a value, such as a time, in another form than the ledger does")
        return body

    @property
    def position(self) -> Position:
        """What the appender decided."""
        return Position(self.log, self.seq, self.record_id, self.recorded_at)


def statement(meaning: str, subject: Subject) -> bytes:
    """What an electronic signature signs: its meaning and what it is about, so that it fits no other record."""
    return canonical_bytes({"meaning": meaning, "subject": subject.model_dump(exclude_none=True)})


def statement_sha256(meaning: str, subject: Subject) -> str:
    """The digest of :func:`statement` for ``Signature.statement_sha256``."""
    return hashlib.sha256(statement(meaning, subject)).hexdigest()


def coarsened(moment: datetime) -> datetime:
    """``moment`` at the full hour, so that it points at nobody."""
    return moment.replace(minute=0, second=0, microsecond=0)


def new_salts(draft: Draft) -> dict[str, bytes]:
    """A fresh salt for each private value of ``draft``, by label."""
    return {one.label: new_salt() for one in draft.private}


def seal(draft: Draft, position: Position, salts: Mapping[str, bytes]) -> Body:
    """The body of ``draft`` at ``position``, with a commitment to each private value.

    Raises:
        KeyError: a private value has no salt.
    """
    commitments = {one.label: commit(one.label, one.value, salts[one.label]).hex() for one in draft.private}
    return _with_commitments(draft, position, commitments)


def is_same_decision(draft: Draft, stored: Body, salts: Mapping[str, bytes]) -> bool:
    """Whether ``draft`` is a repetition of what ``stored`` recorded; if not, its key was used for something else.

    ``salts`` are the stored ones. A label without one was erased: its value cannot be compared and passes. What a retry
    may change without being another decision is left aside: the run after a workflow reset, the worker, its version.
    """
    kept = commitments_of(stored.to_mapping())
    commitments: dict[str, str] = {}
    for one in draft.private:
        if one.label in salts:
            commitments[one.label] = commit(one.label, one.value, salts[one.label]).hex()
        elif one.label in kept:
            commitments[one.label] = kept[one.label]
        else:
            return False
    again = _with_commitments(draft, stored.position, commitments)
    return lasting(again.to_mapping()) == lasting(stored.to_mapping())


def commitments_of(body: Mapping[str, Any]) -> dict[str, Any]:
    """The commitments in a parsed body, label to hexadecimal, from all its sections."""
    found: dict[str, Any] = {}
    parts = [body] if body.get("v") == FOUNDATION_FORM else [body.get(section) for section in SECTIONS]
    for part in parts:
        committed = part.get("commit") if isinstance(part, dict) else None
        if isinstance(committed, dict):
            found.update(committed)
    return found


def erasures_of(body: Mapping[str, Any]) -> list[tuple[int, str]]:
    """The private values that a parsed body says were erased: sequence number and label of each.

    Raises:
        ValueError: ``links.erases`` does not have the form of :class:`Erasure`.
    """
    links = body.get("links")
    if not isinstance(links, dict) or not links.get("erases"):
        return []
    return [(one.seq, label) for one in _ERASURES.validate_python(links["erases"]) for label in one.labels]


_ERASURES = TypeAdapter(tuple[Erasure, ...])


def columns_of(body: Mapping[str, Any]) -> dict[str, str | int | None]:
    """The query columns of a parsed body: exactly :data:`COLUMNS`, None where the body says nothing."""
    subject, actor = body.get("subject"), body.get("actor")
    about = subject if isinstance(subject, dict) else {}
    who = actor if isinstance(actor, dict) else {}
    return {
        "seq": body.get("seq"),
        "record_id": body.get("record_id"),
        "idem_key": body.get("idem_key"),
        "recorded_at": body.get("recorded_at"),
        "occurred_at": body.get("occurred_at"),
        "action": body.get("action"),
        "outcome": body.get("outcome"),
        "change_id": about.get("change" if body.get("v") == FOUNDATION_FORM else "change_id"),
        "stage": about.get("stage") or None,
        "actor_ref": who.get("ref"),
    }


def policy_of(body: Mapping[str, Any]) -> tuple[str, int, str] | None:
    """Name, version and digest of the policy that a parsed body says decided."""
    if body.get("v") == FOUNDATION_FORM:
        policy = body.get("policy")
        found = [policy.get(name) for name in ("name", "version", "sha256")] if isinstance(policy, dict) else []
    else:
        subject = body.get("subject")
        about = subject if isinstance(subject, dict) else {}
        found = [about.get(name) for name in ("policy_id", "policy_version", "policy_sha256")]
    match found:
        case [str() as name, int() as version, str() as digest]:
            return name, version, digest
        case _:
            return None


def evidence_of(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What a parsed body refers to by its digest, as it stands there."""
    links = body.get("links")
    references = links.get("evidence") if isinstance(links, dict) else None
    return [one for one in references or () if isinstance(one, dict)]


def _with_commitments(draft: Draft, position: Position, commitments: Mapping[str, str]) -> Body:
    content = draft.to_mapping()
    for one in content.pop("private"):
        content.setdefault(one["section"], {}).setdefault("commit", {})[one["label"]] = commitments[one["label"]]
    return Body.model_validate({**content, **position._asdict()})


def lasting(body: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a parsed body that every retry of a decision repeats."""
    content = {name: part for name, part in body.items() if name != "source"}
    if isinstance(workflow := content.get("workflow"), Mapping):
        content["workflow"] = {name: part for name, part in workflow.items() if name != "run_id"}
    return content
