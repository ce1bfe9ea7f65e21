"""Computed questions of the block *quantification*: emission accounts, and fluxes from profiles."""

from __future__ import annotations

import numpy as np

from soilco2.analysis.flux.methods.efflux import middle_m, two_layers
from soilco2.analysis.flux.methods.gradient import flux_umol_m2_s, harmonic_mean
from soilco2.analysis.flux.methods.storage_term import layer_production_umol_m3_s
from soilco2.analysis.flux.physics.diffusivity import MODELS
from soilco2.analysis.flux.physics.gas import air_density_mol_m3, free_air_massman_m2_s
from soilco2.teaching.questions.bank import emission_accounts
from soilco2.teaching.questions.maker import Body, Registry, number, numeric, short

QUANTIFICATION = Registry()

_GUIDE = (
    "IPCC 2006 Guidelines, Vol. 2, Ch. 2, Eq. 2.1",
    "《IPCC 2006 年国家温室气体清单指南》第 2 卷第 2 章式 2.1",
)
_GB = (
    "GB/T 32151.1-2015, CO2 of fossil fuel combustion: activity data x NCV x carbon content x oxidation x 44/12",
    "GB/T 32151.1—2015 化石燃料燃烧 CO₂：活动数据 × 低位发热量 × 含碳量 × 氧化率 × 44/12",
)


def _times(unit: str) -> str:
    """A unit behind an amount: a power of ten as a factor."""
    return f"× {unit}" if unit.startswith("10") else unit


def _per(unit: str) -> str:
    """A unit behind a stroke: more than one word in brackets."""
    return f"({unit})" if " " in unit else unit


@QUANTIFICATION.add(
    "quantification", "fuel_en fuel_zh amount unit heat factor",
    {1: [("natural gas", "天然气", 320.0, "10⁴ m³", 389.31, 56.1), ("diesel oil", "柴油", 850.0, "t", 43.0, 74.1),
         ("anthracite", "无烟煤", 12000.0, "t", 26.7, 98.3), ("liquefied petroleum gas", "液化石油气", 140.0, "t", 47.3, 63.1)]},
)  # fmt: skip
def fuel_by_energy(fuel_en: str, fuel_zh: str, amount: float, unit: str, heat: float, factor: float) -> Body:
    value = emission_accounts.by_energy_t(amount, heat, factor)
    return numeric(
        (f"A plant burns {amount:g} {_times(unit)} of {fuel_en} in a year; net calorific value {heat:g} GJ per {unit}, emission factor {factor:g} t CO₂/TJ. "
         "How much CO₂ is that?",
         f"某企业一年消耗{fuel_zh} {amount:g} {_times(unit)}；低位发热量 {heat:g} GJ/{_per(unit)}，排放因子 {factor:g} t CO₂/TJ。排放多少 CO₂？"),
        value, "t",
        [(value * 1000, "GJ were not turned into TJ.", "没有把 GJ 换算成 TJ。"),
         (amount * factor / 1000, "The calorific value was left out.", "漏乘低位发热量。"),
         (value * emission_accounts.CO2_PER_CARBON, "44/12 was multiplied in though the factor is one of CO₂ already.", "排放因子已按 CO₂ 计，又乘了 44/12。"),
         (value / emission_accounts.CO2_PER_CARBON, "The factor was taken for one of carbon.", "把排放因子当作按碳计。")],
        ("Activity data in TJ times emission factor.", "以 TJ 计的活动数据乘以排放因子。"), _GUIDE,
    )  # fmt: skip


