"""The chat page: an ``Answer`` in the browser, its sources beside it. Decides nothing.

``python ui.py`` starts it. Gradio has its home here; markup, texts, routes and the guard before
them are in ``assistant.page``, the API and the server in ``assistant.web``. No question is
written to any log, and a conversation is forgotten a while after its page was closed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Final

from assistant.errors import AssistantError
from assistant.leaving import ModelPlace, place_of_model
from assistant.page import handover, reading, shell
from assistant.page.closed import Heartbeats, Pages
from assistant.page.feedback import FeedbackFile
from assistant.page.guard import App, Guard, Rules
from assistant.page.markup import STATIC, text
from assistant.page.routes import add_reading, add_status
from assistant.page.session import (
    AssistantProtocol,
    Load,
    Loader,
    Session,
    ask_again,
    converse,
    country_of,
    welcome,
)
from assistant.settings import Serving, Settings, quiet_environment
from assistant.types import Progress
from assistant.web.extra import import_mcp_server
from assistant.web.limits import Gate, Limiter, Password, client_in
from assistant.web.listening import listen, server_config, watch_loading
from assistant.web.memory import share_heaps
from assistant.web.options import add_options, read_serving
from assistant.web.watch import Watch, log_to_stderr, observe

if TYPE_CHECKING:
    import fastapi
    import gradio as gr

    from assistant.web.service import Service

_BESIDE_PLACES: Final = 40


def build_app(
    load: Load,
    serving: Serving | None = None,
    feedback: FeedbackFile | None = None,
    model: ModelPlace | None = None,
) -> fastapi.FastAPI:
    """The page and the API as an application; `load` is called once, in a thread, at its start.

    ``app.state.loader`` tells how the loading stands. Without `serving` nothing is limited but
    what one request may carry and how many may wait. Readers are asked what is wrong with an
    answer only where there is a file for it.

    Args:
        model: the language model that is asked, if any; the page says where it runs.

    Raises:
        AssistantError: the file of the password cannot be used, or an extra is not installed.
    """
    quiet_environment()
    import gradio
    from fastapi import FastAPI
    from fastapi.staticfiles import StaticFiles
    from starlette.middleware.gzip import GZipMiddleware

    from assistant.web.api import Beside, build_api
    from assistant.web.errors import answer_errors
    from assistant.web.service import Service

    serving = serving or Serving()
    watch = Watch(serving.metrics is not False, serving.log_requests)
    pages = Pages(serving.keep_seconds)
    loader = Loader(lambda progress: observe(load(progress), watch))
    gate = Gate(serving.concurrent, serving.max_waiting, serving.timeout_seconds)
    service = Service(loader, gate, serving.max_question_chars)
    mcp = import_mcp_server() if serving.mcp else None
    tools = mcp.build_http(service, loader) if mcp else None
    password = Password.load(serving.password_file) if serving.password_file else None
    api = build_api(service, serving.root_path, locked=password is not None)
    rules = Rules(
        max_body_bytes=serving.max_body_bytes,
        body_seconds=serving.timeout_seconds,
        root_path=serving.root_path,
        limiter=Limiter(serving.requests_per_minute) if serving.requests_per_minute else None,
        password=password,
        watch=watch,
        methods=api.state.methods,
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        loader.start()
        async with pages.run(mounted.app), tools.run() if tools else nullcontext():
            yield

    app = FastAPI(
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,  # A redirection would repeat the name of the host.
    )
    app.state.loader = loader
    add_status(app, loader, watch)
    add_reading(app, loader, gate)
    app.mount("/page", StaticFiles(directory=STATIC))
    gradio.mount_gradio_app(
        app,
        _build_blocks(loader, service, gate, serving, feedback, model),
        path="/",
        footer_links=[],
        run_history=False,
        show_error=False,
        ssr_mode=False,
        pwa=False,
        enable_monitoring=False,
        mcp_server=False,
        max_file_size=0,
        theme=gradio.themes.Base(
            font=(gradio.themes.Font("system-ui"), gradio.themes.Font("sans-serif")),
            font_mono=(gradio.themes.Font("ui-monospace"), gradio.themes.Font("monospace")),
        ),
    )
    answer_errors(app)
    mounted: Any = app.routes[-1]
    answer_errors(mounted.app)  # Gradio's own.
    mounted.app.router.redirect_slashes = False
    app.add_middleware(Heartbeats, pages=pages, holder=mounted.app.state_holder)
    app.add_middleware(
        shell.Dressed,
        facts=loader.facts,
        cited=lambda link: reading.read_link(loader.assistant, link).body,
    )
    others: dict[str, App] = {"/api": api}
    if mcp and tools:
        others["/mcp"] = mcp.Plain(tools.handle_request)
    app.add_middleware(Beside, others=others)
    app.add_middleware(GZipMiddleware, minimum_size=800)
    app.add_middleware(Guard, rules=rules)
    return app


def _build_blocks(
    loader: Loader,
    service: Service,
    gate: Gate,
    serving: Serving,
    feedback: FeedbackFile | None,
    model: ModelPlace | None,
) -> gr.Blocks:
    import gradio

    from assistant.web.client_endpoint import build_endpoint, keep_quiet

    def country(request: gradio.Request) -> str:
        return country_of(request.headers.get("accept-language", ""))

    async def on_question(
        question: str, session: Session, request: gradio.Request
    ) -> AsyncIterator[tuple[str, Any, Any]]:
        session.client = client_in(request)
        box: Any = "" if question and question.strip() else gradio.skip()
        async for shown in converse(question or "", session, loader, country(request), gate):
            yield shown, box, session
            box = gradio.skip()  # What is typed while an answer is on its way stays.

    async def on_chip(
        session: Session, event: gradio.EventData, request: gradio.Request
    ) -> AsyncIterator[tuple[str, Any]]:
        session.client = client_in(request)
        async for shown in converse(str(event.question), session, loader, country(request), gate):
            yield shown, session

    async def on_again(
        session: Session, event: gradio.EventData, request: gradio.Request
    ) -> AsyncIterator[tuple[str, Any]]:
        session.client = client_in(request)
        async for shown in ask_again(event.turn, session, loader, country(request), gate):
            yield shown, session

    async def on_stop(session: Session) -> str:
        session.stop()
        return session.markup()

    async def on_take(session: Session, event: gradio.EventData) -> str:
        return handover.hand_file(session, str(event.form))

    async def on_note(session: Session, event: gradio.EventData) -> str:
        said = event.turn, str(event.reason), str(event.citation), event.agreed is True
        return handover.note_feedback(session, feedback, *said)

    async def on_clear(session: Session) -> tuple[str, str, Session]:
        session.clear()
        return "", "", session

    async def on_load() -> AsyncIterator[str]:
        async for shown in welcome(loader, bool(model and model.rewords)):
            yield shown

    # The names are in this module only for Gradio, which resolves annotations by them.
    for told in (on_chip, on_again, on_take, on_note):
        told.__annotations__["event"] = gradio.EventData
    for asks in (on_question, on_chip, on_again):
        asks.__annotations__["request"] = gradio.Request
    plain: dict[str, Any] = {
        "apply_default_css": False,
        "container": False,
        "js_on_load": _EVENTS,
        "padding": False,
    }
    blocks: gr.Blocks = gradio.Blocks(
        title=text("page.title"), analytics_enabled=False, fill_width=True
    )
    with blocks:
        session = gradio.State(
            Session(feedback is not None, max_question_chars=serving.max_question_chars)
        )
        start = gradio.HTML(elem_id="welcome", **plain)
        conversation = gradio.HTML(elem_id="conversation", **plain)
        handed = gradio.HTML(elem_id="handed", **plain)
        with gradio.Column(elem_id="composer"):
            gradio.HTML(shell.render_leaves(model), elem_id="leaves", **plain)
            with gradio.Row(elem_id="box"):
                question = gradio.Textbox(
                    label=text("box.label"),
                    placeholder=text("box.placeholder"),
                    elem_id="question",
                    lines=1,
                    max_lines=6,
                    container=False,
                )
                clear = gradio.Button(text("box.clear"), elem_id="clear")
                send = gradio.Button(text("box.send"), elem_id="send", variant="primary")
        asking: dict[str, Any] = {
            "show_progress": "hidden",
            "concurrency_limit": None,  # The gate lets clients take turns; a queue does not.
            "api_visibility": "private",
            "trigger_mode": "multiple",  # By default what is sent meanwhile is dropped.
        }
        gradio.on(
            [question.submit, send.click],
            on_question,
            [question, session],
            [conversation, question, session],
            **asking,
        )
        for place in (start, conversation):
            place.ask(on_chip, [session], [conversation, session], **asking)
        conversation.again(on_again, [session], [conversation, session], **asking)
        at_once: dict[str, Any] = {
            "show_progress": "hidden",
            "queue": False,
            "api_visibility": "private",
        }
        conversation.stop(on_stop, [session], [conversation], **at_once)
        conversation.take(on_take, [session], [handed], **at_once)
        conversation.note(on_note, [session], [handed], **at_once)
        clear.click(on_clear, [session], [conversation, question, session], **at_once)
        blocks.load(
            on_load,
            None,
            [start],
            show_progress="hidden",
            concurrency_limit=None,
            api_visibility="private",
        )
        gradio.events.api(build_endpoint(service), api_name="ask", concurrency_limit=None)
    places = serving.concurrent + serving.max_waiting
    # What the queue runs at a time: all that the gate has a place for, and those it turns away.
    usual, blocks.max_threads = blocks.max_threads, places + _BESIDE_PLACES
    blocks.queue(
        max_size=places,
        api_open=False,  # Nothing that has a queue is called around it.
    )
    keep_quiet(blocks)
    blocks.max_threads = usual
    return blocks


# The page's own script tells of all but the chips, which ask without it too.
_EVENTS: Final = """
element.dataset.events = '';
element.addEventListener('click', (click) => {
  const chip = click.target.closest('[data-ask]');
  if (chip) trigger('ask', {question: chip.dataset.ask});
});
for (const name of ['again', 'stop', 'take', 'note'])
  element.addEventListener(name, (told) => trigger(name, told.detail));
