/* Title and evidence tag of a citation, on hover and on focus. */
"use strict";
const tip = document.getElementById("tip");
const top = document.querySelector("header.top");
let leaving = 0;

export const isShown = () => !tip.hidden;
export const hideTip = () => { tip.hidden = true; };

function tell(link) {
  const title = document.createElement("b");
  title.textContent = link.dataset.title;
  const tag = document.createElement("span");
  tag.textContent = link.dataset.tag;
  tip.replaceChildren(title, tag);
  tip.hidden = false;
  const at = link.getBoundingClientRect();
  const middle = at.left + at.width / 2 - tip.offsetWidth / 2;
  const above = at.top - tip.offsetHeight - 8;
  tip.style.left = `${Math.max(8, Math.min(middle, top.offsetWidth - tip.offsetWidth - 8))}px`;
  tip.style.top = `${above > top.offsetHeight ? above : at.bottom + 8}px`;
}

const find = (event, selector) => event.target.closest && event.target.closest(selector);
document.addEventListener("pointerover", (event) => {
  const link = find(event, "a.cite");
  if (link || find(event, "#tip")) clearTimeout(leaving);
  if (link && event.pointerType !== "touch") tell(link);
});
document.addEventListener("pointerout", (event) => {
  if (find(event, "a.cite, #tip")) leaving = setTimeout(hideTip, 120);
});
document.addEventListener("focusin", (event) => {
  if (event.target.matches("a.cite") && event.target.matches(":focus-visible")) tell(event.target);
});
document.addEventListener("focusout", (event) => {
  if (event.target.matches("a.cite")) hideTip();
});
addEventListener("scroll", hideTip, { passive: true });
