"""Log-likelihoods on a model whose every probability is known."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent.parent))

from table_model import TableModel, random_table

from penjing.core.errors import BadInput
from penjing.evaluation.tasks.likelihood import OneByOne, fork_of, log_likelihoods


def by_hand(model: TableModel, text: str, start: int) -> float:
    """Log-probability of a text's tokens from `start` on, in float64."""
    tokens = model.tokenize(text)
    table = model.table.astype(np.float64)
    logs = table - np.log(np.exp(table).sum(axis=1, keepdims=True))
    return float(sum(logs[tokens[i - 1], tokens[i]] for i in range(start, len(tokens))))


def test_a_choice_is_what_follows_the_prompt_and_a_space() -> None:
    model = TableModel(random_table(40, 0))
    fork, cut = fork_of(model, "Where? ", ("here", "over there"), 100)
    assert not cut
    (found,) = log_likelihoods(OneByOne(model), [fork])
    start = len(model.tokenize("Where?"))
    wanted = [by_hand(model, f"Where?  {choice}", start) for choice in ("here", "over there")]
    np.testing.assert_allclose(found.sums, wanted, rtol=1e-5)


def test_what_the_model_would_have_said_is_greedy() -> None:
    table = np.zeros((40, 40))
    table[np.arange(40), np.arange(40)] = 5  # what comes comes again
    model = TableModel(table, starts=False)
    fork, _ = fork_of(model, "aaaa  ", (" ", "b"), 100)
    (found,) = log_likelihoods(OneByOne(model), [fork])
    assert found.greedy.tolist() == [False, False]
    again, _ = fork_of(model, "?", ("a",), 100)
    assert again.branches == ((*model.tokenize(" "), *model.tokenize("a")),)
    assert log_likelihoods(OneByOne(model), [again])[0].sums[0] < -5


def test_a_long_prompt_loses_its_beginning() -> None:
    model = TableModel(random_table(40, 0), context=20)
    fork, cut = fork_of(model, "once upon a time there was", ("yes", "no"), 20)
    assert cut
    assert len(fork.prefix) + max(map(len, fork.branches)) == 20
    assert fork.prefix[-1] == model.tokenize("s")[-1]


@pytest.mark.parametrize(("prompt", "choice"), [("why", "x" * 30)])
def test_what_cannot_be_asked_is_refused(prompt: str, choice: str) -> None:
    model = TableModel(random_table(40, 0))
    with pytest.raises(BadInput, match="larger --context"):
        fork_of(model, prompt, (choice,), 20)
    with pytest.raises(BadInput, match="no start token"):
        fork_of(TableModel(random_table(40, 0), starts=False), "", ("a",), 20)
