"""What is to be compared, and what that will take. Everything that can be refused is refused here.

Knows methods by name and what they are controls of; must not know how a method works.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from penjing.core.errors import BadInput, UnknownName
from penjing.core.files import disk_errors, require_writable
from penjing.core.units import format_size, parse_size
from penjing.engine.speed import ANSWER, PROMPT
from penjing.workshop.checkpoint import Checkpoint
from penjing.workshop.compress import prepare
from penjing.workshop.compress.methods import Method
from penjing.workshop.compress.prepare import Forecast
from penjing.workshop.compress.settings import CONTEXT, Settings, effort
from penjing.workshop.compress.work import FOLDER
from penjing.workshop.export.gguf import export_bytes

DOCUMENT_NAME = "compare.json"
TABLE_NAME = "compare.md"
PAGE_NAME = "compare.html"
FILES_NAME = "files"
ROUNDS = 3
"""Times the speed of each file is measured."""

ALL = "*"
"""`control_of` of a control that every method stands beside."""
_EACH = ("budget", "recipe")
"""What the signature of a compression has and a comparison has many of, or none."""
_STARTS = 1.5  # seconds until a process that measures speed is ready
_WRITES_SLOWER = 6  # reading one token after another against many at once
_MATRIX_BYTES = 4e-7  # seconds to encode one weight on one core


@dataclass(frozen=True)
class Order:
    """What was asked for."""

    methods: tuple[Method, ...]
    """In the order they were named."""
    controls: Mapping[str, tuple[Method, ...]]
    """Of each method, by its name."""
    sizes: tuple[int, ...]
    """Bytes each file may have, smallest first; the textbook's have sizes of their own."""
    keep_files: bool = False
    """Whether the model files stay."""

    @property
    def files(self) -> int:
        """About how many model files are made: methods with one plan share their controls."""
        named, beside = {method.name for method in self.sized}, set()
        for method in self.sized:
            plan = (method.allocation, method.distilled)
            beside |= {(*plan, c.name) for c in self.controls[method.name] if c.name not in named}
        of_textbook = sum(1 + len(self.controls[method.name]) for method in self.textbook)
        return len(self.sizes) * (len(named) + len(beside)) + of_textbook

    @property
    def sized(self) -> tuple[Method, ...]:
        """Methods that make a file of any size."""
        return tuple(method for method in self.methods if method.quantizer is None)

    @property
    def textbook(self) -> tuple[Method, ...]:
        """Methods whose file has a size of its own."""
        return tuple(method for method in self.methods if method.quantizer is not None)


def order(
    methods: str, sizes: str | None, known: Mapping[str, Method], *, keep_files: bool = False
) -> Order:
    """Read the words of the command line. BadInput or UnknownName for what cannot be."""
    chosen = tuple(known[name] for name in _methods(methods, known))
    sized = [method.name for method in chosen if method.quantizer is None]
    if sized and not sizes:
        raise BadInput(f"{sized[0]} makes files of any size: give --sizes, such as 60MB,80MB")
    if sizes and not sized:
        raise BadInput("these methods have sizes of their own: leave --sizes")
    return Order(
        methods=chosen,
        controls={method.name: controls_of(method, known) for method in chosen},
        sizes=_sizes(sizes) if sizes else (),
        keep_files=keep_files,
    )


def controls_of(method: Method, known: Mapping[str, Method]) -> tuple[Method, ...]:
    """What `method` must beat: controls of all, those of its allocation, and the allocation alone.

    A control of one method serves every method that chooses codecs in the same way, and each of
    those must also beat that method itself: what it does beyond the allocation is worth nothing
    otherwise.
    """
    found = [other for other in known.values() if other.control_of == ALL]
    for other in known.values():
        target = known.get(other.control_of or "")
        if target and target.allocation == method.allocation:
            found += [other, *([target] if target != method else [])]
    alone = [other for other in found if other.control_of is None]
    return tuple(dict.fromkeys([*(o for o in found if o.control_of is not None), *alone]))


def size_name(size: int) -> str:
    """A size as a part of a file name, exact: "70MB", "91.7MB" or "91712345B"."""
    for factor, unit, parts in ((10**9, "GB", 1000), (10**6, "MB", 1000), (10**3, "KB", 1)):
        if size >= factor and size * parts % factor == 0:
            return f"{size / factor:.3f}".rstrip("0").rstrip(".") + unit
    return f"{size}B"


