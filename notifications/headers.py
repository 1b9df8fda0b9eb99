"""How the headers of a letter are written: every character of a subject and of a name arrives.

The standard library's newer header code loses spaces where a long header mixes ASCII and other words (python/cpython
issue 92081; "Größe über Öfen" arrives as "Größe überÖfen") and costs more than rendering the letter. Its older
:class:`email.header.Header` does neither.
"""

from __future__ import annotations

from email.header import Header
from email.headerregistry import Address
from email.utils import formataddr

from notifications.wording import one_line

LINE_END = "\r\n"
_LINE = 78
"""Characters in a line of a header (RFC 5322, 2.1.1)."""


def words(header: str, text: str) -> str:
    """``text`` as the value of ``header``, folded; what is more than ASCII becomes encoded words."""
    line = one_line(text)
    if line.isascii() and line.isprintable():
        if len(f"{header}: {line}") <= _LINE:
            return line
        charset = "us-ascii"
    else:
        charset = "utf-8"
    return Header(line, charset, maxlinelen=_LINE, header_name=header).encode(linesep=LINE_END)


def mailbox(header: str, address: Address) -> str:
    """One mailbox as the value of ``header``."""
    name = one_line(address.display_name)
    if name.isascii() and name.isprintable():
        return formataddr((name, address.addr_spec))
    return f"{words(header, name)} <{address.addr_spec}>"
