/* Review in the page: one key or click per verdict, evidence named, the second reviewer blind; into a file, or live. */
CW.reviewSubject = /** @type {any} */ (null);
CW.outline = /** @type {any} */ (null);
CW.lastKept = /** @type {any} */ (null);
CW.again = /** @type {any} */ (null);
CW.draftTimer = /** @type {any} */ (null);
CW.sending = 0;
CW.stored = 0;
CW.allFields = false;
CW.observing = false;
CW.verdicts = [];
CW.observations = [];
CW.reviewer = "";
CW.unsaved = false;
CW.drafts = {};
CW.sticky = { likelihood: "", confidence: "" };
CW.REVIEW = {
  verdict: ["accepted", "rejected", "undecided"],
  reason: ["ground_works", "pit_or_spoil", "probable_coal", "construction", "perimeter", "agriculture", "vegetation", "cloud_or_shadow", "snow_or_water", "misregistration", "cannot_tell", "other"],
  likelihood: ["almost_no_chance", "very_unlikely", "unlikely", "roughly_even", "likely", "very_likely", "almost_certain"],
  confidence: ["high", "moderate", "low"],
  cause: ["ground", "reinterpretation", "registration"],
};
/* One key each: what such a finding most often is, and is not. All other pairs are in the whole form. */
CW.QUICK = {
  disturbance: ["accepted ground_works", "accepted pit_or_spoil", "accepted construction", "rejected agriculture", "rejected vegetation", "rejected cloud_or_shadow", "rejected snow_or_water", "rejected misregistration"],
  pile: ["accepted probable_coal", "rejected ground_works", "rejected pit_or_spoil", "rejected construction", "rejected vegetation", "rejected cloud_or_shadow", "rejected snow_or_water", "rejected misregistration"],
  change: ["accepted perimeter", "accepted construction", "rejected misregistration", "rejected vegetation", "rejected other"],
  place: ["accepted ground_works", "accepted pit_or_spoil", "accepted probable_coal", "accepted construction", "rejected vegetation", "rejected agriculture", "rejected other"],
};
CW.QUICK_AS = { zone: "pile" };
CW.quickOf = (subject) => [...(CW.QUICK[CW.QUICK_AS[subject.type] || subject.type] || []), "undecided cannot_tell"].map((pair, k, all) => { const [verdict, reason] = pair.split(" "); return { verdict, reason, key: k === all.length - 1 ? "0" : String(k + 1) }; });
CW.CODE = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,31}$/;
CW.reviewOf = (key) => CW.data.reviews[key] || { state: "none", reviewers: [], verdicts: [] };
CW.KINDS = { change: "boundary_change" };
CW.queued = (key) => CW.data.queue.find((item) => item.subject === key);
CW.reviewWord = (key) => CW.t(`review_${CW.queued(key)?.status || CW.reviewOf(key).state}`);
CW.SETTLED = ["accepted", "rejected", "undecided"];
CW.own = () => CW.verdicts.filter((v) => v.by === CW.reviewer);
CW.ownObservations = () => CW.observations.filter((o) => o.by === CW.reviewer);
CW.field = (id, label, control, note) => CW.el("div", { class: "field" }, CW.el("label", { for: id }, CW.t(label)), CW.set(control, { id }), note ? CW.el("p", { class: "small muted" }, CW.t(note)) : null);
CW.choices = (group, type, chosen) => CW.el("select", {}, CW.el("option", { value: "" }, CW.t("choose")), CW.REVIEW[group].map((code) => CW.el("option", { value: code, selected: code === chosen }, CW.t(CW.has(`${group}_${type}_${code}`) ? `${group}_${type}_${code}` : `${group}_${code}`))));
/* On a phone the panel lies under the map: the desk comes into view by itself. */
CW.focusDesk = () => {
  const desk = CW.byId("sheet-review").querySelector(".desk");
  (desk || CW.byId("review-subject"))?.focus({ preventScroll: true });
  if (desk && CW.narrow()) window.scrollTo({ top: desk.getBoundingClientRect().top + window.scrollY - 64 });
};
/* The desk, or first the question who reads. */
CW.openReview = () => {
  CW.closeCard();
  CW.change({ tab: "review" });
  if (!CW.reviewer) CW.byId("reviewer")?.focus();
  else if (CW.deskSubject()) CW.focusDesk();
  else CW.goTo(1);
};
CW.startReview = (subject) => {
  CW.reviewSubject = subject;
  CW.closeCard();
  CW.change({ tab: "review" });
  CW.drawReview();
  CW.markSelected();
  CW.byId("pages").scrollTop = 0;
  CW.focusDesk();
};
/* In the order of the queue; without one, all findings. */
CW.reviewable = () => {
  if (CW.data.queue.length) return CW.data.queue.map((item) => CW.findSubject(item.subject)).filter(Boolean);
  const latest = new Map();
  for (const p of CW.data.piles) latest.set(p.id, { type: "pile", key: p.id, record: p });
  const zones = CW.data.zones.filter((z) => CW.lastKnown(z.id)).map((z) => ({ type: "zone", key: z.id, record: z }));
  return [...CW.data.disturbances.map((d) => ({ type: "disturbance", key: d.id, record: d })), ...latest.values(), ...zones, ...CW.data.changes.map(CW.changeSubject)];
};
CW.judgedByMe = (key) => CW.own().some((v) => v.subject === key) || CW.reviewOf(key).reviewers.includes(CW.reviewer);
CW.waitsForMe = (s) => !CW.SETTLED.includes(CW.queued(s.key)?.status) && !CW.judgedByMe(s.key);
/* What was begun on a finding: it survives another finding, another language and, live, another day. */
CW.draftOf = (key) => (CW.drafts[key] ||= { verdict: "", reason: "", cause: "", evidence: null, note: "", ...CW.sticky });
CW.draftTo = (key, patch) => {
  Object.assign(CW.draftOf(key), patch);
  if (!CW.live || !CW.reviewer) return;
  clearTimeout(CW.draftTimer);
  const draft = CW.drafts[key];
  CW.draftTimer = setTimeout(() => CW.post("/api/draft", { subject: key, draft }).catch((problem) => CW.say(problem.message)), 400);
};
CW.drawReview = () => {
  const sheet = CW.clear(CW.byId("sheet-review"));
  if (CW.live && !CW.live.review) { CW.fill(sheet, CW.el("p", { class: "muted" }, CW.t("read_only"))); return; }
  CW.fill(sheet, CW.reviewerSection());
  if (!CW.reviewer) return;
  if (CW.labelTask() && CW.labelOpen) { CW.fill(sheet, CW.labelSection()); return; }
  CW.fill(sheet, CW.verdictSection(), CW.labelSection(), CW.observationSection(), CW.live ? null : CW.exportSection());
};
CW.reviewerSection = () => {
  if (CW.live && CW.live.reader) return CW.el("p", { class: "small muted", id: "who" }, CW.t("reads_here"), " ", CW.el("strong", {}, CW.live.reader), " · ", CW.t("next_reader"));
  const given = Boolean(CW.reviewer);
  return CW.el("section", { class: given ? "block who-line" : "block" }, given ? null : [CW.el("h2", {}, CW.t("reviewer")), CW.el("p", { class: "small muted" }, CW.t(CW.live ? "reviewer_note_live" : "reviewer_note"))],
    CW.field("reviewer", "reviewer_code", CW.el("input", { value: CW.reviewer, autocomplete: "off", spellcheck: "false", maxlength: "32", onchange: (e) => CW.setReviewer(e.target.value.trim()), onkeydown: (e) => { if (e.key === "Enter") e.target.blur(); } })));
};
/* Another code, another person: nothing that the last one wrote stays on the page. */
CW.setReviewer = async (code) => {
  if (code === CW.reviewer) return;
  if (code && !CW.CODE.test(code)) { CW.say(CW.t("code_invalid")); return; }
  CW.drafts = {};
  if (CW.live) {
    try {
      const told = await CW.post("/api/reader", { code });
      CW.drafts = told.drafts;
      CW.live.labelling = told.labelling;
    } catch (problem) { CW.say(problem.message); return; }
    CW.live.reader = code;
  }
  CW.reviewer = code;
  CW.outline = null;
  CW.sticky = { likelihood: "", confidence: "" };
  if (code && !CW.reviewSubject) CW.reviewSubject = CW.reviewable().find(CW.waitsForMe) || null;
  if (CW.reviewSubject) CW.lookAt(CW.reviewSubject);
  CW.drawReview();
  CW.drawFindings();
  if (code) CW.focusDesk();
};
CW.verdictSection = () => {
  const chosen = CW.reviewSubject;
  const all = CW.reviewable();
  const done = (s) => !CW.waitsForMe(s);
  const options = (list) => list.map((s) => CW.el("option", { value: s.key, selected: chosen && chosen.key === s.key }, `${CW.subjectTitle(s)} · ${CW.reviewWord(s.key)}`));
  const groups = [["waiting", all.filter((s) => !done(s))], ["settled", all.filter(done)]].filter(([, list]) => list.length);
  const select = CW.el("select", { onchange: (e) => { const found = all.find((s) => s.key === e.target.value); if (found) CW.lookAt(found); CW.startReview(found || null); } },
    CW.el("option", { value: "" }, CW.t("choose")), groups.map(([name, list]) => CW.el("optgroup", { label: CW.t(name, { n: list.length }) }, options(list))));
  const waiting = all.filter((s) => !done(s)).length;
  const move = (by, key, label) => CW.el("button", { type: "button", class: "quiet", id: `go-${label}`, title: `${CW.t(label)} (${key})`, onclick: () => CW.goTo(by) }, CW.t(label));
  const block = CW.el("section", { class: "block", id: "desk" }, CW.el("h2", {}, CW.t("verdict_section"), " ", CW.el("span", { class: "small muted", id: "desk-left" }, CW.t("left_to_judge", { n: waiting, all: all.length }))),
    CW.el("div", { class: "desk-move" }, move(-1, "P", "previous"), CW.field("review-subject", "finding", select), move(1, "N", "next")), CW.keptLine());
  if (chosen) CW.fill(block, CW.verdictForm(chosen));
  else if (all.length && !waiting) CW.fill(block, CW.el("p", { class: "good" }, CW.t("all_judged")));
  return block;
};
CW.goTo = (by) => {
  const all = CW.reviewable();
  const open = all.filter(CW.waitsForMe);
  const list = open.length ? open : all;
  if (!list.length) return;
  const here = CW.reviewSubject ? all.findIndex((s) => s.key === CW.reviewSubject.key) : -1;
  const at = (s) => all.findIndex((x) => x.key === s.key);
  const next = by > 0 ? list.find((s) => at(s) > here) || list[0] : [...list].reverse().find((s) => at(s) < here) || list[list.length - 1];
  CW.lookAt(next);
  CW.startReview(next);
};
/* The ground in question and its two dates, in sight while the verdict is given. */
CW.lookAt = (subject) => {
  if (subject.type === "place" && !CW.state.layers.includes("places")) CW.toggleLayer("places", true);
  const shape = subject.record.geometry || CW.zoneShape(subject.key);
  if (shape) CW.zoomOn(shape);
  const pair = CW.chipPair(subject);
  if (pair) CW.change({ date: pair.after, before: pair.before });
};
CW.lineOfFacts = (subject) => {
  const r = subject.record;
  const parts = {
    disturbance: () => [CW.interval(r.area, "ha"), `${CW.t("first_seen")} ${r.first_low === r.first_high ? r.first : `${r.first_low} – ${r.first_high}`}`, CW.word("relation", r.relation), CW.word("machine", r.status)],
    pile: () => [CW.interval(r.area, "ha"), `${CW.t("first_seen")} ${r.first}`, `${CW.t("last_seen")} ${r.last}`],
    zone: () => { const last = CW.lastKnown(r.id); return last ? [CW.interval(last.area, "ha"), CW.day(last.utc)] : []; },
    change: () => [`${CW.t("gained")} ${CW.interval(r.gained, "ha")}`, `${CW.t("lost")} ${CW.interval(r.lost, "ha")}`, CW.word("compared", r.extent)],
    place: () => [],
  }[subject.type];
  return parts ? CW.el("p", { class: "desk-facts num" }, parts().filter(Boolean).map((text, k) => CW.el("span", { class: k ? "muted" : "strong" }, text))) : null;
};
CW.readerLine = (subject) => {
  const n = CW.reviewOf(subject.key).reviewers.filter((code) => code !== CW.reviewer).length;
  return CW.el("p", { class: `small desk-role${n ? " is-second" : ""}`, id: "desk-role" }, CW.t(n === 0 ? "first_review_note" : n === 1 ? "blind_note" : "third_note"));
};
CW.verdictForm = (subject) => {
  const { key } = subject;
  const again = CW.again === key;
  if (!again && CW.reviewOf(key).reviewers.includes(CW.reviewer)) return CW.el("p", { class: "warn" }, CW.t("same_reviewer"));
  if (!again && CW.own().some((v) => v.subject === key)) return CW.el("p", { class: "good" }, CW.t("already_given"));
  const item = CW.queued(key);
  const state = CW.reviewOf(key);
  const pair = CW.chipPair(subject);
  const parts = [CW.readerLine(subject)];
  if (item && item.because.length) parts.push(CW.el("p", { class: "small warn" }, CW.t("reopened_because", { why: item.because.slice(0, 3).map(CW.said).join("; ") })));
  if (subject.type === "place") parts.push(CW.el("p", { class: "small" }, CW.t("place_note")));
  parts.push(CW.lineOfFacts(subject), CW.pairView(pair, subject), CW.quickPart(subject));
  if (state.state === "two") parts.push(CW.el("details", { class: "small" }, CW.el("summary", {}, CW.t("both_verdicts")), state.verdicts.map((v) => CW.el("p", {}, CW.name(v.reviewer), `: ${CW.t(`verdict_${v.verdict}`)}, ${CW.word("likelihood", v.likelihood)}; ${CW.word("confidence", v.confidence)}`))));
  parts.push(CW.wholeForm(subject));
  return CW.el("div", { class: "desk", "data-subject": key, tabindex: "-1", role: "group", "aria-label": CW.subjectTitle(subject).slice(0, 200) }, parts);
};
/* The images in sight: both chips of the finding, else the look that the map shows. */
CW.evidenceOf = (subject) => {
  const kept = CW.draftOf(subject.key).evidence;
  if (kept) return kept;
  const pair = CW.chipPair(subject);
  const dates = pair ? [pair.before, pair.after] : CW.usable(CW.state.date) ? [CW.state.date] : [];
  return dates.map(CW.imageOf);
};
CW.pick = (subject, group, values) => {
  const draft = CW.draftOf(subject.key);
  return CW.el("div", { class: "pick", role: "group", "aria-label": CW.t(group) }, CW.el("span", { class: "small muted" }, CW.t(`${group}_pick`)),
    CW.el("div", { class: "seg seg-wrap" }, values.map((code) => CW.el("button", { type: "button", "data-pick": `${group}:${code}`, "aria-pressed": String(draft[group] === code), title: CW.t(`${group}_${code}`), onclick: () => CW.setPick(subject, group, code) }, CW.t(CW.has(`${group}_short_${code}`) ? `${group}_short_${code}` : `${group}_${code}`)))));
};
CW.setPick = (subject, group, code) => {
  CW.sticky[group] = code;
  CW.draftTo(subject.key, { [group]: code });
  for (const button of CW.byId("sheet-review").querySelectorAll(`[data-pick^="${group}:"]`)) button.setAttribute("aria-pressed", String(button.dataset.pick === `${group}:${code}`));
  const select = CW.byId(`r-${group}`);
  if (select) select.value = code;
  CW.announce(`${CW.t(group)}: ${CW.t(`${group}_${code}`)}`);
};
CW.stepPick = (group, by) => {
  const subject = CW.deskSubject();
  if (!subject) return;
  const list = CW.REVIEW[group];
  const at = list.indexOf(CW.draftOf(subject.key)[group]);
  CW.setPick(subject, group, at < 0 ? list[Math.floor(list.length / 2)] : list[(at + by + list.length) % list.length]);
};
/* The finding whose verdict a key would give; null where none can be given now. */
CW.deskSubject = () => (CW.state.tab === "review" && !CW.selectedSubject && CW.reviewSubject && CW.byId("sheet-review").querySelector(".desk") ? CW.reviewSubject : null);
CW.quickPart = (subject) => {
  const button = (q) => CW.el("button", { type: "button", class: `verdict-key is-${q.verdict}`, "data-quick": `${q.verdict}:${q.reason}`, onclick: () => CW.giveQuick(subject, q) }, CW.el("kbd", {}, q.key), CW.el("span", {}, CW.t(`reason_${q.reason}`)));
  const quick = CW.quickOf(subject);
  const row = (verdict) => { const own = quick.filter((q) => q.verdict === verdict); return own.length ? CW.el("div", { class: "pick verdict-row", role: "group", "aria-label": CW.t(`verdict_${verdict}`) }, CW.el("span", { class: "small" }, CW.t(CW.has(`quick_${subject.type}_${verdict}`) ? `quick_${subject.type}_${verdict}` : `quick_${verdict}`)), CW.el("div", { class: "verdict-keys" }, own.map(button))) : null; };
  const seen = CW.evidenceOf(subject);
  return CW.el("div", { class: "quick" }, CW.pick(subject, "likelihood", CW.REVIEW.likelihood), CW.pick(subject, "confidence", CW.REVIEW.confidence.toReversed()),
    row("accepted"), row("rejected"), row("undecided"), CW.el("p", { class: "fault", id: "q-fault", role: "alert" }),
    CW.el("p", { class: "small muted", id: "seen-line" }, seen.length ? [`${CW.t("evidence_viewed")}: `, seen.map((e, k) => [k ? ", " : "", CW.name(`${e.provider} ${e.date}`)])] : CW.t("no_evidence")));
};
CW.giveQuick = (subject, { verdict, reason }) => {
  const draft = CW.draftOf(subject.key);
  const fault = (key) => { CW.byId("q-fault").textContent = CW.t(key); CW.announce(CW.t(key)); CW.byId("sheet-review").querySelector(`[data-pick^="${key === "fault_likelihood" ? "likelihood" : "confidence"}:"]`).focus({ preventScroll: true }); };
  if (verdict !== "undecided" && !draft.likelihood) return fault("fault_likelihood");
  if (verdict !== "undecided" && !draft.confidence) return fault("fault_confidence");
  const evidence = CW.evidenceOf(subject);
  if (verdict === "accepted" && !evidence.length) { CW.byId("q-fault").textContent = CW.t("fault_evidence"); return undefined; }
  return CW.keep(subject, { ...draft, verdict, reason, evidence });
};
/* The whole form: any reason, images from elsewhere, a cause, a note. */
CW.wholeForm = (subject) => {
  const draft = CW.draftOf(subject.key);
  const bound = (name, control) => CW.set(control, { onchange: (e) => { if (name in CW.sticky && e.target.value) CW.setPick(subject, name, e.target.value); else CW.draftTo(subject.key, { [name]: e.target.value }); } });
  const parts = [CW.field("r-verdict", "verdict", bound("verdict", CW.choices("verdict", subject.type, draft.verdict))), CW.field("r-reason", "reason", bound("reason", CW.choices("reason", "", draft.reason))),
    CW.field("r-likelihood", "likelihood", bound("likelihood", CW.choices("likelihood", "", draft.likelihood)), "likelihood_note"), CW.field("r-confidence", "confidence", bound("confidence", CW.choices("confidence", "", draft.confidence)), "confidence_note")];
  if (subject.type === "change") parts.push(CW.field("r-cause", "cause", bound("cause", CW.choices("cause", "", draft.cause)), "cause_note"));
  const note = CW.field("r-note", "note", CW.el("textarea", { rows: "2", maxlength: "4000", value: draft.note, oninput: (e) => CW.draftTo(subject.key, { note: e.target.value }) }));
  return CW.el("form", { id: "verdict-form", onsubmit: (e) => { e.preventDefault(); CW.keepForm(subject); } }, note,
    CW.el("details", { id: "all-fields", open: CW.allFields || null, ontoggle: (e) => { CW.allFields = e.target.open; } }, CW.el("summary", {}, CW.t("all_fields")),
      CW.el("div", { class: "form-grid" }, parts, CW.evidenceFields(subject), CW.el("p", { class: "fault", id: "r-fault", role: "alert" }), CW.el("button", { type: "submit", class: "solid" }, CW.t("keep_verdict")))));
};
CW.evidenceFields = (subject) => {
  const list = CW.el("ul", { class: "evidence", id: "evidence" });
  const keep = (evidence) => { CW.draftTo(subject.key, { evidence }); draw(); };
  const draw = () => CW.fill(CW.clear(list), CW.evidenceOf(subject).map((e, k) => CW.el("li", {}, CW.name(`${e.provider} · ${e.image_id} · ${e.date} · ${e.resolution_m} m`), CW.el("button", { type: "button", class: "link", "aria-label": `${CW.t("remove")} ${e.image_id}`, onclick: () => keep(CW.evidenceOf(subject).filter((_, i) => i !== k)) }, CW.t("remove")))));
  const input = (id, label, type) => CW.el("label", { for: id }, CW.el("span", {}, CW.t(label)), CW.el("input", { id, type, step: "any", min: type === "number" ? "0.01" : null, max: type === "number" ? "1000" : null, maxlength: "300" }));
  draw();
  return CW.el("fieldset", {}, CW.el("legend", {}, CW.t("evidence_viewed")), CW.el("p", { class: "small muted" }, CW.t("evidence_note")), list,
    CW.el("div", { class: "grid2" }, input("e-provider", "provider", "text"), input("e-id", "image_id", "text"), input("e-date", "date", "date"), input("e-res", "resolution_m", "number")),
    CW.el("p", { class: "row" }, CW.el("button", { type: "button", class: "quiet", id: "e-add", onclick: () => { const e = CW.readImage("e"); if (!e) { CW.say(CW.t("image_incomplete")); return; } keep([...CW.evidenceOf(subject), e]); } }, CW.t("add_image")),
      CW.usable(CW.state.date) ? CW.el("button", { type: "button", class: "quiet", id: "e-shown", onclick: () => keep([...CW.evidenceOf(subject), CW.shownImage()]) }, CW.t("add_shown")) : null));
};
CW.imageOf = (i) => ({ provider: CW.data.simulated ? "simulated" : "Copernicus Sentinel", image_id: CW.dates[i].scene || CW.dates[i].utc, date: CW.day(CW.dates[i].utc), resolution_m: CW.data.grid ? Math.round(CW.data.grid.ground_m) : 10 });
CW.shownImage = () => CW.imageOf(CW.state.date);
CW.readImage = (prefix) => {
  const value = (id) => CW.byId(`${prefix}-${id}`).value.trim();
  const image = { provider: value("provider"), image_id: value("id"), date: value("date"), resolution_m: Number(value("res")) };
  return image.provider && image.image_id && image.date && image.resolution_m > 0 ? image : null;
};
CW.keepForm = (subject) => {
  const draft = CW.draftOf(subject.key);
  const value = (id) => CW.byId(id).value;
  const fault = (key, id) => { CW.byId("r-fault").textContent = CW.t(key); CW.byId(id).focus(); };
  const verdict = value("r-verdict");
  if (!verdict) return fault("fault_verdict", "r-verdict");
  if (!value("r-reason")) return fault("fault_reason", "r-reason");
  if (verdict !== "undecided" && !value("r-likelihood")) return fault("fault_likelihood", "r-likelihood");
  if (verdict !== "undecided" && !value("r-confidence")) return fault("fault_confidence", "r-confidence");
  const cause = (subject.type === "change" && value("r-cause")) || null;
  const evidence = CW.evidenceOf(subject);
  if ((verdict === "accepted" || cause) && !evidence.length) return fault("fault_evidence", "e-provider");
  return CW.keep(subject, { ...draft, verdict, reason: value("r-reason"), cause, likelihood: value("r-likelihood"), confidence: value("r-confidence"), evidence, note: value("r-note") });
};
/* Kept, and the next finding at once; where it cannot be written the finding comes back with all that was said. */
CW.keep = (subject, said) => {
  const { key } = subject;
  const verdict = { by: CW.reviewer, subject: key, subject_kind: CW.KINDS[subject.type] || subject.type, verdict: said.verdict, reason_code: said.reason, cause: said.cause || null, likelihood: said.likelihood || null, confidence: said.confidence || null, evidence_viewed: said.evidence, note: said.note, reviewed_at: new Date().toISOString(), blind: CW.reviewOf(key).state !== "two" && !CW.queued(key)?.shown };
  CW.verdicts = [...CW.verdicts.filter((v) => v.by !== CW.reviewer || v.subject !== key), verdict];
  clearTimeout(CW.draftTimer);
  delete CW.drafts[key];
  CW.again = null;
  CW.lastKept = { subject, verdict };
  if (CW.live) CW.send(subject, verdict, said);
  else CW.unsaved = true;
  const all = CW.reviewable();
  const here = all.findIndex((s) => s.key === key);
  const next = all.slice(here + 1).find(CW.waitsForMe) || all.find(CW.waitsForMe) || null;
  if (next) CW.lookAt(next);
  CW.startReview(next);
  CW.announce(CW.t("verdict_kept"));
};
CW.send = async (subject, { by, ...verdict }, said) => {
  CW.sending += 1;
  try {
    CW.takeLive(await CW.post("/api/review", { run_id: CW.data.run.id, map_version: CW.data.run.version, verdicts: [verdict] }));
    CW.stored += 1;
  } catch (problem) {
    CW.verdicts = CW.verdicts.filter((v) => v.subject !== subject.key || v.by !== by);
    CW.drafts[subject.key] = { ...said };
    CW.lastKept = null;
    CW.startReview(subject);
    CW.byId("q-fault").textContent = `${CW.t("not_written")}: ${problem.message}`;
  } finally {
    CW.sending -= 1;
    CW.drawKept();
  }
};
/* What was just said, and the way back to it. */
CW.keptLine = () => {
  const line = CW.el("p", { class: "small", id: "kept-line", role: "status" });
  const last = CW.lastKept;
  if (!last || last.verdict.by !== CW.reviewer) return line;
  const word = CW.live && CW.sending ? "writing" : CW.live ? "written" : "kept_short";
  return CW.fill(line, `${CW.t(word)}: `, CW.t(`verdict_${last.verdict.verdict}`), ", ", CW.t(`reason_${last.verdict.reason_code}`), " · ", CW.subjectTitle(last.subject), " ",
    CW.el("button", { type: "button", class: "link", id: "take-back", onclick: CW.takeBack }, CW.t(CW.live ? "judge_again" : "take_back")));
};
CW.drawKept = () => {
  CW.byId("kept-line")?.replaceWith(CW.keptLine());
  const left = CW.byId("desk-left");
  const all = CW.reviewable();
  if (left) left.textContent = CW.t("left_to_judge", { n: all.filter(CW.waitsForMe).length, all: all.length });
  CW.drawFindings();
};
/* A file forgets what is taken back; the ledger keeps it, and a new verdict stands in its place. */
CW.takeBack = () => {
  const { subject, verdict } = CW.lastKept;
  CW.lastKept = null;
  CW.drafts[subject.key] = { verdict: verdict.verdict, reason: verdict.reason_code, cause: verdict.cause || "", likelihood: verdict.likelihood || "", confidence: verdict.confidence || "", evidence: verdict.evidence_viewed, note: verdict.note };
  CW.verdicts = CW.verdicts.filter((v) => v !== verdict);
  CW.again = subject.key;
  CW.lookAt(subject);
  CW.startReview(subject);
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
CW.outlineText = (shape = CW.outline) => {
  if (!shape) return "";
  const ring = shape.coordinates[0].slice(0, -1).map(([lng, lat]) => L.latLng(lat, lng));
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
  const observation = { by: CW.reviewer, kind, label: value("o-label"), value: value("o-value") === "" ? null : Number(value("o-value")), geometry: CW.outline, image, observed_at: new Date().toISOString(), note: value("o-note") };
  const done = () => { CW.outline = null; CW.drawReview(); CW.announce(CW.t("observation_kept")); };
  if (!CW.live) { CW.observations.push(observation); CW.unsaved = true; done(); return undefined; }
  const { by, ...told } = observation;
  CW.post("/api/review", { run_id: CW.data.run.id, map_version: CW.data.run.version, observations: [told] }).then(done, (problem) => { CW.byId("o-fault").textContent = problem.message; });
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
    CW.el("p", { class: "row" }, CW.el("button", { type: "button", class: "solid", id: "download", disabled: !lines.length, onclick: save }, CW.t("download")),
      CW.el("label", { class: "quiet file-button" }, CW.t("load_file"), CW.el("input", { type: "file", class: "sr", id: "load", accept: ".json,application/json", onchange: (e) => { if (e.target.files[0]) e.target.files[0].text().then(CW.loadReview); } }))));
};
/* A file of this reader and this site goes on where it was left; the ledger checks it once more when it is imported. */
CW.loadReview = (text) => {
  let file = null;
  try { file = JSON.parse(text); } catch { /* said below */ }
  const fault = !file || file.format !== "campwatch-review/1" || !Array.isArray(file.verdicts) ? "load_no_review" : file.site_id !== CW.data.site.id ? "load_other_site" : file.reviewer !== CW.reviewer ? "load_other_reader" : file.run_id !== CW.data.run.id ? "load_other_run" : null;
  if (fault) { CW.say(CW.t(fault)); return; }
  const known = new Set(CW.own().map((v) => v.subject));
  CW.verdicts.push(...file.verdicts.filter((v) => v && typeof v.subject === "string" && CW.REVIEW.verdict.includes(v.verdict) && !known.has(v.subject)).map((v) => ({ ...v, by: CW.reviewer })));
  const seen = new Set(CW.ownObservations().map((o) => o.observed_at));
  CW.observations.push(...(file.observations || []).filter((o) => o && ["outline", "count", "absent"].includes(o.kind) && !seen.has(o.observed_at)).map((o) => ({ ...o, by: CW.reviewer })));
  CW.reviewSubject = CW.reviewable().find(CW.waitsForMe) || null;
  CW.drawReview();
  CW.say(CW.t("loaded", { n: file.verdicts.length }));
};
window.addEventListener("beforeunload", (event) => { if (CW.unsaved) event.preventDefault(); });
