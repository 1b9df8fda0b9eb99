"""Sending notices from the outbox: at least once, recognised by their Message-ID where they arrive twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import structlog
from sqlalchemy import Engine
from temporalio import activity

from directory.model import Directory
from notifications.rendering import Recipient, render
from notifications.smtp import Mailer, MailRefused, MailSettings, MailUnavailable
from store.authority import Authority
from store.database import reading, writing
from store.outbox import Outgoing, mark_delivered, mark_failed, waiting_to_leave
from temporal import calls

log = structlog.get_logger()


class NotificationActivities:
    """Activities that send mail."""

    def __init__(self, engine: Engine, authority: Authority, mail: MailSettings, public_url: str) -> None:
        self._engine = engine
        self._authority = authority
        self._mail = mail
        self._public_url = public_url

    def all(self) -> list[Callable[..., Any]]:
        """The activities, for the worker's list."""
        return [self.deliver_notices, self.deliver_leftover_notices]

    @activity.defn(name=calls.DELIVER)
    def deliver_notices(self, change: str) -> calls.Delivery:
        """Send what waits for one change. Run again, it sends only what has not left yet.

        Raises:
            MailUnavailable: when the mail server is away; what was sent before that stays sent.
        """
        return self._deliver(change)

    @activity.defn(name=calls.DELIVER_LEFTOVERS)
    def deliver_leftover_notices(self) -> calls.Delivery:
        """Send what is left of all changes, such as mail that found its server away for an hour."""
        return self._deliver(None)

    def _deliver(self, change: str | None) -> calls.Delivery:
        with reading(self._engine) as connection:
            outgoing = waiting_to_leave(connection, change)
            directory = self._authority.directory(connection)
        if not outgoing:
            return calls.Delivery()
        return self._send(outgoing, directory)

    def _send(self, outgoing: Sequence[Outgoing], directory: Directory) -> calls.Delivery:
        names = {ref: person.name for ref, person in directory.people.items()}
        delivered: list[int] = []
        failed: list[tuple[Outgoing, str, bool]] = []
        unavailable: MailUnavailable | None = None
        try:
            with Mailer(self._mail) as mailer:
                for item in outgoing:
                    person = directory.people.get(item.notice.recipient)
                    if person is None or not person.active:
                        failed.append((item, "the recipient is not active any more", True))
                        continue
                    recipient = Recipient(ref=person.ref, name=person.name, email=person.email)
                    try:
                        mailer.send(render(item.notice, recipient, names, self._public_url, self._mail.sender))
                        delivered.append(item.number)
                    except MailRefused as error:
                        failed.append((item, str(error), True))
        except MailUnavailable as error:
            unavailable = error
            sent = {*delivered, *(item.number for item, _, _ in failed)}
            failed += [(item, str(error), False) for item in outgoing if item.number not in sent]
        now = datetime.now(UTC)
        with writing(self._engine) as connection:
            mark_delivered(connection, delivered, now)
            for item, reason, final in failed:
                mark_failed(connection, item, reason, final, now)
        log.info("mail", sent=len(delivered), failed=len(failed))
        if unavailable:
            raise unavailable
        return calls.Delivery(sent=len(delivered), failed=len(failed))
