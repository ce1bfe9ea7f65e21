// What the panels of one variable share: profiles, scales, moment, and the reason when there is nothing to draw.

import { named, when, word } from "./i18n.js";
import { depthRange, flagged, valueRange } from "./model.js";
import { value as valueScale } from "./scales.js";
import { DAY, state } from "./state.js";
import { newestOf, periodOf, profilesShown, range, seriesOf, seriesShown, store, zone } from "./store.js";

// The probe of a list nearest to the depth that is pointed at.
function nearestTo(list, depth) {
  if (depth === null || !list.length) return null;
  return list.reduce((best, s) => (Math.abs(s.depth_m - depth) < Math.abs(best.depth_m - depth) ? s : best)).series;
}

const whole = (ranges) => (ranges.length ? [Math.min(...ranges.map((r) => r[0])), Math.max(...ranges.map((r) => r[1]))] : null);

// A logarithm is for what has a true zero: not for temperatures.
export const canLog = (variable) => variable?.unit !== "degC";

// Whether the newest value of a series can stand for now.
const live = (list, newest) => newest !== null && store.now - newest < Math.max(90e3, 3 * Math.max(0, ...list.map(periodOf)));

export function profileName(id) {
  return named(store.station.profiles.find((p) => p.id === id)?.name) || id;
}

export function frameOf(name, { show, unflag }) {
  const variable = store.variables[name];
  const [t0, t1] = range();
  const series = seriesShown(name);
  const views = profilesShown().map((profile) => {
    const own = seriesOf(name, profile);
    const list = variable.has_depth ? own.filter((s) => s.depth_m !== null) : [];
    return { profile, name: profileName(profile), list, placeless: variable.has_depth ? own.filter((s) => s.depth_m === null) : [], picked: nearestTo(list, state.depth) };
  });
  const log = state.log && name === state.variable && canLog(variable);
  const inside = [];
  const placed = []; // values that have a place in depth: the colours are theirs
  let anyFlagged = false;
  for (const s of series) {
    const data = store.data.get(s.series);
    if (!data) continue;
    inside.push(data.v.filter((v, i) => {
      if (v === null || data.t[i] < t0 || data.t[i] > t1) return false;
      if (!flagged(data.f[i])) return true;
      anyFlagged = true;
      return state.flagged;
    }));
    if (s.depth_m !== null) placed.push(inside.at(-1));
  }
  const found = valueRange(inside, log);
  const exact = valueRange(placed, log, false);
  const newest = newestOf(series);
  const frame = {
    variable, views, series, t0, t1, log, anyFlagged, range: found, zone: zone(),
    t: state.t ?? Math.min(t1, live(series, newest) ? newest : store.now),
    scale: exact && valueScale(exact[0], exact[1], 0, 1, log),
    depths: whole(views.map((view) => depthRange(view.list)).filter(Boolean)),
    picked: new Set(views.map((view) => view.picked).filter(Boolean)),
    title: `${named(variable.name)} (${variable.unit_text})`,
    why: null, action: null,
    unflag: { words: word("showflagged"), press: unflag },
  };
  if (!series.length) frame.why = word(store.station.series.some((s) => s.last_ms !== null) || store.newest.size ? "nomeasure" : "nodata");
  else if (!store.loaded) frame.why = word("loading");
  else if (anyFlagged && !found) [frame.why, frame.action] = [word("allflagged"), frame.unflag];
  else if (!found && newest !== null && (newest < t0 || newest > t1)) {
    frame.why = word("nothere") + when(newest, frame.zone);
    frame.action = { words: word("show"), press: () => show(newest - DAY, newest + DAY / 8) };
  } else if (!found) frame.why = word(newest === null ? "nodata" : "novalue");
  if (!frame.depths && !frame.why) frame.why = word(variable.has_depth ? "nodepth" : "nodepths");
  return frame;
}
