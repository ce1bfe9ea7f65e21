// What the server told: stations, newest values, series, rasters, reports; kept true by the stream.

import * as api from "./api.js";
import { language, word } from "./i18n.js";
import { drop, flagged, merge, spacing, valueAt } from "./model.js";
import { BOTH, DAY, SPANS, state } from "./state.js";

export const store = {
  stations: [], registry: {}, variables: {}, version: "", station: null, screens: [], faults: [], screen: null,
  now: 0, newest: new Map(), data: new Map(), rasters: new Map(), loaded: false,
  reports: {}, tick: 0, notice: "", problem: "", link: "opening", width: 700, spoken: "",
};

let redraw = () => {};
let generation = 0;
let stopFollowing = null;
let reportsAt = 0;
let late = null;
let unknown = false; // a series came that the list of series lacks

export const onChange = (call) => { redraw = call; };

// What is known changed: `tick` tells panels of words that they must look again.
function changed() {
  store.tick += 1;
  redraw();
}

export const profilesShown = () => (state.profile === BOTH ? store.station.profiles.map((p) => p.id) : [state.profile]);
export const zone = () => (state.utc ? "UTC" : store.station.timezone);
export const has = (panel) => store.screen?.panels.includes(panel) ?? false;

export function seriesOf(variable, profile) {
  return store.station.series
    .filter((s) => s.variable === variable && (s.profile === profile || s.profile === "site"))
    .sort((a, b) => (a.depth_m ?? Infinity) - (b.depth_m ?? Infinity) || a.series.localeCompare(b.series));
}

export function seriesShown(variable) {
  return [...new Map(profilesShown().flatMap((p) => seriesOf(variable, p)).map((s) => [s.series, s])).values()];
}

export const measured = (variable) => seriesShown(variable).length > 0;

export function newestOf(list) {
  const times = list.map((s) => store.newest.get(s.series)?.t).filter((t) => t !== undefined && t <= store.now + DAY);
  return times.length ? Math.max(...times) : null;
}

export function range() {
  if (state.from !== null) return [state.from, state.to];
  const end = Math.max(store.now, newestOf(store.station.series) ?? 0, store.station.first_ms ?? 0);
  const days = SPANS[state.span];
  const first = Math.min(store.station.first_ms ?? end - DAY, end - 3600e3); // a young station fills its panels
  return [days === null ? first : Math.max(first, end - days * DAY), end];
}

// How far apart the values of a series are: by the station file, else as they come.
export const periodOf = (s) => (s.period_s ? s.period_s * 1000 : Math.max(60e3, spacing(store.data.get(s.series)) ?? (range()[1] - range()[0]) / 500));

// Whether what comes every so often [s] has been silent for too long.
export const overdue = (every, since, now = store.now) => Boolean(every) && now - since > Math.max(3 * every * 1000, 90e3);

// Whether the last instrument of a series was taken away.
export const removed = (s) => s.until_ms !== null && s.until_ms <= store.now;

// How a series is doing: by shape and word, worst first. One that never gave a value is in trouble once the station works.
export function condition(s) {
  const newest = store.newest.get(s.series);
  if (removed(s)) return { rank: 1, mark: "○", word: "removed", tone: "soft" };
  if (!newest) {
    const bad = overdue(s.period_s, Math.max(s.from_ms ?? 0, store.station.first_ms ?? Infinity));
    return { rank: bad ? 5 : 1, mark: "○", word: "never", tone: bad ? "bad" : "soft" };
  }
  if (overdue(s.period_s, newest.t)) return { rank: 5, mark: "○", word: "silent", tone: "bad" };
  if (newest.value === null && /soil_too_dry|ec_too_small/.test(newest.tests)) return { rank: 1, mark: "○", word: "withheld", tone: "soft" };
  if (newest.tests.includes("flat_line")) return { rank: 4, mark: "▲", word: "stuck", tone: "warn" };
  if (newest.flag === 4) return { rank: 3, mark: "✕", word: "4", tone: "bad" };
  if (newest.flag === 3) return { rank: 2, mark: "▲", word: "3", tone: "warn" };
  if (newest.value === null) return { rank: 2, mark: "○", word: "novalue", tone: "warn" };
  return { rank: 0, mark: newest.flag === 2 ? "◇" : "●", word: String(newest.flag), tone: "soft" };
}

// The value at the moment looked at. Where the series was thinned it is the mean of the raster's cell, and says so.
export function valueOf(s, t) {
  const period = periodOf(s);
  const data = store.data.get(s.series);
  const found = valueAt(data, t, period);
  if (!data?.step || (found && found.t === t)) return found;
  const picture = store.rasters.get(`${s.profile}/${s.variable}`);
  const line = picture?.rows.find((row) => row.series === s.series);
  if (!line) return valueAt(data, t, Math.max(period, data.step));
  const k = Math.floor((t - picture.t0) / picture.step);
  const v = line.v[k];
  return v === undefined || v === null ? null : { t: picture.t0 + k * picture.step, v, f: line.f[k], mean: picture.step };
}

// The newest value as the same kind of point.
function newestValue(s) {
  const newest = store.newest.get(s.series);
  return newest ? { t: newest.t, v: newest.value, f: newest.flag } : null;
}

const dead = (s, point) => !point || removed(s) || overdue(s.period_s, point.t);

export function pointAt(s, t) {
  if (state.t !== null) return valueOf(s, t);
  const newest = newestValue(s);
  return dead(s, newest) && newest ? { ...newest, stale: true } : newest;
}

export const visible = (point) => (point && point.v !== null && (state.flagged || !flagged(point.f)) ? point : null);

