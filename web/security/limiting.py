"""Limits how fast one person, token or address may ask: a bucket of tokens that fills steadily (ASVS 2.4.1, 6.3.1).

In memory, so each web process counts for itself: the limit keeps one of them from being overrun; it is no quota. People
and tokens are counted once they are known. Signing in is counted per address, and only where it fails, because a whole
office may sit behind one.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

MOST_KNOWN = 50_000
"""Buckets that are remembered; beyond that the longest unused is forgotten, which can only be generous."""


@dataclass
class Bucket:
    """How many requests are left at a moment."""

    left: float
    at: float


@dataclass
class Limiter:
    """Buckets of one kind.

    Args:
        a_minute: requests that are added each minute; 0 counts nothing.
        burst: how many may come at once.
        clock: seconds that only grow.
    """

    a_minute: float
    burst: int
    clock: Callable[[], float] = time.monotonic
    _buckets: OrderedDict[str, Bucket] = field(default_factory=OrderedDict)

    def wait(self, who: str) -> int:
        """Seconds until ``who`` may ask again, 0 for now. Takes nothing."""
        if not self.a_minute:
            return 0
        left = self._left(who)
        return 0 if left >= 1 else math.ceil((1 - left) * 60 / self.a_minute)

    def take(self, who: str) -> None:
        """Count one request of ``who``."""
        if not self.a_minute:
            return
        left = self._left(who)
        self._buckets[who] = Bucket(max(left - 1, 0), self.clock())
        self._buckets.move_to_end(who)
        while len(self._buckets) > MOST_KNOWN:
            self._buckets.popitem(last=False)

    def _left(self, who: str) -> float:
        known = self._buckets.get(who)
        if known is None:
            return float(self.burst)
        return min(float(self.burst), known.left + (self.clock() - known.at) * self.a_minute / 60)
