// What is looked at: kept in the address of the page, so that a link opens the same view.

export const DAY = 86400e3;
export const SPANS = { day: 1, days3: 3, week: 7, fortnight: 14, month: 30, all: null };
export const BOTH = "*";

const TEXTS = ["station", "screen", "profile", "variable", "second", "span", "lang", "theme"];
const SWITCHES = ["log", "interpolate", "flagged", "utc", "projector"];
const SET_BY_SCREENS = ["log", "interpolate"]; // off is told too: else the screen would turn them on again
const NUMBERS = ["t", "depth", "from", "to"];
const TIMES = ["t", "from", "to"];
const [EARLIEST, LATEST] = [Date.UTC(1900, 0), Date.UTC(2200, 0)]; // a link with other times is a slip

export const state = {
  station: null, screen: null, profile: null, variable: null, second: null, span: null, lang: null, theme: "auto",
  log: false, interpolate: false, flagged: false, utc: false, projector: false, events: true,
  t: null, depth: null, from: null, to: null,
  pinned: false, // a click holds the moment
  held: null, // and the depth, where pointing comes back to
};

// Names that the address gave: a screen does not overrule them.
export function readAddress() {
  const asked = new URLSearchParams(location.hash.slice(1));
  for (const name of TEXTS) state[name] = asked.get(name) || null;
  for (const name of SWITCHES) state[name] = asked.get(name) === "1";
  state.events = asked.get("events") !== "0";
  for (const name of NUMBERS) {
    const found = asked.has(name) && asked.get(name) !== "" ? Number(asked.get(name)) : null;
    state[name] = Number.isFinite(found) && !(TIMES.includes(name) && (found < EARLIEST || found > LATEST)) ? found : null;
  }
  if (state.from === null || state.to === null || !(state.to > state.from)) state.from = state.to = null;
  if (!(state.span in SPANS)) state.span = null;
  if (!["light", "dark"].includes(state.theme)) state.theme = "auto";
  state.lang = state.lang === "zh" || (state.lang === null && navigator.language.startsWith("zh")) ? "zh" : "en";
  state.pinned = state.t !== null;
  state.held = state.depth;
  return new Set(asked.keys());
}

function hash(values) {
  const kept = new URLSearchParams();
  for (const name of TEXTS) if (values[name] !== null && !(name === "theme" && values.theme === "auto")) kept.set(name, values[name]);
  if (values.second === null) kept.set("second", "none");
  for (const name of SWITCHES) if (values[name] || SET_BY_SCREENS.includes(name)) kept.set(name, values[name] ? "1" : "0");
  if (!values.events) kept.set("events", "0");
  for (const name of NUMBERS) if (values[name] !== null) kept.set(name, values[name]);
  return `#${kept}`;
}

export const remember = () => history.replaceState(null, "", hash({ ...state, ...(state.pinned ? {} : { t: null }), depth: state.held }));

// A link to exactly this stretch of time, also tomorrow.
export const link = ([from, to]) => location.href.split("#")[0] + hash({ ...state, from: Math.round(from), to: Math.round(to), depth: state.held, projector: false });
