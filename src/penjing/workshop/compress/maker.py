"""Makes the files of any method, also of those that leave parts out first."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import cached_property

from penjing.workshop.compress.build import Builder, Built
from penjing.workshop.compress.job import Job
from penjing.workshop.compress.methods import Method
from penjing.workshop.compress.shaping import Shaper


class AnyMaker(AbstractContextManager["AnyMaker"]):
    """Of one job. A context that closes what it opened."""

    def __init__(self, job: Job) -> None:
        self._builder = Builder(job)
        self._opened: list[Shaper] = []

    def __exit__(self, *_: object) -> None:
        for shaper in self._opened:
            shaper.__exit__()

    def build(self, method: Method, budget: int) -> Built:
        """The method's file of at most `budget` bytes; BudgetError when there is none so small."""
        return self._of(method).build(replace(method, shape=None), budget)

    def make(self, method: Method, plan: Mapping[str, str]) -> Built:
        """The method's file in codecs that are already chosen."""
        return self._of(method).make(replace(method, shape=None), plan)

    def size(self, method: Method) -> int:
        """Bytes of the file of a method that has a size of its own."""
        return self._builder.size(method)

    def _of(self, method: Method) -> Builder:
        if method.shape is None:
            return self._builder
        return self._shaper.shaped(method.shape, heal=method.distilled).builder

    @cached_property
    def _shaper(self) -> Shaper:
        self._opened.append(Shaper(self._builder))
        return self._opened[0]
