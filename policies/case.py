"""One change on its route under a policy: what every question about its gates needs to know."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from changes.facts import Subject
from directory.model import Directory
from directory.standing_in import NOBODY_STANDS_IN, StandIns
from policies.schema import Policy, Route


@dataclass(frozen=True, slots=True)
class Case:
    """A subject with the policy and the directory that answer for it, and the route chosen."""

    policy: Policy
    directory: Directory
    subject: Subject
    route: Route
    stand_ins: StandIns = field(default=NOBODY_STANDS_IN, compare=False)
    """Who answers for whom, and who said that they are away."""

    def proposed_by(self, proposer: str) -> Case:
        """The same case, had somebody else proposed and filed the change."""
        return replace(self, subject=self.subject.model_copy(update={"proposer": proposer, "filer": proposer}))
