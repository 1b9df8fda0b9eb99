"""The mail channel against real servers: what is sent, and what each failure means."""

from __future__ import annotations

import smtplib
import socket
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from pydantic import ValidationError

from notifications.letter import Letter
from notifications.smtp import Mailer, MailPutOff, MailRefused, MailSettings, MailUnavailable, send
from tests.notifications.letters import SENDER, arrived, plain, posted
from tests.notifications.post_office import Clerk, certificate, free_port, knows_mara, open_office
from tests.notifications.stories import filed


@pytest.fixture(scope="module")
def letters() -> list[Letter]:
    """Two letters, to Mara and to Omar."""
    return [posted(notice) for notice in filed().steps[0].notices]


@pytest.fixture(params=[False, True], ids=["one by one", "at once"], autouse=True)
def pipelining(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Everything here holds for servers that take one command at a time, and for those that take several."""
    monkeypatch.setattr(Clerk, "pipelining", request.param)
    return bool(request.param)


def settings(port: int, url: str = "smtp://127.0.0.1:{port}") -> MailSettings:
    return MailSettings(url=url.format(port=port), sender=SENDER, timeout=5)


def test_a_letter_arrives_as_it_was_written(letters: list[Letter]) -> None:
    clerk = Clerk()
    with open_office(clerk) as port:
        send(letters[0], settings(port))
    [got] = [arrived(letters[0]._replace(content=content)) for content in clerk.letters]
    written = arrived(letters[0])
    assert got["Subject"] == written["Subject"]
    assert got["Message-ID"] == written["Message-ID"]
    assert plain(got).splitlines() == plain(written).splitlines()
    assert clerk.senders == ["groundswell@company.example"]
    assert clerk.greeted == ["company.example"]


def test_dots_at_the_beginning_of_lines_arrive(letters: list[Letter]) -> None:
    clerk = Clerk()
    content = b"Subject: dots\r\n\r\n.\r\n..\r\n.a\r\nb.\r\n"
    with open_office(clerk) as port, Mailer(settings(port)) as mailer:
        mailer.send(letters[0]._replace(content=content))
        mailer.send(letters[1])
    assert clerk.letters[0] == content
    assert len(clerk.letters) == 2


def test_a_letter_takes_two_trips_where_the_server_allows_it(
    letters: list[Letter], pipelining: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[object] = []
    send_on = smtplib.SMTP.send

    def listening(connection: smtplib.SMTP, what: object) -> None:
        sent.append(what)
        send_on(connection, what)  # type: ignore[arg-type]

    with open_office(Clerk()) as port, Mailer(settings(port)) as mailer:
        mailer.send(letters[0])
        monkeypatch.setattr(smtplib.SMTP, "send", listening)
        mailer.send(letters[1])
        assert len(sent) == (2 if pipelining else 4)


def test_several_letters_use_one_connection(letters: list[Letter]) -> None:
    clerk = Clerk()
    with open_office(clerk) as port, Mailer(settings(port)) as mailer:
        for message in letters:
            mailer.send(message)
    assert len(clerk.letters) == 2
    assert len(clerk.connections) == 1


def test_a_mailer_that_sends_nothing_opens_no_connection() -> None:
    with Mailer(settings(free_port())):
        pass


def test_a_refused_recipient_is_final_and_the_next_letter_still_goes(letters: list[Letter]) -> None:
    clerk = Clerk(refusals={"mara@company.example": "550 5.1.1 No such person here"})
    with open_office(clerk) as port, Mailer(settings(port)) as mailer:
        with pytest.raises(MailRefused, match=r"does not take mail for mara@company\.example: 550 5\.1\.1 No such"):
            mailer.send(letters[0])
        mailer.send(letters[1])
    assert len(clerk.letters) == 1
    assert len(clerk.connections) == 1


@pytest.mark.parametrize(
    ("clerk", "words"),
    [
        (Clerk(refusals={"mara@company.example": "451 Greylisted"}), "451 Greylisted"),
        (Clerk(refusals={"mara@company.example": "421 Closing"}), "421 Closing"),
        (Clerk(sender_reply="550 Not you"), "does not take mail from groundswell@company.example: 550 Not you"),
        (Clerk(data_reply="452 Disk full"), "did not take the letter: 452 Disk full"),
        (Clerk(hang_up=True), "broke off"),
    ],
    ids=["greylisted", "closing", "our sender", "disk full", "hung up"],
)
def test_what_may_pass_is_worth_another_try(clerk: Clerk, words: str, letters: list[Letter]) -> None:
    with open_office(clerk) as port, pytest.raises(MailUnavailable, match=words):
        send(letters[0], settings(port))


@pytest.mark.parametrize(
    ("clerk", "others_may_go"),
    [
        (Clerk(refusals={"mara@company.example": "452 Mailbox full"}), True),
        (Clerk(data_reply="451 Greylisted"), True),
        (Clerk(hang_up=True), True),
        (Clerk(refusals={"mara@company.example": "421 Closing"}), False),
        (Clerk(data_reply="421 Closing"), False),
        (Clerk(sender_reply="451 Not now"), False),
    ],
    ids=["mailbox full", "greylisted", "hung up", "closing", "closing after the letter", "our sender"],
)
def test_what_is_about_one_letter_is_told_from_a_server_that_is_away(
    clerk: Clerk, others_may_go: bool, letters: list[Letter]
) -> None:
    with open_office(clerk) as port, pytest.raises(MailUnavailable) as said:
        send(letters[0], settings(port))
    assert isinstance(said.value, MailPutOff) is others_may_go


def test_a_server_that_hangs_up_on_two_letters_in_a_row_is_away(letters: list[Letter]) -> None:
    clerk = Clerk(hang_up=True)
    with open_office(clerk) as port, Mailer(settings(port)) as mailer:
        for _ in range(2):
            with pytest.raises(MailPutOff):
                mailer.send(letters[0])
            clerk.hang_up = False
            mailer.send(letters[0])
            clerk.hang_up = True
        with pytest.raises(MailPutOff):
            mailer.send(letters[0])
        with pytest.raises(MailUnavailable) as said:
            mailer.send(letters[0])
    assert not isinstance(said.value, MailPutOff)


@pytest.mark.parametrize(
    "clerk", [Clerk(data_reply="554 Looks like spam"), Clerk(sender_reply="552 Too big")], ids=["content", "size"]
)
def test_a_letter_that_will_never_do_is_refused(clerk: Clerk, letters: list[Letter]) -> None:
    with open_office(clerk) as port, pytest.raises(MailRefused, match=r"Looks like spam|Too big"):
        send(letters[0], settings(port))


def test_after_a_failure_the_next_letter_gets_a_new_connection(letters: list[Letter]) -> None:
    clerk = Clerk(hang_up=True)
    with open_office(clerk) as port, Mailer(settings(port)) as mailer:
        with pytest.raises(MailUnavailable):
            mailer.send(letters[0])
        clerk.hang_up = False
        mailer.send(letters[0])
    assert len(clerk.letters) == 1


def test_a_server_that_was_restarted_in_between_is_called_again(letters: list[Letter]) -> None:
    before, after = Clerk(), Clerk()
    port = free_port()
    with Mailer(settings(port)) as mailer:
        for clerk in (before, after):
            office = Controller(clerk, hostname="127.0.0.1", port=port)
            office.start()
            mailer.send(letters[0])
            office.stop()
    assert len(before.letters) == len(after.letters) == 1


def test_nobody_listens(letters: list[Letter]) -> None:
    port = free_port()
    with pytest.raises(MailUnavailable, match=rf"The mail server 127\.0\.0\.1:{port}: Connection refused"):
        send(letters[0], settings(port))


def test_a_server_that_never_answers(letters: list[Letter]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        slow = MailSettings(url=f"smtp://127.0.0.1:{silent.getsockname()[1]}", sender=SENDER, timeout=0.2)
        with pytest.raises(MailUnavailable, match="timed out"):
            send(letters[0], slow)


def test_a_host_that_does_not_exist(letters: list[Letter], monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    nowhere = MailSettings(url="smtp://mail.company.invalid", sender=SENDER, timeout=2)
    with pytest.raises(MailUnavailable, match=r"The mail server mail\.company\.invalid:25: Name or"):
        send(letters[0], nowhere)


# ---------------------------------------------------------------------------------------------------------- TLS


def test_starttls_with_a_trusted_certificate_and_a_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, letters: list[Letter]
) -> None:
    context, authority = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    clerk = Clerk()
    with open_office(
        clerk, tls_context=context, require_starttls=True, auth_required=True, authenticator=knows_mara
    ) as port:
        send(letters[0], settings(port, "smtp+starttls://mara:p%40ss@127.0.0.1:{port}"))
        with pytest.raises(MailUnavailable, match="does not know our user name and password") as refused:
            send(letters[0], settings(port, "smtp+starttls://mara:wrong@127.0.0.1:{port}"))
    assert len(clerk.letters) == 1
    assert "wrong" not in str(refused.value)


@pytest.mark.parametrize("scheme", ["smtps", "smtp+starttls"])
def test_a_certificate_that_nobody_trusts_is_not_talked_to(scheme: str, tmp_path: Path, letters: list[Letter]) -> None:
    context, _ = certificate(tmp_path)
    clerk = Clerk()
    how = {"tls": context} if scheme == "smtps" else {"tls_context": context}
    with open_office(clerk, **how) as port, pytest.raises(MailUnavailable, match="certificate verify failed"):
        send(letters[0], settings(port, scheme + "://127.0.0.1:{port}"))
    assert clerk.letters == []


def test_tls_from_the_first_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, letters: list[Letter]) -> None:
    context, authority = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    clerk = Clerk()
    with open_office(clerk, tls=context) as port:
        send(letters[0], settings(port, "smtps://127.0.0.1:{port}"))
    assert len(clerk.letters) == 1


def test_a_server_without_starttls_gets_nothing_in_the_clear(letters: list[Letter]) -> None:
    clerk = Clerk()
    with open_office(clerk) as port, pytest.raises(MailUnavailable, match="lacks something we need: STARTTLS"):
        send(letters[0], settings(port, "smtp+starttls://127.0.0.1:{port}"))
    assert not clerk.letters
    assert not clerk.senders


# ----------------------------------------------------------------------------------------------------- settings


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:25",
        "http://host",
        "smtp://",
        "smtp://host:notaport",
        "smtp://host:99999",
        "smtp://host/path?x=1",
        f"smtps://{'a' * 64}.example",
    ],
)
def test_a_server_is_written_as_an_address(url: str) -> None:
    with pytest.raises(ValidationError, match="is not a mail server; write it like smtp://"):
        MailSettings(url=url, sender=SENDER)


def test_a_password_needs_tls_except_on_this_machine() -> None:
    with pytest.raises(ValidationError, match="A password travels encrypted only") as error:
        MailSettings(url="smtp://mara:secret@mail.company.example", sender=SENDER)
    assert "secret" not in str(error.value)
    for host in ("localhost", "127.0.0.1", "[::1]"):
        assert MailSettings(url=f"smtp://mara:secret@{host}", sender=SENDER).server.username == "mara"


def test_settings_do_not_show_the_password() -> None:
    assert "secret" not in repr(MailSettings(url="smtps://mara:secret@mail.company.example", sender=SENDER))


def test_the_sender_is_an_address() -> None:
    with pytest.raises(ValidationError, match="is not an e-mail address"):
        MailSettings(url="smtp://localhost", sender="Groundswell")
