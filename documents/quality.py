"""The data-quality assurance plan (监测数据质量保证方案), with the parts of a data quality control plan (数据质量控制计划)."""

from __future__ import annotations

from datetime import date

from soilco2.documents import chapters, tables
from soilco2.documents.document import Document, Paragraph, Points, grid
from soilco2.documents.facts import Measured, compensation
from soilco2.documents.language import Language
from soilco2.documents.monitoring import Part
from soilco2.documents.vocabulary import CORRECTIONS, FLAGS, TESTS
from soilco2.quality.checks import CHECKS
from soilco2.quality.corrections import STANDARD_PRESSURE_ERROR
from soilco2.station_config.loader import Station


def quality_plan(station: Station, lang: str, made: date, achieved: Part | None = None) -> Document:
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
    document, t, rows = chapters.begin(station, "quality", lang, made)
    document.facts.append(
        (
            t("Form", "形式"),
            t("the five parts of a data quality control plan, in their order: version; site and responsibilities; boundary and facilities; how each value is determined; quality control, in the chapters after it", "按数据质量控制计划的五个部分依次编排：版本及修订；站点与职责；边界和主要设施描述；数据的确定方式；其后各章为内部质量控制和质量保证"),
        )
    )  # fmt: skip
    chapters.versions(document, t, station)
    chapters.site(document, t, station)
    chapters.people(document, t, station)
    document.chapter(t("Boundary and main facilities", "边界和主要设施描述"))
    chapters.boundary(document, t, station, rows)
    document.add(tables.profiles(t, station), tables.positions(t, station, rows))
    chapters.add_present(document, tables.surfaces(t, station))
    document.add(tables.instruments(t, station), tables.installations(t, station))
    _determination(document, t, station, rows)
    _tests(document, t, station, rows)
    _corrections(document, t, station, rows)
    document.chapter(t("Calibration", "校准"), tables.schedule(t, station), _calibration_rule(t))
    _missing(document, t, station)
    _uncertainty(document, t, station, rows)
    _records(document, t, station)
    chapters.open_points(document, t)
    if achieved is not None:
        achieved(document, t)
    return document


def _determination(document: Document, t: Language, station: Station, rows: list[Measured]) -> None:
    """For each parameter: name, unit, how obtained, instrument, missing data, who keeps it."""
    keepers = [t.names(row.name) for row in station.file.people if row.role == "data-manager"]
    keeper = t.listed(keepers) if keepers else t.missing('[[people]] role = "data-manager"', "nobody is data manager", "未指定数据管理员")  # fmt: skip
    made = []
    for row in rows:
        instrument = row.channel.instrument
        assert instrument is not None
        how = t("measured", "实测")
        if row.derived:
            how = t(f"computed from {instrument.id}", f"由 {instrument.id} 计算")
        if row.channel.spec.id in instrument.modelled:
            how += t(" (modelled)", "（模型值）")
        every = row.channel.model.calibration_every
        made.append(
            (
                f"{t.variable(row.series.variable)} [{t.unit(row.series.variable)}]", row.place, how,
                f"{instrument.id}, {instrument.serial}\n`{row.channel.model.id}`", t.duration(row.period_s),
                "–" if row.derived else t.names(row.channel.spec.accuracy) or "–", t.duration(every),
            )
        )  # fmt: skip
    document.chapter(t("How each value is determined", "数据的确定方式"))
    document.add(
        grid(
            t("Parameters", "各参数"),
            (
                t("parameter and unit", "参数与单位"), t("place", "位置"), t("obtained", "获取方式"), t("instrument", "仪器"),
                t("interval", "频次"), t("maker's claim of accuracy", "厂家声明的准确度"), t("calibration every", "校准周期"),
            ),
            made, (2.3, 1.4, 1.8, 2.7, 1.5, 2.3, 1.95),
        )
    )  # fmt: skip
    chapters.add_present(document, tables.modelled(t, station))
    document.add(
        Paragraph(
            t(
                f'Missing values are treated alike for all, see "Missing data". Embedded by: {keeper}',
                f"缺测处理对各参数一致，见“缺测数据的处理”一章。保管：{keeper}",
            )
        )
    )


