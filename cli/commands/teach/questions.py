"""``soilco2 teach questions``: questions for Moodle, for other systems, and on paper."""

from __future__ import annotations

from pathlib import Path

import click

from soilco2.cli.options import fail, language_option
from soilco2.station_config.message import Message

_ENDINGS = {"moodle": "xml", "gift": "gift.txt", "qti": "zip", "json": "json", "docx": "docx"}
_PAPER = 40


@click.command()
@click.option("--level", type=click.IntRange(1, 3), required=True, help="1 初级, 2 中级, 3 高级.")
@click.option("--count", type=int, help="Number of questions; left out: 40 for docx, else all.")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed draws the same paper.")
@click.option("--format", "form", type=click.Choice(list(_ENDINGS)), default="docx", show_default=True)
@click.option(
    "--block",
    type=click.Choice(["background", "basics", "quantification", "monitoring"]),
    help="This block alone.",
)
@click.option(
    "--facts",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Facts of your own (TOML); repeatable.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="questions-LEVEL-SEED.LANG.ENDING if left out.",
)
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@language_option
def questions(
    level: int, count: int | None, seed: int, form: str, block: str | None, facts: tuple[Path, ...], out: Path | None,
    force: bool, lang: str,
) -> None:  # fmt: skip
    """Draw questions of LEVEL by the weights of the syllabus and write them.

    \b
    moodle  Moodle XML          gift  GIFT
    qti     QTI 2.1 package     json  everything, both languages
    docx    a paper with answer sheet and key

    \b
    Examples:
      soilco2 teach questions --level 1 --lang zh
      soilco2 teach questions --level 2 --format moodle --lang zh
      soilco2 teach questions --level 3 --count 20 --seed 7 --facts mine.toml
    """
    from soilco2.teaching.questions.papers import bank, draw

    path = out or Path(f"questions-{level}-{seed}.{lang}.{_ENDINGS[form]}")
    if path.exists() and not force:
        fail(Message("{path} is there already; give another --out, or --force", path=path))
    if count is None:
        holds = sum(block in (None, question.block) for question in bank(level, facts))
        count = min(_PAPER, holds) if form == "docx" else holds
    paper = draw(level, count, seed, facts, block)
    if form == "moodle":
        from soilco2.teaching.questions.formats.moodle import to_moodle

        written = to_moodle(paper, lang)
    elif form == "gift":
        from soilco2.teaching.questions.formats.gift import to_gift

        written = to_gift(paper, lang).encode()
    elif form == "qti":
        from soilco2.teaching.questions.formats.qti import to_qti

        written = to_qti(paper, lang)
    elif form == "json":
        from soilco2.teaching.questions.formats.json import to_json

        written = to_json(paper).encode()
    else:
        from soilco2.teaching.questions.formats.paper import to_paper

        written = to_paper(paper, lang)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(written)
    if form == "docx":
        from soilco2.teaching.questions.formats.paper import shortfall

        for name, lacking in paper.shortfall.items():
            click.echo(shortfall(name, lacking, lang), err=True)
    click.echo(str(path))
