"""A conversation as a text that people keep: Markdown, in their language. Knows no HTTP."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from penjing.core.dialogue import CUT
from penjing.core.history import Turn

_WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "you": "You", "untitled": "Conversation", "done": "Done", "failed": "Not done",
        "undone": "Undone", "stopped": "Stopped here",
        "length": "Cut here: its length limit was reached",
        "broken": "Broken off here",
    },
    "zh": {
        "you": "您", "untitled": "对话", "done": "已完成", "failed": "未完成", "undone": "已撤销",
        "stopped": "在此停止", "length": "在此截断：达到长度上限", "broken": "在此中断",
    },
}  # fmt: skip


def written(title: str, turns: Sequence[Turn], assistant: str, language: str) -> str:
    """The whole conversation; times as this machine's clock shows them."""
    words = _WORDS[language]
    parts = [f"# {title or words['untitled']}"]
    for turn in turns:
        if turn.message.role in ("user", "assistant"):
            name = words["you"] if turn.message.role == "user" else assistant
            parts.append(f"**{name}** · {datetime.fromtimestamp(turn.at):%Y-%m-%d %H:%M}")
            parts += filter(None, (turn.message.text, *_notes(turn, words)))
    return "\n\n".join(parts) + "\n"


def _notes(turn: Turn, words: Mapping[str, str]) -> Iterator[str]:
    for done in turn.message.notes("acted"):
        yield _deed(done, words)
    for undone in turn.message.notes("undone"):
        if undone["outcome"]["ok"]:
            yield f"> {words['undone']}: {_what(undone)}"
    for cited in turn.message.notes("cited"):
        passage = cited["passage"]
        where = ", ".join(filter(None, (passage["source"], passage["location"])))
        yield f"[{cited['number']}] {where}"
    for cut in turn.message.notes(CUT):
        yield f"*({words.get(cut.get('why', 'stopped'), words['broken'])})*"


def _what(note: Mapping[str, Any]) -> str:
    action = note["action"]
    return str(action.get("describes") or action["tool"])


def _deed(done: Mapping[str, Any], words: Mapping[str, str]) -> str:
    outcome = done["outcome"]
    what = _what(done)
    if outcome["ok"]:
        return f"> {words['done']}: {what}"
    return f"> {words['failed']}: {what} ({outcome['error']})"
