// The view to take away: values as CSV, the picture as PNG, a link that opens it again.

import * as api from "./api.js";
import { FAMILY, SHARP, ink } from "./draw.js";
import { named, when, word } from "./i18n.js";
import { link, state } from "./state.js";
import { has, range, seriesShown, store, zone } from "./store.js";

function hand(blob, name) {
  const anchor = document.createElement("a");
  anchor.href = URL.createObjectURL(blob);
  anchor.download = name;
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(anchor.href), 10e3);
}

const stamp = (ms) => new Date(ms).toISOString().slice(0, 16).replace(/[-:]/g, "") + "Z";
const nameOf = (end) => `${store.station.id}_${state.variable}_${range().map(stamp).join("_")}.${end}`;

export async function saveCsv() {
  const keys = [state.variable, has("second") ? state.second : null].filter(Boolean).flatMap((v) => seriesShown(v).map((s) => s.series));
  const [from, to] = range().map(Math.round);
  hand(new Blob([await api.table(store.station.id, keys, from, to + 1)], { type: "text/csv" }), nameOf("csv"));
}

const LOOK = ["fill", "stroke", "stroke-width", "stroke-dasharray", "opacity", "font-size", "font-weight", "text-anchor"];

// An SVG as it looks on the page: what the style sheet says is written into it.
async function picture(node, ratio) {
  const box = node.getBoundingClientRect();
  const copy = node.cloneNode(true);
  const [from, to] = [node, copy].map((root) => [root, ...root.querySelectorAll("*")]);
  from.forEach((one, i) => {
    const style = getComputedStyle(one);
    for (const name of LOOK) to[i].setAttribute(name, style.getPropertyValue(name));
    to[i].removeAttribute("class");
  });
  copy.setAttribute("font-family", FAMILY);
  copy.setAttribute("width", box.width * ratio);
  copy.setAttribute("height", box.height * ratio);
  const image = new Image();
  const address = URL.createObjectURL(new Blob([new XMLSerializer().serializeToString(copy)], { type: "image/svg+xml" }));
  image.src = address;
  await image.decode();
  URL.revokeObjectURL(address);
  return image;
}

// The panels as they stand on the page, drawn once more at twice the sharpness.
export async function savePng(paint) {
  SHARP.least = 2;
  paint();
  try {
    hand(await sheet(), nameOf("png"));
  } finally {
    SHARP.least = 1;
    paint();
  }
}

// Words in one line, smaller where they would not fit.
function fit(context, words, weight, px, x, y, room) {
  context.font = `${weight} ${px}px ${FAMILY}`;
  const size = Math.min(px, (px * room) / context.measureText(words).width);
  context.font = `${weight} ${size}px ${FAMILY}`;
  context.fillText(words, x, y);
}

async function sheet() {
  const panels = [...document.querySelectorAll("#panels figure")].filter((f) => f.querySelector(".plot > canvas, .plot > svg"));
  if (!panels.length) throw new Error(word("nodata"));
  const boxes = panels.map((p) => p.getBoundingClientRect());
  const [left, top] = [Math.min(...boxes.map((b) => b.left)), Math.min(...boxes.map((b) => b.top))];
  const [width, height] = [Math.max(...boxes.map((b) => b.right)) - left, Math.max(...boxes.map((b) => b.bottom)) - top];
  const [ratio, head, edge] = [2, 44, 12];
  const page = document.createElement("canvas");
  page.width = (width + 2 * edge) * ratio;
  page.height = (height + head + 2 * edge) * ratio;
  const context = page.getContext("2d");
  context.scale(ratio, ratio);
  context.fillStyle = ink("--ground");
  context.fillRect(0, 0, page.width, page.height);
  context.fillStyle = ink("--ink");
  fit(context, named(store.station.name), "600", 17, edge, edge + 16, width);
  context.fillStyle = ink("--soft");
  const [t0, t1] = range();
  fit(context, `${when(t0, zone())} – ${when(t1, zone())} (${zone()}) · ${word(state.t === null ? "now" : "at")} ${when(state.t ?? store.now, zone())} · soilco2 ${store.version}`, "", 12, edge, edge + 34, width);
  context.font = `12px ${FAMILY}`;
  for (const [i, panel] of panels.entries()) {
    const plot = panel.querySelector(".plot > canvas, .plot > svg");
    const box = plot.getBoundingClientRect();
    const [x, y] = [box.left - left + edge, box.top - top + edge + head];
    context.fillStyle = ink("--panel");
    context.fillRect(x, y, box.width, box.height);
    context.drawImage(plot instanceof HTMLCanvasElement ? plot : await picture(plot, ratio), x, y, box.width, box.height);
    context.strokeStyle = ink("--line");
    context.lineWidth = 1;
    context.strokeRect(x, y, box.width, box.height);
    context.fillStyle = ink("--soft");
    context.fillText(panel.querySelector("figcaption").textContent, boxes[i].left - left + edge, y - 6);
  }
  return new Promise((done) => page.toBlob(done, "image/png"));
}

// Copies a link to this stretch of time. Without the right to the clipboard it stands in a field, selected.
export async function copyLink(field) {
  const address = link(range());
  try {
    await navigator.clipboard.writeText(address);
    return true;
  } catch {
    field.hidden = false;
    field.value = address;
    field.focus();
    field.select();
    return false;
  }
}
