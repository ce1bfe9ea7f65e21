// The page's data path: documented HTTP API, server-sent events with resume.

async function get(path, parameters = {}) {
  const query = new URLSearchParams(Object.entries(parameters).filter(([, v]) => v !== null && v !== undefined));
  const answer = await fetch(`api/v1/${path}?${query}`, { headers: { accept: "application/json" } });
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(body.error ?? `${answer.status}`);
  return body;
}

export const stations = () => get("stations");
export const latest = (station) => get("latest", { station });
export const series = (station, keys, from, to, points) => get("series", { station, series: keys.join(","), from, to, points });
export const raster = (station, profile, variable, from, to, columns) =>
  get("raster", { station, profile, variable, from, to, columns });

// Follows the station's observations; the browser sends the last event id again when it comes back.
export function follow(station, { onRows, onState }) {
  const source = new EventSource(`api/v1/stream?${new URLSearchParams({ station })}`);
  source.addEventListener("open", () => onState("live"));
  source.addEventListener("error", () => onState("away"));
  source.addEventListener("observations", (event) => onRows(JSON.parse(event.data)));
  source.addEventListener("now", (event) => onRows(JSON.parse(event.data)));
  return () => source.close();
}
