"""config.json -> the GGUF metadata of the same numbers, or a clear refusal.

A key the engine cannot honour is never dropped in silence: it must have the value under which
dropping it changes nothing. Old and new spellings of the rotary settings are both read.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from penjing.bundle.gguf_values import Value, ValueKind
from penjing.core.errors import FormatError
from penjing.workshop.architectures import ARCHITECTURES, Architecture, NoForwardPass
from penjing.workshop.config_keys import CONFIG_KEYS, ConfigKey

_BOUNDED = ("llama", "phi3")
"""Families all of whose layers slide where config.json says so (Mistral 7B 0.1, Phi-3), and in the
engine do not."""


@dataclass(frozen=True)
class Rotary:
    """How positions turn into angles, whichever way config.json spells it."""

    theta: float
    """Base of the frequencies."""
    theta_local: float | None
    """The same in sliding layers; None where the file has no such layers."""
    kind: str
    """"default", "linear", "llama3" or "longrope"."""
    factor: float
    """Linear: positions are divided by it."""
    share: float
    """How much of each head rotates."""
    settings: Mapping[str, Any]
    """The scaling's other numbers."""


@dataclass(frozen=True)
class FolderConfig:
    """What config.json says."""

    family: Architecture
    """Which family it is."""
    values: Mapping[str, Any]
    """The text model's keys, transformers' defaults filled in."""
    rotary: Rotary
    """Positions."""

    @property
    def tied(self) -> bool:
        """Whether head and embedding are one."""
        return bool(self.values.get("tie_word_embeddings", self.family.tied))

    def count(self, key: str) -> int:
        """A positive whole number; FormatError if it is none."""
        number = self.values.get(key)
        if isinstance(number, bool) or not isinstance(number, int) or not 0 < number < 2**31:
            raise FormatError(f"config.json: {key} is {str(number)[:40]!a}, not a count")
        return number

    def real(self, key: str) -> float:
        """A positive finite number; FormatError if it is none."""
        return _real(key, self.values.get(key))


def architecture_of_hf(classes: tuple[str, ...]) -> Architecture:
    """The family of a config.json's "architectures"; NoForwardPass when it is another."""
    for each in ARCHITECTURES.values():
        if any(name in each.hf_classes for name in classes):
            return each
    found = ", ".join(classes)[:120] or "nothing"
    raise NoForwardPass(
        f"config.json names {found}, and folders are read of {', '.join(ARCHITECTURES)}"
    )


def read_folder_config(config: Mapping[str, Any]) -> FolderConfig:
    """Read a parsed config.json; FormatError names the key that cannot be honoured."""
    classes = config.get("architectures") or ()
    if not isinstance(classes, list | tuple) or not all(isinstance(c, str) for c in classes):
        raise FormatError(f"config.json: architectures is {str(classes)[:40]!a}, not a list")
    family = architecture_of_hf(tuple(classes))
    values = {**family.config_defaults, **family.softcaps, **_without_null(config)}
    if off := [cap for cap in family.softcaps if config.get(cap, 1) in (None, 0)]:
        raise FormatError(
            f"config.json: {off[0]} is off, and the engine's {family.name} always has it: "
            "use another model"
        )
    text = config.get("text_config")
    if isinstance(text, dict):
        values |= _without_null(text)
    values.setdefault("num_key_value_heads", values.get("num_attention_heads"))
    _check_allowed(family, values)
    found = FolderConfig(family, values, _rotary(family, values))
    if "head_dim" not in values:
        values["head_dim"] = found.count("hidden_size") // found.count("num_attention_heads")
    _check_scale(found)
    _check_unrotated(found)
    _bound(found, values)
    return found


def metadata_of(config: FolderConfig, name: str) -> dict[str, Value]:
    """The GGUF keys of a model's numbers (not of its tokenizer)."""
    family = config.family.name
    out = {
        "general.architecture": Value.text(family),
        "general.type": Value.text("model"),
        "general.name": Value.text(name),
    }
    for key in (*CONFIG_KEYS, *config.family.numbers):
        for suffix in key.gguf:
            out[f"{family}.{suffix}"] = _value(config, key)
    out[f"{family}.rope.freq_base"] = Value(ValueKind.FLOAT32, config.rotary.theta)
    if config.rotary.kind == "linear":
        out[f"{family}.rope.scaling.type"] = Value.text("linear")
        out[f"{family}.rope.scaling.factor"] = Value(ValueKind.FLOAT32, config.rotary.factor)
    out |= _stretched(config) | _partial(config)
    for cap in {"final_logit_softcapping": None, **config.family.softcaps}:
        if softcap := config.values.get(cap):
            out[f"{family}.{cap}"] = Value(ValueKind.FLOAT32, _real(cap, softcap))
    return out | _window_keys(config)


