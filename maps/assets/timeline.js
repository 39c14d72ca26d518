/* The slider under the map: one tick per look, filled where the ground was seen. */
CW.timer = /** @type {any} */ (null);
CW.setupTimeline = () => {
  const slider = CW.byId("slider");
  slider.max = Math.max(1, CW.dayOf(CW.dates.length - 1));
  slider.addEventListener("input", () => {
    CW.stop();
    const goal = new Date(CW.time(CW.dates[0].utc) + Number(slider.value) * 86400e3).toISOString();
    CW.change({ date: CW.nearest(goal, CW.stops()) });
    slider.value = CW.dayOf(CW.state.date);
  });
  /* The scale is time, so that gaps look like gaps; the arrows go from look to look. */
  slider.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[event.key];
    if (!by) return;
    event.preventDefault();
    event.stopPropagation();
    CW.stop();
    CW.change({ date: CW.step(CW.state.date, by) });
  });
  CW.byId("btn-prev").addEventListener("click", () => { CW.stop(); CW.change({ date: CW.step(CW.state.date, -1) }); });
  CW.byId("btn-next").addEventListener("click", () => { CW.stop(); CW.change({ date: CW.step(CW.state.date, 1) }); });
  CW.byId("btn-play").addEventListener("click", () => (CW.state.playing ? CW.stop() : CW.play()));
  CW.byId("only-usable").addEventListener("change", () => CW.change({ onlyUsable: CW.byId("only-usable").checked }));
  CW.byId("before").addEventListener("change", () => CW.change({ before: Number(CW.byId("before").value) }));
  CW.watch(["date", "lang", "before", "compare"], CW.drawNow);
  CW.watch(["date", "before", "compare", "lang"], CW.drawTicks);
  CW.watch(["playing", "lang"], CW.drawTransport);
  CW.watch(["compare", "lang", "before"], CW.drawBefore);
  new ResizeObserver(CW.drawTicks).observe(CW.byId("ticks"));
};
CW.dayOf = (i) => (CW.dates.length ? Math.round((CW.time(CW.dates[i].utc) - CW.time(CW.dates[0].utc)) / 86400e3) : 0);
CW.play = () => {
  const stops = CW.stops();
  if (stops.length < 2) return;
  if (CW.state.date >= stops[stops.length - 1]) CW.change({ date: stops[0] });
  CW.change({ playing: true });
  const tick = async () => {
    if (!CW.state.playing) return;
    const next = CW.step(CW.state.date, 1);
    if (next === CW.state.date) { CW.stop(); return; }
    CW.preload(CW.step(next, 1), CW.state.view);
    CW.change({ date: next });
    CW.timer = setTimeout(tick, 900);
  };
  CW.timer = setTimeout(tick, 350);
};
CW.stop = () => { clearTimeout(CW.timer); CW.change({ playing: false }); };
CW.drawTransport = () => {
  CW.byId("play-shape").setAttribute("d", CW.state.playing ? "M5 3h4v14H5zM11 3h4v14h-4z" : "M6 3v14l11-7z");
  const label = (id, key) => { const b = CW.byId(id); b.setAttribute("aria-label", CW.t(key)); b.title = CW.t(key); };
  label("btn-play", CW.state.playing ? "pause" : "play");
  label("btn-prev", "step_back");
  label("btn-next", "step_on");
};
CW.lookLine = (i) => {
  const look = CW.dates[i];
  const seen = CW.t("seen_share", { share: CW.percent(look.valid) });
  const word = look.status === "used" ? seen : `${CW.word("status", look.status)}${look.detail ? `: ${CW.said(look.detail)}` : ""}`;
  return { date: CW.day(look.utc), rest: [`${look.utc.slice(11, 16)} UTC`, look.utc.slice(0, 16).replace("T", " ") === look.local ? null : CW.t("local_clock", { local: look.local }), word].filter(Boolean).join(" · ") };
};
CW.drawNow = () => {
  const slider = CW.byId("slider");
  const now = CW.clear(CW.byId("now"));
  if (!CW.dates.length) { CW.fill(now, CW.t("no_imagery")); slider.disabled = true; return; }
  slider.value = CW.dayOf(CW.state.date);
  const line = CW.lookLine(CW.state.date);
  CW.fill(now, CW.el("strong", {}, line.date), CW.el("span", {}, line.rest));
  slider.setAttribute("aria-label", CW.t("slider"));
  slider.setAttribute("aria-valuetext", `${line.date}, ${line.rest}`);
  /* Before is the earlier of the two, on whichever side it lies. */
  const [left, right] = [CW.state.before, CW.state.date];
  const other = CW.dates[left] && CW.dates[right] && CW.seasonGap(left, right) > CW.SEASON_DAYS ? CW.el("em", {}, ` · ${CW.t("other_season")}`) : null;
  const side = (id, index, key) => CW.fill(CW.clear(CW.byId(id)), CW.el("span", {}, CW.t(key)), " ", CW.dates[index] ? CW.day(CW.dates[index].utc) : "", index === left ? other : null);
  side("side-before", left, left <= right ? "before" : "after");
  side("side-after", right, left <= right ? "after" : "before");
  CW.byId("swipe").setAttribute("aria-label", CW.t("swipe_label"));
};
CW.drawBefore = () => {
  CW.byId("before-box").hidden = !CW.state.compare;
  const select = CW.clear(CW.byId("before"));
  for (const i of CW.usableDates) CW.fill(select, CW.el("option", { value: i }, CW.day(CW.dates[i].utc)));
  select.value = String(CW.state.before);
};
/* Ticks stand where the slider's thumb stops, so that pointing at one reaches it. */
CW.drawTicks = () => {
  const box = CW.clear(CW.byId("ticks"));
  const width = box.clientWidth || 600;
  const count = CW.dates.length;
  if (!count) return;
  box.setAttribute("viewBox", `0 0 ${width} 30`);
  const inset = 9;
  const span = Math.max(1, CW.dayOf(count - 1));
  const x = (i) => inset + (CW.dayOf(i) / span) * (width - 2 * inset);
  const zero = CW.time(CW.dates[0].utc);
  const lastYear = Number(CW.dates[count - 1].utc.slice(0, 4));
  let labelEnd = -99;
  for (let year = Number(CW.dates[0].utc.slice(0, 4)); year <= lastYear; year += 1) {
    const at = Math.max(inset, inset + ((Date.UTC(year, 0, 1) - zero) / 86400e3 / span) * (width - 2 * inset));
    if (at - labelEnd < 36 || at > width - 26) continue;
    CW.fill(box, CW.svg("line", { class: "tick-line", x1: at, x2: at, y1: 2, y2: 29 }), CW.svg("text", { class: "tick-year", x: at + 3, y: 28 }, year));
    labelEnd = at;
  }
  for (let i = 0; i < count; i += 1) {
    const kind = i === CW.state.date ? "now" : CW.state.compare && i === CW.state.before ? "before" : CW.usable(i) ? "used" : "other";
    const high = kind === "now" || kind === "before" ? 14 : CW.usable(i) ? 10 : 5;
    CW.fill(box, CW.svg("rect", { class: `tick ${kind}`, x: x(i) - (kind === "now" ? 1.5 : 0.75), y: 16 - high, width: kind === "now" ? 3 : 1.5, height: high, rx: 0.75 }));
  }
};
