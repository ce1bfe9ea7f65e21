// The page: one state, one moment, every panel drawn from both.

import * as api from "./api.js";
import { MARGIN, depthText } from "./draw.js";
import { MARKS, age, language, named, number, setLanguage, signed, when, word } from "./i18n.js";
import { drop, flagged, merge, valueAt, valueRange } from "./model.js";
import { drawColumn, drawCurve, drawHeat, drawSeries } from "./panels.js";
import { value as valueScale } from "./scales.js";

const DAY = 86400e3;
const SPANS = { day: 1, days3: 3, week: 7, fortnight: 14, month: 30, all: null };
const $ = (id) => document.getElementById(id);

const asked = new URLSearchParams(location.hash.slice(1));
const state = {
  lang: asked.get("lang") ?? document.documentElement.dataset.language ?? (navigator.language.startsWith("zh") ? "zh" : "en"),
  station: asked.get("station"),
  profile: asked.get("profile"),
  variable: asked.get("variable") ?? "co2",
  second: asked.get("second"),
  span: asked.get("span") ?? "week",
  log: asked.get("log") === "1",
  flagged: asked.get("flagged") === "1",
  utc: asked.get("utc") === "1",
  theme: asked.get("theme") ?? "auto",
  t: asked.has("t") ? Number(asked.get("t")) : null,
  position: asked.get("position"),
  from: null,
  to: null,
};

let known = { stations: [], variables: {} };
let station = null;
const data = new Map();
const newest = new Map();
const rasters = new Map();
let now = 0;
let stopFollowing = null;
let generation = 0;
let reloadTimer = null;

function remember() {
  const kept = new URLSearchParams();
  for (const [name, value] of Object.entries({
    station: state.station, profile: state.profile, variable: state.variable, second: state.second, span: state.span, lang: state.lang,
    theme: state.theme === "auto" ? null : state.theme, log: state.log ? 1 : null, flagged: state.flagged ? 1 : null, utc: state.utc ? 1 : null,
    t: state.t, position: state.position,
  })) if (value !== null && value !== undefined) kept.set(name, value);
  history.replaceState(null, "", `#${kept}`);
}

function seriesOf(variable) {
  return station.series.filter((s) => s.variable === variable && (s.profile === state.profile || s.depth_m === null))
    .sort((a, b) => (a.depth_m ?? 0) - (b.depth_m ?? 0) || a.series.localeCompare(b.series));
}

function range() {
  if (state.from !== null) return [state.from, state.to];
  const end = Math.max(now, ...[...newest.values()].map((n) => n.t).filter((t) => t <= now + DAY), station.first_ms ?? 0);
  const days = SPANS[state.span];
  const start = days === null ? station.first_ms ?? end - DAY : end - days * DAY;
  return [start, Math.max(end, start + 3600e3)];
}

function view(variable) {
  const list = seriesOf(variable);
  const [t0, t1] = range();
  const registry = known.variables[variable];
  const raster = rasters.get(variable);
  const pool = list.map((s) => (data.get(s.series)?.v ?? []).filter((v, i) => v !== null && data.get(s.series).t[i] >= t0 && (state.flagged || !flagged(data.get(s.series).f[i]))));
  const log = state.log && variable === state.variable;
  const spread = valueRange(pool, log);
  const period = (s) => (s.period_s ? s.period_s * 1000 : Math.max(60e3, (t1 - t0) / 500));
  return {
    list, t0, t1, now, data, latest: newest, raster, variable: registry, period,
    zone: state.utc ? "UTC" : station.timezone,
    t: state.t ?? Math.min(t1, Math.max(t0, ...list.map((s) => newest.get(s.series)?.t ?? -Infinity))),
    scale: spread && valueScale(spread[0], spread[1], 0, 1, log),
    anyFlagged: list.some((s) => (data.get(s.series)?.f ?? []).some(flagged)),
    title: `${named(registry.name)} (${registry.unit_text}), ${named(station.profiles.find((p) => p.id === state.profile)?.name) || state.profile}`,
  };
}

let drawn = {};
let pending = false;

export function draw() {
  if (pending) return;
  pending = true;
  requestAnimationFrame(() => {
    pending = false;
    if (station) paint();
  });
}

