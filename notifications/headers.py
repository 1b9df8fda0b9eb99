"""How the headers of a letter are written: every character of a subject and of a name arrives.

The standard library's newer header code loses spaces where a long header mixes ASCII and other words (python/cpython
issue 92081; "Größe über Öfen" arrives as "Größe überÖfen"). Its older :class:`email.header.Header` does not.
"""

from __future__ import annotations

from email.header import Header
from email.headerregistry import Address
from email.policy import EmailPolicy
from typing import Any, cast

from notifications.wording import one_line

_LINE = 78
"""Characters in a line of a header (RFC 5322, 2.1.1)."""


class LetterPolicy(EmailPolicy):
    """The standard policy for SMTP, except for how headers with more than ASCII are encoded."""

    def fold(self, name: str, value: Any) -> str:
        """The header as text, with line ends."""
        if str(value).isascii():
            folded: str = super().fold(name, value)
            return folded
        addresses = cast(tuple[Address, ...], getattr(value, "addresses", ()))
        if addresses:
            mailboxes = [f"{_encoded(name, a.display_name, self.linesep)} <{a.addr_spec}>" for a in addresses]
            return f"{name}: {f',{self.linesep} '.join(mailboxes)}{self.linesep}"
        return f"{name}: {_encoded(name, str(value), self.linesep)}{self.linesep}"

    def fold_binary(self, name: str, value: Any) -> bytes:
        """The header as bytes, with line ends."""
        return self.fold(name, value).encode("ascii")


def _encoded(name: str, words: str, line_end: str) -> str:
    return Header(one_line(words), "utf-8", maxlinelen=_LINE, header_name=name).encode(linesep=line_end)


LETTER = LetterPolicy(linesep="\r\n")
"""The policy of every letter."""
