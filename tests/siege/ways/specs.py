"""Assistant specs that somebody spoiled: YAML in any shape, words in any place."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import mutate
import yaml
from ground import Ground
from way import Way

from penjing.assistant.spec.parse import load

_EXAMPLES = Path(__file__).parents[3] / "examples"
_TRICKS = (
    "a: &a [*a, *a]\n",
    "!!python/object/apply:os.system ['true']\n",
    "a: !!binary x\n",
    "<<: {a: 1}\n",
    "? [a]\n: 1\n",
    "- " * 5000 + "\n",
    "{" * 3000,
    "a: " * 3000,
    "%YAML 9.9\n---\n",
    "---\na\n---\nb\n",
    "\t\ta: 1\n",
    "a: 1\na: 2\n",
    "\ufeffa: 1\n",
    "a: |\n" + "  x\n" * 50_000,
    "x: " + "9" * 5000 + "\n",
    "x: 0x" + "f" * 4000 + "\n",
    "x: 1:" + "59:" * 900 + "1\n",
    "\x00",
    "\ud800",
)


def _prepare(_: Ground) -> list[tuple[str, Any]]:
    texts = [path.read_text("utf-8") for path in sorted(_EXAMPLES.glob("*/assistant.yaml"))]
    return [(text, yaml.safe_load(text)) for text in texts]


def _case(specs: list[tuple[str, Any]], random: Random, folder: Path) -> str | None:
    text, tree = random.choice(specs)
    what = random.randrange(4)
    if what == 0:
        lines = text.splitlines(keepends=True)
        lines.insert(random.randrange(len(lines)), random.choice(_TRICKS))
        data = "".join(lines).encode("utf-8", "surrogatepass")
    elif what == 1:
        data = mutate.spoiled_bytes(random, text.encode())
    else:
        spoiled = mutate.spoiled_value(random, tree)
        dump = yaml.safe_dump(spoiled, allow_unicode=True, sort_keys=False)
        data = dump.encode("utf-8", "surrogatepass")
    path = folder / "assistant.yaml"
    path.write_bytes(data)
    load(path)
    return None


WAY = Way("specs", "assistant specs in any shape: read, or refused in one line", _prepare, _case)