def rope_frequencies(config: FolderConfig) -> npt.NDArray[np.float32] | None:
    """Llama 3's per-frequency divisors [head / 2], or None where it has none.

    Short wavelengths stay, long ones are divided by `factor`, and those between are blended.
    """
    if config.rotary.kind != "llama3":
        return None
    numbers = {"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0}
    numbers["original_max_position_embeddings"] = 8192.0
    numbers |= {k: _real(k, v) for k, v in config.rotary.settings.items() if k in numbers}
    factor, trained = numbers["factor"], numbers["original_max_position_embeddings"]
    low, high = numbers["low_freq_factor"], numbers["high_freq_factor"]
    if high <= low:
        raise FormatError("config.json: high_freq_factor is not above low_freq_factor")
    head = config.count("head_dim")
    steps = np.arange(0, head, 2, dtype=np.float64) / head
    wavelength = 2 * math.pi * config.rotary.theta**steps
    blend = np.clip((trained / wavelength - low) / (high - low), 0.0, 1.0)
    return (1 / ((1 - blend) / factor + blend)).astype(np.float32)


def long_factors(config: FolderConfig) -> dict[str, npt.NDArray[np.float32]]:
    """LongRoPE's divisors [rotating / 2] by GGUF name, within the trained length and beyond it."""
    if config.rotary.kind != "longrope":
        return {}
    out = {}
    for key in ("long_factor", "short_factor"):
        given = config.rotary.settings.get(key)
        if not isinstance(given, list) or len(given) != _rotating(config) // 2:
            raise FormatError(
                f"config.json: {key} is not one number for each pair that rotates, "
                f"{_rotating(config) // 2} of them: get it again"
            )
        name = f"rope_factors_{key.removesuffix('_factor')}.weight"
        out[name] = np.array([_real(key, each) for each in given], np.float32)
    return out


def _stretched(config: FolderConfig) -> dict[str, Value]:
    """What goes with `long_factors`: the length before it was stretched, and a gain for that.

    LongRoPE (arXiv 2402.13753): sqrt(1 + ln(stretch) / ln(length)), as transformers has it.
    """
    if config.rotary.kind != "longrope":
        return {}
    context, settings = config.count("max_position_embeddings"), config.rotary.settings
    key = "original_max_position_embeddings"
    before = settings.get(key, config.values.get(key, context))
    if isinstance(before, bool) or not isinstance(before, int) or before < 2:
        raise FormatError(f"config.json: {key} is {str(before)[:40]!a}, not a count")
    gain = settings.get("attention_factor")
    if gain is None:
        longer = max(1.0, context / before)
        gain = math.sqrt(1 + math.log(longer) / math.log(before))
    prefix = f"{config.family.name}.rope.scaling."
    return {
        f"{prefix}original_context_length": Value(ValueKind.UINT32, before),
        f"{prefix}attn_factor": Value(ValueKind.FLOAT32, _real("attention_factor", gain)),
    }


def _rotating(config: FolderConfig) -> int:
    return int(config.count("head_dim") * config.rotary.share)


def _partial(config: FolderConfig) -> dict[str, Value]:
    if config.rotary.share == 1.0:
        return {}
    rotating = Value(ValueKind.UINT32, _rotating(config))
    return {f"{config.family.name}.rope.dimension_count": rotating}


def _value(config: FolderConfig, key: ConfigKey) -> Value:
    if key.real:
        return Value(ValueKind.FLOAT32, config.real(key.hf))
    return Value(ValueKind.UINT32, config.count(key.hf))


def _without_null(config: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in config.items() if value is not None}


def _check_allowed(family: Architecture, values: Mapping[str, Any]) -> None:
    for key, allowed in family.must_be.items():
        if values.get(key) not in allowed:
            raise FormatError(
                f"config.json: {key} is {str(values[key])[:60]} and the engine's {family.name} "
                "has no such thing: use another model"
            )
    activation = values.get("hidden_activation", values.get("hidden_act", family.hf_activations[0]))
    if activation not in family.hf_activations:
        raise FormatError(
            f"config.json: the activation is {str(activation)[:40]!a} and the engine's "
            f"{family.name} computes {family.hf_activations[0]}: use another model"
        )


def _check_scale(config: FolderConfig) -> None:
    """Gemma states its attention scale; the engine derives it. They must agree."""
    stated = config.values.get("query_pre_attn_scalar")
    if stated is None:
        return
    odd = config.count("num_hidden_layers") == config.family.odd_scale_layers
    derived = config.count("head_dim")
    if odd:
        derived = config.count("hidden_size") // config.count("num_attention_heads")
    if stated != derived:
        raise FormatError(
            f"config.json: query_pre_attn_scalar is {str(stated)[:20]} and the engine uses "
            f"{derived} for this model: use another model"
        )


def _bound(config: FolderConfig, values: dict[str, Any]) -> None:
    """A window that the engine's family has not: no text is read that is longer than it.

    Within it every layer sees everything, so that nothing is computed otherwise.
    """
    if config.family.name in _BOUNDED and values.get("sliding_window") is not None:
        key = "max_position_embeddings"
        values[key] = min(config.count(key), config.count("sliding_window"))


def _check_unrotated(config: FolderConfig) -> None:
    """Some layers of SmolLM3 do not rotate; the engine knows which by their number alone."""
    every = config.family.unrotated_every
    if not every:
        return
    layers = range(1, config.count("num_hidden_layers") + 1)
    interval = config.values.get("no_rope_layer_interval", every)
    stated = config.values.get("no_rope_layers")
    usual = [int(layer % every != 0) for layer in layers]
    if (stated is None and interval != every) or stated not in (None, usual):
        raise FormatError(
            f"config.json: other layers than every {every}th do without positions, which the "
            f"engine's {config.family.name} has not: use another model"
        )


def _rotary(family: Architecture, values: Mapping[str, Any]) -> Rotary:
    settings = values.get("rope_parameters") or values.get("rope_scaling") or {}
    if not isinstance(settings, dict):
        raise FormatError("config.json: the rope settings are no object")
    everywhere = settings.get("full_attention", settings)
    nearby = settings.get("sliding_attention", {})
    if not isinstance(everywhere, dict) or not isinstance(nearby, dict):
        raise FormatError("config.json: the rope settings are no object")
    _check_rope_type(family, everywhere)
    if nearby.get("rope_type", "default") != "default":
        raise FormatError("config.json: sliding layers scale positions: use another model")
    kind = str(everywhere.get("rope_type", everywhere.get("type", "default"))).lower()
    theta = everywhere.get("rope_theta", values.get("rope_theta", 10_000.0))
    local = nearby.get("rope_theta", values.get("rope_local_base_freq"))
    return Rotary(
        theta=_real("rope_theta", theta),
        theta_local=None if local is None else _real("rope_local_base_freq", local),
        kind=kind,
        factor=_real("rope factor", everywhere.get("factor", 1.0)),
        share=_share(family, values, everywhere),
        settings=everywhere,
    )


def _check_rope_type(family: Architecture, settings: Mapping[str, Any]) -> None:
    kind = str(settings.get("rope_type", settings.get("type", "default"))).lower()
    if kind not in family.rope_types:
        raise FormatError(
            f"config.json: rope type {kind[:40]!a} cannot be carried over for {family.name} "
            f"(only {', '.join(family.rope_types)}): remove the scaling or use another model"
        )


def _share(family: Architecture, values: Mapping[str, Any], settings: Mapping[str, Any]) -> float:
    """How much of each head rotates; FormatError where the engine's family rotates all of it."""
    share = settings.get("partial_rotary_factor", values.get("partial_rotary_factor", 1.0))
    if share != 1.0 and not family.partial_rotary:
        raise FormatError("config.json: only a part of each head rotates: use another model")
    return min(1.0, _real("partial_rotary_factor", share))


def _window_keys(config: FolderConfig) -> dict[str, Value]:
    family = config.family
    if not family.window_every:
        return {}
    layers = config.count("num_hidden_layers")
    sliding = _sliding_layers(config, layers)
    if not any(sliding):
        return {}
    prefix = f"{family.name}."
    local = config.rotary.theta_local or 10_000.0
    out = {
        f"{prefix}attention.sliding_window": Value(
            ValueKind.UINT32, config.count("sliding_window")
        ),
    }
    if family.local_rope:
        out[f"{prefix}rope.freq_base_swa"] = Value(ValueKind.FLOAT32, local)
    usual = [i % family.window_every != family.window_every - 1 for i in range(layers)]
    if sliding != usual:
        pattern = Value.array(ValueKind.BOOL, sliding)
        out[f"{prefix}attention.sliding_window_pattern"] = pattern
    return out


def _sliding_layers(config: FolderConfig, layers: int) -> list[bool]:
    types = config.values.get("layer_types")
    if types is None:
        pattern = config.values.get("_sliding_window_pattern", config.family.window_every)
        pattern = config.values.get("sliding_window_pattern", pattern)
        if isinstance(pattern, bool) or not isinstance(pattern, int) or pattern < 1:
            raise FormatError(f"config.json: sliding_window_pattern is {str(pattern)[:40]!a}")
        return [i % pattern != pattern - 1 for i in range(layers)]
    known = {"sliding_attention": True, "full_attention": False}
    if not isinstance(types, list) or [t for t in types if t not in list(known)]:
        raise FormatError(f"config.json: layer_types {str(types)[:60]} are not of {list(known)}")
    if len(types) != layers:
        raise FormatError(f"config.json: {len(types)} layer_types for {layers} layers")
    return [known[each] for each in types]


def _real(key: str, found: Any) -> float:
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise FormatError(f"config.json: {key} is {str(found)[:40]!a}, not a number")
    if not math.isfinite(found) or found <= 0:
        raise FormatError(f"config.json: {key} is {str(found)[:40]!a}, not a number above zero")
    return float(found)
