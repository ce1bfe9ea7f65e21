"""Words of tables and report, English and Chinese: results, scales, masks, jobs, remarks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from soilco2.analysis.definitions import AS_MEASURED, DAY_TO_DAY, EVENT, SEASONAL, WITHIN_DAY, WITHIN_DAY_REST
from soilco2.analysis.refusals import WARNINGS, Refusal, warning_text
from soilco2.station_config.message import translate
from soilco2.station_config.variables import VARIABLES
from soilco2.storage.results.results import Result

Pair = tuple[str, str]

SHORT: Final[dict[str, Pair]] = {
    **{v.id: (v.name_en, v.name_zh) for v in VARIABLES.values()},
    "co2": ("CO₂", "CO₂ 浓度"),
    "soil_temperature": ("temperature", "温度"),
    "soil_water": ("water", "含水率"),
    "bulk_ec": ("bulk EC", "表观电导率"),
    "ec25": ("EC at 25 °C", "25 ℃ 电导率"),
    "pore_ec": ("pore-water EC", "孔隙水电导率"),
    "salinity": ("salinity", "盐分"),
}
"""Variables in a word or two; one that is not named here is told by its full name."""

ZH: Final = {v.name_en: v.name_zh for v in VARIABLES.values()} | {v.id: v.name_zh for v in VARIABLES.values()}
"""Chinese names of variables by their English names and ids, for sentences that were made in English."""

UNITS: Final[dict[str, str]] = {v.unit: v.unit_text for v in VARIABLES.values()} | {
    "umol m-2 s-1": "µmol m⁻² s⁻¹", "g m-2": "g C m⁻²", "h": "h", "d": "d", "K": "K", "m": "m",
}  # fmt: skip

SCALES: Final[dict[str, Pair]] = {
    WITHIN_DAY: ("within the day", "日内"),
    WITHIN_DAY_REST: ("within the day, mean day removed", "日内（去平均日变化）"),
    DAY_TO_DAY: ("day to day", "逐日"),
    SEASONAL: ("seasonal", "季节"),
    AS_MEASURED: ("as measured", "原始时间尺度"),
    EVENT: ("rain event", "降雨事件"),
    "": ("", ""),
}

WHAT: Final[dict[str, Pair]] = {
    "pearson_r": ("r", "相关系数 r"),
    "rank_r": ("rank r", "秩相关"),
    "partial_r": ("partial r", "偏相关"),
    "partial_rank_r": ("partial rank r", "偏秩相关"),
    "lag": ("lag", "时滞"),
    "lag_change": ("change of lag", "时滞变化"),
    "cross_correlation_peak": ("largest |r| of all lags", "各时滞中最大 |r|"),
    "loop_area": ("area of the loop", "回线面积"),
    "q10_nls": ("Q10, least squares", "Q10（最小二乘）"),
    "q10_log": ("Q10, log fit", "Q10（对数拟合）"),
    "q10_wet_over_dry": ("Q10 wet over dry", "湿与干的 Q10 之比"),
    "q10_window_median": ("median Q10 of the windows", "窗口 Q10 中位数"),
    "temperature_model": ("skill of a temperature curve", "温度曲线的预测能力"),
    "water_slope": ("slope with water", "随含水率的斜率"),
    "water_optimum": ("optimum of water", "最适含水率"),
    "water_threshold": ("threshold of water", "含水率阈值"),
    "q10_given_water": ("Q10 with water held fixed", "固定含水率的 Q10"),
    "q10_at_water": ("Q10 at a water content", "某一含水率下的 Q10"),
    "q10_change_with_water": ("Q10 wet over dry, by the model", "模型给出的湿与干 Q10 之比"),
    "water_model": ("skill of a model of water and temperature", "水分与温度模型的预测能力"),
    "q10_within_classes": ("Q10 within water classes", "含水率各类内的 Q10"),
    "q10_within_over_pooled": ("Q10 within classes over pooled", "类内与合并 Q10 之比"),
    "coverage": ("share of time covered", "时间覆盖率"),
    "coverage_by_water": ("share of time covered", "时间覆盖率"),
    "left_out": ("share left out", "剔除比例"),
    "replicates": ("probes at one depth", "同一深度的探头数"),
    "sentinels": ("share of numbers for none", "缺测代码的比例"),
    "repeated": ("share repeated", "重复不变的比例"),
    "at_range_limit": ("share at the end of range", "量程上限的比例"),
    "below_air": ("share below 350 ppm", "低于 350 ppm 的比例"),
    "negative_flux": ("share of zero or negative flux", "零或负通量的比例"),
    "frozen": ("share frozen", "冻结的比例"),
    "too_wet": ("share above 0.6 m³/m³", "高于 0.6 m³/m³ 的比例"),
    "spikes": ("spikes", "尖峰个数"),
    "pressure_tide_hour": ("hour of the pressure tide", "气压潮时刻"),
    "same_values": ("share of equal values", "数值相同的比例"),
    "hour_of_maximum": ("hour of the maximum", "最高时刻"),
    "clock_jump": ("jump of the clock", "时钟跳变"),
    "co2_clock": ("clock of CO₂", "CO₂ 的时钟"),
    "depth_order": ("order of depths", "深度顺序"),
    "temperature_range": ("range of temperature", "温度范围"),
    "water_range": ("range of water", "含水率范围"),
    "r_temperature_water": ("r of temperature and water", "温度与含水率的 r"),
    "profile_mean": ("mean", "平均值"),
    "gradient_reversed": ("share of time with more CO₂ above than below", "上层 CO₂ 高于下层的时间比例"),
    "co2_depth_lag": ("lag of the deeper CO₂", "深层 CO₂ 的时滞"),
    "damping_depth": ("damping depth of temperature", "温度阻尼深度"),
    "half_day_amplitude": ("amplitude of the 12 h wave", "12 小时波振幅"),
    "mean_r_of_profiles": ("mean r of the profiles", "各剖面 r 的平均"),
    "rain_events": ("rain events", "降雨事件数"),
    "rain_rise": ("rise after rain", "雨后升幅"),
    "rain_hours_to_peak": ("hours to the peak", "到达峰值的时间"),
    "rain_decay_time": ("decay time", "衰减时间"),
    "rain_excess": ("excess after rain", "雨后累计超出量"),
    "rain_carbon_share": ("share of CO₂ given off after rain", "雨后释放的 CO₂ 份额"),
    "rain_rise_rank_r": ("rank r of the rise", "升幅的秩相关"),
    "constant": ("constant", "常数"),
    "pressure_coherence": ("coherence with pressure", "与气压的相干"),
    "pressure_change_r": ("r with the change of pressure", "与气压变化的相关"),
}
"""Names of results; one without a name is shown by its code."""

COUNTS: Final = frozenset({"rain_events", "spikes", "replicates"})
"""Results that are whole numbers."""

MASKS: Final[dict[str, Pair]] = {
    "all": ("all", "全部"),
    "dry": ("dry", "干"),
    "middling": ("middling", "中等"),
    "wet": ("wet", "湿"),
    "wet less dry": ("wet less dry", "湿减干"),
    "wet against dry": ("wet against dry", "湿对干"),
    "dry before": ("dry before", "雨前干"),
    "wet before": ("wet before", "雨前湿"),
    "several profiles": ("several profiles", "多个剖面"),
    "from amplitude": ("from amplitude", "由振幅"),
    "from phase": ("from phase", "由相位"),
    "before and after": ("before and after", "前后"),
    "2 to 4 days": ("2 to 4 days", "2–4 天"),
    "near 24 h": ("near 24 h", "24 小时附近"),
    "near 12 h": ("near 12 h", "12 小时附近"),
    "dry season": ("dry season", "干季"),
    "72 h after rain left out": ("72 h after rain left out", "去除雨后 72 小时"),
    "without 72 h after rain": ("72 h after rain left out", "去除雨后 72 小时"),
    "soil above 0.5 degC": ("soil above 0.5 °C", "土温高于 0.5 ℃"),
}

MODELS: Final[dict[str, str]] = {
    "constant": "常数",
    "exponential": "指数",
    "arrhenius": "Arrhenius",
    "lloyd_taylor": "Lloyd–Taylor（E0 自由）",
    "lloyd_taylor_fixed": "Lloyd–Taylor（E0 固定）",
    "gamma": "Gamma",
    "linear": "线性",
    "quadratic": "二次",
    "saturating": "饱和",
    "gaussian": "高斯",
    "hinge": "折线",
}
"""Chinese names of the parts of a model's name; others stay as they are."""

