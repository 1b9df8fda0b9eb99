"""One e-mail address, read strictly: what goes into a header must be exactly one plain mailbox."""

from __future__ import annotations

import re
from email.errors import MessageDefect
from email.headerregistry import Address
from email.policy import SMTP
from typing import Protocol, cast

from notifications.wording import one_line

_MAILBOX = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")


class _ParsedAddresses(Protocol):
    """What the standard library makes of an address header; its published types leave the defects out."""

    @property
    def addresses(self) -> tuple[Address, ...]: ...

    @property
    def defects(self) -> tuple[MessageDefect, ...]: ...


def mail_address(text: str) -> Address:
    """Read “name@company.example” or “Name <name@company.example>”.

    The package email-validator is not used, because it refuses the domains of intranets (.local, .test).

    Raises:
        ValueError: it is not one plain ASCII address.
    """
    header = cast(_ParsedAddresses, SMTP.header_factory("from", text))
    addresses = header.addresses
    if len(addresses) != 1 or header.defects or not _MAILBOX.fullmatch(addresses[0].addr_spec):
        raise ValueError(f"“{one_line(text)}” is not an e-mail address. Write it like name@company.example.")
    return addresses[0]
