// Every word of the page, in both languages; names of variables come from the registry through the API.

const EN = {
  live: "live", away: "no connection; trying again", view: "view", screens: "screens", station: "Station", profile: "Profile", both: "side by side",
  variable: "Shown", second: "Below", span: "Span", log: "log", flagged: "flagged values", none: "none", language: "中文", theme: "Colours",
  auto: "auto", light: "light", dark: "dark", day: "1 day", days3: "3 days", week: "7 days", fortnight: "14 days", month: "30 days", all: "all", own: "own",
  utc: "UTC", local: "station time", now: "now", at: "at", back: "back to now", earlier: "earlier", later: "later", closer: "zoom in", wider: "zoom out",
  more: "More", full: "Full screen", leave: "Leave full screen", csv: "Values (CSV)", png: "Picture (PNG)", link: "Copy the link", copied: "link copied",
  column: "Soil column", curve: "Value against depth", heat: "Depth × time", series: "Series", table: "Newest values", picture: "Picture of the site",
  quality: "Completeness", instruments: "Instruments", results: "Results", events: "Log of the station",
  depth: "Depth", position: "Position", value: "Value", change: "24 h", flag: "Quality", age: "Age", time: "Time",
  1: "good", 2: "not evaluated", 3: "suspect", 4: "bad", 9: "missing",
  nodata: "No data yet. Values appear here as soon as the station sends them.", novalue: "no value", never: "nothing came yet",
  nothere: "Nothing in this span. The newest value is of ", show: "Show it", nodepth: "depth not known", nodepths: "This quantity has no depth; see the series.",
  allflagged: "Every value here is flagged.", showflagged: "Show flagged values", nomeasure: "This profile does not measure this.", loading: "reading …",
  silent: "silent", stuck: "stuck", allwell: "every series answers, none is stuck", series_n: "series", others: "more",
  modelled: "modelled", surface: "surface", skip: "Skip to the panels", means: "mean of each", extremes: "lowest and highest of each",
  failed: "The page cannot read the data: ", standin: "The database does not answer; the journal stands in. ", screenfault: "A screen cannot be used: ",
  hint: "Point at any panel: time and depth move in all. Arrow keys do the same, Shift a day at a time; + and − zoom, Ctrl and wheel too, a drag moves the span; Esc goes back to now.",
  plotkeys: "arrow keys move in time and depth", marks: "Marks", d: "d", h: "h", min: "min", s: "s",
  expected: "expected", received: "received", usable: "usable", stored: "with a number", gaps: "missing because", share: "usable share, day by day", lastdays: "The last 92 days of the span.",
  complete: "complete", withflag: "flagged", instrument: "Instrument", answered: "Newest value", errors: "Errors so far", due: "Calibration due", overdue: "overdue", due_in: "in",
  noerror: "none", nodue: "not stated", supply: "Supply", connection: "Connection", interval: "Interval", okay: "answers",
  analysis: "Analysis", what: "What", driver: "with", scale: "Scale", interval95: "95 % interval", n: "N (effective)", method: "Method", withheld: "withheld",
  noresults: "No analysis has been run yet.", derived: "Computed series", until: "data until", left_out: "rows more are in the file", kind: "What", text: "Text", subject: "Of",
  noevents: "Nothing happened in this span.", noplace: "No values are placed on this picture.", nopicture: "The picture cannot be loaded.", pressed: "pressed",
  allresults: "all rows", given: "given",
};

const ZH = {
  live: "实时", away: "连接中断，正在重试", view: "视图", screens: "画面", station: "台站", profile: "剖面", both: "并列",
  variable: "显示", second: "下图", span: "时段", log: "对数", flagged: "有标识的值", none: "无", language: "English", theme: "配色",
  auto: "自动", light: "浅色", dark: "深色", day: "1 天", days3: "3 天", week: "7 天", fortnight: "14 天", month: "30 天", all: "全部", own: "自选",
  utc: "UTC", local: "台站时间", now: "当前", at: "于", back: "回到当前", earlier: "向前", later: "向后", closer: "放大", wider: "缩小",
  more: "更多", full: "全屏", leave: "退出全屏", csv: "数值（CSV）", png: "图片（PNG）", link: "复制链接", copied: "链接已复制",
  column: "土柱", curve: "随深度变化", heat: "深度 × 时间", series: "时间序列", table: "最新值", picture: "现场图",
  quality: "完整性", instruments: "仪器", results: "分析结果", events: "台站日志",
  depth: "深度", position: "测点", value: "数值", change: "24 小时", flag: "质量", age: "距今", time: "时间",
  1: "良好", 2: "未评估", 3: "可疑", 4: "错误", 9: "缺测",
  nodata: "尚无数据。台站发来数据后即显示在此。", novalue: "无值", never: "尚未收到数据",
  nothere: "该时段内没有数据。最新值的时间为 ", show: "显示", nodepth: "深度未知", nodepths: "该量没有深度，请看时间序列。",
  allflagged: "此处所有值均有质量标识。", showflagged: "显示有标识的值", nomeasure: "该剖面不测此量。", loading: "正在读取……",
  silent: "无应答", stuck: "数值停滞", allwell: "所有序列均有应答，无停滞", series_n: "个序列", others: "其他",
  modelled: "模拟值", surface: "地表", skip: "跳到图表", means: "每格平均时长", extremes: "最低与最高值，每段",
  failed: "页面无法读取数据：", standin: "数据库无应答，暂以台站日志库代替。", screenfault: "有画面无法使用：",
  hint: "指向任一图，所有图的时间与深度一起移动。方向键亦可，按住 Shift 移动一天；+、− 或 Ctrl 加滚轮缩放，拖动移动时段，Esc 回到当前。",
  plotkeys: "方向键在时间与深度上移动", marks: "标识", d: "天", h: "小时", min: "分", s: "秒",
  expected: "应有", received: "收到", usable: "可用", stored: "有数值", gaps: "缺测原因", share: "逐日可用比例", lastdays: "为该时段的最后 92 天。",
  complete: "完整", withflag: "有标识", instrument: "仪器", answered: "最新值", errors: "累计错误", due: "校准到期", overdue: "已过期", due_in: "剩余",
  noerror: "无", nodue: "未注明", supply: "供电", connection: "连接", interval: "间隔", okay: "有应答",
  analysis: "分析", what: "量", driver: "与", scale: "尺度", interval95: "95% 区间", n: "N（有效）", method: "方法", withheld: "不予给出",
  noresults: "尚未运行任何分析。", derived: "计算序列", until: "数据截至", left_out: "行在文件中", kind: "事件", text: "内容", subject: "对象",
  noevents: "该时段内没有事件。", noplace: "图上未放置数值。", nopicture: "无法载入图片。", pressed: "已按下",
  allresults: "全部行", given: "控制",
};

