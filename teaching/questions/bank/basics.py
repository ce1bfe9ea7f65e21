"""Computed questions of the block *basics*: units, time, the ideal gas, what statistics can say."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from soilco2.analysis.flux.physics.gas import air_density_mol_m3, concentration_umol_m3, standard_pressure_hpa
from soilco2.analysis.flux.physics.soil import PARTICLE_DENSITY_G_CM3, air_filled_porosity, porosity
from soilco2.station_config.units import conversion
from soilco2.teaching.questions.bank.emission_accounts import CARBON_G_MOL, DIOXIDE_G_MOL, q10, to_mass_g_m2_d
from soilco2.teaching.questions.maker import Body, Registry, number, numeric, statements, worded

BASICS = Registry()


@BASICS.add("basics", "percent", {1: [(0.04,), (0.25,), (1.2,), (3.5,)]})
def percent_to_ppm(percent: float) -> Body:
    value = conversion("%", "co2")[0] * percent
    return numeric(
        (f"A gas cylinder is labelled {percent} % CO₂ by volume. What mole fraction is that?",
         f"某标准气瓶标注 CO₂ 体积分数为 {percent} %，合摩尔分数多少？"),
        value, "ppm",
        [(percent * 1e3, "Per mille was taken for per cent.", "把百分数当作千分数。"),
         (percent * 1e6, "The per cent sign was dropped: 10⁶ in place of 10⁴.", "漏掉百分号，乘了 10⁶ 而不是 10⁴。"),
         (percent * 1e2, "Multiplied by 100 in place of 10 000.", "乘了 100 而不是 10 000。")],
        ("1 % = 10 000 ppm (µmol/mol).", "1 % = 10 000 ppm（µmol/mol）。"),
        "soilco2: soilco2.station_config.units.conversion",
    )  # fmt: skip


@BASICS.add(
    "basics", "ppm temperature pressure",
    {1: [(420.0, 25.0, 1000.0), (2500.0, 20.0, 885.0), (1200.0, 5.0, 880.0), (8000.0, 30.0, 960.0)],
     2: [(640.0, 12.0, 870.0), (5200.0, 35.0, 965.0), (950.0, 2.0, 700.0), (3100.0, 18.0, 790.0)]},
)  # fmt: skip
def ppm_to_concentration(ppm: float, temperature: float, pressure: float) -> Body:
    value = float(concentration_umol_m3(ppm, temperature, pressure)) / 1000
    cold = (
        float(concentration_umol_m3(ppm, temperature - 273.15, pressure)) / 1000 if temperature > 0 else value
    )
    return numeric(
        (f"Soil air holds {ppm:g} ppm CO₂ at {temperature:g} °C and {pressure:g} hPa. What is its concentration in mmol/m³?",
         f"土壤空气 CO₂ 浓度（摩尔分数）为 {ppm:g} ppm，温度 {temperature:g} ℃，气压 {pressure:g} hPa。合多少 mmol/m³？"),
        value, "mmol/m³",
        [(cold, "The temperature was put in as °C, not in kelvin.", "温度用了 ℃ 而不是 K。"),
         (value / 100, "hPa were taken for Pa.", "把 hPa 当作 Pa。"),
         (ppm / 22.414, "The molar volume of 0 °C and 1013.25 hPa was used.", "用了 0 ℃、1013.25 hPa 时的摩尔体积。"),
         (value * DIOXIDE_G_MOL, "That is mg/m³: multiplied by the molar mass.", "这是 mg/m³：多乘了摩尔质量。")],
        (f"C = x P / (R T) with T = {temperature + 273.15:g} K and P = {pressure * 100:g} Pa.",
         f"C = x P / (R T)，其中 T = {temperature + 273.15:g} K，P = {pressure * 100:g} Pa。"),
        "ideal gas law, R = 8.314462618 J/(mol K) (CODATA 2018); soilco2: soilco2.analysis.flux.physics.gas, Eq. F2",
    )  # fmt: skip


@BASICS.add("basics", "flux", {1: [(1.5,), (2.8,), (4.2,), (0.35,)], 2: [(0.62,), (3.7,), (6.4,), (1.1,)]})
def flux_to_mass(flux: float) -> Body:
    value = to_mass_g_m2_d(flux)
    return numeric(
        (f"A soil gives off {flux} µmol CO₂ m⁻² s⁻¹ all day. How many grams of carbon per square metre and day?",
         f"某土壤全天 CO₂ 通量为 {flux} µmol m⁻² s⁻¹。合每平方米每天多少克碳？"),
        value, "g C m⁻² d⁻¹",
        [(to_mass_g_m2_d(flux, DIOXIDE_G_MOL), "The mass of CO₂ was taken, not that of its carbon.", "用了 CO₂ 的质量而不是碳的质量。"),
         (value / 24, "That is per hour.", "这是每小时的量。"),
         (value * 365.25, "That is per year.", "这是每年的量。"),
         (value / 1440, "That is per minute.", "这是每分钟的量。")],
        (f"{flux} × 10⁻⁶ mol × 12.011 g/mol × 86 400 s.", f"{flux} × 10⁻⁶ mol × 12.011 g/mol × 86 400 s。"),
        f"standard atomic weight of carbon {CARBON_G_MOL} (IUPAC 2021, doi:10.1515/pac-2019-0603)",
    )  # fmt: skip


@BASICS.add(
    "basics", "stamp",
    {1: [("2026-03-01T18:30",), ("2026-06-30T02:00",), ("2026-12-31T20:15",), ("2026-07-15T16:00",)]},
)  # fmt: skip
def utc_to_local(stamp: str) -> Body:
    utc = datetime.fromisoformat(stamp).replace(tzinfo=UTC)

    def at(zone: str) -> tuple[str, str]:
        text = utc.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M")
        return text, text

    return worded(
        (f"A file gives {stamp}Z. What time was it at the station in Yulin (Asia/Shanghai)?",
         f"文件中的时间为 {stamp}Z。榆林站（Asia/Shanghai）当时是几点？"),
        at("Asia/Shanghai"),
        [(at("Etc/GMT+8"), ("Eight hours were taken off: the sign is wrong.", "减了 8 小时：符号反了。")),
         (at("UTC"), ("The Z was passed over: it means UTC.", "忽略了 Z：它表示 UTC。")),
         (at("Etc/GMT-9"), ("An hour of summer time was added; China has none.", "多加了一小时夏令时；中国不实行夏令时。"))],
        ("Z means UTC; China is eight hours ahead all year.", "Z 表示 UTC；中国全年比 UTC 早 8 小时。"),
        "ISO 8601; IANA time zone database, Asia/Shanghai",
    )  # fmt: skip


@BASICS.add(
    "basics", "density water",
    {1: [(1.41, 0.05), (1.55, 0.12), (1.30, 0.20), (1.62, 0.08)], 2: [(1.45, 0.18), (1.38, 0.09), (1.58, 0.22), (1.25, 0.30)]},
)  # fmt: skip
def air_filled(density: float, water: float) -> Body:
    phi = float(porosity(density))
    value = float(air_filled_porosity(phi, water))
    return numeric(
        (f"A sandy layer without stones has a bulk density of {density} g/cm³ and a volumetric water content of {water} m³/m³. "
         "What is its air-filled porosity (particle density 2.65 g/cm³)?",
         f"某无石砾砂土层容重 {density} g/cm³，体积含水率 {water} m³/m³。充气孔隙度是多少（颗粒密度 2.65 g/cm³）？"),
        value, "m³/m³",
        [(phi, "That is the whole porosity: the water was not taken off.", "这是总孔隙度：没有扣除水。"),
         (density / PARTICLE_DENSITY_G_CM3 - water, "The share of solids was taken for the porosity.", "把固相比例当成了孔隙度。"),
         (1 - density * water - density / PARTICLE_DENSITY_G_CM3, "The water content was taken for one by mass.", "把体积含水率当成质量含水率。"),
         (phi * (1 - water), "The water was taken as a share of the pores.", "把含水率当作占孔隙的比例。")],
        (f"φ = 1 − {density}/2.65 = {number(phi)}; ε = φ − θ.", f"φ = 1 − {density}/2.65 = {number(phi)}；ε = φ − θ。"),
        "soilco2: soilco2.analysis.flux.physics.soil, Eqs. S2 and S3",
    )  # fmt: skip


@BASICS.add("basics", "altitude", {2: [(1150.0,), (374.0,), (2300.0,), (3200.0,)]})
def standard_pressure(altitude: float) -> Body:
    value = float(standard_pressure_hpa(altitude))
    return numeric(
        (f"A station at {altitude:g} m above sea level has no barometer. Which pressure does the standard atmosphere give?",
         f"某站海拔 {altitude:g} m，没有气压计。标准大气给出的气压是多少？"),
        value, "hPa",
        [(1013.25, "That is sea level: the altitude was left out.", "这是海平面气压：没有考虑海拔。"),
         (1013.25 - altitude / 8.0, "The fall near sea level, 1 hPa in 8 m, was carried upward in a straight line.", "把近海平面每 8 m 降 1 hPa 直线外推。"),
         (2 * 1013.25 - value, "The pressure was let rise with altitude.", "让气压随海拔升高。"),
         (1013.25 * (1 - 0.0065 * altitude / 288.15), "The exponent 5.26 was left out.", "漏掉了指数 5.26。")],
        ("P = 1013.25 (1 − 0.0065 h / 288.15)^5.256.", "P = 1013.25 (1 − 0.0065 h / 288.15)^5.256。"),
        "U.S. Standard Atmosphere 1976 (ISO 2533); soilco2: soilco2.analysis.flux.physics.gas, Eq. F6", digits=4,
    )  # fmt: skip


@BASICS.add(
    "basics", "low_rate low_temperature high_rate high_temperature",
    {2: [(1.2, 10.0, 2.1, 18.0), (0.8, 5.0, 2.4, 20.0), (1.5, 12.0, 2.0, 16.0), (2.2, 15.0, 4.5, 27.0)],
     3: [(0.9, 8.0, 1.9, 22.0), (1.1, 6.0, 3.6, 21.0), (2.5, 14.0, 3.4, 19.0), (0.6, 3.0, 1.1, 9.0)]},
)  # fmt: skip
def temperature_quotient(
    low_rate: float, low_temperature: float, high_rate: float, high_temperature: float
) -> Body:
    value = q10(low_rate, low_temperature, high_rate, high_temperature)
    ratio, apart = high_rate / low_rate, high_temperature - low_temperature
    return numeric(
        (f"Soil respiration was {low_rate} µmol m⁻² s⁻¹ at {low_temperature:g} °C and {high_rate} at {high_temperature:g} °C, "
         "all else equal. What is Q₁₀?",
         f"其他条件相同，土壤呼吸在 {low_temperature:g} ℃ 时为 {low_rate} µmol m⁻² s⁻¹，在 {high_temperature:g} ℃ 时为 {high_rate}。Q₁₀ 是多少？"),
        value, "",
        [(ratio, f"That is the ratio over {apart:g} °C, not over 10 °C.", f"这是 {apart:g} ℃ 温差下的比值，不是 10 ℃。"),
         (ratio ** (apart / 10), "The exponent was turned upside down.", "指数上下颠倒。"),
         (1 + (ratio - 1) * 10 / apart, "The rise was taken as a straight line.", "把增长当成直线。"),
         (high_rate - low_rate, "That is the difference of the rates.", "这是两个速率之差。")],
        (f"Q₁₀ = (R₂/R₁)^(10/(T₂ − T₁)) = {number(ratio)}^(10/{apart:g}).", f"Q₁₀ = (R₂/R₁)^(10/(T₂ − T₁)) = {number(ratio)}^(10/{apart:g})。"),
        "Lloyd & Taylor 1994, doi:10.2307/2389824 (definition of Q10 in the introduction)",
    )  # fmt: skip


@BASICS.add(
    "basics", "r pairs effective",
    {2: [(0.45, 1440, 12.0), (0.62, 720, 15.0), (0.38, 2880, 25.0), (-0.55, 1440, 10.0)],
     3: [(0.52, 4320, 22.0), (-0.40, 1440, 18.0), (0.70, 960, 12.0), (0.33, 17520, 30.0)]},
)  # fmt: skip
def effective_sample_size(r: float, pairs: int, effective: float) -> Body:
    from soilco2.analysis.statistics.correlation import p_value  # scipy.stats takes seconds

    value = float(p_value(r, effective))
    naive = float(p_value(r, pairs))
    said = naive if naive > 1e-300 else 0.0
    return worded(
        (f"{pairs} half-hourly pairs of CO₂ and temperature correlate with r = {number(r, 2)}; the effective sample size is {effective:g}. "
         "What may be said of the correlation at the 5 % level?",
         f"{pairs} 对半小时的 CO₂ 与温度数据，r = {number(r, 2)}；有效样本量为 {effective:g}。在 5 % 水平上可以怎么说？"),
        (f"p = {number(value, 2)}: " + ("significant" if value < 0.05 else "not significant"),
         f"p = {number(value, 2)}：" + ("显著" if value < 0.05 else "不显著")),
        [((f"p < 10⁻¹⁰: {'significant' if value >= 0.05 else 'beyond any doubt'}", f"p < 10⁻¹⁰：{'显著' if value >= 0.05 else '毫无疑问'}"),
          (f"All {pairs} pairs were counted as independent; neighbouring half hours are not (p would be {said:.0e}).",
           f"把 {pairs} 对全部当作独立；相邻半小时并不独立（那样 p 为 {said:.0e}）。")),
         ((f"p = {number(float(p_value(r, effective)) / 2 + 0.5, 2)}: not significant", f"p = {number(float(p_value(r, effective)) / 2 + 0.5, 2)}：不显著"),
          ("A one-sided probability was taken from the wrong side.", "取了单侧概率的另一侧。")),
         ((f"p = {number(1 - abs(r), 2)}: not significant", f"p = {number(1 - abs(r), 2)}：不显著"),
          ("1 − |r| is no probability.", "1 − |r| 不是概率。"))],
        (f"t = r √((n_eff − 2)/(1 − r²)) with {effective - 2:g} degrees of freedom, not {pairs - 2}.",
         f"t = r √((n_eff − 2)/(1 − r²))，自由度为 {effective - 2:g}，而不是 {pairs - 2}。"),
        "soilco2: soilco2.analysis.statistics.correlation.p_value; Student's t test of r", value,
    )  # fmt: skip


@BASICS.add(
    "basics", "p1 p2 p3 p4 p5 p6",
    {3: [(0.001, 0.012, 0.021, 0.028, 0.041, 0.30), (0.004, 0.011, 0.039, 0.045, 0.20, 0.60),
         (0.002, 0.015, 0.024, 0.048, 0.049, 0.70), (0.006, 0.013, 0.022, 0.030, 0.047, 0.55)]},
)  # fmt: skip
def false_discoveries(*p: float) -> Body:
    from soilco2.analysis.statistics.correlation import benjamini_hochberg

    value = int((benjamini_hochberg(p) <= 0.05).sum())
    plain, strict = sum(one <= 0.05 for one in p), sum(one <= 0.05 / len(p) for one in p)
    listed, listed_zh = (mark.join(map(str, p)) for mark in (", ", "、"))

    def of(count: int) -> tuple[str, str]:
        return f"{count} of 6", f"6 个中的 {count} 个"

    return worded(
        (f"CO₂ is tested against six drivers: p = {listed}. How many stand when the false discovery rate is held at 5 % "
         "(Benjamini and Hochberg)?",
         f"CO₂ 与六个因子分别检验：p = {listed_zh}。将错误发现率控制在 5 %（Benjamini–Hochberg）时，有几个成立？"),
        of(value),
        [(of(plain), ("Each p was held against 0.05; six tests give more false alarms.", "每个 p 都与 0.05 比较；六次检验误报增多。")),
         (of(strict), ("That is Bonferroni: 0.05/6 for every test.", "这是 Bonferroni：每次检验都用 0.05/6。")),
         (of(0), ("Several tests do not make every finding void.", "做多次检验并不使所有发现作废。")),
         (of(6), ("The p-values were not looked at.", "没有看 p 值。"))],
        ("Sorted, the largest k with p(k) ≤ 0.05 k/6 counts; all before it stand.", "排序后取满足 p(k) ≤ 0.05 k/6 的最大 k；其前全部成立。"),
        "Benjamini & Hochberg 1995, doi:10.1111/j.2517-6161.1995.tb02031.x; soilco2: soilco2.analysis.statistics.correlation", float(value),
    )  # fmt: skip


@BASICS.add(
    "basics", "ppm warm cold pressure",
    {3: [(1500.0, 30.0, 10.0, 900.0), (900.0, 35.0, 15.0, 960.0), (4000.0, 25.0, 5.0, 870.0), (2200.0, 40.0, 20.0, 985.0)]},
)  # fmt: skip
def warm_layer(ppm: float, warm: float, cold: float, pressure: float) -> Body:
    upper, lower = (float(concentration_umol_m3(ppm, t, pressure)) / 1000 for t in (warm, cold))
    share = 100 * (lower / upper - 1)
    dense = [float(air_density_mol_m3(t, pressure)) for t in (warm, cold)]
    return statements(
        (f"Two layers of one profile both hold {ppm:g} ppm CO₂ at {pressure:g} hPa; the upper is at {warm:g} °C, the lower at {cold:g} °C. "
         "Which statements hold?",
         f"同一土壤剖面两层 CO₂ 均为 {ppm:g} ppm，气压 {pressure:g} hPa；上层 {warm:g} ℃，下层 {cold:g} ℃。下列哪些说法成立？"),
        [((f"The lower layer holds {number(share)} % more CO₂ per cubic metre of air.", f"下层每立方米空气所含 CO₂ 多 {number(share)} %。"), True,
          (f"c_air = P/(R T): {number(dense[1])} against {number(dense[0])} mol/m³.", f"c_air = P/(R T)：{number(dense[1])} 对 {number(dense[0])} mol/m³。")),
         (("No CO₂ diffuses between them because of that difference.", "不会因这一差异而发生 CO₂ 扩散。"), True,
          ("Diffusion follows the mole fraction, which is the same.", "扩散由摩尔分数驱动，两层相同。")),
         (("CO₂ diffuses upward because mmol/m³ rise with depth.", "因 mmol/m³ 随深度增加，CO₂ 向上扩散。"), False,
          ("That takes a gradient of temperature for one of CO₂.", "把温度梯度当成了 CO₂ 梯度。")),
         (("The mole fraction of the lower layer must be corrected to the upper one's temperature.", "必须把下层摩尔分数订正到上层温度。"), False,
          ("A mole fraction does not change with temperature; only an uncompensated probe's reading does.", "摩尔分数不随温度变化；只有无补偿探头的读数才会。"))],
        ("The air density stands outside the derivative: F = c_air Ds dx/dz.", "空气密度在导数之外：F = c_air Ds dx/dz。"),
        "soilco2: soilco2.analysis.flux.physics.gas, Eq. F2; soilco2.analysis.flux.methods.gradient, Eq. G5",
    )  # fmt: skip
