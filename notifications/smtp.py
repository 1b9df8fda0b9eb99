"""The mail channel: hands a letter to an SMTP server, and says whether a failure is final or worth another try.

Synchronous, because activities that send run in threads.
"""

from __future__ import annotations

import contextlib
import ipaddress
import re
import select
import smtplib
import socket
import ssl
import time
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self
from urllib.parse import SplitResult, unquote, urlsplit

from pydantic import ConfigDict, Field, field_validator

from changes.values import Value
from notifications.addresses import mail_address
from notifications.letter import Letter

_PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}
_PERMANENT = 500
"""Reply codes from here on are final (RFC 5321, 4.2.1)."""
_TOO_BIG = 552
"""The one final refusal of a sender that is about the letter, and not about us."""

CLOSING = 421
"""The reply of a server that goes away (RFC 5321, 3.8)."""

IDLE_SECONDS = 5.0
"""After so long without a letter the server is asked whether it still listens."""


class MailRefused(Exception):
    """The server will never take this letter; sending it again is useless."""


class MailUnavailable(Exception):
    """The letter could not be sent now; it is worth another try later."""


class MailPutOff(MailUnavailable):
    """The server is there and puts off this one letter, as for a full mailbox; others may go."""


class MailSettings(Value):
    """Where mail goes and whom it comes from."""

    model_config = ConfigDict(hide_input_in_errors=True)  # the address of the server may hold a password

    url: str = Field(repr=False)
    """``smtp://127.0.0.1:1025``, ``smtp+starttls://user:password@host:587`` or ``smtps://user:password@host``."""
    sender: str
    """“Groundswell <groundswell@company.example>”."""
    timeout: float = Field(default=10.0, gt=0)
    """Seconds to wait for each answer of the server."""

    @field_validator("url")
    @classmethod
    def _a_server(cls, url: str) -> str:
        try:
            parts = urlsplit(url)
            host, _ = parts.hostname, parts.port
        except ValueError as error:
            raise ValueError(_NOT_A_SERVER) from error
        if parts.scheme not in _PORTS or not host or parts.path not in {"", "/"} or parts.query or parts.fragment:
            raise ValueError(_NOT_A_SERVER)
        try:
            host.encode("idna")
        except UnicodeError as error:
            raise ValueError(_NOT_A_SERVER) from error
        if parts.scheme == "smtp" and parts.username and not _is_this_machine(host):
            raise ValueError("A password travels encrypted only: write smtp+starttls:// or smtps://.")
        return url

    @field_validator("sender")
    @classmethod
    def _an_address(cls, sender: str) -> str:
        mail_address(sender)
        return sender

    @property
    def server(self) -> SplitResult:
        """The parts of :attr:`url`."""
        return urlsplit(self.url)


_NOT_A_SERVER = (
    "is not a mail server; write it like smtp://127.0.0.1:1025, smtp+starttls://user:password@host:587 "
    "or smtps://user:password@host"
)


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Mailer:
    """One connection for several letters, opened with the first and opened again when the server closed it::

    with Mailer(settings) as mailer:
        for letter in letters:
            mailer.send(letter)
    """

    def __init__(self, settings: MailSettings) -> None:
        self._settings = settings
        self._connection: smtplib.SMTP | None = None
        self._used = 0.0
        """When the server last answered us, on the monotonic clock."""
        self._cut = False
        """Whether the connection ended in the middle of the last letter."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Say goodbye to the server, if it still listens."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(OSError, smtplib.SMTPException):
                connection.quit()

    def send(self, letter: Letter) -> None:
        """Hand ``letter`` to the server.

        Raises:
            MailRefused: the server will never take it.
            MailPutOff: not this one now.
            MailUnavailable: not now. Either way the connection is opened anew for the next letter: a server that has
                said no to many over one hangs up.
        """
        cut_before, self._cut, handing_over = self._cut, False, False
        try:
            connection = self._connected()
            handing_over = True
            _hand_over(connection, letter)
            self._used = time.monotonic()
        except smtplib.SMTPServerDisconnected as error:
            raise self._cut_off(f"{self._name} broke off: {error}", handing_over, cut_before) from error
        except smtplib.SMTPException as error:
            raise self._failure(error) from error
        except OSError as error:
            raise self._cut_off(f"{self._name}: {error.strerror or error}", handing_over, cut_before) from error

    def _cut_off(self, text: str, handing_over: bool, cut_before: bool) -> MailUnavailable:
        """What it means that the connection ended. In the middle of one letter, that may be what a gateway makes of its
        content, and others may go; of two in a row, it is the server."""
        self._drop()
        self._cut = handing_over
        return MailPutOff(text) if handing_over and not cut_before else MailUnavailable(text)

    @property
    def _name(self) -> str:
        """The server as an error names it, without user and password."""
        server = self._settings.server
        return f"The mail server {server.hostname}:{server.port or _PORTS[server.scheme]}"

    def _connected(self) -> smtplib.SMTP:
        """The open connection.

        A server hangs up on connections that idle; that is noticed here, where opening another one repeats nothing.
        """
        if self._connection is not None and not self._still_open(self._connection):
            self._drop()
        if self._connection is None:
            self._connection = _connect(self._settings)
        return self._connection

    def _still_open(self, connection: smtplib.SMTP) -> bool:
        """Asked of the server only after a while; between letters it is enough that it has not said goodbye."""
        if connection.sock is None or _has_spoken(connection.sock):
            return False
        return time.monotonic() - self._used < IDLE_SECONDS or _listens(connection)

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _failure(self, error: smtplib.SMTPException) -> MailRefused | MailUnavailable:
        """What a failed exchange means, in words. The server's own words are kept: they say what to repair."""
        final, put_off, what = False, False, "broke off"
        match error:
            case smtplib.SMTPRecipientsRefused(recipients=refused):
                # smtplib puts the answers for all recipients into one dictionary; our letters have one.
                [(recipient, (code, words))] = refused.items()
                final, put_off, what = code >= _PERMANENT, code != CLOSING, f"does not take mail for {recipient}"
                error = smtplib.SMTPResponseException(code, words)
            case smtplib.SMTPSenderRefused():
                final, what = error.smtp_code == _TOO_BIG, f"does not take mail from {error.sender}"
            case smtplib.SMTPDataError():
                final, put_off = error.smtp_code >= _PERMANENT, error.smtp_code != CLOSING
                what = "did not take the letter"
            case smtplib.SMTPAuthenticationError():
                what = "does not know our user name and password"
            case smtplib.SMTPNotSupportedError():
                what = "lacks something we need"
        if not final:
            self._drop()
        text = f"{self._name} {what}: {_said(error)}"
        if final:
            return MailRefused(text)
        return MailPutOff(text) if put_off else MailUnavailable(text)


