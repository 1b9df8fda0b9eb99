"""Requests to addresses that somebody typed: only to the world outside, never to our own network (SSRF).

A name is resolved once, every address is checked, and the connection goes to the address that was checked; Host, SNI
and the certificate stay those of the name. Checking first and resolving again would leave a window in which the name
changes its address. Sources: reference/web.md 2.2; OWASP ASVS 1.3.6, 15.3.2.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx2

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolve = Callable[[str, int], Sequence[str]]
"""The addresses of a host, as text."""

PORTS = frozenset({443, 8443})
"""Where receivers of webhooks listen."""
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class NotOutside(Exception):
    """The address leads into our own network, or is not one to send to; the message says which and what to do."""


@dataclass(frozen=True)
class Outside:
    """What may be reached.

    Args:
        networks: networks that may be reached although they are not public, such as an organisation's own.
        plain: whether http and any port will do; in the demonstration and in tests.
    """

    networks: tuple[Network, ...] = ()
    plain: bool = False

    def check(self, url: str) -> str:
        """``url``, if it is one to send to as far as its words go; its addresses are checked when it is used.

        Raises:
            NotOutside: it is not.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise NotOutside("This is not an address. Write it like https://receiver.example/groundswell.") from error
        if parts.scheme != "https" and not (self.plain and parts.scheme == "http"):
            raise NotOutside("The address has to begin with https://.")
        if not parts.hostname or not url.isascii() or not url.isprintable() or " " in url:
            raise NotOutside("This is not an address. Write it like https://receiver.example/groundswell.")
        if parts.username or parts.password:
            raise NotOutside("The address must not hold a user name or password; receivers check the signature.")
        if parts.fragment:
            raise NotOutside("The address must not hold a fragment (the part from # on).")
        if not self.plain and (port or 443) not in PORTS:
            raise NotOutside("The port has to be 443 or 8443.")
        literal = _literal(parts.hostname)
        if literal is not None:
            self.require(literal)
        return url

    def require(self, address: Address) -> None:
        """Let only addresses through that may be reached.

        Raises:
            NotOutside: this one may not.
        """
        if not self._reachable(address):
            raise NotOutside(f"{address} is not an address in the outside world, so nothing is sent there.")

    def _reachable(self, address: Address) -> bool:
        if any(address in network for network in self.networks if network.version == address.version):
            return True
        if isinstance(address, ipaddress.IPv6Address):
            inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
            if inner is None and address in _NAT64:
                inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
            if inner is not None:
                return self._reachable(inner)
        return address.is_global and not address.is_multicast


def outside_of(networks: str, demonstration: bool) -> Outside:
    """Where webhooks may go: outside and to ``networks``, which have commas between; in the demonstration here too."""
    named = [one.strip() for one in networks.split(",") if one.strip()]
    here = ["127.0.0.0/8", "::1/128"] if demonstration else []
    return Outside(networks=tuple(ipaddress.ip_network(one) for one in (*named, *here)), plain=demonstration)


def _literal(host: str) -> Address | None:
    """The address that ``host`` spells, in any of the ways in which an operating system would read one."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host))  # 127.1, 2130706433, 0x7f000001
    except OSError:
        return None


def resolve(host: str, port: int) -> Sequence[str]:
    """The addresses of ``host`` as the operating system knows them.

    Raises:
        OSError: there are none.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


class OutsideTransport(httpx2.BaseTransport):
    """Sends each request to an address that was checked, in place of the name."""

    def __init__(self, outside: Outside, inner: httpx2.BaseTransport | None = None, look_up: Resolve = resolve) -> None:
        self._outside = outside
        self._inner = inner or httpx2.HTTPTransport(trust_env=False)
        self._look_up = look_up

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Resolve, check, and send.

        Raises:
            NotOutside: one of the addresses may not be reached; then none is used.
            httpx2.ConnectError: the name has no address.
        """
        url = request.url
        port = url.port or (443 if url.scheme == "https" else 80)
        self._outside.check(str(url))
        literal = _literal(url.host)
        try:
            addresses = [str(literal)] if literal else list(self._look_up(url.host, port))
        except OSError as error:
            raise httpx2.ConnectError(f"{url.host} has no address", request=request) from error
        if not addresses:
            raise httpx2.ConnectError(f"{url.host} has no address", request=request)
        for address in addresses:
            self._outside.require(ipaddress.ip_address(address.partition("%")[0]))
        checked = httpx2.Request(
            request.method,
            url.copy_with(host=addresses[0]),
            headers=request.headers,
            stream=request.stream,
            extensions={**request.extensions, "sni_hostname": url.host},
        )
        return self._inner.handle_request(checked)

    def close(self) -> None:
        """Close what is open."""
        self._inner.close()
