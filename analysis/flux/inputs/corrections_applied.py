"""What was done to CO2 values before they came here, so that pressure and temperature are never corrected twice.

A station file says who compensates each probe (the probe, or the quality step), a journal names the corrections of
each observation, the sidecar of an export repeats what the station file said.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import reduce
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from soilco2.analysis.flux.errors import FluxError
from soilco2.quality.corrections import PRESSURE, STANDARD_PRESSURE, TEMPERATURE
from soilco2.quality.records import Observation, SeriesKey
from soilco2.station_config.loader import Station
from soilco2.station_config.message import Message, marked
from soilco2.station_config.tables.flux import FluxTable
from soilco2.storage.reader import Reader

BY_STATION = marked("{what} in the station's quality step")
DONE_BY = {"device": marked("{what} by the probe"), "none": BY_STATION}
"""Who corrects, by the word of a station file; ``none`` means that the probe does not, so the quality step does."""

NAMES = {
    PRESSURE: Message("pressure"),
    STANDARD_PRESSURE: Message("standard_pressure"),
    TEMPERATURE: Message("temperature"),
}

NOTHING = Message.joined(())

EVER = -(2**62), 2**62


@runtime_checkable
class Observed(Protocol):
    """A reader that holds observations with the names of their corrections."""

    def observations(self, start_us: int, end_us: int) -> Iterator[Observation]:
        """Every observation of a window."""
        ...


def of_station(station: Station) -> dict[SeriesKey, Message]:
    """CO2 series whose instruments are compensated, and by whom."""
    found = {}
    for series in station.deployments.series():
        key = SeriesKey(*series)
        if key.variable != "co2":
            continue
        for serial, name, _, _ in station.deployments.instruments_of(key):
            channel = station.deployments.channel(serial, name)
            if channel is None:
                continue
            own = None if channel.instrument is None else channel.instrument.compensation
            words = {
                PRESSURE: (own and own.pressure) or channel.spec.pressure,
                TEMPERATURE: (own and own.temperature) or channel.spec.temperature,
            }
            if text := _said(words):
                found[key] = text
    return found


def of_sidecars(paths: Iterable[Path]) -> dict[SeriesKey, Message]:
    """CO2 series of tidy tables whose sidecar ``<name>.json`` says that they are compensated, and by whom.

    Raises
    ------
    FluxError
        When a sidecar cannot be understood.
    """
    found = {}
    for path in paths:
        sidecar = path.with_name(path.name + ".json")
        if not sidecar.is_file():
            continue
        try:
            document: dict[str, Any] = json.loads(sidecar.read_text(encoding="utf-8"))
            said = {
                row["serial"]: _said(row.get("corrections", {}).get("co2", {}))
                for row in document.get("instruments", ())
            }
            for row in document["series"]:
                key = SeriesKey(*row["key"])
                for installation in row.get("installations", ()) if key.variable == "co2" else ():
                    if text := said.get(installation["serial"]):
                        found[key] = text
        except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
            raise FluxError(
                Message("{path} is no sidecar of an export ({why})", path=sidecar, why=error)
            ) from None
    return found


def of_observations(reader: Reader, start_us: int | None, end_us: int | None) -> dict[SeriesKey, Message]:
    """CO2 series of a window with an observation that was corrected; empty for readers without observations."""
    if not isinstance(reader, Observed):
        return {}
    found: dict[SeriesKey, Message] = {}
    for seen in reader.observations(
        EVER[0] if start_us is None else start_us, EVER[1] if end_us is None else end_us
    ):
        if text := of_observation(seen):
            found.setdefault(seen.series, text)
    return found


def of_observation(seen: Observation) -> Message:
    """What an observation of CO2 was corrected for; empty when for neither pressure nor temperature."""
    if seen.series.variable != "co2":
        return NOTHING
    done = [NAMES[name] for name in sorted(NAMES.keys() & set(seen.corrections.split(",")))]
    return Message(BY_STATION, what=_and(done)) if done else NOTHING


def refuse(flux: FluxTable, done: Mapping[SeriesKey, Message]) -> None:
    """Refuse to correct again what was corrected.

    Raises
    ------
    FluxError
    """
    if flux.co2_probes != "uncompensated" or not done:
        return
    key = min(done)
    raise FluxError(
        Message(
            '[flux] co2_probes = "uncompensated", but {series} was corrected for {corrections} already; take co2_probes'
            " out of [flux], a correction must not be done twice",
            series=key,
            corrections=done[key],
        )
    )


def _said(words: Mapping[str, Any]) -> Message:
    """``{"pressure": "device", "temperature": "none"}`` as a sentence; empty when nobody corrects."""
    done = [
        Message(DONE_BY[words[name]], what=NAMES[name])
        for name in (PRESSURE, TEMPERATURE)
        if words.get(name) in DONE_BY
    ]
    return _and(done) if done else NOTHING


def _and(parts: Iterable[Message]) -> Message:
    return reduce(lambda one, other: Message("{one} and {other}", one=one, other=other), parts)
