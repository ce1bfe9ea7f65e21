"""Times as people's computers write them: day, month and year in any order, twelve hours with words of many languages.

HOBOware and ZENTRA write times by the settings of the computer that exported them, and spreadsheets write them anew.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from soilco2.ingest.files.head import Clock, LoggerFileError
from soilco2.station_config.message import Message

_BEFORE_NOON = frozenset(
    ("am", "a.m.", "a", "上午", "午前", "오전", "fm", "vorm.", "πμ", "π.μ.", "dop.", "de.", "öö")
)
_AFTER_NOON = frozenset(
    ("pm", "p.m.", "p", "下午", "午後", "오후", "em", "nachm.", "μμ", "μ.μ.", "odp.", "du.", "ös")
)
_TIME = re.compile(
    r"\s*(\d{1,4})[-/. ](\d{1,2})[-/. ](\d{1,4})\.?[ ,T]+(?:([^\d\s:]+)\s*)?(\d{1,2}):(\d\d)(?::(\d\d(?:[.,]\d+)?))?"
    r"(?:\s*([^\d\s:]+(?: ?m\.)?))?\s*"
)
_ORDERS = {"mdy": (2, 0, 1), "dmy": (2, 1, 0), "ymd": (0, 1, 2)}
"""Where year, month and day stand."""
_NAMES = {"mdy": '"%m/%d/%y %H:%M:%S"', "dmy": '"%d/%m/%y %H:%M:%S"', "ymd": '"%y/%m/%d %H:%M:%S"'}


def local(order: str) -> Clock:
    """A clock for one order of year, month and day, such as ``"mdy"``."""
    year, month, day = _ORDERS[order]

    def clock(text: str) -> datetime:
        found = _TIME.fullmatch(text)
        if found is None:
            raise ValueError(text)
        parts = [int(found[1]), int(found[2]), int(found[3])]
        if len(found[1 + year]) not in (2, 4) or len(found[1 + month]) > 2 or len(found[1 + day]) > 2:
            raise ValueError(text)
        century = 2000 if len(found[1 + year]) == 2 else 0
        seconds = timedelta(seconds=float((found[7] or "0").replace(",", ".")))
        hour = _hour(int(found[5]), (found[4] or found[8] or "").lower(), text)
        return datetime(parts[year] + century, parts[month], parts[day], hour, int(found[6])) + seconds

    return clock


def _hour(hour: int, word: str, text: str) -> int:
    if not word:
        return hour
    if not 1 <= hour <= 12 or (word not in _BEFORE_NOON and word not in _AFTER_NOON):
        raise ValueError(text)
    return hour % 12 + (12 if word in _AFTER_NOON else 0)


def order_of(texts: Sequence[str], path: str) -> str:
    """The order of year, month and day in some times that follow one another: the one that fits all of them.

    Raises
    ------
    LoggerFileError
        When none does, or two do and tell different days.
    """
    read = [[_read(local(order), text) for text in texts] for order in _ORDERS]
    some = [
        n for n in range(len(texts)) if any(times[n] is not None for times in read)
    ]  # the others are bad rows
    fitting: dict[str, list[datetime]] = {}
    for order, times in zip(_ORDERS, read, strict=True):
        found = [time for n in some if (time := times[n]) is not None]
        if some and len(found) == len(some):
            fitting[order] = found
    if not fitting:
        raise LoggerFileError(
            path,
            Message(
                "time {time!r} is of no known writing; give it in the mapping, such as time_format = {example}",
                time=next(iter(texts), "")[:40], example=_NAMES["mdy"],
            ),
        )  # fmt: skip
    spans = {order: _span(times) for order, times in fitting.items()}
    least = min(spans.values())
    best = [order for order, span in spans.items() if span == least]
    if len({tuple(fitting[order]) for order in best}) > 1:
        raise LoggerFileError(
            path,
            Message(
                "day and month of {time!r} cannot be told apart; say in the mapping how times are written, such as "
                "time_format = {first} or time_format = {second}",
                time=texts[0][:40], first=_NAMES[best[0]], second=_NAMES[best[1]],
            ),
        )  # fmt: skip
    return best[0]


def _read(clock: Clock, text: str) -> datetime | None:
    try:
        return clock(text)
    except ValueError:
        return None


def _span(times: Iterable[datetime]) -> tuple[bool, timedelta]:
    """Whether times run back, and how long they take."""
    listed = list(times)
    back = any(later < earlier for earlier, later in pairwise(listed))
    return back, max(listed) - min(listed)


def digits(text: str) -> datetime:
    """``202603080130``, ``20260308013000`` or ``20260308``."""
    bare = text.strip()
    if len(bare) not in (8, 12, 14) or not bare.isdigit():
        raise ValueError(text)
    hour, minute, second = int(bare[8:10] or 0), int(bare[10:12] or 0), int(bare[12:14] or 0)
    day = datetime(int(bare[:4]), int(bare[4:6]), int(bare[6:8]))
    if hour == 24 and not minute and not second:
        return day + timedelta(days=1)
    return day.replace(hour=hour, minute=minute, second=second)
