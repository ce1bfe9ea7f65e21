"""Tables of a plan that stand for one table of the station file each."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from soilco2.documents.document import Grid, grid
from soilco2.documents.facts import Measured, calibrations, canonical, compensation
from soilco2.documents.language import Language
from soilco2.documents.vocabulary import CHOICES, COMPENSATED, DUTIES, ELSEWHERE, KEYS, LEFT_OUT, ROLES
from soilco2.station_config.base import Secret, Table, parse_duration
from soilco2.station_config.loader import Station
from soilco2.station_config.tables.fields import holds


def by_key(t: Language, caption: str, row: Table) -> Grid:
    """Every key of a table with its value."""
    labels = KEYS[type(row).__name__]
    names = [name for name in type(row).model_fields if name not in ELSEWHERE]
    rows = [(t(*labels.get(name, (name, name))), f"`{name}`", _value(t, row, name)) for name in names]
    return grid(caption, (t("what", "项目"), t("key", "键"), t("value", "值")), rows, (2.8, 2.5, 3.7))


def _value(t: Language, row: Table, name: str) -> str:
    value: Any = getattr(row, name)
    if value in (None, "", (), {}):
        return t(*LEFT_OUT.get(f"{type(row).__name__}.{name}", ("–", "–")))
    if holds(type(row).model_fields[name].annotation, Secret):
        return t.secret(value)
    if isinstance(value, dict):
        return t.listed([f"{key} = {json.dumps(part, ensure_ascii=False)}" for key, part in value.items()])
    if isinstance(value, datetime):
        return t.moment(value)
    if isinstance(value, Table):
        return _one(t, value)
    if isinstance(value, tuple):
        return t.listed([_one(t, one) for one in value])
    if isinstance(value, bool):
        return t.yes(value)
    if isinstance(value, str | Path):
        return t(*CHOICES[str(value)]) if str(value) in CHOICES else str(value)
    made_by = [getattr(part, "func", None) for part in type(row).model_fields[name].metadata]
    return t.duration(value) if parse_duration in made_by else t.number(value)


def _one(t: Language, value: Any) -> str:
    """One of several values; a table as its keys stand in the file."""
    if isinstance(value, Table):
        said = value.model_dump(mode="json", exclude_unset=True, exclude_none=True)
        return ", ".join(f"{key} = {json.dumps(part, ensure_ascii=False)}" for key, part in said.items())
    return value if isinstance(value, str) else t.number(value)


def positions(t: Language, station: Station, rows: Sequence[Measured]) -> Grid:
    """Where what is measured, from the surface downward."""
    out = []
    for profile in station.file.profile:
        for spot in profile.position:
            here = [r for r in rows if (r.series.profile, r.series.position) == (profile.id, spot.id)]
            depth = station.deployments.depth_at(profile.id, spot.id)
            words = t.number(depth, "m")
            if depth != spot.depth_m:
                words += t(
                    f"\n({t.number(spot.depth_m, 'm')} when measured)",
                    f"\n（测量时 {t.number(spot.depth_m, 'm')}）",
                )
            if spot.measured is not None:
                words += t(f"\nmeasured {t.moment(spot.measured)}", f"\n测量于 {t.moment(spot.measured)}")
            out.append(
                (
                    f"{profile.id}/{spot.id}", words, spot.replicate or "–",
                    t.listed([t.variable(r.series.variable) for r in here]), t.names(spot.note) or "–",
                )
            )  # fmt: skip
    site = [r for r in rows if r.series.profile == "site"]
    if site:
        out.append(("site", "–", "–", t.listed([t.variable(r.series.variable) for r in site]), "–"))
    return grid(
        t("Positions (depth below the surface today)", "测点（距当前地表的深度）"),
        (t("position", "测点"), t("depth", "深度"), t("replicate", "重复"), t("what is measured", "监测内容"), t("note", "备注")),
        out, (2, 2, 1.6, 4, 3),
    )  # fmt: skip


def surfaces(t: Language, station: Station) -> Grid | None:
    """How the surface moved."""
    rows = [
        (profile.id, t.moment(row.from_), t.signed(row.change_m, "m"), t.names(row.note) or "–")
        for profile in station.file.profile
        for row in profile.surface
    ]
    head = (t("profile", "土壤剖面"), t("from", "自"), t("change", "变化"), t("note", "备注"))
    return grid(t("Changes of the surface", "地表升降"), head, rows) if rows else None


def profiles(t: Language, station: Station) -> Grid:
    """The profiles."""
    rows = [
        (row.id, t.names(row.name) or "–", t.number(len(row.position)), t.names(row.note) or "–")
        for row in station.file.profile
    ]
    head = (t("profile", "土壤剖面"), t("name", "名称"), t("positions", "测点数"), t("note", "备注"))
    return grid(t("Soil profiles", "土壤剖面"), head, rows, (2, 4, 1.6, 4))


def horizons(t: Language, station: Station) -> Grid | None:
    """The soil."""
    if station.file.soil is None or not station.file.soil.horizon:
        return None
    rows = []
    for row in station.file.soil.horizon:
        if row.porosity is not None:
            pores = f"{t.number(row.porosity)} ± {t.number(row.porosity_sd)}"
        else:
            pores = (
                t(
                    f"from {t.number(row.bulk_density_g_cm3)} g/cm³",
                    f"由 {t.number(row.bulk_density_g_cm3)} g/cm³ 计算",
                )
                + f" ± {t.number(row.porosity_sd)}"
            )
        more = [f"b = {t.number(row.b)}"] if row.b is not None else []
        more += [f"ε₁₀₀ = {t.number(row.eps100)}"] if row.eps100 is not None else []
        rows.append(
            (
                row.name or "–", row.profile or t("all", "全部"),
                f"{t.number(row.top_m)} … {t.number(row.bottom_m)}", pores,
                t.percent(row.coarse_mass_fraction, 2), t.number(row.particle_density_g_cm3), "; ".join(more) or "–",
            )
        )  # fmt: skip
    return grid(
        t("Soil horizons", "土壤发生层"),
        (
            t("horizon", "发生层"), t("profile", "土壤剖面"), t("depth [m]", "深度 [m]"), t("porosity [m³/m³]", "孔隙度 [m³/m³]"),
            t("coarse, by mass", "粗骨（质量）"), t("particle density [g/cm³]", "颗粒密度 [g/cm³]"), t("parameters", "参数"),
        ),
        rows, (1.6, 1.6, 2, 2.9, 2, 1.7, 2),
    )  # fmt: skip


def instruments(t: Language, station: Station) -> Grid:
    """Every instrument with line and rhythm."""
    rows = []
    for row in station.file.instrument:
        model = station.models[row.model_key]
        wait = model.timeout if row.timeout is None else row.timeout
        warm = model.warm_up if row.warm_up is None else row.warm_up
        extra = [f"{name} = {t.number(value)}" for name, value in row.settings.items()]
        extra += [t("channels", "通道") + " " + ", ".join(row.channels)] if row.channels else []
        extra += [
            f"{one.channel}: {t.variable(one.variable)}, 4–20 mA = {t.number(one.at_4ma)} … {t.number(one.at_20ma)} {one.unit}"
            for one in row.analog
        ]
        extra += [t.names(row.note)] if row.note else []
        where = (
            row.connection
            if row.address is None
            else f"{row.connection}{t(', address', '，地址')} {row.address}"
        )
        rows.append(
            (
                row.id, f"{model.maker} {t.names(model.name)}\n`{model.id}`", row.serial, where, t.duration(row.interval),
                f"{t.duration(warm)} / {t.duration(wait)}", "; ".join(extra) or "–",
            )
        )  # fmt: skip
    return grid(
        t("Instruments", "仪器"),
        (
            t("instrument", "仪器"), t("make and model", "型号"), t("serial number", "序列号"), t("line", "线路"),
            t("interval", "采集间隔"), t("warm-up / answer within", "预热 / 应答时限"), t("settings and notes", "设置与备注"),
        ),
        rows, (2.0, 2.6, 1.9, 1.5, 1.7, 1.9, 2.7),
    )  # fmt: skip


def channels(t: Language, station: Station) -> Grid:
    """Range, resolution and the maker's claim, model by model."""
    rows = []
    seen: set[tuple[str, str]] = set()
    for instrument in station.file.instrument:
        for channel in station.deployments.channels_of(instrument.serial):
            spec, unit = channel.spec, t.unit(channel.variable)
            if (channel.model.id, spec.id) in seen:
                continue
            seen.add((channel.model.id, spec.id))
            step = None if spec.resolution is None else abs(channel.a / spec.scale) * spec.resolution
            rows.append(
                (
                    f"`{channel.model.id}`", t.variable(channel.variable),
                    t.span(canonical(channel, spec.lower), canonical(channel, spec.upper), unit),
                    "–" if step is None else t.number(float(f"{step:.6g}"), unit),
                    t.names(spec.accuracy) or t("not stated by the catalogue", "型号库未写明"),
                )
            )  # fmt: skip
    return grid(
        t("Ranges and the maker's claim, which is not an uncertainty reached here", "量程与厂家声明（并非在本站达到的不确定度）"),
        (t("model", "型号"), t("variable", "监测参数"), t("range", "量程"), t("resolution", "分辨力"), t("claim", "厂家声明")),
        rows, (2.4, 2.4, 2.2, 1.6, 4),
    )  # fmt: skip


