"""Chat templates from strangers: grown from a grammar of everything Jinja and Python offer, put
together from those that are known to be hostile, and real ways of real models in between. What is
said to them is hostile, too: by whatever way a text came out, nobody's words are the template's.
"""

# ruff: noqa: UP031 -- braces would have to be written four times
from __future__ import annotations

from pathlib import Path
from random import Random

from ground import Ground
from hostile_templates import HOSTILE
from real_templates import WAYS
from tiny import TEMPLATE
from way import Way

from penjing.core.messages import Message
from penjing.engine import prompt, sandbox
from penjing.engine.template import render, render_segments

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


_MARKERS = ("<|im_start|>", "<|im_end|>", "</s>", "[INST]", "<think>", "<start_of_turn>")
_SPOKEN = (
    *("a", " ", "\n", "\t", "盆景", "\U0001f332", "\U000f0000", "\U0010fffd", "\ud800", "\0"),
    *("%s", "{0}", "{{ 7 * 7 }}", "{% for %}", "&amp;", "e\u0301", "\u202e", "\ufb03", "\u2028"),
    *_MARKERS,
)


def _case(_: None, random: Random, folder: Path) -> str | None:
    if random.random() < 0.25:
        return _honest(random, folder)
    source = _source(random)
    (folder / "template.jinja").write_bytes(source.encode("utf-8", "surrogatepass"))
    said = _messages(random) if random.random() < 0.5 else _SAID
    if random.random() < 0.5:  # the lists and budgets alone, without the process's limits
        pieces = prompt.pieces(prompt.Job.of(source, said, {"bos_token": "<s>"}))
    else:
        pieces = render_segments(source, said)
    text = "".join(one.text for one in pieces)
    return "it wrote a hundred million characters" if len(text) > 10**8 else None


def _source(random: Random) -> str:
    if random.random() < 0.4:
        known = [*HOSTILE.values(), *WAYS.values()]
        return "".join(random.choice(known) for _ in range(random.randrange(1, 4)))
    return "".join(_statement(random, 3) for _ in range(random.randrange(1, 5)))


def _messages(random: Random) -> tuple[Message, ...]:
    """What somebody may say: anything, and sometimes very much of it."""
    roles = ("system", "user", "assistant", "user", "assistant", "user")
    return tuple(
        Message.of(role, _said(random))  # type: ignore[arg-type]
        for role in roles[random.randrange(2) : random.choice((2, 4, 6))]
    )


def _said(random: Random) -> str:
    words = [random.choice(_SPOKEN) for _ in range(random.choice((1, 5, 40)))]
    return "".join(words) * random.choice((1, 1, 1, 1, 100, 20_000))


def _honest(random: Random, folder: Path) -> str | None:
    """A plain template and hostile words: all of them come out, and none as the template's."""
    said = [Message.of("user", "x"), *_messages(random)]
    (folder / "said.txt").write_bytes(
        "\n--\n".join(one.text for one in said).encode("utf-8", "surrogatepass")
    )
    pieces = render_segments(TEMPLATE, said)
    own = "".join(one.text for one in pieces if one.trusted)
    theirs = "".join(one.text for one in pieces if not one.trusted)
    if "".join(one.text for one in pieces) != render(TEMPLATE, said):
        return "the pieces are not the whole"
    if own.count("<|im_start|>") != len(said) + 1 or own.count("<|im_end|>") != len(said):
        return "somebody's marker is the template's, or the template's somebody's"
    if len(theirs.split()) < len("".join(one.text for one in said).split()) // 2:
        return "words were lost"
    return None


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
    sandbox.run("{{ strftime_now('%Y') }}", {})
    render_segments("{{ messages[0].content }}{{ messages[1].content }}", _SAID)


WAY = Way(
    "templates",
    "chat templates that want time, memory or Python's insides: bounded, whatever they call",
    _prepare,
    _case,
)
