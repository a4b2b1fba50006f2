/* The page's own behaviour: chips, copying, announcing, what is handed over by the server.
   Every word comes from the server already escaped; nothing is put together from text here. */
"use strict";
import { hideBar, watch } from "./connection.js";
import { begin, openMenu, remember } from "./keep.js";
import * as panel from "./panel.js";
import { hideTip, isShown } from "./tip.js";

const $ = (id) => document.getElementById(id);
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const chat = document.querySelector("gradio-app");
const texts = $("panel").dataset;

/* ---- to the server, through Gradio's own queue ---- */
function tell(event, data = {}) {
  document.querySelector("#conversation [data-events]")
    ?.dispatchEvent(new CustomEvent(event, { detail: data }));
}

/* ---- copying ---- */
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "sr";
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}

async function copyBy(button, text) {
  const focused = document.activeElement;
  const done = await copy(text);
  if (focused) focused.focus({ preventScroll: true });
  const word = done ? texts.copied : texts.failed;
  $("live").textContent = word;
  const label = button.querySelector("span");
  if (!label) {
    button.classList.add("done");
    setTimeout(() => button.classList.remove("done"), 2000);
    return;
  }
  const before = label.dataset.label || label.textContent;
  label.dataset.label = before;
  label.textContent = word;
  setTimeout(() => { label.textContent = before; }, 2000);
}

/* ---- the question box ---- */
function fill(text) {
  const box = panel.question();
  box.value = text;
  box.dispatchEvent(new Event("input", { bubbles: true }));
  box.focus();
  box.setSelectionRange(text.length, text.length);
}

/* ---- new turns: scroll to them, say a finished answer once ---- */
const said = new Map();
const open = new Set();
let last = "";
let handed = "";
/* The turn whose button was pressed and went: the focus stays with it. */
let refocus = "";

function look() {
  const line = document.querySelector("[data-emergency]");
  if (line?.textContent && line.textContent !== $("emergency-line").textContent)
    $("emergency-line").replaceChildren(...line.cloneNode(true).childNodes);
  receive();
  for (const details of document.querySelectorAll("#conversation details"))
    if (open.has(keyOf(details)) && !details.open) details.open = true;
  const turns = [...document.querySelectorAll("#conversation .turn")];
  const turn = turns[turns.length - 1];
  document.body.classList.toggle("has-turns", turns.length > 0);
  if (!turn && last) { last = ""; said.clear(); begin(); }
  if (!turn) return;
  if (turn.id !== last) {
    last = turn.id;
    hideBar();
    const top = turn.getBoundingClientRect().top + scrollY - header() - 16;
    scrollTo({ top, behavior: calm.matches ? "auto" : "smooth" });
  }
  let changed = false;
  for (const one of turns) {
    const words = one.dataset.say || "";
    if (words === (said.get(one.id) || "")) continue;
    said.set(one.id, words);
    changed = true;
    if (words) $("urgent" in one.dataset ? "live-now" : "live").textContent = words;
  }
  if (changed) remember();
  if (refocus && document.activeElement === document.body) $(refocus)?.focus({ preventScroll: true });
}

const keyOf = (details) => `${details.closest(".turn")?.id} ${details.className}`;

/* A file to save, or a sentence to say; see handover.py. */
function receive() {
  const given = document.querySelector("#handed [data-handed]");
  if (!given || given.dataset.handed === handed) return;
  handed = given.dataset.handed;
  if (given.dataset.said) {
    noted(given.dataset.said);
    return;
  }
  const bytes = Uint8Array.from(atob(given.dataset.body), (letter) => letter.charCodeAt(0));
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([bytes], { type: given.dataset.type }));
  link.download = given.dataset.file;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  $("menu-said").textContent = $("menu-said").dataset.saved;
}

