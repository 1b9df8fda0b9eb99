"""A change decided under a policy file: text → policy → look-up → decide → events and state, without a server."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from changes.facts import Candidate, Facts, PolicyRef, Subject, UnitCoverage
from changes.values import Ref
from directory.model import Directory
from policies.evaluation import facts_for
from policies.loader import parse_policy
from policies.schema import Policy
from policies.working_time import working_time
from store.authority import recommended
from tests.changes.road import Road
from tests.changes.world import World
from tests.policies.organisations import TUESDAY, altered_text, firm

__all__ = ["Candidate", "Governed", "PolicyRef", "Ref", "under"]


@dataclass
class Governed(World):
    """The invented firm, under a policy."""

    policy: Policy = field(default_factory=lambda: parse_policy(altered_text()))
    directory: Directory = field(default_factory=firm)
    covered: bool = True
    """Whether every affected unit has a champion."""

    def facts(self, subject: Subject, actor: str, now: datetime) -> Facts:
        """What the store would look up, without the store."""
        facts = facts_for(self.policy, self.directory, subject, actor, now)
        champions = 1 if self.covered else 0
        coverage = tuple(
            UnitCoverage(team=team, name=team, members=5, champions=champions) for team in subject.affected_teams
        )
        return facts.having(
            campaigns=self.campaigns,
            rollouts=self.rollouts,
            coverage=coverage,
            recommendation=recommended(
                self.directory, subject, facts, "CH-0001", working_time(self.policy.time).today(now), self.campaigns
            ),
            newest=self.policy.ref,
            candidate=self._candidate(subject),
        )


def under(*replacements: tuple[str, str], directory: Directory | None = None) -> Road:
    """A road on a Tuesday at 14:00 in Berlin, under the shipped policy with pieces of its text replaced."""
    road = Road(Governed(policy=parse_policy(altered_text(*replacements)), directory=directory or firm()))
    road.now = TUESDAY
    return road
