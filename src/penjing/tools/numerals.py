"""Chinese numerals into numbers: 三百二十一, 两千零五, 三点一四, 3.5万. Pure."""

from __future__ import annotations

from fractions import Fraction

DIGITS = {char: value for value, char in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
SCALES = {"十": 10, "百": 100, "千": 1000, "万": 10_000, "亿": 100_000_000}
CHARACTERS = "".join(DIGITS) + "".join(SCALES) + "点"


def read(text: str) -> Fraction:
    """The number that a run of numeral characters means. Raises ValueError."""
    whole, dot, part = text.partition("点")
    value = Fraction(_whole(whole))
    if dot:
        if not part or any(char not in DIGITS for char in part):
            raise ValueError(text)
        value += Fraction(int("".join(str(DIGITS[char]) for char in part)), 10 ** len(part))
    return value


def _whole(text: str) -> int:
    if not text:
        raise ValueError(text)
    if all(char in DIGITS for char in text):  # read digit by digit: 二零二六
        return int("".join(str(DIGITS[char]) for char in text))
    for scale in ("亿", "万"):
        high, found, low = text.rpartition(scale)
        if found:
            rest = _whole(low.lstrip("零〇")) if low.strip("零〇") else 0
            return (_whole(high) if high else 1) * SCALES[scale] + rest
    return _below_ten_thousand(text)


def _below_ten_thousand(text: str) -> int:
    total, digit, last = 0, None, 10_000
    for char in text:
        if char in DIGITS:
            if digit:
                raise ValueError(text)
            digit = DIGITS[char]
        else:
            scale = SCALES[char]
            if scale >= last:
                raise ValueError(text)
            total += (1 if digit is None else digit) * scale
            digit, last = None, scale
    return total + (digit or 0)
