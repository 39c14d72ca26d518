/* The page of one site put together. */
CW.views = () => ["true", "false", "change"].filter((view) => CW.dates.some((d) => d.pictures[view].length));
CW.drawViews = () => {
  const box = CW.clear(CW.byId("views"));
  for (const view of CW.views()) CW.fill(box, CW.el("button", { type: "button", "data-view": view, "aria-pressed": String(view === CW.state.view), onclick: () => CW.change({ view }) }, CW.t(`view_${view}_short`)));
  box.hidden = !CW.views().length;
};
CW.drawHeader = () => {
  const { site } = CW.data;
  const korean = CW.lang === "ko" && site.name_ko;
  CW.fill(CW.clear(CW.byId("site-name")), CW.name(korean ? site.name_ko : site.name));
  CW.fill(CW.clear(CW.byId("site-sub")), [...new Set([korean ? site.name : site.name_ko, site.where ? CW.nearTown(site.where.lat, site.where.lon) : null, site.where ? `${site.where.lat}, ${site.where.lon}` : null, site.kind, site.status])].filter(Boolean).map((text, k) => [k ? " · " : null, CW.name(text)]));
  CW.byId("flag-restricted").hidden = !CW.data.profile.restricted;
  CW.byId("home-link").href = CW.data.profile.restricted ? "index.restricted.html" : "index.html";
  CW.byId("flag-simulated").hidden = !CW.data.simulated;
  for (const button of CW.byId("lang").children) button.setAttribute("aria-pressed", String(button.dataset.lang === CW.lang));
  CW.byId("btn-keys").setAttribute("aria-label", CW.t("keys_long"));
  CW.map.getContainer().setAttribute("aria-label", CW.t("map_label"));
};
CW.showImagery = () => {
  CW.after.show(CW.state.date, CW.state.view);
  if (CW.state.compare) CW.before.show(CW.state.before, CW.state.view);
  CW.preload(CW.step(CW.state.date, 1), CW.state.view);
};
/* Height of the row of tools over the map. */
CW.TOOLS_PX = 54;
CW.setupMap = (map) => {
  CW.map = map;
  L.control.zoom({ position: "topright" }).addTo(map);
  map.getContainer().setAttribute("role", "application");
  map.getContainer().setAttribute("tabindex", "0");
  map.keyboard.disable();
  map.on("popupclose", () => CW.change({ selected: null }));
  const whole = CW.data.grid ? CW.data.grid.bounds : CW.data.site.bounds;
  map.fitBounds(CW.box(whole), { paddingTopLeft: [8, CW.TOOLS_PX], paddingBottomRight: [8, 8], animate: false });
  map.setMinZoom(Math.max(3, map.getZoom() - 3));
  map.setMaxZoom(19);
};
CW.watchAll = (map) => {
  CW.watch(["date", "view", "before", "compare"], CW.showImagery);
  CW.watch(["lang"], CW.drawHeader);
  CW.watch(["lang", "view"], CW.drawViews);
  CW.watch(["lang", "drawn", "view"], CW.drawQuality);
  CW.watch(["lang", "background"], CW.drawAttribution);
  CW.watch(["date", "before", "compare", "split", "view", "layers", "overlays", "lang", "tab", "selected"], CW.writeHash);
  map.on("moveend", CW.writeHash);
  map.on("moveend", CW.drawQuality);
  window.addEventListener("hashchange", () => { if (location.hash !== CW.ownHash) CW.applyHash(); });
  window.addEventListener("beforeprint", CW.beforePrint);
  window.addEventListener("afterprint", CW.afterPrint);
  for (const button of CW.byId("lang").children) button.addEventListener("click", () => CW.setLanguage(button.dataset.lang));
};
CW.applyHash = () => {
  const { patch, lang } = CW.readHash();
  CW.change(patch);
  CW.openLinked();
  if (lang && lang !== CW.lang) CW.setLanguage(lang);
};
CW.start = (map) => {
  if (CW.mayWrite() && CW.live.reader) { CW.reviewer = CW.live.reader; CW.drafts = CW.live.drafts || {}; }
  /* The page opens on the newest look that saw most of the site. */
  const clear = CW.usableDates.filter(CW.sawMost);
  const last = [...clear, ...(clear.length ? [] : CW.usableDates)].pop() ?? Math.max(0, CW.dates.length - 1);
  CW.state = { date: last, before: CW.usableDates[0] ?? 0, view: "true", compare: false, split: 0.5, overlays: true, layers: CW.defaultLayers, onlyUsable: true, playing: false, lang: null, tab: "figures", drawn: 0, background: "none" };
  CW.setupMap(map);
  if (CW.data.site.where) CW.showOutline(map, CW.data.site.where.lat, CW.data.site.where.lon);
  CW.before = new CW.Side(map, "before", 210);
  CW.after = new CW.Side(map, "after", 220);
  CW.setupPanel();
  CW.setupVectors(map);
  CW.setupSwipe(map);
  CW.setupTimeline();
  CW.setupReadout(map);
  CW.setupTools(map);
  CW.setupKeys();
  CW.setupLegend();
  const yearAgo = CW.sameSeasonLastYear(last);
  CW.state.before = yearAgo >= 0 ? yearAgo : CW.state.before;
  const { patch, lang } = CW.readHash();
  Object.assign(CW.state, patch);
  CW.watchAll(map);
  CW.setLanguage(lang === "ko" || lang === "en" ? lang : CW.data.language || "en");
  CW.showTab();
  CW.drawTransport();
  CW.drawDated();
  CW.applyLayers(map);
  CW.change({ compare: !CW.state.compare });
  CW.change({ compare: !CW.state.compare });
  CW.openLinked();
  document.documentElement.dataset.ready = "yes";
};
CW.start(map_page);
