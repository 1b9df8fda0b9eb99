"""Webhooks as they leave: signed, in order, once more after a failure, and not at all where nothing may go."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import SMTP

import httpx2
import pytest
from sqlalchemy import Engine, update
from standardwebhooks.webhooks import Webhook, WebhookVerificationError
from temporalio.testing import ActivityEnvironment

from activities.posting import MOST_IN_A_ROUND, PostingActivities
from changes.any_moment import Follow
from changes.hearing import AcceptForTesting
from changes.recruiting import Nominate
from notifications.outside import Outside
from notifications.rendering import Recipient, render
from notifications.webhooks import PATIENCE, TEST_TYPE, pause_after, trial
from store import tables
from store.database import reading, writing
from store.outbox import waiting_to_leave
from store.sealing import CannotBeRead
from store.webhooks import (
    ROTATING,
    add_endpoint,
    deliveries,
    disable_endpoint,
    endpoint_of,
    endpoints_to_wake,
    forget_old_deliveries,
    rotate_secret,
    send_again,
    signing_secrets,
    write_posting,
)
from temporal import calls
from tests.support.desk import Desk
from tests.support.examples import MANAGER, PROPOSER, submit

KEY, OLD_KEY = b"k" * 32, b"o" * 32
SOURCE = "https://groundswell.nordwind.example"
ADDRESS = "https://93.184.216.34/hook"


@dataclass
class Receiver:
    """What an endpoint got, and what it answers next."""

    answers: list[int | Exception] = field(default_factory=list)
    got: list[httpx2.Request] = field(default_factory=list)

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        """Take one request."""
        self.got.append(request)
        answer = self.answers.pop(0) if self.answers else 204
        if isinstance(answer, Exception):
            raise answer
        return httpx2.Response(answer, headers={"Location": "https://127.0.0.1/"} if 300 <= answer < 400 else {})

    @property
    def events(self) -> list[dict[str, object]]:
        """The CloudEvents, in the order in which they came."""
        return [json.loads(request.content) for request in self.got]


@dataclass
class Post:
    """An endpoint with its receiver."""

    engine: Engine
    receiver: Receiver
    ref: str
    secret: str
    activities: PostingActivities

    def run(self, waited: timedelta = timedelta()) -> calls.Posted:
        """One round, after what waits has waited for so long. Desks live in March, where rounds would give up."""
        table = tables.webhook_delivery
        with writing(self.engine) as connection:
            connection.execute(update(table).values(created_at=datetime.now(UTC) - waited))
        posted: calls.Posted = ActivityEnvironment().run(self.activities.post_events, self.ref)
        return posted

    def log(self) -> list[tuple[str, str, list[int | None]]]:
        """Each event with its outcome and the statuses it was answered with, the oldest first."""
        with reading(self.engine) as connection:
            found = deliveries(connection, self.ref)
        return [(one.type, one.outcome, [attempt.status for attempt in one.attempts]) for one in reversed(found)]


@contextmanager
def opened(engine: Engine, types: tuple[str, ...] = ()) -> Iterator[Post]:
    receiver = Receiver()
    with writing(engine) as connection:
        endpoint, secret = add_endpoint(connection, ADDRESS, "tests", types, "kenji.watanabe", KEY, datetime.now(UTC))
    activities = PostingActivities(engine, (KEY,), SOURCE, Outside(), httpx2.MockTransport(receiver))
    yield Post(engine, receiver, endpoint.ref, secret, activities)
    activities.close()


@pytest.fixture
def post(engine: Engine) -> Iterator[Post]:
    """An endpoint for all events."""
    with opened(engine) as made:
        yield made


def test_every_event_of_a_decision_leaves_signed_and_in_order(engine: Engine, post: Post) -> None:
    desk = Desk(engine)
    desk.give(PROPOSER, submit())
    desk.give(MANAGER, AcceptForTesting())
    with reading(engine) as connection:
        assert endpoints_to_wake(connection, "CH-1") == (post.ref,)
        assert endpoints_to_wake(connection, "CH-2") == ()
    posted = post.run()
    assert posted.sent == len(post.receiver.got) >= 2 and not posted.more
    first = post.receiver.events[0]
    assert first["specversion"] == "1.0" and first["source"] == SOURCE and first["subject"] == "CH-1"
    assert first["type"] == "groundswell.change.submitted"
    numbers = [event["data"]["number"] for event in post.receiver.events]  # type: ignore[index]
    assert numbers == sorted(numbers)
    for request in post.receiver.got:
        checked = Webhook(post.secret).verify(request.content, dict(request.headers))
        assert checked["id"] == request.headers["webhook-id"], "CloudEvents and Standard Webhooks name the same id"
        with pytest.raises(WebhookVerificationError):
            Webhook(post.secret).verify(request.content + b" ", dict(request.headers))
    assert {outcome for _, outcome, _ in post.log()} == {"delivered"}


def test_an_event_names_nobody_and_votes_are_never_sent(engine: Engine, post: Post) -> None:
    desk = Desk(engine)
    desk.give(PROPOSER, submit())
    desk.give(MANAGER, Follow())
    post.run()
    sent = " ".join(request.content.decode() for request in post.receiver.got)
    assert PROPOSER not in sent and MANAGER not in sent
    assert Nominate.kind not in sent


def test_a_refused_command_tells_nobody(engine: Engine, post: Post) -> None:
    desk = Desk(engine)
    desk.give(PROPOSER, submit())
    post.run()
    before = len(post.receiver.got)
    desk.refused(PROPOSER, AcceptForTesting())
    assert post.run().sent == 0 and len(post.receiver.got) == before


def test_an_endpoint_hears_only_of_what_it_asked_for(engine: Engine) -> None:
    with opened(engine, types=("groundswell.change.accepted_for_testing",)) as post:
        desk = Desk(engine)
        desk.give(PROPOSER, submit())
        desk.give(MANAGER, AcceptForTesting())
        post.run()
        assert [event["type"] for event in post.receiver.events] == ["groundswell.change.accepted_for_testing"]


def test_after_a_failure_nothing_overtakes_the_event_that_failed(engine: Engine, post: Post) -> None:
    Desk(engine).walk([(PROPOSER, submit()), (MANAGER, AcceptForTesting())])
    post.receiver.answers = [500]
    posted = post.run()
    assert (posted.sent, posted.more, posted.pause) == (0, True, 5.0)
    post.receiver.answers = [httpx2.ConnectError("refused")]
    assert post.run().pause == 20.0
    assert len({request.headers["webhook-id"] for request in post.receiver.got}) == 1
    assert len({request.content for request in post.receiver.got}) == 1, "each attempt sends the same"
    post.run()
    assert post.log()[0][1:] == ("delivered", [500, None, 204])
    with reading(engine) as connection:
        failed = deliveries(connection, post.ref)[-1].attempts[1]
    assert failed.error == "ConnectError: refused" and failed.milliseconds >= 0


def test_what_cannot_be_delivered_for_days_is_given_up_and_the_rest_goes_on(engine: Engine, post: Post) -> None:
    Desk(engine).walk([(PROPOSER, submit()), (MANAGER, AcceptForTesting())])
    post.receiver.answers = [503]
    posted = post.run(waited=PATIENCE + timedelta(hours=1))
    assert not posted.more and posted.sent >= 1
    assert [outcome for _, outcome, _ in post.log()][:2] == ["given up", "delivered"]


def test_after_three_in_a_row_that_could_not_be_delivered_it_is_disabled_and_its_maker_is_told(
    engine: Engine, post: Post
) -> None:
    now = datetime.now(UTC)
    with writing(engine) as connection:
        for _ in range(5):
            write_posting(connection, post.ref, trial(now), now)
    post.receiver.answers = [503, 503, 204, 503, 503]
    assert post.run(waited=PATIENCE + timedelta(hours=1)).sent == 1
    with writing(engine) as connection:
        known = endpoint_of(connection, post.ref)
        assert known is not None and known.disabled_at is None, "one arrived in between"
        assert waiting_to_leave(connection) == []
        for _ in range(2):
            write_posting(connection, post.ref, trial(now), now)
    post.receiver.answers = [503]
    post.run(waited=PATIENCE + timedelta(hours=1))
    assert [outcome for _, outcome, _ in post.log()][-3:] == ["given up", "given up", "dropped"]
    with reading(engine) as connection:
        known = endpoint_of(connection, post.ref)
        [told] = waiting_to_leave(connection)
    assert known is not None and "3 events in a row" in known.disabled_because
    assert (told.notice.kind, told.notice.recipient) == ("webhook_disabled", "kenji.watanabe")
    recipient = Recipient(ref="kenji.watanabe", name="Kenji Watanabe", email="kenji@nordwind.example")
    letter = message_from_bytes(render(told.notice, recipient, {}, SOURCE, "g@nordwind.example").content, policy=SMTP)
    body = letter.get_body(("plain",))
    assert body is not None
    words = body.get_content()
    assert f"{SOURCE}/administration/webhooks/{post.ref}" in words
    assert "each tried for 3 days" in words and "you added this webhook" in words


def test_a_redirect_is_not_followed(engine: Engine, post: Post) -> None:
    Desk(engine).give(PROPOSER, submit())
    post.receiver.answers = [302]
    post.run()
    assert len(post.receiver.got) == 1
    with reading(engine) as connection:
        assert "do not follow" in deliveries(connection, post.ref)[-1].attempts[0].error


def test_an_endpoint_that_is_gone_gets_nothing_more(engine: Engine, post: Post) -> None:
    desk = Desk(engine)
    desk.walk([(PROPOSER, submit()), (MANAGER, AcceptForTesting())])
    post.receiver.answers = [410]
    post.run()
    assert len(post.receiver.got) == 1
    with reading(engine) as connection:
        known = endpoint_of(connection, post.ref)
        assert [one.notice.kind for one in waiting_to_leave(connection)][-1] == "webhook_disabled"
    assert known is not None and known.disabled_at and "410" in known.disabled_because
    desk.give(MANAGER, Follow())
    assert post.run().sent == 0
    assert "dropped" in {outcome for _, outcome, _ in post.log()} and len(post.receiver.got) == 1


def test_an_address_inside_is_noticed_when_it_is_used(engine: Engine, post: Post) -> None:
    with writing(engine) as connection:
        connection.execute(update(tables.webhook_endpoint).values(url="https://169.254.169.254/latest"))
    Desk(engine).give(PROPOSER, submit())
    assert post.run().more
    assert post.receiver.got == []
    with reading(engine) as connection:
        assert "outside world" in deliveries(connection, post.ref)[-1].attempts[0].error


def test_while_a_secret_is_replaced_both_sign(engine: Engine, post: Post) -> None:
    now = datetime.now(UTC)
    with writing(engine) as connection:
        new = rotate_secret(connection, post.ref, KEY, now)
        write_posting(connection, post.ref, trial(now), now)
        assert signing_secrets(connection, post.ref, (KEY,), now) == (new, post.secret)
        assert signing_secrets(connection, post.ref, (KEY,), now + ROTATING) == (new,)
    post.run()
    [request] = post.receiver.got
    assert request.headers["webhook-signature"].count("v1,") == 2
    for secret in (new, post.secret):
        assert Webhook(secret).verify(request.content, dict(request.headers))["type"] == TEST_TYPE


def test_a_stored_secret_is_sealed_and_survives_a_new_key(engine: Engine, post: Post) -> None:
    with reading(engine) as connection:
        [stored] = connection.execute(tables.webhook_endpoint.select()).all()
        assert post.secret not in str(stored)
        now = datetime.now(UTC)
        assert signing_secrets(connection, post.ref, (b"n" * 32, KEY), now) == (post.secret,)
        with pytest.raises(CannotBeRead):
            signing_secrets(connection, post.ref, (OLD_KEY,), now)


def test_an_event_is_sent_again_as_the_same_event(engine: Engine, post: Post) -> None:
    Desk(engine).give(PROPOSER, submit())
    post.run()
    with writing(engine) as connection:
        first = deliveries(connection, post.ref)[-1]
        assert send_again(connection, post.ref, first.number, datetime.now(UTC)) is not None
        assert send_again(connection, post.ref, 4_711, datetime.now(UTC)) is None
        assert send_again(connection, "another", first.number, datetime.now(UTC)) is None
    post.run()
    assert post.receiver.got[-1].headers["webhook-id"] == first.event
    assert post.receiver.events[-1] == post.receiver.events[0]


def test_a_round_ends_in_time_and_the_next_goes_on(engine: Engine, post: Post) -> None:
    now = datetime.now(UTC)
    with writing(engine) as connection:
        for _ in range(MOST_IN_A_ROUND + 1):
            write_posting(connection, post.ref, trial(now), now)
    assert post.run() == calls.Posted(sent=MOST_IN_A_ROUND, more=True)
    assert post.run() == calls.Posted(sent=1)


def test_the_log_is_kept_for_a_while(engine: Engine, post: Post) -> None:
    now = datetime.now(UTC)
    with writing(engine) as connection:
        write_posting(connection, post.ref, trial(now), now)
    post.run()
    with writing(engine) as connection:
        forget_old_deliveries(connection, now + timedelta(days=89))
        assert len(deliveries(connection, post.ref)) == 1
        forget_old_deliveries(connection, now + timedelta(days=91))
        assert deliveries(connection, post.ref) == ()
        write_posting(connection, post.ref, trial(now), now)
        disable_endpoint(connection, post.ref, "by hand", now)
        assert endpoints_to_wake(connection, None) == ()


def test_pauses_grow_up_to_four_hours() -> None:
    assert [pause_after(attempts) for attempts in (1, 2, 3, 20)] == [5.0, 20.0, 80.0, 14_400.0]
