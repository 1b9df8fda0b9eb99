"""Record bodies: sealing, reading back, retries, anonymity, signatures, and the columns beside the body."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from pydantic import ValidationError

from ledger.canonical import MAXIMUM_BYTES, NotCanonical, canonical_bytes, parse_canonical
from ledger.commitments import verify
from ledger.record import (
    COLUMNS,
    Actor,
    Body,
    Draft,
    Links,
    Part,
    Position,
    PrivateValue,
    Reason,
    Signature,
    Source,
    Subject,
    Workflow,
    coarsened,
    columns_of,
    commitments_of,
    erasures_of,
    instant_text,
    is_same_decision,
    new_salts,
    seal,
    statement_sha256,
)
from tests.ledger.memory import ORIGIN, START, draft, erasure

POSITION = Position(ORIGIN, 7, "r-7", START)


def sealed(one: Draft) -> Body:
    return seal(one, POSITION, new_salts(one))


def test_a_body_survives_its_bytes() -> None:
    body = sealed(draft(7, reason=Reason(code="evidence"), workflow=Workflow(namespace="default", workflow_id="c-7")))
    assert Body.from_bytes(body.to_bytes()) == body
    assert body.position == POSITION


def test_what_is_not_filled_in_is_not_written() -> None:
    body = parse_canonical(sealed(draft(7, before=None, links=None, private=())).to_bytes())
    assert {"before", "links", "reason", "signature", "workflow"} & set(body) == set()
    assert "commit" not in body["actor"]


def test_null_inside_before_and_after_stays() -> None:
    body = sealed(draft(7, before={"owner": None}, after={"owner": "p-1"}))
    assert parse_canonical(body.to_bytes())["before"] == {"owner": None}


def test_private_values_become_commitments_and_nothing_else() -> None:
    one = draft(7)
    salts = new_salts(one)
    raw = seal(one, POSITION, salts).to_bytes()
    body = parse_canonical(raw)
    assert b"Mara" not in raw
    assert b"tried it twice" not in raw
    assert set(body["actor"]["commit"]) == {"actor.name"}
    assert set(body["reason"]["commit"]) == {"reason.text"}
    for value in one.private:
        commitment = bytes.fromhex(commitments_of(body)[value.label])
        assert verify(value.label, value.value, salts[value.label], commitment)


def test_a_value_is_not_shown_by_its_text_form() -> None:
    assert "Mara" not in repr(draft(7))


@pytest.mark.parametrize("section", ["before", "after"])
def test_commitments_in_before_and_after_stand_beside_the_rest(section: str) -> None:
    private = PrivateValue(label=f"{section}.comment", value="text", section=section)  # type: ignore[arg-type]
    body = sealed(draft(7, **{section: {"state": "open"}}, private=(private,))).to_mapping()
    assert body[section]["state"] == "open"
    assert set(body[section]["commit"]) == {f"{section}.comment"}
    alone = sealed(draft(7, **{section: None}, private=(private,))).to_mapping()
    assert set(alone[section]) == {"commit"}


def test_a_private_value_without_a_salt_is_an_error() -> None:
    with pytest.raises(KeyError):
        seal(draft(7), POSITION, {})


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"idem_key": "two words"}, "idem_key"),
        ({"idem_key": ""}, "idem_key"),
        ({"idem_key": "nul\0"}, "idem_key"),
        ({"type": "endorsed"}, "type"),
        ({"type": "org.Groundswell.x"}, "type"),
        ({"action": "nul\0"}, "action"),
        ({"occurred_at": datetime(2026, 1, 1)}, "occurred_at"),  # noqa: DTZ001
        ({"actor": Actor.model_construct(kind="user")}, "reference"),
        ({"subject": {"change_id": "c 1"}}, "change_id"),
        ({"unknown": 1}, "unknown"),
        ({"before": {"commit": {}}}, "sealed"),
        ({"actor": Actor(kind="user", ref="p-1", commit={"a": "0" * 64})}, "sealed"),
        ({"private": (PrivateValue(label="a", value="1", section="actor"),) * 2}, "same label"),
    ],
    ids=range(13),
)
def test_malformed_drafts_are_refused_by_name(changes: dict[str, Any], reason: str) -> None:
    values = {key: part.model_dump() if isinstance(part, Part) else part for key, part in changes.items()}
    with pytest.raises(ValidationError) as refused:
        draft(7, **values)
    assert reason in str(refused.value)


@pytest.mark.parametrize("value", ["nul\0", "half\ud800"])
def test_private_values_hold_nothing_that_a_database_refuses(value: str) -> None:
    with pytest.raises(ValidationError, match="please"):
        PrivateValue(label="a", value=value, section="actor")


def test_nfc_and_nfd_are_two_records() -> None:
    one, other = (sealed(draft(7, after={"name": name}, private=())) for name in ("\u00e9", "e\u0301"))
    assert one.to_bytes() != other.to_bytes()


@pytest.mark.parametrize("after", [{"share": 0.25}, {"\u00e9": 1}, {"text": "x" * MAXIMUM_BYTES}])
def test_what_is_outside_the_profile_is_refused_at_the_bytes(after: dict[str, Any]) -> None:
    body = sealed(draft(7, after=after))
    with pytest.raises(NotCanonical):
        body.to_bytes()


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(1970, 1, 1, tzinfo=UTC), "1970-01-01T00:00:00.000000Z"),
        (datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC), "9999-12-31T23:59:59.999999Z"),
        (datetime(2026, 3, 1, 1, 30, tzinfo=timezone(timedelta(hours=2))), "2026-02-28T23:30:00.000000Z"),
    ],
)
def test_times_have_one_form(moment: datetime, text: str) -> None:
    assert sealed(draft(7, occurred_at=moment)).to_mapping()["occurred_at"] == text


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-01T08:00:00Z",
        "2026-03-01T08:00:00.000000+00:00",
        "2026-03-01T09:00:00.000000+01:00",
        "2026-03-01 08:00:00.000000Z",
        "2026-03-01T08:00:00.000000z",
        "2026-06-30T23:59:60.000000Z",
        "2026-03-01T08:00:00.000000",
        "1772352000",
    ],
)
def test_other_forms_of_a_time_are_refused_in_stored_bytes(text: str) -> None:
    body = sealed(draft(7)).to_mapping()
    body["occurred_at"] = text
    with pytest.raises((NotCanonical, ValidationError)):
        Body.from_bytes(canonical_bytes(body))


def test_a_time_outside_the_calendar_is_refused() -> None:
    with pytest.raises(ValidationError, match="outside the calendar"):
        draft(7, occurred_at=datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-2))))


def test_unknown_and_missing_fields_are_refused_in_stored_bytes() -> None:
    body = sealed(draft(7)).to_mapping()
    with pytest.raises(ValidationError, match="extra"):
        Body.from_bytes(canonical_bytes({**body, "extra": 1}))
    with pytest.raises(ValidationError, match="actor"):
        Body.from_bytes(canonical_bytes({key: part for key, part in body.items() if key != "actor"}))
    with pytest.raises(NotCanonical):
        Body.from_bytes(json.dumps(body).encode())


def test_a_retry_is_recognised() -> None:
    one = draft(7, workflow=Workflow(namespace="default", workflow_id="c-7", run_id="run-1"))
    salts = new_salts(one)
    stored = Body.from_bytes(seal(one, POSITION, salts).to_bytes())
    assert is_same_decision(one, stored, salts)
    after_reset = draft(
        7,
        workflow=Workflow(namespace="default", workflow_id="c-7", run_id="run-2"),
        source=Source(component="worker", version="1.1.0", worker="w-2"),
    )
    assert is_same_decision(after_reset, stored, salts)


@pytest.mark.parametrize(
    "changes",
    [
        {"after": {"state": "declined"}},
        {"outcome": "refused"},
        {"occurred_at": START},
        {"actor": Actor(kind="user", ref="p-99")},
        {"private": ()},
        {"private": (*draft(7).private, PrivateValue(label="more", value="x", section="reason"))},
        {"private": (draft(8).private[0], draft(7).private[1])},
    ],
    ids=range(7),
)
def test_a_key_used_for_something_else_is_recognised(changes: dict[str, Any]) -> None:
    one = draft(7)
    salts = new_salts(one)
    stored = seal(one, POSITION, salts)
    assert not is_same_decision(draft(7, **changes), stored, salts)


def test_a_retry_after_an_erasure_is_recognised() -> None:
    one = draft(7)
    salts = new_salts(one)
    stored = seal(one, POSITION, salts)
    left = {"reason.text": salts["reason.text"]}
    assert is_same_decision(one, stored, left)
    assert is_same_decision(one, stored, {})
    assert not is_same_decision(draft(7, outcome="refused"), stored, {})


def test_a_signature_belongs_to_its_record() -> None:
    def signed(subject: Subject, about: Subject) -> Draft:
        signature = Signature(
            signer_ref="p-1",
            meaning="I endorse these tests",
            method="passkey",
            signed_at=START,
            statement_sha256=statement_sha256("I endorse these tests", about),
        )
        return draft(7, subject=subject, signature=signature)

    one, other = Subject(change_id="c-1", revision=1), Subject(change_id="c-1", revision=2)
    assert Body.from_bytes(sealed(signed(one, one)).to_bytes()).signature is not None
    with pytest.raises(ValidationError, match="something else"):
        signed(one, other)


def test_an_anonymous_record_names_nobody() -> None:
    anonymous: dict[str, Any] = {
        "actor": Actor(kind="anonymous"),
        "source": Source(component="web", version="1.0.0"),
        "occurred_at": coarsened(START + timedelta(minutes=17)),
        "private": (),
    }
    body = sealed(draft(7, **anonymous)).to_mapping()
    assert body["actor"] == {"kind": "anonymous"}
    assert body["occurred_at"].endswith(":00:00.000000Z")
    for betrayal in (
        {"source": Source(component="web", version="1.0.0", worker="w-1")},
        {"occurred_at": START + timedelta(minutes=17)},
    ):
        with pytest.raises(ValidationError, match="anonymous"):
            draft(7, **{**anonymous, **betrayal})
    for name in ("ref", "role", "on_behalf_of"):
        with pytest.raises(ValidationError, match="anonymous"):
            Actor.model_validate({"kind": "anonymous", name: "p-1"})


def test_columns_are_derived_from_the_body_alone() -> None:
    body = parse_canonical(sealed(draft(7)).to_bytes())
    columns = columns_of(body)
    assert tuple(columns) == COLUMNS
    assert columns["recorded_at"] == instant_text(START)
    assert (columns["change_id"], columns["stage"], columns["actor_ref"]) == ("c-7", "testing", "p-0")
    assert set(columns_of({"actor": [], "subject": "x"}).values()) == {None}


def test_erasures_are_read_from_the_links() -> None:
    body = parse_canonical(sealed(erasure(7, (3, "actor.name"), (4, "reason.text"))).to_bytes())
    assert erasures_of(body) == [(3, "actor.name"), (4, "reason.text")]
    assert erasures_of(parse_canonical(sealed(draft(7, links=Links())).to_bytes())) == []
    for malformed in ({"erases": [3]}, {"erases": [{"seq": -1, "labels": ["a"]}]}, {"erases": "all"}):
        with pytest.raises(ValueError, match="validation error"):
            erasures_of({"links": malformed})
