"""Table ``[journal]``: where readings are kept, and how much room they may take."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from station_config.base import Duration, FilePath, Table


class JournalTable(Table):
    """The journal's file and bounds.

    Without `path` it lies under the user's state folder by station id. `at_limit` says what happens when the
    limit is reached and nothing may be pruned: stop reading loudly, or drop the oldest, counted.
    """

    path: FilePath | None = None
    limit_mib: int = Field(default=8192, ge=16)
    at_limit: Literal["stop", "drop-oldest"] = "stop"
    commit_every: Duration = 0.2
    commit_rows: int = Field(default=5000, ge=1, le=100_000)
    archive_folder: FilePath | None = None
    keep: Duration = 30 * 86400.0
    """Confirmed samples younger than this are not pruned."""
