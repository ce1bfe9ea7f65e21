"""Methods in Chinese: the words of a row's method, part by part. Formulas stay as they are."""

from __future__ import annotations

from typing import Final

ZH: Final[dict[str, str]] = {
    "24 h wave, mean solar time": "24 小时波，平太阳时",
    "24 h wave, UTC": "24 小时波，UTC",
    "24 h wave of stretches of ten days": "以十天为一段的 24 小时波",
    "block jackknife over days, 6 blocks": "按日分 6 块的块刀切法",
    "block jackknife, 6 blocks": "6 块的块刀切法",
    "block jackknife, 6 blocks, t": "6 块的块刀切法，t 分布",
    "block jackknife, 6 blocks, t of the difference": "差值的 6 块块刀切法，t 分布",
    "block jackknife of the logit, 6 blocks": "对 logit 的 6 块块刀切法",
    "block jackknife of ln Q10, 6 blocks, t": "对 ln Q10 的 6 块块刀切法，t 分布",
    "5 to 95 % of the values that have CO2 beside them": "有 CO2 相伴的数值的 5%–95% 范围",
    "Pearson r, for the choice of models": "Pearson r，供选择模型",
    "no test is meant": "不作检验",
    "counted between the first and the last value": "在首末值之间计数",
    "difference of 24 h phases": "24 小时波的相位差",
    "difference of 24 h phases, level and trend of each day taken out": "24 小时波的相位差，已去除各日水平与趋势",
    "difference of 24 h phases, lower less upper": "24 小时波的相位差，下层减上层",
    "hour of the maximum of the 12 h wave": "12 小时波的最高时刻",
    "number of single values that jump away and back": "孤立跳变值的个数",
    "of the rows handed in": "占输入行的比例",
    "of the slots of days in a tercile of their mean water": "占按日均含水率三分位各类时段的比例",
    "ratio of daily amplitudes, lower over upper": "日振幅之比，下层比上层",
    "share of equal values": "数值相同的比例",
    "values above 0.6 m3/m3": "高于 0.6 m³/m³ 的值",
    "values below 0.5 degC": "低于 0.5 ℃ 的值",
    "values below 350 ppm": "低于 350 ppm 的值",
    "values in runs of one number longer than a day": "同一数值连续超过一天的值",
    "values of zero or below": "零或负值",
    "values on a flat top at an end of range": "停在量程端点的值",
    "Pearson r": "Pearson 相关系数 r",
    "Spearman rho": "Spearman 秩相关系数",
    "partial Spearman rho over events": "各降雨事件的偏 Spearman 秩相关",
    "n_eff sum form": "有效样本量（求和式）",
    "n_eff sum form, K = n/4": "有效样本量（求和式，K = n/4）",
    "n_eff sum form, K = n/4 (Pyper & Peterman 1998)": "有效样本量（求和式，K = n/4，Pyper & Peterman 1998）",
    "n_eff sum form of the ranks": "秩的有效样本量（求和式）",
    "t test": "t 检验",
    "EC at 25 degC = bulk EC/(1 + 0.0191 (T - 25)) (Hayashi 2004)": "25 ℃ 电导率 = 表观电导率/(1 + 0.0191 (T − 25))"
    "（Hayashi 2004）",
    "lag on wet days less lag on dry days": "湿日时滞减干日时滞",
    "the two standard errors added in quadrature, Welch's t": "两个标准误平方相加，Welch t",
    "largest |r| of -12 to 12 h": "−12 至 12 小时内最大的 |r|",
    "day shifts, the largest of each shift": "整日移位检验，取每次移位的最大值",
    "no interval, for it was chosen": "因系挑选所得，不给区间",
    "signed area of the mean day scaled 0 to 1, waves of 24 to 6 h": "平均日（缩放至 0–1，24 至 6 小时波）的有向面积",
    "12 h wave beside one of 24 h": "与 24 小时波并列的 12 小时波",
    "no interval: it describes the mean day": "描述平均日，不给区间",
    "mean of the values present": "现有数值的平均",
    "random effects over profiles of arctanh r (DerSimonian & Laird 1986)": "各剖面 arctanh r 的随机效应合并"
    "（DerSimonian & Laird 1986）",
    "Hartung & Knapp 2001 interval": "Hartung & Knapp 2001 区间",
    "share of times the lower probe reads less than the upper": "下层读数低于上层的时间比例",
    "logit": "logit 尺度",
    "straight line of ln amplitude in depth": "ln 振幅随深度的直线",
    "straight line of phase in depth": "相位随深度的直线",
    "squared coherence, mean day removed, segments of 4 days without a gap, half overlapping, Hann (Welch 1967)":
        "平方相干，去平均日变化，4 天无缺口段，重叠一半，Hann 窗（Welch 1967）",
    "median over events": "各事件的中位数",
    "median over events of the highest of 72 h less the mean of 48 h before":
        "各事件 72 小时内最高值减前 48 小时均值的中位数",
    "interval by order statistics": "区间用次序统计量",
    "interval by order statistics (binomial)": "区间用次序统计量（二项分布）",
    "interval by order statistics (binomial), of events that CO2 answered":
        "区间用次序统计量（二项分布），仅限 CO2 有响应的事件",
    "p binomial, of answers against 5 % of rainless times": "p 用二项分布，响应次数对照无雨时的 5%",
    "sum of CO2 from the start of events to 72 h after their end over the whole sum":
        "事件开始至结束后 72 小时的 CO2 总和占全部之比",
    "dry season: 31-day mean of water below its median": "干季：31 天平均含水率低于其中位数",
    "wet records less than 24 h apart, 1 mm or more": "相隔不足 24 小时的有雨记录，共 1 mm 以上",
    "without a gauge, a step of 0.01 m3/m3 in 2 h": "无雨量计时，2 小时内含水率上升 0.01 m³/m³",
    "Q10 of the wet class over Q10 of the dry class": "湿类 Q10 与干类 Q10 之比",
    "variances of ln Q10 add, t after Welch (1947)": "ln Q10 的方差相加，t 据 Welch（1947）",
    "q10_log": "对数拟合",
    "q10_nls": "最小二乘",
    "R = Rref Q10^((T - 20)/10), least squares of R": "R = Rref Q10^((T − 20)/10)，对 R 作最小二乘",
    "ln R = ln Rref + ln Q10 (T - 20)/10, least squares of ln R":
        "ln R = ln Rref + ln Q10 (T − 20)/10，对 ln R 作最小二乘",
    "least squares of daily means": "对日均值作最小二乘",
    "skill on stretches of days left out, against the mean of the days fitted":
        "对留出时段的预测能力，与拟合日的均值相比",
    "median of least-squares Q10 in windows of 15 days every 5": "每 5 天一个 15 天窗口的最小二乘 Q10 的中位数",
    "windows overlap, so no interval": "窗口重叠，不给区间",
    "profile of the sum of squares, F with n_eff, within the 5 to 95 % of the data":
        "平方和剖面，F 用有效样本量，限于数据的 5%–95%",
}  # fmt: skip
"""Parts of methods, between semicolons."""

WITHIN: Final = {
    ", least squares of daily means": "，对日均值作最小二乘",
    "a level for each water tercile, against": "每个含水率三分位一个水平，对比",
    " of R = ": "，其中 R = ",
}
"""Words inside formulas."""


def method(text: str, lang: str) -> str:
    """The method of a row, in English or Chinese."""
    if lang != "zh":
        return text
    return "；".join(_part(part) for part in text.split("; "))


def _part(part: str) -> str:
    if part in ZH:
        return ZH[part]
    for english, chinese in WITHIN.items():
        part = part.replace(english, chinese)
    return part
