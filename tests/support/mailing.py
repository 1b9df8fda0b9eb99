"""Rounds of mail in processes of their own, as several workers have them."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import closing
from datetime import timedelta

from temporalio.testing import ActivityEnvironment

import activities.notifying
from activities.notifying import NotificationActivities
from notifications.letter import Letter
from notifications.smtp import Mailer, MailSettings
from store.authority import Authority
from store.database import open_database

SENDER = "Groundswell <groundswell@nordwind.example>"


def send_mail(address: str, port: int, _number: int) -> None:
    """Send what is left of all changes."""
    engine = open_database(address)
    mail = MailSettings(url=f"smtp://127.0.0.1:{port}", sender=SENDER, timeout=5)
    with closing(NotificationActivities(engine, Authority(), mail, "https://x.example", timedelta())) as sending:
        asyncio.run(ActivityEnvironment().run(sending.deliver_leftover_notices))
    engine.dispose()


def send_mail_and_die(address: str, port: int, number: int) -> None:
    """The same two at a time, until the third letter was taken: the worker dies before it is ticked off."""
    send, taken = Mailer.send, []

    def deadly(mailer: Mailer, letter: Letter) -> None:
        send(mailer, letter)
        taken.append(letter)
        if len(taken) == 3:
            os.kill(os.getpid(), signal.SIGKILL)

    setattr(Mailer, "send", deadly)  # noqa: B010 - this process ends with it
    setattr(activities.notifying, "BATCH", 2)  # noqa: B010 - it is imported there, not exported
    send_mail(address, port, number)
