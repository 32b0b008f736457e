"""Says what a file that is not a GGUF seems to be, and what to do with it instead.

Looks at the first bytes only; unpacks and runs nothing.
"""

from __future__ import annotations

from pathlib import Path

from penjing.core.strangers import open_plain

_AGAIN = "download it again"
_UNPACK = "unpack it first"
_GET = "get the model as GGUF"
_SEALED = "it is sealed: chat, serve, evaluate and open take it, and nothing else does"
SEALED = b"PJSEAL1\n"
"""How a file begins that `ownership/sealed_file.py` made."""
_MAGICS = (
    (SEALED, _SEALED),
    (b"PK\x03\x04", f"it looks like a zip archive (a wheel or a PyTorch file): {_GET}"),
    (b"PK\x05\x06", f"it looks like an empty zip archive: {_AGAIN}"),
    (b"version https://git-lfs", "it is a Git LFS pointer, not the model: run git lfs pull"),
    (b"lmgg", f"it is a model in the old ggml format: {_GET}"),
    (b"fmgg", f"it is a model in the old ggmf format: {_GET}"),
    (b"tjgg", f"it is a model in the old ggjt format: {_GET}"),
    (b"FUGG", "it is a big-endian GGUF: get or convert a little-endian one"),
    (b"\x89HDF", f"it looks like an HDF5 file: {_GET}"),
    (b"\x1f\x8b", f"it looks like a gzip file: {_UNPACK}"),
    (b"\x28\xb5\x2f\xfd", f"it looks like a Zstandard file: {_UNPACK}"),
    (b"\xfd7zXZ", f"it looks like an xz file: {_UNPACK}"),
    (b"7z\xbc\xaf", f"it looks like a 7z archive: {_UNPACK}"),
    (b"\x7fELF", f"it looks like a program or a library: {_GET}"),
)
_PICKLE = f"it looks like a Python pickle, which runs code when opened: {_GET}"
_SAFETENSORS = "it looks like a safetensors file: give the model's folder instead, with config.json"


def what_it_looks_like(head: bytes, file_bytes: int) -> str:
    """A clause for an error message, from the first bytes (512 are enough) and the file's size."""
    for magic, answer in _MAGICS:
        if head.startswith(magic):
            return answer
    # Protocol 2 to 5: the opcode PROTO, then the number.
    if len(head) > 1 and head[0] == 0x80 and 2 <= head[1] <= 5:
        return _PICKLE
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") <= file_bytes - 8:
        return _SAFETENSORS
    if not any(head):
        return f"it begins with nothing but zeros, so a download may be unfinished: {_AGAIN}"
    return _text(head) or f"its first bytes are {head[:4].hex(' ')}: {_AGAIN} or give another file"


def looks_sealed(path: Path) -> bool:
    """Whether a file begins as a sealed one; False for what cannot be read."""
    try:
        with open_plain(path) as file:
            return file.read(len(SEALED)) == SEALED
    except OSError:
        return False


def _text(head: bytes) -> str | None:
    try:
        # A multi-byte character may be cut at the end.
        text = head.decode("utf-8") if len(head) < 512 else head[:-3].decode("utf-8", "ignore")
    except UnicodeDecodeError:
        return None
    if not all(character.isprintable() or character in "\t\r\n\f" for character in text):
        return None
    if text.lstrip().lower().startswith(("<!doctype", "<html")):
        return f"it is a web page, perhaps an error page saved by a download: {_AGAIN}"
    return "it looks like a text file: give the model's .gguf file"
