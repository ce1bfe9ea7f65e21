// Small helpers for SVG and canvas. Sizes follow the text, so that a projector enlarges all.

import { word } from "./i18n.js";

export const SIZE = { text: 12, head: 22, top: 22, bottom: 24, left: 52, right: 12 };

// Sizes for a height of text; `lane`: with a line for marks between the panel and the words of its axis; `label`: with a
// line more above panels of depth.
export function setTextSize(px, lane, label) {
  const k = px / 12;
  Object.assign(SIZE, { text: px, head: Math.round(22 * k), top: Math.round((label ? 38 : 22) * k), bottom: Math.round((lane ? 38 : 24) * k), left: Math.round(52 * k), right: 12 });
}

export function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== null) node.setAttribute(name, value);
  for (const child of children) node.append(child);
  return node;
}

export function text(x, y, kind, words, anchor = "start") {
  return svg("text", { x, y, class: kind, "text-anchor": anchor }, words);
}

export function html(tag, { className = "", ...attributes } = {}, ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  for (const [name, value] of Object.entries(attributes)) if (value !== null && value !== undefined) node.setAttribute(name, value);
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

export function button(words, onPress, attributes = {}) {
  const node = html("button", { type: "button", ...attributes }, words);
  node.addEventListener("click", onPress);
  return node;
}

export function replaceSvg(holder, width, height, title, children) {
  const root = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": title });
  root.append(...children);
  holder.replaceChildren(root);
}

const sizes = new WeakMap();

// All sizes at once, before anything is drawn: reading one after each drawing would lay the page out each time.
export function measure(holders) {
  for (const holder of holders) sizes.set(holder, [Math.max(120, holder.clientWidth), Math.max(100, holder.clientHeight)]);
}

export const size = (holder) => sizes.get(holder);

export const SHARP = { least: 1 };

// A canvas that is moved over like a slider: its position is the time looked at.
export function canvas(holder, label) {
  let node = holder.querySelector("canvas");
  if (!node) {
    node = document.createElement("canvas");
    node.tabIndex = 0;
    node.setAttribute("role", "slider");
    holder.replaceChildren(node);
  }
  node.setAttribute("aria-label", `${label} (${word("plotkeys")})`);
  const [width, height] = size(holder);
  const ratio = Math.max(window.devicePixelRatio || 1, SHARP.least);
  if (node.width !== Math.round(width * ratio) || node.height !== Math.round(height * ratio)) {
    node.width = Math.round(width * ratio);
    node.height = Math.round(height * ratio);
  }
  const context = node.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  context.font = font();
  return { node, context, width, height };
}

export const FAMILY = "system-ui, 'Segoe UI', 'Noto Sans', 'Noto Sans CJK SC', 'PingFang SC', 'Microsoft YaHei', sans-serif";
export const font = (weight = "") => `${weight} ${SIZE.text}px ${FAMILY}`.trim();

const ruler = document.createElement("canvas").getContext("2d");

// How wide words stand in a drawing [px].
export function wide(words, px, weight = "") {
  ruler.font = `${weight} ${px}px ${FAMILY}`.trim();
  return ruler.measureText(words).width;
}

// A drawn state: why nothing is here, and what can be done about it.
export function empty(holder, words, action = null) {
  const key = words + (action?.words ?? "");
  if (holder.firstElementChild?.dataset?.key === key) return null;
  const node = html("div", { className: "empty" }, html("p", {}, words));
  if (action) node.append(button(action.words, action.press));
  node.dataset.key = key;
  holder.replaceChildren(node);
  return null;
}

let inks = null;
export const freshInk = () => { inks = null; };

export function ink(name) {
  inks ??= getComputedStyle(document.documentElement);
  return inks.getPropertyValue(name).trim();
}

// Asked once: the browser keeps every query that is made.
export const dark = window.matchMedia("(prefers-color-scheme: dark)");

export const isDark = () => {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : dark.matches;
};
