"""Everything that can be refused is refused here, before the first minute of work is spent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from penjing.bundle.folder import MANIFEST_NAME
from penjing.bundle.gguf_parts import model_sha256 as hash_of
from penjing.core.errors import BadInput, BudgetError, FormatError
from penjing.core.files import disk_errors, require_space, require_writable
from penjing.core.progress import Progress
from penjing.core.protocols import LanguageModel
from penjing.core.units import format_size
from penjing.evaluation.reference import disk_need
from penjing.evaluation.windows import read_tokens
from penjing.workshop.checkpoint import Checkpoint
from penjing.workshop.compress.methods import METHODS, Method
from penjing.workshop.compress.settings import (
    CONTEXT,
    LESS_TRAINING,
    PROCESS_BYTES,
    Settings,
    codec_names,
    domains,
    effort,
    means,
    readings,
)
from penjing.workshop.compress.shape_needs import (
    shape_bytes,
    shape_disk,
    shape_seconds,
    shaped,
)
from penjing.workshop.distill.needs import memory_needed
from penjing.workshop.export.gguf import check_plan, export_bytes
from penjing.workshop.quantize import engine_rounding
from penjing.workshop.quantize.whole import LATENT_BYTES, rounding_bytes
from penjing.workshop.search.engine_probe import MOST_NUMBERS
from penjing.workshop.search.groups import candidates
from penjing.workshop.search.means import Means, Memory


@dataclass(frozen=True)
class Forecast:
    """What the work will take, said before it begins."""

    smallest: int
    """Bytes of the smallest file that is possible."""
    seconds: float
    """Rough time on this machine, from a short probe of its speed; 0 when it was not probed."""
    peak_bytes: int
    """Memory it will not exceed."""
    disk_bytes: int
    """Free disk it needs while it works."""


def signature(settings: Settings, checkpoint_sha256: str) -> dict[str, Any]:
    """All inputs that decide the result."""
    return {
        "model": checkpoint_sha256,
        "budget": settings.budget,
        "goal": str(settings.goal) if settings.goal else None,
        "speed": settings.speed,
        "prefill": settings.prefill,
        "shape": asdict(settings.shape) if settings.shape else None,
        "shaping": settings.shaping,
        "shapes": settings.shapes,
        "teacher": settings.teacher,
        "effort": settings.effort,
        "path": settings.path,
        "seed": settings.seed,
        "text": _hash(settings.text),
        "calibration mix": mix_hash(settings),
        "held-out text": _hash(settings.held_out),
        "training": asdict(settings.schedule),
        "recipe": _hash(repr(sorted(settings.plan.items())) if settings.plan else None),
    }


def check_output(out: Path, *, overwrite: bool) -> None:
    """Raise unless `out` is a folder we may make a bundle in."""
    with disk_errors(out):
        taken = (out / MANIFEST_NAME).exists()
        there = next(place for place in (out, *out.parents) if place.exists())
    if taken and not overwrite:
        raise BadInput(f"{out} already holds a bundle: choose another folder, or add --overwrite")
    require_writable(there)


def check_texts(settings: Settings) -> None:
    """Raise when calibration text and held-out text share a passage."""
    if settings.text is None:
        return
    if shared := shared_lines(settings.text, settings.held_out):
        raise BadInput(
            f"{shared} lines are in the calibration text and in the held-out text: what is "
            "measured must not be calibrated on, so take them out of one"
        )


def shared_lines(one: str, other: str) -> int:
    """How many lines of more than a few words two texts share."""
    lines = [{line.strip() for line in text.splitlines() if len(line.strip()) > 60}
             for text in (one, other)]  # fmt: skip
    return len(lines[0] & lines[1])


def check_weights(checkpoint: Checkpoint, progress: Progress) -> None:
    """Raise FormatError that names the first tensor with a weight that is not finite."""
    sizes = sum(source.codec.nbytes(source.shape) for source in checkpoint.tensors.values())
    with progress.task("looking at every weight", sizes, unit="B") as task:
        for name, source in checkpoint.tensors.items():
            row = source.first_odd_row()
            if row is not None:
                raise FormatError(
                    f"{checkpoint.name}: a weight of tensor {_called(checkpoint, name)} is NaN or "
                    f"infinite (row {row}): the model is damaged, get or save it again"
                )
            task.advance(source.codec.nbytes(source.shape))
    checkpoint.release()


def _called(checkpoint: Checkpoint, name: str) -> str:
    """A tensor's name, and the one it has in a folder."""
    layer = int(name.split(".")[1]) if name.startswith("blk.") else 0
    hf = checkpoint.architecture.kind_of(name).hf_name(layer)
    return f"'{name}'" if checkpoint.file is not None or not hf else f"'{name}' ({hf})"


