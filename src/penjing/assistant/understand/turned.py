"""Sentences of an intent turned into what is no command: not, if, did you. What "none" looks like.

The gate stops such sentences whatever a classifier thinks; trained on some of them as out of scope,
the classifier does not take them for commands in the first place. Data and how it is used; pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from penjing.assistant.understand.familiar import is_question

_FRAMES: Mapping[str, tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]] = {
    "en": tuple(
        (tuple(before.split()), tuple(after.split()))
        for before, after in (
            ("don't", ""), ("never", ""), ("please don't", ""), ("you must not", ""),
            ("not", ""), ("if it rains", ""), ("if i am late", ""), ("when i come home", ""),
            ("unless i call", ""), ("", "if somebody comes"), ("", "when it gets dark"),
            ("", "as soon as i leave"), ("", "until i say so"), ("did you", ""),
            ("did somebody", ""), ("why did you", ""), ("who was it that", ""),
            ("why should i", ""), ("should we", ""), ("i already", ""),
            ("what happens if i", ""), ("have you ever", ""),
        )
    ),
    "zh": tuple(
        (tuple(before), tuple(after))
        for before, after in (
            ("别", ""), ("不要", ""), ("先别", ""), ("千万不要", ""), ("没有必要", ""),
            ("如果下雨就", ""), ("要是我迟到就", ""), ("等我到家了再", ""), ("只要有人来就", ""),
            ("天黑的时候", ""), ("", "的话会怎么样"), ("除非我打电话否则", ""), ("你刚才", "了吗"),
            ("是谁", "的"), ("为什么", ""), ("怎么", ""), ("是不是要", ""), ("有没有人", ""),
            ("该不该", ""), ("我已经", "了"), ("你会不会", ""),
        )
    ),
}  # fmt: skip
"""By language: words before and after a sentence."""
_EACH = 16
"""Turned sentences of an intent."""
_MOST = 2000
"""Of a spec."""


def turned(
    intents: Mapping[str, Sequence[tuple[str, ...]]], language: str
) -> Iterator[tuple[tuple[str, ...], str]]:
    """Some sentences of each intent, as words and as text; those that ask something already stay
    as they are, and a frame that an intent has itself is not used."""
    language = language.split("-", maxsplit=1)[0]
    own: set[tuple[str, ...]] = set()
    own |= {two for many in intents.values() for words in many for two in pairwise(words)}
    own |= {words[:1] for many in intents.values() for words in many}
    frames = [one for one in _FRAMES.get(language, ()) if not _told_by(one[0] or one[1]) & own]
    each = min(_EACH, max(1, _MOST // max(len(intents), 1)))
    gap = "" if language == "zh" else " "
    place = 0
    for many in intents.values():
        plain = [one for one in many if one and not is_question(one)]
        for words in plain[:: max(1, len(plain) // each)][:each] if frames else ():
            before, after = frames[place % len(frames)]
            place += 1
            every = (*before, *words, *after)
            yield every, gap.join(every).replace("@", "")


def _told_by(frame: tuple[str, ...]) -> set[tuple[str, ...]]:
    """What a frame is known by: its first two words, or the one it has."""
    return {frame[:2]}
