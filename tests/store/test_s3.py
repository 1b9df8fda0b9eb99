from __future__ import annotations

import threading
import time

import httpx2
import pytest
from sqlalchemy import Engine

from ledger.keys import generate_key
from store.checkpoints import LedgerDamaged, Sealer, require_whole
from store.database import lock_ledger, reading, writing
from store.ledger import append_many, origin_of
from store.restoring import accept_restore, restore_state
from store.s3 import MOST_AT_ONCE, S3Sink, s3_sink
from store.signature_v4 import Credentials
from store.sinks import SinkUnusable, sinks_from
from tests.support.attacks import Attacker
from tests.support.desk import MONDAY
from tests.support.examples import MANAGER, OWNER
from tests.support.small_s3 import SmallS3
from tests.support.writers import entry

WE = Credentials("AKIDEXAMPLE", "a-secret")
ADDRESS = "s3://checkpoints/of groundswell?region=eu-central-1&endpoint=https://objects.example"


def sink_on(store: SmallS3, credentials: Credentials = WE, address: str = ADDRESS) -> S3Sink:
    return S3Sink(address, credentials, store.client(), clock=lambda: MONDAY)


def test_checkpoints_are_kept_and_given_back_the_largest_first() -> None:
    store = SmallS3(WE, "checkpoints", page=2)
    sink = sink_on(store)
    for size in (5, 9, 10, 100, 99):
        sink.keep("log/of & us", size, f"note {size}")
    assert sink.name == "s3://checkpoints/of groundswell"
    assert next(iter(sink.notes("log/of & us"))) == "note 100"
    assert store.listings == 1, "the largest is found on the first page"
    assert list(sink.notes("log/of & us")) == [f"note {size}" for size in (100, 99, 10, 9, 5)]
    assert list(sink.notes("another")) == []
    sink.keep("log/of & us", 100, "note 100, cosigned")
    assert next(iter(sink.notes("log/of & us"))) == "note 100, cosigned"


def test_many_checkpoints_are_asked_for_several_at_once_and_come_in_their_order() -> None:
    store = SmallS3(WE, "checkpoints", page=20)
    sink = sink_on(store)
    for size in range(1, 61):
        sink.keep("log", size, f"note {size}")
    at_once, most, lock = 0, 0, threading.Lock()

    def answer(request: httpx2.Request) -> httpx2.Response:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        time.sleep(0.005)
        with lock:
            at_once -= 1
            return store._answer(request)

    client = httpx2.Client(transport=httpx2.MockTransport(answer))
    slow = S3Sink(ADDRESS, WE, client, clock=lambda: MONDAY)
    assert list(slow.notes("log")) == [f"note {size}" for size in range(60, 0, -1)]
    assert 1 < most <= MOST_AT_ONCE


def test_what_it_does_not_do_is_said_without_a_secret() -> None:
    store = SmallS3(WE, "checkpoints")
    with pytest.raises(SinkUnusable, match=r"s3://checkpoints/.* answered 403 to PUT: The request signature") as wrong:
        sink_on(store, Credentials("AKIDEXAMPLE", "another-secret")).keep("log", 1, "note")
    assert "another-secret" not in str(wrong.value)
    with pytest.raises(SinkUnusable, match="404 to GET: The specified bucket does not exist"):
        list(sink_on(store, address="s3://elsewhere?endpoint=https://objects.example").notes("log"))
    with pytest.raises(SinkUnusable, match="does not answer"):
        S3Sink("s3://b?endpoint=http://127.0.0.1:9", WE).keep("log", 1, "note")


@pytest.mark.parametrize("address", ["s3:///folder", "s3://bucket?acl=public-read"])
def test_an_address_that_means_something_else_is_refused(address: str) -> None:
    with pytest.raises(SinkUnusable, match="must look like s3://bucket"):
        S3Sink(address, WE)


def test_the_address_in_the_settings_and_the_credentials_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY", raising=False)
    with pytest.raises(SinkUnusable, match="needs AWS_ACCESS_KEY_ID"):
        sinks_from("s3://bucket/folder")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKID")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    assert [one.name for one in sinks_from("s3://bucket/folder?region=eu-central-1")] == ["s3://bucket/folder"]
    assert s3_sink("s3://bucket").name == "s3://bucket"


def test_a_restored_database_is_recognised_and_the_larger_ones_are_put_aside(engine: Engine) -> None:
    store = SmallS3(WE, "checkpoints")
    sink = sink_on(store)
    with reading(engine) as connection:
        origin = origin_of(connection)
    key = generate_key(origin)
    sealer = Sealer(engine, lambda _origin: [key], [sink])
    for first in range(0, 30, 10):
        with writing(engine) as connection:
            lock_ledger(connection)
            append_many(connection, [entry(str(number)) for number in range(first, first + 10)], MONDAY)
        assert sealer.seal() is not None
    with writing(engine) as connection:
        attacker = Attacker(connection, key, key)
        attacker.take_triggers_away()
        attacker.cut(10)
    with pytest.raises(LedgerDamaged, match="the checkpoint in s3://checkpoints/of groundswell counts 30"):
        require_whole(engine, [sink])
    store.asked = 0
    assert restore_state(engine, [sink]).outside[0].agreed == 10
    assert store.asked == 1 + 3, "one listing, and the checkpoints down to the first that fits"
    store.retained = True
    under_a_lock = accept_restore(engine, [sink], "The disk died.", MANAGER, OWNER, MONDAY)
    assert (under_a_lock.put_aside, len(under_a_lock.left)) == ((), 1)
    assert "object lock" in under_a_lock.left[0]
    store.retained = False
    kept = dict(store.objects)
    accepted = accept_restore(engine, [sink], "The disk died.", MANAGER, OWNER, MONDAY)
    assert (len(accepted.put_aside), accepted.left) == (2, ())
    assert set(kept.values()) <= set(store.objects.values()), "none is lost"
    require_whole(engine, [sink])
    assert sealer.seal() is not None
