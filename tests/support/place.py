"""A place to run whole commands in: a tiny chat model's file, texts, and command lines on them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import tiny

from penjing.bundle.gguf_values import Value
from penjing.cli.app import main
from penjing.workshop.checkpoint import Checkpoint
from penjing.workshop.export.gguf import export_gguf

WORDS = ("the", "sea", "was", "calm", "and", "a", "small", "boat", "came", "home", "with", "fish")


def prose(seed: int, words: int) -> str:
    """Sentences of nine words that no other seed has."""
    chance = np.random.default_rng(seed)
    return ". ".join(" ".join(chance.choice(WORDS, 9)) for _ in range(words // 9))


class Place:
    """A model file, texts, and the command line on them."""

    def __init__(self, folder: Path, *, hidden: int = 64, vocab: int = 0) -> None:
        self.folder = folder
        plain = tiny.checkpoint("llama", layers=2, hidden=hidden, ffn=256, vocab=vocab)
        metadata = {**plain.metadata, "tokenizer.chat_template": Value.text(tiny.TEMPLATE)}
        self.checkpoint = Checkpoint.of("tiny", metadata, plain.tensors)
        self.model = folder / "tiny.gguf"
        export_gguf(self.checkpoint, self.model, dict.fromkeys(plain.quantizable, "F16"))
        self.held = folder / "held.txt"
        self.held.write_text(prose(1, 1300))
        (folder / "own.txt").write_text(prose(2, 800))

    def words(self, out: str, *more: str, size: str = "110KB") -> list[str]:
        """A `compress` command line."""
        return [
            "compress", str(self.model), "-o", str(self.folder / out), "--size", size,
            "--effort", "light", "--text", str(self.folder / "own.txt"),
            "--held-out", str(self.held),
            "--threads", "1", "--json", "--quiet", *more,
        ]  # fmt: skip

    def run(self, capsys: Any, out: str, *more: str, size: str = "110KB") -> tuple[int, Any, str]:
        """Run it here: exit status, document, what it said on stderr."""
        capsys.readouterr()
        status = main(self.words(out, *more, size=size))
        said = capsys.readouterr()
        return status, json.loads(said.out) if said.out else None, said.err
