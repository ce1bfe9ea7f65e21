// What lies between probes, where it is asked for: at one moment, straight in the value from a probe to its neighbour in
// depth. Never in time, never above the first or below the last, never past a probe without a usable value or through the surface.

import { SIZE, font, ink, svg } from "./draw.js";
import { word } from "./i18n.js";
import { flagged, inside, levels, neighbours } from "./model.js";
import { colour, colourTable } from "./scales.js";
import { state } from "./state.js";

const STOPS = 12; // of a gradient: the map of colours bends, a logarithm too

export const DEEP = ["column", "heat"]; // the panels that show it

export const EDGED = 3; // marks that are lower stand without an edge, which would take their place [px]

export const usable = (v, f) => (v === null || v === undefined || flagged(f) ? null : v);

// How high the mark of a measured value stands [px].
export function markHeight(list, y) {
  const depths = [...new Set(list.map((s) => s.depth_m))].sort((a, b) => a - b);
  const gap = Math.min(Infinity, ...depths.slice(1).map((d, i) => y(d) - y(depths[i])));
  return Math.max(1.5, Math.min(SIZE.text / 2, gap / 3));
}

// The heat map's field: a pixel is a cell of the raster in time and a line of the screen in depth. `columns` says how many
// cells a value of a series stands for.
export function drawField(context, frame, list, raster, columns, x, y) {
  const rows = list.map((s) => raster.rows.find((row) => row.series === s.series));
  const [high, low] = [Math.min, Math.max].map((end) => y(end(...list.map((s) => s.depth_m))));
  const tall = Math.round(low - high);
  const first = Math.max(0, Math.floor((frame.t0 - raster.t0) / raster.step));
  const last = Math.min(Math.max(0, ...rows.map((row) => (row ? row.v.length : 0))), Math.ceil((frame.t1 - raster.t0) / raster.step));
  if (tall < 1 || last <= first) return;
  const at = (i, k) => {
    for (let j = k; rows[i] && j > k - columns[i] && j >= 0; j--) {
      if (rows[i].v[j] !== null && rows[i].v[j] !== undefined) return usable(rows[i].v[j], rows[i].f[j]);
    }
    return null;
  };
  const inks = Uint32Array.from(colourTable(frame.variable.id), ([r, g, b]) => new Uint32Array(new Uint8ClampedArray([r, g, b, 255]).buffer)[0]);
  const image = new ImageData(last - first, tall);
  const pixels = new Uint32Array(image.data.buffer);
  for (let k = first; k < last; k++) {
    for (const pair of neighbours(levels(list.map((s, i) => ({ d: s.depth_m, v: at(i, k) }))))) {
      const end = Math.min(tall, Math.round(y(pair[1].d) - high));
      for (let row = Math.max(0, Math.round(y(pair[0].d) - high)); row < end; row++) {
        const share = frame.scale(inside(pair, y.invert(high + row + 0.5)));
        pixels[row * image.width + k - first] = inks[Math.max(0, Math.min(255, Math.round(share * 255)))];
      }
    }
  }
  const sheet = document.createElement("canvas");
  Object.assign(sheet, { width: image.width, height: tall });
  sheet.getContext("2d").putImageData(image, 0, 0);
  context.imageSmoothingEnabled = false;
  const left = x(raster.t0 + first * raster.step);
  context.drawImage(sheet, left, high, x(raster.t0 + last * raster.step) - left, tall);
}

// The same at one moment, as rectangles of the soil column.
export function fieldParts(frame, points, id, x, width, y) {
  return neighbours(levels(points)).flatMap((pair, i) => {
    const stops = Array.from({ length: STOPS + 1 }, (_, k) => svg("stop", {
      offset: k / STOPS, "stop-color": colour(frame.variable.id, frame.scale(inside(pair, pair[0].d + (k / STOPS) * (pair[1].d - pair[0].d)))),
    }));
    const name = `${id}-${i}`;
    return [svg("linearGradient", { id: name, x1: 0, x2: 0, y1: 0, y2: 1 }, ...stops),
      svg("rect", { x, y: y(pair[0].d), width, height: y(pair[1].d) - y(pair[0].d), fill: `url(#${name})`, class: "between" })];
  });
}

export const label = () => (state.interpolate ? word("interpolated") : "");

// The label in its line below the legend.
export function drawLabel(context) {
  context.font = font("600");
  context.fillStyle = ink("--ink");
  context.textAlign = "left";
  context.fillText(label(), SIZE.left, SIZE.top - SIZE.text * 0.5);
  context.font = font();
}
