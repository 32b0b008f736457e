"""The passport and its details as frozen values, read once from JSON-safe mappings.

Optional parts may be missing or null. A part of the wrong kind is a FormatError: the page never
shows a number it had to guess. Knows nothing of HTML or terminals.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from penjing.core.errors import FormatError
from penjing.core.plain_json import is_whole

SCHEMA = 1


@dataclass(frozen=True)
class Measure:
    """One measured number with its interval."""

    metric: str
    """Name in the passport, such as "kld_mean"."""
    value: float
    """May be infinite, never NaN."""
    low: float | None = None
    """Lower end of the interval; None where none was computed."""
    high: float | None = None
    """Upper end of the interval."""
    n: int | None = None
    """Positions (tokens) behind the number."""
    unit: str = ""
    """Such as "nats"."""


@dataclass(frozen=True)
class Candidate:
    """A file that was measured: this bundle or a control."""

    name: str
    """What a column is called."""
    description: str
    """How it was made, in one line."""
    bytes: float | None
    """File size."""
    measures: Mapping[str, Measure]
    """By metric name, in the passport's order."""


@dataclass(frozen=True)
class RuntimeRow:
    """Speed and memory of one file in the engine."""

    name: str
    """Which file."""
    bytes: float | None
    """Its size."""
    prefill: float | None
    """Prompt tokens read per second."""
    decode: float | None
    """Tokens written per second."""
    peak_rss: float | None
    """Highest resident memory, bytes."""
    load: float | None
    """Seconds from nothing to a model that is ready."""


@dataclass(frozen=True)
class Training:
    """How the rounded model was trained."""

    steps: float
    """How many were taken."""
    tokens: float | None
    """Read in all of them."""
    before: float | None
    """Mean KLD on text kept apart before the first, nats."""
    after: float | None
    """The same after the last."""
    domains: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """Both of each kind of text."""

    @property
    def helped(self) -> bool:
        """Whether it is in the file: it is left out where the KLD did not fall."""
        return self.before is not None and self.after is not None and self.after < self.before


@dataclass(frozen=True)
class Passport:
    """Everything `passport.json` says, ready to be shown."""

    model: str
    """The model's name."""
    created: str
    """ISO time, as written."""
    penjing: str
    """Version that wrote it."""
    budget: float | None
    """Bytes that were asked for."""
    baseline_name: str
    """The starting model."""
    baseline_bytes: float | None
    """Its size."""
    baseline_sha256: str
    """Its hash."""
    baseline_note: str
    """What a reader must know of the reference."""
    ours: Candidate
    """This bundle's model file."""
    file_sha256: str
    """Its hash."""
    parameters: float | None
    """Weights in it."""
    effective_bits: float | None
    """File bits per weight."""
    held_out: Mapping[str, Any]
    """name, sha256, tokens, windows, context; any may be absent."""
    controls: tuple[Candidate, ...]
    """Files made by a simpler method, measured alike."""
    engine: str
    """Runtime that was timed."""
    threads: float | None
    """Its threads."""
    runtime: tuple[RuntimeRow, ...]
    """Starting model first."""
    seed: str
    """The seed, as text."""
    hardware: Mapping[str, Any]
    """cpu, cores, ram_bytes; any may be absent."""
    seconds: float | None
    """How long the work took."""
    resumed: bool
    """Whether an earlier run had done a part of it."""
    peak_rss: float | None
    """Most memory the work held, bytes."""
    forecast_seconds: float | None
    """How long it was said to take; None where nobody could say."""
    forecast_peak: float | None
    """Memory it was said not to exceed, bytes."""
    training: Training | None
    """None where the method does not train."""
    advice: Mapping[str, Any]
    """What `report/advice.py` puts into words; any may be absent."""


@dataclass(frozen=True)
class Point:
    """One file in the plane of size and KLD."""

    label: str
    """What to write beside it."""
    bytes: float
    """Size, above zero."""
    kld: float
    """Mean KLD in nats, at least zero."""
    low: float | None
    """Lower end of the interval."""
    high: float | None
    """Upper end of the interval."""
    kind: str
    """"ours", "control", "baseline" or "predicted"."""


