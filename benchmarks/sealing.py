"""How long a sealed model takes to load beside the plain one, alternating, and what sealing costs.

    python benchmarks/sealing.py [--model NAME] [--rounds 15]

Each round loads the bundle (its hash verified, as `penjing chat` does), the bare file, and the
sealed file by a device's key, in an order that changes. Prints medians and their ratios.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path

from penjing.app import sealing
from penjing.app.opening import model_file
from penjing.app.sealing import Sealing
from penjing.bundle.catalogue import catalogue_of
from penjing.bundle.folder import Manifest, describe_files, now, write_manifest
from penjing.bundle.home import Home
from penjing.bundle.resolve import find_model
from penjing.core.progress import Silent
from penjing.engine.llamacpp import LlamaCpp


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default=None)
    parser.add_argument("--rounds", type=int, default=15)
    args = parser.parse_args()
    home = Home.from_environment()
    name = args.model or catalogue_of(home).default
    model = find_model(name, home, progress=Silent(), download=True)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["PENJING_HOME"] = str(Path(folder, "home"))
        measure(model, Path(folder), args.rounds)


def measure(model: Path, folder: Path, rounds: int) -> None:
    """Alternate the three ways."""
    bundle, sealed = folder / "bundle", folder / "it.sealed"
    bundle.mkdir()
    shutil.copy(model, bundle / "model.gguf")
    files = describe_files(bundle, ["model.gguf"])
    write_manifest(bundle, Manifest("m", "llama", 1, "", True, files, {}, None, now()))
    key = sealing.device_key(Home.from_environment(), in_file=True)["key"]
    began = time.perf_counter()
    made = sealing.seal(Sealing(str(bundle), sealed, (key,)), Silent())
    print(
        f"sealing: {time.perf_counter() - began:.2f} s, {made['bytes'] - made['plain_bytes']} bytes"
    )
    ways = {"bundle": bundle, "file": model, "sealed": sealed}
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    for number in range(rounds):
        order = list(ways) if number % 2 else list(reversed(ways))
        for way in order:
            seconds[way].append(load(ways[way]))
    medians = {way: statistics.median(each) for way, each in seconds.items()}
    for way, each in seconds.items():
        print(f"{way:8} {medians[way]:.3f} s ({min(each):.3f} to {max(each):.3f})")
    for other in ("bundle", "file"):
        print(f"sealed / {other}: {medians['sealed'] / medians[other]:.2f}")


def load(path: Path) -> float:
    """Seconds until the first answer could begin."""
    began = time.perf_counter()
    with model_file(str(path), "chat", Silent()) as found, LlamaCpp.open(found.path) as model:
        model.reserve()
        return time.perf_counter() - began


if __name__ == "__main__":
    main()
