"""What pages and API do with policies: try one out, check one in and put it forward, find what is proven."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel, Field
from sqlalchemy import Connection

from changes.instruction import Via
from changes.proposal import Submit
from changes.values import Line, ProcessRef, Text
from directory.model import Directory
from policies.comparison import difference
from policies.document import LARGEST
from policies.lint import Finding, check
from policies.loader import PolicyError, parse_policy, place_in
from policies.proven import Proven, proven
from policies.replay import PastChange, Replay, replay
from policies.schema import Policy
from policies.working_time import working_time
from store.policies import changes_on_record, published_text, put_candidate, verdicts_on_record
from web.commanding import Given, give
from web.services import Services

TEXT_NAME = "policy"
"""What a policy that came without a file is called in its problems."""


MOST_NAMED = 12
"""Changes that are named as evidence; of more, the latest."""


class PolicyText(BaseModel):
    """A policy as text."""

    text: str = Field(max_length=LARGEST, description="The whole policy, in YAML")


class PolicyProposal(PolicyText):
    """A policy to put forward, and why."""

    title: Line = Field(description="A name people will recognise")
    problem: Text = Field(description="What did you see?")
    suggestion: Text = Field(description="What does the new version do about it?")
    process: ProcessRef = Field(description="The process it is mainly about")


class Noted(BaseModel):
    """Something found in a policy that can be read."""

    severity: str
    """``error``: some change would be stuck. ``warning``: probably not meant. ``note``: worth knowing."""
    path: str
    line: int
    """In which line of the text that stands, counted from 1."""
    message: str


class TriedOut(BaseModel):
    """What would happen under a policy; nothing but problems where it cannot be read."""

    problems: tuple[str, ...] = ()
    """Why it cannot be read, with line and column."""
    found: tuple[Noted, ...] = ()
    differences: tuple[str, ...] = ()
    """What is different from the policy in force, setting by setting."""
    replay: Replay | None = None

    @property
    def could_be_put_forward(self) -> bool:
        """Whether it can be read, and nothing would get stuck."""
        return self.replay is not None and not any(one.severity == "error" for one in self.found)


def try_out(services: Services, connection: Connection, text: str) -> TriedOut:
    """Check a policy, hold it against the one in force, and replay the changes on record.

    Raises:
        LookupError: no policy is in force.
    """
    try:
        candidate = parse_policy(text, TEXT_NAME)
    except PolicyError as error:
        return TriedOut(problems=tuple(str(problem) for problem in error.problems))
    in_force, directory = services.policies.bound(connection, None), services.authority.directory(connection)
    now = services.clock()
    found = check(candidate, directory, working_time(in_force.time).today(now))
    past = (PastChange.of(change) for change in changes_on_record(connection))
    return TriedOut(
        found=tuple(_noted(one, text) for one in found),
        differences=tuple(str(one) for one in difference(in_force, candidate)),
        replay=replay(in_force, candidate, directory, past, now),
    )


def _noted(found: Finding, text: str) -> Noted:
    line = place_in(text, found.path).line
    return Noted(severity=found.severity, path=found.path, line=line, message=found.message)


async def put_forward(services: Services, proposal: PolicyProposal, *, by: str, via: Via, key: str) -> Given:
    """Check the text in and file the change that puts it forward. Its own rule decides whether ``by`` may.

    Raises:
        PolicyError: it cannot be read.
        temporal.gateway.NotNow: it could not be decided in time; the same key may be sent again.
    """
    policy = parse_policy(proposal.text, TEXT_NAME)

    def check_in(connection: Connection) -> Directory:
        put_candidate(connection, policy, proposal.text, by, services.clock())
        return services.authority.directory(connection)

    command = _submission(await services.write(check_in), policy, proposal)
    return await give(services, command, change=None, key=key, actor=by, via=via)


def _submission(directory: Directory, policy: Policy, proposal: PolicyProposal) -> Submit:
    """It concerns everybody: the teams at the top of the organisation, with all who belong to them."""
    top = tuple(team.ref for team in directory.teams.values() if team.parent is None)[:50]
    everybody = sum(person.active for person in directory.people.values())
    return Submit(
        title=proposal.title,
        process=proposal.process,
        problem=proposal.problem,
        suggestion=proposal.suggestion,
        affected_teams=top,
        people_affected=max(everybody, 1),
        policy=policy.sha256,
    )


@dataclass(frozen=True)
class Suggestion:
    """A process that could be authorised beforehand."""

    proven: Proven
    name: str


def suggestions(services: Services, connection: Connection) -> tuple[Suggestion, ...]:
    """Every process with evidence, the best proven first."""
    directory = services.authority.directory(connection)
    found = proven(services.policies.bound(connection, None), verdicts_on_record(connection))
    return tuple(
        Suggestion(one, directory.processes[one.process].name if one.process in directory.processes else one.process)
        for one in found
    )


def text_in_force(services: Services, connection: Connection) -> str:
    """The policy in force, as it was written."""
    return published_text(connection, services.policies.bound(connection, None).sha256) or ""


def standard_change(process: str, name: str, text: str, found: Proven) -> PolicyProposal:
    """The proposal to authorise a proven process beforehand, with its evidence."""
    evidence = ", ".join(found.effective[-MOST_NAMED:])
    if len(found.effective) > MOST_NAMED:
        evidence = f"{len(found.effective)} changes, the latest of them {evidence},"
    return PolicyProposal(
        text=text,
        title=f"Authorise changes to {name} beforehand"[:200],
        problem=f"Changes to {name} keep working: {evidence} were closed as effective.",
        suggestion=f"Whoever proposes a change to {name} decides it alone; their manager is told and may object.",
        process=process,
    )
