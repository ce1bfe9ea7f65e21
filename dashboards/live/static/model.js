// What the panels draw from: series in memory, values at a moment, rows of depth.

export function nearest(times, t) {
  let low = 0;
  let high = times.length - 1;
  if (high < 0) return -1;
  while (low < high) {
    const mid = (low + high) >> 1;
    if (times[mid] < t) low = mid + 1;
    else high = mid;
  }
  if (low > 0 && t - times[low - 1] <= times[low] - t) low -= 1;
  return low;
}

export const flagged = (flag) => flag === 3 || flag === 4 || flag === 9;

// The value of a series at a moment: the nearest one within one and a half periods.
export function valueAt(data, t, period) {
  if (!data || !data.t.length) return null;
  const i = nearest(data.t, t);
  if (Math.abs(data.t[i] - t) > 1.5 * period) return null;
  return { t: data.t[i], v: data.v[i], f: data.f[i] };
}

// The usual step of a series: the middle one of its newest.
export function spacing(data) {
  if (!data || data.t.length < 3) return null;
  const newest = data.t.slice(-32);
  const steps = newest.slice(1).map((t, i) => t - newest[i]).sort((a, b) => a - b);
  return steps[steps.length >> 1];
}

// Merge rows that arrived into a series: late ones find their place, changed ones replace.
export function merge(data, row) {
  const n = data.t.length;
  if (n === 0 || row.t > data.t[n - 1]) {
    data.t.push(row.t);
    data.v.push(row.v);
    data.f.push(row.f);
    return;
  }
  let i = nearest(data.t, row.t);
  if (data.t[i] !== row.t) {
    if (data.t[i] < row.t) i += 1;
    data.t.splice(i, 0, row.t);
    data.v.splice(i, 0, row.v);
    data.f.splice(i, 0, row.f);
  } else {
    data.v[i] = row.v;
    data.f[i] = row.f;
  }
}

export function drop(data, before) {
  const i = data.t.findIndex((t) => t >= before);
  if (i > 0) for (const list of [data.t, data.v, data.f]) list.splice(0, i);
}

// Bands of depth, one a probe, from midway to the neighbour above to midway to the one below. Probes at one depth share
// its band: `part` of `parts`.
export function bands(list) {
  const depths = [...new Set(list.map((s) => s.depth_m))].sort((a, b) => a - b);
  const edges = new Map(depths.map((d, i) => {
    const up = i > 0 ? (depths[i - 1] + d) / 2 : null;
    const down = i < depths.length - 1 ? (depths[i + 1] + d) / 2 : null;
    const half = Math.max(0.005, Math.min(up === null ? Infinity : d - up, down === null ? Infinity : down - d));
    const reach = Number.isFinite(half) ? half : 0.02;
    const above = up ?? d - reach;
    return [d, [d >= 0 ? Math.max(0, above) : above, down ?? d + reach]]; // soil ends at the surface
  }));
  return list.map((s, i) => {
    const [top, bottom] = edges.get(s.depth_m);
    const same = list.filter((other) => other.depth_m === s.depth_m).length;
    const part = list.slice(0, i).filter((other) => other.depth_m === s.depth_m).length;
    return { top, bottom, part, parts: same };
  });
}

// Values by depth, from above: probes at one depth as the mean of those that have one; null where none has.
export function levels(points) {
  const found = new Map();
  for (const { d, v } of points) found.set(d, [...(found.get(d) ?? []), ...(v === null ? [] : [v])]);
  return [...found].sort(([a], [b]) => a - b).map(([d, v]) => ({ d, v: v.length ? v.reduce((a, b) => a + b) / v.length : null }));
}

// Neighbours in depth with a straight line between them: both have a value, and no surface parts them, for soil and air
// are two media.
export function neighbours(found) {
  return found.slice(1).map((below, i) => [found[i], below]).filter(([a, b]) => a.v !== null && b.v !== null && !(a.d < 0 && b.d > 0));
}

// The value at a depth between two neighbours.
export const inside = ([a, b], d) => a.v + ((b.v - a.v) * (d - a.d)) / (b.d - a.d);

// One depth axis for column, curve and heat map.
export function depthRange(list) {
  if (!list.length) return null;
  const edges = bands(list).flatMap((band) => [band.top, band.bottom]);
  const low = Math.min(0, ...edges);
  const high = Math.max(0.05, ...edges);
  return [low - 0.02 * (high - low), high + 0.05 * (high - low)];
}

// Least and greatest value, with a little room around them where `room` is asked for.
export function valueRange(lists, log, room = true) {
  let low = Infinity;
  let high = -Infinity;
  for (const list of lists)
    for (const v of list)
      if (v !== null && Number.isFinite(v) && (!log || v > 0)) {
        if (v < low) low = v;
        if (v > high) high = v;
      }
  if (low > high) return null;
  if (low === high) {
    const pad = Math.abs(low) * 0.05 || 1;
    return [low - pad, high + pad];
  }
  const pad = log || !room ? 0 : (high - low) * 0.04;
  return [low - pad, high + pad];
}