FITS: Final[dict[str, Pair]] = {
    "q10_nls": ("least squares", "最小二乘"),
    "q10_log": ("log fit", "对数拟合"),
}
"""Fits of Q10."""

JOBS: Final[dict[str, tuple[Pair, Pair]]] = {
    "audit": (
        ("Audit of the data", "数据审查"),
        (
            "Are the data fit for these questions: coverage, ranges, clocks, sensors?",
            "数据是否适合回答这些问题：覆盖率、量程、时钟、传感器？",
        ),
    ),
    "correlation": (
        ("Correlation", "相关"),
        (
            "At each depth and time scale, how strongly and in which direction does CO₂ go with temperature, "
            "water and "
            "salinity, and what is left of each when the others are held fixed?",
            "在各深度和时间尺度上，CO₂ 与温度、水分、盐分的关系有多强、方向如何？固定其他变量后还剩多少？",
        ),
    ),
    "response": (
        ("Temperature response", "温度响应"),
        (
            "How does CO₂ answer to temperature when the soil is dry, middling and wet?",
            "土壤干、中等、湿时，CO₂ 对温度如何响应？",
        ),
    ),
    "lag": (
        ("Lag and daily loop", "时滞与日回线"),
        (
            "Does CO₂ come before or after temperature, by how many hours, and does that change with depth and "
            "water?",
            "CO₂ 比温度早还是晚？相差几小时？是否随深度和水分变化？",
        ),
    ),
    "water": (
        ("Water response and joint models", "水分响应与联合模型"),
        (
            "Which simple model of temperature and water describes the record best, and how well does it predict "
            "days it "
            "was not fitted to?",
            "哪个温度与水分的简单模型最能描述数据？对未参与拟合的日子预测得如何？",
        ),
    ),
    "rain": (
        ("After rain", "降雨之后"),
        ("What happens after rain?", "降雨之后发生了什么？"),
    ),
    "profile": (
        ("The profile", "剖面"),
        (
            "How does CO₂ change with depth, and could transport or pressure explain the pattern?",
            "CO₂ 如何随深度变化？传输或气压能否解释这一格局？",
        ),
    ),
}
"""Title and question of each job."""

