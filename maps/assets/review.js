/* Review in the page: two fields for likelihood and confidence, evidence named, the second reviewer blind; kept as a file. */
CW.verdicts = [];
CW.observations = [];
CW.reviewer = "";
CW.unsaved = false;
CW.REVIEW = {
  verdict: ["accepted", "rejected", "undecided"],
  reason: ["ground_works", "pit_or_spoil", "probable_coal", "construction", "perimeter", "agriculture", "vegetation", "cloud_or_shadow", "snow_or_water", "misregistration", "cannot_tell", "other"],
  likelihood: ["almost_no_chance", "very_unlikely", "unlikely", "roughly_even", "likely", "very_likely", "almost_certain"],
  confidence: ["high", "moderate", "low"],
  cause: ["ground", "reinterpretation", "registration"],
};
CW.CODE = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,31}$/;
CW.reviewOf = (key) => CW.data.reviews[key] || { state: "none", reviewers: [], verdicts: [] };
CW.KINDS = { change: "boundary_change" };
CW.queued = (key) => CW.data.queue.find((item) => item.subject === key);
CW.reviewWord = (key) => CW.t(`review_${CW.queued(key)?.status || CW.reviewOf(key).state}`);
CW.SETTLED = ["accepted", "rejected", "undecided"];
CW.own = () => CW.verdicts.filter((v) => v.by === CW.reviewer);
CW.ownObservations = () => CW.observations.filter((o) => o.by === CW.reviewer);
CW.field = (id, label, control, note) => CW.el("div", { class: "field" }, CW.el("label", { for: id }, CW.t(label)), CW.set(control, { id }), note ? CW.el("p", { class: "small muted" }, CW.t(note)) : null);
CW.choices = (group, type) => CW.el("select", {}, CW.el("option", { value: "" }, CW.t("choose")), CW.REVIEW[group].map((code) => CW.el("option", { value: code }, CW.t(CW.has(`${group}_${type}_${code}`) ? `${group}_${type}_${code}` : `${group}_${code}`))));
CW.startReview = (subject) => {
  CW.reviewSubject = subject;
  CW.evidence = [];
  CW.closeCard();
  CW.change({ tab: "review" });
  CW.drawReview();
  CW.markSelected();
  CW.byId("review-subject")?.focus();
};
/* In the order of the queue; without one, all findings. */
CW.reviewable = () => {
  if (CW.data.queue.length) return CW.data.queue.map((item) => CW.findSubject(item.subject)).filter(Boolean);
  const latest = new Map();
  for (const p of CW.data.piles) latest.set(p.id, { type: "pile", key: p.id, record: p });
  const zones = CW.data.zones.filter((z) => CW.lastKnown(z.id)).map((z) => ({ type: "zone", key: z.id, record: z }));
  return [...CW.data.disturbances.map((d) => ({ type: "disturbance", key: d.id, record: d })), ...latest.values(), ...zones, ...CW.data.changes.map(CW.changeSubject)];
};
CW.drawReview = () => {
  const sheet = CW.clear(CW.byId("sheet-review"));
  CW.fill(sheet, CW.section(CW.t("reviewer"), CW.el("p", { class: "small muted" }, CW.t("reviewer_note")),
    CW.field("reviewer", "reviewer_code", CW.el("input", { value: CW.reviewer, autocomplete: "off", spellcheck: "false", maxlength: "32", onchange: (e) => CW.setReviewer(e.target.value.trim()) }))));
  if (!CW.reviewer) return;
  CW.fill(sheet, CW.verdictSection(), CW.observationSection(), CW.exportSection());
};
/* Another code, another person: nothing that the last one wrote stays on the page. */
CW.setReviewer = (code) => {
  if (code && !CW.CODE.test(code)) { CW.say(CW.t("code_invalid")); return; }
  CW.reviewer = code;
  CW.evidence = [];
  CW.outline = null;
  CW.drawReview();
  CW.drawFindings();
  if (code) CW.byId("review-subject")?.focus();
};
CW.verdictSection = () => {
  const chosen = CW.reviewSubject;
  const all = CW.reviewable();
  const done = (s) => CW.SETTLED.includes(CW.queued(s.key)?.status) || CW.own().some((v) => v.subject === s.key);
  const options = (list) => list.map((s) => CW.el("option", { value: s.key, selected: chosen && chosen.key === s.key }, `${CW.subjectTitle(s)} · ${CW.reviewWord(s.key)}`));
  const groups = [["waiting", all.filter((s) => !done(s))], ["settled", all.filter(done)]].filter(([, list]) => list.length);
  const select = CW.el("select", { onchange: (e) => { const found = all.find((s) => s.key === e.target.value); if (found) CW.lookAt(found); CW.startReview(found || null); } },
    CW.el("option", { value: "" }, CW.t("choose")), groups.map(([name, list]) => CW.el("optgroup", { label: CW.t(name, { n: list.length }) }, options(list))));
  const block = CW.section(CW.t("verdict_section"), CW.field("review-subject", "finding", select));
  if (chosen) CW.fill(block, CW.verdictForm(chosen));
  return block;
};
/* The ground in question, in sight while the verdict is given. */
CW.lookAt = (subject) => {
  if (subject.type === "place" && !CW.state.layers.includes("places")) CW.toggleLayer("places", true);
  if (subject.record.geometry) CW.map.fitBounds(CW.boundsOf(subject.record.geometry).pad(2.2), { maxZoom: 17, animate: false });
};
CW.verdictForm = (subject) => {
  const state = CW.reviewOf(subject.key);
  if (state.reviewers.includes(CW.reviewer)) return CW.el("p", { class: "warn" }, CW.t("same_reviewer"));
  if (CW.own().some((v) => v.subject === subject.key)) return CW.el("p", { class: "good" }, CW.t("already_given"));
  const item = CW.queued(subject.key);
  const parts = [CW.el("p", { class: "small muted" }, CW.t(state.state === "none" ? "first_review_note" : "blind_note"))];
  if (item && item.because.length) parts.push(CW.el("p", { class: "small warn" }, CW.t("reopened_because", { why: item.because.slice(0, 3).join("; ") })));
  if (subject.type === "place") parts.push(CW.el("p", { class: "small" }, CW.t("place_note")));
  if (state.state === "two") parts.push(CW.el("details", { class: "small" }, CW.el("summary", {}, CW.t("both_verdicts")), state.verdicts.map((v) => CW.el("p", {}, CW.name(v.reviewer), `: ${CW.t(`verdict_${v.verdict}`)}, ${CW.word("likelihood", v.likelihood)}; ${CW.word("confidence", v.confidence)}`))));
  parts.push(CW.field("r-verdict", "verdict", CW.choices("verdict", subject.type)), CW.field("r-reason", "reason", CW.choices("reason")), CW.field("r-likelihood", "likelihood", CW.choices("likelihood"), "likelihood_note"), CW.field("r-confidence", "confidence", CW.choices("confidence"), "confidence_note"));
  if (subject.type === "change") parts.push(CW.field("r-cause", "cause", CW.choices("cause"), "cause_note"));
  parts.push(CW.evidenceFields(), CW.field("r-note", "note", CW.el("textarea", { rows: "3", maxlength: "4000" })), CW.el("p", { class: "fault", id: "r-fault", role: "alert" }), CW.el("button", { type: "submit", class: "solid" }, CW.t("keep_verdict")));
  return CW.el("form", { id: "verdict-form", onsubmit: (e) => { e.preventDefault(); CW.keepVerdict(subject); } }, parts);
};
CW.evidenceFields = () => {
  const list = CW.el("ul", { class: "evidence", id: "evidence" });
  const draw = () => CW.fill(CW.clear(list), CW.evidence.map((e, k) => CW.el("li", {}, CW.name(`${e.provider} · ${e.image_id} · ${e.date} · ${e.resolution_m} m`), CW.el("button", { type: "button", class: "link", "aria-label": `${CW.t("remove")} ${e.image_id}`, onclick: () => { CW.evidence.splice(k, 1); draw(); } }, CW.t("remove")))));
  const input = (id, label, type) => CW.el("label", { for: id }, CW.el("span", {}, CW.t(label)), CW.el("input", { id, type, step: "any", min: type === "number" ? "0.01" : null, max: type === "number" ? "1000" : null, maxlength: "300" }));
  draw();
  return CW.el("fieldset", {}, CW.el("legend", {}, CW.t("evidence_viewed")), CW.el("p", { class: "small muted" }, CW.t("evidence_note")), list,
    CW.el("div", { class: "grid2" }, input("e-provider", "provider", "text"), input("e-id", "image_id", "text"), input("e-date", "date", "date"), input("e-res", "resolution_m", "number")),
    CW.el("p", { class: "row" }, CW.el("button", { type: "button", class: "quiet", id: "e-add", onclick: () => { const e = CW.readImage("e"); if (!e) { CW.say(CW.t("image_incomplete")); return; } CW.evidence.push(e); draw(); } }, CW.t("add_image")),
      CW.usable(CW.state.date) ? CW.el("button", { type: "button", class: "quiet", id: "e-shown", onclick: () => { CW.evidence.push(CW.shownImage()); draw(); } }, CW.t("add_shown")) : null));
};
CW.shownImage = () => ({ provider: CW.data.simulated ? "simulated" : "Copernicus Sentinel", image_id: CW.dates[CW.state.date].scene || CW.dates[CW.state.date].utc, date: CW.day(CW.dates[CW.state.date].utc), resolution_m: CW.data.grid ? Math.round(CW.data.grid.ground_m) : 10 });
CW.readImage = (prefix) => {
  const value = (id) => CW.byId(`${prefix}-${id}`).value.trim();
  const image = { provider: value("provider"), image_id: value("id"), date: value("date"), resolution_m: Number(value("res")) };
  return image.provider && image.image_id && image.date && image.resolution_m > 0 ? image : null;
};
CW.keepVerdict = (subject) => {
  const value = (id) => CW.byId(id).value;
  const fault = (key, id) => { CW.byId("r-fault").textContent = CW.t(key); CW.byId(id).focus(); };
  const verdict = value("r-verdict");
  if (!verdict) return fault("fault_verdict", "r-verdict");
  if (!value("r-reason")) return fault("fault_reason", "r-reason");
  if (verdict !== "undecided" && !value("r-likelihood")) return fault("fault_likelihood", "r-likelihood");
  if (verdict !== "undecided" && !value("r-confidence")) return fault("fault_confidence", "r-confidence");
  const cause = (subject.type === "change" && value("r-cause")) || null;
  if ((verdict === "accepted" || cause) && !CW.evidence.length) return fault("fault_evidence", "e-provider");
  CW.verdicts.push({ by: CW.reviewer, subject: subject.key, subject_kind: CW.KINDS[subject.type] || subject.type, verdict, reason_code: value("r-reason"), cause, likelihood: value("r-likelihood") || null, confidence: value("r-confidence") || null, evidence_viewed: [...CW.evidence], note: value("r-note"), reviewed_at: new Date().toISOString(), blind: CW.reviewOf(subject.key).state !== "two" && !CW.queued(subject.key)?.shown });
  CW.unsaved = true;
  CW.evidence = [];
  CW.reviewSubject = null;
  CW.drawReview();
  CW.announce(CW.t("verdict_kept"));
  return undefined;
};
/* ---- manual observations ---- */
CW.observationSection = () => {
  const kind = CW.el("select", {}, ["outline", "count", "absent"].map((k) => CW.el("option", { value: k }, CW.t(`observation_${k}`))));
  const shown = CW.usable(CW.state.date) ? CW.shownImage() : { provider: "", image_id: "", date: "", resolution_m: "" };
  const input = (id, label, type, value) => CW.el("label", { for: id }, CW.el("span", {}, CW.t(label)), CW.el("input", { id, type, step: "any", min: type === "number" ? "0" : null, maxlength: "300", value }));
  return CW.el("details", { class: "block", id: "observation-block", open: CW.observing || null, ontoggle: (e) => { CW.observing = e.target.open; } }, CW.el("summary", {}, CW.t("observation_section")),
    CW.el("form", { id: "observation-form", onsubmit: (e) => { e.preventDefault(); CW.keepObservation(); } }, CW.el("p", { class: "small muted" }, CW.t("observation_note")),
      CW.field("o-kind", "kind", kind), CW.field("o-label", "observation_label", CW.el("input", { maxlength: "300" })), CW.field("o-value", "observation_value", CW.el("input", { type: "number", min: "0", step: "any" })),
      CW.el("p", { class: "row" }, CW.el("button", { type: "button", class: "quiet", id: "o-draw", onclick: () => CW.startTool("outline", (shape) => { CW.outline = shape; CW.byId("o-drawn").textContent = CW.outlineText(); }) }, CW.t("draw")), CW.el("span", { class: "small", id: "o-drawn", role: "status" }, CW.outlineText())),
      CW.el("fieldset", {}, CW.el("legend", {}, CW.t("image_seen")), CW.el("div", { class: "grid2" }, input("o-provider", "provider", "text", shown.provider), input("o-id", "image_id", "text", shown.image_id), input("o-date", "date", "date", shown.date), input("o-res", "resolution_m", "number", shown.resolution_m))),
      CW.field("o-note", "note", CW.el("textarea", { rows: "2", maxlength: "4000" })), CW.el("p", { class: "fault", id: "o-fault", role: "alert" }), CW.el("button", { type: "submit", class: "solid" }, CW.t("keep_observation"))));
};
CW.outlineText = () => {
  if (!CW.outline) return "";
  const ring = CW.outline.coordinates[0].slice(0, -1).map(([lng, lat]) => L.latLng(lat, lng));
  return CW.t("outline_drawn", { area: CW.num(CW.ringArea(ring) / 1e4) });
};
CW.keepObservation = () => {
  const value = (id) => CW.byId(id).value.trim();
  const fault = (key, id) => { CW.byId("o-fault").textContent = CW.t(key); CW.byId(id).focus(); };
  const kind = value("o-kind");
  if (!value("o-label")) return fault("fault_label", "o-label");
  if (kind === "outline" && !CW.outline) return fault("fault_outline", "o-draw");
  if (kind === "count" && value("o-value") === "") return fault("fault_count", "o-value");
  const image = CW.readImage("o");
  if (!image) return fault("image_incomplete", "o-provider");
  CW.observations.push({ by: CW.reviewer, kind, label: value("o-label"), value: value("o-value") === "" ? null : Number(value("o-value")), geometry: CW.outline, image, observed_at: new Date().toISOString(), note: value("o-note") });
  CW.outline = null;
  CW.unsaved = true;
  CW.drawReview();
  CW.announce(CW.t("observation_kept"));
  return undefined;
};
/* ---- the file ---- */
CW.exportSection = () => {
  const own = CW.own(), seen = CW.ownObservations();
  const without = ({ by, ...rest }) => rest;
  const lines = [...own.map((v) => CW.el("li", {}, CW.name(v.subject), `: ${CW.t(`verdict_${v.verdict}`)}`)), ...seen.map((o) => CW.el("li", {}, `${CW.t(`observation_${o.kind}`)}: `, CW.name(o.label)))];
  const save = () => {
    const file = { format: "campwatch-review/1", site_id: CW.data.site.id, run_id: CW.data.run.id, map_version: CW.data.run.version, reviewer: CW.reviewer, exported_at: new Date().toISOString(), verdicts: own.map(without), observations: seen.map(without) };
    const link = CW.el("a", { href: URL.createObjectURL(new Blob([JSON.stringify(file, null, 1)], { type: "application/json" })), download: `review-${CW.data.site.id}-${CW.reviewer}-${file.exported_at.slice(0, 19).replace(/[:T]/g, "")}.json` });
    document.body.append(link);
    link.click();
    link.remove();
    CW.unsaved = false;
  };
  return CW.section(CW.t("export_section"), lines.length ? CW.el("ul", { class: "small kept" }, lines) : CW.el("p", { class: "muted" }, CW.t("nothing_kept")), CW.el("p", { class: "small muted" }, CW.t("export_note")),
    CW.el("button", { type: "button", class: "solid", id: "download", disabled: !lines.length, onclick: save }, CW.t("download")));
};
window.addEventListener("beforeunload", (event) => { if (CW.unsaved) event.preventDefault(); });
