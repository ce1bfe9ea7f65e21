"""Jobs tell what they are at while they run."""

from __future__ import annotations

import pytest

from soilco2.analysis.frames.build import from_table
from soilco2.analysis.frames.targets import targets
from soilco2.analysis.jobs.base import Options
from soilco2.analysis.jobs.run import run_jobs
from tests.analysis.data import sjer_2020


@pytest.mark.parametrize("job", ["correlation", "lag", "rain"])
def test_a_job_tells_each_series_before_it_begins(job: str) -> None:
    (frame,) = from_table(sjer_2020())
    expected = [one.label for one in targets(frame)]
    told: list[tuple[str, float]] = []
    (done,) = run_jobs([frame], [job], Options(), within=lambda words, share: told.append((words, share)))
    assert done.outcome is not None
    assert [words for words, _ in told] == expected
    assert [share for _, share in told] == pytest.approx([k / len(expected) for k in range(len(expected))])
    seen = len(told)
    run_jobs([frame], ["rain"], Options())  # nobody watches any more
    assert len(told) == seen
