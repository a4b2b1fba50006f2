/* The source panel: an article at a cited sentence, the list, the look-up; a sheet on a phone.
   Its markup comes from the server, already escaped. */
"use strict";
const $ = (id) => document.getElementById(id);
const narrow = matchMedia("(max-width: 1023px)");
const panel = $("panel");
const body = $("panel-body");
const chat = document.querySelector("gradio-app");
const state = { cites: [], at: -1, opener: null, pushed: false, link: "", asked: 0 };

export const question = () => document.querySelector("#question textarea");
export const isOpen = () => !panel.hidden;
export const isIn = (element) => panel.contains(element);

function show() {
  if (!panel.hidden) return;
  panel.hidden = false;
  document.body.classList.add("reading-open");
  modal();
  if (narrow.matches) {
    history.pushState({ panel: true }, "");
    state.pushed = true;
  }
}

function modal() {
  const sheet = narrow.matches && !panel.hidden;
  panel.setAttribute("role", sheet ? "dialog" : "complementary");
  chat.inert = sheet;
}

export function hide(fromHistory) {
  if (panel.hidden) return;
  state.asked += 1;
  panel.hidden = true;
  document.body.classList.remove("reading-open");
  modal();
  mark();
  if (state.pushed && !fromHistory) history.back();
  state.pushed = false;
  const back = state.opener && state.opener.isConnected ? state.opener : question();
  if (back) back.focus({ preventScroll: !narrow.matches });
  state.opener = null;
}

function mark() {
  for (const link of document.querySelectorAll("a.cite[aria-current]"))
    link.removeAttribute("aria-current");
  if (!panel.hidden && state.cites[state.at])
    state.cites[state.at].setAttribute("aria-current", "true");
}

async function load(href, form) {
  const url = new URL(href, document.baseURI);
  url.hash = "";
  url.searchParams.set("part", "1");
  const asked = (state.asked += 1);
  let html = "";
  try {
    const sent = form ? { method: "POST", body: new URLSearchParams(new FormData(form)) } : {};
    html = await (await fetch(url, sent)).text();
  } catch { /* said below */ }
  // A later click, or closing, overtakes what was still on its way.
  if (asked !== state.asked) return;
  if (html) body.innerHTML = html;
  else {
    const note = document.createElement("p");
    note.textContent = panel.dataset.unreached;
    body.replaceChildren(note);
  }
  settle();
}

/** Shows what is in the panel's body now, the cited sentence in the upper third. */
function settle() {
  show();
  mark();
  const cited = body.querySelector("#cited");
  const reading = body.querySelector("[data-cited]");
  state.link = reading ? reading.dataset.cited : "";
  $("panel-link").hidden = !state.link;
  body.scrollTop = 0;
  if (cited) {
    const box = cited.getBoundingClientRect();
    const middle = box.top - body.getBoundingClientRect().top - body.clientHeight * 0.3;
    body.scrollTop = Math.max(0, middle);
  }
  (cited || body.querySelector("#panel-title") || body).focus({ preventScroll: true });
}

export function openLink(link) {
  const turn = link.closest(".turn");
  const seen = new Set();
  state.cites = [...(turn ? turn.querySelectorAll("a.cite") : [])]
    .filter((cite) => !seen.has(cite.dataset.cite) && seen.add(cite.dataset.cite));
  state.at = state.cites.findIndex((cite) => cite.dataset.cite === link.dataset.cite);
  if (!panel.contains(link)) state.opener = link;
  position();
  return load(link.href);
}

/** Opens with nodes of the page's own making instead of a part from the server. */
export function openNodes(nodes, opener) {
  state.asked += 1;
  state.cites = [];
  state.at = -1;
  state.opener = opener;
  position();
  body.replaceChildren(...nodes);
  settle();
}

export const send = (form) => load(form.action, form);

function position() {
  const many = state.at >= 0 && state.cites.length > 1;
  $("panel-steps").hidden = !many;
  $("panel-position").textContent = many ? `${state.at + 1} / ${state.cites.length}` : "";
  $("panel-previous").disabled = state.at <= 0;
  $("panel-next").disabled = state.at >= state.cites.length - 1;
}

export function step(by) {
  const next = state.cites[state.at + by];
  if (!next || !next.isConnected) return;
  state.at += by;
  state.opener = next;
  position();
  load(next.href);
}

/** The address that opens the page at the sentence shown, also where no script runs. */
export const permalink = () =>
  `${new URL("./", document.baseURI)}?cite=${encodeURIComponent(state.link)}`;

export function openFromAddress() {
  const given = new URL(location).searchParams.get("cite")
    || /^#cite=(.+)$/.exec(location.hash)?.[1] || "";
  let id = given;
  try { id = decodeURIComponent(given); } catch { /* as it stands */ }
  const found = /^(.+):(\d+-\d+(?:@[0-9a-f]{8})?)$/.exec(id);
  if (!found) return;
  state.cites = [];
  state.at = -1;
  position();
  load(`read/${encodeURIComponent(found[1])}?at=${found[2]}`);
}

/** Tab stays in the sheet that covers the page. */
export function keepTab(event) {
  if (!narrow.matches) return;
  const stops = [...panel.querySelectorAll("a[href], button:not(:disabled), textarea, [tabindex='0']")]
    .filter((stop) => stop.offsetParent);
  const edge = event.shiftKey ? stops[0] : stops[stops.length - 1];
  if (document.activeElement !== edge) return;
  event.preventDefault();
  (event.shiftKey ? stops[stops.length - 1] : stops[0]).focus();
}

addEventListener("popstate", () => { state.pushed = false; hide(true); });
addEventListener("hashchange", openFromAddress);
narrow.addEventListener("change", modal);
