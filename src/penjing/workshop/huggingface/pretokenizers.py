"""Recognises how a tokenizer.json cuts text, by its structure, as a name the engine knows.

The engine has these ways of cutting built in, so an unknown one cannot be carried over and is
refused. To add one, add an entry to `BYTE_LEVEL` (its twin is in llama.cpp's `llama-vocab.cpp`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from penjing.core.errors import FormatError

SPACE = "▁"
"""What SentencePiece vocabularies write for a space."""


@dataclass(frozen=True)
class Style:
    """How the engine shall cut text."""

    model: str
    """tokenizer.ggml.model: "gpt2" (bytes as letters, merges) or "llama" (pieces, scores)."""
    pre: str
    """tokenizer.ggml.pre."""
    space_prefix: bool = False
    """Whether a space is put before the text; only "llama"."""
    first_space: bool = False
    """Whether one is put before the text alone, and not behind special tokens; only "llama"."""
    composed: bool = False
    """Whether texts are brought into NFC first; only "gpt2"."""


@dataclass(frozen=True)
class Digits:
    """Cut out numbers."""

    individual: bool
    """Digit by digit."""


@dataclass(frozen=True)
class Split:
    """Cut by a pattern."""

    pattern: str
    """A regular expression, or the literal text."""
    literal: bool
    """Whether it is literal."""
    behavior: str
    """What happens to what matched."""
    invert: bool
    """Whether what did not match counts as matched."""


@dataclass(frozen=True)
class ByteLevel:
    """Write bytes as letters."""

    prefix: bool
    """Whether a space is put before the text."""
    regex: bool
    """Whether GPT-2's pattern cuts first."""


@dataclass(frozen=True)
class Metaspace:
    """Write spaces as U+2581."""

    scheme: str
    """When one is put before the text."""
    split: bool
    """Whether words are cut apart."""


@dataclass(frozen=True)
class Other:
    """A step nobody here knows."""

    type: str
    """Its name."""


Step = Digits | Split | ByteLevel | Metaspace | Other

_WORDS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"
_REST = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_CASES = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+",
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*",
)
"""Words that also end where small letters meet capitals."""
_SLASHES = r"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_ENDING = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
_TEKKEN = "|".join(_CASES) + r"|\p{N}" + _SLASHES
_GPT4O = "|".join(each + _ENDING for each in _CASES) + r"|\p{N}{1,3}" + _SLASHES
_PLAIN = ByteLevel(prefix=False, regex=False)
_GPT2 = ByteLevel(prefix=False, regex=True)


def _by_regex(pattern: str) -> tuple[Step, ...]:
    return Split(pattern, literal=False, behavior="Isolated", invert=False), _PLAIN


@dataclass(frozen=True)
class _Entry:
    steps: tuple[Step, ...]
    ignore_merges: bool = False


BYTE_LEVEL: Mapping[str, _Entry] = MappingProxyType(
    {
        "gpt-2": _Entry((_GPT2,)),
        "smollm": _Entry((Digits(individual=True), _GPT2)),
        "llama-bpe": _Entry(_by_regex(_WORDS + r"\p{N}{1,3}" + _REST), ignore_merges=True),
        "dbrx": _Entry(_by_regex(_WORDS + r"\p{N}{1,3}" + _REST)),
        "tekken": _Entry(_by_regex(_TEKKEN), ignore_merges=True),
        "gpt-4o": _Entry(_by_regex(_GPT4O)),
        "qwen2": _Entry(_by_regex(_WORDS + r"\p{N}" + _REST)),
    }
)
"""tokenizer.ggml.pre -> the steps it stands for, and whether whole words skip the merges.

Of tekken and gpt-4o the engine knows the cases of A to Z alone: a word in other letters that goes
from small to capital inside, or has combining marks, is cut otherwise than by tokenizer.json.
"""

# Gemma cuts at spaces that its normalizer has already replaced: it never cuts.
_IDLE = Split(" ", literal=True, behavior="MergedWithPrevious", invert=False)


def recognise(tokenizer: Mapping[str, Any]) -> Style:
    """The style of a parsed tokenizer.json; FormatError says what was found."""
    model = tokenizer.get("model")
    if not isinstance(model, dict) or model.get("type", "BPE") != "BPE":
        kind = model.get("type") if isinstance(model, dict) else model
        raise FormatError(f"tokenizer.json holds a {str(kind)[:40]} model: only BPE is read")
    for key in ("dropout", "continuing_subword_prefix", "end_of_word_suffix"):
        if model.get(key):
            raise FormatError(f"tokenizer.json: {key} is set and the engine has no such thing")
    steps = tuple(_steps(tokenizer.get("pre_tokenizer"), "pretokenizers"))
    normal = _normalizers(tokenizer.get("normalizer"))
    if model.get("byte_fallback"):
        return _sentencepiece(steps, normal)
    return _byte_level(steps, normal, bool(model.get("ignore_merges")))


