"""How figures look: fonts that have every glyph, colours told apart by everyone, text as outlines in the SVG.

Colours are those of Okabe & Ito (2008), https://jfly.uni-koeln.de/color/, chosen for every kind of colour vision;
classes also differ by marker and line. A figure is drawn with its text as outlines, so that it looks the same
everywhere. Where this machine has no font for a character, the text stays text and the reader's own fonts draw it.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FONTS: Final = (
    "DejaVu Sans",
    "Noto Sans CJK SC",
    "Source Han Sans SC",
    "Noto Sans CJK JP",
    "WenQuanYi Zen Hei",
    "Microsoft YaHei",
    "PingFang SC",
    "SimHei",
)
INK: Final = "#1c2326"
GREY: Final = "#8a8a8a"
BLUE: Final = "#0072B2"
CLASS_COLOUR: Final = {"dry": "#D55E00", "middling": "#009E73", "wet": BLUE, "all": INK}
CLASS_MARKER: Final = {"dry": "o", "middling": "s", "wet": "^", "all": "."}
CLASS_LINE: Final = {"dry": "-", "middling": "--", "wet": "-.", "all": "-"}
SERIES: Final = (BLUE, "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS: Final = ("o", "s", "^", "D", "v", "P", "X")

_RC: Final[Any] = {
    "axes.unicode_minus": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "font.size": 9,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "svg.fonttype": "path",
    "svg.hashsalt": "soilco2",
}


def fonts_present() -> list[str]:
    """Those of `FONTS` that this machine has, so that no font is searched in vain."""
    from matplotlib import font_manager

    known = set(font_manager.get_font_names())
    return [name for name in FONTS if name in known] or ["DejaVu Sans"]


@contextmanager
def style() -> Iterator[None]:
    """Draw in the house's style while the block runs."""
    import matplotlib as mpl

    with mpl.rc_context(_RC | {"font.family": fonts_present()}):
        yield


def figure(width: float, height: float) -> Figure:
    """An empty figure [inches] that no window system knows of."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def panels(count: int, width: float, height: float, *, share: bool = False) -> tuple[Figure, list[Axes]]:
    """A figure of `count` panels of this size [inches], at most three beside each other."""
    across = min(count, 3)
    down = -(-count // across)
    drawn = figure(width * across + 0.6, height * down + 0.6)
    every = drawn.subplots(down, across, squeeze=False, sharex=share, sharey=share).flat
    axes = list(every)
    for ax in axes[count:]:
        ax.set_visible(False)
    return drawn, axes[:count]


def common_legend(drawn: Figure, axes: Iterable[Axes]) -> None:
    """One legend above all panels."""
    handles: dict[str, Any] = {}
    for ax in axes:
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    if handles:
        drawn.legend(list(handles.values()), list(handles), loc="outside upper right", ncols=len(handles))


def svg(drawn: Figure) -> str:
    """The figure as SVG text, the same for the same figure.

    A character that no font here has would be drawn as an empty box; then the text stays text in the SVG.
    """
    import matplotlib as mpl

    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        text = _saved(drawn)
    if not any("Glyph" in str(w.message) for w in seen):
        for w in seen:
            warnings.warn_explicit(w.message, w.category, w.filename, w.lineno)
        return text
    with warnings.catch_warnings(), mpl.rc_context({"svg.fonttype": "none"}):
        warnings.filterwarnings("ignore", "Glyph")
        return _saved(drawn)


def _saved(drawn: Figure) -> str:
    out = io.StringIO()
    drawn.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    return re.sub(r"<metadata>.*?</metadata>\s*", "", out.getvalue(), flags=re.DOTALL)


def colour_bar(
    drawn: Figure, mappable: Any, axes: Iterable[Axes], label: str, *, extend: str = "neither"
) -> None:
    """A colour bar of vectors beside these axes."""
    bar = drawn.colorbar(mappable, ax=list(axes), label=label, extend=extend, pad=0.01, aspect=22)
    assert bar.solids is not None
    bar.solids.set(rasterized=False, edgecolor="face", linewidth=0.3)
    bar.outline.set_visible(False)


def dates(time_us: NDArray[np.int64]) -> NDArray[Any]:
    """Times [µs UTC] as matplotlib takes them."""
    return np.asarray(time_us, dtype=np.int64).astype("datetime64[us]")


def date_axis(ax: Axes) -> None:
    """Few, short dates, in figures alone: they read the same in every language."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    class Spaced(AutoDateLocator):
        """Without the last days of a month that the first of the next would touch."""

        def __call__(self) -> Any:
            ticks = np.asarray(super().__call__())  # type: ignore[no-untyped-call]
            steps = np.diff(ticks)
            return ticks if steps.size < 2 else ticks[np.append(steps > 0.7 * np.median(steps), True)]

    locator = Spaced(minticks=3, maxticks=9)  # type: ignore[no-untyped-call]
    ax.xaxis.set_major_locator(locator)
    form = ConciseDateFormatter(  # type: ignore[no-untyped-call]
        locator,
        formats=["%Y", "%Y-%m", "%m-%d", "%H:%M", "%H:%M", "%H:%M:%S"],
        zero_formats=["", "%Y-%m", "%m-%d", "%m-%d", "%H:%M", "%H:%M"],
        offset_formats=["", "", "%Y", "%Y", "%Y-%m-%d", "%Y-%m-%d %H:%M"],
    )
    ax.xaxis.set_major_formatter(form)


def rows_of(table: Mapping[str, Sequence[Any]], **same: object) -> dict[str, list[Any]]:
    """The rows of a table of curves in which these columns have these values; empty when there are none."""
    keep = [
        k
        for k in range(len(next(iter(table.values()), ())))
        if all(table[c][k] == v for c, v in same.items())
    ]
    return {name: [column[k] for k in keep] for name, column in table.items()} if keep else {}
