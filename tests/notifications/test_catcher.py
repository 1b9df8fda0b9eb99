"""The demonstration's mail catcher: what is sent to it can be looked at, and nothing else."""

from __future__ import annotations

import smtplib
import sys
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import pytest

from notifications.catcher import Catcher, NoSuchLetter, list_caught, read_caught
from notifications.letter import Letter
from notifications.smtp import Mailer, MailSettings, MailUnavailable, send
from tests.notifications.letters import SENDER, arrived, plain, posted
from tests.notifications.stories import filed


@pytest.fixture(scope="module")
def letters() -> list[Letter]:
    """Two letters, to Mara and to Omar."""
    return [posted(notice) for notice in filed().steps[0].notices]


def settings(catcher: Catcher) -> MailSettings:
    return MailSettings(url=f"smtp://127.0.0.1:{catcher.port}", sender=SENDER, timeout=5)


def caught(folder: Path, *sent: Letter) -> Path:
    """A folder in which a catcher has caught what was ``sent``."""
    catcher = Catcher(folder)
    catcher.start()
    try:
        with Mailer(settings(catcher)) as mailer:
            for one in sent:
                mailer.send(one)
    finally:
        catcher.stop()
    return folder


def test_what_is_sent_is_listed_newest_first_and_can_be_read(tmp_path: Path, letters: list[Letter]) -> None:
    folder = caught(tmp_path / "mail", *letters)
    listed = list_caught(folder)
    assert [item.recipient for item in listed] == [
        "Omar Haddad <omar@company.example>",
        "Mara Okoye <mara@company.example>",
    ]
    assert listed[0].received > listed[1].received
    assert listed[0].sender == SENDER
    read = read_caught(folder, listed[1].name)
    assert read.subject == arrived(letters[0])["Subject"]
    assert read.text.splitlines() == plain(arrived(letters[0])).splitlines()
    assert read.html.startswith("<!doctype html>")


def test_a_list_has_an_end(tmp_path: Path, letters: list[Letter]) -> None:
    folder = caught(tmp_path, *letters)
    assert list_caught(folder, limit=1) == list_caught(folder)[:1]


def test_letters_stay_when_the_catcher_starts_again(tmp_path: Path, letters: list[Letter]) -> None:
    caught(tmp_path, letters[0])
    caught(tmp_path, letters[1])
    assert len(list_caught(tmp_path)) == 2


def test_one_catcher_can_be_started_again(tmp_path: Path, letters: list[Letter]) -> None:
    catcher = Catcher(tmp_path)
    for _ in range(2):
        catcher.start()
        send(letters[0], settings(catcher))
        catcher.stop()
    assert len(list_caught(tmp_path)) == 2


def test_letters_in_other_characters_and_forms_are_shown(tmp_path: Path) -> None:
    simple = EmailMessage()
    simple["To"] = "mara@company.example"
    simple["Subject"] = "Größe"
    simple.set_content("Füße")
    folder = caught(tmp_path, Letter("g@company.example", "mara@company.example", simple.as_bytes(policy=SMTP)))
    read = read_caught(folder, list_caught(folder)[0].name)
    assert (read.subject, read.text.strip(), read.html, read.sender) == ("Größe", "Füße", "", "")


def test_a_letter_in_a_character_set_that_nobody_knows_is_shown_as_well_as_can_be(tmp_path: Path) -> None:
    name = "20260302T090000000000Z-0123abcd.eml"
    (tmp_path / name).write_bytes(b"Content-Type: text/plain; charset=x-klingon\r\n\r\nQapla\xff")
    assert read_caught(tmp_path, name).text.startswith("Qapla")


@pytest.mark.parametrize(
    "name",
    [
        "../secret.eml",
        "/etc/passwd",
        "",
        ".",
        "secret.eml",
        "20260302T090000000000Z-0123abcd.eml",
        "20260302T090000000000Z-0123abcd.eml\n",
        "20260302T090000000000Z-0123abcd.part",
        "٢٠260302T090000000000Z-0123abcd.eml",
    ],
)
def test_only_names_that_the_catcher_gave_are_read(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "mail"
    folder.mkdir()
    (tmp_path / "secret.eml").write_text("Subject: secret\n\n")
    (folder / "secret.eml").write_text("Subject: secret\n\n")
    (folder / "20260302T090000000000Z-0123abcd.part").write_text("Subject: half\n\n")
    with pytest.raises(NoSuchLetter, match="There is no letter called"):
        read_caught(folder, name)
    assert list_caught(folder) == ()


def test_a_folder_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    assert list_caught(tmp_path / "nowhere") == ()


def test_a_taken_port_is_said_when_starting(tmp_path: Path) -> None:
    first = Catcher(tmp_path)
    first.start()
    try:
        second = Catcher(tmp_path, port=first.port)
        with pytest.raises(OSError, match="in use"):
            second.start()
        second.stop()
    finally:
        first.stop()


def test_stopping_hangs_up_on_whoever_is_still_there(tmp_path: Path, letters: list[Letter]) -> None:
    catcher = Catcher(tmp_path)
    catcher.start()
    with smtplib.SMTP("127.0.0.1", catcher.port, timeout=5) as idle:
        idle.ehlo("company.example")
        catcher.stop()
        with pytest.raises(smtplib.SMTPServerDisconnected):
            idle.noop()
    with pytest.raises(MailUnavailable):
        send(letters[0], settings(catcher))


def test_stopping_twice_and_before_starting_is_harmless(tmp_path: Path) -> None:
    catcher = Catcher(tmp_path)
    catcher.stop()
    catcher.start()
    catcher.stop()
    catcher.stop()


def test_a_letter_that_cannot_be_kept_is_worth_another_try(tmp_path: Path, letters: list[Letter]) -> None:
    folder = tmp_path / "mail"
    catcher = Catcher(folder)
    catcher.start()
    try:
        folder.rmdir()
        with pytest.raises(MailUnavailable, match="452 The letter could not be kept: No such file"):
            send(letters[0], settings(catcher))
    finally:
        catcher.stop()


def test_without_aiosmtpd_starting_says_so_and_reading_still_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "aiosmtpd.smtp", None)
    with pytest.raises(ModuleNotFoundError, match="aiosmtpd"):
        Catcher(tmp_path).start()
    assert list_caught(tmp_path) == ()
