"""Finding and loading the model that a command was asked for, then nothing gets out.

Imports nothing heavy until it is called.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from penjing.core.errors import BadInput

if TYPE_CHECKING:
    from penjing.core.progress import Progress
    from penjing.core.protocols import LanguageModel


@dataclass(frozen=True)
class ModelSettings:
    """Which model, and how it is opened."""

    model: str | None = None
    """A name of the catalogue, a .gguf file or a bundle; None: the default."""
    context: int = 4096
    """Tokens that a conversation may fill."""
    threads: int | None = None
    """Cores; None: all."""
    offline: bool = True
    """Nothing gets out of this process once the model is here."""
    words: Callable[[str], str] | None = field(default=None, repr=False)
    """Asks for the passphrase of a sealed file, which is named to it."""


@dataclass(frozen=True)
class ModelFile:
    """A model that can be loaded now."""

    path: Path
    """The .gguf file; in memory where it was sealed."""
    documents: Mapping[str, bytes]
    """Manifest and passport of a sealed bundle; empty for any other model."""


def open_model(settings: ModelSettings, progress: Progress) -> LanguageModel:
    """The model, pulled first if none was named and the default one is not here."""
    with model_file(settings.model, "chat", progress, settings.words) as found:
        if settings.offline:
            close_shutter(progress, local=False)
        from penjing.engine.llamacpp import LlamaCpp
        from penjing.engine.rendering import RENDERER

        RENDERER.start()  # while the model loads
        model = LlamaCpp.open(found.path, context=settings.context, threads=settings.threads)
    try:
        model.reserve()
    except BaseException:
        model.close()
        raise
    return model


@contextmanager
def model_file(
    name: str | None, command: str, progress: Progress, words: Callable[[str], str] | None = None
) -> Iterator[ModelFile]:
    """The GGUF file of a model, sealed or not, for as long as it may be opened again."""
    from penjing.bundle.lookalikes import looks_sealed

    if name is None or not looks_sealed(Path(name)):
        yield ModelFile(find_file(name, command, progress), {})
        return
    from penjing.app.sealing import opened

    with opened(Path(name), words, progress) as found:
        yield ModelFile(found.model.path, found.documents)


def find_file(name: str | None, command: str, progress: Progress) -> Path:
    """The GGUF file of a model; the default one is pulled when it is not here."""
    from penjing.bundle.catalogue import catalogue_of
    from penjing.bundle.home import Home
    from penjing.bundle.resolve import find_model

    home = Home.from_environment()
    named = name is not None
    if name is None:
        from penjing.bundle.fetch import find

        name = catalogue_of(home).default
        if find(catalogue_of(home).entry(name), home) is None:
            progress.note(f"{name} is not here yet: pulling it, once")
    path = find_model(name, home, progress=progress, download=not named)
    if path.is_dir():
        raise BadInput(
            f"{path} is a folder of safetensors and {command} runs GGUF: "
            f"make one with penjing compress {path} -o DIR --size 80MB"
        )
    return path


def close_shutter(
    progress: Progress, *, local: bool, allowed: Sequence[tuple[str, int]] = ()
) -> None:
    """Before the engine's threads start: the kernel holds those that come later.

    `allowed` are hosts and ports that may still be reached.
    """
    from penjing.core.egress import shutter
    from penjing.core.egress.allowed import address

    receipt = shutter.close_shutter([address(*one) for one in allowed], local=local)
    if not receipt.kernel:
        progress.note("offline in Python only: this system holds no native code (penjing doctor)")
