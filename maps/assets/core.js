"use strict";
/* What every part of the page shares: data, language, state, elements, numbers as intervals first. */
const CW = {};
/** @type {(id: string) => any} Which element it is, the page says: site.html, overview.html. */
CW.byId = (id) => document.getElementById(id);
CW.data = JSON.parse(CW.byId("cw-data").textContent);
/* Rows are written by column: one value for all, one each, or a few values and which row has which. */
CW.rowsOf = ({ n, columns }) => {
  const rows = Array.from({ length: n }, () => ({}));
  for (const [name, { same, each, of, at }] of Object.entries(columns)) {
    for (let k = 0; k < n; k += 1) rows[k][name] = at ? of[at[k]] : each ? each[k] : same;
  }
  return rows;
};
for (const layer of CW.data.layers || []) layer.rows = CW.rowsOf(layer.rows);
CW.strings = JSON.parse(CW.byId("cw-strings").textContent);
CW.lang = "en";

/* Text only ever becomes a text node: nothing from a file is parsed as markup. */
CW.fill = (node, ...children) => {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    node.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
  return node;
};
CW.set = (node, attributes) => {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "value" || name === "checked" || name === "disabled") node[name] = value;
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  return node;
};
CW.el = (tag, attributes, ...children) => CW.fill(CW.set(document.createElement(tag), attributes), children);
CW.svg = (tag, attributes, ...children) =>
  CW.fill(CW.set(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes), children);
CW.clear = (node) => { node.replaceChildren(); return node; };
/* A reason or a detail, which rows hold in English, in the language of the page. */
CW.said = (text) => (CW.lang === "ko" && CW.data.korean && CW.data.korean[text]) || text;
/* Names from files keep to themselves: direction marks in them cannot turn the text around them. */
CW.name = (text) => CW.el("bdi", { class: "given", title: text && text.length > 60 ? text.slice(0, 300) : null }, text);

/* The map and its parts, once the page has made them. */
CW.map = /** @type {any} */ (null);
CW.groups = /** @type {Record<string, any>} */ ({});
CW.before = /** @type {any} */ (null);
CW.after = /** @type {any} */ (null);

/* ---- language ---- */
CW.t = (key, values) => {
  const pair = CW.strings[key];
  let text = pair ? (CW.lang === "ko" ? pair[1] : pair[0]) : key;
  for (const [name, value] of Object.entries(values || {})) text = text.split(`{${name}}`).join(String(value));
  return text;
};
CW.has = (key) => Object.hasOwn(CW.strings, key);
CW.word = (group, code) => (CW.has(`${group}_${code}`) ? CW.t(`${group}_${code}`) : String(code ?? ""));
CW.translate = (root) => {
  for (const node of root.querySelectorAll("[data-t]")) node.textContent = CW.t(node.dataset.t);
  for (const node of root.querySelectorAll("[data-t-label]")) {
    node.setAttribute("aria-label", CW.t(node.dataset.tLabel));
    if (node.tagName === "BUTTON") node.title = CW.t(node.dataset.tLabel);
  }
};

/* ---- state: one object, watched by key ---- */
/** @type {Record<string, any>} */
CW.state = {};
CW.watchers = [];
CW.watch = (keys, run) => CW.watchers.push([new Set(keys), run]);
CW.change = (patch) => {
  const changed = Object.keys(patch).filter((key) => CW.state[key] !== patch[key]);
  Object.assign(CW.state, patch);
  if (!changed.length) return;
  for (const [keys, run] of CW.watchers) if (changed.some((key) => keys.has(key))) run(changed);
};
CW.setLanguage = (lang) => {
  CW.lang = lang === "ko" ? "ko" : "en";
  document.documentElement.lang = CW.lang;
  CW.translate(document);
  CW.change({ lang: CW.lang });
};
CW.announce = (text) => { CW.byId("announcer").textContent = text; };

/* ---- numbers ---- */
CW.num = (x) => {
  const size = Math.abs(x);
  const digits = size >= 100 ? 0 : size >= 10 ? 1 : 2;
  return x.toLocaleString(CW.lang === "ko" ? "ko-KR" : "en-GB", { minimumFractionDigits: digits, maximumFractionDigits: digits }).replace("-", "−");
};
CW.known = (q) => Boolean(q) && q.v !== undefined;
/* The interval first, the best estimate after it; or the reason why there is none. */
/* No area is below nothing; only a net change is signed. */
CW.floored = (x, unit, signed) => ((unit === "ha" || unit === "") && !signed ? Math.max(0, x) : x);
CW.interval = (q, unit, signed) => {
  if (!CW.known(q)) return q && q.reason ? CW.t("not_assessable_because", { reason: CW.said(q.reason) }) : CW.t("not_assessable");
  const low = CW.floored(q.l, unit, signed), high = CW.floored(q.h, unit, signed);
  return CW.t(low < 0 ? "interval_to" : "interval_dash", { low: CW.num(low), high: CW.num(high), unit }).trim();
};
CW.best = (q, unit, signed) =>
  CW.known(q) ? CW.t("best_level", { value: `${CW.num(CW.floored(q.v, unit, signed))} ${unit}`.trim(), level: Math.round(q.level * 100) }) : "";
