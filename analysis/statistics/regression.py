"""Models of temperature and water: least squares, compared on days they were not fitted to.

Every model is a sum of columns, c1 f1(T, W; theta) + c2 f2(T, W; theta) + ..., linear in c, with at most four
parameters theta inside. For given theta the best c is a linear least squares, so only theta is searched (variable
projection, Golub & Pereyra 1973, https://doi.org/10.1137/0710036): a coarse grid, then
`scipy.optimize.least_squares` within the grid's limits.

Temperature (Tref = 20 degC, T_K in kelvin)
    ``exponential``: R = c exp(b (T - Tref)), Q10 = exp(10 b).
    ``arrhenius``: R = c exp(Ea/Rg (1/Tref_K - 1/T_K)).
    ``lloyd_taylor``: R = c exp(E0 (1/56.02 - 1/(T + 46.02))), and ``lloyd_taylor_fixed`` with E0 = 308.56 K: Lloyd &
    Taylor (1994), https://doi.org/10.2307/2389824, eq. 11; c is R at 10 degC.
    ``gamma``: R = c T'^a exp(k T'), T' = T + 40: Khomik et al. (2009), https://doi.org/10.1029/2008JG000851. It has an
    optimum at T' = -a/k.

Water
    ``linear``: c1 + c2 W; ``quadratic``: c1 + c2 W + c3 W^2, optimum -c2/(2 c3); ``saturating``: c W/(K + W);
    ``gaussian``: c exp(-((W - Wopt)/s)^2); ``hinge``: c1 + c2 W + c3 max(W - W*, 0).

Joint
    f(W) exp(b (T - Tref)), and with b = b0 + b1 W: Q10 = exp(10 (b0 + b1 W)).

Comparison
    AICc = n ln(RSS/n) + 2 k + 2 k (k + 1)/(n - k - 1) on identical rows, k the parameters and the variance. Its n is
    inflated by memory, so differences below 10 are ties, and the **blocked cross-validation** decides: whole stretches
    of days are left out in turn; skill = 1 - (squared error)/(squared error of the mean of the days fitted). The
    choice is the simplest model that is not worse than the best by a paired t test over the stretches (one-sided,
    5 %): parsimony as in Breiman et al. (1984), https://doi.org/10.1201/9781315139470, section 3.4.3, who take one
    standard error, which lets a needless parameter in one time in six.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from soilco2.analysis import rounding
from soilco2.analysis.definitions import T_REF
from soilco2.analysis.errors import DataError
from soilco2.analysis.statistics.effective_sample_size import autocorrelation
from soilco2.analysis.statistics.intervals import t_quantile
from soilco2.station_config.message import Message

Array = NDArray[np.float64]
Columns = Callable[[Array, Array, Array], Array]

GAS_CONSTANT: Final = 8.314462618e-3
"""[kJ mol-1 K-1]"""
FOLDS: Final = 5
MEMORY_GONE: Final = 0.2
"""Autocorrelation of the residuals below which days count as strangers."""
BLOCK_DAYS: Final = (5, 30)
"""Shortest and longest stretch left out [d]."""
AICC_TIE: Final = 10.0


@dataclass(frozen=True, slots=True)
class Model:
    """A model, linear in its coefficients.

    Parameters
    ----------
    name : str
    columns : callable
        (theta, T, W) to the columns, shape (n, coefficients).
    coefficients : tuple of str
    theta : tuple of str
        Names of the parameters inside.
    grids : tuple of ndarray
        Where to look first; the first and last value are the limits.
    """

    name: str
    columns: Columns
    coefficients: tuple[str, ...]
    theta: tuple[str, ...] = ()
    grids: tuple[Array, ...] = ()

    @property
    def parameters(self) -> int:
        """Parameters fitted, without the variance."""
        return len(self.coefficients) + len(self.theta)

    def predict(self, fit: Fit, T: Array, W: Array) -> Array:
        """R of a fit [unit of R]."""
        out: Array = self.columns(fit.theta, T, W) @ fit.coefficients
        return out


class Fit(NamedTuple):
    """Parameters of a fitted model and its sum of squares; NaN where there is no fit."""

    theta: Array
    coefficients: Array
    rss: float
    at_limit: bool


class Score(NamedTuple):
    """A model in a comparison.

    Parameters
    ----------
    model : Model
    fit : Fit
        To all rows.
    r2 : float
        1 - RSS/TSS [1].
    aicc, behind_aicc : float
        AICc and its distance from the best [1].
    skill : float
        Of the blocked cross-validation [1]; NaN where the record has fewer than three blocks.
    rmse : float
        Root mean square error on days left out [unit of R].
    tie : bool
        Not worse than the best on days left out (paired t over stretches, one-sided, 5 %).
    """

    model: Model
    fit: Fit
    r2: float
    aicc: float
    behind_aicc: float
    skill: float
    rmse: float
    tie: bool


class Comparison(NamedTuple):
    """Models compared on the same rows.

    Parameters
    ----------
    scores : list of Score
        In the order asked.
    best, choice : int
        Index of the best on days left out, and of the simplest that ties with it (by AICc where there is no
        cross-validation).
    n, blocks, block_days : int
        Rows; stretches left out and their length [d].
    """

    scores: list[Score]
    best: int
    choice: int
    n: int
    blocks: int
    block_days: int


def temperature_models() -> list[Model]:
    """The constant and five temperature responses."""

    def one(f: Callable[[Array, Array], Array]) -> Columns:
        return lambda theta, T, W: f(theta, T)[:, None]

    ref = T_REF + 273.15
    return [
        constant_model(),
        Model("exponential", one(lambda p, T: np.exp(p[0] * (T - T_REF))), ("r_ref",), ("b",), (_rates(),)),
        Model(
            "arrhenius",
            one(lambda p, T: np.exp(p[0] / GAS_CONSTANT * (1 / ref - 1 / (T + 273.15)))),
            ("r_ref",), ("ea_kj_mol",), (np.linspace(-200, 250, 31),),
        ),
        Model("lloyd_taylor_fixed", one(lambda p, T: _lloyd_taylor(308.56, T)), ("r_10",)),
        Model(
            "lloyd_taylor", one(lambda p, T: _lloyd_taylor(p[0], T)), ("r_10",), ("e0_k",),
            (np.linspace(-800, 1200, 41),),
        ),
        Model(
            "gamma",
            one(lambda p, T: ((T + 40) / 60) ** p[0] * np.exp(p[1] * ((T + 40) / 60 - 1))),
            ("r_ref",), ("a", "k60"), (np.linspace(-60, 90, 11), np.linspace(-90, 60, 11)),
        ),
    ]  # fmt: skip


def water_models(low: float, high: float) -> list[Model]:
    """The constant, temperature alone, five water responses, each alone and with temperature, and T x W.

    Parameters
    ----------
    low, high : float
        5 and 95 % of the water contents [m3/m3]: where thresholds and optima are looked for.
    """
    wide = high - low
    between = np.linspace(low + 0.05 * wide, high - 0.05 * wide, 19)
    shapes: list[Model] = [
        Model("linear", lambda p, T, W: _stack(np.ones_like(W), W), ("c1", "c2")),
        Model("quadratic", lambda p, T, W: _stack(np.ones_like(W), W, W * W), ("c1", "c2", "c3")),
        Model(
            "saturating", lambda p, T, W: _stack(W / (np.exp(p[0]) + W)), ("c",), ("log_k",),
            (np.log(np.geomspace(0.05 * wide, 100 * high, 15)),),
        ),
        Model(
            "gaussian", lambda p, T, W: _stack(np.exp(-(((W - p[0]) / np.exp(p[1])) ** 2))), ("c",),
            ("w_opt", "log_s"),
            (np.linspace(low - wide, high + 3 * wide, 13), np.log(np.geomspace(0.1 * wide, 10 * wide, 7))),
        ),
        Model(
            "hinge", lambda p, T, W: _stack(np.ones_like(W), W, np.maximum(W - p[0], 0)), ("c1", "c2", "c3"),
            ("w_star",), (between,),
        ),
    ]  # fmt: skip
    rise = Model(
        "exponential", lambda p, T, W: _stack(np.exp(p[0] * (T - T_REF))), ("r_ref",), ("b",), (_rates(),)
    )
    return [constant_model(), rise, *shapes, *(_with_temperature(m) for m in shapes), _interaction(shapes[1])]


def constant_model() -> Model:
    """R = c: what any other has to beat."""
    return Model("constant", lambda p, T, W: np.ones((T.size, 1)), ("c",))


def _with_temperature(water: Model) -> Model:
    last = len(water.theta)
    return Model(
        f"{water.name}, exponential",
        lambda p, T, W: water.columns(p[:last], T, W) * np.exp(p[last] * (T - T_REF))[:, None],
        water.coefficients, (*water.theta, "b"), (*water.grids, _rates(9)),
    )  # fmt: skip


def _interaction(water: Model) -> Model:
    def columns(p: Array, T: Array, W: Array) -> Array:
        return water.columns(p[:0], T, W) * np.exp(np.clip((p[0] + p[1] * W) * (T - T_REF), -60, 60))[:, None]

    return Model(
        f"{water.name}, exponential by water", columns, water.coefficients, ("b0", "b1"),
        (_rates(9), np.array([-3.0, -1.0, 0.0, 1.0, 3.0])),
    )  # fmt: skip


def _rates(count: int = 29) -> Array:
    return np.linspace(-0.35, 0.35, count)


def _lloyd_taylor(e0: float, T: Array) -> Array:
    out: Array = np.exp(e0 * (1 / 56.02 - 1 / (T + 46.02)))
    return out


def _stack(*columns: Array) -> Array:
    return np.stack(columns, axis=-1)


def fit(model: Model, R: Array, T: Array, W: Array, start: ArrayLike | None = None) -> Fit:
    """Least squares of a model to complete rows.

    Parameters
    ----------
    model : Model
    R, T, W : ndarray, shape (n,)
        Response [any unit], temperature [degC], water content [m3/m3]; no NaN.
    start : array_like, optional
        Parameters to start from, instead of the grid.

    Returns
    -------
    Fit
        With `at_limit` where a parameter stopped at its limit: such a value is not an estimate.
    """
    from scipy.optimize import least_squares

    def rest(theta: Array) -> Array:
        return R - _project(model.columns(theta, T, W), R)

    if not model.theta:
        theta, at_limit = np.empty(0), False
    else:
        if start is None:
            start = min(
                map(np.array, product(*model.grids)),
                key=lambda p: max(float((rest(p) ** 2).sum()), _exact(R)),
            )
        low = np.array([g[0] for g in model.grids])
        high = np.array([g[-1] for g in model.grids])
        step = np.array([float(np.diff(g).max()) for g in model.grids])
        begin = np.clip(np.asarray(start, dtype=float), low, high)
        theta = begin
        if (rest(begin) ** 2).sum() > _exact(R):
            theta = least_squares(rest, begin, bounds=(low, high), x_scale=step, method="dogbox").x
        at_limit = bool(((theta - low < 1e-3 * step) | (high - theta < 1e-3 * step)).any())
    columns = model.columns(theta, T, W)
    scale = np.sqrt((columns**2).sum(0))
    scale[scale == 0] = 1.0
    coefficients = np.linalg.lstsq(columns / scale, R, rcond=rounding.ROUNDING)[0] / scale
    rss = float(((R - columns @ coefficients) ** 2).sum())
    return Fit(theta, coefficients, rss if rss > _exact(R) else 0.0, at_limit)


def _exact(R: Array) -> float:
    """Sum of squares that rounding may leave of a response without any error."""
    return R.size * float(rounding.ROUNDING * np.abs(R).max()) ** 2


def _project(columns: Array, R: Array) -> Array:
    """Best sum of the columns."""
    if columns.shape[1] == 1:
        c = columns[:, 0]
        square = float(c @ c)
        return c * (float(c @ R) / square) if square > 0 else np.zeros_like(R)
    q, r = np.linalg.qr(columns)
    q = q[
        :, rounding.above(np.abs(np.diag(r)), 0.0, np.linalg.norm(columns, axis=0))
    ]  # the rest are in the span
    out: Array = q @ (q.T @ R)
    return out


def block_length(rest: Array, days: NDArray[np.int64]) -> int:
    """Days to leave out together: until the autocorrelation of daily mean residuals is below 0.2.

    Between 5 and 30 days, and short enough for five blocks.
    """
    day = days - days[0]
    total = int(day[-1]) + 1
    count = np.bincount(day, minlength=total)
    mean = np.divide(np.bincount(day, rest, total), count, out=np.full(total, np.nan), where=count > 0)
    below = np.flatnonzero(autocorrelation(mean, min(BLOCK_DAYS[1], total - 1)) < MEMORY_GONE)
    memory = int(below[0]) if below.size else BLOCK_DAYS[1]
    return max(min(max(memory, BLOCK_DAYS[0]), BLOCK_DAYS[1], total // FOLDS), 1)


def compare(models: Sequence[Model], R: Array, T: Array, W: Array, days: NDArray[np.int64]) -> Comparison:
    """Fit models to the same rows and score them on days left out.

    Parameters
    ----------
    models : sequence of Model
    R, T, W : ndarray, shape (n,)
        Complete rows in order of time.
    days : ndarray of int, shape (n,)
        Day of each row.

    Returns
    -------
    Comparison

    Raises
    ------
    DataError
        When R does not change.
    """
    n = R.size
    fits = [fit(m, R, T, W) for m in models]
    total = float(((R - R.mean()) ** 2).sum())
    if total <= _exact(R):
        raise DataError(Message("the response does not change: there is nothing for a model to tell"))
    aicc = np.array([_aicc(f.rss, n, m.parameters + 1) for f, m in zip(fits, models, strict=True)])
    fullest = int(np.nanargmin(aicc))
    rest = R - models[fullest].predict(fits[fullest], T, W)
    if fits[fullest].rss == 0.0:
        rest = np.zeros_like(R)
    length = block_length(rest, days)
    _, block = np.unique((days - days[0]) // length, return_inverse=True)
    blocks = int(block.max()) + 1
    errors = np.full((len(models), blocks), np.nan)
    against = np.full(blocks, np.nan)
    if blocks >= 3:
        fold = block % min(FOLDS, blocks)
        square = np.empty((len(models) + 1, n))
        for k in range(int(fold.max()) + 1):
            out, kept = fold == k, fold != k
            square[-1, out] = (R[out] - R[kept].mean()) ** 2
            for index, (m, whole) in enumerate(zip(models, fits, strict=True)):
                part = fit(m, R[kept], T[kept], W[kept], whole.theta)
                square[index, out] = (R[out] - m.predict(part, T[out], W[out])) ** 2
        sums = np.stack([np.bincount(block, row, blocks) for row in square])
        errors, against = np.where(sums[:-1] <= _exact(R), 0.0, sums[:-1]), sums[-1]
    press = errors.sum(1)
    decided = bool(np.isfinite(press).all())
    best = int(np.argmin(press)) if decided else fullest
    behind = errors - errors[best]
    spread = np.sqrt(blocks) * behind.std(1, ddof=1) if blocks > 1 else np.full(len(models), np.nan)
    tie = behind.sum(1) <= t_quantile(blocks - 1, 0.90) * spread if decided else aicc - aicc[best] < AICC_TIE
    tie[best] = True
    choice = min(
        np.flatnonzero(tie).tolist(), key=lambda i: (models[i].parameters, press[i] if decided else aicc[i])
    )
    scores = [
        Score(
            m, f, 1 - f.rss / total, float(aicc[i]),
            float(aicc[i] - np.nanmin(aicc)), float(1 - press[i] / against.sum()),
            float(np.sqrt(press[i] / n)), bool(tie[i]),
        )
        for i, (m, f) in enumerate(zip(models, fits, strict=True))
    ]  # fmt: skip
    return Comparison(scores, best, int(choice), n, blocks, length)


def _aicc(rss: float, n: int, k: int) -> float:
    if n - k - 1 <= 0:
        return float("nan")
    return n * float(np.log(max(rss, 1e-300) / n)) + 2 * k + 2 * k * (k + 1) / (n - k - 1)
