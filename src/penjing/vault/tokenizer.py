"""The index tokenizer: what of a text is a word. Pure; the same for what is kept and asked.

SQLite's tokenizer parts words at spaces, and Chinese and Japanese have none: each run of their
characters becomes its overlapping pairs. Measured against single characters and trigrams in
benchmarks/knowledge.py: pairs find most, and a trigram index finds no word of two characters.
"""

from __future__ import annotations

import re

from penjing.core.folding import folded

_RUN = re.compile(
    "[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]+"
)
_WORD = re.compile(r"\w+(?:[.+#'’_-]+\w+)*[+#]*")

_EMPTY = frozenset(
    """a an the and or of to in on at by for from with as is are was were be been am do does did how
    what which who whom why when where that this these those it its i my me we our you your he she
    they them their can could should would will shall may might must if so not no than then there
    some any""".split()  # noqa: SIM905
)
"""Words of grammar. A longer list, with "use" and "get" and "before", finds less."""
_ASKING = re.compile(
    "为什么|为何|怎么样|怎么办|怎么|怎样|如何|什么时候|什么|哪一个|哪个|哪些|哪里|哪种|多少|是否|能不能"
    "|可不可以|可以|应该|请问|请|告诉我|需要|想要|我们|你们|我|你|有没有|一个|这个|那个|[的了吗呢吧啊]"
)
"""The same in Chinese, whose words nothing parts."""

MOST = 32
"""Words of one question that are looked for."""


def segmented(text: str) -> str | None:
    """The text in its one form, runs cut into pairs; None where it stands for itself."""
    normal = folded(text)
    if _RUN.search(normal):
        return _RUN.sub(lambda run: f" {' '.join(_pairs(run.group()))} ", normal)
    return None if normal == text else normal


def asked(question: str) -> list[str]:
    """The words to look for: at most `MOST`, each once, without those that say nothing."""
    lower = folded(question).lower()
    short = _ASKING.sub(" ", lower)
    lower = short if short.strip() else lower
    words = _WORD.findall(segmented(lower) or lower)
    each = list(dict.fromkeys(words))
    telling = [word for word in each if word not in _EMPTY]
    return (telling or each)[:MOST]


def is_part(word: str) -> bool:
    """Whether a word is one character of a run, which stands only within pairs."""
    return len(word) == 1 and _RUN.match(word) is not None


def _pairs(run: str) -> list[str]:
    return [run[at : at + 2] for at in range(len(run) - 1)] or [run]