@QUANTIFICATION.add(
    "quantification", "coal heat carbon oxidised",
    {1: [(50000.0, 21.0, 0.0261, 0.98), (8600.0, 24.5, 0.0273, 0.94), (120000.0, 19.6, 0.0280, 0.99), (3200.0, 26.7, 0.0275, 0.94)],
     2: [(240000.0, 20.1, 0.0267, 0.98), (15500.0, 23.2, 0.0258, 0.93), (66000.0, 18.4, 0.0289, 0.97), (980000.0, 21.7, 0.0262, 0.99)]},
)  # fmt: skip
def coal_by_carbon(coal: float, heat: float, carbon: float, oxidised: float) -> Body:
    value = emission_accounts.by_carbon_t(coal, heat, carbon, oxidised)
    return numeric(
        (f"A boiler burns {coal:g} t of coal: {heat:g} GJ/t, {carbon:g} t C/GJ, oxidation {oxidised:g}. How much CO₂ does it emit?",
         f"某锅炉燃煤 {coal:g} t：低位发热量 {heat:g} GJ/t，单位热值含碳量 {carbon:g} t C/GJ，碳氧化率 {oxidised:g}。CO₂ 排放量是多少？"),
        value, "t",
        [(value / emission_accounts.CO2_PER_CARBON, "That is carbon: 44/12 is missing.", "这是碳量：漏乘 44/12。"),
         (value / oxidised**2 if oxidised < 0.98 else value / emission_accounts.CO2_PER_CARBON**2, "The oxidation was divided by, or 44/12 turned upside down.", "除以了氧化率，或把 44/12 颠倒。"),
         (value / heat, "The calorific value was left out.", "漏乘低位发热量。"),
         (value * (1 - oxidised) / oxidised, "The share that does not burn was taken.", "用了未氧化的比例。")],
        (f"{coal:g} × {heat:g} × {carbon:g} × {oxidised:g} × 44/12.", f"{coal:g} × {heat:g} × {carbon:g} × {oxidised:g} × 44/12。"), _GB,
    )  # fmt: skip


@QUANTIFICATION.add(
    "quantification", "dioxide methane oxide gwp_methane gwp_oxide",
    {1: [(1200.0, 15.0, 0.8, 27.9, 273.0), (300.0, 42.0, 0.1, 27.9, 273.0), (5600.0, 8.0, 3.2, 27.9, 273.0), (0.0, 25.0, 1.5, 27.9, 273.0)],
     2: [(860.0, 55.0, 2.4, 28.0, 265.0), (150.0, 9.0, 0.6, 28.0, 265.0), (2400.0, 130.0, 0.3, 27.9, 273.0), (70.0, 3.5, 4.1, 28.0, 265.0)]},
)  # fmt: skip
def equivalents(dioxide: float, methane: float, oxide: float, gwp_methane: float, gwp_oxide: float) -> Body:
    masses = (dioxide, methane, oxide)
    value = emission_accounts.equivalents_t(masses, (1.0, gwp_methane, gwp_oxide))
    return numeric(
        (f"A source emits {dioxide:g} t CO₂, {methane:g} t CH₄ and {oxide:g} t N₂O. With GWP₁₀₀ of {gwp_methane:g} for CH₄ and {gwp_oxide:g} for N₂O, "
         "how many tonnes of CO₂ equivalent is that?",
         f"某源排放 CO₂ {dioxide:g} t、CH₄ {methane:g} t、N₂O {oxide:g} t。取 CH₄ 的 GWP₁₀₀ 为 {gwp_methane:g}、N₂O 为 {gwp_oxide:g}，合多少吨二氧化碳当量？"),
        value, "t CO₂e",
        [(emission_accounts.equivalents_t(masses, (1.0, gwp_oxide, gwp_methane)), "The two potentials were exchanged.", "两个 GWP 用反了。"),
         (sum(masses), "The masses were added as they are.", "直接把质量相加。"),
         (dioxide + methane * gwp_methane, "N₂O was left out.", "漏计 N₂O。"),
         (sum(masses) * (gwp_methane + gwp_oxide), "The sum was multiplied by both potentials.", "用总质量乘以两个 GWP 之和。")],
        ("Each gas times its own potential, then the sum.", "各气体分别乘以自身的 GWP，再相加。"),
        ("IPCC AR5 WG1 Table 8.A.1 (28, 265), AR6 WG1 Table 7.SM.7 (27.9, 273); definition: IPCC AR6 WG1 Annex VII", "IPCC 第五次评估报告表 8.A.1（28、265），第六次评估报告表 7.SM.7（27.9、273）；定义见第六次评估报告附件七"),
    )  # fmt: skip