/* Age by the reader's own clock: a page that nobody rebuilt grows old. */
CW.daysSince = (iso) => Math.max(0, Math.floor((Date.now() - CW.time(iso)) / 86400e3));
CW.OLD_DAYS = 30;
CW.age = (iso) => CW.t("days_ago", { n: CW.daysSince(iso) });
/* What references of the site stand behind an interval; every figure says it. */
CW.validation = (check) => {
  const outcome = check ? check.outcome : "not_validated";
  if (outcome === "not_assessable") return `${CW.t("validation_no")} (${CW.sampleText(check.sample)})`;
  if (outcome === "not_validated") return `${CW.t("validation_no")}${check && check.n ? ` ${CW.t("validation_counted", { n: check.n, enough: CW.data.enough })}` : ""}`;
  const told = CW.t(`validation_${outcome === "contradicted" ? "against_" : ""}${check.kind}`, { n: check.n });
  if (check.sample) return `${told}: ${CW.sampleText(check.sample)}`;
  if (check.covered === undefined) return told;
  const signed = `${check.bias < 0 ? "" : "+"}${CW.num(check.bias)}`;
  return `${told}: ${CW.t("validation_result", { bias: signed, rmse: CW.num(check.rmse), covered: CW.percent(check.covered) })}`;
};
CW.share = (q, as) => (CW.known(q) ? `${as(q.v)} [${as(q.l)} – ${as(q.h)}]` : CW.t("not_assessable"));
/* What a random sample says of the map, or why it says nothing. */
CW.sampleText = (s) => {
  const readers = CW.t("sample_readers", { differed: s.differed, n: s.read, alpha: CW.share(s.alpha, CW.num) });
  const drawn = s.draws > 1 ? `; ${CW.t("sample_draws", { n: s.draws })}` : "";
  if (s.fault === "unfinished") return CW.t("sample_unfinished", { n: s.resolved, units: s.units });
  if (s.fault === "disagreement") return `${CW.t("sample_disagreement", { readers, needed: s.needed })}${drawn}`;
  if (s.fault === "too_few") return CW.t("sample_too_few");
  const unclear = s.unclear ? `; ${CW.t("sample_unclear", { n: s.unclear })}` : "";
  return `${CW.t("sample_result", { mapped: CW.num(s.mapped), area: CW.share(s.area, CW.num), users: CW.share(s.users, CW.percent), producers: CW.share(s.producers, CW.percent) })}; ${readers}${unclear}; ${CW.t("sample_map", { date: s.map_date })}${drawn}`;
};
CW.standing = (check) => CW.el("p", { class: "small muted validation" }, CW.validation(check));
CW.percent = (x) => (x === null || x === undefined ? "–" : `${Math.round(x * 100)} %`);
CW.day = (iso) => (iso || "").slice(0, 10);
CW.bothDates = (moment) => {
  const utc = moment.utc.slice(0, 16).replace("T", " ");
  return utc === moment.local ? `${utc} UTC` : CW.t("utc_and_local", { utc, local: moment.local });
};
CW.epoch = (f) => (f.start.endsWith("-01-01") && f.end === `${Number(f.start.slice(0, 4)) + 1}-01-01` ? f.start.slice(0, 4) : `${f.start} – ${f.end}`);
CW.time = (iso) => Date.parse(iso.length === 10 ? `${iso}T00:00:00Z` : iso);

/* ---- dates ---- */
CW.dates = CW.data.dates;
CW.hasPicture = (i) => CW.dates[i] !== undefined && (CW.dates[i].pictures.true.length > 0 || CW.dates[i].pictures.false.length > 0);
CW.usable = (i) => CW.hasPicture(i) && CW.dates[i].status === "used";
CW.usableDates = CW.dates.map((_, i) => i).filter(CW.usable);
/* Saw most of the site. */
CW.sawMost = (i) => CW.dates[i].valid === null || CW.dates[i].valid === undefined || CW.dates[i].valid >= 0.6;
CW.stops = () => (CW.state.onlyUsable && CW.usableDates.length ? CW.usableDates : CW.dates.map((_, i) => i));
CW.nearest = (iso, among) => {
  const goal = CW.time(iso);
  let best = -1;
  for (const i of among) if (best < 0 || Math.abs(CW.time(CW.dates[i].utc) - goal) < Math.abs(CW.time(CW.dates[best].utc) - goal)) best = i;
  return best;
};
CW.lastBefore = (iso, among) => {
  const goal = CW.time(iso);
  const earlier = among.filter((i) => CW.time(CW.dates[i].utc) < goal);
  const recent = earlier.filter((i) => CW.sawMost(i) && goal - CW.time(CW.dates[i].utc) < 180 * 86400e3);
  return (recent.length ? recent : earlier).pop();
};
CW.step = (from, by) => {
  const stops = CW.stops();
  if (!stops.length) return from;
  if (by > 0) return stops.find((i) => i > from) ?? stops[stops.length - 1];
  return [...stops].reverse().find((i) => i < from) ?? stops[0];
};
/* Days between the days of the year of two looks; one season is what lies within SEASON_DAYS. */
CW.SEASON_DAYS = 20;
CW.seasonGap = (i, k) => {
  const days = (Math.abs(CW.time(CW.dates[i].utc) - CW.time(CW.dates[k].utc)) / 86400e3) % 365.25;
  return Math.min(days, 365.25 - days);
};
CW.sameSeasonLastYear = (i) => {
  if (!CW.dates[i]) return -1;
  const goal = new Date(CW.dates[i].utc);
  goal.setUTCFullYear(goal.getUTCFullYear() - 1);
  const near = CW.usableDates.filter((k) => k < i && Math.abs(CW.time(CW.dates[k].utc) - goal.getTime()) <= CW.SEASON_DAYS * 86400e3);
  return CW.nearest(goal.toISOString(), near.some(CW.sawMost) ? near.filter(CW.sawMost) : near);
};
