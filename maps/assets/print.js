/* On paper: what the map shows, whole; legend, figures and a table of what was found; every sheet marked. */
CW.printed = /** @type {any} */ (null);
/* Text as a style sheet takes it between quotes. */
CW.quoted = (text) => text.replace(/["\\\n\r\f<]/g, " ");
/* Name, marks and run at the foot of every sheet, with its number. */
CW.sheetMarks = () => {
  const { data } = CW;
  const mark = [data.site.name, data.profile.restricted && CW.t("restricted_flag"), data.simulated && CW.t("simulated_flag"), CW.t("run_short", { run: data.run.id })].filter(Boolean).join(" · ");
  const font = "font: 8pt sans-serif; color: #4d5b69;";
  return `@page { @bottom-left { content: "${CW.quoted(mark)}"; ${font} } @bottom-right { content: counter(page) " / " counter(pages); ${font} } }`;
};
CW.MOST_PRINTED = 60;
/* What was found, newest first, in the words of the page. */
CW.printTable = () => {
  const { data } = CW;
  const all = [...data.disturbances].sort((a, b) => (a.first < b.first ? 1 : -1));
  if (!all.length) return null;
  const rows = all.slice(0, CW.MOST_PRINTED);
  const latest = [...new Map(data.piles.map((p) => [p.id, p])).values()];
  const head = ["kind", "area", "first_seen", "relation", "status", "tab_review"].map((key) => CW.el("th", { scope: "col" }, CW.t(key)));
  const seen = (r) => (r.first_low && r.first_low !== r.first_high ? `${r.first_low} – ${r.first_high}` : r.first);
  return CW.set(CW.section(CW.t("disturbances_n", { n: rows.length, all: all.length }), CW.el("table", {}, CW.el("thead", {}, CW.el("tr", {}, head)), CW.el("tbody", {},
    rows.map((r) => CW.el("tr", {}, [CW.kindWord(r), CW.interval(r.area, "ha"), seen(r), CW.word("relation", r.relation), CW.word("machine", r.status), CW.reviewWord(r.id)].map((text) => CW.el("td", {}, text)))),
    latest.map((p) => CW.el("tr", {}, [CW.t("pile"), CW.interval(p.area, "ha"), p.first, CW.zoneName(p.id.split("/").at(-2) || ""), `${CW.t("last_seen")} ${p.last}`, CW.reviewWord(p.id)].map((text) => CW.el("td", {}, text))))))), { id: "print-table" });
};
CW.beforePrint = () => {
  if (CW.printed) return;
  const map = CW.map;
  CW.printed = { bounds: map.getBounds(), centre: map.getCenter(), zoom: map.getZoom(), tab: CW.state.tab, legend: CW.byId("legend").open };
  CW.change({ tab: "figures" });
  document.body.classList.add("printing");
  CW.byId("legend").open = true;
  document.head.append(CW.el("style", { id: "sheet-marks" }, CW.sheetMarks()));
  CW.drawFigures();
  map.invalidateSize({ animate: false });
  map.fitBounds(CW.printed.bounds, { animate: false });
};
CW.afterPrint = () => {
  if (!CW.printed) return;
  const { centre, zoom, tab, legend } = CW.printed;
  CW.printed = null;
  document.body.classList.remove("printing");
  CW.byId("sheet-marks").remove();
  CW.byId("legend").open = legend;
  CW.change({ tab });
  CW.drawFigures();
  CW.map.invalidateSize({ animate: false });
  CW.map.setView(centre, zoom, { animate: false });
};
