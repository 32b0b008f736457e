"""Methods at several sizes, each beside its negative controls."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from penjing.app import making as makings
from penjing.app.making import Making, PreparedWork

if TYPE_CHECKING:
    from penjing.core.progress import Progress
    from penjing.workshop.checkpoint import Checkpoint
    from penjing.workshop.compare.order import Order
    from penjing.workshop.compare.outcome import Comparison
    from penjing.workshop.compare.run import Maker
    from penjing.workshop.compress.job import Job
    from penjing.workshop.compress.methods import Method


@dataclass(frozen=True)
class PreparedComparison(PreparedWork):
    """A comparison: the same, and what is compared."""

    order: Order = field(kw_only=True)
    """Which methods, at which sizes."""


@contextmanager
def prepared(
    making: Making, methods: str, sizes: str | None, progress: Progress, *, keep_files: bool = False
) -> Iterator[PreparedComparison]:
    """Everything that can be refused is refused here; `methods` and `sizes` with commas between.

    Quantizers of the textbook have sizes of their own: `sizes` is None where there are no others.
    """
    makings.require_workshop("compare")
    from penjing.bundle.home import Home
    from penjing.bundle.resolve import find_model
    from penjing.workshop.compare import order as orders
    from penjing.workshop.compress import prepare
    from penjing.workshop.surveyed import open_model

    order = orders.order(methods, sizes, _methods()[0], keep_files=keep_files)
    if not making.dry_run:
        orders.check_output(making.output, overwrite=making.overwrite)
    home, download = Home.from_environment(), not making.dry_run
    model = find_model(making.model, home, progress=progress, download=download)
    with open_model(model, threads=making.threads) as checkpoint:
        orders.check_methods(order, checkpoint)
        prepare.check_weights(checkpoint, progress)
        opened = (model, checkpoint)
        settings = makings.settings(
            making, opened, lambda: _largest(order, checkpoint), progress, {}
        )
        orders.check_sizes(order, checkpoint, settings)
        prepare.check_texts(settings)
        orders.forecast(checkpoint, order, settings, tokens_per_second=0)  # refuse at once
        speed = makings.reading_speed(settings) if model.is_file() else 0.0
        found = orders.forecast(checkpoint, order, settings, tokens_per_second=speed)
        yield PreparedComparison(making, settings, checkpoint, found, order=order)


def carry_out(ready: PreparedComparison, progress: Progress) -> Comparison:
    """Make and measure everything."""
    from penjing.workshop.compare.order import signature
    from penjing.workshop.compare.run import compare, has_results
    from penjing.workshop.compress.job import Job
    from penjing.workshop.compress.prepare import check_disk, model_sha256
    from penjing.workshop.compress.work import Work

    making, settings, checkpoint = ready.making, ready.settings, ready.checkpoint
    makings.tell(ready.forecast, progress)
    check_disk(making.output, ready.forecast)
    inputs = signature(settings, model_sha256(settings.model, checkpoint))
    work = Work.begin(making.output, inputs, resume=making.resume, restart=making.restart)
    with makings.working(work, lambda: has_results(work)):
        job = Job(settings, checkpoint, work, progress)
        with _methods()[1](job) as maker:
            return compare(job, ready.order, maker)


def _largest(order: Order, checkpoint: Checkpoint) -> int:
    """Bytes of the largest file ordered; where none is, of the starting model's own."""
    from penjing.workshop.export.gguf import export_bytes

    return max(order.sizes) if order.sizes else export_bytes(checkpoint, {})


def _methods() -> tuple[Mapping[str, Method], Callable[[Job], AbstractContextManager[Maker]]]:
    from penjing.workshop.compress.maker import AnyMaker
    from penjing.workshop.compress.methods import METHODS
    from penjing.workshop.compress.textbook_methods import TEXTBOOK

    return {**METHODS, **TEXTBOOK}, AnyMaker
