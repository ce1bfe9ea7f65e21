// Small helpers for SVG and canvas.

export const MARGIN = { top: 18, bottom: 24, left: 52, right: 12 };

export function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  for (const child of children) node.append(child);
  return node;
}

export function replaceSvg(holder, width, height, title, children) {
  const root = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": title });
  root.append(...children);
  holder.replaceChildren(root);
}

export function size(holder) {
  return [Math.max(120, holder.clientWidth), Math.max(100, holder.clientHeight)];
}

export function canvas(holder, label) {
  let node = holder.querySelector("canvas");
  if (!node) {
    node = document.createElement("canvas");
    node.tabIndex = 0;
    holder.replaceChildren(node);
  }
  node.setAttribute("role", "img");
  node.setAttribute("aria-label", label);
  const [width, height] = size(holder);
  const ratio = window.devicePixelRatio || 1;
  if (node.width !== Math.round(width * ratio) || node.height !== Math.round(height * ratio)) {
    node.width = Math.round(width * ratio);
    node.height = Math.round(height * ratio);
  }
  const context = node.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  context.font = "12px system-ui, 'Noto Sans', 'Noto Sans CJK SC', 'Microsoft YaHei', sans-serif";
  return { node, context, width, height };
}

export function empty(holder, text) {
  const node = document.createElement("div");
  node.className = "empty";
  node.textContent = text;
  holder.replaceChildren(node);
}

export const ink = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export function depthText(metres) {
  return Math.abs(metres) < 1 ? `${Number((metres * 100).toFixed(1))} cm`.replace("-", "−") : `${Number(metres.toFixed(2))} m`.replace("-", "−");
}

export const isDark = () => {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : window.matchMedia("(prefers-color-scheme: dark)").matches;
};
