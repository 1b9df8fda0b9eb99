"""The weekly digest: to whom it goes, what is in it, that it leaves once, and how it is turned off."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP

import pytest
from sqlalchemy import Engine, insert, select, update
from temporalio.testing import ActivityEnvironment

from activities.digesting import DigestActivities
from activities.notifying import NotificationActivities
from changes.hearing import AcceptForTesting
from notifications.choices import ASKING, CHOOSABLE, how_sent
from notifications.digest import Line, WeeklyDigest
from notifications.kinds import KINDS
from notifications.leaving import leaving, leaving_token
from notifications.smtp import MailSettings, MailUnavailable
from store import tables
from store.authority import Authority
from store.database import reading, writing
from store.digests import PATIENCE, week_of
from store.mail_choices import choose
from tests.notifications.post_office import Clerk, open_office
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
    with pytest.raises(MailUnavailable):
        ActivityEnvironment().run(digesting(engine, 1).send_digests)
    with reading(engine) as connection:
        assert connection.execute(select(tables.digest.c.finished_at)).scalar_one() is not None


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
