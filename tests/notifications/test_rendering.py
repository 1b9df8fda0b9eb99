"""Letters: their words, their headers, and that nothing people write can break out of either."""

from __future__ import annotations

import re
from email import message_from_bytes
from email.header import decode_header, make_header
from email.policy import compat32
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import UndefinedError
from jinja2.defaults import DEFAULT_NAMESPACE
from pydantic import ValidationError

from changes.hearing import Decline
from notifications.environment import marked_up
from notifications.environment import plain as plain_text
from notifications.kinds import KINDS
from notifications.letter import Letter
from notifications.notices import Notice
from notifications.rendering import Recipient, render
from tests.changes.world import proposal
from tests.notifications.letters import (
    GOLDEN,
    PUBLIC_URL,
    SENDER,
    arrived,
    declined,
    golden,
    html,
    letter,
    plain,
    posted,
    recipient,
)
from tests.notifications.stories import NAMES, Step, every_step, filed
from tests.support.thoroughness import examples

NOTICES = [notice for step in every_step() for notice in step.notices]
EACH_FORM = list({(n.kind, n.data["part"], n.data.get("gate"), n.data.get("occasion")): n for n in NOTICES}.values())
HEADERS = {
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "In-Reply-To",
    "References",
    "Auto-Submitted",
    "X-Auto-Response-Suppress",
    "MIME-Version",
    "Content-Type",
}


