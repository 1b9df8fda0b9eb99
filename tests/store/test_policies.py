from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, func, select, text
from sqlalchemy.exc import DBAPIError

from policies.loader import parse_policy, shipped
from policies.schema import Policy
from store import policies, tables
from store.database import reading, writing
from store.directory import load_directory
from store.policies import (
    PolicyCache,
    PolicyConflict,
    candidate_text,
    publish_candidate,
    publish_policy,
    published_text,
    published_versions,
    put_candidate,
)
from tests.support.attacks import take_triggers_away
from tests.support.databases import ON_POSTGRESQL
from tests.support.desk import MONDAY


def edited(version: int, *changes: tuple[str, str]) -> tuple[Policy, str]:
    """The shipped policy with another version and some words changed."""
    text = re.sub(r"^version: 1$", f"version: {version}", shipped()[1], flags=re.MULTILINE)
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return parse_policy(text), text


def publish(engine: Engine, policy: Policy, text: str) -> bool:
    with writing(engine) as connection:
        return publish_policy(connection, policy, text, MONDAY)


def in_force(engine: Engine) -> Policy:
    with reading(engine) as connection:
        return PolicyCache().bound(connection, None)


def published(engine: Engine) -> int:
    with reading(engine) as connection:
        return connection.execute(select(func.count()).select_from(tables.policy_version)).scalar_one()


def test_publishing_the_same_again_does_nothing(engine: Engine) -> None:
    policy, text = shipped()
    assert published(engine) == 1
    assert publish(engine, policy, text) is False
    assert publish(engine, policy, text + "\n# a remark more\n") is False
    assert published(engine) == 1
    newer, newer_text = edited(2, ("answer_in: 5d", "answer_in: 4d"))
    assert publish(engine, newer, newer_text) is True
    assert publish(engine, newer, newer_text) is False
    assert in_force(engine).version == 2


def test_another_content_under_a_version_that_is_taken_is_refused(engine: Engine) -> None:
    other, text = edited(1, ("free_edit: 1h", "free_edit: 2h"))
    with pytest.raises(PolicyConflict, match=r"“default” version 1 is already published.*Give the new one the next"):
        publish(engine, other, text)
    assert published(engine) == 1
    assert in_force(engine) == shipped()[0]


def test_the_text_is_kept_to_the_letter(engine: Engine) -> None:
    policy, text = edited(2, ("# The policy Groundswell comes with.", "# Für alle: ‘nichts’ geht verloren 📜\r\n#"))
    publish(engine, policy, text)
    with reading(engine) as connection:
        stored = connection.execute(
            select(tables.policy_version.c.text).order_by(tables.policy_version.c.number.desc())
        )
        assert stored.scalars().first() == text


def test_a_change_stays_bound_to_the_version_it_began_under(engine: Engine) -> None:
    cache = PolicyCache()
    with reading(engine) as connection:
        first = cache.bound(connection, None)
    newer, text = edited(2, ("free_edit: 1h", "free_edit: 3h"))
    publish(engine, newer, text)
    with reading(engine) as connection:
        assert cache.bound(connection, None) == newer
        assert cache.bound(connection, first.ref) == first
        assert PolicyCache().bound(connection, first.ref) == first  # after a restart too


def test_a_policy_is_parsed_once(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[str] = []

    def counting(text: str, name: str) -> Policy:
        parsed.append(name)
        return parse_policy(text, name)

    monkeypatch.setattr(policies, "parse_policy", counting)
    cache = PolicyCache()

    def bound(_: int) -> Policy:
        with reading(engine) as connection:
            return cache.bound(connection, None)

    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(bound, range(8)))
    assert parsed == ["default"]
    assert all(one is found[0] for one in found)


def test_a_policy_that_is_not_there_is_named(engine: Engine) -> None:
    missing = edited(9)[0].ref
    with reading(engine) as connection, pytest.raises(LookupError, match="“default” version 9 is not in the database"):
        PolicyCache().bound(connection, missing)


