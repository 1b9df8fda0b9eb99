"""One e-mail address, read strictly."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifications.addresses import mail_address


@pytest.mark.parametrize(
    ("text", "name", "address"),
    [
        ("mara@company.example", "", "mara@company.example"),
        (" mara@intranet.local ", "", "mara@intranet.local"),
        ("groundswell@localhost", "", "groundswell@localhost"),
        ("Groundswell <g@company.example>", "Groundswell", "g@company.example"),
        ('"Acme, Inc." <g@company.example>', "Acme, Inc.", "g@company.example"),
        ("Größe & Söhne <g@company.example>", "Größe & Söhne", "g@company.example"),
        ("o'brien+x@company.example", "", "o'brien+x@company.example"),
    ],
)
def test_an_address_with_or_without_a_name(text: str, name: str, address: str) -> None:
    read = mail_address(text)
    assert (read.display_name, read.addr_spec) == (name, address)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "mara",
        "mara@",
        "@company.example",
        "a..b@company.example",
        ".a@company.example",
        "a@company..example",
        "a@-company.example",
        "a@b.example, c@d.example",
        "a@b.example c@d.example",
        "a@b.example\r\nBcc: c@d.example",
        "A\nB <a@b.example>",
        "<a@b.example> <c@d.example>",
        "mära@company.example",
    ],
)
def test_anything_else_is_an_error_that_shows_how_to_write_it(text: str) -> None:
    with pytest.raises(ValueError, match=r"Write it like name@company\.example\."):
        mail_address(text)


@given(st.text(st.sampled_from("aB1 .@<>\"',;:()\\\r\n-ä"), max_size=30))
def test_whatever_is_read_is_one_mailbox(text: str) -> None:
    try:
        read = mail_address(text)
    except ValueError:
        return
    assert read.addr_spec.isascii()
    assert read.addr_spec.count("@") == 1
    assert not set(read.addr_spec + read.display_name) & set('\r\n<>"')
