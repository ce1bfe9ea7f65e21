// Heat map and series: one time axis, below each other.

import { EDGED, drawField, drawLabel, label, markHeight } from "./between.js";
import { SIZE, canvas, empty, font, ink, isDark } from "./draw.js";
import { MARKS, age, colon, depthText, joined, named, number, tick, when, word } from "./i18n.js";
import { drawMarks } from "./marks.js";
import { bands, flagged, nearest } from "./model.js";
import { depthScale } from "./profile.js";
import { colour, colourTable, lineStyle, linear, logTicks, ticks, timeTicks, value as valueScale } from "./scales.js";
import { state } from "./state.js";
import { periodOf, pointAt, store, visible } from "./store.js";

function timeScale(frame, width) {
  return linear(frame.t0, frame.t1, SIZE.left, width - SIZE.right);
}

function timeAxis(context, frame, width, height) {
  const x = timeScale(frame, width);
  const { at, parts } = timeTicks(frame.t0, frame.t1, frame.zone, width - SIZE.left);
  context.fillStyle = ink("--soft");
  context.textAlign = "center";
  at.forEach((t, i) => {
    const hour = when(t, frame.zone, "hour");
    const label = parts === "month" ? when(t, frame.zone, "month") : parts === "day" || hour === "00:00" || i === 0 ? when(t, frame.zone, "day") + (parts === "both" && hour !== "00:00" ? ` ${hour}` : "") : hour;
    const half = context.measureText(label).width / 2;
    if (x(t) - half > SIZE.left - 24 && x(t) + half < width) context.fillText(label, x(t), height - 7);
    context.fillRect(Math.round(x(t)), height - SIZE.bottom, 1, 3);
  });
  return x;
}

function crosshair(context, x, y, width, height, top = SIZE.top) {
  context.globalAlpha = 0.75;
  context.beginPath();
  if (x !== null && x >= SIZE.left && x <= width - SIZE.right) {
    context.moveTo(Math.round(x) + 0.5, top);
    context.lineTo(Math.round(x) + 0.5, height - SIZE.bottom);
  }
  if (y !== null) {
    context.moveTo(SIZE.left, Math.round(y) + 0.5);
    context.lineTo(width - SIZE.right, Math.round(y) + 0.5);
  }
  for (const [tone, wide] of [["--panel", 3], ["--ink", 1]]) { // seen on dark colours and on light ones
    context.strokeStyle = ink(tone);
    context.lineWidth = wide;
    context.stroke();
  }
  context.globalAlpha = 1;
}

// What a screen reader hears of the moment.
function announce(node, frame, list, marks) {
  const said = list.map((s) => {
    const point = visible(pointAt(s, frame.t));
    const place = s.depth_m === null ? s.position || s.profile : depthText(s.depth_m);
    return `${place} ${point ? `${number(point.v, frame.variable.resolution)} ${frame.variable.unit_text}, ${word(point.f)}` : word("novalue")}`;
  });
  node.setAttribute("aria-valuemin", Math.round(frame.t0));
  node.setAttribute("aria-valuemax", Math.round(frame.t1));
  node.setAttribute("aria-valuenow", Math.round(Math.max(frame.t0, Math.min(frame.t1, frame.t))));
  node.setAttribute("aria-valuetext", `${when(frame.t, frame.zone)}${colon()}${joined([...said.slice(0, 12), ...marks])}`);
}

