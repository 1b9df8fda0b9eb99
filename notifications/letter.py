"""A letter as it leaves: to whom, from whom, and its bytes.

Written out here: two forms in one ``multipart/alternative`` (RFC 2046, 5.1) of quoted-printable lines. The standard
library's generators fold each header again that we have folded already, and took a tenth of the processor time of a
decision; the tests hold our bytes against theirs.
"""

from __future__ import annotations

import binascii
from collections.abc import Mapping
from typing import NamedTuple

from notifications.headers import LINE_END


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
    lines = [f"{name}: {value}" for name, value in headers.items()]
    lines += ["MIME-Version: 1.0", f'Content-Type: multipart/alternative; boundary="{boundary}"', ""]
    lines += [f"--{boundary}", *_form("plain", text), f"--{boundary}", *_form("html", html), f"--{boundary}--", ""]
    return Letter(sender, recipient, LINE_END.join(lines).encode("ascii"))


def _form(kind: str, words: str) -> tuple[str, ...]:
    whole = words if words.endswith("\n") else f"{words}\n"
    body = binascii.b2a_qp(whole.encode(), istext=True).decode("ascii")
    return (
        f'Content-Type: text/{kind}; charset="utf-8"',
        "Content-Transfer-Encoding: quoted-printable",
        "",
        body.replace("\r\n", "\n").replace("\n", LINE_END),
    )
