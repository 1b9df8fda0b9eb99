"""Choosing ports: the wanted one where it is free, else another."""

from __future__ import annotations

import socket

from temporal.ports import free_port, is_free, port_like


def test_a_free_port_is_taken_as_wanted() -> None:
    port = free_port()
    assert is_free(port)
    assert port_like(port) == port


def test_a_port_on_which_somebody_listens_is_replaced() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert not is_free(port)
        replacement = port_like(port)
        assert replacement != port
        assert is_free(replacement)


def test_a_listener_on_every_address_takes_the_port_too() -> None:
    with socket.create_server(("0.0.0.0", 0)) as server:  # noqa: S104 - that is the point
        assert not is_free(server.getsockname()[1])


def test_a_port_whose_connections_are_only_fading_out_is_free() -> None:
    server = socket.create_server(("127.0.0.1", 0))
    port = server.getsockname()[1]
    with socket.create_connection(("127.0.0.1", port)):
        accepted, _ = server.accept()
        accepted.close()  # the side that closes first keeps the port in TIME_WAIT
        server.close()
    assert is_free(port)


def test_a_port_that_is_given_to_another_part_is_avoided() -> None:
    port = free_port()
    assert port_like(port, avoid={port}) != port


def test_zero_wants_any_port() -> None:
    assert port_like(0) > 0
