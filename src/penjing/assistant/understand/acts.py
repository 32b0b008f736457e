"""Dialogue acts: yes, no, never mind, and corrections: "no, the bedroom", 不对，是卧室. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from penjing.assistant.understand.span import Span
from penjing.assistant.understand.text import Token
from penjing.assistant.understand.words import FILLER, Phrases

Act = Literal["yes", "no", "cancel"]

_YES = Phrases((
    "yes", "yeah", "yep", "yup", "sure", "ok", "okay", "do it", "go ahead", "please do", "correct",
    "right", "exactly", "that's right", "of course", "certainly", "confirm", "confirmed", "fine",
    "absolutely", "go on", "yes please", "i do", "good", "alright",
    "是", "是的", "好", "好的", "好啊", "对", "对的", "可以", "行", "行的", "确认", "确定", "嗯",
    "没错", "当然",
    "同意", "执行", "来吧", "要", "需要", "没问题",
))  # fmt: skip
_NO = Phrases((
    "no", "nope", "nah", "don't", "do not", "not now", "no thanks", "no thank you", "rather not",
    "don't do it", "wrong", "not that", "not really", "better not", "no way", "please don't",
    "不", "不要", "不用", "不用了", "别", "不行", "不是", "不对", "否", "不好", "不必", "不了",
    "错了", "没有",
    "不可以", "不同意", "先不", "不需要",
))  # fmt: skip
_CANCEL = Phrases((
    "cancel", "cancel that", "cancel it", "never mind", "nevermind", "forget it", "forget that",
    "stop", "stop it", "abort", "leave it", "forget about it", "drop it", "quit",
    "取消", "算了", "不弄了", "停", "停下", "停止", "别弄了", "不做了", "放弃", "别管了", "不说了",
    "取消吧", "just kidding", "only kidding", "kidding", "just joking", "only joking", "jk",
    "开玩笑", "开玩笑的", "逗你的", "骗你的", "逗你玩", "算了吧", "拉倒", "拉倒吧", "作罢", "免了",
    "免了吧", "得了吧", "罢了", "scrap that", "bin that", "sod it",
))  # fmt: skip
_GREETING = Phrases(("你好", "您好"))
"""They hold a yes, 好, and are none."""
_CORRECTING = Phrases((
    "no", "nope", "not", "wrong", "sorry", "actually", "rather", "i meant", "i mean", "i said",
    "make that", "make it", "no i meant", "no i said", "instead", "wait", "that's wrong",
    "correction",
    "不", "不是", "不对", "错了", "我是说", "我说的是", "我指的是", "应该是", "改成", "换成", "是",
    "搞错了", "等等",
))  # fmt: skip
_DENYING = Phrases(("no", "nope", "not", "wrong", "i meant", "i mean", "i said", "sorry",
"actually",
                    "rather", "instead", "make that", "make it", "correction", "不", "不是", "不对",
                    "错了", "我是说", "我说的是", "我指的是", "应该是", "改成", "换成",
                    "搞错了"))  # fmt: skip
_CARRIERS = Phrases((
    "what about", "how about", "and", "in", "on", "at", "to", "for", "from", "with", "one", "it's",
    "it is", "is", "too", "as well", "also", "but", "the one in", "by", "of", "into",
    "呢", "是", "在", "到", "用", "换", "改", "那", "还有", "里", "里的", "和", "要", "从", "去",
    "我", "叫",
))  # fmt: skip


def act_of(tokens: Sequence[Token]) -> Act | None:
    """What a sentence is when it is nothing but an answer."""
    said = [one for one in tokens if not one.mark]
    if not said or _GREETING.ends(said, 0):
        return None
    for act, phrases in _ACTS:
        if _all_of(said, phrases):
            return act
    return None


_ACTS: tuple[tuple[Act, Phrases], ...] = (("cancel", _CANCEL), ("no", _NO), ("yes", _YES))


def _all_of(tokens: Sequence[Token], phrases: Phrases) -> bool:
    """Nothing but these phrases and fillers, and one of them at least."""

    def reach(place: int, met: bool) -> bool:
        if place == len(tokens):
            return met
        return any(reach(end, True) for end in phrases.ends(tokens, place)) or any(
            reach(end, met) for end in FILLER.ends(tokens, place)
        )

    return len(tokens) <= 8 and reach(0, False)


def is_bare(tokens: Sequence[Token], spans: Sequence[Span]) -> bool:
    """Nothing but values and the small words that carry them."""
    starts: dict[int, list[int]] = {}
    for span in spans:
        starts.setdefault(span.start, []).append(span.end)
    reached, todo = {(0, False)}, [(0, False)]
    while todo:
        place, met = todo.pop()
        if place == len(tokens):
            if met:
                return True
            continue
        after = [(end, True) for end in starts.get(place, ())]
        for phrases in (FILLER, _CARRIERS, _CORRECTING):
            after += [(end, met) for end in phrases.ends(tokens, place)]
        if tokens[place].mark:
            after.append((place + 1, met))
        for one in after:
            if one not in reached:
                reached.add(one)
                todo.append(one)
    return False


def denies(tokens: Sequence[Token]) -> bool:
    """It begins, or ends, by taking something back."""
    said = [one for one in tokens if not one.mark]
    if not said:
        return False
    begins = bool(_DENYING.ends(said, 0)) or said[0].text == "wait"
    return begins or said[-1].text == "instead"


_ASKING = frozenset({"what", "who", "when", "where", "why", "how", "which", "is", "are", "do",
"does",
                     "did", "was", "were", "tell"})  # fmt: skip


def asks(tokens: Sequence[Token]) -> bool:
    """It is a question."""
    if not tokens:
        return False
    return tokens[0].text in _ASKING or any(
        one.text in ("?", "吗", "什", "谁", "哪", "怎") for one in tokens
    )


_DEEDS = Phrases((
    "turn", "switch", "put", "set", "play", "pause", "stop", "start", "resume", "skip", "mute",
    "unmute", "open", "close", "shut", "lock", "unlock", "dim", "call", "phone", "ring", "dial",
    "send", "text", "email", "message", "order", "buy", "book", "reserve", "pay", "transfer",
    "cancel", "delete", "remove", "clear", "add", "save", "record", "print", "download", "install",
    "launch", "navigate", "charge", "wake", "remind", "schedule", "upload", "move", "raise",
    "lower", "increase", "decrease", "disarm", "connect", "disconnect", "reboot", "restart",
    "take a photo", "take a picture", "take a screenshot", "hang up", "pick up",
    "get me a taxi", "get me an uber",
    "打开", "关掉", "关上", "关闭", "关灯", "开灯", "关一下", "开一下", "播放", "放首", "放点",
    "放一首", "放音乐", "放歌", "暂停", "停止", "停掉", "继续播", "调高", "调低", "调到", "设置",
    "设个", "设一", "定个", "定一", "取消", "删除", "删掉", "发短信", "发消息", "发邮件", "发微信",
    "发个", "发给", "打电话", "给", "拨", "订个", "订一", "订张", "预订", "预约", "买个", "买一",
    "点外卖", "叫车", "叫个车", "打车", "下单", "付款", "转账", "锁上", "锁门", "解锁", "启动",
    "重启", "导航", "提醒", "添加", "加到", "保存", "录音", "录个", "拍照", "拍张", "截图", "打印",
    "下载", "安装", "连接", "断开", "静音", "切歌", "换台", "把",
))  # fmt: skip
"""How a sentence begins that wants something done in the world."""
_ONLY_WORDS = frozenset("我你讲说唱")
"""给我讲个笑话 is no deed."""


def orders(tokens: Sequence[Token]) -> bool:
    """It wants something done: it begins with a deed, after whatever is polite."""
    starts = {0}
    for place in range(min(len(tokens), 12)):
        if place in starts:
            starts |= set(FILLER.ends(tokens, place))
            starts |= {place + 1} if tokens[place].mark else set()
            for end in _DEEDS.ends(tokens, place):
                after = tokens[end].text if end < len(tokens) else ""
                if not (tokens[place].text == "给" and after in _ONLY_WORDS):
                    return True
    return False
