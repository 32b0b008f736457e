"""Sums in words, English and Chinese, as sums in signs: "take 3 from 9", 三十六块五加十二块. Pure.

Numbers in English words are digits by then (`arithmetic.py`); Chinese numerals may stand.
"""

from __future__ import annotations

import re

from penjing.core import numerals

_N = rf"[0-9.]+|[0-9.{numerals.CHARACTERS}]+"
_DIGITS = "一二两三四五六七八九"
_COUNTER = "[个张件杯斤只本瓶份箱盒条双碗块支串袋公斤人位盘包]"
_WORDS: tuple[tuple[str, str], ...] = (
    (r"^\s*(?:take|subtract|deduct)\s+([0-9.]+)\s+(?:away\s+)?from\s+(.+)$", r"\2 - \1"),
    (r"^\s*add\s+([0-9.]+)\s+(?:and|to)\s+([0-9.]+)", r"\1 + \2"),
    (rf"({_N})\s*的平方根", r" sqrt \1 "),
    (r"^\s*(?:split|share)\s+([0-9.]+)\s+(?:by|between|among)\s+", r"\1 / "),
    (r"^\s*(multiply|divide)\s+([0-9.]+)\s+by\s+", r"\2 \1 "),
    (r"\btake away\b", "-"), (r"\bmultiply\b", "*"), (r"\bdivide\b", "/"),
    (r"\b([0-9.]+)\s+(?:[a-z]+\s+){1,4}(?:at|for)\s+([0-9.]+)\s*(?:each|apiece|a piece|per [a-z]+)",
     r"\1 * \2"),
    (rf"({_N})\s*{_COUNTER}[\u4e00-\u9fff]{{0,4}}?[\s,，]*[一每]\s*{_COUNTER}\s*({_N})",
     r"\1 * \2"),
    (rf"从?\s*({_N})\s*(?:里头|里面|里|中)\s*(?:减[去掉]?|[去扣]掉|扣除|除去|拿[走掉])", r"\1 - "),
    (rf"({_N})\s*[块元]\s*([0-9{_DIGITS}])\s*[毛角]\s*([0-9{_DIGITS}])\s*分?(?![0-9{numerals.CHARACTERS}])",
     r"(\1 + \2/10 + \3/100)"),
    (rf"({_N})\s*[块元]\s*([0-9{_DIGITS}])\s*[毛角]?(?![0-9{numerals.CHARACTERS}])",
     r"(\1 + \2/10)"),
    (r"[$€£¥￥]|(?<=[0-9.)])\s*(?:dollars?|euros?|quid|bucks)\b|[块元]钱?(?!\w*钱)|块钱", " "),
    (rf"百分之\s*([0-9.]+|[{numerals.CHARACTERS}]+)", r"\1%"),
    (r"再(?=\s*[加减乘除])", ""),
    (r"(?:还剩|剩下?|[一总]?共|合计)?[是有]?多少钱?\s*$|[还一总]?[剩共][下计]?\s*$", ""),
    (r"^\s*(what is|what's|how much is|calculate|compute|计算一下|计算|算一下)\s*", ""),
    (r"(等于多少|等于几|是多少|得多少|[=?？。]|等于)\s*$", ""),
    (r"\bthe\b", " "),
    (r"multiplied by|times|乘以|乘|[×·∙]", "*"),
    (r"divided by|\bover\b|除以|[÷∕]", "/"),
    (r"to the power of|\*\*", "^"),
    (r"square root of|根号|√", " sqrt "),
    (r"squared|的平方|²", "^2"),
    (r"cubed|的立方|³", "^3"),
    (rf"的\s*([0-9.{numerals.CHARACTERS}]+)\s*次方", r"^\1"),
    (r"plus|加上|加|＋", "+"),
    (r"minus|减去|减|[−–－]", "-"),
    (r"percent|per cent|％", "%"),
    (r"\b(?:a |one )?half(?= of\b)", "(1/2)"), (r"\b(?:a |one )?quarter(?= of\b)", "(1/4)"),
    (r"\b(?:a |one )?third(?= of\b)", "(1/3)"), (r"分之", "@"),
    (r"\bof\b|的", "*"),
    (r"\bconverted to\b|\binto\b|\bas\b|换算成|转换成|等于多少|是多少|换成|合|->|→", " to "),
    (r"（", "("), (r"）", ")"), (r"π", " pi "),
)  # fmt: skip


def in_signs(text: str) -> str:
    """The same with signs for words."""
    for pattern, replacement in _WORDS:
        text = re.sub(pattern, replacement, text)
    return re.sub(r"(?<=[0-9])\s*x\s*(?=[0-9])", "*", text)
