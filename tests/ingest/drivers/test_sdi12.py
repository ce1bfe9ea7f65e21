"""The SDI-12 driver: both kinds of adapter, who answers, waits and service requests, several probes at once."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from time import monotonic

import pytest

from soilco2.ingest.drivers.sdi12 import DRIVER, Sdi12Line, Sdi12Plan
from soilco2.ingest.drivers.search import Answer, Search, Step
from soilco2.ingest.errors import (
    BadFrame,
    BusError,
    DoubleAnswer,
    LocalEcho,
    NoAnswer,
    NotChanged,
    WrongAnswer,
)
from soilco2.ingest.simulate.line import Piece, PtyLine
from soilco2.ingest.simulate.sdi12_probes import Sdi12Probe, find_command
from soilco2.ingest.transports.trace import untraced
from soilco2.station_config.catalogue.load import load_catalogue
from soilco2.station_config.catalogue.probe import Line as LineSettings
from soilco2.station_config.connections.sdi12 import ADAPTERS, Sdi12Connection
from soilco2.station_config.connections.sdi12_model import Sdi12Model
from soilco2.station_config.tables.instrument import Instrument
from tests.ingest.drivers.contract import Bench
from tests.ingest.drivers.sdi12_wires import Wires

MODELS = load_catalogue()
TIMEOUT_S = 0.15
Play = Callable[[str, list[bytes]], list[Piece]]


class Counting(Sdi12Probe):
    """A probe whose value in place n is n and a tenth for each measurement before."""

    measurements = 0
    more = 0

    def raws(self) -> Mapping[str, float | None]:
        self.measurements += 1
        return {
            spec.id: round(spec.at.index + self.measurements / 10 + self.more, 1)
            for spec in self.model.channel
        }


class Far:
    """The far end: probes by address, what was asked, and how the line behaves."""

    def __init__(self, folder: Path) -> None:
        self.probes: dict[str, Counting] = {}
        self.asked: list[str] = []
        self.play: Play = lambda _body, lines: [(0, line + b"\r\n") for line in lines]
        self.echo = False
        self.pty = PtyLine(folder / "bus", self._respond, find_command)

    def _respond(self, request: tuple[str, str], _foreign: int) -> Iterator[Piece]:
        address, body = request
        self.asked.append(address + body)
        if self.echo:
            yield 0.0, f"{address}{body}!".encode()
        if address in self.probes:
            yield from self.play(body, self.probes[address].answer(body))


class Near:
    """The driver's line with plans for the probes of the far end."""

    def __init__(self, far: Far, **keys: object) -> None:
        self.far = far
        connection = Sdi12Connection.model_validate(
            {"id": "bus", "kind": "sdi12", "port": str(far.pty.link), "mode": "text", **keys}
        )
        self.line = Sdi12Line(connection)
        self.line.open()
        self.errors: list[BusError] = []

    def plan(
        self, address: str = "1", model: str = "meter-teros-12", serial: str = "T12-00000001", **keys: object
    ) -> Sdi12Plan:
        """Put a probe there and plan to ask it."""
        known = MODELS[model]
        assert isinstance(known, Sdi12Model)
        self.far.probes.setdefault(address, Counting(address, known, serial))
        row = {"id": "p", "model": model, "serial": serial, "connection": "bus", "interval": "10s"}
        return self.line.plan(Instrument.model_validate({**row, "address": address, **keys}), known)

    def read(self, plan: Sdi12Plan) -> list[float | None]:
        return [row.raw for row in self.line.read(plan, TIMEOUT_S, self.errors.append)]


@pytest.fixture
def far(tmp_path: Path) -> Iterator[Far]:
    end = Far(tmp_path)
    yield end
    end.pty.stop()


@contextlib.contextmanager
def near(far: Far, **keys: object) -> Iterator[Near]:
    one = Near(far, **keys)
    try:
        yield one
    finally:
        one.line.close()


