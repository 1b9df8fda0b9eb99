"""Sending notices from the outbox: at least once, recognised by their Message-ID where they arrive twice."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from smtplib import SMTPDataError, SMTPRecipientsRefused
from typing import Any, NamedTuple

import structlog
from sqlalchemy import Engine
from temporalio import activity
from temporalio.service import RPCError

from changes.values import NAMELESS, is_pseudonym
from directory.model import Directory
from notifications.letter import Letter
from notifications.rendering import Recipient, render
from notifications.smtp import CLOSING, Mailer, Mailers, MailRefused, MailSettings, MailUnavailable
from store.authority import Authority
from store.database import reading, writing
from store.mail_choices import keep_aside, set_aside
from store.mail_links import ANSWERED_BY_MAIL, keep_links, links_for
from store.outbox import BATCH, Outgoing, mark_delivered, mark_failed, waiting_to_leave
from store.reading import change_version
from store.webhooks import endpoints_to_wake, forget_old_deliveries
from temporal import calls
from temporal.waking import wake_endpoint

log = structlog.get_logger()


GATHERING = timedelta(seconds=2)
"""How long a change's letters gather before they leave: five answers in a row cost one activity, not five."""


class NotificationActivities:
    """Activities that send mail."""

    def __init__(
        self,
        engine: Engine,
        authority: Authority,
        mail: MailSettings,
        public_url: str,
        gathering: timedelta = GATHERING,
        link_secret: bytes = b"",
    ) -> None:
        self._engine = engine
        self._authority = authority
        self._mailers = Mailers(mail)
        self._sender = mail.sender
        self._public_url = public_url
        self._gathering = gathering
        self._one_writes = threading.Lock()
        """Writing a letter is work for the processor: several at once would only take turns with each other and leave
        decisions a small part of it. Sending is waiting, and goes on side by side."""
        self._link_secret = link_secret

    def close(self) -> None:
        """Hang up on the mail server."""
        self._mailers.close()

    def all(self) -> list[Callable[..., Any]]:
        """The activities, for the worker's list."""
        return [self.deliver_notices, self.deliver_leftover_notices]

    @activity.defn(name=calls.DELIVER)
    async def deliver_notices(self, change: str) -> calls.Delivery:
        """Send what waits for one change, after a moment in which more may come. Run again, it sends only what has not
        left yet.

        Raises:
            MailUnavailable: when the mail server is away; what was sent before that stays sent.
        """
        await asyncio.sleep(self._gathering.total_seconds())
        await self._wake_endpoints(change)
        return await asyncio.to_thread(self._deliver, change)

    @activity.defn(name=calls.DELIVER_LEFTOVERS)
    async def deliver_leftover_notices(self) -> calls.Delivery:
        """Send what is left of all changes, such as mail that found its server away for an hour."""
        await self._wake_endpoints(None)
        await asyncio.to_thread(self._forget)
        return await asyncio.to_thread(self._deliver, None)

    async def _wake_endpoints(self, change: str | None) -> None:
        """Have the webhooks that wait sent by their endpoints' own workflows. Mail does not wait for them."""
        endpoints = await asyncio.to_thread(self._endpoints, change)
        for endpoint in endpoints:
            try:
                await wake_endpoint(activity.client(), activity.info().task_queue, endpoint)
            except RPCError as error:
                log.warning("an endpoint could not be woken", endpoint=endpoint, cause=str(error))

    def _forget(self) -> None:
        with writing(self._engine) as connection:
            forget_old_deliveries(connection, datetime.now(UTC))

    def _endpoints(self, change: str | None) -> Sequence[str]:
        with reading(self._engine) as connection:
            return endpoints_to_wake(connection, change)

    def _deliver(self, change: str | None) -> calls.Delivery:
        """Send batch by batch, and tick each off before the next: what dies in between repeats no more than a batch."""
        sent = failed = 0
        version, batch = self._waiting(change, 0)
        with self._mailers.lend() as mailer:
            while batch:
                round_ = self._send(batch, mailer)
                sent, failed = sent + len(round_.delivered), failed + len(round_.failed)
                if len(batch.outgoing) < BATCH:
                    break  # these were all; what came meanwhile belongs to a later version, and to the next round
                version, batch = self._waiting(change, batch.outgoing[-1].number)
        return calls.Delivery(sent=sent, failed=failed, version=version)

    def _waiting(self, change: str | None, after: int) -> tuple[int, _Batch | None]:
        """What waits with all that is looked up for its letters, and the version at which the change was when nothing
        else did. It is read in one transaction, which keeps nobody from writing; the links are kept in another, before
        a letter that holds one can arrive.
        """
        with reading(self._engine) as connection:
            version = change_version(connection, change) if change else 0
            outgoing = waiting_to_leave(connection, change, after, BATCH)
            if not outgoing:
                return version, None
            at_once, aside = set_aside(connection, outgoing)
            asking = [item for item in at_once if item.notice.kind in ANSWERED_BY_MAIL] if self._link_secret else ()
            links = links_for(connection, asking, self._link_secret)
            directory, zone = self._authority.directory(connection), self._authority.zone(connection)
        if links:
            with writing(self._engine) as connection:
                keep_links(connection, links.values(), datetime.now(UTC))
        answers = {number: link.token for number, link in links.items()}
        return version, _Batch(outgoing, at_once, aside, answers, directory, zone)

    def _send(self, batch: _Batch, mailer: Mailer) -> _Round:
        round_ = _Round(batch.at_once, batch.aside)
        try:
            for item in batch.at_once:
                round_.send(item, mailer, lambda item: self._letter(item, batch))
        except MailUnavailable as error:
            round_.give_back(str(error))
            raise
        finally:
            self._write_down(round_)
        return round_

    def _letter(self, item: Outgoing, batch: _Batch) -> Letter:
        notice = item.notice
        person = batch.directory.person(notice.recipient)
        if not person.active:
            raise MailRefused(f"{notice.recipient} is not active any more")
        recipient = Recipient(ref=person.ref, name=person.name, email=person.email, zone=batch.zone)
        names = {ref: _name(batch.directory, ref) for ref in notice.mentions}
        with self._one_writes:
            return render(notice, recipient, names, self._public_url, self._sender, batch.answers.get(item.number, ""))

    def _write_down(self, round_: _Round) -> None:
        now = datetime.now(UTC)
        with writing(self._engine) as connection:
            keep_aside(connection, round_.aside, now)
            mark_delivered(connection, round_.delivered, now)
            for item, reason, final in round_.failed:
                mark_failed(connection, item, reason, final, now)
        log.info("mail", sent=len(round_.delivered), failed=len(round_.failed))


