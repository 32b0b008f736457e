"""The passport and what the report shows beyond it, as plain JSON data. Computes nothing."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean
from typing import Any

from penjing import __version__
from penjing.bundle.codecs import CODECS
from penjing.bundle.folder import now
from penjing.core.files import sha256_file
from penjing.devices.machine import look
from penjing.evaluation.reference import Reference
from penjing.workshop.calibrate import Calibration
from penjing.workshop.checkpoint import Checkpoint
from penjing.workshop.compress.build import Training
from penjing.workshop.compress.measure import Found, Outcome
from penjing.workshop.compress.prepare import Forecast, signature
from penjing.workshop.compress.settings import Search, Settings, Share

MOST_STEPS = 200
"""Points of a training's course at most."""
ENGINE = "llama.cpp b11549 (xllamacpp 2026.10.11549)"


@dataclass(frozen=True)
class Took:
    """What the work cost."""

    seconds: float
    """Time of this run."""
    resumed: bool
    """Whether an earlier, interrupted run did a part: `seconds` is then not the whole."""
    peak_bytes: int
    """Most memory this process had."""
    forecast: Forecast | None = None
    """What was said before it began."""


def passport(
    settings: Settings,
    checkpoint: Checkpoint,
    found: Found,
    took: Took,
    training: Training | None = None,
) -> dict[str, Any]:
    """Everything that was measured; see the report room for the schema."""
    ours, start = found.outcomes[0], found.start
    size = found.ours.path.stat().st_size
    files = [start, found.ours]
    return {
        "schema": 1,
        "model": settings.model_name,
        "created": now(),
        "penjing": __version__,
        "budget": {"bytes": settings.budget},
        "baseline": {
            "name": start.name,
            "bytes": start.path.stat().st_size,
            "sha256": sha256_file(start.path),
            "note": settings.note,
        },
        "file": {
            "name": ours.candidate.path.name,
            "bytes": size,
            "sha256": sha256_file(ours.candidate.path),
            "parameters": checkpoint.parameters,
            "effective_bits": 8 * size / checkpoint.parameters,
        },
        "held_out": held_out(settings, found.reference),
        "method": {
            "name": settings.method,
            "path": settings.path,
            "description": ours.candidate.description,
            "training": trained(training),
        },
        "measurements": ours.document()["measurements"],
        "controls": [outcome.document() for outcome in found.outcomes[1:]],
        "runtime": {
            "engine": ENGINE,
            "threads": settings.threads,
            "rows": [
                {
                    "name": name,
                    "bytes": file.path.stat().st_size,
                    "prefill_tps": speed.prefill_tps,
                    "decode_tps": speed.decode_tps,
                    "load_seconds": speed.load_seconds,
                    "peak_rss_bytes": speed.peak_rss_bytes,
                }
                for name, file, speed in zip(
                    ("starting model", "this bundle"), files, found.speeds, strict=True
                )
            ],
        },
        "seed": settings.seed,
        "hardware": hardware(),
        "seconds": took.seconds,
        "resumed": took.resumed,
        "forecast": _forecast(took.forecast),
        "peak_rss_bytes": took.peak_bytes,
    }


def trained(training: Training | None) -> dict[str, Any] | None:
    """What training did, without its course; a number that is none is left out."""
    if training is None:
        return None
    return {
        "steps": training.steps,
        "tokens": training.tokens,
        "before": _number(training.before),
        "after": _number(training.after),
        "domains": [
            {"name": name, "before": _number(before), "after": _number(after)}
            for name, (before, after) in training.domains.items()
        ],
    }


def course(training: Training | None) -> list[dict[str, Any]]:
    """The KL of training step by step; of many steps, means of a few in a row."""
    kl = training.kl if training else ()
    count = min(len(kl), MOST_STEPS)
    ends = [i * len(kl) // count for i in range(count + 1)] if count else [0]
    found = ((first, last, fmean(kl[first:last])) for first, last in pairwise(ends))
    return [
        {"step": (first + 1 + last) / 2, "kl": mean}
        for first, last, mean in found
        if math.isfinite(mean)
    ]


def held_out(settings: Settings, reference: Reference) -> dict[str, Any]:
    """The text it was measured on, and how much of it."""
    windows = reference.windows
    return {
        "name": settings.held_out_name,
        "sha256": signature(settings, "")["held-out text"],
        "tokens": len(windows) * windows.scored,
        "windows": len(windows),
        "context": windows.context,
    }


def hardware() -> dict[str, Any]:
    """The machine it was measured on."""
    machine = look()
    return {"cpu": machine.model, "cores": machine.cores, "ram_bytes": machine.ram_bytes}


def _forecast(said: Forecast | None) -> dict[str, Any] | None:
    return {"seconds": said.seconds, "peak_bytes": said.peak_bytes} if said else None


def details(
    checkpoint: Checkpoint,
    found: Found,
    search: Search,
    calibration: Calibration,
    recipe: str,
    *,
    training: Training | None = None,
) -> dict[str, Any]:
    """What the report's figures are drawn from."""
    start = found.start
    return {
        "frontier": [
            {
                "label": start.name,
                "bytes": start.path.stat().st_size,
                "kld": 0.0,
                "kind": "baseline",
            },
            *(
                _point(outcome, "control" if i else "ours")
                for i, outcome in enumerate(found.outcomes)
            ),
            *(
                {"label": "", "bytes": size, "kld": kld, "kind": "predicted"}
                for size, kld in search.predicted
            ),
        ],
        "tensors": [
            _tensor(checkpoint, name, search.plan.get(name), search.measured.get(name))
            for name in checkpoint.tensors
        ],
        "answers": list(found.answers),
        "training": course(training),
        "calibration": {
            "tokens": calibration.tokens,
            "written_by_model": calibration.written_by_model,
            "from_text": calibration.from_text,
            "domains": list(calibration.apart),
            "seed": calibration.seed,
        },
        "recipe": recipe,
    }


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _point(outcome: Outcome, kind: str) -> dict[str, Any]:
    kld = outcome.kept.report.find("kld_mean")
    label = "this bundle" if kind == "ours" else outcome.candidate.name
    return {
        "label": label,
        "bytes": outcome.candidate.path.stat().st_size,
        "kld": kld.value,
        "low": kld.low,
        "high": kld.high,
        "kind": kind,
    }


def _tensor(
    checkpoint: Checkpoint, name: str, codec: str | None, found: Share | None
) -> dict[str, Any]:
    source = checkpoint.tensors[name]
    chosen = codec or source.codec.name
    parts = name.removesuffix(".weight").split(".")
    return {
        "name": name,
        "group": parts[-1],
        "layer": int(parts[1]) if parts[0] == "blk" else None,
        "codec": chosen,
        "bytes": CODECS[chosen].nbytes(source.shape),
        "parameters": source.parameters,
        "sensitivity": found.kld if found else None,
        "predicted_kld": found.loss(chosen) if found else None,
        "starting_codec": source.codec.name,
    }
