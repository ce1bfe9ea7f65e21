"""Rules about the current inputs of analog modules: what stands behind them, and in which unit."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterator, Mapping, MutableMapping
from typing import cast

from soilco2.station_config.catalogue.probe import ProbeModel
from soilco2.station_config.errors import Fault, StationConfigError
from soilco2.station_config.message import Message
from soilco2.station_config.parsing.faults import Path, nearest
from soilco2.station_config.parsing.salvage import Salvaged
from soilco2.station_config.tables.instrument import Analog
from soilco2.station_config.units import conversion

Models = Mapping[str, ProbeModel]


def with_inputs(salvaged: Salvaged, models: Models) -> Models:
    """These models, and one of its own for each instrument whose inputs the station file describes."""
    own = {
        row.model_key: models[row.model].mapped(one for one in row.analog if _fits(one, salvaged))
        for row in salvaged.file.instrument
        if row.analog and row.model in models
    }
    return ChainMap(own, cast("MutableMapping[str, ProbeModel]", models)) if own else models


def _fits(row: Analog, salvaged: Salvaged) -> bool:
    try:
        conversion(row.unit, row.variable, salvaged.variables)
    except StationConfigError:
        return False
    return row.at_4ma != row.at_20ma


def analog(salvaged: Salvaged, models: Models) -> Iterator[Fault]:
    """Inputs that nobody describes, that the module does not have, or in a unit that does not fit."""
    for n, row in enumerate(salvaged.file.instrument):
        model = models.get(row.model)
        if model is None:
            continue
        inputs = model.inputs()
        if inputs and not row.analog:
            yield salvaged.fault(
                ("instrument", n, "analog"), None,
                Message(
                    "the inputs of {model} are currents, and nothing says what they measure: give each that is used an "
                    "[[instrument.analog]] with channel ({inputs}), variable, unit, at_4ma and at_20ma",
                    model=model.id, inputs=", ".join(inputs),
                ),
            )  # fmt: skip
        for m, one in enumerate(row.analog):
            path: Path = ("instrument", n, "analog", m)
            if one.channel not in inputs:
                expected = Message(
                    "{model} has no such input; {nearest}",
                    model=model.id,
                    nearest=nearest(one.channel, inputs),
                )
                yield salvaged.fault((*path, "channel"), one.channel, expected)
            elif one.channel in [other.channel for other in row.analog[:m]]:
                yield salvaged.fault(
                    (*path, "channel"), one.channel, Message("this input is described twice")
                )
            if one.at_4ma == one.at_20ma:
                yield salvaged.fault(
                    (*path, "at_20ma"), one.at_20ma, Message("another value than that at 4 mA is expected")
                )
            try:
                conversion(one.unit, one.variable, salvaged.variables)
            except StationConfigError as error:
                key = "unit" if one.variable in salvaged.variables else "variable"
                yield salvaged.fault((*path, key), getattr(one, key), Message.of(error))
