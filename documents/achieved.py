"""The second part of a plan: planned against achieved, from the journal."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import median

from soilco2.documents.document import Document, Paragraph, Points, grid
from soilco2.documents.errors import PlanError
from soilco2.documents.facts import calibrations, measured
from soilco2.documents.language import Language
from soilco2.documents.quality import replicates
from soilco2.documents.vocabulary import CAUSES
from soilco2.quality.records import Flag, SeriesKey
from soilco2.station_config.loader import Station
from soilco2.station_config.message import Message
from soilco2.station_config.times import DAY_US
from soilco2.storage.errors import StorageError
from soilco2.storage.journal.completeness import completeness
from soilco2.storage.journal.reader import JournalReader
from soilco2.storage.journal.rows import Event
from soilco2.storage.journal.schema import EventKind

YEAR_US = 366 * DAY_US
"""Longest window taken without being asked for [µs]."""

_CLOCK = (EventKind.CLOCK_UNTRUSTED, EventKind.CLOCK_SET, EventKind.CLOCK_STEP, EventKind.START)
_MINUTE_US = 60_000_000
_TESTS_NAMED = 3
_LEAST_PAIRS = 30


def default_window(reader: JournalReader, now_us: int) -> tuple[int, int]:
    """The year up to now, or, when nothing came in it, up to the newest value; whole minutes [µs UTC].

    Raises
    ------
    PlanError
        When there are no data at all.
    """
    known = [info for info in reader.series() if info.first_us is not None and info.last_us is not None]
    if not known:
        raise PlanError(
            Message(
                "{path}: there are no values in the journal yet; --no-data writes the plan without them",
                path=reader.path,
            )
        )
    first = min(info.first_us for info in known if info.first_us is not None)
    last = max(info.last_us for info in known if info.last_us is not None)
    end = now_us if last >= now_us - YEAR_US else last + 1
    end = -(-end // _MINUTE_US) * _MINUTE_US
    return max(first // _MINUTE_US * _MINUTE_US, end - YEAR_US), end


@dataclass(slots=True)
class _Total:
    """A series over the whole window."""

    expected: int = 0
    stored: int = 0
    usable: int = 0
    causes: Counter[str] = field(default_factory=Counter)


class Achieved:
    """What the journal proves of a window.

    Parameters
    ----------
    station : Station
    reader : JournalReader
    start_us, end_us, now_us : int
        [µs UTC]

    Raises
    ------
    PlanError
        When the journal is another station's, or the window holds nothing.
    """

    def __init__(
        self, station: Station, reader: JournalReader, start_us: int, end_us: int, now_us: int
    ) -> None:
        self.station = station
        self.reader = reader
        self.start_us, self.end_us, self.now_us = start_us, end_us, now_us
        try:
            reader.check_station(station.file.station.id)
        except StorageError as error:
            raise PlanError(Message.of(error)) from None
        self.infos = reader.series()
        self.totals = self._totals()
        self.flags = self._flags()
        if not self.totals and not self.flags:
            raise PlanError(
                Message(
                    "{path}: nothing was expected and nothing came in this window; choose another with --from "
                    "and --to",
                    path=reader.path,
                )
            )

    def _totals(self) -> dict[SeriesKey, _Total]:
        found: dict[SeriesKey, _Total] = {}
        for day in completeness(self.station, self.reader, self.start_us, self.end_us, self.now_us):
            total = found.setdefault(day.key, _Total())
            total.expected += day.expected
            total.stored += day.stored
            total.usable += day.usable
            total.causes.update(day.causes())
        return found

    def _flags(self) -> dict[SeriesKey, Counter[tuple[int, str]]]:
        found: dict[SeriesKey, Counter[tuple[int, str]]] = {}
        for key, flag, tests, count in self.reader.verdicts(self.start_us, self.end_us):
            found.setdefault(key, Counter())[flag, tests] += count
        return found

    def write(self, document: Document, t: Language) -> None:
        """The chapter with its parts."""
        window = f"{t.time(self.start_us)} – {t.time(self.end_us)} ({self.station.file.station.timezone})"
        document.chapter(
            t("Second part: planned against achieved", "第二部分：计划与实际"),
            Paragraph(t(f"From the journal, {window}.", f"取自日志，{window}。")),
        )
        self._silent(document, t)
        document.part(t("Completeness", "完整率"))
        self._completeness(document, t)
        document.part(t("Quality flags", "质量标识"))
        self._flagged(document, t)
        document.part(t("Calibrations overdue", "逾期的校准"))
        self._overdue(document, t)
        document.part(t("Clock", "时钟"))
        self._clock(document, t)
        document.part(t("Uncertainty reached", "达到的不确定度"))
        self._uncertainty(document, t)

    def _silent(self, document: Document, t: Language) -> None:
        last = max((info.last_us for info in self.infos if info.last_us is not None), default=None)
        if last is not None and last < min(self.end_us, self.now_us) - DAY_US:
            text = t(
                f"The newest value in the journal is of {t.time(last)}.",
                f"日志中最新的数值为 {t.time(last)}。",
            )
            document.add(Paragraph(text))

    def _completeness(self, document: Document, t: Language) -> None:
        plan = self.station.file.plan
        target = plan.completeness_target if plan is not None else None
        rows, short = [], 0
        for key, total in self.totals.items():
            if not total.expected:
                continue
            share = total.usable / total.expected
            met = "–" if target is None else t.yes(share >= target)
            short += target is not None and share < target
            causes = t("; ", "；").join(
                f"{t(*CAUSES[name])} {count}" for name, count in total.causes.most_common()
            )
            rows.append(
                (
                    _series(t, key), str(total.expected), str(total.stored), str(total.usable), t.percent(share), met,
                    causes or "–",
                )
            )  # fmt: skip
        if target is not None:
            text = t(
                f"Planned: {t.percent(target)} usable. {len(rows) - short} of {len(rows)} series reach it.",
                f"计划：可用率 {t.percent(target)}。{len(rows)} 个序列中 {len(rows) - short} 个达到。",
            )
        else:
            text = t("The plan names no target.", "计划未给出目标。")
        head = (
            t("series", "序列"), t("expected", "应有"), t("stored", "存储"), t("usable", "可用"), t("share", "可用率"),
            t("reached", "达到"), t("missing, by cause", "缺测原因"),
        )  # fmt: skip
        document.add(
            Paragraph(text), grid(t("By series", "按序列"), head, rows, (3.1, 1.1, 1.1, 1.1, 1.35, 0.9, 3.4))
        )

    def _flagged(self, document: Document, t: Language) -> None:
        rows = []
        order = {
            key: number for number, key in enumerate(SeriesKey(*s) for s in self.station.deployments.series())
        }
        for key, found in sorted(self.flags.items(), key=lambda pair: order.get(pair[0], len(order))):
            counts: Counter[int] = Counter()
            tests: Counter[str] = Counter()
            for (flag, names), count in found.items():
                counts[flag] += count
                if flag != Flag.GOOD:
                    tests.update(dict.fromkeys(names.split(","), count))
            first = t("; ", "；").join(f"`{name}` {count}" for name, count in tests.most_common(_TESTS_NAMED))
            rows.append((_series(t, key), *(str(counts[flag]) for flag in Flag), first or "–"))
        head = (
            t("series", "序列"),
            *(str(int(flag)) for flag in Flag),
            t("tests most often failed", "最常未通过的检验"),
        )
        document.add(
            grid(t("Values by flag", "各质量标识的数值数"), head, rows, (2.6, 1.2, 1.2, 1.2, 1.2, 1.2, 3.6))
        )

    def _overdue(self, document: Document, t: Language) -> None:
        at = min(self.end_us, self.now_us)
        rows: list[tuple[str, ...]] = []
        never: dict[str, list[str]] = {}
        for due in calibrations(self.station.deployments):
            instrument = due.channel.instrument
            assert instrument is not None
            name = f"{instrument.id} {t.variable(due.channel.variable)}"
            if due.row is None:
                never.setdefault(instrument.id, []).append(t.variable(due.channel.variable))
            elif (
                due.row is self.station.deployments.calibration_at(*due.channel.key, at)
                and due.due_us is not None
            ):
                days = (at - due.due_us) / 86_400e6
                if days >= 0:
                    rows.append((name, due.row.certificate, t.time(due.due_us), str(math.floor(days))))
        if rows:
            head = (
                t("channel", "通道"),
                t("certificate", "证书"),
                t("was due", "应校日期"),
                t("days overdue", "逾期天数"),
            )
            document.add(grid(t("Overdue at the end of the window", "时段结束时已逾期"), head, rows))
        else:
            document.add(
                Paragraph(t("No calibration that was made here is overdue.", "已做的校准均未逾期。"))
            )
        if never:
            each = [f"{who} {t.listed(names)}" for who, names in never.items()]
            text = t(f"Never calibrated here: {'; '.join(each)}.", f"在此从未校准：{'；'.join(each)}。")
            document.add(Paragraph(text))

    def _clock(self, document: Document, t: Language) -> None:
        events = self.reader.events(_CLOCK, self.start_us, self.end_us)
        spans = untrusted(events, min(self.end_us, self.now_us))
        steps = [event for event in events if event.kind == EventKind.CLOCK_STEP]
        held = self.reader.accounting.held()
        points = [
            t(f"Not trusted {len(spans)} time(s), {t.duration(round(sum(spans) / 1e6))} in all.",
              f"不可信 {len(spans)} 次，共 {t.duration(round(sum(spans) / 1e6))}。")
            if spans else t("Never told as not trusted.", "没有不可信的记录。"),
            t(f"Stepped {len(steps)} time(s).", f"跳变 {len(steps)} 次。"),
            t(f"Readings still without a time: {held}.", f"尚无时间的读数：{held} 个。"),
        ]  # fmt: skip
        if not any(event.kind == EventKind.START for event in self.reader.events((EventKind.START,))):
            points = [
                t(
                    "No collector ran on this journal: it says nothing of a clock.",
                    "此日志没有采集程序运行的记录，无从说明时钟。",
                )
            ]
        document.add(Points(tuple(points)))

    def _uncertainty(self, document: Document, t: Language) -> None:
        rows = measured(self.station)
        points = []
        for a, b in replicates(rows):
            count, *sums = self.reader.differences(a.series, b.series, self.start_us, self.end_us)
            name = f"{a.place} – {b.place}, {t.variable(a.series.variable)}"
            if count < _LEAST_PAIRS:
                points.append(
                    t(f"{name}: {count} pairs of usable values at the same time, fewer than {_LEAST_PAIRS}: nothing is said.",
                      f"{name}：同一时刻均可用的成对数值仅 {count} 对，不足 {_LEAST_PAIRS} 对，不作结论。")
                )  # fmt: skip
                continue
            sd, offset = spread(count, *sums)
            unit = t.unit(a.series.variable)
            points.append(
                t(
                    f"{name}: standard uncertainty of one value {sd:.3g} {unit} (root mean square difference over √2, "
                    f"{count} pairs; mean difference {offset:.3g} {unit}). It holds what differs between the two "
                    "places; it does not hold what both have in common.",
                    f"{name}：单个数值的标准不确定度 {sd:.3g} {unit}（差值均方根除以 √2，{count} 对；平均差 {offset:.3g} {unit}）。"
                    "包含两处之间的差异，不包含两者共有的误差。",
                )
            )
        points += self._fluxes(t)
        points += self._pressure(t)
        measured_names = list(
            dict.fromkeys(t.variable(row.series.variable) for row in rows if not row.derived)
        )
        told = {a.series.variable for a, _ in replicates(rows)}
        without = [name for name in measured_names if name not in {t.variable(v) for v in told}]
        if without:
            points.append(
                t(
                    f"No uncertainty for {t.listed(without)}: there is no second probe at the same place, and neither certificate "
                    "nor journal states one.",
                    f"{t.listed(without)}：不给出不确定度。同处没有第二个探头，证书和日志也未写明。",
                )
            )
        document.add(Points(tuple(points)))

    def _fluxes(self, t: Language) -> list[str]:
        widths: list[float] = []
        for info in self.infos:
            if info.key.variable == "co2_flux":
                for piece in self.reader.read([info.key], self.start_us, self.end_us):
                    widths += [
                        (u - w) / 2
                        for w, u in zip(piece.lower, piece.upper, strict=True)
                        if u == u and w == w
                    ]
        if not widths:
            return []
        unit = t.unit("co2_flux")
        return [
            t(f"CO₂ flux: half the interval is {median(widths):.3g} {unit} (median of {len(widths)}).",
              f"CO₂ 通量：区间半宽 {median(widths):.3g} {unit}（{len(widths)} 个的中位数）。")
        ]  # fmt: skip

    def _pressure(self, t: Language) -> list[str]:
        hit = total = 0
        for key, found in self.flags.items():
            if key.variable == "co2":
                total += sum(found.values())
                hit += sum(
                    count for (_, names), count in found.items() if "standard_pressure" in names.split(",")
                )
        if not hit:
            return []
        return [
            t(f"CO₂: {t.percent(hit / total)} of the values were made with the standard pressure and may be wrong by 3 % for it.",
              f"CO₂：{t.percent(hit / total)} 的数值以标准大气压订正，因此误差可达 3 %。")
        ]  # fmt: skip


def pair_uncertainty(pairs: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Standard uncertainty of one value that two like probes show, and their mean difference [their unit].

    The root mean square difference over the root of two: a difference holds the errors of both
    (JCGM 100:2008, 5.1.2).
    """
    differences = [x - y for x, y in pairs]
    return spread(len(differences), sum(differences), sum(d * d for d in differences))


def spread(count: int, total: float, squares: float) -> tuple[float, float]:
    """The same from the number of the differences, their sum and the sum of their squares."""
    return math.sqrt(squares / count / 2), total / count


def untrusted(events: Iterable[Event], end_us: int) -> list[int]:
    """How long the clock was not trusted, time by time [µs]; it ends when it is set or the collector starts anew."""
    found: list[int] = []
    since: int | None = None
    for event in events:
        if event.kind == EventKind.CLOCK_UNTRUSTED:
            since = event.time_us if since is None else since
        elif event.kind in (EventKind.CLOCK_SET, EventKind.START) and since is not None:
            found.append(event.time_us - since)
            since = None
    return found if since is None else [*found, end_us - since]


def _series(t: Language, key: Sequence[str]) -> str:
    return f"{'/'.join(part for part in key[1:3] if part)}\n{t.variable(key[3])}"
