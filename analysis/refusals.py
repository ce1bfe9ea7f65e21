"""Why a job gives no answer, and what it warns of: one list of reasons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from soilco2.station_config.message import Message, marked, translate

REASONS: Final[dict[str, str]] = {
    "n_eff": marked("the effective number of independent pairs is {n_eff:.1f}, below 10"),
    "constant": marked("{name} does not change, so nothing can go with it"),
    "few_pairs": marked("{n} pairs are too few (at least {least} are needed)"),
    "missing_driver": marked("there is no {name} in this profile"),
    "t_range": marked("temperature spans {range:.1f} K (5 to 95 %), below 8 K"),
    "days": marked("{days} days with data, fewer than {least}"),
    "dropped": marked(
        "the logarithm would drop {percent:.0f} % of the values (zero or negative), above 20 %; "
        "see the fit without logarithm"
    ),
    "class_small": marked("the class has {days} days and {n} pairs; 5 days and 100 pairs are needed"),
    "class_close": marked(
        "water classes with medians of {one:.3f} and {other:.3f} m3/m3 are less than 0.01 m3/m3 apart: no classes"
    ),
    "w_range": marked("water content spans {range:.3f} m3/m3 (5 to 95 %), below 0.03"),
    "optimum_outside": marked("the fitted optimum lies outside the 5 to 95 % range of the data"),
    "harmonic": marked("a 24 h wave explains {r2:.2f} of the daily course of {name}, below 0.3"),
    "amplitude": marked(
        "the daily amplitude of {name} is {amplitude:.3g}, below three steps of its resolution"
    ),
    "clock_sun": marked(
        "the clock check failed: soil temperature at {depth:g} m is highest at {hour:.1f} h solar time, but only 12.5 "
        "to 19 h is possible there; the clock is off by hours, or its zone or the depth is wrong"
    ),
    "clock_depth": marked(
        "the clock check failed: soil temperature at {depth:g} m is highest {hours:.1f} h before that at {above:g} m, "
        "but deeper it must come later; two clocks disagree, or two depths are swapped"
    ),
    "clock_jump": marked(
        "the clock check failed: from {day} on soil temperature at {depth:g} m is highest {hours:+.1f} h from where it "
        "was before; the clock was set within the record"
    ),
    "no_fit": marked("the model could not be fitted to these values"),
    "no_windows": marked("{n} windows allow a Q10, fewer than {least}"),
    "few_events": marked("{n} rain events with an answer to tell, fewer than {least}"),
    "no_rain": marked("there is neither a rain gauge nor soil water content to tell when it rained"),
    "water_follows_t": marked(
        "within the day the water reading follows temperature (r = {r:.2f}) or hardly moves "
        "(amplitude {amplitude:.4f} m3/m3): that is the sensor's own temperature response"
    ),
    "salinity_water": marked("salinity repeats water (r = {r:.2f}); the data cannot separate them"),
    "salinity_raw": marked("bulk conductivity is not corrected to 25 degC and has no temperature beside it"),
    "pore_dry": marked("water content stays below 0.10 m3/m3, too dry for pore-water conductivity"),
    "no_null": marked("{days} days allow {shifts} shifts; p could not fall below {floor:.2f}"),
    "other_unit": marked(
        "the values of {name} lie where {unit} would put them, not {expected}: give the table that unit, or mend the "
        "values; none was used"
    ),
    "empty": marked("there is not one good value of {name}"),
    "no_longitude": marked("the longitude is not known, so clock time cannot be compared with the sun"),
    "phase_open": marked(
        "the days disagree: the phase is not known to better than 6 h either way (95 %: {reach:.1f} h)"
    ),
    "damped": marked(
        "the daily wave of {name} is {share:.3f} of that at the shallowest sensor, below 0.02: what is left there is "
        "the electronics"
    ),
    "hours": marked("{n} hours of the day were never measured, so there is no mean day"),
    "never_varies": marked("it is the same at all times, so there is no spread to make an interval from"),
    "few_depths": marked("depths with a daily temperature wave: {n}; at least {least} are needed"),
    "few_stretches": marked("{n} segments of four days without a gap; at least {least} are needed"),
    "one_profile": marked("{n} profiles with this result; at least three are needed to compare profiles"),
}
"""Reason for withholding, by code; placeholders are values of its refusal."""


WARNINGS: Final[dict[str, str]] = {
    "left_out": marked("{percent:.1f} % of the rows were left out (flagged, missing or impossible)"),
    "sentinel": marked(
        "{percent:.1f} % of the rows hold a number that loggers write for none (65535, -9999); they were left out"
    ),
    "gappy": marked("only {percent:.0f} % of the times are there; the longest gap is {longest_gap_h:.0f} h"),
    "uneven_hours": marked(
        "hours of the day are covered on {least:.2f} to {most:.2f} of the days: daily means lean to the hours present"
    ),
    "stuck": marked(
        "{percent:.1f} % of the values repeat one number for more than a day: a stuck probe or logger"
    ),
    "clipped": marked(
        "{percent:.2f} % of the values lie at the end of range {limit:g} ppm: every slope is flattened"
    ),
    "below_air": marked(
        "{percent:.1f} % of the values are below 350 ppm, poorer in CO2 than the air: the probe's zero has drifted"
    ),
    "frozen": marked("{percent:.1f} % of the temperatures are below 0.5 degC; frozen soil is kept apart"),
    "spiky": marked("{count} single values jump away and back: condensation, lightning or a loose contact"),
    "too_wet": marked(
        "{percent:.1f} % of the values exceed 0.6 m3/m3, more than a mineral soil holds: unit or calibration"
    ),
    "negative_flux": marked(
        "{percent:.1f} % of the fluxes are zero or negative: a logarithm would drop them"
    ),
    "t_w_tied": marked("|r(T, W)| is above 0.8: these data cannot separate temperature from water"),
    "p_without_interval": marked(
        "p is below 0.05 but the interval holds zero: six stretches of the record disagree, a few of them (after rain, "
        "for instance) carry the relation; it does not stand"
    ),
    "interval_without_p": marked(
        "the interval leaves out zero but p is 0.05 or more: two unrelated series with this memory reach such an r too "
        "often; it does not stand"
    ),
    "swapped": marked(
        "the daily wave at {lower_m:g} m is {ratio:.1f} times as large as that at {upper_m:g} m and comes "
        "{earlier_h:.1f} h earlier: these two depths look swapped"
    ),
    "same_values": marked("the values are those of {other}: one probe under two names"),
    "co2_jump": marked(
        "from {day} on CO2 is highest {hours:+.1f} h from where it was before, while the temperature beside it is not: "
        "its clock was set, or transport changed"
    ),
    "co2_apart": marked(
        "CO2 is highest {hours:+.1f} h from the temperature beside it; ventilation can do that, and a clock off by as "
        "much looks the same: compare the clocks of the two instruments"
    ),
    "pressure_tide": marked(
        "the 12 h tide of air pressure is highest at {hour:.1f} h solar time; everywhere on Earth that is near 9.7 h: "
        "the barometer's clock is off"
    ),
    "not_diffusion": marked(
        "between these depths the wave of CO2 takes {hours:+.1f} h; diffusion needs {diffusion_dry_h:.1f} h in dry and "
        "{diffusion_wet_h:.1f} h in wet sand: something else moves the gas, or each depth has its own source"
    ),
    "not_uniform": marked(
        "the wave of heat fades as in {by_amplitude:.3f} m but is delayed as in {by_phase:.3f} m: one damping depth "
        "does not describe this soil; check the depths of the sensors first, then think of dry soil over moist"
    ),
    "hole": marked(
        "nothing was measured for {days:.0f} days on end: what is said of the record is not said of them"
    ),
    "coarse": marked(
        "{percent:.1f} % of the values repeat one number for more than a day, but the series moves in steps of its "
        "resolution ({step:g}): a coarse reading, not a stuck probe"
    ),
    "replicates": marked(
        "{count} probes of the profile stand at {depth:g} m; each has its own rows and none is averaged: do not read "
        "them as depths"
    ),
    "cancels_lag": marked(
        "the temperature depth that correlates best ({best_driver_depth_m:g} m) is the one whose delay cancels the "
        "lag; it need not be the one that drives CO2"
    ),
}
"""What the reader of a number must know, by code; placeholders are details of its row."""


def warn(code: str, **values: float | int | str | None) -> dict[str, float | int | str | None]:
    """Details of a row that carry a warning: the code, its sentence and its numbers."""
    return {"warning_code": code, "warning": warning_text(code, values), **values}


def warning_text(code: str, values: Mapping[str, float | int | str | None]) -> Message:
    """The sentence of a warning."""
    return Message(WARNINGS[code], **values)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a number is withheld. A refusal is a result.

    Parameters
    ----------
    code : str
        Key of :data:`REASONS`.
    values : dict
        Numbers and names the sentence needs.
    """

    code: str
    values: dict[str, float | int | str] = field(default_factory=dict)

    @property
    def message(self) -> Message:
        """The sentence."""
        return Message(REASONS[self.code], **self.values)

    def text(self, lang: str = "en") -> str:
        """The sentence in a language, as notebooks show it."""
        return translate(self.message, lang)
