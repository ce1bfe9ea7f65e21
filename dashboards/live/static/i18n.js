// Words, numbers and times in the language of the page.

import { WORDS, code as codeIn } from "./words.js";

export const MARKS = { 1: "●", 2: "◇", 3: "▲", 4: "✕", 9: "○" };

let current = "en";

export function setLanguage(name) {
  current = name === "zh" ? "zh" : "en";
  document.documentElement.lang = current === "zh" ? "zh-Hans" : "en";
}

export const language = () => current;
export const word = (key) => WORDS[current][key] ?? WORDS.en[key] ?? String(key);
export const named = (both) => (both ? both[current] ?? both.en ?? "" : "");
export const code = (name) => codeIn(name, current);

// Names of failed tests, joined by commas, as words.
export const tests = (names) => names.split(",").map((name) => name.trim()).filter(Boolean).map((name) => code(name.startsWith("device") ? "device" : name)).join(current === "zh" ? "、" : ", ");

// Chinese sets a full-width colon, comma and bracket.
export const joined = (parts) => parts.join(current === "zh" ? "；" : "; ");
export const comma = () => (current === "zh" ? "，" : ", ");
export const colon = () => (current === "zh" ? "：" : ": ");

export function number(value, resolution) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  const places = Math.max(0, Math.min(6, -Math.floor(Math.log10(resolution) + 1e-9)));
  return value.toFixed(places).replace("-", "−");
}

export function signed(value, resolution) {
  const text = number(Math.abs(value), resolution);
  return Number(text) === 0 ? "±" + text : (value > 0 ? "+" : "−") + text;
}

// Four significant digits, for numbers without a resolution of their own.
export function figure(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  const text = size !== 0 && (size < 1e-3 || size >= 1e6) ? value.toExponential(2) : String(Number(value.toPrecision(4)));
  return text.replaceAll("-", "−");
}

export const tick = (value) => String(value).replace("-", "−");

export function age(ms) {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 90) return `${s} ${word("s")}`;
  if (s < 5400) return `${Math.round(s / 60)} ${word("min")}`;
  if (s < 172800) return `${Math.round(s / 3600)} ${word("h")}`;
  return `${Math.round(s / 86400)} ${word("d")}`;
}

const formats = new Map();
const OPTIONS = {
  full: { year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", hourCycle: "h23" },
  date: { year: "numeric", month: "2-digit", day: "2-digit" },
  day: { month: "short", day: "numeric" },
  month: { year: "numeric", month: "short" },
  hour: { hour: "2-digit", minute: "2-digit", hourCycle: "h23" },
};

// Full times and dates as ISO 8601 writes them, which reads the same everywhere; ticks in the language.
export function when(ms, zone, parts = "full") {
  const key = `${current}|${zone}|${parts}`;
  if (!formats.has(key)) {
    const locale = parts === "day" || parts === "month" ? (current === "zh" ? "zh-CN" : "en-GB") : "sv-SE";
    formats.set(key, new Intl.DateTimeFormat(locale, { ...OPTIONS[parts], timeZone: zone }));
  }
  return formats.get(key).format(ms);
}

export function depthText(metres) {
  const text = Math.abs(metres) < 1 ? `${Number((metres * 100).toFixed(1))} cm` : `${Number(metres.toFixed(2))} m`;
  return text.replace("-", "−");
}
