"""A letter is the message that the standard library would write and read."""

from __future__ import annotations

import email
import email.policy
from email.message import EmailMessage

from hypothesis import given
from hypothesis import strategies as st

from notifications.headers import words
from notifications.letter import letter

said = st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("\n.= -é😀"), max_size=400)


@given(said, said, said)
def test_the_standard_library_reads_what_was_written(subject: str, text: str, html: str) -> None:
    headers = {"From": "g@company.example", "To": "mara@company.example", "Subject": words("Subject", f"S {subject}")}
    written = letter("g@company.example", "mara@company.example", headers, text, html, "=_0123456789abcdef")
    assert b"\n" not in written.content.replace(b"\r\n", b"")
    assert max(map(len, written.content.split(b"\r\n"))) <= 998  # RFC 5322, 2.1.1
    message = email.message_from_bytes(written.content, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    assert not message.defects and message.get_content_type() == "multipart/alternative"
    assert message["To"] == "mara@company.example" and message["MIME-Version"] == "1.0"
    plain, marked_up = message.iter_parts()
    assert (plain.get_content_type(), marked_up.get_content_type()) == ("text/plain", "text/html")
    for part, meant in ((plain, text), (marked_up, html)):
        assert not part.defects
        assert part.get_content().replace("\r\n", "\n") == (meant if meant.endswith("\n") else f"{meant}\n")
