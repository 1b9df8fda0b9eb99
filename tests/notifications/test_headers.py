"""Subjects and names arrive with every character, as a mail program reads them."""

from __future__ import annotations

from email.header import decode_header, make_header
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
    [(written, address)] = getaddresses([unfolded(mailbox("To", f"Ä {name}", "mara@company.example"))])
    assert address == "mara@company.example"
    assert decoded(written) == one_line(f"Ä {name}")


@settings(deadline=None)
@given(said)
def test_no_line_of_a_header_is_too_long(subject: str) -> None:
    name_and_address = mailbox("To", f"ä {subject}", "mara@company.example")
    for name, value in (("Subject", words("Subject", f"ä {subject}")), ("To", name_and_address)):
        assert max(len(line) for line in f"{name}: {value}".split("\r\n")) <= 78 + len(" <mara@company.example>")


@settings(deadline=None)
@given(st.text(max_size=60))
def test_no_value_can_begin_another_header(text: str) -> None:
    value = words("Subject", text)
    assert all(line.startswith(" ") for line in value.split("\r\n")[1:])
    assert not set(unfolded(value)) & set("\r\n\0")


plain_words = st.text("ab,;:-_ ", max_size=12)


@settings(deadline=None)
@given(st.lists(plain_words | st.just("=?utf-8?q?Not_encoded?=") | st.just("x" * 90), max_size=30).map(" ".join))
def test_plain_words_are_folded_at_spaces_and_arrive_as_they_were_written(text: str) -> None:
    subject = one_line(f"[CH-0001] {text}")
    value = words("Subject", subject)
    lines = f"Subject: {value}".split("\r\n")
    assert max(map(len, lines)) <= 78
    assert all(line.strip() for line in lines)
    assert decoded(unfolded(value)) == subject
    if "=?" not in subject and "x" * 90 not in subject:
        assert unfolded(value) == subject


@pytest.mark.parametrize("text", ["Größe " * 20, "変更の提案について" * 8, "😀" * 40])
def test_each_encoded_word_is_short_and_holds_whole_characters(text: str) -> None:
    found = words("Subject", text).split("\r\n ")
    assert len(found) > 1
    assert all(len(word) <= 75 for word in found)
    assert "".join(decoded(word) for word in found) == one_line(text)


def test_the_shorter_of_the_two_encodings_is_taken() -> None:
    assert (
        words("Subject", "Please endorse the tests of Größe")
        == "=?utf-8?q?Please_endorse_the_tests_of_Gr=C3=B6=C3=9Fe?="
    )
    assert words("Subject", "変更") == "=?utf-8?b?5aSJ5pu0?="


@pytest.mark.parametrize("name", ["Mara Okoye", "Okoye, Mara", 'Mara "M" Okoye'])
def test_plain_headers_stay_plain(name: str) -> None:
    value = mailbox("To", name, "mara@company.example")
    assert "=?" not in value
    assert getaddresses([value]) == [(name, "mara@company.example")]
