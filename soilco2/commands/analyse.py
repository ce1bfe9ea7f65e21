"""``soilco2 analyse``: answers with their uncertainty, or the reason why not."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click

from soilco2.cli import emit_json, fail, json_option, language_option, parse_time, window_options

if TYPE_CHECKING:
    from analysis.frames import Frame
    from storage.results import Result

_ELSEWHERE = {"flux": "soilco2.commands.analyse_flux"}


class _Analyses(click.Group):
    """Knows the analyses that have modules of their own without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *_ELSEWHERE})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in _ELSEWHERE:
            command: click.Command = importlib.import_module(_ELSEWHERE[cmd_name]).command
            return command
        return super().get_command(ctx, cmd_name)


@click.group(cls=_Analyses)
def command() -> None:
    """How CO₂ goes with temperature, water and salinity, and what flows.

    \b
    Example:
      soilco2 analyse correlation yulin.toml
      soilco2 analyse flux yulin.toml
    """


@command.command()
@click.argument("data", nargs=-1, required=True, type=click.Path(path_type=Path))
@window_options
@click.option("--depth", "depths", type=float, multiple=True, metavar="M", help="Only CO₂ at this depth [m].")
@click.option("--source", type=click.Choice(["auto", "journal", "influx"]), default="auto", show_default=True)
@click.option("--out", type=click.Path(path_type=Path), default=Path("results"), show_default=True)
@click.option("--seed", type=int, default=1, show_default=True)
@language_option
@json_option
def correlation(
    data: tuple[Path, ...], since: str | None, until: str | None, depths: tuple[float, ...], source: str, out: Path,
    seed: int, lang: str, as_json: bool,
) -> None:  # fmt: skip
    """Correlate each CO₂ series of DATA with its nearest temperature, water and salinity.

    DATA is a station file or tidy tables. r, rank r, partial both ways; N, effective N, p from it and interval; within
    the day and from day to day. What cannot be determined is withheld with its reason.

    \b
    Example:
      soilco2 analyse correlation yulin.toml --from 2026-05-01 --to 2026-06-01
      soilco2 analyse correlation june.csv --depth 0.10 --out results
    """
    try:
        import scipy  # noqa: F401
    except ImportError:
        fail("analyses need the extra 'analysis': pip install 'soilco2[analysis]'")
    from analysis.errors import AnalysisError
    from analysis.frames import from_reader
    from analysis.jobs.base import Options
    from analysis.jobs.correlation import run
    from storage.sources import open_reader

    zone = _zone(data[0])
    start = parse_time(since, zone) if since else None
    end = parse_time(until, zone) if until else None
    reader = open_reader(data, source=source)  # type: ignore[arg-type]
    written: list[Path] = []
    rows: list[Result] = []
    try:
        frames = from_reader(reader, start, end)
        for frame in frames:
            found = run(frame, Options(seed=seed, depths_m=depths)).rows
            rows += found
            written += _write(frame, found, out, seed, [str(path) for path in data])
    except AnalysisError as error:
        fail(str(error), 1)
    finally:
        reader.close()
    if not frames:
        fail(f"{data[0]}: there are no data in this window", 1)
    if as_json:
        from dataclasses import asdict

        emit_json({"files": [str(path) for path in written], "rows": [asdict(row) for row in rows]})
        return
    _show(rows, lang)
    for path in written:
        click.echo(str(path))


def _zone(path: Path) -> ZoneInfo:
    if path.suffix == ".toml":
        from soilco2.cli import load

        return load(path).directory.zone
    return ZoneInfo("UTC")


def _write(frame: Frame, rows: list[Result], out: Path, seed: int, asked: list[str]) -> list[Path]:
    from datetime import UTC, datetime

    from analysis.figures import correlation_figure
    from analysis.jobs.base import software_version, time_text
    from storage.results import ResultFile, write_results

    created = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    end_us = frame.start_us + frame.n * frame.step_s * 1_000_000
    file = ResultFile(
        job="correlation", station=frame.station, created=created, version=software_version(), seed=seed,
        asked={"data": asked}, data_from=time_text(frame.start_us), data_to=time_text(end_us), rows=tuple(rows),
    )  # fmt: skip
    path = write_results(out, file)
    figure = path.with_suffix(".svg")
    correlation_figure(rows, figure)
    return [path, figure]


_HEADS = {
    "en": ("CO₂", "with", "scale", "held fixed", "r", "95 %", "rank r", "N", "N_eff", "p", "withheld"),
    "zh": ("CO₂", "变量", "时间尺度", "固定", "r", "95 %", "秩相关", "N", "有效样本量", "p", "不给出的原因"),
}


_SCALES_ZH = {
    "within-day": "日内",
    "within-day, mean day removed": "日内（去平均日变化）",
    "day-to-day": "逐日",
    "seasonal": "季节",
}


def _show(rows: list[Result], lang: str) -> None:
    from rich.console import Console
    from rich.table import Table

    from analysis.definitions import Refusal

    table = Table(*_HEADS[lang], box=None, pad_edge=False)
    ranks = {(r.target, r.driver, r.scale, r.given): r for r in rows if "rank" in r.what}
    for r in rows:
        if "rank" in r.what:
            continue
        rank = ranks.get((r.target, r.driver, r.scale, r.given))
        table.add_row(
            _short(r.target, r.target_depth_m), _short(r.driver, r.driver_depth_m),
            _SCALES_ZH.get(r.scale, r.scale) if lang == "zh" else r.scale,
            ", ".join(name.rsplit("/", 1)[-1] for name in r.given), _text(r.value),
            f"{_text(r.lower)} … {_text(r.upper)}" if r.lower is not None else "",
            _text(rank.value if rank else None), str(r.n), _text(r.n_eff, 1), _text(r.p, 3),
            Refusal(r.why_code, dict(r.why_values)).text(lang) if r.why_code else r.why,
        )  # fmt: skip
    Console(width=None if Console().is_terminal else 220).print(table)


def _short(series: str, depth_m: float | None) -> str:
    _, _, rest = series.partition("/")
    return rest if depth_m is None else f"{rest} {depth_m:.2f} m"


def _text(value: float | None, places: int = 2) -> str:
    return "" if value is None else f"{value:.{places}f}"
