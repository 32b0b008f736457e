"""Words of a line as BLEU counts them: mteval's 13a for most languages, `zh` for Chinese.

13a parts punctuation from words, but not points and commas within numbers; `zh` parts every Chinese
character besides. Both give the tokens of sacrebleu (Post 2018), so that numbers are comparable.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Literal

Rule = Literal["13a", "zh"]

_ENTITIES = (("&quot;", '"'), ("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">"))
_RULES = (
    (re.compile(r"([{-~\[-` -&(-+:-@/])"), r" \1 "),
    (re.compile(r"([^0-9])([.,])"), r"\1 \2 "),
    (re.compile(r"([.,])([^0-9])"), r" \1 \2"),
    (re.compile(r"([0-9])(-)"), r"\1 \2 "),
)
_CHINESE = re.compile(
    "(["
    "\u3400-\u4db5\u4e00-\u9fa5\u9fa6-\u9fbb\uf900-\ufa2d\ufa30-\ufa6a\ufa70-\ufad9"
    "\uff00-\uffef\u2e80-\u2eff\u3000-\u303f\u31c0-\u31ef\u2f00-\u2fdf\u2ff0-\u2fff"
    "\u3100-\u312f\u31a0-\u31bf\ufe10-\ufe1f\ufe30-\ufe4f\u2600-\u26ff\u2700-\u27bf"
    "\u3200-\u32ff\u3300-\u33ff"
    "])"
)
_IDEOGRAPH = re.compile("[\u3400-\u9fff]")
_LETTER = re.compile(r"[^\W\d_]")


def words_of(line: str, rule: Rule) -> list[str]:
    """The tokens of a line."""
    if rule == "zh":
        line = _CHINESE.sub(r" \1 ", line.strip())
    else:
        line = line.replace("<skipped>", "").replace("-\n", "").replace("\n", " ")
        for written, meant in _ENTITIES:
            line = line.replace(written, meant)
        line = f" {line} "
    for pattern, parted in _RULES:
        line = pattern.sub(parted, line)
    return line.split()


def rule_for(lines: Iterable[str]) -> Rule:
    """`zh` where most letters are Chinese characters."""
    text = "".join(lines)
    return "zh" if 2 * len(_IDEOGRAPH.findall(text)) > len(_LETTER.findall(text)) else "13a"


def ngrams(tokens: Sequence[str], n: int) -> list[tuple[str, ...]]:
    """Every run of n tokens."""
    return [tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1)]