@QUANTIFICATION.add(
    "quantification", "bought sold factor",
    {1: [(5200.0, 400.0, 0.57), (860.0, 120.0, 0.58), (14300.0, 2300.0, 0.55), (410.0, 60.0, 0.6)]},
)  # fmt: skip
def bought_electricity(bought: float, sold: float, factor: float) -> Body:
    value = (bought - sold) * factor
    return numeric(
        (f"A site buys {bought:g} MWh from the grid and passes {sold:g} MWh of it on to others; the grid's factor is given as {factor:g} t CO₂/MWh. "
         "What is its emission from electricity used?",
         f"某企业从电网购入电力 {bought:g} MWh，其中转供其他单位 {sold:g} MWh；给定电网排放因子 {factor:g} t CO₂/MWh。其用电排放是多少？"),
        value, "t",
        [((bought + sold) * factor, "What was passed on was added.", "把转供电量加了进去。"),
         (bought * factor, "What was passed on was not taken off.", "没有扣除转供电量。"),
         (value * 1000, "MWh were taken for kWh.", "把 MWh 当作 kWh。"),
         ((bought - sold) / factor, "The factor was divided by.", "除以了排放因子。")],
        ("Electricity used within the boundary times the factor of the grid.", "边界内净用电量乘以电网排放因子。"),
        ("GHG Protocol Scope 2 Guidance (2015), location-based method: activity data x grid average factor", "《温室气体核算体系：范围二指南》（2015），基于位置的方法：活动数据 × 电网平均因子"),
    )  # fmt: skip


@QUANTIFICATION.add(
    "quantification", "first second third",
    {2: [(5.0, 3.0, 0.0), (2.0, 7.0, 1.5), (10.0, 5.0, 4.0), (1.5, 2.5, 2.0)], 3: [(8.0, 6.0, 0.0), (3.0, 4.0, 12.0), (2.0, 2.0, 2.0), (15.0, 20.0, 5.0)]},
)  # fmt: skip
def uncertainty_of_product(first: float, second: float, third: float) -> Body:
    parts = [one for one in (first, second, third) if one]
    value = emission_accounts.product_percent(parts)
    listed, listed_zh = (mark.join(f"±{one:g} %" for one in parts) for mark in (", ", "、"))
    return numeric(
        (f"An emission is the product of {len(parts)} independent inputs known to {listed}. What is its uncertainty?",
         f"某排放量是 {len(parts)} 个相互独立的输入之积，其不确定度分别为 {listed_zh}。该排放量的不确定度是多少？"),
        value, "%",
        [(sum(parts), "The uncertainties were added up; independent errors partly cancel.", "直接相加；独立误差会部分抵消。"),
         (max(parts), "Only the largest was taken.", "只取了最大的一个。"),
         (sum(parts) / len(parts), "The mean was taken.", "取了平均值。"),
         (value * value, "The root was left out.", "没有开方。")],
        ("Root of the sum of squares.", "平方和的平方根。"), ("IPCC 2006 Guidelines, Vol. 1, Ch. 3, Eq. 3.1", "《IPCC 2006 年国家温室气体清单指南》第 1 卷第 3 章式 3.1"),
    )  # fmt: skip


@QUANTIFICATION.add(
    "quantification", "amount_a percent_a amount_b percent_b",
    {2: [(9000.0, 4.0, 1000.0, 30.0), (500.0, 10.0, 700.0, 8.0), (120.0, 25.0, 880.0, 3.0), (4000.0, 5.0, 4000.0, 5.0)],
     3: [(15000.0, 3.0, 600.0, 60.0), (320.0, 12.0, 450.0, 9.0), (7000.0, 2.0, 2000.0, 15.0), (90.0, 40.0, 60.0, 50.0)]},
)  # fmt: skip
def uncertainty_of_sum(amount_a: float, percent_a: float, amount_b: float, percent_b: float) -> Body:
    value = emission_accounts.sum_percent((amount_a, amount_b), (percent_a, percent_b))
    return numeric(
        (f"Two independent sources emit {amount_a:g} t (±{percent_a:g} %) and {amount_b:g} t (±{percent_b:g} %). What is the uncertainty of their sum?",
         f"两个独立排放源分别为 {amount_a:g} t（±{percent_a:g} %）和 {amount_b:g} t（±{percent_b:g} %）。总量的不确定度是多少？"),
        value, "%",
        [(emission_accounts.product_percent((percent_a, percent_b)), "The rule for a product was used.", "用了乘积的规则。"),
         ((amount_a * percent_a + amount_b * percent_b) / (amount_a + amount_b), "The errors were added, not combined in squares.", "误差直接相加，没有按平方合成。"),
         (percent_a + percent_b, "The percentages were added.", "百分数直接相加。"),
         (max(percent_a, percent_b), "Only the larger percentage was taken.", "只取了较大的百分数。")],
        ("√((x₁U₁)² + (x₂U₂)²) / (x₁ + x₂).", "√((x₁U₁)² + (x₂U₂)²) / (x₁ + x₂)。"), ("IPCC 2006 Guidelines, Vol. 1, Ch. 3, Eq. 3.2", "《IPCC 2006 年国家温室气体清单指南》第 1 卷第 3 章式 3.2"),
    )  # fmt: skip


