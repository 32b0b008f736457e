"""`penjing evaluate`: perplexity of a model, what it kept of a baseline, or its score in tasks."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from typing import TYPE_CHECKING

from penjing.app.evaluating import WINDOWS, evaluate
from penjing.cli import passphrases
from penjing.cli.options import path, threads, whole
from penjing.cli.output import Output
from penjing.core.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from penjing.core.report import Measurement, Report

EXAMPLES: Mapping[str, str] = {
    "evaluate": """
        penjing evaluate small/ --baseline smollm2-135m-instruct
        penjing evaluate model.gguf --text held-out.txt --json
        penjing evaluate --texts written.txt --references wanted.txt
        penjing evaluate small/ --baseline smollm2-135m-instruct --tasks piqa --keep 'piqa>=-1.0pt'
    """,
}

_TITLES = {
    "perplexity": "perplexity",
    "baseline_perplexity": "perplexity of the baseline",
    "perplexity_ratio": "perplexity ratio",
    "kld_mean": "KLD mean",
    "kld_median": "KLD median",
    "kld_p99": "KLD 99%",
    "kld_max": "KLD max",
    "same_top": "same-top",
    "prob_delta_rms": "probability change, RMS",
}


def register(parser: ArgumentParser, command: str) -> None:  # noqa: ARG001
    """Add the arguments of the command."""
    parser.add_argument(
        "model",
        nargs="?",
        help="a model's name, a .gguf file, a bundle (sealed or not) or a Hugging Face folder",
    )
    parser.add_argument("--baseline", metavar="MODEL", help="compare with this model")
    parser.add_argument(
        "--text",
        metavar="FILE|NAME",
        help="held-out text, UTF-8 (default: encyclopedia)",
    )
    parser.add_argument(
        "--tasks",
        metavar="NAME,...",
        help="ask these questions instead: names of penjing list, files of JSON lines, or all",
    )
    parser.add_argument(
        "--limit", type=whole(1), metavar="N", help="questions of each task, drawn by the seed"
    )
    parser.add_argument(
        "--keep",
        action="append",
        default=[],
        metavar="FLOOR",
        help="exit 1 unless it holds: 'piqa>=-1.0pt' (against the baseline) or 'piqa>=60%%'",
    )
    parser.add_argument(
        "--texts",
        type=path,
        metavar="FILE",
        help="measure these texts instead, a line each: how varied they are",
    )
    parser.add_argument(
        "--references",
        type=path,
        metavar="FILE",
        help="what each line of --texts should say: BLEU, chrF, ROUGE",
    )
    parser.add_argument(
        "--questions",
        type=path,
        metavar="FILE",
        help="what each line of --texts answers: relevance, by embeddings",
    )
    parser.add_argument(
        "--under", metavar="MODEL", help="fluency: how likely --texts are to this model"
    )
    parser.add_argument(
        "--context",
        type=whole(16),
        help="tokens in a window (default: 512), or that a question may fill (default: 2048)",
    )
    parser.add_argument(
        "--windows",
        type=_windows,
        metavar="N|all",
        help=f"windows of the text to read (default: {WINDOWS})",
    )
    parser.add_argument(
        "--seed", type=whole(0), default=0, help="seed of the intervals (default: 0)"
    )
    passphrases.register(parser, "--model-passphrase-file")
    parser.add_argument("--threads", type=threads, help="cores to use (default: all)")


_ALL = -1
"""Windows of the text: every one."""
_NEEDS = {
    "references": "--texts FILE", "questions": "--texts FILE", "under": "--texts FILE",
    "limit": "--tasks NAME", "keep": "--tasks NAME", "tasks": "a MODEL",
    "text": "a MODEL and no --tasks", "windows": "a MODEL and no --tasks",
    "baseline": "a MODEL", "context": "a MODEL",
}  # fmt: skip
"""What an option goes with, where not with all three ways to evaluate."""


def _refuse_strange(args: Namespace) -> None:
    """UsageError for an option of another way to evaluate: nothing is ignored in silence."""
    if (args.model is None) == (args.texts is None):
        raise UsageError("give a MODEL, or --texts FILE with or without --references FILE")
    there = {"--texts FILE"} if args.model is None else {"a MODEL"}
    if args.model is not None:
        there.add("a MODEL and no --tasks" if args.tasks is None else "--tasks NAME")
    for name, needs in _NEEDS.items():
        if needs not in there and getattr(args, name) not in (None, []):
            raise UsageError(f"--{name} goes with {needs}: give that, or leave it out")


def run(args: Namespace) -> int:
    """Measure, and show the report."""
    _refuse_strange(args)
    output = Output(args.json, quiet=args.quiet)
    if args.texts is not None and args.model is None:
        from penjing.app.evaluating_texts import evaluate_texts
        from penjing.cli.task_table import draw_texts

        texts = evaluate_texts(
            args.texts,
            args.references,
            questions=args.questions,
            under=args.under,
            seed=args.seed,
            threads=args.threads,
            progress=output.progress(),
        )
        output.emit(texts.document(), lambda console: draw_texts(texts, console))
        return 0
    if args.tasks is not None:
        from penjing.app.evaluating_tasks import CONTEXT, evaluate_tasks
        from penjing.cli.task_table import draw

        found = evaluate_tasks(
            args.model,
            [name.strip() for name in args.tasks.split(",") if name.strip()],
            args.baseline,
            limit=args.limit,
            keep=args.keep,
            context=args.context or CONTEXT,
            seed=args.seed,
            threads=args.threads,
            progress=output.progress(),
            words=passphrases.model_words(args.model_passphrase_file),
        )
        output.emit(found.document(), lambda console: draw(found, console))
        return 0 if found.held else 1
    report = evaluate(
        args.model,
        args.baseline,
        "encyclopedia" if args.text is None else args.text,
        context=args.context or 512,
        windows=None if args.windows == _ALL else args.windows or WINDOWS,
        seed=args.seed,
        threads=args.threads,
        progress=output.progress(),
        words=passphrases.model_words(args.model_passphrase_file),
    )
    output.emit(report.document(), lambda console: _draw(report, console))
    return 0


def _windows(text: str) -> int:
    return _ALL if text == "all" else whole(1)(text)


def _draw(report: Report, console: Console) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for title, right in (("metric", False), ("value", True), ("95% interval", False)):
        table.add_column(title, justify="right" if right else "left", no_wrap=True)
    for item in report.measurements:
        table.add_row(_TITLES.get(item.metric, item.metric), _value(item), _interval(item))
    against = f" against {report.baseline}" if report.baseline else ""
    console.print(f"{report.model}{against}\n", style="bold", markup=False)
    console.print(table)
    positions = report.measurements[0].n
    console.print(
        f"\n{positions} positions in {report.windows} windows of {report.context} tokens of "
        f"{report.text}; {report.engine}; {report.hardware['processor']}, "
        f"{report.hardware['threads']} threads",
        style="dim",
        markup=False,
    )


def _value(item: Measurement) -> str:
    unit = " nats" if item.unit == "nats" else ""
    return _number(item.value, item.unit) + unit


def _interval(item: Measurement) -> str:
    low, high = (None if end is None else _number(end, item.unit) for end in (item.low, item.high))
    if low is None:
        return "not known" if high is None else f"up to {high}"
    return f"from {low}, no upper limit" if high is None else f"{low} to {high}"


def _number(value: float, unit: str) -> str:
    if unit == "share":
        return f"{100 * value:.2f}%"
    return f"{value:.4f}" if abs(value) < 100 else f"{value:.1f}"