@pytest.mark.parametrize("mode", ["text", "transparent"])
def test_a_probe_is_asked_who_it_is_and_then_for_values_with_a_check_sum(far: Far, mode: str) -> None:
    far.echo = mode == "transparent"
    with near(far, mode=mode) as line:
        plan = line.plan()
        assert line.read(plan) == [1.1, 2.1, 3.1]
        assert line.read(plan) == [1.2, 2.2, 3.2]
    assert far.asked == ["1I", "1MC", "1D0", "1MC", "1D0"]
    assert line.errors == []


def test_an_adapter_is_prepared_and_told_as_its_documents_say(far: Far) -> None:
    taken: list[bytes] = []
    far.pty._parse = lambda heard: (taken.append(heard), find_command(heard))[1]  # type: ignore[func-returns-value]
    with near(far, mode="text", adapter="envirodiy", settle="1ms") as line:
        assert line.read(line.plan()) == [1.1, 2.1, 3.1]
    # EnviroDIY, example i: lines end with a carriage return; "mode v" sends them as they are, "fb off" ends the echo
    assert b"".join(taken).startswith(b"mode v\r")
    assert any(b"fb off\r" in one for one in taken)
    assert any(b"1I!\r" in one for one in taken)


def test_without_check_sums_where_the_connection_says_so(far: Far) -> None:
    with near(far, crc=False) as line:
        line.read(line.plan())
    assert far.asked == ["1I", "1M", "1D0"]


def test_what_was_said_is_kept_so_that_another_index_can_be_taken_later(far: Far) -> None:
    with near(far) as line:
        plan = line.plan()
        found = line.line.read(plan, TIMEOUT_S, line.errors.append)
    said = {row.said for row in found}
    assert len(said) == 1
    spec = plan.channels[0]
    mended = spec.model_copy(update={"at": spec.at.model_copy(update={"index": 3})})
    assert plan.model.decoder(mended)(next(iter(said)) or b"") == found[2].raw


@pytest.mark.parametrize("crc", [True, False])
def test_continuous_measurements_are_read_at_once(far: Far, crc: bool) -> None:
    with near(far, crc=crc) as line:
        plan = line.plan()
        row = plan.commands[0].model_copy(update={"send": "R0", "concurrent": None})
        model = plan.model.model_copy(update={"command": (row,)})
        far.probes["1"].model = model
        assert line.read(plan._replace(model=model, commands=(row,))) == [1.1, 2.1, 3.1]
    assert far.asked == ["1I", "1RC0" if crc else "1R0"]


def test_more_values_than_fit_in_an_answer_are_asked_for_one_after_another(far: Far) -> None:
    with near(far, crc=False) as line:
        plan = line.plan(model="sentek-enviroscan", serial="S-1")
        far.probes["1"].more = 100
        assert line.read(plan) == [round(n + 100.1, 1) for n in range(1, 17)]
    # 16 values of 6 characters do not fit in 75: SDI-12 1.3, answers after aC!
    assert far.asked == ["1I", "1C", "1D0", "1D1"]
    assert line.errors == []


@pytest.mark.parametrize(
    ("told", "serial", "what"),
    [
        ("113METER   TER11 100T12-00000001", "T12-00000001", "is no meter-teros-12"),
        ("113METER   TER12 100T12-00000099", "T12-00000001", 'serial = "T12-00000099"'),
    ],
)
def test_a_probe_that_is_another_is_not_read(far: Far, told: str, serial: str, what: str) -> None:
    with near(far) as line:
        plan = line.plan(serial=serial)
        far.play = lambda body, lines: [(0, (told.encode() if body == "I" else lines[0]) + b"\r\n")]
        for _ in range(2):
            with pytest.raises(WrongAnswer, match="its values are not taken") as caught:
                line.read(plan)
            assert what in str(caught.value)
            assert caught.value.kind == "wrong_device"
    assert set(far.asked) == {"1I"}


@pytest.mark.parametrize(
    ("told", "taken"), [(b"113METER   TER12 100000", True), (b"113CLONE   XX    100000", False)]
)
def test_without_serial_numbers_the_model_is_compared_alone(far: Far, told: bytes, taken: bool) -> None:
    with near(far, serials=False) as line:
        plan = line.plan()
        far.play = lambda body, lines: [(0, (told if body == "I" else lines[0]) + b"\r\n")]
        if taken:
            assert line.read(plan) == [1.1, 2.1, 3.1]
            return
        with pytest.raises(WrongAnswer, match="is no meter-teros-12"):
            line.read(plan)