function paint() {
  const main = view(state.variable);
  const caption = (id, text) => ($(id).querySelector("figcaption").textContent = text);
  const plot = (id) => $(id).querySelector(".plot");
  $("picture-title").textContent = main.title;
  caption("column", `${word("column")} · ${state.t === null ? word("now") : when(state.t, main.zone)}`);
  caption("curve", word("curve"));
  caption("heat", word("heat"));
  caption("series", word("series"));
  const hasDepth = main.variable.has_depth;
  drawColumn(plot("column"), hasDepth ? main : { ...main, list: [] }, state);
  drawCurve(plot("curve"), hasDepth ? main : { ...main, list: [] }, state);
  drawn = { heat: drawHeat(plot("heat"), hasDepth ? main : { ...main, list: [] }, state), series: drawSeries(plot("series"), main, state) };
  $("second").hidden = !state.second;
  if (state.second) {
    const below = view(state.second);
    caption("second", below.title);
    drawn.second = drawSeries(plot("second"), below, state);
  }
  for (const [name, parts] of Object.entries(drawn)) if (parts) listen(name, parts.node);
  $("moment").textContent = `${state.t === null ? word("now") : word("at")} ${when(main.t, main.zone)} (${state.utc ? "UTC" : `${word("local")}, ${station.timezone}`})`;
  $("live").hidden = state.t === null && state.from === null;
  table(main);
}

function table() {
  $("about-title").textContent = word("table");
  const rows = station.series.filter((s) => s.profile === state.profile || s.depth_m === null);
  const head = document.createElement("tr");
  for (const [name, kind] of [["quantity"], ["position", "wide"], ["depth", "number"], ["value", "number"], ["change", "number wide"], ["quality"], ["age", "number"], ["time", "wide"]]) {
    const cell = document.createElement("th");
    cell.textContent = word(name);
    if (kind) cell.className = kind;
    cell.scope = "col";
    head.append(cell);
  }
  const body = rows.map((s) => {
    const found = newest.get(s.series);
    const registry = known.variables[s.variable];
    const row = document.createElement("tr");
    if (s.position === state.position && s.depth_m !== null) row.className = "on";
    const cells = [
      [named(registry.name) + (s.note ? " *" : "")],
      [s.position || "–", "wide"],
      [s.depth_m === null ? "–" : depthText(s.depth_m), "number"],
      [found && found.value !== null ? `${number(found.value, registry.resolution)} ${registry.unit_text}` : word("novalue"), "number"],
      [found && found.value !== null && found.yesterday !== null ? signed(found.value - found.yesterday, registry.resolution) : "–", "number wide"],
      [found ? `${MARKS[found.flag]} ${word(found.flag)}${found.tests ? ` (${found.tests})` : ""}` : "–"],
      [found ? age(now - found.t) : "–", "number"],
      [found ? when(found.t, state.utc ? "UTC" : station.timezone) : "–", "wide"],
    ];
    for (const [text, kind] of cells) {
      const cell = document.createElement("td");
      cell.textContent = text;
      if (kind) cell.className = kind;
      row.append(cell);
    }
    return row;
  });
  const whole = document.createElement("table");
  whole.append(head, ...body);
  $("table").replaceChildren(whole);
  const notes = [...new Set(rows.filter((s) => s.note).map((s) => `* ${named(known.variables[s.variable].name)}: ${s.note.replace(/^modelled:/, `${word("modelled")}:`)}`))];
  $("notes").textContent = notes.join("\n");
}

// Pointing anywhere moves time in all panels, and depth where the panel has depth.
const heard = new WeakSet();

function listen(name, node) {
  if (heard.has(node)) return;
  heard.add(node);
  const point = (event) => {
    const parts = drawn[name];
    if (!parts) return;
    const box = node.getBoundingClientRect();
    const [t0, t1] = range();
    const px = event.clientX - box.left;
    if (px < MARGIN.left || px > box.width - MARGIN.right) return;
    state.t = Math.round(Math.min(t1, Math.max(t0, parts.x.invert(px))));
    if (name === "heat") {
      const depth = parts.y.invert(event.clientY - box.top);
      const near = seriesOf(state.variable).reduce((best, s) => (!best || Math.abs(s.depth_m - depth) < Math.abs(best.depth_m - depth) ? s : best), null);
      if (near) state.position = near.position;
    }
    draw();
  };
  let drag = null;
  node.addEventListener("pointerdown", (event) => {
    drag = { x: event.clientX, range: range(), moved: false };
    point(event);
  });
  node.addEventListener("pointermove", (event) => {
    if (drag && event.buttons && event.pointerType === "mouse" && Math.abs(event.clientX - drag.x) > 4) {
      drag.moved = true;
      const width = node.clientWidth - MARGIN.left - MARGIN.right;
      const shift = ((drag.x - event.clientX) / width) * (drag.range[1] - drag.range[0]);
      zoomTo(drag.range[0] + shift, drag.range[1] + shift);
    } else point(event);
  });
  const end = () => {
    drag = null;
    remember();
  };
  node.addEventListener("pointerup", end);
  node.addEventListener("pointerleave", () => {
    end();
    if (!state.pinned) backToLive(false);
  });
  node.addEventListener("click", () => { state.pinned = !drag?.moved; });
  node.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.shiftKey) return;
    event.preventDefault();
    const parts = drawn[name];
    const [t0, t1] = range();
    const at = parts.x.invert(event.clientX - node.getBoundingClientRect().left);
    const factor = event.deltaY > 0 ? 1.25 : 0.8;
    zoomTo(at - (at - t0) * factor, at + (t1 - at) * factor);
  }, { passive: false });
  node.addEventListener("dblclick", () => backToLive(true));
  node.addEventListener("keydown", (event) => {
    const [t0, t1] = range();
    const list = seriesOf(state.variable);
    const step = Math.max(60e3, Math.min(...list.map((s) => (s.period_s ?? 1800) * 1000)));
    const index = list.findIndex((s) => s.position === state.position);
    const current = view(state.variable).t;
    if (event.key === "ArrowLeft") state.t = Math.max(t0, current - step * (event.shiftKey ? 24 : 1));
    else if (event.key === "ArrowRight") state.t = Math.min(t1, current + step * (event.shiftKey ? 24 : 1));
    else if (event.key === "ArrowDown") state.position = list[Math.min(list.length - 1, index + 1)]?.position ?? null;
    else if (event.key === "ArrowUp") state.position = list[Math.max(0, index - 1)]?.position ?? null;
    else if (event.key === "+" || event.key === "-") {
      const factor = event.key === "+" ? 0.8 : 1.25;
      zoomTo(current - (current - t0) * factor, current + (t1 - current) * factor);
    } else if (event.key === "Escape") backToLive(true);
    else return;
    state.pinned = event.key !== "Escape";
    event.preventDefault();
    remember();
    draw();
  });
}

