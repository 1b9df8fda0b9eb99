"""Subjects and names arrive with every character, as a mail program reads them."""

from __future__ import annotations

from email.header import decode_header, make_header
from email.headerregistry import Address
from email.utils import getaddresses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifications.headers import mailbox, words
from notifications.wording import one_line

mixed = st.lists(
    st.sampled_from(["Größe", "für", "Öfen", "the", "a", "0", "¡", "😀", "(x)", "“q”", ":", ","]), min_size=1
)
said = mixed.map(" ".join) | st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=200).map(one_line)


def unfolded(value: str) -> str:
    """The value as a mail program puts it together."""
    return value.replace("\r\n", "")


def decoded(text: str) -> str:
    """What a mail program makes of encoded words."""
    return str(make_header(decode_header(text)))


@settings(deadline=None)
@given(said)
def test_a_subject_arrives_whole(subject: str) -> None:
    written = words("Subject", f"[CH-0001] Declined: {subject}.")
    assert decoded(unfolded(written)) == f"[CH-0001] Declined: {subject}."


@settings(deadline=None)
@given(said)
def test_a_name_arrives_whole_and_beside_its_address(name: str) -> None:
    someone = Address(display_name=f"Ä {name}", addr_spec="mara@company.example")
    [(written, address)] = getaddresses([unfolded(mailbox("To", someone))])
    assert address == "mara@company.example"
    assert decoded(written) == one_line(f"Ä {name}")


@settings(deadline=None)
@given(said)
def test_no_line_of_a_header_is_too_long(subject: str) -> None:
    someone = Address(display_name=f"ä {subject}", addr_spec="mara@company.example")
    for name, value in (("Subject", words("Subject", f"ä {subject}")), ("To", mailbox("To", someone))):
        assert max(len(line) for line in f"{name}: {value}".split("\r\n")) <= 78 + len(" <mara@company.example>")


@settings(deadline=None)
@given(st.text(max_size=60))
def test_no_value_can_begin_another_header(text: str) -> None:
    value = words("Subject", text)
    assert all(line.startswith(" ") for line in value.split("\r\n")[1:])
    assert not set(unfolded(value)) & set("\r\n\0")


@pytest.mark.parametrize("name", ["Mara Okoye", "Okoye, Mara", 'Mara "M" Okoye'])
def test_plain_headers_stay_plain(name: str) -> None:
    value = mailbox("To", Address(display_name=name, addr_spec="mara@company.example"))
    assert "=?" not in value
    assert getaddresses([value]) == [(name, "mara@company.example")]
