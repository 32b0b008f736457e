"""`penjing chat` away from a terminal: one answer, one per line, one JSON document."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from penjing.cli import app, chat
from penjing.core.age import process_age
from penjing.core.errors import EngineError, UsageError
from penjing.core.introduction import DEFAULT_SYSTEM
from penjing.core.messages import Chunk, GenerationSettings, Message
from penjing.testing.model import FakeModel

Say = Callable[..., tuple[int, str, str]]


@pytest.fixture
def penjing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Say:
    """Runs a command line with a given model and standard input: (status, stdout, stderr)."""

    def run(*words: str, model: FakeModel | None = None, stdin: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr(chat, "open_model", lambda asked, progress: model or FakeModel())
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        status = app.main(["chat", *words])
        out, err = capsys.readouterr()
        return status, out, err

    return run


SYSTEM = Message.of("system", DEFAULT_SYSTEM)


def test_once_prints_the_answer_and_closes_the_model(penjing: Say) -> None:
    model = FakeModel(["Paris."])
    assert penjing("--once", "Capital of France?", model=model) == (0, "Paris.\n", "")
    assert model.calls[0].messages == (SYSTEM, Message.of("user", "Capital of France?"))
    assert model.closed


def test_once_reads_standard_input(penjing: Say) -> None:
    assert penjing("--once", "-", stdin="two\nlines\n") == (0, "two\nlines\n", "")
    with_bytes = penjing("--once", "-", stdin="half \udcc3 char")
    assert with_bytes[1] == "half \ufffd char\n"


def test_the_settings_reach_the_model(penjing: Say, tmp_path: Path) -> None:
    grammar = tmp_path / "g.gbnf"
    grammar.write_text('root ::= "a"', "utf-8")
    model = FakeModel()
    options = ("--temperature", "0.5", "--seed", "7", "--max-tokens", "9", "--system", "be kind")
    penjing("--once", "hi", *options, "--grammar", str(grammar), model=model)
    call = model.calls[0]
    assert call.settings == GenerationSettings(
        max_tokens=9, temperature=0.5, seed=7, grammar='root ::= "a"'
    )
    assert call.messages[0] == Message.of("system", "be kind")
    schema = tmp_path / "s.json"
    schema.write_text('{"type": "object"}', "utf-8")
    model = FakeModel()
    penjing("--once", "hi", "--json-schema", str(schema), model=model)
    assert model.calls[0].settings.json_schema == {"type": "object"}
    assert model.calls[0].settings.grammar is None


def test_context_and_threads_reach_the_opener() -> None:
    parser = ArgumentParser()
    for flag in ("--json", "--quiet"):
        parser.add_argument(flag, action="store_true")
    chat.register(parser, "chat")
    args = parser.parse_args(["m.gguf", "--once", "x", "--context", "512", "--threads", "3"])
    seen: list[Any] = []

    def opener(args: Any, progress: Any) -> FakeModel:
        seen.append((args.model, args.context, args.threads))
        return FakeModel()

    assert chat.run(args, opener=opener) == 0
    assert seen == [("m.gguf", 512, 3)]


# -- one JSON document


def test_once_json_is_one_document(penjing: Say) -> None:
    status, out, err = penjing(
        "--once", "hi", "--json", "--system", "s", model=FakeModel(["ünï\x1b[31m"], name="tiny")
    )
    assert (status, err) == (0, "")
    document = json.loads(out)
    assert {key: document[key] for key in ("model", "prompt", "system", "answer")} == {
        "model": "tiny",
        "prompt": "hi",
        "system": "s",
        "answer": "ünï\x1b[31m",
    }
    assert document["finish_reason"] == "stop"
    assert document["dropped"] == {"messages": 0, "tokens": 0}
    assert document["usage"]["completion_tokens"] == 10
    timings = document["timings"]
    assert 0 < timings["ttft_seconds"] < process_age()
    assert 0 <= timings["first_text_seconds"] <= timings["answer_seconds"]
    assert timings["prefill_tokens_per_second"] == pytest.approx(1000)
    assert timings["decode_tokens_per_second"] == pytest.approx(100)
    assert "\x1b" not in out


def test_an_answer_without_a_word_has_no_first_text(penjing: Say) -> None:
    document = json.loads(penjing("--once", "hi", "--json", model=FakeModel([""]))[1])
    assert document["answer"] == ""
    assert document["timings"]["ttft_seconds"] is None
    assert document["timings"]["decode_tokens_per_second"] is None


def test_a_cut_answer_says_so(penjing: Say) -> None:
    status, out, err = penjing("--once", "hello", "--max-tokens", "3")
    assert (status, out) == (0, "hel\n")
    assert err == "[cut: the answer reached --max-tokens or the end of the context]\n"
    document = json.loads(penjing("--once", "hello", "--max-tokens", "3", "--json")[1])
    assert document["finish_reason"] == "length"


# -- a pipe


def test_each_line_of_a_pipe_is_a_turn_of_one_conversation(penjing: Say) -> None:
    model = FakeModel(["one", "two\nlines"])
    status, out, err = penjing(model=model, stdin="first\n\n   \n/help\n")
    assert (status, out, err) == (0, "one\ntwo\nlines\n", "")
    said = [message.text for message in model.calls[1].messages]
    assert said == [DEFAULT_SYSTEM, "first", "one", "/help"]


def test_a_pipe_with_json_is_one_document(penjing: Say) -> None:
    status, out, _ = penjing("--json", stdin="a\nb")
    document = json.loads(out)
    assert status == 0
    assert [(turn["prompt"], turn["answer"]) for turn in document["turns"]] == [
        ("a", "a"),
        ("b", "b"),
    ]


def test_what_was_dropped_is_said(penjing: Say) -> None:
    lines = "\n".join(f"{i} " + "x" * 40 for i in range(5))
    model = FakeModel(context=400)
    status, out, err = penjing("--max-tokens", "60", model=model, stdin=lines)
    assert status == 0
    assert out.count("x" * 40) == 5
    assert "oldest messages (" in err
    assert "tokens) to stay within 400]" in err
    document = json.loads(
        penjing("--json", "--max-tokens", "60", model=FakeModel(context=400), stdin=lines)[1]
    )
    dropped = [turn["dropped"]["messages"] for turn in document["turns"]]
    assert sum(dropped) > 0
    assert dropped[0] == 0
    sent = [call.messages for call in model.calls]
    assert all(messages[-1].text.startswith(str(i)) for i, messages in enumerate(sent))


@pytest.mark.parametrize("words", [["--once", "x" * 500], []])
def test_a_message_that_is_too_long_is_refused_not_cut(penjing: Say, words: list[str]) -> None:
    model = FakeModel(context=256)
    status, out, err = penjing(*words, model=model, stdin="x" * 500)
    assert (status, out) == (2, "")
    assert err.startswith("penjing: this message makes a prompt of 5")
    assert err.count("\n") == 1
    assert model.calls == []
    assert model.closed


# -- the terminal is safe


def test_the_models_escape_sequences_are_neutralised(penjing: Say) -> None:
    hostile = "\x1b]0;owned\x07\x1b[2Jred\x9b31m\r\x08tab\there"
    _, out, _ = penjing("--once", "x", model=FakeModel([hostile], piece=1))
    assert out == "\ufffd]0;owned\ufffd\ufffd[2Jred\ufffd31m\ufffd\ufffdtab\there\n"


def test_text_is_flushed_piece_by_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow(io.StringIO):
        flushed: list[str]

        def flush(self) -> None:
            self.flushed.append(self.getvalue())

    out = Slow()
    out.flushed = []
    monkeypatch.setattr("sys.stdout", out)
    talk = chat.Talk(FakeModel(["abcdef"], piece=2), GenerationSettings(), chat.Conversation())
    talk.ask("x", chat.say, chat.tell)
    assert out.flushed == ["ab", "abcd", "abcdef"]


# -- Ctrl-C


class Interrupted(FakeModel):
    """Somebody presses Ctrl-C while it reads, or after a piece."""

    def __init__(self, *, while_reading: bool) -> None:
        super().__init__(["abcdefgh"], piece=2)
        self.while_reading = while_reading

    def generate(
        self, messages: Sequence[Message], settings: GenerationSettings
    ) -> Iterator[Chunk]:
        for i, chunk in enumerate(super().generate(messages, settings)):
            if self.while_reading or i == 2:
                raise KeyboardInterrupt
            yield chunk


def test_ctrl_c_keeps_what_was_said(penjing: Say) -> None:
    status, out, err = penjing("--once", "x", model=Interrupted(while_reading=False))
    assert (status, out, err) == (130, "abcd\n", "[stopped]\n")
    status, out, _ = penjing("--once", "x", "--json", model=Interrupted(while_reading=False))
    document = json.loads(out)
    assert status == 130
    assert (document["answer"], document["finish_reason"]) == ("abcd", "cancelled")
    assert document["usage"] is None


def test_ctrl_c_before_the_first_word_forgets_the_question() -> None:
    model = Interrupted(while_reading=True)
    talk = chat.Talk(model, GenerationSettings(), chat.Conversation())
    answer = talk.ask("x", chat.say, chat.tell)
    assert (answer.text, answer.finish_reason) == ("", "cancelled")
    assert talk.conversation.messages == ()
    model.while_reading = False
    assert talk.ask("y", chat.say, chat.tell).text == "abcd"
    assert [message.text for message in talk.conversation.messages] == ["y", "abcd"]


def test_ctrl_c_while_a_piece_is_shown_closes_the_stream() -> None:
    model = FakeModel(["abcdefgh"], piece=2)
    talk = chat.Talk(model, GenerationSettings(), chat.Conversation())

    def show(text: str) -> None:
        if text == "cd":
            raise KeyboardInterrupt

    assert talk.ask("x", show, chat.tell).text == "abcd"
    assert model.cancelled == 1


def test_ctrl_c_ends_a_pipe(penjing: Say) -> None:
    status, out, _ = penjing(model=Interrupted(while_reading=False), stdin="a\nb\n")
    assert (status, out) == (130, "abcd\n")


# -- what is refused


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--once", "  "], "nothing was asked"),
        (["--once", "-"], "nothing was asked"),
        ([], "nothing was asked: pipe one line per question"),
        (["--once", "x", "--temperature", "hot"], "'hot' is not a number from 0 to 10"),
        (["--once", "x", "--temperature", "nan"], "'nan' is not a number from 0 to 10"),
        (["--once", "x", "--temperature", "-1"], "--temperature"),
        (["--once", "x", "--seed", "-1"], "--seed"),
        (["--once", "x", "--seed", "1.5"], "'1.5' is not a whole number of at least 0"),
        (["--once", "x", "--context", "3"], "'3' is not a whole number of at least 16"),
        (["--once", "x", "--max-tokens", "0"], "'0' is not a whole number of at least 1"),
        (["--once", "x", "--threads", "²"], "'²' is not a whole number"),
        (["--once", "x", "--grammar", "nowhere.gbnf"], "cannot read nowhere.gbnf"),
        (["--once", "x", "--grammar", "a", "--json-schema", "b"], "not allowed with"),
        (["--once"], "expected one argument"),
        (["a", "b"], "unrecognized arguments: b"),
    ],
)
def test_a_mistake_is_one_line(penjing: Say, words: list[str], says: str) -> None:
    status, out, err = penjing(*words)
    assert (status, out) == (2, "")
    assert says in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "says"),
    [("{", "is not JSON"), ("[]", "is not a JSON schema"), ("[" * 10**5, "nested too deeply")],
)
def test_a_schema_that_is_none(penjing: Say, tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "s.json"
    path.write_text(text, "utf-8")
    status, _, err = penjing("--once", "x", "--json-schema", str(path))
    assert status == 2
    assert says in err


def test_an_engine_that_fails_is_one_line_and_the_model_is_closed(penjing: Say) -> None:
    class Broken(FakeModel):
        def count_tokens(self, messages: Sequence[Message]) -> int:
            raise EngineError("it does not run")

    model = Broken()
    assert penjing("--once", "x", model=model) == (1, "", "penjing: it does not run\n")
    assert model.closed


def test_json_at_a_terminal_needs_a_question(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat, "_is_terminal", lambda: True)
    assert app.main(["chat", "--json"]) == 2


def test_an_unknown_model_is_suggested(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PENJING_HOME", str(tmp_path))
    assert app.main(["chat", "smollm2-135m-instrukt", "--once", "x"]) == 2
    assert "did you mean smollm2-135m-instruct" in capsys.readouterr().err


def test_a_folder_of_safetensors_is_not_for_chat(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PENJING_HOME", str(tmp_path / "home"))
    (tmp_path / "config.json").write_text("{}", "utf-8")
    (tmp_path / "model.safetensors").write_bytes(b"")
    assert app.main(["chat", str(tmp_path), "--once", "x"]) == 2
    assert "make one with penjing compress" in capsys.readouterr().err


def test_the_default_model_is_pulled_with_a_line_that_says_so(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from penjing.bundle import resolve

    asked: list[tuple[str, bool]] = []

    def find_model(name: str, home: Any, *, progress: Any, download: bool) -> Path:
        asked.append((name, download))
        raise UsageError("enough")

    monkeypatch.setenv("PENJING_HOME", str(tmp_path))
    monkeypatch.setattr(resolve, "find_model", find_model)
    assert app.main(["chat", "--once", "x"]) == 2
    assert asked == [("smollm2-135m-instruct", True)]
    err = capsys.readouterr().err
    assert err == "smollm2-135m-instruct is not here yet: pulling it, once\npenjing: enough\n"
    app.main(["chat", "smollm2-135m-instruct", "--once", "x"])
    assert asked[1] == ("smollm2-135m-instruct", False)


# -- starting

EARLY = """
import sys
from penjing.cli import app, chat
from penjing.testing.model import FakeModel
seen = []
class Watching(FakeModel):
    def generate(self, messages, settings):
        seen.extend(sys.modules)
        return super().generate(messages, settings)
