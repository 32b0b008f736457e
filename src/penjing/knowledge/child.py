"""The process that reads one document: its arguments are format, memory, seconds and parent.

Takes its limits before a byte of the document, answers one JSON document, and knows nothing else.
It ends when the parent does: who cancels does not leave it behind.
"""

from __future__ import annotations

import importlib
import json
import sys
from typing import Any

from penjing.core.errors import MissingExtra, PenjingError
from penjing.core.process import end_with
from penjing.knowledge.chunking import chunks
from penjing.knowledge.formats import FORMATS


def main() -> int:
    """Read standard input, write the text or the error."""
    form = sys.argv[1]
    memory, seconds, parent = map(int, sys.argv[2:5])
    if form not in FORMATS:
        return 2
    end_with(parent)
    _bound(memory, seconds)
    try:
        answer = _read(form, sys.stdin.buffer.read())
    except MemoryError:
        answer = {"error": f"it needs more than {memory // 2**20} MB of memory: split it"}
    sys.stdout.buffer.write(json.dumps(answer, ensure_ascii=False).encode("utf-8"))
    return 0


def _read(form: str, data: bytes) -> dict[str, Any]:
    try:
        plain = importlib.import_module(f"penjing.knowledge.formats.{form}").read(data)
    except MissingExtra:
        return {"missing": f"reading {form.upper()} files"}
    except PenjingError as error:
        return {"error": str(error)}
    except RecursionError:
        return {"error": "it is nested too deeply: save it anew"}
    except MemoryError:
        raise
    except Exception as error:  # a reader's bug over bytes that nobody foresaw is a line, too
        return {"error": f"it cannot be understood ({type(error).__name__}): save it anew"}
    sections = [(one.start, one.heading, one.place) for one in plain.sections]
    passages = [(one.start, one.end, one.location) for one in chunks(plain)]
    made = {"text": plain.text, "sections": sections, "passages": passages}
    return {**made, "remark": plain.remark}


def _bound(memory: int, seconds: int) -> None:
    import resource  # not on Windows, where the vault is not either

    for what, limit in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
    ):
        _, most = resource.getrlimit(what)
        value = limit if most == resource.RLIM_INFINITY else min(limit, most)
        resource.setrlimit(what, (value, value))


if __name__ == "__main__":
    sys.exit(main())
