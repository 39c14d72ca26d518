/* Where on Earth: coasts, borders and a few towns, from the page itself; nothing is asked of any server. */
CW.outlineData = JSON.parse(CW.byId("cw-outline").textContent);
CW.outlinePaths = (lat, lng) => {
  const [west, south, east, north] = CW.outlineData.bounds;
  const near = lng > west - 3 && lng < east + 3 && lat > south - 3 && lat < north + 3;
  const scale = near ? 100 : 10;
  const pairs = (flat) => { const out = []; for (let k = 0; k < flat.length; k += 2) out.push([flat[k + 1] / scale, flat[k] / scale]); return out; };
  const part = CW.outlineData[near ? "korea" : "world"];
  return { near, coast: part.coast.map(pairs), border: part.border.map(pairs) };
};
CW.drawOutline = (map, lat, lng) => {
  if (!map.getPane("outline")) map.createPane("outline").style.zIndex = 150;
  const found = CW.outlinePaths(lat, lng);
  const group = L.layerGroup().addTo(map);
  for (const line of found.coast) group.addLayer(L.polyline(line, { pane: "outline", color: "#5f7f95", weight: 1.4, interactive: false }));
  for (const line of found.border) group.addLayer(L.polyline(line, { pane: "outline", color: "#8a8f98", weight: 1, dashArray: "5 4", interactive: false }));
  const towns = found.near ? CW.outlineData.towns : [];
  for (const [y, x, name, korean] of towns) group.addLayer(L.marker([y, x], { pane: "outline", interactive: false, keyboard: false, icon: L.divIcon({ className: "town", html: CW.el("span", {}, CW.lang === "ko" ? korean : name), iconSize: null }) }));
  return group;
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
  const towns = (found.near ? CW.outlineData.towns : []).filter(([ty, tx]) => Math.abs(tx - lng) < spanX * 0.4 && Math.abs(ty - lat) < spanY * 0.46).slice(0, 4);
  return CW.svg("svg", { class: "locator", width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${CW.t("where")}: ${lat}, ${lng}` },
    CW.svg("path", { d: path(found.coast), class: "locator-coast" }), CW.svg("path", { d: path(found.border), class: "locator-border" }),
    towns.map(([ty, tx, name, korean]) => [CW.svg("circle", { cx: x(tx), cy: y(ty), r: 1.6, class: "locator-town" }), CW.svg("text", { x: x(tx) + 3, y: y(ty) + 3, class: "locator-name" }, CW.lang === "ko" ? korean : name)]),
    CW.svg("circle", { cx: width / 2, cy: height / 2, r: 5, class: "locator-here" }));
};