class Links(HTMLParser):
    """The targets of all links and the tags of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.tags: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.targets += [value or "" for name, value in attrs if name in {"href", "src", "action"}]


@pytest.mark.parametrize("name", sorted(path.name for path in GOLDEN.iterdir()))
def test_golden_letters_stay_as_they_are(name: str) -> None:
    assert golden()[name] == (GOLDEN / name).read_text(encoding="utf-8")


def test_every_letter_with_a_golden_copy_has_one() -> None:
    assert set(golden()) == {path.name for path in GOLDEN.iterdir()}


def test_there_is_one_template_per_kind() -> None:
    import notifications

    folder = Path(notifications.__file__).parent / "templates" / "kinds"
    assert {path.stem for path in folder.iterdir()} == set(KINDS)


@pytest.mark.parametrize("notice", EACH_FORM, ids=lambda notice: f"{notice.kind}-{notice.data['part']}")
def test_each_form_of_each_kind_reads_well(notice: Notice) -> None:
    message = letter(notice)
    text = plain(message)
    first = text.splitlines()[0]
    assert message["Subject"].startswith("[CH-0001] ")
    assert message["Subject"].endswith(f": {notice.data['title']}")
    assert first.endswith((".", "?")), first
    assert "  " not in first
    assert "\n\n\n" not in text
    assert " ." not in text
    assert " ," not in text
    assert "None" not in text
    assert "You get this mail because " in text
    assert text.count("https://") == 1
    links = Links(html(message))
    assert links.targets == [f"{PUBLIC_URL}/changes/CH-0001"]
    assert not links.tags & {"script", "form", "img", "iframe", "input", "button"}


@pytest.mark.parametrize("notice", EACH_FORM, ids=lambda notice: f"{notice.kind}-{notice.data['part']}")
def test_both_forms_say_the_same(notice: Notice) -> None:
    message = letter(notice)
    text_words = re.findall(r"\w+", plain(message))
    page = re.sub(r"(?s)<style>.*?</style>|<title>.*?</title>", "", html(message)).replace("&#39;", "'")
    page_words = re.findall(r"\w+", re.sub(r"<[^>]*>", " ", page).replace("&#34;", '"'))
    shown = {*page_words, "https", "groundswell", "example", "changes"}
    assert set(text_words) <= shown


@pytest.mark.parametrize("notice", EACH_FORM, ids=lambda notice: f"{notice.kind}-{notice.data['part']}")
def test_names_are_looked_up_for_every_reference_that_is_mentioned(notice: Notice) -> None:
    known = {ref: f"Name of {ref}" for ref in notice.mentions}
    message = arrived(render(notice, recipient(notice.recipient), known, PUBLIC_URL, SENDER))
    shown = f"{message['Subject']} {plain(message)}"
    references = {*NAMES} - {"returns", "billing", "support", "depot", "invoicing"}
    assert not [ref for ref in references if re.search(rf"(?<!Name of )\b{ref}\b", shown.replace(f"{ref}@", ""))]


def test_the_first_line_says_what_is_asked_and_by_when_in_the_readers_zone() -> None:
    notice = filed().steps[0].notice("mara")
    message = letter(notice)
    assert message["Subject"] == "[CH-0001] Please answer the proposal by Sat 7 Mar: Answer returns within a day"
    assert plain(message).splitlines()[0] == (
        "By Saturday 7 March 2026, 10:00 (Europe/Berlin), please answer the proposal: “Answer returns within a day”."
    )
    elsewhere = arrived(render(notice, recipient("mara").having(zone="Pacific/Kiritimati"), NAMES, PUBLIC_URL, SENDER))
    assert "Saturday 7 March 2026, 23:00 (Pacific/Kiritimati)" in plain(elsewhere)


def test_headers_thread_the_letters_of_a_change_and_identify_each() -> None:
    story = filed()
    asked, other = letter(story.steps[0].notice("mara")), letter(story.steps[0].notice("omar"))
    story.do("mara", Decline(reason="No time.", way_forward="Later."))
    later = letter(story.last_step.notice("paul"))
    assert asked["References"] == asked["In-Reply-To"] == later["References"]
    assert len({asked["Message-ID"], other["Message-ID"], later["Message-ID"]}) == 3
    assert asked["Message-ID"].endswith("@company.example>")
    assert asked["Auto-Submitted"] == "auto-generated"
    assert asked["Date"] == "Mon, 02 Mar 2026 09:00:00 +0000"
    assert asked["To"] == "Mara Okoye <mara@company.example>"
    assert set(asked.keys()) == HEADERS


def test_nothing_a_notice_says_hides_what_templates_share() -> None:
    said = {name for notice in NOTICES for name in notice.data} | {"change", "url", "answer_url", "subject"}
    for environment in (plain_text(), marked_up()):
        shared = set(environment.globals) - set(DEFAULT_NAMESPACE)
        assert shared >= {"p", "said", "listed", "why", "asking", "passing", "answering", "layout"}
        assert not said & shared


def test_a_repeated_letter_is_the_same_to_the_byte() -> None:
    notice = filed().steps[0].notice("mara")
    assert posted(notice) == posted(notice)


def test_letters_of_different_changes_are_different_threads() -> None:
    notice = filed().steps[0].notice("mara")
    assert letter(notice)["References"] != letter(notice.having(change="CH-0002"))["References"]


def test_a_letter_without_what_its_template_needs_is_an_error() -> None:
    notice = declined().notice("paul")
    data = {name: value for name, value in notice.data.items() if name != "way_forward"}
    with pytest.raises(UndefinedError, match="way_forward"):
        letter(notice.having(data=data))


def test_followers_learn_how_to_stop() -> None:
    assert "You can stop following on the page of the change." in plain(letter(declined().notice("kai")))
    assert "submit it again" not in plain(letter(declined().notice("kai")))


@pytest.mark.parametrize(
    "email",
    ["", "mara", "mara@", "@x.example", "a@b.example, c@d.example", "a@b.example\nBcc: c@d.example", "ä@b.example"],
)
def test_a_recipient_has_exactly_one_plain_address(email: str) -> None:
    with pytest.raises(ValidationError, match="is not an e-mail address"):
        Recipient(ref="mara", name="Mara", email=email)


def test_a_recipients_zone_has_to_exist() -> None:
    with pytest.raises(ValidationError, match="no time zone called “Europe/Atlantis”"):
        Recipient(ref="mara", name="Mara", email="mara@intranet.local", zone="Europe/Atlantis")
    with pytest.raises(ValidationError, match="no time zone called"):
        Recipient(ref="mara", name="Mara", email="mara@intranet.test", zone="../../etc/passwd")


def test_a_sender_that_is_no_address_is_an_error() -> None:
    with pytest.raises(ValueError, match="is not an e-mail address"):
        render(declined().notice("paul"), recipient("paul"), NAMES, PUBLIC_URL, "Groundswell")


# ------------------------------------------------------------------------------------------------- hostile words


def test_marks_in_a_title_stay_words() -> None:
    title = "<script>alert(1)</script> & \"Friends\" <a href='https://evil.example'>"
    story = filed(submit=proposal(title=title))
    message = letter(story.steps[0].notice("mara"))
    links = Links(html(message))
    assert links.targets == [f"{PUBLIC_URL}/changes/CH-0001"]
    assert "script" not in links.tags
    assert "&lt;script&gt;" in html(message)
    assert f"“{title}”" in plain(message)
    assert message["Subject"].endswith(f": {title}")


def test_a_reason_cannot_play_the_foot_of_a_letter() -> None:
    story = filed()
    story.do("mara", Decline(reason="No.\n\n-- \nYou get this mail because I say so.", way_forward="None."))
    text = plain(letter(story.last_step.notice("paul")))
    assert text.count("\n-- \n") == 1
    assert "\n  You get this mail because I say so." in text


anything = st.text(max_size=300)
"""Any characters at all, line breaks and control characters of every kind included; only broken ones are left out."""
printable = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=200).filter(str.strip)


@settings(deadline=None, max_examples=examples(60))
@given(title=anything, reason=anything)
def test_nothing_that_people_write_adds_a_header_or_a_part(title: str, reason: str) -> None:
    notice = declined().notice("paul")
    hostile = notice.having(data={**notice.data, "title": title, "reason": reason, "way_forward": reason})
    got = letter(hostile)
    assert set(got.keys()) == HEADERS
    assert len(got.keys()) == len(HEADERS)
    assert [part.get_content_type() for part in got.walk()] == ["multipart/alternative", "text/plain", "text/html"]
    assert not got.defects
    assert Links(html(got)).targets == [f"{PUBLIC_URL}/changes/CH-0001"]


def _decoded_subject(sent: Letter) -> str:
    """As a mail program reads it; the standard library's newer parser adds spaces of its own."""
    raw = message_from_bytes(sent.content, policy=compat32)["Subject"]
    return str(make_header(decode_header(raw)))


@settings(deadline=None, max_examples=examples(60))
@given(title=printable, reason=printable)
def test_what_people_write_arrives(title: str, reason: str) -> None:
    story = filed(submit=proposal(title=title))
    story.do("mara", Decline(reason=reason, way_forward="Later."))
    step: Step = story.last_step
    sent = posted(step.notice("paul"))
    written = step.notice("paul").data
    assert " ".join(written["title"].split())[:70].strip() in " ".join(_decoded_subject(sent).split())
    assert " ".join(written["reason"].split()) in " ".join(plain(arrived(sent)).split())


@settings(deadline=None, max_examples=examples(60))
@given(name=printable)
def test_any_name_fits_into_the_address(name: str) -> None:
    notice = declined().notice("paul")
    someone = Recipient(ref="paul", name=name, email="paul@company.example")
    got = arrived(render(notice, someone, NAMES, PUBLIC_URL, SENDER))
    assert [address.addr_spec for address in got["To"].addresses] == ["paul@company.example"]
    assert set(got.keys()) == HEADERS
