/* What a click opens: chips before and after, figures with intervals, scenes, the chart of its series. */
CW.selectedSubject = /** @type {any} */ (null);
CW.opener = /** @type {any} */ (null);
CW.attributionShort = () => CW.data.attribution;
/* Titles are words (what, how much, when); ids are for machines and stand among the facts. */
CW.month = (iso) => (iso ? new Date(CW.time(CW.day(iso))).toLocaleDateString(CW.lang === "ko" ? "ko-KR" : "en-GB", { year: "numeric", month: "long", timeZone: "UTC" }) : "");
CW.titleOf = (...parts) => parts.filter(Boolean).join(" · ");
CW.shortArea = (q) => (CW.known(q) ? CW.interval(q, "ha") : "");
CW.subjectTitle = (s) => {
  const r = s.record;
  if (s.type === "boundary") return `${CW.t("boundary_version")} ${r.id}`;
  if (s.type === "zone") return `${CW.word("zone", r.kind)} · ${r.name || r.id}`;
  if (s.type === "point") return r.name || r.id;
  if (s.type === "more") return CW.rowLabel(s.layer, r);
  if (s.type === "change") return `${CW.t("change")} ${r.from} → ${r.to}`;
  if (s.type === "footprint") return `${CW.t("footprint")} ${r.start.slice(0, 4)}`;
  if (s.type === "disturbance") return CW.titleOf(CW.kindWord(r), CW.shortArea(r.area), CW.month(r.first));
  if (s.type === "pile") return CW.titleOf(CW.t("pile"), CW.shortArea(r.area), CW.month(r.utc));
  if (s.type === "place") return CW.titleOf(CW.t("place"), String(CW.data.places.findIndex((p) => p.id === s.key) + 1));
  return `${CW.t(s.type)} ${s.key}`;
};
CW.boundsOf = (geometry) => L.geoJSON(geometry).getBounds();
CW.facts = (rows) => CW.el("dl", { class: "facts" }, rows.filter((r) => r && r[1] !== null && r[1] !== undefined && r[1] !== "").map(([k, v]) => [CW.el("dt", {}, CW.t(k)), CW.el("dd", {}, v)]));
CW.figure = (q, unit, signed) => CW.known(q)
  ? [CW.el("strong", { class: "num" }, CW.interval(q, unit, signed)), " ", CW.el("span", { class: "muted small" }, CW.best(q, unit, signed))]
  : CW.el("span", { class: "muted" }, CW.interval(q, unit));
CW.range = (low, best, high) => (low === high ? best : [CW.el("strong", { class: "num" }, `${low} – ${high}`), " ", CW.el("span", { class: "muted small" }, CW.t("best_date", { value: best }))]);
CW.sceneList = (scenes) => scenes && scenes.length
  ? CW.el("details", { class: "scenes small" }, CW.el("summary", {}, CW.t("scenes_n", { n: scenes.length })), CW.el("ul", {}, scenes.map((s) => CW.el("li", {}, CW.name(s)))))
  : null;
CW.chipTag = (text, kind) => CW.el("span", { class: `chip ${kind || ""}` }, text);