export function drawHeat(holder, frame, view) {
  if (!view.list.length) return empty(holder, frame.why ?? word("nomeasure"), frame.action);
  if (!frame.scale || !frame.depths) return empty(holder, frame.why, frame.action);
  const raster = store.rasters.get(`${view.profile}/${frame.variable.id}`);
  if (!raster) return empty(holder, word("loading"));
  const { node, context, width, height } = canvas(holder, `${word("heat")}${colon()}${[named(frame.variable.name), view.name, label()].filter(Boolean).join(", ")}`);
  const y = depthScale(frame, height);
  const x = timeScale(frame, width);
  const edges = bands(view.list);
  context.save();
  context.beginPath();
  context.rect(SIZE.left, 0, width - SIZE.left - SIZE.right, height - SIZE.bottom);
  context.clip();
  const rows = new Map(raster.rows.map((row) => [row.series, row]));
  const inks = colourTable(frame.variable.id).map(([r, g, b]) => `rgb(${r},${g},${b})`);
  const wides = view.list.map((s) => Math.max(raster.step, s.period_s ? s.period_s * 1000 : 0));
  const mark = state.interpolate ? markHeight(view.list, y) : null;
  if (mark) drawField(context, frame, view.list, raster, wides.map((wide) => Math.round(wide / raster.step)), x, y);
  view.list.forEach((s, i) => {
    const row = rows.get(s.series);
    if (!row) return;
    const whole = mark ?? y(edges[i].bottom) - y(edges[i].top);
    const top = (mark ? y(s.depth_m) - mark / 2 : y(edges[i].top)) + (whole * edges[i].part) / edges[i].parts;
    const tall = Math.max(1, whole / edges[i].parts - (whole > 8 ? 1 : 0));
    const wide = wides[i];
    const cells = [];
    row.v.forEach((v, k) => {
      const t = raster.t0 + k * raster.step;
      if (v === null || t + wide < frame.t0 || t > frame.t1 || (!state.flagged && flagged(row.f[k]))) return;
      cells.push({ v, k, left: x(t), across: x(t + wide) - x(t) + 0.6 });
    });
    if (mark >= EDGED) { // an edge sets what was measured off from what lies between
      context.fillStyle = ink("--panel");
      for (const { left, across } of cells) context.fillRect(left, top - 0.5, across, tall + 2);
    }
    for (const { v, k, left, across } of cells) {
      context.fillStyle = inks[Math.max(0, Math.min(255, Math.round(frame.scale(v) * 255)))];
      context.fillRect(left, top + 0.5, across, tall);
      if (state.flagged && flagged(row.f[k])) {
        context.fillStyle = ink("--bad");
        context.fillRect(left, top + 0.5, across, Math.min(3, tall));
      }
    }
  });
  context.restore();
  context.fillStyle = ink("--soft");
  context.textAlign = "right";
  for (const d of ticks(...y.domain, Math.max(3, Math.min(8, height / 45)))) context.fillText(depthText(d), SIZE.left - 8, y(d) + SIZE.text / 3);
  for (const s of view.list) context.fillRect(SIZE.left - 5, Math.round(y(s.depth_m)), 5, 1);
  context.strokeStyle = ink("--ink");
  context.lineWidth = 1.5;
  context.beginPath();
  context.moveTo(SIZE.left, y(0));
  context.lineTo(width - SIZE.right, y(0));
  context.stroke();
  timeAxis(context, frame, width, height);
  const picked = view.list.find((s) => s.series === view.picked);
  crosshair(context, state.t === null ? null : x(state.t), picked ? y(picked.depth_m) : null, width, height);
  legend(context, frame, width);
  if (mark) drawLabel(context);
  announce(node, frame, view.list, drawMarks(context, frame, x, width, height, holder.matches(":hover, :focus-within")));
  return { node, x, y, profile: () => view, step: raster.step };
}

function legend(context, frame, width) {
  const [low, high] = frame.scale.domain;
  const { resolution, unit_text: unit, id } = frame.variable;
  const last = `${number(high, resolution)} ${unit}${frame.log ? ` (${word("log")})` : ""}`;
  const bar = { width: Math.min(150, width * 0.25), y: SIZE.text * 0.45 };
  const after = context.measureText(last).width + 6;
  bar.x = width - SIZE.right - after - bar.width;
  for (let i = 0; i < bar.width; i++) {
    context.fillStyle = colour(id, i / (bar.width - 1));
    context.fillRect(bar.x + i, bar.y, 1.5, SIZE.text * 0.7);
  }
  context.fillStyle = ink("--soft");
  const base = bar.y + SIZE.text * 0.7;
  context.textAlign = "right";
  context.fillText(number(low, resolution), bar.x - 6, base);
  context.textAlign = "left";
  context.fillText(last, bar.x + bar.width + 6, base);
}

