"""The model's say about a sentence that nothing else understood: a yes or a no to what it may want.

Understanding makes the proposals: intents that the classifier holds likely, with values that stand
in the sentence, and only those that the gate lets pass. The model sees the person's own words and
the spec's words for each, and says yes or no. How sure it is of its yes is read from the two
words' log-probabilities, so one token is written for each proposal, and everything before the
sentence is the same each time: the engine still has it in memory. It can name no value.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING

from penjing.assistant.understand.classifier import ELSEWHERE
from penjing.assistant.understand.text import tokens_of
from penjing.assistant.understand.words import FILLERS, pieces
from penjing.core.dialogue import Recognition
from penjing.core.errors import EngineError
from penjing.core.messages import GenerationSettings, Message
from penjing.core.threads import Threads

if TYPE_CHECKING:
    from penjing.assistant.spec.values import Spec
    from penjing.assistant.understand.compiled import Compiled
    from penjing.assistant.understand.sentence import Sentence
    from penjing.assistant.writer import Writer
    from penjing.core.dialogue import Slot

FLOOR = 0.12
"""What the classifier gives less than this is no proposal."""
MOST = 2
"""Proposals that are put to the model: each costs the person time."""
SURE = 0.5
"""What log p(yes) - log p(no) must be at least, in nats; see `benchmarks/last_resort.py`."""
AHEAD = 0.5
"""By how much the best proposal must lead, in nats."""
PATIENCE = 4.0
"""Seconds for all of it; afterwards the model is not waited for."""
_TOP = 20
"""Likeliest tokens among which yes and no are looked for."""
_SMALL = frozenset(part for one in FILLERS for part in pieces(one))

_WORDS = {"en": ("yes", "no"), "zh": ("是", "否")}
_SYSTEM = {
    "en": "A person talks to a smart assistant. Is the action what the person asks the assistant "
    "to do? Answer yes or no.",
    "zh": "用户对智能助手说话。这个操作是不是用户要助手做的？只回答“是”或“否”。",
}
_ASKED = {"en": '"{said}"\nAction: {action}?', "zh": "“{said}”\n操作：{action}？"}
_SHOWN = {
    "en": (
        ("could you put the heating up a bit", "turn up the heating", True),
        ("my brother locked the door", "lock the door", False),
        ("get some sound out of that radio", "turn on the radio", True),
        ("how does the radio work", "turn on the radio", False),
        ("it's boiling, cool it down", "turn up the heating", False),
    ),
    "zh": (
        ("暖气给开大点呗", "调高暖气", True),
        ("我哥把门锁了", "锁门", False),
        ("让收音机出点声", "打开收音机", True),
        ("收音机怎么用", "打开收音机", False),
        ("热死了，凉快一点", "调高暖气", False),
    ),
}
"""Examples of the question; nothing of them is a tool's."""


def proposals(one: Sentence, passes: Callable[[Recognition], bool]) -> list[Recognition]:
    """What a sentence may want of what calls a tool and the gate lets pass, the likeliest first."""
    familiar, end = one.compiled.familiar, len(one.tokens)
    likely = [
        Recognition(name, one.fill(name, 0, end), round(chance, 4), "model")
        for name, chance in one.scores(0, end).items()
        if chance >= FLOOR and name != ELSEWHERE and familiar[name].acts
    ]
    # without a value one would be asked for, and to answer that is no yes
    told = [each for each in likely if each.slots or not familiar[str(each.intent)].needs]
    return [each for each in told if passes(each)]


