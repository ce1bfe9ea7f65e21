// Pointing, dragging, pinching, keys: every panel moves the same time and the same depth.

import { SIZE } from "./draw.js";
import { DAY, remember, state } from "./state.js";
import { load, periodOf, profilesShown, range, seriesOf, store } from "./store.js";
import { nearest } from "./model.js";

const LEAST = 3600e3;
let redraw = () => {};
let reloadTimer = null;
export let drawn = {};

export function onMove(call) {
  redraw = call;
}

export function drew(parts) {
  drawn = parts;
  for (const [id, part] of Object.entries(parts)) if (part) listen(id, part.node);
}

export function zoomTo(from, to) {
  const middle = (from + to) / 2;
  const half = Math.max(LEAST, Math.min(to - from, 3650 * DAY)) / 2;
  state.from = Math.round(middle - half);
  state.to = Math.round(middle + half);
  redraw();
  clearTimeout(reloadTimer);
  reloadTimer = setTimeout(() => { remember(); load(); }, 200);
}

export function zoomBy(factor, at = null) {
  const [t0, t1] = range();
  const centre = at ?? state.t ?? (state.from === null ? t1 : (t0 + t1) / 2);
  zoomTo(centre - (centre - t0) * factor, centre + (t1 - centre) * factor);
}

export function panBy(share) {
  const [t0, t1] = range();
  zoomTo(t0 + share * (t1 - t0), t1 + share * (t1 - t0));
}

export function backToNow(whole = true) {
  state.t = null;
  state.pinned = false;
  if (whole && state.from !== null) {
    state.from = state.to = null;
    load();
  }
  remember();
  redraw();
}

function pick(part, event) {
  const box = part.node.getBoundingClientRect();
  const [px, py] = [event.clientX - box.left, event.clientY - box.top];
  if (part.y && py > SIZE.top - 6 && py < box.height - SIZE.bottom + 6) {
    const list = part.profile(px).list;
    const depth = part.y.invert(py);
    if (list.length) state.depth = list.reduce((best, s) => (Math.abs(s.depth_m - depth) < Math.abs(best.depth_m - depth) ? s : best)).depth_m;
  }
  if (!part.x || px < SIZE.left - 4 || px > box.width - SIZE.right + 4) return;
  const [t0, t1] = range();
  state.t = Math.round(Math.min(t1, Math.max(t0, part.x.invert(px))));
  if (part.lines) {
    let best = null;
    for (const { s } of part.lines) {
      const data = store.data.get(s.series);
      const i = data ? nearest(data.t, state.t) : -1;
      if (i < 0 || data.v[i] === null || s.depth_m === null) continue;
      const away = Math.abs(part.value(data.v[i]) - py);
      if (away < 24 && (!best || away < best.away)) best = { away, depth: s.depth_m };
    }
    if (best) state.depth = best.depth;
  }
}

const heard = new WeakSet();

function listen(id, node) {
  if (heard.has(node)) return;
  heard.add(node);
  const part = () => (drawn[id]?.node === node ? drawn[id] : null);
  const touches = new Map();
  let drag = null;
  let pinch = null;
  const timed = () => Boolean(part()?.x);
  node.addEventListener("pointerdown", (event) => {
    touches.set(event.pointerId, event.clientX);
    if (touches.size === 2 && timed()) pinch = { apart: spread(touches), range: range(), at: part().x.invert(middle(touches) - node.getBoundingClientRect().left) };
    drag = { x: event.clientX, range: range(), moved: false };
    if (part()) pick(part(), event);
    redraw();
  });
  node.addEventListener("pointermove", (event) => {
    if (touches.has(event.pointerId)) touches.set(event.pointerId, event.clientX);
    if (pinch && touches.size === 2) {
      const factor = pinch.apart / Math.max(10, spread(touches));
      const [t0, t1] = pinch.range;
      return zoomTo(pinch.at - (pinch.at - t0) * factor, pinch.at + (t1 - pinch.at) * factor);
    }
    if (timed() && drag && event.buttons && event.pointerType === "mouse" && (drag.moved || Math.abs(event.clientX - drag.x) > 4)) {
      drag.moved = true;
      const shift = ((drag.x - event.clientX) / (node.clientWidth - SIZE.left - SIZE.right)) * (drag.range[1] - drag.range[0]);
      return zoomTo(drag.range[0] + shift, drag.range[1] + shift);
    }
    if (part() && !(state.pinned && event.pointerType === "mouse" && !event.buttons)) pick(part(), event);
    redraw();
  });
  const end = (event) => {
    touches.delete(event.pointerId);
    if (touches.size < 2) pinch = null;
  };
  node.addEventListener("pointerup", (event) => {
    // A click holds the moment; another one lets it go.
    if (drag && !drag.moved && !pinch) {
      if (timed()) state.pinned = event.pointerType === "mouse" ? !state.pinned : true;
      state.held = state.depth;
    }
    drag = null;
    end(event);
    remember();
    redraw();
  });
  node.addEventListener("pointercancel", end);
  node.addEventListener("pointerleave", (event) => {
    end(event);
    drag = null;
    if (!state.pinned) state.t = null;
    state.depth = state.held;
    redraw();
  });
  node.addEventListener("wheel", (event) => {
    if (!timed() || (!event.ctrlKey && !event.shiftKey)) return;
    event.preventDefault();
    const at = part().x.invert(event.clientX - node.getBoundingClientRect().left);
    zoomBy((event.deltaY || event.deltaX) > 0 ? 1.25 : 0.8, at);
  }, { passive: false });
  node.addEventListener("dblclick", () => backToNow());
  node.addEventListener("keydown", (event) => { if (key(event)) event.preventDefault(); });
}

const spread = (touches) => { const [a, b] = touches.values(); return Math.abs(a - b); };
const middle = (touches) => { const [a, b] = touches.values(); return (a + b) / 2; };

function key(event) {
  if (event.altKey || event.metaKey || (event.ctrlKey && !["+", "-"].includes(event.key))) return false;
  const [t0, t1] = range();
  const series = profilesShown().flatMap((p) => seriesOf(state.variable, p));
  const depths = [...new Set(series.map((s) => s.depth_m).filter((d) => d !== null))].sort((a, b) => a - b);
  const step = Math.max(60e3, Math.min(...series.map(periodOf), DAY)) * (event.shiftKey ? 0 : 1) || DAY;
  const now = state.t ?? Math.min(t1, store.now);
  const move = (by) => { state.t = Math.max(t0, Math.min(t1, now + by)); state.pinned = true; };
  const sink = (by) => {
    const i = depths.indexOf(state.depth);
    state.depth = depths[Math.max(0, Math.min(depths.length - 1, i < 0 ? 0 : i + by))] ?? null;
    state.held = state.depth;
  };
  const keys = {
    ArrowLeft: () => move(-step), ArrowRight: () => move(step), ArrowDown: () => sink(1), ArrowUp: () => sink(-1),
    Home: () => move(-Infinity), End: () => move(Infinity), PageUp: () => panBy(-0.5), PageDown: () => panBy(0.5),
    "+": () => zoomBy(0.8), "=": () => zoomBy(0.8), "-": () => zoomBy(1.25),
    Escape: () => { state.depth = state.held = null; backToNow(); },
  };
  if (!keys[event.key]) return false;
  keys[event.key]();
  remember();
  redraw();
  return true;
}
