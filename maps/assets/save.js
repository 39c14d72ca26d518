/* A picture of the map as it is shown, with what a reader must know on it; the legend; going to a place. */
CW.goToMark = /** @type {any} */ (null);
CW.placed = (element, frame) => { const r = element.getBoundingClientRect(); return { x: r.left - frame.left, y: r.top - frame.top, w: r.width, h: r.height }; };
CW.paintSide = (context, name, frame) => {
  for (const image of CW.map.getPane(`${name}-imagery`).querySelectorAll("img")) {
    const { x, y, w, h } = CW.placed(image, frame);
    context.drawImage(image, x, y, w, h);
  }
};
/* What was not seen, hatched as on the map: a pattern through the mask of the look. */
CW.HATCH = { clouded: [[1, 1]], unseen: [[1, 1], [-1, 1]] };
CW.hatchPattern = (context, kind) => {
  const side = 12;
  const tile = CW.el("canvas", { width: side, height: side });
  const pen = tile.getContext("2d");
  for (const [width, colour] of [[3.2, "rgba(255, 255, 255, .82)"], [1.4, "rgba(20, 30, 40, .7)"]]) {
    pen.lineWidth = width;
    pen.strokeStyle = colour;
    for (const [slope] of CW.HATCH[kind]) for (const from of [-side, 0, side]) { pen.beginPath(); pen.moveTo(from, slope > 0 ? 0 : side); pen.lineTo(from + side, slope > 0 ? side : 0); pen.stroke(); }
  }
  return context.createPattern(tile, "repeat");
};
CW.hatchSheets = async (name, frame) => {
  const pane = CW.map.getPane(`${name}-hatch`);
  if (getComputedStyle(pane).display === "none") return [];
  return Promise.all([...pane.querySelectorAll(".hatch")].map(async (sheet) => {
    const mask = new Image();
    mask.src = sheet.style.maskImage.slice(5, -2);
    await mask.decode();
    const at = CW.placed(sheet, frame);
    const canvas = CW.el("canvas", { width: Math.max(1, Math.round(at.w)), height: Math.max(1, Math.round(at.h)) });
    const pen = canvas.getContext("2d");
    pen.fillStyle = CW.hatchPattern(pen, sheet.classList.contains("hatch-unseen") ? "unseen" : "clouded");
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.globalCompositeOperation = "destination-in";
    pen.imageSmoothingEnabled = false;
    pen.drawImage(mask, 0, 0, canvas.width, canvas.height);
    return { canvas, at };
  }));
};
CW.paintHatches = (context, sheets) => { for (const { canvas, at } of sheets) context.drawImage(canvas, at.x, at.y, at.w, at.h); };
CW.svgImage = (svg) => new Promise((resolve, reject) => {
  const copy = svg.cloneNode(true);
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  copy.removeAttribute("style");
  for (const path of copy.querySelectorAll("path.is-selected")) CW.set(path, { stroke: "#ffe14d", "stroke-width": 4 });
  const image = new Image();
  image.onload = () => resolve(image);
  image.onerror = reject;
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(new XMLSerializer().serializeToString(copy))}`;
});
/* Clips to one side of the swipe; without it to the whole. */
CW.clipped = (context, from, to, high, draw) => { context.save(); context.beginPath(); context.rect(from, 0, to - from, high); context.clip(); const done = draw(); context.restore(); return done; };
CW.pictureCanvas = async (scale = 2) => {
  const frame = CW.map.getContainer().getBoundingClientRect();
  const { x: wide, y: high } = CW.map.getSize();
  const foot = 74;
  const canvas = CW.el("canvas", { width: wide * scale, height: (high + foot) * scale });
  const context = canvas.getContext("2d");
  context.scale(scale, scale);
  context.imageSmoothingEnabled = false;
  context.fillStyle = "#dfe4e8";
  context.fillRect(0, 0, wide, high + foot);
  const split = CW.state.compare ? wide * CW.state.split : 0;
  const vectors = [];
  for (const svg of CW.map.getContainer().querySelectorAll(".leaflet-pane > svg")) {
    const pane = svg.parentElement;
    const side = /-(before|after)-/.exec(pane.className) || /^leaflet-(before|after)-/.exec(pane.className.split(" ").find((c) => c.includes("before-") || c.includes("after-")) || "");
    vectors.push({ image: await CW.svgImage(svg), at: CW.placed(svg, frame), side: side && side[1], order: Number(getComputedStyle(pane).zIndex) || 0 });
  }
  const hatches = { before: CW.state.compare ? await CW.hatchSheets("before", frame) : [], after: await CW.hatchSheets("after", frame) };
  if (CW.state.compare) CW.clipped(context, 0, split, high, () => { CW.paintSide(context, "before", frame); CW.paintHatches(context, hatches.before); });
  CW.clipped(context, split, wide, high, () => { CW.paintSide(context, "after", frame); CW.paintHatches(context, hatches.after); });
  for (const v of vectors.toSorted((a, b) => a.order - b.order)) {
    const [from, to] = v.side === "before" ? [0, split] : v.side === "after" ? [split, wide] : [0, wide];
    CW.clipped(context, from, to, high, () => context.drawImage(v.image, v.at.x, v.at.y, v.at.w, v.at.h));
  }
  for (const label of CW.map.getContainer().querySelectorAll(".map-label span")) {
    const at = CW.placed(label, frame);
    context.font = "600 12px sans-serif";
    context.lineWidth = 3;
    context.strokeStyle = "#000";
    context.fillStyle = "#fff";
    context.strokeText(label.textContent, at.x, at.y + 12);
    context.fillText(label.textContent, at.x, at.y + 12);
  }
  if (CW.state.compare) { context.fillStyle = "#fff"; context.fillRect(split - 1.5, 0, 3, high); }
  CW.pictureFoot(context, wide, high, foot);
  return canvas;
};
CW.pictureFoot = (context, wide, high, foot) => {
  const { data, state } = CW;
  const day = (i) => (CW.dates[i] ? CW.day(CW.dates[i].utc) : "");
  context.fillStyle = "#fff";
  context.fillRect(0, high, wide, foot);
  const text = (words, x, y, font, colour = "#10151c") => { context.font = font; context.fillStyle = colour; context.fillText(words, x, y, wide - x - 10); };
  text(CW.byId("site-name").textContent, 12, high + 22, "600 15px sans-serif");
  text(state.compare ? `${day(state.before)} | ${day(state.date)}` : day(state.date), 12, high + 42, "14px sans-serif");
  text(`${data.attribution} · ${CW.t("run_line", { run: data.run.id, version: data.run.version, date: CW.day(data.run.utc) })}`, 12, high + 62, "11px sans-serif", "#45525e");
  const marks = [data.profile.restricted && CW.t("restricted_flag"), data.simulated && CW.t("simulated_flag")].filter(Boolean).join(" · ");
  if (marks) text(marks, Math.max(220, wide * 0.35), high + 42, "700 13px sans-serif", "#a3182c");
  const bar = CW.map.getContainer().querySelector(".leaflet-control-scale-line");
  const long = bar ? bar.getBoundingClientRect().width : 0;
  context.fillStyle = "#10151c";
  context.fillRect(wide - long - 60, high + 26, long, 3);
  text(bar ? bar.textContent : "", wide - long - 60, high + 20, "600 12px sans-serif");
  /* North is up on every page. */
  context.beginPath();
  context.moveTo(wide - 24, high + 8);
  context.lineTo(wide - 31, high + 28);
  context.lineTo(wide - 17, high + 28);
  context.fill();
  text(CW.t("north"), wide - 29, high + 44, "700 13px sans-serif");
};
CW.savePicture = async () => {
  const canvas = await CW.pictureCanvas();
  const blob = await new Promise((resolve) => { canvas.toBlob(resolve, "image/png"); });
  const day = CW.dates[CW.state.date] ? CW.day(CW.dates[CW.state.date].utc) : "map";
  const link = CW.el("a", { href: URL.createObjectURL(blob), download: `${CW.data.site.id}-${day}${CW.data.profile.restricted ? "-restricted" : ""}.png` });
  document.body.append(link);
  link.click();
  link.remove();
};

/* ---- the legend, on the map ---- */
CW.layerTitle = (name) => (CW.moreLayer(name) ? CW.title(CW.moreLayer(name).title) : CW.t(`layer_${name}`));
CW.drawLegend = () => {
  const host = CW.byId("legend");
  const present = CW.presentLayers();
  const names = CW.state.overlays ? CW.layerNames.filter((name) => CW.state.layers.includes(name) && present[name].length && name !== "disturbances") : [];
  const kinds = CW.state.overlays && CW.state.layers.includes("disturbances") ? CW.kindsPresent() : [];
  host.hidden = !names.length && !kinds.length;
  CW.fill(CW.clear(host.querySelector("ul")), names.map((name) => CW.el("li", {}, CW.swatch(name), CW.el("span", {}, CW.layerTitle(name)))),
    kinds.map((kind) => CW.el("li", {}, CW.el("i", { class: "swatch", style: `--c:${CW.KINDS_OF_GROUND[kind]}` }), CW.el("span", {}, CW.t(`kind_${kind}`)))));
};
CW.setupLegend = () => {
  CW.byId("legend").open = window.innerWidth > 1100;
  CW.watch(["layers", "overlays", "lang"], CW.drawLegend);
  CW.byId("btn-save").addEventListener("click", () => { CW.savePicture().catch((problem) => CW.say(problem.message)); });
};

/* ---- go to coordinates: decimal degrees, or degrees, minutes and seconds with their letters ---- */
CW.parsePlace = (text) => {
  const plain = text.trim().replace(/[−–]/g, "-");
  const decimal = /^(-?\d+(?:\.\d+)?)\s*°?\s*([NS])?[\s,;]+(-?\d+(?:\.\d+)?)\s*°?\s*([EW])?$/i.exec(plain);
  const signed = (value, letter) => (/[SW]/i.test(letter || "") ? -Math.abs(value) : value);
  if (decimal) return CW.checkedPlace(signed(Number(decimal[1]), decimal[2]), signed(Number(decimal[3]), decimal[4]));
  const parts = [...plain.matchAll(/(\d+)\s*°\s*(?:(\d+)\s*['′]\s*)?(?:(\d+(?:\.\d+)?)\s*["″]\s*)?([NSEW])/gi)];
  if (parts.length !== 2 || !/[NS]/i.test(parts[0][4]) || !/[EW]/i.test(parts[1][4])) return null;
  const [lat, lng] = parts.map((p) => signed(Number(p[1]) + Number(p[2] || 0) / 60 + Number(p[3] || 0) / 3600, p[4]));
  return CW.checkedPlace(lat, lng);
};
CW.checkedPlace = (lat, lng) => (Math.abs(lat) <= 90 && Math.abs(lng) <= 180 ? [lat, lng] : null);
CW.goToForm = () => CW.el("form", { class: "goto", onsubmit: (event) => {
  event.preventDefault();
  const at = CW.parsePlace(CW.byId("goto").value);
  if (!at) { CW.say(CW.t("go_to_bad")); return; }
  CW.map.setView(at, Math.max(CW.map.getZoom(), 15), { animate: false });
  if (CW.goToMark) CW.goToMark.remove();
  CW.goToMark = L.circleMarker(at, { pane: "labels", radius: 9, color: "#ffe14d", weight: 3, fill: false, interactive: false, className: "cased" }).addTo(CW.map);
} }, CW.el("label", { for: "goto", class: "sr" }, CW.t("go_to")), CW.el("input", { id: "goto", autocomplete: "off", spellcheck: "false", placeholder: CW.t("go_to_hint"), maxlength: "80" }), CW.el("button", { type: "submit", class: "quiet" }, CW.t("go_to")));

/* ---- what was typed stays when a sheet is drawn anew ---- */
CW.keepTyped = (root, redraw) => {
  const typed = [...root.querySelectorAll("input[id], textarea[id], select[id]")].filter((e) => e.type !== "file" && !["reviewer", "review-subject"].includes(e.id)).map((e) => [e.id, e.value]);
  redraw();
  for (const [id, value] of typed) { const control = CW.byId(id); if (control && root.contains(control)) control.value = value; }
};
