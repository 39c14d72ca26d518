/* From "no boundary, no yard" to a figure: yards that are proposed, boundaries that are traced. Only where the page is served for review. */
CW.proposed = /** @type {any} */ (null);
CW.proposedLayer = /** @type {any} */ (null);
CW.traced = /** @type {any} */ (null);
CW.editMessage = null;
CW.drawEdits = () => {
  const sheet = CW.byId("sheet-site");
  if (!sheet) return;
  CW.clear(sheet);
  if (!CW.reviewer) { CW.fill(sheet, CW.reviewerSection()); return; }
  CW.fill(sheet, CW.editMessage ? CW.el("p", { class: "good", id: "edit-done", role: "status" }, CW.editMessage) : null, CW.yardSection(), CW.boundarySection());
};
CW.sendEdit = async (path, edit, done) => {
  const fault = CW.byId("edit-fault");
  try {
    const told = await CW.post(path, { edit });
    CW.takeLive(told);
    CW.live.proposals = told.proposals;
    CW.editMessage = CW.t(done);
    CW.outline = null;
    CW.proposed = null;
    CW.drawEdits();
    CW.drawFixed();
    CW.drawDated();
    CW.drawLayers();
    CW.announce(CW.t(done));
    CW.byId("edit-done")?.scrollIntoView({ block: "nearest" });
  } catch (problem) { fault.textContent = problem.message; fault.scrollIntoView({ block: "nearest" }); CW.announce(problem.message); }
};
CW.imageInputs = (prefix) => {
  const shown = CW.usable(CW.state.date) ? CW.shownImage() : { provider: "", image_id: "", date: "", resolution_m: "" };
  const input = (id, label, type, value) => CW.el("label", { for: `${prefix}-${id}` }, CW.el("span", {}, CW.t(label)), CW.el("input", { id: `${prefix}-${id}`, type, step: "any", min: type === "number" ? "0.01" : null, maxlength: "300", value }));
  return CW.el("fieldset", {}, CW.el("legend", {}, CW.t("image_seen")), CW.el("div", { class: "grid2" }, input("provider", "provider", "text", shown.provider), input("id", "image_id", "text", shown.image_id), input("date", "date", "date", shown.date), input("res", "resolution_m", "number", shown.resolution_m)));
};
/* A look that saw most of the site: near the last day on which a pile was seen, the newest one for bare ground. */
CW.bestLook = (p) => {
  const clear = CW.usableDates.filter((i) => (CW.dates[i].valid ?? 1) >= 0.95);
  const among = clear.length ? clear : CW.usableDates;
  return !among.length ? -1 : p.last ? CW.nearest(p.last, among) : among[among.length - 1];
};
CW.yardSection = () => {
  const proposals = CW.live.proposals || [];
  const cards = proposals.map((p) => {
    const image = CW.bestLook(p);
    const figure = CW.known(p.found) ? CW.interval(p.found, "ha") : "";
    return CW.el("article", { class: "stat proposal", "data-proposal": p.id },
      CW.el("h3", {}, CW.titleOf(CW.t(`because_${p.because}`), figure, p.last ? `${CW.month(p.first)} – ${CW.month(p.last)}` : CW.month(p.first))),
      image >= 0 ? CW.el("div", { class: "chips one" }, CW.chip(image, p.geometry, "seen_on")) : null,
      CW.el("p", { class: "small muted" }, CW.t("yard_outline", { area: CW.num(p.area) })),
      CW.el("p", { class: "row" }, CW.el("button", { type: "button", class: "solid", onclick: () => CW.decideYard(p, "accepted") }, CW.t("accept_yard")),
        CW.el("button", { type: "button", class: "quiet", onclick: () => CW.decideYard(p, "edited") }, CW.t("edit_yard")),
        CW.el("button", { type: "button", class: "quiet", onclick: () => CW.decideYard(p, "refused") }, CW.t("refuse_yard"))));
  });
  const free = CW.el("p", { class: "row" }, CW.el("button", { type: "button", class: "quiet", id: "draw-yard", onclick: () => CW.decideYard(null, "accepted") }, CW.t("draw_yard")));
  return CW.section(CW.t("yards"), CW.el("p", { class: "small muted" }, CW.t("yards_note")), cards.length ? cards : CW.el("p", { class: "muted" }, CW.t("no_proposals")), free, CW.proposed ? CW.yardForm() : null);
};
/* What is meant is shown on the map first; the image is named before anything is written. */
CW.decideYard = (proposal, decision) => {
  CW.proposed = { proposal, decision, geometry: proposal && proposal.geometry };
  if (proposal) CW.zoomOn(proposal.geometry);
  const i = proposal ? CW.bestLook(proposal) : -1;
  if (i >= 0) CW.change({ date: i });
  const show = () => { CW.showProposed(); CW.drawEdits(); CW.byId("yard-form")?.scrollIntoView({ block: "nearest" }); CW.byId("y-provider")?.focus({ preventScroll: true }); };
  if (decision === "edited" || !proposal) CW.startTool("outline", (shape) => { CW.proposed.geometry = shape; show(); });
  show();
};
CW.showProposed = () => {
  if (CW.proposedLayer) CW.proposedLayer.remove();
  CW.proposedLayer = CW.proposed && CW.proposed.geometry ? L.geoJSON(CW.proposed.geometry, { pane: "labels", interactive: false, style: () => ({ pane: "labels", color: "#ffe14d", weight: 3, dashArray: "6 4", fill: false, className: "cased" }) }).addTo(CW.map) : null;
};
CW.yardForm = () => {
  const { proposal, decision, geometry } = CW.proposed;
  const ready = decision === "refused" || (geometry && !CW.tool);
  const send = (event) => {
    event.preventDefault();
    const image = CW.readImage("y");
    if (!image) { CW.byId("edit-fault").textContent = CW.t("image_incomplete"); return; }
    const edit = { decision, proposal: proposal && proposal.id, image, note: CW.byId("y-note").value };
    if (decision !== "refused") Object.assign(edit, { geometry: decision === "accepted" && proposal ? null : geometry, name: CW.byId("y-name").value.trim() || null });
    if (CW.proposedLayer) CW.proposedLayer.remove();
    CW.sendEdit("/api/zone", edit, decision === "refused" ? "yard_refused" : "yard_written");
  };
  return CW.el("form", { id: "yard-form", onsubmit: send }, CW.el("h3", {}, CW.t(decision === "refused" ? "yard_refused_title" : `yard_${decision}`)),
    ready ? null : CW.el("p", { class: "small warn" }, CW.t("draw_first")),
    decision === "refused" ? null : CW.field("y-name", "zone_name", CW.el("input", { maxlength: "200" })),
    CW.imageInputs("y"), CW.field("y-note", "note", CW.el("textarea", { rows: "2", maxlength: "4000" })), CW.el("p", { class: "fault", id: "edit-fault", role: "alert" }),
    CW.el("p", { class: "row" }, CW.el("button", { type: "submit", class: "solid", disabled: !ready }, CW.t("write_site")), CW.el("button", { type: "button", class: "quiet", onclick: () => { CW.proposed = null; CW.endTool(); CW.showProposed(); CW.drawEdits(); } }, CW.t("cancel"))));
};
CW.boundarySection = () => {
  const have = CW.data.boundaries;
  const traced = CW.traced;
  const block = CW.section(CW.t("boundaries_title"), CW.el("p", { class: "small muted" }, have.length ? [`${CW.t("boundary_version")}: `, have.map((b, k) => [k ? ", " : "", CW.name(b.id)])] : CW.t("no_boundary_yet")), CW.el("p", { class: "small muted" }, CW.t("trace_note")),
    CW.el("p", { class: "row" }, CW.el("button", { type: "button", class: "quiet", id: "trace", onclick: () => CW.startTool("outline", (shape) => { CW.traced = shape; CW.proposed = { geometry: shape }; CW.showProposed(); CW.proposed = null; CW.drawEdits(); CW.byId("boundary-form").scrollIntoView({ block: "nearest" }); CW.byId("b-id").focus({ preventScroll: true }); }) }, CW.t(traced ? "trace_again" : "trace"))));
  return traced ? CW.fill(block, CW.boundaryForm()) : block;
};
CW.options = (group, codes) => CW.el("select", {}, CW.el("option", { value: "" }, CW.t("choose")), codes.map((code) => CW.el("option", { value: code }, CW.t(`${group}_${code}`))));
CW.boundaryForm = () => {
  const day = CW.dates[CW.state.date] ? CW.day(CW.dates[CW.state.date].utc) : "";
  const value = (id) => CW.byId(id).value.trim();
  const send = (event) => {
    event.preventDefault();
    const fault = (key, id) => { CW.byId("edit-fault").textContent = CW.t(key); CW.byId(id).focus(); };
    if (!value("b-criterion")) return fault("fault_criterion", "b-criterion");
    if (!(Number(value("b-accuracy")) > 0)) return fault("fault_accuracy", "b-accuracy");
    const image = CW.readImage("b");
    if (!image) return fault("image_incomplete", "b-provider");
    const edit = { boundary_id: value("b-id"), geometry: CW.traced, valid_from: value("b-from"), criterion: value("b-criterion"), extent: value("b-extent"), basis: value("b-basis"), accuracy_m: Number(value("b-accuracy")), accuracy_kind: value("b-kind"), source: value("b-source"), image, note: CW.byId("b-note").value };
    CW.sendEdit("/api/boundary", edit, "boundary_written").then(() => { if (CW.editMessage) { CW.traced = null; CW.showProposed(); CW.drawEdits(); } });
    return undefined;
  };
  const chosen = (select, code) => { select.value = code; return select; };
  return CW.el("form", { id: "boundary-form", onsubmit: send }, CW.el("p", { class: "small num" }, CW.outlineText(CW.traced)),
    CW.field("b-id", "boundary_id", CW.el("input", { maxlength: "64", required: true, value: `traced-${day}` })), CW.field("b-from", "valid_from", CW.el("input", { maxlength: "32", required: true, value: day }), "valid_from_note"),
    CW.field("b-criterion", "criterion", CW.options("criterion", ["fence", "posts", "road", "administrative", "other"]), "criterion_note"),
    CW.field("b-extent", "extent", chosen(CW.options("extent", ["complete", "partial"]), "complete")), CW.field("b-basis", "basis", chosen(CW.options("basis", ["observed", "inferred", "copied", "testimony"]), "observed")),
    CW.field("b-accuracy", "accuracy_metres", CW.el("input", { type: "number", min: "0.1", max: "1000", step: "any" }), "accuracy_note"), CW.field("b-kind", "accuracy_kind", chosen(CW.options("accuracy", ["rmse", "ce90"]), "rmse")),
    CW.field("b-source", "source", CW.el("input", { maxlength: "300", required: true })), CW.imageInputs("b"), CW.field("b-note", "note", CW.el("textarea", { rows: "2", maxlength: "4000" })),
    CW.el("p", { class: "fault", id: "edit-fault", role: "alert" }), CW.el("button", { type: "submit", class: "solid" }, CW.t("write_site")));
};
