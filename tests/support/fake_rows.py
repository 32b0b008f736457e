"""A model and its memory, made of nothing, for the scheduler: what comes next follows from a row's
whole content, so that one wrong, missing or foreign token in it gives another answer."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence

import numpy as np

from penjing.core.errors import EngineError
from penjing.core.messages import GenerationSettings, Message
from penjing.engine.rows import BATCH, Piece
from penjing.testing.model import VOCABULARY, FakeModel

END = 258


def next_token(held: Sequence[int]) -> int:
    """The likeliest token after these: a letter, or the end about once in forty."""
    mixed = 0
    for token in held:
        mixed = (mixed * 31 + token + 7) & 0xFFFFFFFF
    mixed = (mixed ^ (mixed >> 15)) * 0x2C1B3C6D & 0xFFFFFFFF
    return END if mixed % 41 == 0 else 97 + (mixed >> 8) % 26


def expected(prompt: Sequence[int], limit: int) -> str:
    """The answer to a prompt, when nothing interferes."""
    held = list(prompt)
    while len(held) - len(prompt) < limit and (token := next_token(held)) != END:
        held.append(token)
    return bytes(held[len(prompt) :]).decode()


class Whim:
    """A constraint whose grammar gives up after some tokens."""

    def __init__(self, patience: int) -> None:
        self.patience = patience
        self.closed = 0

    def permits(self, token: int) -> bool:
        self.patience -= 1
        if self.patience < 0:
            raise EngineError("the grammar became too complex here: simplify it")
        return True

    def allowed(self) -> np.ndarray:
        return np.ones(VOCABULARY, bool)

    def accept(self, token: int) -> None:
        pass

    def close(self) -> None:
        self.closed += 1


class RowsModel:
    """Satisfies `BatchModel`. A grammar is a number: after so many tokens it gives up."""

    def __init__(self, context: int = 256) -> None:
        self._fake = FakeModel(context=context)
        self.name, self.context_length, self.vocabulary = "rows", context, VOCABULARY
        self.scoring_ended = 0
        self.tokenize, self.prompt_tokens = self._fake.tokenize, self._fake.prompt_tokens
        self.count_tokens = self._fake.count_tokens
        self.whims: list[Whim] = []
        self.closed = 0

    def piece(self, token: int, *, special: bool = False) -> bytes:
        return bytes([token]) if token < 256 else b"<control>" if special else b""

    def ends(self, token: int) -> bool:
        return token == END

    def constraint(self, settings: GenerationSettings) -> Whim | None:
        if settings.grammar is None:
            return None
        self.whims.append(Whim(int(settings.grammar)))
        return self.whims[-1]

    def score_pieces(self, tokens: Sequence[int]) -> Iterator[np.ndarray]:
        """Pieces of 8: a row for what each prefix makes likely."""
        for first in range(0, len(tokens), 8):
            out = np.zeros((len(tokens[first : first + 8]), VOCABULARY), np.float32)
            for at in range(len(out)):
                out[at, next_token(tokens[: first + at + 1])] = 9
            yield out

    def end_scoring(self) -> None:
        self.scoring_ended += 1

    def thoughts(self, prompt: Sequence[int]) -> None:
        return None

    def close(self) -> None:
        self.closed += 1


class FakeRows:
    """Satisfies `Rows`, and is strict about its callers."""

    def __init__(self, count: int, length: int = 256, *, pause: float = 0.0) -> None:
        self.count, self.length = count, length
        self.pause, self.token_pause = pause, 0.0
        self.held: list[list[int]] = [[] for _ in range(count)]
        self.steps: list[list[Piece]] = []
        self.failing = 0
        self.gate = threading.Event()
        self.gate.set()
        self.closed = 0

    def run(self, pieces: Sequence[Piece]) -> np.ndarray:
        self.gate.wait(10)
        if self.pause:
            time.sleep(self.pause)
        if self.token_pause:
            time.sleep(self.token_pause * sum(len(piece.tokens) for piece in pieces))
        self.steps.append(list(pieces))
        rows = [piece.row for piece in pieces]
        assert rows == sorted(set(rows)), "rows come in order, each once"
        assert 0 < sum(len(piece.tokens) for piece in pieces) <= BATCH
        if self.failing:
            self.failing -= 1
            raise EngineError("the engine could not run")
        out = []
        for piece in pieces:
            held = self.held[piece.row]
            assert piece.first == len(held), "positions follow what the row holds"
            assert piece.tokens
            held += piece.tokens
            assert len(held) <= self.length
            if piece.wanted:
                row = np.zeros(VOCABULARY, np.float32)
                row[next_token(held)] = 9
                out.append(row)
        return np.array(out, np.float32).reshape(len(out), VOCABULARY)

    def keep(self, row: int, count: int) -> bool:
        assert count <= len(self.held[row])
        del self.held[row][count:]
        return True

    def copy(self, source: int, target: int) -> None:
        assert source != target
        self.held[target] = list(self.held[source])

    def close(self) -> None:
        self.closed += 1


def request_prompt(text: str) -> list[int]:
    """The tokens of a conversation of one message."""
    return FakeModel().prompt_tokens([Message.of("user", text)])


def long_winded(limit: int) -> str:
    """A question whose answer does not end before `limit`."""
    asked = map(str, range(10_000))
    return next(text for text in asked if len(expected(request_prompt(text), limit)) == limit)
