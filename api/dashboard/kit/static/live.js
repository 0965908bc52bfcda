// Keeps the parts of a page fresh, tells times in words, and listens to the keyboard.
// Every page works without this file; nothing here decides anything.
"use strict";

const EVERY = 2000; // ms between two looks
const PART = "Routecard-Part";

/* ---- Bringing a part up to date: nodes stay, so that selection, focus and scroll stay too. ---- */

// By attribute: `form.id` is the form's input of that name, where it has one.
const keyOf = (node) => node.nodeType === Node.ELEMENT_NODE
  ? node.getAttribute("id") || node.getAttribute("data-key") || "" : "";

const alike = (a, b) => a.nodeType === b.nodeType && a.nodeName === b.nodeName && keyOf(a) === keyOf(b);

function patchAttributes(now, next) {
  for (const { name } of [...now.attributes]) {
    // What was opened or ticked here is the reader's, not the server's.
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
  const wanted = new Set([...next.children].map(keyOf));
  let place = now.firstChild;
  for (const child of [...next.childNodes]) {
    // Rows that are gone go first, with the blank after them, so that no other has to move.
    while (place && keyOf(place) && !wanted.has(keyOf(place))) {
      place = removed(place);
      if (place && place.nodeType === Node.TEXT_NODE && !place.nodeValue.trim()) place = removed(place);
    }
    const known = keyOf(child) ? keyed.get(keyOf(child)) : place;
    if (known && alike(known, child)) {
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

/* ---- Looking for news ---- */

const tags = new WeakMap();
const state = document.querySelector("[data-live-state]");
const pauseSwitch = document.querySelector("[data-live-switch]");
let paused = false;
let lostAt = null;

function tell(mood, words) {
  if (!state) return;
  state.hidden = false;
  state.dataset.mood = mood;
  const place = state.querySelector("[data-live-words]");
  if (place.textContent !== words) place.textContent = words;
}

async function refresh(part) {
  const headers = { [PART]: "live" };
  if (tags.has(part)) headers["If-None-Match"] = tags.get(part);
  const answer = await fetch(part.dataset.live, {
    headers, cache: "no-store", redirect: "manual", signal: AbortSignal.timeout(10000),
  });
  if (answer.status === 401 || answer.type === "opaqueredirect") throw new SignedOut();
  if (!answer.ok && answer.status !== 304) throw new Error(`status ${answer.status}`);
  if (answer.status === 200) {
    const fresh = document.createElement("div");
    fresh.innerHTML = await answer.text();
    if (busyWith(part)) return; // the tag stays the old one, so that it is asked for again
    const focused = document.activeElement;
    patchChildren(part, fresh);
    if (part.contains(focused)) focused.focus({ preventScroll: true }); // a row that moved lost it
    countSelected();
  }
  tags.set(part, answer.headers.get("ETag"));
}

class SignedOut extends Error {}

// Somebody types in the part, or has marked text in it.
function busyWith(part) {
  const focused = document.activeElement;
  if (part.contains(focused) && focused.matches("textarea, select, input:not([type=checkbox])")) return true;
  const marked = document.getSelection();
  return Boolean(marked && !marked.isCollapsed && part.contains(marked.anchorNode));
}

async function look() {
  const parts = [...document.querySelectorAll("[data-live]")];
  if (!parts.length) return;
  if (paused) tell("paused", "Paused");
  else if (!document.hidden && !parts.some(busyWith)) await lookAt(parts);
  setTimeout(look, EVERY);
}

async function lookAt(parts) {
  try {
    await Promise.all(parts.map(refresh));
    lostAt = null;
    tell("live", "Live");
  } catch (error) {
    if (error instanceof SignedOut) {
      paused = true;
      tell("lost", "Signed out: reload");
      return;
    }
    lostAt ??= new Date();
    tell("lost", `No answer since ${lostAt.toISOString().slice(11, 16)} UTC`);
  }
}

/* ---- Times in words, as api/dashboard/kit/words.py tells them ---- */

// The server's clock counts: the one here may be wrong.
const ahead = Date.now() - Date.parse(document.documentElement.dataset.now);

function relative(at) {
  const seconds = (Date.now() - ahead - at) / 1000;
  const size = Math.abs(seconds);
  if (size < 5) return "just now";
  if (size >= 30 * 86400) return new Date(at).toISOString().slice(0, 10);
  const [length, unit] = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]].find(([length]) => size >= length);
  const words = `${Math.floor(size / length)} ${unit}`;
  return seconds > 0 ? `${words} ago` : `in ${words}`;
}

function tellTimes() {
  for (const time of document.querySelectorAll("time[data-relative]")) {
    const words = relative(Date.parse(time.dateTime));
    if (time.textContent !== words) time.textContent = words;
  }
}

/* ---- Rows: selecting and moving ---- */

const rows = () => [...document.querySelectorAll("[data-row]")];
const ticks = () => [...document.querySelectorAll("[data-row] input[type=checkbox]")];
const currentRow = () => document.activeElement.closest?.("[data-row]");

function countSelected() {
  const all = ticks();
  const chosen = all.filter((tick) => tick.checked).length;
  for (const place of document.querySelectorAll("[data-selected-count]")) {
    place.hidden = false;
    place.textContent = chosen ? `${chosen} selected` : "None selected";
  }
  for (const button of document.querySelectorAll("[data-needs-selection]")) button.disabled = !chosen;
  const whole = document.querySelector("[data-select-all]");
  if (!whole) return;
  whole.hidden = false;
  whole.checked = chosen > 0 && chosen === all.length;
  whole.indeterminate = chosen > 0 && chosen < all.length;
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
  const tick = currentRow()?.querySelector("input[type=checkbox]");
  if (!tick) return;
  tick.checked = !tick.checked;
  countSelected();
}

function retry() {
  if (!ticks().some((tick) => tick.checked)) toggle();
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
    for (const tick of ticks()) tick.checked = event.target.checked;
  }
  if (event.target.matches("[data-submits]")) event.target.form.requestSubmit();
  countSelected();
}

document.addEventListener("keydown", pressed);
document.addEventListener("change", changed);
pauseSwitch?.addEventListener("click", () => {
  paused = !paused;
  pauseSwitch.setAttribute("aria-pressed", String(paused));
  tell(paused ? "paused" : "live", paused ? "Paused" : "Live");
});
countSelected();
tellTimes();
setInterval(tellTimes, 1000);
setTimeout(look, EVERY);
