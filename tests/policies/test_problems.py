from __future__ import annotations

from policies.problems import PolicyError, PolicyProblem, keys_at, path_in_words


def test_problems_are_told_in_the_order_of_the_file() -> None:
    error = PolicyError([PolicyProblem("p", 9, 1, "b", "late"), PolicyProblem("p", 2, 7, "", "early")])
    assert str(error) == "p:2:7: early\np:9:1: b: late"


def test_paths_read_like_the_file() -> None:
    assert path_in_words(("routes", 2, "gates", "sign_tests")) == "routes[2].gates.sign_tests"


def test_the_keys_a_place_may_have_are_known_through_lists_and_alternatives() -> None:
    assert "who" in keys_at(("routes", 0, "gates", "sign_tests"))
    assert set(keys_at(("time", "freezes", 3))) == {"name", "from", "to"}
    assert set(keys_at(("gates", "sign_tests", "quorum", "CountQuorum"))) == {"count"}
    assert set(keys_at(("routes", 0, "when", "tree", "YesNoComparison"))) == {"field", "is", "is_not"}
    assert "over" in keys_at(("routes", 0, "when", "tree", "AllOf", "all", 1, "NumberComparison"))