def check_lengths(model: LanguageModel, settings: Settings) -> None:
    """Raise when the model cannot read one window of tokens, or a text has not as many."""
    if model.context_length < CONTEXT:
        raise BadInput(
            f"{settings.model_name} reads {model.context_length} tokens and is measured on "
            f"{CONTEXT} at a time: choose a model with a longer context"
        )
    for name, text in (("calibration", settings.text), ("held-out", settings.held_out)):
        count = CONTEXT if text is None else len(read_tokens(model, text, CONTEXT, limit=1))
        if count < CONTEXT:
            raise BadInput(
                f"the {name} text has {count} tokens and at least {CONTEXT} are needed: "
                "give a longer one"
            )


def forecast(
    checkpoint: Checkpoint,
    settings: Settings,
    *,
    tokens_per_second: float,
    methods: Sequence[Method] | None = None,
) -> Forecast:
    """Size, time, memory and disk. Raises BudgetError naming the smallest file possible.

    Of the effort's own method, unless others are named.
    """
    least = {n: min(candidates(checkpoint.tensors[n]), key=lambda c: c.bits).name
             for n in checkpoint.quantizable}  # fmt: skip
    smallest = export_bytes(checkpoint, least)
    if settings.budget < smallest and not shaped(settings):
        raise BudgetError(
            f"{format_size(settings.budget)} is not possible for {settings.model_name}: the "
            f"smallest is {format_size(smallest)} ({smallest} bytes)"
        )
    if settings.plan is not None and settings.shape is None:
        _check_recipe(checkpoint, settings.plan, settings.budget)
    chosen = effort(settings.effort)
    methods = methods or [METHODS[settings.method]]
    distilled = any(method.distilled for method in methods)
    windows, kept = (
        chosen.held_out_windows,
        LATENT_BYTES * checkpoint.parameters if distilled else 0,
    )
    disk = disk_need(windows, CONTEXT, checkpoint.vocabulary) + 6 * settings.budget + kept
    disk += shape_disk(checkpoint, settings)
    return Forecast(
        smallest=smallest,
        seconds=(
            _seconds(checkpoint, settings, methods, tokens_per_second) if tokens_per_second else 0.0
        ),
        peak_bytes=_peak(checkpoint, settings, methods),
        disk_bytes=disk,
    )


def _compensated(methods: Sequence[Method]) -> bool:
    """Whether errors are made up for by any of them."""
    return any(method.rounding == "gptq" for method in methods)


def _peak(checkpoint: Checkpoint, settings: Settings, methods: Sequence[Method]) -> int:
    """The hungriest of the stages; BudgetError when --ram is less than one of them needs."""
    chosen = effort(settings.effort)
    least = PROCESS_BYTES + _least(checkpoint, settings)
    if settings.ram is not None and least > settings.ram.size:
        raise settings.ram.refused(least)
    measuring = PROCESS_BYTES + _measuring(checkpoint, settings)
    file = _stored(checkpoint)
    # What the engine repacks for fast products it holds twice, beside the mapped file.
    reading = PROCESS_BYTES + 2 * file + 3 * 4 * CONTEXT * checkpoint.vocabulary
    tokens = max(chosen.calibration_tokens, chosen.rounding_tokens)
    found = max(measuring, reading)
    if _compensated(methods):
        rounding = (
            rounding_bytes(checkpoint, tokens, latents=any(m.distilled for m in methods))
            if settings.forward
            else file + engine_rounding.rounding_bytes(checkpoint)
        )
        found = max(found, PROCESS_BYTES + file + rounding)
    if distilled := any(method.distilled for method in methods):
        found = max(found, memory_needed(checkpoint))
    found = max(found, shape_bytes(checkpoint, settings, heals=distilled))
    if settings.ram is not None and found > settings.ram.size:
        raise settings.ram.refused(found, LESS_TRAINING if distilled else "")
    return found


def _least(checkpoint: Checkpoint, settings: Settings) -> int:
    """What measuring effects cannot do without."""
    if not settings.forward:
        return _probing(checkpoint, settings)
    chosen = effort(settings.effort)
    text = [[0] * chosen.probe_length] * max(chosen.probe_windows, chosen.assembly_windows)
    return Memory.of(checkpoint, text, Means(ram=2**62)).least


def _probing(checkpoint: Checkpoint, settings: Settings) -> int:
    """What the engine holds while effects are measured in it: the mapped file, as much again for
    what stands in its place, what the clean run said, and of one window what is said now."""
    chosen = effort(settings.effort)
    clean = min(chosen.assembly_windows * chosen.probe_length * checkpoint.vocabulary, MOST_NUMBERS)
    return 2 * _stored(checkpoint) + 4 * (2 * clean + 2 * CONTEXT * checkpoint.vocabulary)


def spare_for_probe(checkpoint: Checkpoint, settings: Settings) -> int:
    """Bytes that may be kept of encoded tensors beside that."""
    return max(0, means(settings).ram - _probing(checkpoint, settings))