def _tests(document: Document, t: Language, station: Station, rows: list[Measured]) -> None:
    document.chapter(t("Quality tests and limits", "质量检验与限值"))
    flags = [(str(number), t(*words)) for number, words in FLAGS.items()]
    document.add(
        grid(
            t("Quality flags (QARTOD)", "质量标识（QARTOD）"),
            (t("flag", "质量标识"), t("means", "含义")),
            flags,
            (1, 6),
        )
    )
    tests = [(f"`{check.name}`", str(int(check.flag)), t(*TESTS[check.name])) for check in CHECKS]
    tests.append(("`manual`", "1–9", t(*TESTS["manual"])))
    for model in station.models.values():
        for word in model.status:
            for bit in word.bits:
                said = t(f"status bit of {model.id}", f"{model.id} 的状态位")
                tests.append((f"`{bit.name}`", str(bit.flag), said))
    head = (t("test", "检验"), t("flag", "质量标识"), t("fails when", "不通过的情形"))
    document.add(grid(t("Tests", "检验"), head, tests, (2.4, 0.8, 5)))
    document.add(
        Points(
            (
                t("The worst flag wins: 1, 2, 3, 4, 9 in this order. A bad value keeps its number.", "取最差的质量标识，顺序为 1、2、3、4、9。错误值保留其数字。"),
                t(
                    "Rate, flat line and warm-up look at the reading before corrections; the limits of nature and of the site at the value after them.",
                    "变化速率、平直线和预热检验订正前的读数；物理范围和站点限值检验订正后的数值。",
                ),
                t("A computed series inherits what its conductivity failed.", "计算所得序列继承其表观电导率未通过的检验。"),
                t(
                    f"A time stamp more than {t.duration(station.file.quality.future_tolerance)} ahead of the trusted clock is parked.",
                    f"比可信时钟超前 {t.duration(station.file.quality.future_tolerance)}以上的时间戳予以搁置。",
                ),
            )
        )
    )  # fmt: skip
    document.add(tables.limits(t, rows))
    chapters.add_present(document, tables.site_rows(t, station))
    if not station.file.quality.limits:
        t.missing(
            "[[quality.limits]]",
            "limits of the site: rate of change, flat line, ordinary range",
            "站点限值：变化速率、平直线、通常范围",
        )
        text = t(
            "The station file gives no limits of the site: rate of change, flat line and ordinary range are not tested.",
            "台站文件未给出站点限值：变化速率、平直线和通常范围不作检验。",
        )
        document.add(Paragraph(text))


def _corrections(document: Document, t: Language, station: Station, rows: list[Measured]) -> None:
    document.chapter(t("Corrections", "订正"))
    used = applied(rows)
    table = [
        (f"`{name}`", t(*words), t.listed(used[name])) for name, words in CORRECTIONS.items() if name in used
    ]
    if table:
        head = (t("correction", "订正"), t("formula", "公式"), t("applied to", "适用于"))
        document.add(
            grid(
                t("In this order, each once, recorded with the value", "按此顺序，各做一次，随数值记录"),
                head,
                table,
                (2.2, 4, 4),
            )
        )
    else:
        document.add(Paragraph(t("No correction applies at this station.", "本站不作任何订正。")))
    chapters.add_present(document, tables.compensations(t, station))
    document.add(tables.by_key(t, t("Settings", "设置"), station.file.quality))
    document.add(
        Paragraph(
            t(
                "The pressure or temperature used is the newest at or before the moment, neither bad nor missing, and not older "
                "than twice its interval, one hour at least. When it comes late, or a calibration is entered later, what it "
                "touches is computed again; the samples themselves never change.",
                "所用气压或温度取该时刻或之前最新的、既非错误也非缺测的数值，且不早于其两个间隔（至少一小时）。"
                "它迟到时，或事后登记校准时，受影响的数值重新计算；样本本身永不改动。",
            )
        )
    )


def applied(rows: list[Measured]) -> dict[str, list[str]]:
    """Corrections of a station, each with the places it applies to."""
    found: dict[str, list[str]] = {}
    barometer = any(row.series.profile == "site" and row.series.variable == "air_pressure" for row in rows)
    for row in rows:
        names = []
        if row.series.variable == "co2":
            who = compensation(row.channel)
            names += ["pressure" if barometer else "standard_pressure"] if who["pressure"] == "none" else []
            names += ["standard_pressure"] if who["pressure"] == "none" and barometer else []
            names += ["temperature"] if who["temperature"] == "none" else []
        if row.derived and row.channel.instrument is not None:
            own = row.channel.instrument.settings.get("ec_coefficient", row.channel.model.ec_coefficient)
            names += [] if own else ["ec25"]
            names += ["salinity"] if row.series.variable == "salinity" else []
        if not row.derived and row.channel.instrument is not None:
            here = {one.channel for one in row.channel.instrument.calibration}
            names += ["calibration"] if row.channel.spec.id in here else []
        for name in names:
            found.setdefault(name, []).append(f"{row.place} {row.series.variable}")
    return found


def _calibration_rule(t: Language) -> Paragraph:
    return Paragraph(
        t(
            "A calibration is due at the earlier of its `valid_until` and `due`; where neither is stated, after the interval the "
            "catalogue recommends. Past that it goes on applying and every value carries `calibration_overdue`, flag 2.",
            "校准的到期时间取 `valid_until` 与 `due` 中较早者；两者均未写明时，取型号库建议的周期。"
            "逾期后仍继续使用，每个数值带 `calibration_overdue`，质量标识 2。",
        )
    )


