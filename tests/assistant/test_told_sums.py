"""Sums that are told as a story, and what only looks like one."""

from __future__ import annotations

import pytest
from assisted import NOW

from penjing.assistant.understand.span import Moment
from penjing.assistant.understand.sums import sums
from penjing.assistant.understand.text import tokens_of
from penjing.tools.arithmetic import calculate

STORIES = {
    "split 96 pounds between 4 people": 24, "split 80 four ways": 20,
    "80 split between 5 of us": 16,
    "90 shared between 3": 30, "20 percent off 80": 64, "15 percent tip on 60 dollars": 9,
    "a tip of 10 percent on 45": 4.5, "double 37": 74, "triple 12": 36, "the sum of 3 and 4": 7,
    "the difference between 100 and 37": 63, "product of 6 and 7": 42, "seven lots of eight": 56,
    "7 eights": 56, "twelve fours": 48, "3 and 4 make": 7, "7 goes into 84": 12,
    "thousand divided by eight": 125, "hundred minus thirty seven": 63,
    "bill's 84 quid between six of us, what's that each": 14,
    "the bill is 120 between 8 people, how much each": 15,
    "Add forty-five, sixty-seven and eighty-nine": 201,
    "our tab comes to 90 over 3, what is that each": 30, "add 12, 30 and 8": 50,
    "add 1 and 2 and 3": 6,
    "the sum of 5, 6 and 7": 18, "the taxi was 36 between 4 of us, what's it come to each": 9,
    "my total is 75 by 5 ways, so how much is that apiece": 15, "add up 10, 20, 30 and 40": 100,
    "五加三的和再乘以六": 48, "四十加二十的和除以三": 20, "九减二的差再乘五": 35,
    "十减四的差除以二": 3, "三十六、二十四和四十加起来": 100, "把五,六和七加起来": 18,
    "一萬二嘅百分之十五": 1800, "廿加卅": 50, "三萬五減五千": 30000, "五加上七的和，再乘二": 24,
    "十五个二十三": 345, "三百二十块四个人平摊": 80, "四个人平分三百二": 80, "320块四个人分": 80,
    "八百打八折": 640, "两百的三成": 60, "三十七的两倍": 74, "一百的一半": 50, "十二成七": 84,
}  # fmt: skip


def said(text: str) -> list[tuple[int, str]]:
    tokens = tokens_of(text)
    return [
        (one.start, one.value or text[tokens[one.start].start : tokens[one.end - 1].end])
        for one in sums(tokens, Moment(NOW))
    ]


@pytest.mark.parametrize(("text", "worth"), STORIES.items())
def test_stories_are_sums(text: str, worth: float) -> None:
    found = [float(calculate(one).value) for start, one in said(text) if start == 0]
    assert worth in found


@pytest.mark.parametrize(
    "text",
    [
        "I split up with him 3 days ago", "double the volume", "twelve", "half past nine",
        "a hundred", "二十个十分钟", "三个五分钟的计时器", "两个人", "打八折", "一半",
        "set a timer for ten minutes", "three of us", "七点和八点",
    ],
)  # fmt: skip
def test_what_is_no_sum(text: str) -> None:
    assert said(text) == []
