"""Sending notices from the outbox: at least once, recognised by their Message-ID where they arrive twice.

Rounds overlap: each change has its own, housekeeping looks at all, and what Temporal gave up may run on. A round claims
what it sends (docs/decisions/0046), so a letter arrives twice only where its tick was lost.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Container, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import structlog
from sqlalchemy import Connection, Engine
from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.service import RPCError

from changes.values import nobodys_name
from directory.model import Directory
from notifications.letter import Letter
from notifications.rendering import Recipient, render
from notifications.smtp import Mailer, Mailers, MailPutOff, MailRefused, MailSettings, MailUnavailable
from store.authority import Authority
from store.claims import BEGIN_WITHIN, new_claimant
from store.database import reading, writing
from store.mail_choices import keep_aside, set_aside
from store.mail_links import ANSWERED_BY_MAIL, NewLink, keep_links, links_for
from store.outbox import (
    BATCH,
    Outgoing,
    claim_letters,
    holds_letter,
    let_letters_go,
    mark_delivered,
    mark_failed,
    waiting_to_leave,
)
from store.reading import change_version
from store.webhooks import endpoints_to_wake, forget_old_deliveries
from temporal import calls
from temporal.waking import wake_endpoint

log = structlog.get_logger()


GATHERING = timedelta(seconds=2)
"""How long a change's letters gather before they leave: five answers in a row cost one activity, not five."""
SIGN_OF_LIFE = 10.0
"""Seconds after which a round that is not done says so; Temporal answers whether it has been cancelled."""


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
            ApplicationError: when another round has some of it in hand: what becomes of that is seen by trying again;
                or, once, when a letter was put off, as where the connection broke in the middle of it. Trying again in
                seconds is usually enough, and the next round of housekeeping is a quarter of an hour away.
        """
        await asyncio.sleep(self._gathering.total_seconds())
        await self._wake_endpoints(change)
        return await self._send_aside(change)

    @activity.defn(name=calls.DELIVER_LEFTOVERS)
    async def deliver_leftover_notices(self) -> calls.Delivery:
        """Send what is left of all changes, such as mail that found its server away for an hour."""
        await self._wake_endpoints(None)
        await asyncio.to_thread(self._forget)
        return await self._send_aside(None)

    async def _send_aside(self, change: str | None) -> calls.Delivery:
        """Send in a thread, which no cancellation reaches by itself: it is told to stop, and waited for."""
        stop = threading.Event()
        sending = asyncio.ensure_future(asyncio.to_thread(self._deliver, change, stop))
        try:
            while not (await asyncio.wait({sending}, timeout=SIGN_OF_LIFE))[0]:
                activity.heartbeat()
            return sending.result()
        except asyncio.CancelledError:
            stop.set()
            await asyncio.wait({sending})
            if error := sending.exception():
                log.warning("a round of mail that was cancelled failed", cause=str(error))
            raise

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

    def _deliver(self, change: str | None, stop: threading.Event) -> calls.Delivery:
        """Send batch by batch, and tick each off before the next: what dies in between repeats no more than a batch."""
        sent = failed = put_off = in_hand = version = after = 0
        claimant, more = new_claimant(), True
        with self._mailers.lend() as mailer:
            while more and not stop.is_set():
                batch = self._claim(change, after, claimant)
                round_ = self._send(batch, mailer, stop)
                sent, failed = sent + len(round_.delivered), failed + len(round_.failed)
                put_off += round_.put_off
                in_hand, version = in_hand + batch.in_hand + len(round_.lost), batch.version
                # Where all were read, what came meanwhile belongs to a later version, and to the next round.
                after, more = round_.looked_at(batch.last), batch.full or bool(round_.left)
        if change and not stop.is_set():
            if in_hand:
                raise _try_again("LettersInHand", f"Another round has letters in hand: {in_hand} of {change}")
            if put_off and activity.info().attempt == 1:
                raise _try_again("LettersPutOff", f"The mail server put off {put_off} of {change}")
        return calls.Delivery(sent=sent, failed=failed, version=version)

    def _claim(self, change: str | None, after: int, claimant: str) -> _Batch:
        """What waits and is in nobody's hands, with all that is looked up for its letters, and the version at which the
        change was. It is read in one transaction, which keeps nobody from writing; it is claimed, and the links are
        kept, in another, before a letter that holds one can arrive.
        """
        now = datetime.now(UTC)
        with reading(self._engine) as connection:
            version = change_version(connection, change) if change else 0
            found = waiting_to_leave(connection, change, after, BATCH)
            free = [item for item in found if not item.in_hand(now)]
            letters = self._look_up(connection, free) if free else _NONE
        claimed: set[int] = set()
        if free:
            with writing(self._engine) as connection:
                claimed = claim_letters(connection, [item.number for item in free], claimant, now)
                letters = letters.among(claimed)
                keep_links(connection, letters.links.values(), now)
        return _Batch(
            claimant=claimant,
            claimed_at=now,
            letters=letters,
            version=version,
            in_hand=len(found) - len(claimed),
            last=found[-1].number if found else after,
            full=len(found) == BATCH,
        )

    def _look_up(self, connection: Connection, outgoing: Sequence[Outgoing]) -> _Letters:
        at_once, aside = set_aside(connection, outgoing)
        asking = [item for item in at_once if item.notice.kind in ANSWERED_BY_MAIL] if self._link_secret else ()
        return _Letters(
            at_once=at_once,
            aside=aside,
            links=links_for(connection, asking, self._link_secret),
            directory=self._authority.directory(connection),
            zone=self._authority.zone(connection),
        )

    def _send(self, batch: _Batch, mailer: Mailer, stop: threading.Event) -> _Round:
        """Send a batch; what has not been begun when the round is to stop, or when the claim is not young any more, is
        given back."""
        round_ = _Round(batch)
        if batch.letters is _NONE:
            return round_
        try:
            for item in batch.letters.at_once:
                if stop.is_set():
                    break
                self._send_one(item, batch, round_, mailer)
                if datetime.now(UTC) - batch.claimed_at > BEGIN_WITHIN:
                    break
        except MailUnavailable as error:
            round_.give_back(str(error))
            raise
        finally:
            self._write_down(round_, batch)
        return round_

    def _send_one(self, item: Outgoing, batch: _Batch, round_: _Round, mailer: Mailer) -> None:
        """Write and send one letter. One that cannot be written never keeps the others from leaving."""
        try:
            letter = self._letter(item, batch)
        except MailRefused as error:
            round_.fail(item, str(error), final=True)
            return
        except Exception as error:
            log.exception("a letter could not be written", notice=item.notice.key)
            round_.fail(item, f"could not be written: {error}", final=True)
            return
        with reading(self._engine) as connection:
            if not holds_letter(connection, item.number, batch.claimant, datetime.now(UTC)):
                round_.lose(item)
                return
        try:
            mailer.send(letter)
        except MailRefused as error:
            round_.fail(item, str(error), final=True)
        except MailPutOff as error:
            round_.fail(item, str(error), final=False)
        else:
            round_.deliver(item)

    def _letter(self, item: Outgoing, batch: _Batch) -> Letter:
        notice = item.notice
        person = batch.letters.directory.person(notice.recipient)
        if not person.active:
            raise MailRefused(f"{notice.recipient} is not active any more")
        recipient = Recipient(ref=person.ref, name=person.name, email=person.email, zone=batch.letters.zone)
        names = {ref: _name(batch.letters.directory, ref) for ref in notice.mentions}
        link = batch.letters.links.get(item.number)
        with self._one_writes:
            return render(notice, recipient, names, self._public_url, self._sender, link.token if link else "")

    def _write_down(self, round_: _Round, batch: _Batch) -> None:
        now = datetime.now(UTC)
        with writing(self._engine) as connection:
            keep_aside(connection, batch.letters.aside, now)
            mark_delivered(connection, round_.delivered, now)
            for item, reason, final in round_.failed:
                mark_failed(connection, item, batch.claimant, reason, final, now)
            if round_.left:
                let_letters_go(connection, list(round_.left), batch.claimant)
        log.info("mail", sent=len(round_.delivered), failed=len(round_.failed))


class _Letters(NamedTuple):
    """Letters to be written, and what is looked up once for all of them."""

    at_once: Sequence[Outgoing]
    """Those that leave now."""
    aside: Mapping[str, Sequence[int]]
    """The numbers of those that do not, by the reason."""
    links: Mapping[int, NewLink]
    """For each letter that asks something: the page on which it can be answered."""
    directory: Directory
    zone: str

    def among(self, numbers: Container[int]) -> _Letters:
        """Those with one of ``numbers``."""
        return self._replace(
            at_once=[item for item in self.at_once if item.number in numbers],
            aside={how: [one for one in these if one in numbers] for how, these in self.aside.items()},
            links={number: link for number, link in self.links.items() if number in numbers},
        )


_NONE = _Letters((), {}, {}, Directory((), (), ()), "UTC")


class _Batch(NamedTuple):
    """Letters that are in our hands."""

    claimant: str
    claimed_at: datetime
    letters: _Letters
    version: int
    """The change's, when they were read."""
    in_hand: int
    """How many waited beside them that another round has in hand."""
    last: int
    """The number of the last that was read."""
    full: bool
    """Whether more may wait behind it."""


