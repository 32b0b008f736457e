"""Arithmetic as people write and say it, in English and Chinese, exactly: fractions, not floats.

A parser of its own, with bounds on length, depth and size: nothing is evaluated as code. A percent
after plus or minus is of what stands before it (200 + 10% = 220); elsewhere it is a hundredth.
Pure.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from penjing.core import numerals
from penjing.tools.failed import ToolError
from penjing.tools.measures import UNITS, Unit, from_base, to_base
from penjing.tools.worded import in_signs

_LONGEST = 200
_DEEPEST = 40
_MOST_BITS = 8_000  # of a numerator or denominator: some 2,400 digits

_UNIT = "|".join(sorted(map(re.escape, UNITS), key=len, reverse=True))
_TOKEN = re.compile(
    rf"""\s*(?:
    (?P<number>[0-9]{{1,3}}(?:,[0-9]{{3}})+(?:\.[0-9]+)?
        |(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:e[-+]?[0-9]{{1,3}})?)
    | (?P<to>\b(?:to|in)\b|多少)
    | (?P<unit>(?:{_UNIT})(?![a-z]))
    | (?P<numeral>[{numerals.CHARACTERS}]+)
    | (?P<name>[a-z]+)
    | (?P<sign>[-+*/^%@()!])
    )""",
    re.VERBOSE,
)
_TWO_WAYS = "that can be read in two ways: put brackets around what divides"
_TWO_WAYS_ZH = "这有两种读法：请给除数加上括号"
_SHORT = {"c": UNITS["celsius"], "f": UNITS["fahrenheit"], "k": UNITS["kelvin"]}


@dataclass(frozen=True)
class Quantity:
    """A number, maybe of a unit."""

    value: Fraction
    """In its unit."""
    unit: Unit | None = None
    """What it counts."""
    exact: bool = True
    """No rounding was needed."""
    percent: bool = False
    """It was written with a percent sign."""


@dataclass(frozen=True)
class Token:
    """A word of the expression."""

    kind: str
    """Which group of the pattern it is."""
    text: str
    """As it was written."""


def calculate(expression: str) -> Quantity:
    """The value of an expression. Raises ToolError."""
    if len(expression) > _LONGEST:
        raise ToolError("arguments", f"that is longer than {_LONGEST} characters: make it shorter")
    try:
        return _Parser(_tokens(expression)).whole()
    except ZeroDivisionError as error:
        raise ToolError("arguments", "that divides by zero") from error
    except (ValueError, OverflowError) as error:
        raise ToolError("arguments", "that cannot be computed: check the numbers") from error


def _tokens(expression: str) -> list[Token]:
    text = _in_digits(_one_width(expression).lower().strip())
    text = in_signs(text).strip()
    tokens, position = [], 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            raise ToolError("arguments", f"I cannot read '{text[position:][:20]}' as arithmetic")
        tokens.append(Token(match.lastgroup, match[match.lastgroup]))
        position = match.end()
    return tokens


_FULL_WIDTH = {place: chr(place - 0xFEE0) for place in range(0xFF01, 0xFF5F)}


def _one_width(text: str) -> str:
    """Full-width characters as the plain ones, 2½ as a sum in brackets."""
    parts = []
    for char in text.translate(_FULL_WIDTH):
        normal = unicodedata.normalize("NFKC", char)
        if "\N{FRACTION SLASH}" not in normal:
            parts.append(char)
            continue
        whole = ""
        while parts and parts[-1].isdecimal():
            whole = parts.pop() + whole
        parts.append(f"({whole or 0}+{normal.replace(chr(0x2044), '/')})")
    return "".join(parts)


_PIECES = re.compile(r"[a-z]+|\s+|.", re.DOTALL)


def _in_digits(text: str) -> str:
    """English number words as digits; a hyphen inside one is no minus."""
    pieces = _PIECES.findall(text)
    found, at = [], 0
    while at < len(pieces):
        words, ends = [], []
        for place in range(at, len(pieces)):
            piece = pieces[place]
            tight = piece == "-" and place + 1 < len(pieces) and pieces[place + 1].isalpha()
            if piece.isalpha() or (tight and place and pieces[place - 1].isalpha()):
                words.append(piece)
                ends.append(place + 1)
            elif not piece.isspace():
                break
        read = numerals.english(words) if pieces[at].isalpha() else None
        if read is None:
            found.append(pieces[at])
            at += 1
        else:
            found.append(f"{read.value}" if read.value.denominator == 1 else f"({read.value})")
            at = ends[read.used - 1]
    return "".join(found)


class _Parser:
    """Recursive descent: sums of products of powers of signed atoms."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0

    def whole(self) -> Quantity:
        """The value of everything, in the unit that is asked for."""
        result = self._sum()
        if self._peek().kind == "to":
            self._next()
            result = _convert(result, self._target())
            if self._peek().kind == "to":  # "5 feet in cm 多少"
                self._next()
        if self._peek().kind != "end":
            raise ToolError("arguments", f"I do not expect '{self._peek().text}' there")
        return result

    def _target(self) -> Unit:
        token = self._next()
        if token.kind == "unit":
            return UNITS[token.text]
        if token.text in _SHORT:
            return _SHORT[token.text]
        raise ToolError("arguments", f"'{token.text}' is not a unit I know")

    def _peek(self) -> Token:
        return self._tokens[self._at] if self._at < len(self._tokens) else Token("end", "the end")

    def _next(self) -> Token:
        token = self._peek()
        self._at += 1
        return token

    def _takes(self, signs: str) -> str:
        token = self._peek()
        if token.kind == "sign" and token.text in signs:
            self._at += 1
            return token.text
        return ""

    def _sum(self) -> Quantity:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise ToolError("arguments", "that is nested too deeply")
        left = self._product()
        while sign := self._takes("+-"):
            right = self._product()
            if right.percent and not left.percent:
                right = _times(left, right)
            left = _plus(left, right, 1 if sign == "+" else -1)
        self._depth -= 1
        return left

    def _product(self) -> Quantity:
        left, divides = self._signed(), False
        while True:
            if sign := self._takes("*/"):
                right = self._signed()
                left, divides = _OPERATIONS[sign](left, right), sign == "/"
            elif self._peek().kind == "name" or self._peek().text == "(":
                if divides:  # 6/2(1+2)
                    raise ToolError("arguments", _TWO_WAYS, said={"zh": _TWO_WAYS_ZH})
                left = _times(left, self._part())  # 2 pi, 3 (4 + 5)
            else:
                return left

    def _signed(self) -> Quantity:
        negative = False
        while sign := self._takes("+-"):
            negative ^= sign == "-"
        value = self._part()
        return _times(value, Quantity(Fraction(-1))) if negative else value

    def _part(self) -> Quantity:
        """三分之一 is one third, whatever stands before it."""
        value = self._power()
        while self._takes("@"):
            value = _over(self._power(), value)
        return value

    def _power(self) -> Quantity:
        base = self._suffixed()
        if not self._takes("^"):
            return base
        self._depth += 1
        if self._depth > _DEEPEST:
            raise ToolError("arguments", "that is nested too deeply")
        exponent = self._signed()
        self._depth -= 1
        return _power(base, exponent)

    def _suffixed(self) -> Quantity:
        value = self._atom()
        while sign := self._takes("%!"):
            value = Quantity(value.value / 100, None, value.exact, True) if sign == "%" else value
            if sign == "!":
                value = _factorial(value)
        token = self._peek()
        unit = UNITS.get(token.text) if token.kind == "unit" else _SHORT.get(token.text)
        if unit is not None and value.unit is None and not value.percent:
            self._next()
            value = Quantity(value.value, unit, value.exact)
        return value

    def _atom(self) -> Quantity:
        token = self._next()
        if token.kind == "number":
            return self._scaled(Fraction(token.text.replace(",", "")))
        if token.kind == "numeral":
            return Quantity(numerals.read(token.text))
        if token.text == "(":
            inside = self._sum()
            if not self._takes(")"):
                raise ToolError("arguments", "a bracket is not closed")
            return inside
        if token.text in _CONSTANTS:
            return Quantity(Fraction(_CONSTANTS[token.text]), None, False)
        if token.text in _FUNCTIONS:
            return _FUNCTIONS[token.text](self._signed())
        raise ToolError("arguments", f"I cannot compute with '{token.text}'")

    def _scaled(self, value: Fraction) -> Quantity:
        """3.5万 is thirty-five thousand."""
        token = self._peek()
        if token.kind == "numeral" and all(char in numerals.SCALES for char in token.text):
            self._next()
            for char in token.text:
                value *= numerals.SCALES[char]
        return Quantity(value)


