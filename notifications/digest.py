"""The weekly digest: what waits for somebody, what moved where they have a part, and how it goes around them. Pure.

It goes up as well as down: whoever leads people sees what their people started and what is stuck, an executive sees it
for the whole organisation. Nobody gets one in which nothing is new.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from email.utils import format_datetime
from typing import Any

from changes.values import Moment, Value
from notifications.addresses import mail_address
from notifications.environment import marked_up, plain
from notifications.headers import mailbox, words
from notifications.letter import Letter, letter
from notifications.rendering import Recipient
from notifications.wording import moment_in_words, short_day

MOST_LINES = 20
"""Lines in each part; the pages have them all."""


class Line(Value):
    """One change, with what there is to say about it."""

    change: str
    title: str
    words: str
    due: Moment | None = None


class Area(Value):
    """How it goes around somebody who leads people, or in the whole organisation."""

    name: str
    opened: int
    closed: int
    adopted: int
    overdue: int
    stuck: tuple[Line, ...] = ()
    """The changes that wait longest, and for whom."""

    @property
    def quiet(self) -> bool:
        """Whether nothing happened and nothing is stuck."""
        return not (self.opened or self.closed or self.overdue)


class WeeklyDigest(Value):
    """What one person is told about one week."""

    week: str
    """As ISO 8601 names it: 2026-W10."""
    waiting: tuple[Line, ...] = ()
    news: tuple[Line, ...] = ()
    """What they chose to hear of weekly."""
    moved: tuple[Line, ...] = ()
    """Changes in which they have a part, and where those stand now."""
    area: Area | None = None

    @property
    def nothing_new(self) -> bool:
        """Whether there is nothing worth a letter. What only waits still is reminded of in letters of its own."""
        return not self.news and not self.moved and (self.area is None or self.area.quiet)


def digest_letter(
    digest: WeeklyDigest, recipient: Recipient, public_url: str, sender: str, unsubscribe: str, at: datetime
) -> Letter:
    """The letter. The same arguments give the same bytes.

    Args:
        unsubscribe: the token by which it can be turned off without signing in (RFC 8058).
        at: when the digest was written.
    """
    base = public_url.rstrip("/")
    leave = f"{base}/mail/off/{unsubscribe}"
    context: dict[str, Any] = {
        "digest": digest,
        "name": recipient.name,
        "base": base,
        "leave": leave,
        "most": MOST_LINES,
        "moment": lambda moment: moment_in_words(moment, recipient.zone),
    }
    subject = f"Your week in Groundswell, {short_day(at, recipient.zone)}"
    text = plain().get_template("digest.txt").render(context)
    html = marked_up().get_template("digest.html").render({**context, "subject": subject})
    address = mail_address(sender)
    key = hashlib.sha256(f"digest {digest.week} {recipient.ref}".encode()).hexdigest()[:40]
    headers = {
        "From": mailbox("From", address.display_name, address.addr_spec),
        "To": mailbox("To", recipient.name, recipient.email),
        "Subject": words("Subject", subject),
        "Date": format_datetime(at),
        "Message-ID": f"<{key}@{address.domain}>",
        "List-Id": f"Groundswell digest <digest.{address.domain}>",
        "List-Unsubscribe": f"<{leave}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
    }
    return letter(address.addr_spec, recipient.email, headers, text, html, boundary=f"=_{key}")
