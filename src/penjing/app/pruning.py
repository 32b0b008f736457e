"""A model made smaller by leaving parts out, as a GGUF, and what it kept of the model it was.

The file is a model like any other: `penjing distill` heals it, `penjing compress` rounds it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from penjing.core.errors import BadInput, Cancelled

if TYPE_CHECKING:
    from pathlib import Path

    from penjing.bundle.home import Home
    from penjing.core.progress import Progress
    from penjing.engine.llamacpp import LlamaCpp
    from penjing.workshop.checkpoint import Checkpoint
    from penjing.workshop.prune.depth import Step
    from penjing.workshop.prune.shape import PrunedModel, Shape

Windows = list[list[int]]

CALIBRATION = "mix-encyclopedia"
"""Text that scores are measured on, where none is given."""
_PIECE = 4096  # characters cut into tokens at once


@dataclass(frozen=True)
class Pruning:
    """What is to go, as a person says it."""

    model: str
    """A name of the catalogue, a .gguf file or a Hugging Face folder."""
    output: Path
    """The .gguf file to be made."""
    ffn: float = 1.0
    """Share of the feed-forward channels that stays."""
    heads: float = 1.0
    """Share of the key-value heads that stays, each with its query heads."""
    hidden: float = 1.0
    """Share of the residual channels that stays."""
    uneven: bool = False
    """Whether layers that matter more keep more feed-forward channels."""
    layers: int = 0
    """How many layers go."""
    sublayers: int = 0
    """How many halves of layers go."""
    vocabulary: tuple[str, ...] = ()
    """Texts whose languages stay: names of the catalogue or files; none: all tokens stay."""
    tokens: int | None = None
    """The most tokens that stay; None: all in those languages."""
    score: str = "wanda"
    """What channels and heads are worth."""
    repair: bool = False
    """Whether what stays takes over the work of what goes, by least squares."""
    text: str = CALIBRATION
    """Text that scores are measured on."""
    held_out: str = "encyclopedia"
    """Text that the result is measured on."""
    windows: int = 20
    """Of 512 tokens of that text."""
    seed: int = 0
    """Of the random score and the intervals."""
    threads: int | None = None
    """Cores; None: all."""
    ram: int | None = None
    """Bytes it may take; None: what this machine can spare."""
    overwrite: bool = False
    """Replace the file that is there."""

    def shape(self) -> Shape:
        """What is to stay; BadInput for what no model can be."""
        from penjing.workshop.prune.shape import Shape

        return Shape(
            self.ffn, self.heads, self.hidden, self.uneven, self.layers, self.sublayers,
            self.score, self.repair, self.seed,
        )  # fmt: skip


def prune(asked: Pruning, progress: Progress) -> dict[str, Any]:
    """Make the file and measure it; the report as plain data.

    A run that was stopped while layers were measured goes on from there.
    """
    from hashlib import sha256

    from penjing.bundle.home import Home
    from penjing.evaluation.resumable_folder import slot

    _require(asked)
    home = Home.from_environment()
    key = sha256(repr(asked).encode()).hexdigest()[:16]
    try:
        with ExitStack() as stack, slot(home.work / "prune", key) as folder:
            return _Work(asked, home, progress, folder, stack).run()
    except KeyboardInterrupt as stop:
        raise Cancelled("stopped: the same command goes on from here") from stop


def _require(asked: Pruning) -> None:
    """Raise BadInput where nothing would go, or what is there would be lost."""
    from penjing.app.making import require_workshop
    from penjing.core.files import require_new_file

    require_workshop("prune")
    if asked.shape().whole and not asked.vocabulary:
        raise BadInput("nothing is to go: give --ffn, --heads, --layers or --vocabulary")
    require_new_file(asked.output, ".gguf", overwrite=asked.overwrite)


class _Work:
    """One pruning: the open model, and what is known of it so far."""

    def __init__(
        self, asked: Pruning, home: Home, progress: Progress, folder: Path, stack: ExitStack
    ) -> None:
        from penjing.app.model_files import as_gguf
        from penjing.bundle.resolve import find_model
        from penjing.workshop.checkpoint import Checkpoint

        self.asked, self.home, self.progress, self.folder = asked, home, progress, folder
        path = find_model(asked.model, home, progress=progress, download=True)
        if asked.output.exists() and asked.output.samefile(path):
            raise BadInput(f"{asked.output} is the model itself: name another file")
        self.start = as_gguf(path, home, progress, stack) if path.is_dir() else path
        self.before: Checkpoint = stack.enter_context(Checkpoint.open(self.start))

    @property
    def made(self) -> Path:
        """The file until it is measured."""
        return self.folder / self.asked.output.name

    def run(self) -> dict[str, Any]:
        """The report; the file takes its name when all is done."""
        from penjing.app.model_files import put_in_place

        report = self._run()
        put_in_place(self.made, self.asked.output)
        return report

    def _run(self) -> dict[str, Any]:
        from penjing.workshop.export.gguf import export_gguf

        made = self._pruned()
        after, places = self._trimmed(made.checkpoint), [layer.source for layer in made.layers]
        plan = _codecs(self.before, after, places)
        export_gguf(after, self.made, plan, progress=self.progress)
        return {
            "model": self.asked.model,
            "output": str(self.asked.output),
            "score": self.asked.score if self.asked.shape().narrows else None,
            "before": _facts(self.before, self.start),
            "after": _facts(after, self.made),
            "dropped": [_step(step) for step in made.steps],
            "quality": self._quality(),
        }

    # -- what goes

    def _pruned(self) -> PrunedModel:
        from penjing.workshop.prune.shape import Pruner

        pruner = Pruner(
            self.before, self._windows, self.folder, self.progress,
            require_memory=self._require_memory,
        )  # fmt: skip
        return pruner.pruned(self.asked.shape())

    def _trimmed(self, after: Checkpoint) -> Checkpoint:
        from penjing.bundle.resolve import find_text
        from penjing.workshop.prune.vocabulary import trim

        if not self.asked.vocabulary:
            if self.asked.tokens is not None:
                raise BadInput("--tokens says how many, --vocabulary of which languages: give both")
            return after
        text = "\n".join(
            find_text(name, self.home, progress=self.progress, download=True).text
            for name in self.asked.vocabulary
        )
        tokens: list[int] = []
        with self._engine(self.start) as model:
            pieces = _pieces(text)
            with self.progress.task("cutting the text into tokens", len(pieces)) as task:
                for piece in pieces:
                    tokens += model.tokenize(piece, bos=False)
                    task.advance(1)
        return trim(after, tokens, text, self.asked.tokens).checkpoint

    # -- what it is measured with

    def _windows(self, count: int, length: int) -> Windows:
        """Calibration text, evenly from all of it."""
        from penjing.bundle.resolve import find_text

        text = find_text(self.asked.text, self.home, progress=self.progress, download=True).text
        with self._engine(self.start) as model:
            out = []
            room = len(text) // count
            for place in range(count):
                piece = text[place * room : place * room + min(room, 8 * length)]
                out.append(model.tokenize(piece)[:length])
        if min(map(len, out)) < length:
            raise BadInput(
                f"the calibration text {self.asked.text} is too short for {count} windows of "
                f"{length} tokens: give a longer --text"
            )
        return out

    def _quality(self) -> Mapping[str, Any]:
        """What the file that was made kept, read by the engine."""
        from penjing.app.evaluating import evaluate

        asked = self.asked
        if asked.vocabulary:
            return self._agreement()
        report = evaluate(
            self.made,
            self.start,
            asked.held_out,
            windows=asked.windows,
            seed=asked.seed,
            threads=asked.threads,
            progress=self.progress,
        )
        return report.document()

    def _agreement(self) -> Mapping[str, Any]:
        """KLD is of one vocabulary; of two, how often the same token is most likely."""
        from penjing.bundle.resolve import find_text
        from penjing.workshop.prune.agreement import agreement

        text = find_text(self.asked.held_out, self.home, progress=self.progress, download=True).text
        with self._engine(self.start) as before, self._engine(self.made) as after:
            windows = _texts(before, text, self.asked.windows)
            found = agreement(before, after, windows, self.progress)
        measured = {"metric": "same_top", "unit": "share", "n": found.positions}
        return {
            "text": self.asked.held_out,
            "measurements": [measured | asdict(found.same_top)],
            "cut_alike": found.cut_alike,
        }

    def _engine(self, path: Path) -> LlamaCpp:
        from penjing.engine.llamacpp import LlamaCpp

        return LlamaCpp.open(path, context=512, threads=self.asked.threads)

    def _require_memory(self, need: int, remedy: str = "") -> None:
        from penjing.app.making import require_memory

        require_memory(need, self.asked.ram, remedy)


def _codecs(before: Checkpoint, after: Checkpoint, places: Sequence[int]) -> dict[str, str]:
    """What was decoded to be cut is stored as it was; where it no longer fits, in Q8_0 or F16."""
    from penjing.bundle.codecs import CODECS

    plan = {}
    for name in after.quantizable:
        source = after.tensors[name]
        was = before.tensors[_former(name, places)].codec
        if source.codec != was:
            fitting = (was, CODECS["Q8_0"], CODECS["F16"])
            plan[name] = next(kind.name for kind in fitting if kind.fits(source.shape[-1]))
    return plan


def _former(name: str, places: Sequence[int]) -> str:
    """The name a tensor had before layers moved up."""
    if not name.startswith("blk."):
        return name
    _, layer, stem = name.split(".", 2)
    return f"blk.{places[int(layer)]}.{stem}"


def _facts(checkpoint: Checkpoint, path: Path) -> dict[str, Any]:
    from penjing.bundle.gguf_parts import model_bytes

    config = checkpoint.config
    return {
        "architecture": checkpoint.architecture.name,
        "parameters": checkpoint.parameters,
        "bytes": model_bytes(path),
        "layers": config.layers,
        "hidden": config.hidden,
        "ffn": [config.sizes(layer).ffn for layer in range(config.layers)],
        "heads": [config.sizes(layer).heads for layer in range(config.layers)],
        "tokens": checkpoint.vocabulary,
    }


def _step(step: Step) -> dict[str, Any]:
    return {"parts": [f"{half} of layer {layer}" for layer, half in sorted(step.parts)],
            "kld": step.kld}  # fmt: skip


def _pieces(text: str) -> list[str]:
    """The text in pieces of whole lines, since a tokenizer's time grows faster than a text."""
    out = [""]
    for line in text.splitlines(keepends=True):
        if len(out[-1]) + len(line) > _PIECE:
            out.append("")
        out[-1] += line
    return out


def _texts(model: LlamaCpp, text: str, count: int) -> list[str]:
    """`count` texts of nearly 512 tokens, one after another."""
    out = []
    for piece in _pieces(text):
        tokens = model.tokenize(piece, bos=False)
        if len(tokens) >= 256:
            out.append(model.detokenize(tokens[:480]).strip("\N{REPLACEMENT CHARACTER}"))
        if len(out) == count:
            break
    if not out:
        raise BadInput("the held-out text is too short to be measured on: give a longer one")
    return out
