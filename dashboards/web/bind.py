"""Listen on an address: loopback only, unless a password or a trusted proxy guards it."""

from __future__ import annotations

import errno
import socket

from soilco2.dashboards.errors import ServeError
from soilco2.station_config.message import Message, system

LOOPBACK = ("127.0.0.1", "::1", "localhost")


def bind(host: str, port: int, *, guarded: bool = False) -> socket.socket:
    """A listening socket.

    Parameters
    ----------
    host : str
        Address; beyond loopback only when `guarded`.
    port : int
        Port; 0 takes a free one.
    guarded : bool
        A password is asked for, or a trusted proxy stands in front.

    Raises
    ------
    ServeError
        When the address is beyond loopback and nothing guards it, or it cannot be used.
    """
    if host not in LOOPBACK and not guarded:
        raise ServeError(
            Message(
                "nothing is served on {host}: beyond loopback it would stand open to everybody; give "
                "--password-file ('soilco2 dashboard password FILE' makes one), or --trust-proxy when a proxy asks",
                host=host,
            )
        )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except (OSError, UnicodeError) as error:
        listener.close()
        why = system(error) if isinstance(error, OSError) else Message.of(error)
        if isinstance(error, OSError) and error.errno in (errno.EADDRINUSE, errno.EACCES):
            raise ServeError(
                Message(
                    "port {port} on {host} cannot be used ({why}); choose another with --port",
                    port=port,
                    host=host,
                    why=why,
                )
            ) from error
        raise ServeError(
            Message("address {host!r} cannot be used ({why}); give one of this machine's", host=host, why=why)
        ) from error
    listener.listen(128)
    return listener
