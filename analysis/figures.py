"""Figures of the analyses, as vector graphics."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from analysis.definitions import DAY_TO_DAY, WITHIN_DAY
from storage.results import Result


def correlation_figure(rows: Sequence[Result], path: Path) -> None:
    """Draw r with its 95 % interval, by driver, at two scales; what is withheld stands as a word.

    Parameters
    ----------
    rows : sequence of Result
        Of the job ``correlation``.
    path : Path
        Where the figure goes; its suffix is the format.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    scales = (WITHIN_DAY, DAY_TO_DAY)
    plain = [r for r in rows if r.what == "pearson_r" and r.driver and r.scale in scales]
    names = sorted({(r.target, r.driver) for r in plain})
    figure, axes = plt.subplots(
        1, len(scales), figsize=(9, 1.2 + 0.28 * max(1, len(names))), sharey=True, layout="constrained"
    )
    labels = [
        f"{_place(target)}  ·  {driver.rsplit('/', 1)[-1].replace('_', ' ')}" for target, driver in names
    ]
    for axis, scale in zip(axes, scales, strict=True):
        for height, (target, driver) in enumerate(names):
            for r in plain:
                if (r.target, r.driver, r.scale) != (target, driver, scale):
                    continue
                if r.value is None:
                    axis.text(0, height, "withheld", ha="center", va="center", color="0.4", fontsize=8)
                    continue
                if r.lower is not None and r.upper is not None:
                    axis.plot([r.lower, r.upper], [height, height], color="0.3", linewidth=1.5)
                axis.plot(r.value, height, "o" if not r.refused else "D", color="#0b5c8a",
                          fillstyle="full" if not r.refused else "none")  # fmt: skip
                n_eff = "" if r.n_eff is None else f"N_eff {r.n_eff:.0f}"
                axis.text(1.04, height, n_eff, va="center", fontsize=7, color="0.35")
        axis.axvline(0, color="0.7", linewidth=0.8)
        axis.set(xlim=(-1, 1.35), xlabel="r with CO₂ [1]", title=scale.replace("_", " "))
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_yticks(range(len(names)), labels, fontsize=8)
    axes[0].invert_yaxis()
    figure.text(0, -0.02, "Bars: 95 % interval. Open diamonds: no interval or p can be given.", fontsize=8)
    figure.savefig(path, bbox_inches="tight")
    plt.close(figure)


def _place(series: str) -> str:
    parts = series.split("/")
    return " ".join(part for part in parts[1:3] if part)
