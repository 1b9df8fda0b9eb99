"""How alike two proposals are: shown while writing, so that a duplicate is offered and never forced.

Source: peers.md C1 (Fider: filler words dropped, ranked by the words that are shared).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

from rapidfuzz import fuzz, process

FILLERS = frozenset(
    "a add all allow an and are as at be but by can do for from get have how i if implement in into is it its let make "
    "more my no not of on or our should so support that the their them then there this to us use want was we when "
    "which who will with would you your "
    "aber als am an auch auf aus bei bin das dass dem den der des die ein eine einen einer es für hat ich im in ist "
    "mehr mit nach nicht noch oder sich sie sind so soll um und uns von vor war was wenn werden wie wir zu zum "
    "zur".split()
)
"""Words that say nothing about what a proposal is about, in English and German."""
WORTH_SHOWING = 45.0
"""Scores below this are coincidence."""
LONGEST = 600
"""Characters that are compared; what somebody wants stands at the beginning."""


def essence(text: str) -> str:
    """The telling words of ``text``, folded: without case, marks on letters, punctuation and fillers."""
    folded = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(character for character in folded if not unicodedata.combining(character))
    return " ".join(word for word in re.findall(r"\w+", plain) if word not in FILLERS)[:LONGEST]


def ranked(text: str, candidates: Iterable[tuple[str, str]], limit: int) -> Sequence[tuple[str, float]]:
    """The ``candidates`` most like ``text``, as ``(reference, score from 0 to 100)``, the best first.

    Args:
        text: what somebody is writing.
        candidates: references with the :func:`essence` of what they say.
        limit: how many at most.
    """
    sought = essence(text)
    if not sought:
        return ()
    known = dict(candidates)
    found = process.extract(sought, known, scorer=_alike, limit=limit, score_cutoff=WORTH_SHOWING)
    return tuple((ref, round(score, 1)) for _, score, ref in found)


def _alike(first: str, second: str, *, score_cutoff: float | None = None, **_: object) -> float:
    """Shared words weigh most; a title within a long text counts, and slips of the keyboard do not hurt."""
    if not first or not second:
        return 0.0
    words = fuzz.token_set_ratio(first, second)
    if words < WORTH_SHOWING:
        return 0.0
    shared = len(set(first.split()) & set(second.split())) / max(1, min(len(set(first.split())), 8))
    return float(0.6 * words + 40 * min(1.0, shared))
