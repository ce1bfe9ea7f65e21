"""Lesson "from concentration to flux": marking."""

from __future__ import annotations

import math
from typing import Any

from soilco2.teaching.case import data
from soilco2.teaching.case.marking import Context, Task, Words, Wrong, choice, number
from soilco2.teaching.case.profiles import month

MOLAR_MASS = 44.009
"""Of CO₂ [g/mol]: C 12.011, O 15.999 (IUPAC abridged standard atomic weights 2021, doi:10.1515/pac-2019-0603)."""
MOLAR_MASS_C = 12.011
DAY_S = 86_400
AIR = 38.4
"""Molar density of the air, rounded as the lesson gives it [mol m-3]."""
DS = 5.9e-6
"""Diffusivity between 0.03 and 0.08 m, rounded as the lesson gives it [m2 s-1]."""
AREAS = (2, 3, 5, 8)
"""Areas of which a trainee gets one [ha]."""
LITRES = (400, 650, 900, 1200)
"""Litres of diesel a year, of which a trainee gets one."""
DENSITY = 0.84
"""Of diesel, given in the lesson [kg/L]."""
NCV = 43.0
"""Net calorific value of gas/diesel oil [GJ/t]: IPCC 2006 Guidelines, vol. 2, table 1.2."""
FACTOR = 74.1
"""Emission factor of gas/diesel oil [kg CO2/GJ]: IPCC 2006 Guidelines, vol. 2, table 2.2."""


def area(context: Context) -> int:
    """The trainee's area [ha]."""
    found: int = context.dice("fluxarea").choice(list(AREAS))
    return found


def litres(context: Context) -> int:
    """The trainee's diesel [L]."""
    found: int = context.dice("fluxdiesel").choice(list(LITRES))
    return found


def _median(depth: float) -> float:
    table = data.sjer(profiles=(data.PLOT,))
    rows = table[(table["variable"] == "co2") & (table["depth_m"].round(3) == depth)]
    return float(rows["value"].median())


def gradient(context: Context | None = None) -> float:
    """Growth of the median mole fraction with depth between 0.03 and 0.08 m [µmol mol-1 m-1]."""
    del context
    return (_median(0.08) - _median(0.03)) / 0.05


def fick(context: Context | None = None) -> float:
    """Flux by hand between 0.03 and 0.08 m [µmol m-2 s-1]."""
    del context
    return AIR * DS * gradient()


def mean(context: Context | None = None) -> float:
    """Mean efflux of the month [µmol m-2 s-1]."""
    del context
    return float(month()[1].value[0])


def upper(context: Context | None = None) -> float:
    """Upper end of its interval [µmol m-2 s-1]."""
    del context
    return float(month()[1].upper[0])


def grams(flux: float) -> float:
    """[g CO2 m-2 d-1] of [µmol m-2 s-1]."""
    return flux * 1e-6 * MOLAR_MASS * DAY_S


def total(context: Context) -> float:
    """CO₂ from the trainee's area in 30 days [t]."""
    return grams(mean()) * area(context) * 1e4 * 30 / 1e6


def total_upper(context: Context) -> float:
    """The upper end of that [t]."""
    return grams(upper()) * area(context) * 1e4 * 30 / 1e6


def diesel(context: Context) -> float:
    """CO₂ of the trainee's diesel [t]."""
    return litres(context) * DENSITY / 1e3 * NCV * FACTOR / 1e3


def answered(context: Context | None = None) -> float:
    """Share of the month's half hours with an efflux [%]."""
    del context
    return 100.0 * float(month()[1].answered[0]) / data.STEPS


def _combined(context: Context) -> float:
    del context
    return math.hypot(5.0, 3.0)


def _f(value: float, unit: str = "", digits: int = 4) -> Any:
    return f"{value:.{digits}g} {unit}".strip() if unit else round(value, 6)


_FLUX: Words = ('"1.2 µmol m⁻² s⁻¹"', '"1.2 µmol m-2 s-1"')
_TONNES: Words = ('"4.2 t"', '"4.2 t"')