@QUANTIFICATION.add(
    "quantification",
    "limestone calcite",
    {3: [(12000.0, 0.90), (4500.0, 0.93), (820.0, 0.88), (26000.0, 0.95)]},
)
def desulphurisation(limestone: float, calcite: float) -> Body:
    value = emission_accounts.desulphurisation_t(limestone, calcite)
    return numeric(
        (f"Flue gas is desulphurised with {limestone:g} t of limestone, {100 * calcite:g} % CaCO₃, all converted. How much CO₂ is set free?",
         f"烟气脱硫消耗石灰石 {limestone:g} t，CaCO₃ 含量 {100 * calcite:g} %，完全转化。放出多少 CO₂？"),
        value, "t",
        [(value / calcite, "The impurities were counted as CaCO₃.", "把杂质也当作 CaCO₃。"),
         (limestone * calcite * 12.011 / 100.086, "The mass of carbon was taken.", "用了碳的质量。"),
         (limestone * calcite * 56.077 / 100.086, "The share of CaO was taken.", "用了 CaO 的比例。"),
         (limestone * calcite, "The mass of CaCO₃ was taken for that of CO₂.", "把 CaCO₃ 的质量当作 CO₂ 的质量。")],
        ("0.440 t CO₂ per t CaCO₃: 44/100.", "每吨 CaCO₃ 放出 0.440 t CO₂：44/100。"), ("IPCC 2006 Guidelines, Vol. 3, Ch. 2, Table 2.1", "《IPCC 2006 年国家温室气体清单指南》第 3 卷第 2 章表 2.1"),
    )  # fmt: skip


@QUANTIFICATION.add(
    "quantification", "fuel limestone power factor",
    {3: [(52000.0, 9000.0, 8000.0, 0.57), (21000.0, 2500.0, 4200.0, 0.55), (88000.0, 14000.0, 12000.0, 0.58), (36000.0, 3000.0, 6400.0, 0.57)]},
)  # fmt: skip
def power_plant(fuel: float, limestone: float, power: float, factor: float) -> Body:
    sulphur, bought = emission_accounts.desulphurisation_t(limestone, 0.9), power * factor
    value = fuel + sulphur + bought
    return numeric(
        (f"A power plant emits {fuel:g} t CO₂ from fuel, uses {limestone:g} t of limestone (90 % CaCO₃) against sulphur and buys {power:g} MWh "
         f"({factor:g} t CO₂/MWh). What total does it report?",
         f"某发电企业化石燃料燃烧排放 CO₂ {fuel:g} t，脱硫消耗石灰石 {limestone:g} t（CaCO₃ 90 %），购入电力 {power:g} MWh（{factor:g} t CO₂/MWh）。报告的排放总量是多少？"),
        value, "t",
        [(fuel, "Only the fuel was counted.", "只计了燃料燃烧。"),
         (fuel + limestone + bought, "The limestone itself was added.", "直接加了石灰石的质量。"),
         (fuel + sulphur - bought, "Bought electricity was taken off; that is for what is sold, in other schemes.", "减去了购入电力。"),
         (fuel + bought, "Desulphurisation was left out.", "漏计脱硫过程排放。"),
         (fuel + 2 * sulphur + 2 * bought, "Process and power were counted twice.", "过程与用电排放重复计算。")],
        ("E = E(fuel) + E(desulphurisation) + E(electricity bought).", "E = E(燃烧) + E(脱硫) + E(购入电力)。"),
        ("GB/T 32151.1-2015, total emission of a power generation enterprise", "GB/T 32151.1—2015 发电企业排放总量"), digits=4,
    )  # fmt: skip