OVERWRITING = "INTO policy_version (number, name, version, sha256, text, published_at) SELECT {}, name, {}, 'x', 'x', "
ALTERING = [
    "UPDATE policy_version SET text = 'x'",
    "UPDATE policy_version SET change = 'CH-1'",
    "DELETE FROM policy_version",
]
ALTERING_SQLITE = [
    f"REPLACE {OVERWRITING.format('number', 'version')} published_at FROM policy_version",
    f"REPLACE {OVERWRITING.format('number', 'version + 1')} published_at FROM policy_version",
    f"REPLACE {OVERWRITING.format('NULL', 'version')} published_at FROM policy_version",
]
ALTERING_POSTGRESQL = [
    "TRUNCATE policy_version",
    "SET LOCAL session_replication_role = replica; DELETE FROM policy_version",
]


@pytest.mark.postgres
@pytest.mark.parametrize("statement", [*ALTERING, *(ALTERING_POSTGRESQL if ON_POSTGRESQL else ALTERING_SQLITE)])
def test_what_was_published_cannot_be_altered_or_removed_by_sql(engine: Engine, statement: str) -> None:
    with pytest.raises(DBAPIError, match="a published policy never changes"), writing(engine) as connection:
        connection.execute(text(statement))
    assert in_force(engine).sha256 == shipped()[0].sha256
    assert publish(engine, *edited(2)), "the next version can still be published"


@pytest.mark.postgres
def test_a_policy_altered_in_the_database_decides_nothing(engine: Engine) -> None:
    with writing(engine) as connection:
        table = tables.policy_version
        take_triggers_away(connection, table)
        connection.execute(table.update().values(text=edited(1, ("levels: 2", "levels: 0"))[1]))
    with reading(engine) as connection:
        for ref in (None, shipped()[0].ref):
            with pytest.raises(LookupError, match="was altered after it was published"):
                PolicyCache().bound(connection, ref)


def test_several_that_start_at_once_publish_it_once(engine: Engine) -> None:
    policy, text = edited(2)
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: publish(engine, policy, text), range(4)))
    assert sorted(answers) == [False, False, False, True]
    assert published(engine) == 2


def candidate(engine: Engine, version: int, *changes: tuple[str, str]) -> Policy:
    policy, text = edited(version, *changes)
    with writing(engine) as connection:
        put_candidate(connection, policy, text, "amara.diallo", MONDAY)
        put_candidate(connection, policy, text + "# again\n", "kenji.watanabe", MONDAY)
        assert candidate_text(connection, policy.sha256) == text, "the same content again changes nothing"
    return policy


def test_a_candidate_takes_force_only_over_the_policy_it_was_held_against(engine: Engine) -> None:
    first = shipped()[0].ref
    one, other = candidate(engine, 2, ("levels: 2", "levels: 1")), candidate(engine, 2, ("levels: 2", "levels: 0"))
    with writing(engine) as connection:
        assert publish_candidate(connection, one.ref, first, "CH-5")
        assert not publish_candidate(connection, other.ref, first, "CH-6"), "it would undo the one before"
        assert not publish_candidate(connection, first.having(sha256="ab" * 32), one.ref, "CH-7"), (
            "nobody checked it in"
        )
    assert in_force(engine).ref == one.ref
    with reading(engine) as connection:
        assert [(version.version, version.change) for version in published_versions(connection)] == [
            (2, "CH-5"),
            (1, None),
        ]
        assert published_text(connection, one.sha256) == candidate_text(connection, one.sha256)


def test_a_candidate_is_held_against_the_policy_in_force(engine: Engine) -> None:
    policy = candidate(
        engine, 2, ("    quorum: any\n    # How long they have", "    quorum: {count: 40}\n    # How long they have")
    )
    with reading(engine) as connection:
        directory = load_directory(connection)
        found = PolicyCache().candidate(connection, policy.sha256, directory, MONDAY.date(), put_forward=True)
        later = PolicyCache().candidate(connection, policy.sha256, directory, MONDAY.date(), put_forward=False)
        assert PolicyCache().candidate(connection, "ab" * 32, directory, MONDAY.date(), put_forward=True) is None
    assert found is not None and later is not None
    assert (found.ref, found.in_force, found.taken) == (policy.ref, shipped()[0].ref, False)
    line = 1 + shipped()[1].splitlines().index("  answer_proposal:")
    assert found.errors and all(error.startswith(f"Line {line}, gates.answer_proposal: ") for error in found.errors)
    assert found.differences == ("version: 1 becomes 2", "gates.answer_proposal.quorum: removed, was any",
                                 "gates.answer_proposal.quorum.count: added, 40")  # fmt: skip
    assert (later.errors, later.differences) == ((), ()), "looked at once, when it is put forward"
