// The page's data path: documented HTTP API, server-sent events with resume. Addresses are relative, so any path before them works.

import { language, word } from "./i18n.js";

const MOST_SERIES = 64;

function address(path, parameters = {}) {
  const query = new URLSearchParams(Object.entries(parameters).filter(([, v]) => v !== null && v !== undefined));
  return `api/v1/${path}?${query}`;
}

async function ask(path, parameters) {
  const answer = await fetch(address(path, parameters), { headers: { accept: "application/json", "accept-language": language() } })
    .catch(() => { throw new Error(word("unreachable")); }); // the browser says it in words of its own
  if (answer.ok) return answer;
  const body = await answer.json().catch(() => ({}));
  throw new Error(body.error ?? `${answer.status}`);
}

const get = async (path, parameters) => (await ask(path, parameters)).json();

export const stations = () => get("stations");
export const latest = (station) => get("latest", { station });
export const raster = (station, profile, variable, from, to, columns) => get("raster", { station, profile, variable, from, to, columns });
export const quality = (station, from, to) => get("quality", { station, from, to });
export const instruments = (station) => get("instruments", { station });
export const results = (station) => get("results", { station });
export const events = (station, from, to) => get("events", { station, from, to, limit: 200 });
export const screens = (station) => get("screens", { station });
export const picture = (station, screen) => address("picture", { station, screen });

export async function series(station, keys, from, to, points) {
  const parts = [];
  for (let i = 0; i < keys.length; i += MOST_SERIES) parts.push(keys.slice(i, i + MOST_SERIES));
  const answers = await Promise.all(parts.map((part) => get("series", { station, series: part.join(","), from, to, points })));
  return { series: answers.flatMap((a) => a.series), source: answers[0]?.source, notice: answers.map((a) => a.notice).find(Boolean) ?? "" };
}

// The stored values as one tidy table, in as many questions as it takes.
export async function table(station, keys, from, to) {
  const texts = [];
  for (let i = 0; i < keys.length; i += MOST_SERIES) {
    const text = await (await ask("table", { station, series: keys.slice(i, i + MOST_SERIES).join(","), from, to })).text();
    texts.push(i ? text.slice(text.indexOf("\n") + 1) : text);
  }
  return texts.join("");
}

const QUIET_MS = 45e3; // the server gives a sign of life every 15 s
const AGAIN_MS = 3e3;

// Follows the station's observations. The browser itself comes back with the last event id where a connection broke off;
// one that was refused, or that fell silent while the machine slept, is opened again from that place.
export function follow(station, { onRows, onState }) {
  let [source, place, heard, again] = [null, null, 0, null];
  const open = () => {
    source?.close();
    again = null;
    heard = performance.now();
    source = new EventSource(address("stream", { station, since: place }));
    source.addEventListener("open", () => onState("live"));
    source.addEventListener("error", () => {
      onState("away");
      if (source.readyState === 2) again ??= setTimeout(open, AGAIN_MS);
    });
    for (const name of ["now", "observations"]) source.addEventListener(name, (event) => {
      heard = performance.now();
      place = event.lastEventId || place;
      onRows(JSON.parse(event.data));
    });
  };
  const watch = setInterval(() => {
    if (performance.now() - heard < QUIET_MS) return;
    onState("away");
    open();
  }, AGAIN_MS);
  open();
  return () => {
    clearInterval(watch);
    clearTimeout(again);
    source.close();
  };
}
