"""Whatever people write: packets and digests escape it, and no header gets a line it should not have."""

from __future__ import annotations

from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import SMTP
from html.parser import HTMLParser

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from notifications.digest import Area, Line, WeeklyDigest, digest_letter
from notifications.on_a_page import packet_on_a_page
from notifications.rendering import Recipient
from tests.notifications.stories import filed

HOSTILE = st.text(max_size=60) | st.sampled_from(
    [
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "{{ 7*7 }}",
        "a\r\nBcc: x@evil.example",
        "\u202e",
        "&amp;",
    ]
)
ALLOWED = set("html head meta title style body main h1 h2 p ul li blockquote br a footer".split())


FILED = filed().change


class Tags(HTMLParser):
    """The tags and links of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect."""
        self.tags.add(tag)
        self.links += [value or "" for name, value in attrs if name in {"href", "src"}]
        assert not any(name.startswith("on") for name, _ in attrs)


@given(words=HOSTILE, title=HOSTILE, name=HOSTILE)
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_digest_carries_hostile_words_harmlessly(words: str, title: str, name: str) -> None:
    line = Line(change="CH-1", title=title, words=words)
    digest = WeeklyDigest(
        week="2026-W10",
        waiting=(line,),
        news=(line,),
        moved=(line,),
        area=Area(name="Your people", opened=1, closed=0, adopted=0, overdue=1, stuck=(line,)),
    )
    shown = " ".join(name.split()) or "Mara"
    recipient = Recipient.model_construct(ref="mara.lind", name=shown, email="mara@nordwind.example", zone="UTC")
    at = datetime(2026, 3, 2, 7, tzinfo=UTC)
    made = digest_letter(digest, recipient, "https://g.example", "Groundswell <g@nordwind.example>", "token", at)
    letter = message_from_bytes(made.content, policy=SMTP)
    assert letter["Bcc"] is None and letter["To"].addresses[0].addr_spec == "mara@nordwind.example"
    html = letter.get_body(("html",)).get_content()  # type: ignore[union-attr]
    tags = Tags(html)
    assert tags.tags <= ALLOWED
    assert all(link.startswith("https://g.example/") for link in tags.links)


@given(words=HOSTILE)
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_packet_on_a_page_carries_hostile_words_harmlessly(words: str) -> None:
    change = FILED
    content = change.proposal.content.model_copy(update={"problem": words, "suggestion": words})
    version = change.proposal.versions[-1].model_copy(update={"content": content})
    hostile = change.model_copy(update={"proposal": change.proposal.model_copy(update={"versions": (version,)})})
    html = str(packet_on_a_page(hostile, {change.proposal.proposer: words}))
    tags = Tags(html)
    assert tags.tags <= ALLOWED and not tags.links
