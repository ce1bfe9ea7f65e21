"""Observations made anew from their samples, as the station is configured now."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby

from soilco2.quality.epochs import ManualFlag
from soilco2.quality.pipeline import Pipeline, sample_time
from soilco2.quality.records import Observation, Sample
from soilco2.quality.rivals import Rivals
from soilco2.station_config.deployments import Deployments


def recompute(
    deployments: Deployments,
    config_hash: str,
    manual: Sequence[ManualFlag],
    samples: Iterable[Sample],
    start_us: int,
    end_us: int,
    told: Callable[[Rivals], None] | None = None,
) -> Iterator[Observation]:
    """Make the observations of a stretch again.

    Parameters
    ----------
    deployments : Deployments
    config_hash : str
    manual : sequence of ManualFlag
    samples : iterable of Sample
        In the order of time, from ``start_us - Pipeline.lookback_us`` on.
    start_us, end_us : int
        The stretch, its end exclusive [µs UTC].
    told : callable, optional
        Told of each place of the stretch at which several samples came together.

    Yields
    ------
    Observation
        In the order of time.
    """
    pipeline = Pipeline(deployments, config_hash, manual)
    pipeline._ordered = True
    for time_us, group in groupby(samples, key=sample_time):
        if time_us is None:
            continue
        if time_us >= end_us:
            return
        given = pipeline.feed(list(group)).observations
        if time_us >= start_us:
            if told is not None:
                for rivals in pipeline.rivals:
                    told(rivals)
            yield from given
        pipeline.rivals.clear()
