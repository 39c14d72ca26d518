/* The page of one site put together. */
CW.start = (map) => {
  CW.map = map;
  CW.before = new CW.Side(map, "before", 210);
  CW.after = new CW.Side(map, "after", 220);
  const last = CW.usableDates.length ? CW.usableDates[CW.usableDates.length - 1] : Math.max(0, CW.dates.length - 1);
  CW.state = { date: last, before: CW.usableDates[0] ?? 0, view: "true", compare: false, split: 0.5, overlays: true, layers: CW.defaultLayers, onlyUsable: true, playing: false, lang: "en", tab: "figures", drawn: 0 };
  CW.setupVectors(map);
  CW.setupSwipe(map);
  CW.setupTimeline();
  const show = () => {
    CW.after.show(CW.state.date, CW.state.view);
    if (CW.state.compare) CW.before.show(CW.state.before, CW.state.view);
  };
  CW.watch(["date", "view", "before", "compare"], show);
  if (CW.data.grid) map.fitBounds(CW.box(CW.data.grid.bounds));
  CW.setLanguage("en");
  CW.byId("site-name").append(CW.name(CW.data.site.name));
  CW.change({ lang: "" }); CW.change({ lang: "en" });
  CW.drawDated(); CW.applyLayers(map);
  show();
};
CW.start(map_page);
