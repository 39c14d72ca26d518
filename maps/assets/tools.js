/* Coordinates, scale, measuring and drawing, keys, background maps, the address line. */
CW.tiles = /** @type {any} */ (null);
CW.linked = /** @type {any} */ (null);
CW.ownHash = /** @type {any} */ (null);
CW.sayTimer = /** @type {any} */ (null);
CW.allowed = false;
CW.tool = null;
CW.hint = (...content) => { const box = CW.clear(CW.byId("hint")); box.hidden = !content.length; CW.fill(box, content); };

/* ---- coordinates and the reason for hatching under the cursor ---- */
CW.codeWords = ["seen", "cloud", "shadow", "snow", "no_data", "not_usable"];
CW.sideAt = (latlng) => (CW.state.compare && CW.map.latLngToContainerPoint(latlng).x < CW.map.getSize().x * CW.state.split ? CW.before : CW.after);
CW.reasonAt = (latlng) => {
  const side = CW.sideAt(latlng);
  if (!side.mask) return null;
  const code = CW.codeAt(side.mask, latlng);
  return code > 0 && CW.codeWords[code] ? CW.codeWords[code] : null;
};
CW.setupReadout = (map) => {
  const show = (latlng) => {
    const reason = CW.reasonAt(latlng);
    const out = CW.clear(CW.byId("readout"));
    CW.fill(out, `${latlng.lat.toFixed(5)}, ${latlng.lng.toFixed(5)}`, reason && CW.el("strong", {}, ` · ${CW.t("not_seen")}: ${CW.t(`code_${reason}`)}`));
  };
  map.on("mousemove", (event) => show(event.latlng));
  map.on("click", (event) => {
    show(event.latlng);
    if (CW.tool) return;
    const reason = CW.reasonAt(event.latlng);
    if (!reason) return;
    const look = CW.dates[CW.sideAt(event.latlng).date];
    L.popup({ className: "reason-popup", maxWidth: 260 }).setLatLng(event.latlng).setContent(CW.el("div", { class: "reason" },
      CW.el("strong", {}, `${CW.t("not_seen")}: ${CW.t(`code_${reason}`)}`),
      CW.el("p", { class: "small" }, CW.t(`why_${reason}`)),
      CW.el("p", { class: "small muted" }, `${CW.day(look.utc)} · ${look.scene || ""}`))).openOn(map);
  });
  const scale = L.control.scale({ imperial: false, position: "bottomleft", maxWidth: 140 }).addTo(map);
  scale.getContainer().classList.add("scale");
};

