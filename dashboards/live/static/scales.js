// Axes and colours. Colour maps run evenly in lightness (OKLab), so that they read in grey and to colour-blind eyes.

export function linear(d0, d1, r0, r1) {
  const k = d1 === d0 ? 0 : (r1 - r0) / (d1 - d0);
  const f = (x) => r0 + (x - d0) * k;
  f.invert = (y) => (k === 0 ? d0 : d0 + (y - r0) / k);
  f.domain = [d0, d1];
  f.range = [r0, r1];
  return f;
}

export function value(d0, d1, r0, r1, log) {
  if (!log) return linear(d0, d1, r0, r1);
  const low = Math.max(d0, 1e-6);
  const inner = linear(Math.log(low), Math.log(Math.max(d1, low * 1.0001)), r0, r1);
  const f = (x) => inner(Math.log(Math.max(x, 1e-6)));
  f.invert = (y) => Math.exp(inner.invert(y));
  f.domain = [low, d1];
  f.range = [r0, r1];
  return f;
}

export function ticks(low, high, count = 5) {
  if (!(high > low)) return [low];
  const raw = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= raw) ?? raw;
  const out = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) out.push(Number((i * step).toPrecision(12)));
  return out;
}

export function logTicks(low, high) {
  const out = [];
  for (let p = Math.floor(Math.log10(low)); 10 ** p <= high; p++)
    for (const m of [1, 2, 5]) if (m * 10 ** p >= low && m * 10 ** p <= high) out.push(m * 10 ** p);
  return out.length > 1 ? out : ticks(low, high);
}

const HOUR = 3600e3;
const clocks = new Map();

// What the local clock is ahead of UTC at a moment [ms].
function offset(ms, zone) {
  if (!clocks.has(zone)) clocks.set(zone, new Intl.DateTimeFormat("en-GB", {
    timeZone: zone, hourCycle: "h23", year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric",
  }));
  const parts = clocks.get(zone).formatToParts(ms);
  const get = (type) => Number(parts.find((p) => p.type === type).value);
  return Date.UTC(get("year"), get("month") - 1, get("day"), get("hour"), get("minute")) - Math.floor(ms / 60e3) * 60e3;
}

function utc(local, zone) {
  const near = local - offset(local, zone);
  return local - offset(near, zone);
}

// Round local times, on both sides of a change of the clock; months where days would be too many.
export function timeTicks(t0, t1, zone, width) {
  const wanted = (t1 - t0) / Math.max(2, width / 76);
  const step = [0.25, 0.5, 1, 2, 3, 6, 12, 24, 48, 96, 168, 336].map((h) => h * HOUR).find((s) => s >= wanted);
  const [first, last] = [t0 + offset(t0, zone), t1 + offset(t1, zone)];
  const out = [];
  if (step) {
    for (let local = Math.ceil(first / step) * step; local <= last; local += step) out.push(utc(local, zone));
    return { at: out, parts: step >= 24 * HOUR ? "day" : "both" };
  }
  const months = [1, 2, 3, 6, 12, 24, 60, 120].find((m) => m * 30 * 24 * HOUR >= wanted) ?? 240;
  const start = new Date(first);
  for (let k = Math.ceil((start.getUTCFullYear() * 12 + start.getUTCMonth() + 0.01) / months) * months; ; k += months) {
    const local = Date.UTC(Math.floor(k / 12), k % 12, 1);
    if (local > last) return { at: out, parts: "month" };
    out.push(utc(local, zone));
  }
}

const STOPS = {
  co2: [[0.28, 0.08, 295], [0.42, 0.14, 330], [0.58, 0.17, 20], [0.75, 0.15, 60], [0.93, 0.1, 100]],
  heat: [[0.3, 0.1, 265], [0.47, 0.1, 230], [0.63, 0.1, 190], [0.78, 0.13, 110], [0.92, 0.13, 95]],
  water: [[0.93, 0.04, 90], [0.78, 0.08, 180], [0.6, 0.11, 225], [0.44, 0.12, 255], [0.28, 0.1, 280]],
  salt: [[0.94, 0.03, 340], [0.78, 0.09, 345], [0.62, 0.13, 335], [0.46, 0.14, 320], [0.3, 0.11, 305]],
};
const MAP_OF = { co2: "co2", co2_flux: "co2", soil_temperature: "heat", air_temperature: "heat", soil_water: "water", rain: "water", air_humidity: "water" };

function rgb([l, c, h]) {
  const a = c * Math.cos((h * Math.PI) / 180);
  const b = c * Math.sin((h * Math.PI) / 180);
  const L = (l + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const M = (l - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const S = (l - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    4.0767416621 * L - 3.3077115913 * M + 0.2309699292 * S,
    -1.2684380046 * L + 2.6097574011 * M - 0.3413193965 * S,
    -0.0041960863 * L - 0.7034186147 * M + 1.707614701 * S,
  ].map((x) => Math.round(255 * Math.min(1, Math.max(0, x <= 0.0031308 ? 12.92 * x : 1.055 * x ** (1 / 2.4) - 0.055))));
}

const tables = new Map();

export function colourTable(variable) {
  const name = MAP_OF[variable] ?? "salt";
  if (!tables.has(name)) {
    const stops = STOPS[name];
    tables.set(name, Array.from({ length: 256 }, (_, i) => {
      const x = (i / 255) * (stops.length - 1);
      const k = Math.min(stops.length - 2, Math.floor(x));
      const f = x - k;
      const turn = ((stops[k + 1][2] - stops[k][2] + 540) % 360) - 180;
      return rgb([0, 1].map((j) => stops[k][j] + f * (stops[k + 1][j] - stops[k][j])).concat(stops[k][2] + f * turn));
    }));
  }
  return tables.get(name);
}

export function colour(variable, fraction) {
  const [r, g, b] = colourTable(variable)[Math.max(0, Math.min(255, Math.round(fraction * 255)))];
  return `rgb(${r} ${g} ${b})`;
}

// Lines by depth: lightness falls with depth, hue turns, dashes tell them apart without colour.
export function lineStyle(index, count, dark) {
  const f = count < 2 ? 0 : index / (count - 1);
  const [r, g, b] = rgb([dark ? 0.86 - 0.24 * f : 0.62 - 0.28 * f, 0.13, 60 + 220 * f]);
  return { stroke: `rgb(${r} ${g} ${b})`, dash: [[], [7, 3], [2, 3], [9, 3, 2, 3]][index % 4] };
}
