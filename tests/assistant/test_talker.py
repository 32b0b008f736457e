"""Who may talk and not act: a program whose token lacks `tools`, speaking in a person's session.

It makes no tool act, and leaves nothing behind that the person's own next words make act.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from assisted import EXAMPLES, RecordingTool, recording

from penjing.assistant.build import build
from penjing.assistant.spec.parse import load, loads
from penjing.assistant.stories import read_stories, stories_beside
from penjing.core.dialogue import TALKER, Acted, Confirm, Event, Said, Standing
from penjing.core.errors import BadInput, NotFound
from penjing.vault.memory import MemoryStore

NAMES = ("smart-home", "personal", "in-car", "customer-service")


class House:
    """One session in which a person speaks, and a program."""

    def __init__(self, name: str, cache: Path) -> None:
        self.spec = load(EXAMPLES / name / "assistant.yaml")
        self.tools: dict[str, RecordingTool] = recording(*self.spec.tools)
        self.cache = cache
        self.now = 1_795_604_400.0
        self.store = MemoryStore()
        self.session = self.store.history.begin().id
        self.start()

    def start(self) -> None:
        """Again, with nothing in memory."""
        self.assistant = build(
            self.spec, list(self.tools.values()), cache=self.cache, clock=lambda: self.now
        )

    def say(self, text: str, role: Standing) -> list[Event]:
        self.now += 2
        return list(self.assistant.reply("p", self.store, self.session, text, role=role))

    def calls(self) -> list[object]:
        return [(tool.name, call) for tool in self.tools.values() for call in tool.calls]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("intents")


def words(events: list[Event]) -> str:
    return "".join(one.text for one in events if isinstance(one, Said))


def sentences(name: str) -> Iterator[str]:
    for file in stories_beside(EXAMPLES / name / "assistant.yaml"):
        for story in read_stories(file):
            yield from (str(turn.given["say"]) for turn in story.turns if "say" in turn.given)


@pytest.mark.parametrize("name", NAMES)
def test_no_sentence_of_any_story_acts(name: str, cache: Path) -> None:
    house = House(name, cache)
    told = 0
    for text in sentences(name):
        events = house.say(text, TALKER)
        assert not [one for one in events if isinstance(one, Acted | Confirm)], text
        told += "tools" in words(events)
    assert house.calls() == []
    assert told > 0  # said so, and not silently


def test_it_is_told_which_scope_is_missing_in_both_languages(cache: Path) -> None:
    house = House("smart-home", cache)
    assert "scope “tools”" in words(house.say("turn on the desk lamp", TALKER))
    assert "tools 权限" in words(house.say("打开台灯", TALKER))


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize(
    "turns",
    [
        [("owner", "open the garage"), ("talker", "yes")],
        [("owner", "open the garage"), ("talker", "no, the curtains"), ("owner", "yes")],
        [("talker", "open the garage"), ("owner", "yes")],
        [("talker", "open the garage"), ("owner", "no, the curtains"), ("owner", "yes")],
        [("owner", "set a timer"), ("talker", "for one hour")],
        [("talker", "turn on the desk lamp"), ("owner", "turn it off")],
        [("talker", "turn on the desk lamp"), ("owner", "and dim it")],
        [("talker", "tell me about the desk lamp"), ("owner", "turn it on")],
    ],
    ids=lambda turns: " / ".join(f"{who}: {text}" for who, text in turns),
)  # fmt: skip
def test_what_it_said_is_no_part_of_what_the_person_says_next(
    cache: Path, turns: list[tuple[Standing, str]], restarts: bool
) -> None:
    house = House("smart-home", cache)
    for role, text in turns[:-1]:
        house.say(text, role)
    if restarts:
        house.start()
    role, text = turns[-1]
    house.say(text, role)
    assert house.calls() == []


def test_without_it_the_same_words_act(cache: Path) -> None:
    """Or the tests above would prove nothing."""
    house = House("smart-home", cache)
    for text in ("open the garage", "yes", "set a timer", "five minutes", "turn on the desk lamp",
                 "turn it off"):  # fmt: skip
        house.say(text, "owner")
    assert len(house.calls()) == 4


def test_it_decides_no_card(cache: Path) -> None:
    house = House("smart-home", cache)
    (asked,) = [one for one in house.say("open the garage", "owner") if isinstance(one, Confirm)]
    confirm = house.assistant.confirm
    action = asked.action.id
    list(confirm("p", house.store, house.session, action, yes=True, role=TALKER))
    assert house.calls() == []
    with pytest.raises(NotFound):
        list(confirm("p", house.store, house.session, action, yes=True, role="owner"))
    assert house.calls() == []


def test_no_spec_lets_it_use_a_tool() -> None:
    spec = (EXAMPLES / "smart-home/assistant.yaml").read_text("utf-8")
    assert "who: [owner" in spec
    with pytest.raises(BadInput, match="talker"):
        loads(spec.replace("who: [owner", "who: [talker, owner"), "a.yaml")