def _stored(checkpoint: Checkpoint) -> int:
    """Bytes of all tensors."""
    return sum(source.codec.nbytes(source.shape) for source in checkpoint.tensors.values())


def _encoded(checkpoint: Checkpoint, settings: Settings) -> int:
    """Bytes of all tensors in all codecs they could have."""
    sources = [checkpoint.tensors[name] for name in checkpoint.quantizable]
    names = codec_names(settings, checkpoint.parameters)
    return sum(kind.nbytes(each.shape) for each in sources for kind in candidates(each, names))


def _measuring(checkpoint: Checkpoint, settings: Settings) -> int:
    """Of effects one by one, and of whole assemblies after them."""
    chosen, allowed = effort(settings.effort), means(settings)
    if not settings.forward:
        spare = min(spare_for_probe(checkpoint, settings), _encoded(checkpoint, settings))
        return _probing(checkpoint, settings) + spare

    def of(windows: int) -> Memory:
        return Memory.of(checkpoint, [[0] * chosen.probe_length] * windows, allowed)

    walking = of(chosen.assembly_windows).walking(_encoded(checkpoint, settings))
    return max(of(chosen.probe_windows).peak, walking)


def _check_recipe(checkpoint: Checkpoint, plan: Mapping[str, str], budget: int) -> None:
    check_plan(checkpoint, plan, {})
    if (size := export_bytes(checkpoint, plan)) > budget:
        raise BudgetError(
            f"the recipe makes a file of {format_size(size)} and {format_size(budget)} are "
            "allowed: leave out --size and --device, or the recipe"
        )


_WRITE, _EFFECT, _ASSEMBLY, _ROUND = 2.8, 0.4, 0.47, 0.4
"""A token written, and one that torch computes for an effect, an assembly and rounding, in tokens
read by the engine; measured on 135M parameters and two cores."""
_ENCODE = 1.5e-6  # seconds of a core for a weight: all rounding and the files of controls
_TIMED = 12.0  # timing the decoding of a codec
_REST = 40.0  # loading, speed, answers


def _seconds(
    checkpoint: Checkpoint,
    settings: Settings,
    methods: Sequence[Method],
    tokens_per_second: float,
) -> float:
    """Adds up tokens of every stage, in units of the engine's reading speed."""
    chosen = effort(settings.effort)
    text = bool(domains(settings))
    written = chosen.calibration_tokens // (2 if text else 1)
    effects = len(checkpoint.quantizable) * chosen.probe_windows * chosen.probe_length
    if not settings.forward:
        passes = readings(settings, checkpoint.parameters) / _EFFECT
        effects = int(passes * chosen.probe_windows * chosen.probe_length)
    assembly = chosen.assembly_windows * chosen.probe_length
    rounding = max(chosen.calibration_tokens, chosen.rounding_tokens if text else 0)
    rounding *= _compensated(methods)
    read = _WRITE * written + chosen.calibration_tokens + _ROUND * rounding
    if settings.plan is None:
        read += _EFFECT * effects + _ASSEMBLY * chosen.assemblies * assembly
    read += 5 * chosen.held_out_windows * CONTEXT  # start, result, three controls
    encode = _ENCODE * checkpoint.parameters / max(settings.threads, 1)
    if settings.speed is not None:
        encode += _TIMED * len({c.name for n in checkpoint.quantizable
                                for c in candidates(checkpoint.tensors[n])})  # fmt: skip
    training = settings.schedule.seconds * any(method.distilled for method in methods)
    training += shape_seconds(checkpoint, settings, tokens_per_second)
    return read / tokens_per_second + encode + _REST + training


def model_sha256(path: Path, checkpoint: Checkpoint) -> str:
    """Of the file, or of all weights of a folder."""
    return hash_of(path) if path.is_file() else checkpoint.sha256()


def check_disk(out: Path, found: Forecast) -> None:
    """Raise StorageError unless the work fits the disk."""
    require_space(out, found.disk_bytes)


def recipe_document(
    settings: Settings, sha: str, plan: Mapping[str, str], steps: int | None = None
) -> dict[str, Any]:
    """How to make the bundle again, as plain data; `steps` are those of its training."""
    return {
        "schema": 1,
        "model": settings.model_name,
        "model_sha256": sha,
        "budget_bytes": settings.budget,
        "effort": settings.effort,
        "path": settings.path,
        "seed": settings.seed,
        "text_sha256": _hash(settings.text),
        "mix_sha256": mix_hash(settings),
        "held_out": {"name": settings.held_out_name, "sha256": _hash(settings.held_out)},
        "training_steps": steps,
        "teacher": settings.teacher,
        "codecs": dict(plan),
    }


def mix_hash(settings: Settings) -> str | None:
    """Of the default calibration mix; None where it is not used."""
    told = [(each.name, each.share, each.text) for each in settings.mix]
    return _hash(repr(told)) if told else None


def _hash(text: str | None) -> str | None:
    return None if text is None else sha256(text.encode()).hexdigest()