def _missing(document: Document, t: Language, station: Station) -> None:
    plan = station.file.plan
    points = [
        t("A value that did not come, or is an error number, is missing (flag 9). Nothing is filled in, neither here nor in the database.",
          "未到的数值或错误代码记为缺测（质量标识 9）。无论日志还是数据库，均不插补。"),
        t("For every series and day the software counts values expected (one per interval while installed), received, stored and usable, and puts each gap down to a cause: collector down, journal full, clock, bus, broker, device silent, rejected, or unexplained (`soilco2 status --completeness`).",
          "软件按序列和日统计应有（安装期间每个间隔一个）、收到、存储和可用的数值数，并把每段缺口归因：采集程序未运行、日志已满、时钟、总线、消息代理、设备无应答、被拒收，或原因不明（`soilco2 status --completeness`）。"),
        t("Late, repeated and out-of-order data are taken in and judged as if they had come in time.", "迟到、重复和乱序的数据照常接收，并按正常到达评定。"),
        t("Readings under a clock that is not trusted are kept, held back, and get their time once the clock is set; the correction is a record of its own.",
          "时钟不可信期间的读数予以保存、暂不外发，时钟校正后再赋予时间；该改正本身作为记录保存。"),
        t("What cannot be understood is parked as it came with its reason (`soilco2 parked`).", "不能理解的内容连同原因原样搁置（`soilco2 parked`）。"),
        t("A person sets or takes back a flag with name and reason (`soilco2 flag`); it can make a value worse, never better.",
          "人工设置或撤回质量标识须注明何人何故（`soilco2 flag`）；只能变差，不能变好。"),
    ]  # fmt: skip
    if plan is not None:
        points.append(
            t(f"Completeness aimed at: {t.percent(plan.completeness_target)} of the values expected are usable, series by series.",
              f"完整率目标：每个序列应有数值中 {t.percent(plan.completeness_target)} 可用。")
        )  # fmt: skip
    document.chapter(t("Missing data", "缺测数据的处理"), Points(tuple(points)))


def _uncertainty(document: Document, t: Language, station: Station, rows: list[Measured]) -> None:
    points = [
        t("The claim of a maker is not an uncertainty reached at this station. A certificate enters the file with gain and offset only: it gives no uncertainty.",
          "厂家声明不是本站达到的不确定度。证书在台站文件中只有增益和偏移，不给出不确定度。"),
        t("Two probes at the same depth of a profile, where there are any, show how far readings agree.", "同一剖面同一深度若有两个探头，可显示读数的一致程度。"),
    ]  # fmt: skip
    twins = replicates(rows)
    if not twins:
        points.append(
            t(
                "There are no two probes at the same depth of a profile here.",
                "本站没有同一剖面同一深度的两个探头。",
            )
        )
    else:
        points.append(t("Such pairs here: ", "本站此类成对探头：") + t.listed([f"{a.place} – {b.place} ({t.variable(a.series.variable)})" for a, b in twins]))  # fmt: skip
    if "standard_pressure" in applied(rows):
        percent = t.percent(STANDARD_PRESSURE_ERROR, 0)
        points.append(
            t(
                f"Where the standard pressure stands in, CO₂ may be wrong by {percent}.",
                f"以标准大气压代替之处，CO₂ 误差可达 {percent}。",
            )
        )
    if station.file.flux is not None:
        points.append(
            t(
                "A flux carries an interval from the standard deviations of the settings below.",
                "通量的区间由下列设置中的标准差得出。",
            )
        )
    document.chapter(t("Uncertainty", "不确定度"), Points(tuple(points)))
    if station.file.flux is not None:
        document.add(tables.by_key(t, t("Settings of the flux", "通量计算设置"), station.file.flux))


def replicates(rows: list[Measured]) -> list[tuple[Measured, Measured]]:
    """Pairs of series of one variable at one depth of one profile."""
    return [
        (a, b)
        for number, a in enumerate(rows)
        for b in rows[number + 1 :]
        if a.depth_m is not None
        and (a.series.profile, a.series.variable, a.depth_m)
        == (b.series.profile, b.series.variable, b.depth_m)
    ]


def _records(document: Document, t: Language, station: Station) -> None:
    document.chapter(t("Records, review and archive", "记录、内部审核与归档"))
    document.add(*chapters.storing(t, station))
    plan = station.file.plan
    visits = (
        t(f"Visits: every {t.duration(plan.visit_every)}.", f"巡检：每 {t.duration(plan.visit_every)} 一次。")
        if plan is not None and plan.visit_every is not None
        else t("Visits: ", "巡检：") + t.missing("[plan] visit_every", "time between visits", "巡检间隔")
    )
    document.add(
        Points(
            (
                t("Embedded for every value: the raw number, tests failed, corrections applied, the configuration used; and a log of events, notes and flags by hand.",
                  "每个数值均保存：原始数字、未通过的检验、所做订正、所用配置；另有事件、备注和人工质量标识的记录。"),
                visits,
                t("Review: the second part of this document, written again with data (`--from`, `--to`).", "内部审核：以数据重写本文件的第二部分（`--from`、`--to`）。"),
            )
        ),
        tables.by_key(t, t("Journal", "日志"), station.file.journal),
    )  # fmt: skip
