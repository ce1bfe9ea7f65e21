"""What dashboards and alert rules say, in English and Chinese."""

from __future__ import annotations

from collections.abc import Callable

LANGUAGES = ("en", "zh")

Say = Callable[..., str]
"""From a key, and what stands in braces, to the words of one language."""

_WORDS: dict[str, tuple[str, str]] = {
    # dashboards
    "stations": ("All stations", "全部台站"),
    "station": ("Station", "台站概览"),
    "profile": ("Profile", "剖面"),
    "quality": ("Quality and instruments", "质量与仪器"),
    "flux": ("Analysis and flux", "分析与通量"),
    "stations_about": (
        "How every station is doing, as it tells by itself every five minutes.",
        "各台站的运行状况，由台站每五分钟自行上报。",
    ),
    "station_about": (
        "Values flagged good or not evaluated; depths from the surface down, negative above ground.",
        "仅显示质量标识为良好或未评估的值；深度自地表向下，负值表示地面以上。",
    ),
    "profile_about": (
        "One row per variable. The rows of the heat map are the depths in their order, not to scale: the built-in page "
        "draws depth to scale. Gaps stay gaps.",
        "每个变量一栏。热图各行按深度顺序排列，不按比例；内置页面按真实深度绘制。缺测处留空。",
    ),
    "quality_about": (
        "Flags of every series, share of usable values, one position in detail, and the instruments.",
        "各序列的质量标识、可用率、单个位置的细节以及仪器状况。",
    ),
    "flux_about": (
        "Results with their intervals, refused times, and what they were computed from.",
        "计算结果及其区间、被拒绝的时段，以及所依据的数据。",
    ),
    "people": ("Notes set by people", "人工标注"),
    "events": ("Station events", "台站事件"),
    "this_station": ("This station", "本台站"),
    # template variables
    "v_station": ("Station", "台站"),
    "v_profile": ("Profile", "剖面"),
    "v_position": ("Position", "位置"),
    # rows
    "row_state": ("State", "状态"),
    "row_by_depth": ("By depth", "按深度"),
    "row_site": ("Without depth", "无深度变量"),
    "row_health": ("Supply, clock, disk", "供电、时钟与磁盘"),
    "row_flags": ("Flags", "质量标识"),
    "row_usable": ("Usable values", "可用值"),
    "row_position": ("One position", "单个位置"),
    "row_instruments": ("Instruments", "仪器"),
    "row_results": ("Results", "结果"),
    "row_inputs": ("What they rest on", "计算依据"),
    # panels
    "heard": ("Last heard", "最近上报"),
    "backlog": ("Waiting for the database", "待入库样本"),
    "oldest": ("Oldest waiting", "最久等待"),
    "disk": ("Disk free", "磁盘剩余"),
    "days_left": ("Journal full in", "日志库写满还有"),
    "clock": ("Clock off by", "时钟偏差"),
    "supply": ("Supply voltage", "供电电压"),
    "probe_age": ("Last answer of each instrument", "各仪器最近应答距今"),
    "probe_age_max": ("Longest silent instrument", "静默最久的仪器"),
    "due": ("Calibration due in", "距下次校准"),
    "due_min": ("Next calibration due in", "最近一次校准到期"),
    "due_about": ("Negative: overdue.", "负值表示已过期。"),
    "errors": ("Failed exchanges per hour", "每小时通信失败次数"),
    "software": ("Software and configuration", "软件与配置"),
    "newest": ("{name}: newest by depth", "{name}：各深度最新值"),
    "raster": ("{name}: depth × time", "{name}：深度 × 时间"),
    "series": ("{name}", "{name}"),
    "flags": ("{name}: worst flag", "{name}：最差标识"),
    "flags_site": ("Without depth: worst flag", "无深度变量：最差标识"),
    "usable": ("{name}: usable of expected per day", "{name}：每日可用率"),
    "usable_about": (
        "Values flagged good or not evaluated, of those that the interval of the instrument makes expect, per UTC day; "
        "the day that is not over counts as a whole one.",
        "按 UTC 日统计：质量标识为良好或未评估的值占仪器采样间隔应有数的比例；未结束的当日按整日计。",
    ),
    "modelled": ("Not measured but modelled: {how}.", "非实测，为模拟值：{how}。"),
    "detail": ("{name} at the chosen position", "{name}（所选位置）"),
    "value": ("value", "值"),
    "raw": ("before correction and calibration", "订正与校准前"),
    "doubtful": ("flagged suspect or bad", "标识为可疑或错误"),
    "lower": ("{what}, lower limit", "{what}，下限"),
    "upper": ("{what}, upper limit", "{what}，上限"),
    "efflux": ("{name} at the surface, with its interval", "地表{name}及其区间"),
    "efflux_about": (
        "No value: the method refuses to answer for that time. Over longer steps the limits are averaged like the "
        "value, which is right for errors that go together and too wide for others.",
        "无值表示该方法拒绝给出该时刻的结果。步长较长时，上下限与值同样取平均：对同向误差正确，对独立误差偏宽。",
    ),
    "refused": ("Answered or refused", "有结果或被拒绝"),
    "answered": ("answered", "有结果"),
    "refusal": ("refused", "被拒绝"),
    "flag_1": ("good", "良好"),
    "flag_2": ("not evaluated", "未评估"),
    "flag_3": ("suspect", "可疑"),
    "flag_4": ("bad", "错误"),
    "flag_9": ("missing", "缺测"),
    # alert rules: the first says what is wrong, the second what to do
    "a_silent_station": (
        "Station {station} has not told how it is for {minutes} minutes",
        "台站 {station} 已 {minutes} 分钟没有上报状态",
    ),
    "a_silent_station_do": (
        "Look for power and network; what the probes say meanwhile is kept in the station's journal.",
        "检查供电与网络；其间的读数仍保存在台站日志库中。",
    ),
    "a_silent_probe": (
        "Instrument {{{{ .Labels.instrument }}}} of station {station} has not answered for {minutes} minutes",
        "台站 {station} 的仪器 {{{{ .Labels.instrument }}}} 已 {minutes} 分钟没有应答",
    ),
    "a_silent_probe_do": (
        "'soilco2 status' names the error; check cable, supply and address.",
        "用“soilco2 status”查看错误；检查线缆、供电和地址。",
    ),
    "a_unheard": (
        "Fewer than {count} instruments of station {station} have answered since its collector started",
        "自采集程序启动以来，台站 {station} 应答过的仪器少于 {count} 台",
    ),
    "a_unheard_do": (
        "The dashboard of its instruments shows those that answered; the one that is not there never did.",
        "仪器面板列出应答过的仪器；未列出者从未应答。",
    ),
    "a_unusable": (
        "{name} at {{{{ .Labels.profile }}}} {{{{ .Labels.position }}}} of station {station}: every value of "
        "{hours} h is suspect or bad",
        "台站 {station} {{{{ .Labels.profile }}}} {{{{ .Labels.position }}}} 的{name}："
        "{hours} 小时内的值全部可疑或错误",
    ),
    "a_unusable_do": (
        "Stuck, impossible or jumping: 'soilco2 status' and the journal name the tests behind the flags.",
        "卡滞、超出可能范围或跳变：用“soilco2 status”和日志库查看未通过的检验。",
    ),
    "a_backlog": (
        "Station {station}: what waits for the database grows, and the oldest has waited for over half an hour",
        "台站 {station}：待入库样本不断增加，最久的已等待超过半小时",
    ),
    "a_backlog_do": (
        "The link or the database is too slow; nothing is lost while the journal has room.",
        "链路或数据库过慢；日志库有空间时不会丢失数据。",
    ),
    "a_calibration": (
        "Calibration of instrument {{{{ .Labels.instrument }}}} of station {station} is overdue",
        "台站 {station} 的仪器 {{{{ .Labels.instrument }}}} 校准已过期",
    ),
    "a_calibration_do": (
        "Calibrate it and write the result into the station file; stored values are computed again.",
        "完成校准并写入台站文件；已存数据会重新计算。",
    ),
    "a_journal": (
        "The journal of station {station} is full in less than {days} days",
        "台站 {station} 的日志库将在 {days} 天内写满",
    ),
    "a_journal_do": (
        "'soilco2 archive' makes room, or raise [journal] limit_mib.",
        "用“soilco2 archive”腾出空间，或调高 [journal] limit_mib。",
    ),
    "a_disk": (
        "The disk of station {station} has less than {gib} GiB left",
        "台站 {station} 的磁盘剩余不足 {gib} GiB",
    ),
    "a_disk_do": ("Make room on the machine.", "清理该机器的磁盘。"),
    "a_clock": (
        "The clock of station {station} is off by more than {seconds} s",
        "台站 {station} 的时钟偏差超过 {seconds} 秒",
    ),
    "a_clock_do": (
        "Let a time service set it; readings under a wrong clock are held back or stamped wrongly.",
        "用时间服务校时；时钟不准时读数会被暂留或时间戳有误。",
    ),
}


def words(language: str) -> Say:
    """What says things in ``en`` or ``zh``."""
    column = LANGUAGES.index(language)

    def say(key: str, **values: object) -> str:
        return _WORDS[key][column].format(**values)

    return say
