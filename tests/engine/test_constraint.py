"""Grammars and schemas on a real vocabulary: the same language, and bombs that do not go off."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import tiny

from penjing.core.errors import BadInput, EngineError
from penjing.core.messages import GenerationSettings
from penjing.engine.constraint import mistaken
from penjing.engine.llamacpp import LlamaCpp
from penjing.workshop.export.gguf import export_gguf

pytestmark = pytest.mark.model

BOMB = 'root ::= "a" root "b" | "a" root "c" | "a" root "d" | ""'
"""Each text of "a" can go on in exponentially many ways."""


@pytest.fixture(scope="module")
def model(default_model: Path) -> Iterator[LlamaCpp]:
    with LlamaCpp.open(default_model, context=256) as opened:
        yield opened


def matches(model: LlamaCpp, grammar: str, text: str) -> bool:
    """Whether a whole text is of the grammar."""
    end = next(token for token in range(100) if model.ends(token))
    held = model.constraint(GenerationSettings(grammar=grammar))
    assert held is not None
    try:
        for token in model.tokenize(text, bos=False):
            if not held.permits(token):
                return False
            held.accept(token)
        return held.permits(end)
    finally:
        held.close()


@pytest.mark.parametrize(
    ("grammar", "good", "bad"),
    [
        ('root ::= "yes" | "no"', ["yes", "no"], ["maybe", "y", "yesno"]),
        ("root ::= x{2,3}\nx ::= [a-c]", ["ab", "abc"], ["a", "abcd", "ad"]),
        ("root ::= x{2,}\nx ::= [a-c]", ["ab", "abcabc"], ["a"]),
        ('root ::= ("a" "bd") | ("ab" "c")', ["abd", "abc"], ["ab", "abcd"]),
        ('root ::= "a"? "" ("你" | "\\u597d")+', ["a你好", "好"], ["a", "你a"]),
        ('root ::= [^a\\n]* "."', ["xyz.", "."], ["a.", "x\n."]),
        ('root ::= ""', [""], ["a"]),
        ('root ::= a | ""\na ::= "x" root # a comment\n', ["", "xxx"], ["y"]),
        ("root ::= .{3}", ["a\nb"], ["ab"]),
        ('root ::= root "x" | "y"', ["y", "yxx"], ["x", "yy"]),
        ('root ::= (\n "a" |\n "b"\n) [\\]\\x2d]', ["a]", "b-"], ["a", "a["]),
        ('root ::= "a" |\n  "b"', ["a", "b"], ["ab"]),
        (BOMB, ["ab", "aabc", "a" * 100 + "bcd" * 33 + "b"], ["aa", "b"]),
    ],
)
def test_the_language_is_the_one_that_was_written(model, grammar, good, bad) -> None:
    assert [text for text in good if not matches(model, grammar, text)] == []
    assert [text for text in bad if matches(model, grammar, text)] == []


@pytest.mark.parametrize(
    ("grammar", "words"),
    [
        ("root = =", "line 1: ::= is expected"),
        ('root ::= "a\n', "does not end"),
        ("root ::= y", "no rule 'y'"),
        ('x ::= "a"', "no rule 'root'"),
        ('root ::= "\\ud800"', "no character"),
        ('root ::= "a"\nx ::= <think>', "line 2: tokens cannot be named"),
        ("root ::= [b-a]", "range"),
        ("root ::= " + "(" * 1000, "parentheses"),
        ('root ::= "a"{100000}', "repetition"),
        ('root ::= "' + "a" * 50_000 + '"', "parts"),
        ("root ::= root", "no text can follow"),
        ("x" * 70_000, "longer than"),
    ],
)
def test_bad_grammars_are_refused_with_a_reason(model, grammar, words) -> None:
    with pytest.raises(BadInput, match=words):
        model.constraint(GenerationSettings(grammar=grammar))


def deep(levels: int) -> dict:
    schema: dict = {}
    for _ in range(levels):
        schema = {"properties": {"a": schema}}
    return schema


@pytest.mark.parametrize(
    "settings",
    [
        GenerationSettings(grammar=BOMB),
        GenerationSettings(grammar='root ::= (("a"{0,1000}){0,1000}){0,1000}'),
        GenerationSettings(grammar="root ::= " + "(" * 9 + '"a"' + "{0,99})" * 9 + "{0,99}"),
        GenerationSettings(grammar='root ::= ("a" | "a"? | "a"*)*'),
        GenerationSettings(json_schema=deep(1000)),
        GenerationSettings(json_schema={"enum": list(range(50_000))}),
        GenerationSettings(json_schema={"type": "string", "pattern": "((a{0,999}){0,999}){0,999}"}),
        GenerationSettings(json_schema={"type": "string", "pattern": "(a|a)*(a*)*b"}),
        GenerationSettings(
            json_schema={
                "allOf": [
                    {"anyOf": [{"properties": {f"p{i}{j}": {}}} for j in range(9)]}
                    for i in range(9)
                ]
            }
        ),
    ],
    ids=lambda settings: str(settings.grammar)[:30],
)
def test_bombs_do_not_go_off(model, settings) -> None:
    """Each ends, is refused, or gives up: within seconds, whatever the machine."""
    started = time.process_time()
    tokens = model.tokenize("a" * 400, bos=False)
    try:
        held = model.constraint(settings)
        assert held is not None
        for token in tokens:
            held.allowed()
            if not held.permits(token):
                break
            held.accept(token)
        held.close()
    except (BadInput, EngineError):
        pass
    assert time.process_time() - started < 10


def test_a_grammar_that_gives_up_never_lets_everything_pass(model) -> None:
    held = model.constraint(GenerationSettings(grammar='root ::= (("a"{0,1000}){0,1000}){0,1000}'))
    assert held is not None

    def go_on() -> None:
        for token in model.tokenize("a" * 4000, bos=False):
            assert held.permits(token)
            held.accept(token)

    with pytest.raises(EngineError, match="too complex"):
        go_on()
    with pytest.raises(EngineError, match="too complex"):
        held.allowed()
    held.close()
    held.close()


def test_complaints_about_a_grammar_reach_no_terminal(model, capfd) -> None:
    with pytest.raises(BadInput):
        model.constraint(GenerationSettings(json_schema={"type": "planted-secret"}))
    assert "planted-secret" not in "".join(capfd.readouterr())


def test_no_grammar_is_held_to_the_words_of_a_model_that_is_gone(
    default_model: Path, tmp_path: Path
) -> None:
    """The engine knows llguidance's table by an address, and a new model may get an old one's."""
    path = tmp_path / "tiny.gguf"
    export_gguf(tiny.checkpoint("llama"), path, {})
    for turn in range(6):
        with LlamaCpp.open(path if turn % 2 else default_model, context=256, threads=1) as model:
            assert not mistaken(model._words.pointer)
            assert matches(model, 'root ::= "yes" | "no"', "yes")
            assert not matches(model, 'root ::= "yes" | "no"', "maybe")
            assert mistaken(model._words.pointer)
