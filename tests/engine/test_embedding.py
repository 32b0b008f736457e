"""Vectors by our engine against those of the package's own (`e5_reference.json`, made with it)."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from penjing.core.errors import EngineError, FormatError
from penjing.engine.embedding import BATCH, LlamaEmbedder
from penjing.testing.embedder import FakeEmbedder

pytestmark = pytest.mark.model
REFERENCE: list[dict[str, Any]] = json.loads(
    Path(__file__).with_name("e5_reference.json").read_text("utf-8")
)


@pytest.fixture(scope="module")
def embedder(embedding_model: Path) -> Iterator[LlamaEmbedder]:
    with LlamaEmbedder.open(embedding_model) as embedder:
        yield embedder


def codes(one: dict[str, Any]) -> npt.NDArray[np.float32]:
    vector = np.frombuffer(base64.b64decode(one["codes"]), np.int8).astype(np.float32)
    normed: npt.NDArray[np.float32] = vector / np.linalg.norm(vector)
    return normed


@pytest.mark.parametrize("one", REFERENCE, ids=lambda one: f"{one['kind']}-{one['tokens']}")
def test_vectors_are_those_of_the_other_engine(
    embedder: LlamaEmbedder, one: dict[str, Any]
) -> None:
    tokens = embedder._tokens(f"{one['kind']}: {one['text']}")
    assert len(tokens) == one["tokens"]
    assert embedder.embed([one["text"]], one["kind"])[0] @ codes(one) > 0.999


def test_a_text_has_its_vector_whoever_is_beside_it(embedder: LlamaEmbedder) -> None:
    texts = [one["text"] * count for count in (1, 3, 9) for one in REFERENCE[:5]]
    together = embedder.embed(texts, "passage")
    alone = np.concatenate([embedder.embed([text], "passage") for text in texts])
    assert ((together * alone).sum(axis=1) > 0.9995).all()
    assert np.abs(np.linalg.norm(together, axis=1) - 1).max() < 1e-5


def test_too_long_a_text_is_cut_at_its_end(embedder: LlamaEmbedder) -> None:
    start = "water the tree every day " * 100
    long, longer = embedder.embed([start + "x", start + "something else " * 5000], "passage")
    assert long @ longer > 0.99999
    assert len(embedder._tokens(start)) == BATCH
    assert embedder.embed(["", "\0", "half \ud83c"], "query").shape == (3, 384)


def test_meaning_is_found_across_languages(embedder: LlamaEmbedder) -> None:
    texts = ["The capital of France is Paris.", "盆景需要定期浇水。", "Install it with apt."]
    found = (
        embedder.embed(["How often should I water a bonsai?"], "query")
        @ embedder.embed(texts, "passage").T
    )
    assert found[0].argmax() == 1


def test_a_chat_model_is_refused_and_a_closed_one_too(
    default_model: Path, embedding_model: Path
) -> None:
    with pytest.raises(FormatError, match="no embedding model"):
        LlamaEmbedder.open(default_model)
    for embedder in (LlamaEmbedder.open(embedding_model), FakeEmbedder()):
        embedder.close()
        embedder.close()
        with pytest.raises(EngineError, match="closed"):
            embedder.embed(["x"], "query")


def test_tokens_are_counted_as_they_are_read(embedder: LlamaEmbedder) -> None:
    one = embedder.count_tokens(["water the tree"], "passage")
    assert 5 <= one <= 12
    assert embedder.count_tokens(["water the tree"] * 3, "passage") == 3 * one
    assert embedder.count_tokens(["tree " * 5000], "passage") == BATCH
