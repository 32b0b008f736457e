"""A baseline's log-probabilities, recorded once so that many candidates can be measured by them.

One float32 value per scored position and token of the vocabulary lies on disk: `disk_need` says
how much. Memory holds one window's logits (the engine's own) and one block of about 1 MB.
A recording that was killed goes on where it stopped, if its signature is the same: the model's
identity, the tokens, the context and the vocabulary.

Must not know what is computed from it (`retention.py`).
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from penjing.core.errors import EngineError
from penjing.core.progress import Progress, Silent
from penjing.core.protocols import LanguageModel
from penjing.evaluation.append_log import Ledger, Signature, fill, fingerprint
from penjing.evaluation.logprobs import Floats, block_rows, blocks, log_softmax
from penjing.evaluation.reading import vocabulary_of
from penjing.evaluation.windows import Windows, cut, start_token


@dataclass(frozen=True)
class Reference:
    """A complete recording."""

    name: str
    """The baseline."""
    windows: Windows
    """What was read."""
    vocabulary: int
    """Tokens in the baseline's vocabulary."""
    folder: Path
    """Where the recording lies; whoever asked for it removes it."""
    signature: Signature
    """What it is a recording of."""
    ledger: Ledger
    """The recording, a row per window."""

    def read(self, window: int) -> Iterator[Floats]:
        """Log-probabilities of a window, a block of rows at a time; the next overwrites it."""
        buffer = np.empty((block_rows(self.vocabulary), self.vocabulary), dtype=np.float32)
        with self.ledger.open_row(window) as file:
            for rows in blocks(self.windows.scored, self.vocabulary):
                block = buffer[: rows.stop - rows.start]
                fill(file, block)
                yield block


def record(
    model: LanguageModel,
    tokens: Sequence[int],
    context: int,
    folder: Path,
    progress: Progress | None = None,
    *,
    windows: int | None = None,
    identity: str = "",
) -> Reference:
    """Record `model` on at most `windows` windows of `tokens` into `folder`.

    `identity` names the model's exact content, for example its sha256; without one nothing is
    resumed. Raises StorageError when the disk has no room, EngineError when a logit is not finite.
    """
    pieces = cut(tokens, context, start=start_token(model), limit=windows)
    vocabulary = vocabulary_of(model, pieces)
    signature: Signature = {
        "kind": "baseline log-probabilities, float32",
        "identity": identity or secrets.token_hex(16),
        "tokens": fingerprint(pieces.ids.tobytes()),
        "context": context,
        "vocabulary": vocabulary,
    }
    ledger = Ledger(
        folder / "baseline",
        signature,
        row_bytes=disk_need(1, context, vocabulary),
        rows=len(pieces),
    )
    todo = range(ledger.done, len(pieces))
    label, left = f"reading with {model.name}", len(todo) * context
    heard = progress or Silent()
    if ledger.done:
        heard.note(f"{label}: {ledger.done} of {len(pieces)} windows are read already")
    with heard.task(label, left, unit="tokens") as bar:
        for window in todo:
            ledger.append(log_probs(model, pieces, window, vocabulary))
            bar.advance(context)
    return Reference(model.name, pieces, vocabulary, folder, signature, ledger)


def disk_need(windows: int, context: int, vocabulary: int) -> int:
    """Bytes a recording takes: 50 MB for a window of 512 and a vocabulary of 49152."""
    return windows * (context - 1 - context // 2) * vocabulary * 4


def log_probs(
    model: LanguageModel, windows: Windows, window: int, vocabulary: int
) -> Iterator[Floats]:
    """Log-probabilities of a window's scored rows, a block at a time; the next overwrites it."""
    logits = model.score(windows.tokens(window))
    if logits.shape != (windows.context, vocabulary):
        raise EngineError(
            f"{model.name} gave logits of shape {logits.shape}, "
            f"not {(windows.context, vocabulary)}: report this"
        )
    shape = (block_rows(vocabulary), vocabulary)
    out, scratch = np.empty(shape, dtype=np.float32), np.empty(shape, dtype=np.float32)
    for rows in blocks(windows.scored, vocabulary):
        count = rows.stop - rows.start
        part = logits[windows.first + rows.start : windows.first + rows.stop]
        try:
            yield log_softmax(part, out[:count], scratch[:count])
        except EngineError as error:
            raise EngineError(
                f"{model.name}, window {window + 1}: {error}: the file is damaged, "
                "or the engine does not support it"
            ) from error
