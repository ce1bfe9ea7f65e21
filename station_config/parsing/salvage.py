"""What can be used of a faulty station file, so that all its faults are found at once."""

from __future__ import annotations

import re
from functools import cached_property
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from soilco2.station_config.errors import Fault
from soilco2.station_config.message import Message
from soilco2.station_config.parsing.faults import Path, fault_at, raw_at
from soilco2.station_config.parsing.toml_positions import Spot
from soilco2.station_config.tables.stationfile import StationFile
from soilco2.station_config.variables import VARIABLES, Variable, Variables

_NEUTRAL: dict[str, Any] = {
    "id": "station",
    "name": "station",
    "latitude": 0.0,
    "longitude": 0.0,
    "altitude_m": 0.0,
    "timezone": "UTC",
}
"""Stands in for a faulty key of [station] while the rest is checked."""


_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


def _stand_in(name: str, row: dict[str, Any]) -> Variable:
    """A faulty variable as far as other tables need it."""
    return Variable(
        id=name,
        symbol=name,
        unit=str(row.get("unit", "1")),
        unit_text="",
        cf_standard_name="",
        name_en=name,
        name_zh=name,
        lower=0.0,
        upper=1.0,
        resolution=1.0,
        has_depth=row.get("has_depth") is not False,
        also_at_site=row.get("also_at_site") is True,
    )


class Salvaged:
    """A station file of which the faulty parts are left out.

    Parameters
    ----------
    data : dict
        Tables as read; not changed.
    root : Spot
        Where everything stands.

    Attributes
    ----------
    file : StationFile
        The part that is valid.
    errors : list of ErrorDetails
        What pydantic refused, with paths of the whole file.
    """

    def __init__(self, data: dict[str, Any], root: Spot) -> None:
        self.data = data
        self.root = root
        self.errors: list[ErrorDetails] = []
        self._kept: dict[Path, list[int]] = {}
        self.file = self._salvage()

    def _salvage(self) -> StationFile:
        dropped: set[Path] = set()
        neutral: dict[Path, Any] = {}
        while True:
            self._kept.clear()
            value = self._without(self.data, (), dropped)
            for path, stand_in in neutral.items():
                if path[0] != "station" and any(path[:n] in dropped for n in range(1, len(path))):
                    continue
                _put(value, self._inner(path), stand_in)
            try:
                return StationFile.model_validate(value)
            except ValidationError as error:
                found = error.errors(include_url=False)
                for item in found:
                    item["loc"] = self.outer(item["loc"])
                if not self.errors:
                    self.errors = found
            before = (len(dropped), len(neutral))
            for item in found:
                self._leave_out(item, dropped, neutral)
            if before == (len(dropped), len(neutral)):  # cannot be narrowed down
                return StationFile.model_validate({"station": _NEUTRAL})

    def _leave_out(self, error: ErrorDetails, dropped: set[Path], neutral: dict[Path, Any]) -> None:
        missing = error["type"] == "missing"
        _, path = self.root.find(error["loc"])
        if missing:
            path = (*path, error["loc"][-1])
        if path[:1] == ("station",):
            stand_in = _NEUTRAL if len(path) == 1 else {path[1]: _NEUTRAL.get(str(path[1]))}
            for key, value in stand_in.items():
                if value is not None:
                    neutral["station", key] = value
            if not missing or len(path) > 2 or path[-1] not in _NEUTRAL:
                dropped.add(path[:2])
        elif len(path) == 3 and path[0] == "instrument" and path[2] == "interval":
            neutral[path] = "1d"  # no rule about time can fail
        elif missing or path in dropped:
            # without a key it needs, the element as a whole is left out
            last = max((n for n, part in enumerate(path[:-1]) if isinstance(part, int)), default=0)
            dropped.add(path[: last + 1])
        else:
            dropped.add(path)

    def _without(self, value: Any, path: Path, dropped: set[Path]) -> Any:
        if isinstance(value, dict):
            return {
                key: self._without(item, (*path, key), dropped)
                for key, item in value.items()
                if (*path, key) not in dropped
            }
        if isinstance(value, list):
            kept = [number for number in range(len(value)) if (*path, number) not in dropped]
            self._kept[path] = kept
            return [self._without(value[number], (*path, number), dropped) for number in kept]
        return value

    def outer(self, path: Path) -> Path:
        """The path in the whole file of a path in `file`."""
        found: Path = ()
        for part in path:
            kept = self._kept.get(found)
            found = (*found, kept[part] if isinstance(part, int) and kept and part < len(kept) else part)
        return found

    def _inner(self, path: Path) -> Path:
        found: Path = ()
        for number, part in enumerate(path):
            kept = self._kept.get(path[:number])
            found = (*found, kept.index(part) if isinstance(part, int) and kept and part in kept else part)
        return found

    def fault(self, path: Path, value: Any, expected: Message) -> Fault:
        """A fault at a path of `file`; its value as written, else `value`, nothing for None."""
        path = self.outer(path)
        return fault_at(self.root, path, None if value is None else raw_at(self.data, path, value), expected)

    def line(self, path: Path) -> int:
        """Line of a path of `file`."""
        return self.root.find(self.outer(path))[0].line

    def rows(self, table: str) -> list[dict[str, Any]]:
        """The elements of an array of tables as written, faulty ones as well."""
        rows = self.data.get(table, [])
        return [row for row in (rows if isinstance(rows, list) else [rows]) if isinstance(row, dict)]

    @cached_property
    def variables(self) -> Variables:
        """The station's registry with every ``[[variable]]``, faulty ones as well, so that each fault is told once.

        One that takes the id of another changes nothing.
        """
        sound = {own.id: own.row for own in self.file.variable}
        rows = {row["id"]: row for row in self.rows("variable") if _NAME.fullmatch(str(row.get("id")))}
        return VARIABLES.with_own(
            sound.get(name) or _stand_in(name, row) for name, row in rows.items() if name not in VARIABLES
        )

    def names(self, table: str) -> list[str]:
        """The ids in an array of tables."""
        return [row["id"] for row in self.rows(table) if isinstance(row.get("id"), str)]


def _put(value: Any, path: Path, item: Any) -> None:
    """Set a value in nested tables; tables on the way are made."""
    for part in path[:-1]:
        if isinstance(part, str) and not isinstance(value.get(part), dict | list):
            value[part] = {}
        value = value[part]
    value[path[-1]] = item
