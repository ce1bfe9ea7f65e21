"""The broker amqtt in a process of its own: ``python -m soilco2.cli.demo.amqtt_broker PORT`` (MQTT 3.1.1, loopback).

It is for looking at a station: it keeps what comes while a subscriber is away in memory alone, and forgets it when it
is killed. A station that is to lose nothing has mosquitto with ``persistence true``.
"""

from __future__ import annotations

import asyncio
import signal
import sys

from amqtt.plugins.base import BaseAuthPlugin
from amqtt.session import Session


class AnybodyHere(BaseAuthPlugin):  # type: ignore[misc]
    """Lets everybody on this machine in, and keeps their sessions; amqtt forgets those that it calls anonymous."""

    async def authenticate(self, *, session: Session) -> bool:
        """Whether a client may come in."""
        return True


async def _serve(port: int) -> None:
    from amqtt.broker import Broker

    broker = Broker(
        {
            "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}},
            "plugins": {f"soilco2.cli.demo.amqtt_broker.{AnybodyHere.__name__}": {}},
        }
    )
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await broker.start()
    await stop.wait()
    await broker.shutdown()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
