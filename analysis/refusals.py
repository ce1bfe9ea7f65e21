"""Why a job gives no answer, and what it warns of: one list of reasons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

REASONS: Final[dict[str, tuple[str, str]]] = {
    "n_eff": (
        "the effective number of independent pairs is {n_eff:.1f}, below 10",
        "有效样本量为 {n_eff:.1f}，低于 10",
    ),
    "constant": (
        "{name} does not change, so nothing can go with it",
        "{name} 没有变化，无法求相关",
    ),
    "few_pairs": (
        "{n} pairs are too few (at least {least} are needed)",
        "仅 {n} 对有效数据，至少需要 {least} 对",
    ),
    "missing_driver": (
        "there is no {name} in this profile",
        "该剖面没有{name}数据",
    ),
    "t_range": (
        "temperature spans {range:.1f} K (5 to 95 %), below 8 K",
        "温度范围仅 {range:.1f} K（5%–95%），低于 8 K",
    ),
    "days": (
        "{days} days with data, fewer than {least}",
        "有效天数仅 {days} 天，少于 {least} 天",
    ),
    "dropped": (
        "the logarithm would drop {percent:.0f} % of the values (zero or negative), above 20 %; "
        "see the fit without logarithm",
        "取对数会丢弃 {percent:.0f}% 的数据（零或负值），超过 20%；请看不取对数的拟合",
    ),
    "class_small": (
        "the class has {days} days and {n} pairs; 5 days and 100 pairs are needed",
        "该类仅有 {days} 天、{n} 对数据；至少需要 5 天、100 对",
    ),
    "w_range": (
        "water content spans {range:.3f} m3/m3 (5 to 95 %), below 0.03",
        "含水率范围仅 {range:.3f} m³/m³（5%–95%），低于 0.03",
    ),
    "optimum_outside": (
        "the fitted optimum lies outside the 5 to 95 % range of the data",
        "拟合的最适含水率超出数据的 5%–95% 范围",
    ),
    "harmonic": (
        "a 24 h wave explains {r2:.2f} of the daily course of {name}, below 0.3",
        "24 小时波仅解释{name}日变化的 {r2:.2f}，低于 0.3",
    ),
    "amplitude": (
        "the daily amplitude of {name} is {amplitude:.3g}, below three steps of its resolution",
        "{name}的日振幅为 {amplitude:.3g}，小于分辨率的三倍",
    ),
    "clock_sun": (
        "the clock check failed: soil temperature at {depth:g} m is highest at {hour:.1f} h solar time, but only 12.5 "
        "to 19 h is possible there; the clock is off by hours, or its zone or the depth is wrong",
        "时钟检查未通过：{depth:g} m 土温在太阳时 {hour:.1f} 时最高，而该深度只可能在 12.5–19 时；"
        "时钟偏差数小时，或时区、深度有误",
    ),
    "clock_depth": (
        "the clock check failed: soil temperature at {depth:g} m is highest {hours:.1f} h before that at {above:g} m, "
        "but deeper it must come later; two clocks disagree, or two depths are swapped",
        "时钟检查未通过：{depth:g} m 土温比 {above:g} m 早 {hours:.1f} 小时达到最高，而越深应越晚；"
        "两个时钟不一致，或两个深度互换",
    ),
    "clock_jump": (
        "the clock check failed: from {day} on soil temperature at {depth:g} m is highest {hours:+.1f} h from where it "
        "was before; the clock was set within the record",
        "时钟检查未通过：自 {day} 起 {depth:g} m 土温最高时刻移动了 {hours:+.1f} 小时；记录中途改过时钟",
    ),
    "no_fit": (
        "the model could not be fitted to these values",
        "模型无法拟合这些数据",
    ),
    "no_windows": (
        "{n} windows allow a Q10, fewer than {least}",
        "仅 {n} 个时间窗可求 Q10，少于 {least} 个",
    ),
    "few_events": (
        "{n} rain events with an answer to tell, fewer than {least}",
        "可用的降雨事件仅 {n} 次，少于 {least} 次",
    ),
    "no_rain": (
        "there is neither a rain gauge nor soil water content to tell when it rained",
        "既无雨量计也无土壤含水率，无法判断何时降雨",
    ),
    "water_follows_t": (
        "within the day the water reading follows temperature (r = {r:.2f}) or hardly moves "
        "(amplitude {amplitude:.4f} m3/m3): that is the sensor's own temperature response",
        "日内含水率读数随温度变化（r = {r:.2f}）或几乎不动（振幅 {amplitude:.4f} m³/m³）："
        "这是传感器自身的温度响应",
    ),
    "salinity_water": (
        "salinity repeats water (r = {r:.2f}); the data cannot separate them",
        "盐分与水分高度相关（r = {r:.2f}），数据无法区分二者",
    ),
    "salinity_raw": (
        "bulk conductivity is not corrected to 25 degC and has no temperature beside it",
        "表观电导率未校正到 25 ℃，且缺少温度数据",
    ),
    "pore_dry": (
        "water content stays below 0.10 m3/m3, too dry for pore-water conductivity",
        "含水率低于 0.10 m³/m³，过干，无法给出孔隙水电导率",
    ),
    "no_null": (
        "{days} days allow {shifts} shifts; p could not fall below {floor:.2f}",
        "{days} 天仅允许 {shifts} 次移位，p 值不可能低于 {floor:.2f}",
    ),
    "empty": (
        "there is not one good value of {name}",
        "{name}没有一个有效值",
    ),
    "no_longitude": (
        "the longitude is not known, so clock time cannot be compared with the sun",
        "未知经度，无法与太阳时比较",
    ),
    "phase_open": (
        "the days disagree: the phase is not known to better than 6 h either way (95 %: {reach:.1f} h)",
        "各日不一致：相位的不确定性超过 ±6 小时（95%：{reach:.1f} 小时）",
    ),
    "damped": (
        "the daily wave of {name} is {share:.3f} of that at the shallowest sensor, below 0.02: what is left there is "
        "the electronics",
        "{name}的日波仅为最浅传感器的 {share:.3f}，低于 0.02：剩余部分来自电子线路",
    ),
    "hours": (
        "{n} hours of the day were never measured, so there is no mean day",
        "一天中有 {n} 个小时从未测量，无法得到平均日变化",
    ),
    "never_varies": (
        "it is the same at all times, so there is no spread to make an interval from",
        "始终相同，没有变化，无法给出区间",
    ),
    "few_depths": (
        "depths with a daily temperature wave: {n}; at least {least} are needed",
        "仅 {n} 个深度有温度日波，至少需要 {least} 个",
    ),
    "few_stretches": (
        "{n} segments of four days without a gap; at least {least} are needed",
        "无缺口的四天时段仅 {n} 个，至少需要 {least} 个",
    ),
    "one_profile": (
        "{n} profiles with this result; at least three are needed to compare profiles",
        "仅有 {n} 个剖面有此结果，至少需要三个剖面",
    ),
}
"""Reason for withholding, English and Chinese, by code."""


WARNINGS: Final[dict[str, tuple[str, str]]] = {
    "left_out": (
        "{percent:.1f} % of the rows were left out (flagged, missing or impossible)",
        "{percent:.1f}% 的数据行被剔除（标记、缺失或不可能的值）",
    ),
    "gappy": (
        "only {percent:.0f} % of the times are there; the longest gap is {longest_gap_h:.0f} h",
        "仅有 {percent:.0f}% 的时刻有数据；最长缺口 {longest_gap_h:.0f} 小时",
    ),
    "uneven_hours": (
        "hours of the day are covered on {least:.2f} to {most:.2f} of the days: daily means lean to the hours present",
        "各时刻的覆盖率从 {least:.2f} 到 {most:.2f} 不等：日均值会偏向有数据的时刻",
    ),
    "stuck": (
        "{percent:.1f} % of the values repeat one number for more than a day: a stuck probe or logger",
        "{percent:.1f}% 的值连续一天以上重复同一个数：探头或采集器卡死",
    ),
    "clipped": (
        "{percent:.2f} % of the values lie at the end of range {limit:g} ppm: every slope is flattened",
        "{percent:.2f}% 的值位于量程上限 {limit:g} ppm：所有斜率都会被压低",
    ),
    "below_air": (
        "{percent:.1f} % of the values are below 350 ppm, poorer in CO2 than the air: the probe's zero has drifted",
        "{percent:.1f}% 的值低于 350 ppm，比空气还低：探头零点漂移",
    ),
    "frozen": (
        "{percent:.1f} % of the temperatures are below 0.5 degC; frozen soil is kept apart",
        "{percent:.1f}% 的温度低于 0.5 ℃；冻土时段单独处理",
    ),
    "spiky": (
        "{count} single values jump away and back: condensation, lightning or a loose contact",
        "{count} 个孤立跳变值：冷凝、雷击或接触不良",
    ),
    "too_wet": (
        "{percent:.1f} % of the values exceed 0.6 m3/m3, more than a mineral soil holds: unit or calibration",
        "{percent:.1f}% 的值超过 0.6 m³/m³，矿质土壤不可能：检查单位或标定",
    ),
    "negative_flux": (
        "{percent:.1f} % of the fluxes are zero or negative: a logarithm would drop them",
        "{percent:.1f}% 的通量为零或负：取对数会丢弃它们",
    ),
    "t_w_tied": (
        "|r(T, W)| is above 0.8: these data cannot separate temperature from water",
        "|r(T, W)| 大于 0.8：这些数据无法区分温度与水分的作用",
    ),
    "p_without_interval": (
        "p is below 0.05 but the interval holds zero: six stretches of the record disagree, a few of them (after rain, "
        "for instance) carry the relation; it does not stand",
        "p 低于 0.05，但区间包含零：记录的六段彼此不一致，关系由少数时段（如雨后）造成；不能认为成立",
    ),
    "interval_without_p": (
        "the interval leaves out zero but p is 0.05 or more: two unrelated series with this memory reach such an r too "
        "often; it does not stand",
        "区间不含零，但 p 不低于 0.05：两个无关而有此记忆的序列也常达到这样的 r；不能认为成立",
    ),
    "swapped": (
        "the daily wave at {lower_m:g} m is {ratio:.1f} times as large as that at {upper_m:g} m and comes "
        "{earlier_h:.1f} h earlier: these two depths look swapped",
        "{lower_m:g} m 的日波是 {upper_m:g} m 的 {ratio:.1f} 倍且早 {earlier_h:.1f} 小时：这两个深度疑似互换",
    ),
    "same_values": (
        "the values are those of {other}: one probe under two names",
        "数值与 {other} 完全相同：同一探头用了两个名字",
    ),
    "co2_jump": (
        "from {day} on CO2 is highest {hours:+.1f} h from where it was before, while the temperature beside it is not: "
        "its clock was set, or transport changed",
        "自 {day} 起 CO2 最高时刻移动了 {hours:+.1f} 小时，而同处温度没有：时钟被改动，或传输方式改变",
    ),
    "co2_apart": (
        "CO2 is highest {hours:+.1f} h from the temperature beside it; ventilation can do that, and a clock off by as "
        "much looks the same: compare the clocks of the two instruments",
        "CO2 最高时刻与同处温度相差 {hours:+.1f} 小时；通风可造成，时钟偏差同样的小时数也会如此：请核对两台仪器的时钟",
    ),
    "pressure_tide": (
        "the 12 h tide of air pressure is highest at {hour:.1f} h solar time; everywhere on Earth that is near 9.7 h: "
        "the barometer's clock is off",
        "气压 12 小时潮在太阳时 {hour:.1f} 时最高；全球各地都约在 9.7 时：气压计的时钟有偏差",
    ),
    "not_diffusion": (
        "between these depths the wave of CO2 takes {hours:+.1f} h; diffusion needs {diffusion_dry_h:.1f} h in dry and "
        "{diffusion_wet_h:.1f} h in wet sand: something else moves the gas, or each depth has its own source",
        "这两个深度间 CO2 日波相差 {hours:+.1f} 小时；扩散在干砂中需 {diffusion_dry_h:.1f} 小时、湿砂中需 "
        "{diffusion_wet_h:.1f} 小时：有其他传输方式，或各深度各有来源",
    ),
    "not_uniform": (
        "the wave of heat fades as in {by_amplitude:.3f} m but is delayed as in {by_phase:.3f} m: the soil is not "
        "uniform (dry over moist), or a depth is wrong",
        "热波衰减对应 {by_amplitude:.3f} m，而滞后对应 {by_phase:.3f} m：土壤不均一（上干下湿），或深度有误",
    ),
    "cancels_lag": (
        "the temperature depth that correlates best ({best_driver_depth_m:g} m) is the one whose delay cancels the "
        "lag; it need not be the one that drives CO2",
        "相关最好的温度深度（{best_driver_depth_m:g} m）恰好抵消了时滞，未必是驱动 CO2 的深度",
    ),
}
"""What the reader of a number must know, English and Chinese, by code; placeholders are details of its row."""


def warn(code: str, **values: float | int | str | None) -> dict[str, float | int | str | None]:
    """Details of a row that carry a warning: the code, the English sentence and its numbers."""
    return {"warning_code": code, "warning": warning_text(code, values), **values}


def warning_text(code: str, values: Mapping[str, float | int | str | None], lang: str = "en") -> str:
    """The sentence of a warning, in English or Chinese."""
    return WARNINGS[code][1 if lang == "zh" else 0].format(**values)


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

    def text(self, lang: str = "en") -> str:
        """The sentence, in English or Chinese."""
        return REASONS[self.code][1 if lang == "zh" else 0].format(**self.values)
