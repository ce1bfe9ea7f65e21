"""Coherence of two records by band of periods, from stretches without gaps.

    C(f) = |<X* Y>|^2/(<|X|^2> <|Y|^2>)

over segments of four days that overlap by half, each less its straight line and under a Hann window (Welch
1967, https://doi.org/10.1109/TAU.1967.1161901). Within a band the spectra are added over its frequencies. C is 0
to 1; between unrelated records the chance of more is (1 - C)^(K - 1), K the number of independent segments times
frequencies (Carter 1987, https://doi.org/10.1109/PROC.1987.13723).
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from soilco2.analysis import rounding
from soilco2.analysis.refusals import Refusal
from soilco2.analysis.statistics.intervals import block_sums, jackknife

Array = NDArray[np.float64]

SEGMENT_DAYS: Final = 4
LEAST_SEGMENTS: Final = 12
OVERLAP_SHARE: Final = 0.947
"""Independent segments per segment, Hann windows overlapping by half: 1/(1 + 2/36) (Welch 1967)."""
BINS_APART: Final = 1.5
"""Width of a Hann window in frequencies (its noise bandwidth)."""
BANDS: Final = (
    ("2 to 4 days", 1, 2),
    ("near 24 h", 3, 5),
    ("near 12 h", 7, 9),
)
"""Name, first and last frequency [cycles per four days]."""


class Coherence(NamedTuple):
    """Coherence within a band.

    Parameters
    ----------
    band : str
    value, lower, upper : float
        Coherence and its 95 % interval [1]; NaN when withheld.
    p : float
        Chance of a larger one between unrelated records.
    level : float
        What one of twenty unrelated pairs exceeds [1].
    hours : float
        How much later y comes than x, at the middle of the band [h].
    segments : int
    refusal : Refusal or None
    """

    band: str
    value: float
    lower: float
    upper: float
    p: float
    level: float
    hours: float
    segments: int
    refusal: Refusal | None


def coherences(x: ArrayLike, y: ArrayLike, slots: int) -> list[Coherence]:
    """Coherence of two regular series in each band.

    Parameters
    ----------
    x, y : array_like, shape (n,)
        Driver and CO2, NaN where missing, free of their mean day [any unit]. Nothing is filled.
    slots : int
        Values a day; at least 6, so that 12 h has more than two values a wave.

    Returns
    -------
    list of Coherence
        Refused below 12 segments of four days without a gap.
    """
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    starts = _starts(np.isfinite(x) & np.isfinite(y), SEGMENT_DAYS * slots)
    nan = float("nan")
    if starts.size < LEAST_SEGMENTS or slots < 6:
        why = Refusal("few_stretches", {"n": int(starts.size), "least": LEAST_SEGMENTS})
        return [Coherence(name, nan, nan, nan, nan, nan, nan, int(starts.size), why) for name, *_ in BANDS]
    rows = starts[:, None] + np.arange(SEGMENT_DAYS * slots)
    fx, fy = _spectra(x[rows]), _spectra(y[rows])
    cross = fx.conj() * fy
    parts = np.stack([np.abs(fx) ** 2, np.abs(fy) ** 2, cross.real, cross.imag], axis=-1)
    # no value of a spectrum exceeds the sum of its segment: below rounding of that, nothing is left but rounding
    most = np.array([np.abs(v[rows]).sum(1).max() for v in (x, y)])
    floor = starts.size * (rounding.ROUNDING * most) ** 2
    out = []
    for name, first, last in BANDS:
        terms = parts[:, first : last + 1].sum(1)
        k = starts.size * OVERLAP_SHARE * max((last - first + 1) / BINS_APART, 1.0)
        total = terms.sum(0)
        if (total[:2] <= floor).any():
            why = Refusal("no_fit")
            out.append(Coherence(name, nan, nan, nan, nan, nan, nan, int(starts.size), why))
            continue
        found = jackknife(block_sums(terms), _coherence, forward=_spread, back=_gather)
        phase = np.arctan2(total[3], total[2])
        period_h = 24 * SEGMENT_DAYS / ((first + last) / 2)
        out.append(
            Coherence(
                name, found.value, found.lower, found.upper, float((1 - found.value) ** (k - 1)),
                float(1 - 0.05 ** (1 / (k - 1))), float(-phase / (2 * np.pi) * period_h), int(starts.size), None,
            )
        )  # fmt: skip
    return out


def _starts(present: NDArray[np.bool_], length: int) -> NDArray[np.int64]:
    """First slots of the segments: half a segment apart within each stretch without a gap."""
    edges = np.flatnonzero(np.diff(np.r_[False, present, False].astype(np.int8)))
    runs = [
        np.arange(first, last - length + 1, length // 2)
        for first, last in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
        if last - first >= length
    ]
    return np.concatenate(runs) if runs else np.empty(0, np.int64)


def _spectra(segments: Array) -> NDArray[np.complex128]:
    from scipy.signal import detrend, get_window

    rows = detrend(segments, axis=-1) * get_window("hann", segments.shape[-1])
    out: NDArray[np.complex128] = np.fft.rfft(rows, axis=-1)
    return out


def _coherence(total: Array) -> Array:
    value: Array = (total[..., 2] ** 2 + total[..., 3] ** 2) / (total[..., 0] * total[..., 1])
    return np.clip(value, 0.0, 1.0)


def _spread(value: Array) -> Array:
    out: Array = np.arctanh(np.sqrt(np.clip(value, 0.0, 1 - 1e-12)))
    return out


def _gather(z: Array) -> Array:
    out: Array = np.tanh(np.maximum(z, 0.0)) ** 2
    return out