@QUANTIFICATION.add(
    "quantification", "temperature pressure",
    {2: [(10.0, 880.0), (25.0, 700.0), (5.0, 965.0), (35.0, 900.0)]},
)  # fmt: skip
def free_air(temperature: float, pressure: float) -> Body:
    value = float(free_air_massman_m2_s(temperature, pressure))
    ratio = pressure / 1013.25
    return numeric(
        (f"How fast does CO₂ diffuse in free air at {temperature:g} °C and {pressure:g} hPa (Massman 1998: 1.381·10⁻⁵ m²/s at 0 °C and 1013.25 hPa, exponent 1.81)?",
         f"在 {temperature:g} ℃、{pressure:g} hPa 时 CO₂ 在自由空气中的扩散系数是多少（Massman 1998：0 ℃、1013.25 hPa 时 1.381·10⁻⁵ m²/s，指数 1.81）？"),
        value, "m²/s",
        [(value * ratio * ratio, "The pressure ratio was inverted.", "气压比用反了。"),
         (1.381e-5, "The value at 0 °C and sea level was taken as it is.", "直接用了 0 ℃、海平面的值。"),
         (value * ratio, "The pressure was left out.", "没有考虑气压。"),
         (value * (273.15 / (temperature + 273.15)) ** 3.62, "The temperature ratio was inverted.", "温度比用反了。")],
        ("D₀ = 1.381·10⁻⁵ (T/273.15)^1.81 (1013.25/P).", "D₀ = 1.381·10⁻⁵ (T/273.15)^1.81 (1013.25/P)。"),
        "Massman 1998, doi:10.1016/S1352-2310(97)00391-9; soilco2: soilco2.analysis.flux.physics.gas, Eq. F8",
    )  # fmt: skip


def _tortuous(air: float, pores: float) -> float:
    return float(MODELS["millington_quirk_1961"].formula(np.asarray(air), np.asarray(pores), {}))


@QUANTIFICATION.add(
    "quantification", "pores water",
    {2: [(0.45, 0.10), (0.42, 0.20), (0.48, 0.05), (0.40, 0.15)], 3: [(0.44, 0.25), (0.47, 0.12), (0.38, 0.08), (0.50, 0.30)]},
)  # fmt: skip
def relative_diffusivity(pores: float, water: float) -> Body:
    air = pores - water
    return numeric(
        (f"A layer has porosity {pores} and water content {water} m³/m³. What is Ds/D₀ by Millington and Quirk (1961)?",
         f"某土层孔隙度 {pores}，体积含水率 {water} m³/m³。按 Millington–Quirk（1961）模型，Ds/D₀ 是多少？"),
        _tortuous(air, pores), "",
        [(_tortuous(pores, pores), "The whole porosity was put in for the air-filled one.", "用总孔隙度代替了充气孔隙度。"),
         (_tortuous(water, pores), "The water content was put in for the air-filled porosity.", "用含水率代替了充气孔隙度。"),
         (air ** (10 / 3) / pores, "φ was not squared.", "φ 没有平方。"),
         (0.66 * air, "That is Penman's model.", "这是 Penman 模型。")],
        (f"ε = {number(air)}; ε^(10/3)/φ².", f"ε = {number(air)}；ε^(10/3)/φ²。"),
        "Millington & Quirk 1961, doi:10.1039/TF9615701200; soilco2: soilco2.analysis.flux.physics.diffusivity, Eq. D6",
    )  # fmt: skip


def _flux(
    upper: float,
    upper_cm: float,
    lower: float,
    lower_cm: float,
    ds: float,
    temperature: float,
    pressure: float,
) -> float:
    density = float(air_density_mol_m3(temperature, pressure))
    return float(flux_umol_m2_s((lower - upper) / (lower_cm - upper_cm) * 100, density * ds))


_PROFILES = [
    (820.0, 3.0, 2400.0, 9.0, 1.9e-6, 24.0, 968.0), (640.0, 2.0, 1350.0, 8.0, 2.6e-6, 18.0, 880.0),
    (2100.0, 8.0, 5200.0, 21.0, 1.2e-6, 15.0, 965.0), (980.0, 5.0, 3100.0, 20.0, 2.2e-6, 28.0, 870.0),
]  # fmt: skip
_DRY = [
    (700.0, 3.0, 1150.0, 9.0, 3.4e-6, 31.0, 968.0), (1500.0, 6.0, 4300.0, 16.0, 0.8e-6, 12.0, 900.0),
    (560.0, 2.0, 910.0, 10.0, 2.9e-6, 35.0, 885.0), (3300.0, 10.0, 6900.0, 30.0, 1.6e-6, 20.0, 880.0),
]  # fmt: skip


