/* The side panel: figures and charts, findings, review, layers and what the page is made of. */
CW.tabNames = ["figures", "findings", "review", ...(CW.mayWrite() ? ["site"] : []), "layers"];
CW.sheets = {};
CW.setupPanel = () => {
  const tabs = CW.byId("tabs");
  for (const name of CW.tabNames) {
    CW.fill(tabs, CW.el("button", { type: "button", role: "tab", id: `tab-${name}`, "aria-controls": `sheet-${name}`, "data-t": `tab_${name}`, onclick: () => CW.change({ tab: name }) }));
    CW.fill(CW.byId("pages"), CW.el("div", { class: "sheet", role: "tabpanel", id: `sheet-${name}`, "aria-labelledby": `tab-${name}`, tabindex: "0" }));
  }
  tabs.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!by) return;
    event.preventDefault();
    const next = CW.tabNames[(CW.tabNames.indexOf(CW.state.tab) + by + CW.tabNames.length) % CW.tabNames.length];
    CW.change({ tab: next });
    CW.byId(`tab-${next}`).focus();
  });
  CW.watch(["tab"], CW.showTab);
  CW.watch(["lang", "zone"], CW.drawPanel);
  CW.watch(["lang"], CW.drawCard);
  CW.watch(["layers", "overlays", "date", "compare"], () => CW.markSelected());
  CW.watch(["date"], () => CW.cursors.forEach((place) => place()));
  CW.watch(["layers", "overlays", "background", "asked"], CW.drawLayers);
  let wide = 0;
  new ResizeObserver(([entry]) => {
    if (Math.abs(entry.contentRect.width - wide) < 8) return;
    wide = entry.contentRect.width;
    requestAnimationFrame(CW.drawFigures);
  }).observe(CW.byId("pages"));
};
CW.showTab = () => {
  for (const name of CW.tabNames) {
    const on = name === CW.state.tab;
    CW.byId(`sheet-${name}`).hidden = !on;
    CW.byId(`tab-${name}`).setAttribute("aria-selected", String(on));
    CW.byId(`tab-${name}`).tabIndex = on ? 0 : -1;
  }
  if (CW.state.tab === "figures") CW.drawFigures();
  if (CW.state.tab === "site") CW.drawEdits();
};
CW.drawPanel = () => { CW.drawFigures(); CW.drawFindings(); CW.drawLayers(); CW.keepTyped(CW.byId("sheet-review"), CW.drawReview); if (CW.byId("sheet-site")) CW.keepTyped(CW.byId("sheet-site"), CW.drawEdits); CW.showTab(); };
CW.section = (title, ...content) => CW.el("section", { class: "block" }, CW.el("h2", {}, title), content);
/* On paper two of these stand side by side. */
CW.half = (...parts) => CW.set(CW.section(...parts), { class: "block half" });
CW.stat = (label, q, unit, lines) => CW.el("div", { class: "stat" }, CW.el("h3", {}, label),
  CW.el("p", { class: CW.known(q) ? "big num" : "big none" }, CW.interval(q, unit)),
  CW.known(q) ? CW.el("p", { class: "small muted" }, CW.best(q, unit)) : null, lines.filter(Boolean).map((line) => CW.el("p", { class: "small muted" }, line)));

