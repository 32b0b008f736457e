"""From messages to a prompt in pieces, by a template that is run here: see `template.py`.

How the pieces are kept apart: the template runs twice, once with the real messages and once with
every visible character of the messages replaced by a stand-in from Unicode's private planes. White
space stays, so a template may still trim; a test such as `'</think>' in message.content` sees
through the stand-ins. What comes out as a stand-in was said by somebody; everything else is the
template's. The first run proves the second: put back, both must give the same text.

All runs for one prompt share one time. Knows the sandbox; must not know in which process it is.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from penjing.core.errors import BadInput, EngineError, UnreadableMessages
from penjing.core.messages import Message
from penjing.engine.arranging import arrangements
from penjing.engine.said import SAID, Segment, StandIns

T = TypeVar("T")

SECONDS = 3.0
"""For all runs of one prompt together."""
_LIKE_A_MARKER = re.compile(r"[<\[][0-9]*[^\s<>\[\]0-9][^\s<>\[\]]*[>\]]")
_MOST_PIECES = 20_000
_MOST_MEMORY = 64 * 2**20
"""Bytes that one run may make, however much was said."""
_WORDS = 64  # of a message that are looked for before it counts as left out


@dataclass(frozen=True)
class Job:
    """A prompt that is wanted."""

    template: str
    """The model's own, in Jinja."""
    messages: tuple[Message, ...]
    """What was said."""
    values: Mapping[str, Any]
    """What else the template is given, by name."""
    end: float
    """When to give up, on the monotonic clock."""

    @classmethod
    def of(cls, template: str, messages: Sequence[Message], values: Mapping[str, Any]) -> Job:
        """One that begins now."""
        return cls(template, tuple(messages), values, time.monotonic() + SECONDS)


def whole(job: Job) -> str:
    """The prompt as one text."""
    return _first_taken(job, _whole)


def pieces(job: Job) -> list[Segment]:
    """The prompt in pieces that say who wrote them."""
    return _first_taken(job, _pieces)


def _first_taken(job: Job, render: Callable[[Job], T]) -> T:
    """The prompt of the first arrangement of the messages that the template takes."""
    refusals: list[EngineError] = []
    for messages in arrangements(job.messages):
        try:
            return render(replace(job, messages=messages))
        except EngineError as error:  # some fail over a role they do not know
            refusals.append(error)
    raise refusals[0]


def _whole(job: Job) -> str:
    return _run(job, _plain(job.messages))


def _pieces(job: Job) -> list[Segment]:
    taken = job.template + "".join(map(str, job.values.values()))
    stand_ins = StandIns((message.text for message in job.messages), taken)
    prompt = _Prompt(job, _whole(job), stand_ins)
    prompt.find_said(_plain(job.messages, stand_ins.mark))
    if left_out := prompt.left_out():
        try:
            prompt = _Prompt(job, _run(job, _parts(job.messages)), stand_ins)
        except EngineError:
            raise _left_out_error(left_out) from None
        prompt.find_said(_parts(job.messages, stand_ins.mark))
        if left_out := prompt.left_out():
            raise _left_out_error(left_out)
    return prompt.segments()


# -- running a template


def _plain(
    messages: Sequence[Message], mark: Callable[[str], str] = str
) -> list[Mapping[str, Any]]:
    return [{"role": message.role, "content": mark(message.text)} for message in messages]


def _parts(
    messages: Sequence[Message], mark: Callable[[str], str] = str
) -> list[Mapping[str, Any]]:
    return [
        {"role": message.role, "content": [{"type": "text", "text": mark(message.text)}]}
        for message in messages
    ]


def _run(job: Job, messages: Sequence[Mapping[str, Any]], dress: Callable[[str], str] = str) -> str:
    from penjing.engine import sandbox  # jinja2: not before somebody talks

    said = sum(len(message.text) for message in job.messages)
    try:
        return sandbox.run(
            job.template,
            {"messages": messages, "tools": None, "documents": None, **job.values},
            steps=300_000 + 5_000 * len(messages) + said,
            memory=min(32 * 2**20 + 2**16 * len(messages) + 256 * said, _MOST_MEMORY),
            longest=2**18 + 2**14 * len(messages) + 4 * said,
            seconds=job.end - time.monotonic(),
            dress=dress,
        )
    except sandbox.RefusedError as error:
        raise UnreadableMessages(f"the model's chat template refused: {_line(error)}") from error
    except MemoryError:
        raise  # whatever was going to be made: only a fresh process is sure to have it back
    except Exception as error:  # a template can provoke any exception there is
        what = _line(error) or type(error).__name__
        raise EngineError(f"the model's chat template does not work: {what}") from error


def _line(error: Exception) -> str:
    """What an error says, on one line that a hostile template cannot use to drive a terminal."""
    return _printable(" ".join(str(error).split())[:200])


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


# -- telling apart who wrote what


class _Prompt:
    """A rendered prompt, and the same in stand-ins if that can be had."""

    def __init__(self, job: Job, text: str, stand_ins: StandIns) -> None:
        self._job = job
        self._text = text
        self._stand_ins = stand_ins
        self._marked: str | None = None

    def find_said(self, messages: Sequence[Mapping[str, Any]]) -> None:
        """Run the template on marked messages; a different text means they were transformed."""
        if not self._stand_ins.complete:
            return
        try:
            marked = _run(self._job, messages, self._stand_ins.dress)
        except EngineError:
            return
        if self._stand_ins.unmark(marked) == self._text:
            self._marked = marked

    def left_out(self) -> str | None:
        """The role of a message of which no word came through.

        Looks only at what must never vanish: the system's words and the newest question.
        Switches such as /no_think are taken out by templates that know them, and thoughts out of
        answers.
        """
        said = self._job.messages
        system = [message for message in said if message.role == "system"]
        newest = [message for message in said[-1:] if message.role == "user"]
        here = self._text.casefold() if self._marked is None else self._marked
        for message in (*system, *newest):
            words = [word for word in message.text.split() if not word.startswith("/")]
            some = words[:: 1 + len(words) // _WORDS]
            if words and not any(self._spelled(word) in here for word in some):
                return message.role
        return None

    def _spelled(self, word: str) -> str:
        return word.casefold() if self._marked is None else str(self._stand_ins.mark(word))

    def segments(self) -> list[Segment]:
        """Who wrote what."""
        if self._marked is None:
            return self._one_segment()
        segments = []
        end = 0
        for match in SAID.finditer(self._marked):
            segments.append(Segment(self._marked[end : match.start()], True))
            segments.append(Segment(self._stand_ins.unmark(match[0]), False))
            end = match.end()
        segments.append(Segment(self._marked[end:], True))
        segments = [segment for segment in segments if segment.text]
        if len(segments) > _MOST_PIECES + 100 * len(self._job.messages):
            raise EngineError("the model's chat template does not work: it tears words apart")
        return segments

    def _one_segment(self) -> list[Segment]:
        for message in self._job.messages:
            if found := _LIKE_A_MARKER.search(message.text):
                raise BadInput(
                    f"'{_printable(found[0])[:40]}' looks like a control marker, and this "
                    "model's chat template mixes it with its own: leave it out"
                )
        return [Segment(self._text, True)]


def _left_out_error(role: str) -> UnreadableMessages:
    return UnreadableMessages(
        f"the model's chat template leaves out the {role} message: "
        "use a model whose template takes it, or go without it"
    )
