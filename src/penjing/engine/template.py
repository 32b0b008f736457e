"""From messages to a prompt, by the model's own Jinja template, as Hugging Face transformers does.

A template writes control markers such as <|im_start|>; a person may type the same characters.
`render_segments` keeps the two apart, so that only the template's own markers become control
tokens. Knows text; must not know token ids beyond passing them on, nor where a model came from.

How they are kept apart: the template runs twice, once with the real messages and once with every
visible character of the messages replaced by a stand-in from Unicode's private planes. White space
stays, so a template may still trim; a test such as `'</think>' in message.content` sees through
the stand-ins. What comes out as a stand-in was said by somebody; everything else is the template's.
The first run proves the second: put back, both must give the same text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from penjing.core.errors import BadInput, EngineError
from penjing.core.messages import Message

_FIRST_STAND_IN, _LAST_STAND_IN = 0xF0000, 0x10FFFD
_SAID = re.compile("[\U000f0000-\U0010fffd](?:[\\s\U000f0000-\U0010fffd]*[\U000f0000-\U0010fffd])?")
_LIKE_A_MARKER = re.compile(r"[<\[][^\s<>\[\]]*[^\s<>\[\]0-9][^\s<>\[\]]*[>\]]")


@dataclass(frozen=True)
class Segment:
    """A piece of a rendered prompt; all pieces joined are the prompt."""

    text: str
    """The characters."""
    trusted: bool
    """True: written by the template, markers are control tokens. False: said by somebody."""


def render(
    template: str,
    messages: Sequence[Message],
    *,
    bos_token: str = "",
    eos_token: str = "",
    add_generation_prompt: bool = True,
) -> str:
    """The prompt as one text. Raises EngineError when the template refuses or misbehaves.

    `bos_token` appears in the text where the template writes it: do not add another.
    """
    values = {
        "bos_token": bos_token,
        "eos_token": eos_token,
        "add_generation_prompt": add_generation_prompt,
    }
    return _run(template, _plain(messages), values)


def render_segments(
    template: str,
    messages: Sequence[Message],
    *,
    bos_token: str = "",
    eos_token: str = "",
    add_generation_prompt: bool = True,
) -> list[Segment]:
    """The prompt in pieces that say who wrote them. Joined, they are what `render` gives.

    A template may transform what people say (upper case, JSON) so that its origin is lost. Then
    the prompt is one trusted piece if nobody said anything that looks like a marker, and BadInput
    otherwise. A template that takes messages only as lists of parts is given such lists.
    """
    values = {
        "bos_token": bos_token,
        "eos_token": eos_token,
        "add_generation_prompt": add_generation_prompt,
    }
    stand_ins = _StandIns((message.text for message in messages), template + bos_token + eos_token)
    prompt = _Prompt(messages, _run(template, _plain(messages), values), stand_ins)
    prompt.find_said(template, _plain(messages, stand_ins.mark), values)
    if left_out := prompt.left_out():
        try:
            prompt = _Prompt(messages, _run(template, _parts(messages), values), stand_ins)
        except EngineError:
            raise _left_out_error(left_out) from None
        prompt.find_said(template, _parts(messages, stand_ins.mark), values)
        if left_out := prompt.left_out():
            raise _left_out_error(left_out)
    return prompt.segments()


def encode(
    segments: Sequence[Segment],
    tokenize: Callable[[str, bool], list[int]],
    control_text: Callable[[int], str | None],
) -> list[int]:
    """Token ids of a prompt: exactly the stock ones, unless somebody typed a control marker.

    `tokenize(text, special)` adds no start token; `control_text(id)` is the text of a control
    token and None for any other. Segments are not tokenized one by one, because a token may well
    reach from the template's text into a message's: the text between two control tokens is one run.
    """
    whole = tokenize("".join(segment.text for segment in segments), True)
    meant = [
        token
        for segment in segments
        if segment.trusted
        for token in tokenize(segment.text, True)
        if control_text(token) is not None
    ]
    if [token for token in whole if control_text(token) is not None] == meant:
        return whole
    tokens: list[int] = []
    run = ""
    for segment in segments:
        if not segment.trusted:
            run += segment.text
            continue
        rest = segment.text
        for token in tokenize(rest, True):
            marker = control_text(token)
            if marker and marker in rest:
                before, _, rest = rest.partition(marker)
                tokens += [*_run_tokens(run + before, tokenize), token]
                run = ""
        run += rest
    return tokens + _run_tokens(run, tokenize)


def _run_tokens(text: str, tokenize: Callable[[str, bool], list[int]]) -> list[int]:
    return tokenize(text, False) if text else []


# -- running a template -----------------------------------------------------------------------


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


def _run(
    template: str,
    messages: Sequence[Mapping[str, Any]],
    values: Mapping[str, Any],
    dress: Callable[[str], str] = str,
) -> str:
    from penjing.engine import sandbox  # jinja2: not before somebody talks

    said = sum(len(str(message["content"])) for message in messages)
    try:
        return sandbox.run(
            template,
            {"messages": messages, "tools": None, "documents": None, **values},
            steps=300_000 + 5_000 * len(messages),
            chars=16 * 2**20 + 64 * said,
            dress=dress,
        )
    except sandbox.RefusedError as error:
        raise EngineError(f"the model's chat template refused: {_line(error)}") from error
    except Exception as error:  # a template can provoke any exception there is
        what = _line(error) or type(error).__name__
        raise EngineError(f"the model's chat template does not work: {what}") from error


def _line(error: Exception) -> str:
    """What an error says, on one line that a hostile template cannot use to drive a terminal."""
    return _printable(" ".join(str(error).split())[:200])


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


# -- telling apart who wrote what -------------------------------------------------------------


class _StandIns:
    """A private character for each visible character that was said."""

    def __init__(self, texts: Iterable[str], taken: str) -> None:
        said = {char for text in texts for char in text if not char.isspace()}
        used = set(taken)
        free = (
            code
            for code in range(_FIRST_STAND_IN, _LAST_STAND_IN + 1)
            if code & 0xFFFF < 0xFFFE and chr(code) not in used
        )
        self.table = dict(zip(map(ord, sorted(said)), map(chr, free), strict=False))
        self.complete = len(self.table) == len(said)
        self._back = {ord(stand_in): chr(code) for code, stand_in in self.table.items()}

    def mark(self, text: str) -> str:
        """The text in stand-ins; it still answers to its real characters."""
        return _Said(text.translate(self.table), self.table)

    def dress(self, text: str) -> str:
        """The same text; if there are stand-ins in it, it answers to their real characters."""
        return _Said(text, self.table) if _SAID.search(text) else text

    def unmark(self, text: str) -> str:
        """The real text again."""
        return text.translate(self._back)


class _Said(str):
    """A text in stand-ins whose methods take real characters, as a template will ask."""

    __slots__ = ("_table",)
    _table: Mapping[int, str]

    def __new__(cls, text: str, table: Mapping[int, str]) -> _Said:
        made = super().__new__(cls, text)
        made._table = table
        return made

    def __str__(self) -> str:
        return self

    def __contains__(self, part: object) -> bool:
        return isinstance(part, str) and super().__contains__(self._wear(part))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and super().__eq__(self._wear(other))

    __hash__ = str.__hash__

    def __getitem__(self, index: Any) -> str:
        return _Said(super().__getitem__(index), self._table)

    def __iter__(self) -> Iterator[str]:
        return (_Said(char, self._table) for char in super().__iter__())

    def replace(self, old: Any, new: Any, count: Any = -1) -> str:
        return _Said(super().replace(self._wear(old), new, count), self._table)

    def _wear(self, text: str) -> str:
        """What to look for: `text` as said, unless only the template's own words have it."""
        if isinstance(text, _Said):
            return text
        worn = text.translate(self._table)
        own = super().__contains__(text) and not super().__contains__(worn)
        return text if own else worn

    def _ask(self, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        def worn(value: Any) -> Any:
            if isinstance(value, tuple):
                return tuple(worn(each) for each in value)
            if not isinstance(value, str):
                return value
            both = value + value.translate(self._table)
            return both if name.endswith("strip") else self._wear(value)

        answer = getattr(super(), name)(*map(worn, args), **kwargs)
        if isinstance(answer, str):
            return _Said(answer, self._table)
        if isinstance(answer, list | tuple):
            return type(answer)(_Said(each, self._table) for each in answer)
        return answer


def _asking(name: str) -> Callable[..., Any]:
    def method(self: _Said, *args: Any, **kwargs: Any) -> Any:
        return self._ask(name, args, kwargs)

    method.__name__ = name
    return method


for _name in (
    *("count", "endswith", "find", "index", "lstrip", "partition", "removeprefix"),
    *("removesuffix", "rfind", "rindex", "rpartition", "rsplit", "rstrip", "split"),
    *("splitlines", "startswith", "strip"),
):
    setattr(_Said, _name, _asking(_name))


class _Prompt:
    """A rendered prompt, and the same in stand-ins if that can be had."""

    def __init__(self, messages: Sequence[Message], text: str, stand_ins: _StandIns) -> None:
        self._messages = messages
        self._text = text
        self._stand_ins = stand_ins
        self._marked: str | None = None

    def find_said(
        self,
        template: str,
        messages: Sequence[Mapping[str, Any]],
        values: Mapping[str, Any],
    ) -> None:
        """Run the template on marked messages; a different text means they were transformed."""
        if not self._stand_ins.complete:
            return
        try:
            marked = _run(template, messages, values, self._stand_ins.dress)
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
        system = [message for message in self._messages if message.role == "system"]
        newest = [message for message in self._messages[-1:] if message.role == "user"]
        for message in (*system, *newest):
            words = [word for word in message.text.split() if not word.startswith("/")]
            if words and not any(self._has(word) for word in words):
                return message.role
        return None

    def _has(self, word: str) -> bool:
        if self._marked is None:
            return word.casefold() in self._text.casefold()
        return str(self._stand_ins.mark(word)) in self._marked

    def segments(self) -> list[Segment]:
        """Who wrote what."""
        if self._marked is None:
            return self._one_segment()
        segments = []
        end = 0
        for match in _SAID.finditer(self._marked):
            segments.append(Segment(self._marked[end : match.start()], True))
            segments.append(Segment(self._stand_ins.unmark(match[0]), False))
            end = match.end()
        segments.append(Segment(self._marked[end:], True))
        return [segment for segment in segments if segment.text]

    def _one_segment(self) -> list[Segment]:
        for message in self._messages:
            if found := _LIKE_A_MARKER.search(message.text):
                raise BadInput(
                    f"'{_printable(found[0])[:40]}' looks like a control marker, and this "
                    "model's chat template mixes it with its own: leave it out"
                )
        return [Segment(self._text, True)]


def _left_out_error(role: str) -> EngineError:
    return EngineError(
        f"the model's chat template leaves out the {role} message: "
        "use a model whose template takes it, or go without it"
    )
