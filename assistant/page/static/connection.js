/* The connection lost, found again, and whether the server is still the same one. */
"use strict";
const texts = document.getElementById("panel").dataset;
const bar = document.getElementById("connection");
let instance = "";
let lost = false;
let onRestart = () => {};

export const isLost = () => lost;
export const hideBar = () => { if (!lost) bar.hidden = true; };

async function ping() {
  let found = "";
  try {
    const answer = await fetch("healthz", { cache: "no-store", signal: AbortSignal.timeout(4000) });
    found = (await answer.json()).instance;
  } catch { /* said below */ }
  if (!found) {
    lost = true;
    bar.hidden = false;
    bar.className = "lost";
    bar.textContent = texts.lost;
  } else if (lost) {
    lost = false;
    const same = found === instance;
    bar.className = "";
    bar.textContent = same ? texts.back : texts.restarted;
    // That the server forgot stays until the next question; that it is back, for a moment.
    if (same) setTimeout(hideBar, 6000);
    else onRestart();
  }
  if (found) instance = found;
  setTimeout(ping, lost ? 2000 : 10000);
}

export function watch(restarted) {
  onRestart = restarted;
  ping();
}
