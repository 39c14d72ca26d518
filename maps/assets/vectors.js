/* Vector layers: boundary versions, zones, footprint, disturbances, piles of the shown date. */
CW.layerNames = ["boundaries", "zones", "footprint", "disturbances", "piles", "hatching", "aoi", "changes", "points", "places", ...CW.moreLayers.filter((layer) => layer.has_geometry).map((layer) => layer.name)];
CW.defaultLayers = ["boundaries", "zones", "disturbances", "piles", "hatching", "points"];
CW.shape = {
  boundary: { color: "#ffffff", weight: 2.5, fill: false, className: "cased" },
  boundaryOld: { color: "#ffffff", weight: 1.6, dashArray: "6 5", fill: false, className: "cased" },
  zone: { color: "#8fe3ff", weight: 1.6, fillColor: "#8fe3ff", fillOpacity: 0.04 },
  aoi: { color: "#ffffff", weight: 1.2, dashArray: "1 5", fill: false, className: "cased" },
  footprint: { color: "#ffb000", weight: 1.2, fillColor: "#ffb000", fillOpacity: 0.2 },
  pile: { color: "#ff6adf", weight: 2, fillColor: "#ff6adf", fillOpacity: 0.12 },
  place: { color: "#ffffff", weight: 2, dashArray: "2 4", fillColor: "#ffffff", fillOpacity: 0.04 },
  gained: { color: "#ff8c42", weight: 1.5, fillColor: "#ff8c42", fillOpacity: 0.35 },
  lost: { color: "#35c9c0", weight: 1.5, dashArray: "4 3", fillColor: "#35c9c0", fillOpacity: 0.3 },
};
/* What happened, by colour and by word: recovery, fire and what was taken back are no new works. */
CW.KINDS_OF_GROUND = { vegetation_loss: "#ffb000", soil_spoil: "#ff7a59", built: "#e0e6ec", coal: "#ff6adf", water: "#4aa3ff", linear: "#fff06a", burnt: "#b03a2e", thinned: "#c9d94a", river: "#7cc4ff", grown_over: "#3ddc84", recovery: "#3ddc84", other: "#ffb000" };
CW.kindOf = (d) => (d.kind.startsWith("linear") ? "linear" : Object.hasOwn(CW.KINDS_OF_GROUND, d.kind) ? d.kind : "other");
CW.kindWord = (d) => (CW.kindOf(d) === "other" ? d.kind : CW.t(`kind_${CW.kindOf(d)}`));
/* Neither taken back nor part of another. */
CW.stands = (d) => !["withdrawn", "merged"].includes(d.status);
CW.kindColour = (d) => (d.status === "withdrawn" ? "#9aa5b1" : CW.KINDS_OF_GROUND[CW.kindOf(d)]);
CW.kindTag = (d) => CW.el("span", { class: "chip kind" }, CW.el("i", { class: "swatch", style: `--c:${CW.kindColour(d)}` }), " ", CW.kindWord(d));
CW.kindsPresent = () => Object.keys(CW.KINDS_OF_GROUND).filter((kind) => CW.data.disturbances.some((d) => CW.kindOf(d) === kind && CW.stands(d)));
/* What came after this reader's own last verdict; after anybody's where no code was given. */
CW.newSince = () => { const own = CW.data.last_reviews[CW.reviewer]; return own ? own.utc : CW.reviewer && Object.keys(CW.data.last_reviews).length ? "0000" : CW.data.new_since && CW.data.new_since.utc; };
CW.isNew = (d) => Boolean(CW.newSince()) && CW.stands(d) && d.came > CW.day(CW.newSince());
/* The footprint epoch that the shown date falls into, else the last one before it. */
CW.epochAt = (iso) => {
  const day = CW.day(iso);
  const all = CW.data.footprints;
  return all.find((f) => f.start <= day && day < f.end) || [...all].reverse().find((f) => f.end <= day) || null;
};
/* Piles measured at the shown look, else at the last look before it within 30 days. */
CW.pilesAt = (i) => {
  if (!CW.dates[i]) return [];
  const now = CW.time(CW.dates[i].utc);
  const latest = new Map();
  for (const pile of CW.data.piles) {
    const age = now - CW.time(pile.utc);
    if (age >= -43200e3 && age <= 30 * 86400e3) latest.set(pile.id, pile);
  }
  return [...latest.values()];
};
CW.setupVectors = (map) => {
  CW.groups = Object.fromEntries(CW.layerNames.map((name) => [name, L.layerGroup()]));
  for (const [name, order] of [["ground", 405], ["before-ground", 406], ["after-ground", 407], ["findings", 420], ["before-findings", 421], ["after-findings", 422], ["before-piles", 430], ["after-piles", 431], ["labels", 640]]) {
    map.createPane(name).style.zIndex = order;
  }
  map.getPane("labels").style.pointerEvents = "none";
  CW.drawFixed();
  CW.watch(["date", "before", "compare", "lang"], CW.drawDated);
  CW.watch(["layers", "overlays", "drawn"], () => CW.applyLayers(map));
  CW.watch(["lang"], CW.drawFixed);
  CW.watch(["opacity"], () => { for (const name of ["ground", "findings", "before-ground", "after-ground", "before-findings", "after-findings", "before-piles", "after-piles"]) map.getPane(name).style.opacity = CW.state.opacity; });
};
CW.geo = (geometry, style, pane, subject) => {
  const cased = style.fillOpacity && subject && subject.type !== "point";
  /* A dark line under the bright one keeps it readable on any ground; made first, so that it is drawn first. */
  const under = cased && L.geoJSON(geometry, { pane, interactive: false, style: () => ({ pane, color: "#10151c", weight: style.weight + 2.4, opacity: 0.55, fill: false }), pointToLayer: (_, at) => L.circleMarker(at, { radius: 5, pane, interactive: false }) });
  const layer = L.geoJSON(geometry, { pane, style: () => ({ ...style, pane }), pointToLayer: (_, at) => L.circleMarker(at, { radius: 5, pane }) });
  if (subject) {
    /* While measuring or drawing a click on a shape is a click on the map. */
    layer.on("click", (event) => { if (CW.tool) return; L.DomEvent.stopPropagation(event); CW.open(subject); });
    layer.on("add", () => layer.eachLayer((part) => CW.focusable(part, subject)));
  }
  return under ? L.featureGroup([under, layer]) : layer;
};
/* Shapes are reached with the keyboard and named for screen readers. */
CW.focusable = (part, subject) => {
  const path = part.getElement && part.getElement();
  if (!path) return;
  path.setAttribute("tabindex", "0");
  path.setAttribute("role", "button");
  path.setAttribute("data-subject", subject.key);
  path.setAttribute("aria-label", CW.subjectTitle(subject));
  path.addEventListener("keydown", (event) => {
    if (CW.tool || (event.key !== "Enter" && event.key !== " ")) return;
    event.preventDefault();
    event.stopPropagation();
    CW.open(subject);
  });
};
CW.label = (latlng, node, kind) =>
  L.marker(latlng, { pane: "labels", interactive: false, keyboard: false, icon: L.divIcon({ className: `map-label ${kind}`, html: node, iconSize: null }) });
