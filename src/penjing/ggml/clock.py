"""How fast this processor multiplies by a codec's weights: the engine's own inner product, clocked.

A codec that the engine has no vector code for on a processor takes many times what its siblings
take (Q2_0 on x86 as of b11549: seven times), in decoding and in reading alike.
"""

from __future__ import annotations

import ctypes
import functools
import statistics
import time
from collections.abc import Mapping
from types import MappingProxyType

from penjing.bundle.codecs import CODECS
from penjing.ggml.library import load

SLOW = 4.0
"""A codec that takes so many times what the middle one takes has no fast code here."""
_WEIGHTS, _ROUNDS = 1 << 16, 40


@functools.cache
def nanoseconds() -> Mapping[str, float]:
    """Of a weight in every codec that the engine multiplies by, on one core.

    The least of many rounds, codecs in turn: what else the machine does only adds, and adds to all
    of them. Takes some 20 ms, once.
    """
    taken = {name: [_clocked(name)] for name in CODECS if _multiplies(name)}
    for _ in range(_ROUNDS - 1):
        for name, each in taken.items():
            each.append(_clocked(name))
    return MappingProxyType({name: min(each) / _WEIGHTS for name, each in taken.items()})


def slow() -> frozenset[str]:
    """Codecs that the engine has no fast code for on this processor."""
    times = nanoseconds()
    middle = statistics.median(times.values())
    return frozenset(name for name, each in times.items() if each > SLOW * middle)


def _multiplies(name: str) -> bool:
    return bool(load().ggml_get_type_traits_cpu(CODECS[name].type_id).contents.vec_dot)


def _clocked(name: str) -> int:
    """Nanoseconds of one product with a row."""
    traits = load().ggml_get_type_traits_cpu(CODECS[name].type_id).contents
    weights, inputs, result = *_rows(), ctypes.c_float()
    begun = time.perf_counter_ns()
    traits.vec_dot(_WEIGHTS, ctypes.byref(result), 0, weights, 0, inputs, 0, 1)
    return time.perf_counter_ns() - begun


@functools.cache
def _rows() -> tuple[ctypes.Array[ctypes.c_char], ctypes.Array[ctypes.c_char]]:
    """Zeros, as many as the widest codec takes."""
    one, other = (ctypes.create_string_buffer(_WEIGHTS * 4) for _ in range(2))
    return one, other
