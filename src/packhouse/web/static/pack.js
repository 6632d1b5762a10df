// The packing station. Whatever keys come, wherever the focus is, they go into the scan field; scans are sent one after the
// other, each with a key of its own, so that one that is sent again is not counted again. Without this file the form works.
"use strict";

(() => {
const station = document.querySelector("#station");
if (!station) return;
const offline = document.querySelector("#offline");

// As in scan.js: a scanner sends a key within some 3 to 30 ms of the one before, and nobody types so quickly.
const USUAL_MS = 45;
const LEAST = 4;
const SHORTCUT_MS = 450;
const RETRY_MS = 1000;
const LOOK_MS = 1500;

let keys = []; // when each came
let shortcut = 0;
const queue = [];
let isSending = false;

function field() { return station.querySelector("#scan"); }
function stop(event) { event.preventDefault(); event.stopImmediatePropagation(); }

// --- Sound: right is a short high tone, wrong a long low one.
const TONES = { good: [880, 0.07], done: [1320, 0.16], wrong: [160, 0.7], ask: [330, 0.4] };
let audio = null;
function isMuted() { try { return localStorage.getItem("packhouse-mute") === "1"; } catch { return false; } }
function play(tone) {
  station.dataset.played = tone;
  if (!TONES[tone] || isMuted()) return;
  try {
    audio ??= new AudioContext();
    const [pitch, seconds] = TONES[tone];
    const wave = audio.createOscillator();
    const volume = audio.createGain();
    wave.type = tone === "wrong" ? "sawtooth" : "sine";
    wave.frequency.value = pitch;
    volume.gain.setValueAtTime(0.25, audio.currentTime);
    volume.gain.exponentialRampToValueAtTime(0.001, audio.currentTime + seconds);
    wave.connect(volume).connect(audio.destination);
    wave.start();
    wave.stop(audio.currentTime + seconds);
  } catch { /* the colour says it too */ }
}
function showMute() {
  const button = station.querySelector("#mute");
  if (button) button.setAttribute("aria-pressed", isMuted() ? "true" : "false");
}

// --- Sending, in order.
function newKey() { return [...crypto.getRandomValues(new Uint8Array(12))].map((byte) => byte.toString(16).padStart(2, "0")).join(""); }

function send(values) {
  queue.push({ ...values, key: newKey() });
  work();
}

async function work() {
  if (isSending) return;
  isSending = true;
  while (queue.length) {
    const form = new FormData(station.querySelector("#scan-form"));
    form.delete("text");
    for (const [name, value] of Object.entries(queue[0])) form.set(name, value);
    let answer = null;
    try { answer = await fetch("/pack/scan", { method: "POST", body: new URLSearchParams(form), headers: { "HX-Request": "true" } }); } catch { /* no connection */ }
    if (answer?.headers.get("HX-Redirect")) { location.assign(answer.headers.get("HX-Redirect")); return; }
    if (answer && [401, 403, 404].includes(answer.status)) { location.assign("/pack"); return; }
    if (!answer?.ok) {
      offline.hidden = false;
      offline.querySelector("#queued").textContent = `(${queue.length})`;
      await new Promise((resolve) => { setTimeout(resolve, RETRY_MS); });
      continue;
    }
    offline.hidden = true;
    queue.shift();
    show(await answer.text(), true);
  }
  isSending = false;
}

function show(html, hasSound) {
  const typed = field()?.value ?? "";
  station.innerHTML = html;
  const screen = station.querySelector(".screen");
  if (hasSound && screen) play(screen.dataset.tone);
  if (field()) { field().value = typed; field().focus(); }
  showMute();
  printAll();
}

// --- What is waited for: labels of slow carriers, printers.
setInterval(async () => {
  if (isSending || !station.querySelector("[data-busy]") || document.hidden) return;
  try {
    const answer = await fetch("/pack/now", { headers: { "HX-Request": "true" } });
    if (!answer.ok || isSending || answer.headers.get("HX-Redirect")) return;
    const html = await answer.text();
    const was = station.querySelector(".prints")?.innerText + station.querySelector(".told")?.innerText;
    const made = document.createElement("template");
    made.innerHTML = html;
    const tone = made.content.querySelector(".screen")?.dataset.tone;
    const isNews = made.content.querySelector(".told")?.textContent !== station.querySelector(".told")?.textContent;
    if (was !== undefined) show(html, isNews && tone === "wrong");
  } catch { /* the next look will tell */ }
}, LOOK_MS);

// --- Printing by the browser: one after the other, each once.
const printed = new Set();
const PRINTED_KEY = "packhouse-printed";
try { for (const id of JSON.parse(sessionStorage.getItem(PRINTED_KEY) ?? "[]")) printed.add(id); } catch { /* a reload may print again */ }
let isPrinting = false;

async function printAll() {
  if (isPrinting) return;
  const job = [...station.querySelectorAll("[data-print]")].reverse().find((entry) => !printed.has(entry.dataset.print));
  if (!job) return;
  isPrinting = true;
  const id = job.dataset.print;
  printed.add(id);
  try { sessionStorage.setItem(PRINTED_KEY, JSON.stringify([...printed].slice(-200))); } catch { /* see above */ }
  const error = await printOne(id);
  const form = new FormData(station.querySelector("#scan-form"));
  const told = new URLSearchParams({ csrf: form.get("csrf"), error });
  try { await fetch(`/pack/jobs/${id}/printed`, { method: "POST", body: told, headers: { "HX-Request": "true" } }); } catch { /* it stays as waiting */ }
  isPrinting = false;
  printAll();
}

const KEPT_FRAMES = 4;

function printOne(id) {
  return new Promise((resolve) => {
    // Some stay: a viewer prints once it has read its file, which may be after print() has returned; and without any,
    // the browser ends its PDF viewer and starts it anew for every label, which takes longer than all else.
    const before = [...document.querySelectorAll("iframe.printing")].slice(0, -KEPT_FRAMES);
    const frame = document.createElement("iframe");
    frame.className = "printing";
    frame.title = "print";
    frame.onload = () => {
      for (const old of before) old.remove();
      // It is not given the focus: keys that a scanner sends meanwhile would go to the viewer.
      try { frame.contentWindow.print(); resolve(""); } catch { window.open(frame.src, "_blank", "noopener"); resolve(""); }
      field()?.focus();
    };
    frame.onerror = () => resolve("the browser could not open it");
    frame.src = `/pack/jobs/${id}/content`;
    document.body.append(frame);
  });
}

// --- Keys.
function isScan(at) {
  if (keys.length < LEAST) return false;
  const ends = [...keys.slice(1), at];
  const gaps = keys.map((key, index) => ends[index] - key).sort((a, b) => a - b);
  return gaps[(gaps.length - 1) >> 1] <= USUAL_MS;
}

function submit(at) {
  clearTimeout(shortcut);
  const input = field();
  const text = input.value.trim();
  const way = isScan(at) ? "scan" : "typed";
  input.value = "";
  keys = [];
  if (text) send({ text, way });
}

function press(letter) {
  const button = station.querySelector(`.acts [data-key="${letter}"]`);
  if (button) send({ command: button.value, way: "typed" });
}

window.addEventListener("keydown", (event) => {
  const input = field();
  if (!input || event.isComposing || event.ctrlKey || event.altKey || event.metaKey) return;
  clearTimeout(shortcut);
  if (event.key === "Enter" || event.key === "Tab") {
    if (input.value.trim()) { stop(event); submit(event.timeStamp); }
    else if (event.key === "Enter" && document.activeElement === input) stop(event);
    return;
  }
  if (event.key === "Escape") { input.value = ""; keys = []; return; }
  if ([...event.key].length !== 1) return;
  if (event.key === " " && !input.value && document.activeElement?.matches("button, a")) return;
  if (document.activeElement !== input) { stop(event); input.focus(); input.value += event.key; }
  if (!keys.length || !input.value) keys = [];
  keys.push(event.timeStamp);
  const letter = event.key.toUpperCase();
  if (keys.length !== 1 || input.value.trim().length > 1 || !station.querySelector(`.acts [data-key="${letter}"]`)) return;
  // A letter alone is a command when no other key follows it.
  shortcut = setTimeout(() => {
    if (field().value.trim().toUpperCase() !== letter) return;
    field().value = "";
    keys = [];
    press(letter);
  }, SHORTCUT_MS);
}, true);

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.id === "scan-form") {
    event.preventDefault();
    if (event.submitter?.name === "command") send({ command: event.submitter.value, way: "typed" });
    else submit(event.timeStamp);
    return;
  }
  if (!form.closest("#station")) return;
  event.preventDefault();
  fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)), headers: { "HX-Request": "true" } })
    .then((answer) => answer.ok && answer.text()).then((html) => { if (html) show(html, false); }).catch(() => {});
});

document.addEventListener("click", (event) => {
  if (event.target.closest("#mute")) {
    try { localStorage.setItem("packhouse-mute", isMuted() ? "0" : "1"); } catch { /* it stays as it is */ }
    showMute();
  }
  if (!event.target.closest("a")) field()?.focus();
});

showMute();
field()?.focus();
printAll();
})();