@dataclass(frozen=True)
class TensorRow:
    """One tensor and what was chosen for it."""

    name: str
    """Such as "blk.0.attn_q.weight"."""
    group: str
    """Its kind, such as "attn_q"."""
    layer: int | None
    """None for tensors that belong to the whole model."""
    codec: str
    """Chosen codec."""
    bytes: float
    """Bytes in the file."""
    parameters: float
    """Weights in it."""
    sensitivity: float | None
    """KLD in nats under the probe; None where it was not probed."""
    predicted: float | None
    """KLD in nats the plan expected from this choice."""
    starting_codec: str
    """Codec in the starting model."""


@dataclass(frozen=True)
class Answer:
    """One prompt answered by both models."""

    prompt: str
    """What was asked."""
    before: str
    """The starting model's answer."""
    after: str
    """This bundle's answer."""


@dataclass(frozen=True)
class Step:
    """A step of training, or a few in a row."""

    number: float
    """Which one, from 1; the middle of a few."""
    kl: float
    """KL on its text, nats, at least zero."""


@dataclass(frozen=True)
class Details:
    """What the report shows beyond the passport."""

    frontier: tuple[Point, ...]
    """Files by size and KLD."""
    tensors: tuple[TensorRow, ...]
    """In file order."""
    answers: tuple[Answer, ...]
    """Side by side."""
    calibration: Mapping[str, Any]
    """tokens, written_by_model, from_text, seed; any may be absent."""
    recipe: str
    """YAML text."""
    course: tuple[Step, ...]
    """How training went."""


def read_passport(data: Mapping[str, Any]) -> Passport:
    """Check and freeze a passport; FormatError when it is not one."""
    schema = data.get("schema", SCHEMA)
    if not is_whole(schema) or schema != SCHEMA:  # True is 1 to Python
        raise FormatError(
            f"passport schema {str(schema)[:40]} is not known here: update penjing to read it"
        )
    file, baseline = _part(data, "file"), _part(data, "baseline")
    runtime, budget = _part(data, "runtime"), _part(data, "budget")
    forecast = _part(data, "forecast")
    size = number(file, "bytes")
    if size is None or size <= 0:
        raise FormatError("the passport has no file size: make it again with penjing compress")
    return Passport(
        model=text(data, "model", "a model"),
        created=text(data, "created"),
        penjing=text(data, "penjing"),
        budget=number(budget, "bytes"),
        baseline_name=text(baseline, "name", "starting model"),
        baseline_bytes=number(baseline, "bytes"),
        baseline_sha256=text(baseline, "sha256"),
        baseline_note=text(baseline, "note"),
        ours=Candidate(text(file, "name", "model.gguf"), "", size, _measures(data)),
        file_sha256=text(file, "sha256"),
        parameters=number(file, "parameters"),
        effective_bits=number(file, "effective_bits"),
        held_out=_part(data, "held_out"),
        controls=tuple(_candidate(item) for item in _list(data, "controls")),
        engine=text(runtime, "engine"),
        threads=number(runtime, "threads"),
        runtime=tuple(_runtime(item) for item in _list(runtime, "rows")),
        seed=text(data, "seed"),
        hardware=_part(data, "hardware"),
        seconds=number(data, "seconds"),
        resumed=data.get("resumed") is True,
        peak_rss=number(data, "peak_rss_bytes") or None,
        forecast_seconds=number(forecast, "seconds") or None,
        forecast_peak=number(forecast, "peak_bytes") or None,
        training=_training(_part(_part(data, "method"), "training")),
        advice=_part(data, "advice"),
    )


def read_details(data: Mapping[str, Any]) -> Details:
    """Check and freeze the details; points and tensors without a size are left out."""
    return Details(
        frontier=tuple(p for item in _list(data, "frontier") for p in _point(item)),
        tensors=tuple(t for item in _list(data, "tensors") for t in _tensor(item)),
        answers=tuple(
            Answer(text(item, "prompt"), text(item, "before"), text(item, "after"))
            for item in _list(data, "answers")
        ),
        calibration=_part(data, "calibration"),
        recipe=text(data, "recipe"),
        course=tuple(step for item in _list(data, "training") for step in _step(item)),
    )


