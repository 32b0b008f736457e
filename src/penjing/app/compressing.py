"""A model and a budget in, a bundle with its passport out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penjing.app import making as makings
from penjing.app.making import Making, PreparedWork
from penjing.app.recipes import read_recipe
from penjing.core.errors import BadInput

if TYPE_CHECKING:
    from penjing.bundle.home import Home
    from penjing.core.progress import Progress
    from penjing.workshop.checkpoint import Checkpoint
    from penjing.workshop.compress.settings import Settings


@dataclass(frozen=True)
class Budget:
    """How small; one of these, or none where a recipe says it or a goal decides."""

    size: int | None = None
    """Bytes of the model file, at most."""
    bits: float | None = None
    """Of the file for each weight."""
    device: str | None = None
    """It must fit this one, see `penjing devices`."""
    context: int = 2048
    """Tokens of context on the device."""


@contextmanager
def prepared(
    making: Making, budget: Budget, progress: Progress, *, recipe: Path | None = None
) -> Iterator[PreparedWork]:
    """Everything that can be refused is refused here, before the first minute of work."""
    makings.require_workshop("compress")
    from penjing.bundle.home import Home
    from penjing.bundle.resolve import find_model
    from penjing.workshop.compress import prepare
    from penjing.workshop.surveyed import open_model, open_surveyed

    if not making.dry_run:
        prepare.check_output(making.output, overwrite=making.overwrite)
    known = read_recipe(recipe) if recipe else {}
    engine = making.in_engine or known.get("path") == "engine"
    making = replace(making, model=making.model or known.get("model", ""), in_engine=engine)
    making, wished = _as_wished(making, budget, home := Home.from_environment())
    if not making.model:
        raise BadInput("which model? give a name, a .gguf file or a folder before -o")
    model = find_model(making.model, home, progress=progress, download=not making.dry_run)
    if making.in_engine and model.is_dir():
        raise BadInput(f"--in-engine reads a .gguf file and {model} is a folder: leave it out")
    open_it = open_surveyed if making.in_engine else open_model
    with open_it(model, threads=making.threads) as checkpoint:
        prepare.check_weights(checkpoint, progress)
        opened = (model, checkpoint)
        settings = makings.settings(
            making, opened, lambda: _bytes(making, budget, known, opened, home), progress, known
        )
        if wished and settings.shape is None and settings.plan is None and settings.forward:
            settings = replace(settings, shaping="needed")
        prepare.check_texts(settings)
        prepare.forecast(checkpoint, settings, tokens_per_second=0)  # refuse at once
        speed = makings.reading_speed(settings) if settings.model.is_file() else 0.0
        found = prepare.forecast(checkpoint, settings, tokens_per_second=speed)
        with _teacher(settings, home, checkpoint, progress) as teacher:
            yield PreparedWork(making, settings, checkpoint, found, teacher)


def _as_wished(making: Making, budget: Budget, home: Home) -> tuple[Making, bool]:
    """With the speeds that a device wishes for where none were asked for; whether it does."""
    from penjing.devices.find import find_device

    wish = find_device(budget.device, home=home.root).wish if budget.device else None
    if wish is None:
        return making, False
    return replace(
        making,
        speed=making.speed or wish.decode,
        prefill_speed=making.prefill_speed or wish.prefill,
    ), True


@contextmanager
def _teacher(
    settings: Settings, home: Home, checkpoint: Checkpoint, progress: Progress
) -> Iterator[Checkpoint | None]:
    """Another model that is learnt from, open; of the same tokens and one that we can compute."""
    if settings.teacher is None:
        yield None
        return
    from penjing.app.model_files import as_gguf
    from penjing.bundle.resolve import find_model
    from penjing.workshop.checkpoint import Checkpoint
    from penjing.workshop.distill.teacher import require_same_tokens
    from penjing.workshop.forward import require_computable

    with ExitStack() as stack:
        path = find_model(settings.teacher, home, progress=progress, download=True)
        path = as_gguf(path, home, progress, stack) if path.is_dir() else path
        found = stack.enter_context(Checkpoint.open(path))
        require_same_tokens(checkpoint, found)
        require_computable(found)
        yield found


def carry_out(ready: PreparedWork, progress: Progress) -> dict[str, Any]:
    """Make the bundle; gives its passport as plain data."""
    from penjing.workshop.compress import prepare
    from penjing.workshop.compress.job import Job
    from penjing.workshop.compress.run import compress
    from penjing.workshop.compress.work import Work

    making, settings = ready.making, ready.settings
    makings.tell(ready.forecast, progress)
    prepare.check_disk(making.output, ready.forecast)
    sha = prepare.model_sha256(settings.model, ready.checkpoint)
    signature = prepare.signature(settings, sha)
    work = Work.begin(making.output, signature, resume=making.resume, restart=making.restart)
    with makings.working(work):
        job = Job(settings, ready.checkpoint, work, progress, ready.forecast, ready.teacher)
        return compress(job)


def _bytes(
    making: Making,
    budget: Budget,
    recipe: Mapping[str, Any],
    opened: tuple[Path, Checkpoint],
    home: Home,
) -> int:
    from penjing.devices.find import find_device
    from penjing.devices.fit import largest_bytes
    from penjing.devices.shape import shape_from_folder, shape_from_gguf
    from penjing.workshop.compress.prepare import model_sha256

    model, checkpoint = opened
    if recipe and (was := recipe.get("model_sha256")) != model_sha256(model, checkpoint):
        raise BadInput(f"the recipe was made from another model (sha256 {was}): give that one")
    if budget.size is not None:
        return budget.size
    if budget.bits:
        return int(budget.bits * checkpoint.parameters / 8)
    if making.keep:
        from penjing.workshop.export.gguf import export_bytes

        return export_bytes(checkpoint, {})  # at most; the search finds how much less
    if budget.device:
        device = find_device(budget.device, home=home.root)
        shape = shape_from_gguf(model) if model.is_file() else shape_from_folder(model)
        room = largest_bytes(device, shape, budget.context)
        share = device.wish.size if device.wish else None
        return room if share is None else min(room, int(share * shape.weight_bytes))
    if "budget_bytes" in recipe:
        size: int = recipe["budget_bytes"]
        return size
    raise BadInput(
        "how small? give --size 80MB, --device NAME, --bits 4.5 or --keep same-top>=0.85"
    )
