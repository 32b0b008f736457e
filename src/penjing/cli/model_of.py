"""The model that a command's arguments name, pulled and loaded. For everything that talks."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from penjing.core.errors import BadInput

if TYPE_CHECKING:
    from penjing.core.progress import Progress
    from penjing.core.protocols import LanguageModel


def open_model(args: Namespace, progress: Progress) -> LanguageModel:
    """The model, pulled first if none was named and the default one is not here."""
    from penjing.bundle.catalogue import catalogue_of
    from penjing.bundle.home import Home
    from penjing.bundle.resolve import find_model

    home = Home.from_environment()
    name = args.model
    if name is None:
        from penjing.bundle.fetch import find

        name = catalogue_of(home).default
        if find(catalogue_of(home).entry(name), home) is None:
            progress.note(f"{name} is not here yet: pulling it, once")
    path = find_model(name, home, progress=progress, download=args.model is None)
    if path.is_dir():
        raise BadInput(
            f"{path} is a folder of safetensors and chat runs GGUF: "
            f"make one with penjing compress {path} -o DIR --size 80MB"
        )
    from penjing.engine.llamacpp import LlamaCpp

    return LlamaCpp.open(path, context=args.context, threads=args.threads)
