"""One e-mail address, read strictly: what goes into a header must be exactly one plain mailbox."""

from __future__ import annotations

import re
from email.headerregistry import Address
from functools import lru_cache

from notifications.wording import one_line

_WORD = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_MAILBOX = rf"{_WORD}(?:\.{_WORD})*@{_LABEL}(?:\.{_LABEL})*"
_ALONE = re.compile(rf"\s*({_MAILBOX})\s*")
_NAMED = re.compile(rf'\s*"?([^"<>\\\r\n]*)"?\s*<({_MAILBOX})>\s*')


@lru_cache(maxsize=4_096)
def mail_address(text: str) -> Address:
    """Read “name@company.example” or “Name <name@company.example>”.

    Neither the package email-validator, which refuses the domains of intranets (.local, .test), nor the standard
    library, which finds an address in nearly anything, fits here.

    Raises:
        ValueError: it is not one plain ASCII address.
    """
    if match := _ALONE.fullmatch(text):
        return Address(addr_spec=match[1])
    if match := _NAMED.fullmatch(text):
        return Address(display_name=one_line(match[1]), addr_spec=match[2])
    raise ValueError(f"“{one_line(text)}” is not an e-mail address. Write it like name@company.example.")
