"""The command line: answers on stdout, everything else on stderr; no decisions.

Exit 0 for any answer, 1 for what an operator can repair (one line says what), 2 for misuse.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from assistant import __version__
from assistant.errors import AssistantError, UsageError
from assistant.settings import Serving, Settings, quiet_environment
from assistant.types import Turn
from assistant.web.options import add_chat_options, add_options

if TYPE_CHECKING:
    from assistant.pipeline import Assistant

_ROLES: Final = ("user", "assistant")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # Half of a surrogate pair becomes its escape, which is the same in JSON.
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    quiet_environment()
    parser = _parser()
    arguments = parser.parse_args(argv)
    try:
        code = arguments.run(arguments, parser)
        return int(code or 0)
    except AssistantError as error:
        print(f"knee-hip: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    except OSError as error:
        print(f"knee-hip: {error}; check the disk and the output", file=sys.stderr)
        return 1
    except MemoryError:
        print("knee-hip: there is not enough memory; free some", file=sys.stderr)
        return 1
    except ImportError as error:
        print(
            f"knee-hip: {error}; install it again with the README's command, or free some memory",
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        print("knee-hip: stopped", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="knee-hip",
        description="Answers in the exact words of a folder of articles.",
        epilog="It gives general information and does not diagnose.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    def command(name: str, run: Any, help: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=help, description=help)
        sub.set_defaults(run=run)
        return sub

    def corpus(sub: argparse.ArgumentParser) -> None:
        sub.add_argument("--corpus", type=_path, metavar="FOLDER", help="folder of articles")

    def as_json(sub: argparse.ArgumentParser) -> None:
        sub.add_argument("--json", action="store_true", help="print JSON")

    ask = command("ask", _ask, "one answer, or one for each line of a file")
    ask.add_argument("question", nargs="*", help="the question")
    ask.add_argument("--batch", metavar="FILE", help="JSON lines to answer; - for stdin")
    as_json(ask)
    corpus(ask)
    add_chat_options(ask)
    ingest = command("ingest", _ingest, "index a corpus folder; only what changed is read again")
    _add_ingest_arguments(ingest)
    cite = command("cite", _cite, "a citation in its place")
    cite.add_argument("id", help="for example gluteus-medius-rehab:763-851")
    as_json(cite)
    corpus(cite)
    claim = command("claim", _claim, "which sentences say this, which say otherwise")
    claim.add_argument("text", help="a sentence")
    as_json(claim)
    corpus(claim)
    verify = command("verify", _verify, "check every quote of an exported conversation")
    verify.add_argument("file", type=Path, help="an exported JSON file")
    corpus(verify)
    doctor = command("doctor", _doctor, "what is installed and whether it fits together")
    as_json(doctor)
    corpus(doctor)
    add_chat_options(doctor)
    add_options(command("ui", _ui, "the chat page and the API for programs"))
    mcp = command("mcp", _mcp, "tools for a language model's client, over stdin and stdout (MCP)")
    corpus(mcp)
    return parser


def _path(given: str) -> Path:
    """A path; an empty one, which would be the current folder, is a mistake."""
    if not given:
        raise argparse.ArgumentTypeError("is empty; name a folder")
    return Path(given)


def _add_ingest_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", nargs="?", type=_path, help="folder of articles, or one file")
    parser.add_argument("--force", action="store_true", help="build it anew")
    parser.add_argument("--strict", action="store_true", help="stop at a file that cannot be used")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--questions",
        action="store_true",
        help="let the language model add questions to questions-by-model.jsonl in the folder, to "
        "be read and corrected; with --dry-run say how many requests that takes",
    )
    add_chat_options(parser)
    only = parser.add_mutually_exclusive_group()
    only.add_argument(
        "--dry-run", action="store_true", help="say what would be done; build nothing"
    )
    only.add_argument(
        "--explain",
        action="store_true",
        help="list what is left out of the articles and why; build nothing",
    )
    only.add_argument(
        "--texts",
        type=Path,
        metavar="FILE",
        help="write what would have to be encoded as JSON lines; build nothing",
    )
    only.add_argument(
        "--vectors",
        type=Path,
        metavar="FILE",
        help="take vectors that were computed elsewhere (.npz with `sha256` and `vectors`)",
    )


def _ask(arguments: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    from assistant.render import answer_to_json, render_answer

    if (not arguments.question) == (arguments.batch is None):
        parser.error("ask: give one QUESTION, or --batch FILE")
    if arguments.batch is not None:
        if not arguments.json:
            parser.error("ask: --batch needs --json")
        return _ask_batch(arguments)
    answer = _assistant(arguments).ask(" ".join(arguments.question))
    print(_dump(answer_to_json(answer)) if arguments.json else render_answer(answer))
    return 0


def _ask_batch(arguments: argparse.Namespace) -> int:
    from assistant.render import answer_to_json

    rows = list(_iter_batch(arguments.batch))
    if not rows:
        return 0
    answers = _assistant(arguments).ask_many((question, history) for _, question, history in rows)
    for (id_, _, _), answer in zip(rows, answers, strict=True):
        print(json.dumps({"id": id_, **answer_to_json(answer)}), flush=True)
    return 0


def _iter_batch(name: str) -> Iterator[tuple[Any, str, tuple[Turn, ...]]]:
    """(id, question, history) of every line.

    Raises:
        UsageError: names the file, the line and what is wrong; nothing was answered yet.
    """
    try:
        with _open(name) as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield _parse_row(name, number, line)
    except OSError as error:
        raise UsageError(
            f"{name}: cannot be read ({error.strerror}); name a file of JSON lines"
        ) from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{name}: not UTF-8 at byte {error.start}; save it as UTF-8") from error


def _open(name: str) -> IO[str]:
    if name != "-":
        return open(name, encoding="utf-8-sig", newline="\n")
    if sys.stdin is None:
        raise UsageError("-: there is no standard input; name a file of JSON lines")
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(encoding="utf-8-sig", newline="\n")
    return sys.stdin


def _parse_row(name: str, number: int, line: str) -> tuple[Any, str, tuple[Turn, ...]]:
    try:
        row = json.loads(line, parse_constant=_no_constant)
        if not isinstance(row, dict) or not {"id", "question"} <= set(row):
            raise ValueError("not an object with `id` and `question`")
        if not isinstance(row["question"], str):
            raise ValueError("`question` is not a string")
        history = row.get("history") or []
        if not isinstance(history, list) or not all(_is_turn(turn) for turn in history):
            raise ValueError("`history` is not a list of {role: user or assistant, content: text}")
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{name}:{number}: {error}; correct the line") from error
    turns = tuple(Turn(turn["role"], turn["content"]) for turn in history)
    return row["id"], row["question"], turns


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _is_turn(turn: Any) -> bool:
    return (
        isinstance(turn, dict)
        and turn.get("role") in _ROLES
        and isinstance(turn.get("content"), str)
    )


def _ingest(arguments: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    from assistant.ingesting import run

    if arguments.questions and (arguments.explain or arguments.texts or arguments.vectors):
        parser.error("ingest: --questions goes with neither --explain, --texts nor --vectors")
    arguments.corpus = arguments.path
    return run(arguments, _settings(arguments))


def _cite(arguments: argparse.Namespace, _: argparse.ArgumentParser) -> int:
    from assistant.citations import cite
    from assistant.corpus import read_corpus
    from assistant.render import context_to_json, render_context
    from assistant.texts import TextStore

    settings = _settings(arguments)
    texts = TextStore(settings.index_folder)
    context = cite(read_corpus(settings.corpus, texts).articles, arguments.id, texts)
    print(_dump(context_to_json(context)) if arguments.json else render_context(context))
    return 0


def _claim(arguments: argparse.Namespace, _: argparse.ArgumentParser) -> int:
    from assistant.render import claim_to_json, render_claim

    result = _assistant(arguments).claim(arguments.text)
    print(_dump(claim_to_json(result)) if arguments.json else render_claim(result))
    return 0


def _verify(arguments: argparse.Namespace, _: argparse.ArgumentParser) -> int:
    from assistant.corpus import read_corpus
    from assistant.texts import TextStore
    from assistant.verify import verify_export

    settings = _settings(arguments)
    texts = TextStore(settings.index_folder)
    articles = read_corpus(settings.corpus, texts).articles
    replayed = verify_export(arguments.file, articles, texts)
    wrong = [quote for quote in replayed if quote.problem]
    for quote in wrong:
        print(f"{quote.id}: {quote.problem}")
    print(f"{len(replayed) - len(wrong)} of {len(replayed)} quotes stand in the articles as given")
    return 1 if wrong else 0


def _doctor(arguments: argparse.Namespace, _: argparse.ArgumentParser) -> int:
    from assistant.doctor import examine

    facts = examine(_settings(arguments))
    if arguments.json:
        print(_dump(facts))
    else:
        for name, value in facts.items():
            if isinstance(value, dict):
                print(f"{name}:")
                for key, fact in value.items():
                    print(f"  {key}: {fact}")
            elif name != "problems":
                print(f"{name}: {value}")
        for problem in facts["problems"] or ("none",):
            print(f"problem: {problem}")
    return 1 if facts["problems"] else 0


def _ui(arguments: argparse.Namespace, _: argparse.ArgumentParser) -> int:
    import ui

    return ui.serve(arguments)


def _mcp(arguments: argparse.Namespace, _: argparse.ArgumentParser) -> int:
    from assistant.live import LiveAssistant
    from assistant.progress import shown_progress
    from assistant.web.extra import import_mcp_server

    settings = _settings(arguments)
    with shown_progress() as progress:
        import_mcp_server().serve_stdio(
            lambda _: LiveAssistant(settings, progress), Serving.from_environment()
        )
    return 0


def _settings(arguments: argparse.Namespace) -> Settings:
    chat = {name: getattr(arguments, name, None) for name in ("chat_model", "chat_mode")}
    return Settings.from_environment(corpus=arguments.corpus, **chat)


def _assistant(arguments: argparse.Namespace) -> Assistant:
    from assistant.pipeline import build_assistant
    from assistant.progress import shown_progress

    with shown_progress() as progress:
        return build_assistant(_settings(arguments), progress)


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)
