"""Writes letters for tests, and keeps the golden ones.

Run ``python -m tests.notifications.letters`` after a deliberate change of words, and read the difference.
"""

from __future__ import annotations

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

from changes.any_moment import Withdraw
from changes.hearing import Decline
from changes.state import Verdict
from changes.testing import Conclude
from notifications.letter import Letter
from notifications.notices import Notice
from notifications.rendering import Recipient, render
from tests.changes.road import measured, report
from tests.notifications.stories import NAMES, Step, a_concern, at_endorsement, at_testing, at_wave, filed

PUBLIC_URL = "https://groundswell.example"
SENDER = "Groundswell <groundswell@company.example>"
GOLDEN = Path(__file__).parent / "golden"


def recipient(ref: str) -> Recipient:
    """Somebody of the invented organisation."""
    return Recipient(ref=ref, name=NAMES[ref], email=f"{ref}@company.example", zone="Europe/Berlin")


def posted(notice: Notice) -> Letter:
    """The letter for ``notice``, ready to be sent."""
    return render(notice, recipient(notice.recipient), NAMES, PUBLIC_URL, SENDER)


def arrived(sent: Letter) -> EmailMessage:
    """A letter as it is read where it arrives."""
    return message_from_bytes(sent.content, _class=EmailMessage, policy=SMTP)


def letter(notice: Notice) -> EmailMessage:
    """The letter for ``notice``, as it arrives."""
    return arrived(posted(notice))


def plain(message: EmailMessage) -> str:
    """The text form."""
    part = message.get_body(("plain",))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


def html(message: EmailMessage) -> str:
    """The HTML form."""
    part = message.get_body(("html",))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


def declined() -> Step:
    """Mara has said no."""
    story = filed()
    story.do("mara", Decline(reason="Not this quarter.", way_forward="Bring it back in June."))
    return story.last_step


def golden() -> dict[str, str]:
    """Some letters in full, by file name."""
    endorsing = at_endorsement().last_step
    story = at_testing()
    measured(story)
    story.do("paul", Conclude(verdict=Verdict.ADAPT, reason="One more week, to be sure."))
    wave = at_wave()
    report(wave, "9")
    worried = filed()
    worried.do("nora", a_concern())
    withdrawn = filed()
    withdrawn.do("paul", Withdraw(reason="Somebody else does it."))
    letters = {
        "asked_to_endorse": letter(endorsing.notice("omar")),
        "declined": letter(declined().notice("paul")),
        "concluded": letter(story.last_step.notice("tom")),
        "wave_paused": letter(wave.last_step.notice("paul")),
        "concern_raised": letter(worried.last_step.notice("paul")),
        "withdrawn": letter(withdrawn.last_step.notice("kai")),
    }
    files = {f"{name}.txt": _in_full(message) for name, message in letters.items()}
    return files | {"asked_to_endorse.html": html(letters["asked_to_endorse"])}


def _in_full(message: EmailMessage) -> str:
    headers = "".join(f"{name}: {value}\n" for name, value in message.items() if name != "Content-Type")
    return f"{headers}\n{plain(message)}"


if __name__ == "__main__":
    for name, content in golden().items():
        (GOLDEN / name).write_text(content, encoding="utf-8")
