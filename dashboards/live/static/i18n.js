// Words of the page in both languages; names of variables come from the registry through the API.

const WORDS = {
  en: {
    live: "live", away: "no connection; trying again", old: "connected, nothing new", view: "view",
    station: "Station", profile: "Profile", variable: "Shown", second: "Below", span: "Span", scale: "Scale", theme: "Colours",
    language: "中文", linear: "linear", log: "log", flagged: "flagged values", backToLive: "Back to live",
    auto: "auto", light: "light", dark: "dark", day: "1 day", days3: "3 days", week: "7 days", fortnight: "14 days", month: "30 days", all: "all",
    utc: "UTC", local: "station time", now: "now", hours6: "6 h before", yesterday: "same hour, day before",
    picture: "Soil profile", column: "Soil column", curve: "Value against depth", heat: "Depth and time", series: "Series", table: "Newest values",
    depth: "Depth", quantity: "Quantity", position: "Position", value: "Value", change: "against the day before", quality: "Quality", age: "Age", time: "Time", note: "Note",
    1: "good", 2: "not evaluated", 3: "suspect", 4: "bad", 9: "missing",
    nodata: "No data yet. Values appear here as soon as the station sends them.", novalue: "no value", allflagged: "Every value here is flagged; switch flagged values on to see them.",
    silent: "silent", stuck: "stuck", at: "at", surface: "surface", modelled: "Modelled, not measured", skip: "Skip to the series",
    failed: "The page cannot read the data: ", d: "d", h: "h", min: "min", s: "s", hint: "Point at the heat map or the series to move in time and depth; arrow keys do the same.",
    below: "none",
  },
  zh: {
    live: "实时", away: "连接中断，正在重试", old: "已连接，暂无新数据", view: "视图",
    station: "台站", profile: "剖面", variable: "显示", second: "下图", span: "时段", scale: "刻度", theme: "配色",
    language: "English", linear: "线性", log: "对数", flagged: "显示有标识的值", backToLive: "回到实时",
    auto: "自动", light: "浅色", dark: "深色", day: "1 天", days3: "3 天", week: "7 天", fortnight: "14 天", month: "30 天", all: "全部",
    utc: "UTC", local: "台站时间", now: "当前", hours6: "6 小时前", yesterday: "前一日同时",
    picture: "土壤剖面", column: "土柱", curve: "随深度变化", heat: "深度与时间", series: "时间序列", table: "最新值",
    depth: "深度", quantity: "量", position: "测点", value: "数值", change: "与前一日相比", quality: "质量标识", age: "距今", time: "时间", note: "说明",
    1: "良好", 2: "未评估", 3: "可疑", 4: "错误", 9: "缺测",
    nodata: "尚无数据。台站发来数据后即显示在此。", novalue: "无值", allflagged: "此处所有值均有质量标识；可打开“显示有标识的值”。",
    silent: "无应答", stuck: "数值停滞", at: "于", surface: "地表", modelled: "模拟值，非实测", skip: "跳到时间序列",
    failed: "页面无法读取数据：", d: "天", h: "小时", min: "分", s: "秒", hint: "将指针移到热图或序列上，可在时间与深度上移动；方向键亦可。",
    below: "无",
  },
};

export const MARKS = { 1: "●", 2: "◇", 3: "▲", 4: "✕", 9: "○" };

let current = "en";

export function setLanguage(name) {
  current = name === "zh" ? "zh" : "en";
  document.documentElement.lang = current === "zh" ? "zh-Hans" : "en";
}

export const language = () => current;
export const word = (key) => WORDS[current][key] ?? WORDS.en[key] ?? String(key);
export const named = (both) => (both ? both[current] ?? both.en ?? "" : "");

export function number(value, resolution) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  const places = Math.max(0, Math.min(6, -Math.floor(Math.log10(resolution) + 1e-9)));
  return value.toFixed(places).replace("-", "−");
}

export function signed(value, resolution) {
  const text = number(Math.abs(value), resolution);
  return Number(text) === 0 ? "±" + text : (value > 0 ? "+" : "−") + text;
}

export function age(ms) {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 90) return `${s} ${word("s")}`;
  if (s < 5400) return `${Math.round(s / 60)} ${word("min")}`;
  if (s < 172800) return `${Math.round(s / 3600)} ${word("h")}`;
  return `${Math.round(s / 86400)} ${word("d")}`;
}

const formats = new Map();

export function when(ms, zone, parts = "full") {
  const key = current + zone + parts;
  if (!formats.has(key)) {
    const options = {
      full: { year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", hourCycle: "h23" },
      day: { month: "short", day: "numeric" },
      hour: { hour: "2-digit", minute: "2-digit", hourCycle: "h23" },
    }[parts];
    formats.set(key, new Intl.DateTimeFormat(current === "zh" ? "zh-CN" : "en-GB", { ...options, timeZone: zone }));
  }
  return formats.get(key).format(ms);
}
