/* Imagery: pictures from the page or from the files beside it, two sides for the swipe, hatching where nothing was seen. */
CW.pictureWaits = new Map();
CW.pictureCache = new Map();
window["campwatchPicture"] = (key, uri) => {
  CW.pictureCache.set(key, Promise.resolve(uri));
  const wait = CW.pictureWaits.get(key);
  if (wait) wait.resolve(uri);
};
/* Pictures of files beside the page are let go again, the longest unused first, so that the page does not grow with every look. */
CW.MOST_HELD = 60;
CW.held = [];
CW.letGo = (key) => {
  CW.held = [...CW.held.filter((one) => one !== key), key];
  while (CW.held.length > CW.MOST_HELD) { const old = CW.held.shift(); CW.pictureCache.delete(old); CW.pictureWaits.delete(old); }
};
/* The address of a picture, from the page or by loading its script file from the folder beside the page. */
CW.picture = (entry) => {
  if (CW.pictureCache.has(entry.key)) { if (entry.file && CW.held.includes(entry.key)) CW.letGo(entry.key); return CW.pictureCache.get(entry.key); }
  const inline = CW.byId(`cw-pic-${entry.key}`);
  let promise;
  if (inline) promise = Promise.resolve(inline.textContent);
  else if (!entry.file) promise = Promise.reject(new Error("picture is missing"));
  else
    promise = new Promise((resolve, reject) => {
      const tag = document.createElement("script");
      CW.pictureWaits.set(entry.key, { resolve });
      tag.onload = () => { tag.remove(); CW.letGo(entry.key); };
      tag.onerror = () => { tag.remove(); CW.pictureCache.delete(entry.key); reject(new Error(entry.file)); };
      tag.src = entry.file.split("/").map(encodeURIComponent).join("/");
      document.head.append(tag);
    });
  CW.pictureCache.set(entry.key, promise);
  return promise;
};
CW.box = (bounds) => L.latLngBounds([bounds[1], bounds[0]], [bounds[3], bounds[2]]);
CW.decode = async (entry) => {
  const image = new Image();
  image.src = await CW.picture(entry);
  await image.decode();
  return image;
};

/* ---- masks: codes 0 seen, 1 cloud, 2 shadow, 3 snow, 4 no data, 5 other ---- */
CW.masks = new Map();
CW.maskOf = (date) => {
  if (CW.masks.has(date)) return CW.masks.get(date);
  const entry = CW.dates[date] && CW.dates[date].pictures.mask[0];
  const made = entry ? CW.decode(entry).then((image) => CW.readMask(entry, image)) : Promise.resolve(null);
  CW.masks.set(date, made);
  if (CW.masks.size > 40) CW.masks.delete(CW.masks.keys().next().value);
  return made;
};
CW.readMask = (entry, image) => {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = entry.size;
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { willReadFrequently: true }));
  context.drawImage(image, 0, 0);
  const pixels = context.getImageData(0, 0, canvas.width, canvas.height);
  const codes = new Uint8Array(canvas.width * canvas.height);
  for (let k = 0; k < codes.length; k += 1) codes[k] = pixels.data[4 * k];
  const sheet = (wanted) => {
    let any = false;
    for (let k = 0; k < codes.length; k += 1) {
      const on = wanted(codes[k]);
      any = any || on;
      pixels.data[4 * k + 3] = on ? 255 : 0;
    }
    if (!any) return null;
    context.putImageData(pixels, 0, 0);
    return canvas.toDataURL();
  };
  return { entry, codes, clouded: sheet((c) => c === 1 || c === 2 || c === 3 || c === 5), unseen: sheet((c) => c === 4) };
};
CW.mercatorY = (lat) => Math.log(Math.tan(Math.PI / 4 + (lat * Math.PI) / 360));
CW.codeAt = (mask, latlng) => {
  const [west, south, east, north] = mask.entry.bounds;
  const [columns, rows] = mask.entry.size;
  const x = Math.floor(((latlng.lng - west) / (east - west)) * columns);
  const top = CW.mercatorY(north);
  const y = Math.floor(((top - CW.mercatorY(latlng.lat)) / (top - CW.mercatorY(south))) * rows);
  if (x < 0 || y < 0 || x >= columns || y >= rows) return -1;
  return mask.codes[y * columns + x];
};

