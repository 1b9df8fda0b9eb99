"""The weekly digest: written for everybody at once, then sent letter by letter."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import structlog
from sqlalchemy import Engine
from temporalio import activity

from notifications.digest import digest_letter
from notifications.leaving import leaving_token
from notifications.rendering import Recipient
from notifications.smtp import Mailer, MailRefused, MailSettings, MailUnavailable
from store.authority import Authority
from store.database import reading, writing
from store.digests import WrittenDigest, digests_to_send, tick_digest, write_digests
from temporal import calls

log = structlog.get_logger()


class DigestActivities:
    """Activities of the weekly digest.

    Args:
        secret: signs the links by which it is turned off.
    """

    def __init__(
        self, engine: Engine, authority: Authority, mail: MailSettings, public_url: str, secret: bytes
    ) -> None:
        self._engine = engine
        self._authority = authority
        self._mail = mail
        self._public_url = public_url
        self._secret = secret

    def all(self) -> list[Callable[..., Any]]:
        """The activities, for the worker's list."""
        return [self.write_digests, self.send_digests]

    @activity.defn(name=calls.WRITE_DIGESTS)
    def write_digests(self) -> int:
        """Write this week's digests, once each; how many there are."""
        with writing(self._engine) as connection:
            return write_digests(connection, self._authority.directory(connection), datetime.now(UTC))

    @activity.defn(name=calls.SEND_DIGESTS)
    def send_digests(self) -> calls.Delivery:
        """Send digests that wait. Run again, it sends only what has not left yet.

        Raises:
            MailUnavailable: when the mail server is away; what was sent before that stays sent.
        """
        sent = failed = 0
        with Mailer(self._mail) as mailer:
            tried: set[str] = set()
            while batch := [written for written in self._waiting() if written.person not in tried]:
                for written in batch:
                    tried.add(written.person)
                    error = self._send(mailer, written)
                    sent, failed = sent + (not error), failed + bool(error)
        log.info("digests", sent=sent, failed=failed)
        return calls.Delivery(sent=sent, failed=failed)

    def _waiting(self) -> list[WrittenDigest]:
        with reading(self._engine) as connection:
            return list(digests_to_send(connection))

    def _send(self, mailer: Mailer, written: WrittenDigest) -> str:
        """Send one; why it could not leave, if so."""
        error, final = "", False
        try:
            with reading(self._engine) as connection:
                person = self._authority.directory(connection).person(written.person)
                zone = self._authority.zone(connection)
            if not person.active:
                raise MailRefused(f"{person.ref} is not active any more")
            recipient = Recipient(ref=person.ref, name=person.name, email=person.email, zone=zone)
            token = leaving_token(self._secret, person.ref, "digest")
            mailer.send(
                digest_letter(written.digest, recipient, self._public_url, self._mail.sender, token, written.written_at)
            )
        except MailRefused as refused:
            error, final = str(refused), True
        except MailUnavailable as away:
            error = str(away)
            raise
        finally:
            with writing(self._engine) as connection:
                tick_digest(connection, written, error, final, datetime.now(UTC))
        return error
