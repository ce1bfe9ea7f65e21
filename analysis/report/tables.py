"""The short table of results and the list of what is withheld, for screen and report alike."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from soilco2.analysis import vocabulary
from soilco2.storage.results.results import Result

HEADS: Final[dict[str, vocabulary.Pair]] = {
    "what": ("result", "结果"),
    "target": ("CO₂", "CO₂"),
    "driver": ("with", "变量"),
    "scale": ("scale", "时间尺度"),
    "part": ("part", "部分"),
    "value": ("value", "值"),
    "interval": ("95 %", "95 %"),
    "rank": ("rank", "秩"),
    "n": ("N", "N"),
    "n_eff": ("N_eff", "有效样本量"),
    "p": ("p", "p"),
}
"""Columns of the table and their heads."""

_NUMBER: Final = re.compile(r"(?<![\w.-])-?\d+(?:\.\d+)?(?:e[-+]?\d+)?(?![A-Za-z0-9_-]|\.\d)")
_RANK_OF: Final = {"rank_r": "pearson_r", "partial_rank_r": "partial_r"}


def table(rows: Sequence[Result], lang: str) -> tuple[list[str], list[list[str]]]:
    """Heads and cells of the rows that have a value; columns in which nobody says anything are left out.

    A rank correlation stands beside the correlation it belongs to. A value whose interval is withheld carries
    a dagger.
    """
    ranks = {_pair(r, _RANK_OF[r.what]): r for r in rows if r.what in _RANK_OF}
    kept = [r for r in rows if r.value is not None and telling(r)]
    plain = {_pair(r, r.what) for r in kept if r.what not in _RANK_OF}
    kept = [r for r in kept if r.what not in _RANK_OF or _pair(r, _RANK_OF[r.what]) not in plain]
    names = vocabulary.Labels(rows, lang)
    body = [_cells(r, ranks.get(_pair(r, r.what)), names, lang) for r in kept]
    used = [key for key in HEADS if any(row[key] for row in body)]
    return [vocabulary.pick(HEADS[key], lang) for key in used], [[row[key] for key in used] for row in body]


def telling(row: Result) -> bool:
    """False for a model that was compared and is neither the best nor the one chosen."""
    return "chosen" not in row.details or bool(row.details["chosen"]) or bool(row.details.get("best"))


def _pair(row: Result, what: str) -> tuple[str, str, str, str, str, tuple[str, ...]]:
    return what, row.target, row.driver, row.scale, row.mask, row.given


def _cells(row: Result, rank: Result | None, names: vocabulary.Labels, lang: str) -> dict[str, str]:
    p = row.p if row.p_adjusted is None else row.p_adjusted
    return {
        "what": vocabulary.named(vocabulary.WHAT, row.what, lang),
        "target": names.of(row.target, row.target_depth_m),
        "driver": names.beside(row),
        "scale": vocabulary.named(vocabulary.SCALES, row.scale, lang),
        "part": vocabulary.part(row, lang),
        "value": vocabulary.quoted(row, lang),
        "interval": vocabulary.interval(row, lang),
        "rank": "" if rank is None else vocabulary.digits(rank.value),
        "n": str(row.n) if row.n else "",
        "n_eff": "" if row.n_eff is None else vocabulary.digits(row.n_eff, 2),
        "p": vocabulary.p_text(p) + vocabulary.mark(row),
    }


def withheld(rows: Iterable[Result], lang: str) -> list[tuple[str, str]]:
    """What is withheld and why: (results, reason), results with one reason for one pair of series together."""
    rows = list(rows)
    names = vocabulary.Labels(rows, lang)
    groups: dict[tuple[str, str, str], list[Result]] = {}
    for row in rows:
        if row.refused:
            who = (
                names.of(row.target, row.target_depth_m),
                names.of(row.driver, row.driver_depth_m)
                or vocabulary.variable(str(row.details.get("driver_variable", "")), lang),
                vocabulary.reason(row, lang),
            )
            groups.setdefault(who, []).append(row)
    comma, colon = ("、", "：") if lang == "zh" else (", ", ": ")
    found = []
    for (target, driver, why), members in groups.items():
        pair = vocabulary.pair(target, driver, lang)
        kinds = comma.join(dict.fromkeys(vocabulary.named(vocabulary.WHAT, r.what, lang) for r in members))
        where = dict.fromkeys(
            " ".join(
                t for t in (vocabulary.named(vocabulary.SCALES, r.scale, lang), vocabulary.mask(r, lang)) if t
            )
            for r in members
        )
        places = comma.join(w for w in where if w)
        brackets = "（{}）" if lang == "zh" else " ({})"
        found.append((f"{pair}{colon}{kinds}{brackets.format(places) if places else ''}", why))
    return found


def withheld_by_reason(rows: Iterable[Result], lang: str) -> list[tuple[int, str, str]]:
    """What is withheld, shortly: (number of results, reason, where), one for each reason.

    Where reasons differ by their numbers alone, the range of each number stands in its place.
    """
    groups: dict[tuple[str, ...], list[Result]] = {}
    for row in rows:
        if row.refused:
            groups.setdefault(tuple(_NUMBER.split(vocabulary.reason(row, lang))), []).append(row)
    dash = "～" if lang == "zh" else " to "
    found = []
    for between, members in groups.items():
        columns = zip(*(_NUMBER.findall(vocabulary.reason(row, lang)) for row in members), strict=True)
        numbers = [dash.join(dict.fromkeys((min(c, key=float), max(c, key=float)))) for c in columns]
        why = "".join(text + number for text, number in zip(between, [*numbers, ""], strict=True))
        found.append((len(members), why, _where(members, lang)))
    return found


def _where(rows: Sequence[Result], lang: str) -> str:
    """Profiles and depths of CO2, what it is held against, and scales."""
    comma, semicolon = ("、", "；") if lang == "zh" else (", ", "; ")
    depths: dict[str, set[float]] = {}
    drivers: dict[str, None] = {}
    scales: dict[str, None] = {}
    for row in rows:
        parts = row.target.split("/")
        here = depths.setdefault(parts[1] if len(parts) == 4 else row.target, set())
        if row.target_depth_m is not None:
            here.add(row.target_depth_m)
        name = row.driver.split("/")[-1] or str(row.details.get("driver_variable", ""))
        drivers[vocabulary.variable(name, lang) if name else ""] = None
        scales[vocabulary.named(vocabulary.SCALES, row.scale, lang)] = None
    places = [
        f"{profile} {comma.join(f'{depth:.2f}' for depth in sorted(some))} m" if some else profile
        for profile, some in depths.items()
    ]
    lists = (
        semicolon.join(p for p in places if p),
        *(comma.join(x for x in some if x) for some in (drivers, scales)),
    )
    return " · ".join(part for part in lists if part)
