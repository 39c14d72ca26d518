/* Layers that the page has no drawing of its own for: listed, drawn and opened from their description. */
CW.title = (pair) => pair[CW.lang === "ko" && pair[1] ? 1 : 0];
CW.moreStyle = (layer) => ({ color: layer.style.line, weight: 2, fillColor: layer.style.line, fillOpacity: layer.style.fill, dashArray: layer.style.dashed ? "5 4" : null });
CW.cellText = (column, value) => {
  if (column.kind === "quantity") return CW.figure(value, column.unit);
  if (value === null || value === undefined || value === "") return "";
  if (column.kind === "boolean") return CW.t(value ? "yes" : "no");
  if (column.kind === "list") return CW.name(value.join(", "));
  if (column.kind === "sectors") return CW.name(Object.entries(value).map(([sector, [best, low, high]]) => `${sector} ${Math.round(best)} (${Math.round(low)} – ${Math.round(high)})`).join("; "));
  return column.kind === "text" ? CW.name(String(value)) : `${CW.num(Number(value))} ${column.unit === "1" ? "" : column.unit}`.trim();
};
/* Name of a row, as its layer's description words it. */
CW.rowLabel = (layer, row) => layer.label.replace(/\{(\w+)\}/g, (_, name) => String(row[name] ?? ""));
CW.moreSubject = (layer, row) => ({ type: "more", key: row.subject, record: row, layer });
CW.moreCard = (layer, row) => CW.el("dl", { class: "facts" }, layer.columns.filter((c) => c.kind !== "list" && row[c.name] !== null && row[c.name] !== undefined).map((c) => [CW.el("dt", {}, CW.title(c.meaning)), CW.el("dd", {}, CW.cellText(c, row[c.name]))]));
/* At most so many rows in the panel, the newest; all of them are in the exports. */
CW.moreRows = 200;
CW.moreSection = (layer) => {
  const columns = layer.columns.filter((c) => (layer.printed.length ? layer.printed.includes(c.name) : c.kind !== "list"));
  const rows = layer.rows.slice(-CW.moreRows).reverse();
  return CW.section(`${CW.title(layer.title)} (${layer.rows.length})`, layer.check ? CW.standing(layer.check) : null,
    CW.el("div", { class: "table-box", tabindex: "0", role: "region", "aria-label": CW.title(layer.title), "data-layer-table": layer.name }, CW.el("table", {},
      CW.el("thead", {}, CW.el("tr", {}, columns.map((c) => CW.el("th", { scope: "col" }, CW.title(c.meaning))))),
      CW.el("tbody", {}, rows.map((row) => CW.el("tr", {}, columns.map((c, k) => CW.el("td", {}, k ? CW.cellText(c, row[c.name]) : CW.el("button", { type: "button", class: "link", onclick: () => CW.visit(CW.moreSubject(layer, row)) }, CW.cellText(c, row[c.name]) || CW.rowLabel(layer, row))))))))));
};
CW.moreSections = () => CW.moreLayers.map((layer) => CW.el("details", { class: "more" }, CW.el("summary", {}, CW.title(layer.title)), CW.moreSection(layer)));
