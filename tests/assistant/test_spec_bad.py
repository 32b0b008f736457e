"""Specs that are written wrongly, and specs that make no sense: one line, with its place."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from assisted import recording

from penjing.assistant import check_templates
from penjing.assistant.check import check
from penjing.assistant.check_templates import never_matching
from penjing.assistant.generate.shelf import shelf
from penjing.assistant.spec.parse import load, loads
from penjing.assistant.spec.yaml_nodes import MAX_BYTES, parse_yaml
from penjing.core.errors import BadInput

GOOD = """\
assistant: A
languages: [en]
tools: {lights: , covers: }
slots:
  light: {type: entity, tool: lights, parameter: light, ask: "Which light?"}
  level: {type: percentage}
intents:
  dim:
    sentences: ["dim [the] {light} to {level}"]
    do:
      - collect: [light, level]
      - call: lights
        with: {light: $light, brightness: $level}
      - answer: "{light} is at {level}."
"""


def wrong(text: str) -> str:
    with pytest.raises(BadInput) as caught:
        loads(text, "a.yaml")
    message = str(caught.value)
    assert "\n" not in message
    return message


def found(text: str) -> list[str]:
    return check(loads(text, "a.yaml"), list(recording("lights", "covers").values()))


def test_a_document_of_a_spec_is_a_plain_file_of_its_folder(tmp_path: Path) -> None:
    (tmp_path / "inside").mkdir()
    (tmp_path / "secret.md").write_text("the code is 1234")
    spec = tmp_path / "inside/assistant.yaml"
    for make, says in (
        (lambda one: one.symlink_to(tmp_path / "secret.md"), "it is a link out of its folder"),
        (os.mkfifo, "it is a pipe"),
        (lambda one: one.mkdir(), "it is a folder"),
    ):
        document = spec.with_name("manual.md")
        make(document)
        spec.write_text(GOOD + "knowledge: {sources: [manual.md]}\n")
        (said,) = check(load(spec), None)
        assert says in said
        with pytest.raises(BadInput, match=says):
            shelf(spec.parent, ["manual.md"])
        document.rmdir() if document.is_dir() else document.unlink()
    with pytest.raises(BadInput, match="lies outside its folder"):
        shelf(spec.parent, ["../secret.md"])


def test_a_tool_of_a_server_is_named_before_it_is_called() -> None:
    text = GOOD.replace("covers: }", "covers: , mcp: {settings: {servers: {}}}}")
    (said,) = [one for one in found(text.replace("call: lights", "call: mcp")) if "mcp" in one]
    assert "'mcp' is no tool by itself; a tool of an MCP server is named under tools as" in said
    assert "SERVER_TOOL: {part_of: mcp}" in "".join(found(text.replace("call: lights", "call: x")))


def test_a_good_one_is_good() -> None:
    assert found(GOOD) == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "a.yaml is empty"),
        ("- a\n- b\n", "must be a mapping"),
        ("a: [1, 2", "this is not YAML"),
        ("a: &x [1]\nb: *x\n", "a.yaml:1: anchors and aliases are not read"),
        ("assistant: !!python/object:os.system x\n", "a.yaml:1: tags are not read"),
        ("assistant: A\nassistant: B\n", "a.yaml:2: 'assistant' is written twice"),
        ("assistant: A\nlanguages: [en]\nintent: {}\n",
         "a.yaml:3: unknown key 'intent' in the file: did you mean 'intents'?"),
        ("assistant: A\n", "has no 'languages'"),
        ("assistant: A\nlanguages: [english!]\n", "a.yaml:2: 'english!' is no language"),
        (GOOD.replace("type: percentage", "type: percentag"), "did you mean 'percentage'?"),
        (GOOD.replace("collect:", "colect:"), "did you mean 'collect'?"),
        (GOOD.replace("tool: lights,", ""), "has no 'tool'"),
        (GOOD.replace("languages: [en]", "languages: [en, zh]"), "needs a language"),
        ("assistant: A\nlanguages: [en]\ntimeout: soon\n", "must be a number"),
        ("assistant: A\nlanguages: [en]\nknowledge: {sources: [../../etc/passwd]}\n",
         "leaves the spec's folder"),
        ("? [a, b]\n: c\n", "a key must be a text"),
        (GOOD.replace("type: percentage", "type: group"), "a group needs 'of': write it"),
        (GOOD.replace("type: percentage", "type: group, of: light"), "a group needs 'all'"),
        (GOOD.replace("type: percentage", "type: percentage, of: light"), "holds no other slots"),
        (GOOD.replace("type: percentage", "type: percentage, all: x"), "no things to be called"),
        (GOOD.replace("type: percentage", "type: time, change: more"), "cannot become more"),
        (GOOD.replace("type: percentage", "type: percentage, step: 5"), "belongs to a change"),
        (GOOD.replace("type: percentage", "type: percentage, change: up"), "'up'"),
        ("a: 1\n---\nb: 2\n", "several documents"),
    ],
)  # fmt: skip
def test_what_is_written_wrongly(text: str, says: str) -> None:
    assert says in wrong(text)


@pytest.mark.parametrize(
    "sentence",
    ["(" * 900 + "a" + ")" * 900, "[" * 600 + "a" + "]" * 600, "([" * 20 + "a" + "])" * 20],
)
def test_a_template_nested_without_end_is_one_line(sentence: str) -> None:
    text = GOOD.replace("dim [the] {light} to {level}", sentence)
    mistakes = found(text)
    assert mistakes
    assert all("too deeply" in one and "\n" not in one for one in mistakes)


def test_very_many_templates_are_tried_out_in_bounded_time() -> None:
    lines = "".join(f"      - dim {{light}} to {{level}} so {n}\n" for n in range(2000))
    text = GOOD.replace(
        '    sentences: ["dim [the] {light} to {level}"]\n', f"    sentences:\n{lines}"
    )
    began = time.process_time()
    found(text)
    assert time.process_time() - began < 30


def test_a_billion_laughs_are_refused_at_once() -> None:
    laughs = 'a: &a ["lol","lol"]\n' + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)},*{chr(97 + n)}]\n" for n in range(20)
    )
    assert "aliases" in wrong(laughs)


def test_depth_and_size_are_bounded() -> None:
    assert "too deep" in wrong("a: " + "[" * 2000 + "]" * 2000)
    assert "too long" in wrong("a: [" + "1," * 60_000 + "]")
    assert "larger" in wrong("a: " + "x" * MAX_BYTES)


def test_on_and_no_are_words() -> None:
    tree = parse_yaml("a: on\nb: no\nc: 12:30\nd: true\ne: 1.5\nf: 007\n", "x").plain()
    assert tree == {"a": "on", "b": "no", "c": "12:30", "d": True, "e": 1.5, "f": "007"}


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("call: lights", "call: light", "a.yaml:12: unknown tool 'light': did you mean 'lights'?"),
        ("tool: lights", "tool: lamps", "asks an unknown tool 'lamps'"),
        ("parameter: light", "parameter: lamp", "has no parameter 'lamp'"),
        ("brightness: $level", "brightnes: $level", "'brightnes' is no argument"),
        ("brightness: $level", "brightness: $lvel", "unknown slot 'lvel': did you mean 'level'?"),
        ("brightness: $level", "brightness: 400", "'brightness' must be between 0 and 100"),
        ("light: $light, ", "", "'light' is missing"),
        ("brightness: $level", "colour: $level", "slot 'level' is a percentage"),
        ("to {level}", "to {levl}", "unknown slot 'levl'"),
        ("to {level}", "now", "nothing fills slot 'level' of intent 'dim'"),
        ("dim [the] {light}", "(dim [the] {light}", "cannot be read"),
        ('"{light} is at {level}."', '"{lamp} is at {level}."', "'{lamp}' is no slot"),
        ("      - call: lights", "      - flow: nowhere\n      - call: lights",
         "unknown flow 'nowhere'"),
    ],
)  # fmt: skip
def test_what_makes_no_sense(old: str, new: str, says: str) -> None:
    assert old in GOOD
    assert any(says in one for one in found(GOOD.replace(old, new))), found(GOOD.replace(old, new))


GROUP = GOOD.replace(
    "  level:", "  every: {type: group, of: [light], all: [everything]}\n  level:"
).replace("light: $light, ", "light: $every.light, ")


def test_a_group_is_good() -> None:
    assert found(GROUP.replace("{light}", "{every}").replace("[light, level]", "level")) == []


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("of: [light]", "of: [lamp]", "unknown slot 'lamp'"),
        ("of: [light]", "of: [level]", "group 'every' holds 'level', which is a percentage"),
        ("$every.light", "$every", "which things of group 'every' are meant: write $every.light"),
        ("$every.light", "$every.level", "write $every.light"),
        ("$every.light", "$light.light", "'light' is no group: write $light"),
        ("brightness: $level", "colour: $every.light", "two groups at once: call it twice"),
    ],
)
def test_a_group_that_makes_no_sense(old: str, new: str, says: str) -> None:
    assert old in GROUP
    text = GROUP.replace(old, new)
    assert any(says in one for one in found(text)), found(text)


def test_flows_in_a_circle() -> None:
    text = GOOD.replace("      - collect: [light", "      - flow: one\n      - collect: [light")
    text += "flows:\n  one:\n    - flow: two\n  two:\n    - flow: one\n"
    assert any("flows go in a circle: one -> two -> one" in one for one in found(text))


def test_a_template_that_another_intent_takes() -> None:
    text = GOOD + (
        "  other:\n"
        '    sentences: ["dim the {light} to {level}"]\n'
        "    do:\n      - answer: never\n"
    )  # fmt: skip
    assert any("'dim' takes it first" in one and "intent 'other'" in one for one in found(text))


def test_an_intent_that_nobody_can_ask_for() -> None:
    text = GOOD + "  mute:\n    do:\n      - answer: never\n"
    assert any("nobody can ask for it" in one for one in found(text))


def test_a_tools_answer_may_not_decide_a_call() -> None:
    text = GOOD.replace(
        '      - answer: "{light} is at {level}."',
        "      - when: result.open\n        is: true\n        then:\n"
        "          - call: covers\n            with: {cover: all, action: close}\n",
    )
    assert any("a tool's answer would decide" in one for one in found(text))
    asked = text.replace(
        "          - call: covers", "          - confirm: Close all?\n          - call: covers"
    )
    assert found(asked) == []


def test_a_missing_document() -> None:
    text = GOOD + "knowledge: {sources: [nowhere.md]}\n"
    assert any("no document 'nowhere.md'" in one for one in found(text))


def test_a_rule_is_written_out_where_it_is_used() -> None:
    ruled = GOOD.replace("intents:", 'rules: {to: "to|at", dim: "dim[ it] <to>"}\nintents:')
    spec = loads(ruled.replace("dim [the] {light} to {level}", "<dim> {light} <to> {level}"))
    assert spec.intents["dim"].sentences == {"en": ("(dim[ it] (to|at)) {light} (to|at) {level}",)}


@pytest.mark.parametrize(
    ("rules", "says"),
    [
        ("{tu: to}", "there is no rule '<to>' above this: did you mean 'tu'?"),
        ("{a: <to>, to: to}", "a.yaml:7: there is no rule '<to>' above this"),
        ("{to: <to>}", "a.yaml:7: there is no rule '<to>' above this: there are none"),
        ("{to: }", "'to' must be a text"),
        (f"{{to: '{'to|' * 1500}to'}}", "the rule 'to' is too long when written out"),
    ],
)
def test_a_rule_that_cannot_be_used_is_told(rules: str, says: str) -> None:
    ruled = GOOD.replace("intents:", f"rules: {rules}\nintents:")
    assert says in wrong(ruled.replace("{light} to {level}", "{light} <to> {level}"))


def test_templates_that_were_found_sound_are_not_tried_again(tmp_path: Path) -> None:
    does = "{sentences: [hello], do: [{answer: Hi.}]}"
    sound = f"assistant: A\nlanguages: [en]\nintents:\n  hello: {does}\n"
    twice = f"{sound}  again: {does}\n"
    spec = loads(sound)
    assert list(never_matching(spec, tmp_path)) == []
    (kept,) = tmp_path.iterdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(check_templates, "_never_matching", lambda _: pytest.fail("tried again"))
        assert list(never_matching(loads(sound), tmp_path)) == []
    assert len(list(never_matching(loads(twice), tmp_path))) == 1
    assert len(list(never_matching(loads(twice), tmp_path))) == 1  # a mistake is never kept
    assert list(tmp_path.iterdir()) == [kept]
