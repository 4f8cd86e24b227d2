"""Ports of the demonstration."""

import socket

import pytest

from gateway.core.errors import GatewayError
from gateway.demo import processes
from gateway.demo.processes import LOOPBACK, Ports


def listening() -> socket.socket:
    """Somebody who uses a port."""
    found = socket.socket()
    found.bind((LOOPBACK, 0))
    found.listen()
    return found


def test_a_port_is_claimed_once_though_nobody_listens_yet():
    with Ports() as first, Ports() as second:
        port = first.claim(0)
        assert first.claim(port) != port
        assert second.claim(port) != port
    with Ports() as third:
        assert third.claim(port) == port


def test_a_port_somebody_uses_is_left_to_them():
    with listening() as used, Ports() as ports:
        port = used.getsockname()[1]
        assert ports.claim(port) != port


def test_without_any_free_port_the_demonstration_says_so(monkeypatch):
    monkeypatch.setattr(processes, "_free", lambda wanted: None)
    with Ports() as ports, pytest.raises(GatewayError) as refused:
        ports.claim(0)
    assert refused.value.code == "DEMO-NOT-UP"
