"""After rain: how often CO2 answers, by how much, how soon, for how long, and what that makes of the whole."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from soilco2.analysis import rounding
from soilco2.analysis.definitions import AS_MEASURED, DAY_TO_DAY, EVENT, WITHIN_DAY
from soilco2.analysis.frames.frame import Column, Frame
from soilco2.analysis.frames.targets import Target
from soilco2.analysis.jobs.base import Options, Outcome, adjusted, chosen, each, row, span, time_text
from soilco2.analysis.jobs.correlation import at_scale, unfrozen
from soilco2.analysis.refusals import Refusal
from soilco2.analysis.soil_response.rain import (
    PEAK_H,
    Answer,
    Event,
    after_rain,
    answers,
    dry_season,
    mean_response,
    median_interval,
    rain_events,
    wetting_events,
)
from soilco2.analysis.statistics.correlation import associate
from soilco2.analysis.statistics.intervals import block_sums, jackknife
from soilco2.storage.results.results import Result

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

LEAST_EVENTS: Final = 6
"""Events below which no 95 % interval of a median exists: 2 (1/2)^5 = 0.06."""
ANSWER: Final = 0.05
"""Share of rainless times whose rise may reach that of an event that counts as answered."""
CARBON_G: Final = 12.011e-6 * 3600
"""From umol m-2 s-1 times h to g m-2 of carbon."""
METHOD = "median over events; interval by order statistics (binomial)"
RISE_METHOD = (
    "median over events of the highest of 72 h less the mean of 48 h before; interval by order statistics; p binomial, "
    "of answers against 5 % of rainless times"
)
SHARE_METHOD = (
    "sum of CO2 from the start of events to 72 h after their end over the whole sum; block jackknife of the logit, "
    "6 blocks"
)
RANK_METHOD = "partial Spearman rho over events; n_eff sum form; t test"
PLAIN_METHOD = "Pearson r; n_eff sum form, K = n/4; t test; block jackknife, 6 blocks"


def run(frame: Frame, options: Options) -> Outcome:
    """Rain rows of every CO2 depth of a frame.

    Parameters
    ----------
    frame : Frame
    options : Options

    Returns
    -------
    Outcome
        Tables ``events`` (one row an event and CO2 series) and ``response`` (median course around events).
    """
    out = Outcome()
    tables: dict[str, dict[str, list[object]]] = {}
    for target in each(chosen(frame, options)):
        out.rows += _target(frame, target, tables)
    out.rows = adjusted(out.rows)
    out.tables = {name: dict(columns) for name, columns in tables.items()}
    return out


def events_of(frame: Frame, target: Target) -> tuple[list[Event], Column | None]:
    """Events, and the series that tells of them: the gauge, else the water content; None without either."""
    if target.rain is not None and target.rain.present:
        return rain_events(target.rain.values, frame.slots), target.rain
    if target.water is not None and target.water.present:
        return wetting_events(target.water.values, frame.slots), target.water
    return [], None


def _target(frame: Frame, target: Target, tables: dict[str, dict[str, list[object]]]) -> list[Result]:
    events, source = events_of(frame, target)
    if source is None:
        return [row("rain_rise", target.co2, unit=_unit(target), scale=EVENT, refusal=Refusal("no_rain"))]
    co2 = target.co2.values
    found = answers(co2, frame.slots, events)
    known = [a for a in found if np.isfinite(a.rise)]
    when = _when(frame, known)
    rows = [_count(target, source, events, known, when)]
    before = _before(frame, target, known)
    _table(frame, target, found, known, before, tables)
    if len(known) < LEAST_EVENTS:
        few = Refusal("few_events", {"n": len(known), "least": LEAST_EVENTS})
        return [*rows, row("rain_rise", target.co2, source, n=len(known), unit=_unit(target), method=RISE_METHOD,
                           scale=EVENT, when=when, refusal=few)]  # fmt: skip
    groups: list[tuple[str, list[Answer]]] = [("all", known)]
    if np.isfinite(before).sum() >= 2 * LEAST_EVENTS:
        dry = rounding.below(before, np.nanmedian(before))
        for name, part in (("dry before", dry), ("wet before", np.isfinite(before) & ~dry)):
            groups.append((name, [a for a, k in zip(known, part.tolist(), strict=True) if k]))
    for name, group in groups:
        rows += _medians(target, source, name, group, when)
        _course(frame, target, name, group, tables)
    if source is target.rain:
        rows += _rise_with(target, source, known, before, when)
    rows += _share(frame, target, source, events)
    rows += _without_rain(frame, target, events)
    return rows


def _unit(target: Target) -> str:
    return "umol m-2 s-1" if target.is_flux else "ppm"


def _when(frame: Frame, known: Sequence[Answer]) -> tuple[str, str]:
    used = np.zeros(frame.n, bool)
    for answer in known:
        used[[answer.event.start, answer.event.end]] = True
    return span(frame, used)


def _before(frame: Frame, target: Target, known: Sequence[Answer]) -> Array:
    """Mean water content of the 24 h before each event [m3/m3], NaN where less than half is present."""
    out = np.full(len(known), np.nan)
    if target.water is None:
        return out
    water = target.water.values
    for k, answer in enumerate(known):
        part = water[max(answer.event.start - frame.slots, 0) : answer.event.start]
        if part.size and np.isfinite(part).sum() >= 0.5 * frame.slots:
            out[k] = np.nanmean(part)
    return out


def _answered(group: Sequence[Answer]) -> list[Answer]:
    return [a for a in group if a.chance < ANSWER]


def _count(
    target: Target, source: Column, events: Sequence[Event], known: Sequence[Answer], when: tuple[str, str]
) -> Result:
    mm = [e.mm for e in events if math.isfinite(e.mm)]
    answered = _answered(known)
    share = [100 * a.rise / a.base for a in answered if a.base > 0]
    details = {
        "source": source.variable,
        "with_co2": len(known),
        "answered": len(answered),
        "rain_mm": sum(mm) if mm else None,
        "largest_percent_of_base": max(share) if share else None,
    }
    return row("rain_events", target.co2, source, value=len(events), n=len(events), scale=EVENT, when=when,
               method="wet records less than 24 h apart, 1 mm or more; without a gauge, a step of 0.01 m3/m3 in 2 h",
               details=details)  # fmt: skip


def _medians(
    target: Target, source: Column, mask: str, group: Sequence[Answer], when: tuple[str, str]
) -> list[Result]:
    from scipy.special import bdtrc

    answered = _answered(group)
    common: dict[str, Any] = {"scale": EVENT, "mask": mask, "when": when}
    few = (
        Refusal("few_events", {"n": len(group), "least": LEAST_EVENTS}) if len(group) < LEAST_EVENTS else None
    )
    rise = median_interval([a.rise for a in group])
    p = float(bdtrc(len(answered) - 1, len(group), ANSWER)) if answered else 1.0
    top = max(group, key=lambda a: a.rise, default=None)
    rows = [
        row("rain_rise", target.co2, source, value=None if few else rise[0], lower=None if few else rise[1],
            upper=None if few else rise[2], p=None if few else p, n=len(group), unit=_unit(target),
            method=RISE_METHOD, refusal=few,
            details={"answered": len(answered), "largest": top.rise if top else None,
                     "largest_mm": top.event.mm if top else None}, **common)
    ]  # fmt: skip
    gain, unit = (CARBON_G, "g m-2") if target.is_flux else (1.0, "ppm h")
    for what, values, its_unit in (
        ("rain_hours_to_peak", [a.hours_to_peak for a in answered], "h"),
        ("rain_decay_time", [a.tau for a in answered if math.isfinite(a.tau)], "h"),
        ("rain_excess", [a.excess * gain for a in answered], unit),
    ):
        why = (
            Refusal("few_events", {"n": len(values), "least": LEAST_EVENTS})
            if len(values) < LEAST_EVENTS
            else None
        )
        value, lower, upper = median_interval(values) if why is None else (None, None, None)
        rows.append(
            row(what, target.co2, source, value=value, lower=lower, upper=upper, n=len(values), unit=its_unit,
                method=METHOD + ", of events that CO2 answered", refusal=why, **common)
        )  # fmt: skip
    return rows


def _rise_with(
    target: Target, source: Column, known: Sequence[Answer], before: Array, when: tuple[str, str]
) -> list[Result]:
    """Whether more rain, or drier soil before it, gives a larger rise: each with the other held fixed."""
    rise, mm = np.array([a.rise for a in known]), np.array([a.event.mm for a in known])
    rows = []
    water = target.water
    pairs = [(source, mm, water, before)]
    if water is not None:
        pairs.append((water, before, source, mm))
    for driver, x, held, z in pairs:
        given = [z] if held is not None else []
        answer = associate(x, rise, given, names=(driver.variable, "rise"))
        hide = answer.refusal is not None and not math.isfinite(answer.rank)
        rows.append(
            row("rain_rise_rank_r", target.co2, driver, value=None if hide else answer.rank, p=answer.p_rank,
                n=answer.n, n_eff=answer.n_eff, given=[str(held.key)] if held is not None else [],
                scale=EVENT, when=when, method=RANK_METHOD, refusal=answer.refusal)
        )  # fmt: skip
    return rows


def _share(frame: Frame, target: Target, source: Column, events: list[Event]) -> list[Result]:
    """Share of all carbon given off after rain, beside the share of time; over all and in the dry season."""
    if not target.is_flux:
        return []
    co2 = target.co2.values
    wet = after_rain(frame.n, events, frame.slots)
    seasons: list[tuple[str, Mask]] = [("all", np.ones(frame.n, bool))]
    if target.water is not None:
        seasons.append(("dry season", dry_season(target.water.values, frame.slots)))
    rows = []
    for name, season in seasons:
        use = np.isfinite(co2) & season
        c, w = co2[use], wet[use]
        method = SHARE_METHOD + (
            "" if name == "all" else "; dry season: 31-day mean of water below its median"
        )
        why = (
            Refusal("few_events", {"n": len(events), "least": LEAST_EVENTS})
            if len(events) < LEAST_EVENTS
            else None
        )
        if why is None and (c.size < 30 * frame.slots or not w.any()):
            why = Refusal("days", {"days": c.size // frame.slots, "least": 30})
        if why is None and c.sum() <= 0:
            why = Refusal("no_fit")
        common: dict[str, Any] = {
            "unit": "1",
            "n": int(c.size),
            "scale": AS_MEASURED,
            "mask": name,
            "method": method,
        }
        if why is not None:
            rows.append(row("rain_carbon_share", target.co2, source, refusal=why, **common))
            continue
        sums = block_sums(np.stack([c, np.where(w, c, 0.0)], axis=-1))
        share = jackknife(sums, lambda t: t[..., 1] / t[..., 0], forward=_logit, back=_share_of)
        rows.append(
            row("rain_carbon_share", target.co2, source, value=share.value, lower=share.lower, upper=share.upper,
                when=span(frame, use), details={"share_of_time": float(w.mean())}, **common)
        )  # fmt: skip
    return rows


def _logit(share: Array) -> Array:
    kept = np.clip(share, 1e-9, 1 - 1e-9)
    out: Array = np.log(kept / (1 - kept))
    return out


def _share_of(logit: Array) -> Array:
    out: Array = 1 / (1 + np.exp(-logit))
    return out


def _without_rain(frame: Frame, target: Target, events: list[Event]) -> list[Result]:
    """r of CO2 and temperature, with the hours after rain and without them, linear and by rank."""
    driver = target.temperature
    if driver is None:
        return []
    keep = unfrozen(target)
    wet = after_rain(frame.n, events, frame.slots)
    rows = []
    for scale in (WITHIN_DAY, DAY_TO_DAY):
        for mask, use in (("all", keep), ("without 72 h after rain", keep & ~wet)):
            # The scale is taken first, so that cutting rain out does not turn into a step.
            whole = [
                at_scale(np.where(keep, c.values, np.nan), frame.slots, scale) for c in (driver, target.co2)
            ]
            part = use if whole[0].size == frame.n else ~wet.reshape(-1, frame.slots).any(1) | (mask == "all")
            x, y = (np.where(part, v, np.nan) for v in whole)
            answer = associate(x, y, names=(driver.variable, target.co2.variable))
            common: dict[str, Any] = {
                "scale": scale, "mask": mask, "n": answer.n, "n_eff": answer.n_eff, "refusal": answer.refusal,
                "when": span(frame, np.isfinite(x) & np.isfinite(y)), "method": PLAIN_METHOD,
            }  # fmt: skip
            rows.append(
                row("pearson_r", target.co2, driver, value=answer.r, lower=answer.lower, upper=answer.upper,
                    p=answer.p, **common)
            )  # fmt: skip
            common["method"] = "Spearman rho; n_eff sum form of the ranks; t test"
            rows.append(row("rank_r", target.co2, driver, value=answer.rank, p=answer.p_rank, **common))
    return rows


def _course(
    frame: Frame, target: Target, mask: str, group: list[Answer], tables: dict[str, dict[str, list[object]]]
) -> None:
    """Median and quartiles of CO2 less its base around events."""
    if len(group) < LEAST_EVENTS:
        return
    hours, values = mean_response(target.co2.values, frame.slots, group)
    counts = np.isfinite(values).sum(0)
    enough = counts >= LEAST_EVENTS
    low, middle, high = np.nanquantile(values[:, enough], (0.25, 0.5, 0.75), axis=0)
    table = tables.setdefault(
        "response",
        {
            k: []
            for k in (
                "co2",
                "depth_m",
                "mask",
                "hour",
                "median",
                "lower_quartile",
                "upper_quartile",
                "events",
            )
        },
    )
    for key, column in (
        ("co2", [str(target.co2.key)] * middle.size), ("depth_m", [target.co2.depth_m] * middle.size),
        ("mask", [mask] * middle.size), ("hour", hours[enough].tolist()), ("median", middle.tolist()),
        ("lower_quartile", low.tolist()), ("upper_quartile", high.tolist()), ("events", counts[enough].tolist()),
    ):  # fmt: skip
        table[key] += column


def _table(
    frame: Frame, target: Target, found: Sequence[Answer], known: Sequence[Answer], before: Array,
    tables: dict[str, dict[str, list[object]]],
) -> None:  # fmt: skip
    """One row an event: rain, what was before, and the answer."""
    water = dict(zip((a.event.start for a in known), before.tolist(), strict=True))
    step_us = frame.step_s * 1_000_000
    keys = (
        "co2", "depth_m", "start_utc", "hours", "mm", "days_since_rain", "water_before", "base", "peak", "rise",
        "hours_to_peak", "excess_h", "decay_h", "decay_r2", "chance",
    )  # fmt: skip
    table = tables.setdefault("events", {k: [] for k in keys})
    last = None
    for a in found:
        e = a.event
        since = math.nan if last is None else (e.start - last) / frame.slots
        last = e.end
        values = (
            str(target.co2.key), target.co2.depth_m, time_text(frame.start_us + e.start * step_us),
            (e.end - e.start + 1) * frame.step_s / 3600, e.mm, since, water.get(e.start, math.nan), a.base, a.peak,
            a.rise, a.hours_to_peak, a.excess, a.tau, a.decay_r2, a.chance,
        )  # fmt: skip
        for key, value in zip(keys, values, strict=True):
            table[key].append(value)


__all__ = ["PEAK_H", "events_of", "run"]
