// Soil column and profile curve: one depth axis with the heat map beside them, one moment with everything.

import { EDGED, fieldParts, label as told, markHeight, usable } from "./between.js";
import { SIZE, empty, ink, replaceSvg, size, svg, text, wide } from "./draw.js";
import { MARKS, age, colon, depthText, joined, named, number, signed, tick, when, word } from "./i18n.js";
import { bands, inside, levels, neighbours, valueRange } from "./model.js";
import { colour, linear, logTicks, ticks, value as valueScale } from "./scales.js";
import { DAY, state } from "./state.js";
import { condition, pointAt, store, valueOf, visible } from "./store.js";

const DASHES = [null, "6 3", "1.5 3", "8 3 2 3"];

export function depthScale(frame, height) {
  return linear(...frame.depths, SIZE.top, height - SIZE.bottom);
}

function depthAxis(y, x, height) {
  const [low, high] = y.domain;
  return ticks(low, high, Math.max(3, Math.min(8, height / 45))).map((d) => text(x, y(d) + SIZE.text / 3, "soft small", depthText(d), "end"));
}

function hatch(id) {
  return svg("defs", {}, svg("pattern", { id, width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
    svg("line", { x1: 0, x2: 0, y1: 0, y2: 6, class: "hatch" })));
}

// What a label says: value, then mark, depth, difference to the day before, state and age.
function label(frame, s) {
  const point = pointAt(s, frame.t);
  const shown = visible(point);
  const live = state.t === null;
  const how = live ? condition(s) : { rank: 0, tone: point && point.f === 4 ? "bad" : point && point.f === 3 ? "warn" : "soft", mark: MARKS[point ? point.f : 9], word: String(point ? point.f : 9) };
  const newest = store.newest.get(s.series);
  const before = live ? newest?.yesterday ?? null : visible(valueOf(s, frame.t - DAY))?.v ?? null;
  const resolution = frame.variable.resolution;
  const value = shown ? `${number(shown.v, resolution)} ${frame.variable.unit_text}` : point && point.v !== null ? word(point.f) : word("novalue");
  const place = depthText(s.depth_m) + (s.replicate ? ` ${s.replicate}` : "");
  const trouble = live ? how.rank > 0 && how.word !== "novalue" : point && point.f !== 1;
  const old = live && newest ? age(store.now - newest.t) : null;
  const silent = live && how.word === "silent";
  const rest = [silent ? `${word("silent")} ${old}` : trouble || (how.word !== "1" && how.word !== "novalue") ? word(how.word) : null,
    shown && before !== null && !point.stale ? `${signed(shown.v - before, resolution)} / 24 ${word("h")}` : null, silent ? null : old];
  return { shown, fresh: shown && !point.stale, how, value, place, rest: rest.filter((words) => words && words !== value), said: `${place}${colon()}${value}, ${word(how.word)}` };
}

// Which labels fit, and where: troubled and chosen probes first, the others evenly; none over another.
function place(list, labels, chosen, y, room, low, high) {
  const most = Math.max(1, Math.floor((high - low) / room));
  let order = list.map((_, i) => i);
  if (order.length > most) {
    const first = order.filter((i) => labels[i].how.rank > 1 || list[i].series === chosen).slice(0, most);
    const left = most - first.length;
    const others = order.filter((i) => !first.includes(i));
    const every = left > 0 ? Array.from({ length: left }, (_, k) => others[Math.round((k * (others.length - 1)) / Math.max(1, left - 1))]) : [];
    order = [...new Set([...first, ...every])].filter((i) => i !== undefined).sort((a, b) => a - b);
  }
  const at = order.map((i) => y(list[i].depth_m));
  for (let k = 0; k < at.length; k++) at[k] = Math.max(at[k], k ? at[k - 1] + room : low + room / 2);
  for (let k = at.length - 1; k >= 0; k--) at[k] = Math.min(at[k], k === at.length - 1 ? high - room / 2 : at[k + 1] - room);
  return order.map((i, k) => ({ i, y: at[k] }));
}

export function drawColumn(holder, frame) {
  const { views } = frame;
  if (!frame.depths) return empty(holder, frame.why, frame.action);
  const [width, height] = size(holder);
  const y = depthScale(frame, height);
  const axis = SIZE.left;
  const share = (width - axis - 4) / views.length;
  const parts = [hatch("gap"), ...depthAxis(y, axis - 8, height)];
  const spoken = [];
  const small = SIZE.text - 1;
  views.forEach((view, v) => {
    const x0 = axis + v * share;
    const strip = Math.max(18, Math.min(44, share * 0.28));
    const lx = x0 + strip;
    const textRoom = share - strip - 26;
    const half = small * 0.55;
    if (views.length > 1) parts.push(text(x0, SIZE.top - 7, "small strong", view.name));
    parts.push(svg("rect", { x: x0, y: SIZE.top, width: strip, height: Math.max(0, y(0) - SIZE.top), class: "sky" }));
    parts.push(svg("rect", { x: x0, y: y(0), width: strip, height: Math.max(0, height - SIZE.bottom - y(0)), class: "soil" }));
    const labels = view.list.map((s) => label(frame, s));
    const mark = state.interpolate && frame.scale ? markHeight(view.list, y) : null;
    if (mark) parts.push(...fieldParts(frame, view.list.map((s, i) => ({ d: s.depth_m, v: labels[i].fresh ? usable(labels[i].shown.v, labels[i].shown.f) : null })), `field-${v}`, x0, strip, y));
    bands(view.list).forEach((band, i) => {
      const s = view.list[i];
      const { shown, fresh, how } = labels[i];
      const [top, bottom] = [y(band.top), y(band.bottom)];
      const w = strip / band.parts;
      const fill = fresh && frame.scale ? colour(s.variable, frame.scale(shown.v)) : "none";
      const cell = svg("rect", {
        x: x0 + band.part * w, y: top + 0.5, width: w - (band.parts > 1 ? 1 : 0), height: Math.max(1, bottom - top - (bottom - top > 8 ? 1 : 0)), "data-series": s.series,
        fill: !fresh ? "url(#gap)" : frame.scale && !mark ? fill : "none", class: view.picked === s.series ? "cell on" : "cell",
      });
      cell.append(svg("title", {}, labels[i].said));
      parts.push(cell);
      if (mark && fresh) parts.push(svg("rect", { x: x0 + band.part * w, y: y(s.depth_m) - mark / 2, width: w, height: mark, fill, class: mark >= EDGED ? "measured edged" : "measured" }));
      if (how.rank > 1) {
        const cy = y(s.depth_m);
        parts.push(svg("circle", { cx: x0 + (band.part + 0.5) * w, cy, r: Math.min(9, w / 2, small * 0.75), class: "plate" }));
        parts.push(text(x0 + (band.part + 0.5) * w, cy + small * 0.36, `small ${how.tone}`, how.mark, "middle"));
      }
      spoken.push((views.length > 1 ? `${view.name} ` : "") + labels[i].said);
    });
    const [low, high] = [SIZE.top - 8, height - SIZE.bottom + 12];
    const double = view.list.length * SIZE.text * 2.7 <= high - low && textRoom > 70;
    const room = double ? SIZE.text * 2.7 : SIZE.text * 1.35;
    for (const put of place(view.list, labels, view.picked, y, room, low, high)) {
      const s = view.list[put.i];
      const found = labels[put.i];
      const d = y(s.depth_m);
      const on = view.picked === s.series;
      parts.push(svg("polyline", { points: `${lx},${d} ${lx + 7},${d} ${lx + 16},${put.y} ${lx + 21},${put.y}`, fill: "none", class: on ? "lead on" : "lead" }));
      const tx = lx + 25;
      const tone = found.how.tone === "soft" ? "soft" : found.how.tone;
      if (double) {
        parts.push(text(tx, put.y - 2, on ? "strong on" : "strong", found.value));
        let line = `${found.how.mark} ${found.place}`;
        for (const more of found.rest) if (wide(`${line} · ${more}`, small) <= textRoom - 4) line += ` · ${more}`;
        parts.push(text(tx, put.y + small + 1, `small ${tone}`, line));
      } else {
        const short = found.shown ? number(found.shown.v, frame.variable.resolution) : found.value;
        const line = found.how.rank > 1 ? `${found.how.mark} ${found.shown ? `${short} ` : ""}${word(found.how.word)}` : textRoom > 70 ? `${found.value}` : short;
        parts.push(text(tx, put.y + half, `small ${found.how.rank > 1 ? tone : on ? "strong on" : ""}`, textRoom > 120 ? `${line} · ${found.place}` : line));
      }
    }
    if (view.placeless.length) {
      const lines = view.placeless.map((s) => {
        const point = visible(pointAt(s, frame.t));
        return `${s.position || s.profile} ${point ? `${number(point.v, frame.variable.resolution)} ${frame.variable.unit_text}` : word("novalue")}`;
      });
      const words = `${word("nodepth")}${colon()}${joined(lines)}`;
      parts.push(text(x0, height - 7, "small soft", words));
      spoken.push(words);
    }
    parts.push(svg("line", { x1: x0 - 6, x2: x0 + strip + 6, y1: y(0), y2: y(0), class: "surface" }));
  });
  if (told()) parts.push(text(8, SIZE.text + 2, "small strong", told()));
  const title = [named(frame.variable.name), ...views.map((view) => view.name), told()].filter(Boolean).join(", ");
  replaceSvg(holder, width, height, `${word("column")}, ${title}. ${joined(spoken)}`, parts);
  return { node: holder.firstElementChild, y, profile: (px) => views[Math.max(0, Math.min(views.length - 1, Math.floor((px - axis) / share)))] };
}

export function drawCurve(holder, frame) {
  const [width, height] = size(holder);
  if (!frame.depths) return empty(holder, frame.why);
  const several = frame.views.length > 1;
  const y = depthScale(frame, height);
  const { log } = frame;
  const small = SIZE.text - 1;
  const fitting = frame.views.reduce((sum, view) => sum + wide(view.name, small) + 30, 0) < width;
  const names = frame.views.map((view) => (fitting ? view.name : view.profile));
  const lines = several
    ? frame.views.map((view, i) => ({ words: names[i], dash: DASHES[i % 4], r: 3, width: 1.8, opacity: 1, shape: i, points: points(view, fresh) }))
    : [
      { words: state.t === null ? word("now") : when(frame.t, frame.zone, "hour"), dash: null, width: 2.2, opacity: 1, r: 3.5, points: points(frame.views[0], fresh) },
      { words: `−6 ${word("h")}`, dash: "5 3", width: 1.4, opacity: 0.85, r: 2.5, points: points(frame.views[0], (s) => valueOf(s, frame.t - DAY / 4)) },
      { words: `−24 ${word("h")}`, dash: "1.5 3", width: 1.4, opacity: 0.75, r: 2.5, points: points(frame.views[0], (s) => valueOf(s, frame.t - DAY)) },
    ];
  const range = valueRange(lines.map((line) => line.points.map((q) => q.v)), log);
  if (!range) return frame.why ? empty(holder, frame.why, frame.action) : empty(holder, word(frame.anyFlagged ? "allflagged" : "novalue"), frame.anyFlagged ? frame.unflag : null);
  const left = SIZE.left - 6;
  const x = valueScale(range[0], range[1], left + 8, width - 16, log);
  const parts = [svg("line", { x1: left, x2: width - 8, y1: y(0), y2: y(0), class: "surface" }), ...depthAxis(y, left - 2, height)];
  let free = -Infinity;
  for (const v of log ? logTicks(...range) : ticks(...range, Math.max(4, (width - left) / 60))) {
    const words = tick(v);
    const half = wide(words, small) / 2;
    if (x(v) - half < free + 4 || x(v) + half > width - 2) continue;
    free = x(v) + half;
    parts.push(svg("line", { x1: x(v), x2: x(v), y1: SIZE.top, y2: height - SIZE.bottom, class: "axis" }));
    parts.push(text(x(v), height - SIZE.bottom + SIZE.text + 4, "soft small", words, "middle"));
  }
  const pickedView = frame.views.find((view) => view.picked);
  const picked = pickedView?.list.find((s) => s.series === pickedView.picked);
  if (picked) parts.push(svg("line", { x1: left, x2: width - 8, y1: y(picked.depth_m), y2: y(picked.depth_m), class: "cross" }));
  const tone = ink("--accent");
  for (const line of [...lines].reverse()) {
    const stroke = { fill: "none", stroke: tone, "stroke-width": line.width, opacity: line.opacity, "stroke-dasharray": line.dash };
    for (const run of runs(line.points, log)) parts.push(svg("polyline", { points: run.map((q) => `${x(q.v)},${y(q.d)}`).join(" "), ...stroke }));
    for (const q of line.points) if (q.v !== null) parts.push(dot(x(q.v), y(q.d), line.points.length > 20 ? line.r / 2 : line.r, line.shape ?? 0, tone, line.opacity));
  }
  const room = (sample) => lines.reduce((sum, line) => sum + sample + 12 + wide(line.words, small), 8);
  const sample = room(16) <= width ? 16 : 11;
  if (!several && room(sample) > width) lines[1].words = "−6"; // its unit is the next one's
  let lx = 8;
  for (const line of lines) {
    parts.push(svg("line", { x1: lx, x2: lx + sample, y1: 11, y2: 11, stroke: tone, "stroke-width": line.width, opacity: line.opacity, "stroke-dasharray": line.dash }));
    if (several) parts.push(dot(lx + sample / 2, 11, 3, line.shape, tone, 1));
    parts.push(text(lx + sample + 4, 11 + small / 3, "small", line.words));
    lx += sample + 12 + wide(line.words, small);
  }
  replaceSvg(holder, width, height, `${word("curve")}${colon()}${frame.title}. ${joined(lines.map((line) => line.words))}`, parts);
  return { node: holder.firstElementChild, y, profile: () => frame.views[0] };

  function fresh(s) {
    const point = pointAt(s, frame.t);
    return point?.stale ? null : point;
  }

  function points(view, at) {
    return view.list.map((s) => ({ d: s.depth_m, v: null, f: 9, ...visible(at(s)) }));
  }
}

// Unbroken pieces: no line leads past a probe without a value or through the surface. Where the heat map interpolates the
// lines are what it shows: from usable values alone, and straight in the value, which takes some pieces on a logarithmic axis.
function runs(points, log) {
  const out = [];
  const steps = log && state.interpolate ? 12 : 1;
  for (const [a, b] of neighbours(levels(state.interpolate ? points.map(({ d, v, f }) => ({ d, v: usable(v, f) })) : points))) {
    if (out.at(-1)?.at(-1).d !== a.d) out.push([a]);
    for (let k = 1; k <= steps; k++) {
      const d = a.d + (k / steps) * (b.d - a.d);
      out.at(-1).push({ d, v: inside([a, b], d) });
    }
  }
  return out;
}

function dot(x, y, r, shape, fill, opacity) {
  if (shape % 3 === 1) return svg("rect", { x: x - r, y: y - r, width: 2 * r, height: 2 * r, fill, opacity });
  if (shape % 3 === 2) return svg("path", { d: `M${x},${y - r - 1}L${x + r + 1},${y + r}L${x - r - 1},${y + r}Z`, fill, opacity });
  return svg("circle", { cx: x, cy: y, r, fill, opacity });
}
