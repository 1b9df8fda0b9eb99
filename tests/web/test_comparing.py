"""Comparing two texts loses nothing of either."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from web.pages.comparing import Piece, compared


def test_words_that_came_and_went() -> None:
    assert compared("Ask two managers first.", "Ask one colleague first.") == (
        Piece("same", "Ask "),
        Piece("gone", "two managers"),
        Piece("new", "one colleague"),
        Piece("same", " first."),
    )


@given(st.text("ab \n", max_size=40), st.text("ab \n", max_size=40))
def test_both_texts_can_be_read_from_the_pieces(before: str, after: str) -> None:
    pieces = compared(before, after)
    assert "".join(piece.text for piece in pieces if piece.kind != "new") == before
    assert "".join(piece.text for piece in pieces if piece.kind != "gone") == after
