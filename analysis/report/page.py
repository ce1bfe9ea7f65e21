"""One self-contained page of HTML: no script, no other file, figures as vectors in it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Final

from soilco2.analysis import vocabulary
from soilco2.analysis.frames.frame import Frame
from soilco2.analysis.jobs.base import Options, Outcome, time_text
from soilco2.analysis.report.findings import caveats, findings
from soilco2.analysis.report.methods import method
from soilco2.analysis.report.style import STYLE
from soilco2.analysis.report.tables import table, telling, withheld, withheld_by_reason
from soilco2.analysis.soil_response.audit import gaps
from soilco2.analysis.vocabulary import pick
from soilco2.station_config.message import Message, translate

MOST_ROWS: Final = 80
"""Rows of a table before the rest is left to the results file."""

TEXT: Final[dict[str, dict[str, str]]] = {
    "en": {
        "title": "How soil CO₂ goes with temperature and water",
        "asked": "What was asked",
        "found": "What was found",
        "sure": "How sure",
        "withheld": "What was withheld, and why",
        "not_given": "Withheld here",
        "data": "The data",
        "method": "Methods",
        "sign": "Signature",
        "name": "Name",
        "date": "Date",
        "station": "Station",
        "period": "Data",
        "made": "Made",
        "version": "Software",
        "seed": "Seed",
        "source": "Source",
        "colon": ": ",
        "comma": ", ",
        "days": "{days} days in steps of {minutes} min",
        "from": "from {time}",
        "to": "to {time}",
        "depths": "CO₂ at {depths} m only",
        "trusted": "the clocks were trusted although the check may have failed",
        "everything": "All data there are, all depths.",
        "rows_left": "{n} more are in {file}.",
        "nothing_withheld": "Nothing.",
        "because": "{n} of {all} results: {why}",
        "failed": "This part could not be made: {error}",
        "remarks": "Remarks",
        "series_head": "series|values used|share of time|left out|remark",
        "models": "Of the models compared, the best on days left out and the one chosen are shown; all are "
        "in {file}.",
        "dagger": "† The value is what the data show; they cannot carry an interval or a p-value.",
        "how_sure": (
            "Every number stands with its 95 % interval and with N_eff, the effective number of independent "
            "pairs behind it: "
            "neighbouring values repeat each other, so a record is worth far fewer than its N values. p-values "
            "are two-sided, rest "
            "on N_eff, and those of one table are adjusted together for their number (Benjamini and Hochberg). A "
            "number that the data cannot "
            "carry is withheld with its reason."
        ),
        "words": (
            "Lag and loop: positive means CO₂ comes after the driver. Within the day: value minus the centred 24 "
            "h mean. Day to "
            "day: daily mean minus the 15-day mean. Seasonal: daily means. Pairs are used as measured; gaps are "
            "never filled."
        ),
        "signed": "I have read the remarks and what was withheld, and stand behind these results.",
    },
    "zh": {
        "title": "土壤 CO₂ 与温度、水分的关系",
        "asked": "问题",
        "found": "结果",
        "sure": "可信程度",
        "withheld": "未给出的结果及原因",
        "not_given": "此处未给出",
        "data": "数据",
        "method": "方法",
        "sign": "签字",
        "name": "姓名",
        "date": "日期",
        "station": "站点",
        "period": "数据时段",
        "made": "生成时间",
        "version": "软件版本",
        "seed": "随机种子",
        "source": "数据来源",
        "colon": "：",
        "comma": "，",
        "days": "{days} 天，步长 {minutes} 分钟",
        "from": "自 {time}",
        "to": "至 {time}",
        "depths": "仅 {depths} m 处的 CO₂",
        "trusted": "时钟检查即使未通过也予以采信",
        "everything": "全部数据，全部深度。",
        "rows_left": "另有 {n} 项见 {file}。",
        "nothing_withheld": "无。",
        "because": "{all} 项结果中的 {n} 项：{why}",
        "failed": "此部分未能完成：{error}",
        "remarks": "说明",
        "series_head": "序列|使用的数值|时间覆盖率|剔除|备注",
        "models": "比较过的模型中仅列出对留出日子预测最好者和选用者，其余见 {file}。",
        "dagger": "† 数值为数据所示，但不足以给出区间或 p 值。",
        "how_sure": (
            "各数值附 95% 区间及其背后的有效样本量 N_eff：相邻数值彼此重复，N 个数值所含信息远少于 N 个。"
            "p 值为双侧，基于 N_eff，并按同一表内的检验个数一并校正（Benjamini 与 Hochberg 法）。"
            "数据不足以支持的数值不予给出，并说明原因。"
        ),
        "words": (
            "时滞与回线：正值表示 CO₂ 晚于驱动因子。日内：数值减去居中 24 小时均值。逐日：日均值减去 15 天均值。"
            "季节：日均值。"
            "只使用实测成对数据，从不填补缺测。"
        ),
        "signed": "本人已阅读各项说明及未给出的结果，并对以上结果负责。",
    },
}


@dataclass(frozen=True, slots=True)
class Section:
    """One job on the page.

    Parameters
    ----------
    job : str
    outcome : Outcome or None
        None when the job failed.
    error : Message or None
        Why it, or its figures, failed.
    figures : sequence of (str, str)
        SVG text and caption.
    file : str
        Name of the results file.
    """

    job: str
    outcome: Outcome | None
    error: Message | None = None
    figures: Sequence[tuple[str, str]] = field(default_factory=tuple)
    file: str = ""


def page(
    frame: Frame, sections: Sequence[Section], asked: Mapping[str, object], options: Options, created: str,
    versions: Mapping[str, str], lang: str = "en",
) -> str:  # fmt: skip
    """The report of one station.

    Parameters
    ----------
    frame : Frame
        The data all jobs saw.
    sections : sequence of Section
    asked : mapping
        What was asked: data, from, to, depths; the fingerprints of the files.
    options : Options
    created : str
        ISO 8601 UTC.
    versions : mapping
        Of this software and of what it computes with.
    lang : {"en", "zh"}
    """
    text = TEXT[lang]
    name = frame.site.name or frame.station or "\u2014"
    told: set[str] = set()
    parts = [
        f"<h1>{escape(text['title'])}</h1>",
        _facts(frame, asked, options, created, versions, text, name),
        f"<h2>{text['found']}</h2>", _found(sections, lang),
        f"<h2>{text['withheld']}</h2>", _withheld(sections, lang),
        f"<h2>{text['sure']}</h2>", f'<p class="sure">{escape(text["how_sure"])}</p>', _caveats(sections, lang),
        f"<h2>{text['asked']}</h2>", _questions(sections, asked, options, lang),
        f"<h2>{text['data']}</h2>", _data(frame, lang),
        *(_section(section, lang, told) for section in sections),
        f"<h2>{text['method']}</h2>", _methods(sections, lang), f"<p>{escape(text['words'])}</p>",
        f"<h2>{text['sign']}</h2>", f"<p>{escape(text['signed'])}</p>",
        f'<p class="line"><span>{text["name"]}</span><span>{text["date"]}</span></p>',
    ]  # fmt: skip
    return (
        f'<!DOCTYPE html>\n<html lang="{"zh-CN" if lang == "zh" else "en"}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(text['title'])} \u00b7 {escape(name)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(parts)
        + "\n</body>\n</html>\n"
    )


def inline(svg: str, prefix: str) -> str:
    """An SVG for the middle of a page: no prologue, every id with a prefix so that two figures do not mix."""
    body = svg[svg.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r'\bid="([^"]+)"', rf'id="{prefix}-\1"', body)
    body = re.sub(r'((?:xlink:)?href)="#([^"]+)"', rf'\1="#{prefix}-\2"', body)
    return re.sub(r"url\(#([^)]+)\)", rf"url(#{prefix}-\1)", body)


def _facts(
    frame: Frame, asked: Mapping[str, object], options: Options, created: str, versions: Mapping[str, str],
    text: Mapping[str, str], name: str,
) -> str:  # fmt: skip
    end = frame.start_us + frame.n * frame.step_s * 1_000_000
    marks = asked.get("sha256")
    marks = marks if isinstance(marks, Mapping) else {}
    sources = [
        f"{part} (SHA-256 {str(marks[part])[:16]}\u2026)" if part in marks else str(part)
        for part in _listed(asked.get("data"))
    ]
    facts = [
        (text["station"], name),
        (text["period"], f"{time_text(frame.start_us)} \u2026 {time_text(end)}"),
        ("", text["days"].format(days=frame.days, minutes=frame.step_s // 60)),
        (text["source"], ", ".join(sources)),
        (text["made"], created),
        (text["version"], ", ".join(f"{k} {v}" for k, v in versions.items())),
        (text["seed"], str(options.seed)),
    ]
    return (
        '<dl class="facts">'
        + "".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in facts if v)
        + "</dl>"
    )


def _listed(value: object) -> list[object]:
    return list(value) if isinstance(value, list | tuple) else [] if value is None else [value]


def _questions(sections: Sequence[Section], asked: Mapping[str, object], options: Options, lang: str) -> str:
    text = TEXT[lang]
    items = [
        f"<li><b>{escape(pick(title, lang))}</b>{text['colon']}{escape(pick(question, lang))}</li>"
        for title, question in (vocabulary.JOBS[s.job] for s in sections)
    ]
    limits = [
        text["from"].format(time=asked["from"]) if asked.get("from") else "",
        text["to"].format(time=asked["to"]) if asked.get("to") else "",
        text["depths"].format(depths=", ".join(f"{z:g}" for z in options.depths_m))
        if options.depths_m
        else "",
        text["trusted"] if options.trust_clock else "",
    ]
    said = text["comma"].join(part for part in limits if part) or text["everything"]
    return f"<ul>{''.join(items)}</ul><p>{escape(said)}</p>"


def _found(sections: Sequence[Section], lang: str) -> str:
    parts = []
    for section in sections:
        if section.outcome is None:
            said = [TEXT[lang]["failed"].format(error=_error(section, lang))]
        else:
            said = findings(section.job, section.outcome, lang)
        title = escape(pick(vocabulary.JOBS[section.job][0], lang))
        parts.append(f"<h3>{title}</h3><ul>{''.join(f'<li>{escape(t)}</li>' for t in said)}</ul>")
    return "".join(parts)


def _error(section: Section, lang: str) -> str:
    return translate(section.error or "", lang)


def _caveats(sections: Sequence[Section], lang: str) -> str:
    codes = caveats([s.outcome for s in sections if s.outcome is not None])
    return "<ul>" + "".join(f"<li>{escape(vocabulary.note(code, lang))}</li>" for code in codes) + "</ul>"


def _data(frame: Frame, lang: str) -> str:
    head = TEXT[lang]["series_head"].split("|")
    body = []
    for c in frame.columns:
        out = ", ".join(
            f"{vocabulary.named(vocabulary.LEFT_OUT, reason, lang)} {count}"
            for reason, count in c.left_out.items()
        )
        share = f"{100 * gaps(c.values).coverage:.0f} %"
        body.append((vocabulary.label(str(c.key), c.depth_m, lang), str(c.present), share, out, c.note))
    used = [k for k in range(len(head)) if any(row[k] for row in body)]
    return _table([head[k] for k in used], [[row[k] for k in used] for row in body])


def _table(head: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    cells = ("".join(_td(cell) for cell in row) for row in body)
    rows = "".join(f"<tr>{row}</tr>" for row in cells)
    return f'<div class="wide"><table><thead><tr>{top}</tr></thead><tbody>{rows}</tbody></table></div>'


def _td(cell: str) -> str:
    """A cell; numbers stay on one line."""
    kind = ' class="n"' if re.match(r"[<\d\u2212-]", cell) and len(cell) < 24 else ""
    return f"<td{kind}>{escape(cell)}</td>"


def _section(section: Section, lang: str, told: set[str]) -> str:
    """A job's figures, table, what is withheld; remarks that an earlier section has told are in `told`."""
    text = TEXT[lang]
    title = pick(vocabulary.JOBS[section.job][0], lang)
    parts = [f"<section><h2>{escape(title)}</h2>"]
    if section.outcome is None:
        parts.append(f'<p class="fault">{escape(text["failed"].format(error=_error(section, lang)))}</p>')
        return "".join(parts) + "</section>"
    for number, (svg, caption) in enumerate(section.figures):
        drawn = inline(svg, f"{section.job}{number}").replace("<svg ", '<svg aria-hidden="true" ', 1)
        parts.append(f"<figure>{drawn}<figcaption>{escape(caption)}</figcaption></figure>")
    if section.error:
        parts.append(f'<p class="fault">{escape(_error(section, lang))}</p>')
    head, body = table(section.outcome.rows, lang)
    if body:
        parts.append(_table(head, body[:MOST_ROWS]))
    if len(body) > MOST_ROWS:
        parts.append(f"<p>{escape(text['rows_left'].format(n=len(body) - MOST_ROWS, file=section.file))}</p>")
    if any(r.refused and r.value is not None for r in section.outcome.rows):
        parts.append(f"<p>{escape(text['dagger'])}</p>")
    if kept := withheld(section.outcome.rows, lang):
        items = "".join(
            f"<li>{escape(what)}<br><span>{escape(why)}</span></li>" for what, why in kept[:MOST_ROWS]
        )
        parts.append(
            f'<details><summary>{text["not_given"]}</summary><ul class="withheld">{items}</ul></details>'
        )
        if len(kept) > MOST_ROWS:
            more = text["rows_left"].format(n=len(kept) - MOST_ROWS, file=section.file)
            parts.append(f"<p>{escape(more)}</p>")
    if any(not telling(r) for r in section.outcome.rows):
        parts.append(f"<p>{escape(text['models'].format(file=section.file))}</p>")
    remarks = [vocabulary.note(code, lang) for code in section.outcome.notes]
    remarks += [vocabulary.warning(row, lang) for row in section.outcome.rows]
    if remarks := [said for said in dict.fromkeys(remarks) if said and said not in told]:
        told.update(remarks)
        items = "".join(f"<li>{escape(said)}</li>" for said in remarks)
        parts.append(f"<h3>{text['remarks']}</h3><ul>{items}</ul>")
    return "".join(parts) + "</section>"


def _withheld(sections: Sequence[Section], lang: str) -> str:
    text = TEXT[lang]
    items = []
    for section in sections:
        rows = section.outcome.rows if section.outcome is not None else []
        title = pick(vocabulary.JOBS[section.job][0], lang)
        items += [
            f"<li><b>{escape(title)}</b>{text['colon']}"
            + escape(text["because"].format(n=count, all=len(rows), why=why))
            + "</li>"
            for count, why, _ in withheld_by_reason(rows, lang)
        ]
    return f"<ul>{''.join(items)}</ul>" if items else f"<p>{text['nothing_withheld']}</p>"


def _methods(sections: Sequence[Section], lang: str) -> str:
    items = []
    for section in sections:
        rows = section.outcome.rows if section.outcome is not None else []
        if methods := [m for m in dict.fromkeys(row.method for row in rows) if m]:
            title = escape(pick(vocabulary.JOBS[section.job][0], lang))
            inner = "".join(f"<li>{escape(method(m, lang))}</li>" for m in methods)
            items.append(f"<h3>{title}</h3><ul>{inner}</ul>")
    return "".join(items)
