"""A sentence that says nothing but which way: "back on", "turn them off again", 再打开. Pure.

It is about what was done last, whatever that was; the dialogue knows. Which of its thousand ways
to say it stand in a spec does not matter, and no classifier guesses a thing that nobody named.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from penjing.assistant.understand.familiar import joined
from penjing.assistant.understand.text import Token

_THEM = (
    r"(?:it|them|that|those|these|all of (?:it|them)|it all|them all|all|both|both of them|the lot"
    r"|the whole lot|every one of them)"
)
_WAY = r"(?:(?P<on>on)|(?P<off>off|out)|(?P<open>open)|(?P<close>closed|shut))"
_BEGIN = (
    r"(?:(?:please|ok|okay|now|and|right|so|actually|then|oh|hey|no|could you|can you|would you"
    r"|will you|just|go ahead and|let's) ?,? ?)*"
)
_END = r"(?: (?:again|back|now|please|then|for me|thanks|thank you|once more|after all))*"
_ENGLISH = re.compile(
    rf"{_BEGIN}(?:(?:(?:turn|switch|put|get|flip|bring|have)(?: {_THEM})?(?: right| all| both)?"
    rf"(?: back)?|{_THEM}(?: back)?|back|right back) {_WAY}(?: {_THEM})?"
    rf"|(?:re ?- ?)?(?:(?P<opens>open|reopen|raise)|(?P<closes>close|shut|lower))"
    rf"(?: back)?(?: up| down)?(?: {_THEM})(?: back)?(?: up| down)?"
    rf"|(?:(?P<ons>on)|(?P<offs>off)|(?P<opened>open)|(?P<closed>close|shut)) again){_END} ?[.!]*"
)
_CHINESE = re.compile(
    r"(?:(?:请|帮我|给我|麻烦|那就|那|你|嗯|好|好的|现在|还是|算了|再|又|重新|就|快|赶紧|帮忙|都|全|全部|一起"
    r"|把?(?:它们|它|这些|那些|这个|那个|刚才那个|刚才的|刚才那些|刚刚的)),?)*"
    r"(?:(?P<on>打开|开开|开起来|开上|开启|点亮|开)(?!了)|(?P<off>关掉|关闭|关上|熄掉|熄灭|灭掉|关)"
    r"|(?P<open>拉开|升起来|升上去)|(?P<close>拉上|放下来|放下|合上))"
    r"(?:它们|它|都|一下|回去|回来|吧|了|啊|呀|呗|好了|嘛|咯|啦|好吗|谢谢|,)*[。.!]*"
)
_MEANS = {
    "on": ("on",), "ons": ("on",), "off": ("off",), "offs": ("off",), "open": ("open",),
    "opens": ("open",), "opened": ("open",), "close": ("close",), "closes": ("close",),
    "closed": ("close",),
}  # fmt: skip
_MEANS_ZH = {"on": ("on", "open"), "off": ("off", "close"), "open": ("open",), "close": ("close",)}
_MOST = 14
"""Tokens."""


def directions(tokens: Sequence[Token]) -> tuple[str, ...]:
    """Which way a sentence says, in words of arguments, if it says nothing else."""
    if not 0 < len(tokens) <= _MOST:
        return ()
    flat, _ = joined([one.text for one in tokens])
    for pattern, means in ((_ENGLISH, _MEANS), (_CHINESE, _MEANS_ZH)):
        if found := pattern.fullmatch(flat.strip()):
            return next(means[name] for name, said in found.groupdict().items() if said)
    return ()
