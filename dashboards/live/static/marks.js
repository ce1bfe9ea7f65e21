// What happened at the station, as marks on the time axis: a shape, a word where there is room, the text when pointed at.

import { SIZE, font, ink } from "./draw.js";
import { code, when } from "./i18n.js";
import { state } from "./state.js";
import { store } from "./store.js";

const TROUBLE = new Set(["config_fault", "device_silent", "device_fault", "port_gone", "broker_gone", "sink_denied", "sink_gone", "clock_untrusted", "clock_step", "part_failed", "quality_failed", "limit", "damage"]);
const PEOPLE = new Set(["config", "note", "flag", "flag_revoked", "reprocessed", "replayed", "imported", "import_undone", "import_redone", "decided", "decision_revoked", "parked_retried", "parked_dropped"]);
export const LOOKS = [{ sign: "▼", tone: "--bad", word: "trouble" }, { sign: "◆", tone: "--accent", word: "byhand" }, { sign: "■", tone: "--soft", word: "course" }];
const NEAR = 11;
const MOST_LINES = 5;

const rank = (kind) => (TROUBLE.has(kind) ? 0 : PEOPLE.has(kind) ? 1 : 2);

// Events of the span, oldest first; those that would stand on each other are one mark with the worst one's shape.
function groups(frame, x) {
  const out = [];
  const events = store.reports.log?.found ?? [];
  for (const event of [...events].reverse()) {
    if (event.t < frame.t0 || event.t > frame.t1) continue;
    const at = x(event.t);
    const last = out.at(-1);
    if (last && at - last.x < NEAR) last.events.push(event);
    else out.push({ x: at, events: [event] });
  }
  for (const group of out) group.worst = group.events.reduce((a, b) => (rank(b.kind) < rank(a.kind) ? b : a));
  return out;
}

const nameOf = ({ worst, events }) => code(worst.kind) + (events.length > 1 ? ` +${events.length - 1}` : "");

const sentence = (event, zone) => [when(event.t, zone), code(event.kind), event.subject, event.text].filter(Boolean).join(" · ");

// The mark at the moment looked at, if there is one.
function pointed(found, x) {
  if (state.t === null) return null;
  const near = found.filter((group) => Math.abs(group.x - x(state.t)) <= NEAR / 2 + 1);
  return near.sort((a, b) => Math.abs(a.x - x(state.t)) - Math.abs(b.x - x(state.t)))[0] ?? null;
}

// Draws the marks below a panel; what the one that is pointed at says is given back.
export function drawMarks(context, frame, x, width, height, told) {
  if (!state.events) return [];
  const found = groups(frame, x);
  const here = pointed(found, x);
  const base = height - SIZE.bottom + SIZE.text + 3;
  found.forEach((group, i) => {
    const look = LOOKS[rank(group.worst.kind)];
    context.fillStyle = ink(look.tone);
    context.textAlign = "center";
    context.fillText(look.sign, group.x, base);
    const words = nameOf(group);
    const left = group.x + NEAR / 2 + 3;
    context.textAlign = "left";
    if (left + context.measureText(words).width < Math.min(width - 2, (found[i + 1]?.x ?? Infinity) - NEAR)) context.fillText(words, left, base);
  });
  if (!here) return [];
  const lines = here.events.slice(0, MOST_LINES).map((event) => sentence(event, frame.zone));
  if (here.events.length > MOST_LINES) lines[MOST_LINES - 1] = `+${here.events.length - MOST_LINES + 1}`;
  if (told) box(context, here.x, lines, width, height);
  return lines;
}

// The text of a mark in a frame above it; what is too long is cut with an ellipsis.
function box(context, at, lines, width, height) {
  const most = width - SIZE.left - SIZE.right - 16;
  const short = lines.map((line) => {
    if (context.measureText(line).width <= most) return line;
    let keep = line.length;
    while (keep > 1 && context.measureText(`${line.slice(0, keep)}…`).width > most) keep = Math.floor(keep * 0.95);
    return `${line.slice(0, keep)}…`;
  });
  const step = SIZE.text * 1.4;
  const wide = Math.max(...short.map((line) => context.measureText(line).width)) + 16;
  const tall = short.length * step + 8;
  const left = Math.max(SIZE.left, Math.min(width - SIZE.right - wide, at - wide / 2));
  const top = height - SIZE.bottom - tall - 4;
  context.strokeStyle = ink("--ink");
  context.lineWidth = 1;
  context.fillStyle = ink("--panel");
  context.fillRect(left, top, wide, tall);
  context.strokeRect(Math.round(left) + 0.5, Math.round(top) + 0.5, Math.round(wide), Math.round(tall));
  context.fillStyle = ink("--ink");
  context.textAlign = "left";
  context.font = font();
  short.forEach((line, i) => context.fillText(line, left + 8, top + 4 + step * (i + 0.75)));
}