@QUANTIFICATION.add(
    "quantification", "upper upper_cm lower lower_cm ds temperature pressure", {2: _PROFILES, 3: _DRY}
)
def flux_between(
    upper: float,
    upper_cm: float,
    lower: float,
    lower_cm: float,
    ds: float,
    temperature: float,
    pressure: float,
) -> Body:
    value = _flux(upper, upper_cm, lower, lower_cm, ds, temperature, pressure)
    density = float(air_density_mol_m3(temperature, pressure))
    said = number(ds)
    return numeric(
        (f"CO₂ is {upper:g} ppm at {upper_cm:g} cm and {lower:g} ppm at {lower_cm:g} cm; Ds = {said} m²/s, {temperature:g} °C, {pressure:g} hPa. "
         "What flux passes between the probes (positive upward)?",
         f"CO₂ 在 {upper_cm:g} cm 处为 {upper:g} ppm，在 {lower_cm:g} cm 处为 {lower:g} ppm；Ds = {said} m²/s，{temperature:g} ℃，{pressure:g} hPa。两探头之间的通量是多少（向上为正）？"),
        value, "µmol m⁻² s⁻¹",
        [(value / 100, "The depth was left in centimetres.", "深度没有从 cm 换成 m。"),
         (-value, "The sign: CO₂ rises with depth, so it goes up.", "符号错：CO₂ 随深度增加，通量向上。"),
         (value / density, "The air density was left out: ppm are no concentration.", "漏乘空气密度：ppm 不是浓度。"),
         (value * (lower_cm - upper_cm) / lower_cm, "The depth of the lower probe was taken for the distance.", "用下层深度代替了两探头间距。")],
        (f"F = c_air Ds Δx/Δz with c_air = {number(density)} mol/m³.", f"F = c_air Ds Δx/Δz，c_air = {number(density)} mol/m³。"),
        "Fick's first law; soilco2: soilco2.analysis.flux.methods.gradient, Eq. G5",
    )  # fmt: skip


@QUANTIFICATION.add(
    "quantification", "first first_cm second second_cm",
    {3: [(4.0e-5, 5.0, 1.0e-5, 10.0), (9.0e-5, 8.0, 2.0e-5, 4.0), (6.0e-5, 10.0, 1.5e-5, 20.0), (2.0e-5, 3.0, 8.0e-5, 12.0)]},
)  # fmt: skip
def layers_in_series(first: float, first_cm: float, second: float, second_cm: float) -> Body:
    value = float(harmonic_mean((first, second), (first_cm / 100, second_cm / 100)))
    total = first_cm + second_cm
    return numeric(
        (f"Two layers lie between two probes: one {first_cm:g} cm thick with c_air·Ds (molar density of air times diffusivity) = {number(first)} mol m⁻¹ s⁻¹, one {second_cm:g} cm thick with {number(second)}. "
         "Which value stands for both together?",
         f"两探头之间有两层：一层厚 {first_cm:g} cm，c_air·Ds（空气摩尔密度乘以扩散系数）为 {number(first)} mol m⁻¹ s⁻¹；另一层厚 {second_cm:g} cm，为 {number(second)}。合起来应取何值？"),
        value, "mol m⁻¹ s⁻¹",
        [((first * first_cm + second * second_cm) / total, "An arithmetic mean: it lets the gas pass the tight layer too easily.", "算术平均：高估了致密层的通气。"),
         (2 / (1 / first + 1 / second), "The thicknesses were left out.", "没有按厚度加权。"),
         ((first * second) ** 0.5, "A geometric mean.", "几何平均。"),
         ((first + second) / 2, "A plain mean of the two.", "两者的简单平均。")],
        ("Layers in series: Σh / Σ(h/k).", "串联：Σh / Σ(h/k)。"), "soilco2: soilco2.analysis.flux.methods.gradient, Eq. G1",
    )  # fmt: skip


