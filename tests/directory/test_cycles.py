from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from directory.cycles import cycles


def test_a_chain_has_none() -> None:
    assert cycles({"a": "b", "b": "c"}) == []


def test_each_circle_is_told_once_from_the_first_named_member() -> None:
    following = {"x": "c", "c": "a", "z": "z", "a": "b", "b": "c", "q": "p", "p": "q"}
    assert cycles(following) == [("c", "a", "b"), ("z",), ("q", "p")]


@given(st.dictionaries(st.integers(0, 12).map(str), st.integers(0, 12).map(str)))
def test_exactly_those_who_come_back_to_themselves_are_in_a_circle(following: dict[str, str]) -> None:
    def returns(start: str) -> bool:
        here: str | None = start
        for _ in following:
            here = following.get(here or "")
            if here == start:
                return True
        return False

    found = cycles(following)
    members = [member for circle in found for member in circle]
    assert sorted(members) == sorted(member for member in following if returns(member))
    for circle in found:
        for member, after in zip(circle, (*circle[1:], circle[0]), strict=True):
            assert following[member] == after
