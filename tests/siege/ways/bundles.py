"""Bundles: a manifest, passport and recipe with anything in them, and names that lead out."""

from __future__ import annotations

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

from penjing.app.recipes import read_recipe
from penjing.app.serving.model import _document, model_of
from penjing.bundle.folder import (
    Manifest,
    describe_files,
    now,
    read_manifest,
    verify,
    write_manifest,
)
from penjing.bundle.home import Home
from penjing.bundle.resolve import find_model
from penjing.core.errors import PenjingError
from penjing.core.progress import Silent
from penjing.workshop.export.gguf import export_gguf
from penjing.workshop.report.page import render_report

_PASSPORT = Path(__file__).parents[2] / "web/passport.json"
_RECIPE = {
    "schema": 1,
    "model": "smollm2-135m-instruct",
    "model_sha256": "0" * 64,
    "codecs": {"a": "Q8_0"},
    "budget_bytes": 1000,
    "seed": 1,
}


def _prepare(ground: Ground) -> dict[str, Any]:
    folder = ground.folder("tmp") / "bundle"
    folder.mkdir()
    export_gguf(tiny.checkpoint(), folder / "model.gguf", {})
    shutil.copy(_PASSPORT, folder / "passport.json")
    (folder / "recipe.yaml").write_text(json.dumps(_RECIPE))
    names = ["model.gguf", "passport.json", "recipe.yaml"]
    files = describe_files(folder, names)
    write_manifest(
        folder, Manifest("tiny", "llama", 1000, "MIT", True, files, {"a": [1]}, None, now())
    )
    return {"bundle": folder, "ground": ground}


def _case(state: dict[str, Any], random: Random, folder: Path) -> str | None:
    bundle = folder / "bundle"
    shutil.copytree(state["bundle"], bundle)
    _spoil(random, bundle, state["ground"].decoys)
    home = Home(state["ground"].folder("home"))
    for act in (
        lambda: read_manifest(bundle),
        lambda: verify(bundle),
        lambda: model_of(find_model(str(bundle), home, progress=Silent(), download=False), "tiny"),
        lambda: _report(bundle / "passport.json", folder / "report.html"),
        lambda: read_recipe(bundle / "recipe.yaml"),
    ):
        try:
            act()
        except PenjingError as error:
            if SIGN in str(error) or one_line(error):
                return f"told too much: {error}"
    told = folder / "report.html"
    return "the report tells a decoy" if told.exists() and SIGN in told.read_text() else None


def _report(passport: Path, target: Path) -> None:
    document = _document(passport)
    if document is not None:
        target.write_text(render_report(document, {}), "utf-8")


def _spoil(random: Random, bundle: Path, decoys: Path) -> None:
    path = bundle / random.choice(("bundle.json", "bundle.json", "passport.json", "recipe.yaml"))
    what = random.randrange(5)
    if what == 0:
        mutate.irregular(random, path, decoys)
    elif what == 1:
        path.write_bytes(mutate.spoiled_bytes(random, path.read_bytes()))
    elif what == 2:
        _lead_out(random, bundle, decoys)
    elif path.suffix == ".json":
        text = mutate.json_text(random, json.loads(path.read_text("utf-8")))
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
    else:
        path.write_bytes(mutate.json_text(random, _RECIPE).encode("utf-8", "surrogatepass"))


def _lead_out(random: Random, bundle: Path, decoys: Path) -> None:
    """A file of the manifest that lies elsewhere, by its name or by a link."""
    path = bundle / "bundle.json"
    document = json.loads(path.read_text("utf-8"))
    entry = document["files"].pop("model.gguf")
    outside = decoys / "shadow"
    name = random.choice((
        f"../../../decoys/{outside.name}", str(outside), "model.gguf/../../x", "a\\b", ".", "",
        "model.gguf\x00", "MODEL.GGUF", "con", "\u202emodel.gguf", "a/" * 500,
    ))  # fmt: skip
    if random.random() < 0.4:
        (bundle / "model.gguf").unlink()
        (bundle / "model.gguf").symlink_to(outside)
        name = "model.gguf"
    document["files"][name] = entry
    path.write_text(json.dumps(document), "utf-8")


WAY = Way(
    "bundles",
    "bundles with anything in manifest, passport and recipe: refused, nothing outside read",
    _prepare,
    _case,
)
