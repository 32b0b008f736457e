"""Folders that people point at: a hub's cache, an adapter, another framework's model.

Decides by names and by small files; loads nothing.
"""

from __future__ import annotations

from pathlib import Path

from penjing.core.errors import BadInput, FormatError, PenjingError
from penjing.core.plain_json import read_json
from penjing.core.strangers import is_there, read_plain

_SMALL = 2**20
_CACHED = "models--"
_FOREIGN = (
    ("model_index.json", "is a diffusers pipeline, which makes pictures: give a language model"),
    ("tf_model.h5", "holds TensorFlow weights: {save}"),
    ("saved_model.pb", "holds a TensorFlow model: {save}"),
    ("flax_model.msgpack", "holds Flax weights: {save}"),
    ("weights.npz", "holds MLX weights: get the model it was made from, as safetensors"),
    ("*.nemo", "holds a NeMo model: {save}"),
    ("*.onnx", "holds ONNX: get the model it was made from, as safetensors or GGUF"),
    ("onnx/*.onnx", "holds ONNX: get the model it was made from, as safetensors or GGUF"),
    ("*.tflite", "holds LiteRT: get the model it was made from, as safetensors or GGUF"),
    ("consolidated.*.pth", "holds weights as Meta packs them: {save}"),
)
"""What is in a folder without safetensors, and what to do about it."""
_SAVE = "save it with transformers (save_pretrained) as safetensors, or get a GGUF of it"


def snapshot_of(path: Path) -> Path:
    """The model's folder inside a hub's cache; any other folder as it is.

    BadInput names the snapshots where it is not clear which is meant.
    """
    root = path.parent if path.name == "snapshots" else path
    snapshots = root / "snapshots"
    if not snapshots.is_dir() or is_there(root / "config.json"):
        return path
    found = sorted(each for each in snapshots.iterdir() if each.is_dir())
    main = root / "refs" / "main"
    if is_there(main):
        named = read_plain(main, limit=1024).decode("utf-8", "replace").strip()
        if any(each.name == named for each in found):
            return snapshots / named
    if len(found) == 1:
        return found[0]
    if not found:
        raise BadInput(f"{root} is a hub's cache and holds no snapshot: download the model again")
    names = ", ".join(each.name for each in found[:4])
    raise BadInput(f"{root} holds {len(found)} snapshots ({names}): give the folder of one")


def folder_name(path: Path) -> str:
    """What to call a folder's model; a snapshot in a hub's cache has its repository's name."""
    real = path.resolve()
    if real.parent.name == "snapshots" and real.parent.parent.name.startswith(_CACHED):
        return real.parent.parent.name.split("--")[-1]
    return real.name


def foreign(path: Path) -> str | None:
    """What a folder is instead of a model, and what to do; None for what may be one."""
    weights = [each.name for each in path.glob("*.safetensors")]
    if is_there(path / "adapter_config.json") and not [
        name for name in weights if not name.startswith("adapter")
    ]:
        return (
            f"is an adapter{_base(path)}: merge it into its model first (peft: "
            "merge_and_unload, then save_pretrained) and give the merged folder"
        )
    if weights:
        return None
    for pattern, what in _FOREIGN:
        if any(path.glob(pattern)):
            return what.format(save=_SAVE)
    return None


def _base(path: Path) -> str:
    """The model that an adapter belongs to, if it says so."""
    try:
        found = read_json(path / "adapter_config.json", limit=_SMALL, inside=path)
    except (PenjingError, FormatError):
        return ""
    base = found.get("base_model_name_or_path") if isinstance(found, dict) else None
    return f" of {base[:120]}" if isinstance(base, str) and base else ""
