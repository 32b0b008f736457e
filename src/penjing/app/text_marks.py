"""Marks in text: the secret that words are drawn with, and looking for it in what was written."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penjing.core.errors import BadInput
from penjing.core.progress import Progress

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from penjing.core.protocols import LanguageModel

_MOST_TOKENS = 4096
_PIECE = 512
_LONGEST_KEY = 1000


@dataclass(frozen=True)
class Suspect:
    """A text, and how it would have been drawn."""

    text: Path
    """UTF-8."""
    keys: tuple[Path, ...]
    """Of the mark that is looked for: those that it was written with, in their order."""
    which: int | None = None
    """Only the rounds of one of two keys; None: of all."""
    model: str | None = None
    """Whose tokens it is made of, and whose choice it was; None: the default one."""
    temperature: float = 0.8
    """At which it would have been written."""
    threads: int | None = None
    """Cores; None: all."""


def make_key(path: Path) -> dict[str, str]:
    """A new secret, in a file for its owner alone."""
    from penjing.core.files import require_folder, require_suffix, write_text
    from penjing.core.strangers import is_there

    require_suffix(path, ".key")
    require_folder(path)
    if is_there(path):
        raise BadInput(f"{path} is there already: a key is not replaced, choose another name")
    write_text(path, secrets.token_hex(32) + "\n", private=True)
    return {"key": str(path)}


def read_keys(paths: tuple[Path, ...]) -> tuple[str, ...]:
    """Secrets as `GenerationSettings.mark` takes them. BadInput for what is none."""
    from penjing.core.strangers import read_plain

    found = []
    for path in paths:
        words = read_plain(path, limit=_LONGEST_KEY).decode("ascii", "replace").strip()
        if not re.fullmatch("[0-9a-f]{64}", words):
            raise BadInput(f"{path} is no key of a mark: make one with penjing mark key FILE")
        found.append(words)
    return tuple(found)


def find_mark(asked: Suspect, progress: Progress) -> dict[str, Any]:
    """Whether a text was drawn with these keys, or whether it had too little choice to tell."""
    from penjing.app.opening import find_file
    from penjing.core.files import read_text
    from penjing.engine.llamacpp import LlamaCpp
    from penjing.engine.watermark_detector import read_text as detect

    keys, words = read_keys(asked.keys), read_text(asked.text)
    if asked.which is not None and asked.which >= len(keys):
        raise BadInput(f"--which {asked.which + 1} of {len(keys)} keys: give the keys in order")
    path = find_file(asked.model, "mark", progress)
    with LlamaCpp.open(path, context=_PIECE, threads=asked.threads) as model:
        tokens = model.tokenize(words, bos=False)[:_MOST_TOKENS]
        drawn = list(_drawn_from(model, tokens, asked.temperature, progress))
    found = detect(tokens, keys, which=asked.which, drawn_from=drawn)
    return {
        "text": str(asked.text),
        "verdict": found.verdict,
        "z": found.z,
        "log10_p": found.log10_p,
        "tokens": found.tokens,
        "expected_z": found.expected_z,
        "temperature": asked.temperature,
    }


def _drawn_from(
    model: LanguageModel, tokens: list[int], temperature: float, progress: Progress
) -> Iterator[tuple[npt.NDArray[np.intp], npt.NDArray[np.float64]]]:
    """What each token was drawn from, as far as the text before it says: no prompt is known."""
    import numpy as np

    from penjing.core.messages import GenerationSettings
    from penjing.engine.sampler import Chooser

    chooser = Chooser(GenerationSettings(temperature=temperature, repeat_penalty=1.0))
    with progress.task("reading the text", len(tokens), unit="tokens") as bar:
        for first in range(0, len(tokens), _PIECE):
            piece = tokens[first : first + _PIECE]
            yield np.array(piece[:1]), np.ones(1)  # nothing is known before it
            for row in model.score(piece)[: len(piece) - 1]:
                yield chooser.candidates(row)
            bar.advance(len(piece))