/* ---- one side of the swipe ---- */
CW.Side = class {
  constructor(map, name, order) {
    this.map = map;
    this.pane = map.createPane(`${name}-imagery`);
    this.pane.style.zIndex = order;
    this.hatchPane = map.createPane(`${name}-hatch`);
    this.hatchPane.style.zIndex = order + 60;
    this.name = name;
    this.shown = [];
    this.hatches = [];
    this.blocks = new Map();
    this.ticket = 0;
    map.on("moveend", () => this.fetchVisible());
  }
  /* Draws a look; what was there stays until the new picture is ready, so that stepping never blinks. */
  async show(date, view) {
    const ticket = (this.ticket += 1);
    this.date = date;
    this.view = view;
    const entries = CW.dates[date] ? CW.dates[date].pictures[view] : [];
    this.error = null;
    this.entries = entries;
    const first = entries.filter((e) => e.role === "copy");
    const start = first.length ? first : entries.filter((e) => this.isVisible(e));
    const overlays = await this.load(start);
    if (ticket !== this.ticket) { overlays.forEach((o) => o.remove()); return; }
    for (const old of this.shown) old.remove();
    this.blocks = new Map(start.map((e, k) => [e.key + e.bounds, overlays[k]]));
    this.shown = overlays.filter(Boolean);
    this.hatch(date, ticket);
    await this.fetchVisible();
    CW.afterPictures();
  }
  /* In view, and large enough on the screen that native pixels show more than the display copy. */
  isVisible(entry) {
    const box = CW.box(entry.bounds);
    if (!this.map.getBounds().pad(0.1).intersects(box)) return false;
    if (entry.role !== "native" || !this.entries.some((e) => e.role === "copy")) return true;
    const wide = this.map.latLngToContainerPoint(box.getNorthEast()).x - this.map.latLngToContainerPoint(box.getNorthWest()).x;
    return wide / entry.size[0] >= 0.5;
  }
  async load(entries) {
    return Promise.all(entries.map(async (entry) => {
      try {
        const image = await CW.decode(entry);
        const overlay = L.imageOverlay(image.src, CW.box(entry.bounds), {
          pane: `${this.name}-imagery`, className: "look", alt: "", interactive: false, zIndex: entry.role === "copy" ? 1 : 2,
        });
        return overlay.addTo(this.map);
      } catch (problem) {
        this.error = problem.message;
        return null;
      }
    }));
  }
  async fetchVisible() {
    const ticket = this.ticket;
    const missing = (this.entries || []).filter((e) => !this.blocks.has(e.key + e.bounds) && this.isVisible(e));
    missing.forEach((e) => this.blocks.set(e.key + e.bounds, null));
    const overlays = await this.load(missing);
    if (ticket !== this.ticket) { overlays.forEach((o) => o && o.remove()); return; }
    this.shown.push(...overlays.filter(Boolean));
    if (missing.length) CW.afterPictures();
  }
  async hatch(date, ticket) {
    const mask = await CW.maskOf(date).catch(() => null);
    if (ticket !== this.ticket) return;
    for (const old of this.hatches) old.remove();
    this.hatches = [];
    this.mask = mask;
    if (!mask) return;
    for (const kind of ["clouded", "unseen"]) {
      if (!mask[kind]) continue;
      const sheet = CW.el("div", { class: `hatch hatch-${kind}` });
      sheet.style.maskImage = sheet.style.webkitMaskImage = `url("${mask[kind]}")`;
      this.hatches.push(L.svgOverlay(sheet, CW.box(mask.entry.bounds), { pane: `${this.name}-hatch`, interactive: false }).addTo(this.map));
    }
  }
  /* What the picture at the middle of the view is: native pixels or a display copy. */
  quality() {
    if (this.error) return { kind: "missing_file", detail: this.error };
    if (!this.entries || !this.entries.length) return { kind: "none" };
    const middle = this.map.getCenter();
    const native = this.entries.some((e) => e.role === "native" && this.blocks.get(e.key + e.bounds) && CW.box(e.bounds).contains(middle));
    return { kind: native ? "native" : "copy" };
  }
  clip(left, right) {
    const size = this.map.getSize();
    const from = this.map.containerPointToLayerPoint([left, 0]);
    const to = this.map.containerPointToLayerPoint([right, size.y]);
    const rect = left === null ? "" : `rect(${from.y}px, ${to.x}px, ${to.y}px, ${from.x}px)`;
    for (const name of ["imagery", "hatch", "ground", "findings", "piles"].map((kind) => `${this.name}-${kind}`)) {
      const pane = this.map.getPane(name);
      if (pane) pane.style.clip = rect;
    }
  }
};
CW.afterPictures = () => CW.change({ drawn: (CW.state.drawn || 0) + 1 });
/* Ask for the next look before it is needed. */
CW.preload = (date, view) => {
  if (!CW.dates[date]) return;
  const entries = CW.dates[date].pictures[view];
  for (const entry of entries.filter((e) => e.role === "copy").concat(entries.slice(0, 1))) CW.picture(entry).catch(() => null);
  CW.maskOf(date).catch(() => null);
};

/* ---- swipe ---- */
CW.setupSwipe = (map) => {
  const handle = CW.byId("swipe");
  const place = () => {
    const on = CW.state.compare;
    handle.hidden = !on;
    CW.byId("side-before").hidden = CW.byId("side-after").hidden = !on;
    const width = map.getSize().x;
    if (!on) { CW.after.clip(null); CW.before.clip(0, 0); return; }
    const x = width * CW.state.split;
    handle.style.left = `${x}px`;
    handle.setAttribute("aria-valuenow", String(Math.round(CW.state.split * 100)));
    CW.before.clip(0, x);
    CW.after.clip(x, width);
  };
  const to = (clientX) => {
    const box = map.getContainer().getBoundingClientRect();
    CW.change({ split: Math.min(0.98, Math.max(0.02, (clientX - box.left) / box.width)) });
  };
  handle.addEventListener("pointerdown", (event) => {
    handle.setPointerCapture(event.pointerId);
    handle.onpointermove = (move) => to(move.clientX);
    event.preventDefault();
    handle.focus();
  });
  handle.addEventListener("pointerup", () => { handle.onpointermove = null; });
  handle.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -0.02, ArrowRight: 0.02, Home: -1, End: 1 }[event.key];
    if (!by) return;
    event.preventDefault();
    event.stopPropagation();
    CW.change({ split: Math.min(0.98, Math.max(0.02, CW.state.split + by)) });
  });
  map.on("move zoomend resize viewreset", place);
  CW.watch(["compare", "split", "drawn", "lang"], place);
};
