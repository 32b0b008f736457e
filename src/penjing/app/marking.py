"""Writing an owner's code into the weights of a model, and reading it back from any file."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penjing.app.pruning import CALIBRATION
from penjing.core.errors import BadInput
from penjing.core.progress import Progress

if TYPE_CHECKING:
    from penjing.workshop.importance import Importance

_WINDOWS, _LENGTH = 16, 256
"""Of calibration text, on which importance is measured."""


@dataclass(frozen=True)
class Marking:
    """What to mark, and with what."""

    model: str
    """A .gguf file, a bundle or a name of the catalogue."""
    output: Path
    """The .gguf to be made."""
    receipt: Path
    """Where what is needed to read the mark is kept."""
    code: int | None = None
    """64 bits; None: by chance."""
    text: str = CALIBRATION
    """On which the importance of every channel is measured."""
    threads: int | None = None
    """Cores; None: all."""
    overwrite: bool = False
    """Replace files that are there."""


def mark(asked: Marking, progress: Progress) -> dict[str, Any]:
    """Write a marked copy and its receipt; what was done, as plain data."""
    from penjing.bundle.folder import model_name
    from penjing.bundle.gguf_parts import GGUFModel
    from penjing.bundle.home import Home
    from penjing.bundle.resolve import find_model, find_text
    from penjing.core.files import require_new_file
    from penjing.workshop.mark.model import write_mark
    from penjing.workshop.mark.receipt import write_receipt

    require_new_file(asked.output, ".gguf", overwrite=asked.overwrite)
    require_new_file(asked.receipt, ".mark", overwrite=asked.overwrite)
    home = Home.from_environment()
    path = find_model(asked.model, home, progress=progress, download=True)
    if path.is_dir():
        raise BadInput(f"{path} is not quantized: make a .gguf with penjing compress, mark that")
    _, text = find_text(asked.text, home, progress=progress, download=True)
    importance = _importance(path, text, asked.threads, progress)
    code = secrets.randbits(64) if asked.code is None else asked.code
    with GGUFModel.open(path) as model:
        receipt = write_mark(
            model,
            asked.output,
            importance,
            key=secrets.token_bytes(32),
            code=code,
            name=model_name(path),
            progress=progress,
        )
    write_receipt(asked.receipt, receipt)
    return {
        "output": str(asked.output),
        "receipt": str(asked.receipt),
        "code": f"{code:016x}",
        "weights": receipt.count,
        "tensors": len(receipt.tensors),
    }


def read_mark(model: str, receipt: Path, progress: Progress) -> dict[str, Any]:
    """Look for the mark of a receipt in a model; what was found, as plain data."""
    from penjing.bundle.gguf_parts import GGUFModel
    from penjing.bundle.home import Home
    from penjing.bundle.resolve import find_model
    from penjing.workshop.mark import model as marks
    from penjing.workshop.mark.receipt import read_receipt

    known = read_receipt(receipt)
    path = find_model(model, Home.from_environment(), progress=progress, download=False)
    if path.is_dir():
        raise BadInput(f"{path} is a folder: a mark is read from a .gguf file")
    with GGUFModel.open(path) as opened:
        found = marks.read_mark(opened, known, progress)
    return {
        "model": str(path),
        "found": found.found,
        "log10_p": found.log10_p,
        "code": f"{found.code:016x}" if found.found else None,
        "written": f"{known.code:016x}",
        "matching_bits": found.matching,
        "log10_p_bits": found.log10_p_bits,
        "weights": found.weights,
        "of": known.count,
        "strength": found.strength,
    }


def _importance(path: Path, text: str, threads: int | None, progress: Progress) -> Importance:
    from penjing.engine.llamacpp import LlamaCpp
    from penjing.workshop.importance import collect

    with LlamaCpp.open(path, context=_LENGTH, threads=threads) as model:
        length = min(_LENGTH, model.context_length)
        tokens = model.tokenize(text[: _WINDOWS * length * 16], bos=False)
        windows = [tokens[at : at + length] for at in range(0, len(tokens) - length + 1, length)]
        if not windows:
            raise BadInput(f"the text has {len(tokens)} tokens and {length} are needed: more of it")
        return collect(model, windows[:_WINDOWS], progress)
