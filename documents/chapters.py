"""Chapters that both plans have."""

from __future__ import annotations

from datetime import date

from soilco2.documents import tables
from soilco2.documents.document import Block, Document, Grid, Paragraph, Points, grid
from soilco2.documents.embedded_config import write_embedded_config
from soilco2.documents.errors import PlanError
from soilco2.documents.facts import Measured, measured
from soilco2.documents.language import Language
from soilco2.documents.vocabulary import ROLES
from soilco2.station_config.connections.registry import kind_of
from soilco2.station_config.loader import Station
from soilco2.station_config.message import Message

TITLES = {
    "monitoring": ("Monitoring plan", "监测计划"),
    "quality": ("Data-quality assurance plan", "监测数据质量保证方案"),
}
"""Titles by kind."""


def begin(station: Station, kind: str, lang: str, made: date) -> tuple[Document, Language, list[Measured]]:
    """An empty plan with title and machine part, its language, and every series of the station.

    Raises
    ------
    PlanError
        When the station measures nothing, so that there is nothing to plan.
    """
    rows = measured(station)
    if not rows:
        raise PlanError(
            Message(
                "{station}: no instrument is installed anywhere, so there is nothing to plan; give each [[instrument]] "
                "its [[instrument.installation]] first",
                station=station.path or station.file.station.id,
            )
        )
    t = Language(lang, station.deployments.zone, station.variables)
    site = station.file.station
    plan = station.file.plan
    version = max(plan.revision, key=lambda row: str(row.date)).version if plan and plan.revision else ""
    title = f"{t.names(site.name)}{t(': ', '：')}{t(*TITLES[kind])}"
    facts = [
        (t("Station", "站点"), f"{t.names(site.name)} (`{site.id}`)"),
        (
            t("Version", "版本"),
            version or t.missing("[[plan.revision]]", "version and date of the plan", "计划的版本与日期"),
        ),
        (t("Written on", "编写日期"), made.isoformat()),
        (t("From configuration", "依据的配置"), f"`{station.hash}`"),
    ]
    document = Document(kind, lang, title, facts)
    document.machine = write_embedded_config(station, kind, lang, made.isoformat())
    document.annex = t("Annex: machine part", "附录：机读部分")
    document.note = t(
        "The station file this plan was written from, packed. `soilco2 plan --check` reads it and tells where station "
        "and plan have parted. Leave it as it is; everything above may be worked on.",
        "编写本计划所依据的台站文件（压缩）。`soilco2 plan --check` 读取它，并指出站点与计划在何处已不一致。请勿改动；以上内容可以编辑。",
    )
    return document, t, rows


def add_present(document: Document, *blocks: Block | None) -> None:
    """Add those blocks that there are."""
    document.add(*(block for block in blocks if block is not None))


def versions(document: Document, t: Language, station: Station) -> None:
    """Versions of the plan and how it is revised."""
    document.chapter(t("Version and revision", "版本及修订"))
    add_present(document, tables.revisions(t, station))
    if station.file.plan is None or not station.file.plan.revision:
        document.add(
            Paragraph(t.lacking("[[plan.revision]]", "version and date of the plan", "计划的版本与日期"))
        )
    document.add(
        Paragraph(
            t(
                "What this plan says of the station is taken from the station file; a change is made there, entered under "
                "`[[plan.revision]]`, and the plan is written again. `soilco2 plan --check` on an older plan names every key "
                "that has changed since. The journal keeps every configuration that was ever in force, by its hash.",
                "本计划关于站点的内容均取自台站文件；修改在台站文件中进行，在 `[[plan.revision]]` 中登记，然后重新编写计划。"
                "对旧计划运行 `soilco2 plan --check`，即逐项列出此后改变的键。日志按哈希保存曾经生效的每一份配置。",
            )
        )
    )


