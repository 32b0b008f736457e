"""Writes `understand/meanings.npz`: static vectors of words, distilled from multilingual-e5-small.

    penjing pull multilingual-e5-small && penjing pull smollm2-135m-instruct
    python scripts/meanings.py

The recipe of Model2Vec (Tulkens and van Dongen 2024). Which words there are, and how often they are
said, is taken from two tokenizers: English ones from SmolLM2's, whose tokens stand in the order in
which they were merged, Chinese ones from e5's own, whose tokens have a probability. e5 reads each
alone. The vectors are centred in each language, cut to their principal components and made of
length 1, and a word said with probability p counts a / (a + p) (Arora et al. 2017).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

FILE = Path(__file__).parents[1] / "src/penjing/assistant/understand/meanings.npz"
ENGLISH, CHINESE = 14_000, 3_500
"""Words of each language."""
DIMENSION = 64
_FREQUENT = 1e-3
"""The `a` above."""
_BATCH = 64


def english(tokens: list[str]) -> dict[str, float]:
    """Words by SmolLM2's tokens, each with its probability by Zipf's law."""
    whole = [one[1:].lower() for one in tokens if re.fullmatch("Ġ[A-Za-z]+", one)]
    words = [one for one in dict.fromkeys(whole) if len(one) > 1 or one in "ai"]
    return {word: 1 / (10 * (rank + 3)) for rank, word in enumerate(words[:ENGLISH])}


def chinese(tokens: list[str], scores: Any) -> dict[str, float]:
    """Words by e5's tokens, each with its probability."""
    found: dict[str, float] = {}
    for place in np.argsort(-np.asarray(scores), kind="stable"):
        word = tokens[place].strip("▁")
        if re.fullmatch("[\u3400-\u9fff]{1,4}", word):
            found.setdefault(word, float(np.exp(scores[place])))
    return dict(list(found.items())[:CHINESE])


def packed(words: list[str], vectors: Any, often: Any) -> dict[str, Any]:
    """What the file holds: vectors in 8 bits, each with a scale that has its weight in it."""
    exact = np.array(vectors, dtype=np.float64)
    latin = np.array([word.isascii() for word in words])
    for some in (latin, ~latin):  # or the first component says which language it is
        exact[some] -= exact[some].mean(axis=0)
    exact /= np.linalg.norm(exact, axis=1, keepdims=True)
    _, axes = np.linalg.eigh(exact.T @ exact)
    cut = exact @ axes[:, ::-1][:, :DIMENSION]
    top = np.abs(cut).max(axis=1, keepdims=True) / 127
    weight = _FREQUENT / (_FREQUENT + np.asarray(often))
    return {
        "words": np.frombuffer("\n".join(words).encode(), dtype=np.uint8),
        "vectors": np.rint(cut / top).astype(np.int8),
        "scale": (top * weight[:, None]).astype(np.float16),
    }


def main() -> None:
    """Write it."""
    from penjing.bundle.gguf_reader import GGUFFile
    from penjing.bundle.home import Home
    from penjing.bundle.resolve import find_model
    from penjing.core.progress import Silent
    from penjing.engine.embedding import LlamaEmbedder

    home = Home.from_environment()
    e5, smollm = (
        find_model(name, home, progress=Silent(), download=False)
        for name in ("multilingual-e5-small", "smollm2-135m-instruct")
    )

    def field(path: Path, name: str) -> Any:
        with GGUFFile.open(path) as file:
            return list(file.get(f"tokenizer.ggml.{name}", ()))

    known = english(field(smollm, "tokens")) | chinese(field(e5, "tokens"), field(e5, "scores"))
    words = list(known)
    with LlamaEmbedder.open(e5) as embedder:
        vectors = np.concatenate(
            [embedder.embed(words[n : n + _BATCH], "query") for n in range(0, len(words), _BATCH)]
        )
    np.savez_compressed(FILE, **packed(words, vectors, list(known.values())))
    print(f"{FILE}: {len(words)} words, {FILE.stat().st_size} bytes")


if __name__ == "__main__":
    main()
