"""What a flux job brings back, piece by piece, and how pieces become one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soilco2.analysis.flux.records import EFFLUX_FIELDS, Fluxes


@dataclass
class Outcome:
    """What a run found.

    Parameters
    ----------
    fluxes : list of (station, profile, Fluxes)
        Windows of one profile follow each other.
    every_us : int
        Step of the times [µs].
    """

    fluxes: list[tuple[str, str, Fluxes]] = field(default_factory=list)
    every_us: int = 0


def joined(outcome: Outcome) -> dict[tuple[str, str], list[Fluxes]]:
    """Windows by profile."""
    groups: dict[tuple[str, str], list[Fluxes]] = {}
    for station, name, fluxes in outcome.fluxes:
        groups.setdefault((station, name), []).append(fluxes)
    return groups


def stack(windows: list[Fluxes], name: str) -> NDArray[Any]:
    """One array of a field over the windows."""
    return np.concatenate([getattr(window, name) for window in windows])


def merge(windows: list[Fluxes]) -> Fluxes:
    """Windows of one profile as one, as far as `summary.means` and the figures need it.

    Windows with other layers (a surface that moved) keep their efflux; their layers are left empty.
    """
    first = windows[0]
    if len(windows) == 1:
        return first
    whole = Fluxes(first.name, stack(windows, "time_us"), first.layer_edges_m, first.production_edges_m)
    for name in (
        *EFFLUX_FIELDS, "refused", "notes", "sampled", "extrapolated", "pressure_assumed", "levels",
    ):  # fmt: skip
        setattr(whole, name, stack(windows, name))
    start = 0
    for window in windows:
        rows = slice(start, start + len(window.time_us))
        start = rows.stop
        for prefix, edges in (("layer", "layer_edges_m"), ("production", "production_edges_m")):
            if np.array_equal(getattr(window, edges), getattr(first, edges)):
                for name in vars(whole):
                    value = getattr(whole, name)
                    if name.startswith(prefix) and isinstance(value, np.ndarray) and value.ndim == 2:
                        value[rows] = getattr(window, name)
        for term, effect in window.persistent.items():
            whole.persistent.setdefault(term, np.zeros(len(whole.time_us)))[rows] = effect
    return whole