def test_an_identity_that_was_damaged_once_is_asked_for_again(far: Far) -> None:
    damaged = [b"113METER   TER12 100T12-00000009"]
    with near(far) as line:
        plan = line.plan()
        far.play = lambda body, lines: [
            (0, (damaged.pop() if body == "I" and damaged else lines[0]) + b"\r\n")
        ]
        assert line.read(plan) == [1.1, 2.1, 3.1]


def test_a_service_request_ends_the_wait(far: Far) -> None:
    with near(far) as line:
        plan = line.plan()
        patient = plan.model.model_copy(update={"longest_wait": 1000.0})
        far.probes["1"].seconds = 999  # announced; the probe is done at once
        assert line.read(plan._replace(model=patient)) == [1.1, 2.1, 3.1]


def test_without_a_service_request_the_announced_time_is_waited_for(far: Far) -> None:
    with near(far) as line:
        plan = line.plan()
        far.probes["1"].seconds = 1
        far.play = lambda body, lines: [(0, line + b"\r\n") for line in lines[:1]]
        began = monotonic()
        assert line.read(plan) == [1.1, 2.1, 3.1]
        assert monotonic() - began >= 1


def test_a_service_request_that_comes_late_does_no_harm(far: Far) -> None:
    """As in the published answers of a HydraProbe, where it stands in front of the values."""
    with near(far) as line:
        plan = line.plan()
        far.play = lambda body, lines: [(0, b"1\r\n" * (body[0] == "D") + lines[0] + b"\r\n")]
        assert line.read(plan) == [1.1, 2.1, 3.1]
    assert line.errors == []


def test_a_probe_that_announces_and_never_answers_costs_its_deadlines(far: Far) -> None:
    with near(far) as line:
        plan = line.plan()
        far.play = lambda body, lines: [] if body[0] == "D" else [(0, lines[0] + b"\r\n")]
        with pytest.raises(NoAnswer):
            line.read(plan)
    assert far.asked == ["1I", "1MC", "1D0", "1D0", "1D0"]
    assert [error.kind for error in line.errors] == ["silence"] * 3


def test_a_wait_that_no_probe_of_the_model_announces_is_not_believed(far: Far) -> None:
    with near(far) as line:
        plan = line.plan()
        far.probes["1"].seconds = 999
        with pytest.raises(WrongAnswer, match="announces values in 999 s"):
            line.read(plan)


def test_a_measurement_that_was_broken_off_gives_no_values(far: Far) -> None:
    with near(far) as line:
        plan = line.plan()
        far.play = lambda body, lines: [(0, (b"1AP@" if body[0] == "D" else lines[0]) + b"\r\n")]
        with pytest.raises(BadFrame):
            line.read(plan)


def test_values_that_are_missing_are_no_reading(far: Far) -> None:
    with near(far, crc=False) as line:
        plan = line.plan()
        far.play = lambda body, lines: [(0, (b"10002" if body == "M" else lines[0]) + b"\r\n")]
        with pytest.raises(WrongAnswer, match="2 values came for M, 3 were expected") as caught:
            line.read(plan)
        assert caught.value.kind == "wrong_count"


@pytest.mark.parametrize("body", ["I", "M", "D0"])
def test_a_damaged_answer_is_asked_for_again_three_times_in_all(far: Far, body: str) -> None:
    bad = [2]

    def play(asked: str, lines: list[bytes]) -> list[Piece]:
        if asked.replace("C", "") == body and bad[0]:
            bad[0] -= 1
            return [(0, b"1?" + lines[0][2:] + b"\r\n")]
        return [(0, lines[0] + b"\r\n")]

    with near(far) as line:
        plan = line.plan()
        far.play = play
        readings = line.read(plan)
    assert [error.kind for error in line.errors] == ["checksum"] * 2
    assert readings[0] is not None


def test_an_echo_alone_is_told_from_silence(far: Far) -> None:
    far.echo = True
    with near(far) as line:
        plan = line.plan()
        far.probes.clear()
        with pytest.raises(LocalEcho, match="the adapter returns 1I!"):
            line.read(plan)


