// Refreshes parts of a page, updates relative times, and handles the keyboard.
// Every page works without this script.
"use strict";

const POLL_INTERVAL = 2000; // ms
const MAX_SHARE = 0.25; // of the time that requests may take: a slow page is polled less often
const PART = "Routecard-Part";

/* ---- Patching a part: nodes are kept, so that selection, focus and scroll position are kept. ---- */

// By attribute: `form.id` could be the form's input of that name.
const keyOf = (node) => node.nodeType === Node.ELEMENT_NODE
  ? node.getAttribute("id") || node.getAttribute("data-key") || "" : "";

const sameNode = (a, b) => a.nodeType === b.nodeType && a.nodeName === b.nodeName && keyOf(a) === keyOf(b);

function patchAttributes(now, next) {
  for (const { name } of [...now.attributes]) {
    // A <details> that the reader opened stays open.
    if (!next.hasAttribute(name) && !(name === "open" && now.nodeName === "DETAILS")) now.removeAttribute(name);
  }
  for (const { name, value } of next.attributes) {
    if (now.getAttribute(name) !== value) now.setAttribute(name, value);
  }
}

function patch(now, next) {
  if (now.nodeType !== Node.ELEMENT_NODE) {
    if (now.nodeValue !== next.nodeValue) now.nodeValue = next.nodeValue;
    return;
  }
  patchAttributes(now, next);
  patchChildren(now, next);
}

function patchChildren(now, next) {
  const keyed = new Map([...now.children].filter(keyOf).map((child) => [keyOf(child), child]));
  const remaining = new Set([...next.children].map(keyOf));
  let place = now.firstChild;
  for (const child of [...next.childNodes]) {
    // Rows that are gone are removed first, with the white space after them, so that no other moves.
    while (place && keyOf(place) && !remaining.has(keyOf(place))) {
      place = removed(place);
      if (place && place.nodeType === Node.TEXT_NODE && !place.nodeValue.trim()) place = removed(place);
    }
    const known = keyOf(child) ? keyed.get(keyOf(child)) : place;
    if (known && sameNode(known, child)) {
      if (known === place) place = place.nextSibling;
      else now.insertBefore(known, place);
      patch(known, child);
    } else {
      now.insertBefore(child, place);
    }
  }
  while (place) place = removed(place);
}

function removed(node) {
  const after = node.nextSibling;
  node.remove();
  return after;
}

/* ---- Polling ---- */

const etags = new WeakMap();
const state = document.querySelector("[data-live-state]");
const pauseSwitch = document.querySelector("[data-live-switch]");
let paused = false;
let lostAt = null;

function showState(name, text) {
  if (!state) return;
  state.hidden = false;
  state.dataset.state = name;
  const label = state.querySelector("[data-live-text]");
  if (label.textContent !== text) label.textContent = text;
}

async function refresh(part) {
  const headers = { [PART]: "live" };
  if (etags.has(part)) headers["If-None-Match"] = etags.get(part);
  const answer = await fetch(part.dataset.live, {
    headers, cache: "no-store", redirect: "manual", signal: AbortSignal.timeout(10000),
  });
  if (answer.status === 401 || answer.type === "opaqueredirect") throw new SignedOut();
  if (!answer.ok && answer.status !== 304) throw new Error(`status ${answer.status}`);
  if (answer.status === 200) {
    const fresh = document.createElement("div");
    fresh.innerHTML = await answer.text();
    if (inUse(part)) return; // the old tag is kept, so that the next poll gets the part again
    const focused = document.activeElement;
    patchChildren(part, fresh);
    if (part.contains(focused)) focused.focus({ preventScroll: true }); // moving a row removes its focus
    countSelected();
  }
  etags.set(part, answer.headers.get("ETag"));
}

class SignedOut extends Error {}

// The reader types in the part, or has selected text in it.
function inUse(part) {
  const focused = document.activeElement;
  if (part.contains(focused) && focused.matches("textarea, select, input:not([type=checkbox])")) return true;
  const selection = document.getSelection();
  return Boolean(selection && !selection.isCollapsed && part.contains(selection.anchorNode));
}

async function poll() {
  const parts = [...document.querySelectorAll("[data-live]")];
  if (!parts.length) return;
  const begin = performance.now();
  if (paused) showState("paused", "Paused");
  else if (!document.hidden && !parts.some(inUse)) await refreshAll(parts);
  setTimeout(poll, Math.max(POLL_INTERVAL, (performance.now() - begin) / MAX_SHARE));
}

