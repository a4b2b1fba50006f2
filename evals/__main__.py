"""``python -m evals``: results on stdout, everything else on stderr.

Exit 0 when done, 1 for an operator's error or a figure below its floor, 2 for misuse.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from assistant.errors import AssistantError, UsageError
from assistant.settings import DEFAULT_CORPUS, quiet_environment
from assistant.web.options import add_chat_options
from evals.benchmarks_command import add_benchmarks
from evals.load_command import add_load
from evals.results import PROJECT, RESULTS, load_result, why_partial

_ERRORS = Console(stderr=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; the exit code."""
    quiet_environment()
    options = _parser().parse_args(arguments)
    try:
        return int(options.command(options))
    except AssistantError as error:
        print(f"evals: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("evals: stopped", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m evals", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    run = commands.add_parser("run", help="ask every case; table, result file and page")
    run.add_argument(
        "--suite",
        type=Path,
        nargs="+",
        default=[],
        metavar="FILE",
        help="cases instead of evals/cases/*.jsonl",
    )
    run.add_argument("--split", choices=("dev", "test", "all"), default="all")
    run.add_argument("--out", type=Path, default=RESULTS, metavar="DIR")
    run.add_argument("--corpus", type=Path, default=DEFAULT_CORPUS, metavar="DIR")
    run.add_argument("--json", action="store_true", help="print the result instead of the table")
    run.add_argument(
        "--show-test",
        action="store_true",
        help="list cases of the test split too; then it is no test any more",
    )
    run.add_argument(
        "--judge",
        default="",
        metavar="MODEL",
        help="also ask a language model, e.g. ollama:llama3.1; sends answers to it",
    )
    add_chat_options(run)
    run.add_argument(
        "--gate",
        action="store_true",
        help="exit 1 if a figure is below its floor in evals/floors.toml",
    )
    run.set_defaults(command=_run)

    compare = commands.add_parser("compare", help="what changed between two result files")
    compare.add_argument("first", type=Path)
    compare.add_argument("second", type=Path)
    compare.add_argument("--json", action="store_true")
    compare.set_defaults(command=_compare)

    feedback = commands.add_parser("import", help="feedback lines → cases to be labelled")
    feedback.add_argument("feedback", type=Path, metavar="FEEDBACK.jsonl")
    feedback.add_argument(
        "--out", type=Path, metavar="FILE", help="default: FEEDBACK.cases.jsonl beside it"
    )
    feedback.add_argument("--corpus", type=Path, default=DEFAULT_CORPUS, metavar="DIR")
    feedback.set_defaults(command=_import)

    add_benchmarks(commands, _ERRORS)

    ablation = commands.add_parser("ablation", help="what each part of finding brings")
    ablation.add_argument("--corpus", type=Path, default=DEFAULT_CORPUS, metavar="DIR")
    ablation.add_argument("--json", action="store_true")
    ablation.set_defaults(command=_ablation)

    bench = commands.add_parser("bench", help="speed and memory as ratios within one run")
    bench.add_argument("--json", action="store_true")
    bench.add_argument("--quick", action="store_true", help="without the part on 100,000 rows")
    bench.add_argument("--corpus", type=Path, default=DEFAULT_CORPUS, metavar="DIR")
    bench.set_defaults(command=_bench)

    floors = commands.add_parser("floors", help="raise evals/floors.toml to a result")
    floors.add_argument("result", type=Path, metavar="RESULT.json")
    floors.set_defaults(command=_floors)

    readme = commands.add_parser("readme", help="write the README's tables from the newest result")
    readme.add_argument("--file", type=Path, default=PROJECT / "README.md", metavar="README")
    readme.set_defaults(command=_readme)

    alarms = commands.add_parser(
        "alarms", help="red flags alone: caught, disguised, raised falsely"
    )
    alarms.add_argument("--json", action="store_true")
    alarms.set_defaults(command=_alarms)

    mutations = commands.add_parser(
        "mutations", help="changed sentences let through by the support check, paraphrases kept"
    )
    mutations.add_argument("--corpus", type=Path, default=DEFAULT_CORPUS, metavar="DIR")
    mutations.add_argument("--json", action="store_true")
    mutations.add_argument(
        "--list", type=Path, metavar="FILE.jsonl", help="also write the mutations, but of test"
    )
    mutations.set_defaults(command=_mutations)

    fuzz = commands.add_parser(
        "fuzz", help="generated messages; counts exceptions and broken promises"
    )
    fuzz.add_argument("--number", type=int, default=1000, metavar="N")
    fuzz.add_argument("--seed", type=int, default=1)
    fuzz.add_argument(
        "--minutes", type=float, default=0.0, help="stop after so many, whatever --number says"
    )
    fuzz.add_argument("--corpus", type=Path, default=DEFAULT_CORPUS, metavar="DIR")
    fuzz.add_argument("--json", action="store_true")
    fuzz.set_defaults(command=_fuzz)

    add_load(commands, _ERRORS)

    safety = commands.add_parser("safety", help="write docs/safety.md from the safety layer's data")
    safety.set_defaults(command=_safety)
    return parser


def _run(options: argparse.Namespace) -> int:
    from evals.gate import applied, iter_breaches, load_floors
    from evals.report import print_failed, print_figures
    from evals.run import RunOptions, run

    floors = load_floors() if options.gate else []
    result, path = run(
        RunOptions(
            corpus=options.corpus,
            suite=tuple(options.suite),
            split=options.split,
            out=options.out,
            show_test=options.show_test,
            judge=options.judge,
            chat_model=options.chat_model or "",
            chat_mode=options.chat_mode or "",
        ),
        _ERRORS,
    )
    if options.json:
        _print_json(result)
    else:
        console = _console()
        print_figures(result, console)
        print_failed(result, console)
    print(f"{path} and {path.with_suffix('.html').name}", file=sys.stderr)
    breaches = list(iter_breaches(result, floors)) if options.gate else []
    for breach in breaches:
        print(f"gate: {breach}", file=sys.stderr)
    if options.gate:
        checked = len(applied(result, floors))
        print(f"gate: {checked} floors checked, {len(breaches)} breaches", file=sys.stderr)
    return 1 if breaches else 0


def _compare(options: argparse.Namespace) -> int:
    from evals.compare import compare, print_comparison

    comparison = compare(load_result(options.first), load_result(options.second))
    if options.json:
        _print_json(comparison)
    else:
        print_comparison(comparison, _console())
    return 0


def _import(options: argparse.Namespace) -> int:
    from evals.feedback import import_feedback, write_cases
    from evals.lines import iter_lines
    from evals.truth import load_truth

    lines = list(iter_lines(options.feedback))
    rows, faults = import_feedback(lines, load_truth(options.corpus).texts)
    for fault in faults:
        print(f"evals: {fault}", file=sys.stderr)
    if not rows:
        raise UsageError(f"{options.feedback}: holds no feedback line with a question")
    out = options.out or options.feedback.with_suffix(".cases.jsonl")
    write_cases(rows, out)
    print(f"{len(rows)} cases to be labelled in {out}")
    print(
        "check gold, alt_gold, kind and expect of each, delete its todo, then put it into "
        "evals/cases/",
        file=sys.stderr,
    )
    return 0


def _ablation(options: argparse.Namespace) -> int:
    from evals.ablation import run_ablation

    figures = run_ablation(options.corpus, _ERRORS)
    if options.json:
        _print_json({n: {m: f.to_json() for m, f in row.items()} for n, row in figures.items()})
        return 0
    measures = list(next(iter(figures.values())))
    print(f"{'dev split':42}" + "".join(f"{measure:>10}" for measure in measures) + "      n")
    for name, row in figures.items():
        values = "".join(f"{row[measure].value:10.3f}" for measure in measures)
        print(f"{name:42}{values}{row[measures[0]].n:7}")
    return 0


def _bench(options: argparse.Namespace) -> int:
    from evals.bench import print_bench, run_bench

    figures = run_bench(options.corpus, _ERRORS, quick=options.quick)
    if options.json:
        _print_json(figures)
    else:
        print_bench(figures, _console())
    return 0


def _floors(options: argparse.Namespace) -> int:
    from evals.gate import load_floors, raised, save_floors

    result = load_result(options.result)
    if why := why_partial(result):
        raise UsageError(f"{options.result}: {why}; floors come from a whole run at a commit")
    before = load_floors()
    after = raised(before, result, options.result.name)
    save_floors(after)
    for old, new in zip(before, after, strict=True):
        if old != new:
            print(f"{new.figure} ({new.split}): {old.limit:g} → {new.limit:g}")
    return 0


def _readme(options: argparse.Namespace) -> int:
    from evals.readme import update_readme

    print(f"{options.file}: table from {update_readme(options.file)}")
    return 0


def _alarms(options: argparse.Namespace) -> int:
    from evals.alarms import measure_alarms, render_alarms

    figures = measure_alarms()
    if options.json:
        _print_json(figures)
    else:
        print(render_alarms(figures), end="")
    return 0


def _mutations(options: argparse.Namespace) -> int:
    from evals.mutations import (
        all_mutations,
        measure_mutations,
        render_mutations,
        write_mutations,
    )

    figures = measure_mutations(options.corpus)
    if options.list:
        write_mutations(all_mutations(options.corpus), options.list)
    if options.json:
        _print_json(figures)
    else:
        print(render_mutations(figures), end="")
    return 0


def _fuzz(options: argparse.Namespace) -> int:
    from evals.cases import load_suite
    from evals.fuzz import render_findings, run_fuzz
    from evals.report import progress
    from evals.run import default_suite_files, open_subject
    from evals.truth import load_truth

    truth = load_truth(options.corpus)
    suite = load_suite(default_suite_files(), load_truth(DEFAULT_CORPUS).texts)
    subject = open_subject(options.corpus, _ERRORS, chat_mode="quotes")
    with progress(_ERRORS) as bar:
        task = bar.add_task("asking", total=options.number)
        findings = run_fuzz(
            subject,
            suite.cases,
            truth,
            options.number,
            options.seed,
            60 * options.minutes,
            lambda done: bar.advance(task, done),
        )
    if options.json:
        print(json.dumps(findings.to_json(), indent=1))
    else:
        print(render_findings(findings))
    return 1 if findings.faults else 0


def _safety(options: argparse.Namespace) -> int:
    from evals.safety import write_page

    print(write_page())
    return 0


def _console() -> Console:
    """For results: wide enough for every table where no terminal says how wide it is."""
    return Console(width=None if sys.stdout.isatty() else 150)


def _print_json(value: Any) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=1))


if __name__ == "__main__":
    sys.exit(main())
