"""One file a format, all alike: `read(data: bytes) -> Plain`.

Each raises BadInput, without the document's name, for what it cannot or will not read. They may
need much memory and time over hostile bytes: `reading.py` runs them in a process with limits.
"""

from __future__ import annotations

from collections.abc import Mapping

FORMATS: Mapping[str, tuple[str, ...]] = {
    "text": (".txt", ".text", ".log", "text/plain"),
    "markdown": (".md", ".markdown", "text/markdown", "text/x-markdown"),
    "html": (".html", ".htm", ".xhtml", "text/html", "application/xhtml+xml"),
    "pdf": (".pdf", "application/pdf"),
    "docx": (
        ".docx",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ),
    "csv": (".csv", ".tsv", "text/csv", "text/tab-separated-values"),
}
"""Each module here, and the endings and media types it is for."""
