"""Continuations of one text in one batch: a question's choices share its keys and values.

The tokens that a fork's branches have in common are read once and belong to the sequences of all
its branches (one unified cache); behind them stand the branches, each seen by itself alone. Short
questions lie side by side in one batch of 512 tokens. Logits are asked for where a branch's token
is foretold, and nowhere else. A memory that cannot be shared (of state spaces) has each branch read
by itself. Satisfies `Continuer`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from penjing.core.continuations import Fork, Pick, Step
from penjing.core.errors import BadInput, EngineError
from penjing.core.messages import GenerationSettings
from penjing.engine.context import BATCH, Context, Entry
from penjing.engine.llamacpp import LlamaCpp

_ROWS = 64
"""Branches side by side; the engine keeps a row of logits for each."""
_LOGITS = 2**26
"""Bytes of logits kept of one batch, about."""
_TOGETHER = 8
"""Texts written side by side."""


@dataclass(frozen=True)
class _Placed:
    """A token of a batch, and the tokens it foretells."""

    entry: Entry
    picks: tuple[Pick, ...]


class Forks:
    """Runs forks on a loaded model; the model is the caller's. Not for use by two threads."""

    def __init__(self, model: LlamaCpp) -> None:
        self._model = model
        self._outputs = max(_ROWS, min(BATCH, _LOGITS // (4 * model.vocabulary)))
        self._cells = model.context_length + BATCH
        self._context: Context | None = None
        self._shares = True

    @property
    def longest(self) -> int:
        """Tokens that a prefix and one of its branches may have together."""
        return self._model.context_length

    def steps(self, forks: Sequence[Fork]) -> Iterator[Step]:
        """Logits for every token of every branch; see `Continuer.steps`."""
        group: list[tuple[int, int, Fork]] = []
        for number, fork in enumerate(forks):
            for first, part in self._parts(fork):
                if group and not self._fits([each for _, _, each in group], part):
                    yield from self._run(group)
                    group = []
                group.append((number, first, part))
        if group:
            yield from self._run(group)

    def write(self, prompts: Sequence[Sequence[int]], most: int) -> list[list[int]]:
        """The likeliest continuation of each prompt; see `Continuer.write`."""
        settings = GenerationSettings(max_tokens=most, temperature=0.0, repeat_penalty=1.0)
        written: list[list[int]] = []
        for first in range(0, len(prompts), _TOGETHER):
            some = prompts[first : first + _TOGETHER]
            written += self._model.write_together(some, [settings] * len(some))
        return written

    def close(self) -> None:
        """Free the context. Calling it twice is harmless."""
        if self._context:
            self._context.free()
        self._context = None

    def __enter__(self) -> Forks:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _parts(self, fork: Fork) -> Iterator[tuple[int, Fork]]:
        """A fork as forks of the same prefix that each fit the cache, with their first branch."""
        longest = len(fork.prefix) + max(map(len, fork.branches))
        if longest > self.longest:
            raise BadInput(
                f"{longest} tokens exceed the context of {self.longest}: use a larger --context"
            )
        first = 0
        while first < len(fork.branches):
            end, cells = first, len(fork.prefix)
            while end < len(fork.branches) and end - first < _ROWS:
                cells += len(fork.branches[end]) - 1
                if cells > self._cells and end > first:
                    break
                end += 1
            yield first, replace(fork, branches=fork.branches[first:end])
            first = end

    def _fits(self, group: Sequence[Fork], fork: Fork) -> bool:
        """Whether one batch takes a fork too."""
        together = [*group, fork]
        wanted = sum(1 + _cells(each) - len(each.prefix) for each in together)
        return (
            sum(map(_cells, together)) <= BATCH
            and sum(len(each.branches) for each in together) <= _ROWS
            and wanted <= self._outputs
        )

    def _run(self, group: Sequence[tuple[int, int, Fork]]) -> Iterator[Step]:
        if not self._shares:
            yield from self._apart(group)
            return
        placed: list[_Placed] = []
        row = 0
        for number, first, fork in group:
            placed += _placed(number, first, fork, row)
            row += len(fork.branches)
        context = self._opened()
        context.clear()
        for at, batch in enumerate(self._batches(placed)):
            try:
                step = self._step(context, batch)
            except EngineError:
                if at:
                    raise
                self._shares = False  # what else it may be comes again, and is raised there
                self.close()
                yield from self._apart(group)
                return
            yield step

    def _batches(self, placed: Sequence[_Placed]) -> Iterator[list[_Placed]]:
        batch: list[_Placed] = []
        for each in placed:
            if len(batch) == BATCH or (each.picks and _wanted(batch) == self._outputs):
                yield batch
                batch = []
            batch.append(each)
        yield batch

    def _apart(self, group: Sequence[tuple[int, int, Fork]]) -> Iterator[Step]:
        for number, first, fork in group:
            for at, branch in enumerate(fork.branches):
                logits = self._model.score([*fork.prefix, *branch[:-1]])
                picks = (Pick(row, number, first + at, token) for row, token in enumerate(branch))
                yield Step(logits[len(fork.prefix) - 1 :], tuple(picks))

    def _step(self, context: Context, batch: Sequence[_Placed]) -> Step:
        context.run_entries([each.entry for each in batch])
        wanted = [each for each in batch if each.picks]
        picks = tuple(
            replace(pick, row=row) for row, each in enumerate(wanted) for pick in each.picks
        )
        return Step(context.logits(len(wanted), self._model.vocabulary), picks)

    def _opened(self) -> Context:
        if self._context is None:
            self._context = self._model.new_context(
                self._cells, outputs=self._outputs, sequences=_ROWS
            )
        return self._context


def _cells(fork: Fork) -> int:
    """Tokens that are read: a branch's last one is foretold, not read."""
    return len(fork.prefix) + sum(len(branch) - 1 for branch in fork.branches)


def _wanted(batch: Sequence[_Placed]) -> int:
    return sum(bool(each.picks) for each in batch)


def _placed(number: int, first: int, fork: Fork, row: int) -> Iterator[_Placed]:
    """A fork's tokens, in an order in which each stands behind what it looks back on."""

    def pick(branch: int, token: int) -> Pick:
        return Pick(0, number, first + branch, token)

    rows = range(row, row + len(fork.branches))
    last = len(fork.prefix) - 1
    begun = tuple(pick(at, branch[0]) for at, branch in enumerate(fork.branches))
    for position, token in enumerate(fork.prefix):
        picks = begun if position == last else ()
        yield _Placed(Entry(token, position, tuple(rows), bool(picks)), picks)
    for at, branch in enumerate(fork.branches):
        for place, token in enumerate(branch[:-1]):
            entry = Entry(token, last + 1 + place, (rows[at],), True)
            yield _Placed(entry, (pick(at, branch[place + 1]),))
