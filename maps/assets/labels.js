/* Labels of a validation sample, one point at a time: chips of one season through the years, one key a label. Served pages only. */
CW.labelAt = /** @type {any} */ (null);
CW.labelMark = /** @type {any} */ (null);
CW.labelled = 0;
CW.labelOpen = false;
CW.labelTask = () => (CW.live && CW.live.labelling) || null;
CW.labelLeft = () => CW.labelTask().points.filter((p) => !(p.code in CW.labelTask().done));
CW.labelPoint = () => CW.labelTask().points.find((p) => p.code === CW.labelAt) || CW.labelLeft()[0] || null;
CW.POINT_M = 5;
CW.pointSquare = (p) => {
  const dy = CW.POINT_M / 111320, dx = dy / Math.cos((p.lat * Math.PI) / 180);
  return { type: "Polygon", coordinates: [[[p.lon - dx, p.lat - dy], [p.lon + dx, p.lat - dy], [p.lon + dx, p.lat + dy], [p.lon - dx, p.lat + dy], [p.lon - dx, p.lat - dy]]] };
};
/* One clear look a year, nearest to midsummer, when bare ground stands out most. */
CW.labelDates = () => {
  const clear = CW.usableDates.filter(CW.sawMost);
  const years = [...new Set(clear.map((i) => CW.dates[i].utc.slice(0, 4)))];
  return years.map((year) => CW.nearest(`${year}-08-01`, clear.filter((i) => CW.dates[i].utc.startsWith(year))));
};
/* Classes of a sample: a year of disturbance, or a word that the page knows. */
CW.labelWord = (label) => {
  const year = /^disturbed_(\d{4})$/.exec(label);
  return year ? CW.t("label_disturbed", { year: year[1] }) : CW.has(`label_${label}`) ? CW.t(`label_${label}`) : CW.name(label.replaceAll("_", " "));
};
CW.labelSection = () => {
  const task = CW.labelTask();
  if (!task) return null;
  const point = CW.labelPoint();
  const left = CW.labelLeft().length;
  const all = task.points.length;
  const block = CW.el("section", { class: "block", id: "label-desk" }, CW.el("h2", {}, CW.t("label_title"), " ", CW.el("span", { class: "small muted", id: "label-left" }, CW.t("label_left", { n: all - left, all }))),
    CW.el("progress", { max: all, value: all - left, "aria-label": CW.t("label_title") }), CW.el("p", { class: "small muted" }, CW.t("label_note")));
  if (!CW.labelOpen) return CW.fill(block, CW.el("p", {}, CW.el("button", { type: "button", class: "solid", id: "label-start", onclick: CW.startLabels }, CW.t("label_start"))));
  if (!point) return CW.fill(block, CW.el("p", { class: "good" }, CW.t("label_done")));
  const square = CW.pointSquare(point);
  const said = task.done[point.code];
  return CW.fill(block, CW.el("p", { class: "small num", id: "label-point" }, CW.name(point.code), said ? [" · ", CW.labelWord(said)] : ""),
    CW.el("div", { class: "chips many" }, CW.labelDates().map((i) => CW.chip(i, square, "seen_on"))),
    CW.el("div", { class: "verdict-keys" }, task.labels.map((label, k) => CW.el("button", { type: "button", class: "verdict-key", "data-label": label, onclick: () => CW.giveLabel(label) }, k < 10 ? CW.el("kbd", {}, (k + 1) % 10) : null, CW.el("span", {}, CW.labelWord(label))))),
    CW.el("p", { class: "row" }, CW.el("button", { type: "button", class: "quiet", onclick: () => CW.stepLabel(-1) }, CW.t("previous")), CW.el("button", { type: "button", class: "quiet", onclick: () => CW.stepLabel(1) }, CW.t("next")), CW.el("button", { type: "button", class: "quiet", id: "label-stop", onclick: CW.stopLabels }, CW.t("end"))), CW.el("p", { class: "fault", id: "label-fault", role: "alert" }));
};
/* What the machine found is off the map while the reader is asked what is there. */
CW.startLabels = () => { CW.labelOpen = true; CW.change({ overlays: false }); CW.showLabel(); };
CW.stopLabels = () => {
  CW.labelOpen = false;
  if (CW.labelMark) CW.labelMark.remove();
  CW.change({ overlays: true });
  CW.drawReview();
};
CW.showLabel = () => {
  const point = CW.labelPoint();
  if (point) { CW.map.setView([point.lat, point.lon], 17, { animate: false }); if (CW.labelMark) CW.labelMark.remove(); CW.labelMark = L.geoJSON(CW.pointSquare(point), { pane: "labels", interactive: false, style: () => ({ pane: "labels", color: "#ffe14d", weight: 2, fill: false }) }).addTo(CW.map); }
  CW.drawReview();
  const desk = CW.byId("label-desk");
  if (desk) { desk.tabIndex = -1; desk.focus({ preventScroll: true }); desk.scrollIntoView({ block: "start" }); }
};
CW.stepLabel = (by) => {
  const { points } = CW.labelTask();
  const at = points.indexOf(CW.labelPoint());
  CW.labelAt = points[(at + by + points.length) % points.length].code;
  CW.showLabel();
};
CW.giveLabel = async (label) => {
  const task = CW.labelTask();
  const point = CW.labelPoint();
  const before = task.done[point.code];
  task.done[point.code] = label;
  CW.labelAt = null;
  CW.showLabel();
  try { await CW.post("/api/label", { said: { sample: task.sample, point: point.code, label } }); CW.labelled += 1; } catch (problem) {
    if (before) task.done[point.code] = before; else delete task.done[point.code];
    CW.labelAt = point.code;
    CW.showLabel();
    CW.byId("label-fault").textContent = `${CW.t("not_written")}: ${problem.message}`;
  }
};
