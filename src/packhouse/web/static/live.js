// What the server says: of new orders, for which the list is asked for again while the selection stays; and of the order that
// is open, of which a notice says what was done to it elsewhere. What is typed into its forms stays as it is.
//
// A browser opens few connections to one server, so all tabs share one stream: whoever holds the lock has it, follows what any
// of them has open, and tells the others. Where a browser does not offer that (no HTTPS), a tab has one while it is looked at.
"use strict";

(() => {
const RETRY_MS = 5000;
const ME = `${performance.timeOrigin}-${Math.random()}`;
// By tab, the order that is open in it.
const wanted = new Map();
// The last of each kind, for tabs that come later.
const news = new Map();
let channel = null;
let leaving = null;
let release = null;
let isLeading = false;
let source = null;
let followed = null;
let opening = 0;
let unanswered = 0;
let told = null;

function openOrder() { return one("#order [data-order]")?.dataset.order ?? ""; }

function showOffline(isOff) { one("#offline").hidden = navigator.onLine && !isOff; }

function take(name, value) {
  if (name === "orders") {
    const count = one("#incoming");
    if (count) count.textContent = value.incoming.toLocaleString(document.documentElement.lang);
    const list = one("[data-refresh]");
    if (list && value.mark !== list.dataset.mark) htmx.ajax("GET", list.dataset.refresh, { target: "#list", swap: "outerHTML" });
  } else if (String(value.id) === openOrder()) {
    told = { id: String(value.id), mark: String(value.mark) };
    lookAtOrder();
  }
}

// Not while a form of the order is on its way: what comes of that is no change made elsewhere.
function lookAtOrder() {
  const place = one("#changed");
  if (!place || !told || told.id !== openOrder()) return;
  if ([place.dataset.mark, place.dataset.told].includes(told.mark) || one("#order .htmx-request")) return;
  place.dataset.told = told.mark;
  htmx.ajax("GET", place.dataset.changed, { target: "#changed", swap: "innerHTML" });
}

// --- The tab that has the stream.
function tell(name, value) {
  news.set(name === "order" ? `order ${value.id}` : name, [name, value]);
  take(name, value);
  channel?.postMessage({ tell: [name, value] });
}

function tellOffline(isOff) {
  showOffline(isOff);
  channel?.postMessage({ offline: isOff });
}

function openStream() {
  const list = one("[data-live]");
  if (!isLeading || !list) return;
  const orders = [...new Set([...wanted.values()].filter(Boolean))].sort();
  const place = list.dataset.live + (orders.length ? `?${new URLSearchParams(orders.map((order) => ["order", order]))}` : "");
  if (source && place === followed) return;
  source?.close();
  followed = place;
  const mine = new EventSource(place);
  source = mine;
  for (const name of ["orders", "order"]) mine.addEventListener(name, (event) => tell(name, JSON.parse(event.data)));
  mine.onopen = () => tellOffline(false);
  mine.onerror = async () => {
    const isClosed = mine.readyState === EventSource.CLOSED;
    if (isClosed && mine === source) { source = null; openSoon(RETRY_MS); }
    tellOffline(isClosed && !(await isReachable()));
  };
}

// A stream says not why it was refused: a session that has ended is no lost connection.
async function isReachable() {
  try { return (await fetch("/health", { method: "HEAD", cache: "no-store" })).ok; } catch { return false; }
}

function openSoon(after = 300) {
  clearTimeout(opening);
  opening = setTimeout(openStream, after);
}

function lead() {
  isLeading = true;
  wanted.clear();
  wanted.set(ME, openOrder());
  channel?.postMessage({ who: true });
  openSoon(100);
}

function stopLeading() {
  isLeading = false;
  clearTimeout(opening);
  source?.close();
  source = null;
  news.clear();
}

// --- Every tab.
function ask() {
  if (isLeading) { wanted.set(ME, openOrder()); openSoon(); } else channel?.postMessage({ ask: ME, order: openOrder() });
}

function hear({ data }) {
  if (data.who) ask();
  if (data.tell || data.offline !== undefined || data.here) clearTimeout(unanswered);
  if (data.tell) take(...data.tell);
  if (data.offline !== undefined) showOffline(data.offline);
  if (data.bye) wanted.delete(data.bye);
  if (!data.ask || !isLeading) return;
  wanted.set(data.ask, data.order);
  openSoon();
  channel.postMessage({ here: true });
  for (const said of news.values()) channel.postMessage({ tell: said });
}

function request(options = {}) {
  const lost = () => { if (release) { release = null; stopLeading(); request(); } };
  const held = () => new Promise((resolve) => { release = resolve; lead(); });
  navigator.locks.request(channel.name, { ...(options.steal ? options : { signal: leaving.signal }) }, held).catch(lost);
}

function start() {
  const list = one("[data-live]");
  if (!list || !window.EventSource || leaving) return;
  leaving = new AbortController();
  if (!window.BroadcastChannel || !navigator.locks) { if (!document.hidden) lead(); return; }
  channel = new BroadcastChannel(`packhouse-live-${list.dataset.account}`);
  channel.onmessage = hear;
  request();
  ask();
}

function leave() {
  channel?.postMessage({ bye: ME });
  stopLeading();
  leaving?.abort();
  release?.();
  channel?.close();
  leaving = release = channel = null;
}

// A tab that a browser has put to sleep holds the lock and says nothing: whoever is looked at takes over.
document.addEventListener("visibilitychange", () => {
  clearTimeout(unanswered);
  if (!leaving) return;
  if (!channel) { if (document.hidden) stopLeading(); else lead(); return; }
  if (document.hidden || isLeading) return;
  ask();
  unanswered = setTimeout(() => { if (channel && !isLeading) request({ steal: true }); }, RETRY_MS);
});
window.addEventListener("pagehide", leave);
window.addEventListener("pageshow", start);
start();

// Another order may be open now.
let lastOpen = openOrder();
document.addEventListener("htmx:finally:request", () => {
  start();
  lookAtOrder();
  if (openOrder() === lastOpen) return;
  lastOpen = openOrder();
  told = null;
  ask();
});

window.addEventListener("offline", () => showOffline(true));
window.addEventListener("online", () => showOffline(false));
})();
