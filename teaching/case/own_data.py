"""A trainee's own data: taken in whole or refused, and what the lessons can do with them."""

from __future__ import annotations

from soilco2.teaching.case.own_data_store import OWN, SOIL, _holds, soil_of
from soilco2.teaching.case.work_folder import Work


def describe(work: Work) -> str:
    """What own data allow, in a sentence for each lesson that is concerned; or that there are none."""
    from soilco2.storage.open import open_reader

    zh = work.lang == "zh"
    path = work.path / "data" / OWN
    if not path.is_file():
        return (
            "没有自己的数据；soilco2 teach start 加 --data 台站文件或整洁表即可带入。"
            if zh
            else "There are no data of your own; soilco2 teach start takes them with --data (a station file or a tidy table)."
        )
    reader = open_reader([path])
    try:
        held = _holds(reader.series())
    finally:
        reader.close()
    days = (held.end_us - held.start_us) / 86_400e6
    where = "; ".join(
        f"{name} {', '.join(f'{z:g}' for z in depths)} m" for name, depths in held.co2_depths.items()
    )
    rows = [
        f"自己的数据：{held.series} 条序列，{days:.1f} 天；CO₂ 在 {where}。"
        if zh
        else f"Your own data: {held.series} series, {days:.1f} days; CO₂ at {where}."
    ]
    if "soil_water" not in held.variables:
        rows.append(
            "没有含水率：相关分析缺水分一项，通量不能算（扩散系数要用含水率）。"
            if zh
            else "No water content: correlations lack water, and there is no flux (diffusivity needs water content)."
        )
    if "soil_temperature" not in held.variables:
        rows.append(
            "没有土壤温度：不能做温度一课。"
            if zh
            else "No soil temperature: the lesson on temperature cannot be done."
        )
    if all(len(depths) < 2 for depths in held.co2_depths.values()):
        rows.append(
            "只有一个深度：不能按深度比较；通量只能靠地表的假定值，区间很宽。"
            if zh
            else "One depth only: nothing can be compared by depth, and a flux rests on an assumed surface value, with a wide interval."
        )
    if days < 10:
        rows.append(
            f"只有 {days:.1f} 天：日际与季节尺度没有结论。"
            if zh
            else f"Only {days:.1f} days: nothing can be said from day to day or through the season."
        )
    if "soil_water" in held.variables and soil_of(work.path) is None:
        rows.append(
            f"没有土壤资料（data/{SOIL[1]} 或 {SOIL[0]}）：不算通量；teach start 的 --soil 可以带入。"
            if zh
            else f"No soil (data/{SOIL[1]} or {SOIL[0]}): no flux; --soil of teach start takes it."
        )
    rows += fallen(work)
    return "\n".join(rows)


def fallen(work: Work) -> list[str]:
    """The tasks on own data that fall away, a line each with the reason."""
    from soilco2.teaching.case.answer_keys.own_data import TASKS
    from soilco2.teaching.case.marking import in_language

    context = work.context()
    return [
        f"  {one.id}  {in_language(reason, work.lang)}"
        for one in TASKS
        if (reason := one.away(context)) is not None
    ]