/* ---- figures ---- */
CW.zonesWithArea = () => [...new Set(CW.data.areas.map((a) => a.zone))];
CW.zoneName = (id) => { const zone = CW.data.zones.find((z) => z.id === id); return zone ? zone.name || zone.id : id; };
CW.latestStats = () => {
  const stats = [];
  for (const zone of CW.zonesWithArea()) {
    const last = CW.lastKnown(zone);
    stats.push(CW.stat([CW.t("stockpile_area"), " · ", CW.name(CW.zoneName(zone))], last.area, "ha", [`${CW.day(last.utc)} · ${CW.t("seen_share", { share: CW.percent(last.valid) })}`, last.below_floor ? CW.t("below_floor") : null]));
  }
  const last = CW.lastGround();
  if (last) {
    stats.push(CW.stat(CW.t("disturbed"), last.area, "ha", [CW.groundDay(last)]));
    if (CW.known(last.terms.open)) stats.push(CW.stat(CW.t("open_ground"), last.terms.open, "ha", [CW.t("open_note")]));
    stats.push(CW.stat(CW.t("footprint_outside"), last.outside, "ha", [last.boundary_id ? [CW.t("boundary_version"), " ", CW.name(last.boundary_id)] : CW.t("relation_no_boundary")]));
  }
  return stats;
};
/* ---- ten seconds: where, what changed since when, how sure, what to do ---- */
CW.copyText = async (text) => {
  try { await navigator.clipboard.writeText(text); } catch {
    const area = CW.el("textarea", { class: "sr", value: text });
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  CW.say(CW.t("copied", { text }));
};
CW.coordinates = () => {
  const { where } = CW.data.site;
  if (!where) return null;
  const rows = [["coord_decimal", `${where.lat}, ${where.lon}`], ["coord_dms", where.dms], ["coord_mgrs", where.mgrs]].filter((row) => row[1]);
  return CW.el("div", { class: "coords" }, rows.map(([key, text]) => CW.el("button", { type: "button", class: "coord num", "data-copy": key, title: CW.t("copy"), "aria-label": `${CW.t("copy")} ${CW.t(key)} ${text}`, onclick: () => CW.copyText(text) }, CW.el("span", { class: "small muted" }, CW.t(key)), " ", text)),
    where.mgrs ? null : CW.el("span", { class: "small muted" }, CW.t("rounded_public")), CW.goToForm());
};
/* The newest figure of the site's coal and the one a year before in the same season, zone by zone only where there is one zone. */
CW.coalSentence = () => {
  const zones = CW.data.zones.filter((z) => z.kind === "stockyard");
  if (zones.length !== 1) return null;
  const own = CW.data.areas.filter((a) => a.zone === zones[0].id && CW.known(a.area));
  const last = own[own.length - 1];
  if (!last) return null;
  const goal = CW.time(last.utc) - 365.25 * 86400e3;
  const then = own.filter((a) => Math.abs(CW.time(a.utc) - goal) < CW.SEASON_DAYS * 86400e3).sort((a, b) => Math.abs(CW.time(a.utc) - goal) - Math.abs(CW.time(b.utc) - goal))[0];
  return then ? CW.t("changed_coal_step", { day: CW.day(last.utc), after: CW.interval(last.area, "ha"), earlier: CW.day(then.utc), before: CW.interval(then.area, "ha") }) : CW.t("changed_coal", { day: CW.day(last.utc), area: CW.interval(last.area, "ha") });
};
/* Without the terms of the year: this year's figure beside that of the year before, where there is one. */
CW.groundSentence = (f) => {
  const now = { day: f.day || f.end, area: CW.interval(f.area, "ha") };
  const before = CW.data.footprints.filter((other) => CW.known(other.area) && other.end < f.end).pop();
  return before ? CW.t("changed_ground_step", { ...now, earlier: before.day || before.end, before: CW.interval(before.area, "ha") }) : CW.t("changed_ground_first", now);
};
CW.changedSentence = () => {
  const f = CW.lastGround();
  const since = CW.newSince();
  const fresh = since && since !== "0000" ? CW.t("changed_new", { n: CW.data.disturbances.filter(CW.isNew).length, day: CW.day(since) }) : null;
  const ground = !f ? null : CW.known(f.terms.opened) ? CW.t("changed_ground", { day: f.day || f.end, opened: CW.interval(f.terms.opened, "ha"), closed: CW.interval(f.terms.closed, "ha") }) : CW.known(f.area) ? CW.groundSentence(f) : CW.t("changed_none", { reason: CW.said(f.area?.reason) || "–" });
  return [ground, CW.coalSentence(), fresh].filter(Boolean).join(" ");
};
/* The first thing that stands between these figures and a use of them. */
CW.nextStep = () => {
  const { data } = CW;
  const newest = CW.usableDates.length ? CW.dates[CW.usableDates[CW.usableDates.length - 1]] : null;
  const waits = data.profile.restricted ? data.queue.filter((item) => item.kind !== "place" && !CW.SETTLED.includes(item.status)).length : 0;
  if (data.profile.restricted && !data.boundaries.length) return [CW.t("next_boundary"), CW.mayWrite() && (() => CW.change({ tab: "site" }))];
  if (data.profile.restricted && !data.zones.some((z) => z.kind === "stockyard") && !data.simulated) return [CW.t("next_yard"), CW.mayWrite() && (() => CW.change({ tab: "site" }))];
  if (waits) return [CW.t("next_review", { n: waits }), CW.openReview];
  if (newest && CW.daysSince(newest.utc) > CW.OLD_DAYS && data.profile.restricted) return [CW.t("next_old", { n: CW.daysSince(newest.utc) }), null];
  const latest = [...data.disturbances].filter((d) => CW.stands(d) && d.status !== "closed").sort((a, b) => (a.first < b.first ? 1 : -1))[0];
  return latest ? [CW.t("next_findings"), () => CW.visit({ type: "disturbance", key: latest.id, record: latest })] : [CW.t("next_none"), null];
};
CW.briefSection = () => {
  const [text, act] = CW.nextStep();
  const changed = CW.changedSentence();
  const check = [CW.data.checks.footprints, CW.data.checks.stockpile_areas].find(Boolean);
  return CW.el("section", { class: "block brief", id: "brief", "aria-label": CW.t("brief") }, CW.el("dl", { class: "facts" }, [
    [CW.t("where"), [CW.locator(), CW.coordinates()]], changed && [CW.t("what_changed"), changed], [CW.t("how_sure"), CW.t("sure_line", { check: CW.validation(check) })],
    [CW.t("what_next"), act ? CW.el("button", { type: "button", class: "link", id: "next-step", onclick: act }, text) : CW.el("span", { id: "next-step" }, text)],
  ].filter(Boolean).map(([k, v]) => [CW.el("dt", {}, k), CW.el("dd", {}, v)])));
};
CW.locator = () => { const { where } = CW.data.site; return where ? CW.locatorPicture(where.lat, where.lon) : null; };
/* ---- the ground: two stocks of one state, and how each adds up ---- */
CW.lastGround = () => [...CW.data.footprints].reverse().find((f) => CW.known(f.area)) || CW.data.footprints[CW.data.footprints.length - 1];
CW.groundDay = (f) => (f.day ? CW.t("as_on", { day: f.day }) : CW.epoch(f));
CW.groundSection = () => {
  const f = CW.lastGround();
  if (!f || !CW.known(f.terms.open)) return null;
  const { terms } = f;
  const value = (q) => (CW.known(q) ? CW.interval(q, "ha") : "–");
  const short = (q) => (CW.known(q) ? CW.num(CW.floored(q.v, "ha")) : "–");
  const first = !CW.known(terms.before) && !CW.known(terms.opened);
  const lines = first ? [] : [["+", "term_before", terms.before, terms.open_before], ["+", "term_opened", terms.opened, terms.open_opened], ["+", "term_deepened", null, terms.deepened], ["−", "term_closed", terms.closed, terms.open_closed], ["−", "term_regrown", null, terms.regrown]];
  if (CW.known(terms.revised) && terms.revised.v) lines.push(["±", "term_revised", terms.revised, null]);
  return CW.set(CW.section(CW.t("ground_account"),
    CW.el("p", { id: "ground-sentence" }, CW.t(first ? "ground_sentence_first" : "ground_sentence", { day: f.day || f.end, area: short(f.area), before: short(terms.before), opened: short(terms.opened), closed: short(terms.closed), open: short(terms.open) })),
    CW.el("div", { class: "table-box", tabindex: "0", role: "region", "aria-label": CW.t("ground_account") }, CW.el("table", { id: "ground-table" },
      CW.el("thead", {}, CW.el("tr", {}, [" ", CW.t("disturbed"), CW.t("open_ground")].map((h) => CW.el("th", { scope: "col" }, h)))),
      CW.el("tbody", {}, lines.map(([sign, name, whole, open]) => CW.el("tr", {}, CW.el("th", { scope: "row" }, `${sign} ${CW.t(name)}`), CW.el("td", { class: "num" }, whole ? value(whole) : ""), CW.el("td", { class: "num" }, open ? value(open) : ""))),
        CW.el("tr", { class: "sum" }, CW.el("th", { scope: "row" }, `= ${CW.groundDay(f)}`), CW.el("td", { class: "num" }, value(f.area)), CW.el("td", { class: "num" }, value(terms.open)))))),
    ["waiting", "bare_at_start"].filter((name) => CW.known(terms[name])).map((name) => CW.el("p", { class: "small", id: `ground-${name}` }, CW.el("strong", {}, `${CW.t(name)}: ${value(terms[name])}. `), CW.t(`${name}_note`)))), { class: "block ground" });
};
/* One line where the figures on the sheet share a sentence, one each where they do not. */
CW.validationLines = () => {
  const { checks } = CW.data;
  const shown = [["stockpile_area", checks.stockpile_areas, CW.zonesWithArea().length], ["footprint", checks.footprints, CW.data.footprints.length]].filter((row) => row[2]);
  const texts = new Set(shown.map((row) => CW.validation(row[1])));
  if (texts.size <= 1) return shown.slice(0, 1).map((row) => CW.standing(row[1]));
  return shown.map(([name, check]) => CW.el("p", { class: "small muted validation" }, `${CW.t(name)}: ${CW.validation(check)}`));
};
/* Stockyards of the site that have no figure. */
CW.unmeasured = () => {
  const without = CW.data.zones.filter((z) => z.kind === "stockyard" && !CW.known((CW.lastKnown(z.id) || {}).area));
  return without.length ? CW.el("p", { class: "small muted" }, `${CW.t("not_measured")}: `, without.map((z, k) => [k ? ", " : "", CW.name(z.name || z.id)])) : null;
};
CW.drawFigures = () => {
  const sheet = CW.clear(CW.byId("sheet-figures"));
  CW.cursors = [];
  CW.charted = [];
  const stats = CW.latestStats();
  const lookback = CW.usableDates.length ? CW.dates[CW.usableDates[CW.usableDates.length - 1]] : null;
  CW.fill(sheet, CW.briefSection(), CW.set(CW.section(CW.t("latest"), CW.el("p", { class: "small muted" }, lookback ? [`${CW.t("last_usable", { date: CW.bothDates(lookback) })} · ${CW.t("seen_share", { share: CW.percent(lookback.valid) })} · `, CW.el("span", { class: CW.daysSince(lookback.utc) > CW.OLD_DAYS ? "warn-text" : null, id: "age" }, CW.age(lookback.utc))] : CW.t("no_imagery")), stats.length ? CW.el("div", { class: "stats" }, stats) : CW.el("p", { class: "muted" }, CW.t("no_values"))), { class: "block latest" }));
  const zones = CW.zonesWithArea();
  if (stats.length) CW.fill(sheet.children[1], CW.unmeasured(), CW.validationLines());
  const charts = [zones.length ? CW.stockSection(zones) : null, CW.data.footprints.length ? CW.footprintSection() : null];
  /* On paper the accounts stand before the charts, so that two charts find each other. */
  const accounts = CW.data.footprints.length ? CW.groundSection() : null;
  CW.fill(sheet, CW.printed ? [accounts, ...charts] : [charts[0], accounts, charts[1]]);
  const calendar = CW.el("div", { class: "chart-host" });
  CW.fill(sheet, CW.section(CW.t("calendar"), calendar, CW.lookTable()));
  CW.charted.push(() => CW.calendar(calendar));
  CW.fill(sheet, CW.el("p", { class: "small muted credit-print" }, `${CW.data.attribution}. ${CW.t("run_line", { run: CW.data.run.id, version: CW.data.run.version, date: CW.day(CW.data.run.utc) })}`));
  if (CW.printed) CW.fill(sheet, CW.printTable());
  CW.charted.forEach((draw) => draw());
};
/* Charts take the width of the box that they stand in, so they are drawn once it is in the page. */
CW.charted = /** @type {(() => any)[]} */ ([]);
CW.stockSection = (zones) => {
  const zone = zones.includes(CW.state.zone) ? CW.state.zone : zones[0];
  const host = CW.el("div", { class: "chart-host", id: "stock-chart" });
  const pick = zones.length > 1 ? CW.el("label", { class: "small" }, `${CW.t("zone")} `, CW.el("select", { id: "zone", onchange: (e) => CW.change({ zone: e.target.value }) }, zones.map((z) => CW.el("option", { value: z, selected: z === zone }, CW.zoneName(z))))) : null;
  const block = CW.half(CW.t("stock_chart"), pick, host, CW.el("p", { class: "key small" },
    CW.seriesOf("zone", zone).line.length ? CW.el("span", {}, CW.el("i", { class: "key-band" }), ` ${CW.t("key_band")}`) : null, CW.el("span", {}, CW.el("i", { class: "key-dot" }), ` ${CW.t("key_dot")}`), CW.el("span", {}, CW.el("i", { class: "key-floor" }), ` ${CW.t("key_floor")}`)),
    CW.el("p", { class: "small muted" }, CW.t("coal_caveat")), CW.standing(CW.data.checks.stockpile_areas), CW.valueTable(zone));
  CW.charted.push(() => CW.timeChart(host, { ...CW.seriesOf("zone", zone), unit: "ha", label: `${CW.t("stock_chart")}: ${CW.zoneName(zone)}` }));
  return block;
};
CW.valueTable = (zone) => CW.el("details", { class: "small" }, CW.el("summary", {}, CW.t("as_table")), CW.el("div", { class: "table-box", tabindex: "0", role: "region", "aria-label": CW.t("stock_chart") }, CW.el("table", {},
  CW.el("thead", {}, CW.el("tr", {}, [CW.t("date"), CW.t("area"), CW.t("valid_share")].map((h) => CW.el("th", { scope: "col" }, h)))),
  CW.el("tbody", {}, CW.data.areas.filter((a) => a.zone === zone).map((a) => CW.el("tr", {}, CW.el("td", { class: "num" }, CW.day(a.utc)), CW.el("td", {}, CW.figure(a.area, "ha")), CW.el("td", {}, CW.percent(a.valid))))))));
CW.footprintSection = () => {
  const host = CW.el("div", { class: "chart-host", id: "footprint-chart" });
  const rows = CW.data.footprints;
  const split = rows.some((r) => CW.known(r.inside));
  const block = CW.half(CW.t("footprint_chart"), host, CW.el("p", { class: "key small" },
    split ? [CW.el("span", {}, CW.el("i", { class: "key-inside" }), ` ${CW.t("inside")}`), CW.el("span", {}, CW.el("i", { class: "key-outside" }), ` ${CW.t("outside")}`)] : CW.el("span", {}, CW.el("i", { class: "key-whole" }), ` ${CW.t("not_split")}`), CW.el("span", {}, CW.el("i", { class: "key-whisker" }), ` ${CW.t("key_whisker")}`)), CW.standing(CW.data.checks.footprints),
    CW.el("details", { class: "small" }, CW.el("summary", {}, CW.t("as_table")), CW.el("table", {},
      CW.el("thead", {}, CW.el("tr", {}, [CW.t("epoch"), CW.t("area"), CW.t("inside"), CW.t("outside")].map((h) => CW.el("th", { scope: "col" }, h)))),
      CW.el("tbody", {}, rows.map((r) => CW.el("tr", {}, CW.el("td", { class: "num" }, CW.epoch(r)), CW.el("td", {}, CW.interval(r.area, "ha")), CW.el("td", {}, CW.interval(r.inside, "ha")), CW.el("td", {}, CW.interval(r.outside, "ha"))))))));
  CW.charted.push(() => CW.footprintChart(host));
  return block;
};
CW.lookTable = () => CW.el("details", { class: "small" }, CW.el("summary", {}, CW.t("all_looks")), CW.el("div", { class: "table-box", tabindex: "0", role: "region", "aria-label": CW.t("all_looks") }, CW.el("table", {},
  CW.el("thead", {}, CW.el("tr", {}, [CW.t("date"), CW.t("status"), CW.t("valid_share")].map((h) => CW.el("th", { scope: "col" }, h)))),
  CW.el("tbody", {}, CW.allLooks().reverse().map((look) => CW.el("tr", {},
    CW.el("td", { class: "num" }, look.index === undefined ? CW.day(look.utc) : CW.el("button", { type: "button", class: "link", onclick: () => { CW.stop(); CW.change({ date: look.index, onlyUsable: CW.state.onlyUsable && CW.usable(look.index) }); } }, CW.day(look.utc))),
    CW.el("td", {}, CW.t(`look_${CW.lookKind(look)}`), look.detail ? [": ", CW.name(CW.said(look.detail))] : null),
    CW.el("td", {}, CW.percent(look.valid))))))));

/* ---- findings ---- */
CW.drawFindings = () => {
  const sheet = CW.clear(CW.byId("sheet-findings"));
  const { data } = CW;
  if (data.alerts.length) CW.fill(sheet, CW.alertSection());
  const since = CW.newSince();
  if (since && since !== "0000") CW.fill(sheet, CW.el("p", { class: "small muted", id: "new-since" }, CW.t(data.last_reviews[CW.reviewer] ? "new_since_own" : "new_since", { date: CW.day(since), n: data.disturbances.filter(CW.isNew).length })));
  const sorted = [...data.disturbances].sort((a, b) => (a.first < b.first ? 1 : -1));
  CW.fill(sheet, CW.section(`${CW.t("disturbances")} (${sorted.length})`, CW.el("p", { class: "small muted" }, CW.t("disturbance_caveat")), sorted.length ? CW.standing(data.checks.disturbances) : null,
    sorted.length ? CW.el("ul", { class: "list" }, sorted.map((d) => CW.finding({ type: "disturbance", key: d.id, record: d }))) : CW.el("p", { class: "muted" }, CW.t("none_found"))));
  const latest = new Map();
  for (const pile of data.piles) latest.set(pile.id, pile);
  CW.fill(sheet, CW.section(`${CW.t("piles")} (${latest.size})`, latest.size ? CW.standing(data.checks.stockpiles) : null, latest.size ? CW.el("ul", { class: "list" }, [...latest.values()].map((p) => CW.finding({ type: "pile", key: p.id, record: p }))) : CW.el("p", { class: "muted" }, CW.t("none_found"))));
  if (data.changes.length) CW.fill(sheet, CW.section(CW.t("boundary_changes"), CW.standing(data.checks.boundary_changes), data.changes.map((c) => CW.el("div", { class: "stat" }, CW.el("h3", {}, CW.name(c.from), " → ", CW.name(c.to)), CW.tagsOf(CW.changeSubject(c)), CW.factsOf.change(c), CW.el("p", {}, CW.el("button", { type: "button", class: "quiet", onclick: () => CW.startReview(CW.changeSubject(c)) }, CW.t("review_this")))))));
  CW.fill(sheet, CW.moreSections());
};
/* What raised an alert of a disturbance, in the words of the page; any other text as it is. */
CW.ALERT_DETAIL = /^(\w+), first seen (\S+), (\S+) to (\S+) ha, (\w+)(?:; outside (\S+) to (\S+) ha)?$/;
CW.alertDetail = (detail) => {
  const parts = CW.ALERT_DETAIL.exec(detail);
  if (!parts) return CW.said(detail);
  const [, kind, day, low, high, relation, outLow, outHigh] = parts;
  return [CW.word("kind", kind), `${CW.t("first_seen")} ${day}`, `${low}–${high} ha`, CW.word("relation", relation), outLow ? `${CW.t("outside")} ${outLow}–${outHigh} ha` : null].filter(Boolean).join(" · ");
};
/* What was raised, open ones first, each with its figures and the way to its subject. */
CW.alertSection = () => {
  const order = (a) => (a.state === "open" ? 0 : 1);
  const sorted = [...CW.data.alerts].sort((a, b) => order(a) - order(b) || (a.utc < b.utc ? 1 : -1));
  const open = sorted.filter((a) => a.state === "open").length;
  return CW.section(CW.t("alerts_n", { n: open, all: sorted.length }), CW.el("ul", { class: "list", id: "alerts" }, sorted.map((a) => {
    const subject = CW.findSubject(a.subject);
    const text = [CW.el("strong", {}, subject ? CW.subjectTitle(subject) : CW.name(CW.said(a.detail))), CW.el("span", { class: "small muted num" }, `${CW.word("alert", a.rule)} · ${CW.t(`alert_${a.state}`)} · ${CW.t("raised_on", { day: CW.day(a.utc) })}`), subject ? CW.el("span", { class: "small muted" }, CW.name(CW.alertDetail(a.detail))) : null];
    return CW.el("li", { class: a.state === "open" ? "is-open" : null }, subject ? CW.el("button", { type: "button", class: "finding", onclick: () => CW.visit(subject) }, CW.el("span", { class: "finding-main" }, text)) : CW.el("p", { class: "finding-main" }, text));
  })));
};
CW.finding = (subject) => {
  const r = subject.record;
  const colour = subject.type === "disturbance" ? CW.kindColour(r) : "#ff6adf";
  return CW.el("li", {}, CW.el("button", { type: "button", class: "finding", "data-subject": subject.key, onclick: () => CW.visit(subject) },
    CW.el("i", { class: "swatch", style: `--c:${colour}` }),
    CW.el("span", { class: "finding-main" }, CW.el("strong", {}, subject.type === "disturbance" ? CW.titleOf(CW.kindWord(r), CW.month(r.first)) : CW.titleOf(CW.t("pile"), CW.month(r.utc))), subject.type === "disturbance" && CW.isNew(r) ? CW.chipTag(CW.t("new"), "new") : null,
      CW.el("span", { class: "small muted" }, subject.type === "disturbance" ? `${CW.word("relation", r.relation)} · ${CW.word("machine", r.status)} · ${CW.reviewWord(r.id)}` : CW.reviewWord(r.id)),
      CW.el("span", { class: "small muted num" }, subject.type === "disturbance" ? `${CW.t("first_seen")} ${r.first_low === r.first_high ? r.first : `${r.first_low} – ${r.first_high}`}` : `${CW.t("last_seen")} ${r.last}`)),
    CW.el("span", { class: "num finding-area" }, CW.interval(r.area, "ha"))));
};
/* A shape with as much again on each side of it. */
CW.AROUND = 0.8;
CW.zoomOn = (shape) => CW.map.fitBounds(CW.boundsOf(shape).pad(CW.AROUND), { paddingTopLeft: [8, CW.TOOLS_PX], maxZoom: 17, animate: false });
CW.zoomTo = (subject) => { if (subject.record.geometry) CW.zoomOn(subject.record.geometry); };
CW.visit = (subject) => {
  const { record } = subject;
  CW.zoomTo(subject);
  if (subject.type === "place" && !CW.state.layers.includes("places")) CW.toggleLayer("places", true);
  if (subject.type === "disturbance") {
    const pair = CW.chipPair(subject);
    const later = CW.usableDates.find((i) => CW.day(CW.dates[i].utc) >= record.first_high);
    if (pair) CW.change({ date: pair.after });
    else if (later !== undefined) CW.change({ date: later });
  } else if (subject.type === "pile") {
    const i = CW.nearest(record.utc, CW.usableDates);
    if (i >= 0) CW.change({ date: i });
  }
  CW.open(subject);
};

/* ---- layers ---- */
CW.moreLayer = (name) => CW.moreLayers.find((layer) => layer.name === name);
CW.layerSwatch = {
  boundaries: CW.shape.boundary, zones: CW.shape.zone, places: CW.shape.place, footprint: CW.shape.footprint, piles: CW.shape.pile, aoi: CW.shape.aoi, changes: CW.shape.gained,
};
CW.swatch = (name) => {
  const root = CW.svg("svg", { width: 34, height: 18, class: "legend-swatch", "aria-hidden": "true" });
  const s = CW.layerSwatch[name] || (CW.moreLayer(name) && CW.moreStyle(CW.moreLayer(name)));
  if (s) CW.fill(root, CW.svg("rect", { x: 4, y: 4, width: 26, height: 10, fill: s.fill === false ? "none" : s.fillColor, "fill-opacity": 0.5, stroke: s.color, "stroke-width": s.weight, "stroke-dasharray": s.dashArray }));
  if (name === "disturbances") CW.kindsPresent().forEach((kind, k) => CW.fill(root, CW.svg("rect", { x: 2 + k * 5, y: 3, width: 5, height: 12, fill: CW.KINDS_OF_GROUND[kind] })));
  if (name === "points") CW.fill(root, CW.svg("circle", { cx: 17, cy: 9, r: 4, fill: "#fff", stroke: "#10151c" }));
  return name === "hatching" ? CW.el("i", { class: "legend-hatch" }) : root;
};
CW.presentLayers = () => ({ boundaries: CW.data.boundaries, zones: CW.data.zones, footprint: CW.data.footprints, disturbances: CW.data.disturbances, piles: CW.data.piles, changes: CW.data.changes, points: CW.data.points, places: CW.data.places, hatching: CW.dates, aoi: CW.data.site.aoi ? [1] : [], ...Object.fromEntries(CW.moreLayers.map((layer) => [layer.name, layer.rows])) });
CW.drawLayers = () => {
  const sheet = CW.clear(CW.byId("sheet-layers"));
  const present = CW.presentLayers();
  CW.fill(sheet, CW.section(CW.t("legend"), CW.el("ul", { class: "layers" }, CW.layerNames.filter((n) => present[n].length).map((name) =>
    CW.el("li", {}, CW.el("label", {}, CW.el("input", { type: "checkbox", checked: CW.state.layers.includes(name), "data-layer": name, onchange: (e) => CW.toggleLayer(name, e.target.checked) }), CW.swatch(name), CW.moreLayer(name) ? CW.el("span", {}, CW.title(CW.moreLayer(name).title)) : CW.el("span", {}, CW.t(`layer_${name}`), CW.el("span", { class: "small muted" }, CW.t(`layer_${name}_note`)))))))));
  if (CW.kindsPresent().length) CW.fill(sheet, CW.section(CW.t("kind_colours"), CW.el("p", { class: "key small" }, CW.kindsPresent().map((kind) => CW.el("span", {}, CW.el("i", { class: "swatch", style: `--c:${CW.KINDS_OF_GROUND[kind]}` }), ` ${CW.t(`kind_${kind}`)}`)))));
  CW.fill(sheet, CW.el("label", { class: "field opacity" }, CW.el("span", {}, CW.t("opacity")), CW.el("input", { type: "range", id: "opacity", min: "10", max: "100", step: "5", value: Math.round((CW.state.opacity ?? 1) * 100), oninput: (e) => CW.change({ opacity: Number(e.target.value) / 100 }) })), CW.backgroundSection(), CW.imagerySection(), CW.aboutSection());
};
CW.backgroundSection = () => CW.section(CW.t("backgrounds"), CW.el("p", { class: "small warn" }, CW.t("background_warning")),
  CW.el("div", { class: "radios", role: "radiogroup", "aria-label": CW.t("backgrounds") }, ["none", "osm", "esri"].map((name) => CW.el("label", {}, CW.el("input", { type: "radio", name: "background", value: name, checked: (CW.state.background || "none") === name, onchange: () => CW.setBackground(name) }), ` ${name === "none" ? CW.t("background_none") : CW.backgrounds[name].name}`))));
CW.imagerySection = () => {
  const { data } = CW;
  const f = (v) => v.map((x) => x.toFixed(3)).join(", ");
  const rows = Object.entries(data.stretches).map(([id, s]) => [CW.el("dt", {}, CW.t(`view_${id}`)), CW.el("dd", {}, CW.t("stretch_line", { low: f(s.low), high: f(s.high), gamma: s.gamma }))]);
  if (data.change) rows.push([CW.el("dt", {}, CW.t("view_change")), CW.el("dd", {}, CW.t("change_line", { index: data.change.index, limit: data.change.limit, days: data.change.season_days }), CW.el("span", { class: "ramp", "aria-hidden": "true" }))]);
  return CW.section(CW.t("imagery"), CW.el("dl", { class: "facts" }, rows), CW.el("p", { class: "small muted", id: "rule" }, CW.t("rule_line", { days: data.rule.native_days, margin: data.rule.window_margin_m, px: data.rule.overview_px }), data.rule.left_out ? ` ${CW.t("rule_left_out")}` : null), CW.el("p", { class: "small muted" }, data.attribution), CW.el("p", { class: "small muted" }, CW.t("outline_credit", { source: CW.outlineData.source })));
};
CW.aboutSection = () => {
  const { site, run, profile } = CW.data;
  return CW.section(CW.t("about"), CW.facts([
    ["name", CW.name(site.name)], ["name_ko", site.name_ko && CW.name(site.name_ko)], ["aliases", site.aliases.length ? CW.name(site.aliases.join(" · ")) : null], ["kind", site.kind && CW.name(site.kind)], ["status", site.status && CW.name(site.status)],
    ["source", site.source && CW.name(site.source)], ["confidence", site.confidence], ["note", site.note && CW.name(site.note)], ["aoi_note", CW.t("aoi_caveat")],
    ["run", `${run.id} · ${run.version} · ${CW.bothDates(run)}`], ["clock", run.anchor ? CW.t("clock_anchored", run.anchor) : CW.t("clock_own")], ["profile", profile.restricted ? CW.t("profile_restricted") : CW.t("profile_public", { days: profile.delay_days, decimals: profile.decimals ?? 7 })],
  ]));
};
