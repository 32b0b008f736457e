"""Continuous batching: each step reads pieces of new prompts and writes a token of every answer.

A request joins at any step. A long prompt is read in pieces that take about half a second, so that
it never stalls the answers being written. Places go to owners in turn (`line.py`), prompts are
cached for their owner alone (`places.py`), and what goes wrong in one answer ends that answer only.
Knows tokens and owners; must not know which engine computes, nor who listens.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Protocol

from penjing.core.errors import BadInput, Busy, EngineError
from penjing.core.messages import Chunk, GenerationSettings, Message
from penjing.core.serving import Health, Request
from penjing.engine.line import Line
from penjing.engine.places import Place, Places
from penjing.engine.rows import BATCH, Piece, Rows
from penjing.engine.scoring import Scorer, Scoring
from penjing.engine.thoughts import Thoughts
from penjing.engine.throughput import Pace
from penjing.engine.writing import Speller, Writing

Deliver = Callable[[Chunk | Exception], None]


class BatchModel(Speller, Scorer, Protocol):
    """What the scheduler must know of a model; `LlamaCpp` or a fake."""

    @property
    def name(self) -> str:
        """What to call it."""
        ...

    def tokenize(self, text: str, *, special: bool = False, bos: bool = True) -> list[int]:
        """Token ids of a text."""
        ...

    def prompt_tokens(
        self, messages: Sequence[Message], settings: GenerationSettings = ...
    ) -> list[int]:
        """The prompt of a conversation."""
        ...

    def thoughts(self, prompt: Sequence[int]) -> Thoughts | None:
        """What tells thoughts from the answer to a prompt; None for a model that has none."""
        ...

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """How many those are, or at least are when they are far too many."""
        ...

    def close(self) -> None:
        """Free it. Calling it twice is harmless."""
        ...


class Answer:
    """A request that was taken. Satisfies `Ticket`."""

    def __init__(self, number: int, owner: str, writing: Writing, deliver: Deliver) -> None:
        self.number, self.owner = number, owner
        self.writing, self.deliver = writing, deliver
        self.scoring: Scoring | None = None
        """The prompt's own log-probabilities, until they are told."""
        self.place: Place | None = None
        """Where it is being written; None while it waits."""
        self.cancelled = False
        """It is to end before the next step."""

    def cancel(self) -> None:
        """End it before the next step: its last chunk has the reason "cancelled"."""
        self.cancelled = True

    def unread(self) -> int:
        """Tokens that must still be read before the next one can be chosen."""
        return len(self.writing.tokens) - (len(self.place.tokens) if self.place else 0)

    def piece(self, most: int) -> Piece:
        """Its next tokens, at most so many."""
        assert self.place is not None  # noqa: S101
        first = len(self.place.tokens)
        tokens = self.writing.tokens[first : first + most]
        whole = first + len(tokens) == len(self.writing.tokens)
        return Piece(self.place.row, first, tokens, whole)