def site(document: Document, t: Language, station: Station) -> None:
    """Where the station is and what the ground is like."""
    row, plan = station.file.station, station.file.plan
    pressure = station.deployments.standard_pressure_hpa
    facts = [
        (t("coordinates", "坐标"), t(f"{_degrees(row.latitude, 'N', 'S')}, {_degrees(row.longitude, 'E', 'W')}",
           f"{_degrees(row.latitude, '北纬', '南纬', True)}，{_degrees(row.longitude, '东经', '西经', True)}")),
        (t("altitude", "海拔"), t(f"{t.number(row.altitude_m)} m; standard pressure there {pressure:.1f} hPa",
           f"{t.number(row.altitude_m)} m；该处标准大气压 {pressure:.1f} hPa")),
        (t("time zone", "时区"), row.timezone),
        (t("vegetation", "植被"), t.names(plan.vegetation if plan else None) or
         t.missing("[plan] vegetation", "vegetation", "植被")),
        (t("climate", "气候"), t.names(plan.climate if plan else None) or
         t.missing("[plan] climate", "climate", "气候")),
    ]  # fmt: skip
    if row.note:
        facts.append((t("note", "备注"), t.names(row.note)))
    document.chapter(
        t("Site", "站点"),
        grid(t("The site", "站点概况"), (t("what", "项目"), t("value", "内容")), facts, (1, 4)),
    )
    add_present(document, tables.horizons(t, station))
    if station.file.soil is None or not station.file.soil.horizon:
        document.add(
            Paragraph(
                t.lacking("[[soil.horizon]]", "soil horizons and their porosity", "土壤发生层及其孔隙度")
            )
        )


def _degrees(value: float, positive: str, negative: str, before: bool = False) -> str:
    side = positive if value >= 0 else negative
    return f"{side} {abs(value):.10g}°" if before else f"{abs(value):.10g}° {side}"


def boundary(document: Document, t: Language, station: Station, rows: list[Measured]) -> None:
    """What lies inside: what the station file says, and what follows from its positions."""
    plan = station.file.plan
    stated = t.names(plan.boundary if plan else None)
    document.add(
        Paragraph(
            stated or t.lacking("[plan] boundary", "what lies inside and outside", "监测边界内外各是什么")
        )
    )
    soil = [row.depth_m for row in rows if row.depth_m is not None and row.depth_m >= 0]
    co2 = [
        row for row in rows if row.series.variable == "co2" and row.depth_m is not None and row.depth_m >= 0
    ]
    columns = len({row.series.profile for row in rows if row.series.profile != "site"})
    points = [
        t(f"{columns} soil profile(s), {len(rows)} series.", f"土壤剖面 {columns} 个，序列 {len(rows)} 个。")
    ]
    if soil and min(soil) == max(soil):
        points.append(
            t(
                f"All probes in the soil lie at one depth, {t.number(soil[0])} m: nothing is said of the soil below.",
                f"土壤中的探头均在同一深度 {t.number(soil[0])} m，不能说明其下的土壤。",
            )
        )
    elif soil:
        points.append(
            t(
                f"The observed column reaches from {t.number(min(soil))} m to {t.number(max(soil))} m below the surface.",
                f"观测土柱：地表以下 {t.number(min(soil))} m 至 {t.number(max(soil))} m。",
            )
        )
    if columns == 1:
        points.append(
            t(
                "One profile says nothing about how the ground differs from place to place.",
                "单一剖面不能说明空间差异。",
            )
        )
    for name in ("soil_temperature", "soil_water"):
        without = {row.place for row in co2} - {row.place for row in rows if row.series.variable == name}
        if without:
            points.append(
                t(
                    f"CO₂ without {t.variable(name)} at the same position: {t.listed(sorted(without))}.",
                    f"同一测点有 CO₂ 而无{t.variable(name)}：{t.listed(sorted(without))}。",
                )
            )
    if not any(row.series.variable == "co2_flux" for row in rows):
        points.append(
            t(
                "No chamber is read: a flux, where one is given, is computed from the profile and not measured.",
                "不读取箱法仪器：所给通量均由剖面计算，并非实测。",
            )
        )
    document.add(Points(tuple(points)))