class ModelJudge:
    """Satisfies `Judge` of the cascade.

    describes: what would be done for a request, in words; empty for one that does nothing.
    """

    def __init__(
        self,
        spec: Spec,
        compiled: Callable[[str], Compiled],
        writer: Writer,
        describes: Callable[[Recognition, str], str],
        *,
        patience: float = PATIENCE,
    ) -> None:
        self._spec, self._compiled, self._writer = spec, compiled, writer
        self._describes, self._patience = describes, patience
        self._threads = Threads("judge", 1)
        self.asked = 0
        """How often the model was asked."""

    def __call__(
        self, owner: str, text: str, language: str, proposals: Sequence[Recognition]
    ) -> Recognition | None:
        """The proposal that the model is sure of; None when it is of none, or takes too long."""
        told = [(one, self._describes(one, language)) for one in proposals]
        open_ones = [
            (one, action)
            for one, action in told
            if action and (self._spec.model_decides == "ask" or self._tells(text, language, one))
        ][:MOST]
        if not open_ones or self._spec.model_decides == "never":
            return None
        self.asked += 1
        actions = [action for _, action in open_ones]
        work = self._threads.begin(self._odds, owner, text, language, actions)
        try:
            odds = work.result(self._patience)
        except (TimeoutError, CancelledError, EngineError):
            work.cancel()
            return None  # the sentence is then not understood, which is said
        best = self.chosen(odds)
        return None if best is None else open_ones[best][0]

    @staticmethod
    def chosen(odds: Sequence[float], bar: float = SURE) -> int | None:
        """Which proposal is put to the person, of how sure the model is of each; None for none."""
        best = max(range(len(odds)), key=odds.__getitem__)
        others = [one for place, one in enumerate(odds) if place != best]
        ahead = not others or odds[best] - max(others) >= AHEAD
        return best if odds[best] >= bar and ahead else None

    def _odds(self, owner: str, text: str, language: str, actions: Sequence[str]) -> list[float]:
        return [self.odds(owner, text, language, action) for action in actions]

    def odds(self, owner: str, text: str, language: str, action: str) -> float:
        """log p(yes) - log p(no) that a sentence asks for an action, in nats; minus infinity when
        the model says neither. Raises EngineError when the engine can not tell."""
        key = "zh" if language.startswith("zh") else "en"
        yes, no = _WORDS[key]
        settings = GenerationSettings(
            max_tokens=1, repeat_penalty=1.0, top_logprobs=_TOP, thinking=False
        )
        written = list(self._writer.write(owner, prompt(text, key, action), settings))
        tokens = [one for chunk in written for one in chunk.logprobs]
        if not tokens:
            return -math.inf
        first = tokens[0]
        found = {
            token.decode("utf-8", "replace").strip().casefold(): chance
            for token, chance in reversed(((first.token, first.logprob), *first.top))
        }
        if yes not in found:
            return -math.inf
        least = min(found.values())  # what is not among the likeliest is less likely than they
        return found[yes] - found.get(no, least)

    def _tells(self, text: str, language: str, one: Recognition) -> bool:
        """Most of what a sentence says is the intent's own: one of its words at least, and half of
        all words with values. "Summarise the letter about the garage" does not open it. Asked for
        where the model's word is acted on without a question."""
        keywords = self._compiled(language).keywords.get(str(one.intent), frozenset())
        words = [each for each in tokens_of(text) if not each.mark and each.text not in _SMALL]
        own = [each for each in words if each.text in keywords]
        told = [each for each in words if each in own or _inside(each.start, each.end, one.slots)]
        return bool(own) and 2 * len(told) > len(words)


def prompt(text: str, language: str, action: str) -> list[Message]:
    """What the model reads; only the last message differs from one sentence to the next."""
    yes, no = _WORDS[language]
    messages = [Message.of("system", _SYSTEM[language])]
    for said, done, right in _SHOWN[language]:
        messages.append(Message.of("user", _ASKED[language].format(said=said, action=done)))
        messages.append(Message.of("assistant", yes if right else no))
    return [*messages, Message.of("user", _ASKED[language].format(said=text, action=action))]


def _inside(start: int, end: int, slots: Sequence[Slot]) -> bool:
    return any(one.start <= start and end <= one.end for one in slots)
