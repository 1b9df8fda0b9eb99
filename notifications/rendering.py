"""Letters: a notice and a recipient become one e-mail with a text and an HTML form.

Both forms come from one template per kind (``templates/kinds``); only layout and marks differ, so they cannot say
different things. Source: reference/web.md 2.3 (mail form, no link that decides) and reference/peers.md, section 5.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import date, datetime
from email.headerregistry import Address
from email.utils import format_datetime
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from pydantic import field_validator

from changes.facts import SYSTEM
from changes.values import Line, Ref, Value, enumerated
from notifications.addresses import mail_address
from notifications.environment import marked_up, plain
from notifications.headers import mailbox, words
from notifications.letter import Letter, letter
from notifications.notices import Notice
from notifications.wording import day_in_words, moment_in_words, one_line, short_day, shortened

SUBJECT_TITLE_LENGTH = 80
"""Characters of a change's title in a subject, so that what is asked is not pushed out of sight."""


class Recipient(Value):
    """The person a letter goes to, as the directory knows them now."""

    ref: Ref
    name: Line
    email: str
    zone: str = "UTC"
    """The IANA time zone in which moments are told."""

    @field_validator("email")
    @classmethod
    def _one_address(cls, email: str) -> str:
        return mail_address(email).addr_spec

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (LookupError, ValueError, OSError) as error:
            raise ValueError(f"There is no time zone called “{zone}”. Write it like Europe/Berlin.") from error
        return zone


def render(
    notice: Notice,
    recipient: Recipient,
    names: Mapping[str, str],
    public_url: str,
    sender: str,
    answer: str = "",
) -> Letter:
    """The letter for ``notice``. The same arguments give the same bytes, so a repeated send is recognised.

    Args:
        notice: what to tell.
        recipient: whom, with the time zone in which moments are told.
        names: names by reference, for ``notice.mentions``; a reference without a name is shown as it is.
        public_url: where the pages are, without ``/changes``.
        sender: “Groundswell <groundswell@company.example>”.
        answer: the token of the page on which the recipient can answer at once; empty where nothing is asked.

    Raises:
        jinja2.TemplateError: the kind has no template, or ``notice.data`` lacks something that it needs.
        ValueError: ``sender`` is not an address.
    """
    wording = _Words(names, recipient.zone)
    context: dict[str, Any] = {
        **notice.data,
        "change": notice.change,
        "url": public_url.rstrip("/") + (notice.data.get("address") or f"/changes/{quote(notice.change, safe='')}"),
        "answer_url": f"{public_url.rstrip('/')}/answer/{answer}" if answer else "",
        "name": wording.name,
        "names": wording.names,
        "moment": wording.moment,
        "day": wording.day,
        "date": wording.date,
    }
    template = f"kinds/{notice.kind}.jinja"
    text = plain().get_template(template).make_module(context)
    subject = _subject(notice, text.subject)  # type: ignore[attr-defined]  # set by layout.txt
    html = marked_up().get_template(template).render({**context, "subject": subject})
    return _letter(notice, recipient, mail_address(sender), subject, _tidy(str(text)), html)


class _Words:
    """Turns references and moments into words, for one recipient."""

    def __init__(self, names: Mapping[str, str], zone: str) -> None:
        self._names = names
        self._zone = zone

    def name(self, ref: str) -> str:
        return "Groundswell" if ref == SYSTEM else self._names.get(ref, ref)

    def names(self, refs: str) -> str:
        return enumerated(self.name(ref) for ref in refs.split(",") if ref)

    def moment(self, iso: str) -> str:
        return moment_in_words(datetime.fromisoformat(iso), self._zone)

    def day(self, iso: str) -> str:
        return short_day(datetime.fromisoformat(iso), self._zone)

    def date(self, iso: str) -> str:
        return day_in_words(date.fromisoformat(iso))


def _subject(notice: Notice, asked: str) -> str:
    title = shortened(one_line(notice.data["title"]), SUBJECT_TITLE_LENGTH)
    return one_line(f"[{notice.change}] {asked}: {title}")


def _tidy(text: str) -> str:
    """Text with at most one empty line in a row and none at its ends."""
    return re.sub(r"\n\s*\n", "\n\n", text).strip() + "\n"


def _letter(notice: Notice, recipient: Recipient, sender: Address, subject: str, text: str, html: str) -> Letter:
    thread = _identity(f"change {notice.change}", sender)
    headers = {
        "From": mailbox("From", sender.display_name, sender.addr_spec),
        "To": mailbox("To", recipient.name, recipient.email),
        "Subject": words("Subject", subject),
        "Date": format_datetime(datetime.fromisoformat(notice.data["at"])),
        "Message-ID": _identity(f"notice {notice.key}", sender),
        "In-Reply-To": thread,
        "References": thread,
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",  # Exchange's word for the same
    }
    return letter(sender.addr_spec, recipient.email, headers, text, html, boundary=f"=_{_digest(notice.key)}")


def _identity(what: str, sender: Address) -> str:
    """A message identifier; hashed, because references may hold characters that one must not."""
    return f"<{_digest(what)}@{sender.domain}>"


def _digest(what: str) -> str:
    return hashlib.sha256(what.encode()).hexdigest()[:40]