async function refreshAll(parts) {
  try {
    await Promise.all(parts.map(refresh));
    lostAt = null;
    showState("live", "Live");
  } catch (error) {
    if (error instanceof SignedOut) {
      paused = true;
      showState("lost", "Signed out: reload");
      return;
    }
    lostAt ??= new Date();
    showState("lost", `No answer since ${lostAt.toISOString().slice(11, 16)} UTC`);
  }
}

/* ---- Relative times, as in api/dashboard/kit/formats.py ---- */

// The server's clock is used, as the browser's clock may be wrong.
const clockOffset = Date.now() - Date.parse(document.documentElement.dataset.now);

function relative(at) {
  const seconds = (Date.now() - clockOffset - at) / 1000;
  const size = Math.abs(seconds);
  if (size < 5) return "just now";
  if (size >= 30 * 86400) return new Date(at).toISOString().slice(0, 10);
  const [length, unit] = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]].find(([length]) => size >= length);
  const text = `${Math.floor(size / length)} ${unit}`;
  return seconds > 0 ? `${text} ago` : `in ${text}`;
}

function updateTimes() {
  for (const time of document.querySelectorAll("time[data-relative]")) {
    const text = relative(Date.parse(time.dateTime));
    if (time.textContent !== text) time.textContent = text;
  }
}

/* ---- Rows: selection and movement ---- */

const rows = () => [...document.querySelectorAll("[data-row]")];
const checkboxes = () => [...document.querySelectorAll("[data-row] input[type=checkbox]")];
const currentRow = () => document.activeElement.closest?.("[data-row]");

function countSelected() {
  const all = checkboxes();
  const selected = all.filter((checkbox) => checkbox.checked).length;
  for (const label of document.querySelectorAll("[data-selected-count]")) {
    label.hidden = false;
    label.textContent = selected ? `${selected} selected` : "None selected";
  }
  for (const button of document.querySelectorAll("[data-needs-selection]")) button.disabled = !selected;
  const selectAll = document.querySelector("[data-select-all]");
  if (!selectAll) return;
  selectAll.hidden = false;
  selectAll.checked = selected > 0 && selected === all.length;
  selectAll.indeterminate = selected > 0 && selected < all.length;
}

function move(step) {
  const all = rows();
  if (!all.length) return;
  const at = all.indexOf(currentRow());
  const next = at < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + step, 0), all.length - 1);
  all[next].querySelector("a").focus();
  all[next].scrollIntoView({ block: "nearest" });
}

function toggle() {
  const checkbox = currentRow()?.querySelector("input[type=checkbox]");
  if (!checkbox) return;
  checkbox.checked = !checkbox.checked;
  countSelected();
}

function retry() {
  if (!checkboxes().some((checkbox) => checkbox.checked)) toggle();
  const button = document.querySelector("[data-retry]");
  if (button && !button.disabled) button.click();
}

/* ---- Keyboard ---- */

const KEYS = {
  "/": () => document.querySelector("[data-search]")?.focus(),
  j: () => move(1),
  k: () => move(-1),
  x: toggle,
  r: retry,
  "?": () => document.querySelector("[data-help]")?.showModal(),
};

function pressed(event) {
  const typing = event.target.matches("input:not([type=checkbox]), textarea, select");
  if (event.key === "Escape" && typing) event.target.blur();
  if (typing || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  const action = KEYS[event.key];
  if (!action) return;
  event.preventDefault();
  action();
}

function changed(event) {
  if (event.target.matches("[data-select-all]")) {
    for (const checkbox of checkboxes()) checkbox.checked = event.target.checked;
  }
  if (event.target.matches("[data-submits]")) event.target.form.requestSubmit();
  countSelected();
}

document.addEventListener("keydown", pressed);
document.addEventListener("change", changed);
pauseSwitch?.addEventListener("click", () => {
  paused = !paused;
  pauseSwitch.setAttribute("aria-pressed", String(paused));
  showState(paused ? "paused" : "live", paused ? "Paused" : "Live");
});
countSelected();
updateTimes();
setInterval(updateTimes, 1000);
setTimeout(poll, POLL_INTERVAL);
