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
})();
