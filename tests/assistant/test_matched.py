"""Templates that are matched, and that the classifier does not learn from."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from penjing.assistant.check import check
from penjing.assistant.spec.parse import load
from penjing.assistant.understand.cascade import Understanding

SPEC = """
assistant: Lamp
languages: [en, zh]
intents:
  glow:
    sentences:
      en: [light the lamp, "make the lamp [really] glow"]
      zh: [点灯, 把灯点亮]
    do:
      - answer: {en: Lit., zh: 亮了。}
  dark:
    sentences:
      en: [put the lamp out]
      zh: [灭灯]
    do:
      - answer: {en: Out., zh: 灭了。}
"""
MORE = """
  lamps:
    matched:
      en: ["which lamps (are lit|glow)"]
      zh: ["哪些灯(亮着|点着)"]
    do:
      - answer: {en: The one., zh: 就一盏。}
"""
NOW = datetime.fromisoformat("2026-11-25T12:00")


def understanding(folder: Path, text: str) -> Understanding:
    folder.mkdir()
    (folder / "assistant.yaml").write_text(text, "utf-8")
    return Understanding(load(folder / "assistant.yaml"), lambda _tool, _parameter: ())


def test_it_is_heard_and_the_classifier_is_the_same(tmp_path: Path) -> None:
    plain = understanding(tmp_path / "plain", SPEC)
    more = understanding(tmp_path / "more", SPEC + MORE)
    for say in ("which lamps are lit", "which lamps glow", "哪些灯亮着", "哪些灯点着"):
        (request,) = more.read(say, NOW).requests
        assert (request[0].intent, request[0].stage) == ("lamps", "templates")
    for language in ("en", "zh"):
        old, new = plain.compiled[language].classifier, more.compiled[language].classifier
        assert old is not None
        assert new is not None
        for say in ("lamp glow", "put out", "which lamps", "哪些灯", "灭了"):
            assert dict(old.scores(tuple(say.split()), say)) == dict(
                new.scores(tuple(say.split()), say)
            )
        assert more.compiled[language].familiar["lamps"].asks


def test_it_is_a_way_to_ask_for_an_intent(tmp_path: Path) -> None:
    (tmp_path / "assistant.yaml").write_text(SPEC + MORE, "utf-8")
    assert check(load(tmp_path / "assistant.yaml")) == []