// Codes of the server: tests of quality, causes of gaps, kinds of events, errors, scales.
const CODES = {
  missing: ["missing", "缺测"], sentinel: ["no value from the probe", "探头未给出值"], frozen: ["frozen soil", "土壤冻结"],
  ec_without_temperature: ["no temperature for EC", "电导率缺温度"], physical_range: ["physically impossible", "物理上不可能"],
  instrument_range: ["outside the probe's range", "超出探头量程"], site_range: ["outside the site's range", "超出站点范围"], warm_up: ["warming up", "预热中"],
  saturation: ["clipped", "达到上限"], flat_line: ["stuck", "数值停滞"], rate_of_change: ["changes too fast", "变化过快"], site_suspect: ["unlikely here", "本站少见"],
  co2_without_temperature: ["no temperature for CO₂", "CO₂ 缺温度"], suspect_companion: ["companion suspect", "伴随量可疑"],
  standard_pressure: ["standard pressure used", "采用标准气压"], compensation_unknown: ["compensation unknown", "补偿方式未知"],
  ec_coefficient_unknown: ["EC coefficient unknown", "电导率系数未知"], calibration_overdue: ["calibration overdue", "校准过期"], manual: ["flagged by hand", "人工标识"],
  device: ["reported by the probe", "探头报告"],
  "collector down": ["collector down", "采集程序未运行"], "journal full": ["journal full", "日志库已满"], clock: ["clock", "时钟"], bus: ["bus", "总线"], broker: ["broker", "消息服务器"],
  "device silent": ["device silent", "仪器无应答"], rejected: ["rejected", "被拒"], unexplained: ["unexplained", "原因不明"],
  start: ["collector started", "采集开始"], stop: ["collector stopped", "采集停止"], config: ["station file", "台站文件"], config_fault: ["station file faulty", "台站文件有误"],
  device_silent: ["probe silent", "探头无应答"], device_back: ["probe answers again", "探头恢复应答"], device_fault: ["probe faulty", "探头故障"],
  port_gone: ["port gone", "端口消失"], port_back: ["port back", "端口恢复"], broker_gone: ["broker gone", "消息服务器断开"], broker_back: ["broker back", "消息服务器恢复"],
  sink_denied: ["database refuses", "数据库拒绝"], sink_gone: ["database gone", "数据库断开"], sink_back: ["database back", "数据库恢复"],
  clock_untrusted: ["clock not trusted", "时钟不可信"], clock_set: ["clock set", "时钟已校准"], clock_step: ["clock stepped", "时钟跳变"],
  part_failed: ["part failed", "部件失败"], quality_failed: ["quality failed", "质量检验失败"], reprocessed: ["judged again", "重新处理"], replayed: ["sent again", "重新发送"],
  flag: ["flagged by hand", "人工标识"], flag_revoked: ["flag taken back", "撤回标识"], note: ["note", "记录"], parked_retried: ["parked tried again", "重试搁置数据"],
  parked_dropped: ["parked dropped", "丢弃搁置数据"], archived: ["archived", "已归档"], pruned: ["pruned", "已清理"], limit: ["limit", "达到限额"], damage: ["damage", "损坏"],
  imported: ["imported", "导入"], other: ["other", "其他"], timeout: ["no answer", "超时"], crc: ["damaged answer", "校验错误"],
  pearson_r: ["Pearson r", "Pearson r"], rank_r: ["Spearman ρ", "Spearman ρ"], partial_r: ["partial r", "偏相关 r"], partial_rank_r: ["partial ρ", "偏秩相关 ρ"],
  mean_efflux: ["mean efflux", "平均通量"], "within-day": ["within the day", "日内"], "within-day, mean day removed": ["within the day, mean day removed", "日内（去平均日变化）"],
  "day-to-day": ["day to day", "日间"], "as measured": ["as measured", "原始"], event: ["rain event", "降雨事件"],
  correlation: ["Correlation", "相关分析"], flux: ["CO₂ flux", "CO₂ 通量"],
  seasonal: ["seasonal", "季节"],
};

export const WORDS = { en: EN, zh: ZH };

export function code(name, language) {
  const found = CODES[name];
  return found ? found[language === "zh" ? 1 : 0] : String(name).replaceAll("_", " ");
}
