"""Sending mail from the outbox to real mail servers on this machine."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, RowMapping, insert, select, update
from structlog.testing import capture_logs
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.testing import ActivityEnvironment

from activities.notifying import NotificationActivities
from notifications.catcher import Catcher, list_caught, read_caught
from notifications.letter import Letter
from notifications.smtp import Mailer, MailSettings, MailUnavailable
from store import tables
from store.authority import Authority
from store.database import reading, writing
from store.mail_links import NewLink, links_for
from store.outbox import PATIENCE, Outgoing, count_waiting
from temporal import calls
from tests.notifications.post_office import Clerk, HoldingClerk, free_port, open_office
from tests.support.desk import Desk
from tests.support.examples import MANAGER, OWNER, PROPOSER, submit
from tests.support.mailing import send_mail, send_mail_and_die
from tests.support.processes import address_of, in_processes

SENDER = "Groundswell <groundswell@nordwind.example>"
ADDRESSES = {person: f"{person}@nordwind.example" for person in (MANAGER, OWNER, PROPOSER)}


@pytest.fixture
def filed(engine: Engine) -> Engine:
    """Two changes were filed; Jonas and Samira are to hear of each."""
    for change in ("CH-1", "CH-2"):
        Desk(engine, change, now=datetime.now(UTC)).give(PROPOSER, submit())
    return engine


@pytest.fixture
def clerk() -> Clerk:
    return Clerk()


@pytest.fixture
def office(clerk: Clerk) -> Iterator[int]:
    """The port of a mail server that does as the clerk says."""
    with open_office(clerk) as port:
        yield port


def notifying(engine: Engine, port: int) -> NotificationActivities:
    settings = MailSettings(url=f"smtp://127.0.0.1:{port}", sender=SENDER, timeout=5)
    at_once = timedelta()
    return NotificationActivities(engine, Authority(), settings, "https://groundswell.nordwind.example", at_once)


def deliver(engine: Engine, port: int, change: str | None = None, attempt: int = 1) -> calls.Delivery:
    with closing(notifying(engine, port)) as activities:
        if change:
            environment = ActivityEnvironment()
            environment.info = replace(environment.info, attempt=attempt)
            return asyncio.run(environment.run(activities.deliver_notices, change))
        return asyncio.run(ActivityEnvironment().run(activities.deliver_leftover_notices))


def arrived(clerk: Clerk) -> list[tuple[str, str]]:
    """The change and the recipient of every letter."""
    letters = [message_from_bytes(content, _class=EmailMessage, policy=SMTP) for content in clerk.letters]
    return [(letter["Subject"].strip()[1:5], letter["To"].addresses[0].username) for letter in letters]


def waiting(engine: Engine) -> int:
    with reading(engine) as connection:
        return count_waiting(connection)


def rows(engine: Engine) -> list[RowMapping]:
    with reading(engine) as connection:
        return list(connection.execute(select(tables.outbox).order_by(tables.outbox.c.number)).mappings())


# --------------------------------------------------------------------------------------------------------- once


def test_what_waits_for_a_change_is_sent_once_though_the_activity_runs_twice(
    filed: Engine, clerk: Clerk, office: int
) -> None:
    assert deliver(filed, office, "CH-1") == calls.Delivery(sent=2, version=2)
    assert deliver(filed, office, "CH-1") == calls.Delivery(version=2)
    assert arrived(clerk) == [("CH-1", MANAGER), ("CH-1", OWNER)]
    assert waiting(filed) == 2
    assert [row["finished_at"] is not None for row in rows(filed)] == [True, True, False, False]


async def test_letters_gather_for_a_moment_so_that_what_comes_meanwhile_leaves_in_the_same_round(
    engine: Engine, clerk: Clerk, office: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    gathering = timedelta(seconds=7)

    async def meanwhile(seconds: float) -> None:
        assert seconds == gathering.total_seconds()
        await asyncio.to_thread(Desk(engine, "CH-1", now=datetime.now(UTC)).give, PROPOSER, submit())

    monkeypatch.setattr("activities.notifying.asyncio.sleep", meanwhile)
    settings = MailSettings(url=f"smtp://127.0.0.1:{office}", sender=SENDER, timeout=5)
    with closing(NotificationActivities(engine, Authority(), settings, "https://x.example", gathering)) as activities:
        delivery = await ActivityEnvironment().run(activities.deliver_notices, "CH-1")
    assert delivery == calls.Delivery(sent=2, version=2)


def test_the_connection_to_the_mail_server_is_kept_between_rounds(filed: Engine, clerk: Clerk, office: int) -> None:
    with closing(notifying(filed, office)) as activities:
        for change in ("CH-1", "CH-2"):
            asyncio.run(ActivityEnvironment().run(activities.deliver_notices, change))
    assert len(clerk.letters) == 4
    assert len(clerk.connections) == 1


def test_leftovers_of_all_changes_are_sent_once(filed: Engine, clerk: Clerk, office: int) -> None:
    deliver(filed, office, "CH-2")
    assert deliver(filed, office) == calls.Delivery(sent=2)
    assert deliver(filed, office) == calls.Delivery()
    assert arrived(clerk) == [("CH-2", MANAGER), ("CH-2", OWNER), ("CH-1", MANAGER), ("CH-1", OWNER)]


def test_a_letter_sent_again_after_a_crash_bears_the_same_identity(filed: Engine, clerk: Clerk, office: int) -> None:
    """Killed between the server's yes and the tick in the outbox, it goes twice; mail programs know it again."""
    deliver(filed, office, "CH-1")
    with writing(filed) as connection:
        connection.execute(tables.outbox.update().values(finished_at=None))
    lapse(filed)
    deliver(filed, office, "CH-1")
    identities = [message_from_bytes(content)["Message-ID"] for content in clerk.letters]
    assert identities[:2] == identities[2:]
    assert len(set(identities)) == 2


