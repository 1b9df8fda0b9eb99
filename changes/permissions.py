"""Who may read and do everything that is no command on a change. Default deny, with a reason in plain words.

A command is decided by its rule (:mod:`changes.rules`), and what of a change somebody sees by :mod:`changes.sight`.
Everything else is here: pages, API and activities ask :func:`may` and nobody decides for themselves. Pure. An operation
without an entry in :data:`RULES` is refused to everybody. Sources: product.md, "Who uses it"; reference/web.md 2.1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from changes.values import enumerated

EMPLOYEE, MANAGER, EXECUTIVE, AUDITOR = "employee", "manager", "executive", "auditor"
STEWARD, ADMINISTRATOR, OMBUDS = "steward", "administrator", "ombuds"


class Operation(StrEnum):
    """Something that can be read or done. Its value is what the OpenAPI document calls it."""

    OPEN = "open"
    """For anybody, signed in or not: health checks, signing in and out, files of the pages."""
    READ_CHANGES = "read_changes"
    """Lists of changes, a change, its trail, the lessons."""
    GIVE_COMMANDS = "give_commands"
    """Send a command; its own rule decides."""
    REPORT = "report"
    """Send a reading of a guard or the result of a test; its own rule decides. Systems may do this."""
    READ_OWN = "read_own"
    """What waits for oneself, and one's own settings, sessions and tokens."""
    CHANGE_OWN = "change_own"
    """One's own settings, drafts and what one follows."""
    CHANGE_OWN_ACCESS = "change_own_access"
    """One's own tokens and sessions."""
    READ_DIRECTORY = "read_directory"
    """Colleagues, teams and processes."""
    READ_POLICY = "read_policy"
    """The policy in force, its versions and what it would do."""
    TRY_POLICY = "try_policy"
    """Try a candidate against past changes."""
    PUBLISH_POLICY = "publish_policy"
    """Bring a policy into force, which is a change with a route of its own."""
    READ_OVERVIEW = "read_overview"
    """What moves, what is stuck and with whom, over all changes."""
    READ_AUDIT = "read_audit"
    """Search the trail of all changes, by person too."""
    EXPORT_AUDIT = "export_audit"
    """Take the trail, or a signed bundle, out of Groundswell."""
    VERIFY_LEDGER = "verify_ledger"
    """Heads, checkpoints and proofs: enough to verify, nothing that anybody wrote."""
    READ_SYSTEM = "read_system"
    """Which parts answer, what waits to leave, which versions run."""
    MANAGE_SERVICES = "manage_services"
    """Tokens of systems that report metrics and results."""
    MANAGE_WEBHOOKS = "manage_webhooks"
    """Where events are sent, and what became of each."""
    MANAGE_SESSIONS = "manage_sessions"
    """End somebody else's sessions and tokens."""
    LOAD_DIRECTORY = "load_directory"
    """Bring people, teams and processes up to date."""
    ERASE_WORDS = "erase_words"
    """Erase what a person wrote, where the law asks for it."""
    DEMONSTRATE = "demonstrate"
    """The demonstration's controls: act as another persona, move time forward, read caught mail."""


class Scope(StrEnum):
    """What a token may be used for. A session may be used for everything its person may do."""

    READ = "read"
    ACT = "act"
    REPORT = "report"
    ACCOUNT = "account"
    ADMINISTER = "administer"


EVERY_SCOPE = frozenset(Scope)


@dataclass(frozen=True)
class Actor:
    """Who asks."""

    ref: str
    roles: frozenset[str] = frozenset()
    """Given and implied roles: ``employee`` for everybody, ``manager`` for whoever leads people."""
    active: bool = True
    scopes: frozenset[Scope] = EVERY_SCOPE
    """What their token allows; everything for a session."""
    service: str = ""
    """The system that asks with a token of its own, on this person's behalf; empty for the person themselves."""


@dataclass(frozen=True)
class Thing:
    """What the operation is about, where that matters."""

    owner: str
    """The person it belongs to."""


@dataclass(frozen=True)
class Verdict:
    """The answer."""

    allowed: bool
    reason: str = ""
    """Why not, as a sentence for the person who asked."""
    hidden: bool = False
    """Not even that the thing exists may be known: answer as if it did not."""


YES = Verdict(True)
Rule = Callable[[Actor, Thing | None], Verdict]


