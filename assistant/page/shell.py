"""The page around Gradio: header, source panel, footer; and the articles as pages of their own.

Gradio's index file is dressed on its way out: what names other hosts goes, our style sheet and
script come in, and the emergency line stands there before any script has run.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import parse_qs

from assistant.leaving import ModelPlace
from assistant.page import icons
from assistant.page.answer import render_chips
from assistant.page.article import render_article, render_article_list
from assistant.page.guard import App, Message, Receive, Scope, Send
from assistant.page.markup import STATIC, escape, reachable, text, words
from assistant.page.menu import render_menu
from assistant.page.statements import render_quotes
from assistant.types import DISCLAIMER, Article, Citation, ClaimResult, Span

Facts = Callable[[], tuple[str, Mapping[str, Article]]]
"""The emergency line and the articles, as far as they are known by now."""

_REMOTE_META: Final = re.compile(r'<meta\s+(?:property|name)="(?:og|twitter):[^>]*>\s*')
# It would be asked for at the host's root, wherever a proxy has put the page.
_MANIFEST: Final = re.compile(r'<link rel="manifest"[^>]*>\s*')
_FRAME_SCRIPT: Final = re.compile(
    r"<script>(?:(?!</script>).)*iframeResizer\.contentWindow(?:(?!</script>).)*</script>", re.S
)

# The page finds its own address: the server does not know the one behind a proxy, and what a
# request says of it is not to be repeated.
_ROOT: Final = (
    "<script>window.gradio_config.root = "
    "(location.origin + location.pathname).replace(/\\/+$/, '');</script>"
)


# What page.js imports; all of them are asked for at once.
_MODULES: Final = ("connection", "keep", "panel", "tip")


def _version(name: str) -> str:
    return f"{int((STATIC / name).stat().st_mtime):x}"


def _head(title: str) -> str:
    return (
        f"<title>{escape(title)}</title>"
        f'<meta name="description" content="{words("page.description")}">'
        '<meta name="color-scheme" content="light dark">'
        f'<link rel="icon" href="page/icon.svg" type="image/svg+xml">'
        f'<link rel="stylesheet" href="page/page.css?{_version("page.css")}">'
    )


def _short(key: str) -> str:
    """A button's words, of which only the first is shown where there is little room."""
    first, _, rest = text(key).partition(" ")
    return f'<span>{escape(first)}<span class="long"> {escape(rest)}</span></span>'


def render_header(emergency_line: str, skip_to: str, *, chat: bool = False) -> str:
    """Name of the page, the ways to its places, and the emergency line.

    `chat` is whether there is a conversation on this page, to save or print.
    """
    save = (
        f'<button type="button" class="button" id="menu-open" aria-haspopup="dialog">'
        f"{icons.SAVE}{_short('page.menu_button')}</button>"
    )
    return (
        f'<a class="skip" href="{escape(skip_to)}">{words("page.skip")}</a>'
        '<header class="top"><div class="bar">'
        f'<a class="brand" href="./">{icons.MARK}<span><h1>{words("page.title")}</h1>'
        f"<small>{words('page.tagline')}</small></span></a>"
        f'<nav aria-label="{words("page.places_label")}">'
        f'<a class="button place-button articles-button" href="read">{icons.BOOK}'
        f"<span>{words('page.articles_button')}</span></a>"
        f'<a class="button place-button" href="claim">{icons.SEARCH}'
        f"{_short('page.claim_button')}</a>{save if chat else ''}</nav></div>"
        f'<p class="strip">{icons.PHONE}<span id="emergency-line">'
        f"{reachable(emergency_line or text('page.emergency_line'))}</span></p>"
        '<div id="tip" role="tooltip" hidden></div></header>'
    )


def render_footer() -> str:
    """The disclaimer, always in sight; its later sentences unfold where there is no room."""
    first, dot, rest = DISCLAIMER.partition(". ")
    return (
        f'<footer class="foot" aria-label="{words("page.disclaimer_label")}">'
        f'<p>{escape(first + dot)}<span class="rest">{escape(rest)}</span></p></footer>'
    )


def dress(html: str, emergency_line: str, articles: Mapping[str, Article], cited: str = "") -> str:
    """Gradio's index file as our page; `cited` is read at a link to a citation without scripts."""
    html = _REMOTE_META.sub("", html)
    html = _FRAME_SCRIPT.sub("", _MANIFEST.sub("", html))
    script = "".join(f'<link rel="modulepreload" href="page/{name}.js">' for name in _MODULES)
    script += f'<script type="module" src="page/page.js?{_version("page.js")}"></script>'
    html = html.replace("</head>", f"{_ROOT}{_head(text('page.title'))}{script}</head>", 1)
    before, found, after = html.rpartition("<gradio-app")
    without = (
        f'<noscript><div class="noscript"><p>{words("page.noscript")}</p>'
        f"{cited or render_article_list(articles)}</div></noscript>"
    )
    html = before + render_header(emergency_line, "#question", chat=True) + without + found + after
    ours = f"{_AFTER}{render_footer()}{_panel()}{render_menu()}"
    return html.replace("</gradio-app>", f"</gradio-app>{ours}", 1)