LEFT_OUT: Final[dict[str, Pair]] = {
    "missing": ("missing", "缺测"),
    "flagged": ("flagged", "质量标识不合格"),
    "impossible": ("impossible", "超出物理范围"),
    "sentinel": ("number for none", "缺测代码"),
    "unit %": ("in %, it seems", "疑为 %"),
    "unit K": ("in kelvin, it seems", "疑为开尔文"),
    "unit kPa": ("in kPa, it seems", "疑为 kPa"),
    "unit Pa": ("in Pa, it seems", "疑为 Pa"),
    "clock": ("impossible time", "时间不可能"),
    "one time, two values": ("one time, two values", "同一时间有两个不同数值"),
    "repeated": ("repeated", "重复"),
}
"""Why a value was left out of the grid."""

NOTES: Final[dict[str, Pair]] = {
    "other_unit": (
        "A series cannot be in the unit it says and was left out of every analysis: see the audit.",
        "有序列不可能是其所标的单位，已从全部分析中剔除，见审核。",
    ),
    "sentinel": (
        "Numbers that loggers write for none (65535, -9999) were left out: see the audit.",
        "采集器用以表示缺测的数值（65535、-9999）已剔除，见审核。",
    ),
    "concentration": (
        "CO₂ here is a concentration at a depth: what sources and diffusion leave behind. Its answer to "
        "temperature is "
        "apparent and is not the temperature response of respiration.",
        "此处 CO₂ 是某一深度的浓度，是产生与扩散共同作用的结果；其对温度的响应是表观的，不等于呼吸的温度响应。",
    ),
    "flux": (
        "CO₂ here is a flux at the surface: respiration plus what is stored or released on the way.",
        "此处 CO₂ 为地表通量：呼吸加上途中储存或释放的部分。",
    ),
    "gradient_flux": (
        "A flux computed from a gradient already contains temperature and water through the diffusivity: its "
        "relation to them is partly one of theirs with themselves.",
        "由梯度计算的通量已通过扩散系数包含温度和水分，与二者的关系部分是它们与自身的关系。",
    ),
    "t_and_w": (
        "Temperature and water go together so closely here (|r| > 0.8) that these data cannot separate their parts.",
        "此处温度与含水率高度相关（|r| > 0.8），数据无法区分二者各自的作用。",
    ),
    "clock_failed": (
        "A clock check failed: whatever rests on the hour of the day is withheld unless the clocks are "
        "trusted by option.",
        "时钟检查未通过：凡依赖一天中时刻的结果均不给出，除非用选项声明信任时钟。",
    ),
    "no_cause": (
        "Nothing here shows a cause: roots, light, wind and pressure follow the same day and the same season.",
        "这些结果都不能证明因果：根系、光照、风和气压都遵循同样的日变化和季节变化。",
    ),
}
"""Remarks by code; a remark without an entry is shown as it is."""


