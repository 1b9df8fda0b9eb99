"""Who may do what that is no command: the whole table, written out by hand."""

from __future__ import annotations

import pytest

from changes.permissions import EVERY_SCOPE, RULES, Actor, Operation, Scope, Thing, may

EVERYBODY = {
    Operation.OPEN,
    Operation.READ_CHANGES,
    Operation.GIVE_COMMANDS,
    Operation.REPORT,
    Operation.READ_OWN,
    Operation.CHANGE_OWN,
    Operation.CHANGE_OWN_ACCESS,
    Operation.READ_DIRECTORY,
    Operation.READ_POLICY,
    Operation.VERIFY_LEDGER,
    Operation.DEMONSTRATE,
}
MORE = {
    "employee": set[Operation](),
    "manager": {Operation.READ_OVERVIEW},
    "executive": {
        Operation.READ_OVERVIEW,
        Operation.READ_AUDIT,
        Operation.EXPORT_AUDIT,
        Operation.TRY_POLICY,
    },
    "auditor": {
        Operation.READ_OVERVIEW,
        Operation.READ_AUDIT,
        Operation.EXPORT_AUDIT,
        Operation.TRY_POLICY,
        Operation.READ_SYSTEM,
    },
    "steward": {Operation.READ_OVERVIEW, Operation.TRY_POLICY, Operation.PUBLISH_POLICY},
    "administrator": {
        Operation.READ_SYSTEM,
        Operation.MANAGE_SERVICES,
        Operation.MANAGE_WEBHOOKS,
        Operation.MANAGE_SESSIONS,
        Operation.LOAD_DIRECTORY,
        Operation.ERASE_WORDS,
    },
    "ombuds": {Operation.READ_AUDIT},
}


def actor(*roles: str, scopes: frozenset[Scope] = EVERY_SCOPE, service: str = "", active: bool = True) -> Actor:
    return Actor("mara.lind", frozenset({"employee", *roles}), active, scopes, service)


@pytest.mark.parametrize("operation", Operation)
@pytest.mark.parametrize("role", MORE)
def test_what_each_role_may(role: str, operation: Operation) -> None:
    verdict = may(actor(role), operation)
    assert verdict.allowed == (operation in EVERYBODY | MORE[role])
    assert bool(verdict.reason) != verdict.allowed, "a no has a reason, a yes needs none"


@pytest.mark.parametrize("operation", Operation)
def test_nobody_and_people_who_left_may_only_what_is_open(operation: Operation) -> None:
    for who in (None, actor(*MORE, active=False)):
        assert may(who, operation).allowed == (operation is Operation.OPEN)


def test_every_operation_has_a_rule_and_a_missing_one_refuses_everybody(monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(RULES) == set(Operation) - {Operation.OPEN}
    fewer = {operation: rule for operation, rule in RULES.items() if operation is not Operation.READ_DIRECTORY}
    monkeypatch.setattr("changes.permissions.RULES", fewer)
    verdict = may(actor(*MORE), Operation.READ_DIRECTORY)
    assert not verdict.allowed and verdict.reason == "Nobody is allowed to do this."


@pytest.mark.parametrize(
    ("scope", "allowed"),
    [
        (Scope.READ, {Operation.READ_CHANGES, Operation.READ_OWN, Operation.READ_AUDIT, Operation.READ_DIRECTORY}),
        (Scope.ACT, {Operation.GIVE_COMMANDS, Operation.REPORT, Operation.READ_CHANGES, Operation.READ_AUDIT}),
        (Scope.REPORT, {Operation.REPORT}),
        (Scope.ACCOUNT, {Operation.READ_OWN, Operation.CHANGE_OWN_ACCESS}),
        (Scope.ADMINISTER, {Operation.MANAGE_WEBHOOKS, Operation.ERASE_WORDS, Operation.MANAGE_SERVICES}),
    ],
)
def test_a_token_is_good_for_its_scopes_only(scope: Scope, allowed: set[Operation]) -> None:
    holder = actor(*MORE, scopes=frozenset({scope}))
    for operation in allowed:
        assert may(holder, operation).allowed, operation
    refused = {Operation.GIVE_COMMANDS, Operation.CHANGE_OWN_ACCESS, Operation.MANAGE_WEBHOOKS} - allowed
    for operation in refused:
        assert "scope" in may(holder, operation).reason, operation
    assert not may(actor(*MORE, scopes=frozenset()), Operation.READ_CHANGES).allowed


def test_a_system_reports_and_does_nothing_else() -> None:
    system = actor(*MORE, service="metrics")
    assert {operation for operation in Operation if may(system, operation).allowed} == {
        Operation.OPEN,
        Operation.REPORT,
    }


def test_what_belongs_to_somebody_else_is_not_even_known() -> None:
    for operation in (Operation.READ_OWN, Operation.CHANGE_OWN, Operation.CHANGE_OWN_ACCESS):
        assert may(actor(), operation, Thing("mara.lind")).allowed
        verdict = may(actor(*MORE), operation, Thing("jonas.okafor"))
        assert not verdict.allowed and verdict.hidden