_AFTER: Final = (
    '<div id="live" class="sr" role="status" aria-live="polite"></div>'
    '<div id="live-now" class="sr" role="alert"></div>'
    '<div id="connection" role="status" hidden></div>'
)


def _panel() -> str:
    def button(name: str, key: str, icon: str, shortcut: str = "Escape") -> str:
        return (
            f'<button type="button" class="icon-button" id="panel-{name}" '
            f'aria-keyshortcuts="{shortcut}" '
            f'aria-label="{words(key)}" title="{words(key)}">{icon}</button>'
        )

    return (
        f'<div id="panel" role="complementary" aria-label="{words("panel.label")}" '
        f'data-copied="{words("turn.copied")}" data-failed="{words("turn.copy_failed")}" '
        f'data-unreached="{words("panel.unreached")}" data-lost="{words("waiting.lost")}" '
        f'data-back="{words("waiting.back")}" data-restarted="{words("waiting.restarted")}" '
        'hidden><div class="panel-bar">'
        f'<a class="quiet" id="panel-all" href="read">{icons.BOOK}'
        f"<span>{words('panel.back_to_list')}</span></a>"
        '<div class="steps-through" id="panel-steps">'
        f"{button('previous', 'panel.previous', icons.UP, 'ArrowLeft')}"
        '<span id="panel-position"></span>'
        f"{button('next', 'panel.next', icons.DOWN, 'ArrowRight')}</div>"
        f'<button type="button" class="icon-button" id="panel-link" hidden '
        f'aria-label="{words("panel.link")}" title="{words("panel.link")}">{icons.LINK}</button>'
        f"{button('close', 'panel.close', icons.CROSS)}</div>"
        '<div id="panel-body" tabindex="0" role="region" '
        f'aria-label="{words("panel.label")}"></div></div>'
    )


class Dressed:
    """Wraps Gradio's application: the index file leaves it dressed, all else as it is."""

    def __init__(self, app: App, facts: Facts, cited: Callable[[str], str]) -> None:
        """`cited` gives what is read at a link to a citation (``?cite=``), as markup."""
        self._app = app
        self._facts = facts
        self._cited = cited

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection."""
        if scope["type"] != "http" or scope["path"] not in ("", "/") or scope["method"] != "GET":
            await self._app(scope, receive, send)
            return
        # Uncompressed from inside, so that it can be read here; compressed again further out.
        plain = [pair for pair in scope["headers"] if pair[0] != b"accept-encoding"]
        link = parse_qs(scope["query_string"].decode("latin-1")).get("cite", [""])[0]
        start: Message = {}
        body = bytearray()

        async def gather(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
                return
            if message["type"] != "http.response.body":
                return
            body.extend(message.get("body", b""))
            if message.get("more_body", False):
                return
            page = bytes(body)
            if start["status"] == 200:
                line, articles = self._facts()
                cited = self._cited(link) if link else ""
                page = dress(page.decode(), line, articles, cited).encode()
            start["headers"] = [h for h in start["headers"] if h[0] != b"content-length"]
            start["headers"].append((b"content-length", str(len(page)).encode()))
            await send(start)
            await send({"type": "http.response.body", "body": page})

        await self._app({**scope, "headers": plain}, receive, gather)


def render_leaves(model: ModelPlace | None) -> str:
    """Where what is asked goes; where some of it leaves, it stands folded at the question box."""
    if model is None or model.here:
        said = words("leaves.here", model=model.name) if model else words("leaves.nowhere")
        return f'<p class="leaves">{said}</p>'
    place = model.host or model.name.partition(":")[0]
    return (
        f'<details class="leaves"><summary>{words("leaves.away", place=place)}</summary>'
        f"<p>{words('leaves.away_more', model=model.name)}</p></details>"
    )


def render_welcome(
    articles: Mapping[str, Article], examples: tuple[str, ...], line: str, rewords: bool = False
) -> str:
    """What stands there before the first question; `rewords` as in `ModelPlace`."""
    chips = f"<h3>{words('welcome.examples')}</h3>{render_chips(examples)}" if examples else ""
    return (
        f'<div class="welcome"><span hidden data-emergency>{reachable(line)}</span>'
        f'<h2>{words("welcome.heading")}</h2><p class="intro">{_lead(rewords)}</p>'
        f"{chips}<h3>{words('welcome.articles')}</h3>{render_article_list(articles)}</div>"
    )


def _lead(rewords: bool) -> str:
    return words("welcome.lead_reworded" if rewords else "welcome.lead")


def render_progress(message: str, fraction: float, rewords: bool = False) -> str:
    """The first run: what is being done and how far it is."""
    percent = max(0, min(100, round(fraction * 100)))
    return (
        f'<div class="welcome"><h2>{words("welcome.heading")}</h2>'
        f'<p class="intro">{_lead(rewords)}</p>'
        f'<div class="loading"><p id="loading-text">{words("waiting.loading")}</p>'
        f'<div class="track" role="progressbar" aria-labelledby="loading-text" aria-valuemin="0" '
        f'aria-valuemax="100" aria-valuenow="{percent}"><i style="width:{percent}%"></i></div>'
        f'<p class="doing">{escape(message)} · {percent} %</p></div></div>'
    )


def render_not_started(reason: str) -> str:
    """The assistant cannot start: the operator's sentence."""
    return (
        f'<div class="welcome"><div class="answer calm error" role="alert">'
        f'<h3 class="form">{words("waiting.failed")}</h3><p>{escape(reason)}</p></div></div>'
    )


