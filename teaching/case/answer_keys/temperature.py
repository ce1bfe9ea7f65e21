"""Lesson "temperature and water": marking."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from soilco2.teaching.case import data
from soilco2.teaching.case.marking import Context, Task, Words, Wrong, choice, number, signs

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from soilco2.analysis.frames.frame import Frame

PROFILES = ("p001", "p003")
"""Profiles of which a trainee gets one."""


def profile(context: Context) -> str:
    """The trainee's own profile."""
    found: str = context.dice("temperature").choice(PROFILES)
    return found


@cache
def frame() -> Frame:
    """SJER as aligned columns on days of solar time."""
    from soilco2.analysis.frames.build import from_table
    from soilco2.analysis.frames.frame import Site

    table = data.sjer()
    return from_table(table[table["profile"].isin([*PROFILES, "p004"])], site=Site(longitude=data.LONGITUDE))[
        0
    ]


@cache
def answer(name: str, depth: float, scale: str) -> Any:
    """Association of CO₂ and the nearest temperature of a profile at a scale."""
    from soilco2.analysis.frames.targets import targets
    from soilco2.analysis.jobs.correlation import at_scale
    from soilco2.analysis.statistics.correlation import associate

    found = frame()
    one = next(
        t for t in targets(found) if t.co2.key.profile == name and abs((t.co2.depth_m or 0) - depth) < 0.005
    )
    assert one.temperature is not None
    x, y = (at_scale(c.values, found.slots, scale) for c in (one.temperature, one.co2))
    return associate(x, y)


@cache
def _agua() -> tuple[NDArray[np.float64], ...]:
    table = data.agua()
    part = table[table["position"] == "under_plant"]
    return tuple(
        part[name].to_numpy(float) for name in ("soil_temp_5cm_degc", "vwc_5cm_m3_m3", "co2_flux_umol_m2_s")
    )


@cache
def simpson() -> tuple[float, float, float]:
    """r of temperature and efflux: pooled, in the dry third, in the wet third."""
    import numpy as np

    from soilco2.analysis.statistics.correlation import correlation

    T, W, F = _agua()
    low, high = np.nanquantile(W, [1 / 3, 2 / 3])
    dry, wet = low >= W, high < W
    return float(correlation(T, F)), float(correlation(T[dry], F[dry])), float(correlation(T[wet], F[wet]))


@cache
def lost_by_logarithm() -> float:
    """Share of the effluxes of Agua Amarga under the plant that a logarithm cannot take [%]."""
    _, _, F = _agua()
    return float(100 * (F <= 0).mean())


def _depths(context: Context) -> tuple[float, ...]:
    return (0.03, 0.09, 0.21) if profile(context) == "p001" else (0.03, 0.09, 0.20)


def _sign(value: float) -> int:
    return 1 if value > 0 else -1


def _by_depth(context: Context) -> list[int]:
    return [_sign(answer(profile(context), z, "within-day").r) for z in _depths(context)]


def _by_scale(context: Context) -> list[int]:
    return [_sign(answer(profile(context), 0.03, scale).r) for scale in ("within-day", "day-to-day")]


def _pairs(context: Context) -> int:
    return int(answer(profile(context), 0.03, "within-day").n)


def _n_eff(context: Context) -> float:
    return float(answer(profile(context), 0.03, "within-day").n_eff)


def _lag1(context: Context) -> float:
    return float(answer(profile(context), 0.03, "within-day").n_eff_lag1)


def _partial(context: Context) -> float:
    return float(context.fact("partial", lambda _c: _partial_dry_wet()))


def _partial_dry_wet() -> float:
    """Partial r of temperature and efflux with water held, on daily means of Agua Amarga under the plant."""
    from soilco2.analysis.statistics.correlation import correlation, residuals

    T, W, F = agua_days()
    return float(correlation(residuals(T, [W]), residuals(F, [W])))


@cache
def agua_days() -> tuple[NDArray[np.float64], ...]:
    """Daily means of temperature, water and efflux of Agua Amarga under the plant."""
    table = data.agua()
    part = table[table["position"] == "under_plant"]
    days = part.groupby(part["time_utc"].str[:10])[
        ["soil_temp_5cm_degc", "vwc_5cm_m3_m3", "co2_flux_umol_m2_s"]
    ].mean()
    return tuple(days[name].to_numpy(float) for name in days.columns)


