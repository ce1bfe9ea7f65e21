// Column, curve, heat map and series. Each draws the same moment: state.t, or the newest when it is null.

import { MARGIN, canvas, depthText, empty, ink, isDark, replaceSvg, size, svg } from "./draw.js";
import { MARKS, age, named, number, signed, when, word } from "./i18n.js";
import { bands, depthRange, flagged, valueAt, valueRange } from "./model.js";
import { colour, colourTable, lineStyle, linear, logTicks, ticks, timeTicks, value as valueScale } from "./scales.js";

const DAY = 86400e3;

const shown = (point, state) => point && point.v !== null && (state.flagged || !flagged(point.f)) ? point : null;

function depthScale(view, height) {
  return linear(...depthRange(view.list), MARGIN.top, height - MARGIN.bottom);
}

function depthAxis(view, y, x) {
  const [low, high] = y.domain;
  return ticks(low, high, 6).map((d) => svg("text", { x, y: y(d) + 4, class: "soft small", "text-anchor": "end" }, depthText(d)));
}

export function drawColumn(holder, view, state) {
  if (!view.list.length) return empty(holder, word("nodata"));
  const [width, height] = size(holder);
  const y = depthScale(view, height);
  const strip = { x: 58, width: 44 };
  const parts = [
    svg("rect", { x: strip.x, y: MARGIN.top, width: strip.width, height: Math.max(0, y(0) - MARGIN.top), class: "sky" }),
    svg("rect", { x: strip.x, y: y(0), width: strip.width, height: height - MARGIN.bottom - y(0), class: "soil" }),
    ...depthAxis(view, y, strip.x - 8),
  ];
  const edges = bands(view.list);
  const room = Math.min(44, (height - 24) / view.list.length);
  const wanted = view.list.map((s) => y(s.depth_m));
  const placed = [];
  for (let i = 0; i < wanted.length; i++) placed.push(Math.max(wanted[i], i ? placed[i - 1] + room : 20));
  for (let i = placed.length - 1; i >= 0; i--)
    placed[i] = Math.min(placed[i], i === placed.length - 1 ? height - 20 : placed[i + 1] - room);
  const spoken = [];
  view.list.forEach((s, i) => {
    const data = view.data.get(s.series);
    const newest = view.latest.get(s.series);
    const found = state.t === null && newest ? { t: newest.t, v: newest.value, f: newest.flag } : valueAt(data, view.t, view.period(s));
    const point = shown(found, state);
    const before = shown(valueAt(data, view.t - DAY, view.period(s)), state);
    const on = state.position === s.position;
    const [top, bottom] = edges[i].map(y);
    const cell = svg("rect", {
      x: strip.x, y: top + 0.5, width: strip.width, height: Math.max(2, bottom - top - 1), "data-position": s.position,
      fill: point && view.scale ? colour(s.variable, view.scale(point.v)) : "none",
    });
    parts.push(cell);
    if (!point) parts.push(svg("line", { x1: strip.x + 4, x2: strip.x + strip.width - 4, y1: y(s.depth_m), y2: y(s.depth_m), class: "axis" }));
    const lx = strip.x + strip.width;
    parts.push(svg("polyline", {
      points: `${lx},${y(s.depth_m)} ${lx + 10},${y(s.depth_m)} ${lx + 20},${placed[i]} ${lx + 26},${placed[i]}`, fill: "none", class: on ? "lead on" : "lead",
    }));
    const flag = found ? found.f : 9;
    const quiet = state.t === null && newest && view.now - newest.t > 3 * view.period(s);
    const stuck = state.t === null && newest && newest.tests.includes("flat");
    const text = found && found.v !== null ? `${number(found.v, view.variable.resolution)} ${view.variable.unit_text}` : word("novalue");
    const second = [depthText(s.depth_m) + (s.replicate ? ` ${s.replicate}` : "")];
    if (point && before) second.push(`${signed(point.v - before.v, view.variable.resolution)} / 24 h`);
    if (quiet) second.push(word("silent"));
    else if (stuck) second.push(word("stuck"));
    else if (flag !== 1) second.push(word(flag));
    if (state.t === null && newest) second.push(age(view.now - newest.t));
    const tone = flag === 4 || quiet ? "bad" : flag === 3 || stuck ? "warn" : "";
    const mark = quiet ? "○" : MARKS[flag];
    parts.push(svg("text", { x: lx + 30, y: placed[i] - 2, class: "strong" }, text));
    parts.push(svg("text", { x: lx + 30, y: placed[i] + 13, class: `small ${tone || "soft"}` }, `${mark} ${second.join(" · ")}`));
    spoken.push(`${depthText(s.depth_m)}: ${text}, ${quiet ? word("silent") : word(flag)}`);
  });
  parts.push(svg("line", { x1: strip.x - 6, x2: strip.x + strip.width + 6, y1: y(0), y2: y(0), class: "surface" }));
  replaceSvg(holder, width, height, `${word("column")}. ${spoken.join("; ")}`, parts);
}

