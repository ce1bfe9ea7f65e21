"""Fluxes beside a running station: whatever new or changed observations touch is computed again.

Follows the journal's revision, so late data, a new calibration or a mended installation need no path of their own.
The revision reached is kept in a small file beside the journal; without it, or with other settings, everything is
computed again, and the journal gives new revisions only to results that differ.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from soilco2.analysis.flux import job
from soilco2.analysis.flux.errors import FluxError
from soilco2.analysis.flux.inputs import assemble, corrections_applied
from soilco2.analysis.flux.settings import Settings
from soilco2.quality.records import Observation
from soilco2.station_config.message import Message
from soilco2.storage.files import write_whole
from soilco2.storage.reader import Reader

PAGE = 20_000
"""Observations looked at in one go."""

ROWS = 2_000
"""Results handed over in one go."""

INPUTS = frozenset({"co2", "soil_temperature", "soil_water", "air_pressure"})

Submit = Callable[[Sequence[tuple[Any, ...]]], int]


class JournalLike(Reader, Protocol):
    """What of the journal's reader is needed here."""

    def last_rev(self) -> int:
        """The newest revision."""
        ...

    def observations_after(self, rev: int, limit: int) -> list[tuple[int, Observation]]:
        """Observations with a greater revision, in the order of revision."""
        ...


@dataclass(frozen=True)
class Update:
    """What one round did: revision reached, results handed over, how many of them were new or changed."""

    rev: int
    computed: int
    changed: int


def update(
    journal: JournalLike, settings: Settings, wanted: assemble.Wanted, rev: int, submit: Submit
) -> Update:
    """Compute what observations after `rev` touch, and hand the results over.

    Only steps that have ended by the newest observation are computed.

    Parameters
    ----------
    wanted : Wanted
        Its `every_s` is the step; its times are ignored.
    submit : callable
        Takes rows (series, time_us, value, lower, upper, method) and says how many changed.

    Raises
    ------
    FluxError
        When no step is given, or the settings would correct for pressure what the station corrected already.
    """
    if not wanted.every_s:
        raise FluxError(Message("a step is needed, such as --every 30min"))
    step = round(wanted.every_s * 1e6)
    touched: dict[str, tuple[int, int]] = {}
    reached = rev
    while page := journal.observations_after(reached, PAGE):
        reached = page[-1][0]
        for _, seen in page:
            if seen.series.variable not in INPUTS:
                continue
            if settings.flux.co2_probes == "uncompensated" and (
                done := corrections_applied.of_observation(seen)
            ):
                corrections_applied.refuse(settings.flux, {seen.series: done})
            low, high = touched.get(seen.series.profile, (seen.time_us, seen.time_us))
            touched[seen.series.profile] = min(low, seen.time_us), max(high, seen.time_us)
    if not touched:
        return Update(reached, 0, 0)
    infos = [info for info in journal.series() if info.key.variable == "co2"]
    newest = max((info.last_us for info in infos if info.last_us is not None), default=0)
    computed = changed = 0
    for profile in sorted({info.key.profile for info in infos}):
        spans = [touched[name] for name in (profile, "site") if name in touched]
        if not spans:
            continue
        start = min(low for low, _ in spans) // step * step
        end = min((max(high for _, high in spans) // step + 1) * step, newest // step * step)
        if end <= start:
            continue
        mine = replace(wanted, start_us=start, end_us=end, profiles=[profile])
        rows: list[tuple[Any, ...]] = []
        method = job.method_text(settings)
        for station, _, fluxes in job.compute(journal, settings, mine):
            for row in job.derived_rows(station, fluxes, method):
                rows.append(row)
                if len(rows) == ROWS:
                    computed, changed = computed + len(rows), changed + submit(rows)
                    rows = []
        if rows:
            computed, changed = computed + len(rows), changed + submit(rows)
    return Update(reached, computed, changed)


@dataclass(frozen=True)
class Bookmark:
    """Where the last round ended, in a file beside the journal.

    Parameters
    ----------
    path : Path
    settings : str
        Fingerprint of the settings that the revision belongs to.
    """

    path: Path
    settings: str

    @classmethod
    def of(cls, journal: Path, settings: Settings, wanted: assemble.Wanted) -> Bookmark:
        """The bookmark of a journal for these settings."""
        text = settings.soil.model_dump_json() + settings.flux.model_dump_json()
        text += f"{wanted.every_s} {settings.altitude_m} {sorted(wanted.shifts.items())}"
        return cls(
            journal.with_name(journal.name + ".flux.json"), hashlib.sha256(text.encode()).hexdigest()[:16]
        )

    def read(self) -> int:
        """The revision reached; 0 when there is none for these settings."""
        try:
            found = json.loads(self.path.read_text(encoding="utf-8"))
            return int(found["rev"]) if found["settings"] == self.settings else 0
        except (OSError, ValueError, KeyError, TypeError):
            return 0

    def write(self, rev: int) -> None:
        """Keep a revision; the file appears whole or not at all."""
        write_whole(self.path, json.dumps({"rev": rev, "settings": self.settings}))