def pick(pair: Pair, lang: str) -> str:
    """One of a pair."""
    return pair[1 if lang == "zh" else 0]


def named(table: dict[str, Pair], key: str, lang: str) -> str:
    """A word of a table, or the key itself, readable."""
    return pick(table[key], lang) if key in table else key.replace("_", " ")


def reason(row: Result, lang: str) -> str:
    """Why a row's number is withheld; empty when it is not."""
    if not row.refused:
        return ""
    values = dict(row.why_values)
    if lang == "zh":
        values = {k: ZH.get(v, v) if isinstance(v, str) else v for k, v in values.items()}
    try:
        return translate(Refusal(row.why_code, values).message, lang)
    except KeyError:
        return row.why


def rule(rows: Sequence[Result], lang: str) -> str:
    """The reason shared by rows of one code: the sentence itself, or of several sentences the first."""
    texts = list(dict.fromkeys(reason(row, lang) for row in rows))
    if len(texts) == 1:
        return texts[0]
    more = "等（{n} 种情形，详见下文）" if lang == "zh" else " (and {n} more like it, told below)"
    return texts[0] + more.format(n=len(texts) - (0 if lang == "zh" else 1))


DOUBTED: Final = frozenset({"p_without_interval", "interval_without_p"})
"""Remarks on the p of single rows, which carry a mark in tables."""


def mark(row: Result) -> str:
    """The mark behind the p of a row that its interval does not bear out."""
    return " ‡" if row.details.get("warning_code") in DOUBTED else ""


def warning(row: Result, lang: str) -> str:
    """What the reader of a row must know, empty when there is nothing."""
    code = str(row.details.get("warning_code") or "")
    if code in WARNINGS:
        return f"{mark(row)} {translate(warning_text(code, row.details), lang)}".strip()
    return str(row.details.get("warning") or "") if lang == "en" else ""


def note(code: str, lang: str) -> str:
    """A remark in words."""
    return pick(NOTES[code], lang) if code in NOTES else code


class Labels:
    """Short names of series: profile and depth, and the position only where two would share a name.

    Parameters
    ----------
    rows : iterable of Result
    lang : {"en", "zh"}
    """

    def __init__(self, rows: Iterable[Result], lang: str) -> None:
        self.lang = lang
        seen: dict[str, set[str]] = {}
        for row in rows:
            for name, depth in ((row.target, row.target_depth_m), (row.driver, row.driver_depth_m)):
                if name:
                    seen.setdefault(label(name, depth, lang), set()).add(name)
        self._shared = {short for short, names in seen.items() if len(names) > 1}

    def of(self, name: str, depth_m: float | None) -> str:
        """The label of a series; empty for no series."""
        if not name:
            return ""
        short = label(name, depth_m, self.lang)
        return label(name, depth_m, self.lang, position=True) if short in self._shared else short

    def beside(self, row: Result) -> str:
        """The driver of a row, without the profile that its CO2 shares."""
        driver = self.of(row.driver, row.driver_depth_m)
        head = self.of(row.target, row.target_depth_m).split(" ", 1)[0]
        return driver.removeprefix(head + " ")