def _methods(words: str, known: Mapping[str, Method]) -> list[str]:
    chosen = [name for name, method in known.items() if method.control_of is None]
    shown = [name for name in chosen if known[name].quantizer is None]
    names: list[str] = []
    for word in words.split(","):
        name = word.strip()
        if not name:
            some = f"{', '.join(shown)}, and linear-8, nf4 ... (docs/quantizers.md)"
            raise BadInput(f"--methods lacks a name: known are {some}")
        if name in known and name not in chosen:
            raise BadInput(f"{name} is a control and comes by itself: name what it is to control")
        if name not in known:
            raise UnknownName("method", name, chosen)
        if name in names:
            raise BadInput(f"--methods has {name} twice: name each once")
        names.append(name)
    return names


def _sizes(words: str) -> tuple[int, ...]:
    sizes: list[int] = []
    for word in words.split(","):
        size = parse_size(word)
        if size in sizes:
            raise BadInput(f"--sizes has {size_name(size)} twice: give each once")
        sizes.append(size)
    return tuple(sorted(sizes))


def check_methods(order: Order, checkpoint: Checkpoint) -> None:
    """BadInput for a method that this model cannot have, before any work."""
    for method in order.methods:
        if checkpoint.architecture.fused and method.fold == "rotation":
            raise BadInput(
                f"{method.name} rotates values, which a {checkpoint.architecture.name} model has "
                "in one matrix with its queries: leave that method out"
            )
        if not checkpoint.architecture.forward and method.needs_forward:
            raise BadInput(
                f"{method.name} needs a forward pass of ours, and there is none of "
                f"{checkpoint.architecture.name}: compare methods without it, such as "
                "--methods importance,searched"
            )


def check_output(out: Path, *, overwrite: bool) -> None:
    """Raise unless a comparison may be written to `out`.

    Unfinished work in it is not refused here: `Work.begin` asks what is to be done with that.
    """
    with disk_errors(out):
        there = next(place for place in (out, *out.parents) if place.exists())
        taken = (out / DOCUMENT_NAME).exists()
        filled = out.is_dir() and any(out.iterdir()) and not (out / FOLDER).exists()
    if taken and not overwrite:
        raise BadInput(
            f"{out} already holds a comparison: choose another folder, or add --overwrite"
        )
    if filled and not overwrite:
        raise BadInput(f"{out} is not empty: choose another folder, or add --overwrite")
    require_writable(there)


def signature(settings: Settings, checkpoint_sha256: str) -> dict[str, Any]:
    """All inputs that decide a file and its numbers.

    Not which methods and sizes: a run that goes on may be asked for others as well.
    """
    inputs = prepare.signature(settings, checkpoint_sha256)
    return {"kind": "comparison", **{k: v for k, v in inputs.items() if k not in _EACH}}


def check_sizes(order: Order, checkpoint: Checkpoint, settings: Settings) -> None:
    """Raise when a size is larger than the starting model's own file."""
    model = settings.model
    start_bytes = model.stat().st_size if model.is_file() else export_bytes(checkpoint, {})
    if order.sizes and (largest := order.sizes[-1]) > start_bytes:
        raise BadInput(
            f"{format_size(largest)} is more than {settings.model_name} has itself "
            f"({format_size(start_bytes)}): give smaller sizes"
        )


def forecast(
    checkpoint: Checkpoint, order: Order, settings: Settings, *, tokens_per_second: float
) -> Forecast:
    """What the whole comparison takes; BudgetError when no size of it is possible."""
    one = prepare.forecast(
        checkpoint,
        settings,
        tokens_per_second=tokens_per_second,
        methods=order.methods,
    )
    carried = export_bytes(checkpoint, dict.fromkeys(checkpoint.quantizable, "F16"))
    most = order.files * max(order.sizes, default=0) + 2 * len(order.textbook) * carried
    seconds = one.seconds
    if tokens_per_second:
        read = effort(settings.effort).held_out_windows * CONTEXT
        timed = PROMPT + _WRITES_SLOWER * ANSWER
        each = (read + ROUNDS * timed) / tokens_per_second + ROUNDS * _STARTS
        each += checkpoint.parameters * _MATRIX_BYTES / max(settings.threads, 1)
        trained = sum(method.distilled for method in order.methods)
        seconds += order.files * each + len(order.sizes) * trained * settings.schedule.seconds
    return replace(one, seconds=seconds, disk_bytes=one.disk_bytes + most * (1 + order.keep_files))
