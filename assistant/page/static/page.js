/* The page's own behaviour: the source panel, chips, copying, announcing, connection.
   Every word comes from the server already escaped; nothing is put together from text here. */
(() => {
  "use strict";
  const $ = (id) => document.getElementById(id);
  const narrow = matchMedia("(max-width: 1023px)");
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  const panel = $("panel");
  const body = $("panel-body");
  const tip = $("tip");
  const chat = document.querySelector("gradio-app");
  const state = { cites: [], at: -1, opener: null, pushed: false, said: new Set() };
  const open = new Set();

  /* ---- source panel ---- */
  const fragment = (href) => {
    const url = new URL(href, document.baseURI);
    url.hash = "";
    url.searchParams.set("part", "1");
    return url;
  };

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

  function hide(fromHistory) {
    if (panel.hidden) return;
    panel.hidden = true;
    document.body.classList.remove("reading-open");
    modal();
    mark(null);
    if (state.pushed && !fromHistory) history.back();
    state.pushed = false;
    const back = state.opener && state.opener.isConnected ? state.opener : question();
    if (back) back.focus({ preventScroll: !narrow.matches });
    state.opener = null;
  }

  function mark(id) {
    for (const link of document.querySelectorAll("a.cite[aria-current]"))
      link.removeAttribute("aria-current");
    if (id && state.cites[state.at]) state.cites[state.at].setAttribute("aria-current", "true");
  }

  async function load(href, form) {
    let html;
    try {
      const sent = form ? { method: "POST", body: new URLSearchParams(new FormData(form)) } : {};
      const answer = await fetch(fragment(href), sent);
      html = await answer.text();
    } catch {
      html = "";
    }
    if (html) body.innerHTML = html;
    else body.textContent = panel.dataset.missing;
    show();
    const cited = body.querySelector("#cited");
    const title = body.querySelector("#panel-title");
    const reading = body.querySelector("[data-cited]");
    state.link = reading ? reading.dataset.cited : "";
    $("panel-link").hidden = !state.link;
    body.scrollTop = 0;
    if (cited) {
      const box = cited.getBoundingClientRect();
      const middle = box.top - body.getBoundingClientRect().top - body.clientHeight * 0.3;
      body.scrollTop = Math.max(0, middle);
    }
    (cited || title || body).focus({ preventScroll: true });
    return Boolean(cited);
  }

  function openLink(link) {
    const turn = link.closest(".turn");
    const numbered = turn ? [...turn.querySelectorAll("a.cite")] : [];
    const seen = new Set();
    state.cites = numbered.filter((c) => !seen.has(c.dataset.cite) && seen.add(c.dataset.cite));
    state.at = state.cites.findIndex((c) => c.dataset.cite === link.dataset.cite);
    if (panel.hidden || !panel.contains(link)) state.opener = link;
    position();
    mark(link.dataset.cite);
    return load(link.href);
  }

  function position() {
    const many = state.at >= 0 && state.cites.length > 1;
    $("panel-steps").hidden = !many;
    $("panel-position").textContent = many ? `${state.at + 1} / ${state.cites.length}` : "";
    $("panel-previous").disabled = state.at <= 0;
    $("panel-next").disabled = state.at >= state.cites.length - 1;
  }

  function step(by) {
    const next = state.cites[state.at + by];
    if (!next || !next.isConnected) return;
    state.at += by;
    state.opener = next;
    position();
    mark(next.dataset.cite);
    load(next.href);
  }

  function openFromAddress() {
    const found = /^#cite=(.+):(\d+-\d+(?:@[0-9a-f]{8})?)$/.exec(decodeURIComponent(location.hash));
    if (!found) return;
    state.cites = [];
    state.at = -1;
    position();
    load(`read/${encodeURIComponent(found[1])}?at=${found[2]}`);
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
    const word = done ? panel.dataset.copied : panel.dataset.failed;
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
  const question = () => document.querySelector("#question textarea");

  function fill(text) {
    const box = question();
    box.value = text;
    box.dispatchEvent(new Event("input", { bubbles: true }));
    box.focus();
    box.setSelectionRange(text.length, text.length);
  }

  /* ---- new turns: scroll to them, say a finished answer once ---- */
  let last = "";
  let lost = false;
  function look() {
    const line = document.querySelector("[data-emergency]");
    if (line && line.dataset.emergency) $("emergency-line").textContent = line.dataset.emergency;
    for (const details of document.querySelectorAll("#conversation details")) {
      const key = details.closest(".turn").id;
      if (open.has(key) && !details.open) details.open = true;
    }
    const turns = document.querySelectorAll("#conversation .turn");
    const turn = turns[turns.length - 1];
    document.body.classList.toggle("has-turns", turns.length > 0);
    if (!turn) { last = ""; return; }
    if (turn.id !== last) {
      last = turn.id;
      if (!lost) $("connection").hidden = true;
      const top = turn.getBoundingClientRect().top + scrollY - header() - 16;
      scrollTo({ top, behavior: calm.matches ? "auto" : "smooth" });
    }
    const words = turn.dataset.say;
    if (words && !state.said.has(turn.id)) {
      state.said.add(turn.id);
      $("urgent" in turn.dataset ? "live-now" : "live").textContent = words;
    }
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

  /* ---- tooltip: title and evidence tag of a citation ---- */
  function tell(link) {
    tip.replaceChildren();
    const title = document.createElement("b");
    title.textContent = link.dataset.title;
    const tag = document.createElement("span");
    tag.textContent = link.dataset.tag;
    tip.append(title, tag);
    tip.hidden = false;
    const at = link.getBoundingClientRect();
    const width = tip.offsetWidth;
    const left = Math.max(8, Math.min(at.left + at.width / 2 - width / 2, top.offsetWidth - width - 8));
    const above = at.top - tip.offsetHeight - 8;
    tip.style.left = `${left}px`;
    tip.style.top = `${above > header() ? above : at.bottom + 8}px`;
  }
  let leaving = 0;
  const untell = () => { leaving = setTimeout(() => { tip.hidden = true; }, 120); };
  document.addEventListener("pointerover", (event) => {
    const link = event.target.closest && event.target.closest("a.cite");
    if (link || event.target.closest("#tip")) clearTimeout(leaving);
    if (link && event.pointerType !== "touch") tell(link);
  });
  document.addEventListener("pointerout", (event) => {
    if (event.target.closest && event.target.closest("a.cite, #tip")) untell();
  });
  document.addEventListener("focusin", (event) => {
    if (event.target.matches("a.cite") && event.target.matches(":focus-visible")) tell(event.target);
  });
  document.addEventListener("focusout", (event) => {
    if (event.target.matches("a.cite")) untell();
  });
  addEventListener("scroll", () => { tip.hidden = true; }, { passive: true });

  /* ---- one listener for every click ---- */
  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey)
      return;
    const hit = event.target.closest("a, button");
    if (!hit) return;
    if (hit.matches("a[data-cite], a.article-link, a.articles-button, #panel-all")) {
      event.preventDefault();
      tip.hidden = true;
      if (!hit.dataset.cite && !panel.contains(hit)) state.opener = hit;
      openLink(hit);
    } else if (hit.id === "panel-close") hide(false);
    else if (hit.id === "panel-previous") step(-1);
    else if (hit.id === "panel-next") step(1);
    else if (hit.dataset.copy !== undefined) copyBy(hit, hit.dataset.copy);
    else if (hit.id === "panel-link")
      copyBy(hit, `${new URL("./", document.baseURI)}#cite=${encodeURIComponent(state.link)}`);
    else if (hit.dataset.edit !== undefined) fill(hit.dataset.edit);
    else if (hit.matches(".skip")) { event.preventDefault(); question()?.focus(); }
    else if (hit.id === "clear") { hide(false); setTimeout(() => question().focus(), 50); }
  });
  document.addEventListener("submit", (event) => {
    if (!event.target.matches("form.claim") || !panel.contains(event.target)) return;
    event.preventDefault();
    load(event.target.action, event.target);
  });
  document.addEventListener("toggle", (event) => {
    const turn = event.target.closest && event.target.closest(".turn");
    if (turn) open[event.target.open ? "add" : "delete"](turn.id);
  }, true);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      if (!tip.hidden) tip.hidden = true;
      else hide(false);
    } else if (!panel.hidden && panel.contains(event.target) && !event.altKey && !event.ctrlKey
               && !event.metaKey) {
      if (event.key === "ArrowLeft") step(-1);
      else if (event.key === "ArrowRight") step(1);
      else if (event.key === "Tab" && narrow.matches) {
        const stops = [...panel.querySelectorAll("a[href], button:not(:disabled), [tabindex='0']")]
          .filter((e) => e.offsetParent);
        const edge = event.shiftKey ? stops[0] : stops[stops.length - 1];
        if (document.activeElement === edge) {
          event.preventDefault();
          (event.shiftKey ? stops[stops.length - 1] : stops[0]).focus();
        }
      }
    }
  });
  addEventListener("popstate", () => { state.pushed = false; hide(true); });
  addEventListener("hashchange", openFromAddress);
  narrow.addEventListener("change", modal);
  openFromAddress();
  if (matchMedia("(hover: hover)").matches)
    customElements.whenDefined("gradio-app").then(function wait() {
      const box = question();
      if (!box) setTimeout(wait, 50);
      else if (document.activeElement === document.body) box.focus({ preventScroll: true });
    });

  /* ---- connection lost and found ---- */
  let instance = "";
  async function ping() {
    let found = "";
    try {
      const answer = await fetch("healthz", { cache: "no-store", signal: AbortSignal.timeout(4000) });
      found = (await answer.json()).instance;
    } catch { /* said below */ }
    const bar = $("connection");
    if (!found) {
      lost = true;
      bar.hidden = false;
      bar.className = "lost";
      bar.textContent = panel.dataset.lost;
    } else if (lost) {
      lost = false;
      bar.className = "";
      bar.textContent = found === instance ? panel.dataset.back : panel.dataset.restarted;
      if (found !== instance) state.said.clear();
      // That the server forgot stays until the next question; that it is back, for a moment.
      if (found === instance) setTimeout(() => { if (!lost) bar.hidden = true; }, 6000);
    }
    if (found) instance = found;
    setTimeout(ping, lost ? 2000 : 10000);
  }
  ping();
})();
