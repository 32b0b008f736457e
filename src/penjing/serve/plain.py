"""The plain model as an `Assistant`: no tools, just the conversation, and the person's documents.

A question that they answer is answered by their own sentences, with where these stand; everything
else is the model's. Both turns are kept: the person's before the model is asked, the model's when
it is over, however it ends. What no longer fits the context is left out, and said.
"""

from __future__ import annotations

import queue
from collections.abc import Iterator, Sequence

from penjing.assistant.answer import quoted
from penjing.assistant.generate.uncited import Uncited, unframed
from penjing.assistant.notes import cited_note, joined
from penjing.assistant.understand.asking import asks_something
from penjing.core.dialogue import CUT, Cited, Event, Finished, Said, Standing
from penjing.core.errors import BadInput, NotFound
from penjing.core.fitting import first_that_fits
from penjing.core.history import Turn
from penjing.core.introduction import Introduction
from penjing.core.messages import Chunk, GenerationSettings, Message, Note, Text
from penjing.core.protocols import Scheduler, Store
from penjing.core.serving import Request
from penjing.serve.services import Documents

LEFT_OUT = "left_out"
"""The note of an answer that did not see the whole conversation."""
_QUESTION = 500
"""Characters: what is longer is no question to documents, but a text to do something with."""
_PASSAGES = 5


class Plain:
    """Satisfies `Assistant`."""

    def __init__(
        self,
        scheduler: Scheduler,
        settings: GenerationSettings | None = None,
        documents: Documents | None = None,
    ) -> None:
        self._scheduler = scheduler
        self._documents = documents
        self._settings = settings or GenerationSettings()
        self._introduction = Introduction(scheduler.count_tokens)

    @property
    def name(self) -> str:
        """The model's."""
        return self._scheduler.name

    def reply(
        self,
        person: str,
        store: Store,
        session: str,
        text: str,
        *,
        role: Standing = "guest",  # noqa: ARG002
    ) -> Iterator[Event]:
        """Answer; see `Assistant.reply`."""
        if found := self._found(store, text):
            store.history.append_turn(session, Message.of("user", text))
            store.history.append_turn(session, Message("assistant", tuple(joined([*_kept(found)]))))
            yield from found
            yield Finished("stop")
        else:
            yield from self._written(person, store, session, text)

    def _found(self, store: Store, text: str) -> list[Event]:
        """What the person's documents answer; nothing where they do not, or are not asked."""
        if self._documents is None or len(text) > _QUESTION or not asks_something(text):
            return []
        passages = self._documents(store).search(text, limit=_PASSAGES)
        return list(quoted(text, _language(store, text), passages))

    def _written(self, person: str, store: Store, session: str, text: str) -> Iterator[Event]:
        """What the model answers."""
        before = store.history.turns(session)
        messages, left_out = self._fitted([*_said(before), Message.of("user", text)])
        request = Request(person, messages, self._settings)
        arrived: queue.SimpleQueue[Chunk | Exception] = queue.SimpleQueue()
        ticket = self._scheduler.submit(request, arrived.put)  # refused before anything is kept
        try:
            store.history.append_turn(session, Message.of("user", text))
        except BaseException:
            ticket.cancel()
            raise
        notice = _notice(left_out, _language(store, text)) if left_out else ""
        notes = (Note(LEFT_OUT, {"messages": left_out}),) if left_out else ()
        said: list[str] = []
        whole = False
        try:
            if notice:
                yield Said(notice, "spec")
            uncited = Uncited()
            for chunk in _chunks(arrived):
                if words := uncited.take(chunk.text, last=chunk.finish_reason is not None):
                    said.append(words)
                    yield Said(words)
            whole = True
        finally:
            ticket.cancel()
            if said:
                parts = (Text("".join(said)), *notes, *(() if whole else (Note(CUT, {}),)))
                store.history.append_turn(session, Message("assistant", parts))
        yield Finished(chunk.finish_reason or "stop", chunk.usage)

    def confirm(
        self,
        person: str,  # noqa: ARG002
        store: Store,  # noqa: ARG002
        session: str,  # noqa: ARG002
        action: str,
        *,
        yes: bool,  # noqa: ARG002
        role: Standing = "guest",  # noqa: ARG002
    ) -> Iterator[Event]:
        """Nothing ever waits here."""
        raise NotFound("action", action)

    def close(self) -> None:
        """The scheduler is somebody else's."""

    def _fitted(self, messages: Sequence[Message]) -> tuple[tuple[Message, ...], int]:
        """What the model is sent, and how many of the oldest messages it is not."""
        context = self._scheduler.context_length
        room = context - min(self._settings.max_tokens, context // 2)
        starts = [i for i, message in enumerate(messages) if message.role == "user"]

        def size(start: int) -> int:
            return self._scheduler.count_tokens(self._introduction.before(messages[start:]))

        if size(0) <= room:
            return self._introduction.before(messages), 0
        start = first_that_fits(starts[1:], size, room, context // 8)
        if start is None:
            raise BadInput(f"this is too long for the model's {context} tokens: shorten it")
        return self._introduction.before(messages[start:]), start


def _kept(events: Sequence[Event]) -> Iterator[Text | Note]:
    for one in events:
        if isinstance(one, Said):
            yield Text(one.text)
        elif isinstance(one, Cited):
            yield cited_note(one)


def _chunks(arrived: queue.SimpleQueue[Chunk | Exception]) -> Iterator[Chunk]:
    """Up to the last one. Raises what arrives in its place."""
    while True:
        item = arrived.get()
        if isinstance(item, Exception):
            raise item
        yield item
        if item.finish_reason is not None:
            return


def _said(turns: Sequence[Turn]) -> list[Message]:
    """The words of a session, users and assistants in turn: neighbours of one role are joined."""
    said: list[Message] = []
    for turn in turns:
        text, role = turn.message.text, turn.message.role
        words = Message.of(role, unframed(text) if role == "assistant" else text)
        if words.role not in ("user", "assistant") or not words.text:
            continue
        if not said and words.role == "assistant":  # its question is too old, and deleted
            continue
        if said and said[-1].role == words.role:
            said[-1] = Message.of(words.role, f"{said[-1].text}\n{words.text}")
        else:
            said.append(words)
    if said and said[-1].role == "user":  # it was never answered
        said.pop()
    return said


def _language(store: Store, text: str) -> str:
    chosen = store.settings.get("language")
    if chosen in ("en", "zh"):
        return chosen
    return "zh" if any("\u4e00" <= char <= "\u9fff" for char in text) else "en"


def _notice(count: int, language: str) -> str:
    if language == "zh":
        return f"（对话过长，最早的 {count} 条消息已略去。）\n\n"
    return f"(The {count} oldest messages no longer fit and were left out.)\n\n"
