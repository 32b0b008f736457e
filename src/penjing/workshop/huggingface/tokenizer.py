"""tokenizer.json and its neighbours -> the GGUF keys from which the engine cuts the same tokens.

Read as data, never through the tokenizers package: what cannot be said in GGUF is refused here,
not discovered as wrong tokens later.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any

from penjing.bundle.gguf_values import (
    END_TOKENS_KEY,
    NORMALIZER_KEY,
    SPACE_PREFIX_KEY,
    Value,
    ValueKind,
)
from penjing.core.errors import FormatError
from penjing.core.strangers import is_there
from penjing.workshop.huggingface.added import added_of, with_added, with_rows
from penjing.workshop.huggingface.pretokenizers import SPACE, Style, recognise
from penjing.workshop.huggingface.scores import LONELY, Merge, scores_of
from penjing.workshop.huggingface.sentencepiece import Piece, Pieces, read_pieces
from penjing.workshop.huggingface.templates import template_keys
from penjing.workshop.huggingface.weights import read_object

_SMALL = 8 * 2**20  # bytes; the neighbours of tokenizer.json are short


class TokenType(IntEnum):
    """tokenizer.ggml.token_type."""

    NORMAL = 1
    UNKNOWN = 2
    CONTROL = 3
    USER_DEFINED = 4
    UNUSED = 5
    BYTE = 6


@dataclass(frozen=True)
class Token:
    """One entry of the vocabulary."""

    text: str
    """As the GGUF stores it."""
    type: TokenType
    """What it is."""
    score: float = LONELY
    """Only SentencePiece looks at it."""


@dataclass(frozen=True)
class Frame:
    """What a tokenizer puts around every text."""

    first: str | None
    """Token before it."""
    last: str | None
    """Token after it."""


# GGUF's word for each special token of tokenizer_config.json
_SPECIAL = {
    "bos": "bos_token_id", "eos": "eos_token_id", "unk": "unknown_token_id",
    "sep": "seperator_token_id", "pad": "padding_token_id", "mask": "mask_token_id",
}  # fmt: skip


def tokenizer_metadata(
    folder: Path, config: Mapping[str, Any], vocab_size: int, *, rowless: Collection[str] = ()
) -> dict[str, Value]:
    """The tokenizer.* keys of a folder; FormatError says what the engine could not follow.

    `vocab_size` is the number of embedding rows; ids nobody uses are filled up to it. `rowless`
    added tokens may lack theirs.
    """
    path = folder / "tokenizer.json"
    settings = _neighbour(folder, "tokenizer_config.json")
    names = _neighbour(folder, "special_tokens_map.json") | settings
    pieces = None if is_there(path) else _pieces(folder)
    tokenizer: Mapping[str, Any] = read_object(path) if pieces is None else as_tokenizer(pieces)
    tokenizer = with_added(tokenizer, settings, _neighbour(folder, "added_tokens.json"))
    style = recognise(tokenizer) if pieces is None else style_of(pieces, settings)
    names = names if pieces is None else names_of(pieces) | names
    ids = with_rows(_ids(tokenizer), added_of(tokenizer), vocab_size, rowless)
    tokens = _tokens(tokenizer, style, ids, vocab_size, pieces)
    out = _vocabulary(style, tokens)
    if style.model == "gpt2":
        merges = [f"{left} {right}" for left, right in _merges(tokenizer)]
        out["tokenizer.ggml.merges"] = Value.array(ValueKind.STRING, merges)
        out[NORMALIZER_KEY] = Value.text("NFC" if style.composed else "none")
    else:
        out["tokenizer.ggml.add_space_prefix"] = Value(ValueKind.BOOL, style.space_prefix)
        if style.first_space:
            out[SPACE_PREFIX_KEY] = Value.text("first")
    ends = _ends(tokenizer, names, config, ids)
    generation = _neighbour(folder, "generation_config.json")
    ends |= end_keys(ends, generation.get("eos_token_id", config.get("eos_token_id")), tokens)
    return out | ends | template_keys(folder, settings)


def _pieces(folder: Path) -> Pieces:
    """The pieces of a folder without tokenizer.json; FormatError where there are none either."""
    for name in ("tokenizer.model", "spiece.model", "sentencepiece.model"):
        if is_there(folder / name):
            return read_pieces(folder / name)
    raise FormatError(
        f"{folder} has no tokenizer.json: save the tokenizer again with a current transformers"
    )


def as_tokenizer(pieces: Pieces) -> dict[str, Any]:
    """The vocabulary where tokenizer.json would have it."""
    vocab = {piece.text: number for number, piece in enumerate(pieces.pieces)}
    if len(vocab) != len(pieces.pieces):
        raise FormatError("tokenizer.model holds a piece twice: get it again")
    return {"model": {"vocab": vocab, "unk_token": None}, "added_tokens": []}


def style_of(pieces: Pieces, settings: Mapping[str, Any]) -> Style:
    """How transformers cuts by a tokenizer.model: spaces as `legacy` says."""
    prefix = pieces.space_prefix and settings.get("add_prefix_space") is not False
    always = prefix and settings.get("legacy") is True
    return Style("llama", "default", space_prefix=always, first_space=prefix and not always)


def names_of(pieces: Pieces) -> dict[str, Any]:
    """The special tokens that tokenizer_config.json need not name."""
    names = {f"{word}_token": pieces.pieces[at].text for word, at in pieces.special.items()}
    return {**names, "add_bos_token": True}


def _neighbour(folder: Path, name: str) -> dict[str, Any]:
    path = folder / name
    return read_object(path, limit=_SMALL) if is_there(path) else {}


def _vocabulary(style: Style, tokens: Sequence[Token]) -> dict[str, Value]:
    out = {
        "tokenizer.ggml.model": Value.text(style.model),
        "tokenizer.ggml.pre": Value.text(style.pre),
        "tokenizer.ggml.tokens": Value.array(ValueKind.STRING, [t.text for t in tokens]),
    }
    if style.model == "llama":
        scores = Value.array(ValueKind.FLOAT32, [t.score for t in tokens])
        out["tokenizer.ggml.scores"] = scores
    types = Value.array(ValueKind.INT32, [int(t.type) for t in tokens])
    out["tokenizer.ggml.token_type"] = types
    return out


def _ids(tokenizer: Mapping[str, Any]) -> dict[str, int]:
    """Every token text, added ones included, to its id."""
    vocab = tokenizer["model"].get("vocab")
    if not isinstance(vocab, dict) or not vocab:
        raise FormatError("tokenizer.json has no vocabulary: get it again")
    ids = {**vocab, **{token["content"]: token["id"] for token in added_of(tokenizer)}}
    for text, number in ids.items():
        if isinstance(number, bool) or not isinstance(number, int) or number < 0:
            raise FormatError(f"tokenizer.json: token {text[:40]!a} has the id {str(number)[:40]}")
        if vocab.get(text, number) != number:
            raise FormatError(f"tokenizer.json gives {text[:40]!a} two ids: get it again")
    return ids


def _merges(tokenizer: Mapping[str, Any]) -> list[Merge]:
    """The merges, from either spelling: "a b" or ["a", "b"]."""
    found, vocab = tokenizer["model"].get("merges"), tokenizer["model"]["vocab"]
    if not isinstance(found, list):
        raise FormatError("tokenizer.json has no merges: get it again")
    merges: list[Merge] = []
    for entry in found:
        parts = entry.split(" ") if isinstance(entry, str) else entry
        if not isinstance(parts, list) or len(parts) != 2:
            raise FormatError(f"tokenizer.json: {str(entry)[:60]!a} is not a merge: get it again")
        left, right = parts
        if not all(isinstance(part, str) and part in vocab for part in (left, right)) or (
            left + right not in vocab
        ):
            raise FormatError(f"tokenizer.json merges {str(entry)[:60]!a}, which are no tokens")
        if " " in left + right:
            raise FormatError("tokenizer.json merges a space, which GGUF cannot write")
        merges.append((left, right))
    return merges


def _tokens(
    tokenizer: Mapping[str, Any],
    style: Style,
    ids: Mapping[str, int],
    vocab_size: int,
    pieces: Pieces | None = None,
) -> list[Token]:
    """The vocabulary in order of ids; gaps become unused tokens."""
    added = {token["content"]: bool(token.get("special")) for token in added_of(tokenizer)}
    unknown = tokenizer["model"].get("unk_token")
    scores: Mapping[str, float] = {}
    if pieces is None and style.model == "llama":
        scores = scores_of(tokenizer["model"]["vocab"], _merges(tokenizer), added)
    if style.model == "llama":
        _check_bytes(ids)
    table: dict[int, Token] = {}
    for text, number in ids.items():
        if number >= vocab_size:
            raise FormatError(
                f"token {text[:40]!a} has the id {number} and the model {vocab_size} rows: "
                "tokenizer and weights do not belong together"
            )
        if number in table:
            raise FormatError(f"tokenizer.json gives the id {number} to two tokens: get it again")
        table[number] = _token(text, added.get(text), style, unknown, scores.get(text, LONELY))
        if pieces is not None and number < len(pieces.pieces) and text not in added:
            table[number] = _of_piece(pieces.pieces[number])
    gaps = (Token(f"[PAD{number}]", TokenType.UNUSED) for number in range(vocab_size))
    tokens = [table.get(number, gap) for number, gap in enumerate(gaps)]
    if len({token.text for token in tokens}) != len(tokens):
        raise FormatError("two tokens would have the same text in GGUF: use another model")
    return tokens


def _of_piece(piece: Piece) -> Token:
    """A piece as the file has it; what its maker typed into texts has spaces there."""
    kind = TokenType(piece.type)
    text = piece.text.replace(SPACE, " ") if kind == TokenType.USER_DEFINED else piece.text
    if kind == TokenType.NORMAL and _looks_special(piece.text):
        return Token(piece.text, TokenType.CONTROL)
    return Token(text, kind, piece.score)


def _token(text: str, special: bool | None, style: Style, unknown: Any, score: float) -> Token:
    """`special` is None for a token of the vocabulary proper."""
    sentencepiece = style.model == "llama"
    if sentencepiece and text == unknown:
        return Token(text, TokenType.UNKNOWN, score)
    if special is None:
        is_byte = sentencepiece and _byte_of(text) is not None
        return Token(text, TokenType.BYTE if is_byte else TokenType.NORMAL, score)
    if special or _looks_special(text):
        return Token(text, TokenType.CONTROL)
    # the engine looks for these in the text as it was typed
    return Token(text.replace(SPACE, " ") if sentencepiece else text, TokenType.USER_DEFINED)


def _looks_special(text: str) -> bool:
    """Markers that their makers forgot to call special; people must not be able to type them."""
    pairs = (("<|", "|>"), ("<｜", "｜>"), ("<unused", ">"))
    return text in ("<pad>", "<mask>", "<2mass>", "[@BOS@]") or any(
        text.startswith(left) and text.endswith(right) for left, right in pairs
    )


def _byte_of(text: str) -> int | None:
    """The byte that "<0x0A>" stands for."""
    if len(text) != 6 or not text.startswith("<0x") or not text.endswith(">"):
        return None
    digits = text[3:5]
    return int(digits, 16) if all(c in "0123456789ABCDEF" for c in digits) else None


def _check_bytes(ids: Mapping[str, int]) -> None:
    """Gemma spells the tab itself instead of <0x09>; the engine takes either."""
    for byte in range(256):
        if f"<0x{byte:02X}>" not in ids and (byte > 127 or chr(byte) not in ids):
            raise FormatError(f"tokenizer.json has no token for the byte 0x{byte:02X}")


def _ends(
    tokenizer: Mapping[str, Any],
    names: Mapping[str, Any],
    config: Mapping[str, Any],
    ids: Mapping[str, int],
) -> dict[str, Value]:
    """Special token ids, and whether the start and the end token are put around a text."""
    special = {word: _special_id(word, names, config, ids) for word in _SPECIAL}
    frame = _frame(tokenizer.get("post_processor"))
    add_bos, add_eos = bool(names.get("add_bos_token")), bool(names.get("add_eos_token"))
    if frame is not None:
        add_bos, add_eos = frame.first is not None, frame.last is not None
        for word, text in (("bos", frame.first), ("eos", frame.last)):
            if text is not None:
                special[word] = _id_of(text, ids)
    if special["eos"] is None:
        raise FormatError("no end token: set eos_token in tokenizer_config.json")
    if special["bos"] is None:
        if add_bos:
            raise FormatError("no start token: set bos_token in tokenizer_config.json")
        # without the key the engine would take token 11 (or 1) for it
        special["bos"] = special["eos"]
    out = {
        f"tokenizer.ggml.{_SPECIAL[word]}": Value(ValueKind.UINT32, number)
        for word, number in special.items()
        if number is not None
    }
    out["tokenizer.ggml.add_bos_token"] = Value(ValueKind.BOOL, add_bos)
    out["tokenizer.ggml.add_eos_token"] = Value(ValueKind.BOOL, add_eos)
    return out


def end_keys(known: Mapping[str, Value], named: Any, tokens: Sequence[Token]) -> dict[str, Value]:
    """Keys of all end tokens, when there are more of them than the tokenizer's own.

    `named` is what the generation config says: a number or several. GGUF has names for three.
    """
    first = known["tokenizer.ggml.eos_token_id"].plain
    numbers = named if isinstance(named, list) else [named]
    ends = [first]
    for number in numbers:
        if type(number) is not int or not 0 <= number < len(tokens) or number in ends:
            continue
        if tokens[number].type != TokenType.UNUSED:
            ends.append(number)
    if len(ends) == 1:
        return {}
    names = ("tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id")
    keys = {
        name: Value(ValueKind.UINT32, number) for name, number in zip(names, ends[1:], strict=False)
    }
    return keys | {END_TOKENS_KEY: Value.array(ValueKind.UINT32, ends)}


def _special_id(
    word: str, names: Mapping[str, Any], config: Mapping[str, Any], ids: Mapping[str, int]
) -> int | None:
    """Named in tokenizer_config.json or special_tokens_map.json, else numbered in config.json."""
    found = names.get(f"{word}_token")
    text = found.get("content") if isinstance(found, dict) else found
    if isinstance(text, str):
        return ids.get(text)
    number = config.get(f"{word}_token_id")
    number = number[0] if isinstance(number, list) and number else number
    if isinstance(number, bool) or not isinstance(number, int):
        return None
    return number if number in ids.values() else None


def _id_of(text: str, ids: Mapping[str, int]) -> int:
    if text not in ids:
        raise FormatError(f"tokenizer.json puts {text[:40]!a} around texts, which is no token")
    return ids[text]


def _frame(processor: Any) -> Frame | None:
    """What the post-processor adds; None when it has no say."""
    if processor is None:
        return None
    parts = processor.get("processors", [processor]) if isinstance(processor, dict) else None
    if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
        raise FormatError("tokenizer.json: the post_processor is no object: get it again")
    frame = None
    for part in parts:
        if part.get("type") == "TemplateProcessing":
            frame = _template_frame(part.get("single"))
        elif part.get("type") != "ByteLevel":  # which only moves offsets
            raise FormatError(
                f"tokenizer.json: the post-processor {str(part.get('type'))[:40]} is not one the "
                "engine has: use another model"
            )
    return frame


def _template_frame(pieces: Any) -> Frame:
    """[start?] text [end?]; anything else cannot be said in GGUF."""
    words: list[str | None] = []
    for piece in pieces if isinstance(pieces, list) else ():
        special = piece.get("SpecialToken") if isinstance(piece, dict) else None
        words.append(str(special.get("id")) if isinstance(special, dict) else None)
    if words.count(None) == 1 and len(words) <= 3:
        middle = words.index(None)
        if middle <= 1 and len(words) - middle <= 2:
            first = words[0] if middle == 1 else None
            last = words[-1] if middle < len(words) - 1 else None
            return Frame(first, last)
    raise FormatError(
        f"tokenizer.json frames texts as {str(words)[:80]}: the engine can put one token before "
        "and one after"
    )
