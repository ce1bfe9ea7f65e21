"""Why a reading has its flag, in words."""

from __future__ import annotations

from soilco2.station_config.message import Message

REASONS = {
    "withdrawn": Message("import taken back"),
    "missing": Message("missing"),
    "sentinel": Message("no value from the probe"),
    "frozen": Message("frozen soil"),
    "ec_without_temperature": Message("no temperature for EC"),
    "soil_too_dry": Message("soil too dry"),
    "ec_too_small": Message("conductivity too small"),
    "physical_range": Message("physically impossible"),
    "instrument_range": Message("outside the probe's range"),
    "site_range": Message("outside the site's range"),
    "conflict": Message("numbers in conflict"),
    "undecodable": Message("registers too short"),
    "zero_frame": Message("nothing but zeros"),
    "frame": Message("another channel said nothing"),
    "warm_up": Message("warming up"),
    "saturation": Message("clipped"),
    "flat_line": Message("stuck"),
    "rate_of_change": Message("changes too fast"),
    "spike": Message("spike"),
    "site_suspect": Message("unlikely here"),
    "compensation_mismatch": Message("the probe's settings contradict the station file"),
    "co2_without_temperature": Message("no temperature for CO₂"),
    "suspect_companion": Message("a companion is suspect"),
    "no_reference": Message("first after a gap"),
    "standard_pressure": Message("standard pressure used"),
    "compensation_unknown": Message("compensation unknown"),
    "ec_coefficient_unknown": Message("coefficient of EC unknown"),
    "calibration_overdue": Message("calibration overdue"),
    "manual": Message("flagged by hand"),
}
"""By the names of the tests in `soilco2.quality.checks`."""

FLAGS = {
    1: Message("good"),
    2: Message("not evaluated"),
    3: Message("suspect"),
    4: Message("bad"),
    9: Message("missing"),
}


def reason(tests: str) -> Message:
    """The tests that a reading failed, in words; what a probe says of itself stays as it is."""
    return Message.joined([REASONS.get(name, name) for name in tests.split(",") if name], ", ")