def compensations(t: Language, station: Station) -> Grid | None:
    """Who compensates each CO2 probe."""
    rows = []
    for instrument in station.file.instrument:
        for channel in station.deployments.channels_of(instrument.serial):
            if channel.variable != "co2":
                continue
            found = compensation(channel)
            rows.append(
                (
                    instrument.id, t(*COMPENSATED[found["pressure"]]),
                    t.number(found["reference_pressure_hpa"], "hPa"), t(*COMPENSATED[found["temperature"]]),
                    t.number(found["reference_temperature_degc"], "°C"),
                )
            )  # fmt: skip
    head = (
        t("CO₂ probe", "CO₂ 探头"), t("pressure compensated", "气压补偿"), t("reference", "参考气压"),
        t("temperature compensated", "温度补偿"), t("reference", "参考温度"),
    )  # fmt: skip
    return grid(t("Compensation of CO₂ readings", "CO₂ 读数的补偿"), head, rows) if rows else None


def installations(t: Language, station: Station) -> Grid:
    """What hung where and when."""
    rows = [
        (
            row.id, place.channel or t("all that fit", "全部适用通道"), place.position, t.moment(place.from_),
            t("still there", "至今") if place.until is None else t.moment(place.until), t.names(place.note) or "–",
        )
        for row in station.file.instrument
        for place in row.installation
    ]  # fmt: skip
    head = (
        t("instrument", "仪器"), t("channel", "通道"), t("position", "测点"), t("from", "自"), t("until", "至"), t("note", "备注"),
    )  # fmt: skip
    return grid(t("Installations", "安装记录"), head, rows, (2, 2, 2, 2, 2, 2))