let sending = null;
function noted(words) {
  if (!sending || !sending.isConnected) { $("live").textContent = words; return; }
  const line = document.createElement("p");
  line.className = "noted";
  line.setAttribute("role", "status");
  line.tabIndex = -1;
  sending.replaceWith(line);
  line.textContent = words;
  line.focus({ preventScroll: true });
  sending = null;
}

let queued = false;
new MutationObserver(() => {
  if (queued) return;
  queued = true;
  queueMicrotask(() => { queued = false; look(); });
}).observe(chat, { childList: true, subtree: true, attributeFilter: ["data-say"] });

/* ---- sizes the style sheet needs ---- */
const top = document.querySelector("header.top");
const foot = document.querySelector("footer.foot");
const header = () => top.offsetHeight;
new ResizeObserver(() => {
  document.documentElement.style.setProperty("--head-h", `${top.offsetHeight}px`);
  document.documentElement.style.setProperty("--foot-h", `${foot.offsetHeight}px`);
}).observe(document.body);

/* ---- one listener for every click ---- */
document.addEventListener("click", (event) => {
  if (event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey)
    return;
  const hit = event.target.closest("a, button");
  if (!hit) return;
  const { dataset: data } = hit;
  if (hit.matches("a[data-cite], a.article-link, a.place-button, #panel-all")) {
    event.preventDefault();
    hideTip();
    panel.openLink(hit);
  } else if (hit.id === "panel-close") panel.hide(false);
  else if (hit.id === "panel-previous") panel.step(-1);
  else if (hit.id === "panel-next") panel.step(1);
  else if (hit.id === "panel-link") copyBy(hit, panel.permalink());
  else if (data.copy !== undefined) copyBy(hit, data.copy);
  else if (data.edit !== undefined) fill(data.edit);
  else if (data.again !== undefined || data.stop !== undefined) {
    refocus = hit.closest(".turn").id;
    if (data.stop !== undefined) tell("stop");
    else tell("again", { turn: Number(data.again) });
  } else if (data.take !== undefined) tell("take", { form: data.take });
  else if (hit.id === "menu-open") openMenu();
  else if (hit.id === "menu-close") $("menu").close();
  else if (hit.id === "menu-print") { $("menu").close(); print(); }
  else if (hit.matches(".skip")) { event.preventDefault(); panel.question()?.focus(); }
  else if (hit.id === "clear") { panel.hide(false); setTimeout(() => panel.question().focus(), 50); }
});
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.matches("form.claim") && panel.isIn(form)) {
    event.preventDefault();
    panel.send(form);
  } else if (form.matches("form[data-feedback]")) {
    event.preventDefault();
    const given = new FormData(form);
    sending = form;
    tell("note", {
      turn: Number(form.dataset.feedback),
      reason: given.get("reason"),
      citation: given.get("citation") || "",
      agreed: given.has("agree"),
    });
  }
});
document.addEventListener("toggle", (event) => {
  if (event.target.closest?.(".turn")) open[event.target.open ? "add" : "delete"](keyOf(event.target));
}, true);
document.addEventListener("focusin", () => { refocus = ""; });
document.addEventListener("keydown", (event) => {
  if ($("menu").open) return;
  if (event.key === "Escape") {
    if (isShown()) hideTip();
    else panel.hide(false);
    return;
  }
  const inPanel = panel.isOpen() && panel.isIn(event.target);
  if (!inPanel || event.altKey || event.ctrlKey || event.metaKey) return;
  if (event.key === "Tab") panel.keepTab(event);
  else if (event.target.matches("textarea")) return;
  else if (event.key === "ArrowLeft") panel.step(-1);
  else if (event.key === "ArrowRight") panel.step(1);
});
addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll("#conversation :is(.nearest, .exact)")) details.open = true;
});

panel.openFromAddress();
if (matchMedia("(hover: hover)").matches)
  customElements.whenDefined("gradio-app").then(function wait() {
    const box = panel.question();
    if (!box) setTimeout(wait, 50);
    else if (document.activeElement === document.body) box.focus({ preventScroll: true });
  });
watch(begin);
