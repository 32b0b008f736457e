"""Politeness that is said with an "if" or as a question, and asks for nothing by itself. Pure.

"I'd be ever so grateful if you'd ...", "would it be possible to ...", 方便的话, 要是不麻烦的话. It
may stand before a wish or behind it and changes nothing of it: no condition, no question.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product


def _said(*parts: Sequence[str], between: str = " ") -> Iterator[str]:
    """All ways to say one of each part after the other; an empty one is left out."""
    return (between.join(filter(None, way)) for way in product(*parts))


_IF_YOU = ("if you'd", "if you would", "if you could", "if you can", "if you might")
_VERY = ("", "so", "ever so", "really", "very", "most", "terribly", "awfully",
         "extremely", "eternally")  # fmt: skip
_THANKFUL = ("grateful", "obliged", "thankful", "glad", "happy", "delighted", "chuffed")
_WELCOME = ("appreciate it", "love it", "like it", "appreciate")
_I_WOULD = ("i'd", "i would", "we'd", "we would")
_POSSIBLE = ("possible", "at all possible", "okay", "ok", "alright", "all right",
             "too much trouble", "too much bother", "a bother")  # fmt: skip
_TROUBLE = ("trouble", "bother", "hassle", "problem", "imposition")

ENGLISH = (
    *_said(_I_WOULD, ["be"], _VERY, _THANKFUL, _IF_YOU),
    *_said(_I_WOULD, ["", "so", "really", "very much", "greatly"], _WELCOME, _IF_YOU),
    *_said(["i", "i just", "i do", "we"], ["wonder", "wondered"], ["if", "whether"],
           ["you'd", "you would", "you could", "you might"], ["", "mind"]),
    *_said(["i was", "i'm", "we were", "just"], ["wondering"], ["if", "whether"],
           ["you'd", "you would", "you could", "you might"], ["", "mind"]),
    *_said(["", "is there", "would there be"], ["any chance"],
           ["you could", "you can", "you'd", "you would", "you might", "we could", "i could"]),
    *_said(["would it be", "might it be", "could it be"], _POSSIBLE, ["", "for you"], ["to"]),
    *_said(["would you", "could you", "will you", "", "if you'd", "if you would"], ["be"],
           ["so", "ever so"], ["good", "kind"], ["as to"]),
    *_said(["if"], ["it's", "it is", "that's", "that is"], ["not", "no", "not too", "not too much"],
           ["", "much", "much of a"], _TROUBLE, ["", "for you"]),
    *_said(["if"], ["it", "that"], ["isn't"], ["too much", "any"], _TROUBLE, ["", "for you"]),
    *_said(["if you"], ["don't", "do not", "wouldn't"], ["mind"], ["", "awfully", "too much"]),
    *_said(["if", "when"], ["you"], ["have", "get"], ["a"],
           ["moment", "minute", "chance", "second"]),
)  # fmt: skip
_CONVENIENT = (
    "方便", "可以", "不介意", "不麻烦", "不太麻烦", "不嫌麻烦", "有空", "得空", "不忙", "愿意",
)  # fmt: skip
_YOU = ("", "你", "您")
CHINESE = (
    *_said([""], _YOU, _CONVENIENT, _YOU, ["的话"], between=""),
    *_said(["如果", "要是", "若是", "若", "如", "假如"], _YOU, _CONVENIENT, _YOU, ["的话", ""],
           between=""),
    *_said(["", "你看", "您看", "看看", "不知道"], ["方不方便", "方便不方便"], between=""),
    *_said(["", "可以", "可不可以", "能", "能不能", "可否", "能否"], ["麻烦", "劳烦"], ["你", "您"],
           between=""),
)  # fmt: skip
LEADS = (*ENGLISH, *CHINESE)
"""What may be left out of a sentence wherever it stands."""