@cache
def agua_grid() -> tuple[NDArray[np.float64], ...]:
    """Temperature, water and efflux of Agua Amarga under the plant on whole days of half hours, NaN where missing."""
    import numpy as np
    import pandas as pd

    table = data.agua()
    part = table[table["position"] == "under_plant"]
    when = pd.to_datetime(part["time_utc"], utc=True)
    first = when.min().normalize()
    slot = ((when - first) // pd.Timedelta("30min")).to_numpy()
    found = []
    for name in ("soil_temp_5cm_degc", "vwc_5cm_m3_m3", "co2_flux_umol_m2_s"):
        values = np.full((int(slot.max()) // 48 + 1) * 48, np.nan)
        values[slot] = part[name].to_numpy(float)
        found.append(values)
    return tuple(found)


@cache
def agua_lag() -> float:
    """Hours by which efflux comes after temperature at Agua Amarga, under the plant, all days."""
    from soilco2.analysis.statistics.lag import lag

    T, _, F = agua_grid()
    return lag(T, F, 48).hours


def heat_lag(depth_m: float = 0.05, damping_m: float = 0.10) -> float:
    """Hours by which the wave of the day is later at a depth than at the surface."""
    from soilco2.analysis.soil_response.damping import HOURS_PER_DAMPING_DEPTH

    return float(HOURS_PER_DAMPING_DEPTH) * depth_m / damping_m


def _pooled_days() -> float:
    from soilco2.analysis.statistics.correlation import correlation

    T, _, F = agua_days()
    return float(correlation(T, F))


_SIGN_FORM: Words = ('["+", "-", "+"]', '["+", "-", "+"]')

TASKS: tuple[Task, ...] = (
    signs(
        "temperature-depth",
        _by_depth,
        _SIGN_FORM,
        [Wrong("one-sign", lambda c: [_by_depth(c)[0]] * 3, ("不是每个深度都一样：逐个深度看。", "Not the same at every depth: look at each.")),
         Wrong("turned", lambda c: [-s for s in _by_depth(c)], ("符号全反了：r 为负表示温度高时浓度低。", "All signs are turned: a negative r means low CO₂ when it is warm."))],
        ("看上面表里“日内”一列，由浅到深。", "Look at the column 'within-day' above, from shallow to deep."),
        ("浅处白天通风和扩散快，浓度反而低；深处跟着产生走。同一条剖面，不同土层，符号不同。",
         "Near the surface gas moves out faster by day, so CO₂ falls; below it follows production. One profile, another sign in another layer."),
    ),
    signs(
        "temperature-scale",
        _by_scale,
        ('["+", "-"]', '["+", "-"]'),
        [Wrong("one-scale", lambda c: [_by_scale(c)[0]] * 2, ("两个尺度的符号不同：日内是一天里的涨落，日际是一天与一天之差。",
               "The scales differ in sign: within the day is the course of a day, day to day is one day against another.")),
         Wrong("turned", lambda c: [-s for s in _by_scale(c)], ("顺序是先日内、后日际。", "The order is within the day, then day to day."))],
        ("看 0.03 m 的两行：日内，日际。", "Look at the two rows of 0.03 m: within-day, day-to-day."),
        ("日内由输送决定，日际由产生决定：不说尺度的相关没有意义。",
         "Transport rules within the day, production from day to day: a correlation without its scale means nothing."),
    ),
    number(
        "temperature-neff",
        _n_eff,
        "1",
        ('"12"', '"12"'),
        [
            Wrong("pairs", _pairs, ("这是成对数 n；相邻半小时几乎相同，不是独立的。", "That is the number of pairs n; neighbouring half hours are nearly the same, not independent.")),
            Wrong("days", lambda _c: 30, ("30 天也不是 30 个独立样本；用自相关算（n_eff）。", "Thirty days are not thirty independent samples; count by the autocorrelation (n_eff).")),
            Wrong("lag1", _lag1, ("这是只用一阶自相关的算法（n_eff_lag1），对几天的记忆过于乐观；用求和式 n_eff。",
                  "That is the lag-1 form (n_eff_lag1), too generous for a memory of days; use the sum form, n_eff.")),
        ],
        ("有效样本量是 associate 的 n_eff。", "The effective sample size is n_eff of associate."),
        relative=0.06,
    ),
    choice(
        "temperature-pvalue",
        "B",
        {
            "A": ("教科书的 p 把每个半小时当作独立样本，小得毫无意义。", "The textbook's p takes each half hour for an independent sample; its smallness means nothing."),
            "C": ("r 本身可以写，写明 n、n_eff 和尺度即可；不能写的是 p 和区间。", "r may be written, with n, n_eff and scale; what may not is p and interval."),
            "D": ("n_eff 不会因为测得更密而变大；要测得更久。", "Measuring more often does not raise n_eff; measuring longer does."),
        },
        ("写出 r、n 与有效样本量，说明 p 不给出的原因。", "Give r, n and the effective sample size, and say why p is withheld."),
    ),
    signs(
        "temperature-simpson",
        lambda _c: [_sign(v) for v in simpson()],
        ('["+", "-", "-"]', '["+", "-", "-"]'),
        [Wrong("pooled", lambda _c: [-1, -1, -1], ("合在一起为负，不等于每一类里都为负：分开看。", "Negative when pooled does not mean negative in each class: look at them apart.")),
         Wrong("classes", lambda _c: [1, 1, 1], ("各类为正，合在一起却是负的：这正是辛普森悖论。", "Positive in each class, yet negative when pooled: that is Simpson's paradox."))],
        ("依次写：合并、干的三分之一、湿的三分之一。", "In this order: pooled, the dry third, the wet third."),
        ("干的时候热而通量低，湿的时候凉而通量高；水分混在里面，把符号翻了过来：辛普森悖论。",
         "Dry is hot with little efflux, wet is cool with much: water mixed in turns the sign. Simpson's paradox."),
    ),
    choice(
        "temperature-water",
        "C",
        {
            "A": ("水分传感器本身受温度影响；日内的“水分”变化小于 0.003 m³/m³，是温度的影子。", "Water sensors respond to temperature; the 'water' within the day moves by less than 0.003 m³/m³, the shadow of temperature."),
            "B": ("r 接近 1 不是证据：两者都是同一个温度。", "An r near 1 is no evidence: both are one temperature."),
            "D": ("删掉数据不能解决；说明为什么不给出即可。", "Erasing data solves nothing; say why no number is given."),
        },
        ("传感器的温度响应，所以日内不给出水分的相关，并写明原因。", "It is the sensor's own temperature response, so within the day nothing is claimed for water, and the reason is given."),
    ),
    number(
        "temperature-lag",
        lambda _c: agua_lag(),
        "h",
        ('"3.5 h"，CO₂ 在温度之后为正', '"3.5 h", positive when CO₂ comes after temperature'),
        [
            Wrong("sign", lambda _c: f"{-agua_lag():.2f} h", ("符号反了：CO₂ 先到峰值，滞后为负。", "The sign is turned: CO₂ peaks first, so the lag is negative.")),
            Wrong("day", lambda _c: f"{agua_lag() % 24:.1f} h", ("绕了一整天：滞后取 −12 到 12 h，这是前一天的峰。", "That goes round by a day: a lag is taken from −12 to 12 h; this is the peak of another day.")),
            Wrong("slots", lambda _c: f"{2 * agua_lag():.1f}", ("这是半小时的个数；一小时有两个。", "That counts half hours; an hour has two.")),
            Wrong("zero", lambda _c: 0, ("两条曲线的峰不在同一时刻：看图。", "The two curves do not peak together: look at the figure.")),
        ],
        ("lag(Tg, Fg, 48).hours：后一个比前一个晚多少小时，早则为负。", "lag(Tg, Fg, 48).hours: by how much the second comes after the first, negative when before."),
        relative=0.0,
        absolute=0.3,
        right=("对：通量的峰在上午，5 cm 的温度在午后才到峰。", "Right: efflux peaks before noon, the temperature at 5 cm after it."),
    ),
    choice(
        "temperature-loop",
        "C",
        {
            "A": ("方向反了：顺时针（温度为横轴）说的是上午的通量比同温度的下午大，CO₂ 在前。", "The direction is turned: clockwise, with temperature on x, means more efflux in the morning than at the same temperature later; CO₂ comes first."),
            "B": ("回线不是噪声：两年多的平均日，区间不含零。", "The loop is no noise: it is the mean of more than two years of days, and its interval does not hold zero."),
            "D": ("滞后不否定温度的作用；传感器比产生 CO₂ 的地方深，单凭热的传导就会有滞后。", "A lag does not rule temperature out; heat alone makes one when the sensor lies below the place of production."),
        },
        ("同一温度对应两个通量：不说明时刻和深度，用这条曲线拟合的 Q10 没有意义。", "One temperature has two effluxes: a Q10 fitted to this curve means nothing unless hour and depth are told."),
    ),
    number(
        "temperature-heat",
        lambda _c: heat_lag(),
        "h",
        ('"0.8 h"', '"0.8 h"'),
        [
            Wrong("upside-down", lambda _c: f"{heat_lag(0.10, 0.05):.2f} h", ("除反了：深度除以阻尼深度。", "Upside down: depth over damping depth.")),
            Wrong("ratio", lambda _c: "0.5 h", ("这是阻尼深度的个数；每个阻尼深度迟 24/(2π) = 3.82 h。", "That is the number of damping depths; each is 24/(2π) = 3.82 h late.")),
            Wrong("whole", lambda _c: "3.82 h", ("这是一个阻尼深度；5 cm 只有半个。", "That is one damping depth; 5 cm is half of one.")),
            Wrong("sign", lambda _c: f"{-heat_lag():.2f} h", ("越深越晚，为正。", "Deeper is later: positive.")),
        ],
        ("迟到的小时数 = 24 h/(2π) × 深度 / 阻尼深度。", "Hours late = 24 h/(2π) × depth / damping depth."),
        relative=0.02,
        right=("对：这么多小时单凭热的传导就会有，不能都算作生物的。", "Right: so many hours come from heat alone and cannot be put down to biology."),
    ),
    choice(
        "temperature-claim",
        "BD",
        {
            "A": ("相关不是因果；而且不同尺度符号相反。", "Correlation is no cause; and its sign differs between scales."),
            "B": ("这一句可以写：写明了深度、尺度、n 与有效样本量。", "This may be written: depth, scale, n and effective sample size are given."),
            "C": ("由浓度得到的 Q10 是“表观”的，不是呼吸的 Q10。", "A Q10 of a concentration is apparent, not that of respiration."),
            "D": ("这一句可以写：一个干旱的月份不能代表别的季节和别处。", "This may be written: one dry month stands for no other season or place."),
        },
        ("写明深度、尺度、样本量，并说明适用范围。", "With depth, scale, sample size, and how far it reaches."),
        several=True,
    ),
    number(
        "temperature-partial",
        _partial,
        "1",
        ('"0.12"', '"0.12"'),
        [
            Wrong("pooled", lambda _c: round(_pooled_days(), 3), ("这是没有固定水分的 r；偏相关要先从两者里去掉水分。", "That is r without holding water fixed; for the partial r water is taken out of both first.")),
            Wrong("sign", lambda c: round(-_partial(c), 3), ("符号反了。", "The sign is turned.")),
        ],
        ("associate(T, F, given=[W]).r：固定水分后温度与通量的偏相关。", "associate(T, F, given=[W]).r: the partial r of temperature and efflux with water held."),
        relative=0.03,
        absolute=0.006,
    ),
    number(
        "temperature-logarithm",
        lambda _c: lost_by_logarithm(),
        "%",
        ('"4.5 %"', '"4.5 %"'),
        [Wrong("fraction", lambda _c: f"{lost_by_logarithm() / 100:.4f} %", ("写成百分数要乘 100。", "As a percentage it is 100 times that.")),
         Wrong("kept", lambda _c: f"{100 - lost_by_logarithm():.2f} %", ("这是留下的比例。", "That is the share kept."))],
        ("小于或等于零的通量所占的百分数。", "The percentage of effluxes that are zero or negative."),
        relative=0.0,
        absolute=0.15,
    ),
)  # fmt: skip