def test_the_catcher_of_the_demonstration_shows_what_was_sent(filed: Engine, tmp_path: Path) -> None:
    catcher = Catcher(tmp_path)
    catcher.start()
    try:
        assert deliver(filed, catcher.port, "CH-1") == calls.Delivery(sent=2, version=2)
    finally:
        catcher.stop()
    caught = sorted(list_caught(tmp_path), key=lambda letter: letter.recipient)
    assert [letter.recipient for letter in caught] == [
        "Jonas Okafor <jonas.okafor@nordwind.example>",
        "Samira Haddad <samira.haddad@nordwind.example>",
    ]
    letter = read_caught(tmp_path, caught[0].name)
    assert letter.subject.strip().startswith("[CH-1] Please answer the proposal")
    assert "Mara Lind" in letter.text
    assert "Returns and refunds" in letter.text
    assert "Europe/Berlin" in letter.text
    assert "https://groundswell.nordwind.example/changes/CH-1" in letter.text


def test_more_than_one_batch_is_sent_in_one_go(
    filed: Engine, clerk: Clerk, office: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    copies = [{**row, "key": f"{row['key']} {copy}"} for copy in range(3) for row in rows(filed)]
    with writing(filed) as connection:
        for copy in copies:
            del copy["number"]
            connection.execute(insert(tables.outbox).values(copy))
    monkeypatch.setattr("activities.notifying.BATCH", 3)
    assert deliver(filed, office) == calls.Delivery(sent=16)
    assert len(clerk.connections) == 1
    assert waiting(filed) == 0


def test_nothing_to_send_needs_no_mail_server(engine: Engine) -> None:
    assert deliver(engine, free_port(), "CH-1") == calls.Delivery()
    assert deliver(engine, free_port()) == calls.Delivery()


# --------------------------------------------------------------------------------------------- several rounds at once


@pytest.fixture
def holding() -> HoldingClerk:
    return HoldingClerk()


@pytest.fixture
def slow_office(holding: HoldingClerk) -> Iterator[int]:
    """The port of a mail server that holds the first letter."""
    with open_office(holding) as port:
        yield port
        holding.let_go.set()


def lapse(engine: Engine, after: int = 0) -> None:
    """Five minutes have gone: what was claimed is in nobody's hands, from after number ``after``."""
    table = tables.outbox
    with writing(engine) as connection:
        connection.execute(
            update(table).where(table.c.number > after).values(claimed_until=datetime.now(UTC) - timedelta(seconds=1))
        )


def identities(clerk: Clerk) -> list[str]:
    return [message_from_bytes(content)["Message-ID"] for content in clerk.letters]


@pytest.mark.parametrize("first", [None, "CH-1"], ids=["housekeeping first", "the change first"])
def test_two_rounds_at_once_send_each_letter_once(
    filed: Engine, holding: HoldingClerk, slow_office: int, first: str | None
) -> None:
    with ThreadPoolExecutor() as threads:
        one = threads.submit(deliver, filed, slow_office, first)
        assert holding.has_one.wait(20)
        if first:
            assert deliver(filed, slow_office) == calls.Delivery(sent=2), "what is not in hand leaves"
        else:
            with pytest.raises(ApplicationError, match="Another round has letters in hand: 2 of CH-1") as said:
                deliver(filed, slow_office, "CH-1")
            assert said.value.category is ApplicationErrorCategory.BENIGN
        holding.let_go.set()
        assert one.result(20).sent == (2 if first else 4)
    assert len(identities(holding)) == len(set(identities(holding))) == 4
    assert waiting(filed) == 0


def test_two_processes_send_each_letter_once(filed: Engine, holding: HoldingClerk, slow_office: int) -> None:
    with ThreadPoolExecutor() as threads:
        one = threads.submit(in_processes, 1, send_mail, address_of(filed), slow_office)
        assert holding.has_one.wait(20)
        in_processes(1, send_mail, address_of(filed), slow_office)
        assert holding.letters == []
        holding.let_go.set()
        one.result(30)
    assert len(identities(holding)) == len(set(identities(holding))) == 4
    assert waiting(filed) == 0


def test_a_round_whose_claim_lapsed_sends_nothing_that_another_has_claimed(
    filed: Engine, holding: HoldingClerk, slow_office: int
) -> None:
    with ThreadPoolExecutor() as threads:
        slow = threads.submit(deliver, filed, slow_office)
        assert holding.has_one.wait(20)
        lapse(filed, after=rows(filed)[0]["number"])
        assert deliver(filed, slow_office) == calls.Delivery(sent=3)
        holding.let_go.set()
        assert slow.result(20) == calls.Delivery(sent=1)
    assert len(identities(holding)) == len(set(identities(holding))) == 4
    assert waiting(filed) == 0


def test_what_a_worker_had_in_hand_when_it_died_leaves_when_its_claim_has_lapsed(
    filed: Engine, clerk: Clerk, office: int
) -> None:
    in_processes(1, send_mail_and_die, address_of(filed), office, ends_with=-signal.SIGKILL)
    assert len(clerk.letters) == 3, "two were ticked off; the third's tick was lost"
    assert [row["finished_at"] is not None for row in rows(filed)] == [True, True, False, False]
    assert deliver(filed, office) == calls.Delivery()
    with pytest.raises(ApplicationError, match="2 of CH-2"):
        deliver(filed, office, "CH-2")
    lapse(filed)
    assert deliver(filed, office, "CH-2") == calls.Delivery(sent=2, version=2)
    sent = identities(clerk)
    assert len(sent) == 5 and sent[2] == sent[3] and len(set(sent)) == 4


async def test_a_round_that_is_cancelled_stops_after_the_letter_it_is_at_and_gives_back_the_others(
    filed: Engine, holding: HoldingClerk, slow_office: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("activities.notifying.SIGN_OF_LIFE", 0.01)
    environment, sign = ActivityEnvironment(), asyncio.Event()
    environment.on_heartbeat = lambda *_: sign.set()
    with closing(notifying(filed, slow_office)) as activities:
        sending = asyncio.ensure_future(environment.run(activities.deliver_leftover_notices))
        assert await asyncio.to_thread(holding.has_one.wait, 20)
        await asyncio.wait_for(sign.wait(), 20)
        environment.cancel()
        await asyncio.sleep(0.05)
        assert not sending.done(), "it is not over while a letter is under way"
        holding.let_go.set()
        with pytest.raises(asyncio.CancelledError):
            await sending
    assert len(holding.letters) == 1
    first, *others = rows(filed)
    assert first["finished_at"] is not None
    assert {(row["finished_at"], row["claimed_by"], row["attempts"]) for row in others} == {(None, None, 0)}
    assert await asyncio.to_thread(deliver, filed, slow_office) == calls.Delivery(sent=3)


def test_where_letters_take_long_what_left_is_ticked_off_and_the_rest_claimed_anew(
    filed: Engine, clerk: Clerk, office: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("activities.notifying.BEGIN_WITHIN", timedelta())
    ticked: list[int] = []
    send = Mailer.send

    def looking(mailer: Mailer, letter: Letter) -> None:
        ticked.append(4 - waiting(filed))
        send(mailer, letter)

    monkeypatch.setattr(Mailer, "send", looking)
    assert deliver(filed, office) == calls.Delivery(sent=4)
    assert ticked == [0, 1, 2, 3]
    assert len(set(identities(clerk))) == len(clerk.letters) == 4


# ------------------------------------------------------------------------------------------- servers that are away


def test_others_decide_while_links_are_worked_out_and_a_letter_sent_again_holds_the_same_link(
    filed: Engine, clerk: Clerk, office: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def meanwhile(connection: Connection, asking: Iterable[Outgoing], secret: bytes) -> dict[int, NewLink]:
        Desk(filed, f"CH-{2 + len(clerk.letters)}1", now=datetime.now(UTC)).give(PROPOSER, submit())
        return links_for(connection, asking, secret)

    monkeypatch.setattr("activities.notifying.links_for", meanwhile)
    settings = MailSettings(url=f"smtp://127.0.0.1:{office}", sender=SENDER, timeout=5)
    with closing(
        NotificationActivities(filed, Authority(), settings, "https://x.example", timedelta(), b"s" * 32)
    ) as activities:
        assert asyncio.run(ActivityEnvironment().run(activities.deliver_notices, "CH-1")).sent == 2
        with writing(filed) as connection:
            connection.execute(update(tables.mail_link).values(used_at=datetime.now(UTC)))
            connection.execute(update(tables.outbox).where(tables.outbox.c.change == "CH-1").values(finished_at=None))
        lapse(filed)
        assert asyncio.run(ActivityEnvironment().run(activities.deliver_notices, "CH-1")).sent == 2
    assert b"/answer/" in clerk.letters[0] and clerk.letters[:2] == clerk.letters[2:]
    with reading(filed) as connection:
        kept = connection.execute(select(tables.mail_link.c.used_at)).scalars().all()
    assert kept and all(kept), "a link that was used stays used"


def test_a_mail_server_that_is_away_is_said_and_nothing_is_marked_as_sent(filed: Engine, clerk: Clerk) -> None:
    for _ in range(2):
        with pytest.raises(MailUnavailable, match="Connection refused"):
            deliver(filed, free_port(), "CH-1")
    assert waiting(filed) == 4
    first, _, other, _ = rows(filed)
    assert (first["finished_at"], first["attempts"]) == (None, 2)
    assert "Connection refused" in first["last_error"]
    assert (other["attempts"], other["last_error"]) == (0, None)
    with open_office(clerk) as port:
        assert deliver(filed, port, "CH-1") == calls.Delivery(sent=2, version=2)
    assert [(row["finished_at"] is not None, row["last_error"]) for row in rows(filed)[:2]] == [(True, None)] * 2


def test_a_mail_server_that_is_away_for_a_night_loses_nothing(filed: Engine, clerk: Clerk) -> None:
    port = free_port()
    for _ in range(12):
        with pytest.raises(MailUnavailable):
            deliver(filed, port)
    with open_office(clerk) as port:
        assert deliver(filed, port) == calls.Delivery(sent=4)


def test_what_could_not_leave_for_days_is_given_up_with_the_reason(filed: Engine) -> None:
    old = datetime.now(UTC) - PATIENCE
    with writing(filed) as connection:
        table = tables.outbox
        connection.execute(table.update().where(table.c.change == "CH-1").values(created_at=old))
    with pytest.raises(MailUnavailable):
        deliver(filed, free_port())
    assert waiting(filed) == 2
    assert {row["change"] for row in rows(filed) if row["finished_at"]} == {"CH-1"}
    assert all("Connection refused" in row["last_error"] for row in rows(filed))


def test_what_left_before_the_server_went_away_stays_sent(filed: Engine, clerk: Clerk, office: int) -> None:
    clerk.refusals[ADDRESSES[OWNER]] = "421 Closing"
    with pytest.raises(MailUnavailable, match="421 Closing"):
        deliver(filed, office, "CH-1")
    assert arrived(clerk) == [("CH-1", MANAGER)]
    assert [row["finished_at"] is not None for row in rows(filed)] == [True, False, False, False]
    clerk.refusals.clear()
    assert deliver(filed, office, "CH-1") == calls.Delivery(sent=1, version=2)
    assert arrived(clerk) == [("CH-1", MANAGER), ("CH-1", OWNER)]


# --------------------------------------------------------------------------------------- recipients who are trouble


def test_a_recipient_refused_for_good_does_not_keep_the_others_from_hearing(
    filed: Engine, clerk: Clerk, office: int
) -> None:
    clerk.refusals[ADDRESSES[MANAGER]] = "550 5.1.1 No such person here"
    assert deliver(filed, office) == calls.Delivery(sent=2, failed=2)
    assert deliver(filed, office) == calls.Delivery()
    assert arrived(clerk) == [("CH-1", OWNER), ("CH-2", OWNER)]
    assert waiting(filed) == 0
    assert "550 5.1.1 No such person here" in rows(filed)[0]["last_error"]


def test_a_recipient_put_off_for_now_does_not_keep_the_others_from_hearing(
    filed: Engine, clerk: Clerk, office: int
) -> None:
    """A full mailbox for weeks must not cost anybody else their mail."""
    clerk.refusals[ADDRESSES[MANAGER]] = "452 4.2.2 Mailbox full"
    assert deliver(filed, office) == calls.Delivery(sent=2, failed=2)
    assert deliver(filed, office) == calls.Delivery(failed=2)
    assert arrived(clerk) == [("CH-1", OWNER), ("CH-2", OWNER)]
    assert [row["attempts"] for row in rows(filed)] == [2, 0, 2, 0]
    clerk.refusals.clear()
    assert deliver(filed, office) == calls.Delivery(sent=2)


def test_a_letter_put_off_is_tried_once_more_at_once_and_then_left_to_housekeeping(
    filed: Engine, clerk: Clerk, office: int
) -> None:
    """A connection that breaks in the middle of a change's only letter must not cost a quarter of an hour."""
    clerk.refusals[ADDRESSES[MANAGER]] = "452 4.2.2 Mailbox full"
    with pytest.raises(ApplicationError, match="The mail server put off 1 of CH-1") as said:
        deliver(filed, office, "CH-1")
    assert said.value.category is ApplicationErrorCategory.BENIGN and not said.value.non_retryable
    assert arrived(clerk) == [("CH-1", OWNER)], "nobody else waits for it"
    assert deliver(filed, office, "CH-1", attempt=2) == calls.Delivery(failed=1, version=2)
    clerk.refusals.clear()
    assert deliver(filed, office, "CH-1", attempt=2) == calls.Delivery(sent=1, version=2)


def test_mail_for_somebody_who_is_not_active_any_more_is_dropped(filed: Engine, clerk: Clerk, office: int) -> None:
    with writing(filed) as connection:
        table = tables.person
        connection.execute(table.update().where(table.c.ref == MANAGER).values(active=False))
    assert deliver(filed, office, "CH-1") == calls.Delivery(sent=1, failed=1, version=2)
    assert deliver(filed, office, "CH-1") == calls.Delivery(version=2)
    assert arrived(clerk) == [("CH-1", OWNER)]
    dropped = rows(filed)[0]
    assert dropped["finished_at"] is not None
    assert "not active any more" in dropped["last_error"]


def test_mail_for_nobody_and_mail_that_cannot_be_written_are_set_aside(
    filed: Engine, clerk: Clerk, office: int
) -> None:
    first, second, *_ = rows(filed)
    with writing(filed) as connection:
        table = tables.outbox
        nobody = first["notice"].replace(f'"recipient":"{MANAGER}"', '"recipient":"ghost"')
        connection.execute(table.update().where(table.c.number == first["number"]).values(notice=nobody))
        unknown = second["notice"].replace('"kind":"asked"', '"kind":"of_a_later_version"')
        connection.execute(table.update().where(table.c.number == second["number"]).values(notice=unknown))
    with capture_logs() as lines:
        assert deliver(filed, office) == calls.Delivery(sent=2, failed=2)
    assert [line["event"] for line in lines] == ["a letter could not be written"] * 2 + ["mail"]
    assert arrived(clerk) == [("CH-2", MANAGER), ("CH-2", OWNER)]
    assert waiting(filed) == 0
    assert all(row["last_error"] for row in rows(filed)[:2])


def test_an_address_that_changed_meanwhile_is_the_one_used(filed: Engine, clerk: Clerk, office: int) -> None:
    with writing(filed) as connection:
        table = tables.person
        connection.execute(table.update().where(table.c.ref == MANAGER).values(email="j.okafor@nordwind.example"))
    deliver(filed, office, "CH-1")
    assert arrived(clerk) == [("CH-1", "j.okafor"), ("CH-1", OWNER)]


def test_time_is_told_by_the_clock_of_the_organisation(filed: Engine, clerk: Clerk, office: int) -> None:
    deliver(filed, office, "CH-1")
    letter = message_from_bytes(clerk.letters[0], _class=EmailMessage, policy=SMTP)
    assert abs(letter["Date"].datetime - datetime.now(UTC)) < timedelta(hours=1)
    body = letter.get_body(("plain",))
    assert body is not None
    assert "(Europe/Berlin)" in body.get_content()


def test_all_names_every_activity_that_a_workflow_calls(engine: Engine) -> None:
    found = notifying(engine, free_port()).all()
    names = {activity.__temporal_activity_definition.name for activity in found}  # type: ignore[attr-defined]
    assert names == {calls.DELIVER, calls.DELIVER_LEFTOVERS}