CW.bottomOf = (layer, k) => { const b = layer.getBounds(); return L.latLng(b.getSouth(), b.getWest() + (b.getEast() - b.getWest()) * (k % 2 ? 0.72 : 0.28)); };
CW.topOf = (layer) => { const b = layer.getBounds(); return L.latLng(b.getNorth(), b.getCenter().lng); };
/* The ledger's own name of a boundary change. */
CW.changeSubject = (c) => ({ type: "change", key: `${c.from}..${c.to}`, record: c });
CW.drawFixed = () => {
  for (const name of ["zones", "aoi", "points", "places"]) CW.groups[name].clearLayers();
  const { data } = CW;
  if (data.site.aoi) CW.groups.aoi.addLayer(CW.geo(data.site.aoi, CW.shape.aoi, "ground"));
  for (const zone of data.zones) {
    if (!zone.geometry) continue;
    const layer = CW.geo(zone.geometry, CW.shape.zone, "ground", { type: "zone", key: zone.id, record: zone });
    CW.groups.zones.addLayer(layer);
    CW.groups.zones.addLayer(CW.label(CW.topOf(layer), CW.el("span", {}, zone.name ? CW.name(zone.name) : CW.word("zone", zone.kind)), "zone-label"));
  }
  for (const layer of CW.moreLayers.filter((one) => one.has_geometry)) {
    CW.groups[layer.name].clearLayers();
    for (const row of layer.rows) {
      for (const shape of [row.geometry, ...layer.outlines.map((o) => row[o.name])]) if (shape) CW.groups[layer.name].addLayer(CW.geo(shape, CW.moreStyle(layer), "ground", CW.moreSubject(layer, row)));
    }
  }
  for (const p of data.places) CW.groups.places.addLayer(CW.geo(p.geometry, CW.shape.place, "findings", { type: "place", key: p.id, record: p }));
  for (const p of data.points) {
    if (p.geometry) CW.groups.points.addLayer(CW.geo(p.geometry, { color: "#10151c", weight: 2, fillColor: "#ffffff", fillOpacity: 1 }, "findings", { type: "point", key: p.id, record: p }));
  }
};
/* Versions in force on a day; EDTF dates may be a year or a month. */
CW.startOf = (edtf) => `${edtf}-01-01`.slice(0, 10);
CW.inForce = (b, day) => CW.startOf(b.from) <= day && (!b.to || day < CW.startOf(b.to));
CW.begun = (b, day) => Boolean(b) && CW.startOf(b.from) <= day;
/* Every side shows what was there on its own date: nothing of its future, no boundary that was not yet in force. */
CW.drawDated = () => {
  for (const name of ["boundaries", "footprint", "disturbances", "piles", "changes"]) CW.groups[name].clearLayers();
  CW.drawSide("after", CW.state.date);
  if (CW.state.compare) CW.drawSide("before", CW.state.before);
  CW.markSelected();
};
CW.drawSide = (side, i) => {
  const look = CW.dates[i];
  const day = look ? CW.day(look.utc) : "9999-12-31";
  CW.drawBoundaries(side, day);
  const epoch = look && CW.epochAt(look.utc);
  if (epoch && epoch.geometry) CW.groups.footprint.addLayer(CW.geo(epoch.geometry, CW.shape.footprint, `${side}-ground`, { type: "footprint", key: epoch.start, record: epoch }));
  for (const d of CW.data.disturbances) {
    if (!d.geometry || !CW.stands(d) || day < d.first_low) continue;
    const colour = CW.kindColour(d);
    const closing = d.closed ? { from: d.closed, to: d.closed } : CW.closing.get(d.id);
    const end = d.status === "closed" ? closing || { from: d.first_high, to: "9999" } : null;
    /* Dotted once its ground is as expected again; dashed while provisional, and while it may or may not be there. */
    const over = Boolean(end) && day >= end.to;
    const unsure = d.status === "provisional" || day < d.first_high || (Boolean(end) && day >= end.from);
    const style = { color: colour, weight: over ? 1.5 : 2, fillColor: colour, fillOpacity: over ? 0 : CW.kindOf(d) === "recovery" ? 0.08 : 0.2, dashArray: over ? "1 4" : unsure ? "4 3" : null };
    CW.groups.disturbances.addLayer(CW.geo(d.geometry, style, `${side}-findings`, { type: "disturbance", key: d.id, record: d }));
  }
  for (const c of CW.data.changes) {
    if (!CW.begun(CW.data.boundaries.find((b) => b.id === c.to), day)) continue;
    if (c.geometry) CW.groups.changes.addLayer(CW.geo(c.geometry, CW.shape.gained, `${side}-ground`, CW.changeSubject(c)));
    if (c.lost_geometry) CW.groups.changes.addLayer(CW.geo(c.lost_geometry, CW.shape.lost, `${side}-ground`, CW.changeSubject(c)));
  }
  for (const pile of CW.pilesAt(i)) if (pile.geometry) CW.groups.piles.addLayer(CW.geo(pile.geometry, CW.shape.pile, `${side}-piles`, { type: "pile", key: pile.id, record: pile }));
};
CW.drawBoundaries = (side, day) => {
  const shown = CW.data.boundaries.filter((b) => b.geometry && CW.begun(b, day));
  shown.forEach((b, k) => {
    const style = CW.inForce(b, day) ? CW.shape.boundary : CW.shape.boundaryOld;
    const layer = CW.geo(b.geometry, style, `${side}-ground`, { type: "boundary", key: b.id, record: b });
    CW.groups.boundaries.addLayer(layer);
    if (side === "after") CW.groups.boundaries.addLayer(CW.label(style === CW.shape.boundary ? CW.topOf(layer) : CW.bottomOf(layer, k), CW.el("span", {}, CW.name(b.id)), style === CW.shape.boundary ? "boundary-label" : "boundary-label old"));
  });
};
CW.applyLayers = (map) => {
  const wanted = CW.state.overlays ? CW.state.layers : [];
  for (const [name, group] of Object.entries(CW.groups)) {
    if (wanted.includes(name)) { if (!map.hasLayer(group)) group.addTo(map); } else group.remove();
  }
  for (const side of ["before-hatch", "after-hatch"]) map.getPane(side).style.display = wanted.includes("hatching") ? "" : "none";
};
CW.toggleLayer = (name, on) => CW.change({ layers: on ? [...CW.state.layers, name] : CW.state.layers.filter((x) => x !== name) });
