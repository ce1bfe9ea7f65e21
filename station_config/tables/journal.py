"""Table ``[journal]``: where readings are kept, and how much room they may take."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from soilco2.station_config.base import Duration, FilePath, Table


class JournalTable(Table):
    """The journal's file and bounds.

    Without `path` it lies under the user's state folder by station id. `at_limit` says what happens when the
    limit is reached and nothing may be pruned: stop reading loudly, or drop the oldest, counted.
    """

    path: FilePath | None = None
    """The journal's file; left out: by station id under the user's state folder."""
    limit_mib: int = Field(default=8192, ge=16)
    """Room the journal may take [MiB]."""
    at_limit: Literal["stop", "drop-oldest"] = "stop"
    """At the limit, when nothing may be pruned: stop reading, loudly, or drop the oldest, counted."""
    commit_every: Duration = 0.2
    """Longest wait before readings are written to disk."""
    commit_rows: int = Field(default=5000, ge=1, le=100_000)
    """Readings written at once, at most."""
    archive_folder: FilePath | None = None
    """Where pruned readings are kept; left out: beside the journal."""
    keep: Duration = 30 * 86400.0
    """Confirmed samples younger than this are not pruned."""