def test_what_meter_probes_say_when_they_get_power_is_dropped(far: Far) -> None:
    with near(far) as line:
        plan = line.plan()
        line.read(plan)
        far.play = lambda body, lines: [
            (0, b"\t1846.16 22.3 1\rg0Z\r\n" * (body == "MC") + lines[0] + b"\r\n")
        ]
        assert line.read(plan) == [1.2, 2.2, 3.2]
    assert line.errors == []


def test_a_late_answer_to_one_command_is_not_taken_for_the_next(far: Far) -> None:
    """The first D0 is answered after its time-out; what the second one brings must not become the values of D1.

    The probe answers in order: after 1.5, 1.7 and 2.0 time-outs.
    """
    waits = {"D0": [1.5, 0.7], "I": [0.5]}

    def play(body: str, lines: list[bytes]) -> list[Piece]:
        wait = waits[body].pop(0) if waits.get(body) else 0.0
        return [(wait * TIMEOUT_S, lines[0] + b"\r\n")]

    with near(far, crc=False) as line:
        plan = line.plan(model="sentek-enviroscan", serial="S-1")
        far.probes["1"].more = 100
        line.line._identify(plan, TIMEOUT_S, line.errors.append)
        far.play = play
        assert line.read(plan) == [round(n + 100.1, 1) for n in range(1, 17)]
    assert [error.kind for error in line.errors] == ["silence"]
    assert far.asked == ["1I", "1C", "1D0", "1D0", "1I", "1D1"]


def test_two_identities_for_one_question_are_a_clash(far: Far) -> None:
    with near(far) as line:
        plan = line.plan()
        far.play = lambda _body, lines: [(0, lines[0] + b"\r\n"), (0.01, lines[0] + b"\r\n")]
        with pytest.raises(DoubleAnswer, match="two probes share it"):
            line.read(plan)


def test_concurrent_probes_wait_once_and_others_one_after_another(far: Far) -> None:
    with near(far) as line:
        plans = [line.plan(str(n), serial=f"T12-0000000{n}") for n in range(1, 5)]
        other = line.plan("9", model="campbell-cs65x", serial="2196405")
        for plan in [*plans, other]:
            line.read(plan)
            far.probes[plan.address].seconds = 1
        far.asked.clear()
        began = monotonic()
        waits = [line.line.begin(plan, TIMEOUT_S, line.errors.append) for plan in [*plans, other]]
        assert all(0.5 < wait <= 1 for wait in waits[:4])
        assert waits[4] == 0.0
        values = [line.read(plan) for plan in [other, *plans]]
        assert monotonic() - began >= 1, "the announced second was waited for"
    assert values == [[1.2, 2.2, 3.2, 4.2], *[[1.2, 2.2, 3.2]] * 4]
    assert far.asked == [*(f"{n}CC" for n in range(1, 5)), "9M3", "9D0", *(f"{n}D0" for n in range(1, 5))]
    assert line.errors == []


def test_the_daily_settings_tell_who_answers(far: Far) -> None:
    with near(far) as line:
        plan = line.plan()
        line.read(plan)
        first, second = (line.line.settings(plan, TIMEOUT_S, line.errors.append) for _ in range(2))
    assert first.text == second.text == "METER TER12 100 T12-00000001"
    assert far.asked == ["1I", "1MC", "1D0", "1I"], "what was told a moment ago is not asked again"


def test_a_measurement_that_was_begun_and_not_taken_is_forgotten(far: Far) -> None:
    """A round that passed a probe over must not give its values to the next one."""
    with near(far) as line:
        plan = line.plan()
        for _ in range(2):
            line.line.begin(plan, TIMEOUT_S, line.errors.append)
        assert line.read(plan) == [1.2, 2.2, 3.2]
    assert far.asked == ["1I", "1CC", "1CC", "1D0"]


@pytest.fixture
def wires(tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Wires]:
    with contextlib.ExitStack() as stack:
        yield Wires(Bench(tmp_path, stack, request.getfixturevalue, monkeypatch))


