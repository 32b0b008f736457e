"""One answer as it grows: from rows of logits to chunks of text, until something ends it.

Knows what was asked and what was written; must not know which engine computes, nor whether other
answers are written beside it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

from penjing.core.errors import BadInput, EngineError, TooLong
from penjing.core.messages import Chunk, FinishReason, GenerationSettings, TokenLogprob, Usage
from penjing.engine.loops import going_round
from penjing.engine.sampler import Chooser, Likely, Row, likely
from penjing.engine.streaming import TextStream
from penjing.engine.thoughts import Heard, Thoughts

if TYPE_CHECKING:
    import numpy.typing as npt


class Held(Protocol):
    """What holds an answer to a form; `engine/constraint.py`."""

    def permits(self, token: int) -> bool:
        """Whether a token may come next."""
        ...

    def allowed(self) -> npt.NDArray[np.bool_]:
        """For each token, whether it may come next."""
        ...

    def accept(self, token: int) -> None:
        """Go on after a token that may come next."""
        ...

    def close(self) -> None:
        """Free it. Calling it twice is harmless."""
        ...


class Speller(Protocol):
    """What an answer must know of its model's tokens."""

    @property
    def context_length(self) -> int:
        """Tokens that prompt and answer may fill together."""
        ...

    @property
    def vocabulary(self) -> int:
        """How many tokens there are."""
        ...

    def piece(self, token: int, *, special: bool = False) -> bytes:
        """The bytes of one token; control tokens are empty unless `special`."""
        ...

    def ends(self, token: int) -> bool:
        """Whether a token ends an answer."""
        ...

    def constraint(self, settings: GenerationSettings) -> Held | None:
        """What holds an answer to its grammar or schema; None where neither is asked for."""
        ...


