"""The textbook by name: every method with the same three functions, and what its file would take.

    round_trip("symmetric", x, bits=4, granularity="group", group=32)

gives the tensor as it comes back, a bound on its error, and its effective bits, counted by packing
the codes and adding the parameters as they are stored: scales, ends and centres in float32.

What to expect: mean squared error, and effective bits, of 2^18 standard normal values in rows of
1024 with 4 bits a code (a test measures it again).

                    groups of 64       per channel        per tensor
    codebook       0.0030  12.00      0.0084  4.50      0.0095  4.00
    normal_float   0.0085   4.50      0.0110  4.03      0.0159  4.00
    linear         0.0081   5.00      0.0158  4.06      0.0300  4.00
    affine         0.0083   4.62      0.0158  4.04      0.0299  4.00
    symmetric      0.0116   4.50      0.0205  4.03      0.0369  4.00
    powers         0.0377   4.25      0.0377  4.02      0.0377  4.00

So codes alone do not tell: in groups of 64 the asymmetric methods beat NF4 by spending more on
parameters, and at 4.50 effective bits codebooks per channel, then NF4, then symmetric is the order.
With 8 bits a code, groups of 64 lose seven times as much in NormalFloat as in linear.

Must not know models: only tensors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import torch

from penjing.core.errors import BadInput, UnknownName
from penjing.workshop.quantize import (
    affine,
    codebook,
    floating,
    linear,
    normal_float,
    powers,
    symmetric,
)
from penjing.workshop.quantize.grouping import Grouping


@dataclass(frozen=True)
class Method:
    """One way of rounding: the functions of its file, and what the file leaves open."""

    quantize: Callable[..., Any]
    """x, bits, grouping and the options -> codes with their parameters."""
    dequantize: Callable[[Any], torch.Tensor]
    """Codes with their parameters -> float32 in x's shape."""
    error_bound: Callable[[Any], torch.Tensor]
    """Codes with their parameters -> at most how far x was, float64 in x's shape."""
    stored: tuple[str, ...] = ()
    """Fields that a file must hold beside the codes."""
    bits: tuple[int, ...] = (2, 3, 4, 5, 6, 7, 8)
    """Widths of a code that are possible."""
    options: Mapping[str, str] = field(default_factory=dict)
    """Further arguments of `quantize`."""
    grouped: bool = True
    """Whether values share parameters: whether `quantize` takes bits and a grouping."""


@dataclass(frozen=True)
class RoundTrip:
    """A tensor that was quantized and came back."""

    values: torch.Tensor
    """What came back: float32, in the shape of what went in."""
    error_bound: torch.Tensor
    """At most how far each value moved: float64, the same shape."""
    effective_bits: float
    """Bits of packed codes and stored parameters, for each value."""


def _method(module: Any, *stored: str, **further: Any) -> Method:
    return Method(module.quantize, module.dequantize, module.error_bound, stored, **further)


METHODS: Mapping[str, Method] = MappingProxyType(
    {
        "linear": _method(linear, "low", "high"),
        "affine": _method(affine, "scale", "zero", options={"zero": "integer"}),
        "affine_real": _method(affine, "scale", "zero", options={"zero": "real"}),
        "symmetric": _method(symmetric, "scale"),
        "codebook": _method(codebook, "centres"),
        "normal_float": _method(normal_float, "scale"),
        "powers": _method(powers, "exponent", options={"rounding": "nearest"}),
        "powers_log": _method(powers, "exponent", options={"rounding": "logarithm"}),
        "float16": _method(floating, bits=(16,), options={"kind": "float16"}, grouped=False),
        "bfloat16": _method(floating, bits=(16,), options={"kind": "bfloat16"}, grouped=False),
    }
)
"""Every method by name. `normal_float` with 4 bits is NF4."""


def round_trip(
    name: str,
    x: torch.Tensor,
    bits: int,
    granularity: str = "tensor",
    group: int | None = None,
) -> RoundTrip:
    """Quantize `x` and bring it back.

    UnknownName for no such method or granularity; BadInput for bits or groups that the method does
    not have, and for what is not finite.
    """
    method = METHODS.get(name)
    if method is None:
        raise UnknownName("method", name, METHODS)
    if bits not in method.bits:
        known = ", ".join(map(str, method.bits))
        raise BadInput(f"{name} has no codes of {bits} bits: choose one of {known}")
    grouping = Grouping(granularity, group)
    if method.grouped:
        quantized = method.quantize(x, bits, grouping, **method.options)
    elif granularity == "tensor":
        quantized = method.quantize(x, **method.options)
    else:
        raise BadInput(f"{name} shares no parameters: leave granularity at 'tensor'")
    count = stored_bytes(method, quantized)
    return RoundTrip(
        method.dequantize(quantized), method.error_bound(quantized), 8 * count / x.numel()
    )


def stored_bytes(method: Method, quantized: Any) -> int:
    """Bytes of the packed codes and of every parameter that a file must hold."""
    codes = quantized.codes if not method.grouped else pack(quantized.codes, quantized.bits)
    parameters = [getattr(quantized, name) for name in method.stored]
    return sum(each.numel() * each.element_size() for each in (codes, *parameters))


def pack(codes: torch.Tensor, bits: int) -> torch.Tensor:
    """Integer codes of any shape -> bytes (uint8): the low `bits` of each, least significant first.

    Negative codes are two's complement. The last byte is filled up with zeros.
    """
    places = torch.arange(bits, device=codes.device)
    stream = (codes.reshape(-1, 1).to(torch.int16) >> places & 1).to(torch.uint8).reshape(-1)
    stream = torch.nn.functional.pad(stream, (0, -len(stream) % 8)).reshape(-1, 8)
    return (stream << torch.arange(8, device=codes.device)).sum(dim=1).to(torch.uint8)


def unpack(packed: torch.Tensor, bits: int, like: torch.Tensor) -> torch.Tensor:
    """The codes that `pack` packed, in the shape and dtype of `like`: int8 is signed."""
    stream = packed.reshape(-1, 1).to(torch.int16) >> torch.arange(8, device=packed.device) & 1
    stream = stream.reshape(-1)[: like.numel() * bits].reshape(-1, bits)
    codes = (stream << torch.arange(bits, device=packed.device)).sum(dim=1)
    if like.dtype == torch.int8:
        codes = torch.where(codes >= 2 ** (bits - 1), codes - 2**bits, codes)
    return codes.to(like.dtype).reshape(like.shape)