/* ---- chips: crops of the page's own pictures around a geometry ---- */
CW.project = (lat, lng) => [lng, (CW.mercatorY(lat) * 180) / Math.PI];
CW.cropBox = (geometry) => {
  const b = CW.boundsOf(geometry);
  const [w, s] = CW.project(b.getSouth(), b.getWest());
  const [e, n] = CW.project(b.getNorth(), b.getEast());
  const half = Math.max(e - w, n - s) * 0.5 * 1.9 + 0.0004;
  const cx = (w + e) / 2, cy = (s + n) / 2;
  return [cx - half, cy - half, cx + half, cy + half];
};
CW.drawChip = async (canvas, date, geometry, view) => {
  const box = CW.cropBox(geometry);
  const entries = CW.dates[date].pictures[view].length ? CW.dates[date].pictures[view] : CW.dates[date].pictures.true;
  const context = canvas.getContext("2d");
  const scale = canvas.width / (box[2] - box[0]);
  context.imageSmoothingEnabled = false;
  context.fillStyle = "#dfe4e8";
  context.fillRect(0, 0, canvas.width, canvas.height);
  let native = false;
  for (const entry of [...entries].sort((a, b) => (a.role === "copy" ? -1 : 1) - (b.role === "copy" ? -1 : 1))) {
    const [w, s] = CW.project(entry.bounds[1], entry.bounds[0]);
    const [e, n] = CW.project(entry.bounds[3], entry.bounds[2]);
    if (e < box[0] || w > box[2] || n < box[1] || s > box[3]) continue;
    const image = await CW.decode(entry).catch(() => null);
    if (!image) continue;
    context.drawImage(image, (w - box[0]) * scale, (box[3] - n) * scale, (e - w) * scale, (n - s) * scale);
    native = native || entry.role === "native";
  }
  const rings = geometry.type === "Polygon" ? geometry.coordinates : geometry.type === "MultiPolygon" ? geometry.coordinates.flat() : [];
  for (const [colour, width] of [["rgba(0,0,0,.85)", 3.5], ["#ffffff", 1.5]]) {
    context.strokeStyle = colour;
    context.lineWidth = width;
    for (const ring of rings) {
      context.beginPath();
      ring.forEach(([lng, lat], k) => {
        const [px, py] = CW.project(lat, lng);
        context[k ? "lineTo" : "moveTo"]((px - box[0]) * scale, (box[3] - py) * scale);
      });
      context.stroke();
    }
  }
  return native;
};
CW.chip = (date, geometry, key) => {
  const canvas = CW.el("canvas", { width: 300, height: 300, role: "img" });
  const look = CW.dates[date];
  const note = CW.el("span", { class: "muted" });
  canvas.setAttribute("aria-label", `${CW.t(key)} ${CW.day(look.utc)}`);
  CW.drawChip(canvas, date, geometry, CW.state.view === "change" ? "true" : CW.state.view).then((native) => { note.textContent = CW.t(native ? "quality_native" : "quality_copy", { metres: Math.round(CW.data.grid.ground_m) }); });
  return CW.el("figure", { class: "chip-figure" }, canvas, CW.el("figcaption", { class: "small" }, CW.el("strong", {}, `${CW.t(key)} ${CW.day(look.utc)}`), CW.el("br"), note));
};
/* The dates on either side of a finding, chosen with its imagery (detection.look_pairs); or why there are none. */
CW.pairOf = (subject) => CW.data.pairs[`${subject.type}:${subject.key}`];
CW.chipPair = (subject) => {
  const pair = CW.pairOf(subject);
  if (pair && pair.before !== undefined) return pair;
  if (subject.type !== "place" || !CW.usable(CW.state.date)) return null;
  /* A place has no date: what is shown, and one season a year before. */
  const before = CW.sameSeasonLastYear(CW.state.date);
  return before >= 0 ? { before, after: CW.state.date } : null;
};
CW.pairView = (pair, subject) => {
  const found = CW.pairOf(subject);
  if (!pair) return found && found.refused ? CW.el("p", { class: "small muted", id: "no-pair" }, CW.t("no_pair"), " ", CW.lang === "ko" ? CW.t(`pair_${found.refused}`) : found.why) : null;
  return CW.el("div", {},
    CW.el("div", { class: "chips" }, CW.chip(pair.before, subject.record.geometry || CW.zoneShape(subject.key), "before"), CW.chip(pair.after, subject.record.geometry || CW.zoneShape(subject.key), "after")),
    CW.el("p", { class: "credit muted" }, CW.attributionShort()));
};
CW.zoneShape = (id) => (CW.data.zones.find((z) => z.id === id) || {}).geometry;

