"""The sidecar of a tidy table, ``<name>.json``: what the series are, from which instruments, under which flags.

It describes the variables of the station's own in full, so that the table can be read without the station file.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from soilco2.quality.records import Flag, SeriesKey
from soilco2.station_config.base import moment_us
from soilco2.station_config.catalogue.compensation import computed_for
from soilco2.station_config.deployments import import_channel
from soilco2.station_config.message import Message
from soilco2.station_config.tables.variable import VariableTable
from soilco2.station_config.times import iso
from soilco2.station_config.variables import VARIABLES, Variable, Variables
from soilco2.storage.errors import TidyFileError
from soilco2.storage.reader import SeriesInfo
from soilco2.storage.tidy.text import COLUMNS

if TYPE_CHECKING:
    from soilco2.quality.plans import ToldSettings
    from soilco2.station_config.catalogue.probe import ProbeModel
    from soilco2.station_config.loader import Station

FLAG_LEGEND = {flag.value: flag.name.lower().replace("_", " ") for flag in Flag}


class Origin:
    """What the values of a series came from.

    Attributes
    ----------
    imported : int
        Values at whose time an import, and no instrument, has a sample.
    seen : set of (str, str)
        Serial number and channel of instruments that have samples at the times of values.
    """

    def __init__(self) -> None:
        self.imported = 0
        self.seen: set[tuple[str, str]] = set()

    def add(
        self,
        station: Station,
        key: SeriesKey,
        times: Sequence[int],
        sample_times: Callable[[str, str, int, int], list[int]],
    ) -> None:
        """Look at the times of some values [µs UTC], in order."""
        if not times:
            return
        first, end = times[0], times[-1] + 1
        left = set(times).intersection(sample_times(*import_channel(key), first, end))
        for serial, channel, since, until in station.deployments.instruments_of(key):
            there = sample_times(
                serial, channel, max(since, first), end if until is None else min(until, end)
            )
            if not there:
                continue
            self.seen.add((serial, channel))
            left.difference_update(there)
        self.imported += len(left)


def describe(
    infos: Sequence[SeriesInfo],
    counts: dict[SeriesKey, int],
    station: Station | None,
    start_us: int | None,
    end_us: int | None,
    flags: Collection[int] | None,
    told: Sequence[ToldSettings] = (),
    origins: Mapping[SeriesKey, Origin] | None = None,
    variables: Variables = VARIABLES,
) -> dict[str, Any]:
    """What a sidecar says of the data themselves; with `origins` also what they came from.

    `variables` is the registry of their station; those that do not come with the package are described in full, as in
    the station file, so that whoever has the sidecar can read the table.
    """
    origins = origins or {}
    found: dict[str, Any] = {
        "time": {
            "from": None if start_us is None else iso(start_us),
            "to": None if end_us is None else iso(end_us),
            "zone": "UTC",
            "meaning": "from is part of the data, to is not",
        },
        "flags": {
            "scheme": "QARTOD",
            "meaning": {str(value): name for value, name in FLAG_LEGEND.items()},
            "kept": None if flags is None else sorted(int(flag) for flag in flags),
        },
        "depth": "m below the surface, positive downward; at the time of the value where the surface moves",
        "columns": list(COLUMNS),
        "series": [
            _series(info, counts[info.key], variables[info.key.variable], station, origins.get(info.key))
            for info in infos
        ],
    }
    own = dict.fromkeys(info.key.variable for info in infos if info.key.variable not in VARIABLES)
    if own:
        found["variable"] = [
            VariableTable.of(variables[name]).model_dump(mode="json", exclude_defaults=True) for name in own
        ]
    if station is not None:
        table = station.file.station
        found["configuration"] = station.hash
        found["station"] = {
            "id": table.id,
            "name": table.name.model_dump(),
            "latitude": table.latitude,
            "longitude": table.longitude,
            "altitude_m": table.altitude_m,
            "timezone": table.timezone,
        }
        serials = {row["serial"] for series in found["series"] for row in series["installations"]}
        found["instruments"] = [_instrument(station, serial, told) for serial in sorted(serials)]
    return found


def _series(
    info: SeriesInfo, rows: int, known: Variable, station: Station | None, origin: Origin | None
) -> dict[str, Any]:
    found: dict[str, Any] = {
        "key": list(info.key),
        "rows": rows,
        "unit": info.unit,
        "symbol": known.symbol,
        "name": {"en": known.name_en, "zh": known.name_zh},
        "cf_standard_name": known.cf_standard_name or None,
        "depth_m": info.depth_m,
        "period_s": info.period_s,
        "stamp": info.stamp,
        "note": info.note,
    }
    if station is not None:
        rows_of = station.deployments.instruments_of(info.key)
        found["installations"] = [
            {
                "serial": serial,
                "channel": channel,
                "from": iso(since),
                "until": None if until is None else iso(until),
            }
            for serial, channel, since, until in rows_of
            if origin is None or (serial, channel) in origin.seen
        ]
        if origin is not None:
            found["imported"] = origin.imported
    return found


def _computed_for(model: ProbeModel, serial: str, told: Sequence[ToldSettings]) -> list[dict[str, Any]]:
    """What a probe computed its CO2 reading for by its own word, from when on."""
    found: list[dict[str, Any]] = []
    for row in told:
        said = computed_for(model.compensation, row.values)
        if row.serial == serial and said and (not found or found[-1]["computed_for"] != said):
            found.append({"from": iso(row.from_us), "computed_for": said})
    return found


def _instrument(station: Station, serial: str, told: Sequence[ToldSettings] = ()) -> dict[str, Any]:
    deployments = station.deployments
    instrument = next((row for row in station.file.instrument if row.serial == serial), None)
    if instrument is None:
        return {"serial": serial, "model": "imported table"}
    model = station.models[instrument.model_key]
    compensation = instrument.compensation
    corrections: dict[str, dict[str, Any]] = {}
    for channel in deployments.channels_of(serial):
        spec = channel.spec
        if spec.variable == "co2":
            corrections["co2"] = {
                "pressure": (compensation and compensation.pressure) or spec.pressure,
                "temperature": (compensation and compensation.temperature) or spec.temperature,
                "meaning": "device: the probe compensates; none: corrected here to the measured state",
                "told": _computed_for(model, serial, told),
            }
    if deployments.ec_coefficient(serial) is not None:
        corrections["ec"] = {
            "probe_coefficient_per_k": deployments.ec_coefficient(serial),
            "coefficient_per_k": station.file.quality.ec_coefficient,
        }
    return {
        "serial": serial,
        "id": instrument.id,
        "model": instrument.model,
        "maker": model.maker,
        "interval_s": instrument.interval,
        "modelled": {name: words.en for name, words in instrument.modelled.items()},
        "corrections": corrections,
        "calibrations": [
            {
                "channel": row.channel,
                "valid_from": iso(moment_us(row.valid_from, deployments.zone)),
                "valid_until": None
                if row.valid_until is None
                else iso(moment_us(row.valid_until, deployments.zone)),
                "gain": row.gain,
                "offset": row.offset,
                "certificate": row.certificate,
            }
            for row in instrument.calibration
        ],
    }


def no_sidecar(path: Path, error: Exception) -> TidyFileError:
    """What is said of a file beside a table that is no sidecar."""
    return TidyFileError(str(path) + ".json", Message("is no sidecar of an export ({why})", why=error))


def read_sidecar(path: Path) -> dict[str, Any]:
    """What stands beside a table; empty where nothing does."""
    sidecar = path.with_name(path.name + ".json")
    if not sidecar.is_file():
        return {}
    try:
        found = json.loads(sidecar.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise no_sidecar(path, error) from error
    if not isinstance(found, dict) or not found:
        raise no_sidecar(path, TypeError(Message("a table is expected")))
    return found


def own_variables(path: Path, notes: dict[str, Any], known: Variables) -> list[Variable]:
    """The variables that a sidecar describes and that are not known."""
    try:
        tables = [VariableTable.model_validate_json(json.dumps(row)) for row in notes.get("variable", ())]
    except (ValidationError, TypeError) as error:
        raise no_sidecar(path, error) from error
    return [table.row for table in tables if table.id not in known]