def modelled(t: Language, station: Station) -> Grid | None:
    """Numbers that were not measured."""
    rows = [
        (
            row.id,
            t.variable(channel.variable)
            if (channel := station.deployments.channel(row.serial, name))
            else name,
            t.names(words),
        )
        for row in station.file.instrument
        for name, words in row.modelled.items()
    ]
    head = (t("instrument", "仪器"), t("variable", "参数"), t("how it was made", "来源"))
    return (
        grid(t("Not measured but modelled", "非实测、由模型给出"), head, rows, (1.5, 2, 6)) if rows else None
    )


def schedule(t: Language, station: Station) -> Grid:
    """Calibrations past and due; what was never calibrated in one row for each probe and interval."""
    rows: list[tuple[str, ...]] = []
    never: dict[tuple[str, float | None], list[str]] = {}
    for due in calibrations(station.deployments):
        instrument = due.channel.instrument
        assert instrument is not None
        every = due.channel.model.calibration_every
        name = f"{instrument.id}\n{t.variable(due.channel.variable)}"
        if due.row is None:
            never.setdefault((instrument.id, every), []).append(t.variable(due.channel.variable))
            continue
        row = due.row
        when = t.time(due.due_us)
        if row.valid_until is not None:
            when += t(f"\nvalid until {t.moment(row.valid_until)}", f"\n有效至 {t.moment(row.valid_until)}")
        if row.due is not None:
            when += t(f"\ndue {t.moment(row.due)}", f"\n应校于 {t.moment(row.due)}")
        gain = f"{t.number(row.gain)} · x {t.signed(row.offset)} {t.unit(due.channel.variable)}"
        rows.append((name, row.certificate, t.moment(row.valid_from), gain, when, t.duration(every)))
    for (who, every), names in never.items():
        words = t("never calibrated here", "在此未校准过")
        rows.append((f"{who}\n{t.listed(names)}", words, "–", "–", "–", t.duration(every)))
    return grid(
        t("Calibrations", "校准"),
        (
            t("channel", "通道"), t("certificate", "证书"), t("valid from", "生效"), t("applied", "所用关系"),
            t("due again", "下次校准"), t("interval of the maker", "厂家建议周期"),
        ),
        rows, (2.4, 2.2, 1.8, 2.6, 2.2, 1.5),
    )  # fmt: skip


def people(t: Language, station: Station) -> Grid | None:
    """Who does what."""
    rows = [
        (
            t(*ROLES[row.role]),
            t.names(row.name),
            t.names(row.organisation) or "–",
            row.contact or "–",
            t(*DUTIES[row.role]),
        )
        for row in station.file.people
    ]
    head = (
        t("role", "角色"),
        t("name", "姓名"),
        t("organisation", "单位"),
        t("contact", "联系方式"),
        t("task", "职责"),
    )
    return grid(t("Responsibilities", "职责"), head, rows, (1.4, 2, 2.4, 2.4, 4)) if rows else None


