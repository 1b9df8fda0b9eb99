"""Co-proposers are asked before they are named, and may say no in silence."""

from __future__ import annotations

from changes.any_moment import AddComment
from changes.authors import AskCoProposers, DeclineAuthorship, JoinAuthors
from changes.hearing import AcceptForTesting, SayBack
from changes.sight import seen_by
from changes.waiting import waiting_for
from tests.changes.road import Road, kinds
from tests.changes.world import World, proposal


def asking(*people: str, world: World | None = None) -> Road:
    """Paul has filed and asked ``people`` to propose it with him."""
    road = Road(world)
    road.do("paul", proposal(co_proposers=people))
    return road


def asked_at_the_gate(road: Road) -> set[str]:
    assert road.change.gate is not None
    return {seat.person for seat in road.change.gate.asked}


def tasks(road: Road, person: str) -> list[str]:
    return [task.commands[0] for task in waiting_for(road.change) if task.person == person]


def test_nobody_is_an_author_for_being_typed_into_a_form() -> None:
    road = asking("mara", "bela")
    assert road.change.proposal.authors == ("paul",)
    assert asked_at_the_gate(road) == {"mara", "omar"}, "Mara still decides about it"
    assert tasks(road, "bela") == ["join_authors"]
    assert all("bela" not in event.sentence({"bela": "Bela"}).lower() for event in road.events)


def test_a_yes_makes_them_an_author_and_moves_the_gate_on() -> None:
    road = asking("mara")
    assert kinds(road.do("mara", JoinAuthors())) == ["co_proposer_joined", "gate_replanned"]
    assert road.change.proposal.authors == ("paul", "mara")
    assert asked_at_the_gate(road) == {"omar", "vera"}
    assert road.rule("mara", AcceptForTesting()) == "own_change"


def test_a_no_is_silent_and_leaves_everything_as_it_was() -> None:
    road = asking("mara")
    [no] = road.do("mara", DeclineAuthorship())
    assert type(no).secret
    assert tasks(road, "mara") == ["accept_for_testing"]
    road.do("mara", AcceptForTesting())


def test_who_is_asked_is_seen_by_the_authors_and_by_themselves() -> None:
    road = asking("bela", "kai")
    seen = {viewer: seen_by(road.change, viewer, road.now).proposal.asked_to_join for viewer in ("paul", "kai", "omar")}
    assert seen == {"paul": ("bela", "kai"), "kai": ("kai",), "omar": ()}


def test_whoever_answered_about_it_does_not_become_its_author() -> None:
    road = asking("mara")
    road.do("mara", SayBack(heard="Faster."))
    assert road.rule("mara", JoinAuthors()) == "decided_about_it"
    road.do("mara", DeclineAuthorship())


def test_more_can_be_asked_later_by_an_author() -> None:
    road = asking()
    assert kinds(road.do("paul", AskCoProposers(people=("kai", "kai")))) == ["co_proposers_asked"]
    assert road.rule("paul", AskCoProposers(people=("kai",))) == "asked_already"
    road.do("kai", JoinAuthors())
    assert road.rule("kai", AskCoProposers(people=("paul",))) == "author_already"
    assert road.rule("nora", AskCoProposers(people=("bela",))) == "authors_only"
    assert road.rule("nora", JoinAuthors()) == "not_asked_to_join"
    road.world.alter("bela", active=False)
    assert road.rule("kai", AskCoProposers(people=("bela",))) == "not_active"
    others = ("mara", "omar", "lena", "vera", "fina", "sina", "tom", "uta", "nora")
    road.do("kai", AskCoProposers(people=others))
    road.world.alter("bela", active=True)
    assert road.rule("kai", AskCoProposers(people=("bela",))) == "too_many_authors"


def test_whoever_leaves_before_answering_is_asked_no_more() -> None:
    road = asking("bela")
    road.world.alter("bela", active=False)
    assert kinds(road.look_again()) == ["co_proposer_unavailable"]
    assert road.change.proposal.asked_to_join == ()
    assert road.look_again() == ()


def test_who_files_for_somebody_else_is_not_asked_what_they_typed() -> None:
    road = Road()
    road.do("fina", proposal(proposer="bela", co_proposers=("fina", "bela", "kai")))
    assert road.change.proposal.asked_to_join == ("kai",)


def test_look_ups_of_earlier_releases_name_them_as_they_did() -> None:
    road = asking("kai", world=World(asks_co_proposers=False))
    assert road.change.proposal.authors == ("paul", "kai")
    assert road.change.proposal.asked_to_join == ()
    road.do("kai", AddComment(about="works", text="Mine as well."))
