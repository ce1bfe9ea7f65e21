"""The key of every fact once more, in other words than the bank's: what its source says, and a trace of it in each right option.

Written from the sources that the facts name, not copied from the fact files: who changes a key there has to change it
here as well. A trace is a regular expression; it has to be found in one right option, and in no wrong one.
"""

from __future__ import annotations

from typing import NamedTuple


class Key(NamedTuple):
    """What the source says, and the traces of it in English and Chinese: one for each right option or marking point."""

    said: str
    en: tuple[str, ...]
    zh: tuple[str, ...]


FACTS: dict[str, Key] = {
    # background
    "convention-objective": Key("UNFCCC Art. 2: stabilization of concentrations", ("[Ss]tabilise",), ("稳定在",)),
    "kyoto-gases": Key("Doha amendment, Annex A: six gases and NF3", ("CH₄", "N₂O", "NF₃"), ("CH₄", "N₂O", "NF₃")),
    "china-goals": Key("peak before 2030, neutrality before 2060", ("2030.*2060",), ("2030.*2060",)),
    "paris-temperature": Key("Art. 2.1(a): well below 2, efforts to 1.5", (r"2 °C .*1\.5",), (r"2 ℃.*1\.5",)),
    "paris-five-years": Key("Art. 4.9: every five years", ("[Ff]ive",), ("五年",)),
    "ar6-concentrations": Key("AR6 WGI SPM A.1.1: 410 ppm, 1866 ppb, 332 ppb", (r"^410 ppm$",), (r"^410 ppm$",)),
    "gwp-horizon": Key("lifetime of CH4 11.8 a, of CO2 no single one", ("decade",), ("十年",)),
    "sinks-share": Key("AR6 WGI SPM A.1.1: about 56 % a year", (r"\b56 %",), ("56 %",)),
    "transparency": Key("Art. 13.7: inventory report, progress of the NDC", ("inventory",), ("清单，",)),
    "why-no-sum": Key("GWP: radiative forcing of a pulse over a horizon, relative to CO2",
                      ("warms", "stay in the air", "multiplied", "horizon"), ("增温作用", "停留", "潜势。", "时间尺度")),
    # basics
    "carbon-monitoring": Key("handbook: state and trend by observation, simulation, statistics", ("simulation",), ("数值模拟",)),
    "gases-of-monitoring": Key("CO2, CH4, N2O, HFCs, PFCs, SF6, NF3", ("CO₂", "SF₆", "HFCs"), ("CO₂", "SF₆", "HFCs")),
    "profile-or-layer": Key("a profile is a vertical line, a layer a depth", (r"^Three soil profiles",), ("^三个土壤剖面",)),
    "ppm": Key("1 ppm = 1 µmol/mol", ("µmol",), ("µmol",)),
    "five-principles": Key("relevance, completeness, consistency, transparency, accuracy",
                           ("Completeness", "Consistency", "Transparency"), ("完整性", "一致性", "透明性")),
    "allowance": Key("1 allowance: 1 t CO2e", ("tonne of CO₂ eq",), ("二氧化碳当量",)),
    "same-place": Key("aim 3: each depth has its own temperature and water", ("depth to depth",), ("因深度而异",)),
    "salt-or-salinity": Key("mg/L of solution against g/kg of soil", ("in g/kg",), ("（g/kg",)),
    "uncertainty-meaning": Key("GUM B.2.18: parameter, dispersion of values attributed", ("[Pp]arameter",), ("分散性",)),
    "bulk-or-pore": Key("EC of soil grows with water content", ("water content",), ("含水率",)),
    "simpson": Key("aggregate against groups", ("Simpson",), ("辛普森",)),
    "hysteresis": Key("phase: depth of source, speed of heat and gas", ("another depth", "different times"), ("深度不同", "时间不同")),
    "neff-short": Key("autocorrelation makes fewer independent pairs",
                      ("autocorrelation", "far below 1440", "computed from", "no proof"), ("自相关", "远小于 1440", "计算 p", "不证明")),
    "cause": Key("correlation is no cause", ("rain pulse",), ("降雨脉冲",)),
    # monitoring
    "two-plans": Key("what, where, why against how determined", ("^The first says what",), ("在何处",)),
    "five-parts": Key("form: revision, entity, boundary, determination, internal control",
                      ("revision", "determined", "Internal"), ("修订", "确定方式", "内部质量")),
    "keep-the-bad": Key("flag, never erase", ("kept and flagged 4",), ("^保留",)),
    "flag-two": Key("QARTOD 2: not evaluated", ("Not evaluated",), ("未评估",)),
    "visit-record": Key("an installation, a calibration, a depth, a name",
                        ("Serial", "removal", "certificate", "Depth", "Who"), ("序列号", "拆下", "证书", "深度", "由谁")),
    "two-addresses": Key("two slaves answer one request", ("at once",), ("同时应答",)),
    "limits-of-a-claim": Key("a claim is reported as a claim", ("maker claims",), ("厂家声明",)),
    "no-filling": Key("a gap stays a gap", ("stay missing",), ("保持缺测",)),
    "books-balance": Key("5000 = 4900 + 60 + 40", ("accounted for",), ("都有去向",)),
    "quality-plan-channel": Key("form, part 4, for each parameter",
                                ("unit", "serial", "Frequency", "Range", "missing", "keeps"), ("单位", "序列号", "频次", "量程", "缺测", "由谁")),
    "conflict": Key("one time, two numbers: parked", ("parked",), ("搁置",)),
    "representative": Key("one profile has no spatial replicate", ("place to place",), ("空间",)),
    "termination": Key("TIA-485: at both ends of the line", ("two ends",), ("两端",)),
    "at-least-once": Key("MQTT QoS 1: at least once", ("more than once",), ("不止一次",)),
    "write-a-plan": Key("monitoring plan, in its order",
                        ("Purpose", "three profiles", "Parameters", "Instruments", "back-up", "Quality"),
                        ("目的", "三个剖面", "参数", "仪器", "备份", "质量保证")),
    "achieved": Key("planned against achieved", ("expected", "Causes", "Calibrations"), ("应有数", "原因", "校准")),
    "warm-wet-probe": Key("a flooded probe is not in soil air",
                          ("flooded", "saturation", "Other depths", "erased", "manual flag"), ("被淹", "满量程", "其他深度", "不删除", "人工标识")),
    # quantification
    "scope-one": Key("owned or controlled sources", ("boilers", "own trucks"), ("锅炉", "自有车辆")),
    "scope-two": Key("generation of energy that is bought", ("buys and uses",), ("购入并使用",)),
    "activity-data": Key("how much was burnt", (r"^12 t",), ("12 t$",)),
    "accounting-steps": Key("boundary, sources, method, activity, factors, report",
                            ("boundary", "sources", "method", "activity", "factors", "report"),
                            ("边界", "排放源", "方法", "活动数据", "因子", "报告")),
    "boundary-forgotten": Key("control from June on", ("not complete",), ("不完整",)),
    "carbon-to-dioxide": Key("(12 + 2 x 16)/12", ("over that of carbon",), ("碳的摩尔质量",)),
    "concentration-or-emission": Key("mol/mol against t/a", ("amount per time",), ("单位时间",)),
    "scope-three": Key("value chain but for energy bought", ("haulier", "explosives", "Flights"), ("运输公司", "炸药", "飞机")),
    "control-or-share": Key("not operated: 0; share: 40", ("^0 % and 40 %",), ("^0 % 和 40 %",)),
    "tiers": Key("higher tier, more complex and data-specific", ("more specific data",), ("更具体",)),
    "double-counting": Key("one emission in two inventories", ("twice",), ("重复计算",)),
    "internal-review": Key("recalculate, compare, check units", ("Recalculating", "last year", "units"), ("重新计算", "上年", "单位和")),
    "oxidation": Key("share of carbon that is oxidised", ("98 % of the fuel's carbon",), ("98 % 的碳",)),
    "power-plant-sources": Key("combustion, desulphurisation, electricity", ("Combustion", "Desulph", "bought and used"),
                               ("燃烧", "脱硫", "购入使用")),
    "market-or-location": Key("certificates act on the market-based figure", ("market-based one only",), ("只有基于市场",)),
    "key-category": Key("weight in level, trend or uncertainty", ("weighs",), ("重要影响",)),
    "respiration-or-balance": Key("soil respiration is no net exchange", ("soil respiration",), ("土壤呼吸",)),
    "gradient-assumptions": Key("Fick, known Ds, steady state", ("diffusion", "diffusivity", "Storage"), ("只以扩散", "扩散系数", "储存")),
    "report-flux": Key("unit, method, interval, gaps, what it is",
                       ("Unit", "Method", "Interval", "Share", "respiration"), ("单位", "方法", "区间", "比例", "土壤呼吸")),
}  # fmt: skip