def revisions(t: Language, station: Station) -> Grid | None:
    """Versions of the plan."""
    plan = station.file.plan
    rows = [(row.version, t.moment(row.date), t.names(row.change)) for row in plan.revision] if plan else []
    head = (t("version", "版本"), t("date", "日期"), t("what changed", "修订内容"))
    return grid(t("Versions", "版本"), head, rows, (1, 1.5, 6)) if rows else None


def own_variables(t: Language, station: Station) -> Grid | None:
    """What the station measures beyond the variables that come with the package."""
    rows = []
    for own in station.file.variable:
        row, place = own.row, t("at a depth", "在某一深度")
        if not row.has_depth:
            place = t("at the site", "全站")
        elif row.also_at_site:
            place = t("at a depth or at the site", "在某一深度或全站")
        how = t("adds up", "累加") if row.sums else t("averages", "取平均")
        rows.append(
            (
                f"{t.variable(row.id)}\n`{row.id}`, {row.symbol}", f"{row.unit_text}\n`{row.unit}`",
                f"{t.number(row.lower)} … {t.number(row.upper)}", t.number(row.resolution), place, how,
            )
        )  # fmt: skip
    head = (
        t("variable", "变量"), t("unit", "单位"), t("possible", "物理范围"), t("resolution", "分辨率"),
        t("where", "位置"), t("in time", "随时间"),
    )  # fmt: skip
    caption = t("Variables of the station's own", "本站自定义变量")
    return grid(caption, head, rows, (2.8, 1.5, 2, 2, 2, 1.6)) if rows else None


def limits(t: Language, rows: Sequence[Measured]) -> Grid:
    """The limits in force, series by series."""
    out = []
    for row in rows:
        unit = t.unit(row.series.variable)
        site = row.site
        flat = "–"
        if site.get("flat_for"):
            flat = f"{t.number(site.get('flat_tolerance', 0.0), unit)} / {t.duration(site['flat_for'])}"
        rate = t.number(site.get("rate_per_minute"), f"{unit}/min") if "rate_per_minute" in site else "–"
        if "spike" in site:
            rate += f"\n{t('spike', '尖峰')} {t.number(site['spike'], unit)}"
        probe = t.span(*row.probe) + (
            "" if row.saturation is None else f"\n{t('end', '满量程')} {t.number(row.saturation)}"
        )
        out.append(
            (
                f"{row.place}\n{t.variable(row.series.variable)} [{unit}]", t.span(*row.physical), probe,
                t.span(site.get("lower"), site.get("upper")), t.span(site.get("suspect_lower"), site.get("suspect_upper")),
                "–" if row.derived else rate, "–" if row.derived else flat,
                "–" if row.derived or not row.warm_up_s else t.duration(row.warm_up_s),
            )
        )  # fmt: skip
    return grid(
        t("Limits in force, in the unit of the series", "现行限值（以该序列的单位表示）"),
        (
            t("series", "序列"), t("possible (4)", "物理范围 (4)"), t("probe (4; end 3)", "探头量程 (4；满量程 3)"),
            t("site (4)", "站点限值 (4)"), t("site, ordinary (3)", "通常范围 (3)"), t("rate (3)", "变化速率 (3)"),
            t("flat line (3)", "平直线 (3)"), t("warm-up (3)", "预热 (3)"),
        ),
        out, (3, 1.9, 1.9, 1.7, 1.7, 1.5, 1.5, 1.2),
    )  # fmt: skip


def site_rows(t: Language, station: Station) -> Grid | None:
    """The rows of ``[[quality.limits]]`` as they stand, so that each can be traced to the file."""
    rows = [
        (
            t.variable(row.variable), row.position or t("whole station", "全站"),
            t.span(row.lower, row.upper), t.span(row.suspect_lower, row.suspect_upper),
            t.number(row.rate_per_minute), t.number(row.spike), f"{t.number(row.flat_tolerance)} / {t.duration(row.flat_for)}",
        )
        for row in station.file.quality.limits
    ]  # fmt: skip
    head = (
        t("variable", "参数"), t("place", "位置"), t("bad outside", "超出为错误"), t("suspect outside", "超出为可疑"),
        t("rate per minute", "每分钟变化"), t("spike", "尖峰"), t("flat: tolerance / time", "平直线：容差 / 时间"),
    )  # fmt: skip
    return (
        grid(t("Limits of the site in the station file", "台站文件中的站点限值"), head, rows)
        if rows
        else None
    )
