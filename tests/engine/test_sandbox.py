"""A hostile or broken template ends in an error, soon, and without filling the memory."""

from __future__ import annotations

import json
import time
import tracemalloc
from typing import Any

import pytest
from jinja2 import TemplateError
from jinja2.ext import loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

from penjing.engine import sandbox

LOOP = "{% set ns = namespace(x='a') %}{% for i in range(100) %}"
END = "{% endfor %}{{ ns.x }}"

ENDLESS = {
    "loops in loops": "{% for a in range(99999) %}"
    + "{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "a test that always fails": "{% set r = range(99999) %}"
    + "{% for a in r %}{% for b in r if false %}{% endfor %}{% endfor %}",
    "calls": "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}"
    + "{{ m(60) }}",
    "cycler": "{% set c = cycler('a', 'b') %}{% for a in range(99999) %}"
    + "{% for b in range(99999) %}{% set d = c.next() %}{% endfor %}{% endfor %}",
}

HUGE = {
    "text times number": "{{ 'a' * 10**12 }}",
    "number times text": "{{ 10**12 * 'a' }}",
    "list times number": "{{ [1] * 10**9 }}",
    "list of lists": "{{ ([[1] * 1000] * 1000) * 1000 }}",
    "power": "{{ 10**10**10 }}",
    "squares": LOOP.replace("'a'", "3") + "{% set ns.x = ns.x * ns.x %}" + END,
    "doubled by ~": LOOP + "{% set ns.x = ns.x ~ ns.x %}" + END,
    "doubled by +": LOOP + "{% set ns.x = ns.x + ns.x %}" + END,
    "doubled by %": LOOP + "{% set ns.x = '%s%s' % (ns.x, ns.x) %}" + END,
    "doubled by format": LOOP + "{% set ns.x = '{0}{0}'.format(ns.x) %}" + END,
    "doubled by join": LOOP + "{% set ns.x = [ns.x, ns.x] | join %}" + END,
    "doubled by capture": LOOP + "{% set ns.x %}{{ ns.x }}{{ ns.x }}{% endset %}" + END,
    "doubled by macro": "{% macro m(x) %}{{ x }}{{ x }}{% endmacro %}"
    + LOOP
    + "{% set ns.x = m(ns.x) %}"
    + END,
    "nested lists": LOOP + "{% set ns.x = [ns.x, ns.x] %}" + END,
    "nested tuples": LOOP + "{% set ns.x = (ns.x, ns.x) %}" + END,
    "nested mappings": LOOP + "{% set ns.x = {'a': ns.x, 'b': ns.x} %}" + END,
    "nested namespaces": LOOP + "{% set ns.x = namespace(a=ns.x, b=ns.x) %}" + END,
    "wide %": "{{ '%999999999d' % 1 }}",
    "wide % from a value": "{{ '%*d' % (999999999, 1) }}",
    "wide format": "{{ '{:>999999999}'.format(1) }}",
    "wide format from a value": "{{ '{:{}}'.format(1, 999999999) }}",
    "wide format_map": "{{ '{a:>999999999}'.format_map({'a': 1}) }}",
    "wide format filter": "{{ '%999999999d' | format(1) }}",
    "center": "{{ 'a' | center(999999999) }}",
    "ljust": "{{ 'a'.ljust(999999999) }}",
    "zfill": "{{ 'a'.zfill(999999999) }}",
    "expandtabs": "{{ ('\t' * 99999).expandtabs(99999) }}",
    "indent": "{{ ('a\n' * 99999) | indent(9999) }}",
    "replace": "{{ ('a' * 99999).replace('a', 'a' * 99999) }}",
    "replace filter": "{{ ('a' * 99999) | replace('a', 'a' * 99999) }}",
    "replace nothing": "{{ ('a' * 99999).replace('', 'a' * 99999) }}",
    "join": "{{ ('a' * 99999).join(range(9999) | map('string')) }}",
    "join filter": "{{ range(9999) | join('a' * 99999) }}",
    "batch": "{{ [1] | batch(999999999, 'x') | list }}",
    "tojson": "{{ [1] | tojson(indent=999999999) }}",
    "strftime": "{{ strftime_now('%999999999Y') }}",
    "fixed text": "{% for a in range(99999) %}" + "a" * 9999 + "{% endfor %}",
    "source": "a" * 2**20,
}

BROKEN = {
    "python's insides": "{{ ''.__class__.__mro__ }}",
    "mutation": "{{ messages.append(1) }}",
    "include": "{% include 'x' %}",
    "endless recursion": "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "deep parentheses": "{{ " + "(" * 9999 + "1" + ")" * 9999 + " }}",
    "many blocks": "{% for i in range(3) %}" * 30 + "{% endfor %}" * 30,
    "syntax": "{% for %}",
    "undefined": "{{ nothing.at.all }}",
    "lipsum": "{{ lipsum(n=999999) }}",
}


@pytest.mark.parametrize("source", ENDLESS.values(), ids=ENDLESS)
def test_an_endless_template_is_stopped(source: str) -> None:
    started = time.perf_counter()
    with pytest.raises((sandbox.TooMuchError, RecursionError)):
        sandbox.run(source, {"messages": []}, steps=50_000)
    assert time.perf_counter() - started < 5


