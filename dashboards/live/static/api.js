// The page's data path: documented HTTP API, server-sent events with resume. Addresses are relative, so any path before them works.

const MOST_SERIES = 64;

function address(path, parameters = {}) {
  const query = new URLSearchParams(Object.entries(parameters).filter(([, v]) => v !== null && v !== undefined));
  return `api/v1/${path}?${query}`;
}

async function ask(path, parameters) {
  const answer = await fetch(address(path, parameters), { headers: { accept: "application/json" } });
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

// Follows the station's observations; the browser sends the last event id again when it comes back.
export function follow(station, { onRows, onState }) {
  const source = new EventSource(address("stream", { station }));
  source.addEventListener("open", () => onState("live"));
  source.addEventListener("error", () => onState("away"));
  source.addEventListener("observations", (event) => onRows(JSON.parse(event.data)));
  source.addEventListener("now", (event) => onRows(JSON.parse(event.data)));
  return () => source.close();
}
