"""Words that say whose words a sentence is: "Mum says ...", 他让我 ...; and what a signal is. Data.

Patterns over a sentence in lower case, English words apart by one space, Chinese characters
together. `w` is what is said to the person; all of a pattern without.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Kind = Literal["others_words", "said_not", "only_asked", "on_condition", "in_the_past",
               "with_exception", "not_now", "not_used", "unsure"]  # fmt: skip
"""What stands against a plain command; all but the last have a sentence in `spec/phrases.py`."""


@dataclass(frozen=True)
class Signal:
    """One way in which a sentence says that it is no plain command."""

    kind: Kind
    pattern: re.Pattern[str]


def signals(kind: Kind, *patterns: str) -> list[Signal]:
    return [Signal(kind, re.compile(one)) for one in patterns]


def words(words: str) -> str:
    return "|".join(word.strip().replace(" ", r" ") for word in words.split(","))


_SAYS = words(
    "says,said,saying,tells,told,telling,writes,wrote,written,asks,asked,asking,texted,texts,"
    "messaged,emailed,replies,replied,shouts,shouted,yells,yelled,claims,claimed,mentions,"
    "mentioned,suggests,suggested,recommends,recommended,advises,advised,orders,ordered,commands,"
    "commanded,demands,demanded,insists,insisted,requests,requested,announces,announced,quoted,"
    "reads,states,stated,instructs,instructed,begs,begged,wants,wishes,wished,expects,hopes,"
    "yelling,shouting,screaming,whispering,writing,texting,demanding,insisting,begging,calling out,"
    "called out,calls out,shouts out,singing,sang,sings,hums,humming,moaning,moaned,chanting,"
    "thinks,thought,whispers,whispered,screams,screamed,posted,tweeted,forwarded"
)
_SOMEBODY = (
    r"(?:(?:my|our|his|her|their|your|the) [\w'-]+|they|people|everyone|everybody|somebody"
    r"|someone|he|she|you|others)"
)
_MAIL = words(
    "email,emails,e - mail,mail,voicemail,sms,newsletter,whatsapp,tweet,telegram,transcript,"
    "letter,memo,caption,subtitle,quote,unquote,quotation,headline,billboard,flyer"
)
PERSON_ZH = (
    "他们|她们|他|她|别人|人家|有人|某人|大家|对方|妈妈|妈|爸爸|爸|老婆|老公|妻子|丈夫|奶奶|爷爷|外婆|外公"
    "|媳妇|闺女|姑娘|小孩|室友|保姆|阿姨|叔叔|舅舅|姑姑|婆婆|公公|岳父|岳母|爷|奶|姥姥|姥爷|师傅|老板娘"
    "|哥哥|姐姐|弟弟|妹妹|儿子|女儿|孩子|同事|朋友|邻居|老板|经理|客服|医生|老师|客人|房东|电视里|广播里|书上"
    "|舍友|孙子|孙女|大爷|大妈|物业|娃"
    "|小(?![时夜声心说家灯一])[\u4e00-\u9fff]|老[王李张刘陈赵]|阿[\u4e00-\u9fff]"
)

OTHERS = signals(
    "others_words",
    rf"(?<!\bi )(?<!\bi just )(?<!\bwe )(?<!\bas i )(?<!\bi have )\b(?P<w>{_SAYS})\b"
    r"(?!(?<=wants) \w+ing\b)",  # the curtains want closing
    rf"\b{_SOMEBODY} (?P<w>say|tell|write|ask|want(?! \w+ing\b)|need(?! \w+ing\b)"
    r"|would like|'d like|order|demand|insist)\b",
    r"\b(?:\w+'s|they're|is|are|was|were) (?:all |just )?(?P<w>like)(?= ?[,:]"
    r"| (?:play|turn|switch|set|stop|start|put|open|close|take|call|remind|wake|can you)\b)",
    r"\b(?P<w>needs) (?:me|you|us)\b", r"\b(?P<w>goes|went) ?[,:]",
    r"\b(?:sign|poster|label|screen|card) (?P<w>read)\b",
    r"\bi (?:was|am|have been|had been|got) (?P<w>\w+) to\b",
    r"(?:^|[.,;!?] )(?P<w>fwd|fw|re|forwarded|from|subject|cc|sent|begin forwarded message) ?:",
    r"^(?:re|fwd|fw) [-:>]", r"(?P<w>>)", r"^(?P<w>@) ?\w",
    r"(?:^|[:,;.] ?)(?!(?:hey|ok|okay|so|well|please|and|now|then|hi|hello|um|uh|oh|home|house"
    r"|assistant|computer|penjing|好|嗯|那|请|哎|喂|好的|那么|行|助手|管家) ?:)"
    r"(?P<w>[a-z][a-z'-]+(?: [a-z'-]+)?|[\u4e00-\u9fff]{2,4}) ?:(?! ?\d)",
    rf"\b(?P<w>{_MAIL})\b",
    r"\b(?P<w>message|note|text|word|orders|greetings|sign|post|call|news) (?:from|by|of|saying)\b",
    r"\b(?P<w>according to|on behalf of|as per|in the words of|apparently|allegedly|supposedly"
    r"|rumour has it|quoting|i heard|i read|i hear|repeat after me|read out|read aloud|translate"
    r"|summari[sz]e|spell|explain)\b",
    r"\b(?P<w>tell|ask|remind|order) (?!me\b|us\b)(?:[a-z'-]+ ){1,3}(?:to|that)\b",
    r"(?<![我你])(?<!我们)(?<!就是)(?P<w>说|讲|喊|嚷|念叨|吵着)(?!明书|话)",
    r"(?P<w>写道|写着|写的是|转发|转述|转告|回复|留言|来信|来电|短信|邮件|微信|群里|信里|信上|据说|听说|传话"
    r"|原话|台词|歌词|引用|吩咐|叮嘱|嘱咐|通告|公告|告示|备注|转给|翻译|解释|朗读|念一)",
    r"(?<![我])(?P<w>要求|建议|命令|希望|提议|告诉)",
    rf"(?P<w>{PERSON_ZH})[^,。;:!?]{{0,6}}?(?<!别)(?:让|叫|要|请|想|求|催|问|回|发|告诉|希望)",
    r"(?:^|[,。;!?])(?!(?:你|您|请|麻烦|劳驾|帮忙|能不能|可不可以|能否|可否|可以|能|快|赶紧|赶快|先|再|也|就|想|那|嗯|好)+让我)"
    r"[^,。;!?开关打拉放播把给]{1,4}(?<![我你请您帮])(?P<w>让我)",
    r"(?<=[^\s我你请您帮,。;!?，])(?P<w>要我|请我|求我|催我|喊我|劝我|命我|逼我|叫我(?=[^起醒,。!]))",
)  # fmt: skip
WRITTEN = re.compile(
    r"^(?:(?:hey|ok|okay|so|well|and|but|oh|um|uh) ?[,;:]? ?)*"
    r"(?:the|this|that|my|his|her|their|our|your|an?) (?:[\w'-]+ ){0,2}?"
    r"(?:note|sign|label|poster|sticker|message|letter|email|e-mail|text|memo|list|card|page"
    r"|reminder|screen|board|paper|book|manual)s?\b[^,.;:!?]{0,40}?\b(?:reads?|says?|said|goes)\b"
    r"|^[^记写提帮把给请,。;:!?]{0,8}?(?:便条|便签|便利贴|纸条|字条|笔记|备忘录|标签|牌子|告示|短信|邮件|说明书|单子|屏幕|书|纸|门|墙|冰箱)"
    r"上?[^,。;:!?]{0,4}?(?:写着|写的是|写了|写道|说的是|说)"
)
"""Something that is read out, even where a note could begin so: "the note on the fridge reads"."""