def render_reading(
    article: Article, cited: Citation | None, also: list[Span], note: str = ""
) -> str:
    """An article for the panel or for a page of its own; `note` stands right above it."""
    body = f'<p class="moved">{escape(note)}</p>' if note else ""
    body += render_article(article, cited.span if cited else None, also)
    given = f' data-cited="{escape(cited.id)}@{cited.sha256[:8]}"' if cited else ""
    return f'<article class="reading"{given}>{body}</article>'


def render_changed(was: str, now: Citation | None) -> str:
    """What a citation's article said when its link was made, and what is most like it now."""
    found = f"<p>{words('panel.gone')}</p>"
    if now:
        found = f"<h3>{words('panel.now')}</h3>{render_quotes([now])}"
    return (
        '<div class="reading list">'
        f'<h2 id="panel-title" tabindex="-1">{words("panel.changed")}</h2>'
        f"<h3>{words('panel.was')}</h3>"
        f'<blockquote class="quote was"><p>{escape(was)}</p></blockquote>'
        f"{found}</div>"
    )


def render_reading_list(articles: Mapping[str, Article], missing: str = "") -> str:
    """All articles, with a sentence where another one was asked for."""
    note = f'<p class="said">{escape(missing)}</p>' if missing else ""
    return (
        f'<div class="reading list"><h2 id="panel-title" tabindex="-1">{words("panel.list")}</h2>'
        f"{note}<p>{words('panel.list_lead')}</p>{render_article_list(articles)}"
        f'<p><a class="button place-button" href="claim">{icons.SEARCH}'
        f"{_short('page.claim_button')}</a></p></div>"
    )


def render_look_up() -> str:
    """The place where a sentence is traced and a citation looked up."""
    return (
        f'<div class="reading list"><h2 id="panel-title" tabindex="-1">{words("claim.heading")}'
        f"</h2><p>{words('claim.lead')}</p>{_claim_form('')}</div>"
    )


def _claim_form(heading: str) -> str:
    title = f"<h3>{words(heading)}</h3>" if heading else ""
    return (
        f'<form class="claim" method="post" action="claim">{title}'
        f'<label for="claim">{words("claim.label")}</label>'
        f'<textarea id="claim" name="claim" rows="3" required></textarea>'
        f'<button class="button">{words("claim.send")}</button></form>'
    )


def render_claim(result: ClaimResult) -> str:
    """Who says a claim and who says otherwise, or that none does; with the disclaimer."""
    groups = "".join(
        f"<h3>{words(key)}</h3>{render_quotes(found)}"
        for key, found in (
            ("claim.says", result.says),
            ("claim.other", result.says_otherwise),
            ("claim.near", result.near),
        )
        if found
    )
    nobody = "" if result.says else f'<p class="said">{words("claim.nobody")}</p>'
    return (
        f'<div class="reading list"><h2 id="panel-title" tabindex="-1">{words("claim.result")}'
        f'</h2><p class="asked-claim"><bdi>{escape(result.claim)}</bdi></p>'
        f'{nobody}<div class="groups">{groups}</div>'
        f'{_claim_form("claim.again")}<p class="disclaimer">{escape(result.disclaimer)}</p></div>'
    )


def render_page(title: str, body: str, emergency_line: str, here: str) -> str:
    """A page of its own that needs no script; `here` is its address below the chat page."""
    depth = here.count("/")
    base = "../" * depth or "./"
    name = f"{title} · {text('page.title')}"
    chat = f'<p><a class="button" href="./">{words("panel.to_chat")}</a></p>'
    return (
        f'<!doctype html><html lang="en" class="alone"><head><meta charset="utf-8">'
        f'<base href="{base}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"{_head(name)}</head><body>"
        f"{render_header(emergency_line, f'{here}#reading')}"
        f'<main id="reading" tabindex="-1">{body}{chat}</main>{render_footer()}</body></html>'
    )
