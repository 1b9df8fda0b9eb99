"""Events are stored for years: each kind survives its stored form and reads as a sentence."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from string import Formatter
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import TypeAdapter, ValidationError

from changes.any_moment import Commented
from changes.commands import named_fields
from changes.decision import evolve_all
from changes.events import EVENTS, AnyEvent, Event, event_from, named_in, sentence_of
from changes.facts import SYSTEM
from changes.hearing import AcceptedForTesting
from changes.learning import RetrospectiveHeld
from changes.recruiting import Introduced
from changes.rules import EVOLUTIONS
from changes.state import Change
from tests.changes.road import Road
from tests.changes.stories import stories

TOLD = tuple(stories())
BY_KIND: dict[str, list[Event]] = {}
for _road in TOLD:
    for _event in _road.events:
        BY_KIND.setdefault(_event.kind, []).append(_event)

stored: TypeAdapter[Any] = TypeAdapter(AnyEvent)
BERLIN = ZoneInfo("Europe/Berlin")


def test_the_stories_tell_of_every_kind() -> None:
    assert set(BY_KIND) == set(EVENTS)


@pytest.mark.parametrize("kind", sorted(EVENTS))
class TestEveryKind:
    def test_survives_its_stored_form(self, kind: str) -> None:
        for event in BY_KIND.get(kind, []):
            written = stored.dump_json(event)
            assert json.loads(written)["kind"] == kind
            read = stored.validate_json(written)
            assert read == event
            assert type(read) is EVENTS[kind]
            assert stored.dump_json(read) == written

    def test_has_no_floats_in_its_stored_form(self, kind: str) -> None:
        def refuse(text: str) -> None:
            raise AssertionError(f"{kind} stores the float {text}")

        for event in BY_KIND.get(kind, []):
            json.loads(event.model_dump_json(), parse_float=refuse)

    def test_reads_as_a_sentence(self, kind: str) -> None:
        for event in BY_KIND.get(kind, []):
            sentence = event.sentence()
            assert sentence.strip()
            assert "None" not in sentence
            assert "<" not in sentence
            assert "datetime" not in sentence

    def test_reads_the_same_from_its_stored_form(self, kind: str) -> None:
        names = {"mara": "Mara Okoye", "returns": "Returns"}
        for event in BY_KIND.get(kind, []):
            written = json.loads(stored.dump_json(event))
            assert sentence_of(written, {}) == event.sentence()
            assert sentence_of(written, names, BERLIN) == event.sentence(names, BERLIN)

    def test_names_no_field_in_its_words_that_holds_more_than_words(self, kind: str) -> None:
        fields = {field for _, field, _, _ in Formatter().parse(EVENTS[kind].words) if field}
        walked_into = {field for field, named in named_fields(EVENTS[kind]) if named is None}
        assert not fields & walked_into

    def test_is_known_to_evolution_and_documented(self, kind: str) -> None:
        assert EVENTS[kind] in EVOLUTIONS or kind == "submitted"
        assert EVENTS[kind].__doc__


@pytest.mark.parametrize("road", TOLD, ids=range(len(TOLD)))
def test_a_change_is_made_of_its_stored_events_alone(road: Road) -> None:
    read = [stored.validate_json(stored.dump_json(event)) for event in road.events]
    assert evolve_all(None, read, road.ref) == road.change
    assert Change.model_validate_json(road.change.model_dump_json()) == road.change
    assert road.change.version == len(road.events)


def test_words_with_braces_stay_as_they_were_typed() -> None:
    raised, *_ = (event for event in BY_KIND["concern_raised"] if event.by == "kai")
    assert raised.sentence() == "raised the blocking concern C1 “Fraud {and} 100 %”: No checks."


def test_what_is_not_stored_like_that_has_no_sentence() -> None:
    for content in ({}, {"kind": "praised"}, {"kind": "commented", "about": "works"}):
        with pytest.raises(ValueError, match=r"there is no event called|commented has no text"):
            sentence_of(content, {})


def test_who_is_named_is_known_from_the_stored_form() -> None:
    stood_in = Introduced(person="mara", to="omar", why="Both know returns.", in_place_of="kai")
    assert named_in(stood_in.model_dump(mode="json")) == {"mara", "omar", "kai"}
    assert sentence_of(stood_in.model_dump(mode="json"), {"kai": "Kai"}).endswith("(in place of Kai)")
    assert named_in({"kind": "commented", "text": "mara"}) == named_in({"kind": "praised"}) == set()


def test_lists_and_moments_are_readable() -> None:
    [moved] = BY_KIND["deadline_moved"]
    assert moved.sentence().startswith("moved the deadline of E2 to ")
    assert moved.sentence().endswith("UTC: Sooner.")
    decided = BY_KIND["self_decided"][0]
    assert decided.sentence() == (
        "decided this alone, inside the limits: You may decide this yourself: it is within the limits of the role "
        "employee, It touches 8 people"
    )


def test_unknown_kinds_and_fields_are_errors() -> None:
    with pytest.raises(ValidationError, match="there is no event called 'praised'"):
        stored.validate_python({"kind": "praised"})
    with pytest.raises(ValidationError, match="there is no event called None"):
        stored.validate_python({})
    with pytest.raises(ValidationError, match="Extra inputs"):
        stored.validate_python({"kind": "followed", "loudly": True})
    with pytest.raises(ValidationError):
        stored.validate_python("followed")


def test_an_event_is_taken_as_it_is() -> None:
    event = AcceptedForTesting(by="mara")
    assert event_from(event) is event
    assert event.at == datetime(1970, 1, 1, tzinfo=UTC)
    assert AcceptedForTesting().by == SYSTEM


class TestDeclaring:
    def test_needs_a_kind_of_its_own(self) -> None:
        with pytest.raises(TypeError, match="needs a kind"):
            type("Nameless", (Event,), {})
        with pytest.raises(TypeError, match="two events are called 'followed'"):

            class Twice(Event, kind="followed"):
                """The same again."""


def test_people_and_teams_are_called_by_name_where_it_is_known() -> None:
    event = Introduced(person="mara", to="omar", why="Both know returns.")
    assert event.sentence({"mara": "Mara Okoye", "omar": "Omar Haddad"}) == (
        "introduced Mara Okoye to Omar Haddad: Both know returns."
    )
    assert event.sentence() == "introduced mara to omar: Both know returns."


def test_a_choice_is_told_in_words_and_not_as_code_names_it() -> None:
    held = RetrospectiveHeld(
        prediction_and_result="As hoped", consequence="test_template", because="Paper comes again."
    )
    assert held.sentence() == "recorded the retrospective; consequence: test template. Paper comes again."
    assert sentence_of(held.model_dump(mode="json"), {}) == held.sentence()
    talked = Commented(about="works", text="the field is called test_template")
    assert talked.sentence() == "commented: the field is called test_template"
