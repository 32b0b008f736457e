"""One choice of an answer as it is written: words, a call, the end. Knows no endpoint's shapes.

Without tools it is one answer of the engine; with them it is up to three (`tools.py`).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Literal

from penjing.core.dialogue import Passage
from penjing.core.errors import BadInput, EngineError
from penjing.core.messages import GenerationSettings, Message, TokenLogprob, Usage
from penjing.core.schema_check import fault
from penjing.core.serving import Request
from penjing.serve.answers import Answer, Answers, finished
from penjing.serve.openai.shapes import added, new_id
from penjing.serve.openai.tools import Function, Toolbox, arguments_of

Reason = Literal["stop", "length", "tool_calls"]

_CHOICES = 3
"""How often a model chooses, when what it chose was answered already."""


@dataclass(frozen=True)
class Words:
    """Text of the answer, or of the thoughts before it."""

    text: str
    """Whole characters of the answer."""
    logprobs: tuple[TokenLogprob, ...] = ()
    """Of its tokens, where asked for."""
    thought: str = ""
    """Whole characters of the thoughts."""
    prompt: tuple[TokenLogprob, ...] = ()
    """Of the prompt's own tokens, where asked for: once, before anything else."""


@dataclass(frozen=True)
class Call:
    """A function to be called."""

    id: str
    """To name its result by."""
    name: str
    """A known one."""
    arguments: str
    """JSON that satisfies its schema."""


@dataclass(frozen=True)
class End:
    """Nothing follows."""

    reason: Reason
    """Why."""
    usage: Usage | None
    """Of all that the engine did for it."""


@dataclass(frozen=True)
class Source:
    """The answer's `[number]` stands for this passage."""

    number: int
    """1, 2, 3 ..."""
    passage: Passage
    """What it quotes."""


Piece = Words | Call | Source | End


@dataclass(frozen=True)
class Job:
    """One choice wanted."""

    owner: str
    """Who asks, by id."""
    messages: tuple[Message, ...]
    """The conversation; empty when `text` is to be continued."""
    settings: GenerationSettings
    """How to write words."""
    toolbox: Toolbox | None = None
    """What may be called instead."""
    text: str | None = None
    """A text to continue."""
    tokens: tuple[int, ...] | None = None
    """Tokens to continue."""