@QUANTIFICATION.add(
    "quantification", "flux_a flux_b z0 z1 z2",
    {3: [(2.4, 1.5, 2.0, 8.0, 20.0), (3.1, 2.2, 3.0, 9.0, 21.0), (1.8, 0.9, 0.0, 6.0, 16.0), (4.4, 3.2, 5.0, 10.0, 30.0)]},
)  # fmt: skip
def to_the_surface(flux_a: float, flux_b: float, z0: float, z1: float, z2: float) -> Body:
    depths = np.asarray([z0, z1, z2]) / 100
    value = float(two_layers((flux_a, flux_b), depths))
    a, b = middle_m(depths) * 100
    at_lower = flux_a - (flux_b - flux_a) / (z2 - z1) * z1
    return numeric(
        (f"The flux is {flux_a} µmol m⁻² s⁻¹ between {z0:g} and {z1:g} cm and {flux_b} between {z1:g} and {z2:g} cm. What does the line through both give at the surface?",
         f"{z0:g}–{z1:g} cm 之间通量为 {flux_a} µmol m⁻² s⁻¹，{z1:g}–{z2:g} cm 之间为 {flux_b}。过两者的直线在地表给出多少？"),
        value, "µmol m⁻² s⁻¹",
        [(flux_a, "The upper flux was taken as it is: what is produced above it is missing.", "直接取上层通量：漏掉其上方的产生量。"),
         ((flux_a + flux_b) / 2, "The mean of the two.", "取了两者的平均。"),
         (at_lower, "The fluxes were put at the lower ends of the layers, not at their middles.", "把通量放在层底而不是层中。"),
         (2 * flux_a - value, "The line was carried the wrong way.", "外推方向反了。")],
        (f"The fluxes belong to the middles, {a:g} and {b:g} cm.", f"通量属于各层中点：{a:g} cm 与 {b:g} cm。"),
        "soilco2: soilco2.analysis.flux.methods.efflux, Eq. U2",
    )  # fmt: skip


@QUANTIFICATION.add(
    "quantification", "top bottom thickness_cm stored",
    {3: [(2.4, 1.5, 10.0, 1.2), (3.6, 2.0, 20.0, -2.5), (1.4, 1.1, 8.0, 2.0), (0.9, 0.2, 12.0, -1.8)]},
)  # fmt: skip
def production(top: float, bottom: float, thickness_cm: float, stored: float) -> Body:
    value = float(layer_production_umol_m3_s(top, bottom, thickness_cm / 100, stored))
    steady = value - stored
    return numeric(
        (f"A layer of {thickness_cm:g} cm lets {top} µmol m⁻² s⁻¹ out at its top and {bottom} in at its bottom, while the CO₂ in its air changes by "
         f"{number(stored, 2)} µmol m⁻³ s⁻¹. How much does it produce?",
         f"某 {thickness_cm:g} cm 厚土层顶部流出 {top} µmol m⁻² s⁻¹，底部流入 {bottom}，其空气中 CO₂ 变化 {number(stored, 2)} µmol m⁻³ s⁻¹。产生量是多少？"),
        value, "µmol m⁻³ s⁻¹",
        [(steady, "The storage term was left out.", "漏掉储存项。"),
         (steady - stored, "The storage term was taken off, not added.", "储存项应加而减了。"),
         ((top + bottom) / thickness_cm * 100 + stored, "The fluxes were added.", "把两个通量相加。"),
         ((top - bottom) / thickness_cm + stored, "The thickness was left in centimetres.", "厚度没有换成 m。")],
        ("p = (F_top − F_bottom)/h + d(ε c)/dt.", "p = (F_顶 − F_底)/h + d(ε c)/dt。"), "soilco2: soilco2.analysis.flux.methods.storage_term, Eq. B2",
    )  # fmt: skip


