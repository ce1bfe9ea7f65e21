"""Why a profile got no number: bits that add up, so that nothing is hidden by the first reason found."""

from __future__ import annotations

from enum import IntFlag

import numpy as np
from numpy.typing import NDArray


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


SENTENCES: dict[Reason, str] = {
    Reason.TOO_FEW_LEVELS: "fewer usable CO2 levels than the method needs (a given surface counts as one)",
    Reason.CO2_IMPOSSIBLE: "a CO2 mole fraction below 0 or above 300 000 ppm was left out",
    Reason.DUPLICATE_DEPTH: "two CO2 sensors at one depth; give them replicate letters and choose one",
    Reason.ABOVE_SURFACE: "a soil probe stands above the (moved) surface",
    Reason.NO_TEMPERATURE: "no soil temperature within reach of the CO2 depths",
    Reason.NO_WATER: "no water content within reach of the CO2 depths",
    Reason.NO_PRESSURE: "neither air pressure nor altitude",
    Reason.HORIZON_GAP: "no soil horizon covers a depth that is needed",
    Reason.WATER_ABOVE_POROSITY: "water content above the porosity: one of the two is wrong",
    Reason.PORES_SATURATED: "pores (nearly) saturated: gas moves by other ways than diffusion through air",
    Reason.FROZEN: "frozen soil: the ice in the pores is unknown",
    Reason.INVERTED_GRADIENT: "CO2 falls with depth by more than its error: no steady efflux explains it",
    Reason.DS_UNCERTAIN: "the diffusivity is uncertain beyond the factor allowed",
    Reason.NO_CURVE: "the curve cannot be determined from these levels",
    Reason.ENVIRONMENT_IMPOSSIBLE: "temperature, water or pressure outside what is physically possible",
    Reason.NOT_SOLVED: "the solver did not reach its optimality conditions",
    Reason.SURFACE_UNSEEN: "without CO2 at the surface these levels do not bound what is produced above them",
}
"""One sentence for each reason."""

WORDS_ZH: dict[Reason, str] = {
    Reason.TOO_FEW_LEVELS: "可用的 CO₂ 层数不足",
    Reason.CO2_IMPOSSIBLE: "CO₂ 值不可能",
    Reason.DUPLICATE_DEPTH: "同一深度有两个 CO₂ 探头",
    Reason.ABOVE_SURFACE: "土壤探头露出地表",
    Reason.NO_TEMPERATURE: "缺土壤温度",
    Reason.NO_WATER: "缺含水率",
    Reason.NO_PRESSURE: "既无气压也无海拔",
    Reason.HORIZON_GAP: "土层资料未覆盖所需深度",
    Reason.WATER_ABOVE_POROSITY: "含水率高于孔隙度",
    Reason.PORES_SATURATED: "孔隙（近）饱和",
    Reason.FROZEN: "冻土",
    Reason.INVERTED_GRADIENT: "CO₂ 随深度下降且超出误差",
    Reason.DS_UNCERTAIN: "扩散系数不确定度超限",
    Reason.NO_CURVE: "曲线无法确定",
    Reason.ENVIRONMENT_IMPOSSIBLE: "温度、水分或气压不可能",
    Reason.NOT_SOLVED: "求解未达最优",
    Reason.SURFACE_UNSEEN: "未给地表 CO₂，无法界定探头以上的产生量",
}
"""A few Chinese words for each reason."""

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


def sentences(bits: int) -> str:
    """The reasons in `bits` as readable text."""
    return "; ".join(text for reason, text in SENTENCES.items() if bits & reason)


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
