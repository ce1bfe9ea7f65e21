"""Why a connection over the network failed, in plain words."""

from __future__ import annotations

import socket
import ssl

from soilco2.station_config.message import Message, marked

_NETWORK = frozenset(
    {
        marked("connection refused"),
        marked("connection reset by peer"),
        marked("network is unreachable"),
        marked("no route to host"),
    }
)


def connection_fault(error: BaseException) -> Message:
    """Why there is no connection, or no more, as one plain phrase."""
    if isinstance(error, TimeoutError):
        return Message("no answer in time")
    if isinstance(error, ssl.SSLCertVerificationError):
        return Message("its certificate cannot be verified ({why})", why=error.verify_message)
    if isinstance(error, socket.gaierror):
        return Message("the name of the host cannot be resolved")
    if isinstance(error, OSError) and error.strerror:
        words = error.strerror.lower()
        return Message(words) if words in _NETWORK else Message.of(words)
    return Message.of(str(error) or type(error).__name__)
