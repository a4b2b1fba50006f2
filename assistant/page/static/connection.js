/* The connection lost, found again, and whether the server is still the same one. */
"use strict";
const texts = document.getElementById("panel").dataset;
const bar = document.getElementById("connection");
let instance = "";
let lost = false;
let onRestart = () => {};

export const isLost = () => lost;
export const hideBar = () => { if (!lost) bar.hidden = true; };

/* Gradio loads the page anew when the server has started again: this mark outlives that, and no
   word of anybody is in it. */
function remember(isGone) {
  history.replaceState({ ...history.state, lost: isGone }, "");
}

function say(words, css = "") {
  bar.hidden = false;
  bar.className = css;
  bar.textContent = words;
}

async function ping() {
  let found = "";
  try {
    const answer = await fetch("healthz", { cache: "no-store", signal: AbortSignal.timeout(4000) });
    found = (await answer.json()).instance;
  } catch { /* said below */ }
  if (!found) {
    lost = true;
    remember(true);
    say(texts.lost, "lost");
  } else if (lost) {
    lost = false;
    const same = found === instance;
    if (same) remember(false);
    say(same ? texts.back : texts.restarted);
    // That the server forgot stays until the next question; that it is back, for a moment.
    if (same) setTimeout(hideBar, 6000);
    else onRestart();
  }
  if (found) instance = found;
  setTimeout(ping, lost ? 2000 : 10000);
}

export function watch(restarted) {
  onRestart = restarted;
  if (history.state?.lost) {
    remember(false);
    say(texts.restarted);
  }
  ping();
}
