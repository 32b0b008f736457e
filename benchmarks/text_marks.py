"""How well the mark in text is found, by length and temperature, with a real model's own texts.

    python benchmarks/text_marks.py [--texts 24] [--length 200]

The default model writes texts side by side, marked, at three temperatures (top-k 40, top-p 0.9 as
in chat; and the whole vocabulary). Detection is at 1% false positives by the normal distribution;
how many false positives there really are is counted with keys that no text was written with.
"""

from __future__ import annotations

import argparse

import numpy as np

from penjing.bundle.catalogue import catalogue_of
from penjing.bundle.home import Home
from penjing.bundle.resolve import find_model
from penjing.core.messages import GenerationSettings, Message
from penjing.core.progress import Silent
from penjing.engine.context import BATCH
from penjing.engine.llamacpp import LlamaCpp
from penjing.engine.sampler import Chooser
from penjing.engine.watermark_detector import read_text

KEY = "5a" * 32
SUBJECTS = (
    "a fox", "the sea", "a market", "an old house", "bread", "a train", "winter", "a teacher",
    "mountains", "music", "a lost key", "the moon", "gardens", "a river", "cats", "a long walk",
    "the city", "tea", "a storm", "friendship", "a painter", "clocks", "the forest", "letters",
)  # fmt: skip
LENGTHS = (25, 50, 100, 200, 400)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--texts", type=int, default=24)
    parser.add_argument("--length", type=int, default=200)
    args = parser.parse_args()
    home = Home.from_environment()
    path = find_model(catalogue_of(home).default, home, progress=Silent(), download=True)
    with LlamaCpp.open(path) as model:
        for temperature, top_k, top_p in (
            (0.6, 40, 0.9), (0.8, 40, 0.9), (1.0, 40, 0.9), (0.8, 0, 1.0),
        ):  # fmt: skip
            settings = GenerationSettings(
                temperature=temperature, top_k=top_k, top_p=top_p, repeat_penalty=1.0, mark=(KEY,)
            )
            texts = write(model, settings, args.texts, args.length)
            show(texts, f"temperature {temperature}, top-k {top_k}, top-p {top_p}")


def write(
    model: LlamaCpp, settings: GenerationSettings, count: int, length: int
) -> list[list[int]]:
    """Texts side by side; an end is not an end, so that all are as long."""
    prompts = [
        model.prompt_tokens([Message.of("user", f"Write a long story about {SUBJECTS[n % 24]}.")])
        for n in range(count)
    ]
    size = max(map(len, prompts)) + length
    context = model.new_context(size * count, outputs=BATCH, sequences=count)
    choosers = [Chooser(settings) for _ in prompts]
    written: list[list[int]] = []
    try:
        for row, prompt in enumerate(prompts):
            context.run(prompt, range(len(prompt)), [row] * len(prompt), all_logits=False)
            written.append([choose(model, choosers[row], context.logits(1, model.vocabulary)[0])])
        while len(written[0]) < length:
            last = [tokens[-1] for tokens in written]
            places = [len(prompts[n]) + len(written[n]) - 1 for n in range(count)]
            context.run(last, places, list(range(count)), all_logits=True)
            logits = context.logits(count, model.vocabulary)
            for n in range(count):
                written[n].append(choose(model, choosers[n], logits[n]))
    finally:
        context.free()
    return written


def choose(model: LlamaCpp, chooser: Chooser, row: np.ndarray) -> int:
    """The next token, that ends nothing."""
    row = row.copy()
    row[[token for token in range(3) if model.ends(token)]] = -np.inf
    token = chooser.choose(row)
    chooser.accept(token)
    return token


def show(texts: list[list[int]], title: str) -> None:
    """A line for each length."""
    print(title)
    for length in [one for one in LENGTHS if one <= len(texts[0])]:
        found = [read_text(text[:length], (KEY,)) for text in texts]
        share = sum(one.verdict == "marked" for one in found) / len(found)
        others = [
            read_text(text[:length], (f"{key:064x}",)).verdict == "marked"
            for text in texts
            for key in range(100)
        ]
        print(
            f"  {length:4} tokens: detected {share:.2f}, median z "
            f"{np.median([one.z for one in found]):.1f}, false positives {np.mean(others):.4f} "
            f"of {len(others)}",
            flush=True,
        )


if __name__ == "__main__":
    main()
