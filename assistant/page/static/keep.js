/* Conversations kept in this browser, only while the reader wants it. What lies in the storage may
   be anybody's: it is checked row by row and shown as text, never as markup. */
"use strict";
import { openNodes } from "./panel.js";

const SWITCH = "knee-hip.keep";
const KEPT = "knee-hip.kept";
const MAX_CONVERSATIONS = 50;
const MAX_TURNS = 100;
const MAX_CHARS = 20000;

const $ = (id) => document.getElementById(id);
const box = $("kept");
const list = box.querySelector("ul");
const newId = () => `${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 10)}`;
let current = newId();
/* Turns that were deleted while they still stand on the page: they are not kept again. */
const deleted = new Set();

const isText = (value) => typeof value === "string" && value.length <= MAX_CHARS;
const isTurn = (turn) => turn && isText(turn.question) && isText(turn.answer);
const isConversation = (row) => row && typeof row.id === "string" && /^[\w-]{1,40}$/.test(row.id)
  && Number.isFinite(row.at) && Math.abs(row.at) < 8.64e15 && Array.isArray(row.turns)
  && row.turns.length > 0 && row.turns.length <= MAX_TURNS && row.turns.every(isTurn);

function isWanted() {
  try { return localStorage.getItem(SWITCH) === "yes"; } catch { return false; }
}

function read() {
  try {
    const rows = JSON.parse(localStorage.getItem(KEPT));
    return Array.isArray(rows) ? rows.filter(isConversation).slice(0, MAX_CONVERSATIONS) : [];
  } catch { return []; }
}

/** Whether the rows are stored; the oldest go until they fit. */
function write(rows) {
  for (let count = Math.min(rows.length, MAX_CONVERSATIONS); count > 0; count -= 1) {
    try {
      localStorage.setItem(KEPT, JSON.stringify(rows.slice(0, count)));
      return true;
    } catch { /* full: without the oldest one */ }
  }
  try { localStorage.removeItem(KEPT); } catch { /* nothing can be kept, so nothing is */ }
  return rows.length === 0;
}

/** Keeps the conversation as it stands on the page; called whenever an answer is finished. */
export function remember() {
  if (!isWanted()) return;
  const turns = [];
  for (const turn of document.querySelectorAll("#conversation .turn")) {
    const copy = turn.querySelector("[data-copy]");
    if (!copy || deleted.has(turn.id)) continue;
    const asked = turn.querySelector(".question bdi");
    turns.push({
      question: (asked ? asked.textContent : "").slice(0, MAX_CHARS),
      answer: copy.dataset.copy.slice(0, MAX_CHARS),
    });
  }
  if (!turns.length) return;
  const others = read().filter((row) => row.id !== current);
  if (!write([{ id: current, at: Date.now(), turns: turns.slice(-MAX_TURNS) }, ...others]))
    say(box.dataset.failed);
  if ($("menu").open) renderList();
}

/** Another conversation begins on the page. */
export function begin() {
  current = newId();
  deleted.clear();
}

function say(words) { $("menu-said").textContent = words; }

function forget(id) {
  if (!id || id === current)
    for (const turn of document.querySelectorAll("#conversation .turn")) deleted.add(turn.id);
  write(id ? read().filter((row) => row.id !== id) : []);
  renderList();
  say(box.dataset.deleted);
}

function renderList() {
  const rows = read();
  $("keep").checked = isWanted();
  box.hidden = !isWanted() && !rows.length;
  box.querySelector(".none").hidden = rows.length > 0;
  $("kept-all").hidden = !rows.length;
  list.replaceChildren(...rows.map((row) => {
    const item = $("kept-row").content.firstElementChild.cloneNode(true);
    const name = row.turns[0].question;
    item.querySelector("b").textContent = name.slice(0, 120);
    item.querySelector("small").textContent = new Date(row.at).toLocaleString();
    item.querySelector(".kept-open").addEventListener("click", () => open(row));
    const cross = item.querySelector(".kept-delete");
    cross.setAttribute("aria-label", `${cross.title}: ${name.slice(0, 60)}`);
    cross.addEventListener("click", () => { forget(row.id); $("keep").focus(); });
    return item;
  }));
}

function open(row) {
  const make = (tag, words, css = "") => {
    const element = document.createElement(tag);
    element.textContent = words;
    if (css) element.className = css;
    return element;
  };
  const reading = make("div", "", "reading list kept");
  const title = make("h2", new Date(row.at).toLocaleString());
  title.id = "panel-title";
  title.tabIndex = -1;
  reading.append(title, make("p", box.dataset.note, "note"));
  for (const turn of row.turns)
    reading.append(make("h3", turn.question), make("p", turn.answer, "kept-answer"));
  $("menu").close();
  openNodes([reading], $("menu-open"));
}

export function openMenu() {
  renderList();
  say("");
  const lead = $("menu-lead");
  lead.dataset.lead ||= lead.textContent;
  const some = Boolean(document.querySelector("#conversation [data-copy]"));
  lead.textContent = some ? lead.dataset.lead : lead.dataset.nothing;
  for (const button of document.querySelectorAll("[data-take], #menu-print")) button.disabled = !some;
  $("menu").showModal();
}

$("keep").addEventListener("change", (event) => {
  const wanted = event.target.checked;
  try {
    if (wanted) localStorage.setItem(SWITCH, "yes");
    else localStorage.removeItem(SWITCH);
  } catch { say(box.dataset.failed); }
  if (wanted) remember();
  else write([]);
  renderList();
});
$("kept-all").addEventListener("click", () => { forget(""); $("keep").focus(); });
addEventListener("storage", (event) => {
  // Deleted in another window: what stands here is not kept again either.
  if (event.key === KEPT && !read().some((row) => row.id === current))
    for (const turn of document.querySelectorAll("#conversation .turn")) deleted.add(turn.id);
  if ($("menu").open) renderList();
});