@QUANTIFICATION.add(
    "quantification", "coal heat carbon oxidised bought factor",
    {1: [(30000.0, 20.0, 0.0262, 0.98, 4000.0, 0.57), (7500.0, 25.1, 0.0274, 0.94, 900.0, 0.55)],
     2: [(180000.0, 19.8, 0.0265, 0.99, 15000.0, 0.57), (42000.0, 22.3, 0.0259, 0.93, 6100.0, 0.58)]},
)  # fmt: skip
def account_in_steps(
    coal: float, heat: float, carbon: float, oxidised: float, bought: float, factor: float
) -> Body:
    burnt, power = emission_accounts.by_carbon_t(coal, heat, carbon, oxidised), bought * factor
    return short(
        (f"A heating plant burns {coal:g} t of coal ({heat:g} GJ/t, {carbon:g} t C/GJ, oxidation {oxidised:g}) and buys {bought:g} MWh ({factor:g} t CO₂/MWh). "
         "Name both emission sources, compute each and the total.",
         f"某供热厂燃煤 {coal:g} t（低位发热量 {heat:g} GJ/t，单位热值含碳量 {carbon:g} t C/GJ，碳氧化率 {oxidised:g}），购入电力 {bought:g} MWh（{factor:g} t CO₂/MWh）。写出两个排放源，分别计算并求总量。"),
        [("Direct: combustion of coal; indirect: electricity bought.", "直接排放：燃煤燃烧；间接排放：购入电力。", 2),
         (f"Coal: {coal:g} × {heat:g} × {carbon:g} × {oxidised:g} × 44/12 = {number(burnt)} t.", f"燃煤：{coal:g} × {heat:g} × {carbon:g} × {oxidised:g} × 44/12 = {number(burnt)} t。", 3),
         (f"Electricity: {bought:g} × {factor:g} = {number(power)} t.", f"电力：{bought:g} × {factor:g} = {number(power)} t。", 2),
         (f"Total {number(burnt + power)} t CO₂, with its unit.", f"合计 {number(burnt + power)} t CO₂，写明单位。", 1)],
        ("Activity data times emission factor, source by source.", "逐源以活动数据乘以排放因子。"), _GB, burnt + power,
    )  # fmt: skip


@QUANTIFICATION.add(
    "quantification", "upper upper_cm lower lower_cm d0 pores water temperature pressure",
    {3: [(780.0, 3.0, 2300.0, 9.0, 1.72e-5, 0.45, 0.08, 24.0, 968.0), (900.0, 5.0, 3400.0, 20.0, 1.85e-5, 0.43, 0.15, 16.0, 880.0)]},
)  # fmt: skip
def flux_in_steps(
    upper: float, upper_cm: float, lower: float, lower_cm: float, d0: float, pores: float, water: float,
    temperature: float, pressure: float,
) -> Body:  # fmt: skip
    ratio = _tortuous(pores - water, pores)
    value = _flux(upper, upper_cm, lower, lower_cm, d0 * ratio, temperature, pressure)
    density = float(air_density_mol_m3(temperature, pressure))
    gradient = (lower - upper) / (lower_cm - upper_cm) * 100
    return short(
        (f"Two probes read {upper:g} ppm at {upper_cm:g} cm and {lower:g} ppm at {lower_cm:g} cm; porosity {pores}, water {water} m³/m³, D₀ = {number(d0)} m²/s, "
         f"{temperature:g} °C, {pressure:g} hPa. Compute the flux between them by Millington and Quirk (1961), and say what is still missing for the efflux at the surface.",
         f"两探头读数：{upper_cm:g} cm 处 {upper:g} ppm，{lower_cm:g} cm 处 {lower:g} ppm；孔隙度 {pores}，体积含水率 {water} m³/m³，D₀ = {number(d0)} m²/s，{temperature:g} ℃，{pressure:g} hPa。"
         "按 Millington–Quirk（1961）计算两者之间的通量，并说明要得到地表通量还缺什么。"),
        [(f"ε = {number(pores - water)}, Ds/D₀ = {number(ratio)}.", f"ε = {number(pores - water)}，Ds/D₀ = {number(ratio)}。", 2),
         (f"Air density {number(density)} mol/m³.", f"空气密度 {number(density)} mol/m³。", 1),
         (f"Gradient {number(gradient)} ppm/m, in metres.", f"梯度 {number(gradient)} ppm/m（以 m 计）。", 1),
         (f"F = {number(value)} µmol m⁻² s⁻¹, upward.", f"F = {number(value)} µmol m⁻² s⁻¹，向上。", 2),
         ("What is produced above the probes must be added: a second layer, or the surface.", "须加上探头以上的产生量：再取一层或地表值外推。", 1),
         ("An interval, or the reason why there is none.", "给出区间，或说明不能给出的原因。", 1)],
        ("F = c_air D₀ (Ds/D₀) Δx/Δz.", "F = c_air D₀ (Ds/D₀) Δx/Δz。"),
        "soilco2: soilco2.analysis.flux, Eqs. F1, D6, G5; Millington & Quirk 1961, doi:10.1039/TF9615701200", value,
    )  # fmt: skip
