"""Small words of English and Chinese that decide how a sentence is taken, and how to find them."""

from __future__ import annotations

import functools
import importlib.resources
from collections.abc import Sequence

from penjing.assistant.understand import courtesy
from penjing.assistant.understand.text import Token

FILLERS = (
    "please", "could you", "could you possibly", "can you possibly", "can you", "would you",
    "will you", "would you mind", "hey", "hi", "could somebody", "could someone", "can somebody",
    "can someone", "would somebody", "would someone", "will somebody", "will someone",
    "hello", "ok", "okay", "um", "uh", "er", "well", "so", "just", "now", "right now", "for me",
    "kindly", "thanks", "thank you", "i want you to", "i would like you to", "i'd like you to",
    "i'd like to", "i would like to", "i want to", "i need to", "i need you to",
    "we need you to", "let's", "let us", "go ahead and",
    "then", "also", "my", "the", "a", "an", "again", "will", "us", "could", "can", "i need",
    "quickly", "too", "pls", "plz", "mate", "buddy", "dude", "darling", "cheers", "ta", "ugh", "oh",
    "hmm", "alright", "as well", "would you be so kind", "do me a favour and", "do me a favor and",
    "would ya", "could ya", "can ya", "will ya", "ya", "lah", "leh", "lor", "yaar", "innit", "bruv",
    "bro", "aye", "och", "oi", "yo", "right then", "real quick",
    "quick one", "quick question", "random question", "one question", "listen", "look",
    "if you would", "be a dear and", "go on", "come on", "you know", "i think",
    "请", "请你", "帮我", "帮忙", "麻烦", "麻烦你", "给我", "我说", "一下", "吧", "好吗", "可以吗",
    "能不能",
    "可不可以", "可以", "你", "嗯", "那", "呃", "啊", "哦", "我想", "我要", "现在", "劳驾", "快",
    "再",
    "又", "也", "就", "下", "的", "了", "把", "先", "都", "谢谢", "行吗", "您",
    "呗", "咯", "喽", "呀", "哈", "嘛", "哎", "喂", "拜托", "劳驾您", "多谢", "辛苦", "赶紧",
    "赶快", "唔该", "唔该晒", "噻", "嘞", "咧", "哩", "啵", "一哈", "劳烦", "有劳", "烦请", "麻利",
    "好不好", "行不行", "可否", "能否", "能", "帮个忙",
    *courtesy.LEADS,
)  # fmt: skip
"""What may be left out of a sentence without changing what is wanted."""
GUARDS = frozenset({
    "not", "don't", "dont", "doesn't", "didn't", "won't", "never", "no", "without", "except",
    "how", "why", "what", "who", "whose", "when", "which", "where", "if", "did", "does", "was",
    "were", "should", "says", "said", "say", "wrote", "told", "asked", "unless", "before", "after",
    "until", "while", "is", "are", "has", "have", "do", "whenever", "instead", "only", "every",
    "always",
    "不", "别", "没", "未", "勿", "莫", "怎", "么", "谁", "吗", "如", "哪", "说", "写", "若", "除",
    "否",
    "何", "几", "问", "时", "前", "后", "每",
})  # fmt: skip
"""What may never be overlooked in a sentence: it may turn it around."""
STATING = frozenset({"is", "are", "has", "have"})
"""Guards that only state something where they do not begin a part of a sentence."""
DENYING = frozenset({
    "not", "don't", "dont", "doesn't", "didn't", "won't", "no", "never", "不", "别", "没",
})  # fmt: skip
"""Guards that say no: what stands beside them is looked at by the gate."""
JOINTS = (
    "and then", "and also", "then", "and", "after that", "also", "plus", ",", ";", ".", "!", "?",
    "so let's", "so let us", "so please", "so could you", "so can you", "so would you", "so just",
    "followed by", "and while you're at it", "&",
    "然后", "接着", "并且", "同时", "顺便", "顺手", "顺带", "顺道", "而且", "随后", "紧接着",
    "外加", "再", "还有", "并", "另外", "、", "，", "；", "。",
    "！", "以及", "和", "所以",
)  # fmt: skip
"""What may stand between two requests."""


@functools.cache
def common_words() -> frozenset[str]:
    """English words that are what they are: never taken for a typing error."""
    text = importlib.resources.files(__package__).joinpath("common.txt").read_text("utf-8")
    return frozenset(text.split())


PRONOUNS = ("it", "that", "that one", "this", "this one", "them", "those", "the same one",
            "它", "它们", "那个", "这个", "他", "她")  # fmt: skip
"""What stands for something that was named before."""


def pieces(text: str) -> tuple[str, ...]:
    """The tokens of a small phrase."""
    return (
        tuple(text) if any("\u3000" <= char <= "\uffef" for char in text) else tuple(text.split())
    )


_END = ""
"""Below it nothing: a phrase ends here."""
_Step = dict[str, "_Step"]
"""The words that may come next, each with what follows it."""


class Phrases:
    """Phrases that can be looked for at a place, longest first."""

    def __init__(self, phrases: Sequence[str]) -> None:
        self._first: _Step = {}
        for one in phrases:
            step = self._first
            for part in pieces(one):
                step = step.setdefault(part, {})
            step[_END] = {}

    def ends(self, tokens: Sequence[Token], at: int) -> list[int]:
        """Where phrases that begin at a token end, the longest first."""
        found: list[int] = []
        step = self._first.get(tokens[at].text)
        while step is not None:
            at += 1
            if _END in step:
                found.append(at)
            if at == len(tokens):
                break
            step = step.get(tokens[at].text)
        return found[::-1]


FILLER = Phrases(FILLERS)
_COURTESY = Phrases(courtesy.LEADS)
JOINT = Phrases(JOINTS)
PRONOUN = Phrases(PRONOUNS)


def courteous(tokens: Sequence[Token]) -> set[int]:
    """The tokens of politeness that looks like a condition or a question."""
    found = ((at, _COURTESY.ends(tokens, at)) for at in range(len(tokens)))
    return {place for at, ends in found if ends for place in range(at, ends[0])}
