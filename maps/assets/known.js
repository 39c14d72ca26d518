/* The layers that this page draws in a way of their own: the only place that knows their names.
   Every other layer is listed, drawn and opened by more.js, from what its own description says. */
CW.layersByName = new Map(CW.data.layers.map((layer) => [layer.name, layer]));
CW.view = (name, make) => ((CW.layersByName.get(name) || { rows: [] }).rows.map((row) => ({ ...make(row), geometry: row.geometry })));
CW.checkOfLayer = (name) => (CW.layersByName.get(name) || {}).check || null;
CW.checkOf = { disturbance: "disturbances", pile: "stockpiles", zone: "stockpile_areas", footprint: "footprints", change: "boundary_changes" };
CW.ownLayers = new Set([...Object.values(CW.checkOf), "series"]);
CW.data.checks = Object.fromEntries([...CW.ownLayers].map((name) => [name, CW.checkOfLayer(name)]));
/* Of the two rows of a year the one for the boundary that was in force; the fixed version serves comparisons of years. */
CW.TERMS = ["before", "opened", "closed", "revised", "open", "open_before", "open_opened", "deepened", "regrown", "open_closed", "waiting", "bare_at_start"];
CW.data.footprints = CW.view("footprints", (r) => ({ role: r.boundary_role || "in_force", day: r.account_date, terms: Object.fromEntries(CW.TERMS.map((name) => [name, r[`${name}_ha`]])), start: r.epoch_start, end: r.epoch_end, boundary_id: r.boundary_id, area: r.area_ha, inside: r.inside_ha, outside: r.outside_ha, valid: r.valid_fraction, n_scenes: (r.scene_ids || []).length })).filter((f) => f.role === "in_force");
CW.data.disturbances = CW.view("disturbances", (r) => ({
  id: r.disturbance_id, parents: r.parents || [], kind: r.kind, first: r.first_seen, first_low: r.first_seen_low, first_high: r.first_seen_high, persistent: r.persistent_since, closed: r.closed_on || null, status: r.machine_status, cause: r.cause, came: r.persistent_since || r.first_seen_high,
  boundary_id: r.boundary_id, relation: r.relation || "no_boundary", area: r.area_ha, outside: r.outside_ha, advance: r.advance_m, bearing: r.bearing_deg, scenes: r.scene_ids || [],
}));
CW.data.areas = CW.view("stockpile_areas", (r) => ({ zone: r.zone_id, utc: r.utc, local: r.local, area: r.area_ha, valid: r.valid_fraction, below_floor: r.below_floor, bands: r.bands || [], scenes: r.scene_ids || [] }));
CW.data.piles = CW.view("stockpiles", (r) => ({ id: r.pile_id, parents: r.parents || [], utc: r.utc, local: r.local, area: r.area_ha, first: r.first_seen, last: r.last_seen }));
CW.data.series = CW.view("series", (r) => ({ quantity: r.quantity, kind: r.subject_kind, subject: r.subject_id, utc: r.utc, local: r.local, value: r.value, looks: r.n_looks }));
CW.data.changes = CW.view("boundary_changes", (r) => ({
  from: r.from_boundary_id, to: r.to_boundary_id, cause: r.cause, extent: r.extent, gained: r.gained_ha, lost: r.lost_ha, net: r.net_ha, advance: r.max_advance_m, bearing: r.bearing_deg, lost_geometry: r.lost_geojson,
  overlay_gained: r.overlay_gained_ha, overlay_lost: r.overlay_lost_ha, shift_east: r.shift_east_m, shift_north: r.shift_north_m, offset: r.offset_m, threshold: r.threshold_m, compared: r.compared_m, stable: r.stable_fraction,
}));
/* The last year in which ground of an event became as expected again; a closed event is open no more after it. */
CW.closing = new Map();
for (const r of (CW.layersByName.get("disturbance_growth") || { rows: [] }).rows) {
  const last = CW.closing.get(r.disturbance_id);
  if (CW.known(r.closed_ha) && r.closed_ha.v > 0 && (!last || r.epoch_end > last.to)) CW.closing.set(r.disturbance_id, { from: r.epoch_start, to: r.epoch_end });
}
CW.moreLayers = CW.data.layers.filter((layer) => !CW.ownLayers.has(layer.name) && layer.rows.length);