def people(document: Document, t: Language, station: Station) -> None:
    """Who answers for what."""
    document.chapter(t("Responsibilities", "职责"))
    add_present(document, tables.people(t, station))
    held = {row.role for row in station.file.people}
    if not held:
        document.add(Paragraph(t.lacking("[[people]]", "who is responsible", "责任人")))
        return
    for role in ROLES:
        if role not in held:
            t.missing(f'[[people]] role = "{role}"', f"nobody is {ROLES[role][0]}", f"未指定{ROLES[role][1]}")


def line_tables(t: Language, station: Station) -> list[Grid]:
    """Lines and broker, key by key."""
    found = []
    for row in station.file.connection:
        en, zh = kind_of(row).label
        found.append(tables.by_key(t, t(f"Line {row.id} ({en})", f"线路 {row.id}（{zh}）"), row))
    for name, broker in station.file.brokers.items():
        found.append(tables.by_key(t, f"{t('Broker', '消息代理')} {name}".rstrip(), broker))
    return found


def storing(t: Language, station: Station) -> list[Block]:
    """How readings are kept and sent, as the software does it with this station's settings."""
    file = station.file
    journal = file.journal
    points = [
        t(
            "A reading is written to disk and synced before its source is told so; the same reading twice is counted as a "
            "duplicate, another number for the same series and time is kept beside it: the better rank speaks, of equal rank "
            "the value is suspect until somebody decides.",
            "读数先写盘并同步，再向来源确认；同一读数重复到来计为重复，同一序列同一时刻的不同数字一并保留：级别较高的有效，级别相同的存疑，直到有人决定。",
        ),
        t(
            "In = stored + duplicate + rejected, counted for every source and shown by `soilco2 status`.",
            "收到 = 存储 + 重复 + 拒收，按来源永久计数，由 `soilco2 status` 显示。",
        ),
    ]
    if journal.at_limit == "stop":
        points.append(
            t(
                f"At {journal.limit_mib} MiB nothing more is taken in, with an alarm, until there is room.",
                f"日志达到 {journal.limit_mib} MiB 时停止接收并报警，直到有空间。",
            )
        )
    else:
        points.append(
            t(
                f"At {journal.limit_mib} MiB the oldest samples give way, and their number is counted.",
                f"日志达到 {journal.limit_mib} MiB 时最旧的样本让位，并计数。",
            )
        )
    if file.influxdb:
        names = t.listed([row.id for row in file.influxdb])
        points.append(
            t(
                f"Every value goes to {names}. It leaves the journal only when each of them has confirmed it, it stands in an "
                f"archive with a checksum, and it is older than {t.duration(journal.keep)}.",
                f"每个数值都发往 {names}。只有每个数据库均已确认、已进入带校验和的归档、且存放超过 {t.duration(journal.keep)}，才移出日志。",
            )
        )
    else:
        points.append(
            t(
                "No database is configured: the journal is the only copy on the station and nothing is ever taken out of it.",
                "未配置数据库：日志是站上唯一的副本，任何数据都不会移出。",
            )
        )
        t.missing("[influxdb]", "a second copy of the data in a database", "数据库中的第二份数据")
    plan = file.plan
    stated = t.names(plan.backup if plan else None)
    backup = t("Back-up: ", "备份：") + (
        stated or t.missing("[plan] backup", "how data are backed up", "数据如何备份")
    )
    return [Points((*points, backup))]


def open_points(document: Document, t: Language) -> None:
    """What the station file does not say, last of all."""
    document.chapter(t("Open points", "待补内容"))
    if t.open:
        text = t(
            "The station file leaves these open; they are to be filled in there:",
            "台站文件尚未写明下列各项，应在其中补充：",
        )
        document.add(Paragraph(text), Points(tuple(t.open)))
    else:
        document.add(
            Paragraph(
                t(
                    "None: the station file states everything this plan asks for.",
                    "无：台站文件已写明本计划所需的全部内容。",
                )
            )
        )
