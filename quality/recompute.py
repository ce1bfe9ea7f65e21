"""Observations made anew from their samples, as the station is configured now."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby

from soilco2.quality.pipeline import Pipeline, sample_time
from soilco2.quality.plans import StationPlan
from soilco2.quality.records import Observation, Sample
from soilco2.quality.rivals import Rivals


def recompute(
    plan: StationPlan,
    samples: Iterable[Sample],
    start_us: int,
    end_us: int,
    told: Callable[[Rivals], None] | None = None,
) -> Iterator[Observation]:
    """Make the observations of a stretch again.

    Parameters
    ----------
    plan : StationPlan
    samples : iterable of Sample
        In the order of time, from ``start_us - plan.lookback_us`` to ``end_us + plan.lookahead_us``.
    start_us, end_us : int
        The stretch, its end exclusive [µs UTC].
    told : callable, optional
        Told of each place of the stretch at which several samples came together.

    Yields
    ------
    Observation
        A later one replaces an earlier one of the same series and time.
    """
    pipeline = Pipeline(plan)
    for time_us, group in groupby(samples, key=sample_time):
        if time_us is None:
            continue
        if time_us >= end_us + plan.lookahead_us:
            return
        given = pipeline.again(list(group)).observations()
        if time_us >= start_us:
            if told is not None:
                for rivals in pipeline.rivals:
                    told(rivals)
            yield from (row for row in given if start_us <= row.time_us < end_us)
        pipeline.rivals.clear()
