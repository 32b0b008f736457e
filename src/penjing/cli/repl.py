"""A conversation at a terminal: reads lines, runs /commands, shows what the model writes.

Knows a `Talk`; must not know which engine answers. prompt_toolkit is imported when it starts.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from penjing.app.conversation import LEAVING, Conversation, load, said, save
from penjing.app.talk import Answer, Talk, rates, why_it_ended
from penjing.cli.output import say, tell
from penjing.core.errors import BadInput, PenjingError, UnknownName, one_line
from penjing.core.terminal import clean
from penjing.core.units import format_duration

if TYPE_CHECKING:
    from prompt_toolkit import PromptSession

_KEYS = (
    ("Enter", "send"),
    ("Alt-Enter", "a new line; pasted lines stay together"),
    ("Up", "what was said before"),
    ("Ctrl-C", "stop the answer; at the prompt, clear the line; twice, quit"),
    ("Ctrl-D", "quit"),
)


class _QuitError(Exception):
    """The person wants to leave."""


class _Command(NamedTuple):
    """One /command."""

    words: str
    help: str
    run: Callable[[Repl, str], None]


class Repl:
    """Reads and answers until the person leaves."""

    def __init__(self, talk: Talk) -> None:
        self._talk = talk
        self._attempt = 0
        self._unanswered: str | None = None

    def run(self) -> int:
        """Talk; returns the exit status."""
        session = _session()
        model = self._talk.model
        print(f"{clean(model.name)}, context {model.context_length}: say something, or /help")
        interrupted = False
        while True:
            try:
                line = said(session.prompt("> "))
                interrupted = False
                self._heard(line)
            except KeyboardInterrupt:
                if interrupted:
                    return 0
                interrupted = True
                tell("Ctrl-C again or Ctrl-D quits")
            except (EOFError, _QuitError):
                return 0
            except PenjingError as error:
                print(f"penjing: {one_line(str(error))}", file=sys.stderr, flush=True)

    def _heard(self, line: str) -> None:
        if not line.strip():
            return
        if line.startswith("/"):
            name, *rest = line.strip().split(maxsplit=1)
            name = "/quit" if name in LEAVING else name
            if name not in COMMANDS:
                raise UnknownCommand(name)
            COMMANDS[name].run(self, "".join(rest))
        else:
            self._attempt = 0
            self._ask(line.strip())

    def _ask(self, question: str) -> None:
        self._unanswered = question
        answer = self._talk.ask(question, say, tell)
        say("\n")
        if ending := why_it_ended(answer):
            tell(ending)
        if answer.text or answer.finish_reason != "cancelled":
            self._unanswered = None

    # -- commands -------------------------------------------------------------------------

    def _help(self, _: str) -> None:
        rows = [(f"{name} {one.words}".strip(), one.help) for name, one in COMMANDS.items()]
        width = max(len(left) for left, _ in (*rows, *_KEYS))
        for left, right in (*rows, *_KEYS):
            print(f"  {left:<{width}}  {right}")
        print("A line that begins with a space is never a command.")

    def _save(self, rest: str) -> None:
        path = _path(rest, "/save FILE")
        conversation = self._talk.conversation
        save(conversation, path, model=self._talk.model.name)
        tell(f"saved {_messages(conversation)} to {path}: readable text, not encrypted")

    def _load(self, rest: str) -> None:
        path = _path(rest, "/load FILE")
        self._talk.conversation = load(path)
        self._unanswered = None
        tell(f"loaded {_messages(self._talk.conversation)} from {path}")

    def _clear(self, _: str) -> None:
        self._talk.conversation = Conversation(self._talk.conversation.system)
        self._unanswered = None
        tell("forgotten; the system prompt stays")

    def _system(self, rest: str) -> None:
        system = self._talk.conversation.system
        if rest:
            system = None if rest == "-" else rest
            self._talk.conversation = replace(self._talk.conversation, system=system)
        shown = "the model's own" if system is None else f"'{system}'"
        tell(f"the system prompt is {shown}")

    def _stats(self, _: str) -> None:
        talk = self._talk
        used = (
            talk.model.count_tokens(talk.conversation.prompt()) if talk.conversation.messages else 0
        )
        total = talk.model.context_length
        tell(f"context: {used} of {total} tokens ({used / total:.0%}), "
             f"{_messages(talk.conversation)}, {talk.conversation.forgotten} dropped")  # fmt: skip
        if talk.last is not None:
            tell(_speed(talk.last))

    def _retry(self, _: str) -> None:
        talk = self._talk
        question = self._unanswered or talk.conversation.last_question
        if question is None:
            raise BadInput("nothing was asked yet: say something first")
        if talk.settings.temperature == 0:
            tell("temperature is 0: the answer will be the same")
        before, settings, answered = talk.conversation, talk.settings, self._unanswered is None
        if answered:
            talk.conversation = before.before_last_question()
        self._attempt += 1
        talk.settings = talk.again(self._attempt)
        try:
            self._ask(question)
        finally:
            talk.settings = settings
            if answered and self._unanswered is not None:  # no new answer: the old one stays
                talk.conversation, self._unanswered = before, None

    def _quit(self, _: str) -> None:
        raise _QuitError


class UnknownCommand(UnknownName):
    """No such /command; suggests one, and how to say such a line."""

    def __init__(self, name: str) -> None:
        super().__init__("command", name[:40], COMMANDS)
        self.args = (f"{self.args[0]} (to say it, begin the line with a space)",)


COMMANDS = {
    "/help": _Command("", "this page", Repl._help),
    "/retry": _Command("", "answer the last question again", Repl._retry),
    "/system": _Command("TEXT", "who the model is to be; - for its own; alone: show", Repl._system),
    "/clear": _Command("", "forget what was said", Repl._clear),
    "/stats": _Command("", "speed, and how full the context is", Repl._stats),
    "/save": _Command("FILE", "write the conversation to a file", Repl._save),
    "/load": _Command("FILE", "go on with a saved conversation", Repl._load),
    "/quit": _Command("", "leave", Repl._quit),
}


def _session() -> PromptSession[str]:
    from prompt_toolkit import PromptSession
    from prompt_toolkit.completion import WordCompleter
    from prompt_toolkit.history import InMemoryHistory
    from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

    keys = KeyBindings()

    @keys.add("escape", "enter")
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    return PromptSession(
        history=InMemoryHistory(),
        key_bindings=keys,
        completer=WordCompleter(list(COMMANDS), sentence=True),
        complete_while_typing=False,
        prompt_continuation="  ",
    )


def _path(rest: str, usage: str) -> Path:
    try:
        words = shlex.split(rest)
    except ValueError as error:
        raise BadInput(f"a quote is not closed: type {usage}") from error
    if len(words) != 1:
        raise BadInput(f"one file is needed: type {usage}, with quotes around spaces")
    return Path(words[0]).expanduser()


def _messages(conversation: Conversation) -> str:
    count = len(conversation.messages)
    return f"{count} message{'s' * (count != 1)}"


def _speed(answer: Answer) -> str:
    parts = []
    if answer.first_seconds is not None:
        parts.append(f"first text after {format_duration(answer.first_seconds)}")
    if answer.usage:
        speed = rates(answer.usage)
        for what, key in (("reading", "prefill"), ("writing", "decode")):
            if (rate := speed[f"{key}_tokens_per_second"]) is not None:
                parts.append(f"{what} {rate:.1f} tokens/s")
        parts.append(f"{answer.usage.completion_tokens} tokens written")
    return "last answer: " + (", ".join(parts) or "stopped before a word")
