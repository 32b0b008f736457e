"""Bytes that are no Unicode are read right, or refused: garbage is never kept."""

from __future__ import annotations

from contextlib import suppress
from random import Random

import pytest

from penjing.core.errors import BadInput
from penjing.knowledge.encodings import decode
from penjing.knowledge.guessing import guessed

RIGHT = [
    ("gb18030", "菜名,价格\n干煸豆角,26\n清蒸鲈鱼,68\n"),
    ("gb18030", "型号: 洗衣机"),
    ("gb18030", "姓名,电话\n王芳,13800001111\n欧阳锋,13900002222\n"),
    ("gb18030", "葡萄,枇杷,榴莲,菠萝\n"),
    ("gb18030", "锅炉每年十月排气一次。"),
    ("big5", "菜名,價格\n宮保雞丁,38\n"),
    ("big5", "冷氣機遙控器的電池型號"),
    ("cp932", "商品,価格\nドライバー,1200\nのこぎり,2500"),
    ("cp932", "冷房の温度は二十七度にしてください。"),
    ("euc_jp", "掃除機の紙パックは三か月ごとに交換してください。"),
    ("cp949", "이름,전화\n김철수,010-1234\n"),
    ("cp949", "필터는 석 달마다 청소하세요."),
    ("cp1251", "Фильтр чистят раз в три месяца."),
    ("cp1251", "Название;Цена\nЧайник;1200\nУтюг;2500\n"),
    ("cp1251", "Привіт, як справи?"),
    ("koi8-r", "Фильтр чистят раз в три месяца."),
    ("cp866", "Фильтр чистят раз в три месяца."),
    ("cp1253", "Το φίλτρο καθαρίζεται κάθε τρεις μήνες."),
    ("cp1255", "יש לנקות את המסנן כל שלושה חודשים"),
    ("cp1256", "يجب تنظيف المرشح كل ثلاثة أشهر"),
    ("cp874", "ทำความสะอาดตัวกรองทุกสามเดือน"),
    ("cp1252", "20 °C"),
    ("cp1252", "It’s a “test” – really…"),
    ("cp1252", "Der Kessel muß jährlich entlüftet werden."),
    ("cp1252", "Le café crème coûte 3 €"),
    ("cp1252", "¿Dónde está el señor?"),
    ("cp1252", "blåbær på øya"),
    ("cp1250", "Zażółć gęślą jaźń"),
    ("cp1250", "Příliš žluťoučký kůň úpěl ďábelské ódy"),
    ("cp1254", "Kazan her yıl ekim ayında boşaltılmalıdır."),
    ("iso2022_jp", "冷房の温度"),
]


@pytest.mark.parametrize(("codec", "text"), RIGHT)
def test_it_is_read_right(codec: str, text: str) -> None:
    assert decode(text.encode(codec)) == text


@pytest.mark.parametrize(("codec", "text"), RIGHT)
def test_a_few_words_are_right_or_refused(codec: str, text: str) -> None:
    for length in (8, 12):
        piece = text[:length].strip()
        with suppress(BadInput):
            assert decode(piece.encode(codec)) == piece


def test_noise_is_refused() -> None:
    noise = Random(5)
    for length in (8, 30, 300, 3000):
        for _ in range(20):
            with pytest.raises(BadInput):
                decode(bytes(noise.randrange(128, 256) for _ in range(length)))


def test_stray_bytes_are_signs_and_no_letters() -> None:
    log = b"the pump was started and ran for an hour\n" * 200
    assert decode(log + b"state \x9d\x81 \x8f\n") == log.decode() + "state \ufffd\ufffd \ufffd\n"
    with pytest.raises(BadInput, match="save it as UTF-8"):
        decode(log[:200] + b"state \x9d\x81 \x8f\n")


def test_what_a_page_says_of_itself_decides_where_the_bytes_do_not() -> None:
    short = "价格".encode("gb18030")
    assert guessed(short) in (None, "gb18030")
    assert guessed(short, "gb18030") == "gb18030"
    chinese = "锅炉每年十月排气一次，滤网三个月清洗一次。"
    assert decode(chinese.encode("gb18030"), "iso-8859-1") == chinese  # it was copied from another


def test_late_letters_count_and_long_lines_are_no_more_work() -> None:
    log = b"started\n" * 200_000 + "锅炉每年十月排气一次。".encode("gb18030")
    assert decode(log).endswith("排气一次。")
    line = "锅炉每年十月排气一次，".encode("gb18030") * 100_000
    assert decode(line).startswith("锅炉每年")