class _Round:
    """How sending a batch went: what left, and what did not and why."""

    def __init__(self, batch: _Batch) -> None:
        self.left = {item.number: item for item in batch.letters.at_once}
        """What is in our hands still."""
        self.delivered: list[int] = []
        self.failed: list[tuple[Outgoing, str, bool]] = []
        self.lost: list[int] = []
        """What was not in our hands any more."""

    def deliver(self, item: Outgoing) -> None:
        """It has left."""
        self.delivered.append(item.number)
        del self.left[item.number]

    def fail(self, item: Outgoing, reason: str, final: bool) -> None:
        """It could not leave."""
        self.failed.append((item, reason, final))
        del self.left[item.number]

    def lose(self, item: Outgoing) -> None:
        """It was taken out of our hands."""
        self.lost.append(item.number)
        del self.left[item.number]

    def give_back(self, reason: str) -> None:
        """The mail server is away: what has not left yet is tried again."""
        for item in list(self.left.values()):
            self.fail(item, reason, final=False)

    @property
    def put_off(self) -> int:
        """How many could not leave now."""
        return sum(not final for _, _, final in self.failed)

    def looked_at(self, last: int) -> int:
        """The number up to which all were looked at, where ``last`` was the last of the batch."""
        return min(self.left) - 1 if self.left else last


def _try_again(kind: str, why: str) -> ApplicationError:
    return ApplicationError(why, type=kind, category=ApplicationErrorCategory.BENIGN)


def _name(directory: Directory, ref: str) -> str:
    """The name of a person, team or process, as it is now; nobody's, for somebody who stays anonymous."""
    if nobody := nobodys_name(ref):
        return nobody
    for known in (directory.people, directory.teams, directory.processes):
        if ref in known:
            return known[ref].name
    return ref
