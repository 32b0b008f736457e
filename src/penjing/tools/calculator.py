"""The calculator: exact where the answer has an end, and it says when it was rounded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal
from fractions import Fraction
from typing import Any

from penjing.core.protocols import Tool
from penjing.tools.arithmetic import calculate
from penjing.tools.checked import ToolAdapter, parameters, text
from penjing.tools.given import Given

DESCRIPTION = "Computes with numbers, percent and units of measurement."
PARAMETERS = parameters(["expression"], expression=text("such as 12.5% of 80, or 3 km in miles"))

_LONGEST = 40  # digits that are shown whole


@dataclass(frozen=True)
class Settings:
    """The `calculator:` of a spec."""

    digits: int = 10
    """How many digits of an answer that does not end."""

    def addresses(self) -> list[tuple[str, int]]:
        """Hosts and ports it talks to."""
        return []


def make(settings: Settings, given: Given) -> list[Tool]:
    """The tool."""
    return [ToolAdapter("calculator", DESCRIPTION, PARAMETERS, Calculator(settings))]


class Calculator:
    """Computes."""

    def __init__(self, settings: Settings) -> None:
        self._digits = min(max(settings.digits, 1), _LONGEST)

    def do(self, arguments: Mapping[str, Any], person: str) -> Mapping[str, Any]:
        """Do it; raises Failed."""
        quantity = calculate(arguments["expression"])
        shown, ends = written(quantity.value, self._digits)
        exact = quantity.exact and ends
        unit = quantity.unit.name if quantity.unit else ""
        short = not ends and quantity.exact and quantity.value.denominator < 1000
        return {
            "result": f"{shown} {unit}".strip(),
            "number": shown,
            "unit": unit,
            "exact": exact,
            "fraction": str(quantity.value) if short else "",
        }

    def entities(self, parameter: str) -> Sequence[str]:
        """None: expressions are a person's own."""
        return ()

    def close(self) -> None:
        """Nothing is held."""


def written(value: Fraction, digits: int) -> tuple[str, bool]:
    """A number in decimal digits, and whether these are all of them."""
    rest = value.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    if rest == 1:
        whole = Context(prec=_LONGEST)
        exact = whole.divide(Decimal(value.numerator), Decimal(value.denominator))
        if Fraction(exact) == value:
            plain = f"{exact:f}"
            if len(plain) <= 2 * _LONGEST:
                return plain.rstrip("0").rstrip(".") if "." in plain else plain, True
    rounded = Context(prec=digits).divide(Decimal(value.numerator), Decimal(value.denominator))
    shown = f"{rounded:f}" if -7 < rounded.adjusted() < 21 else f"{rounded.normalize():e}"
    return shown.rstrip("0").rstrip(".") if "." in shown and "e" not in shown else shown, False