/* ---- measuring and drawing: points by click, or at the cross in the middle with the keyboard ---- */
CW.EARTH = 6371008.8;
CW.pathLength = (points) => points.slice(1).reduce((sum, p, k) => sum + CW.map.distance(points[k], p), 0);
CW.ringArea = (points) => {
  const rad = Math.PI / 180;
  let sum = 0;
  for (let k = 0; k < points.length; k += 1) {
    const a = points[k], b = points[(k + 1) % points.length];
    sum += (b.lng - a.lng) * rad * (2 + Math.sin(a.lat * rad) + Math.sin(b.lat * rad));
  }
  return Math.abs((sum * CW.EARTH * CW.EARTH) / 2);
};
CW.measureText = (points) => {
  const length = CW.pathLength(points);
  const long = length >= 1000 ? `${(length / 1000).toFixed(2)} km` : `${length.toFixed(0)} m`;
  return points.length < 3 ? long : `${long} · ${CW.t("enclosed", { area: CW.num(CW.ringArea(points) / 1e4) })}`;
};
/* Whether the panel lies under the map, as on a phone. */
CW.narrow = () => getComputedStyle(CW.byId("pages")).overflowY === "visible";
CW.startTool = (kind, done) => {
  CW.endTool();
  const tool = { kind, points: [], done, shape: L.polyline([], { pane: "labels", color: "#ffe14d", weight: 3, className: "cased", interactive: false }).addTo(CW.map), dots: L.layerGroup().addTo(CW.map) };
  CW.tool = tool;
  CW.map.doubleClickZoom.disable();
  CW.byId("mapbox").classList.add("is-drawing");
  if (CW.narrow()) CW.byId("mapbox").scrollIntoView({ block: "start" });
  CW.map.getContainer().focus({ preventScroll: true });
  CW.drawTool();
};
CW.drawTool = () => {
  const tool = CW.tool;
  tool.shape.setLatLngs(tool.kind === "outline" && tool.points.length > 2 ? [...tool.points, tool.points[0]] : tool.points);
  tool.dots.clearLayers();
  for (const p of tool.points) tool.dots.addLayer(L.circleMarker(p, { pane: "labels", radius: 4, color: "#10151c", weight: 1.5, fillColor: "#ffe14d", fillOpacity: 1, interactive: false }));
  const text = tool.points.length > 1 ? CW.measureText(tool.points) : CW.t(tool.kind === "outline" ? "draw_hint" : "measure_hint");
  CW.hint(CW.el("span", { id: "measure-value" }, text), tool.kind === "outline" && tool.points.length > 2 ? CW.el("button", { type: "button", onclick: CW.finishTool }, CW.t("finish")) : null, CW.el("button", { type: "button", onclick: CW.endTool }, CW.t("end")));
};
CW.addPoint = (latlng) => { CW.tool.points.push(latlng); CW.drawTool(); };
CW.finishTool = () => {
  const tool = CW.tool;
  if (!tool || !tool.done) return;
  if (tool.points.length < 3) return;
  const ring = [...tool.points, tool.points[0]].map((p) => [Number(p.lng.toFixed(7)), Number(p.lat.toFixed(7))]);
  CW.endTool();
  tool.done({ type: "Polygon", coordinates: [ring] });
};
CW.endTool = () => {
  if (!CW.tool) return;
  CW.tool.shape.remove();
  CW.tool.dots.remove();
  CW.tool = null;
  CW.map.doubleClickZoom.enable();
  CW.byId("mapbox").classList.remove("is-drawing");
  CW.byId("btn-measure").setAttribute("aria-pressed", "false");
  CW.hint();
};
CW.setupTools = (map) => {
  map.on("click", (event) => { if (CW.tool) CW.addPoint(event.latlng); });
  map.on("dblclick", () => { if (CW.tool && CW.tool.done) CW.finishTool(); });
  CW.byId("btn-measure").addEventListener("click", () => {
    if (CW.tool) { CW.endTool(); return; }
    CW.startTool("measure");
    CW.byId("btn-measure").setAttribute("aria-pressed", "true");
  });
  CW.byId("btn-compare").addEventListener("click", CW.toggleCompare);
  CW.byId("btn-overlays").addEventListener("click", () => CW.change({ overlays: !CW.state.overlays }));
  CW.byId("btn-print").addEventListener("click", () => window.print());
  CW.byId("btn-keys").addEventListener("click", CW.showKeys);
  CW.watch(["compare", "overlays"], () => {
    CW.byId("btn-compare").setAttribute("aria-pressed", String(CW.state.compare));
    CW.byId("btn-overlays").setAttribute("aria-pressed", String(CW.state.overlays));
  });
};

