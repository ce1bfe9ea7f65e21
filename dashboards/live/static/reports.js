// Panels of words and numbers: newest values, completeness, instruments, results, log, picture.

import * as api from "./api.js";
import { SIZE, button, html, svg } from "./draw.js";
import { profileName } from "./frame.js";
import { MARKS, age, code, colon, comma, depthText, figure, joined, language, named, number, signed, tests, when, word } from "./i18n.js";
import { flagged } from "./model.js";
import { DAY, state } from "./state.js";
import { condition, has, overdue, pointAt, profilesShown, range, removed, store, visible, zone } from "./store.js";

const cell = (words, className = "", attributes = {}) => html("td", { className, ...attributes }, words);
const heads = (names) => html("thead", {}, html("tr", {}, ...names.map(([words, className]) => html("th", { scope: "col", className }, words))));

// Change only what is new: what is selected, focused or scrolled stays, and nothing is left for the browser to clear away.
const put = (holder, ...nodes) => align(holder, html("div", {}, ...nodes));

function align(old, fresh) {
  const wanted = [...fresh.childNodes];
  if (old.childNodes.length !== wanted.length) return old.replaceChildren(...wanted);
  wanted.forEach((node, i) => {
    const there = old.childNodes[i];
    if (there.isEqualNode(node)) return;
    if (there.nodeName !== node.nodeName) there.replaceWith(node);
    else if (node.nodeType === Node.TEXT_NODE) there.data = node.data;
    else {
      for (const { name } of [...there.attributes]) if (!node.hasAttribute(name)) there.removeAttribute(name);
      for (const { name, value } of node.attributes) if (there.getAttribute(name) !== value) there.setAttribute(name, value);
      align(there, node);
    }
  });
}

const say = (holder, words) => put(holder, html("p", { className: "none" }, words));

const quantity = (variable) => named(store.variables[variable]?.name) || variable;

// A series in words: quantity, depth, profile.
function seriesWords(name, withProfile = true) {
  const s = store.station.series.find((one) => one.series === name);
  const [profile, position, variable] = name.split("/");
  const depth = s && s.depth_m !== null ? `${depthText(s.depth_m)}${s.replicate ? ` ${s.replicate}` : ""}` : position;
  return [quantity(variable), depth, withProfile && profile !== "site" ? profileName(profile) : ""].filter(Boolean).join(" ");
}

const shownSeries = () => store.station.series.filter((s) => profilesShown().includes(s.profile) || s.profile === "site");

