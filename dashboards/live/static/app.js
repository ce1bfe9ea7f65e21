// The page: one state, one moment, every panel drawn from both.

import { DEEP } from "./between.js";
import { drawControls, refreshBack } from "./controls.js";
import { SIZE, dark, freshInk, html, measure, setTextSize, size } from "./draw.js";
import { frameOf } from "./frame.js";
import { colon, comma, named, setLanguage, when, word } from "./i18n.js";
import { drew, onMove, zoomTo } from "./pointer.js";
import { drawColumn, drawCurve } from "./profile.js";
import { drawHealth, drawInstruments, drawLog, drawPicture, drawQuality, drawResults, drawTable } from "./reports.js";
import { BOTH, readAddress, remember, state } from "./state.js";
import { followStation, has, load, measured, onChange, openStation, profilesShown, readStations, store, zone } from "./store.js";
import { drawHeat, drawSeries, stepWords } from "./time.js";

const $ = (id) => document.getElementById(id);
const PLOTS = ["column", "curve", "heat", "series", "second"];
const TIMED = ["heat", "series", "second"];
const WORDY = { table: drawTable, quality: drawQuality, instruments: drawInstruments, results: drawResults, log: drawLog, picture: drawPicture };
const TITLES = { log: "events" };

const narrow = window.matchMedia("(max-width: 600px)");
let pending = false;

function draw() {
  if (pending) return;
  pending = true;
  requestAnimationFrame(() => {
    pending = false;
    if (store.station && store.screen) paint();
  });
}

function figure(id, kind) {
  return html("figure", { id, className: kind }, html("figcaption"), html("div", { className: "plot" }));
}

function section(kind) {
  const title = html("h2", { id: `${kind}-title` });
  return html("section", { id: kind, className: "words", "aria-labelledby": title.id }, title, html("div", { className: "body" }));
}

// A projector shows what fits on its screen without scrolling: of the panels on the time axis the lower ones go first.
function leftOut(panels) {
  if (!state.projector) return [];
  const out = [];
  const heats = panels.includes("heat") ? profilesShown().length : 0;
  const shown = panels.filter((p) => p === "series" || (p === "second" && state.second));
  const room = window.innerHeight - $("panels").offsetTop;
  const tall = () => (heats * 12.5 + shown.length * 12) * SIZE.text + (heats + shown.length) * 8;
  while (shown.length && heats + shown.length > 1 && tall() > room) out.push(shown.pop());
  return out;
}

// The panels of the screen in its order. Those that share axes stand in one grid: column, curve and heat map side by
// side, series below the heat map; the newest values fill the place below the column.
function build() {
  const hidden = leftOut(store.screen.panels);
  const panels = store.screen.panels.filter((p) => !hidden.includes(p));
  const shape = JSON.stringify([panels, profilesShown(), state.second === null]);
  $("panels").dataset.noroom = hidden.map((p) => named(store.variables[p === "second" ? state.second : state.variable].name)).join(comma());
  if ($("panels").dataset.shape === shape) return;
  $("panels").dataset.shape = shape;
  const left = panels.some((p) => p === "column" || p === "curve");
  const inside = (p) => PLOTS.includes(p) || (p === "table" && left && panels.some((q) => ["heat", "series", "second"].includes(q)));
  const stage = html("div", { className: `stage${left ? " sided" : ""}` });
  let row = 0;
  let heatRow = 1;
  const nodes = [];
  for (const panel of panels) {
    if (inside(panel) && !nodes.includes(stage)) nodes.push(stage);
    if (panel === "heat") {
      heatRow = row + 1;
      profilesShown().forEach((_, i) => stage.append(at(figure(i ? `heat-${i + 1}` : "heat", "heat"), ++row)));
    } else if (panel === "series" || (panel === "second" && state.second)) stage.append(at(figure(panel, panel), ++row));
    else if (panel === "column" || panel === "curve") stage.append(figure(panel, panel));
    else if (panel === "table" && inside(panel)) stage.append(section(panel));
    else if (WORDY[panel]) nodes.push(section(panel));
  }
  stage.style.setProperty("--heat-row", heatRow);
  stage.style.setProperty("--rows", Math.max(row, heatRow + 1));
  stage.style.setProperty("--profiles", profilesShown().length);
  stage.dataset.only = panels.includes("column") === panels.includes("curve") ? "" : panels.includes("column") ? "column" : "curve";
  $("panels").replaceChildren(...nodes);
}

