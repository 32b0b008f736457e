"""Hugging Face folders: spoiled JSON, spoiled weights, and things that are no files."""

from __future__ import annotations

import contextlib
import json
import shutil
from pathlib import Path
from random import Random
from typing import Any

import mutate
import tiny
from ground import SIGN, Ground
from trial import one_line
from way import Way

from penjing.core.errors import PenjingError
from penjing.devices.fit import fit
from penjing.devices.profile import load_devices
from penjing.devices.shape import shape_from_folder
from penjing.workshop.checkpoint import Checkpoint

_FAMILIES = ("llama", "qwen2", "gemma3")


def _prepare(ground: Ground) -> dict[str, Any]:
    folders = [tiny.folder(ground.folder("tmp") / family, family) for family in _FAMILIES]
    for folder in folders:
        Checkpoint.open(folder)
    return {"folders": folders, "decoys": ground.decoys}


def _case(state: dict[str, Any], random: Random, folder: Path) -> str | None:
    model = folder / "model"
    shutil.copytree(random.choice(state["folders"]), model)
    spoil(random, model, state["decoys"])
    try:
        profile = next(iter(load_devices().values()))
        fit(shape_from_folder(model), profile, 512)
        checkpoint = Checkpoint.open(model)
        for name in list(checkpoint.tensors)[:4]:
            checkpoint.tensor(name).load()
    except PenjingError as error:
        return "a decoy was told" if SIGN in str(error) else one_line(error)
    return None


def spoil(random: Random, folder: Path, decoys: Path) -> None:
    """Change one or two files of a folder."""
    for _ in range(random.choice((1, 1, 2))):
        plain = [one for one in sorted(folder.iterdir()) if one.is_file() and not one.is_symlink()]
        if not plain:
            return
        path = random.choice(plain)  # never a link: our own writing would follow it to a decoy
        if random.random() < 0.15:
            mutate.irregular(random, path, decoys)
        elif path.suffix == ".json" and random.random() < 0.8:
            document = _json(path)
            path.write_bytes(mutate.json_text(random, document).encode("utf-8", "surrogatepass"))
        else:
            data = path.read_bytes()
            within = 4096 if path.suffix == ".safetensors" else None
            path.write_bytes(mutate.spoiled_bytes(random, data, within))


def _json(path: Path) -> Any:
    with contextlib.suppress(ValueError, RecursionError):  # it may be spoiled already
        return json.loads(path.read_text("utf-8"))
    return {}


WAY = Way(
    "folders",
    "Hugging Face folders with anything in any place: refused in one line, or opened",
    _prepare,
    _case,
)
