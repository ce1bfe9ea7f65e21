"""``soilco2 demo``."""

from __future__ import annotations

import signal
import threading
import time
import webbrowser

import click

from soilco2.cli.options import echo as speak
from soilco2.cli.options import emit_json, fail, json_option, spoken_language
from soilco2.station_config.message import Message, marked

_LINES = {
    "samples": marked("samples: {count}"),
    "stored": marked("stored: {count}"),
    "duplicate": marked("duplicate: {count}"),
    "rejected": marked("rejected: {count}"),
    "forwarded": marked("forwarded: {count}"),
    "seconds": marked("seconds: {count}"),
}
"""What is said at the end, by its name in JSON."""


@click.command()
@click.option("--headless", is_flag=True, help="No page; stop after --seconds and tell what came through.")
@click.option("--seconds", type=click.FloatRange(1), default=30.0, show_default=True, help="With --headless.")
@click.option("--fresh", is_flag=True, help="Begin again instead of going on where the last demo stood.")
@click.option(
    "--speed", default="30min/1s", show_default=True, help="How much of the month in how much time."
)
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port of the page.")
@click.option("--no-browser", is_flag=True, help="Do not open the page by itself.")
@spoken_language
@json_option
def command(
    headless: bool, seconds: float, fresh: bool, speed: str, port: int, no_browser: bool, as_json: bool
) -> None:
    """Run a station of simulated probes on measured data and open its live page.

    SJER, June 2022: plot 004 answers over Modbus on pseudo-terminals, plot 003 publishes over MQTT. Two weeks are
    there at once, the rest follows at half an hour a second. Ctrl-C stops it; started again it goes on.

    \b
    Example:
      soilco2 demo
      soilco2 demo --headless --seconds 30 --json
    """
    from soilco2.cli.demo.run import END_US, Demo, DemoError
    from soilco2.cli.options import parse_speed

    parse_speed(speed)

    def echo(text: Message) -> None:
        speak(text, err=as_json)

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: stop.set())
    began = time.monotonic()
    try:
        demo = Demo(echo, speed)
    except DemoError as error:
        fail(Message.of(error))
    try:
        if fresh:
            demo.fresh()
        page = demo.start(page_port=None if headless else port)
        if page is not None:
            echo(Message("the page: http://127.0.0.1:{page}/   (Ctrl-C stops the demo)", page=page))
            if not no_browser:
                webbrowser.open(f"http://127.0.0.1:{page}/")
        over = False
        end = time.monotonic() + seconds if headless else None
        while not stop.wait(0.2 if end is None else min(0.2, max(0.0, end - time.monotonic()))):
            if end is not None and time.monotonic() >= end:
                break
            if name := demo.fallen():
                fail(
                    Message(
                        "the part '{name}' has ended by itself; {folder} says why",
                        name=name,
                        folder=demo.folder / (name + ".log"),
                    ),
                    3,
                )
            if not over and demo.now_us() >= END_US:
                over = True
                echo(Message("the month is over; the station stays up, 'soilco2 demo --fresh' begins again"))
    except DemoError as error:
        fail(Message.of(error))
    finally:
        demo.stop()
    if headless or as_json:
        found = demo.account()
        found["seconds"] = round(time.monotonic() - began, 1)
        if as_json:
            emit_json(found)
        else:
            for name, line in _LINES.items():
                echo(Message(line, count=found[name]))