def _bounded(value: Fraction) -> Fraction:
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > _MOST_BITS:
        raise ToolError("arguments", "that number is too large")
    return value


def _plus(left: Quantity, right: Quantity, sign: int) -> Quantity:
    if left.unit is None or right.unit is None:
        if left.unit is not right.unit:
            raise ToolError("arguments", "a number with a unit and one without cannot be added")
        value = left.value + sign * right.value
        both = left.percent and right.percent
        return Quantity(_bounded(value), None, left.exact and right.exact, both)
    other = _convert(right, left.unit)
    value = left.value + sign * other.value
    return Quantity(_bounded(value), left.unit, left.exact and other.exact)


def _times(left: Quantity, right: Quantity) -> Quantity:
    if left.unit and right.unit:
        raise ToolError("arguments", "two numbers with units cannot be multiplied here")
    exact = left.exact and right.exact
    return Quantity(_bounded(left.value * right.value), left.unit or right.unit, exact)


def _over(left: Quantity, right: Quantity) -> Quantity:
    exact = left.exact and right.exact
    if left.unit and right.unit:
        return Quantity(_bounded(left.value / _convert(right, left.unit).value), None, exact)
    if right.unit:
        raise ToolError("arguments", "a number without a unit cannot be divided by one with")
    return Quantity(_bounded(left.value / right.value), left.unit, exact)


