// What is typed into the open order and not saved is not passed over in silence where a label or a paper is made of it: it is
// asked about, once for each time.
"use strict";

(() => {
let isAgreed = false;

function isChanged(field) {
  if (field.type === "hidden" || !field.name) return false;
  if (field.dataset.typed !== undefined) return true;
  if (field.matches("select")) return [...field.options].some((option) => option.selected !== option.defaultSelected) && field.value !== (all("option", field).find((option) => option.defaultSelected) ?? field.options[0]).value;
  return field.value !== field.defaultValue;
}

// Of the forms of the open order, those that a label or a paper is made of.
function findUnsaved(sent) {
  const fields = all("#order form.edit :is(input, textarea, select)");
  const ofLabel = sent.matches("#selection") ? all("#label :is(input, select)") : []; // a list of what to fetch needs none of it
  return [...fields, ...ofLabel].filter(isChanged);
}

function isAboutOpenOrder(form, button) {
  if (form.closest("#order")) return form.matches("[data-asks]");
  return form.matches("#selection") && button?.dataset.key !== undefined && selected.has(openId());
}

function toName(field) {
  const words = field.getAttribute("aria-label") ?? field.closest("label")?.firstChild?.textContent ?? "";
  return words.trim() || one(".sr", field.closest("label") ?? document)?.textContent || field.name;
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (isAgreed || !isAboutOpenOrder(form, event.submitter)) return;
  const left = findUnsaved(form);
  const dialog = one("#unsaved");
  if (!left.length || !dialog) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  one("[data-names]", dialog).textContent = [...new Set(left.map(toName))].join(", ");
  dialog.returnValue = "";
  dialog.onclose = () => {
    if (dialog.returnValue !== "go") { left[0].closest("details")?.setAttribute("open", ""); left[0].focus(); return; }
    isAgreed = true;
    try { form.requestSubmit(event.submitter); } finally { isAgreed = false; }
  };
  dialog.showModal();
}, true);
// --- What is typed into the open order is kept by this tab until it is stored: a session that ends, a page that is left, or a
// browser that dies loses nothing. It comes back as typed, not as stored.
const DRAFTS = "packhouse-drafts";
const EDITS = "#order form.edit :is(input, textarea, select), #label :is(input, select)";

function read() { try { return JSON.parse(sessionStorage.getItem(DRAFTS) ?? "{}"); } catch { return {}; } }
function write(drafts) {
  try {
    if (Object.keys(drafts).length) sessionStorage.setItem(DRAFTS, JSON.stringify(drafts));
    else sessionStorage.removeItem(DRAFTS);
  } catch { /* then it lasts as long as the page */ }
}

document.addEventListener("input", (event) => {
  const field = event.target;
  const id = openId();
  if (!id || !field.matches?.(EDITS) || field.type === "hidden") return;
  const drafts = read();
  drafts[id] = { ...drafts[id], [field.name]: field.value };
  write(drafts);
});

// What is on its way is no draft, unless the answer is the door. Before htmx, which sends it in the form's own listener.
document.addEventListener("submit", (event) => {
  const id = openId();
  if (!id || !event.target.matches("#order form.edit, #label")) return;
  const drafts = read();
  const names = new Set(all("input, textarea, select", event.target).map((field) => field.name));
  const sent = Object.fromEntries(Object.entries(drafts[id] ?? {}).filter(([name]) => names.has(name)));
  const rest = Object.fromEntries(Object.entries(drafts[id] ?? {}).filter(([name]) => !names.has(name)));
  drafts[id] = rest;
  if (!Object.keys(rest).length) delete drafts[id];
  write(drafts);
  try { sessionStorage.setItem(`${DRAFTS}-sent`, JSON.stringify({ id, sent })); } catch { /* then it is lost with the session */ }
}, true);
document.addEventListener("htmx:response:error", (event) => { if (event.detail.ctx.response.status === 401) keepSent(); });
function keepSent() {
  try {
    const { id, sent } = JSON.parse(sessionStorage.getItem(`${DRAFTS}-sent`) ?? "{}");
    sessionStorage.removeItem(`${DRAFTS}-sent`);
    if (!id || !Object.keys(sent).length) return;
    const drafts = read();
    drafts[id] = { ...sent, ...drafts[id] };
    write(drafts);
  } catch { /* then there is none */ }
}

function restore() {
  const id = openId();
  const typed = id && read()[id];
  if (!typed) return;
  const back = all(EDITS).filter((field) => field.name in typed && field.type !== "hidden" && field.value !== typed[field.name]);
  for (const field of back) {
    field.value = typed[field.name];
    field.dataset.typed = "";
    field.closest("details")?.setAttribute("open", "");
  }
  const notice = one("#restored");
  if (notice) notice.hidden = !back.length;
}
document.addEventListener("click", (event) => {
  if (!event.target.closest?.("[data-discard]")) return;
  const drafts = read();
  delete drafts[openId()];
  write(drafts);
  location.reload();
});
// Who signs out leaves nothing in the tab.
document.addEventListener("submit", (event) => {
  if (!event.target.action?.endsWith("/sign-out")) return;
  try { sessionStorage.removeItem(DRAFTS); sessionStorage.removeItem(`${DRAFTS}-sent`); } catch { /* there is none */ }
});
document.addEventListener("htmx:after:swap", restore);
if (one("#search")) { try { sessionStorage.removeItem(`${DRAFTS}-sent`); } catch { /* there is none */ } } else keepSent();
restore();
})();