chat.open_model = lambda args, progress: Watching()
status = app.main(["chat", "--once", "hi"])
heavy = {"rich", "prompt_toolkit", "numpy", "jinja2", "asyncio", "torch", "xllamacpp"}
print(sorted(heavy & set(seen)), file=sys.stderr)
"""


def test_nothing_heavy_is_imported_before_the_first_answer() -> None:
    done = subprocess.run(
        [sys.executable, "-c", EARLY], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "hi\n", "[]\n")


def test_process_age_counts_from_the_start_of_the_process() -> None:
    code = "import time; time.sleep(0.3); from penjing.core.age import process_age as age"
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", code + "; print(age())"], capture_output=True, text=True, check=True
    )
    age, outside = float(done.stdout), time.monotonic() - started
    assert 0.3 < age < outside + 0.02


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="no /proc")
def test_process_age_survives_a_strange_process_name() -> None:
    import ctypes

    code = (
        "import ctypes, time; ctypes.CDLL(None).prctl(15, b'a) (b 1 2', 0, 0, 0); "
        "from penjing.core.age import process_age as age; print(age())"
    )
    assert hasattr(ctypes.CDLL(None), "prctl")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 0 < float(done.stdout) < 60


CLOSED_PIPE = """
import sys
from penjing.cli import app, chat
from penjing.testing.model import FakeModel
chat.open_model = lambda args, progress: FakeModel(["x" * 3000], pause=0.001)
sys.exit(app.main(["chat", "--once", "hi", "--max-tokens", "3000"]))
"""


def test_a_closed_pipe_is_no_error() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", CLOSED_PIPE], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert os.read(process.stdout.fileno(), 4)
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141


ECHO = """
import sys
from penjing.cli import app, chat
from penjing.testing.model import FakeModel
chat.open_model = lambda args, progress: FakeModel()
sys.exit(app.main(["chat", *sys.argv[1:]]))
"""


@pytest.mark.parametrize("words", [["--once", "-"], []])
def test_bytes_and_locales_that_spell_no_text(words: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", ECHO, *words],
        input=b"caf\xe9 \xc3\xa9\n",
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode() == "caf\ufffd é\n"
    narrow = subprocess.run(
        [sys.executable, "-c", ECHO, "--once", "caf\u00e9"],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        check=False,
    )
    assert (narrow.returncode, narrow.stdout, narrow.stderr) == (0, b"caf?\n", b"")


def test_thoughts_are_no_part_of_the_answer(penjing: Say) -> None:
    def asked(*words: str) -> tuple[int, str, str]:
        return penjing("--once", "hi", *words, model=FakeModel(["<think>Hm.</think>\n\nYes."]))

    assert asked() == (0, "Yes.\n", "")
    document = json.loads(asked("--json")[1])
    assert (document["answer"], document["thoughts"]) == ("Yes.", "Hm.")
    status, out, err = asked("--max-tokens", "9")
    assert (status, out) == (0, "\n")
    assert "still thinking: allow more --max-tokens, or give --no-think" in err


@pytest.mark.parametrize(
    ("word", "thinks"), [((), None), (("--think",), True), (("--no-think",), False)]
)
def test_thinking_is_switched(penjing: Say, word: tuple[str, ...], thinks: bool | None) -> None:
    model = FakeModel(["Yes."])
    penjing("--once", "hi", *word, model=model)
    assert model.calls[0].settings.thinking is thinks


def test_help_shows_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    assert app.main(["chat", "--help"]) == 0
    assert 'penjing chat --once "What is the capital of France?"' in capsys.readouterr().out


class _NoSystem(FakeModel):
    """A template that refuses system prompts, as Gemma 2's does."""

    def count_tokens(self, messages):
        if any(message.role == "system" for message in messages):
            raise EngineError("the chat template refuses: System role not supported")
        return super().count_tokens(messages)


def test_the_system_prompt_is_ours_the_persons_or_the_templates(penjing: Say) -> None:
    def first(*words: str, model: FakeModel) -> Message:
        assert penjing("--once", "hi", *words, model=model)[0] == 0
        return model.calls[0].messages[0]

    assert first(model=FakeModel(["a"])) == SYSTEM
    assert first("--system", "Be kind.", model=FakeModel(["a"])).text == "Be kind."
    assert first("--system", "-", model=FakeModel(["a"])).role == "user"
    assert first(model=_NoSystem(["a"])).role == "user"