def _on_bus1(wires: Wires) -> list[str]:
    return [asked for asked in wires.asked if asked[0] in "12"]


def test_those_that_are_due_begin_together(wires: Wires) -> None:
    wires.round()
    wires.asked.clear()
    wires.round()
    assert _on_bus1(wires) == ["1CC", "2CC", "1D0", "2D0"]


def test_who_cannot_begin_is_asked_once_more_after_the_others(wires: Wires) -> None:
    wires.round()
    wires.asked.clear()
    wires.round(lambda _body, _lines: [])
    assert _on_bus1(wires) == [*["1CC"] * 3, "2CC", "2D0", *["1I"] * 3]
    wires.asked.clear()
    wires.round()
    assert _on_bus1(wires) == ["2CC", "2D0", "1I", "1MC", "1D0"], "who failed before is asked last, and alone"
    assert wires.account().samples


def test_a_probe_of_another_serial_number_is_told_and_gives_no_sample(wires: Wires) -> None:
    wires.probes["1"].serial = "T12-00000077"
    wires.round()
    (event,) = (row for row in wires.events if row.kind == "device-silent")
    assert 'serial = "T12-00000077"' in event.text
    assert {row.serial for row in wires.samples} == {"T12-00000002", "T12-00000003"}


# looking for probes, and another address


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("soilco2.ingest.drivers.sdi12_commission._SETTLED_S", 0.0)
    monkeypatch.setattr("soilco2.ingest.drivers.sdi12_commission.WAIT_S", 0.1)


def _scan(far: Far, *addresses: str) -> list[object]:
    search = Search(list(MODELS.values()), [LineSettings.of("1200 7E1")], addresses)
    connection = DRIVER.at(str(far.pty.link))
    return [row for row in DRIVER.scan(connection, search, untraced) if not isinstance(row, Step)]


@pytest.mark.usefixtures("quick")
def test_a_scan_names_the_model(far: Far) -> None:
    with near(far) as line:
        line.plan("3")
        line.plan("z", model="acclima-tdr-31x", serial="908543")
    (found,) = _scan(far, "0", "3")
    assert isinstance(found, Answer)
    assert (found.kind, found.line, found.address) == ("sdi12", "1200 7E1", "3")
    assert [guess.model for guess in found.models] == ["meter-teros-12"]
    assert found.doubts == ()
    (other,) = _scan(far, "z")
    assert isinstance(other, Answer)
    assert [guess.model for guess in other.models] == ["acclima-tdr-31x"]