export function drawCurve(holder, view, state) {
  const [width, height] = size(holder);
  const y = depthScale(view, height);
  const moments = [
    { t: view.t, word: state.t === null ? word("now") : word("at"), width: 2.2, opacity: 1, r: 3.5 },
    { t: view.t - DAY / 4, word: word("hours6"), width: 1.4, opacity: 0.75, dash: "5 3", r: 2.5 },
    { t: view.t - DAY, word: word("yesterday"), width: 1.4, opacity: 0.55, dash: "1.5 3", r: 2.5 },
  ].map((m) => ({ ...m, points: view.list.map((s) => ({ d: s.depth_m, p: shown(valueAt(view.data.get(s.series), m.t, view.period(s)), state) })).filter((q) => q.p) }));
  const range = valueRange(moments.map((m) => m.points.map((q) => q.p.v)), state.log);
  if (!range) return empty(holder, word(view.list.length ? "novalue" : "nodata"));
  const x = valueScale(range[0], range[1], 48, width - 14, state.log);
  const parts = [svg("line", { x1: 42, x2: width - 8, y1: y(0), y2: y(0), class: "surface" }), ...depthAxis(view, y, 42)];
  const marks = (state.log ? logTicks(...range) : ticks(...range, 3)).slice(0, 5);
  for (const v of marks) {
    parts.push(svg("line", { x1: x(v), x2: x(v), y1: MARGIN.top, y2: height - MARGIN.bottom, class: "axis" }));
    parts.push(svg("text", { x: x(v), y: height - 8, class: "soft small", "text-anchor": "middle" }, String(v)));
  }
  const tone = ink("--accent");
  for (const m of [...moments].reverse()) {
    const attributes = { fill: "none", stroke: tone, "stroke-width": m.width, opacity: m.opacity };
    if (m.dash) attributes["stroke-dasharray"] = m.dash;
    parts.push(svg("polyline", { points: m.points.map((q) => `${x(q.p.v)},${y(q.d)}`).join(" "), ...attributes }));
    for (const q of m.points) parts.push(svg("circle", { cx: x(q.p.v), cy: y(q.d), r: m.r, fill: tone, opacity: m.opacity }));
  }
  moments.forEach((m, i) => {
    const ly = height - MARGIN.bottom - 8 - 15 * (moments.length - 1 - i);
    const attributes = { x1: 52, x2: 74, y1: ly - 4, y2: ly - 4, stroke: tone, "stroke-width": m.width, opacity: m.opacity };
    if (m.dash) attributes["stroke-dasharray"] = m.dash;
    parts.push(svg("line", attributes), svg("text", { x: 80, y: ly, class: "small" }, m.word));
  });
  replaceSvg(holder, width, height, `${word("curve")}: ${view.title}`, parts);
}

function timeAxis(context, view, width, height) {
  const x = linear(view.t0, view.t1, MARGIN.left, width - MARGIN.right);
  const { at, parts } = timeTicks(view.t0, view.t1, view.zone, width - MARGIN.left);
  context.fillStyle = ink("--soft");
  context.textAlign = "center";
  for (const t of at) {
    const midnight = when(t, view.zone, "hour") === "00:00";
    const label = parts === "day" || midnight ? when(t, view.zone, "day") : when(t, view.zone, "hour");
    if (x(t) > MARGIN.left + 12 && x(t) < width - 24) context.fillText(label, x(t), height - 7);
    context.fillRect(x(t), height - MARGIN.bottom, 1, 4);
  }
  return x;
}

function crosshair(context, x, y, width, height) {
  context.strokeStyle = ink("--ink");
  context.lineWidth = 1;
  context.globalAlpha = 0.7;
  context.beginPath();
  if (x !== null) { context.moveTo(Math.round(x) + 0.5, MARGIN.top); context.lineTo(Math.round(x) + 0.5, height - MARGIN.bottom); }
  if (y !== null) { context.moveTo(MARGIN.left, Math.round(y) + 0.5); context.lineTo(width - MARGIN.right, Math.round(y) + 0.5); }
  context.stroke();
  context.globalAlpha = 1;
}

