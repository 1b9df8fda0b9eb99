"""Subjects and names arrive with every character, as a mail program reads them."""

from __future__ import annotations

from email import message_from_bytes
from email.header import decode_header, make_header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import compat32
from email.utils import getaddresses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifications.headers import LETTER
from notifications.wording import one_line

mixed = st.lists(
    st.sampled_from(["Größe", "für", "Öfen", "the", "a", "0", "¡", "😀", "(x)", "“q”", ":", ","]), min_size=1
)
words = mixed.map(" ".join) | st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=200).map(one_line)


def arrived(header: str, message: EmailMessage) -> str:
    """The header as it stands in the bytes, unfolded."""
    return str(message_from_bytes(message.as_bytes(), policy=compat32)[header]).replace("\r\n", "")


def decoded(text: str) -> str:
    """What a mail program makes of encoded words."""
    return str(make_header(decode_header(text)))


@settings(deadline=None)
@given(words)
def test_a_subject_arrives_whole(subject: str) -> None:
    message = EmailMessage(policy=LETTER)
    message["Subject"] = f"[CH-0001] Declined: {subject}."
    assert decoded(arrived("Subject", message)) == f"[CH-0001] Declined: {subject}."


@settings(deadline=None)
@given(words)
def test_a_name_arrives_whole_and_beside_its_address(name: str) -> None:
    message = EmailMessage(policy=LETTER)
    message["To"] = Address(display_name=f"Ä {name}", addr_spec="mara@company.example")
    [(written, address)] = getaddresses([arrived("To", message)])
    assert address == "mara@company.example"
    assert decoded(written) == one_line(f"Ä {name}")


@settings(deadline=None)
@given(words)
def test_no_line_of_a_header_is_too_long(subject: str) -> None:
    message = EmailMessage(policy=LETTER)
    message["Subject"] = f"ä {subject}"
    message["To"] = Address(display_name=f"ä {subject}", addr_spec="mara@company.example")
    assert max(len(line) for line in message.as_bytes().split(b"\r\n")) <= 78 + len(" <mara@company.example>")


@pytest.mark.parametrize("name", ["Mara Okoye", "Okoye, Mara", 'Mara "M" Okoye'])
def test_plain_headers_stay_plain(name: str) -> None:
    message = EmailMessage(policy=LETTER)
    message["To"] = Address(display_name=name, addr_spec="mara@company.example")
    assert b"=?" not in message.as_bytes()
    assert getaddresses([arrived("To", message)]) == [(name, "mara@company.example")]


def test_several_recipients_stay_several() -> None:
    message = EmailMessage(policy=LETTER)
    message["To"] = [Address("Jörg Öhm", addr_spec="j@company.example"), Address("Mara", addr_spec="m@company.example")]
    assert [address for _, address in getaddresses([arrived("To", message)])] == [
        "j@company.example",
        "m@company.example",
    ]
