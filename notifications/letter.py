"""A letter as it leaves: to whom, from whom, and its bytes.

Built on the standard library's plain :class:`email.message.Message`: the newer ``EmailMessage`` parses each header it
is given and took five times as long for the same bytes, a third of the processor time of a decision.
"""

from __future__ import annotations

import binascii
from collections.abc import Mapping
from email.generator import BytesGenerator
from email.message import Message
from email.policy import compat32
from io import BytesIO
from typing import NamedTuple

from notifications.headers import LINE_END

_POLICY = compat32.clone(linesep=LINE_END, max_line_length=0)
"""Headers come folded (:mod:`notifications.headers`), so nothing is folded again."""


class Letter(NamedTuple):
    """What a mail server is given."""

    sender: str
    """The plain address that bounces go to."""
    recipient: str
    """The plain address."""
    content: bytes
    """The message, headers and all, with CRLF line ends."""


def letter(sender: str, recipient: str, headers: Mapping[str, str], text: str, html: str, boundary: str) -> Letter:
    """A letter with a text and an HTML form.

    Args:
        sender: the plain address it comes from.
        recipient: the plain address it goes to.
        headers: values as they stand in the message, folded and encoded, without line ends of their own at the end.
        text: the plain form.
        html: the marked-up form.
        boundary: what separates the forms; must not occur in either, encoded as quoted-printable.
    """
    message = Message(_POLICY)
    for name, value in headers.items():
        message[name] = value
    message["MIME-Version"] = "1.0"
    message["Content-Type"] = f'multipart/alternative; boundary="{boundary}"'
    message.set_payload([_form("plain", text), _form("html", html)])
    written = BytesIO()
    BytesGenerator(written, mangle_from_=False).flatten(message, linesep=LINE_END)
    return Letter(sender, recipient, written.getvalue())


def _form(kind: str, words: str) -> Message:
    whole = words if words.endswith("\n") else f"{words}\n"
    part = Message(_POLICY)
    part["Content-Type"] = f'text/{kind}; charset="utf-8"'
    part["Content-Transfer-Encoding"] = "quoted-printable"
    part.set_payload(binascii.b2a_qp(whole.encode(), istext=True).decode("ascii"))
    return part
