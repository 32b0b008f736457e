"""llama.cpp in this process, through its C API. No server, no port, no other process.

Knows tokens and logits; must not know where a model came from or who is talking.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from penjing.bundle.folder import model_name
from penjing.bundle.gguf_parts import GGUFModel
from penjing.core.errors import BadInput, EngineError, FormatError, TooLong
from penjing.core.interrupts import deferred
from penjing.core.messages import Chunk, GenerationSettings, Message
from penjing.engine.constraint import Constraint, mistaken
from penjing.engine.context import BATCH, Context
from penjing.engine.guard import require_survivable
from penjing.engine.native_sampler import Sampler
from penjing.engine.rows import LlamaRows
from penjing.engine.template import encode, render_segments
from penjing.engine.thinker import Thinker, switches_of
from penjing.engine.thoughts import Thoughts
from penjing.engine.vocabulary import Habits, Vocabulary
from penjing.engine.writing import Writing
from penjing.ggml.library import last_complaint, load

_PREFILL_PIECE = 128  # tokens between two chances to stop
_PLAINLY_SHORT = 8  # characters for each token of the context
_PLAIN = GenerationSettings()


def usable_cores() -> int:
    """Cores this process may run on."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not Linux
        return os.cpu_count() or 1


class LlamaCpp:
    """A GGUF file, loaded. Satisfies `LanguageModel`; not for use by two threads at once."""

    def __init__(
        self, path: Path, model: int, habits: Habits, *, context: int, threads: int
    ) -> None:
        self._library = load()
        self._model = model
        self._words = Vocabulary(self._library.llama_model_get_vocab(model), habits)
        self._vocab_size = self._words.size
        self._context_length: int = min(context, self._library.llama_model_n_ctx_train(model))
        self._threads = threads
        self._chat: Context | None = None
        self._scoring: Context | None = None
        self._seen: list[int] = []  # tokens whose keys and values the chat context holds
        self.path = path
        self._name = model_name(path)  # of a file in memory there is none once it is closed

    @classmethod
    def open(
        cls, path: Path, *, context: int = 4096, threads: int | None = None, repack: bool = True
    ) -> LlamaCpp:
        """Load a model file. Raises FormatError for a bad file, EngineError when it will not run.

        `context` is cut to what the model was trained for; `threads` defaults to all usable cores.
        Without `repack` weights lie in memory as in the file: slower, see `weights.py`.
        """
        with GGUFModel.open(path) as file:  # bounded check before C code trusts a single length
            path = file.path
            require_survivable(file)
            habits = Habits.of(file)
        library, model = load(), _loaded(path, repack)
        if mistaken(library.llama_model_get_vocab(model)):
            first = model
            try:
                model = _loaded(path, repack)  # beside the first, so that it lies elsewhere
            finally:
                with deferred():
                    library.llama_model_free(first)
        return cls(path, model, habits, context=context, threads=threads or usable_cores())

    @property
    def name(self) -> str:
        """What to call it: its bundle's folder, or the file's name without its ending."""
        return self._name

    @property
    def context_length(self) -> int:
        """Tokens that prompt and answer may fill together."""
        return self._context_length

    @property
    def vocabulary(self) -> int:
        """How many tokens there are."""
        return self._vocab_size

    @property
    def chat_template(self) -> str | None:
        """The Jinja template of a chat model; None for a model that only continues text."""
        template: bytes | None = self._library.llama_model_chat_template(self._model, None)
        return template.decode("utf-8", "replace") if template else None

    def tokenize(self, text: str, *, special: bool = False, bos: bool = True) -> list[int]:
        """Token ids of a text; see `LanguageModel.tokenize`."""
        return self._words.tokenize(text, special=special, bos=bos)

    def piece(self, token: int, *, special: bool = False) -> bytes:
        """The bytes of one token; control tokens are empty unless `special`."""
        return self._words.piece(token, special=special)

    def detokenize(self, tokens: Sequence[int]) -> str:
        """The text of tokens; broken UTF-8 becomes U+FFFD."""
        return self._words.decode(tokens)

    def prompt_tokens(
        self, messages: Sequence[Message], settings: GenerationSettings = _PLAIN
    ) -> list[int]:
        """The prompt of a conversation. Only template text may hold control tokens."""
        template = self.chat_template
        if not template:
            raise EngineError(f"{self.name} has no chat template: it is not a chat model")
        if (least := self._at_least(messages)) > self._context_length:
            raise TooLong(
                f"the conversation has more than {least} tokens and the context holds "
                f"{self._context_length}: shorten it or use a larger --context"
            )
        segments = render_segments(
            template,
            messages,
            bos_token=self._words.first,
            eos_token=self._words.last,
            switches=switches_of(settings),
        )
        tokens = encode(
            segments,
            lambda text, special: self.tokenize(text, special=special, bos=False),
            self._words.control_text,
        )
        return self._words.begun([*tokens, *self._thinker.skipping(tokens, settings)])

    def thoughts(self, prompt: Sequence[int]) -> Thoughts | None:
        """What tells thoughts from the answer to a prompt; None for a model that has none."""
        return self._thinker.thoughts(prompt)

    @cached_property
    def _thinker(self) -> Thinker:
        return Thinker(self.chat_template or "", self._words)

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """How many prompt tokens these messages need, chat template included.

        Of what is far too long it says so without reading it: as many as there must be.
        """
        least = self._at_least(messages)
        return least if least > self._context_length else len(self.prompt_tokens(messages))

    def _at_least(self, messages: Sequence[Message]) -> int:
        """Tokens that messages must have, looked at only when they are long: reading takes time."""
        size = sum(len(message.text) for message in messages)
        if size <= _PLAINLY_SHORT * self._context_length:
            return 0
        return size // self._words.longest

    def generate(
        self, messages: Sequence[Message], settings: GenerationSettings
    ) -> Iterator[Chunk]:
        """Stream an answer to a conversation; see `LanguageModel.generate`."""
        prompt = self.prompt_tokens(messages, settings)
        return self._stream(Writing(self, prompt, settings, self.thoughts(prompt)))

    def continue_tokens(
        self, prompt: Sequence[int], settings: GenerationSettings
    ) -> Iterator[Chunk]:
        """Stream what follows raw prompt tokens. Raises BadInput when they fill the context."""
        return self._stream(Writing(self, prompt, settings))

    def _stream(self, writing: Writing) -> Iterator[Chunk]:
        try:
            writing.cached = self._prefill(writing.tokens)
            chunk = None
            while chunk is None or chunk.finish_reason is None:
                if writing.written:
                    self._decode(writing.tokens[-1:])
                chunk = writing.take(self._chat_context().logits(1, self._vocab_size)[0])
                if chunk is not None:
                    yield chunk
        finally:
            writing.close()

    def write_together(
        self, prompts: Sequence[Sequence[int]], settings: Sequence[GenerationSettings]
    ) -> list[list[int]]:
        """Continue several prompts side by side: about three times the words per second.

        Each answer follows its own settings (stop strings are ignored) and ends at its end token
        or its `max_tokens`. Returns the token ids written.
        """
        longest = max(len(p) + s.max_tokens for p, s in zip(prompts, settings, strict=True))
        context = self.new_context(longest * len(prompts), outputs=BATCH, sequences=len(prompts))
        samplers = [Sampler(self._vocab_size, s) for s in settings]
        written: list[list[int]] = []
        try:
            for row, prompt in enumerate(prompts):  # one by one, so that no batch is too long
                for first in range(0, len(prompt), BATCH):
                    piece = prompt[first : first + BATCH]
                    positions = range(first, first + len(piece))
                    context.run(piece, positions, [row] * len(piece), all_logits=False)
                written.append([samplers[row].sample(context.pointer)])
            starts, limits = [len(p) for p in prompts], [s.max_tokens for s in settings]
            while alive := self._unfinished(written, limits):
                tokens = [written[row][-1] for row in alive]
                places = [starts[row] + len(written[row]) - 1 for row in alive]
                context.run(tokens, places, alive, all_logits=True)
                for at, row in enumerate(alive):
                    written[row].append(samplers[row].sample(context.pointer, at))
        finally:
            for sampler in samplers:
                sampler.close()
            context.free()
        return [[token for token in tokens if not self.ends(token)] for tokens in written]

    def _unfinished(self, written: Sequence[Sequence[int]], limits: Sequence[int]) -> list[int]:
        return [
            row
            for row, tokens in enumerate(written)
            if len(tokens) < limits[row] and not self.ends(tokens[-1])
        ]

    def ends(self, token: int) -> bool:
        """Whether a token ends an answer."""
        return self._words.ends(token)

    def constraint(self, settings: GenerationSettings) -> Constraint | None:
        """What holds an answer to its grammar or schema; None where neither is asked for."""
        if settings.grammar is not None and settings.json_schema is not None:
            raise BadInput("a grammar and a JSON schema exclude each other: give one")
        if settings.grammar is None and settings.json_schema is None:
            return None
        if self._words.forbidden is None:
            raise EngineError(f"{self.name} has no control token: it cannot be held to a grammar")
        return Constraint(self._words.pointer, self._vocab_size, self._words.forbidden, settings)

    def score(self, tokens: Sequence[int]) -> npt.NDArray[np.float32]:
        """Logits [len(tokens), vocabulary]; up to 512 tokens a view of the engine's own memory.

        The next call overwrites such a view. Each call starts from an empty context.
        """
        if not tokens:
            raise BadInput("nothing to score: the text has no tokens")
        if len(tokens) > self._context_length:
            raise TooLong(f"{len(tokens)} tokens exceed the context of {self._context_length}")
        if len(tokens) <= BATCH:
            return next(self.score_pieces(tokens))
        out = np.empty((len(tokens), self._vocab_size), dtype=np.float32)
        first = 0
        for logits in self.score_pieces(tokens):
            out[first : first + len(logits)] = logits
            first += len(logits)
        return out

    def score_pieces(self, tokens: Sequence[int]) -> Iterator[npt.NDArray[np.float32]]:
        """The same, 512 tokens at a time, each a view that the next one overwrites."""
        context = self._scoring_context(len(tokens))
        context.clear()
        for first in range(0, len(tokens), BATCH):
            piece = tokens[first : first + BATCH]
            context.read(piece, first, all_logits=True)
            yield context.logits(len(piece), self._vocab_size)

    def end_scoring(self) -> None:
        """Give back the memory that scoring took: a row of the vocabulary for 512 tokens."""
        if self._scoring is not None:
            self._scoring.free()
            self._scoring = None

    def watch(self, tokens: Sequence[int], callback: ctypes._FuncPointer) -> None:
        """Run a text of at most 512 tokens while `callback` looks at every operation.

        `callback` is a `ggml.layout.EvalCallback`; tensors are valid only while it runs.
        """
        context = self.new_context(len(tokens), outputs=len(tokens), watcher=callback)
        try:
            context.read(tokens, 0, all_logits=True)
        finally:
            context.free()

    def reserve(self) -> None:
        """Take the memory for answers now, not with the first of them."""
        self._chat_context()

    def close(self) -> None:
        """Free the model. Calling it twice is harmless."""
        for context in (self._chat, self._scoring):
            if context:
                context.free()
        if self._model:
            with deferred():
                self._library.llama_model_free(self._model)
        self._chat = self._scoring = None
        self._model = 0

    def __enter__(self) -> LlamaCpp:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def new_context(
        self,
        length: int,
        *,
        outputs: int = 1,
        sequences: int = 1,
        watcher: ctypes._FuncPointer | None = None,
    ) -> Context:
        """A context of its own, for whoever runs batches by hand; the caller frees it."""
        if not self._model:
            raise EngineError("the model was closed: open it again")
        return Context(
            self._model,
            length,
            threads=self._threads,
            outputs=outputs,
            sequences=sequences,
            watcher=watcher,
        )

    def new_rows(self, count: int, length: int) -> LlamaRows:
        """Memory for `count` texts of up to `length` tokens side by side; the caller frees it."""
        if not self._model:
            raise EngineError("the model was closed: open it again")
        return LlamaRows(
            self._model, self._vocab_size, count=count, length=length, threads=self._threads
        )

    def _chat_context(self) -> Context:
        if self._chat is None:
            self._chat = self.new_context(self._context_length)
        return self._chat

    def _scoring_context(self, length: int) -> Context:
        if self._scoring is not None and self._scoring.length < length:
            self._scoring.free()
            self._scoring = None
        if self._scoring is None:
            self._scoring = self.new_context(max(length, BATCH), outputs=BATCH)
        return self._scoring

    def _prefill(self, prompt: list[int]) -> int:
        """Bring the chat context to hold `prompt`; returns how much of it was already there."""
        context = self._chat_context()
        common = 0
        while common < min(len(self._seen), len(prompt) - 1) and (
            self._seen[common] == prompt[common]
        ):
            common += 1
        if not context.keep(common):
            context.clear()
            common = 0
        del self._seen[common:]
        for first in range(common, len(prompt), _PREFILL_PIECE):
            self._decode(prompt[first : first + _PREFILL_PIECE])
        return common

    def _decode(self, tokens: Sequence[int]) -> None:
        try:
            self._chat_context().read(tokens, len(self._seen))
        except BaseException:
            if not self._chat_context().keep(len(self._seen)):
                self._chat_context().clear()
                self._seen.clear()
            raise
        self._seen += tokens


def _loaded(path: Path, repack: bool) -> int:
    """The engine's pointer to a model. Raises FormatError or EngineError when there is none."""
    library = load()
    params = library.llama_model_default_params()
    params.use_extra_bufts = repack
    last_complaint()
    with deferred():
        model: int | None = library.llama_model_load_from_file(os.fsencode(path), params)
    if not model:
        reason = last_complaint() or "no reason given"
        kind = EngineError if "alloc" in reason else FormatError
        raise kind(f"the engine cannot load {path} ({reason}): get another file of the model")
    return model
