// The controls: station, screens, what is shown, and the view to take away.

import { DEEP } from "./between.js";
import { button, html } from "./draw.js";
import { canLog, profileName } from "./frame.js";
import { MARKS, named, word } from "./i18n.js";
import { LOOKS } from "./marks.js";
import { backToNow, panBy, zoomBy } from "./pointer.js";
import { copyLink, saveCsv, savePng } from "./save.js";
import { BOTH, SPANS, state } from "./state.js";
import { has, measured, store } from "./store.js";

const $ = (id) => document.getElementById(id);

function choice(id, label, options, current, onPick) {
  const pick = html("select", { id });
  for (const [value, words] of options) {
    const option = html("option", { value }, words);
    option.selected = value === (current ?? "");
    pick.append(option);
  }
  pick.addEventListener("change", () => onPick(pick.value));
  return html("label", { className: "choice" }, html("span", {}, label), pick);
}

const toggle = (id, words, on, onPress) => button(words, onPress, { id, "aria-pressed": String(on) });
const glyph = (id, sign, words, onPress) => button(sign, onPress, { id, "aria-label": words, title: words });

function menu(app) {
  const told = html("p", { role: "status", class: "told" });
  const field = html("input", { type: "text", readonly: "", "aria-label": word("link"), hidden: "" });
  const doing = (work, done = "") => async () => {
    told.textContent = "";
    try {
      const fine = await work();
      told.textContent = fine === false ? "" : done;
    } catch (error) {
      told.textContent = error.message;
    }
  };
  const inner = html("div", { className: "menu" },
    button(word("csv"), doing(saveCsv), { id: "csv" }), button(word("png"), doing(() => savePng(app.paint)), { id: "png" }),
    button(word("link"), doing(() => copyLink(field), word("copied")), { id: "copy" }), field, told,
    choice("pick-theme", word("theme"), ["auto", "light", "dark"].map((t) => [t, word(t)]), state.theme, (t) => app.set({ theme: t })));
  const details = html("details", { id: "more" }, html("summary", { id: "more-summary" }, word("more")), inner);
  details.open = $("more")?.open ?? false;
  details.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    details.open = false;
    details.firstElementChild.focus();
  });
  return details;
}

export function drawControls(app) {
  const focused = document.activeElement?.id;
  const { stations, station, variables } = store;
  const panels = ["column", "curve", "heat", "series"];
  const profiles = panels.some(has) || has("table") || has("quality");
  const all = Object.keys(variables).filter(measured);
  const shown = all.includes(state.variable) || !state.variable ? all : [state.variable, ...all];
  const names = shown.map((v) => [v, named(variables[v].name)]);
  const pieces = [];
  if (stations.length > 1) pieces.push(choice("pick-station", word("station"), stations.map((s) => [s.id, named(s.name)]), station.id, (id) => app.station(id)));
  if (profiles && station.profiles.length > 1) {
    const options = station.profiles.map((p) => [p.id, profileName(p.id)]);
    pieces.push(choice("pick-profile", word("profile"), [...options, [BOTH, word("both")]], state.profile, (profile) => app.set({ profile }, true)));
  }
  if (panels.some(has)) pieces.push(choice("pick-variable", word("variable"), names, state.variable, (variable) => app.set({ variable }, true)));
  if (has("second")) pieces.push(choice("pick-second", word("second"), [["", word("none")], ...all.map((v) => [v, named(variables[v].name)])], state.second, (v) => app.set({ second: v || null }, true)));
  const own = state.from !== null;
  const spans = Object.keys(SPANS).map((s) => [s, word(s)]);
  pieces.push(choice("pick-span", word("span"), own ? [["own", word("own")], ...spans] : spans, own ? "own" : state.span, (span) => {
    if (span !== "own") app.set({ span, from: null, to: null }, true);
  }));
  pieces.push(html("span", { className: "together", role: "group", "aria-label": word("span") },
    glyph("earlier", "◀", word("earlier"), () => panBy(-0.5)), glyph("later", "▶", word("later"), () => panBy(0.5)),
    glyph("closer", "+", word("closer"), () => zoomBy(0.5)), glyph("wider", "−", word("wider"), () => zoomBy(2))));
  const back = button(word("back"), () => backToNow(), { id: "back" });
  back.disabled = state.t === null && !own;
  pieces.push(back);
  if (panels.some(has)) {
    if (canLog(variables[state.variable])) pieces.push(toggle("log-scale", word("log"), state.log, () => app.set({ log: !state.log })));
    if (DEEP.some(has) && variables[state.variable]?.has_depth) pieces.push(toggle("interpolate", word("interpolate"), state.interpolate, () => app.set({ interpolate: !state.interpolate })));
    pieces.push(toggle("flagged", word("flagged"), state.flagged, () => app.set({ flagged: !state.flagged })));
    if (["heat", "series"].some(has)) pieces.push(toggle("events", word("happened"), state.events, () => app.set({ events: !state.events }, true)));
  }
  const page = [toggle("utc", word("utc"), state.utc, () => app.set({ utc: !state.utc })),
    button(word("language"), () => app.set({ lang: state.lang === "zh" ? "en" : "zh" }, true), { id: "language", lang: state.lang === "zh" ? "en" : "zh-Hans" }),
    button(word(state.projector ? "leave" : "full"), () => app.projector(!state.projector), { id: "full" }), menu(app)];
  $("view-summary").textContent = [state.profile === BOTH ? word("both") : profileName(state.profile), named(variables[state.variable]?.name), word(own ? "own" : state.span)].join(" · ");
  $("controls").setAttribute("aria-label", word("view"));
  $("controls").replaceChildren(...pieces);
  $("page").replaceChildren(...page);
  drawScreens(app);
  drawKey();
  if (focused && document.activeElement?.id !== focused) $(focused)?.focus();
}

// Only what pointing changes: the rest of the controls keeps its place and its focus.
export function refreshBack() {
  const back = $("back");
  if (back) back.disabled = state.t === null && state.from === null;
  const own = state.from !== null;
  if ($("pick-span") && own !== ($("pick-span").value === "own")) return true;
  return false;
}

function drawScreens(app) {
  $("screens").setAttribute("aria-label", word("screens"));
  $("screens").replaceChildren(...store.screens.map((screen) => {
    const on = screen.id === state.screen;
    return button(named(screen.title), () => app.screen(screen.id), { id: `screen-${screen.id}`, "aria-current": on ? "page" : "false" });
  }));
}

function drawKey() {
  const marks = [1, 2, 3, 4, 9].map((flag) => `${MARKS[flag]} ${word(flag)}`);
  const happened = LOOKS.map((look) => `${look.sign} ${word(look.word)}`);
  $("key").replaceChildren(html("p", { className: "marks" }, ...[word("marks"), ...marks, ...happened].map((words) => html("span", {}, words))), html("p", {}, word("hint")));
}
