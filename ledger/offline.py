"""Verify a Groundswell bundle or export without Groundswell: this one file, Python 3.11 or later, and ``cryptography``.

    python offline.py bundle.json --key "example.com/log+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"

Take the key from somewhere else than the bundle. One that was replaced, or stolen, is trusted for some sizes of the log
only: --key "VKEY -4999", "VKEY 4000-" or "VKEY 100-4999". Without a key the bundle is only checked against the key
that it brings along, which proves nothing about who made it; the exit code then is 2.

Exit codes: 0 in order, 1 tampered, 2 not verifiable (no key was given, or no key that is trusted signed the selection),
3 wrong usage.

An export of JSON Lines is given in the place of a bundle. Its lines carry the roots of what lies between them; together
they make the tree whose root the checkpoint signs.

What is checked: each record's bytes are in the tree whose root the checkpoint signs (RFC 6962, RFC 9162), each is in
the canonical form and of this log, disclosed private values fit their commitments, policy texts and evidence references
are those that the records name, no revision of the change is left out up to the last one they speak of, and nothing was
changed since the bundle was sealed. What cannot be proven is that the change has no later record, and no other refused
command; the signed seal holds the operator to the selection.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import hashlib
import hmac
import itertools
import json
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

FORMAT = "groundswell-bundle/v1"
EXPORT = "groundswell-export/v2"
OK, TAMPERED, UNVERIFIABLE, USAGE = 0, 1, 2, 3
LOG_KEY, WITNESS_KEY = 0x01, 0x04

_T = TypeVar("_T")


class Wrong(Exception):
    """Something in the bundle is not as it must be."""


class KeyUnreadable(Exception):
    """A verifier key given by the user, or brought along by the bundle, is malformed."""


@dataclass(frozen=True)
class Key:
    """A public key under its name: name+id+base64(type, key), as in c2sp.org/signed-note."""

    name: str
    identity: bytes
    kind: int
    public: bytes
    first: int = 0
    last: int | None = None
    """The sizes of the log that it is trusted for; None: without end."""

    @classmethod
    def parse(cls, text: str, kind: int) -> Key:
        """The key of this kind in a "vkey", for a log's perhaps with sizes behind it; raises KeyUnreadable."""
        vkey, _, sizes = text.strip().partition(" ")
        parts = vkey.split("+", 2)
        try:
            name, identity, material = parts[0], bytes.fromhex(parts[1]), decode(parts[2])
        except (IndexError, ValueError, Wrong):
            raise KeyUnreadable("a key must look like name+id+base64") from None
        expected = hashlib.sha256(name.encode() + b"\n" + material).digest()[:4]
        if len(material) != 33 or identity != expected:
            raise KeyUnreadable(f"the key of {shown(name)} is not an Ed25519 key, or its id does not belong to it")
        if material[0] != kind:
            wanted = "a log's" if kind == LOG_KEY else "a witness's"
            raise KeyUnreadable(f"the key of {shown(name)} is of type {material[0]:#04x}, and not {wanted}")
        asked = re.fullmatch(r"([0-9]{0,18})-([0-9]{0,18})", sizes.strip()) if kind == LOG_KEY else None
        if sizes and not asked:
            raise KeyUnreadable("behind a log's key stand sizes it is trusted for, such as 100-4999, 5000- or -4999")
        first, last = asked.groups() if asked else ("", "")
        return cls(name, identity, material[0], material[1:], int(first or 0), int(last) if last else None)

    def speaks_for(self, size: int) -> bool:
        """Whether it is trusted for a log of this size."""
        return self.first <= size and (self.last is None or size <= self.last)

    def fits(self, signature: bytes, message: bytes) -> bool:
        """Whether ``signature`` is this key's over ``message``."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True

    def __str__(self) -> str:
        """Name and id, enough to recognise the key by."""
        return f"{shown(self.name)}+{self.identity.hex()}"


@dataclass
class Verdict:
    """What was found. ``problems`` are in the order in which they were met; the first is named first."""

    problems: list[str] = field(default_factory=list)
    facts: list[str] = field(default_factory=list)
    trust: str = "none"
    """"pinned" if a key given by the user signed, "bundle" if only the bundle's own key did, else "none"."""
    sealed: bool = False
    """Whether a key that is trusted for the checkpoint signed the selection of records, too."""

    @property
    def exit_code(self) -> int:
        """0 in order, 1 tampered, 2 not verifiable: no key was given, or none that is trusted signed the selection."""
        if self.problems:
            return TAMPERED
        return OK if self.trust == "pinned" and self.sealed else UNVERIFIABLE


