"""Words, numbers, durations and times as readers of a plan see them, in its language."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from soilco2.station_config.base import Names, Secret
from soilco2.station_config.variables import VARIABLES, Variables

_UNITS = (
    (86400.0, "d", "天"),
    (3600.0, "h", "小时"),
    (60.0, "min", "分钟"),
    (1.0, "s", "秒"),
    (0.001, "ms", "毫秒"),
)


class Language:
    """Says things in one language and remembers what the station file leaves open.

    Parameters
    ----------
    lang : {"en", "zh"}
    zone : ZoneInfo
        Times are shown in it.
    variables : Variables, optional
        The station's registry.
    """

    def __init__(self, lang: str, zone: ZoneInfo, variables: Variables = VARIABLES) -> None:
        self.lang = lang
        self.variables = variables
        self.zone = zone
        self.open: list[str] = []

    def __call__(self, en: str, zh: str) -> str:
        return zh if self.lang == "zh" else en

    def names(self, value: Names | None) -> str:
        """A name in this language; empty when there is none."""
        return "" if value is None else self(value.en, value.zh)

    def variable(self, name: str) -> str:
        """Name of a variable for people."""
        known = self.variables.get(name)
        return name if known is None else self(known.name_en, known.name_zh)

    def unit(self, name: str) -> str:
        """Unit of a variable as readers see it."""
        return self.variables[name].unit_text

    def missing(self, key: str, en: str, zh: str) -> str:
        """The words for what is not in the station file; they come again under the open points."""
        point = self(f"{en} (`{key}`)", f"{zh}（`{key}`）")
        if point not in self.open:
            self.open.append(point)
        return self(f"Not stated in the station file (`{key}`).", f"台站文件未写明（`{key}`）。")

    def lacking(self, key: str, en: str, zh: str) -> str:
        """The same as a sentence that stands alone and names what is not there."""
        self.missing(key, en, zh)
        return self(
            f"{en[0].upper()}{en[1:]}: not stated in the station file (`{key}`).",
            f"{zh}：台站文件未写明（`{key}`）。",
        )

    def number(self, value: float | None, unit: str = "") -> str:
        """A number with all its digits, and a dash where there is none."""
        if value is None:
            return "–"
        text = f"{value:.10g}".replace("-", "−")
        return f"{text} {unit}".rstrip()

    def signed(self, value: float, unit: str = "") -> str:
        """A number with its sign."""
        return ("+" if value >= 0 else "") + self.number(value, unit)

    def duration(self, seconds: float | None) -> str:
        """A duration in the largest unit that gives a whole number."""
        if seconds is None:
            return "–"
        for size, en, zh in _UNITS:
            count = seconds / size
            if seconds and count >= 1 and abs(count - round(count)) < 1e-9:
                return f"{round(count)} {self(en, zh)}"
        return f"{self.number(seconds)} {self('s', '秒')}"

    def moment(self, value: datetime | date | None) -> str:
        """A moment: a date as it stands, a time in the station's zone."""
        if value is None:
            return "–"
        if not isinstance(value, datetime):
            return value.isoformat()
        here = value.astimezone(self.zone)
        if here.time().isoformat() == "00:00:00":
            return here.date().isoformat()
        return here.isoformat(" ", "minutes" if not here.second else "auto")

    def time(self, time_us: int | None) -> str:
        """Microseconds UTC [µs] in the station's zone."""
        if time_us is None:
            return "–"
        return self.moment(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=time_us))

    def span(self, lower: float | None, upper: float | None, unit: str = "") -> str:
        """Two limits; a dash where there are none."""
        if lower is None and upper is None:
            return "–"
        if lower is None:
            return f"≤ {self.number(upper, unit)}"
        if upper is None:
            return f"≥ {self.number(lower, unit)}"
        return f"{self.number(lower)} … {self.number(upper, unit)}"

    def percent(self, share: float, digits: int = 1) -> str:
        """A share in percent; one short of the whole never reads as 100, one over nothing never as 0."""
        while digits < 6 and 0 < share < 1 and float(f"{100 * share:.{digits}f}") in (0, 100):
            digits += 1
        return f"{100 * share:.{digits}f} %"

    def secret(self, value: Secret | None) -> str:
        """Where a secret comes from, never the secret."""
        if value is None:
            return "–"
        if value.env is not None:
            return self(f"environment variable {value.env}", f"环境变量 {value.env}")
        return self(f"file {value.file}", f"文件 {value.file}")

    def yes(self, value: bool) -> str:
        """Yes or no."""
        return self("yes", "是") if value else self("no", "否")

    def listed(self, items: Sequence[str]) -> str:
        """Items in a row; a dash where there are none."""
        return self(", ", "、").join(items) or "–"