class Writing:
    """A choice being written. `close` it in any case."""

    def __init__(self, answers: Answers, job: Job) -> None:
        self._answers = answers
        self._job = job
        self._answer = Answer()
        self._closed = False
        self._usage: Usage | None = None

    @classmethod
    async def begin(cls, answers: Answers, job: Job) -> Writing:
        """Hand it to the engine. Raises BadInput or Busy at once."""
        writing = cls(answers, job)
        box = job.toolbox
        if box is None:
            await writing._ask(job.messages, job.settings)
        elif (only := box.only()) is not None:
            if not only.is_empty:
                await writing._ask_how(only, box)
        else:
            await writing._ask(*box.asking_which(job.messages, job.settings))
        return writing

    def close(self) -> None:
        """Stop. Calling it twice is harmless."""
        self._closed = True
        self._answer.close()

    async def pieces(self) -> AsyncIterator[Piece]:
        """What is written, the End last."""
        if called := await self.called():
            for piece in called:
                yield piece
            return
        async for piece in self.words():
            yield piece

    @property
    def usage(self) -> Usage | None:
        """What the engine did so far."""
        return self._usage

    async def called(self) -> Sequence[Piece]:
        """The call, and the end; nothing where words are to follow. To be asked for first."""
        box = self._job.toolbox
        return () if box is None else await self._called(box)

    async def words(self) -> AsyncIterator[Piece]:
        """What is said instead of a call, the End last."""
        if self._job.toolbox is not None:
            await self._ask(self._job.messages, self._job.settings)
        text = ""
        async for piece in self._words():
            text += piece.text if isinstance(piece, Words) else ""
            if isinstance(piece, End) and piece.reason == "stop":
                self._require_form(text)
            yield piece

    def _require_form(self, text: str) -> None:
        """Raise EngineError for a whole answer that is not of its schema: grammars hold most."""
        schema = self._job.settings.json_schema
        if schema is None:
            return
        try:
            wrong = fault(schema, json.loads(text))
        except (ValueError, RecursionError):  # cut by a stop string
            return
        if wrong is not None:
            raise EngineError(f"the answer is not of its schema ({wrong}): ask again")

    async def _ask(self, messages: Sequence[Message], settings: GenerationSettings) -> None:
        job = self._job
        request = Request(job.owner, tuple(messages), settings, job.text, job.tokens)
        self._answer = await self._answers.begin(request)
        if self._closed:
            self._answer.close()

    async def _ask_how(self, function: Function, box: Toolbox) -> None:
        """The question for arguments; what cannot be used of them is said of the function."""
        try:
            await self._ask(*box.asking_how(function, self._job.messages, self._job.settings))
        except BadInput as error:
            raise BadInput(f"the tool {function.name}: {error}") from error

    async def _words(self) -> AsyncIterator[Piece]:
        async for chunk in self._answer:
            if chunk.thought:
                yield Words("", thought=chunk.thought)
            if chunk.prompt:
                yield Words("", prompt=chunk.prompt)
            if chunk.text or chunk.logprobs:
                yield Words(chunk.text, chunk.logprobs)
            if finished(chunk).finish_reason is not None:
                self._usage = added(self._usage, chunk.usage)
                yield End("length" if chunk.finish_reason == "length" else "stop", self._usage)

    async def _whole(self) -> str:
        """The answer to a short question."""
        text = ""
        async for piece in self._words():
            if isinstance(piece, Words):
                text += piece.text
            elif isinstance(piece, End) and piece.reason == "length":
                raise EngineError("the engine did not come to an end: ask again")
        return text

    async def _called(self, box: Toolbox) -> list[Piece]:
        """The call that the model chooses, and the end; nothing where it would rather say words."""
        if (only := box.only()) is not None:
            return await self._call(only)
        left: Toolbox | None = box
        for number in range(_CHOICES):
            if left is None:
                break
            if number:
                await self._ask(*left.asking_which(self._job.messages, self._job.settings))
            if (function := left.chosen(await self._whole())) is None:
                break
            if not function.is_empty:
                await self._ask_how(function, left)
            called = await self._call(function)
            first = called[0]
            if not isinstance(first, Call) or not box.is_answered(function, first.arguments):
                return called
            left = left.without(function)
        return []

    async def _call(self, function: Function) -> list[Piece]:
        if function.is_empty:
            call = Call(new_id("call_"), function.name, "{}")
            return [call, End("tool_calls", self._usage or Usage(0, 0, 0, 0.0, 0.0))]
        text = ""
        async for piece in self._words():
            if isinstance(piece, Words):
                text += piece.text
            elif isinstance(piece, End) and piece.reason == "length":
                return [piece]
        call = Call(new_id("call_"), function.name, arguments_of(text, function))
        return [call, End("tool_calls", self._usage)]


class Writings:
    """Several choices side by side."""

    def __init__(self, all_of_them: Sequence[Writing]) -> None:
        self._all = tuple(all_of_them)

    @classmethod
    async def begin(cls, answers: Answers, jobs: Sequence[Job]) -> Writings:
        """Hand all of them to the engine, or none."""
        begun: list[Writing] = []
        try:
            for job in jobs:
                begun.append(await Writing.begin(answers, job))
        except BaseException:
            for writing in begun:
                writing.close()
            raise
        return cls(begun)

    def close(self) -> None:
        """Stop all. Calling it twice is harmless."""
        for writing in self._all:
            writing.close()

    async def pieces(self) -> AsyncIterator[tuple[int, Piece]]:
        """What is written, with the number of its choice."""
        if len(self._all) == 1:
            async for piece in self._all[0].pieces():
                yield 0, piece
            return
        arrived: asyncio.Queue[tuple[int, Piece] | Exception | None] = asyncio.Queue()
        tasks = [
            asyncio.create_task(_forward(number, writing, arrived))
            for number, writing in enumerate(self._all)
        ]
        try:
            left = len(tasks)
            while left:
                item = await arrived.get()
                if isinstance(item, Exception):
                    raise item
                if item is None:
                    left -= 1
                else:
                    yield item
        finally:
            for task in tasks:
                task.cancel()


async def _forward(
    number: int, writing: Writing, arrived: asyncio.Queue[tuple[int, Piece] | Exception | None]
) -> None:
    try:
        async for piece in writing.pieces():
            arrived.put_nowait((number, piece))
    except Exception as error:  # raised again by whoever reads the queue
        arrived.put_nowait(error)
    arrived.put_nowait(None)
