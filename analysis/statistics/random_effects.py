"""One number from several profiles: mean and spread between them, by random effects.

Each profile's estimate y_i with standard error s_i; weights 1/(s_i^2 + tau^2), tau^2 after DerSimonian & Laird (1986),
https://doi.org/10.1016/0197-2456(86)90046-2; interval after Hartung & Knapp (2001),
https://doi.org/10.1002/sim.1009: Student's t with k - 1 degrees of freedom. Where a profile has no standard error
all weigh the same, which is the plain mean with its t interval. Depths of one profile are not profiles.

Profiles of one site share their weather: the interval is for a further profile of the site in the same time, not for
another year.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from soilco2.analysis.statistics.intervals import t_quantile


class Combined(NamedTuple):
    """Mean over profiles.

    Parameters
    ----------
    mean, lower, upper : float
        With 95 % interval [unit of the estimates]; NaN below three profiles.
    between : float
        Standard deviation between profiles beyond what their own errors explain [unit of the estimates].
    within : float
        Median standard error of one profile; NaN when not all have one.
    profiles : int
    """

    mean: float
    lower: float
    upper: float
    between: float
    within: float
    profiles: int


def combine(estimates: ArrayLike, errors: ArrayLike | None = None) -> Combined:
    """Mean of the estimates of several profiles.

    Parameters
    ----------
    estimates : array_like, shape (k,)
        On a scale on which they are nearly normal [any unit].
    errors : array_like, shape (k,), optional
        Their standard errors.
    """
    y = np.asarray(estimates, dtype=float)
    nan = float("nan")
    s = np.full(y.shape, nan) if errors is None else np.asarray(errors, dtype=float)
    k = y.size
    if k < 3:
        return Combined(nan, nan, nan, nan, nan, k)
    known = bool(np.isfinite(s).all() and (s > 0).all())
    if known:
        w = 1 / s**2
        fixed = float((w * y).sum() / w.sum())
        q = float((w * (y - fixed) ** 2).sum())
        tau2 = max(0.0, (q - (k - 1)) / float(w.sum() - (w**2).sum() / w.sum()))
        w = 1 / (s**2 + tau2)
        between = float(np.sqrt(tau2))
    else:
        w = np.ones(k)
        between = float(y.std(ddof=1))
    mean = float((w * y).sum() / w.sum())
    spread = float((w * (y - mean) ** 2).sum() / ((k - 1) * w.sum()))
    reach = t_quantile(k - 1) * float(np.sqrt(spread))
    return Combined(mean, mean - reach, mean + reach, between, float(np.median(s)) if known else nan, k)
