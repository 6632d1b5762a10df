// Keys, the selection, and printing. All that reads, and every single change, works without it.
"use strict";

const one = (selector, root = document) => root.querySelector(selector);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];

// --- The selection is of orders, by their ids: whatever a browser puts into boxes by their place does not count. It outlives
// each replacement of the list, going back, a reload and a tab that is restored; who comes anew begins with none.
const selected = new Set();
// Where all that a list finds was selected, the list it is of: then it is more than what is shown.
let wide = null;
let lastTicked = null;
let here = null;
let waiting = 0;
let isReturning = performance.getEntriesByType("navigation")[0]?.type !== "navigate";

function rows() { return all(".orders tbody tr[data-id]"); }

function storeKey() { return `packhouse-selected:${one("#list")?.dataset.list}`; }

function store() {
  try {
    if (selected.size) sessionStorage.setItem(storeKey(), JSON.stringify({ ids: [...selected], isWide: wide === storeKey() }));
    else sessionStorage.removeItem(storeKey());
  } catch { /* then it lasts as long as the page */ }
}

function takeBack() {
  selected.clear();
  try {
    const kept = JSON.parse(sessionStorage.getItem(storeKey()) ?? "{}");
    for (const id of kept.ids ?? []) selected.add(id);
    wide = kept.isWide ? storeKey() : null;
  } catch { /* then there is none */ }
}

// Where the list is shown anew: what is no longer in it is no longer selected, since nothing could be done with it.
function adopt() {
  if (!one("#list")) return;
  if (isReturning) takeBack();
  isReturning = false;
  const isSome = selected.size > 0;
  const shown = new Set(rows().map((row) => row.dataset.id));
  if (wide !== storeKey()) {
    wide = null;
    for (const id of [...selected]) if (!shown.has(id)) selected.delete(id);
  }
  if (isSome) store();
  showSelection();
}

function showSelection() {
  for (const box of all(".orders tbody input[name=id]")) box.checked = selected.has(box.value);
  const shown = all(".orders tbody input[name=id]:checked").length;
  const header = one("#all");
  if (header) {
    header.checked = shown > 0 && shown === rows().length;
    header.indeterminate = shown > 0 && shown < rows().length;
  }
  const chosen = wide === storeKey() ? selected.size : shown;
  for (const count of all("[data-selected]")) count.textContent = String(chosen);
  const more = one("[data-all-found]");
  if (more) more.hidden = !(header?.checked && chosen < Number(one("#list").dataset.found));
  const opened = openId();
  for (const row of rows()) {
    row.classList.toggle("here", row.dataset.id === here);
    row.classList.toggle("open", row.dataset.id === opened);
  }
  clearTimeout(waiting);
  waiting = setTimeout(askOptions, 120);
}
window.addEventListener("popstate", () => { isReturning = true; });
window.addEventListener("pageshow", adopt);

function changeSelection(change) {
  change();
  store();
  showSelection();
}

document.addEventListener("change", (event) => {
  const box = event.target;
  if (box.id === "all") {
    changeSelection(() => {
      if (!box.checked) { selected.clear(); wide = null; }
      for (const row of rows()) selected[box.checked ? "add" : "delete"](row.dataset.id);
    });
  } else if (box.matches(".orders tbody input[name=id]")) {
    changeSelection(() => selected[box.checked ? "add" : "delete"](box.value));
  }
});

// Shift takes along what lies between this box and the one that was ticked before.
document.addEventListener("click", (event) => {
  const cell = event.target.closest?.(".orders tbody .tick");
  const row = cell?.closest("tr[data-id]");
  if (!row) return;
  const list = rows();
  const before = list.findIndex((other) => other.dataset.id === lastTicked);
  const at = list.indexOf(row);
  lastTicked = row.dataset.id;
  if (!event.shiftKey || before < 0 || before === at) return;
  window.getSelection()?.removeAllRanges();
  const isTicked = event.target.matches("input") ? event.target.checked : !one("input", row).checked;
  changeSelection(() => { for (const other of list.slice(Math.min(before, at), Math.max(before, at) + 1)) selected[isTicked ? "add" : "delete"](other.dataset.id); });
  if (!event.target.matches("input")) event.stopImmediatePropagation();
}, true);

// All that the list finds, on whatever page; they go along with the form as if they were shown.
document.addEventListener("click", async (event) => {
  const button = event.target.closest?.("[data-all-found]");
  if (!button) return;
  button.disabled = true;
  try {
    const answer = await fetch(button.dataset.allFound, { headers: { accept: "application/json" } });
    if (!answer.ok) throw new Error(String(answer.status));
    const ids = await answer.json();
    wide = storeKey();
    changeSelection(() => { for (const id of ids) selected.add(id); });
  } catch { trouble(); } finally { button.disabled = false; }
});
document.addEventListener("submit", (event) => {
  if (!event.target.matches("#selection")) return;
  for (const field of all("[data-wide]", event.target)) field.remove();
  if (wide !== storeKey()) return;
  const shown = new Set(rows().map((row) => row.dataset.id));
  for (const id of selected) if (!shown.has(id)) {
    const field = Object.assign(document.createElement("input"), { type: "hidden", name: "id", value: id });
    field.dataset.wide = "";
    event.target.append(field);
  }
}, true);

