"""Products beside a model as a LoRA adapter in GGUF, which llama.cpp adds to what it computes.

    y = W x + scale * B (A x),        scale = alpha / rank

(Hu et al. 2021, arXiv:2106.09685, section 4.1.) In the file A is `NAME.lora_a` [rank, columns] and
B is `NAME.lora_b` [rows, rank], after the tensor they are added to. alpha = rank here: scale 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from penjing.bundle.codecs import Codec, codec
from penjing.bundle.gguf_values import Value, ValueKind
from penjing.bundle.gguf_writer import OutTensor, gguf_bytes, write_gguf
from penjing.core.errors import BadInput
from penjing.ggml.quantize import quantize
from penjing.workshop.checkpoint import Checkpoint
from penjing.workshop.factorize.svd import Product


def export_lora(
    checkpoint: Checkpoint, products: Mapping[str, Product], path: Path, kind: str = "F16"
) -> int:
    """Write products, by the name of the tensor they are added to; gives the file's bytes.

    One rank for all, since the file has one alpha. BadInput where one does not fit its tensor.
    """
    metadata, tensors = _parts(checkpoint, products, codec(kind))
    return write_gguf(path, metadata, tensors)


def lora_bytes(checkpoint: Checkpoint, products: Mapping[str, Product], kind: str = "F16") -> int:
    """The exact size of the file `export_lora` would write."""
    return gguf_bytes(*_parts(checkpoint, products, codec(kind)))


def _parts(
    checkpoint: Checkpoint, products: Mapping[str, Product], kind: Codec
) -> tuple[dict[str, Value], list[OutTensor]]:
    ranks = {product.a.shape[0] for product in products.values()}
    if len(ranks) != 1:
        raise BadInput(f"an adapter has products of one rank and {len(ranks)} were given")
    tensors = []
    for name, product in products.items():
        rows, columns = checkpoint.tensor(name).shape
        if (product.b.shape[0], product.a.shape[1]) != (rows, columns):
            raise BadInput(
                f"'{name}' is {rows} x {columns} and its product not: factorize it again"
            )
        parts = {"lora_a": product.a, "lora_b": product.b}
        tensors += [_tensor(f"{name}.{part}", found, kind) for part, found in parts.items()]
    return {
        "general.architecture": Value.text(checkpoint.architecture.name),
        "general.type": Value.text("adapter"),
        "adapter.type": Value.text("lora"),
        "adapter.lora.alpha": Value(ValueKind.FLOAT32, float(ranks.pop())),
    }, tensors


def _tensor(name: str, weights: torch.Tensor, kind: Codec) -> OutTensor:
    fitting = kind if kind.fits(weights.shape[-1]) else codec("F16")
    data = np.ascontiguousarray(weights.numpy(), dtype=np.float32)
    return OutTensor(name, tuple(data.shape), fitting, lambda: quantize(fitting, data))
