"""Two versions of somebody's words, compared word by word."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from changes.comparison import compared, differences
from tests.changes.world import proposal


@given(before=st.text(max_size=60), after=st.text(max_size=60))
def test_the_pieces_make_both_versions(before: str, after: str) -> None:
    pieces = compared(before, after)
    assert "".join(piece.text for piece in pieces if piece.what != "added") == before
    assert "".join(piece.text for piece in pieces if piece.what != "removed") == after


def test_whole_words_are_marked() -> None:
    pieces = compared("Decide small returns at the desk.", "Decide all returns at the desk today.")
    assert [(piece.what, piece.text) for piece in pieces if piece.what != "same"] == [
        ("removed", "small"),
        ("added", "all"),
        ("added", " today"),
    ]


def test_fields_that_stayed_are_left_out() -> None:
    before = proposal().content
    after = before.having(title="Answer returns at once", affected_teams=("billing",), reversible=False)
    found = {one.field: one.pieces for one in differences(before, after)}
    assert list(found) == ["title", "affected_teams", "reversible"]
    assert [piece.text for piece in found["reversible"]] == ["yes", "no"]
    assert differences(before, before) == ()