"""


def load_from(settings: Any) -> Load:
    """`load` for `build_app`, with the real assistant."""

    def load(progress: Progress) -> AssistantProtocol:
        from assistant.live import LiveAssistant

        return LiveAssistant(settings, progress)

    return load


def main(argv: Sequence[str] | None = None) -> int:
    """Serve the page until it is stopped.

    Returns:
        0 when it was stopped, 1 for what the operator can repair, in one line on stderr.
    """
    parser = argparse.ArgumentParser(prog="ui.py", description="The chat page in the browser.")
    add_options(parser)
    return serve(parser.parse_args(argv))


def serve(options: argparse.Namespace) -> int:
    """As `main`, with the options of `add_options`."""
    quiet_environment()
    share_heaps()
    try:
        settings = Settings.from_environment(
            corpus=options.corpus, chat_model=options.chat_model, chat_mode=options.chat_mode
        )
        serving = read_serving(options)
        feedback = FeedbackFile(settings.feedback) if settings.feedback else None
        app = build_app(load_from(settings), serving, feedback, place_of_model(settings))
        listening = listen(options.host, options.port)
    except AssistantError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if serving.log_requests:
        log_to_stderr()
    import uvicorn

    server = uvicorn.Server(server_config(app, serving))
    loader: Loader = app.state.loader
    watch_loading(loader, server)
    host = f"[{options.host}]" if ":" in options.host else options.host
    print(
        f"The page is at http://{host}:{listening.getsockname()[1]}/ (stop with Ctrl-C)", flush=True
    )
    try:
        server.run(sockets=[listening])
    except KeyboardInterrupt:
        return 0
    finally:
        listening.close()
    return 1 if loader.failure else 0


if __name__ == "__main__":
    raise SystemExit(main())
