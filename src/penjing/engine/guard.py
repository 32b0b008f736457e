"""What the engine does not survive in a model file, looked for before the engine sees the file.

llama.cpp refuses most bad files with an error and some with abort(), which would end the whole
program. Every rule here stands for a file that was seen to do so (tests/engine/test_guard.py).
Looks at metadata and shapes only, in a few milliseconds; must not know what a model is for.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from penjing.bundle.gguf_parts import GGUFModel
from penjing.bundle.gguf_reader import GGUFFile
from penjing.bundle.gguf_values import U64, StringArray
from penjing.core.errors import FormatError

_MOST = 2**31 - 1
_INTEGERS = ("I8", "I16", "I32", "I64")
_NEVER_STORED = ("F64", "Q8_1", "Q8_K")
_LONGEST_TOKEN = 1024
_SCALINGS = ("none", "linear", "yarn", "longrope")
_EPSILONS = ("layer_norm_rms_epsilon", "layer_norm_epsilon", "group_norm_epsilon")
_DENSE = ("llama", "smollm3", "granite", "qwen2", "qwen3", "gemma3")
"""Families of floats only, whose keys, values and rotation are all one head wide."""

_LIMITS: Mapping[str, tuple[int, int]] = {
    "block_count": (1, 512),
    "context_length": (1, _MOST),
    "embedding_length": (1, _MOST),
    "expert_count": (0, 1024),
    "attention.sliding_window": (0, 2**30),
}
"""Smallest and largest, of keys after "<architecture>."."""


def require_survivable(file: GGUFFile | GGUFModel) -> None:
    """Raise FormatError for a file that would take the engine, and us, down with it."""
    family = file.get("general.architecture")
    if not isinstance(family, str):
        return  # the engine refuses such a file itself
    numbers = {
        key.removeprefix(f"{family}."): value.plain
        for key, value in file.metadata.items()
        if key.startswith(f"{family}.") and not isinstance(value.data, StringArray)
    }
    for complaint in (
        *_limits(numbers),
        *_reals(numbers),
        *_experts(numbers),
        *_heads(family, numbers),
        *_windows(family, numbers),
        *_layers(family, numbers),
        *_vocabulary(file),
        *_tensors(family, file),
    ):
        raise FormatError(
            f"{file.path}: {complaint}: the file is damaged or was converted wrongly, get another"
        )


def _limits(numbers: Mapping[str, Any]) -> Iterator[str]:
    for key, (least, most) in _LIMITS.items():
        if not least <= _whole(numbers, key, least) <= most:
            yield f"{key} is {numbers[key]}, not {least} to {most}"
    if _whole(numbers, "nextn_predict_layers", 0) > _whole(numbers, "block_count", 512):
        yield "nextn_predict_layers is more than block_count"


def _reals(numbers: Mapping[str, Any]) -> Iterator[str]:
    for key, value in numbers.items():
        if isinstance(value, float) and math.isnan(value):
            yield f"{key} is not a number"
        if isinstance(value, float) and key.endswith(_EPSILONS) and value < 0:
            yield f"{key} is {value}, below zero"
    scaling = numbers.get("rope.scaling.type", "none")
    if isinstance(scaling, str) and scaling not in _SCALINGS:
        yield f"rope.scaling.type is {scaling[:40]!a}, not one of {', '.join(_SCALINGS)}"


def _experts(numbers: Mapping[str, Any]) -> Iterator[str]:
    experts, groups = _whole(numbers, "expert_count", 0), _whole(numbers, "expert_group_count", 0)
    given = numbers.get("expert_used_count", 0)
    each = given if isinstance(given, tuple) else (given,)
    used = max((n for n in each if type(n) is int), default=0)
    if used > experts or bool(used) != bool(experts):
        yield f"{used} of {experts} experts are used"
    if groups > 1:
        chosen = _whole(numbers, "expert_group_used_count", 0)
        if groups >= experts or experts % groups or not 0 < chosen < groups:
            yield f"{experts} experts cannot be {groups} groups of which {chosen} are used"
    elif groups >= max(experts, 1):
        yield f"{experts} experts cannot be {groups} group"


def _heads(family: str, numbers: Mapping[str, Any]) -> Iterator[str]:
    hidden = _whole(numbers, "embedding_length", 0)
    heads = _whole(numbers, "attention.head_count", 0)
    head = _whole(numbers, "attention.key_length", hidden // heads if heads else 0)
    rotated = _whole(numbers, "rope.dimension_count", head)
    if rotated % 2 or rotated > head > 0:
        yield f"rope.dimension_count is {rotated} and a head is {head} wide"
    if family not in _DENSE or not heads:
        return
    if rotated != head:
        yield f"rope.dimension_count is {rotated} and a head is {head} wide"
    if family == "qwen2" and heads * head != hidden:
        yield f"{heads} heads of {head} are not {hidden} wide"


def _windows(family: str, numbers: Mapping[str, Any]) -> Iterator[str]:
    if family != "gemma3" or not _whole(numbers, "attention.sliding_window", 0):
        return
    pattern = numbers.get("attention.sliding_window_pattern", 6)
    if pattern == 1 or (isinstance(pattern, tuple) and not any(pattern)):
        yield "there is a sliding window and no layer that has it"


def _layers(family: str, numbers: Mapping[str, Any]) -> Iterator[str]:
    widths = numbers.get("feed_forward_length")
    if family == "deci" and isinstance(widths, tuple) and widths and widths[-1] == 0:
        yield "the last layer has no feed-forward part"


def _vocabulary(file: GGUFFile | GGUFModel) -> Iterator[str]:
    value = file.metadata.get("tokenizer.ggml.tokens")
    if value is None or not isinstance(value.data, StringArray) or not len(value.data):
        return
    tokens, sizes = value.data, value.data.lengths()
    if sizes.max() > _LONGEST_TOKEN:
        yield f"the vocabulary holds a token of {sizes.max()} bytes"
    if sizes.min() == 0 or sizes.max() > 255 or tokens.encoded.count(0) != 7 * len(tokens):
        # as the engine reads them: it ends a token at a NUL and gives the empty ones a name
        texts = (text.partition("\0")[0] for text in tokens)
        tokens = StringArray.of(text or f"[EMPTY_{at}]" for at, text in enumerate(texts))
    if (twice := tokens.repeated()) is not None:
        yield f"the vocabulary holds {twice[:40]!a} twice"
    if file.get("tokenizer.ggml.model") == "llama":
        for byte in range(256):
            spellings = (b"<0x%02X>" % byte, bytes([byte]))
            if not any(U64.pack(len(text)) + text in tokens.encoded for text in spellings):
                yield f"the vocabulary has no token for the byte {byte}"


def _tensors(family: str, file: GGUFFile | GGUFModel) -> Iterator[str]:
    for name, info in file.tensors.items():
        kind = info.codec.name
        if kind == "F32" or (kind in _INTEGERS and family not in _DENSE):
            continue
        if kind in (*_INTEGERS, *_NEVER_STORED):
            yield f"tensor {name!a} is {kind}, which no layer computes with"
        if len(info.shape) == 1 or name.endswith(("norm.weight", ".bias")):
            yield f"tensor {name!a} is {kind}, and norms and biases must be F32"


def _whole(numbers: Mapping[str, Any], key: str, default: int) -> int:
    """A number, or the default where the engine will say itself that it is none."""
    value = numbers.get(key, default)
    return value if type(value) is int else default