def may(actor: Actor | None, operation: Operation, thing: Thing | None = None) -> Verdict:
    """Whether ``actor`` may do ``operation``, to ``thing`` where it is about one; None is nobody signed in."""
    if operation is Operation.OPEN:
        return YES
    if actor is None:
        return Verdict(False, "Please sign in first.")
    if not actor.active:
        return Verdict(False, "Your account is not active any more, so you cannot act in Groundswell.")
    if operation not in RULES:
        return Verdict(False, "Nobody is allowed to do this.")
    scopes, rule = RULES[operation]
    if not scopes & actor.scopes:
        needed = " or ".join(f"“{scope}”" for scope in sorted(scopes))
        return Verdict(False, f"This token cannot be used for that. It would need the scope {needed}.")
    return rule(actor, thing)


def _everybody(actor: Actor, thing: Thing | None) -> Verdict:
    """Every person; a system sees nothing beyond what its token is for."""
    if actor.service:
        return Verdict(False, "A system's token is for sending readings and results only.")
    return YES


def _anybody_or_a_system(actor: Actor, thing: Thing | None) -> Verdict:
    return YES


def _oneself(actor: Actor, thing: Thing | None) -> Verdict:
    if thing is not None and thing.owner != actor.ref:
        return Verdict(False, "This belongs to somebody else.", hidden=True)
    return _everybody(actor, thing)


def _role(*roles: str) -> Rule:
    def rule(actor: Actor, thing: Thing | None) -> Verdict:
        if actor.service or not actor.roles & set(roles):
            return Verdict(
                False,
                f"This is for {enumerated(_PLURALS[role] for role in roles)}. Ask one of them, or your administrator.",
            )
        return YES

    return rule


_PLURALS = {
    MANAGER: "people who lead others",
    EXECUTIVE: "executives",
    AUDITOR: "auditors",
    STEWARD: "stewards of the policy",
    ADMINISTRATOR: "administrators",
    OMBUDS: "ombuds people",
}


_READ = frozenset({Scope.READ, Scope.ACT})
_ACT = frozenset({Scope.ACT})
_ADMINISTER = frozenset({Scope.ADMINISTER})

RULES: Mapping[Operation, tuple[frozenset[Scope], Rule]] = MappingProxyType(
    {
        Operation.READ_CHANGES: (_READ, _everybody),
        Operation.GIVE_COMMANDS: (_ACT, _everybody),
        Operation.REPORT: (frozenset({Scope.ACT, Scope.REPORT}), _anybody_or_a_system),
        Operation.READ_OWN: (_READ | {Scope.ACCOUNT}, _oneself),
        Operation.CHANGE_OWN: (_ACT, _oneself),
        Operation.CHANGE_OWN_ACCESS: (frozenset({Scope.ACCOUNT}), _oneself),
        Operation.READ_DIRECTORY: (_READ, _everybody),
        Operation.READ_POLICY: (_READ, _everybody),
        Operation.TRY_POLICY: (_READ, _role(STEWARD, EXECUTIVE, AUDITOR)),
        Operation.PUBLISH_POLICY: (_ACT, _role(STEWARD)),
        Operation.READ_OVERVIEW: (_READ, _role(EXECUTIVE, MANAGER, STEWARD, AUDITOR)),
        Operation.READ_AUDIT: (_READ, _role(AUDITOR, EXECUTIVE, OMBUDS)),
        Operation.EXPORT_AUDIT: (_READ, _role(AUDITOR, EXECUTIVE)),
        Operation.VERIFY_LEDGER: (_READ, _everybody),
        Operation.READ_SYSTEM: (_READ, _role(ADMINISTRATOR, AUDITOR)),
        Operation.MANAGE_SERVICES: (_ADMINISTER, _role(ADMINISTRATOR)),
        Operation.MANAGE_WEBHOOKS: (_ADMINISTER, _role(ADMINISTRATOR)),
        Operation.MANAGE_SESSIONS: (_ADMINISTER, _role(ADMINISTRATOR)),
        Operation.LOAD_DIRECTORY: (_ADMINISTER, _role(ADMINISTRATOR)),
        Operation.ERASE_WORDS: (_ADMINISTER, _role(ADMINISTRATOR)),
        Operation.DEMONSTRATE: (_ACT, _everybody),
    }
)
"""For each operation: the scopes of which a token needs one, and who may."""