/* ---- keys ---- */
CW.keys = [
  ["←  →", "key_step"], ["Shift ← → ↑ ↓", "key_pan"], ["+  −", "key_zoom"], ["Space", "key_play"], ["H", "key_hide"], ["Y", "key_year"], ["S", "key_swap"], ["C", "key_compare"],
  ["1 2 3", "key_views"], ["M", "key_measure"], ["V", "key_vertex"], ["Enter", "key_finish"], ["Backspace", "key_undo"], ["Esc", "key_end"], ["R", "key_review"], ["D", "key_download"], ["0 – 9", "key_verdict"], [", .", "key_likelihood"], ["/", "key_confidence"], ["N P", "key_desk"], ["L", "key_language"], ["?", "key_help"],
];
CW.showKeys = () => {
  const list = CW.clear(CW.byId("keys-list"));
  for (const [key, text] of CW.keys) CW.fill(list, CW.el("dt", {}, CW.el("kbd", {}, key)), CW.el("dd", {}, CW.t(text)));
  CW.byId("keys-dialog").showModal();
};
CW.swap = () => { if (CW.state.compare && CW.usableDates.length) CW.change({ date: CW.state.before, before: CW.state.date }); };
/* Comparing begins with the open finding's own dates, else with the same season a year before. */
CW.toggleCompare = () => {
  if (CW.state.compare) { CW.change({ compare: false }); return; }
  const pair = CW.selectedSubject && CW.chipPair(CW.selectedSubject);
  if (pair) { CW.change({ compare: true, before: pair.before, date: pair.after }); return; }
  const yearAgo = CW.usableDates.length ? CW.sameSeasonLastYear(CW.state.date) : -1;
  CW.change({ compare: true, ...(yearAgo >= 0 ? { before: yearAgo } : {}) });
};
CW.lastYear = () => {
  const found = CW.sameSeasonLastYear(CW.state.date);
  if (found < 0) { CW.say(CW.t("no_same_season")); return; }
  CW.change({ before: found, compare: true });
};
CW.say = (text) => { CW.hint(text); CW.announce(text); clearTimeout(CW.sayTimer); CW.sayTimer = setTimeout(() => { if (!CW.tool) CW.hint(); }, 3500); };
CW.actions = {
  ArrowLeft: () => { CW.stop(); CW.change({ date: CW.step(CW.state.date, -1) }); },
  ArrowRight: () => { CW.stop(); CW.change({ date: CW.step(CW.state.date, 1) }); },
  " ": () => (CW.state.playing ? CW.stop() : CW.play()),
  "+": () => CW.map.zoomIn(1), "=": () => CW.map.zoomIn(1), "-": () => CW.map.zoomOut(1),
  h: () => CW.change({ overlays: !CW.state.overlays }),
  y: () => CW.lastYear(),
  s: () => CW.swap(),
  c: () => CW.toggleCompare(),
  1: () => CW.setView(0), 2: () => CW.setView(1), 3: () => CW.setView(2),
  m: () => CW.byId("btn-measure").click(),
  l: () => CW.setLanguage(CW.lang === "en" ? "ko" : "en"),
  r: () => CW.openReview(), d: () => { if (CW.state.tab === "review") CW.byId("download")?.click(); },
  "?": () => CW.showKeys(),
};
CW.toolActions = {
  v: () => CW.addPoint(CW.map.getCenter()),
  Enter: () => CW.finishTool(),
  Backspace: () => { CW.tool.points.pop(); CW.drawTool(); },
  Escape: () => CW.endTool(),
};
/* While a finding is on the desk: digits give the verdict, the rest sets how likely and how sure. */
CW.deskActions = {
  ",": () => CW.stepPick("likelihood", -1), ".": () => CW.stepPick("likelihood", 1), "/": () => CW.stepPick("confidence", 1),
  n: () => (CW.labelOpen ? CW.stepLabel(1) : CW.goTo(1)), p: () => (CW.labelOpen ? CW.stepLabel(-1) : CW.goTo(-1)),
};
for (let digit = 0; digit <= 9; digit += 1) {
  CW.deskActions[digit] = () => {
    if (CW.labelOpen && CW.labelTask()) { const label = CW.labelTask().labels[(digit + 9) % 10]; if (label && CW.labelPoint()) CW.giveLabel(label); return; }
    const subject = CW.deskSubject();
    const quick = CW.quickOf(subject).find((q) => q.key === String(digit));
    if (quick) CW.giveQuick(subject, quick);
  };
}
CW.setView = (k) => { const view = CW.views()[k]; if (view) CW.change({ view }); };
CW.PAN = { ArrowLeft: [-120, 0], ArrowRight: [120, 0], ArrowUp: [0, -120], ArrowDown: [0, 120] };
CW.setupKeys = () => {
  document.addEventListener("keydown", (event) => {
    const inside = (selector) => event.target instanceof Element && event.target.closest(selector);
    if (event.shiftKey && CW.PAN[event.key] && !inside("input, select, textarea, dialog")) { event.preventDefault(); CW.map.panBy(CW.PAN[event.key], { animate: false }); return; }
    if (event.ctrlKey || event.metaKey || event.altKey || inside("input:not([type=range]):not([type=checkbox]), select, textarea, dialog")) return;
    if (event.key === " " && inside("button, summary, [role=button], [role=tab], input")) return;
    if (event.key.startsWith("Arrow") && inside("[role=tab], [role=slider], .pages")) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (key === "Escape" && !CW.tool) { CW.closeCard(); CW.map.closePopup(); return; }
    const run = (CW.tool && CW.toolActions[key]) || ((CW.deskSubject() || (CW.labelOpen && CW.state.tab === "review")) && CW.deskActions[key]) || CW.actions[key];
    if (!run) return;
    event.preventDefault();
    run();
  });
};

