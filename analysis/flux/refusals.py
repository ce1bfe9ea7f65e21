"""Why a profile got no number: bits that add up, so that nothing is hidden by the first reason found."""

from __future__ import annotations

from enum import IntFlag

import numpy as np
from numpy.typing import NDArray

from soilco2.station_config.message import Message


class Reason(IntFlag):
    """Reasons for which a flux is refused, as bits."""

    NONE = 0
    TOO_FEW_LEVELS = 1 << 0
    CO2_IMPOSSIBLE = 1 << 1
    DUPLICATE_DEPTH = 1 << 2
    ABOVE_SURFACE = 1 << 3
    NO_TEMPERATURE = 1 << 4
    NO_WATER = 1 << 5
    NO_PRESSURE = 1 << 6
    HORIZON_GAP = 1 << 7
    WATER_ABOVE_POROSITY = 1 << 8
    PORES_SATURATED = 1 << 9
    FROZEN = 1 << 10
    INVERTED_GRADIENT = 1 << 11
    DS_UNCERTAIN = 1 << 12
    NO_CURVE = 1 << 13
    ENVIRONMENT_IMPOSSIBLE = 1 << 14
    NOT_SOLVED = 1 << 15
    SURFACE_UNSEEN = 1 << 16
    AGAINST_LAYERS = 1 << 17
    FALLS_BELOW = 1 << 18


SENTENCES: dict[Reason, Message] = {
    Reason.TOO_FEW_LEVELS: Message(
        "fewer usable CO2 levels than the method needs (a given surface counts as one)"
    ),
    Reason.CO2_IMPOSSIBLE: Message("a CO2 mole fraction below 0 or above 300 000 ppm was left out"),
    Reason.DUPLICATE_DEPTH: Message(
        "two CO2 sensors at one depth; give them replicate letters and choose one"
    ),
    Reason.ABOVE_SURFACE: Message("a soil probe stands above the (moved) surface"),
    Reason.NO_TEMPERATURE: Message("no soil temperature within reach of the CO2 depths"),
    Reason.NO_WATER: Message("no water content within reach of the CO2 depths"),
    Reason.NO_PRESSURE: Message("neither air pressure nor altitude"),
    Reason.HORIZON_GAP: Message("no soil horizon covers a depth that is needed"),
    Reason.WATER_ABOVE_POROSITY: Message("water content above the porosity: one of the two is wrong"),
    Reason.PORES_SATURATED: Message(
        "pores (nearly) saturated: gas moves by other ways than diffusion through air"
    ),
    Reason.FROZEN: Message("frozen soil: the ice in the pores is unknown"),
    Reason.INVERTED_GRADIENT: Message(
        "CO2 falls with depth by more than its error: no steady efflux explains it"
    ),
    Reason.DS_UNCERTAIN: Message("the diffusivity is uncertain beyond the factor allowed"),
    Reason.NO_CURVE: Message("the curve cannot be determined from these levels"),
    Reason.ENVIRONMENT_IMPOSSIBLE: Message(
        "temperature, water or pressure outside what is physically possible"
    ),
    Reason.NOT_SOLVED: Message("the solver did not reach its optimality conditions"),
    Reason.SURFACE_UNSEEN: Message(
        "without CO2 at the surface these levels do not bound what is produced above them"
    ),
    Reason.AGAINST_LAYERS: Message(
        "the flux of every layer goes up, but at the surface it comes out downward: the method does not fit"
    ),
    Reason.FALLS_BELOW: Message(
        "CO2 falls with depth by more than its error below the layers that the method uses"
    ),
}
"""One sentence for each reason."""

REMARKS = Reason.AGAINST_LAYERS | Reason.FALLS_BELOW
"""Said of an answer that stands; nothing was left out for them."""

ReasonArray = NDArray[np.uint32]


def no_reasons(shape: tuple[int, ...]) -> ReasonArray:
    """An array without any reason, of this shape."""
    return np.zeros(shape, dtype=np.uint32)


def mark(reasons: ReasonArray, where: NDArray[np.bool_], reason: Reason) -> None:
    """Add `reason` in place where `where` is true."""
    np.bitwise_or(reasons, np.uint32(reason), out=reasons, where=where)


def names(bits: int) -> str:
    """The reasons in `bits` in small letters, joined by commas, such as ``"frozen,no_water"``."""
    return ",".join(reason.name.lower() for reason in SENTENCES if bits & reason and reason.name)


def counts(reasons: ReasonArray) -> dict[str, int]:
    """How many profiles carry each reason, the most frequent first; reasons without a profile are left
    out.
    """
    found = {
        reason.name.lower(): int(np.count_nonzero(reasons & np.uint32(reason)))
        for reason in SENTENCES
        if reason.name
    }
    return dict(sorted(((k, v) for k, v in found.items() if v), key=lambda kv: -kv[1]))
