""" "What can you do?", 你会什么: answered from the spec, with sentences that really work.

An example is made from an intent's own templates and names that exist, and given only where the
understanding takes it for that intent, plainly, and the person may use the tools it calls.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import zip_longest

from penjing.assistant.dialogue.plan import Confirmed, Plan
from penjing.assistant.spec.values import Call, IntentSpec, SlotSpec
from penjing.assistant.understand.cascade import Understanding
from penjing.assistant.understand.network import parse_template, plainest, samples
from penjing.assistant.understand.text import is_chinese, tokens_of
from penjing.assistant.understand.words import Phrases
from penjing.core.dialogue import Standing

MOST = 8
"""Examples that are told."""
_TRIED = 6
"""Templates of an intent that are tried."""
_ASKED = Phrases((
    "help", "help me", "i need help", "what can you do", "what can you do for me", "what can i say",
    "what can i ask", "what can i ask you", "what do you do", "what are you able to do",
    "what do you understand", "how can you help", "how can you help me", "show me what you can do",
    "what else can you do", "what are your skills", "what commands are there",
    "你会什么", "你会做什么", "你能做什么", "你能干什么", "你会干什么", "你可以做什么",
    "你有什么功能", "有什么功能", "能帮我做什么", "你能帮我做什么", "我能说什么", "我可以说什么",
    "帮助", "你会干嘛", "你能干嘛", "都会什么", "怎么用",
))  # fmt: skip
_VALUES = {
    "en": {"number": "7", "percentage": "30 percent", "duration": "10 minutes", "time": "7:30 pm",
           "date": "tomorrow", "colour": "red", "temperature": "21 degrees"},
    "zh": {"number": "7", "percentage": "百分之三十", "duration": "十分钟", "time": "晚上七点半",
           "date": "明天", "colour": "红色", "temperature": "21度"},
}  # fmt: skip


def asks_for_help(text: str) -> bool:
    """It asks what can be said, and nothing else."""
    said = [one for one in tokens_of(text) if not one.mark]
    return bool(said) and len(said) <= 12 and len(said) in _ASKED.ends(said, 0)


Names = Callable[[str, str], Sequence[str]]


class Examples:
    """Of one spec."""

    def __init__(self, plan: Plan, understanding: Understanding, names: Names) -> None:
        self._plan, self._understanding, self._names = plan, understanding, names

    def of(self, role: Standing, language: str, now: datetime) -> list[str]:
        """A sentence for each of some intents that a person of this role may use."""
        by_tool: dict[str, list[str]] = {}
        for intent in self._plan.spec.intents.values():
            tools = self._tools(intent)
            if self._may(tools, role):
                said = self._sentences(intent, language)
                works = (one for one in said if self._works(one, intent.name, language, now))
                by_tool.setdefault(tools[0], []).extend(one for one in [next(works, "")] if one)
        turns = zip_longest(*by_tool.values())  # each tool once before any a second time
        chosen = [one for turn in turns for one in turn if one is not None][:MOST]
        return [one for many in by_tool.values() for one in many if one in chosen]

    def _tools(self, intent: IntentSpec) -> list[str]:
        """The tools that its flow calls."""
        steps = self._plan.programs[intent.name]
        calls = [one.call if isinstance(one, Confirmed) else one for one in steps]
        return [one.tool for one in calls if isinstance(one, Call)]

    def _may(self, tools: Sequence[str], role: Standing) -> bool:
        rules = [self._plan.spec.tools.get(one) for one in tools]
        return bool(rules) and all(rule is not None and role in rule.who for rule in rules)

    def _works(self, text: str, intent: str, language: str, now: datetime) -> bool:
        reading = self._understanding.read(text, now, language)
        plain = reading.doubt is None and not reading.passed.unsure and not reading.whens
        first = [one[0] for one in reading.requests]
        sure = all(one.stage == "templates" and one.confidence == 1.0 for one in first)
        return plain and sure and [one.intent for one in first] == [intent]

    def _sentences(self, intent: IntentSpec, language: str) -> Iterator[str]:
        """Its templates filled in, the plainest of each first."""
        lines = intent.sentences.get(language, ())[:_TRIED]
        for line in lines:
            tree = parse_template(line)
            for sample in (plainest(tree), *sorted(samples(tree, 4), key=len)):
                filled = self._filled(sample, language)
                if filled is not None:
                    yield filled

    def _filled(self, sample: str, language: str) -> str | None:
        text, chinese = sample, language.startswith("zh")
        for name in re.findall(r"@(\w+)", sample):
            value = _value(self._plan.spec.slots[name], self._names, chinese=chinese)
            if value is None:
                return None
            text = text.replace(f"@{name}", value, 1)
        if chinese:
            text = re.sub(r"(?<=[\u3400-\u9fff]) +| +(?=[\u3400-\u9fff])", "", text)
        return text


def _value(slot: SlotSpec, names: Names, *, chinese: bool) -> str | None:
    """A value in the person's language; None where there is none to be sure of."""
    ways = {one: (one, *words) for one, words in slot.values.items()}
    if slot.kind == "entity":
        live = [one for one in names(slot.tool, slot.parameter) if one.isprintable()]
        ways = {one: ways.get(one, (one,)) for one in live}
    if slot.kind in ("entity", "list", "place"):
        said = [word for words in ways.values() for word in words if is_chinese(word) == chinese]
        return said[0] if said else None
    return _VALUES["zh" if chinese else "en"].get(slot.kind)


def quoted(sentences: Sequence[str], language: str) -> str:
    """Sentences as a list of quotations."""
    return ("、" if language.startswith("zh") else ", ").join(f"“{one}”" for one in sentences)