class BatchScheduler:
    """Satisfies `Scheduler`. It owns `model` and `rows` and closes them.

    `queue` requests may wait. `after_step` is called in the scheduler's thread once a step's
    chunks were delivered. A cancelled request, too, ends with a chunk: reason "cancelled".
    """

    def __init__(
        self,
        model: BatchModel,
        rows: Rows,
        *,
        queue: int = 64,
        after_step: Callable[[], None] = lambda: None,
    ) -> None:
        self._model, self._rows = model, rows
        self._after_step = after_step
        self._places = Places(rows.count)
        self._line: Line[Answer] = Line(queue)
        self._pace = Pace()
        self._running: list[Answer] = []
        self._forgetting: list[str] = []
        self._counters: Counter[str] = Counter()
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        self._closed = self._broken = False
        self._thread = threading.Thread(target=self._work, name="answers", daemon=True)
        self._thread.start()

    @property
    def name(self) -> str:
        """What to call its model."""
        return self._model.name

    @property
    def context_length(self) -> int:
        """Tokens that one prompt and its answer may fill together."""
        return self._model.context_length

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """How many prompt tokens these messages need, chat template included."""
        return self._model.count_tokens(messages)

    def submit(self, request: Request, deliver: Deliver) -> Answer:
        """Take a request; see `Scheduler.submit`."""
        self._require_room(request.owner)
        thoughts = None
        if sum((bool(request.messages), request.text is not None, request.tokens is not None)) > 1:
            raise BadInput("a request has messages or a text to continue, not both")
        if request.tokens is not None:
            prompt = [*request.tokens]
        elif request.text is None:
            prompt = self._model.prompt_tokens(request.messages, request.settings)
            thoughts = self._model.thoughts(prompt)
            if request.begun:
                prompt = [*prompt, *self._model.tokenize(request.begun, bos=False)]
        else:
            prompt = self._model.tokenize(request.text)
        writing = Writing(self._model, prompt, request.settings, thoughts)
        answer = Answer(next(self._numbers), request.owner, writing, deliver)
        if request.settings.prompt_logprobs:
            answer.scoring = Scoring(self._model, prompt, request.settings.top_logprobs or 0)
        try:
            with self._changed:
                self._require_room(request.owner)
                self._line.add(request.owner, answer)
                self._counters["requests"] += 1
                self._changed.notify_all()
        except EngineError:
            writing.close()
            raise
        return answer

    def health(self) -> Health:
        """How it is now."""
        with self._changed:
            return Health(
                ready=not (self._closed or self._broken),
                running=len(self._running),
                waiting=len(self._line),
                places=len(self._places),
                restarts=0,
                counters=dict(self._counters),
            )

    def forget(self, owner: str) -> None:
        """Drop what is cached of an owner's prompts."""
        with self._changed:
            if self._closed or self._broken:
                return
            self._forgetting.append(owner)  # the engine is the other thread's
            self._changed.notify_all()
            self._changed.wait_for(lambda: owner not in self._forgetting or self._broken)

    def close(self, grace: float = 0.0) -> None:
        """Take nothing more, give what is being written `grace` seconds, end."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._running and not len(self._line), grace)
            for answer in (*self._running, *self._line.waiting()):
                answer.cancel()
        self._thread.join()
        self._rows.close()
        self._model.close()

    def _require_room(self, owner: str) -> None:
        with self._changed:
            if self._closed or self._broken:
                raise EngineError("the engine is not running: start it again")
            if not self._line.has_room(owner, self._places.free):
                self._counters["refused"] += 1
                left = [a.writing.limit - a.writing.written for a in self._running]
                raise Busy(self._pace.wait(left))

    # -- the scheduler's own thread

    def _work(self) -> None:
        try:
            while self._wait():
                self._sweep()
                self._admit()
                self._step()
                self._after_step()
        finally:
            with self._changed:
                self._broken = not self._closed
                self._changed.notify_all()
                left = [*self._running, *self._line.waiting()]
            for answer in left:  # none, unless this thread failed
                answer.deliver(EngineError("the engine stopped: ask again"))

    def _wait(self) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._todo() or self._closed)
            return self._todo()

    def _todo(self) -> bool:
        return bool(self._running or len(self._line) or self._forgetting)

    def _sweep(self) -> None:
        with self._changed:
            cancelled = [a for a in (*self._running, *self._line.waiting()) if a.cancelled]
        for answer in cancelled:
            self._end(answer, answer.writing.end("cancelled"))
        with self._changed:
            for owner in self._forgetting:
                for row in self._places.forget(owner):
                    self._rows.keep(row, 0)
            self._forgetting.clear()
            self._changed.notify_all()

    def _admit(self) -> None:
        with self._changed:
            while len(self._line):
                if not self._places.free:
                    crowding = self._line.crowding()
                    if crowding is None:
                        return
                    self._interrupt(crowding)
                if answer := self._line.next():
                    self._place(answer)

    def _place(self, answer: Answer) -> None:
        start = self._places.choose(answer.owner, answer.writing.tokens)
        if start.source is not None:
            self._rows.copy(start.source.row, start.place.row)
        kept = self._rows.keep(start.place.row, start.common)
        answer.place = self._places.take(start, answer.owner, start.common if kept else 0)
        if not answer.writing.written:
            answer.writing.cached = len(answer.place.tokens)
        self._running.append(answer)

    def _interrupt(self, owner: str) -> None:
        """Let the owner's newest answer wait again, so that somebody else has a place at all."""
        answer = max((a for a in self._running if a.owner == owner), key=lambda a: a.number)
        self._running.remove(answer)
        if answer.scoring is not None:
            answer.scoring.restart()
        self._let_go(answer, broken=False)
        answer.place = None
        self._line.again(owner, answer)
        self._line.over(owner)
        self._counters["interrupted"] += 1

    def _plan(self) -> list[tuple[Answer, Piece]]:
        """One token for every answer being written, and pieces of prompts."""
        ready = [a for a in self._running if a.writing.written and a.unread() == 1]
        plan = [(answer, answer.piece(1)) for answer in ready]
        reading = [a for a in self._running if a not in ready and a.scoring is None]
        room = self._pace.reading(len(ready), len(reading))
        with self._changed:
            reading.sort(key=self._reading_turn)
        for answer in reading:
            if room <= 0:
                break
            piece = answer.piece(room)
            room -= len(piece.tokens)
            plan.append((answer, piece))
        return sorted(plan, key=lambda pair: pair[1].row)

    def _reading_turn(self, answer: Answer) -> tuple[int, bool, int, int]:
        """Owners who got much less come first; then what was begun, then what is short."""
        begun = bool(answer.place and len(answer.place.tokens) > answer.writing.cached)
        rounds = int(self._line.given(answer.owner) // BATCH)
        return rounds, not begun, answer.unread(), answer.number

    def _score(self) -> None:
        """One piece of the text that is being scored; one after the other, in one memory."""
        waiting = [answer for answer in self._running if answer.scoring is not None]
        if not waiting:
            return None
        answer = min(waiting, key=lambda one: one.number)
        scoring, answer.scoring = answer.scoring, None
        assert scoring is not None  # noqa: S101
        try:
            scoring.step()
        except EngineError as error:
            self._model.end_scoring()
            return self._end(answer, error)
        if not scoring.over:
            answer.scoring = scoring
            return None
        if len(waiting) == 1:
            self._model.end_scoring()
        answer.deliver(Chunk("", prompt=tuple(scoring.found)))
        if not answer.writing.limit:
            self._end(answer, answer.writing.end("length"))
        return None

    def _step(self) -> None:
        self._score()
        plan = self._plan()
        if not plan:
            return
        started = time.perf_counter()
        try:
            rows = self._rows.run([piece for _, piece in plan])
        except EngineError as error:
            for answer, _ in plan:
                self._end(answer, error)
            return
        self._count(plan, time.perf_counter() - started)
        wanted = [answer for answer, piece in plan if piece.wanted]
        for answer, row in zip(wanted, rows, strict=True):
            try:
                chunk = answer.writing.take(row)
            except EngineError as error:
                self._end(answer, error)
                continue
            if chunk is not None and chunk.finish_reason:
                self._end(answer, chunk)
            elif chunk is not None:
                answer.deliver(chunk)

    def _count(self, plan: Sequence[tuple[Answer, Piece]], seconds: float) -> None:
        tokens = sum(len(piece.tokens) for _, piece in plan)
        self._pace.step(tokens, seconds)
        with self._changed:
            self._counters["steps"] += 1
            self._counters["step_tokens"] += tokens
            for answer, piece in plan:
                self._line.give(answer.owner, len(piece.tokens))
                if answer.place is not None:
                    answer.place.tokens += piece.tokens

    def _end(self, answer: Answer, last: Chunk | Exception) -> None:
        """The only place where an answer ends."""
        answer.writing.close()
        with self._changed:
            if answer in self._running:
                self._running.remove(answer)
                self._line.over(answer.owner)
                self._let_go(answer, broken=isinstance(last, Exception))
            else:
                self._line.remove(answer.owner, answer)
            self._tally(last)
            self._changed.notify_all()
        answer.deliver(last)

    def _let_go(self, answer: Answer, *, broken: bool) -> None:
        if answer.place is None:
            return
        self._places.release(answer.place)
        if broken or answer.place.leaving:
            self._rows.keep(answer.place.row, 0)
            self._places.empty(answer.place)

    def _tally(self, last: Chunk | Exception) -> None:
        if not isinstance(last, Chunk) or last.usage is None:
            self._counters["failed"] += 1
            return
        self._counters["cancelled" if last.finish_reason == "cancelled" else "finished"] += 1
        self._counters["prompt_tokens"] += last.usage.prompt_tokens
        self._counters["cached_tokens"] += last.usage.cached_tokens
        self._counters["completion_tokens"] += last.usage.completion_tokens
        if last.finish_reason != "cancelled":
            self._pace.finished(last.usage.completion_tokens)