/* ---- facts by type ---- */
/* The newest figure of a zone that is one; the newest reason why there is none where there never was. */
CW.lastKnown = (zone) => {
  const own = CW.data.areas.filter((a) => a.zone === zone);
  return [...own].reverse().find((a) => CW.known(a.area)) || own[own.length - 1];
};
CW.factsOf = {
  disturbance: (r) => CW.facts([
    ["kind", CW.kindWord(r)], ["area", CW.figure(r.area, "ha")], ["outside_boundary", CW.figure(r.outside, "ha")], ["advance", CW.figure(r.advance, "m")],
    ["bearing", r.bearing === null ? null : `${Math.round(r.bearing)}°`], ["first_seen", CW.range(r.first_low, r.first, r.first_high)],
    ["persistent_since", r.persistent], ["closed_on", r.closed], ["relation", `${CW.word("relation", r.relation)}${r.boundary_id ? ` (${r.boundary_id})` : ""}`],
    ["cause", r.cause && CW.name(r.cause)], ["review_state", CW.reviewWord(r.id)], ["id", CW.name(r.id)],
  ]),
  pile: (r) => CW.facts([
    ["area", CW.figure(r.area, "ha")], ["measured", CW.bothDates(r)], ["first_seen", r.first], ["last_seen", r.last],
    ["parents", r.parents.join(", ")], ["review_state", CW.reviewWord(r.id)], ["id", CW.name(r.id)],
  ]),
  zone: (r) => {
    const last = CW.lastKnown(r.id);
    return CW.facts([["kind", CW.word("zone", r.kind)], ["stockpile_area", last && CW.figure(last.area, "ha")], ["measured", last && CW.bothDates(last)], ["valid_share", last && CW.percent(last.valid)], ["bands", last && last.bands.join(", ")], ["review_state", last && CW.reviewWord(r.id)]]);
  },
  boundary: (r) => CW.facts([
    ["valid_from", r.from], ["valid_to", r.to], ["extent", CW.word("extent", r.extent)], ["basis", r.basis && CW.word("basis", r.basis)], ["source", r.source && CW.name(r.source)],
    ["accuracy", r.accuracy_m === null ? null : `${r.accuracy_m} m ${r.accuracy_kind || ""}`], ["traced_on", r.image && CW.name(r.image.filter(Boolean).join(" · "))], ["digitised_by", r.digitised_by && CW.name(r.digitised_by)], ["note", r.note && CW.name(r.note)],
  ]),
  footprint: (r) => CW.facts([
    ["epoch", CW.epoch(r)], ["disturbed", CW.figure(r.area, "ha")], ["inside", CW.figure(r.inside, "ha")], ["outside", CW.figure(r.outside, "ha")],
    ["open_ground", r.terms.open && CW.figure(r.terms.open, "ha")], ["waiting", r.terms.waiting && CW.figure(r.terms.waiting, "ha")], ["bare_at_start", r.terms.bare_at_start && CW.figure(r.terms.bare_at_start, "ha")],
    ["valid_share", CW.percent(r.valid)], ["looks", r.n_scenes],
  ]),
  more: (r) => CW.moreCard(CW.selectedSubject.layer, r),
  change: (r) => CW.facts([["extent", CW.word("compared", r.extent)], ["gained", CW.figure(r.gained, "ha")], ["lost", CW.figure(r.lost, "ha")], ["net", CW.figure(r.net, "ha", true)], ["advance", CW.figure(r.advance, "m")], ["cause", CW.word("cause", r.cause)],
    ["overlay", r.overlay_gained === null || r.overlay_gained === undefined ? null : CW.t("overlay_value", { gained: CW.num(r.overlay_gained), lost: CW.num(r.overlay_lost) })],
    ["shift", r.shift_east === null || r.shift_east === undefined ? null : CW.t("shift_value", { east: CW.num(r.shift_east), north: CW.num(r.shift_north), out: CW.num(r.offset ?? 0) })],
    ["threshold", r.threshold === null || r.threshold === undefined ? null : `${CW.num(r.threshold)} m`],
    ["compared_line", r.compared ? CW.t("compared_value", { metres: CW.num(r.compared), share: CW.percent(r.stable) }) : null], ["review_state", CW.reviewWord(CW.changeSubject(r).key)]]),
  place: (r) => CW.el("p", { class: "small" }, CW.t("place_note"), " ", CW.el("span", { class: "muted" }, CW.reviewWord(r.id))),
  point: (r) => CW.facts([["source", r.source && CW.name(r.source)], ["accuracy", r.accuracy_m === null ? null : `${r.accuracy_m} m`], ["confidence", r.confidence], ["note", r.note && CW.name(r.note)]]),
};
CW.seriesOf = (type, key) => ({
  line: CW.data.series.filter((s) => s.subject === key).map((s) => ({ utc: s.utc, q: s.value })),
  points: type === "pile" ? CW.data.piles.filter((p) => p.id === key).map((p) => ({ utc: p.utc, q: p.area }))
    : type === "zone" ? CW.data.areas.filter((a) => a.zone === key).map((a) => ({ utc: a.utc, q: a.area, floor: a.below_floor })) : [],
});
CW.tagsOf = (subject) => {
  const r = subject.record;
  if (subject.type === "change" && r.extent === "partial") return CW.el("p", { class: "tags" }, CW.chipTag(CW.t("compared_partial"), "partial"));
  if (subject.type !== "disturbance") return null;
  return CW.el("p", { class: "tags" }, CW.kindTag(r), CW.chipTag(CW.word("machine", r.status), r.status), CW.chipTag(CW.word("relation", r.relation), `relation-${r.relation}`), CW.isNew(r) ? CW.chipTag(CW.t("new"), "new") : null);
};
CW.scenesOf = (s) => {
  if (s.record.scenes) return CW.sceneList(s.record.scenes);
  if (s.type !== "pile") return null;
  const look = CW.dates.find((d) => d.utc === s.record.utc);
  return look ? CW.el("div", {}, CW.facts([["valid_share", CW.percent(look.valid)], ["status", CW.word("status", look.status)]]), CW.sceneList([look.scene])) : null;
};
CW.card = (subject) => {
  const { record, type, key } = subject;
  const pair = (record.geometry || CW.zoneShape(key)) && CW.chipPair(subject);
  const card = CW.el("article", { class: "card", "data-subject": key, lang: CW.lang });
  CW.fill(card, CW.el("h3", {}, type === "boundary" || type === "zone" || type === "point" ? CW.name(CW.subjectTitle(subject)) : CW.subjectTitle(subject)), CW.tagsOf(subject), CW.pairView(pair, subject));
  CW.fill(card, CW.factsOf[type](record), CW.checkOf[type] && CW.standing(CW.data.checks[CW.checkOf[type]]), CW.scenesOf(subject));
  const series = CW.seriesOf(type, key);
  if (series.line.length || series.points.length > 1) {
    const host = CW.el("div", { class: "chart-host" });
    CW.fill(card, CW.el("h4", {}, CW.t("series_of_this")), host);
    requestAnimationFrame(() => CW.timeChart(host, { ...series, unit: "ha", label: CW.t("series_of_this"), height: 130 }));
  }
  if (type === "pile" || type === "zone") CW.fill(card, CW.el("p", { class: "muted small" }, CW.t("coal_caveat")));
  const buttons = CW.el("p", { class: "card-buttons" });
  if (pair) CW.fill(buttons, CW.el("button", { type: "button", class: "quiet", onclick: () => { CW.change({ compare: true, before: pair.before, date: pair.after }); } }, CW.t("compare_these")));
  if (["disturbance", "pile", "zone", "change", "place"].includes(type)) CW.fill(buttons, CW.el("button", { type: "button", class: "solid", onclick: () => CW.startReview(subject) }, CW.t("review_this")));
  CW.fill(card, buttons);
  return card;
};
/* The card covers the panel, on a phone the lower part of the screen: the map and the swipe stay in sight. */
CW.open = (subject) => {
  /* A finding that is a speck on the map, or beside it, is brought near. */
  if (["disturbance", "pile", "change"].includes(subject.type) && subject.record.geometry) {
    const box = CW.boundsOf(subject.record.geometry), view = CW.map.getBounds();
    if (!view.contains(box) || box.getEast() - box.getWest() < 0.06 * (view.getEast() - view.getWest())) CW.zoomTo(subject);
  }
  CW.opener = document.activeElement;
  CW.selectedSubject = subject;
  CW.drawCard();
  /* Comparing goes on with this finding's own dates, never with those of the last one. */
  const pair = CW.state.compare && CW.chipPair(subject);
  CW.change({ selected: subject.key, ...(pair ? { before: pair.before, date: pair.after } : {}) });
  CW.byId("card-close").focus({ preventScroll: true });
};
CW.drawCard = () => {
  const host = CW.clear(CW.byId("card"));
  const subject = CW.selectedSubject;
  host.hidden = !subject;
  CW.byId("app").classList.toggle("has-card", Boolean(subject));
  CW.markSelected();
  if (!subject) return;
  host.setAttribute("aria-label", CW.subjectTitle(subject).slice(0, 200));
  CW.fill(host, CW.el("button", { type: "button", class: "card-close", id: "card-close", "aria-label": CW.t("close"), title: CW.t("close"), onclick: CW.closeCard }, "×"), CW.card(subject));
  host.scrollTop = 0;
};
CW.closeCard = () => {
  if (!CW.selectedSubject) return;
  CW.selectedSubject = null;
  CW.drawCard();
  CW.change({ selected: null });
  if (CW.opener && CW.opener.isConnected) CW.opener.focus({ preventScroll: true });
};
CW.markSelected = () => {
  const judged = CW.state.tab === "review" && CW.reviewSubject;
  const key = (CW.selectedSubject || judged || {}).key;
  for (const path of CW.map.getContainer().querySelectorAll("path[data-subject]")) path.classList.toggle("is-selected", path.dataset.subject === key);
};
CW.findSubject = (key) => {
  const { data } = CW;
  const d = data.disturbances.find((x) => x.id === key);
  if (d) return { type: "disturbance", key, record: d };
  const p = [...data.piles].reverse().find((x) => x.id === key);
  if (p) return { type: "pile", key, record: p };
  const place = data.places.find((x) => x.id === key);
  if (place) return { type: "place", key, record: place };
  const change = data.changes.map(CW.changeSubject).find((x) => x.key === key);
  if (change) return change;
  const z = data.zones.find((x) => x.id === key);
  return z ? { type: "zone", key, record: z } : null;
};