def _byte_level(
    steps: tuple[Step, ...], normal: tuple[Mapping[str, Any], ...], ignore_merges: bool
) -> Style:
    strange = [str(each.get("type"))[:40] for each in normal if each.get("type") != "NFC"]
    if strange:
        raise FormatError(f"tokenizer.json: the normalizer {strange[0]} is not one the engine has")
    for name, entry in BYTE_LEVEL.items():
        if entry.steps == steps and entry.ignore_merges == ignore_merges:
            return Style("gpt2", name, composed=bool(normal))
    if alike := [name for name, entry in BYTE_LEVEL.items() if entry.steps == steps]:
        raise FormatError(
            f"tokenizer.json cuts text like {alike[0]} with ignore_merges "
            f"{str(ignore_merges).lower()}, which the engine does not do"
        )
    found = ", ".join(str(step)[:200] for step in steps) or "nothing"
    raise FormatError(
        f"tokenizer.json cuts text by {found}, which is none of the ways Penjing knows "
        f"({', '.join(BYTE_LEVEL)}, SentencePiece): use another model"
    )


def _sentencepiece(steps: tuple[Step, ...], normal: tuple[Mapping[str, Any], ...]) -> Style:
    """Byte fallback means SentencePiece: spaces become U+2581 and words are not cut apart."""
    replace = {"type": "Replace", "pattern": {"String": " "}, "content": SPACE}
    prepend = {"type": "Prepend", "prepend": SPACE}
    if steps in ((), (_IDLE,)) and normal in ((replace,), (prepend, replace)):
        return Style("llama", "default", space_prefix=len(normal) == 2)
    if normal == () and len(steps) == 1 and isinstance(steps[0], Metaspace) and not steps[0].split:
        scheme = steps[0].scheme
        if scheme in ("always", "never"):
            return Style("llama", "default", space_prefix=scheme == "always")
        if scheme == "first":
            return Style("llama", "default", first_space=True)
    found = ", ".join([*(str(n)[:100] for n in normal), *(str(s)[:100] for s in steps)])
    raise FormatError(
        f"tokenizer.json falls back to bytes and cuts text by {found or 'nothing'}, "
        "which is no SentencePiece the engine knows: use another model"
    )


def _normalizers(found: Any) -> tuple[Mapping[str, Any], ...]:
    if found is None:
        return ()
    if not isinstance(found, dict):
        raise FormatError("tokenizer.json: the normalizer is no object")
    if found.get("type") != "Sequence":
        return (found,)
    inner = found.get("normalizers")
    if not isinstance(inner, list):
        raise FormatError("tokenizer.json: a sequence without normalizers")
    return tuple(each for part in inner for each in _normalizers(part))


def _steps(found: Any, inside: str) -> list[Step]:
    if found is None:
        return []
    if not isinstance(found, dict):
        raise FormatError("tokenizer.json: the pre_tokenizer is no object")
    if found.get("type") == "Sequence":
        inner = found.get(inside)
        if not isinstance(inner, list):
            raise FormatError("tokenizer.json: a sequence without pretokenizers")
        return [step for part in inner for step in _steps(part, inside)]
    return [_step(found)]


def _step(found: Mapping[str, Any]) -> Step:
    kind = str(found.get("type"))
    if kind == "Digits":
        return Digits(bool(found.get("individual_digits", False)))
    if kind == "ByteLevel":
        return ByteLevel(
            bool(found.get("add_prefix_space", True)), bool(found.get("use_regex", True))
        )
    if kind == "Metaspace" and found.get("replacement", SPACE) == SPACE:
        older = "always" if found.get("add_prefix_space", True) else "never"
        return Metaspace(str(found.get("prepend_scheme", older)), bool(found.get("split", True)))
    if kind == "Split" and isinstance(pattern := found.get("pattern"), dict) and len(pattern) == 1:
        literal = "String" in pattern
        text = pattern.get("String" if literal else "Regex")
        if isinstance(text, str):
            behavior = str(found.get("behavior"))
            return Split(text, literal, behavior, bool(found.get("invert", False)))
    return Other(kind)