function at(node, row) {
  node.style.setProperty("--row", row);
  return node;
}

function paint() {
  freshInk();
  build();
  const app = { show: zoomTo, unflag: () => set({ flagged: true }) };
  const plot = (id) => $(id).querySelector(".plot");
  const caption = (id, words) => { $(id).querySelector("figcaption").textContent = words; };
  measure(document.querySelectorAll("#panels .plot"));
  const main = frameOf(state.variable, app);
  const drawn = {};
  const moment = state.t === null ? word("now") : when(state.t, zone());
  if ($("column")) {
    caption("column", `${word("column")} · ${moment}`);
    drawn.column = drawColumn(plot("column"), main);
  }
  if ($("curve")) {
    caption("curve", word("curve"));
    drawn.curve = drawCurve(plot("curve"), main);
  }
  if ($("heat")) {
    main.views.forEach((view, i) => {
      const id = i ? `heat-${i + 1}` : "heat";
      caption(id, `${main.title} · ${view.name} · ${word("heat")}${stepWords(main, "means")}`);
      drawn[id] = drawHeat(plot(id), main, view);
      [store.width] = size(plot(id));
    });
  }
  for (const [id, name] of [["series", state.variable], ["second", state.second]]) {
    if (!$(id) || !name) continue;
    const frame = id === "series" ? main : frameOf(name, app);
    const where = profilesShown().length === 1 ? ` · ${main.views[0].name}` : "";
    caption(id, `${frame.title}${where}${stepWords(frame, "extremes")}`);
    drawn[id] = drawSeries(plot(id), frame);
  }
  const lowest = [...document.querySelectorAll("#panels .heat, #panels .series, #panels .second")].at(-1);
  if ($("panels").dataset.noroom && lowest) lowest.querySelector("figcaption").textContent += ` · ${word("noroom")}${colon()}${$("panels").dataset.noroom}`;
  drew(drawn);
  words();
  drawHealth($("health"), (s) => set({ variable: s.variable, profile: s.profile === "site" ? state.profile : s.profile, depth: s.depth_m, held: s.depth_m }, true));
  $("moment").textContent = `${moment === word("now") ? `${word("now")} ${when(store.now, zone())}` : `${word("at")} ${moment}`} · ${state.utc ? "UTC" : `${word("local")} (${store.station.timezone})`}`;
  $("link").dataset.state = store.link;
  $("link").textContent = `${store.link === "live" ? "●" : "○"} ${word(store.link)}`;
  tell([store.problem, store.notice, ...store.faults.map((fault) => word("screenfault") + fault)].filter(Boolean));
  if (refreshBack()) drawControls(actions);
  if (state.projector) fillScreen();
}

// A projector's panels share the height that is left below the words above them.
function fillScreen() {
  const above = `${$("panels").offsetTop}px`;
  const { style } = document.documentElement;
  if (style.getPropertyValue("--above") !== above) style.setProperty("--above", above);
}

// Panels of words are looked at again when what is known or chosen changed; pointing moves few of them.
function words() {
  const { t, lang, profile, variable, second, utc, projector, depth } = state;
  const key = JSON.stringify([store.tick, lang, profile, variable, second, utc, projector, depth, t === null ? null : when(t, store.station.timezone, "date"), narrow.matches]);
  for (const [kind, drawPanel] of Object.entries(WORDY)) {
    const panel = $(kind);
    if (!panel || (panel.dataset.key === key && kind !== "picture")) continue;
    panel.dataset.key = key;
    $(`${kind}-title`).textContent = word(TITLES[kind] ?? kind);
    drawPanel(panel.querySelector(".body"), actions);
  }
}

function tell(lines) {
  const key = lines.join("\n");
  if ($("notice").dataset.kept === key) return;
  $("notice").dataset.kept = key;
  $("notice").hidden = !lines.length;
  $("notice").replaceChildren(...lines.map((line) => html("p", {}, `▲ ${line}`)));
}