class Writing:
    """An answer. Feed `take` one row of logits for each token; use `close` when it is over."""

    def __init__(
        self,
        model: Speller,
        prompt: Sequence[int],
        settings: GenerationSettings,
        thoughts: Thoughts | None = None,
    ) -> None:
        """Raises BadInput for a prompt that does not fit, settings out of range, a bad grammar.

        With `thoughts`, what is thought is told apart from the answer.
        """
        _require_known(model, prompt, "the prompt")
        _require_known(model, [token for token, _ in settings.logit_bias], "logit_bias")
        room = model.context_length - len(prompt)
        if not prompt:
            raise BadInput("the prompt is empty: say something")
        if room < 1:
            raise TooLong(
                f"the prompt has {len(prompt)} tokens and the context holds "
                f"{model.context_length}: shorten it or use a larger --context"
            )
        self._model = model
        self._chooser = Chooser(settings)
        self._held = model.constraint(settings)
        self._stream = TextStream(settings.stop)
        self._thoughts, self._characters = thoughts, TextStream()
        self._top = settings.top_logprobs
        self._tells_the_end = settings.prompt_logprobs
        self._unsaid: list[tuple[int, TokenLogprob]] = []  # where its bytes begin, and it
        self._fed = self._said = 0  # bytes
        self._started, self._read = time.perf_counter(), 0.0
        self.limit = min(settings.max_tokens, room)
        """Tokens it may have."""
        self.prompt = len(prompt)
        """Tokens of the prompt."""
        self.cached = 0
        """Tokens of the prompt that were not computed again."""
        self.tokens = list(prompt)
        """The prompt and what was written."""

    @property
    def written(self) -> int:
        """How many tokens were."""
        return len(self.tokens) - self.prompt

    def take(self, row: Row) -> Chunk | None:
        """Choose the token that `row` predicts, and change the row; new text or the end, if any.

        Raises EngineError when the model or the grammar has no next token.
        """
        if not self._read:
            self._read = time.perf_counter()
            if np.isnan(row).any():
                raise EngineError("the model computes NaN: its weights are damaged, get it again")
        raw = row.copy() if self._top is not None else row
        token = self._choose(row)
        if self._model.ends(token):
            if self._tells_the_end and self._top is not None:
                self._note(self._model.piece(token, special=True), likely(raw, token, self._top))
            return self.end("stop")
        self.tokens.append(token)
        piece = self._piece(token)
        heard = self._hear(piece)
        if self._thoughts is None or self._thoughts.answering:
            if self._top is not None:
                self._note(
                    piece or self._model.piece(token, special=True), likely(raw, token, self._top)
                )
            self._fed += len(piece)
        if self._stream.stopped:
            return self.end("stop", heard)
        if self.written >= self.limit:
            return self.end("length", heard)
        if not (heard.answer or heard.thought):
            return None
        return Chunk(heard.answer, logprobs=self._spoken(heard.answer), thought=heard.thought)

    def end(self, reason: FinishReason, heard: Heard = Heard()) -> Chunk:  # noqa: B008 - frozen
        """The last chunk."""
        rest = self._hear(b"", last=True)
        text = heard.answer + rest.answer + self._stream.finish()
        now = time.perf_counter()
        read = self._read or now
        usage = Usage(
            prompt_tokens=self.prompt,
            cached_tokens=self.cached,
            completion_tokens=self.written,
            prefill_seconds=read - self._started,
            decode_seconds=now - read,
        )
        spoken = self._spoken(text, whole=not self._stream.stopped)
        return Chunk(text, reason, usage, spoken, heard.thought + rest.thought)

    def close(self) -> None:
        """Free the grammar. Calling it twice is harmless."""
        if self._held:
            self._held.close()

    def _piece(self, token: int) -> bytes:
        """The bytes of a token; of a marker of thoughts too, which may be a control token."""
        piece = self._model.piece(token)
        if piece or self._thoughts is None or self._thoughts.answering:
            return piece
        marker = self._model.piece(token, special=True)
        return marker if self._thoughts.is_part(marker.decode("utf-8", "replace")) else piece

    def _hear(self, piece: bytes, *, last: bool = False) -> Heard:
        """What a token's bytes make certain."""
        if self._thoughts is None:
            return Heard(answer=self._stream.feed(piece))
        text = self._characters.feed(piece) + (self._characters.finish() if last else "")
        heard = self._thoughts.feed(text, last=last)
        return Heard(heard.thought, self._stream.feed(heard.answer.encode()))

    def _choose(self, row: Row) -> int:
        self._chooser.penalize(row)
        token = self._chooser.choose(row)
        if self._held:
            token = self._within_form(self._held, row, token)
            self._held.accept(token)
        self._chooser.accept(token)
        return token

    def _within_form(self, held: Held, row: Row, token: int) -> int:
        """The likeliest that the form permits, and not the same for ever."""
        again = going_round(self.tokens[self.prompt :])
        if token != again and held.permits(token):
            return token
        allowed = held.allowed()  # only now pay for the whole vocabulary
        if again is not None and allowed[again] and int(allowed.sum()) > 1:
            allowed[again] = False
        row[~allowed] = -np.inf
        return self._chooser.choose(row)

    def _note(self, piece: bytes, found: Likely) -> None:
        top = tuple((self._model.piece(t, special=True), logprob) for t, logprob in found.top)
        self._unsaid.append((self._fed, TokenLogprob(piece, found.logprob, top)))

    def _spoken(self, text: str, *, whole: bool = False) -> tuple[TokenLogprob, ...]:
        """What is known of the tokens whose text has now been given, and was not said before."""
        self._said += len(text.encode())
        count = len(self._unsaid) if whole else 0
        while count < len(self._unsaid) and self._unsaid[count][0] < self._said:
            count += 1
        spoken = tuple(one for _, one in self._unsaid[:count])
        del self._unsaid[:count]
        return spoken


def _require_known(model: Speller, tokens: Sequence[int], where: str) -> None:
    """Raise BadInput for a number that is no token's."""
    for token in tokens:
        if not 0 <= token < model.vocabulary:
            raise BadInput(f"{where} has {token}: tokens are numbered 0 to {model.vocabulary - 1}")
