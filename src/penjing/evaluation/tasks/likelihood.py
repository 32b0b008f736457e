"""Log-likelihood of answers given questions, as lm-evaluation-harness defines it.

The prompt and prompt + " " + choice are read as tokens; what the second has beyond the first's
length is the choice. Its log-likelihood is the sum of its tokens' (nats). acc: the likeliest choice
is the right one; acc_norm: the likeliest for each of its characters. Knows tokens and logits; must
not know where questions come from.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from penjing.core.continuations import Continuer, Fork, Pick, Step
from penjing.core.errors import BadInput
from penjing.core.protocols import LanguageModel
from penjing.evaluation.logprobs import blocks, log_softmax

Doubles = npt.NDArray[np.float64]
DELIMITER = " "
"""Between prompt and choice."""


@dataclass(frozen=True)
class Likelihoods:
    """Of one fork."""

    sums: Doubles
    """Log-likelihood of each branch, nats."""
    greedy: npt.NDArray[np.bool_]
    """Whether a branch is what the model would have written by itself."""


def fork_of(
    model: LanguageModel, prompt: str, choices: Sequence[str], longest: int
) -> tuple[Fork, bool]:
    """A question as tokens, and whether its beginning was cut to fit `longest`."""
    stem = prompt.rstrip()
    between = prompt[len(stem) :]
    prefix = model.tokenize(stem) if stem else model.tokenize("")
    if not prefix:
        raise BadInput("a question without a word, and the model has no start token: give a prompt")
    branches = []
    for choice in choices:
        branch = model.tokenize(stem + between + DELIMITER + choice)[len(prefix) :]
        if not branch:
            raise BadInput(f"the choice '{choice.strip()[:60]}' has no tokens: give it some words")
        branches.append(tuple(branch))
    room = longest - max(map(len, branches))
    if room < 1:
        raise BadInput(
            f"a choice has {max(map(len, branches))} tokens and the context holds {longest}: "
            "use a larger --context"
        )
    return Fork(tuple(prefix[-room:]), tuple(branches)), len(prefix) > room


def log_likelihoods(continuer: Continuer, forks: Sequence[Fork]) -> list[Likelihoods]:
    """Log-likelihoods of every branch of every fork."""
    found = [
        Likelihoods(np.zeros(len(fork.branches)), np.ones(len(fork.branches), bool))
        for fork in forks
    ]
    for step in continuer.steps(forks):
        by_row: dict[int, list[Pick]] = {}
        for pick in step.picks:
            by_row.setdefault(pick.row, []).append(pick)
        logits = step.logits
        for rows in blocks(*logits.shape):
            block = np.empty_like(logits[rows])
            log_softmax(logits[rows], block, np.empty_like(block))
            top = block.argmax(axis=1)
            for row in range(rows.start, rows.stop):
                for pick in by_row.get(row, ()):
                    at = row - rows.start
                    found[pick.fork].sums[pick.branch] += float(block[at, pick.token])
                    found[pick.fork].greedy[pick.branch] &= top[at] == pick.token
    return found


class OneByOne:
    """Any `LanguageModel` as a `Continuer`: each branch is read by itself. Slow, and plain."""

    def __init__(self, model: LanguageModel) -> None:
        self._model = model

    @property
    def longest(self) -> int:
        """Tokens that a prefix and one of its branches may have together."""
        return self._model.context_length

    def steps(self, forks: Sequence[Fork]) -> Iterator[Step]:
        """Logits for every token of every branch; see `Continuer.steps`."""
        for number, fork in enumerate(forks):
            for at, branch in enumerate(fork.branches):
                logits = self._model.score([*fork.prefix, *branch[:-1]])
                picks = tuple(Pick(row, number, at, token) for row, token in enumerate(branch))
                yield Step(logits[len(fork.prefix) - 1 :], picks)

    def write(self, prompts: Sequence[Sequence[int]], most: int) -> list[list[int]]:
        """The likeliest continuation of each prompt; see `Continuer.write`."""
        written = []
        for prompt in prompts:
            tokens = list(prompt)
            for _ in range(most):
                tokens.append(int(self._model.score(tokens)[-1].argmax()))
            written.append(tokens[len(prompt) :])
        return written

    def close(self) -> None:
        """Nothing to free."""
