"""Sixty strings that want to be more than text, and a corpus whose files are made of them."""

from __future__ import annotations

import re
from pathlib import Path

from assistant.corpus import article_id_of

HOSTILE = (
    # scripts and handlers
    "<script>window.hit=1</script>",
    "<script src=//a.example/x.js></script>",
    "<script type=module>window.hit=1</script>",
    "<img src=x onerror=window.hit=1>",
    "<img src='x' onerror='window.hit=1'/>",
    "<svg onload=window.hit=1>",
    "<svg><script>window.hit=1</script></svg>",
    "<svg><animate onbegin=window.hit=1 attributeName=x dur=1s>",
    "<body onload=window.hit=1>",
    "<details open ontoggle=window.hit=1>",
    "<input autofocus onfocus=window.hit=1>",
    "<video><source onerror=window.hit=1></video>",
    "<marquee onstart=window.hit=1>",
    '" onmouseover="window.hit=1',
    "' autofocus onfocus='window.hit=1' x='",
    "`onmouseover=window.hit=1`",
    "<a href=javascript:window.hit=1>x</a>",
    "javascript:window.hit=1",
    "java\tscript:window.hit=1",
    "data:text/html,<script>window.hit=1</script>",
    # out of where it stands
    "</textarea><script>window.hit=1</script>",
    "</title><script>window.hit=1</script>",
    "</noscript><script>window.hit=1</script>",
    "</template><img src=x onerror=window.hit=1>",
    "</section></div><h1>Covered</h1>",
    "--><script>window.hit=1</script><!--",
    "]]><script>window.hit=1</script>",
    "<noscript><p title='</noscript><img src=x onerror=window.hit=1>'>",
    "<math><mtext><table><mglyph><style><img src=x onerror=window.hit=1>",
    "<<img src=x onerror=window.hit=1>>",
    # what loads, sends or covers
    "<img src=//a.example/x.png>",
    "<video src=//a.example/x poster=//a.example/y>",
    "<iframe src=//a.example/></iframe>",
    "<iframe srcdoc='<script>parent.hit=1</script>'></iframe>",
    "<object data=//a.example/x></object>",
    "<embed src=//a.example/x>",
    "<link rel=stylesheet href=//a.example/x.css>",
    "<base href=//a.example/>",
    "<meta http-equiv=refresh content='0;url=//a.example/'>",
    "<form action=//a.example><button>Send</button></form>",
    "<style>*{display:none}</style>",
    "<style>@import '//a.example/x.css';</style>",
    "<div style='position:fixed;inset:0;background:red'>x</div>",
    "<p style=background:url(//a.example/x)>",
    # Markdown and templates
    "![x](https://a.example/x.png)",
    "[x](javascript:window.hit=1)",
    "<https://a.example/>",
    "[x]: https://a.example/ 'x'",
    "```html\n<script>window.hit=1</script>\n```",
    "${window.hit=1}",
    "${alert(1)}",
    "`${window.hit=1}`",
    "{{value}} {{this}}",
    "{{#each value}}x{{/each}}",
    "{% raw %}{{7*7}}{% endraw %}",
    "#{window.hit=1} <%= window.hit=1 %>",
    # characters
    "\u202etxt.exe\u202c \u2066x\u2069",
    "a\x00b\x1b[31mc\x07",
    "x\ufeff\u200b\u200d\ufffe e\u0301\u0302\u0303",
    "😀👩‍👩‍👧‍👦\U0001f1ea\U0001f1fa &lt;script&gt; &#60;b&#62; \\u003cscript>",
)


def write_hostile_corpus(folder: Path) -> list[str]:
    """One article for each string, which is its name, its title and among its words.

    Returns:
        The ids, in the strings' order; what no file name may hold is a low line in them.
    """
    ids = []
    for number, text in enumerate(HOSTILE):
        name = f"{number:02}-" + re.sub(r"[:@/\s\x00]", "_", text)
        text = text.replace("\0", "")  # A file with a null byte is no article.
        words = text.replace("\n", " ")
        body = f"{words} {number}\n\nThe hip moves. {text} and the knee {number} bends with it.\n"
        (folder / f"{name}.txt").write_text(body, "utf-8")
        ids.append(article_id_of(Path(f"{name}.txt")))
    return ids
