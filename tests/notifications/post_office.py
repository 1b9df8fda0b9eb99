"""Real mail servers for tests: they take letters, refuse them, hang up, or speak TLS."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from socket import create_server
from typing import Any, ClassVar

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID


@dataclass
class Clerk:
    """Takes letters, or answers as told. ``refusals`` maps a recipient to an SMTP reply."""

    refusals: dict[str, str] = field(default_factory=dict)
    sender_reply: str = "250 OK"
    data_reply: str = "250 OK"
    hang_up: bool = False
    letters: list[bytes] = field(default_factory=list)
    senders: list[str] = field(default_factory=list)
    greeted: list[str] = field(default_factory=list)
    connections: set[Any] = field(default_factory=set)
    pipelining: ClassVar[bool] = False
    """Whether several commands may be sent at once (RFC 2920)."""

    async def handle_EHLO(
        self, server: Any, session: Any, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        self.greeted.append(hostname)
        return [responses[0], "250-PIPELINING", *responses[1:]] if self.pipelining else responses

    async def handle_MAIL(self, server: Any, session: Any, envelope: Envelope, address: str, options: list[str]) -> str:
        self.connections.add(session.peer)
        envelope.mail_from = address
        self.senders.append(address)
        return self.sender_reply

    async def handle_RCPT(self, server: Any, session: Any, envelope: Envelope, address: str, options: list[str]) -> str:
        if address in self.refusals:
            return self.refusals[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:
        if self.hang_up:
            server.transport.abort()
            return ""
        if self.data_reply.startswith("2"):
            assert isinstance(envelope.content, bytes)
            self.letters.append(envelope.content)
        return self.data_reply


@dataclass
class HoldingClerk(Clerk):
    """Has the first letter in hand, and answers nothing, until told to let it go."""

    has_one: threading.Event = field(default_factory=threading.Event)
    let_go: threading.Event = field(default_factory=threading.Event)

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:
        if not self.has_one.is_set():
            self.has_one.set()
            await asyncio.to_thread(self.let_go.wait, 20)
        return await super().handle_DATA(server, session, envelope)


def free_port() -> int:
    """A port nobody listens on."""
    with create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def knows_mara(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    """Lets in whoever calls themselves mara with the password p@ss."""
    known = isinstance(data, LoginPassword) and (data.login, data.password) == (b"mara", b"p@ss")
    return AuthResult(success=known, handled=False)


@contextmanager
def open_office(clerk: Clerk, *, tls: ssl.SSLContext | None = None, **options: Any) -> Iterator[int]:
    """A mail server in a thread; gives its port. ``tls`` from the first byte, ``tls_context=`` after STARTTLS."""
    controller = Controller(
        clerk, hostname="127.0.0.1", port=free_port(), ssl_context=tls, server_hostname="office.test", **options
    )
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()


def certificate(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """A server's TLS context for 127.0.0.1, and the file with the authority to trust."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "office.test")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    authority, private = folder / "authority.pem", folder / "key.pem"
    authority.write_bytes(signed.public_bytes(Encoding.PEM))
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority, private)
    return context, authority