class Mailers:
    """Connections kept between rounds: saying hello and goodbye costs more than a letter. Safe to share by threads."""

    def __init__(self, settings: MailSettings) -> None:
        self._settings = settings
        self._idle: list[Mailer] = []

    @contextlib.contextmanager
    def lend(self) -> Iterator[Mailer]:
        """A mailer that nobody else uses meanwhile."""
        try:
            mailer = self._idle.pop()
        except IndexError:
            mailer = Mailer(self._settings)
        try:
            yield mailer
        except BaseException:
            mailer.close()
            raise
        self._idle.append(mailer)

    def close(self) -> None:
        """Hang up wherever nobody sends."""
        while self._idle:
            self._idle.pop().close()


def _said(error: smtplib.SMTPException) -> str:
    if not isinstance(error, smtplib.SMTPResponseException):
        return str(error)
    words: bytes | str = error.smtp_error
    return f"{error.smtp_code} {words.decode(errors='replace') if isinstance(words, bytes) else words}"


def _connect(settings: MailSettings) -> smtplib.SMTP:
    """A connection with the server, encrypted and signed in as the settings say; never less.

    The certificate is checked against the names and authorities of the machine. We introduce ourselves by the
    sender's domain: the name of a container says nothing, and looking it up may take seconds.
    """
    server = settings.server
    options: dict[str, Any] = {
        "host": server.hostname,
        "port": server.port or _PORTS[server.scheme],
        "local_hostname": mail_address(settings.sender).domain,
        "timeout": settings.timeout,
    }
    if server.scheme == "smtps":
        connection: smtplib.SMTP = smtplib.SMTP_SSL(context=ssl.create_default_context(), **options)
    else:
        connection = smtplib.SMTP(**options)
    try:
        if server.scheme == "smtp+starttls":
            connection.starttls(context=ssl.create_default_context())
        if server.username:
            connection.login(unquote(server.username), unquote(server.password or ""))
    except BaseException:
        connection.close()
        raise
    return connection


def _hand_over(connection: smtplib.SMTP, letter: Letter) -> None:
    """Hand one letter to the server. One that takes commands before it has answered the last (RFC 2920) gets sender,
    recipient and the wish to send at once: two trips instead of four, which is most of the time with a server far away.

    Raises:
        smtplib.SMTPException: as from :meth:`smtplib.SMTP.sendmail`, the way where the server says no such thing.
    """
    connection.ehlo_or_helo_if_needed()
    if not connection.has_extn("pipelining"):
        connection.sendmail(letter.sender, [letter.recipient], letter.content)
        return
    size = f" SIZE={len(letter.content)}" if connection.has_extn("size") else ""
    connection.send(f"MAIL FROM:<{letter.sender}>{size}\r\nRCPT TO:<{letter.recipient}>\r\nDATA\r\n")
    sender, recipient, go_on = connection.getreply(), connection.getreply(), connection.getreply()
    taken = sender[0] == 250 and recipient[0] in (250, 251)
    if go_on[0] == 354:
        connection.send((_DOT.sub(b"..", letter.content) if taken else b"") + b".\r\n")
        go_on = connection.getreply()
    if taken and go_on[0] == 250:
        return
    # A server that goes away says so and hangs up; any other waits for the next letter.
    if CLOSING in (sender[0], recipient[0], go_on[0]):
        connection.close()
    else:
        connection.rset()
    if sender[0] != 250:
        raise smtplib.SMTPSenderRefused(*sender, letter.sender)
    if not taken:
        raise smtplib.SMTPRecipientsRefused({letter.recipient: recipient})
    raise smtplib.SMTPDataError(*go_on)


_DOT = re.compile(rb"^\.", re.MULTILINE)
"""A line that begins with a dot begins with two on its way (RFC 5321, 4.5.2); one alone ends the letter."""


def _has_spoken(sock: socket.socket) -> bool:
    """Whether something came that nobody asked for: the end of the connection, or the 421 before it."""
    poll = select.poll()  # select.select would end at the 1024th open file
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))


def _listens(connection: smtplib.SMTP) -> bool:
    try:
        return connection.noop()[0] == 250
    except (OSError, smtplib.SMTPException):
        return False


def send(letter: Letter, settings: MailSettings) -> None:
    """Send one letter over a connection of its own.

    Raises:
        MailRefused: the server will never take it.
        MailUnavailable: not now.
    """
    with Mailer(settings) as mailer:
        mailer.send(letter)
