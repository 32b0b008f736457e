"""Tokens that were added to a vocabulary: where a folder keeps them, and whether they have a row.

Must not know how texts are cut.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from penjing.core.errors import FormatError


def with_added(
    tokenizer: Mapping[str, Any], settings: Mapping[str, Any], older: Mapping[str, Any]
) -> Mapping[str, Any]:
    """tokenizer.json with what transformers takes from its neighbours where it lacks them.

    `settings` is tokenizer_config.json, `older` is added_tokens.json.
    """
    known = {token["content"] for token in added_of(tokenizer)} | set(_vocabulary(tokenizer))
    found = {str(text): {"id": number} for text, number in older.items()}
    decoder = settings.get("added_tokens_decoder")
    for number, token in decoder.items() if isinstance(decoder, dict) else ():
        if isinstance(token, dict) and isinstance(token.get("content"), str) and number.isdecimal():
            found[token["content"]] = {**token, "id": int(number)}
    missing = [{**token, "content": text} for text, token in found.items() if text not in known]
    return {**tokenizer, "added_tokens": [*added_of(tokenizer), *missing]}


def _vocabulary(tokenizer: Mapping[str, Any]) -> Collection[str]:
    model = tokenizer.get("model")
    vocab = model.get("vocab") if isinstance(model, dict) else None
    return vocab if isinstance(vocab, dict) else ()


def added_of(tokenizer: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The tokens themselves; FormatError for one that the engine could not follow."""
    found = tokenizer.get("added_tokens") or []
    if not isinstance(found, list):
        raise FormatError("tokenizer.json: added_tokens is no list: get it again")
    for token in found:
        if not isinstance(token, dict) or not isinstance(token.get("content"), str):
            raise FormatError("tokenizer.json: an added token has no content: get it again")
        if "id" not in token or not token["content"]:
            raise FormatError("tokenizer.json: an added token has no id or no text: get it again")
        odd = [key for key in ("lstrip", "rstrip", "single_word") if token.get(key)]
        if odd:
            raise FormatError(
                f"tokenizer.json: the token {token['content'][:40]!a} has {odd[0]}, "
                "which the engine does not do: use another model"
            )
    return found


def with_rows(
    ids: Mapping[str, int], added: Sequence[Mapping[str, Any]], rows: int, rowless: Collection[str]
) -> dict[str, int]:
    """Ids without those of `rowless` tokens; FormatError names the other added ones of no row."""
    beyond = {token["content"] for token in added if ids[token["content"]] >= rows}
    lacking = sorted(beyond - set(rowless), key=ids.__getitem__)
    if lacking:
        names = ", ".join(f"{text[:40]!a}" for text in lacking[:8])
        more = f" and {len(lacking) - 8} more" if len(lacking) > 8 else ""
        raise FormatError(
            f"the embedding has {rows} rows and none for the added tokens {names}{more}: call "
            "resize_token_embeddings(len(tokenizer)) and save the model again, or take them out "
            "of the tokenizer"
        )
    return {text: number for text, number in ids.items() if text not in beyond}
