from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from changes.facts import PersonFacts, ProcessFacts, TeamFacts
from directory.model import EMPLOYEE, MANAGER, Directory, Person, Process, UnknownReference
from tests.directory.organisations import directories, person, team


def refs(people: tuple[Person, ...]) -> list[str]:
    return [somebody.ref for somebody in people]


@pytest.fixture(scope="module")
def firm() -> Directory:
    """A head over two departments: one with a desk below it and an auditor in it, one led from elsewhere."""
    people = [
        person("head", team="office", roles=("executive",)),
        person("aide", "head", team="office", roles=("steward", "ombuds")),
        person("cara", "head", team="care"),
        person("dan", "cara", team="desk"),
        person("eve", "dan", team="desk"),
        person("fay", "dan", team="desk"),
        person("gus", "dan", team="desk", active=False, roles=("auditor",)),
        person("audit", "head", team="care", roles=("auditor",)),
        person("wim", "head", team="office"),
        person("xia", "wim", team="works"),
        person("yan", "wim", team="works"),
    ]
    teams = [team("all"), team("office", "all"), team("care", "all"), team("desk", "care"), team("works", "all")]
    teams.append(team("empty", "all"))
    processes = [Process(ref="returns", name="Returns", owner="dan")]
    return Directory(people, teams, processes)


def test_line_runs_upward_nearest_first(firm: Directory) -> None:
    assert refs(firm.line_of("eve")) == ["dan", "cara", "head"]
    assert firm.line_of("head") == ()


def test_line_ends_in_a_circle_and_at_an_unknown_manager() -> None:
    circle = Directory([person("a", "b"), person("b", "c"), person("c", "b"), person("d", "gone")], [team("all")], [])
    assert refs(circle.line_of("a")) == ["b", "c"]
    assert refs(circle.line_of("b")) == ["c"]
    assert circle.line_of("d") == ()


def test_own_manager_has_neither_line_nor_reports() -> None:
    alone = Directory([person("a", "a")], [team("all")], [])
    assert alone.line_of("a") == ()
    assert not alone.leads_people("a")


def test_reports_are_direct_active_and_sorted(firm: Directory) -> None:
    assert refs(firm.reports_of("dan")) == ["eve", "fay"]
    assert refs(firm.reports_of("head")) == ["aide", "audit", "cara", "wim"]
    assert firm.leads_people("dan")
    assert not firm.leads_people("eve")


def test_whoever_leads_only_people_who_left_leads_nobody() -> None:
    left = Directory([person("a"), person("b", "a", active=False)], [team("all")], [])
    assert not left.leads_people("a")
    assert left.with_role(MANAGER) == ()


def test_members_include_those_of_teams_below_and_no_one_who_left(firm: Directory) -> None:
    assert refs(firm.members_of("desk")) == ["dan", "eve", "fay"]
    assert refs(firm.members_of("care")) == ["audit", "cara", "dan", "eve", "fay"]
    assert len(firm.members_of("all")) == 10
    assert firm.members_of("empty") == ()


def test_other_teams_do_not_count_twice() -> None:
    both = Person(ref="a", name="A", email="a@firm.example", team="one", other_teams=("two",))
    organisation = Directory([both], [team("one"), team("two")], [])
    assert refs(organisation.members_of("one")) == ["a"]
    assert organisation.members_of("two") == ()


def test_teams_in_a_circle_still_have_members() -> None:
    organisation = Directory([person("a", team="x")], [team("x", "y"), team("y", "x")], [])
    assert refs(organisation.members_of("x")) == refs(organisation.members_of("y")) == ["a"]


@pytest.mark.parametrize(
    ("team_ref", "managers"),
    [
        ("desk", ["dan"]),  # its lead
        ("care", ["cara", "head"]),  # its head, and the superior of the auditor who reports past her
        ("works", ["wim"]),  # led by somebody whose home is elsewhere
        ("office", ["head"]),  # the head answers for their own team
        ("all", ["head"]),
        ("empty", []),
    ],
)
def test_managers_of_a_team(firm: Directory, team_ref: str, managers: list[str]) -> None:
    assert refs(firm.managers_of_team(team_ref)) == managers


