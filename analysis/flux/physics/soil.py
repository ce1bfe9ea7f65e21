"""The soil: horizons, porosity, air-filled porosity.

Equations S1 ... of ``docs/methods/flux/equations.md``.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from soilco2.analysis import rounding
from soilco2.analysis.flux.errors import SoilTableError, expected
from soilco2.analysis.flux.physics.environment import ONE_DEPTH_M
from soilco2.station_config.message import Message
from soilco2.station_config.tables.soil import SoilTable

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

Array = NDArray[np.float64]

PARTICLE_DENSITY_G_CM3 = 2.65
"""Density of quartz and most soil minerals [g cm-3]."""


def coarse_volume_fraction(
    coarse_mass_fraction: ArrayLike,
    bulk_density_g_cm3: ArrayLike,
    particle_density_g_cm3: float = PARTICLE_DENSITY_G_CM3,
) -> Array:
    """Volume of stones per volume of soil, Eq. S1: ``v = (m/rho_p) / (m/rho_p + (1 - m)/rho_b)`` [m3 m-3].

    Parameters
    ----------
    coarse_mass_fraction : array_like
        Mass of fragments > 2 mm per mass of the whole soil [kg kg-1].
    bulk_density_g_cm3 : array_like
        Bulk density of the fine earth between the stones [g cm-3].
    """
    m = np.asarray(coarse_mass_fraction, dtype=float)
    stones = m / particle_density_g_cm3
    return np.asarray(stones / (stones + (1.0 - m) / np.asarray(bulk_density_g_cm3, dtype=float)))


def porosity(
    bulk_density_g_cm3: ArrayLike,
    coarse_mass_fraction: ArrayLike = 0.0,
    particle_density_g_cm3: float = PARTICLE_DENSITY_G_CM3,
) -> Array:
    """Pore volume per volume of soil, Eq. S2: ``phi = (1 - rho_b/rho_p) (1 - v)`` [m3 m-3]; stones hold
    no pores.
    """
    fine = 1.0 - np.asarray(bulk_density_g_cm3, dtype=float) / particle_density_g_cm3
    return np.asarray(
        fine
        * (1.0 - coarse_volume_fraction(coarse_mass_fraction, bulk_density_g_cm3, particle_density_g_cm3))
    )


def air_filled_porosity(porosity_m3_m3: ArrayLike, water_m3_m3: ArrayLike) -> Array:
    """Air-filled porosity, Eq. S3: ``eps = phi - theta`` [m3 m-3]; NaN where water exceeds porosity, not
    0.
    """
    eps = np.asarray(porosity_m3_m3, dtype=float) - np.asarray(water_m3_m3, dtype=float)
    return np.asarray(np.where(rounding.below(eps, 0.0, porosity_m3_m3), np.nan, np.maximum(eps, 0.0)))


@dataclass(frozen=True)
class Horizons:
    """Horizons as arrays, from the top downward, all of length h.

    Parameters
    ----------
    top_m, bottom_m : ndarray (h,)
        Limits below the surface [m].
    porosity, porosity_sd : ndarray (h,)
        Total porosity and one standard deviation [m3 m-3].
    parameters : mapping of str to ndarray (h,)
        Parameters of diffusivity models by horizon (``b``, ``eps100``); NaN where the horizon gives none.
    """

    top_m: Array
    bottom_m: Array
    porosity: Array
    porosity_sd: Array
    parameters: Mapping[str, Array] = field(default_factory=dict)

    def index(self, depth_m: ArrayLike) -> NDArray[np.intp]:
        """Horizon of each depth: ``top <= depth < bottom``, the last one with its lower edge; -1 in a gap."""
        z = np.asarray(depth_m, dtype=float)
        found = np.searchsorted(self.top_m, z + ONE_DEPTH_M, side="right") - 1
        safe = np.maximum(found, 0)
        reach = np.where(safe == len(self.top_m) - 1, ONE_DEPTH_M, -ONE_DEPTH_M)
        inside = (found >= 0) & (z < self.bottom_m[safe] + reach)
        return np.where(inside, safe, -1)

    def edges(self) -> Array:
        """Every limit once [m]."""
        return np.unique(np.concatenate([self.top_m, self.bottom_m]))


def uniform(porosity_m3_m3: float, porosity_sd: float = 0.0, bottom_m: float = 50.0) -> Horizons:
    """One horizon from the surface down."""
    return Horizons(
        np.array([0.0]), np.array([bottom_m]), np.array([porosity_m3_m3]), np.array([porosity_sd])
    )


def from_table(table: SoilTable, profile: str | None = None) -> Horizons:
    """The horizons of a profile from the station file: its own rows, else the rows that name no profile.

    Raises
    ------
    SoilTableError
        When there is none.
    """
    rows = [h for h in table.horizon if h.profile == profile and profile is not None]
    rows = rows or [h for h in table.horizon if h.profile is None]
    if not rows:
        raise SoilTableError(
            Message(
                "[soil] has no horizon for profile {profile};"
                " add [[soil.horizon]] with top_m, bottom_m and porosity",
                profile=repr(profile),
            )
        )
    rows.sort(key=lambda h: h.top_m)
    phi = [
        h.porosity
        if h.porosity is not None
        else float(porosity(h.bulk_density_g_cm3 or np.nan, h.coarse_mass_fraction, h.particle_density_g_cm3))
        for h in rows
    ]
    nan = float("nan")
    return Horizons(
        np.array([h.top_m for h in rows]),
        np.array([h.bottom_m for h in rows]),
        np.array(phi),
        np.array([h.porosity_sd for h in rows]),
        {
            "b": np.array([nan if h.b is None else h.b for h in rows]),
            "eps100": np.array([nan if h.eps100 is None else h.eps100 for h in rows]),
        },
    )


_TOP = ("top_m", "top_depth_cm")
_BOTTOM = ("bottom_m", "bottom_depth_cm")
_DENSITY = ("bulk_density_g_cm3", "bulk_density_fine_g_cm3")


def _first(row: Mapping[str, str], names: Sequence[str]) -> tuple[str, str]:
    for name in names:
        if row.get(name, "").strip():
            return name, row[name].strip()
    return names[0], ""


def read_pit_table(path: str | Path, porosity_sd: float = 0.02) -> SoilTable:
    """Horizons from a pit table (CSV).

    Columns: ``top_depth_cm``, ``bottom_depth_cm`` (or ``top_m``, ``bottom_m``),
    ``bulk_density_fine_g_cm3`` (or
    ``porosity``), and every ``coarse_..._g_kg`` column, added up as mass of fragments per mass of soil. Rows
    without bulk density (bedrock) are left out: a depth in them is a gap, never a guess.

    Raises
    ------
    SoilTableError
        Naming file, line, column and value.
    """
    path = Path(path)
    try:
        with path.open(newline="", encoding="utf-8-sig") as handle:
            lines = list(csv.DictReader(handle))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SoilTableError(
            Message("pit table {path} cannot be read: {why}", path=path, why=error)
        ) from error
    horizons = []
    for number, row in enumerate(lines, start=2):

        def number_of(name: str, text: str, line: int = number) -> float:
            try:
                return float(text)
            except ValueError:
                raise SoilTableError(
                    Message(
                        "{path}:{line}: {name} = {text!r}: a number is expected",
                        path=path,
                        line=line,
                        name=name,
                        text=text,
                    )
                ) from None

        top_name, top = _first(row, _TOP)
        bottom_name, bottom = _first(row, _BOTTOM)
        density_name, density = _first(row, _DENSITY)
        pores = (row.get("porosity") or "").strip()
        if not density and not pores:
            continue
        entry: dict[str, object] = {
            "name": (row.get("horizon") or "").strip(),
            "top_m": number_of(top_name, top) * (0.01 if top_name.endswith("_cm") else 1.0),
            "bottom_m": number_of(bottom_name, bottom) * (0.01 if bottom_name.endswith("_cm") else 1.0),
            "porosity_sd": porosity_sd,
        }
        if pores:
            entry["porosity"] = number_of("porosity", pores)
        else:
            entry["bulk_density_g_cm3"] = number_of(density_name, density)
            entry["coarse_mass_fraction"] = _coarse(row, number_of)
        horizons.append((number, entry))
    if not horizons:
        raise SoilTableError(
            Message("pit table {path} has no horizon with bulk density or porosity", path=path)
        )
    try:
        return SoilTable.model_validate({"horizon": [entry for _, entry in horizons]})
    except ValueError as error:
        from pydantic import ValidationError

        if not isinstance(error, ValidationError):
            raise
        raise SoilTableError(
            Message("pit table {path}: {faults}", path=path, faults=_faults(error.errors(), horizons))
        ) from None


def _coarse(row: Mapping[str, str | None], number_of: object) -> float:
    total = 0.0
    for name, text in row.items():
        if name and name.startswith("coarse_") and name.endswith("_g_kg") and text and text.strip():
            total += number_of(name, text.strip()) / 1000.0  # type: ignore[operator]
    return total


def _faults(errors: Iterable[ErrorDetails], rows: Sequence[tuple[int, object]]) -> Message:
    parts = []
    for error in errors:
        place = error["loc"]
        key = str(place[-1]) if len(place) > 2 else "horizon"
        line = rows[place[1]][0] if len(place) > 1 and isinstance(place[1], int) else None
        parts.append(
            Message("{key}: {expected}", key=key, expected=expected(error))
            if line is None
            else Message("line {line}, {key}: {expected}", line=line, key=key, expected=expected(error))
        )
    return Message.joined(parts)
