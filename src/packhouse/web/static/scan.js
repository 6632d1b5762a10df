// Scanners. A burst of keys that ends in Enter or Tab is a scan, wherever the focus is: it goes to the search field. It acts as
// no shortcut, presses nothing and fills no field. So keys wait a moment, until it is known that no scan goes on.
"use strict";

const scan = (() => {
// A scanner sends a key within some 3 to 30 ms of the one before. A busy computer passes some of them on later, so it is the
// usual distance that counts; nobody types four keys and then Enter as quickly.
const USUAL_MS = 45;
const PAUSE_MS = 300;
const PAUSE_OF_QUICK_MS = 400;
// After keys that only move or tick, which are pressed all day.
const PAUSE_OF_LIGHT_MS = 150;
const LIGHT = /^[jkx?]*$/;
const LEAST = 4;
// Of what somebody types by hand right before a scan: their keys lie further apart.
const BY_HAND_MS = 60;
const MOST_KEYS = 400;
// What does no harm where a scanner of very short codes, or the end of a scan that began on the page before, says it.
const HARMLESS = /^[jk?]*$/;
const OPENED_BY_BLANK = "select, input:is([type=date], [type=time], [type=datetime-local], [type=month], [type=week], [type=color])";
const SCAN_KEY = "packhouse-scan";

// The keys of the moment, each with how its field was before, and what waits for the moment to be over.
let burst = null;

// How long the next key may take: longer where two came as quickly as from a scanner.
function patience() {
  const isQuick = burst.keys.some((key, index) => index > 0 && key.at - burst.keys[index - 1].at <= USUAL_MS);
  if (isQuick) return PAUSE_OF_QUICK_MS;
  return burst.keys.every((key) => !key.was && LIGHT.test(key.text)) ? PAUSE_OF_LIGHT_MS : PAUSE_MS;
}

function isOpen(at) { return burst !== null && at - burst.keys.at(-1).at <= patience(); }

function isTextField(element) { return element.matches?.("input:not([type=checkbox], [type=radio], [type=button], [type=submit]), textarea, [contenteditable]"); }

// Where passwords are typed, programs type them as quickly as a scanner does: those must come into no address.
function isSecret(element) { return element.matches?.("input[type=password]") || (!document.querySelector("#search") && document.querySelector("input[type=password]") !== null); }

// What a key does happens when it is known to be no part of a scan.
function hold(action) { if (burst) burst.held.push(action); else action(); }

function look(field) {
  if (!field.matches?.("input, textarea, select")) return null;
  if (field.matches("select")) return { field, index: field.selectedIndex };
  if (field.matches("[type=checkbox], [type=radio], [type=file]")) return null;
  const has = field.selectionStart !== null;
  return { field, value: field.value, range: has ? [field.selectionStart, field.selectionEnd, field.selectionDirection] : null };
}

function putBack({ field, index, value, range }) {
  if (index !== undefined) { field.selectedIndex = index; return; }
  field.value = value;
  if (range && document.activeElement === field) field.setSelectionRange(...range);
}

// No scan: what waited happens now, in its order.
function settle() {
  if (!burst) return;
  const { held, events } = burst;
  forget();
  for (const [field, types] of events) for (const type of types) field.dispatchEvent(new Event(type, { bubbles: true }));
  for (const action of held) action();
}

function forget() {
  clearTimeout(burst.timer);
  burst = null;
}

// A second turn lets keys through that came in while the page was busy.
function settleSoon() {
  clearTimeout(burst.timer);
  burst.timer = setTimeout(() => { if (burst) burst.timer = setTimeout(settle, 5); }, patience());
}

// The last keys that a scanner sent, if it did; `at` is when Enter came.
function findScan(at) {
  const ends = [...burst.keys.slice(1).map((key) => key.at), at];
  const gaps = burst.keys.map((key, index) => ends[index] - key.at);
  const isFast = (some) => some.length >= LEAST && some.toSorted((a, b) => a - b)[(some.length - 1) >> 1] <= USUAL_MS;
  if (isFast(gaps)) return burst.keys;
  const from = gaps.findLastIndex((gap) => gap > BY_HAND_MS) + 1;
  return isFast(gaps.slice(from)) ? burst.keys.slice(from) : [];
}

function takeOut(keys) {
  const known = new Set();
  const fields = burst.events;
  forget();
  for (const { was } of keys) {
    if (!was || known.has(was.field)) continue;
    known.add(was.field);
    putBack(was);
  }
  for (const field of fields.keys()) field.dispatchEvent(new Event("input", { bubbles: true })); // of what was typed by hand before
}

function search(text) {
  try { sessionStorage.setItem(SCAN_KEY, text); } catch { /* it is searched for, and not opened by itself */ }
  const field = document.querySelector("#search");
  if (!field) { location.assign(`/orders?${new URLSearchParams({ q: text })}`); return; }
  for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
  field.value = text;
  field.form.requestSubmit();
}

function stop(event) { event.preventDefault(); event.stopImmediatePropagation(); }

let ended = -Infinity;

// Enter or Tab.
function end(event) {
  if (!isOpen(event.timeStamp)) {
    settle();
    if (event.timeStamp - ended <= PAUSE_MS) stop(event); // some scanners send two
    return;
  }
  const keys = findScan(event.timeStamp);
  const text = keys.map((key) => key.text).join("").trim();
  if (text) {
    stop(event);
    takeOut(keys);
    ended = event.timeStamp;
    search(text);
  } else if (burst.held.length && burst.keys.length < LEAST && !HARMLESS.test(burst.keys.map((key) => key.text).join(""))) {
    stop(event);
    forget();
  } else settle();
}

function add(event) {
  if (event.repeat || !isOpen(event.timeStamp)) settle();
  // At the beginning it is the key that goes to the search field, where all that follows belongs anyway.
  if (event.repeat || (!burst && event.key === "/" && !isTextField(event.target))) return;
  burst ??= { keys: [], held: [], events: new Map(), timer: 0 };
  burst.keys.push({ text: event.key, at: event.timeStamp, was: look(event.target) });
  if (burst.keys.length > MOST_KEYS) burst.keys.shift();
  settleSoon();
  // What would open beside the page, and take the keys that follow for itself.
  if (event.key === " " && event.target.matches?.(OPENED_BY_BLANK)) {
    event.preventDefault();
    const field = event.target;
    burst.held.push(() => { try { field.showPicker(); } catch { /* the mouse opens it */ } });
  }
  // Firefox looks for text in the page.
  if (event.key === "'" && !isTextField(event.target)) event.preventDefault();
}

const SILENT = ["Shift", "Control", "Alt", "AltGraph", "Meta", "CapsLock"];

window.addEventListener("keydown", (event) => {
  if (event.isComposing || isSecret(event.target)) { settle(); return; }
  const isText = [...event.key].length === 1;
  const isCombined = (event.ctrlKey || event.metaKey || event.altKey) && !event.getModifierState("AltGraph");
  // Within a scan Ctrl and a key is a separator of the code; by itself it is the reader's.
  if (isCombined && isText && isOpen(event.timeStamp) && findScan(event.timeStamp).length) stop(event);
  else if (isCombined) settle();
  else if (event.key === "Enter" || event.key === "Tab") end(event);
  else if (isText) add(event);
  else if (!SILENT.includes(event.key)) settle();
}, true);

// What a key changed in a field is told when it is known to stay; what a blank presses is pressed then.
for (const type of ["input", "change"]) {
  window.addEventListener(type, (event) => {
    if (!burst?.keys.some((key) => key.was?.field === event.target)) return;
    event.stopImmediatePropagation();
    const types = burst.events.get(event.target) ?? new Set();
    burst.events.set(event.target, types.add(type));
  }, true);
}
window.addEventListener("click", (event) => {
  if (!burst || !event.isTrusted) return;
  if (event.detail !== 0) { settle(); return; }
  stop(event);
  const pressed = event.target;
  burst.held.push(() => pressed.click());
}, true);
window.addEventListener("pointerdown", settle, true);
window.addEventListener("submit", settle, true);

// What was scanned is open as soon as it is found, where it is one order: the only one, or the only one of this very number.
function openScanned() {
  let text = null;
  try { text = sessionStorage.getItem(SCAN_KEY); sessionStorage.removeItem(SCAN_KEY); } catch { return; }
  if (text === null || location.pathname !== "/orders" || new URLSearchParams(location.search).get("q") !== text) return;
  const links = [...document.querySelectorAll(".orders tbody .c-number a")];
  const same = links.filter((link) => link.textContent.trim().toLowerCase() === text.toLowerCase());
  const isAll = !document.querySelector(".pager [rel]");
  if (isAll && links.length === 1) links[0].click();
  else if (same.length === 1) same[0].click();
}
document.addEventListener("DOMContentLoaded", () => setTimeout(openScanned, 0));

return { hold };
})();