// Names of the lines with the value at the moment, in as many rows as allowed; those that do not fit are counted.
function lineNames(context, frame, lines, width, rows) {
  const gap = 14;
  const names = lines.map((line) => {
    const point = visible(pointAt(line.s, frame.t));
    return `${line.name} ${point ? number(point.v, frame.variable.resolution) : "–"}`;
  });
  context.font = font("600");
  const widths = names.map((name) => 24 + context.measureText(name).width + gap);
  context.font = font();
  const room = width - SIZE.left - SIZE.right;
  const layout = (chosen) => {
    let [x, row] = [0, 0];
    return chosen.map((i) => {
      if (x + widths[i] - gap > room && x > 0) [x, row] = [0, row + 1];
      const put = { i, x: SIZE.left + x, row, name: names[i] };
      x += widths[i];
      return put;
    });
  };
  const all = lines.map((_, i) => i);
  for (let keep = all.length; keep > 0; keep--) {
    const chosen = keep === all.length ? all : [...new Set(Array.from({ length: keep }, (_, k) => Math.round((k * (all.length - 1)) / Math.max(1, keep - 1))))];
    const put = layout(chosen);
    const last = put.at(-1);
    const spare = chosen.length < all.length ? context.measureText(`+${all.length}`).width : 0;
    if (last.row < rows && (last.row < rows - 1 || last.x + widths[last.i] + spare < width)) return { put, rows: last.row + 1, hidden: all.length - chosen.length };
  }
  return { put: [], rows: 0, hidden: all.length };
}

export function drawSeries(holder, frame) {
  if (!frame.range) return empty(holder, frame.why, frame.action);
  const title = `${named(frame.variable.name)} (${frame.variable.unit_text})`;
  const { node, context, width, height } = canvas(holder, `${word("series")}${colon()}${title}`);
  const dark = isDark();
  const several = frame.views.length > 1;
  const lines = frame.series.map((s, i) => ({
    s, style: lineStyle(i, frame.series.length, dark), data: store.data.get(s.series),
    name: (several && s.profile !== "site" ? `${s.profile} ` : "") + (s.depth_m === null ? s.position || named(frame.variable.name) : depthText(s.depth_m)) + (s.replicate ? ` ${s.replicate}` : ""),
  }));
  const names = lineNames(context, frame, lines, width, width < 500 ? 3 : 2);
  const high = SIZE.text * 1.45;
  const top = Math.max(SIZE.head, names.rows * high + 6);
  const y = valueScale(frame.range[0], frame.range[1], height - SIZE.bottom, top, frame.log);
  context.textAlign = "right";
  for (const v of frame.log ? logTicks(...frame.range) : ticks(...frame.range, Math.max(2, (height - top) / 58))) {
    context.fillStyle = ink("--line");
    context.fillRect(SIZE.left, Math.round(y(v)), width - SIZE.left - SIZE.right, 1);
    context.fillStyle = ink("--soft");
    context.fillText(tick(v), SIZE.left - 6, y(v) + SIZE.text / 3);
  }
  const x = timeAxis(context, frame, width, height);
  context.save();
  context.beginPath();
  context.rect(SIZE.left, top - 4, width - SIZE.left - SIZE.right + 3, height - top - SIZE.bottom + 8);
  context.clip();
  for (const line of lines) drawLine(context, frame, line, x, y);
  context.restore();
  for (const { i, x: left, row, name } of names.put) {
    const { style, s } = lines[i];
    const base = row * high + SIZE.text;
    const on = frame.picked.has(s.series);
    Object.assign(context, { strokeStyle: style.stroke, lineWidth: 2 });
    context.setLineDash(style.dash);
    context.beginPath();
    context.moveTo(left, base - SIZE.text * 0.33);
    context.lineTo(left + 20, base - SIZE.text * 0.33);
    context.stroke();
    context.setLineDash([]);
    context.fillStyle = ink("--ink");
    context.textAlign = "left";
    context.font = font(on ? "600" : "");
    context.fillText(name, left + 24, base);
  }
  context.font = font();
  if (names.hidden) {
    context.textAlign = "right";
    context.fillStyle = ink("--soft");
    context.fillText(`+${names.hidden}`, width - SIZE.right, (names.rows - 1) * high + SIZE.text);
  }
  crosshair(context, state.t === null ? null : x(state.t), null, width, height, top);
  if (state.t !== null) {
    for (const { s, style } of lines) {
      const point = visible(pointAt(s, frame.t));
      if (!point || point.mean) continue;
      context.fillStyle = style.stroke;
      context.beginPath();
      context.arc(x(point.t), y(point.v), 3, 0, 7);
      context.fill();
    }
  }
  announce(node, frame, frame.series, drawMarks(context, frame, x, width, height, holder.matches(":hover, :focus-within")));
  return { node, x, value: y, lines };
}

