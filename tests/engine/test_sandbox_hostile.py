"""No template takes five seconds or 256 MB, whatever it calls: by the sandbox alone, and measured.

Each case of `support/hostile_templates.py` runs in a process of its own. What the sandbox should
let through all the same ends with the process that renders: `test_rendering.py`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hostile_templates import HOSTILE
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import TemplateError

from penjing.engine import sandbox
from penjing.engine.allowed import ATTRIBUTES, FILTERS, TESTS

if sys.platform != "linux":
    pytest.skip("memory is measured in /proc", allow_module_level=True)

SUPPORT = Path(__file__).parents[1] / "support"


@pytest.fixture(scope="module")
def measured() -> Mapping[str, Mapping[str, Any]]:
    done = subprocess.run(
        [sys.executable, str(SUPPORT / "rendered_apart.py")],
        capture_output=True, text=True, check=False, timeout=900,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    found = [json.loads(line) for line in done.stdout.splitlines()]
    return {one["name"]: one for one in found}


def test_there_are_many_of_them() -> None:
    assert len(HOSTILE) >= 300


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_template_is_refused_or_rendered_soon_and_small(
    measured: Mapping[str, Mapping[str, Any]], name: str
) -> None:
    one = measured[name]
    assert not one["said"].startswith("!!!"), one["said"]
    assert "\n" not in one["said"] or one["said"].startswith("rendered")
    assert one["bytes"] < 256 * 2**20, f"{one['bytes'] / 2**20:.0f} MB"
    assert one["seconds"] < 5, f"{one['seconds']:.1f} s"


@pytest.mark.parametrize("name", [name for name in HOSTILE if name.startswith("bytes: ")])
def test_bytes_are_refused_by_name(measured: Mapping[str, Mapping[str, Any]], name: str) -> None:
    assert "is not allowed" in measured[name]["said"]


# -- what is on no list is refused by its name


def members(kind: type) -> list[str]:
    return [name for name in dir(kind) if not name.startswith("_")]


VALUES = {str: "'a'", dict: "{}", list: "[]", tuple: "()", bool: "true", int: "5", float: "1.5"}


@pytest.mark.parametrize("kind", VALUES)
def test_a_method_on_no_list_is_refused_by_its_name(kind: type) -> None:
    listed = dict(ATTRIBUTES)[kind]
    for name in members(kind):
        for source in ("{{ (%s).%s }}", "{{ (%s)['%s'] }}", "{{ (%s)|attr('%s') }}"):
            asked = source % (VALUES[kind], name)
            if name in listed:
                assert sandbox.run(asked, {}), asked
            else:
                with pytest.raises(sandbox.NotAllowedError, match=f"'{name}' of a"):
                    sandbox.run(asked, {})


def test_every_filter_and_test_of_jinja_is_listed_or_refused_by_its_name() -> None:
    from jinja2.defaults import DEFAULT_FILTERS, DEFAULT_TESTS

    for word, all_of_them, listed in (
        ("filter", DEFAULT_FILTERS, FILTERS), ("test", DEFAULT_TESTS, TESTS),
    ):  # fmt: skip
        assert listed <= all_of_them.keys() | {"tojson"}
        for name in all_of_them.keys() - listed:
            asked = "{{ 1|%s }}" if word == "filter" else "{{ 1 is %s }}"
            with pytest.raises(TemplateError, match=name):
                sandbox.run(asked % name, {})


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("{% include 'a' %}", "include"),
        ("{% import 'a' as b %}", "import"),
        ("{% from 'a' import b %}", "fromimport"),
        ("{% extends 'a' %}", "extends"),
        ("{% autoescape true %}{% endautoescape %}", "autoescape"),
        ("{{ messages() }}", "list"),
        ("{{ 'a'() }}", "str"),
        ("{{ (1).x.y }}", "x"),
        ("{{ lipsum() }}", "lipsum"),
        ("{{ open('a') }}", "open"),
    ],
)
def test_what_is_on_no_list_is_named(source: str, name: str) -> None:
    with pytest.raises(TemplateError, match=name):
        sandbox.run(source, {"messages": []})


def test_an_entry_may_have_the_name_of_a_method_that_is_not_allowed() -> None:
    tool = {"pop": 1, "update": 2, "encode": 3, "_private": 4}
    source = "{{ t.pop }}{{ t.update }}{{ t.encode }}{{ t._private }}{{ t.items is callable }}"
    assert sandbox.run(source, {"t": tool}) == "1234True"


# -- templates that nobody thought of

NAMES = st.sampled_from(["s", "n.x", "m", "i", "a", "d"])
LITERALS = st.sampled_from(
    (
        *("''", "'a'", "'%s'", "'{0}'", "'\\t'", "[]", "[1, 'b']", "{}", "{'k': 'v'}", "(1, 2)"),
        *("0", "-1", "7", "99999", "10**9", "1.5", "true", "none", "nothing", "range(99999)"),
    )
)
METHODS = st.sampled_from([name for _, names in ATTRIBUTES for name in sorted(names)])
OPERATORS = st.sampled_from(
    ("+", "-", "*", "/", "//", "%", "**", "~", "==", "!=", "<", "in", "and", "or")
)


def _joined(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    some = st.lists(parts, max_size=3).map(", ".join)
    return st.one_of(
        st.tuples(parts, OPERATORS, parts).map(lambda p: f"({p[0]} {p[1]} {p[2]})"),
        st.tuples(parts, METHODS, some).map(lambda p: f"({p[0]}).{p[1]}({p[2]})"),
        st.tuples(parts, st.sampled_from(sorted(FILTERS)), some).map(
            lambda p: f"({p[0]})|{p[1]}({p[2]})"
        ),
        st.tuples(parts, st.sampled_from(sorted(TESTS - {"==", "!=", "<", "<=", ">", ">="}))).map(
            lambda p: f"(({p[0]}) is {p[1]})"
        ),
        st.tuples(parts, parts, parts).map(lambda p: f"({p[0]})[({p[1]}):({p[2]})]"),
        st.tuples(parts, parts).map(lambda p: f"({p[0]})[{p[1]}]"),
        st.tuples(parts, parts, parts).map(lambda p: f"({p[0]} if {p[1]} else {p[2]})"),
        st.lists(parts, max_size=3).map(lambda p: "[" + ", ".join(p) + "]"),
        st.tuples(parts, parts).map(lambda p: "{" + f"{p[0]}: {p[1]}" + "}"),
    )


EXPRESSIONS = st.recursive(st.one_of(NAMES, LITERALS), _joined, max_leaves=8)
SHAPES = (
    "{{ EXPRESSION }}",
    "{% set n.x = EXPRESSION %}",
    "{% set a %}{{ a }}{{ EXPRESSION }}{% endset %}",
    "{% for i in EXPRESSION %}{% set n.x = [n.x, i] %}{% endfor %}",
    "{% for i in range(40) %}{% set n.x = n.x ~ (EXPRESSION) %}{% endfor %}",
)
STATEMENTS = st.tuples(st.sampled_from(SHAPES), EXPRESSIONS).map(
    lambda pair: pair[0].replace("EXPRESSION", pair[1])
)


@settings(max_examples=100)
@given(st.lists(STATEMENTS, min_size=1, max_size=5).map("".join))
def test_a_template_of_anything_allowed_ends_within_bounds(source: str) -> None:
    """What is allowed is put together at random: it ends in an error or a text, soon and small."""
    before = "{% set n = namespace(x='ab') %}{% set s = 'a b\n' * 9999 %}{% set d = {'k': 'v'} %}"
    started = time.process_time()
    tracemalloc.start()
    try:
        sandbox.run(before + source, {"messages": [], "m": {"content": "hi"}}, seconds=1.0)
    except (
        TemplateError,
        ArithmeticError,
        LookupError,
        TypeError,
        ValueError,
        RecursionError,
        SyntaxError,
    ):
        pass
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 160 * 2**20
    assert time.process_time() - started < 5


MUCH_SAID = """
from penjing.core.memory import peak_memory
from penjing.core.errors import EngineError
from penjing.core.messages import Message
from penjing.engine import prompt

spread = "{% macro m() %}{{ varargs|length }}{% endmacro %}{{ m(*('a' * 8000000)) }}"
said = [Message.of("user", "ab c" * 800_000)]
for template in (spread, "{{ messages[0].content|list|sort|length }}", "{{ messages[0].content }}"):
    try:
        prompt.pieces(prompt.Job.of(template, said, {}))
    except EngineError as error:
        print(error)
print(peak_memory())
"""


def test_who_says_much_gives_a_template_no_more_room() -> None:
    said = subprocess.run(
        [sys.executable, "-c", MUCH_SAID], capture_output=True, check=True, text=True
    ).stdout.splitlines()
    assert "it calls with too many values" in said[0] or "it writes too much" in said[0]
    assert int(said[-1]) < 256 * 2**20
    assert len(said) <= 4


def test_a_call_may_have_many_values_and_not_any_number() -> None:
    count = "{% macro m() %}{{ varargs|length }}{% endmacro %}{{ m(*range(N)) }}"
    assert sandbox.run(count.replace("N", "900"), {}) == "900"
    with pytest.raises(TemplateError, match="too many values"):
        sandbox.run(count.replace("N", "1001"), {})