function zoomTo(from, to) {
  const least = 3600e3;
  if (to - from < least) to = from + least;
  state.from = Math.round(from);
  state.to = Math.round(to);
  draw();
  clearTimeout(reloadTimer);
  reloadTimer = setTimeout(load, 200);
}

function backToLive(window) {
  state.t = null;
  state.pinned = false;
  if (window && state.from !== null) {
    state.from = state.to = null;
    load();
  }
  remember();
  draw();
}

async function load() {
  const mine = ++generation;
  const [t0, t1] = range();
  const variables = [state.variable, ...(state.second ? [state.second] : [])];
  const keys = variables.flatMap((v) => seriesOf(v).map((s) => s.series));
  try {
    const to = state.from === null ? null : t1 + 1;
    const [answer, picture] = await Promise.all([
      keys.length ? api.series(station.id, keys, t0 - DAY, to, 2000) : { series: [] },
      known.variables[state.variable].has_depth ? api.raster(station.id, state.profile, state.variable, t0, state.from === null ? null : t1, 600) : null,
    ]);
    if (mine !== generation) return;
    data.clear();
    for (const s of answer.series) data.set(s.series, { t: s.t, v: s.v, f: s.f, step: s.step_ms });
    rasters.clear();
    if (picture) rasters.set(state.variable, picture);
    $("notice").hidden = true;
  } catch (error) {
    if (mine !== generation) return;
    tell(word("failed") + error.message);
  }
  draw();
}

function tell(text) {
  $("notice").textContent = text;
  $("notice").hidden = false;
}

function arrived({ now_ms, rows }) {
  now = now_ms ?? now;
  for (const row of rows ?? []) {
    const before = newest.get(row.series);
    const kept = data.get(row.series);
    const yesterday = kept ? valueAt(kept, row.t - DAY, 1800e3)?.v ?? null : null;
    if (!before || row.t >= before.t) newest.set(row.series, { t: row.t, value: row.v, flag: row.f, tests: row.tests, yesterday });
    if (kept) merge(kept, row);
    const info = station.series.find((s) => s.series === row.series);
    if (info) paintCell(rasters.get(info.variable), row);
  }
  if (state.from === null) {
    const [t0] = range();
    for (const kept of data.values()) drop(kept, t0 - DAY);
    for (const picture of rasters.values()) trim(picture, t0);
  }
  draw();
}

function paintCell(picture, row) {
  const line = picture?.rows.find((r) => r.series === row.series);
  if (!line) return;
  const k = Math.floor((row.t - picture.t0) / picture.step);
  if (k < 0) return;
  while (line.v.length <= k) {
    line.v.push(null);
    line.f.push(9);
  }
  line.v[k] = row.v;
  line.f[k] = row.f;
}

function trim(picture, t0) {
  const columns = Math.floor((t0 - picture.t0) / picture.step);
  if (columns <= 50) return;
  picture.t0 += columns * picture.step;
  for (const line of picture.rows) {
    line.v.splice(0, columns);
    line.f.splice(0, columns);
  }
}

