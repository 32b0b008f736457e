"""The four assistants: sound specs, and every story goes as written."""

from __future__ import annotations

from pathlib import Path

import pytest
from assisted import EXAMPLES, recording

from penjing.assistant.build import build
from penjing.assistant.check import check
from penjing.assistant.generate.shelf import shelf
from penjing.assistant.spec.parse import load
from penjing.assistant.stories import (
    Story,
    StoryClock,
    StoryTool,
    play,
    read_stories,
    stories_beside,
)
from penjing.vault.memory import MemoryStore

NAMES = ("smart-home", "personal", "in-car", "customer-service")
STORIES = [
    (name, story)
    for name in NAMES
    for file in stories_beside(EXAMPLES / name / "assistant.yaml")
    for story in read_stories(file)
]
NOON = 1_795_604_400.0
"""A Wednesday, 2026-11-25."""


@pytest.fixture(scope="session")
def intents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("intents")


@pytest.mark.parametrize("name", NAMES)
def test_an_example_is_sound(name: str) -> None:
    spec = load(EXAMPLES / name / "assistant.yaml")
    assert check(spec, list(recording(*spec.tools).values())) == []
    assert spec.languages == ("en", "zh")


@pytest.mark.parametrize("name", NAMES)
def test_an_example_has_stories_in_both_languages(name: str) -> None:
    words = [
        str(turn.given.get("say", ""))
        for one, story in STORIES
        if one == name
        for turn in story.turns
    ]
    chinese = [one for one in words if any("\u3400" <= char <= "\u9fff" for char in one)]
    assert len(chinese) >= 3
    assert len(words) - len(chinese) >= 5


def played(name: str, story: Story, intents: Path) -> list[str]:
    spec = load(EXAMPLES / name / "assistant.yaml")
    tools = [StoryTool.of(tool, story) for tool in recording(*spec.tools).values()]
    own = shelf(Path(spec.folder), spec.knowledge.sources)
    clock = StoryClock(NOON)
    assistant = build(
        spec,
        tools,
        cache=intents,
        clock=clock,
        retrievers=(lambda person, store: own) if spec.knowledge.sources else None,
    )
    return play(story, assistant, MemoryStore(), clock)


@pytest.mark.parametrize(("name", "story"), STORIES, ids=[f"{n}: {s.name}" for n, s in STORIES])
def test_a_story_goes_as_written(name: str, story: Story, intents: Path) -> None:
    assert played(name, story, intents) == []


def test_a_story_can_go_wrong(tmp_path: Path, intents: Path) -> None:
    file = tmp_path / "stories.yaml"
    file.write_text(
        "- story: wrong\n"
        "  house: {lights: {light: [desk lamp]}}\n"
        "  turns:\n"
        "    - {say: turn on the desk lamp, calls: [], says: banana, intents: [light_off]}\n"
    )
    (story,) = read_stories(file)
    wrong = played("smart-home", story, intents)
    assert len(wrong) == 3
    assert all(line.startswith("stories.yaml:4: ") for line in wrong)
