"""Names of colours, in English and Chinese. Pure."""

from __future__ import annotations

import re
from typing import Any

from penjing.tools.names import find, plain

_COLOURS: dict[tuple[str, ...], str] = {
    ("red", "红色", "红"): "#ff0000",
    ("green", "绿色", "绿"): "#00ff00",
    ("blue", "蓝色", "蓝"): "#0000ff",
    ("yellow", "黄色", "黄"): "#ffd500",
    ("orange", "橙色", "橘色", "橙"): "#ff7f00",
    ("purple", "violet", "紫色", "紫"): "#8000ff",
    ("pink", "粉色", "粉红色", "粉"): "#ff69b4",
    ("cyan", "turquoise", "青色", "青"): "#00ffff",
    ("magenta", "洋红色"): "#ff00ff",
    ("lime", "酸橙色"): "#bfff00",
    ("gold", "金色"): "#ffbf00",
    ("white", "白色", "白"): "#ffffff",
}
_WHITES: dict[tuple[str, ...], int] = {
    ("warm white", "warm", "暖白", "暖白色", "暖光", "暖色"): 2700,
    ("neutral white", "neutral", "自然光", "中性白"): 4000,
    ("cool white", "cold white", "cool", "cold", "冷白", "冷白色", "冷光", "冷色"): 6000,
    ("daylight", "日光"): 6500,
}
_KNOWN: dict[str, dict[str, Any]] = {
    plain(name): wanted
    for table, key in ((_COLOURS, "colour"), (_WHITES, "kelvin"))
    for names, value in table.items()
    for name in names
    for wanted in ({key: value},)
}
NAMES = tuple(_KNOWN)
"""All of them."""


def wanted_colour(name: str) -> dict[str, Any]:
    """A colour's name, or #rrggbb, as what is wanted of a light. Raises Failed."""
    if re.fullmatch(r"#[0-9a-fA-F]{6}", name):
        return {"colour": name.lower()}
    return dict(find("colour", name, _KNOWN))
