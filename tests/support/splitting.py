"""A GGUF in several parts, as gguf-py writes them."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np


def split(source: Path, out: Path, tensors: int) -> list[Path]:
    """As gguf-py splits: the first file has the metadata."""
    reader = gguf.GGUFReader(source)
    writer = gguf.GGUFWriter(
        out, reader.fields["general.architecture"].contents(), split_max_tensors=tensors
    )
    for key, field in reader.fields.items():
        if key.startswith("GGUF.") or key == "general.architecture":
            continue
        array = field.types[0] == gguf.GGUFValueType.ARRAY
        writer.add_key_value(
            key, field.contents(), field.types[0], sub_type=field.types[-1] if array else None
        )
    for tensor in reader.tensors:
        writer.add_tensor(tensor.name, np.array(tensor.data), raw_dtype=tensor.tensor_type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return sorted(out.parent.glob(f"{out.stem}-0*.gguf"))
