"""Results files: whole or not at all, by a published schema, never with a number that is none."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from soilco2.storage.errors import ResultsError
from soilco2.storage.results.results import (
    Result,
    ResultFile,
    list_results,
    read_results,
    write_results,
    write_table,
)
from soilco2.storage.results.schema import schema
from tests.paths import ROOT

PUBLISHED = ROOT / "docs" / "reference" / "results.schema.json"
ROW = Result(
    what="pearson_r", target="s/p/d10/co2", driver="s/p/d10/soil_temperature", target_depth_m=0.1, given=("x",),
    scale="within-day", n=100, n_eff=12.5, value=-0.4, lower=-0.7, upper=0.1, p=0.2, method="m",
    details={"shifts": 12, "warning": None},
)  # fmt: skip
FILE = ResultFile(
    job="correlation", station="s", created="2026-03-01T12:00:00Z", version="0", seed=1, asked={"data": ["a"]},
    rows=(ROW, replace(ROW, value=None, refused=True, why="too few", why_code="few_pairs", why_values={"n": 3})),
    notes=("read this",),
)  # fmt: skip


def test_the_published_schema_is_that_of_the_records() -> None:
    assert json.loads(PUBLISHED.read_text(encoding="utf-8")) == schema()


def test_what_is_written_fits_the_schema_and_comes_back(tmp_path: Path) -> None:
    path = write_results(tmp_path, FILE)
    assert path == tmp_path / "2026-03-01" / "correlation.results.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    jsonschema.validate(document, schema())
    assert read_results(path) == FILE
    assert list(list_results(tmp_path)) == list(list_results(tmp_path, "correlation")) == [path]
    assert list(list_results(tmp_path, "flux")) == []
    for broken in (
        {**document, "schema": "other"},
        {**document, "rows": [{"what": 1}]},
        {**document, "more": 1},
    ):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(broken, schema())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"rows": (replace(ROW, value=float("nan")),)}, "not a finite number"),
        ({"job": "../../etc"}, "job name"),
        ({"created": "yesterday"}, "2026-03-01"),
    ],
)
def test_what_is_no_result_is_refused_and_leaves_nothing(
    change: dict[str, object], said: str, tmp_path: Path
) -> None:
    with pytest.raises(ResultsError, match=said):
        write_results(tmp_path, replace(FILE, **change))  # type: ignore[arg-type]
    assert not list(tmp_path.rglob("*.json"))


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"schema": "soilco2-results-1"}', '{"schema": "x", "rows": []}']
)
def test_a_file_that_is_none_is_told_by_name(text: str, tmp_path: Path) -> None:
    path = tmp_path / "a.results.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ResultsError, match=r"a\.results\.json"):
        read_results(path)


def test_a_table_leaves_empty_what_is_not_finite(tmp_path: Path) -> None:
    path = write_table(tmp_path, "2026-03-01", "lag", "curve", {"lag_h": [0, 1], "r": [0.5, float("nan")]})
    assert path.read_text(encoding="utf-8") == "lag_h,r\n0,0.5\n1,\n"