function set(changes, reload = false) {
  Object.assign(state, changes);
  dress();
  settle();
  remember();
  drawControls(actions);
  draw();
  if (reload) load();
}

// Language, colours and size of the page.
function dress() {
  setLanguage(state.lang);
  const root = document.documentElement;
  if (state.theme === "auto") delete root.dataset.theme;
  else root.dataset.theme = state.theme;
  if (state.projector) root.dataset.mode = "projector";
  else delete root.dataset.mode;
  const text = state.projector ? Math.max(13, Math.min(16, Math.round(window.innerHeight / 56))) : 12; // a share of the screen: as legible from afar on a low one
  root.style.setProperty("--text", text);
  setTextSize(text, state.events && TIMED.some(has), state.interpolate && DEEP.some(has));
  $("skip").textContent = word("skip");
  if (!store.station) return;
  $("station").textContent = named(store.station.name);
  document.title = `${named(store.station.name)} · soilco2`;
}

// What the state names must exist at this station.
function settle() {
  const { station, variables } = store;
  if (state.profile !== BOTH && !station.profiles.some((p) => p.id === state.profile)) state.profile = station.profiles[0]?.id ?? "site";
  const there = (v) => variables[v] && station.series.some((s) => s.variable === v);
  if (!there(state.variable)) state.variable = Object.keys(variables).find((v) => there(v) && variables[v].has_depth) ?? Object.keys(variables).find(there) ?? "co2";
  if (!variables[state.second]) state.second = null;
}

// A screen says what is shown; what the address says stays.
function useScreen(id, asked = new Set()) {
  store.screen = store.screens.find((s) => s.id === id) ?? store.screens[0];
  state.screen = store.screen.id;
  for (const name of ["profile", "variable", "second", "span", "log", "interpolate"]) {
    if (!asked.has(name) && store.screen[name] !== null) state[name] = store.screen[name];
  }
  state.span ??= "week";
  state.variable ??= "co2";
  settle();
  if (!asked.has("profile") && !measured(state.variable)) state.profile = profileWith(state.variable) ?? state.profile;
}

const profileWith = (variable) => store.station.profiles.find((p) => store.station.series.some((s) => s.profile === p.id && s.variable === variable))?.id;

async function open(id, asked) {
  await openStation(id);
  state.station = store.station.id;
  useScreen(state.screen, asked);
  dress();
  drawControls(actions);
  draw();
  await load();
  remember();
  followStation();
}

const actions = {
  set,
  paint,
  station: (id) => {
    Object.assign(state, { station: id, profile: null, t: null, from: null, to: null, depth: null, held: null, pinned: false });
    open(id).catch((error) => tell([word("failed") + error.message]));
  },
  screen: (id) => {
    useScreen(id);
    Object.assign(state, { from: null, to: null, t: null, pinned: false });
    set({}, true);
  },
  projector: (on) => {
    const root = document.documentElement;
    if (on) root.requestFullscreen?.().catch(() => {});
    else if (document.fullscreenElement) document.exitFullscreen();
    set({ projector: on });
  },
};

async function start() {
  store.screen = null; // nothing is drawn until the new view is whole
  const asked = readAddress();
  dress();
  try {
    await readStations();
    if (!store.stations.length) return tell([word("nodata")]);
    await open(state.station, asked);
  } catch (error) {
    tell([word("failed") + error.message]);
    setTimeout(start, 5000);
  }
}

onChange(draw);
onMove(draw);
$("skip").addEventListener("click", (event) => {
  event.preventDefault();
  $("panels").focus();
});
new ResizeObserver(draw).observe($("panels"));
window.addEventListener("resize", () => {
  if (!state.projector) return;
  dress();
  draw();
});
dark.addEventListener("change", draw);
window.addEventListener("hashchange", start);
const fold = () => { $("view").open = !narrow.matches; };
narrow.addEventListener("change", fold);
fold();
document.addEventListener("fullscreenchange", () => {
  if (!document.fullscreenElement && state.projector) set({ projector: false });
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && state.projector && event.target === document.body) actions.projector(false);
});
document.addEventListener("click", (event) => {
  const menu = $("more");
  if (menu?.open && !menu.contains(event.target)) menu.open = false;
});
setInterval(() => store.station && state.from === null && load(), 300e3);
start();