// What cannot arrive is not sent: what was typed stays where it is.
document.addEventListener("submit", (event) => {
  if (navigator.onLine && one("#offline")?.hidden !== false) return;
  if (event.target.method === "dialog") return;
  event.preventDefault();
  event.stopImmediatePropagation();
  const told = one("#offline");
  told.hidden = false;
  told.classList.remove("again");
  requestAnimationFrame(() => told.classList.add("again"));
}, true);

// --- Keys.
function move(by) {
  const list = rows();
  if (!list.length) return;
  const at = list.findIndex((row) => row.dataset.id === here);
  const next = list[Math.min(list.length - 1, Math.max(0, at < 0 ? 0 : at + by))];
  here = next.dataset.id;
  showSelection();
  next.scrollIntoView({ block: "nearest" });
  if (one("#order > *")) openRow(next); else one(".c-number a", next)?.focus({ preventScroll: true });
}

function current() { return rows().find((row) => row.dataset.id === here); }

function openRow(row) { one(".c-number a", row)?.click(); }

// What is open is what the keys act on; beside it nothing else is meant, whatever is selected.
function press(name) {
  if (openId()) {
    const its = one(`#order [data-key="${name}-one"]`);
    if (its?.matches("input")) its.select(); else its?.click();
    return;
  }
  if (!selected.size && current()) changeSelection(() => selected.add(here));
  showSelection();
  one(`[data-key="${name}"]`)?.click();
}

// Focus goes into the order that was opened, and back to its line.
let returnTo = null;
document.addEventListener("htmx:after:swap", () => {
  const opened = openId();
  if (opened && opened !== returnTo) {
    returnTo = opened;
    const title = one("#order-title");
    if (document.activeElement?.closest?.("#list") || document.activeElement === document.body) { title.tabIndex = -1; title.focus({ preventScroll: true }); }
  } else if (!opened) returnTo = null;
});
document.addEventListener("click", (event) => {
  if (event.target.closest?.("[data-close]")) try { sessionStorage.setItem("packhouse-return", openId() ?? ""); } catch { /* then the page's top has it */ }
}, true);
function focusReturned() {
  try {
    const id = sessionStorage.getItem("packhouse-return");
    sessionStorage.removeItem("packhouse-return");
    const row = id && one(`#o${CSS.escape(id)}`);
    if (row) { here = id; one(".c-number a", row)?.focus(); showSelection(); }
  } catch { /* then the page's top has it */ }
}

// The order below the one that is open, for after its label.
document.addEventListener("submit", (event) => {
  const field = one("input[name=next]", event.target);
  if (!field) return;
  const list = rows();
  const at = list.findIndex((row) => row.dataset.id === openId());
  field.value = list[at + 1]?.dataset.id ?? "";
}, true);

function openId() { return one("#order [data-order]")?.dataset.order; }

const KEYS = {
  j: () => move(1),
  k: () => move(-1),
  x: () => { const row = current(); if (row) changeSelection(() => selected[selected.has(here) ? "delete" : "add"](here)); },
  l: () => press("l"),
  m: () => press("m"),
  p: () => press("p"),
  e: () => press("e"),
  n: () => one("#order [data-key=next]")?.click(),
  "/": () => { one("#search")?.focus(); one("#search")?.select(); },
  "?": () => one("#keys")?.showModal(),
  Escape: () => one("[data-close]")?.click(),
};

document.addEventListener("keydown", (event) => {
  const typing = event.target.matches("input:not([type=checkbox]), textarea, select");
  if (event.key === "Escape" && typing) { event.target.blur(); return; }
  if (typing || event.ctrlKey || event.metaKey || event.altKey || one("dialog[open]")) return;
  if (event.key === "Enter") {
    if (event.target.closest("a, button, summary")) return;
    const row = current();
    if (row) { event.preventDefault(); openRow(row); }
    return;
  }
  const does = KEYS[event.key];
  if (does) { event.preventDefault(); scan.hold(does); }
});