def label(name: str, depth_m: float | None, lang: str, *, position: bool = False) -> str:
    """Profile, depth and variable of a series ``station/profile/position/variable`` in words."""
    parts = name.split("/")
    if len(parts) != 4:
        return name
    _, profile, place, what = parts
    words = [profile if profile != "site" else ""]
    if position or (depth_m is None and place):
        words.append(place)
    if depth_m is not None and what != "co2_flux":
        words.append(f"{depth_m:.2f} m")
    words.append(variable(what, lang))
    return " ".join(word for word in words if word)


def variable(name: str, lang: str) -> str:
    """Short name of a variable."""
    return pick(SHORT[name], lang) if name in SHORT else named({}, name, lang)


def pair(target: str, driver: str, lang: str) -> str:
    """CO2 and its driver; the profile is said once."""
    if not driver:
        return target
    head = target.split(" ", 1)[0]
    if driver.startswith(head + " "):
        driver = driver[len(head) + 1 :]
    return f"{target} 与 {driver}" if lang == "zh" else f"{target} with {driver}"


def mask(row: Result, lang: str) -> str:
    """The part of the record, empty for the whole."""
    return "" if row.mask == "all" else named(MASKS, row.mask, lang)


def value(row: Result) -> str:
    """The value of a row with its unit; counts as whole numbers."""
    if row.what in COUNTS and row.value is not None:
        return f"{row.value:.0f}"
    name = unit(row.unit)
    return digits(row.value) + (f" {name}" if name else "")


def is_open(row: Result) -> tuple[bool, bool]:
    """Whether the interval of a turning point ends, below and above, only because the data do."""
    return bool(row.details.get("open_below")), bool(row.details.get("open_above"))


def quoted(row: Result, lang: str) -> str:
    """The value as a table quotes it: a dagger where it has no interval, a word where its interval is open."""
    if any(is_open(row)):
        return "不闭合" if lang == "zh" else "open"
    return value(row) + (" †" if row.refused else "")


def part(row: Result, lang: str) -> str:
    """The part of the record and what was held fixed, empty for the whole and nothing."""
    fixed = ("、" if lang == "zh" else ", ").join(variable(g.rsplit("/", 1)[-1], lang) for g in row.given)
    held = ("固定" + fixed if lang == "zh" else f"{fixed} held fixed") if fixed else ""
    more = [mask(row, lang), held]
    if "model" in row.details:
        more.append(model(str(row.details["model"]), lang))
    if row.what == "q10_at_water" and (water := row.details.get("water")) is not None:
        more.append(f"θ = {digits(float(water))} m³/m³")
    if (fit := row.details.get("fit")) is not None and row.what not in ("q10_nls", "q10_log"):
        more.append(named(FITS, str(fit), lang))
    return ("，" if lang == "zh" else ", ").join(t for t in more if t)


def model(name: str, lang: str) -> str:
    """Name of a model."""
    if lang == "en":
        return name.replace("_", " ")
    return "、".join(MODELS.get(piece, piece) for piece in name.split(", "))


def unit(name: str) -> str:
    """A unit as readers see it; empty for a pure number."""
    return "" if name in ("1", "") else " / ".join(UNITS.get(part, part) for part in name.split(" per "))


def interval(row: Result, lang: str) -> str:
    """The interval of a row, empty where there is none."""
    if row.lower is None or row.upper is None:
        return ""
    below, above = is_open(row)
    if below and above:
        return ""
    if below or above:
        return f"< {digits(row.upper)}" if below else f"> {digits(row.lower)}"
    return f"{digits(row.lower)} {'至' if lang == 'zh' else 'to'} {digits(row.upper)}"


def digits(value: float | None, places: int = 3) -> str:
    """A number with about `places` significant digits, never in powers of ten for usual sizes."""
    if value is None:
        return ""
    if value == 0:
        return "0"
    size = abs(value)
    if size >= 1000:
        return f"{value:,.0f}".replace(",", " ")
    if size < 1e-3:
        return f"{value:.5f}" if size >= 1e-5 else f"{value:.0e}"
    for limit, decimals in ((100, 0), (10, 1), (1, 2), (0.1, 2)):
        if size >= limit:
            return f"{value:.{max(decimals + places - 3, 0)}f}"
    return f"{value:.{places}f}"


def p_text(p: float | None) -> str:
    """A p-value; below a thousandth only that."""
    if p is None:
        return ""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"
