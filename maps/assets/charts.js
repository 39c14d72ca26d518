/* Charts, drawn here as SVG: intervals first, raw points, gaps left empty, all linked to the slider. */
CW.niceStep = (span, count) => {
  const rough = span / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(rough || 1));
  const lead = rough / power;
  return power * (lead <= 1 ? 1 : lead <= 2 ? 2 : lead <= 5 ? 5 : 10);
};
CW.GAP = 60 * 86400e3;
/* Stretches of a line between which there was a figure at least every 60 days, as in the printed figures. */
CW.runs = (line) => {
  /** @type {any[][]} */
  const runs = [];
  let last = null;
  for (const point of line) {
    if (!CW.known(point.q)) continue;
    if (last === null || CW.time(point.utc) - CW.time(last.utc) > CW.GAP) runs.push([]);
    runs[runs.length - 1].push(point);
    last = point;
  }
  return runs;
};
/* Pointing moves the date, leaving brings the kept one back, a click keeps. */
CW.hovered = (root, dateAt) => {
  let kept = null;
  root.addEventListener("pointermove", (event) => {
    if (event.pointerType !== "mouse" || CW.state.playing) return;
    const goal = dateAt(event);
    if (goal < 0 || goal === CW.state.date) return;
    if (kept === null) kept = CW.state.date;
    CW.change({ date: goal });
  });
  root.addEventListener("pointerleave", () => { if (kept !== null) CW.change({ date: kept }); kept = null; });
  root.addEventListener("click", (event) => {
    const goal = dateAt(event);
    CW.stop();
    kept = null;
    if (goal >= 0) CW.change({ date: goal });
  });
};
CW.frame = (host, height, label) => {
  const width = Math.max(280, host.clientWidth || 380);
  const left = 42, right = 8, top = 10, bottom = 22;
  const root = CW.svg("svg", { class: "chart", viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": label });
  CW.fill(host, root);
  return { root, width, height, left, right, top, bottom, w: width - left - right, h: height - top - bottom };
};
CW.yAxis = (f, high, unit) => {
  const step = CW.niceStep(high, 4);
  const top = Math.max(step, Math.ceil(high / step) * step);
  const y = (v) => f.top + f.h * (1 - Math.max(0, v) / top);
  for (let v = 0; v <= top + 1e-9; v += step) {
    CW.fill(f.root, CW.svg("line", { class: v === 0 ? "axis" : "grid", x1: f.left, x2: f.width - f.right, y1: y(v), y2: y(v) }));
    CW.fill(f.root, CW.svg("text", { class: "tick-text", x: f.left - 6, y: y(v) + 4, "text-anchor": "end" }, v + step > top + 1e-9 ? `${Number(v.toFixed(6))} ${unit}` : Number(v.toFixed(6))));
  }
  return y;
};
CW.timeAxis = (f, from, to) => {
  const x = (t) => f.left + f.w * ((t - from) / Math.max(1, to - from));
  const firstYear = new Date(from).getUTCFullYear();
  const lastYear = new Date(to).getUTCFullYear();
  const every = Math.max(1, Math.ceil((lastYear - firstYear + 1) / (f.w / 44)));
  for (let year = firstYear; year <= lastYear + 1; year += 1) {
    const at = Date.UTC(year, 0, 1);
    if (at < from || at > to) continue;
    CW.fill(f.root, CW.svg("line", { class: "grid", x1: x(at), x2: x(at), y1: f.top, y2: f.top + f.h }));
    if ((year - firstYear) % every === 0 && x(at) < f.width - 14) CW.fill(f.root, CW.svg("text", { class: "tick-text", x: x(at), y: f.height - 6, "text-anchor": "middle" }, year));
  }
  if (to - from < 3 * 366 * 86400e3) CW.quarterTicks(f, x, from, to);
  return x;
};
/* Few years: the quarters between them are named too, where there is room. */
CW.quarterTicks = (f, x, from, to) => {
  const room = x(from + 91 * 86400e3) - x(from);
  for (let month = 0; Date.UTC(new Date(from).getUTCFullYear(), month, 1) <= to; month += 3) {
    const at = new Date(Date.UTC(new Date(from).getUTCFullYear(), month, 1));
    if (at < from || at.getUTCMonth() === 0 || x(at.getTime()) > f.width - 14) continue;
    CW.fill(f.root, CW.svg("line", { class: "grid", x1: x(at.getTime()), x2: x(at.getTime()), y1: f.top + f.h - 4, y2: f.top + f.h }));
    if (room > 34) CW.fill(f.root, CW.svg("text", { class: "tick-text", x: x(at.getTime()), y: f.height - 6, "text-anchor": "middle" }, at.toLocaleString(CW.lang === "ko" ? "ko-KR" : "en-GB", { month: "short", timeZone: "UTC" })));
  }
};
CW.span = (moments) => {
  const times = moments.map(CW.time);
  const from = Math.min(...times), to = Math.max(...times);
  const pad = Math.max(15 * 86400e3, (to - from) * 0.02);
  return [from - pad, to + pad];
};
/* A line that shows where the slider stands. */
CW.cursor = (f, x) => {
  const line = CW.svg("line", { class: "cursor", y1: f.top, y2: f.top + f.h });
  CW.fill(f.root, line);
  const place = () => {
    const look = CW.dates[CW.state.date];
    const at = look ? x(CW.time(look.utc)) : -1;
    const inside = at >= f.left && at <= f.width - f.right;
    line.style.display = inside ? "" : "none";
    if (inside) { line.setAttribute("x1", at); line.setAttribute("x2", at); }
  };
  CW.cursors.push(place);
  place();
};
CW.cursors = [];
CW.timeChart = (host, { points, line, unit, label, height = 190, from = null, to = null }) => {
  const all = [...points, ...line].filter((p) => CW.known(p.q));
  if (!all.length) { CW.fill(host, CW.el("p", { class: "muted small" }, CW.t("no_values"))); return; }
  const f = CW.frame(host, height, label);
  const [start, end] = from !== null && to !== null ? [from, to] : CW.span([...points, ...line].map((p) => p.utc));
  const high = Math.max(...all.map((p) => p.q.h), 0.01);
  const y = CW.yAxis(f, high, unit);
  const x = CW.timeAxis(f, start, end);
  for (const run of CW.runs(line)) {
    const at = (p) => x(CW.time(p.utc)).toFixed(1);
    const upper = run.map((p) => `${at(p)},${y(p.q.h).toFixed(1)}`);
    const lower = [...run].reverse().map((p) => `${at(p)},${y(p.q.l).toFixed(1)}`);
    if (run.length > 1) CW.fill(f.root, CW.svg("path", { class: "band", d: `M${[...upper, ...lower].join("L")}Z` }));
    CW.fill(f.root, CW.svg("path", { class: "middle", d: `M${run.map((p) => `${at(p)},${y(p.q.v).toFixed(1)}`).join("L")}` }));
  }
  for (const p of points) {
    if (!CW.known(p.q)) continue;
    const at = x(CW.time(p.utc));
    const tip = `${CW.day(p.utc)} · ${CW.interval(p.q, unit)} · ${CW.best(p.q, unit)}`;
    CW.fill(f.root, CW.svg("line", { class: "whisker", x1: at, x2: at, y1: y(p.q.l), y2: y(p.q.h) }));
    CW.fill(f.root, CW.svg("circle", { class: p.floor ? "dot floor" : "dot", cx: at, cy: y(p.q.v), r: 3 }, CW.svg("title", {}, tip)));
  }
  CW.cursor(f, x);
  CW.hovered(f.root, (event) => {
    const box = f.root.getBoundingClientRect();
    const t = start + ((((event.clientX - box.left) / box.width) * f.width - f.left) / f.w) * (end - start);
    return CW.nearest(new Date(Math.min(end, Math.max(start, t))).toISOString(), CW.stops());
  });
  return f;
};
/* Disturbed ground by year, inside and outside the boundary version in force, with the interval of the sum. */
CW.footprintChart = (host) => {
  const all = CW.data.footprints;
  const rows = all.filter((r) => CW.known(r.area));
  if (!rows.length) { CW.fill(host, CW.el("p", { class: "muted small" }, CW.t("no_values"))); return; }
  const f = CW.frame(host, 190, CW.t("footprint_chart"));
  const y = CW.yAxis(f, Math.max(...rows.map((r) => r.area.h)), "ha");
  const slot = f.w / all.length;
  const wide = Math.min(34, slot * 0.62);
  all.forEach((r, k) => {
    const middle = f.left + slot * (k + 0.5);
    const group = CW.svg("g", { class: "epoch-bar", "data-epoch": r.start });
    const part = (from, to, kind) => {
      if (to - from > 1e-9) CW.fill(group, CW.svg("rect", { class: kind, x: middle - wide / 2, width: wide, y: y(to), height: Math.max(0.5, y(from) - y(to)) }));
    };
    if (!CW.known(r.area)) CW.fill(group, CW.svg("text", { class: "tick-text", x: middle, y: f.top + f.h - 5, "text-anchor": "middle" }, "–"));
    else {
      if (CW.known(r.inside) && CW.known(r.outside)) {
        part(0, r.inside.v, "bar-inside");
        part(r.inside.v, r.inside.v + r.outside.v, "bar-outside");
      } else part(0, r.area.v, "bar-whole");
      CW.fill(group, CW.svg("line", { class: "whisker", x1: middle, x2: middle, y1: y(r.area.l), y2: y(r.area.h) }));
    }
    CW.fill(group, CW.svg("title", {}, `${r.start} – ${r.end}: ${CW.interval(r.area, "ha")}`));
    if (all.length <= 14 || k % 2 === 0) CW.fill(group, CW.svg("text", { class: "tick-text", x: middle, y: f.height - 6, "text-anchor": "middle" }, r.start.slice(0, 4)));
    group.addEventListener("click", () => {
      const inside = CW.usableDates.filter((i) => CW.day(CW.dates[i].utc) >= r.start && CW.day(CW.dates[i].utc) < r.end);
      if (inside.length) { CW.stop(); CW.change({ date: inside[inside.length - 1] }); }
    });
    CW.fill(f.root, group);
  });
  const mark = () => {
    const epoch = CW.dates[CW.state.date] && CW.epochAt(CW.dates[CW.state.date].utc);
    for (const g of /** @type {NodeListOf<SVGElement>} */ (f.root.querySelectorAll(".epoch-bar"))) g.classList.toggle("is-now", Boolean(epoch) && g.dataset.epoch === epoch.start);
  };
  CW.cursors.push(mark);
  mark();
};
CW.lookKind = (look) => ({ used: "usable", unusable: "clouded", missing: "missing", failed: "unexplained" })[look.status] || "unexplained";
CW.allLooks = () =>
  [...CW.dates.map((d, i) => ({ utc: d.utc, local: d.local, status: d.status, detail: d.detail, scene: d.scene, valid: d.valid, index: i })), ...CW.data.looks]
    .sort((a, b) => (a.utc < b.utc ? -1 : 1));
/* One mark per look, by shape and by colour: usable, clouded, missing, unexplained. */
CW.lookMark = (kind, cx, cy) => {
  const r = 3.4;
  if (kind === "usable") return CW.svg("circle", { class: "look-usable", cx, cy, r });
  if (kind === "clouded") return CW.svg("circle", { class: "look-clouded", cx, cy, r: r - 0.6 });
  if (kind === "missing") return CW.svg("path", { class: "look-missing", d: `M${cx - r} ${cy - r}l${2 * r} ${2 * r}m0 ${-2 * r}l${-2 * r} ${2 * r}` });
  return CW.svg("path", { class: "look-unexplained", d: `M${cx} ${cy - r - 1}l${r + 1} ${r + 1}-${r + 1} ${r + 1}-${r + 1}-${r + 1}z` });
};
CW.calendar = (host) => {
  const looks = CW.allLooks();
  if (!looks.length) { CW.fill(host, CW.el("p", { class: "muted small" }, CW.t("no_imagery"))); return; }
  const years = [];
  for (let y = Number(looks[0].utc.slice(0, 4)); y <= Number(looks[looks.length - 1].utc.slice(0, 4)); y += 1) years.push(y);
  const row = 17, top = 16, left = 34;
  const width = Math.max(280, host.clientWidth || 380);
  const height = top + years.length * row + 4;
  const counts = {};
  for (const look of looks) counts[CW.lookKind(look)] = (counts[CW.lookKind(look)] || 0) + 1;
  const label = Object.entries(counts).map(([kind, n]) => `${CW.t(`look_${kind}`)}: ${n}`).join(", ");
  const root = CW.svg("svg", { class: "chart calendar", viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": `${CW.t("calendar")}. ${label}` });
  const w = width - left - 6;
  const at = (iso) => { const d = new Date(iso); return left + (w * (d.getTime() - Date.UTC(d.getUTCFullYear(), 0, 1))) / (366 * 86400e3); };
  for (let m = 0; m < 12; m += 1) {
    const x = left + (w * (Date.UTC(2020, m, 1) - Date.UTC(2020, 0, 1))) / (366 * 86400e3);
    CW.fill(root, CW.svg("line", { class: "grid", x1: x, x2: x, y1: top, y2: height - 2 }));
    CW.fill(root, CW.svg("text", { class: "tick-text", x: x + 3, y: 11 }, CW.lang === "ko" ? `${m + 1}월` : "JFMAMJJASOND"[m]));
  }
  years.forEach((year, k) => CW.fill(root, CW.svg("text", { class: "tick-text", x: 0, y: top + k * row + 12 }, year)));
  for (const look of looks) {
    const kind = CW.lookKind(look);
    const mark = CW.fill(CW.svg("g", { class: "look-mark", "data-look": look.index ?? null }), CW.lookMark(kind, at(look.utc), top + (Number(look.utc.slice(0, 4)) - years[0]) * row + row / 2));
    CW.fill(mark, CW.svg("title", {}, `${CW.day(look.utc)} · ${CW.t(`look_${kind}`)}${look.detail ? ` · ${CW.said(look.detail)}` : ""}`));
    if (look.index !== undefined) mark.addEventListener("click", () => { CW.stop(); CW.change({ onlyUsable: CW.state.onlyUsable && CW.usable(look.index), date: look.index }); });
    CW.fill(root, mark);
  }
  CW.fill(host, root);
  CW.fill(host, CW.el("p", { class: "key small" }, Object.keys(counts).map((kind) =>
    CW.el("span", {}, CW.fill(CW.svg("svg", { width: 12, height: 12, "aria-hidden": "true" }), CW.lookMark(kind, 6, 6)), ` ${CW.t(`look_${kind}`)} ${counts[kind]}`))));
  const ring = CW.svg("circle", { class: "look-now", r: 6 });
  CW.fill(root, ring);
  const place = () => {
    const look = CW.dates[CW.state.date];
    if (!look) return;
    ring.setAttribute("cx", at(look.utc));
    ring.setAttribute("cy", top + (Number(look.utc.slice(0, 4)) - years[0]) * row + row / 2);
  };
  CW.cursors.push(place);
  place();
};