def _power(base: Quantity, exponent: Quantity) -> Quantity:
    if base.unit or exponent.unit:
        raise ToolError("arguments", "powers are of numbers without units")
    if exponent.value.denominator != 1:
        value = float(base.value) ** float(exponent.value)
        if isinstance(value, complex):
            raise ToolError("arguments", "that has no real value")
        return Quantity(Fraction(value), None, False)
    power = int(exponent.value)
    bits = max(base.value.numerator.bit_length(), base.value.denominator.bit_length())
    if abs(power) * bits > _MOST_BITS:
        raise ToolError("arguments", "that number is too large")
    return Quantity(base.value**power, None, base.exact and exponent.exact)


def _factorial(value: Quantity) -> Quantity:
    if value.unit or value.value.denominator != 1 or not 0 <= value.value <= 500:
        raise ToolError("arguments", "factorials are of whole numbers from 0 to 500")
    return Quantity(Fraction(math.factorial(int(value.value))), None, value.exact)


def _convert(value: Quantity, unit: Unit) -> Quantity:
    if value.unit is None:
        raise ToolError("arguments", f"what is to become {unit.name} has no unit")
    if value.unit.kind != unit.kind:
        message = f"{value.unit.name} ({value.unit.kind}) does not become {unit.name}"
        raise ToolError("arguments", f"{message} ({unit.kind})")
    return Quantity(from_base(to_base(value.value, value.unit), unit), unit, value.exact)


def _root(value: Quantity) -> Quantity:
    if value.value < 0:
        raise ToolError("arguments", "a negative number has no real square root")
    top, bottom = math.isqrt(value.value.numerator), math.isqrt(value.value.denominator)
    exact = Fraction(top, bottom)
    if exact**2 == value.value:
        return Quantity(exact, None, value.exact)
    return Quantity(Fraction(math.sqrt(value.value)), None, False)


def _real(function: Callable[[float], float]) -> Callable[[Quantity], Quantity]:
    return lambda value: Quantity(Fraction(function(float(value.value))), None, False)


_OPERATIONS: Mapping[str, Callable[[Quantity, Quantity], Quantity]] = {
    "*": _times,
    "/": _over,
}
_CONSTANTS = {"pi": math.pi, "e": math.e}
_FUNCTIONS: Mapping[str, Callable[[Quantity], Quantity]] = {
    "sqrt": _root,
    "abs": lambda value: Quantity(abs(value.value), value.unit, value.exact),
    "round": lambda value: Quantity(
        Fraction(math.floor(value.value + Fraction(1, 2))), value.unit, value.exact
    ),
    "ln": _real(math.log),
    "log": _real(math.log10),
    "sin": _real(math.sin),
    "cos": _real(math.cos),
    "tan": _real(math.tan),
}