/* ---- background maps: off, and asked for, because their servers learn where one looks ---- */
CW.backgrounds = {
  osm: { url: "https://tile.openstreetmap.org/{z}/{x}/{y}.png", name: "OpenStreetMap", maxZoom: 19, credit: "© OpenStreetMap contributors" },
  esri: { url: "https://server.arcgisonline.com/ArcGIS/rest/services/World_Imagery/MapServer/tile/{z}/{y}/{x}", name: "Esri World Imagery", maxZoom: 19, credit: "Esri, Maxar, Earthstar Geographics and the GIS User Community" },
};
CW.ask = (title, text) => new Promise((resolve) => {
  const dialog = CW.byId("ask-dialog");
  CW.byId("ask-title").textContent = title;
  CW.byId("ask-text").textContent = text;
  dialog.onclose = () => resolve(dialog.returnValue === "yes");
  dialog.returnValue = "no";
  dialog.showModal();
});
CW.setBackground = async (name) => {
  if (name !== "none" && !CW.allowed) {
    CW.allowed = await CW.ask(CW.t("allow_title"), CW.t("allow_text"));
    if (!CW.allowed) { CW.change({ background: "none", asked: (CW.state.asked || 0) + 1 }); return; }
  }
  if (CW.tiles) CW.tiles.remove();
  const chosen = CW.backgrounds[name];
  CW.tiles = chosen ? L.tileLayer(chosen.url, { maxZoom: chosen.maxZoom, zIndex: 0, referrerPolicy: "no-referrer" }).addTo(CW.map) : null;
  CW.change({ background: name });
};
CW.drawAttribution = () => {
  const chosen = CW.backgrounds[CW.state.background];
  CW.fill(CW.clear(CW.byId("attribution")), [CW.data.attribution, chosen && chosen.credit, "Leaflet"].filter(Boolean).join(" · "));
};
CW.drawQuality = () => {
  const badge = CW.byId("quality");
  const found = CW.after.quality();
  CW.byId("change-key").hidden = CW.state.view !== "change";
  badge.className = `badge ${found.kind === "native" ? "is-native" : found.kind === "copy" ? "" : "is-warn"}`;
  badge.textContent = CW.t(`quality_${found.kind}`, { metres: CW.data.grid ? Math.round(CW.data.grid.ground_m) : "", file: found.detail || "" });
  if (found.kind === "none" && CW.state.view === "change") badge.textContent = CW.t(((CW.dates[CW.state.date] || {}).compared || []).length ? "change_left_out" : "no_comparable");
};

/* ---- the address line holds date, layers and view, so that a link shows what its sender saw ---- */
CW.writeHash = () => {
  const { state } = CW;
  const centre = CW.map.getCenter();
  const parts = new URLSearchParams();
  if (CW.dates[state.date]) parts.set("date", CW.dates[state.date].utc);
  if (state.compare && CW.dates[state.before]) { parts.set("before", CW.dates[state.before].utc); parts.set("split", String(Math.round(state.split * 100))); }
  parts.set("view", state.view);
  parts.set("layers", state.overlays ? state.layers.join(".") : "");
  parts.set("at", `${centre.lat.toFixed(5)},${centre.lng.toFixed(5)},${CW.map.getZoom()}`);
  parts.set("lang", CW.lang);
  parts.set("tab", state.tab);
  if (CW.selectedSubject && CW.findSubject(CW.selectedSubject.key)) parts.set("finding", CW.selectedSubject.key);
  const hash = `#${parts.toString().replace(/%2C/g, ",").replace(/%3A/g, ":")}`;
  if (hash !== location.hash) { CW.ownHash = hash; history.replaceState(null, "", hash); }
};
/* A link to a finding opens it, and keeps the sender's dates and view. */
CW.openLinked = () => {
  const subject = CW.linked && CW.findSubject(CW.linked);
  if (!subject) return;
  CW.selectedSubject = subject;
  CW.drawCard();
  CW.writeHash();
};
CW.readHash = () => {
  const parts = new URLSearchParams(location.hash.slice(1));
  const every = CW.dates.map((_, i) => i);
  const patch = {};
  const exact = (iso) => every.find((i) => CW.dates[i].utc === iso);
  const date = parts.get("date") && exact(parts.get("date"));
  if (date !== null && date !== undefined) patch.date = date;
  const before = parts.get("before") && exact(parts.get("before"));
  if (before !== null && before !== undefined) { patch.before = before; patch.compare = true; patch.split = Math.min(0.98, Math.max(0.02, Number(parts.get("split") || 50) / 100)); }
  const view = parts.get("view") || "", tab = parts.get("tab") || "";
  if (CW.views().includes(view)) patch.view = view;
  const layers = parts.get("layers");
  if (layers !== null) {
    const names = layers.split(".").filter((n) => CW.layerNames.includes(n));
    if (names.length) patch.layers = names; else patch.overlays = false;
  }
  if (CW.tabNames.includes(tab)) patch.tab = tab;
  const [lat, lng, zoom] = (parts.get("at") || "").split(",").map(Number);
  if (Number.isFinite(lat) && Number.isFinite(lng) && Number.isFinite(zoom) && zoom) CW.map.setView([lat, lng], zoom, { animate: false });
  CW.linked = parts.get("finding");
  return { patch, lang: parts.get("lang") };
};