def number(data: Mapping[str, Any], key: str, *, infinite: bool = False) -> float | None:
    """A number that may be absent; NaN counts as absent, and so does infinity unless allowed."""
    value = data.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise FormatError(f"'{key}' in the passport must be a number, not {type(value).__name__}")
    usable = math.isfinite(value) or (infinite and not math.isnan(value))
    return float(value) if usable else None


def text(data: Mapping[str, Any], key: str, default: str = "") -> str:
    """A text that may be absent; a number is written out."""
    value = data.get(key)
    if value is None:
        return default
    if not isinstance(value, str | int | float):
        raise FormatError(f"'{key}' in the passport must be a text, not {type(value).__name__}")
    return str(value) or default


def _part(data: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = data.get(key)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise FormatError(f"'{key}' in the passport must be an object: make it again")
    return value


def _list(data: Mapping[str, Any], key: str) -> Iterator[Mapping[str, Any]]:
    value = data.get(key) or ()
    if not isinstance(value, list | tuple) or not all(isinstance(v, Mapping) for v in value):
        raise FormatError(f"'{key}' in the passport must be a list of objects: make it again")
    yield from value


def _measures(data: Mapping[str, Any]) -> Mapping[str, Measure]:
    found = {}
    for item in _list(data, "measurements"):
        value, n = number(item, "value", infinite=True), number(item, "n")
        if value is not None:
            name = text(item, "metric", "unnamed")
            low, high = number(item, "low"), number(item, "high", infinite=True)
            count = None if n is None else int(n)
            found[name] = Measure(name, value, low, high, count, text(item, "unit"))
    return found


def _candidate(item: Mapping[str, Any]) -> Candidate:
    return Candidate(
        text(item, "name", "control"),
        text(item, "description"),
        number(item, "bytes"),
        _measures(item),
    )


def _runtime(item: Mapping[str, Any]) -> RuntimeRow:
    return RuntimeRow(
        text(item, "name", "a file"),
        number(item, "bytes"),
        number(item, "prefill_tps"),
        number(item, "decode_tps"),
        number(item, "peak_rss_bytes"),
        number(item, "load_seconds"),
    )


def _training(item: Mapping[str, Any]) -> Training | None:
    steps = number(item, "steps")
    if not steps:
        return None
    before, after = number(item, "before"), number(item, "after")
    kinds = _list(item, "domains")
    told = [(text(d, "name"), number(d, "before"), number(d, "after")) for d in kinds]
    domains = {n: (a, b) for n, a, b in told if a is not None and b is not None}
    return Training(steps, number(item, "tokens"), before, after, domains)


def _step(item: Mapping[str, Any]) -> Iterator[Step]:
    place, kl = number(item, "step"), number(item, "kl")
    if place is not None and kl is not None and place > 0 and kl >= 0:
        yield Step(place, kl)


def _point(item: Mapping[str, Any]) -> Iterator[Point]:
    size, kld = number(item, "bytes"), number(item, "kld")
    kind = text(item, "kind", "ours")
    if kld is None and kind == "baseline":
        kld = 0.0
    if size is None or kld is None or size <= 0 or kld < 0:
        return
    low, high = number(item, "low"), number(item, "high")
    yield Point(text(item, "label"), size, kld, low, high, kind)


def _tensor(item: Mapping[str, Any]) -> Iterator[TensorRow]:
    size, parameters, layer = (number(item, key) for key in ("bytes", "parameters", "layer"))
    if size is None or size < 0:
        return
    yield TensorRow(
        name=text(item, "name", "unnamed"),
        group=text(item, "group", "other"),
        layer=None if layer is None else int(layer),
        codec=text(item, "codec", "unknown"),
        bytes=size,
        parameters=parameters or 0.0,
        sensitivity=number(item, "sensitivity"),
        predicted=number(item, "predicted_kld"),
        starting_codec=text(item, "starting_codec"),
    )