function choice(id, label, options, current, onPick) {
  const holder = document.createElement("label");
  const pick = document.createElement("select");
  pick.id = id;
  for (const [value, text] of options) {
    const option = document.createElement("option");
    option.value = value;
    option.textContent = text;
    option.selected = value === (current ?? "");
    pick.append(option);
  }
  pick.addEventListener("change", () => onPick(pick.value));
  holder.append(label, pick);
  return holder;
}

function toggle(id, text, on, onPress) {
  const button = document.createElement("button");
  button.id = id;
  button.type = "button";
  button.textContent = text;
  if (on !== null) button.setAttribute("aria-pressed", String(on));
  button.addEventListener("click", onPress);
  return button;
}

function controls() {
  const again = (reload = false) => {
    remember();
    controls();
    if (reload) load();
    draw();
  };
  const variables = Object.keys(known.variables).filter((v) => seriesOf(v).length);
  const shownVariables = variables.filter((v) => known.variables[v].has_depth);
  const pieces = [];
  if (known.stations.length > 1)
    pieces.push(choice("pick-station", word("station"), known.stations.map((s) => [s.id, named(s.name)]), state.station, (id) => { state.station = id; state.profile = null; openStation(); }));
  if (station.profiles.length > 1)
    pieces.push(choice("pick-profile", word("profile"), station.profiles.map((p) => [p.id, named(p.name) || p.id]), state.profile, (id) => { state.profile = id; again(true); }));
  pieces.push(
    choice("pick-variable", word("variable"), shownVariables.map((v) => [v, named(known.variables[v].name)]), state.variable, (v) => { state.variable = v; again(true); }),
    choice("pick-second", word("second"), [["", word("below")], ...variables.map((v) => [v, named(known.variables[v].name)])], state.second, (v) => { state.second = v || null; again(true); }),
    choice("pick-span", word("span"), Object.keys(SPANS).map((s) => [s, word(s)]), state.span, (s) => { state.span = s; state.from = state.to = null; again(true); }),
    toggle("log", word("log"), state.log, () => { state.log = !state.log; again(); }),
    toggle("flagged", word("flagged"), state.flagged, () => { state.flagged = !state.flagged; again(); }),
    toggle("utc", word("utc"), state.utc, () => { state.utc = !state.utc; again(); }),
    choice("pick-theme", word("theme"), ["auto", "light", "dark"].map((t) => [t, word(t)]), state.theme, (t) => { state.theme = t; theme(); again(); }),
    toggle("live", word("backToLive"), null, () => { backToLive(true); controls(); }),
    toggle("language", word("language"), null, () => { state.lang = state.lang === "zh" ? "en" : "zh"; setLanguage(state.lang); words(); again(); }),
  );
  const focused = document.activeElement?.id;
  $("controls").replaceChildren(...pieces);
  if (focused) $(focused)?.focus();
}

function theme() {
  if (state.theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = state.theme;
}

function words() {
  $("skip").textContent = word("skip");
  $("controls").setAttribute("aria-label", word("view"));
  if (station) {
    $("station").textContent = named(station.name);
    document.title = `${named(station.name)} · soilco2`;
  }
  linkState($("link").dataset.state ?? "away");
}

function linkState(name) {
  $("link").dataset.state = name;
  $("link").textContent = `${name === "live" ? "●" : "○"} ${word(name)}`;
}

async function openStation() {
  stopFollowing?.();
  station = known.stations.find((s) => s.id === state.station) ?? known.stations[0];
  state.station = station.id;
  if (!station.profiles.some((p) => p.id === state.profile)) state.profile = station.profiles[0]?.id ?? null;
  const available = new Set(station.series.map((s) => s.variable));
  if (!available.has(state.variable)) state.variable = [...available].find((v) => known.variables[v].has_depth) ?? "co2";
  if (state.second === null && !asked.has("second")) state.second = ["soil_temperature", "soil_water"].find((v) => available.has(v) && v !== state.variable) ?? null;
  for (const kept of [newest, data, rasters]) kept.clear();
  words();
  controls(); // before the first wait: a change of size may draw at any time
  const answer = await api.latest(station.id);
  now = answer.now_ms;
  for (const n of answer.latest) newest.set(n.series, n);
  await load();
  remember();
  stopFollowing = api.follow(station.id, { onRows: arrived, onState: linkState });
}

async function start() {
  setLanguage(state.lang);
  theme();
  words();
  try {
    known = await api.stations();
    if (!known.stations.length) return tell(word("nodata"));
    await openStation();
  } catch (error) {
    tell(word("failed") + error.message);
    setTimeout(start, 5000);
  }
}

new ResizeObserver(draw).observe(document.querySelector("main"));
window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
setInterval(() => state.from === null && station && load(), 300e3);
start();
