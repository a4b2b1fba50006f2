"""How heavy and how fast the page is, measured inside a real browser.

``python tests/page_speed.py`` prints the figures with the real assistant.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from statistics import median
from typing import Any

from page_server import CHROMIUM, FLAGS, Server, serve_bare_page

MAX_KILOBYTES = 400
MAX_USABLE_MS = 1000
MAX_ANSWER_MS = 250
MAX_HIGHLIGHT_MS = 50
BARE_MS = 370
"""Until a Gradio page of one box is usable, on the two cores of DESIGN.md's figures."""
ROUNDS = 3
QUESTIONS = (
    "what does the gluteus medius do",
    "why does my knee hurt when the hip is weak",
    "which exercises strengthen the side of my hip",
    "how do i do a clamshell",
    "what is it called when my hips drop to one side",
    "is the gluteus medius weak or overworked",
    "does hip strengthening help runner's knee",
)

# From the first byte of the page to the moment its question box can be typed into.
_USABLE = """
window.usable = new Promise((done) => {
  const look = () => {
    const box = document.querySelector('#question textarea');
    if (!box || box.disabled) return requestAnimationFrame(look);
    done(performance.now() - performance.getEntriesByType('navigation')[0].responseStart);
  };
  look();
});
"""
_ANSWER = """async (question) => {
  const count = document.querySelectorAll('.turn').length;
  const box = document.querySelector('#question textarea');
  box.value = question;
  box.dispatchEvent(new Event('input', {bubbles: true}));
  await new Promise(requestAnimationFrame);
  const start = performance.now();
  document.querySelector('#send').click();
  while (!document.querySelectorAll('.turn')[count]?.querySelector('.disclaimer')) {
    if (performance.now() - start > 60000) throw new Error(`no answer to ${question}`);
    await new Promise((next) => setTimeout(next, 1));
  }
  return performance.now() - start;
}"""
_HIGHLIGHT = """async (number) => {
  const link = document.querySelectorAll('.turn:last-child .statements a.cite')[number];
  if (!link) return null;
  document.querySelector('#panel-body').replaceChildren();
  const start = performance.now();
  link.click();
  while (!document.querySelector('#cited')?.getBoundingClientRect().height) {
    if (performance.now() - start > 60000) throw new Error(`${link.href} was not opened`);
    await new Promise((next) => setTimeout(next, 1));
  }
  return performance.now() - start;
}"""


@dataclass(frozen=True, slots=True)
class Speed:
    """Kilobytes transferred, and milliseconds: the calmest round's median of each.

    `bare_ms` is until a page of one box is usable, in the same rounds.
    """

    kilobytes: float
    usable_ms: float
    answer_ms: float
    highlight_ms: float
    bare_ms: float

    @property
    def slower(self) -> float:
        """How many times slower this machine is now than `BARE_MS` says, at least 1."""
        return max(1.0, self.bare_ms / BARE_MS)

    def __str__(self) -> str:
        return (
            f"page {self.kilobytes:.0f} kB (at most {MAX_KILOBYTES}); usable "
            f"{self.usable_ms:.0f} ms after its first byte ({MAX_USABLE_MS}); question to cited "
            f"sentence {self.answer_ms:.0f} ms ({MAX_ANSWER_MS}); click to highlight "
            f"{self.highlight_ms:.1f} ms ({MAX_HIGHLIGHT_MS}); a page of one box "
            f"{self.bare_ms:.0f} ms; calmest of {ROUNDS} rounds, medians of "
            f"{len(QUESTIONS)} questions"
        )


def measure(browser: Any, address: str) -> Speed:
    """Load the page afresh and ask `QUESTIONS`, a few times; whatever else runs slows it."""
    weights, usable, bare, answers, highlights = [], [], [], [], []
    for _ in range(ROUNDS):
        bare.append(_measure_bare(browser))
        context = browser.new_context(reduced_motion="reduce")
        context.add_init_script(_USABLE)
        page = context.new_page()
        loaded: list[float] = []
        wire = context.new_cdp_session(page)
        wire.send("Network.enable")
        wire.on(
            "Network.loadingFinished", lambda end, to=loaded: to.append(end["encodedDataLength"])
        )
        page.goto(address)
        usable.append(page.evaluate("usable"))
        page.wait_for_selector(".chip")
        page.wait_for_timeout(300)
        weights.append(sum(loaded) / 1000)
        page.evaluate(_ANSWER, QUESTIONS[0])
        took, lit = [], []
        for question in QUESTIONS:
            took.append(page.evaluate(_ANSWER, question))
            lit += [ms for n in range(3) if (ms := page.evaluate(_HIGHLIGHT, n)) is not None]
        answers.append(median(took))
        highlights.append(median(lit))
        context.close()
    return Speed(max(weights), min(usable), min(answers), min(highlights), min(bare))


def _measure_bare(browser: Any) -> float:
    server = serve_bare_page()
    context = browser.new_context(reduced_motion="reduce")
    context.add_init_script(_USABLE)
    page = context.new_page()
    page.goto(server.address)
    took: float = page.evaluate("usable")
    context.close()
    server.stop()
    return took


def main() -> int:
    """Measure with the real assistant, its index as the settings say."""
    from playwright.sync_api import sync_playwright

    from assistant.pipeline import build_assistant
    from assistant.settings import Settings

    assistant = build_assistant(Settings.from_environment())
    server = Server(lambda _: assistant)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        print(measure(browser, server.address))
        browser.close()
    server.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
