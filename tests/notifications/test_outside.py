"""Requests to addresses that somebody typed never reach our own network, however the address is written."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

import httpx2
import pytest

from notifications.outside import NotOutside, Outside, OutsideTransport, outside_of

PUBLIC = "93.184.216.34"


@pytest.mark.parametrize(
    "url",
    [
        "http://receiver.example/",
        "ftp://receiver.example/",
        "https:///path",
        "https://",
        "receiver.example",
        "https://user:password@receiver.example/",
        "https://receiver.example/#part",
        "https://receiver.example:22/",
        "https://receiver.example:99999/",
        "https://receiver.example/ with blanks",
        "https://receiver.example/\r\nX: 1",
        "https://münchen.example/",
        "https://[::1",
        "https://127.0.0.1/",
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0177.0.0.1/",
        "https://10.0.0.8/",
        "https://172.16.3.4/",
        "https://192.168.1.1/",
        "https://169.254.169.254/latest/meta-data/",
        "https://100.64.0.1/",
        "https://0.0.0.0/",
        "https://224.0.0.1/",
        "https://255.255.255.255/",
        "https://[::1]/",
        "https://[::]/",
        "https://[fe80::1]/",
        "https://[fc00::1]/",
        "https://[ff02::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://[2002:7f00:1::]/",
    ],
)
def test_what_is_no_address_outside(url: str) -> None:
    with pytest.raises(NotOutside):
        Outside().check(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://receiver.example/hook?token=1",
        "https://receiver.example:8443/",
        f"https://{PUBLIC}/",
        "https://[2606:2800::1]/",
    ],
)
def test_what_is_one(url: str) -> None:
    assert Outside().check(url) == url


def transport(addresses: Sequence[str], outside: Outside = Outside()) -> tuple[OutsideTransport, list[httpx2.Request]]:
    sent: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        sent.append(request)
        return httpx2.Response(200)

    looked_up: list[str] = []

    def look_up(host: str, port: int) -> Sequence[str]:
        looked_up.append(host)
        assert len(looked_up) == 1, "a name is resolved once: a second answer could be another one"
        return addresses

    return OutsideTransport(outside, httpx2.MockTransport(answer), look_up), sent


def test_the_connection_goes_to_the_address_that_was_checked() -> None:
    carrier, sent = transport([PUBLIC])
    with httpx2.Client(transport=carrier) as client:
        client.post("https://receiver.example/hook?x=1", content="body")
    [request] = sent
    assert str(request.url) == f"https://{PUBLIC}/hook?x=1"
    assert request.headers["Host"] == "receiver.example", "the receiver sees its name"
    assert request.extensions["sni_hostname"] == "receiver.example", "and its certificate is checked against it"


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.1.2.3", "::1", "::ffff:192.168.0.1", "fe80::1%eth0", "169.254.169.254"]
)
def test_a_name_that_leads_inside_is_not_followed(address: str) -> None:
    for addresses in ([address], [PUBLIC, address]):
        carrier, sent = transport(addresses)
        with httpx2.Client(transport=carrier) as client, pytest.raises(NotOutside, match="outside world"):
            client.post("https://rebinding.example/")
        assert sent == []


def test_a_name_without_addresses_is_a_failed_connection() -> None:
    carrier, _ = transport([])
    with httpx2.Client(transport=carrier) as client, pytest.raises(httpx2.ConnectError, match="has no address"):
        client.post("https://nowhere.example/")


def test_networks_of_our_own_may_be_named() -> None:
    outside = outside_of("10.20.0.0/16, fd00:1::/64", demonstration=False)
    assert outside.check("https://10.20.3.4/hook")
    outside.require(ipaddress.ip_address("::ffff:10.20.1.1"))
    with pytest.raises(NotOutside):
        outside.check("https://10.21.0.1/hook")
    with pytest.raises(NotOutside, match="https"):
        outside.check("http://10.20.3.4/hook")
    demonstration = outside_of("", demonstration=True)
    assert demonstration.check("http://127.0.0.1:9000/hook")
    with pytest.raises(NotOutside):
        demonstration.check("http://10.0.0.1/")
