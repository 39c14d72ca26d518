/* Where on Earth: coasts, borders, provinces, rivers and towns, from the page itself; nothing is asked of any server. */
CW.outlineData = JSON.parse(CW.byId("cw-outline").textContent);
CW.outlinePaths = (lat, lng) => {
  const [west, south, east, north] = CW.outlineData.bounds;
  const near = lng > west - 3 && lng < east + 3 && lat > south - 3 && lat < north + 3;
  const scale = near ? 100 : 10;
  const pairs = (flat) => { const out = []; for (let k = 0; k < flat.length; k += 2) out.push([flat[k + 1] / scale, flat[k] / scale]); return out; };
  const part = CW.outlineData[near ? "korea" : "world"];
  const lines = (name) => (part[name] || []).map(pairs);
  return { near, coast: lines("coast"), border: lines("border"), province: lines("province"), river: [...lines("river"), ...lines("lake")] };
};
CW.OUTLINE_STYLE = { province: { color: "#b3bac1", weight: 1, dashArray: "2 4" }, river: { color: "#7fa8c9", weight: 1.2 }, border: { color: "#8a8f98", weight: 1, dashArray: "5 4" }, coast: { color: "#5f7f95", weight: 1.4 } };
CW.placeName = (name, korean) => (CW.lang === "ko" ? korean : name);
/* Names that find room, the largest towns first; again after each zoom. */
CW.NAME_PX = [64, 14];
CW.drawNames = (map, layer, names) => {
  const taken = /** @type {any[]} */ ([]);
  layer.clearLayers();
  for (const [y, x, name, korean, kind] of names) {
    const at = map.latLngToLayerPoint([y, x]);
    if (taken.some((p) => Math.abs(p.x - at.x) < CW.NAME_PX[0] && Math.abs(p.y - at.y) < CW.NAME_PX[1])) continue;
    taken.push(at);
    layer.addLayer(L.marker([y, x], { pane: "outline", interactive: false, keyboard: false, icon: L.divIcon({ className: kind || "town", html: CW.el("span", {}, CW.placeName(name, korean)), iconSize: null }) }));
  }
};
/* The town next to a place, how far and on which side of it; null where none is within 80 km. */
CW.nearTown = (lat, lng) => {
  const km = (town) => { const dy = (lat - town[0]) * 111.2, dx = (lng - town[1]) * 111.2 * Math.cos((lat * Math.PI) / 180); return { town, dx, dy, far: Math.hypot(dx, dy) }; };
  const next = CW.outlineData.towns.map(km).sort((a, b) => a.far - b.far)[0];
  if (!next || next.far > 80) return null;
  const town = CW.placeName(next.town[2], next.town[3]);
  if (next.far < 3) return CW.t("near_at", { town });
  const side = ["n", "ne", "e", "se", "s", "sw", "w", "nw"][Math.round(((Math.atan2(next.dx, next.dy) * 180) / Math.PI + 360) / 45) % 8];
  return CW.t("near_town", { km: Math.round(next.far), side: CW.t(`side_${side}`), town });
};
CW.drawOutline = (map, lat, lng) => {
  if (!map.getPane("outline")) CW.set(map.createPane("outline"), { style: "z-index: 150", "aria-hidden": "true" });
  const found = CW.outlinePaths(lat, lng);
  const group = L.layerGroup().addTo(map);
  for (const [name, style] of Object.entries(CW.OUTLINE_STYLE)) for (const line of found[name]) group.addLayer(L.polyline(line, { pane: "outline", interactive: false, ...style }));
  if (found.near) {
    const layer = L.layerGroup().addTo(group);
    const names = [...CW.outlineData.towns, ...CW.outlineData.rivers.map((river) => [...river, "town river-name"])];
    const draw = () => CW.drawNames(map, layer, names);
    map.on("zoomend", draw);
    group.on("remove", () => map.off("zoomend", draw));
    draw();
  }
  return group;
};
/* Drawn, and drawn anew with the language. */
CW.showOutline = (map, lat, lng) => {
  let layer = /** @type {any} */ (null);
  CW.watch(["lang"], () => { if (layer) layer.remove(); layer = CW.drawOutline(map, lat, lng); });
};
/* A small picture of the region with the place in it; the window is wide enough that a coast or border is in sight. */
CW.locatorPicture = (lat, lng, width = 132, height = 132) => {
  const found = CW.outlinePaths(lat, lng);
  const spanY = found.near ? 7 : 24;
  const spanX = (spanY * width) / height / Math.cos((lat * Math.PI) / 180);
  const x = (v) => ((v - lng + spanX / 2) / spanX) * width;
  const y = (v) => ((lat - v + spanY / 2) / spanY) * height;
  const inside = (line) => line.some(([py, px]) => Math.abs(px - lng) < spanX && Math.abs(py - lat) < spanY);
  const path = (lines) => lines.filter(inside).map((line) => `M${line.map(([py, px]) => `${x(px).toFixed(1)} ${y(py).toFixed(1)}`).join("L")}`).join("");
  const towns = /** @type {any[]} */ ([]);
  for (const town of found.near ? CW.outlineData.towns : []) {
    const inSight = Math.abs(town[0] - lat) < spanY * 0.46 && Math.abs(town[1] - lng) < spanX * 0.4;
    if (inSight && towns.length < 5 && !towns.some((other) => Math.abs(x(other[1]) - x(town[1])) < 46 && Math.abs(y(other[0]) - y(town[0])) < 11)) towns.push(town);
  }
  return CW.svg("svg", { class: "locator", width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${CW.t("where")}: ${lat}, ${lng}` },
    CW.svg("path", { d: path(found.province), class: "locator-province" }), CW.svg("path", { d: path(found.river), class: "locator-river" }), CW.svg("path", { d: path(found.coast), class: "locator-coast" }), CW.svg("path", { d: path(found.border), class: "locator-border" }),
    towns.map(([ty, tx, name, korean]) => [CW.svg("circle", { cx: x(tx), cy: y(ty), r: 1.6, class: "locator-town" }), CW.svg("text", { x: x(tx) + 3, y: y(ty) + 3, class: "locator-name" }, CW.lang === "ko" ? korean : name)]),
    CW.svg("circle", { cx: width / 2, cy: height / 2, r: 5, class: "locator-here" }));
};