// A click anywhere on a line opens its order; the box and links keep their own meaning.
document.addEventListener("click", (event) => {
  for (const menu of all("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
  const row = event.target.closest(".orders tbody tr[data-id]");
  if (!row || event.target.closest("a, input, button, label")) return;
  if (event.target.closest(".tick")) { one("input", row).click(); return; }
  here = row.dataset.id;
  openRow(row);
});

// What differs from what the server sent goes along when the order is shown anew.
document.addEventListener("input", (event) => {
  const field = event.target;
  if (!field.closest("#order") || field.dataset.typed === "kept") return;
  const was = field.matches("select") ? all("option", field).find((option) => option.defaultSelected)?.value ?? field.options[0].value : field.defaultValue;
  if (field.value === was) delete field.dataset.typed; else field.dataset.typed = "";
});

// --- Where scripts run, deleting needs no page that asks: it is shown how it is undone, and how long.
document.addEventListener("submit", (event) => { for (const field of all("[data-scripted]", event.target)) field.value = field.dataset.scripted; }, true);
// By what the server said is left, not by this machine's clock, which may be off.
const ends = new WeakMap();
setInterval(() => {
  for (const time of all("[data-until]")) {
    if (!ends.has(time)) ends.set(time, performance.now() + 1000 * Number(time.textContent));
    time.textContent = String(Math.max(0, Math.ceil((ends.get(time) - performance.now()) / 1000)));
  }
}, 500);

// --- The reader's own time on hover, and age that goes on.
function localTimes(root = document) {
  const format = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "medium", timeStyle: "medium" });
  for (const time of all("time[datetime][title]", root)) {
    const at = new Date(time.dateTime);
    if (Number.isNaN(at.getTime())) continue;
    time.title = format.format(at);
    if ("clock" in time.dataset) time.textContent = at.toLocaleTimeString(document.documentElement.lang, { timeStyle: "short" });
  }
}

let known = new Set(rows().map((row) => row.dataset.id));
document.addEventListener("htmx:after:swap", () => {
  for (const row of rows()) row.classList.toggle("fresh", known.size > 0 && !known.has(row.dataset.id));
  known = new Set(rows().map((row) => row.dataset.id));
  adopt();
  localTimes();
});
document.addEventListener("htmx:error", () => trouble());
document.addEventListener("htmx:response:error", (event) => {
  const status = event.detail.ctx.response.status;
  if (status === 401) location.reload();
  if (status >= 500) trouble();
});
let gone = 0;
function trouble() {
  const told = one(navigator.onLine ? "#trouble" : "#offline");
  told.hidden = false;
  clearTimeout(gone);
  if (navigator.onLine) gone = setTimeout(() => { told.hidden = true; }, 8000);
}

// --- Printing: the PDF in a frame that nobody sees, so that the printer is asked for at once. Where the browser shows no
// PDF in a frame, or says no, the link opens it beside.
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-print]");
  if (!link || !navigator.pdfViewerEnabled || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  one("#print")?.remove();
  const frame = document.createElement("iframe");
  frame.id = "print";
  frame.className = "sr";
  frame.title = link.textContent;
  frame.onload = () => { try { frame.contentWindow.focus(); frame.contentWindow.print(); } catch { window.open(link.href, "_blank", "noopener"); } };
  frame.src = link.href;
  document.body.append(frame);
});

// --- What the selection can be shipped with, and what its rules suggest.
let asked = "";
function askOptions() {
  const place = one("[data-options]");
  const ids = [...selected].sort().slice(0, 200).join("&id=");
  if (!place || !ids || (ids === asked && place.childElementCount)) return;
  asked = ids;
  htmx.ajax("GET", `${place.dataset.options}?id=${ids}`, { target: "#options", swap: "innerHTML" });
}
localTimes();
adopt();
focusReturned();

// --- A file may be dropped anywhere on the import page; elsewhere the browser would leave the page to show it.
function hasFiles(event) { return [...(event.dataTransfer?.types ?? [])].includes("Files"); }
function showDrop(isOver) { one(".drop")?.classList.toggle("over", isOver); }
document.addEventListener("dragover", (event) => {
  if (!hasFiles(event)) return;
  event.preventDefault();
  event.dataTransfer.dropEffect = one(".drop") ? "copy" : "none";
  showDrop(true);
});
document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) showDrop(false); });
document.addEventListener("drop", (event) => {
  if (!hasFiles(event)) return;
  event.preventDefault();
  showDrop(false);
  const field = one(".drop input[type=file]");
  if (!field || !event.dataTransfer.files.length) return;
  field.files = event.dataTransfer.files;
  field.dispatchEvent(new Event("change", { bubbles: true }));
  field.focus();
});

// --- Of the fields that carriers ask for, those of the carrier that is chosen.
function showCarrierFields() {
  const chosen = one("select[name=carrier_code]")?.value;
  if (chosen !== undefined) for (const fields of all("fieldset[data-carrier]")) fields.hidden = fields.dataset.carrier !== chosen;
}
document.addEventListener("change", (event) => { if (event.target.matches?.("select[name=carrier_code]")) showCarrierFields(); });
showCarrierFields();
