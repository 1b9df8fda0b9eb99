"""The weekly digest: to whom it goes, what is in it, that it leaves once, and how it is turned off."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from unittest.mock import Mock

import pytest
from sqlalchemy import Engine, delete, insert, select, update
from temporalio.exceptions import CancelledError
from temporalio.testing import ActivityEnvironment

from activities.digesting import DigestActivities
from activities.notifying import NotificationActivities
from changes.hearing import AcceptForTesting
from notifications.choices import ASKING, CHOOSABLE, how_sent
from notifications.digest import Line, WeeklyDigest
from notifications.kinds import KINDS
from notifications.leaving import leaving, leaving_token
from notifications.smtp import Mailer, MailSettings, MailUnavailable
from store import tables
from store.authority import Authority
from store.claims import BEGIN_WITHIN, CLAIM
from store.database import reading, writing
from store.digests import PATIENCE, claim_digests, holds_digest, tick_digest, waiting_digests, week_of
from store.mail_choices import choose
from temporal import calls
from temporal.retrying import DIGESTING
from tests.notifications.post_office import Clerk, HoldingClerk, open_office
from tests.support.desk import Desk
from tests.support.examples import MANAGER, PROPOSER, submit

SECRET = b"s" * 32
SENDER = "Groundswell <groundswell@nordwind.example>"
ADDRESS = "https://groundswell.nordwind.example"
EXECUTIVE = "ingrid.halvorsen"


@pytest.fixture
def clerk() -> Clerk:
    return Clerk()


@pytest.fixture
def port(clerk: Clerk) -> Iterator[int]:
    """The port of a mail server that does as the clerk says."""
    with open_office(clerk) as opened:
        yield opened


def digesting(engine: Engine, port: int) -> DigestActivities:
    mail = MailSettings(url=f"smtp://127.0.0.1:{port}", sender=SENDER, timeout=5)
    return DigestActivities(engine, Authority(), mail, ADDRESS, SECRET)


def write(engine: Engine) -> int:
    written: int = ActivityEnvironment().run(digesting(engine, 1).write_digests)
    return written


def letters(clerk: Clerk) -> dict[str, EmailMessage]:
    found = [message_from_bytes(content, _class=EmailMessage, policy=SMTP) for content in clerk.letters]
    return {letter["To"].addresses[0].username: letter for letter in found}


def text(letter: EmailMessage, kind: str = "plain") -> str:
    part = letter.get_body((kind,))
    assert part is not None
    return str(part.get_content())


def filed_now(engine: Engine) -> Desk:
    """A change that was filed just now."""
    desk = Desk(engine, now=datetime.now(UTC))
    desk.give(PROPOSER, submit())
    return desk


def test_it_goes_down_and_up_and_to_nobody_for_whom_nothing_is_new(engine: Engine, clerk: Clerk, port: int) -> None:
    assert write(engine) == 0, "nothing has happened"
    desk = filed_now(engine)
    assert write(engine) >= 3
    ActivityEnvironment().run(digesting(engine, port).send_digests)
    arrived = letters(clerk)
    assert {PROPOSER, MANAGER, EXECUTIVE} <= set(arrived)
    assert len(arrived) < 15, "who has no part and leads nobody concerned gets none"
    assert "CH-1" in text(arrived[PROPOSER]) and "Where you have a part" in text(arrived[PROPOSER])
    assert "Your people: 1 started" in text(arrived[MANAGER])
    assert "The organisation: 1 started" in text(arrived[EXECUTIVE])
    assert "Waiting for you" in text(arrived[desk.stored().gate.asked[0].person])  # type: ignore[union-attr]
    assert write(engine) == 0, "once a week, however often it is tried"
    ActivityEnvironment().run(digesting(engine, port).send_digests)
    assert len(clerk.letters) == len(arrived)


def test_what_lies_too_long_is_told_to_those_above(engine: Engine) -> None:
    filed_now(engine)
    with writing(engine) as connection:
        connection.execute(update(tables.waiting).values(due=datetime.now(UTC) - timedelta(hours=1)))
    write(engine)
    with reading(engine) as connection:
        stored = connection.execute(
            select(tables.digest.c.content).where(tables.digest.c.person == EXECUTIVE)
        ).scalar_one()
    area = WeeklyDigest.model_validate_json(stored).area
    assert area is not None and area.overdue >= 1 and area.stuck[0].words.startswith("waits for ")


def test_who_turned_it_off_gets_none(engine: Engine) -> None:
    filed_now(engine)
    with writing(engine) as connection:
        choose(connection, PROPOSER, "digest", "off")
    write(engine)
    with reading(engine) as connection:
        assert PROPOSER not in connection.execute(select(tables.digest.c.person)).scalars().all()


def test_its_headers_let_a_mail_program_turn_it_off(engine: Engine, clerk: Clerk, port: int) -> None:
    filed_now(engine)
    write(engine)
    ActivityEnvironment().run(digesting(engine, port).send_digests)
    letter = letters(clerk)[PROPOSER]
    assert letter["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert letter["Auto-Submitted"] == "auto-generated" and letter["Message-ID"]
    token = re.fullmatch(rf"<{ADDRESS}/mail/off/(.+)>", letter["List-Unsubscribe"])
    assert token and leaving(SECRET, token[1]) == (PROPOSER, "digest")
    assert leaving(b"o" * 32, token[1]) is None and leaving(SECRET, token[1] + "x") is None
    assert leaving_token(SECRET, PROPOSER, "digest") == token[1], "the same letter every time"


def test_words_of_people_are_escaped_and_cannot_add_headers(engine: Engine, clerk: Clerk, port: int) -> None:
    filed_now(engine)
    with writing(engine) as connection:
        connection.execute(update(tables.change).values(title="<script>alert(1)</script>"))
    write(engine)
    ActivityEnvironment().run(digesting(engine, port).send_digests)
    letter = letters(clerk)[PROPOSER]
    assert "<script>" not in text(letter, "html") and "&lt;script&gt;" in text(letter, "html")
    assert "<script>" in text(letter)


def test_a_mail_server_that_is_away_loses_nothing(engine: Engine, clerk: Clerk, port: int) -> None:
    filed_now(engine)
    written = write(engine)
    with pytest.raises(MailUnavailable):
        ActivityEnvironment().run(digesting(engine, 1).send_digests)
    ActivityEnvironment().run(digesting(engine, port).send_digests)
    assert len(clerk.letters) == written


def test_an_old_digest_is_given_up(engine: Engine) -> None:
    with writing(engine) as connection:
        old = datetime.now(UTC) - PATIENCE - timedelta(hours=1)
        content = WeeklyDigest(week="2026-W01", news=(Line(change="CH-1", title="t", words="w"),)).model_dump_json()
        connection.execute(
            insert(tables.digest).values(person=PROPOSER, week="2026-W01", content=content, written_at=old, attempts=3)
        )
    delivery = ActivityEnvironment().run(digesting(engine, 1).send_digests)
    assert delivery == calls.Delivery(failed=1), "though it might leave now"
    with reading(engine) as connection:
        assert connection.execute(select(tables.digest.c.finished_at)).scalar_one() is not None


def recipients(engine: Engine) -> dict[str, str]:
    """The people for whom a digest is written, and their mail addresses."""
    with reading(engine) as connection:
        people, digest = tables.person.c, tables.digest.c
        query = select(people.ref, people.email).join(tables.digest, people.ref == digest.person)
        return {row.ref: row.email for row in connection.execute(query)}


def last_attempt() -> ActivityEnvironment:
    environment = ActivityEnvironment()
    environment.info = replace(environment.info, attempt=DIGESTING.maximum_attempts)
    return environment


def test_full_mailboxes_keep_nobody_else_from_getting_theirs(engine: Engine, clerk: Clerk, port: int) -> None:
    filed_now(engine)
    written = write(engine)
    put_off, *others = sorted(recipients(engine))
    clerk.refusals[recipients(engine)[put_off]] = "452 4.2.2 Mailbox full"
    with pytest.raises(MailUnavailable, match="Digests that could not leave yet: 1"):
        ActivityEnvironment().run(digesting(engine, port).send_digests)
    assert sorted(letters(clerk)) == others, "though they come after it"
    assert last_attempt().run(digesting(engine, port).send_digests) == calls.Delivery(failed=1), "half a day later"
    clerk.refusals.clear()
    assert ActivityEnvironment().run(digesting(engine, port).send_digests) == calls.Delivery(sent=1)
    assert len(letters(clerk)) == len(clerk.letters) == written


def test_one_that_cannot_be_written_keeps_nobody_else_from_getting_theirs(
    engine: Engine, clerk: Clerk, port: int
) -> None:
    filed_now(engine)
    written = write(engine)
    first = min(recipients(engine))
    with writing(engine) as connection:
        connection.execute(delete(tables.person).where(tables.person.c.ref == first))
    delivery = ActivityEnvironment().run(digesting(engine, port).send_digests)
    assert delivery == calls.Delivery(sent=written - 1, failed=1)
    with reading(engine) as connection:
        row = connection.execute(select(tables.digest).where(tables.digest.c.person == first)).one()
    assert row.finished_at is not None and row.last_error


def test_one_that_something_unforeseen_kept_from_leaving_is_not_ticked_off(
    engine: Engine, clerk: Clerk, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    filed_now(engine)
    written = write(engine)
    with monkeypatch.context() as patching, pytest.raises(MemoryError):
        patching.setattr(Mailer, "send", Mock(side_effect=MemoryError))
        ActivityEnvironment().run(digesting(engine, port).send_digests)
    assert ActivityEnvironment().run(digesting(engine, port).send_digests) == calls.Delivery(sent=written)


def test_a_server_that_goes_away_is_not_asked_once_per_person(engine: Engine, clerk: Clerk, port: int) -> None:
    filed_now(engine)
    write(engine)
    _, second, *_ = sorted(recipients(engine))
    clerk.refusals[recipients(engine)[second]] = "421 Closing"
    with pytest.raises(MailUnavailable, match="421 Closing"):
        ActivityEnvironment().run(digesting(engine, port).send_digests)
    assert len(clerk.letters) == 1 and len(clerk.senders) == 2


# ---------------------------------------------------------------------------------------------- several rounds


@pytest.fixture
def holding() -> HoldingClerk:
    return HoldingClerk()


@pytest.fixture
def slow_port(holding: HoldingClerk) -> Iterator[int]:
    """The port of a mail server that holds the first letter."""
    with open_office(holding) as opened:
        yield opened
        holding.let_go.set()


@pytest.mark.parametrize("together", [2, 50])
def test_two_rounds_at_once_send_each_digest_once(
    engine: Engine, holding: HoldingClerk, slow_port: int, monkeypatch: pytest.MonkeyPatch, together: int
) -> None:
    monkeypatch.setattr("activities.digesting.BATCH", together)
    filed_now(engine)
    written = write(engine)
    with ThreadPoolExecutor() as threads:
        one = threads.submit(ActivityEnvironment().run, digesting(engine, slow_port).send_digests)
        assert holding.has_one.wait(20)
        in_hand = min(together, written)
        with pytest.raises(MailUnavailable, match=f"Digests that could not leave yet: {in_hand}"):
            ActivityEnvironment().run(digesting(engine, slow_port).send_digests)
        assert len(holding.letters) == written - in_hand
        holding.let_go.set()
        assert one.result(20) == calls.Delivery(sent=in_hand)
    assert len(letters(holding)) == len(holding.letters) == written


def test_a_round_that_is_cancelled_stops_after_the_letter_it_is_at_and_gives_back_the_others(
    engine: Engine, holding: HoldingClerk, slow_port: int
) -> None:
    filed_now(engine)
    written = write(engine)
    environment = ActivityEnvironment()
    with ThreadPoolExecutor() as threads:
        one = threads.submit(environment.run, digesting(engine, slow_port).send_digests)
        assert holding.has_one.wait(20)
        environment.cancel()
        holding.let_go.set()
        with pytest.raises(CancelledError):
            one.result(20)
    assert len(holding.letters) == 1
    assert ActivityEnvironment().run(digesting(engine, slow_port).send_digests) == calls.Delivery(sent=written - 1)
    assert len(letters(holding)) == len(holding.letters) == written


def test_what_was_in_hand_when_a_worker_died_is_sent_when_its_claim_has_lapsed(
    engine: Engine, clerk: Clerk, port: int
) -> None:
    filed_now(engine)
    written = write(engine)
    with writing(engine) as connection:
        in_hand = len(
            claim_digests(connection, waiting_digests(connection)[:2], "the one that died", datetime.now(UTC))
        )
    with pytest.raises(MailUnavailable, match=f"Digests that could not leave yet: {in_hand}"):
        ActivityEnvironment().run(digesting(engine, port).send_digests)
    with writing(engine) as connection:
        connection.execute(update(tables.digest).values(claimed_until=datetime.now(UTC)))
    assert ActivityEnvironment().run(digesting(engine, port).send_digests) == calls.Delivery(sent=2)
    assert len(letters(clerk)) == len(clerk.letters) == written


def test_who_comes_too_late_says_nothing_about_what_another_round_did(engine: Engine) -> None:
    filed_now(engine)
    write(engine)
    now = datetime.now(UTC)
    later = now + CLAIM
    with writing(engine) as connection:
        keys = waiting_digests(connection)[:1]
        [slow] = claim_digests(connection, keys, "slow", now)
        assert holds_digest(connection, slow, "slow", now)
        assert not holds_digest(connection, slow, "slow", later - BEGIN_WITHIN), "it would lapse while it is sent"
        [quick] = claim_digests(connection, keys, "quick", later)
        tick_digest(connection, slow, "slow", "timed out", False, later)
        assert holds_digest(connection, quick, "quick", later)
        tick_digest(connection, slow, "slow", "", False, later)
        assert not holds_digest(connection, quick, "quick", later), "what has left has left"
        tick_digest(connection, quick, "quick", "refused", False, later)
        assert keys[0] not in waiting_digests(connection)


# ---------------------------------------------------------------------------------------------------- choices


@pytest.mark.parametrize("choice", ["digest", "off"])
async def test_mail_that_is_not_wanted_at_once_does_not_leave(
    engine: Engine, clerk: Clerk, port: int, choice: str
) -> None:
    with writing(engine) as connection:
        choose(connection, PROPOSER, "answered", choice)  # type: ignore[arg-type]
    desk = filed_now(engine)
    desk.give(MANAGER, AcceptForTesting())
    mail = MailSettings(url=f"smtp://127.0.0.1:{port}", sender=SENDER, timeout=5)
    with closing(NotificationActivities(engine, Authority(), mail, ADDRESS, timedelta())) as activities:
        await ActivityEnvironment().run(activities.deliver_notices, "CH-1")
    assert PROPOSER not in letters(clerk)
    with reading(engine) as connection:
        rows = connection.execute(select(tables.outbox.c.channel, tables.outbox.c.finished_at)).all()
    assert choice in {row.channel for row in rows} and all(row.finished_at for row in rows)
    write(engine)
    with reading(engine) as connection:
        stored = connection.execute(
            select(tables.digest.c.content).where(tables.digest.c.person == PROPOSER)
        ).scalar_one()
    news = WeeklyDigest.model_validate_json(stored).news
    assert [line.change for line in news] == (["CH-1"] if choice == "digest" else [])


def test_what_one_must_answer_is_no_choice() -> None:
    assert ASKING <= set(KINDS)
    assert not ASKING & set(CHOOSABLE)
    assert set(CHOOSABLE) | ASKING == {*KINDS, "digest"}
    for kind in ASKING:
        assert how_sent(kind, {kind: "off"}) == "mail"
    assert how_sent("commented", {"commented": "off"}) == "off"
    assert how_sent("commented", {}) == "mail"


def test_the_kinds_people_expect_from_day_one_exist() -> None:
    """reference/peers.md, section 5 "E-mail"."""
    expected = {
        "asked": {"asked"},
        "reminded": {"reminded"},
        "escalated": {"escalated"},
        "delegated to you, back to you": {"delegated_to_you", "delegation_ended"},
        "endorsed": {"answered"},
        "declined with reason": {"declined"},
        "changed since you approved": {"changed_since_you_answered"},
        "withdrawn": {"withdrawn"},
        "duplicate of": {"duplicate"},
        "concern raised, resolved": {"concern_raised", "concern_resolved"},
        "champion asked, accepted": {"champion_invited", "champion_accepted"},
        "stage started, paused, rolled back": {"moved_on", "wave_started", "wave_paused", "wave_rolled_back"},
        "closing soon": {"last_call", "reminded"},
        "review due": {"review_due", "effect_check_due"},
    }
    assert set().union(*expected.values()) <= set(KINDS)


def test_weeks_are_named_as_iso_8601_does() -> None:
    assert week_of(datetime(2026, 3, 2, tzinfo=UTC)) == "2026-W10"
    assert week_of(datetime(2027, 1, 1, tzinfo=UTC)) == "2026-W53"
