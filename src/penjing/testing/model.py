"""A language model made of nothing, for tests: whole, deterministic, and strict about its callers.

It keeps every promise of `LanguageModel` and none that the protocol does not make: scores are a
view of memory that the next call overwrites, a closed model refuses work, a prompt that does not
fit is refused. Knows no files; must not be mistaken for a model.

Tokens are bytes, so every text has an exact length and comes back exactly; three control tokens
follow the 256 bytes. The chat format is ChatML, as in SmolLM2.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from penjing.core.errors import BadInput, EngineError, TooLong
from penjing.core.messages import Chunk, FinishReason, GenerationSettings, Message, Usage
from penjing.engine.streaming import TextStream
from penjing.engine.template import Segment, encode
from penjing.engine.thoughts import KNOWN, Thoughts

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

CONTROL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
"""Control tokens 256, 257 and 258; the first one starts a text."""
VOCABULARY = 256 + len(CONTROL)
"""How many tokens there are."""
_BOS = 256


@dataclass(frozen=True)
class Call:
    """One answer that was asked for."""

    messages: tuple[Message, ...]
    """The conversation."""
    settings: GenerationSettings
    """How to write."""


class FakeModel:
    """Satisfies `LanguageModel`.

    `answers` are given in turn, and again from the first; without any, the newest message is
    echoed. An answer may begin with <think>a thought</think>. `pause` seconds pass before each
    piece of `piece` bytes: time enough for Ctrl-C.
    Grammars and schemas are not obeyed. `noise` shakes the scores: a worse copy of the same model.
    """

    def __init__(
        self,
        answers: Sequence[str] = (),
        *,
        name: str = "fake",
        context: int = 4096,
        seed: int = 0,
        noise: float = 0.0,
        pause: float = 0.0,
        piece: int = 4,
    ) -> None:
        self._answers = tuple(answers)
        self._name = name
        self._context = context
        self._seed = seed
        self._noise = noise
        self._pause = pause
        self._piece = piece
        self._seen: list[int] = []
        self._scores: npt.NDArray[np.float32] | None = None
        self.calls: list[Call] = []
        """Every answer asked for."""
        self.scored = 0
        """How often `score` was called."""
        self.cancelled = 0
        """How many answers were closed before their end."""
        self.closed = False
        """True after `close`."""

    @property
    def name(self) -> str:
        """What it was called."""
        return self._name

    @property
    def context_length(self) -> int:
        """Tokens that prompt and answer may fill together."""
        return self._context

    def tokenize(self, text: str, *, special: bool = False, bos: bool = True) -> list[int]:
        """The bytes of a text; control tokens only with `special`."""
        tokens = [_BOS] if bos else []
        while text:
            places = [(text.find(word), word) for word in CONTROL if special and word in text]
            at, word = min(places, default=(len(text), ""))
            tokens += text[:at].encode("utf-8", "replace")
            tokens += [256 + CONTROL.index(word)] if word else []
            text = text[at + len(word) :]
        return tokens

    def detokenize(self, tokens: Sequence[int]) -> str:
        """The text of tokens; control tokens show as nothing, broken UTF-8 as U+FFFD."""
        return bytes(token for token in tokens if token < 256).decode("utf-8", "replace")

    def prompt_tokens(
        self,
        messages: Sequence[Message],
        settings: GenerationSettings | None = None,  # noqa: ARG002 - there is no switch
    ) -> list[int]:
        """The prompt of a conversation in ChatML."""
        segments: list[Segment] = []
        for message in messages:
            segments.append(Segment(f"<|im_start|>{message.role}\n", True))
            segments.append(Segment(message.text, False))
            segments.append(Segment("<|im_end|>\n", True))
        segments.append(Segment("<|im_start|>assistant\n", True))
        return encode(
            segments,
            lambda text, special: self.tokenize(text, special=special, bos=False),
            lambda token: CONTROL[token - 256] if token >= 256 else None,
        )

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """How many prompt tokens these messages need."""
        return len(self.prompt_tokens(messages))

    def generate(
        self, messages: Sequence[Message], settings: GenerationSettings
    ) -> Iterator[Chunk]:
        """Stream the next answer. Its usage pretends to read 1000 tokens/s and write 100."""
        self._require_open()
        prompt = self.prompt_tokens(messages)
        room = self._context - len(prompt)
        if room < 1:
            raise TooLong(
                f"the prompt has {len(prompt)} tokens and the context holds {self._context}: "
                "shorten it or use a larger --context"
            )
        if self._answers:
            answer = self._answers[len(self.calls) % len(self._answers)]
        else:
            answer = messages[-1].text if messages else ""
        self.calls.append(Call(tuple(messages), settings))
        return self._stream(prompt, answer, settings.stop, min(settings.max_tokens, room))

    def _stream(
        self, prompt: list[int], answer: str, stop: Sequence[str], limit: int
    ) -> Iterator[Chunk]:
        cached = _common(self._seen, prompt)
        stream, thoughts = TextStream(stop), Thoughts(KNOWN[:1])
        data = answer.encode("utf-8", "replace")
        reason: FinishReason = "stop" if len(data) <= limit else "length"
        written = 0
        done = False
        try:
            while written < min(len(data), limit) and not stream.stopped:
                if self._pause:
                    time.sleep(self._pause)
                piece = data[written : min(written + self._piece, limit)]
                written += len(piece)
                heard = thoughts.feed(stream.feed(piece))
                if heard.answer or heard.thought:
                    yield Chunk(heard.answer, thought=heard.thought)
            if stream.stopped:
                reason = "stop"
            done = True
            usage = Usage(len(prompt), cached, written, len(prompt) / 1000, written / 100)
            heard = thoughts.feed(stream.finish(), last=True)
            yield Chunk(heard.answer, reason, usage, thought=heard.thought)
        finally:
            self.cancelled += not done
            self._seen = prompt + list(data[:written])

    def score(self, tokens: Sequence[int]) -> npt.NDArray[np.float32]:
        """Logits that depend on the seed and, row by row, on the tokens so far."""
        import numpy as np

        self._require_open()
        if not tokens:
            raise BadInput("nothing to score: the text has no tokens")
        if len(tokens) > self._context:
            raise TooLong(f"{len(tokens)} tokens exceed the context of {self._context}")
        self.scored += 1
        if self._scores is None or len(self._scores) < len(tokens):
            self._scores = np.empty((len(tokens), VOCABULARY), dtype=np.float32)
        out = self._scores[: len(tokens)]
        state = np.asarray(self._seed, dtype=np.uint64)
        for i, token in enumerate(tokens):
            state = _mixed(state ^ np.uint64(token + 1))
            out[i] = _logits(state)
            if self._noise:
                out[i] += self._noise * _logits(state ^ np.uint64(0x5EED))
        return out

    def reserve(self) -> None:
        """There is nothing to take."""

    def close(self) -> None:
        """Refuse work from now on. Calling it twice is harmless."""
        self.closed = True

    def __enter__(self) -> FakeModel:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _require_open(self) -> None:
        if self.closed:
            raise EngineError("the model was closed")


def _common(first: Sequence[int], second: Sequence[int]) -> int:
    for place, (one, other) in enumerate(zip(first, second, strict=False)):
        if one != other:
            return place
    return min(len(first), len(second))


def _mixed(value: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """splitmix64: one number in, one unrelated number out; the same on every machine."""
    import numpy as np

    with np.errstate(over="ignore"):
        value = np.asarray(value, dtype=np.uint64) + np.uint64(0x9E3779B97F4A7C15)
        value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return value ^ (value >> np.uint64(31))


def _logits(state: npt.NDArray[np.uint64]) -> npt.NDArray[np.float64]:
    """Logistic noise, scale 2: a few likely tokens and a long tail."""
    import numpy as np

    drawn = _mixed(_mixed(np.arange(VOCABULARY, dtype=np.uint64)) ^ state)
    uniform = (drawn >> np.uint64(11)).astype(np.float64) * 2.0**-53 + 2.0**-54
    return 2.0 * np.log(uniform / (1.0 - uniform))