class _Batch(NamedTuple):
    """Notices that wait, and what is looked up once for the letters of all of them."""

    outgoing: Sequence[Outgoing]
    at_once: Sequence[Outgoing]
    """Those that leave now."""
    aside: Mapping[str, Sequence[int]]
    """The numbers of those that do not, by the reason."""
    answers: Mapping[int, str]
    """For each letter that asks something: the token of the page on which it can be answered."""
    directory: Directory
    zone: str


class _Round:
    """One round of sending: what left, and what did not and why."""

    def __init__(self, outgoing: Sequence[Outgoing], aside: Mapping[str, Sequence[int]]) -> None:
        self.aside = aside
        self._left = {item.number: item for item in outgoing}
        self.delivered: list[int] = []
        self.failed: list[tuple[Outgoing, str, bool]] = []

    def send(self, item: Outgoing, mailer: Mailer, write: Callable[[Outgoing], Letter]) -> None:
        """Write and send one letter. One that cannot be written never keeps the others from leaving."""
        try:
            letter = write(item)
        except MailRefused as error:
            self._fail(item, str(error), final=True)
            return
        except Exception as error:
            log.exception("a letter could not be written", notice=item.notice.key)
            self._fail(item, f"could not be written: {error}", final=True)
            return
        try:
            mailer.send(letter)
        except MailRefused as error:
            self._fail(item, str(error), final=True)
        except MailUnavailable as error:
            if not _is_about_the_letter(error):
                raise
            self._fail(item, str(error), final=False)
        else:
            self.delivered.append(item.number)
            del self._left[item.number]

    def give_back(self, reason: str) -> None:
        """The mail server is away: what has not left yet is tried again."""
        for item in list(self._left.values()):
            self._fail(item, reason, final=False)

    def _fail(self, item: Outgoing, reason: str, final: bool) -> None:
        self.failed.append((item, reason, final))
        del self._left[item.number]


def _is_about_the_letter(error: MailUnavailable) -> bool:
    """Whether the server is there and puts off this one letter: a full mailbox, an unknown sender. Others may go."""
    match error.__cause__:
        case SMTPRecipientsRefused(recipients=answers):
            codes = {code for code, _ in answers.values()}
        case SMTPDataError(smtp_code=code):
            codes = {code}
        case _:
            return False
    return CLOSING not in codes


def _name(directory: Directory, ref: str) -> str:
    """The name of a person, team or process, as it is now; nobody's, for somebody who stays anonymous."""
    if is_pseudonym(ref):
        return NAMELESS
    for known in (directory.people, directory.teams, directory.processes):
        if ref in known:
            return known[ref].name
    return ref
