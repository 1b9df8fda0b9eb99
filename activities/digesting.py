"""The weekly digest: written for everybody at once, then sent letter by letter. Rounds of sending may overlap, as in
:mod:`activities.notifying`; each claims what it sends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import structlog
from sqlalchemy import Engine
from temporalio import activity
from temporalio.exceptions import CancelledError

from directory.model import Directory
from notifications.digest import digest_letter
from notifications.leaving import leaving_token
from notifications.letter import Letter
from notifications.rendering import Recipient
from notifications.smtp import Mailer, MailPutOff, MailRefused, MailSettings, MailUnavailable
from store.authority import Authority
from store.claims import new_claimant
from store.database import reading, writing
from store.digests import (
    BATCH,
    PATIENCE,
    WrittenDigest,
    claim_digests,
    holds_digest,
    let_digests_go,
    tick_digest,
    waiting_digests,
    write_digests,
)
from temporal import calls
from temporal.retrying import DIGESTING

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

    @activity.defn(name=calls.SEND_DIGESTS, no_thread_cancel_exception=True)
    def send_digests(self) -> calls.Delivery:
        """Send digests that wait, each once. Run again, it sends only what has not left yet.

        Being cancelled is looked for between letters: an exception in the middle of one would lose its tick.

        Raises:
            MailUnavailable: when the mail server is away, or some could not leave now and there are attempts left;
                what was sent before that stays sent.
            CancelledError: when Temporal does not wait for it any more.
        """
        claimant, sent, failed = new_claimant(), 0, 0
        try:
            with Mailer(self._mail) as mailer:
                for written in self._claimed(claimant):
                    if activity.is_cancelled():
                        raise CancelledError("the round was told to stop")
                    outcome = self._send(mailer, written, claimant)
                    sent, failed = sent + outcome.sent, failed + outcome.failed
        finally:
            waiting = self._let_go(claimant)
        log.info("digests", sent=sent, failed=failed, waiting=waiting)
        if waiting and activity.info().attempt < DIGESTING.maximum_attempts:
            raise MailUnavailable(f"Digests that could not leave yet: {waiting}")
        return calls.Delivery(sent=sent, failed=failed)

    def _claimed(self, claimant: str) -> Iterator[WrittenDigest]:
        """What waits and is in nobody's hands, claimed a few at a time."""
        with reading(self._engine) as connection:
            keys = waiting_digests(connection)
        for start in range(0, len(keys), BATCH):
            activity.heartbeat()
            with writing(self._engine) as connection:
                claimed = claim_digests(connection, keys[start : start + BATCH], claimant, datetime.now(UTC))
            yield from claimed

    def _let_go(self, claimant: str) -> int:
        """Give back what has not left; how many wait, whoever has them in hand."""
        with writing(self._engine) as connection:
            let_digests_go(connection, claimant)
            return len(waiting_digests(connection))

    def _send(self, mailer: Mailer, written: WrittenDigest, claimant: str) -> calls.Delivery:
        """Send one, if it is in our hands still. One that cannot be written never keeps the others from leaving."""
        with reading(self._engine) as connection:
            if not holds_digest(connection, written, claimant, datetime.now(UTC)):
                return calls.Delivery()
            directory, zone = self._authority.directory(connection), self._authority.zone(connection)
        error, final = "sending it was interrupted", False
        try:
            mailer.send(self._letter(written, directory, zone))
            error = ""
        except MailRefused as refused:
            error, final = str(refused), True
        except MailPutOff as put_off:
            error = str(put_off)
        except MailUnavailable as away:
            error = str(away)
            raise
        finally:
            with writing(self._engine) as connection:
                tick_digest(connection, written, claimant, error, final, datetime.now(UTC))
        return calls.Delivery(sent=not error, failed=bool(error))

    def _letter(self, written: WrittenDigest, directory: Directory, zone: str) -> Letter:
        try:
            person = directory.person(written.person)
            if not person.active:
                raise MailRefused(f"{person.ref} is not active any more")
            if datetime.now(UTC) - written.written_at > PATIENCE:
                raise MailRefused("it is old, and the next one is near")
            recipient = Recipient(ref=person.ref, name=person.name, email=person.email, zone=zone)
            token = leaving_token(self._secret, person.ref, "digest")
            sender = self._mail.sender
            return digest_letter(written.digest, recipient, self._public_url, sender, token, written.written_at)
        except MailRefused:
            raise
        except Exception as error:
            log.exception("a digest could not be written", person=written.person)
            raise MailRefused(f"could not be written: {error}") from error
