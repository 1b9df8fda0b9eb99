from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, func, select

from policies.loader import parse_policy, shipped
from policies.schema import Policy
from store import policies, tables
from store.database import reading, writing
from store.policies import PolicyCache, PolicyConflict, publish_policy
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


def test_a_policy_altered_in_the_database_decides_nothing(engine: Engine) -> None:
    with writing(engine) as connection:
        table = tables.policy_version
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
