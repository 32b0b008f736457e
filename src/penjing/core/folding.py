"""One form of a text for whoever looks for words in it: of what is kept and of what is asked.

Compatibility forms are what they stand for (ligatures, wide letters, squared units: Unicode's
NFKC), what nobody sees is left out, and a word that a line's end broke stands there both ways: its
hyphen may be its own. Pure; for texts of a few thousand characters.
"""

from __future__ import annotations

import re
import unicodedata

SOFT = "\N{SOFT HYPHEN}"
"""Where a line's end broke a word and nothing tells whether the hyphen is the word's own."""
_BROKEN = re.compile(r"(?<=[^\W\d_])[-‐\u00ad][ \t\r]*\n[ \t]*(?=[^\W\d_])")
_ONCE = re.compile(rf"(?<![\w{SOFT}])([^\W_]+){SOFT}([^\W_]+)(?![\w{SOFT}])")
_UNSEEN = re.compile(f"[{SOFT}\u200b\u2060\ufeff]")
_MARKS = str.maketrans({"\u2010": "-", "\u2011": "-", "’": "'", "‘": "'"})


def folded(text: str) -> str:
    """The text's words in their usual characters."""
    if text.isascii() and "-\n" not in text:
        return text
    broken = _BROKEN.sub(SOFT, text)
    both = _ONCE.sub(r"\1\2 \1-\2", broken) if SOFT in broken else broken
    return unicodedata.normalize("NFKC", _UNSEEN.sub("", both)).translate(_MARKS)


def shown(text: str) -> str:
    """A text on one line, as people read it: without breaks and what they do not see."""
    return " ".join(_UNSEEN.sub("", _BROKEN.sub("", text)).split())
