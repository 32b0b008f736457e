"""The conversation at a terminal, driven through a real pseudo-terminal with real Ctrl-C."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from penjing.app.conversation import Conversation
from penjing.app.talk import Talk
from penjing.cli.repl import COMMANDS, Repl
from penjing.core.errors import BadInput, UnknownName
from penjing.core.messages import GenerationSettings
from penjing.testing.model import FakeModel

CHILD = """
import fcntl, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
from penjing.cli import app, chat
from penjing.testing.model import FakeModel
model = FakeModel({model})
chat.open_model = lambda args, progress: model
status = app.main(["chat", *{words}])
print("left with", status, "after", [call.messages[-1].text for call in model.calls])
"""

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]|\r")
CTRL_C, CTRL_D, ALT_ENTER, UP = "\x03", "\x04", "\x1b\r", "\x1b[A"


class Terminal:
    """A penjing chat on a pseudo-terminal."""

    def __init__(self, model: str, words: tuple[str, ...]) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, b"\x28\x00\x78\x00\x00\x00\x00\x00")
        environment = {**os.environ, "TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1"}
        self._process = subprocess.Popen(
            [sys.executable, "-c", CHILD.format(model=model, words=list(words))],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=environment,
            start_new_session=True,
        )
        os.close(slave)
        self._raw = b""
        self._seen = 0
        self._prompts = 0

    def expect(self, text: str, seconds: float = 9.0) -> str:
        """Wait for text after what was expected before; what came until then."""
        end = time.monotonic() + seconds
        while (at := self.screen.find(text, self._seen)) < 0:
            if not self._read(end):
                raise AssertionError(f"no {text!r} in {self.screen[self._seen :]!r}")
        before = self.screen[self._seen : at]
        self._seen = at + len(text)
        return before

    @property
    def screen(self) -> str:
        return ESCAPES.sub("", self._raw.decode("utf-8", "replace"))

    def send(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def prompt(self) -> None:
        """Wait until it listens: it switches bracketed paste on for every prompt."""
        self._prompts += 1
        end = time.monotonic() + 9
        while self._raw.count(b"\x1b[?2004h") < self._prompts:
            if not self._read(end):
                raise AssertionError(f"no prompt in {self.screen[self._seen :]!r}")

    def _read(self, end: float) -> bool:
        while time.monotonic() < end:
            if select.select([self._master], [], [], 0.05)[0]:
                try:
                    data = os.read(self._master, 65536)
                except OSError:  # the other side is gone
                    return False
                self._raw += data
                return bool(data)
        return False

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._master)


Start = Callable[..., Terminal]


@pytest.fixture
def start() -> Iterator[Start]:
    opened: list[Terminal] = []

    def begin(model: str = "", *words: str) -> Terminal:
        opened.append(Terminal(model, words))
        opened[-1].prompt()
        return opened[-1]

    yield begin
    for terminal in opened:
        terminal.close()


def test_it_greets_answers_and_leaves(start: Start) -> None:
    terminal = start("['Paris.', 'Rome.']")
    assert "fake, context 4096: say something, or /help" in terminal.screen
    terminal.send("France?\r")
    terminal.expect("\nParis.\n")
    terminal.prompt()
    terminal.send("Italy?\r")
    terminal.expect("\nRome.\n")
    terminal.prompt()
    terminal.send(CTRL_D)
    terminal.expect("left with 0 after ['France?', 'Italy?']")


def test_ctrl_c_stops_the_sentence_and_not_the_program(start: Start) -> None:
    terminal = start("['slowly ' * 60, 'fine'], pause=0.05")
    terminal.send("talk\r")
    terminal.expect("slowly slowly")
    terminal.send(CTRL_C)
    terminal.expect("[stopped]", seconds=2)
    terminal.prompt()
    terminal.send("/stats\r")
    terminal.expect("2 messages, 0 dropped")
    terminal.prompt()
    terminal.send("go on\r")
    terminal.expect("\nfine\n")
    terminal.prompt()
    terminal.send("/quit\r")
    terminal.expect("left with 0 after ['talk', 'go on']")
    assert terminal.screen.count("slowly") < 60


def test_ctrl_c_at_the_prompt_clears_the_line_and_twice_leaves(start: Start) -> None:
    terminal = start()
    terminal.send("a mistake")
    terminal.expect("a mistake")
    terminal.send(CTRL_C)
    terminal.expect("[Ctrl-C again or Ctrl-D quits]")
    terminal.prompt()
    terminal.send("right\r")
    terminal.expect("\nright\n")
    terminal.prompt()
    terminal.send(CTRL_C)
    terminal.expect("[Ctrl-C again or Ctrl-D quits]")
    terminal.prompt()
    terminal.send(CTRL_C)
    terminal.expect("left with 0 after ['right']")


def test_pasted_lines_and_alt_enter_are_one_message(start: Start) -> None:
    terminal = start("['ok']")
    terminal.send("\x1b[200~one\r\ntwo\nthree\x1b[201~")
    terminal.expect("three")
    terminal.send(f"{ALT_ENTER}four\r")
    terminal.expect("\nok\n")
    terminal.prompt()
    terminal.send(CTRL_D)
    terminal.expect(r"after ['one\ntwo\nthree\nfour']")


def test_the_up_arrow_brings_back_what_was_said(start: Start) -> None:
    terminal = start("['first', 'second']")
    terminal.send("again\r")
    terminal.expect("\nfirst\n")
    terminal.prompt()
    terminal.send(UP + "!\r")
    terminal.expect("\nsecond\n")
    terminal.prompt()
    terminal.send(CTRL_D)
    terminal.expect("after ['again', 'again!']")


def test_a_hostile_answer_cannot_drive_the_terminal(start: Start) -> None:
    terminal = start(r"['\x1b]0;owned\x07 \x1b[2J']")
    terminal.send("x\r")
    terminal.expect("\ufffd]0;owned\ufffd \ufffd[2J")
    assert b"]0;owned\x07" not in terminal._raw


def test_mistakes_are_lines_and_the_talk_goes_on(start: Start) -> None:
    terminal = start("context=300")
    terminal.send("/sav\r")
    terminal.expect("unknown command '/sav': did you mean /save")
    terminal.prompt()
    terminal.send("y" * 400 + "\r")
    terminal.expect("penjing: this message makes a prompt of")
    terminal.prompt()
    terminal.send(" /not a command\r")
    terminal.expect("\n/not a command\n")


def test_sigterm_ends_the_talk(start: Start) -> None:
    terminal = start()
    terminal._process.terminate()
    terminal.expect("left with 130")


# -- commands, without a terminal


@pytest.fixture
def talk() -> Talk:
    return Talk(FakeModel(["one", "two", "three"]), GenerationSettings(), Conversation())


def texts(talk: Talk) -> list[str]:
    return [message.text for message in talk.conversation.messages]


def test_save_clear_load(talk: Talk, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    repl = Repl(talk)
    path = tmp_path / "my talk.json"
    repl._heard("/system be kind")
    repl._heard("hello")
    repl._heard(f"/save '{path}'")
    assert "not encrypted" in capsys.readouterr().err
    assert json.loads(path.read_text("utf-8"))["model"] == "fake"
    repl._heard("/clear")
    assert talk.conversation == Conversation("be kind")
    repl._heard("/system -")
    assert talk.conversation == Conversation()
    repl._heard(f"/load '{path}'")
    assert talk.conversation == Conversation("be kind").asked("hello").answered("one")
    assert "loaded 2 messages" in capsys.readouterr().err


@pytest.mark.parametrize("line", ["/save", "/save a b", "/load", "/save 'a"])
def test_a_file_must_be_named(talk: Talk, line: str) -> None:
    with pytest.raises(BadInput, match="type /"):
        Repl(talk)._heard(line)


def test_retry_asks_the_same_again_with_another_seed(talk: Talk) -> None:
    talk.settings = GenerationSettings(seed=5)
    repl = Repl(talk)
    with pytest.raises(BadInput, match="nothing was asked"):
        repl._heard("/retry")
    repl._heard("hello")
    repl._heard("/retry")
    repl._heard("/retry")
    assert texts(talk) == ["hello", "three"]
    model = talk.model
    assert isinstance(model, FakeModel)
    assert [call.settings.seed for call in model.calls] == [5, 6, 7]
    assert all(len(call.messages) == 1 for call in model.calls)
    assert talk.settings.seed == 5


class Stopped(FakeModel):
    """Ctrl-C before the first word, while `now`."""

    now = False

    def generate(self, messages, settings):  # type: ignore[no-untyped-def]
        if self.now:
            raise KeyboardInterrupt
        return super().generate(messages, settings)


def test_a_retry_that_is_stopped_before_a_word_keeps_the_old_answer() -> None:
    model = Stopped(["one", "two"])
    talk = Talk(model, GenerationSettings(), Conversation())
    repl = Repl(talk)
    repl._heard("hello")
    model.now = True
    repl._heard("/retry")
    assert texts(talk) == ["hello", "one"]
    repl._heard("lost")
    assert texts(talk) == ["hello", "one"]
    model.now = False
    repl._heard("/retry")
    assert texts(talk) == ["hello", "one", "lost", "two"]


def test_retry_says_when_it_is_useless(talk: Talk, capsys: pytest.CaptureFixture[str]) -> None:
    talk.settings = GenerationSettings(temperature=0)
    repl = Repl(talk)
    repl._heard("hello")
    repl._heard("/retry")
    assert "the answer will be the same" in capsys.readouterr().err


def test_stats(talk: Talk, capsys: pytest.CaptureFixture[str]) -> None:
    repl = Repl(talk)
    repl._heard("/stats")
    assert capsys.readouterr().err == "[context: 0 of 4096 tokens (0%), 0 messages, 0 dropped]\n"
    repl._heard("hello")
    capsys.readouterr()
    repl._heard("/stats")
    err = capsys.readouterr().err
    used = talk.model.count_tokens(talk.conversation.prompt())
    assert f"[context: {used} of 4096 tokens (1%), 2 messages, 0 dropped]" in err
    assert "reading 1000.0 tokens/s, writing 100.0 tokens/s, 3 tokens written]" in err


def test_help_names_every_command(talk: Talk, capsys: pytest.CaptureFixture[str]) -> None:
    Repl(talk)._heard("/help")
    out = capsys.readouterr().out
    for name in COMMANDS:
        assert f"  {name}" in out
    assert "Alt-Enter" in out


@pytest.mark.parametrize("line", ["/hepl", "/HELP", "/", "/etc/passwd is a file"])
def test_an_unknown_command_is_not_sent_to_the_model(talk: Talk, line: str) -> None:
    with pytest.raises(UnknownName, match="unknown command") as error:
        Repl(talk)._heard(line)
    assert "begin the line with a space" in str(error.value)
    assert "\n" not in str(error.value)
    assert texts(talk) == []


@pytest.mark.parametrize("line", ["", "   ", "\n\n"])
def test_silence_is_not_sent(talk: Talk, line: str) -> None:
    Repl(talk)._heard(line)
    assert texts(talk) == []