// What ails one place in the same way is one trouble; when all are silent it is the station, since the last one was heard.
function troubles(troubled, all) {
  if (troubled.length === all && all > 1 && troubled.every(({ how }) => how.word === "silent")) {
    const heard = ({ s }) => store.newest.get(s.series).t;
    return [{ list: [...troubled].sort((a, b) => heard(b) - heard(a)), where: word("allstation") }];
  }
  const groups = new Map();
  for (const one of troubled) {
    const { s, how, since } = one;
    const key = JSON.stringify([how.word, since, s.profile, s.depth_m ?? s.position, s.replicate]);
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  return [...groups.values()].map((list) => {
    const [{ s }] = list;
    const place = [placeOf(s), s.profile === "site" ? "" : profileName(s.profile)].filter(Boolean).join(" ");
    return { list, where: list.length === 1 ? seriesWords(s.series) : `${place} (${list.length} ${word("quantities_n")})` };
  });
}

// Silent, stuck and bad probes of the whole station, at once.
export function drawHealth(holder, pick) {
  const about = `${store.tick} ${language()} ${state.profile} ${state.projector}`;
  if (holder.dataset.about === about) return;
  holder.dataset.about = about;
  const all = store.station.series.filter((s) => !removed(s));
  const troubled = all.map((s) => ({ s, how: condition(s) })).filter(({ how }) => how.rank > 1).sort((a, b) => b.how.rank - a.how.rank);
  for (const one of troubled) one.since = one.how.word === "silent" ? ` ${age(store.now - store.newest.get(one.s.series).t)}` : "";
  const key = JSON.stringify([language(), state.profile, state.projector, all.length, troubled.map(({ s, how, since }) => [s.series, how.word, since])]);
  if (holder.dataset.kept === key) return;
  holder.dataset.kept = key;
  holder.hidden = !store.newest.size;
  if (!troubled.length) {
    holder.replaceChildren(html("span", { className: "well" }, `● ${all.length} ${word("series_n")}${colon()}${word("allwell")}`));
    return;
  }
  const most = state.projector ? 3 : 6;
  const groups = troubles(troubled, all.length);
  const chips = groups.slice(0, most).map(({ list, where }) => {
    const [{ s, how, since }] = list;
    const title = list.length > 1 ? list.map((one) => quantity(one.s.variable)).join(comma()) : null;
    return button(`${how.mark} ${word(how.word)}${since}${colon()}${where}`, () => pick(s), { class: `chip ${how.tone}`, title });
  });
  const rest = groups.slice(most).reduce((sum, { list }) => sum + list.length, 0);
  const fine = all.length - troubled.length;
  holder.replaceChildren(...chips, ...(rest > 0 ? [html("span", {}, `+${rest} ${word("others")}`)] : []), html("span", { className: "well" }, `${fine} / ${all.length} ${word("series_n")} ●`));
}

// Profiles in the order of the station file, the site last.
const shownAt = (profile) => (profilesShown().indexOf(profile) + 1 || 99);

const placeOf = (s) => (s.depth_m === null ? s.position || "–" : depthText(s.depth_m)) + (s.replicate ? ` ${s.replicate}` : "");

function qualityOf(s, found) {
  const how = condition(s);
  if (!found || how.word === "removed") return `○ ${word(how.word)}`;
  if (how.word === "silent") return `${how.mark} ${word(how.word)} ${age(store.now - found.t)}`;
  if (how.rank >= 4) return `${how.mark} ${word(how.word)}`;
  const failed = state.projector ? "" : tests(found.tests.replace(/^missing:?/, "")); // from afar the word alone
  return `${MARKS[found.flag]} ${word(found.flag)}${failed ? ` (${failed})` : ""}`;
}

function fullRow(s, registry, several) {
  const found = store.newest.get(s.series);
  const how = condition(s);
  const known = found && found.value !== null;
  const row = html("tr", { "data-series": s.series },
    cell((several && s.profile !== "site" ? `${s.profile} ` : "") + placeOf(s), "number"),
    cell(known ? number(found.value, registry.resolution) : word("novalue"), "number value"),
    cell(known && !flagged(found.flag) && found.yesterday !== null ? signed(found.value - found.yesterday, registry.resolution) : "–", "number soft"),
    cell(qualityOf(s, found), how.rank > 1 ? how.tone : ""),
    cell(found ? age(store.now - found.t) : "–", "number soft", found ? { title: when(found.t, zone()) } : {}));
  if (state.depth !== null && s.depth_m === state.depth) row.className = "on";
  return row;
}

// One line a variable: depth and value, with the state where it is not good.
function shortRow(list, registry, several) {
  const items = list.map((s) => {
    const found = store.newest.get(s.series);
    const how = condition(s);
    const known = found && found.value !== null;
    const good = known && found.flag === 1 && how.rank === 0;
    const since = found && how.word !== "silent" && (list.length === 1 || store.now - found.t > DAY / 24) ? html("em", { className: "why" }, ` ${age(store.now - found.t)}`) : null;
    return html("span", { "data-series": s.series, class: how.rank > 1 ? how.tone : null }, `${several && s.profile !== "site" ? `${s.profile} ` : ""}${placeOf(s)} `.replace("– ", ""),
      html("b", {}, known ? number(found.value, registry.resolution) : word("novalue")), good ? "" : known || how.rank > 1 ? ` ${qualityOf(s, found)}` : " ○", since);
  });
  return html("tr", {}, html("td", { className: "others", colspan: 5 }, ...items.flatMap((item) => [item, " "])));
}

const MOST_ROWS = 24; // of one quantity; more probes stand in short
const [ROW_PX, HEADS_PX] = [2, 8.9]; // of the table on a projector, in heights of its text; it has two thirds of the screen

// What is shown stands in full, one row a probe; the rest of the profile in short.
export function drawTable(holder, app) {
  const rows = shownSeries();
  if (!rows.length) return say(holder, word("nodata"));
  const several = profilesShown().length > 1;
  const present = [...new Set(rows.map((s) => s.variable))];
  const both = rows.filter((s) => s.variable === state.variable || s.variable === state.second).length;
  const room = ((window.innerHeight - document.getElementById("panels").offsetTop) * 2) / 3 / SIZE.text;
  const most = state.projector ? Math.min(MOST_ROWS, (room - HEADS_PX) / ROW_PX) : MOST_ROWS;
  const first = [state.variable, has("second") && (!state.projector || both <= most) ? state.second : null].filter((v) => present.includes(v));
  const order = [...new Set([...first, ...(state.projector ? [] : present)])];
  let rowed = false;
  const bodies = order.map((variable) => {
    const registry = store.variables[variable];
    const list = rows.filter((s) => s.variable === variable).sort((a, b) => shownAt(a.profile) - shownAt(b.profile) || (a.depth_m ?? 99) - (b.depth_m ?? 99));
    const name = `${named(registry.name)} (${registry.unit_text})${list.some((s) => s.note) ? " *" : ""}`;
    const full = first.includes(variable) && list.length <= most;
    rowed ||= full;
    const head = html("tr", { className: "group" }, html("th", { scope: "rowgroup", colspan: 5 }, first.includes(variable) ? name : html("button", { type: "button", "data-variable": variable }, name)));
    return html("tbody", {}, head, ...(full ? list.map((s) => fullRow(s, registry, several)) : [shortRow(list, registry, several)]));
  });
  const notes = new Map();
  for (const s of rows) if (s.note && order.includes(s.variable)) notes.set(named(s.note), new Set([...(notes.get(named(s.note)) ?? []), named(store.variables[s.variable].name)]));
  const told = [...notes].map(([note, names]) => html("p", { className: "foot" }, `* ${[...names].join(comma())}${colon()}${note.replace(/^modelled:\s*/, `${word("modelled")}${colon()}`)}`));
  const head = !rowed ? null : heads([[word("depth"), "number"], [word("value"), "number"], [word("change"), "number"], [word("flag"), ""], [word("age"), "number"]]);
  put(holder, html("table", { className: several ? "newest several" : "newest" }, head, ...bodies), ...told);
  holder.onclick = (event) => {
    const variable = event.target.dataset?.variable;
    if (variable) app.set({ variable }, true);
  };
}

// One bar a day, as high as the usable share; what came but is not usable stands pale above it.
function strip(days, names, today, room) {
  const [step, high] = [Math.max(1, Math.min(58, Math.floor(room / names.length))), 16];
  const root = svg("svg", { width: step * names.length, height: high, viewBox: `0 0 ${step * names.length} ${high}`, "aria-hidden": "true", class: "strip" });
  names.forEach((name, i) => {
    const day = days.get(name);
    if (!day || !day.expected) return;
    const [usable, stored] = [day.usable, day.stored].map((n) => Math.min(1, n / day.expected) * high);
    const wide = step > 2 ? step - 1 : step;
    const bar = svg("g", {}, svg("rect", { x: i * step, y: 0, width: wide, height: high, class: "lost" }),
      svg("rect", { x: i * step, y: high - stored, width: wide, height: stored, class: "kept" }), svg("rect", { x: i * step, y: high - usable, width: wide, height: usable, class: "usable" }),
      svg("title", {}, `${name}${colon()}${day.usable} / ${day.expected}${causeWords(day.causes)}`));
    if (name === today) bar.append(svg("rect", { x: i * step - 0.5, y: 0.5, width: wide + 1, height: high - 1, class: "today" }));
    root.append(bar);
  });
  return root;
}

// By quantity, then profile, then depth.
function orderedNames(days) {
  const registry = Object.keys(store.variables);
  const known = new Map(store.station.series.map((s) => [s.series, s]));
  return [...new Set(days.map((d) => d.series))].map((name) => ({ name, s: known.get(name), parts: name.split("/") })).sort((a, b) =>
    registry.indexOf(a.parts[2]) - registry.indexOf(b.parts[2]) || shownAt(a.parts[0]) - shownAt(b.parts[0]) || (a.s?.depth_m ?? 99) - (b.s?.depth_m ?? 99)).map(({ name }) => name);
}

function placeWords(name, profile) {
  const s = store.station.series.find((one) => one.series === name);
  const place = s ? placeOf(s) : name.split("/")[1];
  return profilesShown().length > 1 && profile !== "site" ? `${profile} ${place}` : place;
}

const causeWords = (causes) => Object.entries(causes).map(([cause, n]) => `; ${code(cause)} ${n}`).join("");

export function drawQuality(holder) {
  const report = store.reports.quality;
  if (!report) return say(holder, word("loading"));
  if (report.error) return say(holder, word("failed") + report.error);
  const shown = new Set(shownSeries().map((s) => s.series));
  const days = report.found.filter((d) => shown.has(d.series));
  if (!days.length) return say(holder, word("nodata"));
  const names = [...new Set(days.map((d) => d.day))].sort();
  const today = state.t === null ? null : when(state.t, store.station.timezone, "date");
  const body = html("tbody");
  const room = holder.clientWidth < 560 ? 118 : 460;
  let variable = "";
  for (const name of orderedNames(days)) {
    const [profile, , own_variable] = name.split("/");
    if (own_variable !== variable) {
      variable = own_variable;
      body.append(html("tr", { className: "group" }, html("th", { scope: "rowgroup", colspan: 8 }, named(store.variables[variable]?.name) || variable)));
    }
    const own = days.filter((d) => d.series === name);
    const total = (key) => own.reduce((sum, d) => sum + d[key], 0);
    const [expected, received, stored, usable] = ["expected", "received", "stored", "usable"].map(total);
    const causes = {};
    for (const d of own) for (const [cause, n] of Object.entries(d.causes)) causes[cause] = (causes[cause] ?? 0) + n;
    const missing = Object.entries(causes).sort((a, b) => b[1] - a[1]).map(([cause, n]) => `${code(cause)} ${n}`);
    if (stored > usable) missing.push(`${word("withflag")} ${stored - usable}`);
    const share = expected ? (100 * usable) / expected : null;
    body.append(html("tr", { "data-series": name },
      html("th", { scope: "row", className: "number" }, placeWords(name, profile)),
      html("td", {}, strip(new Map(own.map((d) => [d.day, d])), names, today, room)),
      cell(String(expected), "number wide"), cell(String(received), "number wide"), cell(String(stored), "number wide"), cell(String(usable), "number wide"),
      cell(share === null ? "–" : `${share === 100 ? "●" : share >= 90 ? "◇" : share > 0 ? "▲" : "○"} ${share >= 99.95 ? "100" : share.toFixed(1)} %`, `number ${share !== null && share < 90 ? "warn" : ""}`),
      cell(missing.length ? missing.join(comma()) : expected && stored >= expected ? word("complete") : "–", missing.length ? "soft" : "soft whole")));
  }
  const [t0, t1] = range();
  const head = heads([[word("depth"), "number"], [`${word("share")}${comma()}${names[0]} – ${names.at(-1)}`, ""], [word("expected"), "number wide"], [word("received"), "number wide"], [word("stored"), "number wide"], [word("usable"), "number wide"], ["%", "number"], [word("gaps"), ""]]);
  put(holder, html("table", { className: "strips" }, head, body), t1 - t0 > 92 * DAY ? html("p", { className: "foot" }, word("lastdays")) : null);
}

export function drawInstruments(holder) {
  const report = store.reports.instruments;
  if (!report) return say(holder, word("loading"));
  if (report.error) return say(holder, word("failed") + report.error);
  const { now_ms: then, instruments, supply_voltage: volts } = report.found;
  const now = Math.max(store.now, then);
  const body = html("tbody");
  for (const row of instruments) {
    const newest = Math.max(row.newest_ms ?? 0, ...row.series.map((name) => store.newest.get(name)?.t ?? 0)); // the stream is ahead of the report
    const late = newest && overdue(row.interval_s, newest, now);
    const [mark, tone] = row.removed ? ["○", "soft"] : newest && !late ? ["●", ""] : ["○", "bad"];
    const answer = row.removed ? word("removed") : newest ? `${late ? word("silent") : word("okay")}${comma()}${age(now - newest)}` : word("never");
    const errors = Object.entries(row.errors).map(([kind, n]) => `${code(kind)} ${n}`).join(comma());
    const over = !row.removed && row.due_ms !== null && row.due_ms < now;
    const due = row.removed ? "–" : row.due_ms === null ? word("nodue") : `${when(row.due_ms, zone(), "date")}${comma()}${over ? `▲ ${word("overdue")} ${age(now - row.due_ms)}` : `${word("due_in")} ${age(row.due_ms - now)}`}`;
    body.append(html("tr", { "data-instrument": row.id }, html("th", { scope: "row" }, row.id), cell(`${row.model} · ${row.serial}`, "soft wide"), cell(row.connection, "soft wide"),
      cell(age(row.interval_s * 1000), "number soft wide"), cell(`${mark} ${answer}`, tone), cell(errors || word("noerror"), errors ? "warn" : "soft"), cell(due, over ? "warn" : "soft")));
  }
  const supply = volts.map((v) => ({ ...v, ...store.newest.get(v.series) })).map((v) => `${v.value === null ? word("novalue") : `${number(v.value, 0.01)} V`} ${MARKS[v.flag]} ${word(v.flag)}${comma()}${age(now - v.t)}`);
  put(holder, supply.length ? html("p", {}, `${word("supply")}${colon()}${joined(supply)}`) : null,
    html("table", {}, heads([[word("instrument"), ""], [word("model"), "wide"], [word("connection"), "wide"], [word("interval"), "number wide"], [word("answered"), ""], [word("errors"), ""], [word("due"), ""]]), body));
}

const bracket = (lower, upper) => (lower === null || upper === null ? "–" : `[${figure(lower)}, ${figure(upper)}]`);
const unitWords = (unit) => (unit === "1" ? "" : ` ${Object.values(store.variables).find((v) => v.unit === unit)?.unit_text ?? unit}`);

export function drawResults(holder) {
  const report = store.reports.results;
  if (!report) return say(holder, word("loading"));
  if (report.error) return say(holder, word("failed") + report.error);
  const { jobs, derived, faults } = report.found;
  const nodes = faults.map((fault) => html("p", { className: "bad" }, `✕ ${fault}`));
  if (derived.length) {
    const rows = derived.map((d) => html("tr", {}, html("th", { scope: "row" }, seriesWords(d.series)),
      ...(d.value === null ? [cell(`○ ${word("withheld")}${d.why ? colon() + tests(d.why) : ""}`, "why", { colspan: 2 })] : [cell(`${figure(d.value)} ${store.variables[d.series.split("/")[2]]?.unit_text ?? d.unit}`, "number value"), cell(bracket(d.lower, d.upper), "number")]),
      cell(when(d.t, zone()), "soft")));
    nodes.push(html("h3", {}, word("derived")), html("table", {}, heads([[word("what"), ""], [word("value"), "number"], [word("interval95"), "number"], [word("time"), ""]]), html("tbody", {}, ...rows)));
  }
  for (const job of jobs) {
    const until = job.data_to ? `${comma()}${word("until")} ${when(Date.parse(job.data_to), zone())}` : "";
    const short = (name) => (name ? seriesWords(name.split("/").slice(1).join("/")) : "");
    const given = (row) => [row.driver ? short(row.driver) : "", row.given.length ? `${word("given")} ${row.given.map((g) => g.includes("/") ? short(g) : named(store.variables[g]?.name) || g).join(", ")}` : ""].filter(Boolean).join("; ");
    const answered = (row) => (row.value !== null && !row.refused ? 0 : 1);
    const rows = [...job.rows].sort((a, b) => answered(a) - answered(b)).map((row) => html("tr", { className: row.refused || row.value === null ? "withheld" : "" },
      html("th", { scope: "row" }, named(row.name) || code(row.what)), cell(short(row.target)), cell(given(row)), cell([code(row.scale), named(row.part)].filter(Boolean).join(comma()), "soft"),
      row.value === null ? cell(`○ ${word("withheld")}${colon()}${reason(row)}`, "why", { colspan: 2 })
        : cell(figure(row.value) + unitWords(row.unit), "number value"),
      ...(row.value === null ? [] : [row.refused ? cell(`○ ${word("withheld")}${colon()}${reason(row)}`, "why") : cell(bracket(row.lower, row.upper), "number")]),
      cell(row.n_eff === null ? String(row.n) : `${row.n} (${row.n_eff.toFixed(1)})`, "number soft")));
    const head = heads([[word("what"), ""], [word("subject"), ""], [word("driver"), ""], [word("scale"), ""], [word("value"), "number"], [word("interval95"), "number"], [word("n"), "number"]]);
    nodes.push(html("h3", {}, `${named(job.name) || code(job.job)}${until}`), html("div", { className: "scroll", tabindex: 0, role: "region", "aria-label": named(job.name) || code(job.job) }, html("table", { className: "results" }, head, html("tbody", {}, ...rows))));
    if (job.left_out) nodes.push(html("p", { className: "foot" }, `+${job.left_out} ${word("left_out")}`));
    nodes.push(...job.notes.map((note) => html("p", { className: "foot" }, note)));
  }
  if (!nodes.length) return say(holder, word("noresults"));
  put(holder, ...nodes);
}

const reason = (row) => (language() === "zh" ? row.why_zh || row.why : row.why);

export function drawLog(holder) {
  const report = store.reports.log;
  if (!report) return say(holder, word("loading"));
  if (report.error) return say(holder, word("failed") + report.error);
  if (!report.found.length) return say(holder, word("noevents"));
  const rows = report.found.map((e) => html("tr", {}, cell(when(e.t, zone()), "soft nowrap"), html("th", { scope: "row" }, code(e.kind)), cell(e.subject, "soft"), cell(e.text)));
  put(holder, html("table", { className: "log" }, heads([[word("time"), ""], [word("kind"), ""], [word("subject"), ""], [word("text"), ""]]), html("tbody", {}, ...rows)));
}

export function drawPicture(holder) {
  const { picture, id, title } = store.screen;
  if (!picture) return say(holder, word("noplace"));
  const source = api.picture(store.station.id, id);
  let image = holder.querySelector("img");
  if (!image || image.getAttribute("src") !== source) {
    image = html("img", { src: source, alt: named(title) });
    image.addEventListener("error", () => say(holder, word("nopicture")));
    holder.replaceChildren(html("div", { className: "site" }, image));
  }
  const frame = image.parentElement;
  for (const old of frame.querySelectorAll(".place")) old.remove();
  for (const place of picture.place) {
    const s = store.station.series.find((one) => one.series === place.series);
    if (!s) continue;
    const registry = store.variables[s.variable];
    const point = pointAt(s, state.t);
    const shown = visible(point);
    const how = state.t === null ? condition(s) : { rank: 0, mark: MARKS[point?.f ?? 9], word: String(point?.f ?? 9), tone: "" };
    const words = shown ? `${number(shown.v, registry.resolution)} ${registry.unit_text}` : word(point && point.v !== null ? point.f : "novalue");
    const rest = `${how.mark} ${s.depth_m === null ? named(registry.name) : depthText(s.depth_m)}${how.rank > 1 ? ` ${word(how.word)}` : ""}${how.word === "silent" ? ` ${age(store.now - point.t)}` : ""}`;
    const label = html("div", { className: `place ${how.rank > 1 ? how.tone : ""}`, "data-series": s.series }, html("b", {}, words), html("span", {}, rest));
    label.style.left = `${place.x}%`;
    label.style.top = `${place.y}%`;
    frame.append(label);
  }
}
