"""Speaking anonymously, as people see it: what is promised in plain words, and a name that enough agreed to see."""

from __future__ import annotations

from sqlalchemy import Connection

from changes.anonymity import IN_WORDS
from changes.commands import Command
from changes.concerns import RaiseConcern
from changes.facts import Quorum
from changes.proposal import Submit
from policies.schema import Policy, quorum_of
from store.pseudonyms import person_behind
from store.reading import change_state
from web.looking import Look
from web.services import Services


def promise(policy: Policy) -> str:
    """Who can see what, before somebody speaks anonymously; the people who may reveal are named as the policy does."""
    reveal = policy.anonymity.reveal
    quorum: Quorum = quorum_of(reveal.quorum)
    who = " or ".join(
        entry.replace("role:", "the role ").replace("person:", "").replace("_", " ") for entry in reveal.who
    )
    number = {2: "two", 3: "three", 4: "four"}.get(max(2, quorum.count), str(max(2, quorum.count)))
    people = "all" if quorum.rule == "all" else f"at least {number}"
    return IN_WORDS.format(reveal=f"{people} of those with {who}")


def promise_for(services: Services, connection: Connection, command: type[Command], look: Look | None = None) -> str:
    """What is promised to whoever gives ``command`` anonymously; empty where that cannot be.

    Args:
        look: the change it is about; None for a submission.
    """
    try:
        policy = services.policies.bound(connection, look.change.policy if look else None)
    except LookupError:
        return ""
    rules = policy.anonymity
    begins = {Submit: rules.proposals, RaiseConcern: rules.concerns}.get(command) == "allowed"
    goes_on = look is not None and command.kind in look.may_anonymously
    return promise(policy) if begins or goes_on else ""


def revealed(connection: Connection, ref: str, pseudonym: str, viewer: str) -> str | None:
    """Who stands behind ``pseudonym``, for those who agreed once enough of them have; for nobody else."""
    change = change_state(connection, ref)
    if change is None:
        return None
    request = change.reveal_of(pseudonym)
    if not request.granted or viewer not in request.agreed:
        return None
    found = person_behind(connection, pseudonym)
    return found[0] if found and found[1] == ref else None