@pytest.mark.usefixtures("quick")
def test_a_scan_looks_no_further_behind_the_adapter_that_it_has_found(
    far: Far, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, adapter in ADAPTERS.items():
        monkeypatch.setitem(ADAPTERS, name, adapter._replace(settle=0.0))
    with near(far) as line:
        line.plan("3")
    search = Search(list(MODELS.values()), (), ("2", "3"))
    found = [
        row for row in DRIVER.scan(DRIVER.at(str(far.pty.link)), search, untraced) if isinstance(row, Answer)
    ]
    assert [(row.line, row.address) for row in found] == [("9600 8N1", "3")]
    connection = DRIVER.at(str(far.pty.link), LineSettings.of(found[0].line))
    assert connection is not None
    assert connection.adapter == "dr-liu"
    assert connection.serials, "what init writes of it compares them"


@pytest.mark.usefixtures("quick")
def test_a_scan_for_everything_asks_all_62_addresses_behind_every_adapter(far: Far) -> None:
    search = Search(list(MODELS.values()), (), (), everything=True)
    scan = DRIVER.scan(DRIVER.at(str(far.pty.link)), search, untraced)
    step = next(row for row in scan if isinstance(row, Step))
    assert step.left_s == pytest.approx(len(ADAPTERS) * (1 + 62) * 0.1)


@pytest.mark.usefixtures("quick")
def test_a_scan_tells_what_is_wrong_as_far_as_lines_allow(far: Far) -> None:
    (nothing,) = _scan(far, "1")
    assert "not one byte" in str(nothing)
    far.echo = True
    (echo,) = _scan(far, "1")
    assert "only the commands came back" in str(echo)
    far.echo = False
    with near(far) as line:
        line.plan()
    far.play = lambda _body, lines: [(0, lines[0] + b"\r\n" + lines[0] + b"\r\n")]
    (two,) = _scan(far, "1")
    assert isinstance(two, Answer)
    assert "two probes share address 1" in str(two.doubts[0])
    far.play = lambda _body, lines: [(0, b"1#" + lines[0][2:] + b"\r\n")]
    mixed = _scan(far, "1")
    assert isinstance(mixed[0], Answer)
    assert "two probes share this address" in str(mixed[0].doubts[0])
    far.play = lambda _body, lines: [(0, b"113STRANGERX     100\r\n")]
    (stranger,) = _scan(far, "1")
    assert isinstance(stranger, Answer)
    assert "no model of the catalogue" in str(stranger.doubts[0])


def _change(far: Far, old: str, new: str, model: str = "meter-teros-12") -> str:
    connection = DRIVER.at(str(far.pty.link), LineSettings.of("1200 7E1"))
    known = MODELS[model].model_copy(update={"timeout": 0.1})
    return str(DRIVER.set_address(connection, known, old, new, untraced))


class Moving(Far):
    """Probes that are found where their address says."""

    def _respond(self, request: tuple[str, str], foreign: int) -> Iterator[Piece]:
        self.probes = {probe.address: probe for probe in self.probes.values()}
        yield from super()._respond(request, foreign)


@pytest.fixture
def moving(tmp_path: Path) -> Iterator[Far]:
    end = Moving(tmp_path)
    yield end
    end.pty.stop()


@pytest.mark.usefixtures("quick")
def test_an_address_is_changed_and_read_back(moving: Far) -> None:
    with near(moving) as line:
        line.plan("0")
    assert "answers at address 5 now" in _change(moving, "0", "5")
    assert moving.asked == ["0I", "0I", "0I", "5I", "0A5", "5I"]


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("old", "new", "model", "told"),
    [
        ("0", "1", "meter-teros-12", "somebody answers at address 1 already"),
        ("0", "5", "meter-teros-11", "which is no meter-teros-11"),
        ("0", "10", "meter-teros-12", "one character"),
        ("0", "0", "meter-teros-12", "another than it has"),
    ],
)
def test_an_address_is_not_changed_where_it_would_do_harm(
    moving: Far, old: str, new: str, model: str, told: str
) -> None:
    with near(moving) as line:
        line.plan("0")
        line.plan("1")
    with pytest.raises(NotChanged, match=told):
        _change(moving, old, new, model)
    assert not any("A" in asked for asked in moving.asked)


@pytest.mark.usefixtures("quick")
def test_an_address_is_not_changed_when_two_answer(moving: Far) -> None:
    with near(moving) as line:
        line.plan("0")
    for play in (
        lambda _body, lines: [(0, lines[0] + b"\r\n" + lines[0] + b"\r\n")],
        lambda _body, lines: [(0, b"0#" + lines[0][2:] + b"\r\n")],
    ):
        moving.play = play
        with pytest.raises(NotChanged, match="more than one answers"):
            _change(moving, "0", "5")
    assert not any("A" in asked for asked in moving.asked)


@pytest.mark.usefixtures("quick")
def test_nobody_there_is_told(moving: Far) -> None:
    with pytest.raises(NoAnswer, match="nobody answers at address 0"):
        _change(moving, "0", "5")
    moving.play = lambda body, lines: [] if body[:1] == "A" else [(0, lines[0] + b"\r\n")]
    with near(moving) as line:
        line.plan("0")
    moving.probes["0"].answer = (  # type: ignore[method-assign]
        lambda body: [b""] if body[:1] == "A" else Counting.answer(moving.probes["0"], body)
    )
    with pytest.raises(NotChanged, match="kept what it had"):
        _change(moving, "0", "5")


def test_a_line_has_no_settings(far: Far) -> None:
    with pytest.raises(NotChanged, match="1200 baud"):
        DRIVER.set_line(
            DRIVER.at(str(far.pty.link)), MODELS["meter-teros-12"], "0", LineSettings.of("9600"), untraced
        )
