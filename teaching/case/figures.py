"""Figures whose Chinese text has no missing glyph, and tables that show their sentences whole."""

from __future__ import annotations

import warnings

CHINESE = (
    "Noto Sans CJK SC", "Source Han Sans SC", "Microsoft YaHei", "SimHei", "SimSun", "PingFang SC", "Heiti SC",
    "WenQuanYi Zen Hei", "WenQuanYi Micro Hei", "Noto Sans CJK JP", "AR PL UMing CN",
)  # fmt: skip
"""Fonts with Chinese, those of the usual systems."""


def chinese_fonts() -> list[str]:
    """Those of `CHINESE` that this machine has."""
    from matplotlib import font_manager

    known = set(font_manager.get_font_names())
    return [name for name in CHINESE if name in known]


def set_up(lang: str) -> None:
    """Fonts, sizes and the minus sign; says it in one sentence when no Chinese font is there."""
    import matplotlib as mpl
    import pandas as pd

    pd.set_option("display.max_colwidth", None)
    fonts = chinese_fonts()
    if lang == "zh" and not fonts:
        print(
            "这台机器没有中文字体，图中的中文会显示为方框；安装 Noto Sans CJK 或微软雅黑即可，其余不受影响。"
        )
        warnings.filterwarnings("ignore", message="Glyph .* missing")
    mpl.rcParams.update(
        {
            "font.family": ["DejaVu Sans", *fonts],
            "axes.unicode_minus": True,
            "date.autoformatter.day": "%m-%d",
            "figure.figsize": (9, 4.5),
            "figure.dpi": 90,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "figure.constrained_layout.use": True,
        }
    )