# --- Reading ---------------------------------------------------------------------------------------------------------


def shown(text: object) -> str:
    """Text from the bundle, made harmless for a terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in str(text))[:200]


def decode(text: str) -> bytes:
    """Base64 in its one canonical form."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Wrong("a value is not base64") from None
    if base64.b64encode(raw).decode() != text:
        raise Wrong("a value is not base64 in its canonical form")
    return raw


def get(holder: dict[str, Any], name: str, kind: type[_T]) -> _T:
    """A field that must be there and of this type."""
    value = holder.get(name)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise Wrong(f"the field {name} is missing or malformed")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise Wrong("a key appears twice in one object")
    return fields


def _refuse(_text: str) -> NoReturn:
    raise Wrong("a number is not a whole number")


def parse_json(text: str) -> dict[str, Any]:
    """A JSON object without duplicate keys and without floating-point numbers."""
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_float=_refuse, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise Wrong("it is not JSON, or nested too deeply") from None
    if not isinstance(value, dict):
        raise Wrong("it is not a JSON object")
    return value


def in_profile(value: object, depth: int = 1) -> bool:
    """Whether keys are ASCII, whole numbers within +-(2^53 - 1), and nothing deeper than 32 levels."""
    if isinstance(value, dict):
        return depth <= 32 and all(key.isascii() and in_profile(item, depth + 1) for key, item in value.items())
    if isinstance(value, list):
        return depth <= 32 and all(in_profile(item, depth + 1) for item in value)
    return not isinstance(value, int) or abs(value) < 2**53


def canonical(value: object) -> bytes:
    """The canonical JSON of a value (RFC 8785 for what :func:`in_profile` accepts)."""
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise Wrong("it holds a broken character") from None
    except RecursionError:
        raise Wrong("it is nested too deeply") from None


# --- The tree --------------------------------------------------------------------------------------------------------