function drawLine(context, frame, { s, style, data }, x, y) {
  if (!data) return;
  const gap = 2.5 * Math.max(periodOf(s), data.step ?? 0);
  const first = Math.max(0, nearest(data.t, frame.t0) - 1);
  const ok = (k) => data.v[k] !== null && (state.flagged || !flagged(data.f[k])) && !(frame.log && data.v[k] <= 0);
  Object.assign(context, { strokeStyle: style.stroke, fillStyle: style.stroke, lineWidth: frame.picked.has(s.series) ? 2.6 : 1.4 });
  context.setLineDash(style.dash);
  context.beginPath();
  const alone = [];
  let last = null;
  let run = 0;
  const close = () => { if (run === 1) alone.push(last); };
  for (let k = first; k < data.t.length && data.t[k] <= frame.t1; k++) {
    if (!ok(k)) continue;
    if (last === null || data.t[k] - data.t[last] > gap) {
      close();
      context.moveTo(x(data.t[k]), y(data.v[k]));
      run = 0;
    } else context.lineTo(x(data.t[k]), y(data.v[k]));
    last = k;
    run += 1;
  }
  close();
  context.stroke();
  context.setLineDash([]);
  for (const k of alone) {
    context.beginPath();
    context.arc(x(data.t[k]), y(data.v[k]), 2.5, 0, 7);
    context.fill();
  }
  if (!state.flagged) return;
  context.fillStyle = ink("--bad");
  context.textAlign = "center";
  let free = -Infinity;
  for (let k = first; k < data.t.length && data.t[k] <= frame.t1; k++) {
    if (data.v[k] === null || !flagged(data.f[k]) || x(data.t[k]) < free) continue;
    context.fillText(MARKS[data.f[k]], x(data.t[k]), y(data.v[k]) + 4);
    free = x(data.t[k]) + 7;
  }
}

// How much time one point stands for, where it is not one reading.
export function stepWords(frame, kind) {
  const known = frame.series.filter((s) => s.period_s);
  const period = Math.min(...(known.length ? known : frame.series).map(periodOf));
  if (kind === "means") {
    const raster = store.rasters.get(`${frame.views[0]?.profile}/${frame.variable.id}`);
    return raster && raster.step > 1.5 * period ? ` · ${word("means")} ${age(raster.step)}` : "";
  }
  const step = Math.max(0, ...frame.series.map((s) => store.data.get(s.series)?.step ?? 0));
  return step ? ` · ${word("extremes")} ${age(step)}` : "";
}