export function drawHeat(holder, view, state) {
  if (!view.list.length || !view.raster || !view.scale) return empty(holder, word(view.list.length && view.anyFlagged ? "allflagged" : "nodata"));
  const { node, context, width, height } = canvas(holder, `${word("heat")}: ${view.title}`);
  const y = depthScale(view, height);
  const x = linear(view.t0, view.t1, MARGIN.left, width - MARGIN.right);
  const edges = bands(view.list);
  const { t0, step, rows } = view.raster;
  context.save();
  context.beginPath();
  context.rect(MARGIN.left, 0, width - MARGIN.left - MARGIN.right, height - MARGIN.bottom);
  context.clip();
  view.list.forEach((s, i) => {
    const row = rows.find((r) => r.series === s.series);
    if (!row) return;
    const table = colourTable(s.variable);
    const [top, bottom] = edges[i].map(y);
    row.v.forEach((v, k) => {
      if (v === null || (row.f && !state.flagged && flagged(row.f[k]))) return;
      const left = x(t0 + k * step);
      const [r, g, b] = table[Math.max(0, Math.min(255, Math.round(view.scale(v) * 255)))];
      context.fillStyle = `rgb(${r},${g},${b})`;
      context.fillRect(left, top + 0.5, x(t0 + (k + 1) * step) - left + 0.6, Math.max(1, bottom - top - 1));
    });
  });
  context.restore();
  context.fillStyle = ink("--soft");
  context.textAlign = "right";
  for (const d of ticks(...y.domain, 6)) context.fillText(depthText(d), MARGIN.left - 6, y(d) + 4);
  context.strokeStyle = ink("--ink");
  context.lineWidth = 1.5;
  context.beginPath();
  context.moveTo(MARGIN.left, y(0));
  context.lineTo(width - MARGIN.right, y(0));
  context.stroke();
  timeAxis(context, view, width, height);
  const at = view.list.find((s) => s.position === state.position);
  crosshair(context, state.t === null ? null : x(state.t), at ? y(at.depth_m) : null, width, height);
  legend(context, view, width);
  return { node, x, y };
}

function legend(context, view, width) {
  const bar = { width: 120, x: width - MARGIN.right - 190, y: 4 };
  for (let i = 0; i < bar.width; i++) {
    context.fillStyle = colour(view.variable.id, i / (bar.width - 1));
    context.fillRect(bar.x + i, bar.y, 1.5, 8);
  }
  const [low, high] = view.scale.domain;
  context.fillStyle = ink("--soft");
  context.textAlign = "right";
  context.fillText(number(low, view.variable.resolution * 1), bar.x - 5, bar.y + 8);
  context.textAlign = "left";
  context.fillText(`${number(high, view.variable.resolution)} ${view.variable.unit_text}`, bar.x + bar.width + 5, bar.y + 8);
}

export function drawSeries(holder, view, state) {
  const usable = view.list.map((s) => {
    const data = view.data.get(s.series);
    return { s, data, values: data ? data.v.map((v, i) => (data.t[i] >= view.t0 && data.t[i] <= view.t1 && v !== null && (state.flagged || !flagged(data.f[i])) ? v : null)) : [] };
  });
  const log = state.log && view.list[0]?.variable === state.variable;
  const range = valueRange(usable.map((u) => u.values), log);
  if (!range) return empty(holder, word(view.anyFlagged ? "allflagged" : "nodata"));
  const { node, context, width, height } = canvas(holder, `${word("series")}: ${view.title}`);
  const y = valueScale(range[0], range[1], height - MARGIN.bottom, MARGIN.top, log);
  context.textAlign = "right";
  for (const v of log ? logTicks(...range) : ticks(...range, 4)) {
    context.fillStyle = ink("--line");
    context.fillRect(MARGIN.left, Math.round(y(v)), width - MARGIN.left - MARGIN.right, 1);
    context.fillStyle = ink("--soft");
    context.fillText(String(v).replace("-", "−"), MARGIN.left - 6, y(v) + 4);
  }
  const x = timeAxis(context, view, width, height);
  const dark = isDark();
  let labelX = MARGIN.left + 4;
  usable.forEach(({ s, data, values }, i) => {
    if (!data) return;
    const style = lineStyle(i, usable.length, dark);
    const gap = 2.5 * Math.max(view.period(s), data.step ?? 0);
    context.strokeStyle = style.stroke;
    context.setLineDash(style.dash);
    context.lineWidth = state.position === s.position ? 2.4 : 1.3;
    context.beginPath();
    let last = null;
    values.forEach((v, k) => {
      if (v === null) return;
      if (last === null || data.t[k] - last > gap) context.moveTo(x(data.t[k]), y(v));
      else context.lineTo(x(data.t[k]), y(v));
      last = data.t[k];
    });
    context.stroke();
    context.setLineDash([]);
    if (state.flagged) {
      context.fillStyle = ink("--bad");
      context.textAlign = "center";
      values.forEach((v, k) => v !== null && flagged(data.f[k]) && context.fillText(MARKS[data.f[k]], x(data.t[k]), y(v) + 4));
    }
    context.setLineDash(style.dash);
    context.lineWidth = 2;
    context.beginPath();
    context.moveTo(labelX, 9);
    context.lineTo(labelX + 20, 9);
    context.stroke();
    context.setLineDash([]);
    context.fillStyle = ink("--ink");
    context.textAlign = "left";
    const text = s.depth_m === null ? named(view.variable.name) : depthText(s.depth_m) + (s.replicate ? ` ${s.replicate}` : "");
    context.fillText(text, labelX + 24, 13);
    labelX += 36 + context.measureText(text).width;
  });
  crosshair(context, state.t === null ? null : x(state.t), null, width, height);
  return { node, x, y };
}
