"""What `import penjing` gives: functions that take plain words and give frozen values.

Errors are those of `penjing.core.errors`, each one line that says what to do. `progress` is any
`Progress`; without one nothing is said. What is exported here keeps its names and meanings within a
major version; all else may change.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from penjing.core.messages import GenerationSettings, Message
from penjing.core.progress import Progress, Silent
from penjing.core.report import Measurement
from penjing.core.units import parse_size

if TYPE_CHECKING:
    from penjing.core.protocols import LanguageModel
    from penjing.devices.fit import FitEstimate
    from penjing.workshop.compare.outcome import Comparison


@dataclass(frozen=True)
class Bundle:
    """A model that was made, and what is known of it."""

    folder: Path
    """Holds the model file, its passport, its report and how to make it again."""
    size: int
    """Bytes of the model file."""
    measurements: tuple[Measurement, ...]
    """What it kept of the model it was made from, on text that nothing was tuned on."""
    broken: tuple[str, ...]
    """Why it is of no use, a phrase each; empty where it is."""

    @property
    def kld(self) -> Measurement:
        """Mean Kullback-Leibler divergence from the model it was made from, nats a token."""
        return self.find("kld_mean")

    @property
    def same_top(self) -> Measurement:
        """Share of positions with the same likeliest next token."""
        return self.find("same_top")

    def find(self, metric: str) -> Measurement:
        """The measurement of that name. Raises KeyError."""
        return {each.metric: each for each in self.measurements}[metric]


class Model:
    """A model in memory. A context manager; `close` frees it."""

    def __init__(self, engine: LanguageModel) -> None:
        self.engine = engine
        """Tokens, logits and streams, for whoever needs more than answers."""

    def ask(
        self,
        question: str,
        *,
        system: str | None = None,
        settings: GenerationSettings | None = None,
    ) -> str:
        """The whole answer to one question; greedy unless `settings` say otherwise."""
        said = [Message.of("system", system)] if system else []
        return "".join(self.stream([*said, Message.of("user", question)], settings))

    def stream(
        self, messages: Sequence[Message], settings: GenerationSettings | None = None
    ) -> Iterator[str]:
        """The answer to a conversation, piece by piece. Closing the iterator stops the work.

        BadInput where the conversation is longer than the context.
        """
        with closing(self.engine.generate(messages, settings or GenerationSettings())) as chunks:  # type: ignore[type-var]
            for chunk in chunks:
                yield chunk.text

    def close(self) -> None:
        """Free the model. Calling it twice is harmless."""
        self.engine.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def load(
    model: str | Path,
    *,
    context: int = 4096,
    threads: int | None = None,
    progress: Progress | None = None,
    passphrase: str | None = None,
) -> Model:
    """Open a model: a name of the catalogue (downloaded where it is not here), a .gguf file or a
    bundle folder, or a sealed one (into memory). `context` is in tokens, cut to what the model was
    trained for; `passphrase` is of a sealed one that no key of this device opens."""
    from penjing.app.sealing import opened
    from penjing.bundle.home import Home
    from penjing.bundle.lookalikes import looks_sealed
    from penjing.bundle.resolve import find_model
    from penjing.core.errors import BadInput
    from penjing.engine.llamacpp import LlamaCpp

    if looks_sealed(Path(model)):
        words = None if passphrase is None else lambda _: passphrase
        with opened(Path(model), words, progress or Silent()) as found:
            return Model(LlamaCpp.open(found.model.path, context=context, threads=threads))
    home = Home.from_environment()
    path = find_model(str(model), home, progress=progress or Silent(), download=True)
    if path.is_dir():
        raise BadInput(f"{path} is a folder of safetensors: compress it, or give a .gguf file")
    return Model(LlamaCpp.open(path, context=context, threads=threads))


def compress(
    model: str | Path,
    output: str | Path,
    *,
    size: str | int | None = None,
    bits: float | None = None,
    device: str | None = None,
    keep: str | None = None,
    context: int = 2048,
    speed: float | None = None,
    prefill_speed: float | None = None,
    prune: str | None = None,
    teacher: str | Path | None = None,
    text: str | Path | None = None,
    held_out: str = "encyclopedia",
    effort: str = "standard",
    seed: int = 0,
    threads: int | None = None,
    ram: str | int | None = None,
    minutes: float | None = None,
    in_engine: bool = False,
    resume: bool = False,
    restart: bool = False,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Bundle:
    """Make a model small and measure what it kept; what `penjing compress` does.

    One of `size` (bytes, or "80MB"), `bits` (of the file for each weight), `device` (a name of
    `penjing devices`) and `keep` ("same-top>=0.85") says how small. `prune` leaves parts out first
    and heals the rest ("ffn=0.75,sublayers=4", or "search"); `speed` and `prefill_speed` are times
    that of the model given. With `in_engine` all is
    measured in the engine, as it is of any family without a forward pass of ours. BudgetError when
    it cannot be so small; the file is made, and `broken` says so, where it is possible and useless.
    """
    from penjing.app import compressing
    from penjing.app.making import Making

    heard = progress or Silent()
    asked = Making(
        str(model), Path(output), None if text is None else Path(text), held_out, effort, seed,
        threads, _bytes(ram), minutes, keep, speed, prefill_speed, prune,
        None if teacher is None else str(teacher), None, in_engine, resume, restart, overwrite,
    )  # fmt: skip
    budget = compressing.Budget(_bytes(size), bits, device, context)
    with compressing.prepared(asked, budget, heard) as ready:
        made = compressing.carry_out(ready, heard)
    return Bundle(
        asked.output,
        made["file"]["bytes"],
        tuple(Measurement(**each) for each in made["measurements"]),
        tuple(made["broken"]),
    )


def compare(
    model: str | Path,
    output: str | Path,
    *,
    methods: Sequence[str],
    sizes: Sequence[str | int] = (),
    effort: str = "standard",
    text: str | Path | None = None,
    held_out: str = "encyclopedia",
    resume: bool = False,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Comparison:
    """Methods at several sizes beside their negative controls; what `penjing compare` does.

    Quantizers of the textbook ("linear-8", "nf4") have sizes of their own: none are given then.
    """
    from penjing.app import comparing
    from penjing.app.making import Making

    heard = progress or Silent()
    asked = Making(
        str(model), Path(output), None if text is None else Path(text), held_out, effort,
        resume=resume, overwrite=overwrite,
    )  # fmt: skip
    with comparing.prepared(
        asked, ",".join(methods), ",".join(map(str, sizes)) or None, heard
    ) as ready:
        return comparing.carry_out(ready, heard)


def fit(
    model: str | Path, *, device: str = "this", context: int = 2048, codec: str | None = None
) -> FitEstimate:
    """Whether a model runs on a device, and how fast; nothing is downloaded or run."""
    from penjing.app.fitting import shape_of
    from penjing.bundle.home import Home
    from penjing.devices.find import find_device
    from penjing.devices.fit import fit as estimate

    home = Home.from_environment()
    shape = shape_of(str(model), codec, home, Silent())
    return estimate(shape, find_device(device, home=home.root), context)


def _bytes(size: str | int | None) -> int | None:
    return parse_size(size) if isinstance(size, str) else size
