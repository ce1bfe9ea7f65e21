"""The monitoring plan (监测计划)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import date

from soilco2.documents import chapters, tables
from soilco2.documents.document import Document, Paragraph, Points, grid
from soilco2.documents.facts import Measured
from soilco2.documents.language import Language
from soilco2.station_config.loader import Station

Part = Callable[[Document, Language], None]
"""Writes the second part, planned against achieved."""


def monitoring_plan(station: Station, lang: str, made: date, achieved: Part | None = None) -> Document:
    """The whole plan.

    Parameters
    ----------
    station : Station
    lang : {"en", "zh"}
    made : date
    achieved : callable, optional
        Writes what was achieved, when there are data.

    Raises
    ------
    PlanError
        When the station measures nothing.
    """
    document, t, rows = chapters.begin(station, "monitoring", lang, made)
    chapters.versions(document, t, station)
    _purpose(document, t, station)
    document.chapter(t("Boundary and representativeness", "边界与代表性"))
    chapters.boundary(document, t, station, rows)
    chapters.site(document, t, station)
    _parameters(document, t, station, rows)
    _instruments(document, t, station)
    document.chapter(t("Calibration schedule", "校准计划"), tables.schedule(t, station))
    _transmission(document, t, station)
    _quality(document, t, station, rows)
    _analysis(document, t, station, rows)
    chapters.people(document, t, station)
    _visits(document, t, station)
    chapters.open_points(document, t)
    if achieved is not None:
        achieved(document, t)
    return document


def _purpose(document: Document, t: Language, station: Station) -> None:
    plan = station.file.plan
    document.chapter(t("Purpose and questions", "目的与问题"))
    stated = t.names(plan.purpose if plan else None)
    document.add(Paragraph(stated or t.lacking("[plan] purpose", "purpose of the monitoring", "监测目的")))
    if plan is not None and plan.questions:
        document.add(Points(tuple(t.names(row) for row in plan.questions)))
    else:
        document.add(Paragraph(t.lacking("[plan] questions", "questions to be answered", "要回答的问题")))


def _parameters(document: Document, t: Language, station: Station, rows: list[Measured]) -> None:
    document.chapter(t("Parameters, positions and frequency", "监测参数、测点与频次"))
    made = []
    for name, count in Counter(row.series.variable for row in rows).items():
        here = [row for row in rows if row.series.variable == name]
        periods = sorted({row.period_s for row in here})
        how = t("computed", "计算") if here[0].derived else t("measured", "实测")
        if any(
            row.channel.instrument and row.channel.spec.id in row.channel.instrument.modelled for row in here
        ):
            how = (
                t("modelled, see below", "模型给出，见下")
                if not here[0].derived
                else t("computed from modelled", "由模型值计算")
            )
        made.append(
            (t.variable(name), t.unit(name), str(count), how, t.listed([t.duration(p) for p in periods]))
        )  # fmt: skip
    head = (
        t("parameter", "参数"),
        t("unit", "单位"),
        t("series", "序列数"),
        t("how", "方式"),
        t("interval", "间隔"),
    )
    document.add(grid(t("Parameters", "监测参数"), head, made, (3.5, 1.5, 1, 2.5, 2)))
    chapters.add_present(document, tables.own_variables(t, station))
    named = [
        f"{t.variable(own.id)} `{own.cf_standard_name}`"
        for own in station.file.variable
        if own.cf_standard_name
    ]
    if named:
        document.add(Paragraph(t("CF standard names: ", "CF 标准名：") + t.listed(named)))
    document.add(tables.profiles(t, station), tables.positions(t, station, rows))
    chapters.add_present(document, tables.surfaces(t, station), tables.modelled(t, station))


def _instruments(document: Document, t: Language, station: Station) -> None:
    document.chapter(t("Methods and instruments", "方法与仪器"))
    document.add(tables.instruments(t, station), tables.channels(t, station))
    chapters.add_present(document, tables.compensations(t, station))
    document.add(tables.installations(t, station))
    doubts = [
        f"`{name}`: {t.names(model.unconfirmed)}"
        for name, model in station.models.items()
        if model.unconfirmed
    ]
    if doubts:
        document.add(
            Paragraph(t("The catalogue could not confirm:", "型号库尚未核实：")), Points(tuple(doubts))
        )
    document.add(
        Points(tuple(f"`{name}`: {model.source}" for name, model in station.models.items())),
    )
    if station.file.catalogue:
        folders = t.listed([str(folder) for folder in station.file.catalogue])
        document.add(
            Paragraph(t(f"Models of probes are also read from {folders}.", f"仪器型号还取自 {folders}。"))
        )


def _transmission(document: Document, t: Language, station: Station) -> None:
    document.chapter(t("Transmission and storage", "数据传输与储存"))
    document.add(*chapters.storing(t, station))
    document.add(*chapters.line_tables(t, station))
    for row in station.file.influxdb:
        document.add(tables.by_key(t, t(f"Database {row.id}", f"数据库 {row.id}"), row))
    for platform in station.file.platform:
        document.add(tables.by_key(t, t(f"Platform {platform.id}", f"平台 {platform.id}"), platform))
    document.add(tables.by_key(t, t("Journal", "日志"), station.file.journal))
    document.add(tables.by_key(t, t("Live page", "实时页面"), station.file.page))


def _quality(document: Document, t: Language, station: Station, rows: list[Measured]) -> None:
    plan = station.file.plan
    target = plan.completeness_target if plan else None
    document.chapter(t("Quality assurance", "质量保证"))
    document.add(
        Paragraph(
            t(
                "Tests, limits, corrections, missing values and records are laid down in the data-quality assurance plan of "
                "the same station (`soilco2 plan quality`).",
                "检验、限值、订正、缺测处理和记录见同一站点的监测数据质量保证方案（`soilco2 plan quality`）。",
            )
        )
    )
    if target is not None:
        document.add(
            Paragraph(
                t(
                    f"Of the values expected of each series, {t.percent(target)} are to be usable (flag 1 or 2).",
                    f"每个序列应有数值中，可用者（质量标识 1 或 2）应达到 {t.percent(target)}。",
                )
            )
        )
    else:
        document.add(
            Paragraph(t.lacking("[plan] completeness_target", "completeness aimed at", "完整率目标"))
        )


def _analysis(document: Document, t: Language, station: Station, rows: list[Measured]) -> None:
    document.chapter(t("Analysis and reporting", "数据分析与报告"))
    names = {row.series.variable for row in rows}
    points = []
    if "co2" in names:
        partners = [t.variable(n) for n in ("soil_temperature", "soil_water", "salinity") if n in names]
        if partners:
            points.append(
                t(
                    f"`soilco2 analyse correlation`: CO₂ with {t.listed(partners)}, by depth, within the day and from day to "
                    "day, each with its effective sample size.",
                    f"`soilco2 analyse correlation`：CO₂ 与{t.listed(partners)}的关系，按土层、日内与逐日，均给出有效样本量。",
                )
            )
        if station.file.soil is not None and station.file.soil.horizon:
            points.append(
                t(
                    "`soilco2 analyse flux`: CO₂ flux from the profile, with an interval or the reason why there is none.",
                    "`soilco2 analyse flux`：由剖面计算 CO₂ 通量，给出区间，或说明不能给出的原因。",
                )
            )
        else:
            points.append(
                t(
                    "No flux is computed from this station file alone: it describes no soil horizons.",
                    "仅凭此台站文件不计算通量：其中未描述土壤发生层。",
                )
            )
    if not points:
        points.append(
            t(
                "The station measures no CO₂; the analyses of CO₂ do not apply.",
                "本站不测 CO₂，CO₂ 分析不适用。",
            )
        )
    document.add(Points(tuple(points)))
    if station.file.flux is not None:
        document.add(tables.by_key(t, t("Settings of the flux", "通量计算设置"), station.file.flux))


def _visits(document: Document, t: Language, station: Station) -> None:
    plan = station.file.plan
    document.chapter(t("Visits and safety", "巡检与安全"))
    if plan is not None and plan.visit_every is not None:
        text = t(
            f"The station is visited every {t.duration(plan.visit_every)}; each visit is written down with `soilco2 note`.",
            f"每 {t.duration(plan.visit_every)} 巡检一次；每次用 `soilco2 note` 记录。",
        )
        document.add(Paragraph(text))
    else:
        document.add(Paragraph(t.lacking("[plan] visit_every", "time between visits", "巡检间隔")))
    stated = t.names(plan.safety if plan else None)
    document.add(Paragraph(stated or t.lacking("[plan] safety", "what visitors must know", "安全须知")))
