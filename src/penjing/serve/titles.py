"""What a conversation is called before its person says so: what it is about, in their own words.

No model is asked: a small one names subjects that nobody spoke of.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from penjing.serve.words import one_line

_LONGEST = 48
"""Characters; twice as wide ones count twice."""
_READ = 600
"""Characters of what was said: who has not named a subject by then names none."""
_GREETING = re.compile(
    r"(?:(?:hi|hello|hey|good (?:morning|afternoon|evening|day)|thanks|thank you)(?: there| again)?"
    r"|你好|您好|嗨|早上好|下午好|晚上好|早安|晚安|谢谢|哈喽|在吗)(?:[\s,.!?，。！？~～]+|$)",
    re.IGNORECASE,
)
_ASKING = re.compile(
    r"(?:(?:please|so|well|ok|okay|um)[\s,]+"
    r"|(?:can|could|would|will) you (?:please |kindly )?(?:(?:tell|explain to|show|help) me )?"
    r"|(?:i(?: would|'d) like|i want|i need)(?: you)? to (?:know |ask |understand )?"
    r"|(?:do you know|tell me|i wonder|i was wondering|my question is|the question is)[\s,:]+"
    r"|(?:please )?explain (?:to me )?"
    r"|what(?:'s| is| are) (?:meant by )?|who(?:'s| is| are) |how (?:do|can|should) (?:i|we|you) "
    r"|请问|请你|请|麻烦你?|能不能|可以|可不可以|你能|你可以|帮我|告诉我|我想(?:知道|问)?(?:一下)?|什么是|解释一下)",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])")
_LAST = re.compile(r"(?:[\s.,;:!?。，；：！？…]|(?:是什么(?:意思)?|[吗呢吧])(?=[。？?！\s]*$))+$")
_POINTING = re.compile(
    r"(?:a|an|the|you|your|yours|it|its|he|she|him|her|they|them|we|us|i|me|my|this|that|these|those"
    r"|one|there|[我你您他她它们这那个吗]|\W|\d)*",
    re.IGNORECASE,
)
"""Words that name nothing where they stand alone."""


def subject(text: str) -> str:
    """A few words that name what a text is about; empty where it is a greeting and nothing more."""
    for sentence in _SENTENCE.split(one_line(text[:_READ])):
        if words := _bare(sentence):
            return _short(words)
    return ""


def numbered(title: str, taken: Sequence[str]) -> str:
    """A title that is not taken: with (2), (3) ... behind it."""
    if not title:
        return ""
    bare = re.sub(r" \(\d+\)$", "", title)
    number = 2
    while f"{bare} ({number})" in taken:
        number += 1
    return f"{bare} ({number})"


def _bare(sentence: str) -> str:
    """Without greetings and how one asks, as far as something is left."""
    rest = sentence.strip()
    while rest and (found := _GREETING.match(rest)):
        rest = rest[found.end() :]
    words = rest
    while found := _ASKING.match(rest):
        rest = rest[found.end() :].lstrip(" ,，:：")
    about = _LAST.sub("", rest)
    if rest == words or _POINTING.fullmatch(about):
        return _LAST.sub("", words)
    return about[0].upper() + about[1:]


def _short(words: str) -> str:
    """Cut between words, where there are any."""
    width, end = 0, 0
    for end, char in enumerate(words):  # noqa: B007
        width += 2 if ord(char) > 0x2E7F else 1
        if width > _LONGEST:
            break
    else:
        return words
    space = words.rfind(" ", 0, end)
    return words[: space if space > end // 2 else end].rstrip(" ,;:，；：") + "…"
