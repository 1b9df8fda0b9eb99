from __future__ import annotations

import json
from pathlib import Path

import pytest

from policies.loader import PolicyError, load_policy, parse_policy, shipped
from tests.policies.organisations import altered_text, shipped_text


def with_mistake(old: str, new: str) -> tuple[str, tuple[int, int]]:
    """The shipped policy with a mistake, and the line and column marked by ¦ in it."""
    marked = altered_text((old, new))
    before, after = marked.split("¦")
    return before + after, (before.count("\n") + 1, len(before) - before.rfind("\n"))


def test_the_shipped_policy_loads_by_name_and_by_path() -> None:
    policy, text = shipped()
    assert policy.name == "default"
    assert parse_policy(text) == policy
    path = Path(__file__).parents[2] / "policies" / "default.yaml"
    assert load_policy(path) == policy


@pytest.mark.parametrize(
    ("old", "new", "path", "message"),
    [
        ("version: 1", "version: ¦one", "version", 'must be a whole number, not "one"'),
        ("version: 1", "version: ¦0", "version", 'must be at least 1, not "0"'),
        ("policy: default", "policy: ¦my policy", "policy", "must be a reference"),
        ("Europe/Berlin", "¦Europe/Berln", "time.zone", 'did you mean "Europe/Berlin"?'),
        ("de-BE\n", "¦de-ZZ\n", "time.holidays", '"DE" has no region "ZZ"'),
        ("de-BE\n", "¦xx\n", "time.holidays", "names no country"),
        ("thu, fri]", "thu, ¦frei]", "time.working_days[4]", 'must be "mon", "tue"'),
        ("to: 01-02", "to: ¦02-30", "time.freezes[0].to", "must be a day"),
        ("{name: year-end, from: ", "¦{name: year-end, from: 2026-", "time.freezes[0]", "both name a year, or neither"),
        ('{from: "09:00", to: "17:00"}', '¦{from: "09:00", to: "08:00"}', "time.working_hours", "must be earlier"),
        ("role: manager", "role: ¦boss", "empowerment[1].role", "choose from employee"),
        ("cost: 500\n", "cost: ¦lots\n", "empowerment[0].limits.cost", "must be a number"),
        ("cost: 500\n", "¦cots: 500\n", "empowerment[0].limits.cots", 'did you mean "cost"?'),
        ("      reversible: true", "      reversible: ¦yes", "empowerment[0].limits.reversible", "true or false"),
        ("quorum: any", "quorum: ¦most", "gates.answer_proposal.quorum", 'must be "any" or "all", not "most"'),
        ("[endorsers]", "[¦endorser]", "gates.sign_tests.who[0]", 'did you mean "endorsers"?'),
        ("[endorsers]", "[¦role:boss]", "gates.sign_tests.who[0]", "does not give"),
        ("[endorsers]", "[¦role:employee]", "gates.sign_tests.who[0]", "does not give"),
        ("[endorsers]", "¦[]", "gates.sign_tests.who", "must not be empty"),
        ("answer_in: 5d", "answer_in: ¦soon", "gates.answer_proposal.answer_in", "must be a length of time"),
        ("field: urgency", "field: ¦urgent", "routes[1].when.field", 'did you mean "urgency"?'),
        ("is: emergency", "is: ¦now", "routes[1].when.is", 'must be "normal" or "emergency", not "now"'),
        ("over: 50}", "over: ¦many}", "routes[4].when.any[1].over", "must be a number"),
        ("over: 50}", "¦above: 50}", "routes[4].when.any[1].above", "unknown key"),
        ("crosses_teams, is: true", "crosses_teams, is: ¦1", "routes[4].when.any[0].is", "must be true or false"),
        ("{field: process, in: []}", "¦{field: process}", "routes[2].when.all[0]", "one operator"),
        ("{field: process, in: []}", "¦{fild: process}", "routes[2].when.all[0]", 'did you mean "field"?'),
        ("quorum: {count: 2}, answer_in", "quorum: {count: ¦0}, answer_in",
         "routes[1].gates.endorse_tests.quorum.count", "must be at least 1"),
        ("quorum: {count: 2}, answer_in", "quorum: {¦cuont: 2}, answer_in",
         "routes[1].gates.endorse_tests.quorum.cuont", 'did you mean "count"?'),
        ("waves: [5%, 25%, 100%]", "waves: ¦[25%, 5%]", "rollout.waves", "end with 100%"),
        ("levels: 2", "levels: ¦9", "escalation.levels", "must be at most 5"),
        ("\nrollout:\n", "\n¦rollouts:\n", "rollouts", 'unknown key "rollouts"; did you mean "rollout"?'),
        ("ratio: {easy: 25, pilot: 12, hard: 6}", "ratio: ¦12", "champions.ratio", "must be a group of lines"),
        ("effect_checks: [30cd, 90cd]", "effect_checks: ¦30cd", "learning.effect_checks", "must be a list"),
        ("[30cd, 90cd]", "¦[1d,1d,1d,1d,1d,1d,1d,1d,1d,1d,1d]", "learning.effect_checks", "at most 10 entries"),
        ("zone: Europe/Berlin", "zone: ¦~", "time.zone", "must be text; nothing is given"),
        ("version: 1", "version: ¦true", "version", "must be a whole number, not true"),
        ("{name: year-end, from: 12-20, to: 01-02}", "¦{name: move, from: 2026-12-20, to: 2026-01-02}",
         "time.freezes[0]", "must not be later"),
        ("campaign: 6w", "campaign: 6w\n  ¦campaign: 7w", "champions.campaign", "already given in line"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_at_its_line_and_column(old: str, new: str, path: str, message: str) -> None:
    text, place = with_mistake(old, new)
    with pytest.raises(PolicyError) as caught:
        parse_policy(text, "mine.yaml")
    problem = next(problem for problem in caught.value.problems if message in problem.message)
    assert problem.path == path
    assert problem.file == "mine.yaml"
    assert (problem.line, problem.column) == place


def test_every_problem_is_told_at_once_in_order() -> None:
    text = altered_text(("zone: Europe/Berlin", "zon: Europe/Berlin"), ("quorum: any", "quorum: most"))
    with pytest.raises(PolicyError) as caught:
        parse_policy(text)
    found = [(problem.path, problem.message) for problem in caught.value.problems]
    assert found == [
        ("time", '"zone" is missing; please add it'),
        ("time.zon", 'unknown key "zon"; did you mean "zone"?'),
        ("gates.answer_proposal.quorum", 'must be "any" or "all", not "most"'),
    ]


@pytest.mark.parametrize(
    ("old", "new", "path", "message"),
    [
        ("name: standard", "name: emergency", "routes[2].name", 'another route is already named "emergency"'),
        ("when: always", "when: {field: regulated, is: true}", "routes[5].when", 'the last route must be for "always"'),
        ("    who: [endorsers]\n", "", "routes[1]", 'says nothing about "who" of sign_tests'),
        ("who: [owner_of_process, manager_of_proposer]\n", "who: [endorsers]\n",
         "gates.endorse_tests.who[0]", "nobody has endorsed anything yet"),
        ("role:executive, role:steward]\n", "endorsers]\n", "fallback[1]", "nobody has endorsed anything yet"),
    ],
)  # fmt: skip
def test_what_fits_together_badly_is_told_at_its_place(old: str, new: str, path: str, message: str) -> None:
    text = altered_text((old, new))
    with pytest.raises(PolicyError) as caught:
        parse_policy(text)
    assert (path, True) in [(problem.path, message in problem.message) for problem in caught.value.problems]
    assert all(problem.line > 1 for problem in caught.value.problems)


@pytest.mark.parametrize("text", ["- a\n- b\n", "just words\n", "5\n"])
def test_a_policy_is_lines_of_keys_and_values(text: str) -> None:
    with pytest.raises(PolicyError, match='must consist of lines of the form "key: value"'):
        parse_policy(text)


def test_a_condition_too_deep_is_refused_and_not_a_crash() -> None:
    deep = "{not: " * 60 + "{field: regulated, is: true}" + "}" * 60
    with pytest.raises(PolicyError, match="nested more than"):
        parse_policy(altered_text(("{field: urgency, is: emergency}", deep)))


def test_a_file_that_is_not_there_and_one_that_is_no_text(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match=r"none\.yaml:1:1: the file cannot be read: No such file"):
        load_policy(tmp_path / "none.yaml")
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"policy: x\nname: \xff\xfe")
    with pytest.raises(PolicyError, match=r"binary\.yaml:2:7: the file is not in UTF-8"):
        load_policy(binary)


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "marked.yaml"
    path.write_text("\ufeff" + shipped_text(), encoding="utf-8")
    assert load_policy(path) == shipped()[0]


def test_only_shipped_policies_are_shipped() -> None:
    with pytest.raises(PolicyError, match="cannot be read"):
        shipped("../../etc/passwd")


def test_json_is_yaml() -> None:
    policy, _ = shipped()
    assert parse_policy(json.dumps(policy.model_dump(mode="json"))) == policy