def test_the_head_alone_in_a_team_answers_for_it_and_a_lone_person_without_manager_does_not() -> None:
    organisation = Directory(
        [person("head", team="top"), person("a", "head", team="low"), person("lone", team="apart")],
        [team("top"), team("low"), team("apart")],
        [],
    )
    assert refs(organisation.managers_of_team("top")) == ["head"]
    assert refs(organisation.managers_of_team("low")) == ["head"]
    assert organisation.managers_of_team("apart") == ()


def test_for_a_manager_who_left_the_next_active_one_up_the_line_answers() -> None:
    organisation = Directory(
        [person("head", team="top"), person("lead", "head", active=False), person("a", "lead"), person("b", "lead")],
        [team("top"), team("all")],
        [],
    )
    assert refs(organisation.managers_of_team("all")) == ["head"]


def test_roles_are_those_of_active_people(firm: Directory) -> None:
    assert refs(firm.with_role("auditor")) == ["audit"]
    assert refs(firm.with_role("ombuds")) == ["aide"]
    assert firm.with_role("administrator") == ()
    assert len(firm.with_role(EMPLOYEE)) == 10
    assert refs(firm.with_role(MANAGER)) == ["cara", "dan", "head", "wim"]


def test_an_absence_includes_its_last_day() -> None:
    away = Person(ref="a", name="A", email="a@firm.example", team="all", away_until=date(2026, 11, 30))
    organisation = Directory([away], [team("all")], [])
    assert organisation.away("a", date(2026, 11, 30))
    assert not organisation.away("a", date(2026, 12, 1))


def test_facts(firm: Directory) -> None:
    today = date(2026, 11, 23)
    assert firm.as_person_facts("dan", today) == PersonFacts(
        ref="dan", name="dan", team="desk", manager="cara", leads_people=True
    )
    assert firm.as_person_facts("gus", today) == PersonFacts(
        ref="gus", name="gus", team="desk", manager="dan", roles=("auditor",), active=False
    )
    assert firm.team_facts("care") == TeamFacts(ref="care", name="care", size=5)
    assert firm.process_facts("returns") == ProcessFacts(ref="returns", name="Returns", owner="dan")
    assert firm.owner_of("returns").ref == "dan"
    assert firm.active("dan")
    assert not firm.active("gus")


def test_facts_of_somebody_away_and_not_open_to_invitations() -> None:
    closed = Person(
        ref="a",
        name="A",
        email="a@firm.example",
        team="all",
        away_until=date(2026, 11, 30),
        open_to_invitations=False,
    )
    facts = Directory([closed], [team("all")], []).as_person_facts("a", date(2026, 11, 23))
    assert facts.away
    assert not facts.open_to_invitations


@pytest.mark.parametrize(
    ("kind", "question"),
    [
        ("person", lambda firm: firm.person("nobody")),
        ("person", lambda firm: firm.line_of("nobody")),
        ("person", lambda firm: firm.reports_of("nobody")),
        ("person", lambda firm: firm.active("nobody")),
        ("person", lambda firm: firm.away("nobody", date(2026, 1, 1))),
        ("person", lambda firm: firm.as_person_facts("nobody", date(2026, 1, 1))),
        ("team", lambda firm: firm.team("nobody")),
        ("team", lambda firm: firm.members_of("nobody")),
        ("team", lambda firm: firm.managers_of_team("nobody")),
        ("team", lambda firm: firm.team_facts("nobody")),
        ("process", lambda firm: firm.process("nobody")),
        ("process", lambda firm: firm.owner_of("nobody")),
        ("role", lambda firm: firm.with_role("nobody")),
    ],
)
def test_unknown_references_are_named(firm: Directory, kind: str, question: Callable[[Directory], object]) -> None:
    with pytest.raises(UnknownReference, match=f"the directory has no {kind} 'nobody'") as caught:
        question(firm)
    assert (caught.value.kind, caught.value.ref) == (kind, "nobody")


