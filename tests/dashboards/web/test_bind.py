"""Where a web part listens: nowhere beyond loopback without a guard, and a port that cannot be had is told."""

from __future__ import annotations

import socket

import pytest

from soilco2.dashboards.errors import ServeError
from soilco2.dashboards.web.bind import bind


def test_beyond_loopback_it_does_not_open() -> None:
    with pytest.raises(ServeError, match="beyond loopback"):
        bind("0.0.0.0", 0)


def test_beyond_loopback_a_guard_is_needed() -> None:
    with pytest.raises(ServeError, match="--password-file"):
        bind("0.0.0.0", 0)
    bind("0.0.0.0", 0, guarded=True).close()


def test_a_port_that_is_taken_is_told() -> None:
    taken = bind("127.0.0.1", 0)
    try:
        with pytest.raises(ServeError, match="cannot be used"):
            bind("127.0.0.1", taken.getsockname()[1])
    finally:
        taken.close()


def test_an_address_that_is_none_of_this_machine_is_told() -> None:
    with pytest.raises(ServeError, match="give one of this machine's"):
        bind("192.0.2.1", 0, guarded=True)  # RFC 5737: nobody's
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(ServeError, match="choose another with --port"):
            bind("127.0.0.1", taken.getsockname()[1])
