"""Citations in OpenAI's shapes: of chat (a URL, and where in the answer), and of responses (a
file). The address opens the passage itself, for whoever may read the document.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from penjing.serve.openai.writing import Source


def citation(source: Source, text: str) -> dict[str, Any]:
    """As chat has it; `text` is the answer in which its `[number]` stands."""
    start, end = _place(source, text)
    passage = source.passage
    path = f"/api/documents/{quote(passage.document, safe='')}/text"
    cited = {
        "start_index": start,
        "end_index": end,
        "title": _title(source),
        "url": f"{path}?start={passage.start}&end={passage.end}",
    }
    return {"type": "url_citation", "url_citation": cited}


def file_citation(source: Source, text: str) -> dict[str, Any]:
    """As responses has it."""
    return {
        "type": "file_citation",
        "file_id": source.passage.document,
        "filename": _title(source),
        "index": _place(source, text)[0],
    }


def _place(source: Source, text: str) -> tuple[int, int]:
    """Where the number stands; the end where it does not."""
    mark = f"[{source.number}]"
    at = text.find(mark)
    return (len(text), len(text)) if at < 0 else (at, at + len(mark))


def _title(source: Source) -> str:
    return ", ".join(filter(None, (source.passage.source, source.passage.location)))