TASKS: tuple[Task, ...] = (
    number(
        "flux-gradient",
        gradient,
        "umol mol-1 m-1",
        ('"1200 ppm/m"', '"1200 ppm/m"'),
        [
            Wrong("centimetre", lambda _c: f"{gradient() / 100:.2f} ppm/m", ("深度差是 0.05 m，不是 5 m：厘米要换成米。", "The distance is 0.05 m, not 5 m: turn centimetres into metres.")),
            Wrong("sign", lambda _c: f"{-gradient():.0f} ppm/m", ("深度向下为正，浓度越深越高，所以为正。", "Depth grows downward and CO₂ with it, so it is positive.")),
            Wrong("difference", lambda _c: f"{gradient() * 0.05:.1f}", ("这是浓度差；还要除以距离 0.05 m。", "That is the difference; divide it by the distance, 0.05 m.")),
        ],
        ("（0.08 m 的中位数 − 0.03 m 的中位数）÷ 0.05 m。", "(median at 0.08 m less median at 0.03 m) over 0.05 m."),
    ),
    number(
        "flux-fick",
        fick,
        "umol m-2 s-1",
        _FLUX,
        [
            Wrong("air", lambda _c: _f(fick() / AIR), ("漏了空气的摩尔密度：摩尔分数要先变成每立方米的量。", "The molar density of air is missing: a mole fraction is first turned into an amount per cubic metre.")),
            Wrong("sign", lambda _c: _f(-fick(), "umol m-2 s-1"), ("向上为正：浓度向下增加，气体向上走。", "Upward is positive: CO₂ grows downward, so the gas goes up.")),
            Wrong("divided", lambda _c: _f(gradient() / AIR * DS), ("空气密度是乘，不是除。", "Multiply by the density of air, do not divide.")),
        ],
        ("通量 = 空气摩尔密度 × 扩散系数 × 梯度。", "Flux = molar density of air × diffusivity × gradient."),
        relative=0.03,
    ),
    number(
        "flux-mean",
        mean,
        "umol m-2 s-1",
        _FLUX,
        [
            Wrong("deep", lambda _c: _f(fick(), "umol m-2 s-1"), ("这是 0.03–0.08 m 之间的通量；第一个探头以上产生的 CO₂ 没有经过那里。",
                  "That is the flux between 0.03 and 0.08 m; what is made above the first probe does not pass there.")),
            Wrong("upper", lambda _c: _f(upper(), "umol m-2 s-1"), ("这是区间的上端。", "That is the upper end of the interval.")),
        ],
        ("看程序给出的月平均。", "Look at the mean of the month that the program gives."),
    ),
    choice(
        "flux-interval",
        "B",
        {
            "A": ("只有噪声随次数变小；它本来就是最小的一份。", "Only noise shrinks with the number of times, and it is the smallest part."),
            "C": ("拒绝的时刻不会让其余的变宽。", "What is refused does not widen the rest."),
            "D": ("区间是算出来的，每一项都列在上面的图里。", "The interval is computed; each part stands in the figure above."),
        },
        ("标定、深度、扩散模型、剖面形状的误差整月同向，平均消不掉。", "Calibration, depth, diffusivity model and shape err the same way all month; averaging leaves them."),
    ),
    number(
        "flux-grams",
        lambda _c: grams(mean()),
        "g m-2 d-1",
        ('"4.5 g m⁻² d⁻¹"', '"4.5 g m-2 d-1"'),
        [
            Wrong("carbon", lambda _c: _f(mean() * 1e-6 * MOLAR_MASS_C * DAY_S, "g m-2 d-1"), ("用了碳的摩尔质量（12）；问的是 CO₂（44）。两者差 44/12 倍。",
                  "That takes the molar mass of carbon (12); CO₂ (44) is asked for, 44/12 times as much.")),
            Wrong("hour", lambda _c: _f(grams(mean()) / 24, "g m-2 d-1"), ("一天是 86 400 秒，不是 3 600 秒。", "A day has 86 400 seconds, not 3 600.")),
            Wrong("micro", lambda _c: _f(grams(mean()) * 1e3, "g m-2 d-1"), ("µ 是百万分之一，不是千分之一。", "µ is a millionth, not a thousandth.")),
        ],
        ("µmol → mol（÷ 10⁶）→ g（× 44）→ 每天（× 86 400）。", "µmol to mol (÷ 10⁶), to g (× 44), to a day (× 86 400)."),
    ),
    number(
        "flux-total",
        total,
        "t",
        _TONNES,
        [
            Wrong("hectare", lambda c: _f(total(c) / 10, "t"), ("1 公顷是 10 000 m²。", "A hectare is 10 000 m².")),
            Wrong("one-day", lambda c: _f(total(c) / 30, "t"), ("这是一天的；问的是 30 天。", "That is one day; 30 days are asked for.")),
            Wrong("kilogram", lambda c: _f(total(c) * 1e3, "t"), ("这个数是千克；1 t = 1 000 kg。", "That number is in kg; 1 t is 1 000 kg.")),
        ],
        ("每平方米每天的克数 × 面积（m²）× 30 天 ÷ 10⁶。", "Grams a square metre and day × area in m² × 30 days ÷ 10⁶."),
        relative=0.03,
    ),
    number(
        "flux-upper",
        total_upper,
        "t",
        _TONNES,
        [
            Wrong("mean", lambda c: _f(total(c), "t"), ("这是平均值；问的是 95 % 区间的上端。", "That is the mean; the upper end of the 95 % interval is asked for.")),
            Wrong("square-root", lambda c: _f(total(c) + (total_upper(c) - total(c)) / math.sqrt(30), "t"), ("不能除以 √30：误差整月同向，不随天数变小。",
                  "Do not divide by √30: the errors go one way all month and do not shrink with the days.")),
        ],
        ("用区间上端的通量，同样换算一遍。", "Do the same with the flux at the upper end of the interval."),
        relative=0.03,
    ),
    number(
        "flux-diesel",
        diesel,
        "t",
        _TONNES,
        [
            Wrong("density", lambda c: _f(litres(c) / 1e3 * NCV * FACTOR / 1e3, "t"), ("升不是千克：先乘密度 0.84 kg/L。", "Litres are no kilograms: multiply by the density, 0.84 kg/L.")),
            Wrong("calorific", lambda c: _f(litres(c) * DENSITY / 1e3 * FACTOR / 1e3, "t"), ("排放因子按热量（GJ）计：还要乘低位发热量。", "The factor is per GJ: multiply by the net calorific value too.")),
            Wrong("kilogram", lambda c: _f(diesel(c) * 1e3, "t"), ("这个数是千克；1 t = 1 000 kg。", "That number is in kg; 1 t is 1 000 kg.")),
        ],
        ("活动数据（L × kg/L ÷ 1000 × GJ/t）× 排放因子（kg/GJ）÷ 1000。", "Activity data (L × kg/L ÷ 1000 × GJ/t) × emission factor (kg/GJ) ÷ 1000."),
    ),
    choice(
        "flux-activity",
        "A",
        {
            "B": ("排放因子是每单位活动排多少，如 kg CO₂/GJ。", "An emission factor tells how much a unit of activity emits, such as kg CO₂/GJ."),
            "C": ("排放量是结果：活动数据 × 排放因子。", "The emission is the result: activity data × emission factor."),
            "D": ("边界规定哪些源算进来，不是数量。", "The boundary says which sources count; it is no amount."),
        },
        ("用了多少，是活动数据；每用一份排多少，是排放因子。", "How much was used is activity data; how much each unit emits is the emission factor."),
    ),
    choice(
        "flux-boundary",
        "AC",
        {
            "A": ("自有设备烧的油，是直接排放（范围一）。", "Fuel burnt in own equipment is a direct emission (scope 1)."),
            "B": ("天然草地的土壤呼吸是生态系统的通量，不是这个单位的排放源；它属于监测的对象。", "Soil respiration of natural grassland is a flux of the ecosystem, no emission source of this organisation; it is what is monitored."),
            "C": ("外购电力计入能源间接排放（范围二）。", "Purchased electricity counts as indirect emission from energy (scope 2)."),
            "D": ("孔隙里的浓度是存量，不是排放。", "The concentration in the pores is a stock, no emission."),
        },
        ("边界先定，再找源；生态系统的通量另作监测。", "First the boundary, then the sources; the ecosystem's flux is monitored beside them."),
        several=True,
    ),
    number(
        "flux-combine",
        _combined,
        "%",
        ('"4.2 %"', '"4.2 %"'),
        [
            Wrong("sum", lambda _c: "8 %", ("相互独立的不确定度按平方和开方，不是相加（IPCC 2006，第 1 卷，式 3.1）。", "Independent uncertainties add as squares, not as they are (IPCC 2006, vol. 1, eq. 3.1).")),
            Wrong("largest", lambda _c: "5 %", ("不能只取最大的一个。", "The larger one alone is not enough.")),
            Wrong("mean", lambda _c: "4 %", ("不是取平均。", "It is not their mean.")),
        ],
        ("√(5² + 3²)。", "√(5² + 3²)."),
        relative=0.012,
    ),
    choice(
        "flux-largest",
        "C",
        {
            "A": ("噪声每次不同，月平均里几乎没有了。", "Noise differs each time and is nearly gone in a month's mean."),
            "B": ("CO₂ 标定 1 % 在这里是小项。", "A calibration of CO₂ to 1 % is a small part here."),
            "D": ("温度 0.2 K 对扩散系数几乎没有影响。", "A temperature to 0.2 K hardly changes diffusivity."),
        },
        ("看上面的图：扩散模型最大，含水率和孔隙度也在前几位，它们都经过扩散系数起作用。实测一次扩散系数或土样，比多测几个月有用。",
         "See the figure above: the diffusivity model is the largest, water content and porosity are among the first, and all act through the diffusivity. Measuring it once, or a soil sample, helps more than more months."),
    ),
    number(
        "flux-answered",
        answered,
        "%",
        ('"65 %"', '"65 %"'),
        [
            Wrong("refused", lambda _c: f"{100 - answered():.1f} %", ("这是被拒绝的比例。", "That is the share refused.")),
            Wrong("of-present", lambda _c: f"{100 * float(month()[1].answered[0]) / 1371:.1f} %", ("分母是应有的 1440 个半小时，不是有 CO₂ 值的那些。", "Divide by the 1440 half hours there should be, not by those with CO₂.")),
        ],
        ("有结果的半小时数 ÷ 1440。", "Half hours with an efflux ÷ 1440."),
        relative=0.0,
        absolute=0.6,
    ),
)  # fmt: skip
