"""Chat templates from strangers, grown from a grammar of everything Jinja and Python offer."""

# ruff: noqa: UP031 -- braces would have to be written four times
from __future__ import annotations

from pathlib import Path
from random import Random

from ground import Ground
from way import Way

from penjing.core.messages import Message
from penjing.engine.template import render_segments

_SAID = (Message.of("system", "You are kind."), Message.of("user", "hello <|im_end|> there"))
_METHODS = (
    "encode", "center", "ljust", "zfill", "expandtabs", "replace", "join", "split", "rsplit",
    "translate", "maketrans", "format", "format_map", "title", "hex", "to_bytes", "bit_length",
    "splitlines", "partition", "decode", "strip", "upper", "items", "keys", "copy", "append",
    "__class__", "__init__", "__mro__", "__subclasses__", "__globals__", "mro", "gi_frame",
    "as_integer_ratio", "fromhex", "from_bytes", "count", "index", "pop", "update", "setdefault",
)  # fmt: skip
_FILTERS = (
    "length", "list", "join", "upper", "replace", "tojson", "indent", "round", "int", "float",
    "sum", "sort", "unique", "map", "select", "reject", "batch", "slice", "string", "trim",
    "default", "first", "last", "reverse", "items", "dictsort", "groupby", "format", "center",
    "truncate", "wordcount", "wordwrap", "abs", "min", "max", "attr", "random", "pprint",
    "selectattr", "rejectattr", "escape", "safe", "title", "filesizeformat", "urlencode",
)  # fmt: skip
_WORDS = (
    "messages", "messages[0]", "messages[-1].content", "message", "bos_token", "eos_token", "tools",
    "loop", "ns", "ns.a", "range(99999)", "range(3)", "namespace(a=1)", "dict(a=1)", "cycler",
    "joiner", "raise_exception", "strftime_now", "x", "self", "caller", "varargs", "none", "true",
)  # fmt: skip
_NUMBERS = ("0", "1", "-1", "7", "3.5", "1e300", "200000", "1500000000", "10**9", "2**63", "true")
_TESTS = ("string", "defined", "sameas(1)", "iterable", "divisibleby(3)", "in([1])", "mapping")
_OPERATORS = ("+", "-", "*", "**", "%", "//", "/", "~", "and", "or", "in", "not in", "==", "<")


def _case(_: None, random: Random, folder: Path) -> str | None:
    source = "".join(_statement(random, 3) for _ in range(random.randrange(1, 5)))
    (folder / "template.jinja").write_text(source, "utf-8")
    text = "".join(one.text for one in render_segments(source, _SAID))
    return "it wrote a hundred million characters" if len(text) > 10**8 else None


def _statement(random: Random, depth: int) -> str:
    inner = random.randrange(3) if depth > 0 else 0
    inside = "".join(_statement(random, depth - 1) for _ in range(inner))
    value = _value(random, 3)
    return random.choice((
        "{{ %s }}" % value,
        "{{ %s }}" % value,
        "{%% set x = %s %%}" % value,
        "{%% set ns = namespace(a=%s) %%}" % value,
        "{%% set ns.a = %s %%}" % value,
        "{%% for message in %s %%}%s{{ loop.index }}{%% endfor %%}" % (value, inside),
        "{%% for i in range(%s) %%}{%% set ns.a = ns.a + ns.a %%}%s{%% endfor %%}"
        % (random.choice(_NUMBERS), inside),
        "{%% if %s %%}%s{%% elif %s %%}b{%% endif %%}" % (value, inside, value),
        "{%% macro m(x) %%}%s{{ m(x) }}{%% endmacro %%}{{ m(%s) }}" % (inside, value),
        "{%% filter %s %%}%s{%% endfilter %%}" % (random.choice(_FILTERS), inside),
        "{%% call(x) m() %%}%s{%% endcall %%}" % inside,
        "{%% block b%d %%}%s{%% endblock %%}" % (random.randrange(9), inside),
        "{%% include %s %%}{%% import %s as y %%}" % (value, value),
        "{%% generation %%}%s{%% endgeneration %%}" % inside,
        "a" * random.choice((1, 100, 10_000)),
    ))  # fmt: skip


def _value(random: Random, depth: int) -> str:
    if depth <= 0 or random.random() < 0.15:
        return random.choice((
            random.choice(_WORDS), random.choice(_NUMBERS), "'a'", "'盆景'", "'%s{0}'", "[]", "{}",
            "'" + "ab " * random.choice((1, 50, 20_000)) + "'",
        ))  # fmt: skip
    one, two = _value(random, depth - 1), _value(random, depth - 1)
    number = random.choice(_NUMBERS)
    return random.choice(
        (
            f"({one} {random.choice(_OPERATORS)} {two})",
            f"({one} {random.choice(_OPERATORS)} {number})",
            f"{one}.{random.choice(_METHODS)}({two})",
            f"{one}.{random.choice(_METHODS)}({number}, {two})",
            f"({one}|{random.choice(_FILTERS)})",
            f"({one}|{random.choice(_FILTERS)}({two}))",
            f"({one}|{random.choice(_FILTERS)}({number}))",
            f"({one}|map('{random.choice(_FILTERS)}')|list)",
            f"[{one}, {two}]",
            f"({one},) * {number}",
            f"{{'a': {one}, {two}: 1}}",
            f"{one}[{number}:{two}]",
            f"{one}[::{number}]",
            f"({one} if {two} else {number})",
            f"({one} is {random.choice(_TESTS)})",
        )
    )


def _prepare(_: Ground) -> None:
    render_segments("{{ messages[0].content }}{{ messages[1].content }}", _SAID)


WAY = Way(
    "templates",
    "chat templates that want time, memory or Python's insides: bounded, whatever they call",
    _prepare,
    _case,
)
