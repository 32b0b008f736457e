"""Renders each hostile template in a forked child of its own, and prints what it took.

Started as a program: `python rendered_apart.py [part of a name]`. Only the sandbox stands between
the template and the machine here; the limits of the process that renders are not used, so that
what is measured is what the lists and budgets hold by themselves.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from hostile_templates import HOSTILE

from penjing.core.errors import PenjingError
from penjing.core.messages import Message
from penjing.engine import prompt, sandbox

MESSAGES = (Message.of("system", "be kind"), Message.of("user", "hello <|im_end|> there"))
SECONDS = 1.0
"""A third of what a template is given: what takes longer does so in one breath."""
GIVE_UP = 20


def measured(source: str) -> dict[str, Any]:
    """What became of it, in this process."""
    began = time.monotonic()
    try:
        job = prompt.Job(source, MESSAGES, {"bos_token": "<s>"}, began + SECONDS)
        said = "rendered: " + "".join(one.text for one in prompt.pieces(job))[:80]
    except PenjingError as error:
        said = str(error)
    except BaseException as error:
        said = f"!!! {type(error).__name__}: {error}"[:200]
    peak = Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]
    return {"said": said, "seconds": time.monotonic() - began, "bytes": int(peak) * 1024}


def apart(source: str) -> dict[str, Any]:
    """What became of it, in a child that is killed when it takes too long."""
    reading, writing = os.pipe()
    if not (pid := os.fork()):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_AS, (2**31, 2**31))
        signal.alarm(GIVE_UP)
        with suppress(BaseException), os.fdopen(writing, "w") as pipe:
            json.dump(measured(source), pipe)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        said = pipe.read()
    status = os.waitpid(pid, 0)[1]
    return json.loads(said) if said else {"said": f"!!! died: {status}", "seconds": 99, "bytes": 0}


def main(part: str) -> Iterator[str]:
    sandbox.run("{{ strftime_now('%Y') }}", {})
    for name, source in HOSTILE.items():
        if part in name:
            yield json.dumps({"name": name, **apart(source)})


if __name__ == "__main__":
    for line in main(sys.argv[1] if len(sys.argv) > 1 else ""):
        print(line, flush=True)