def test_a_reference_stands_for_one() -> None:
    with pytest.raises(ValueError, match="two entries for the person 'a'"):
        Directory([person("a"), person("a")], [team("all")], [])


def test_it_says_what_it_holds(firm: Directory) -> None:
    assert repr(firm) == f"<Directory of 11 people, 6 teams, 1 processes, version {firm.version[:12]}>"
    assert firm != firm.version


def test_what_was_built_cannot_be_changed(firm: Directory) -> None:
    with pytest.raises(TypeError):
        firm.people["new"] = person("new")  # type: ignore[index]


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ada",
        "ada@",
        "@firm.example",
        "ada@firm",
        "ada@@firm.example",
        "ada @firm.example",
        "ada@firm..example",
        "ada@-firm.example",
        ".ada@firm.example",
        "ada@firm.example\nBcc: eve@firm.example",
        "ädä@firm.example",
        "a" * 65 + "@firm.example",
        "ada@firm.1",
        "<ada@firm.example>",
    ],
)
def test_malformed_addresses_are_refused(address: str) -> None:
    with pytest.raises(ValidationError, match="is not an e-mail address"):
        Person(ref="a", name="A", email=address, team="all")


@pytest.mark.parametrize("address", ["Ada.Stern+work@Firm.Example", "o'neil@firm.local", "a@b-c.firm.example"])
def test_addresses_are_lower_cased(address: str) -> None:
    assert Person(ref="a", name="A", email=address, team="all").email == address.lower()


def test_lists_are_sets() -> None:
    somebody = Person(
        ref="a",
        name="A",
        email="a@firm.example",
        team="home",
        other_teams=("z", "b", "home", "z"),
        roles=("steward", "auditor", "steward"),
    )
    assert somebody.other_teams == ("b", "z")
    assert somebody.roles == ("auditor", "steward")


@pytest.mark.parametrize("role", ["employee", "manager", "boss"])
def test_only_listed_roles_can_be_given(role: str) -> None:
    with pytest.raises(ValidationError, match="choose from executive, auditor, steward, administrator, ombuds"):
        person("a", roles=(role,))


@given(directories(), st.data())
def test_order_does_not_change_the_version(organisation: Directory, data: st.DataObject) -> None:
    again = Directory(
        data.draw(st.permutations(list(organisation.people.values()))),
        data.draw(st.permutations(list(organisation.teams.values()))),
        data.draw(st.permutations(list(organisation.processes.values()))),
    )
    assert again.version == organisation.version
    assert again == organisation
    assert hash(again) == hash(organisation)
    assert list(again.people) == list(organisation.people)


@given(directories(), st.data())
def test_any_difference_changes_the_version(organisation: Directory, data: st.DataObject) -> None:
    somebody = data.draw(st.sampled_from(list(organisation.people.values())))
    other = somebody.model_copy(update={"open_to_invitations": not somebody.open_to_invitations})
    people = [other if entry.ref == other.ref else entry for entry in organisation.people.values()]
    changed = Directory(people, organisation.teams.values(), organisation.processes.values())
    assert changed.version != organisation.version
    assert changed != organisation


@given(directories())
def test_every_member_is_answered_for(organisation: Directory) -> None:
    for ref in organisation.teams:
        managers = organisation.managers_of_team(ref)
        assert all(manager.active for manager in managers)
        assert refs(managers) == sorted(refs(managers))
        answering = set(refs(managers))
        for member in organisation.members_of(ref):
            line = [above.ref for above in organisation.line_of(member.ref) if above.active]
            assert not line or answering & {member.ref, *line}
