/* The page served by `campwatch serve`: what the server told of it, and how it is asked. Null in a file from disk. */
CW.live = CW.byId("cw-live") ? JSON.parse(CW.byId("cw-live").textContent) : null;
CW.LIVE_PARTS = ["reviews", "queue", "last_reviews", "places", "zones", "boundaries"];
CW.takeLive = (told) => { for (const name of CW.LIVE_PARTS) if (told[name]) CW.data[name] = told[name]; };
if (CW.live) CW.takeLive(CW.live);
CW.mayWrite = () => Boolean(CW.live && CW.live.review);
CW.post = async (path, document_) => {
  const response = await fetch(path, { method: "POST", headers: { "content-type": "application/json", "x-campwatch-key": CW.live.key }, body: JSON.stringify({ site: CW.data.site.id, ...document_ }) });
  const text = await response.text();
  if (response.ok) return JSON.parse(text);
  let told = text;
  try { told = JSON.parse(text).error; } catch { /* plain text */ }
  throw new Error(told || response.statusText);
};