def root_from(leaf: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes:
    """The root that an inclusion proof leads to from the hash of a record (RFC 9162 2.1.3.2)."""
    if not 0 <= index < size:
        raise Wrong(f"a log of {size} records has no record {index}")
    result = leaf
    position, last = index, size - 1
    for step in proof:
        if last == 0 or len(step) != 32:
            raise Wrong("the proof is too long or malformed")
        if position % 2 == 1 or position == last:
            result = hashlib.sha256(b"\x01" + step + result).digest()
            while position % 2 == 0 and position != 0:
                position, last = position // 2, last // 2
        else:
            result = hashlib.sha256(b"\x01" + result + step).digest()
        position, last = position // 2, last // 2
    if last != 0:
        raise Wrong("the proof is too short")
    return result


# --- Signed notes ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Line:
    """One signature line of a note."""

    name: str
    identity: bytes
    payload: bytes

    def is_by(self, key: Key) -> bool:
        """Whether the line claims to be by ``key``."""
        return self.name == key.name and self.identity == key.identity

    def __str__(self) -> str:
        """Who claims to have signed."""
        return f"{shown(self.name)}+{self.identity.hex()}"


def parse_note(note: str) -> tuple[str, list[Line]]:
    """Text and signature lines of a signed note (c2sp.org/signed-note)."""
    if any(letter < " " and letter != "\n" for letter in note):
        raise Wrong("the note holds a control character")
    text, blank, block = note.rpartition("\n\n")
    if not blank or not block.endswith("\n") or block.count("\n") > 16:
        raise Wrong("the note is malformed")
    lines = []
    for line in block[:-1].split("\n"):
        match = re.fullmatch(r"\u2014 ([^\s+]+) ([A-Za-z0-9+/=]+)", line)
        if match is None:
            raise Wrong("a signature line is malformed")
        blob = decode(match[2])
        if len(blob) < 5:
            raise Wrong("a signature line is too short")
        lines.append(Line(match[1], blob[:4], blob[4:]))
    return text + "\n", lines


def signers_of(text: str, lines: Iterable[Line], keys: Sequence[Key]) -> list[Key]:
    """The keys that signed; a line by a known key that does not fit spoils the note."""
    found = []
    for line in lines:
        for key in keys:
            if key.kind == LOG_KEY and line.is_by(key):
                if not key.fits(line.payload, text.encode()):
                    raise Wrong(f"the signature by {key} does not fit the text")
                found.append(key)
    return found


def witnessed_by(text: str, lines: Iterable[Line], witnesses: Sequence[Key]) -> list[tuple[Key, int]]:
    """The known witnesses that cosigned, and when, in seconds since 1970 (c2sp.org/tlog-cosignature, Ed25519)."""
    found = []
    for line in lines:
        for key in witnesses:
            if key.kind == WITNESS_KEY and line.is_by(key):
                time = int.from_bytes(line.payload[:8], "big")
                message = f"cosignature/v1\ntime {time}\n{text}".encode()
                if not key.fits(line.payload[8:], message):
                    raise Wrong(f"the cosignature by {key} does not fit the checkpoint")
                found.append((key, time))
    return found


# --- The parts of a bundle -------------------------------------------------------------------------------------------


def read_checkpoint(text: str, origin: str) -> tuple[int, bytes]:
    """Size and root that a checkpoint states."""
    lines = text.split("\n")
    if len(lines) < 4 or lines[-1] or not all(lines[:-1]) or not re.fullmatch(r"0|[1-9][0-9]{0,18}", lines[1]):
        raise Wrong("the checkpoint is malformed")
    if lines[0] != origin:
        raise Wrong(f"the checkpoint is of the log {shown(lines[0])}, the bundle says {shown(origin)}")
    root = decode(lines[2])
    if len(root) != 32:
        raise Wrong("the checkpoint's root is malformed")
    return int(lines[1]), root


def check_signatures(bundle: dict[str, Any], keys: Sequence[Key], witnesses: Sequence[Key], verdict: Verdict) -> None:
    """Who signed the checkpoint, and which trust follows from that."""
    text, lines = parse_note(get(bundle, "checkpoint", str))
    size, _ = read_checkpoint(text, get(bundle, "origin", str))
    if keys:
        signed = signers_of(text, lines, [key for key in keys if key.speaks_for(size)])
        if not signed:
            claimed = ", ".join(str(line) for line in lines)
            which = "" if all(key.speaks_for(size) for key in keys) else f" for a log of {size} records"
            raise Wrong(f"the checkpoint is not signed by the key you gave{which}; it claims to be signed by {claimed}")
        verdict.trust = "pinned"
        verdict.facts.append(f"Trust: the checkpoint is signed by {signed[0]}, a key that you gave.")
    else:
        signed = signers_of(text, lines, bundled_keys(bundle))
        if not signed:
            raise Wrong("the checkpoint is not signed by any key, not even one that the bundle brings along")
        verdict.trust = "bundle"
        verdict.facts.append(
            f"Trust: NONE. The checkpoint is signed by {signed[0]}, but that key comes from the bundle itself, and "
            "whoever made the bundle could have put any key there. Obtain the log's key elsewhere; give it with --key."
        )
    for key, time in witnessed_by(text, lines, witnesses):
        verdict.facts.append(f"Witness: {key} saw the checkpoint at {moment(time)}.")
    if witnesses and not witnessed_by(text, lines, witnesses):
        raise Wrong("none of the witnesses you named cosigned the checkpoint")


def bundled_keys(bundle: dict[str, Any]) -> list[Key]:
    """The keys that the bundle brings along, to be trusted by nobody."""
    keys = get(get(bundle, "keys", dict), "vkeys", list)
    try:
        return [Key.parse(one, LOG_KEY) for one in keys if isinstance(one, str)]
    except KeyUnreadable as error:
        raise Wrong(f"a key in the bundle is malformed: {error}") from None


def check_seal(bundle: dict[str, Any], keys: Sequence[Key], verdict: Verdict) -> None:
    """Nothing was changed since the bundle was made, and who vouches for its selection.

    The seal is over the checkpoint, too, and with it over the size that a key has to be trusted for.
    """
    seal = get(bundle, "seal", dict)
    digest = hashlib.sha256(canonical({name: part for name, part in bundle.items() if name != "seal"})).hexdigest()
    if get(seal, "sha256", str) != digest:
        raise Wrong("something in the bundle was changed after it was sealed")
    if seal.get("note") is None:
        verdict.facts.append("Seal: NOT signed. Each record is proven, but nobody vouches that none was left out.")
        return
    text, lines = parse_note(get(seal, "note", str))
    if text != f"{FORMAT}\n{digest}\n":
        raise Wrong("the seal's note is about another bundle")
    if keys:
        size, _ = read_checkpoint(parse_note(get(bundle, "checkpoint", str))[0], get(bundle, "origin", str))
        signed = signers_of(text, lines, [key for key in keys if key.speaks_for(size)])
        if not signed:
            claimed = ", ".join(str(line) for line in lines)
            verdict.facts.append(
                f"Seal: NOT by a key that you gave, for a log of {size} records; it claims to be by {claimed}. Each "
                "record is proven, but nobody you trust vouches that none was left out."
            )
            return
    else:
        signed = signers_of(text, lines, bundled_keys(bundle))
        if not signed:
            raise Wrong("the seal is not signed by the same key as the checkpoint")
    verdict.sealed = True
    verdict.facts.append(f"Seal: {signed[0]} signed this selection of records.")


def check_place(entry: dict[str, Any], size: int, root: bytes) -> None:
    """The record with this hash is in the tree at its place."""
    leaf = get(entry, "leaf_hash", str)
    if not re.fullmatch(r"[0-9a-f]{64}", leaf):
        raise Wrong("its leaf hash is malformed")
    proof = [decode(step) if isinstance(step, str) else b"" for step in get(entry, "proof", list)]
    if root_from(bytes.fromhex(leaf), get(entry, "seq", int), size, proof) != root:
        raise Wrong("it is not in the log: its proof leads to another root")


def is_withheld(entry: dict[str, Any]) -> bool:
    """Whether only the hash of the record is there; then there is nothing else of it, and a sentence says why."""
    if "withheld" not in entry:
        return False
    if not get(entry, "withheld", str) or entry.keys() - {"seq", "leaf_hash", "proof", "withheld"}:
        raise Wrong("it is said to be withheld, and is not, or not said why")
    return True


def check_record(entry: dict[str, Any], origin: str, size: int, root: bytes) -> dict[str, Any]:
    """One record: its bytes, its place in the tree, its form. Gives the parsed body."""
    raw = get(entry, "body", str).encode() if "body" in entry else decode(get(entry, "body_base64", str))
    seq = get(entry, "seq", int)
    if get(entry, "leaf_hash", str) != hashlib.sha256(b"\x00" + raw).hexdigest():
        raise Wrong("its leaf hash is not the hash of its bytes")
    check_place(entry, size, root)
    try:
        body = parse_json(raw.decode())
    except UnicodeDecodeError:
        raise Wrong("its bytes are not UTF-8") from None
    if canonical(body) != raw or not in_profile(body):
        raise Wrong("its bytes are not in canonical form")
    # The first records ever written, form 1, do not name their log.
    if body.get("seq") != seq or (body.get("log") != origin and body.get("v") != 1):
        raise Wrong("it speaks of another place or another log")
    check_private(entry, body)
    return body


def check_private(entry: dict[str, Any], body: dict[str, Any]) -> None:
    """The disclosed private values fit the commitments in the leaf."""
    commitments = commitments_of(body)
    for value in get(entry, "private", list):
        if not isinstance(value, dict):
            raise Wrong("a private value is malformed")
        label, salt, text = get(value, "label", str), decode(get(value, "salt", str)), get(value, "value", str)
        expected = hmac.new(salt, label.encode() + b"\0" + text.encode(), hashlib.sha256).hexdigest()
        if len(salt) != 32 or commitments.get(label) != expected:
            raise Wrong(f"the private value {shown(label)} is not the one that was recorded")


def commitments_of(body: dict[str, Any]) -> dict[str, Any]:
    """The commitments in a body, by label."""
    found: dict[str, Any] = {}
    sections = [body.get(section) for section in ("actor", "reason", "before", "after")]
    for part in [body] if body.get("v") == 1 else sections:
        if isinstance(part, dict) and isinstance(part.get("commit"), dict):
            found.update(part["commit"])
    return found


def check_policies(bundle: dict[str, Any], bodies: Sequence[dict[str, Any]]) -> None:
    """Each policy text is the one, by its digest, that a record says decided or was put forward."""
    decided = [policy_of(body) for body in bodies]
    put_forward = [[one.get("sha256"), one.get("name")] for body in bodies for one in references_of(body)]
    for policy in get(bundle, "policies", list):
        if not isinstance(policy, dict):
            raise Wrong("a policy is malformed")
        text, digest = get(policy, "text", str), get(policy, "sha256", str)
        if hashlib.sha256(text.encode()).hexdigest() != digest:
            raise Wrong(f"the text of the policy {shown(policy.get('policy_id'))} is not the one with that digest")
        name, version = policy.get("policy_id"), policy.get("version")
        if [digest, name, version] not in decided and [digest, f"policy {name} {version}"] not in put_forward:
            raise Wrong(f"no record says that the policy {shown(name)} decided or was put forward")


def policy_of(body: dict[str, Any]) -> list[Any]:
    """Digest, name and version of the policy that a body names."""
    about = body.get("policy" if body.get("v") == 1 else "subject")
    names = ("sha256", "name", "version") if body.get("v") == 1 else ("policy_sha256", "policy_id", "policy_version")
    return [about.get(name) for name in names] if isinstance(about, dict) else []


def check_evidence(bundle: dict[str, Any], bodies: Sequence[dict[str, Any]]) -> None:
    """The list of evidence is the one in the records."""
    expected = [{"seq": body.get("seq"), **reference} for body in bodies for reference in references_of(body)]
    if get(bundle, "evidence", list) != expected:
        raise Wrong("the list of evidence is not the one in the records")


def references_of(body: dict[str, Any]) -> list[dict[str, Any]]:
    """What a body refers to by its digest."""
    links = body.get("links")
    references = links.get("evidence") if isinstance(links, dict) else None
    return [one for one in references if isinstance(one, dict)] if isinstance(references, list) else []


def check_records(bundle: dict[str, Any], verdict: Verdict) -> list[dict[str, Any]]:
    """All records; gives the bodies of those in order."""
    origin = get(bundle, "origin", str)
    text, _ = parse_note(get(bundle, "checkpoint", str))
    size, root = read_checkpoint(text, origin)
    entries = get(bundle, "records", list)
    bodies, withheld, numbers = [], [], []
    for entry in entries:
        seq = entry.get("seq") if isinstance(entry, dict) else "?"
        try:
            if not isinstance(entry, dict):
                raise Wrong("it is malformed")
            if is_withheld(entry):
                check_place(entry, size, root)
                withheld.append(entry["withheld"])
            else:
                bodies.append(check_record(entry, origin, size, root))
            numbers.append(entry["seq"])
        except Wrong as error:
            verdict.problems.append(f"record {shown(seq)}: {error}")
    if numbers != sorted(set(numbers)):
        verdict.problems.append("records are out of order or there twice")
    if get(bundle, "count", int) != len(entries):
        verdict.problems.append(f"the bundle says {bundle['count']} records, {len(entries)} are there")
    verdict.facts.append(
        f"Records: {len(numbers)} of the log {shown(origin)}, each proven to be in the tree of size {size} that the "
        "checkpoint states."
    )
    if withheld:
        verdict.facts.append(
            f"Withheld: {len(withheld)} of them. Their hashes are in the tree; whether they are about this change, and "
            "what they say, the seal alone vouches for."
        )
        verdict.facts += [f"  why: {shown(reason)}" for reason in dict.fromkeys(withheld)]
    return bodies


def check_revisions(bundle: dict[str, Any], bodies: Sequence[dict[str, Any]]) -> None:
    """Each revision of the change, up to the last one that a record speaks of, was made by a record that is there."""
    found = [(revision_of(body), body.get("outcome") == "applied") for body in bodies]
    made = {revision for revision, applied in found if applied}
    last = max((revision for revision, _ in found), default=0)
    unread = len(get(bundle, "records", list)) - len(bodies)
    if last - len(made - {0}) > unread:
        first = next(number for number in itertools.count(1) if number not in made)
        raise Wrong(f"a record was left out: none is there of revision {first}, and others speak of {last}")


def revision_of(body: dict[str, Any]) -> int:
    """The revision of its change that a body speaks of, 0 if of none."""
    subject = body.get("subject")
    found = subject.get("version" if body.get("v") == 1 else "revision") if isinstance(subject, dict) else None
    return found if type(found) is int and found > 0 else 0


def verify_bundle(bundle: dict[str, Any], keys: Sequence[Key] = (), witnesses: Sequence[Key] = ()) -> Verdict:
    """Verify a parsed bundle against the keys that are trusted."""
    verdict = Verdict()
    bodies: list[dict[str, Any]] = []
    if bundle.get("format") != FORMAT:
        verdict.problems.append(f"this is not a bundle in the format {FORMAT}")
        return verdict
    try:
        canonical(bundle)
    except Wrong as error:
        verdict.problems.append(str(error))
        return verdict
    try:
        bodies = check_records(bundle, verdict)
    except Wrong as error:
        verdict.problems.append(str(error))
    checks: tuple[Callable[[], None], ...] = (
        lambda: check_signatures(bundle, keys, witnesses, verdict),
        lambda: check_policies(bundle, bodies),
        lambda: check_evidence(bundle, bodies),
        lambda: check_revisions(bundle, bodies),
        lambda: check_seal(bundle, keys, verdict),
    )
    for check in checks:
        try:
            check()
        except Wrong as error:
            verdict.problems.append(str(error))
    verdict.facts += [describe(body, bundle.get("change")) for body in bodies]
    return verdict


# --- An export -------------------------------------------------------------------------------------------------------


class Tree:
    """A tree that grows at the right, known by the roots of its complete subtrees, the largest first (RFC 6962 2.1)."""

    def __init__(self) -> None:
        self.size = 0
        self.roots: list[bytes] = []

    def add(self, root: bytes, level: int = 0) -> None:
        """Add 2**level leaves at once, known by the root over them."""
        if len(root) != 32:
            raise Wrong("a hash does not have 32 bytes")
        carry = self.size >> level
        while carry & 1:
            root = hashlib.sha256(b"\x01" + self.roots.pop() + root).digest()
            carry >>= 1
        self.roots.append(root)
        self.size += 1 << level

    def pass_over(self, stop: int, roots: Iterable[bytes]) -> None:
        """Grow up to ``stop`` leaves by the roots of the fewest complete subtrees that lie between."""
        given = iter(roots)
        while self.size < stop:
            level = (stop - self.size).bit_length() - 1
            if self.size:
                level = min(level, (self.size & -self.size).bit_length() - 1)
            root = next(given, None)
            if root is None:
                raise Wrong(f"hashes are missing that lead to record {stop}")
            self.add(root, level)
        if next(given, None) is not None:
            raise Wrong(f"more hashes are there than lead to record {stop}")

    def root(self) -> bytes:
        """The root over all leaves."""
        if not self.roots:
            return hashlib.sha256(b"").digest()
        root = self.roots[-1]
        for left in self.roots[-2::-1]:
            root = hashlib.sha256(b"\x01" + left + root).digest()
        return root


def verify_export(lines: Iterable[str], keys: Sequence[Key] = (), witnesses: Sequence[Key] = ()) -> Verdict:
    """Verify an export of JSON Lines, line by line, against the keys that are trusted."""
    verdict, number = Verdict(), 0
    digest, tree, found = hashlib.sha256(), Tree(), iter(lines)
    count = withheld = 0
    try:
        number, first = 1, next(found, "")
        head = parse_json(first)
        note, origin = get(head, "checkpoint", str), get(head, "log", str)
        size, root = read_checkpoint(parse_note(note)[0], origin)
        trusted = [key for key in keys if key.speaks_for(size)]
        trust_in_export(note, trusted, witnesses, verdict)
        digest.update(encoded(first))
        for line in found:
            number += 1
            content = parse_json(line)
            roots = [decode(one) if isinstance(one, str) else b"" for one in passed_over_in(content)]
            if "count" in content:
                if get(content, "count", int) != count or get(content, "sha256", str) != digest.hexdigest():
                    raise Wrong("a line was changed, taken out, put in or moved since the export was made")
                tree.pass_over(size, roots)
                if tree.root() != root:
                    raise Wrong(f"these are not the records of the tree of size {size} that was signed")
                check_seal_of_export(content, f"{EXPORT}\n{count}\n{digest.hexdigest()}\n", trusted, verdict)
                break
            seq = get(content, "seq", int)
            if not tree.size <= seq < size:
                raise Wrong(f"record {seq} is out of order, or newer than the checkpoint")
            tree.pass_over(seq, roots)
            tree.add(leaf_in(content, seq, origin))
            digest.update(encoded(line))
            count, withheld = count + 1, withheld + (content.get("body") is None)
        else:
            raise Wrong("the export ends without its last line; it was cut off")
    except Wrong as error:
        verdict.problems.append(f"line {number}: {error}")
        return verdict
    whole = " It is the whole log up to that size: nothing is left out." if count == size else ""
    proven = f"each proven to be in the tree of size {size} that the checkpoint states"
    verdict.facts.append(f"Records: {count} of the log {shown(origin)}, {proven}.{whole}")
    if withheld:
        verdict.facts.append(f"Withheld: of {withheld} of them only the hash is there; their place is proven, no more.")
    return verdict


def passed_over_in(content: dict[str, Any]) -> list[Any]:
    """The roots of what lies between a line and the one before it."""
    return get(content, "passed_over", list) if "passed_over" in content else []


def leaf_in(content: dict[str, Any], seq: int, origin: str) -> bytes:
    """The hash of a record in an export: of its bytes, or as it stands there where these are withheld."""
    stated = get(content, "leaf_hash", str)
    reason = content.get("withheld")
    if content.get("body") is None and isinstance(reason, str) and reason and not content.get("private"):
        if not re.fullmatch("[0-9a-f]{64}", stated):
            raise Wrong(f"the hash of record {seq} is malformed")
        return bytes.fromhex(stated)
    raw = encoded(get(content, "body", str))
    leaf = hashlib.sha256(b"\x00" + raw).digest()
    if leaf.hex() != stated:
        raise Wrong(f"the leaf hash of record {seq} is not the hash of its bytes")
    body = parse_json(raw.decode())
    if canonical(body) != raw or not in_profile(body):
        raise Wrong(f"the bytes of record {seq} are not in canonical form")
    if body.get("seq") != seq or (body.get("log") != origin and body.get("v") != 1):
        raise Wrong(f"record {seq} speaks of another place or another log")
    check_private(content, body)
    return leaf


def encoded(text: str) -> bytes:
    """The bytes of a line, or of a record in it."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise Wrong("it holds a broken character") from None


def trust_in_export(note: str, trusted: Sequence[Key], witnesses: Sequence[Key], verdict: Verdict) -> None:
    """Who of the trusted keys signed the checkpoint of an export, and which witnesses saw it."""
    text, lines = parse_note(note)
    signed = signers_of(text, lines, trusted)
    if signed:
        verdict.trust = "pinned"
        verdict.facts.append(f"Trust: the checkpoint is signed by {signed[0]}, a key that you gave.")
    else:
        claimed = ", ".join(str(line) for line in lines)
        verdict.facts.append(f"Trust: NONE. The checkpoint claims to be signed by {claimed}; give that key with --key.")
    seen = witnessed_by(text, lines, witnesses)
    if witnesses and not seen:
        raise Wrong("none of the witnesses you named cosigned the checkpoint")
    verdict.facts += [f"Witness: {key} saw the checkpoint at {moment(time)}." for key, time in seen]


def check_seal_of_export(content: dict[str, Any], statement: str, trusted: Sequence[Key], verdict: Verdict) -> None:
    """Who vouches for the selection of an export."""
    if content.get("seal") is None:
        verdict.facts.append("Seal: NOT signed. Each record is proven, but nobody vouches that none was left out.")
        return
    text, lines = parse_note(get(content, "seal", str))
    if text != statement:
        raise Wrong("the seal is that of another export")
    signed = signers_of(text, lines, trusted)
    verdict.sealed = bool(signed)
    by = f"{signed[0]} signed this selection of records" if signed else "NOT by a key that you gave"
    verdict.facts.append(f"Seal: {by}.")


# --- Telling ---------------------------------------------------------------------------------------------------------


def moment(timestamp: int) -> str:
    """Seconds since 1970 as a date and time."""
    try:
        return datetime.fromtimestamp(timestamp, UTC).isoformat()
    except (OverflowError, ValueError, OSError):
        return f"{timestamp} seconds after 1970"


def describe(body: dict[str, Any], change: object) -> str:
    """One record in one line."""
    subject = body.get("subject")
    about = (subject.get("change_id") or subject.get("change")) if isinstance(subject, dict) else None
    other = "" if about == change else f" (about {shown(about)}, not {shown(change)})"
    names = ("recorded_at", "action", "outcome")
    return shown(f"  {body.get('seq')}  " + "  ".join(str(body.get(name)) for name in names)) + other


def tell(verdict: Verdict) -> list[str]:
    """The verdict in sentences, the most important one first."""
    headline = {
        OK: "IN ORDER.",
        TAMPERED: f"TAMPERED. First: {verdict.problems[0] if verdict.problems else ''}",
        UNVERIFIABLE: "NOT VERIFIABLE: consistent in itself, but see what the trust and the seal below are worth.",
    }[verdict.exit_code]
    return [headline, *(f"  wrong: {problem}" for problem in verdict.problems), *verdict.facts]


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Leave with the exit code for wrong usage."""
        self.print_usage(sys.stderr)
        self.exit(USAGE, f"{self.prog}: {message}\n")


def verify_file(lines: Iterable[str], keys: Sequence[Key], witnesses: Sequence[Key]) -> Verdict:
    """Verify what is in a file: an export, which is told by its first line, or else a bundle."""
    found = iter(lines)
    first = next(found, "")
    if first.startswith(f'{{"format":"{EXPORT}"'):
        return verify_export(itertools.chain([first], found), keys, witnesses)
    if first.startswith('{"format":"groundswell-export/'):
        problem = f"this is an export of another form than {EXPORT}, which proves no record; take it out again"
        return Verdict(problems=[problem])
    try:
        return verify_bundle(parse_json(encoded(first + "".join(found)).decode()), keys, witnesses)
    except Wrong as error:
        return Verdict(problems=[f"the file is not a readable bundle: {error}"])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the result is the exit code."""
    parser = _Parser(
        description="Verify a Groundswell bundle or export.",
        epilog="Exit codes: 0 in order, 1 tampered, 2 not verifiable, 3 usage.",
    )
    parser.add_argument("bundle", type=Path, help="the bundle, a JSON file, or an export as JSON Lines")
    parser.add_argument(
        "--key",
        action="append",
        default=[],
        metavar="KEY",
        help="a public key of the log that you trust; for some sizes only: 'VKEY -4999', 'VKEY 4000-'",
    )
    parser.add_argument(
        "--witness", action="append", default=[], metavar="VKEY", help="a witness that must have cosigned"
    )
    parser.add_argument("--json", action="store_true", help="print the verdict as JSON")
    chosen = parser.parse_args(arguments)
    try:
        keys = [Key.parse(one, LOG_KEY) for one in chosen.key]
        witnesses = [Key.parse(one, WITNESS_KEY) for one in chosen.witness]
        with chosen.bundle.open(encoding="utf-8", errors="surrogateescape", newline="\n") as lines:
            verdict = verify_file(lines, keys, witnesses)
    except OSError as error:
        parser.error(f"{chosen.bundle} cannot be read: {error.strerror}")
    except KeyUnreadable as error:
        parser.error(str(error))
    if chosen.json:
        summary = {"exit_code": verdict.exit_code, "trust": verdict.trust}
        print(json.dumps({**summary, "problems": verdict.problems, "facts": verdict.facts}))
    else:
        print("\n".join(tell(verdict)))
    return verdict.exit_code


if __name__ == "__main__":
    sys.exit(main())
