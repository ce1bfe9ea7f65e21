"""Beside a station: a real journal, late data, and results that follow the revision."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from soilco2.analysis.flux import incremental, settings
from soilco2.analysis.flux.errors import FluxError
from soilco2.analysis.flux.inputs import assemble, corrections_applied
from soilco2.cli.commands.analyse.flux import command
from soilco2.cli.main import main
from soilco2.quality.records import Sample, SeriesKey
from soilco2.station_config.loader import Station, load_station
from soilco2.storage.errors import ControlError
from soilco2.storage.journal.control import submit
from soilco2.storage.journal.reader import JournalReader
from soilco2.storage.journal.writer import Writer
from soilco2.storage.results.results import read_results
from tests.analysis.flux.sjer import profile

HALF_HOUR = 1_800_000_000
STATION = """
[station]
id = "sjer"
name = "San Joaquin"
latitude = 37.1
longitude = -119.7
altitude_m = 374
timezone = "UTC"

[journal]
path = "journal.sqlite"

[[profile]]
id = "p4"
{positions}
[[soil.horizon]]
top_m = 0.0
bottom_m = 2.0
porosity = 0.45
"""


@pytest.fixture
def station(tmp_path: Path) -> Station:
    p = profile("004")
    depths = sorted({*p.co2_depth_m, *p.temperature_depth_m[:4], *p.water_depth_m[:3]})
    positions = "".join(f'[[profile.position]]\nid = "d{1000 * z:.0f}"\ndepth_m = {z:g}\n' for z in depths)
    path = tmp_path / "sjer.toml"
    path.write_text(STATION.format(positions=positions), encoding="utf-8")
    return load_station(path)


def samples(rows: slice, columns: slice = slice(None)) -> list[Sample]:
    """Half hours of plot 004 as an import hands them over."""
    p = profile("004")
    found = []
    groups = [
        ("co2", p.co2_ppm, p.co2_depth_m), ("soil_temperature", p.temperature_degc, p.temperature_depth_m[:4]),
        ("soil_water", p.water, p.water_depth_m[:3]),
    ]  # fmt: skip
    for variable, values, depths in groups[columns]:
        for column, z in enumerate(depths):
            for time_us, value in zip(p.time_us[rows].tolist(), values[rows, column].tolist(), strict=True):
                if np.isfinite(value):
                    serial = f"import/p4/d{1000 * z:.0f}"
                    found.append(
                        Sample(serial, variable, time_us, value, "", None, time_us, 0, "", "import:test")
                    )
    return found


def commit(station: Station, rows: list[Sample]) -> None:
    with Writer.open(station) as writer:
        writer.commit(rows)


def derived(station: Station) -> dict[int, tuple[float | None, float | None, float | None]]:
    with JournalReader(station.journal_path) as journal:
        rows = journal.derived_after(0, 100_000)
    assert {row[1] for row in rows} <= {SeriesKey("sjer", "p4", "", "co2_flux")}
    assert all((row.value is None) == (row.reason != "") for row in rows)
    return {row.time_us: row[4:7] for row in rows}


def one_round(station: Station, rev: int) -> incremental.Update:
    assert station.path is not None
    chosen = settings.read(station.path)
    wanted = assemble.Wanted(every_s=1800.0, altitude_m=chosen.altitude_m)
    with JournalReader(station.journal_path) as journal:
        return incremental.update(
            journal, chosen, wanted, rev, lambda rows: submit(station, "append_derived", rows=list(rows))
        )


def test_rounds_follow_the_revision_and_late_data_are_recomputed(station: Station) -> None:
    commit(station, samples(slice(0, 48)))
    first = one_round(station, 0)
    assert first.changed == first.computed > 40
    before = derived(station)
    answered = [t for t, row in before.items() if row[0] is not None]
    assert len(answered) > 25
    assert all(row[1] < row[0] < row[2] for row in before.values() if row[0] is not None)
    assert max(before) < profile("004").time_us[47]  # the step still running is not computed

    idle = one_round(station, first.rev)
    assert idle == incremental.Update(first.rev, 0, 0)

    commit(
        station, samples(slice(48, 90), slice(0, 1))
    )  # CO2 alone: refused for want of temperature and water
    second = one_round(station, first.rev)
    refused = derived(station)
    new = [row for t, row in refused.items() if t > max(before)]
    assert len(new) > 8
    assert all(row[0] is None for row in new)
    assert all(refused[t] == row for t, row in before.items() if t < max(before))

    commit(station, samples(slice(48, 90), slice(1, 3)))  # the rest comes late
    third = one_round(station, second.rev)
    assert third.changed > 0
    mended = [row for t, row in derived(station).items() if t > max(before)]
    assert sum(row[0] is not None for row in mended) > 5


def test_command_beside_a_station(station: Station) -> None:
    commit(station, samples(slice(0, 24)))
    for expected in ("21 fluxes computed, 21 new", "0 fluxes computed"):
        done = CliRunner().invoke(
            command, [str(station.path), "--every", "30min", "--once"], catch_exceptions=False
        )
        assert done.exit_code == 0, done.output
        assert expected in done.output
    assert len(derived(station)) == 21
    bookmark = next(station.journal_path.parent.glob("*.flux.json"))
    bookmark.write_text("damaged", encoding="utf-8")
    again = CliRunner().invoke(
        command, [str(station.path), "--every", "30min", "--once"], catch_exceptions=False
    )
    assert "21 fluxes computed, 0 new or changed" in again.output


def test_pressure_is_never_corrected_twice(station: Station) -> None:
    commit(station, samples(slice(0, 2)))
    assert station.path is not None
    chosen = settings.with_options(settings.read(station.path), co2_probes="uncompensated")
    with JournalReader(station.journal_path) as journal:
        seen = next(o for _, o in journal.observations_after(0, 100) if o.series.variable == "co2")
        assert corrections_applied.of_observation(seen) == ""
        done = corrections_applied.of_observation(seen._replace(corrections="pressure,calibration"))
        with pytest.raises(FluxError, match="must not be done twice"):
            corrections_applied.refuse(chosen.flux, {seen.series: done})


def test_a_collector_that_dies_in_a_round_does_not_end_the_watch(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit(station, samples(slice(0, 24)))
    rounds = []

    class Stop:
        """Two rounds without a pause."""

        def wait(self, seconds: float) -> bool:
            rounds.append(seconds)
            return len(rounds) == 2

    def dying(*arguments: object, **rows: Any) -> int:
        if rounds:
            return int(submit(station, "append_derived", **rows))
        submit(station, "append_derived", rows=rows["rows"][:5])  # some were kept before it died
        raise ControlError("the collector went away before it answered; try again")

    monkeypatch.setattr("threading.Event", Stop)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    monkeypatch.setattr("soilco2.storage.journal.control.submit", dying)
    done = CliRunner().invoke(command, [str(station.path), "--every", "30min"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert "the next round tries again" in done.output
    assert "21 fluxes computed, 16 new or changed" in done.output
    assert len(derived(station)) == 21


def test_a_step_is_needed(station: Station) -> None:
    commit(station, samples(slice(0, 2)))
    assert station.path is not None
    with JournalReader(station.journal_path) as journal, pytest.raises(FluxError, match="step is needed"):
        incremental.update(journal, settings.read(station.path), replace(assemble.Wanted()), 0, len)


def test_a_response_of_the_derived_flux_warns_that_it_holds_temperature_and_water(
    station: Station, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    commit(station, samples(slice(0, 48)))
    one_round(station, 0)
    with pytest.raises(SystemExit) as ended:
        main(["analyse", "response", str(station.path), "--out", str(tmp_path / "r"), "--lang", "en"])
    assert not ended.value.code
    assert "already contains temperature and water" in capsys.readouterr().out
    found = read_results(next((tmp_path / "r").rglob("response.results.json")))
    assert {row.target.rsplit("/", 1)[-1] for row in found.rows} == {"co2", "co2_flux"}
    assert found.notes == ("gradient_flux",)
    report = next((tmp_path / "r").rglob("*.report.html")).read_text(encoding="utf-8")
    assert "already contains temperature and water" in report