@pytest.mark.parametrize("source", HUGE.values(), ids=HUGE)
def test_a_huge_result_is_refused_before_it_is_made(source: str) -> None:
    sandbox.run("", {})
    tracemalloc.start()
    try:
        with pytest.raises(sandbox.TooMuchError):
            sandbox.run(source, {"messages": []}, memory=2**20)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 64 * 2**20


@pytest.mark.parametrize("source", BROKEN.values(), ids=BROKEN)
def test_a_broken_template_raises(source: str) -> None:
    with pytest.raises((TemplateError, RecursionError, SyntaxError, TypeError)):
        sandbox.run(source, {"messages": []})


@pytest.mark.alone
def test_slow_templates_are_stopped_by_the_clock() -> None:
    slow = "{% set s = 'a' * 4000000 %}{% for i in range(99999) %}{% if 'b' in s %}{% endif %}"
    started = time.perf_counter()
    with pytest.raises(sandbox.TooMuchError, match="too long"):
        sandbox.run(slow + "{% endfor %}", {}, seconds=0.3)
    assert time.perf_counter() - started < 3


def test_one_run_does_not_use_up_the_next() -> None:
    for _ in range(20):
        assert sandbox.run("{% for i in range(90) %}{{ i % 10 }}{% endfor %}", {}, steps=1000)


def test_a_namespace_that_holds_itself_is_no_trouble() -> None:
    source = "{% set n = namespace(a=1) %}{% set n.a = n %}{% set m = [n, n] %}{{ m | length }}"
    assert sandbox.run(source, {}) == "2"


def test_a_refusal_is_told_apart() -> None:
    with pytest.raises(sandbox.RefusedError, match="no system here"):
        sandbox.run("{{ raise_exception('no system here') }}", {})


# -- it must not change what honest templates write: Jinja's own sandbox is the reference

HONEST = [
    "{% for m in messages %}{{ loop.index }}:{{ m.role }}={{ m['content'] | trim }};{% endfor %}",
    "{% for m in messages[1:] if m.role == 'user' %}{{ m.role ~ '/' ~ loop.length }}{% endfor %}",
    "{% for m in messages %}{% if loop.index0 == 1 %}{% continue %}{% endif %}{{ m.role }}"
    "{% if loop.last %}{% break %}{% endif %}{% endfor %}",
    "{% set n = namespace(n=0) %}{% for m in messages %}{% set n.n = n.n + 1 %}{% endfor %}"
    "{{ n.n }}",
    "{% macro m(a, b='x') %}<{{ a }}{{ b }}>{% endmacro %}{{ m('1') }}{{ m('2', b='y') }}",
    "{% macro m() %}[{{ caller() }}]{% endmacro %}{% call m() %}inside{% endcall %}",
    "{% set x %}captured {{ messages | length }}{% endset %}{{ x | upper }}",
    "{% filter upper %}shout {{ messages[0].role }}{% endfilter %}",
    "{{ messages | map(attribute='role') | join(', ') }}|{{ ['a', 'b'] | join }}",
    "{{ messages | selectattr('role', 'equalto', 'user') | list | length }}",
    "{{ messages | tojson }}{{ {'b': [1, 2.5, none, true], 'a': 'é\"<'} | tojson(indent=2) }}",
    "{{ '%s is %d' % ('a', 3) }}{{ '{}-{x}'.format(1, x=2) }}{{ 'ab' * 3 }}{{ 2**8 }}",
    "{{ none }}{{ undefined_thing }}{{ 1 / 4 }}{{ ('a', 'b') }}{{ [1] + [2] }}{{ 'x' in ('x',) }}",
    "{{ (1, 2)[1] }}{% for k, v in {'a': 1}.items() %}{{ k }}{{ v }}{% endfor %}",
    "{% for a in [[1, [2]], [3]] recursive %}{{ loop(a) if a is iterable else a }}{% endfor %}",
    "  {% if true %}\n  indented\n  {% endif %}\n\n{#- comment -#}\n  {%- if 1 %} x{% endif %}\n",
    "{{ 'a\nb' | indent(4, true) }}{{ 'text' | center(20) }}{{ 3 | string ~ 'x' }}{{ '<b>' | e }}",
    "{{ 'a-b' | replace('-', '+') }}{{ 'a-b'.replace('-', '+') }}{{ ', '.join(['x', 'y']) }}",
    "{{ messages[0].content[:3] }}{{ messages[::-1][0].role }}{{ bos_token }}{{ messages | last }}",
]


@pytest.mark.parametrize("source", HONEST)
def test_an_honest_template_writes_what_jinja_writes(source: str) -> None:
    def to_json(value: Any, indent: int | None = None) -> str:
        return json.dumps(value, ensure_ascii=False, indent=indent)

    reference = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols]
    )
    reference.filters["tojson"] = to_json
    variables = {
        "messages": [
            {"role": "system", "content": " be kind\n"},
            {"role": "user", "content": "你好 <b>"},
            {"role": "assistant", "content": "hi"},
        ],
        "bos_token": "<s>",
    }
    assert sandbox.run(source, variables) == reference.from_string(source).render(variables)


def test_the_mark_of_the_assistants_words_is_only_its_body() -> None:
    assert sandbox.run("a{% generation %}b{{ x }}{% endgeneration %}d", {"x": "c"}) == "abcd"


def test_strftime_now_is_today() -> None:
    assert sandbox.run("{{ strftime_now('%Y') }}", {}) in (
        str(time.localtime().tm_year),
        str(time.localtime(time.time() + 60).tm_year),
    )
