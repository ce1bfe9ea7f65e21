"""The line of text as polling sees it: set-up, restarts, echo, settings, instruments that send by themselves."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from soilco2.ingest.drivers.serial_ascii import AsciiLine, line_of
from soilco2.ingest.errors import BusError, LocalEcho, NoAnswer, PortGone, Refused, Unasked, WrongAnswer
from soilco2.ingest.simulate.ascii_instruments import command
from soilco2.ingest.simulate.line import Piece, PtyLine
from soilco2.station_config.catalogue.load import load_catalogue
from soilco2.station_config.catalogue.probe import ProbeModel
from soilco2.station_config.connections.serial_ascii import SerialAsciiConnection
from soilco2.station_config.message import Message
from soilco2.station_config.tables.instrument import Instrument
from tests.ingest.running import until

MODELS = load_catalogue()
GMP343 = "GMP343  0   447.5   459.6   460.2 25.00 1013.0  50.0  21.0 0\r\n"
"""The three CO2 values are those of a probe (github.com/paocalzolari/CO2-GMP343), the form that of the catalogue."""
BANNER = "GMP343 - Version STD 2.00\r\nCopyright: Vaisala Oyj 2003 - 2006\r\n"
"""github.com/tum-esm/ACROPOLIS-edge, what its driver waits for after power-on."""
PARAM = ("PC          : ON", "TC          : ON", "RHC         : OFF", "OC          : OFF", "RANGE       : 1")
PATIENCE_S = 5.0


class Far:
    """A line whose far end answers by a table, and writes down what it heard."""

    def __init__(self, link: Path) -> None:
        self.heard: list[str] = []
        self.answers: dict[str, str | Callable[[], str]] = {}
        self.line = PtyLine(link, self._respond, parse=command)

    def _respond(self, heard: str, _foreign: int) -> list[Piece]:
        self.heard.append(heard)
        answer = self.answers.get(heard, "")
        text = answer if isinstance(answer, str) else answer()
        return [(0.0, text.encode("latin-1"))] if text else []


class Bench:
    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.far = Far(folder / "text1")
        stack.callback(self.far.line.stop)
        self.failed: list[BusError] = []
        self.happened: list[tuple[str, str, Message]] = []
        self._stack = stack

    def line(self, model: ProbeModel, **keys: Any) -> tuple[AsciiLine, Any]:
        connection = SerialAsciiConnection(
            id="text1", kind="serial-ascii", port=self.far.line.link, baudrate=19200, quiet="10ms"
        )
        row = Instrument(id="one", model=model.id, serial="S1", connection="text1", interval="60s", **keys)
        line = line_of(connection, [(row, model)], happened=lambda *what: self.happened.append(what))
        self._stack.callback(line.close)
        line.open()
        return line, line.plan(row, model)

    def read(self, line: AsciiLine, plan: Any, timeout_s: float = PATIENCE_S) -> dict[str, float | None]:
        return {row.channel: row.raw for row in line.read(plan, timeout_s, self.failed.append)}

    @property
    def kinds(self) -> list[str]:
        return [error.kind for error in self.failed]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with ExitStack() as stack:
        yield Bench(tmp_path, stack)


def test_an_instrument_that_speaks_as_wanted_is_left_as_it_is(bench: Bench) -> None:
    bench.far.answers["send 0"] = GMP343
    line, plan = bench.line(MODELS["vaisala-gmp343"])
    assert bench.read(line, plan) == {
        "co2": 460.2, "co2_compensated": 459.6, "co2_raw": 447.5, "temperature": 25.0,
    }  # fmt: skip
    assert bench.far.heard == ["send 0"]
    assert line.read(plan, PATIENCE_S, bench.failed.append)[0].said == GMP343.strip().encode()


def test_one_that_speaks_otherwise_is_set_up_once(bench: Bench) -> None:
    """After a restart a probe may be back at the form of the factory, CO2= 452 ppm, in the middle of a day."""
    form = MODELS["vaisala-gmp343"].setup[2]  # type: ignore[attr-defined]
    wanted = threading.Event()
    bench.far.answers |= {
        "send 0": lambda: GMP343 if wanted.is_set() else "CO2=   452 ppm\r\n",
        "open 0": "GMP343: 0 line opened for operator commands\r\n>",
        form: lambda: (wanted.set(), "OK\r\n>")[1],
        "close": "line closed\r\n",
    }
    line, plan = bench.line(MODELS["vaisala-gmp343"])
    assert bench.read(line, plan, 0.1)["co2"] == 460.2
    assert bench.far.heard == ["send 0", "s", "open 0", form, "close", "send 0"]
    assert bench.kinds == ["wrong_format"]
    wanted.clear()  # it forgets without a word: it was set up just now, so that it is not set up again at once
    with pytest.raises(WrongAnswer, match="is not a message of vaisala-gmp343"):
        bench.read(line, plan, 0.1)
    bench.far.line.say(BANNER.encode())  # with its banner it is: it says that it was switched on
    bench.far.answers["send 0"] = lambda: BANNER + "CO2= 452 ppm\r\n" if not wanted.is_set() else GMP343
    assert bench.read(line, plan, 0.1)["co2"] == 460.2


def test_a_setup_that_is_refused_is_counted_and_no_reading_is_made_up(bench: Bench) -> None:
    bench.far.answers |= {"send 0": "CO2=   452 ppm\r\n", "open 0": "ERROR: Expecting integer\r\n"}
    line, plan = bench.line(MODELS["vaisala-gmp343"])
    with pytest.raises(WrongAnswer):
        bench.read(line, plan, 0.1)
    assert bench.kinds == ["wrong_format", "refused", "wrong_format"]


def test_a_silent_one_is_set_up_once_after_opening(bench: Bench) -> None:
    line, plan = bench.line(MODELS["vaisala-gmp343"])
    for _ in range(2):
        with pytest.raises(NoAnswer, match="check power"):
            bench.read(line, plan, 0.05)
    assert bench.far.heard.count("open 0") == 1


def test_an_echo_and_a_prompt_do_no_harm(bench: Bench) -> None:
    bench.far.answers["send 0"] = ">send 0\r\n" + GMP343 + ">"
    line, plan = bench.line(MODELS["vaisala-gmp343"])
    for _ in range(2):
        assert bench.read(line, plan)["co2"] == 460.2
    bench.far.answers["send 0"] = "send 0\r\n"
    bench.far.answers["open 0"] = ""
    with pytest.raises(LocalEcho, match="only the command 'send 0' came back"):
        bench.read(line, plan, 0.1)
    assert set(bench.kinds) == {"echo"}


def test_what_it_did_not_understand_is_an_error_of_its_own(bench: Bench) -> None:
    bench.far.answers["send 0"] = "Unknown command\r\n"
    line, plan = bench.line(MODELS["vaisala-gmp343"])
    with pytest.raises(Refused, match="'Unknown command'"):
        bench.read(line, plan, 0.1)


def test_one_that_sends_while_it_is_asked_is_told_once(bench: Bench) -> None:
    bench.far.answers["send 0"] = GMP343
    line, plan = bench.line(MODELS["vaisala-gmp343"])
    for _ in range(2):
        bench.far.line.say(GMP343.encode())
        assert bench.read(line, plan)["co2"] == 460.2
    assert [(kind, subject) for kind, subject, _ in bench.happened] in (
        [("stray-answer", "text1")],
        [],  # it came behind the answer, and was two answers
    )


def test_a_line_that_is_never_silent_is_an_error(bench: Bench) -> None:
    ended = threading.Event()

    def babble() -> None:
        while not ended.wait(0.002):
            bench.far.line.say(b"U")

    line, plan = bench.line(MODELS["vaisala-gmp343"])
    thread = threading.Thread(target=babble)
    thread.start()
    try:
        with pytest.raises(Unasked, match="never stops"):
            bench.read(line, plan, 0.2)
    finally:
        ended.set()
        thread.join()


def test_settings_are_those_of_the_line_and_of_param(bench: Bench) -> None:
    bench.far.answers |= {
        "send 0": GMP343,
        "open 0": "line opened\r\n",
        "param": "\r\n".join(PARAM) + "\r\n>",
    }
    line, plan = bench.line(MODELS["vaisala-gmp343"], settings={"pressure_setpoint": 875.0})
    bench.read(line, plan)
    told = line.settings(plan, 0.3, bench.failed.append)
    assert told.values == {
        "pressure_setpoint": 1013.0, "humidity_setpoint": 50.0, "oxygen_setpoint": 21.0,
        "pressure_mode": 1.0, "temperature_mode": 2.0, "humidity_mode": 0.0, "oxygen_mode": 0.0,
    }  # fmt: skip
    assert "pressure_setpoint = 1013 hPa but the station file says 875" in told.text
    assert bench.failed == []


# instruments that send by themselves

XDR = "$WIXDR,P,1.0135,B,BARO*44\r\n"
OTHER = "$WIXDR,P,1.0282,B,barometer,C,19.7,C,temperature*5D\r\n"
"""Two sentences with their checksums from public test suites of NMEA parsers."""


def test_the_newest_whole_line_is_the_reading_and_nothing_is_averaged(bench: Bench) -> None:
    line, plan = bench.line(MODELS["nmea-xdr-barometer"])
    for text in (
        "135,B,BARO*44\r\n",
        OTHER,
        XDR,
        "$WIXDR,P,0.99",
    ):  # from the middle, and to the middle, of a line
        bench.far.line.say(text.encode())
    until(lambda: line._stream is not None and line._stream._newest is not None
          and "1.0135" in line._stream._newest.said.line)  # fmt: skip
    assert bench.read(line, plan) == {"air_pressure": 1.0135}
    assert bench.failed == []


def test_a_line_is_one_reading_and_a_stream_that_stops_is_silence(bench: Bench) -> None:
    line, plan = bench.line(MODELS["nmea-xdr-barometer"])
    bench.far.line.say(b"\r\n" + XDR.encode())
    assert bench.read(line, plan) == {"air_pressure": 1.0135}
    with pytest.raises(NoAnswer, match="has stopped sending"):
        bench.read(line, plan, 0.1)
    assert bench.kinds == ["silence"]


def test_damaged_lines_of_a_stream_are_counted_and_skipped(bench: Bench) -> None:
    line, plan = bench.line(MODELS["nmea-xdr-barometer"])
    for text in ("\r\n", XDR.replace("1.01", "1.91"), "$WIMTW,18.2,C*13\r\n", "x" * 3000 + "\r\n", XDR):
        bench.far.line.say(text.encode())
    assert bench.read(line, plan) == {"air_pressure": 1.0135}
    assert bench.kinds == ["checksum", "wrong_format"]


def test_a_stream_that_is_pulled_is_a_port_that_is_gone(bench: Bench) -> None:
    line, plan = bench.line(MODELS["nmea-xdr-barometer"])
    bench.far.line.say(b"\r\n" + XDR.encode())
    bench.read(line, plan)
    bench.far.line.unplug()
    with pytest.raises(PortGone):
        bench.read(line, plan, PATIENCE_S)
    assert not line.is_open
    bench.far.line.plug()
    line.open()
    bench.far.line.say(b"\r\n" + XDR.encode())
    assert bench.read(line, plan) == {"air_pressure": 1.0135}
