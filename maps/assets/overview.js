/* The first page: three cards, a table that sorts and searches by any alias, and where the sites are. */
CW.sites = CW.data.sites;
CW.sortKey = "name";
CW.sortDown = false;
CW.title = (s) => (CW.lang === "ko" && s.name_ko ? s.name_ko : s.name);
/* A server draws a page that is not there yet when it is asked for. */
CW.servedPages = CW.byId("cw-live") ? JSON.parse(CW.byId("cw-live").textContent).pages : {};
CW.pageOf = (s) => s.map || CW.servedPages[s.id];
CW.link = (s) => (CW.pageOf(s) ? CW.el("a", { href: CW.pageOf(s) }, CW.name(CW.title(s))) : CW.name(CW.title(s)));
/* Letters without accents, case or width, so that any way of writing an alias finds its site. */
CW.folded = (text) => (text || "").normalize("NFKD").replace(/\p{M}/gu, "").toLocaleLowerCase("en").replace(/[\s'’`-]+/g, "").normalize("NFC");
CW.words = (s) => [s.id, s.name, s.name_ko, s.kind, s.status, ...s.aliases].map(CW.folded).join("\n");
CW.low = (q) => (CW.known(q) ? q.v : -1);
CW.queue = (s) => s.first_review + s.second_review;
CW.epochText = (text) => { const [start, end] = (text || "").split("/"); return end ? CW.epoch({ start, end }) : text; };
CW.columns = [
  { key: "name", label: "site", value: (s) => CW.folded(CW.title(s)), cell: (s) => [CW.el("div", { class: "site-name" }, CW.link(s)), CW.el("div", { class: "small muted" }, [CW.lang === "ko" ? s.name : s.name_ko, ...s.aliases.slice(0, 2)].filter((a) => a && a !== CW.title(s)).map((a, k) => [k ? " · " : null, CW.name(a)]))] },
  { key: "last", label: "last_look", value: (s) => (s.last ? s.last.utc : ""), cell: (s) => [CW.el("div", { class: "num" }, s.last ? CW.day(s.last.utc) : CW.t("never_seen")), s.last ? CW.el("div", { class: `small ${CW.daysSince(s.last.utc) > CW.OLD_DAYS ? "warn-text" : "muted"}` }, CW.age(s.last.utc)) : null, s.not_seen ? CW.el("div", { class: "small warn-text" }, `${CW.t("last_attempt", { date: s.attempt ? CW.day(s.attempt.utc) : "–" })}: `, CW.name(CW.said(s.not_seen))) : null] },
  { key: "stockpile", label: "stock_short", value: (s) => CW.low(s.stockpile), cell: (s) => CW.coal(s) },
  { key: "footprint", label: "footprint_short", value: (s) => CW.low(s.footprint), cell: (s) => CW.amount(s.footprint, CW.epochText(s.epoch), null, s.checks.footprint) },
  { key: "outside", label: "outside_short", value: (s) => CW.low(s.outside), cell: (s) => CW.amount(s.outside, null, null, s.checks.footprint) },
  { key: "new", label: "new", own: true, value: (s) => CW.newOf(s), cell: (s) => (CW.newOf(s) ? CW.el("strong", { class: "num" }, CW.newOf(s)) : CW.el("span", { class: "muted" }, "0")) },
  { key: "queue", label: "review_queue", own: true, value: CW.queue, cell: (s) => (CW.queue(s) ? CW.el("span", { class: "small" }, CW.t("reviews_queue", { first: s.first_review, second: s.second_review })) : CW.el("span", { class: "muted" }, "–")) },
  { key: "alerts", label: "alerts", own: true, value: (s) => s.alerts, cell: (s) => (s.alerts ? CW.el("strong", { class: "num alert-count" }, s.alerts) : CW.el("span", { class: "muted" }, "0")) },
];
/* What waits and what warns is for restricted pages only. */
CW.shownColumns = () => CW.columns.filter((c) => !c.own || CW.data.restricted);
/* New since anybody's last review, or since that of the reader who is chosen; nothing is kept in the browser. */
CW.reader = "";
CW.readers = [...new Set(CW.sites.flatMap((s) => Object.keys(s.new_by)))].sort();
CW.newOf = (s) => (CW.reader ? s.new_by[CW.reader] ?? s.new_all : s.new);
CW.pickReader = () => CW.readers.length > 0 && CW.el("label", { class: "small", id: "reader-box" }, `${CW.t("since_whose")} `, CW.el("select", { id: "reader", onchange: (e) => { CW.reader = e.target.value; CW.drawCards(); CW.drawTable(); CW.byId("reader").focus(); } },
  CW.el("option", { value: "" }, CW.t("anybody")), CW.readers.map((code) => CW.el("option", { value: code, selected: code === CW.reader }, code))));
/* The site's coal is the sum over its zones; where one is missing, or they are of different times, the zones by name. */
CW.coal = (s) => {
  if (!s.zones.length && !s.stockpile) return CW.el("span", { class: "muted" }, "–");
  const hidden = s.zones_hidden ? CW.el("div", { class: "small muted" }, CW.t("public_zones_only")) : null;
  if (s.stockpile) return [CW.amount(s.stockpile, s.stockpile_date, CW.trend(s), s.checks.stockpile), s.zones.length > 1 ? CW.el("div", { class: "small muted" }, CW.t("sum_of_zones", { n: s.zones.length })) : null, hidden];
  const known = s.zones.filter((z) => CW.known(z.area)), missing = s.zones.filter((z) => !CW.known(z.area));
  return [known.map((z) => CW.el("div", {}, CW.el("span", { class: "small" }, CW.name(z.name), ": "), CW.amount(z.area, z.date, null, s.checks.stockpile))),
    missing.length ? CW.el("div", { class: "small muted" }, `${CW.t("not_measured")}: `, missing.map((z, k) => [k ? ", " : "", CW.name(z.name)])) : null, CW.trend(s), hidden];
};
/* A direction is told only together with the test that found it. */
CW.trend = (s) => (s.trend && s.trend_test ? CW.el("div", { class: "small" }, `${{ rising: "↗", falling: "↘", none: "→" }[s.trend] || ""} ${CW.word("trend", s.trend)} `, CW.el("bdi", { class: "muted" }, `(${s.trend_test})`)) : null);
/* A figure of a site that has no references of its own is starred; the line under the table says why. */
CW.star = (check) => (check.enough ? null : CW.el("abbr", { class: "star", title: CW.validation(check) }, "*"));
CW.amount = (q, when, more, check) => {
  if (!q) return CW.el("span", { class: "muted" }, "–");
  if (!CW.known(q)) return CW.el("span", { class: "small muted" }, CW.interval(q, ""));
  return [CW.el("div", { class: "num amount" }, CW.interval(q, ""), CW.star(check)), CW.el("div", { class: "small muted num" }, `${CW.t("best_date", { value: CW.num(q.v) })}${when ? ` · ${when}` : ""}`), more];
};
CW.collator = new Intl.Collator("en", { numeric: true });
CW.shown = () => {
  const wanted = CW.folded(CW.byId("search").value);
  const column = CW.columns.find((c) => c.key === CW.sortKey) || CW.columns[0];
  return CW.sites.filter((s) => !wanted || CW.words(s).includes(wanted)).sort((a, b) => {
    const x = column.value(a), y = column.value(b);
    /* As people count: Mine 9 before Mine 10. */
    const order = (typeof x === "string" ? CW.collator.compare(x, y) : x - y || 0) || CW.collator.compare(a.id, b.id);
    return CW.sortDown ? -order : order;
  });
};
CW.drawTable = () => {
  const table = CW.clear(CW.byId("table"));
  const rows = CW.shown();
  CW.fill(table, CW.el("caption", { class: "sr" }, CW.t("all_sites")), CW.el("thead", {}, CW.el("tr", {}, CW.shownColumns().map((c) => CW.el("th", { scope: "col", "aria-sort": c.key === CW.sortKey ? (CW.sortDown ? "descending" : "ascending") : null },
    CW.el("button", { type: "button", "data-sort": c.key, onclick: () => { CW.sortDown = c.key === CW.sortKey ? !CW.sortDown : !["name"].includes(c.key); CW.sortKey = c.key; CW.drawTable(); CW.byId("table").querySelector(`[data-sort="${c.key}"]`).focus(); } }, CW.t(c.label), CW.el("span", { "aria-hidden": "true" }, c.key === CW.sortKey ? (CW.sortDown ? " ▾" : " ▴") : " ")))))));
  CW.fill(table, CW.el("tbody", {}, rows.length ? rows.map((s) => CW.el("tr", { "data-site": s.id }, CW.shownColumns().map((c, k) => CW.el(k ? "td" : "th", { scope: k ? null : "row", "data-label": CW.t(c.label) }, c.cell(s))))) : CW.el("tr", {}, CW.el("td", { colspan: CW.shownColumns().length }, CW.t("no_match")))));
  CW.byId("count").textContent = CW.t("sites_shown", { n: rows.length, all: CW.sites.length });
  CW.mark(rows);
};
CW.cardOf = (key, items, line) => CW.el("section", { class: `over-card ${items.length ? "has" : ""}` }, CW.el("h2", {}, CW.t(key)), key === "card_new" ? CW.pickReader() : null, CW.el("p", { class: "count num" }, items.length ? items.reduce((n, s) => n + line(s).n, 0) : 0),
  items.length ? CW.el("ul", {}, items.slice(0, 4).map((s) => CW.el("li", {}, CW.link(s), CW.el("span", { class: "small muted" }, line(s).text))), items.length > 4 ? CW.el("li", { class: "small muted" }, CW.t("and_more", { n: items.length - 4 })) : null) : CW.el("p", { class: "muted" }, CW.t("card_none")));
CW.drawCards = () => {
  const by = (value) => (a, b) => value(b) - value(a);
  CW.fill(CW.clear(CW.byId("cards")),
    CW.data.restricted && CW.cardOf("card_new", CW.sites.filter(CW.newOf).sort(by(CW.newOf)), (s) => ({ n: CW.newOf(s), text: `${CW.t("n_new", { n: CW.newOf(s) })}${s.since ? ` ${CW.t("since", { date: CW.day(s.since.utc) })}` : ""}` })),
    CW.cardOf("card_unseen", CW.sites.filter((s) => s.not_seen || !s.last || CW.daysSince(s.last.utc) > CW.OLD_DAYS), (s) => ({ n: 1, text: [CW.said(s.not_seen) || (s.last ? CW.age(s.last.utc) : CW.t("never_seen")), s.last ? ` · ${CW.t("last_look")} ${CW.day(s.last.utc)}` : ""].join("") })),
    CW.data.restricted && CW.cardOf("card_second", CW.sites.filter((s) => s.second_review).sort(by((s) => s.second_review)), (s) => ({ n: s.second_review, text: CW.t("n_second", { n: s.second_review }) })));
};
CW.mark = (rows) => {
  CW.marks.clearLayers();
  for (const s of rows) {
    const dot = L.circleMarker(s.middle, { radius: 7, color: "#10151c", weight: 2, fillColor: s.alerts || s.new ? "#d55e00" : "#0a5a9c", fillOpacity: 1 });
    dot.bindPopup(CW.el("div", { class: "reason" }, CW.link(s)), { maxWidth: 240 });
    CW.marks.addLayer(dot);
    const path = dot.getElement();
    if (path) {
      CW.set(path, { tabindex: "0", role: "button", "aria-label": CW.title(s).slice(0, 120), onkeydown: (e) => { if (e.key === "Enter" || e.key === " ") { e.preventDefault(); dot.openPopup(); } } });
    }
    dot.bindTooltip(CW.el("span", {}, CW.name(CW.title(s))), { direction: "top", offset: [0, -8] });
    if (rows.length <= 4) CW.marks.addLayer(L.marker(s.middle, { interactive: false, keyboard: false, icon: L.divIcon({ className: `dot-label${map_page.latLngToContainerPoint(s.middle).x > map_page.getSize().x * 0.55 ? " at-left" : ""}`, html: CW.el("span", {}, CW.name(CW.title(s))), iconSize: null }) }));
  }
};
CW.drawValidation = () => {
  const host = CW.clear(CW.byId("validation"));
  const known = (s) => [[s.stockpile, s.checks.stockpile], [s.footprint, s.checks.footprint]].filter(([q]) => CW.known(q)).map(([, check]) => check);
  const checks = CW.sites.flatMap(known);
  const nothing = (check) => ["not_validated", "not_assessable"].includes(check.outcome);
  if (checks.some(nothing)) CW.fill(host, CW.el("span", { class: "star" }, "* "), CW.t("validation_no"));
  for (const s of CW.sites) for (const check of new Map(known(s).filter((c) => c.outcome !== "not_validated").map((c) => [CW.validation(c), c])).values()) CW.fill(host, CW.el("br"), CW.name(CW.title(s)), `: ${CW.validation(check)}`);
};
CW.drawOverview = () => {
  CW.byId("flag-restricted").hidden = !CW.data.restricted;
  CW.byId("flag-simulated").hidden = !CW.data.simulated;
  for (const button of CW.byId("lang").children) button.setAttribute("aria-pressed", String(button.dataset.lang === CW.lang));
  CW.byId("run-line").textContent = CW.data.run ? CW.t("run_line", { run: CW.data.run.id, version: CW.data.run.version, date: CW.bothDates(CW.data.run) }) : "";
  CW.byId("withheld").textContent = CW.data.withheld ? CW.t("sites_withheld", { n: CW.data.withheld }) : "";
  CW.drawValidation();
  CW.byId("search").placeholder = CW.t("search");
  CW.drawCards();
  CW.drawTable();
};
/* Without a background map a grid of degrees says where on Earth one looks. */
CW.drawGrid = () => {
  CW.grid.clearLayers();
  const b = map_page.getBounds();
  const span = Math.max(b.getEast() - b.getWest(), b.getNorth() - b.getSouth());
  const step = [0.02, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30].find((s) => span / s <= 5) || 30;
  const line = (points, text, at, kind) => {
    CW.grid.addLayer(L.polyline(points, { color: "#b9c4ce", weight: 1, interactive: false }));
    CW.grid.addLayer(L.marker(at, { interactive: false, keyboard: false, icon: L.divIcon({ className: `degree ${kind}`, html: CW.el("span", {}, text), iconSize: null }) }));
  };
  const text = (v, plus, minus) => `${Math.abs(Number(v.toFixed(2)))}° ${v < 0 ? minus : plus}`;
  for (let x = Math.ceil(b.getWest() / step) * step; x < b.getEast(); x += step) line([[b.getSouth(), x], [b.getNorth(), x]], text(x, "E", "W"), [b.getSouth(), x], "lon");
  for (let y = Math.ceil(b.getSouth() / step) * step; y < b.getNorth(); y += step) line([[y, b.getWest()], [y, b.getEast()]], text(y, "N", "S"), [y, b.getEast()], "lat");
};
CW.grid = L.layerGroup().addTo(map_page);
map_page.on("moveend resize", CW.drawGrid);
/* Coasts and borders of where most sites are. */
if (CW.sites.length) {
  const middle = (k) => [...CW.sites.map((s) => s.middle[k])].sort((a, b) => a - b)[Math.floor(CW.sites.length / 2)];
  CW.showOutline(map_page, middle(0), middle(1));
}
CW.marks = L.layerGroup().addTo(map_page);
map_page.getContainer().setAttribute("role", "application");
map_page.getContainer().setAttribute("aria-label", "map");
CW.byId("search").addEventListener("input", CW.drawTable);
for (const button of CW.byId("lang").children) button.addEventListener("click", () => { CW.setLanguage(button.dataset.lang); history.replaceState(null, "", `#lang=${CW.lang}`); });
CW.watch(["lang"], CW.drawOverview);
setTimeout(() => { CW.drawGrid();
  CW.setLanguage(location.hash.includes("lang=ko") ? "ko" : "en"); document.documentElement.dataset.ready = "yes"; }, 0);
