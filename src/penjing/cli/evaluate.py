"""`penjing evaluate`: perplexity of a model, or what it kept of a baseline."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from penjing.cli.options import threads, whole
from penjing.cli.output import Output
from penjing.core.errors import Cancelled

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from penjing.bundle.home import Home
    from penjing.core.progress import Progress
    from penjing.core.report import Measurement, Report
    from penjing.engine.llamacpp import LlamaCpp

EXAMPLES: Mapping[str, str] = {
    "evaluate": """
        penjing evaluate small/ --baseline smollm2-135m-instruct
        penjing evaluate model.gguf --text held-out.txt --json
    """,
}

_WINDOWS = 20
"""Read by default: about 5000 scored positions."""
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


@dataclass(frozen=True)
class _Model:
    """A model file to be opened."""

    name: str
    """What to call it in the report."""
    path: Path
    """The .gguf file."""
    sha256: str
    """Of the file."""


@dataclass(frozen=True)
class _Job:
    """One evaluation, parsed."""

    model: _Model
    baseline: _Model | None
    text_name: str
    text: str
    context: int
    windows: int | None
    seed: int
    threads: int | None


def register(parser: ArgumentParser, command: str) -> None:  # noqa: ARG001
    """Add the arguments of the command."""
    parser.add_argument(
        "model", help="a model's name, a .gguf file, a bundle or a Hugging Face folder"
    )
    parser.add_argument("--baseline", metavar="MODEL", help="compare with this model")
    parser.add_argument(
        "--text",
        default="encyclopedia",
        metavar="FILE|NAME",
        help="held-out text, UTF-8 (default: encyclopedia)",
    )
    parser.add_argument(
        "--context", type=whole(16), default=512, help="tokens in a window (default: 512)"
    )
    parser.add_argument(
        "--windows",
        type=_windows,
        default=_WINDOWS,
        metavar="N|all",
        help=f"windows of the text to read (default: {_WINDOWS})",
    )
    parser.add_argument(
        "--seed", type=whole(0), default=0, help="seed of the intervals (default: 0)"
    )
    parser.add_argument("--threads", type=threads, help="cores to use (default: all)")


def run(args: Namespace) -> int:
    """Measure, and show the report."""
    from penjing.bundle.home import Home

    output = Output(args.json, quiet=args.quiet)
    progress, home = output.progress(), Home.from_environment()
    with ExitStack() as written:  # files of folders, which the engine reads as GGUF
        job = _parse(args, home, progress, written)
        report = _compare(job, home, progress) if job.baseline else _alone(job, home, progress)
    report = _complete(report, job)
    output.emit(report.document(), lambda console: _draw(report, console))
    return 0


def _parse(args: Namespace, home: Home, progress: Progress, written: ExitStack) -> _Job:
    from penjing.bundle.resolve import find_text

    text_name, text = find_text(args.text, home, progress=progress, download=True)
    return _Job(
        model=_find(args.model, home, progress, written),
        baseline=None if args.baseline is None else _find(args.baseline, home, progress, written),
        text_name=text_name,
        text=text,
        context=args.context,
        windows=args.windows,
        seed=args.seed,
        threads=args.threads,
    )


def _windows(text: str) -> int | None:
    return None if text == "all" else whole(1)(text)


def _find(name_or_path: str, home: Home, progress: Progress, written: ExitStack) -> _Model:
    from penjing.bundle.folder import model_name
    from penjing.bundle.folders import folder_name
    from penjing.bundle.gguf_parts import model_bytes, model_sha256
    from penjing.bundle.resolve import find_model

    path = find_model(name_or_path, home, progress=progress, download=True)
    name = folder_name(path) if path.is_dir() else model_name(path)
    if path.is_dir():
        path = _written(path, home, progress, written)
    with progress.task(f"hashing {name}", model_bytes(path), unit="B") as bar:
        return _Model(name, path, model_sha256(path, on_bytes=bar.advance))


def _written(folder: Path, home: Home, progress: Progress, written: ExitStack) -> Path:
    """A folder of safetensors as a GGUF that holds the same numbers, for as long as it is read."""
    from pathlib import Path
    from tempfile import TemporaryDirectory

    from penjing.core.files import disk_errors, require_space
    from penjing.workshop.checkpoint import Checkpoint
    from penjing.workshop.export.gguf import export_bytes, export_gguf

    with Checkpoint.open(folder) as checkpoint:
        require_space(home.work, export_bytes(checkpoint, {}))
        with disk_errors(home.work):
            home.work.mkdir(parents=True, exist_ok=True)
            place = written.enter_context(TemporaryDirectory(prefix="folder-", dir=home.work))
        path = Path(place) / "model.gguf"
        export_gguf(checkpoint, path, {}, progress=progress)
    return path


def _alone(job: _Job, home: Home, progress: Progress) -> Report:
    from penjing.evaluate.alone import measure_alone
    from penjing.evaluate.slot import slot
    from penjing.evaluate.windows import read_tokens

    identity = _identity(job.model)
    key = _key(job, identity)
    with _resumable(), slot(home.work / "evaluate", key) as folder, _open(job.model, job) as model:
        tokens = read_tokens(model, job.text, job.context, limit=job.windows)
        found = measure_alone(
            model,
            tokens,
            job.context,
            windows=job.windows,
            seed=job.seed,
            progress=progress,
            folder=folder,
            identity=identity,
        )
    return found.report


def _compare(job: _Job, home: Home, progress: Progress) -> Report:
    """One model in memory at a time; what is on disk is gone at the end, unless interrupted."""
    from penjing.evaluate.kept import measure
    from penjing.evaluate.reading import read, require_alike
    from penjing.evaluate.reference import record
    from penjing.evaluate.slot import slot

    assert job.baseline  # noqa: S101
    identity, baseline_identity = _identity(job.model), _identity(job.baseline)
    with _open(job.model, job) as model:
        after = replace(read(model, job.text, job.context, limit=job.windows), name=job.model.name)
    key = _key(job, identity, baseline_identity)
    with _resumable(), slot(home.work / "evaluate", key) as folder:
        with _open(job.baseline, job) as model:
            before = read(model, job.text, job.context, limit=job.windows)
            require_alike(after, replace(before, name=job.baseline.name))
            reference = record(
                model,
                before.tokens,
                job.context,
                folder,
                progress,
                windows=job.windows,
                identity=baseline_identity,
            )
        with _open(job.model, job) as model:
            kept = measure(model, reference, seed=job.seed, progress=progress, identity=identity)
    return kept.report


@contextmanager
def _resumable() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt as stop:
        raise Cancelled("stopped: the same command goes on from here") from stop


def _open(model: _Model, job: _Job) -> LlamaCpp:
    from penjing.engine.llamacpp import LlamaCpp

    return LlamaCpp.open(model.path, context=job.context, threads=job.threads)


def _key(job: _Job, *identities: str) -> str:
    """Names the folder of half-done work."""
    from hashlib import sha256

    text = sha256(job.text.encode()).hexdigest()
    plan = (*identities, text, job.context, job.windows)
    return sha256(repr(plan).encode()).hexdigest()[:16]


def _identity(model: _Model) -> str:
    """What its logits depend on: the file and the engine."""
    return f"{model.sha256} {_engine()}"


def _engine() -> str:
    from importlib.metadata import version

    return f"llama.cpp (xllamacpp {version('xllamacpp')})"


def _complete(report: Report, job: _Job) -> Report:
    from hashlib import sha256

    hashes = {"model": job.model.sha256, "text": sha256(job.text.encode()).hexdigest()}
    if job.baseline:
        hashes["baseline"] = job.baseline.sha256
    return replace(
        report,
        model=job.model.name,
        baseline=job.baseline.name if job.baseline else None,
        text=job.text_name,
        engine=_engine(),
        hardware=_hardware(job.threads),
        hashes=hashes,
    )


def _hardware(threads: int | None) -> dict[str, Any]:
    from penjing.devices.machine import look

    machine = look()
    return {
        "processor": machine.model,
        "cores": machine.cores,
        "threads": threads or machine.cores,
        "instruction_sets": list(machine.isa),
        "ram_bytes": machine.ram_bytes,
    }


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