function wanted() {
  const variables = [state.variable, ...(has("second") && state.second ? [state.second] : [])];
  const places = store.screen?.picture?.place.map((place) => place.series) ?? [];
  return [...new Set([...variables.flatMap((v) => seriesShown(v).map((s) => s.series)), ...places])];
}

export async function load() {
  const mine = ++generation;
  clearTimeout(late);
  late = null;
  const [t0, t1] = range();
  const fixed = state.from !== null;
  try {
    if (unknown) await again();
    if (store.spoken !== language()) await readScreens(store.station.id);
  } catch {
    later(5000);
  }
  reports();
  const keys = wanted();
  const points = keys.length > 24 ? 600 : Math.round(Math.min(2000, Math.max(600, 1.2 * window.screen.width))); // about two a pixel of a panel
  const columns = Math.min(2000, Math.max(200, Math.round((store.width * (t1 - t0 + DAY)) / (t1 - t0))));
  const pictures = store.variables[state.variable]?.has_depth ? profilesShown().filter((p) => seriesOf(state.variable, p).length) : [];
  try {
    const [answer, ...rasters] = await Promise.all([
      keys.length ? api.series(store.station.id, keys, t0 - DAY, fixed ? t1 + 1 : null, points) : { series: [], notice: "" },
      ...pictures.map((p) => api.raster(store.station.id, p, state.variable, t0 - DAY, t1 + 1, columns)),
    ]);
    if (mine !== generation) return;
    store.data = new Map(answer.series.map((s) => [s.series, { t: s.t, v: s.v, f: s.f, step: s.step_ms }]));
    store.rasters = new Map(rasters.map((raster, i) => [`${pictures[i]}/${state.variable}`, raster]));
    const reason = answer.notice || rasters.map((r) => r.notice).find(Boolean);
    store.notice = reason ? word("standin") + reason : "";
    store.problem = "";
    store.loaded = true;
  } catch (error) {
    if (mine !== generation) return;
    store.problem = word("failed") + error.message;
  }
  changed();
}

const REPORTS = {
  quality: async (id, t0, t1) => (await api.quality(id, Math.max(t0, t1 - 92 * DAY), t1)).days,
  instruments: (id) => api.instruments(id),
  results: (id) => api.results(id),
  log: async (id, t0, t1) => (await api.events(id, t0, t1 + DAY)).events,
};

const asked = (panel) => has(panel) || (panel === "log" && state.events && ["heat", "series", "second"].some(has));

export async function reports() {
  const mine = generation;
  const [t0, t1] = range().map(Math.round);
  reportsAt = performance.now();
  await Promise.all(Object.entries(REPORTS).filter(([panel]) => asked(panel)).map(async ([panel, ask]) => {
    try {
      const found = await ask(store.station.id, t0, t1);
      if (mine === generation) store.reports[panel] = { found };
    } catch (error) {
      if (mine === generation) store.reports[panel] = { error: error.message };
    }
  }));
  if (mine === generation) changed();
}

function later(ms) {
  late ??= setTimeout(load, ms);
}

function arrived({ now_ms, rows }) {
  store.now = now_ms ?? store.now;
  for (const row of rows ?? []) {
    const before = store.newest.get(row.series);
    const kept = store.data.get(row.series);
    if (!before || row.t >= before.t) {
      store.newest.set(row.series, { t: row.t, value: row.v, flag: row.f, tests: row.tests, yesterday: row.yesterday ?? null });
    }
    if (kept && (state.from === null || row.t < state.to)) merge(kept, row);
    store.station.first_ms = Math.min(store.station.first_ms ?? row.t, row.t);
    const info = store.station.series.find((s) => s.series === row.series);
    if (!info) {
      unknown = true;
      later(1000);
    }
    else paintCell(store.rasters.get(`${info.profile}/${info.variable}`), row, periodOf(info));
  }
  if (state.from === null) {
    const [t0] = range();
    for (const kept of store.data.values()) drop(kept, t0 - DAY);
    for (const picture of store.rasters.values()) trim(picture, t0 - DAY);
  }
  if (rows?.length && performance.now() - reportsAt > 30e3) reports();
  changed();
}

// A cell that stands for one value is painted; one that is a mean is read again.
function paintCell(picture, row, period) {
  const line = picture?.rows.find((r) => r.series === row.series);
  if (!line) return;
  const k = Math.floor((row.t - picture.t0) / picture.step);
  if (k < 0) return;
  if (picture.step > 1.5 * period) return later(10e3);
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

export async function readStations() {
  const found = await api.stations();
  store.stations = found.stations;
  store.registry = found.variables;
  store.variables = found.variables;
  store.version = found.version;
}

async function again() {
  unknown = false;
  await readStations();
  stand(store.stations.find((s) => s.id === store.station.id) ?? store.station);
}

// The station on the page; it may have variables of its own.
function stand(station) {
  store.station = station;
  store.variables = { ...store.registry, ...station.variables };
}

// What is wrong with a screen is told in the language of the page.
async function readScreens(id) {
  store.spoken = language();
  const found = await api.screens(id);
  store.screens = found.screens;
  store.faults = found.faults;
}

// Screens and newest values of a station; the rest comes with `load`.
export async function openStation(id) {
  stopFollowing?.();
  stopFollowing = null;
  generation += 1;
  const station = store.stations.find((s) => s.id === id) ?? store.stations[0];
  const [answer] = await Promise.all([api.latest(station.id), readScreens(station.id)]);
  stand(station);
  store.now = answer.now_ms;
  store.newest = new Map(answer.latest.map((n) => [n.series, n]));
  store.data = new Map();
  store.rasters = new Map();
  store.reports = {};
  store.loaded = false;
  store.tick += 1;
}

export function followStation() {
  const id = store.station.id;
  stopFollowing = api.follow(id, { onRows: arrived, onState: (name) => { store.link = name; changed(); } });
}
