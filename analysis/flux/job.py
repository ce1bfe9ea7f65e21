"""The job: a record in, tidy tables, results and figures out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soilco2.analysis.flux import refusals
from soilco2.analysis.flux.errors import FluxError
from soilco2.analysis.flux.inputs import assemble, corrections_applied
from soilco2.analysis.flux.methods.solve import solve
from soilco2.analysis.flux.outcome import Outcome, joined, merge
from soilco2.analysis.flux.physics.diffusivity import MODELS
from soilco2.analysis.flux.physics.soil import from_table
from soilco2.analysis.flux.records import Fluxes
from soilco2.analysis.flux.results import summary
from soilco2.analysis.flux.settings import Settings
from soilco2.quality.records import Flag, SeriesKey
from soilco2.station_config.message import Message
from soilco2.station_config.times import now_iso
from soilco2.storage.reader import Reader
from soilco2.storage.results.results import Result, ResultFile, write_results, write_table

JOB = "flux"
LEAST_SHARE = 0.1
"""A record answered for less than this share of its times gets no mean."""

UNIT = "umol m-2 s-1"

NOTE = Message(
    "A flux from the gradient contains soil temperature and water already, through the diffusivity: a"
    " response of this flux to them is partly made by the formula."
)
"""Follows every series made here; the response functions show it."""


def compute(reader: Reader, settings: Settings, wanted: assemble.Wanted) -> Iterator[tuple[str, str, Fluxes]]:
    """Fluxes of every profile, window by window.

    Raises
    ------
    FluxError
        When the settings would correct CO2 for pressure and temperature a second time.
    """
    if settings.flux.co2_probes == "uncompensated":
        done = corrections_applied.of_observations(reader, wanted.start_us, wanted.end_us)
        corrections_applied.refuse(settings.flux, {**wanted.corrected, **done})
    for station, name, profile in assemble.profiles(reader, wanted):
        yield station, name, solve(profile, from_table(settings.soil, name), settings.flux)


def run(reader: Reader, settings: Settings, wanted: assemble.Wanted) -> Outcome:
    """Fluxes of a whole record.

    Raises
    ------
    FluxError
        When the record holds no CO2 in the window asked for.
    """
    outcome = Outcome()
    for station, name, fluxes in compute(reader, settings, wanted):
        outcome.fluxes.append((station, name, fluxes))
        if len(fluxes.time_us) > 1:
            step = int(np.diff(fluxes.time_us).min())
            outcome.every_us = min(step, outcome.every_us) if outcome.every_us else step
    if not outcome.fluxes:
        raise FluxError(Message("no CO2 value in the time asked for; look at the times of the data"))
    return outcome


def method_text(settings: Settings) -> str:
    """The method as it is written beside each number."""
    flux = settings.flux
    return f"{flux.method};{flux.diffusivity};{flux.free_air};surface={flux.surface}"


def derived_rows(
    station: str, fluxes: Fluxes, method: str
) -> Iterator[tuple[SeriesKey, int, float | None, float | None, float | None, str, str]]:
    """Rows for the journal's table of derived series: key, time [µs], value, lower, upper, method, reason.

    A refused time gives a row with its reason and no value, so that an earlier number that no longer holds is replaced.
    """
    key = SeriesKey(station, fluxes.name, "", "co2_flux")
    words = {bits: refusals.names(bits) for bits in np.unique(fluxes.refused).tolist()}
    for time_us, refused, *numbers in zip(
        fluxes.time_us.tolist(),
        fluxes.refused.tolist(),
        fluxes.efflux.tolist(),
        fluxes.lower.tolist(),
        fluxes.upper.tolist(),
        strict=True,
    ):
        value, lower, upper = (None, None, None) if numbers[0] != numbers[0] else numbers
        yield key, time_us, value, lower, upper, method, "" if value is not None else words[refused]


def efflux_table(outcome: Outcome, method: str) -> dict[str, list[object]]:
    """The efflux as a tidy table, refused times with their reason."""
    columns: dict[str, list[object]] = {
        name: []
        for name in (
            "time_utc", "station", "profile", "position", "depth_m", "variable", "value", "unit", "flag",
            "lower", "upper", "method", "period_s", "stamp", "refused",
        )
    }  # fmt: skip
    for station, name, f in outcome.fluxes:
        n = len(f.time_us)
        words = {bits: refusals.names(int(bits)) for bits in np.unique(f.refused).tolist()}
        good = np.isfinite(f.efflux)
        for column, values in (
            ("time_utc", iso(f.time_us)), ("station", [station] * n), ("profile", [name] * n),
            ("position", [""] * n), ("depth_m", [0.0] * n), ("variable", ["co2_flux"] * n),
            ("value", f.efflux.tolist()), ("unit", [UNIT] * n),
            ("flag", np.where(good, int(Flag.GOOD), int(Flag.MISSING)).tolist()),
            ("lower", f.lower.tolist()), ("upper", f.upper.tolist()), ("method", [method] * n),
            ("period_s", [outcome.every_us / 1e6] * n), ("stamp", ["start"] * n),
            ("refused", [words[bits] for bits in f.refused.tolist()]),
        ):  # fmt: skip
            columns[column].extend(values)
    return columns


def depth_table(outcome: Outcome, what: str) -> dict[str, list[object]]:
    """Layer fluxes (``what="layer"``) or production (``"production"``) by time and depth, without empty
    rows.
    """
    unit = UNIT if what == "layer" else "umol m-3 s-1"
    columns: dict[str, list[object]] = {
        name: [] for name in ("time_utc", "profile", "top_m", "bottom_m", "value", "lower", "upper", "unit")
    }
    for _, name, f in outcome.fluxes:
        edges = f.layer_edges_m if what == "layer" else f.production_edges_m
        value = f.layer_flux if what == "layer" else f.production
        low = f.layer_lower if what == "layer" else f.production_lower
        high = f.layer_upper if what == "layer" else f.production_upper
        row, layer = np.nonzero(np.isfinite(value))
        columns["time_utc"].extend(np.asarray(iso(f.time_us), dtype=object)[row].tolist())
        columns["profile"].extend([name] * len(row))
        columns["top_m"].extend(edges[layer].tolist())
        columns["bottom_m"].extend(edges[layer + 1].tolist())
        for column, source in (("value", value), ("lower", low), ("upper", high)):
            columns[column].extend(source[row, layer].tolist())
        columns["unit"].extend([unit] * len(row))
    return columns


def iso(time_us: NDArray[np.int64]) -> list[str]:
    """ISO 8601 with Z, to the second."""
    return [f"{text}Z" for text in np.datetime_as_string(time_us.astype("datetime64[us]"), unit="s").tolist()]


def results(outcome: Outcome, settings: Settings, version: str, asked: dict[str, Any]) -> ResultFile:
    """One row per profile: mean efflux with interval, or why there is none; refusals counted."""
    rows = []
    method = method_text(settings)
    for (station, name), windows in joined(outcome).items():
        whole = merge(windows)
        span = max(int(whole.time_us[-1] - whole.time_us[0]) + 1, 1)
        mean = summary.means(whole, span, LEAST_SHARE, int(whole.time_us[0]))
        refused = refusals.counts(whole.refused)
        good = np.isfinite(whole.efflux)
        value = _finite(mean.value[0])
        top = next(iter(refused), "")
        rows.append(
            Result(
                what="mean_efflux", target=f"{station}/{name}//co2_flux", target_depth_m=0.0,
                start=iso(whole.time_us[:1])[0], end=iso(whole.time_us[-1:])[0], n=int(good.sum()),
                value=value, unit=UNIT,
                lower=None if value is None else float(mean.lower[0]),
                upper=None if value is None else float(mean.upper[0]),
                method=method, refused=value is None,
                why="" if value is not None else _why(whole, refused),
                why_code="" if value is not None else top,
                details={
                    "asked": len(whole.time_us),
                    **{f"refused_{key}": number for key, number in refused.items()},
                    **_noted(whole),
                    "lasting_sd": _finite(mean.lasting_sd[0]), "random_sd": _finite(mean.random_sd[0]),
                    "sampled": int(whole.sampled.sum()),
                    "pressure_assumed": int(whole.pressure_assumed.sum()),
                    "model_spread_ln": _middle(whole.model_spread_ln),
                },
            )
        )  # fmt: skip
    times = [f.time_us for _, _, f in outcome.fluxes]
    return ResultFile(
        job=JOB, station=outcome.fluxes[0][0], created=now_iso(),
        version=version, seed=settings.flux.seed, asked=asked, rows=tuple(rows), notes=tuple(notes(settings)),
        data_from=iso(min(times, key=lambda t: int(t[0]))[:1])[0],
        data_to=iso(max(times, key=lambda t: int(t[-1]))[-1:])[0],
    )  # fmt: skip


def notes(settings: Settings) -> list[Message]:
    """What the reader of these fluxes must know."""
    model = MODELS.get(settings.flux.diffusivity)
    if model is None or model.checked != "unverified":
        return [NOTE]
    return [
        NOTE,
        Message("The form of {model} could not be checked against a second source.", model=model.name),
    ]


def _noted(whole: Fluxes) -> dict[str, int]:
    """How often measurements were left out, and remarks were made."""
    remarks = np.uint32(refusals.REMARKS)
    left_out, noted = refusals.counts(whole.notes & ~remarks), refusals.counts(whole.notes & remarks)
    return {f"left_out_{key}": n for key, n in left_out.items()} | {
        f"noted_{key}": n for key, n in noted.items()
    }


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _middle(values: NDArray[np.float64]) -> float | None:
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if finite.size else None


def write(
    folder: Path, outcome: Outcome, settings: Settings, version: str, asked: dict[str, Any], lang: str = "en",
    figures: bool = True,
) -> list[Path]:  # fmt: skip
    """Write results, tidy tables and figures into a folder per date.

    Returns
    -------
    list of Path
        What was written, the results file first.
    """
    found = results(outcome, settings, version, asked)
    date = found.created[:10]
    paths = [write_results(folder, found)]
    paths.append(write_table(folder, date, JOB, "efflux", efflux_table(outcome, method_text(settings))))
    paths.append(write_table(folder, date, JOB, "layers", depth_table(outcome, "layer")))
    paths.append(write_table(folder, date, JOB, "production", depth_table(outcome, "production")))
    if figures:
        from soilco2.analysis.flux.results.figures import write_figures

        paths += write_figures(folder / date, outcome, lang)
    return paths


def _why(whole: Fluxes, refused: dict[str, int]) -> Message:
    answered = int(np.isfinite(whole.efflux).sum())
    parts = [Message("{answered} of {asked} times answered", answered=answered, asked=len(whole.time_us))]
    parts += [
        Message("{count} times: {why}", count=count, why=refusals.SENTENCES[refusals.Reason[name.upper()]])
        for name, count in refused.items()
    ]
    return Message.joined(parts)
