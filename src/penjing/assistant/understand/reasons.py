"""What is said beside a command: why it is given, or something that may be meant for it. Pure.

"Desk lamp up by 20 percent, my eyes aren't what they were" gives a reason, and its "aren't" and
"were" say nothing about the lamp. "..., not now" and "..., when I leave" are meant for the command.
What is neither plainly is asked about.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Literal

from penjing.assistant.understand import acts, signals, whose
from penjing.assistant.understand.familiar import joined
from penjing.assistant.understand.text import Token
from penjing.assistant.understand.words import courteous

Kind = Literal["reason", "doubtful", "turning"]
"""Why something is wanted; perhaps that; meant for the command itself."""


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns))


def _words(words: str) -> str:
    """Any of these English words and phrases."""
    return rf"\b(?:{'|'.join(one.strip() for one in words.split(','))})\b"


_LEAD = (
    r"^(?:(?:because|cos|cause|cuz|coz|cus|bc|since|as|so|and|but|oh|ugh|god|man|well|it's just"
    r"|honestly|seriously|sorry|please|though|only that|seeing as|given that|now that) ?,? )*"
)
_NEVER_MEANT = _any(
    r"(?<!not )\b(?:kidding|joking)$",
    r"\b(?:ignore|disregard) (?:that|it|me|this)\b",
    r"\b(?:a|my) joke$",
    r"\bjust a joke\b",
    r"\btake (?:it|that) back$",
    r"(?:n't|not|never) (?:really |actually )?(?:mean|meant) (?:it|that|to)\b",
    r"(?:n't|not) (?:talking|speaking) to you\b",
    "说着玩|闹着玩|逗你|骗你的|当我没[说讲]|别当真|不是认真|别听我的|乱说的|不是[跟对和]你[说讲]",
)
"""What was said is no wish."""
_TAKES_BACK = _any(
    _NEVER_MEANT.pattern,
    r"\bforget i said\b",
    r"(?<!not )\b(?:kidding|joking)\b",
    r"\b(?:cancel|undo|skip|forget|scrap|bin|sack|sod) (?:that|it|this|me)\b",
    r"\bnever ?mind\b",
    r"\bscratch that\b",
    r"\bchang(?:e|ed|ing) my mind\b",
    r"\btak(?:e|ing) (?:it|that|this) back\b",
    r"\bas a joke\b",
    r"\bjust (?:a test|testing)\b",
    r"\b(?:hold|hang) on\b",
    r"\bhold it\b",
    r"\bsecond thoughts?\b",
    r"\bon reflection\b",
    r"\b(?:no|any) need\b",
    r"(?:n't|not) (?:mean|meant)\b",
    r"\b(?:i|you|we) (?:don't|do not|needn't) (?:have|need) to\b",
    r"\b(?:don't|dont|do not)(?: you dare)?(?: do (?:it|that|so))?$",
    r"^(?:no|nope|nah|wait|stop|not|don't|dont|never|actually|oops|jk)"
    r"(?: ?,? (?:no|wait|don't|not))*$",
    "算了|不用(?![那这][么样])|不要了|不必|不需要|用不着|取消|作废|忽略|当我没|玩笑|慢着|先别|先不",
    "拉倒|作罢|免了吧?$|得了吧|得了不|还是别|还是不|改主意|改变主意|反悔|后悔|说错|搞错|弄错|不对|收回|没必要|不[开关弄调放做设]了",
    "别[真听信]|^[别不没停]+了?$|^(?:等等|等一下|等下)$",
)
"""The wish is over, or never was one."""
_HAPPENS = (
    r"before (?:i|we|he|she|they|someone|somebody|anyone|everyone|it|the \w+|my \w+)"
    r" (?:\w+ ){0,2}?(?:trips?|falls?|freezes?|melts?|dies?|goes? mad|screams?|wakes?|burns?)\b"
)
_CONDITION = _any(
    rf"{_LEAD}(?:(?:not|only|just|even|except|or) )*(?!{_HAPPENS})"
    r"(?:if(?! you (?:ask|know|see)\b)|when|whenever|unless|until|till|once|while you|as soon as"
    r"|as long as|provided|assuming|suppose|supposing|should|had|were|by the time|every time"
    r"|each time|before|after)\b",
    "^(?:那|就|但|但是|不过|只有|只|除了)*(?:如果|要是|假如|倘若|若|只要|除非|一旦|等(?!不及|着|得|于)|当(?!然|初)|每当"
    "|每次|到时)",
    "(?:的时候|时候|之后|以后|之前|以前|再|的话)再?[说讲开关弄来做调放]?[吧啊了]?$",
    "再说吧?$|了再[^,。]{1,4}$|[才就](?:开|关|行|可以)$",
)
"""How a clause begins, or ends, that says when the command is meant."""
_EXCEPTION = _any(
    _words(
        "except,excluding,apart from,aside from,other than,besides,but not,but leave,but keep"
        ",but the,not the,not in,not on,not at,not that,not this,not my,not for,not until,not till"
        ",not with,only the,just the,only for,instead,rather than,without,as well as"
    ),
    r"\b(?:leave|keep) (?:the|it|them|that)\b",
    "除了|除(?!非)|只有|只[开关要留]|仅|其[他它余]|别的|留[着下]|保留|不算|不包|不含|不动|别[动碰管]|照旧",
)
_ORDER_NOT = _any(
    rf"{_LEAD}(?:just |please )*"
    r"(?!(?:don't|dont|do not)(?: really| even)? (?:want|like|need|fancy|feel|think|know|have|care"
    r"|trust|see|sleep)\b)(?:don't|dont|do not|never|not|no)\b"
    r"(?! (?:a soul|one|body|much|many|enough|even|so|that|very|quite|point|sense|use|reason"
    r"|wonder|light|sign|chance|idea|time|good|fun|room|air|sun|help|telling|way|longer|more than"
    r"|been|felt|seen|slept|had|\w+ing)\b)",
    "^(?:但|但是|可|千万|就是|只是|也|记得|拜托|请|可是|不过)*(?:别|甭|勿|莫|不[要许准能是用必可开关调放停设定播改动])",
)
"""An order not to do something: "not the hallway", 别开."""
_HARM = re.compile(
    "^(?:千万|可|也|就|都)*(?:别|不要|不能|不想|免得|省得|以免|怕|生怕)[^开关停放调]{0,7}?(?:吵|闹|晃|刺|冻|冷|热着|烫|摔|绊"
    "|磕|碰|撞|醒|惊|凉|感冒|伤|累|瞎|坏|糊|焦|烂|干|迟|误|忘|晚|过头|浪费|费|漏|潮|淋|晒|哭|疼|堵|丢)"
)
"""What is not to happen, and is no command: 别晃着娃."""
_OTHERS_SAY = _any(
    r"(?<!\bi )(?<!\bi've )\b(?:says?|said|saying|told|tells?|asks?|asked|shouts?|shouted|yells?"
    r"|yelled|wrote|reads?|quoted?|texted|sings?|sang|called)(?: (?:me|us|him|her|them|to|that|so"
    r"|it|this|here|everyone|no one ever|:|the \w+|my \w+))*$",
    r"\bsaid no ?one\b",
    r"^(?:(?:and|but|so|then|well) )*(?!i\b|anything\b)(?:\w+ ){0,2}\w+"
    r"(?: goes|(?: is| was| were|'s) like)$",
    r"\b(?:that's|that is|is|was) what\b",
    r"^(?:it|that) says\b",
    r"\bpeople (?:say|who say)\b",
    "(?:说|讲|喊|要求|问)[的过了着道]?$|[这那]么[说讲]|[这那]种?话|谁[说让叫]|没[说让]|不想让你",
)
"""Whose words the command is, and not what somebody has told."""
_UNFINISHED = _any(
    _words("to,that,would,should,could,can,will,must,and,or,but,if,when,the,a,my,want,like,let"
           ",always,never,please") + "$",
    "[让叫请要想把给跟和说你]$|你们$",
)  # fmt: skip
"""A clause that goes on with the command behind it: "I don't want you to, ..."."""
_SUPPOSES = _any(rf"{_LEAD}(?:in case|say|imagine|pretend|let's say)\b", "^(?:万一|假设|比如|譬如)")
"""How a supposition begins that comes before the command."""
_GREETING = _any(
    r"^(?:good |gm |ah |oh )*(?:morning|evening|afternoon|day)"
    r"(?: (?:all|love|home|house|everyone|mate|dear))?$",
    "^(?:早|早啊|早上好|早安|中午好|下午好|晚上好)$",
)
_HOURS = (
    r"\d+|half|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|an hour|hour|minutes?"
    r"|hours?|morning|evening|night|noon|midnight|pm|am|o'clock|at|in|on|past|later|soon|tonight"
    r"|tomorrow|now|yet|today|while|bit|moment|(?:mon|tues|wednes|thurs|fri|satur|sun)day|weekend"
)
_ONLY_WHEN = _any(
    r"^(?:(?:and|but|not|just|maybe|well|for|the|a|about|around|this|next|though|please|then"
    r"|every) )*"
    rf"(?:{_HOURS}|day)(?: (?:{_HOURS}|though|then|please|or so|maybe|perhaps))*$",
    "^(?:那|就|要|等|过|再过|大概|差不多)*(?:明[天早晚]|后天|今[晚天]|晚[点些上]|待会|一会|等会|过会|回头|稍后|现在|以后|下次|早上"
    r"|上午|中午|下午|[一二两三四五六七八九十半\d]+(?:点|分钟|小时|个小时|刻钟|秒))[^我你他她它]{0,4}$",
)
"""A time and nothing else."""
_DOUBTFUL = _any(
    r"\?",
    r"\bto$",
    _words(
        "you,your,yours,want(?! to),wants,wanted,wish,mean,meant,ask,asks,asked,say,says,said,tell"
        ",told,talk,talking,hope,should,shouldn't,must,mustn't,would,wouldn't,might,supposed"
        ",allowed,ought,serious,sure,done,finished,did,do,does,won't,i'd,we'd,still,already,trust"
        ",agree,allow,let,maybe,perhaps,later,soon,tonight,tomorrow,joking,kidding,test,only"
        ",in case,then,works?,worked,working,happen,happened"
    ),
    r"^(?:that|this|which)(?:'s| is| was| isn't| wasn't)\b",
    r"\b(?:it|them|that|stay|be|is|are|was|were|keep|leave|left|go|goes|going|went|no|back)"
    r" (?:on|off|open|closed|shut)\b",
    _words(
        "turn,turned,turning,switch,switched,switching,dim,dimmed,close,closed,opened,play,played"
        ",set,(?<!never )(?<!t )stop,stopped,start,cancel,cancelled"
    ),
    r"\b(?:i|we) (?:don't|won't) (?!want to|like|feel|see|sleep|have|know|hear|think)",
    r"(?:n't|not) (?:\w+ ){1,2}(?:it|that|this|so)$",
    r"^(?:what|who|why|how|when|where|which|whose|is|are|do|does|did|can|could|will|have|has|shall"
    r"|may)\b(?! a\b)",
    "[你您]|想(?!睡|吐|哭)|应该|可以|说|(?<!电)话|意思|同意|打算|考虑|可能|也许|还在|还没[^,。]{0,2}完|已经?[开关停调打拉]",
    "[吗么嘛]$|谁|怎么|为什么|干嘛|几点|[开关停调放][了着过掉上的]|[没不别][开关停调放做弄按]|明[天早晚]|后天|晚点|待会",
    "一会|等会|回头|下次|只|才|就[要得]|上次|我们?[也都才]?不(?!舒服|好|行|知道|太|够|敢|爱|喜欢|习惯|困)",
)
"""Words with which a reason is no plain one."""
_PEOPLE = (
    r"i|we|he|she|they|it|nobody|no one|no - one|everyone|everybody|someone|somebody|nothing|people"
    r"|kids|children|guests|baby|granny|grandma|grandpa|gran|nan|nana|mum|mom|mummy|mommy|dad|daddy"
    r"|there|one|everything|neighbours|neighbors"
)
_REASON = _any(
    rf"{_LEAD}(?:{_PEOPLE})(?:'m|'re|'s|'ve|'ll)?\b(?! ?$)",
    rf"{_LEAD}(?:my|our|his|her|their|the|this|these|those|some|half|both|all) \w+.*"
    r"(?:'s|'re|'ve|n't|ed|ing|(?:[b-hj-rtv-z]|ch|sh|ss)es|\b(?:is|are|am|was|were|has|have|had|does|not|never"
    r"|feels?|hurts?|looks?|needs?|keeps?|gets?|got|can|will|came|went|left|fell|woke|slept|broke"
    r"|hates?|loves?|likes?|sleeps?|aches?|cries|itch))\b",
    rf"{_LEAD}(?:(?:far|way|much|a bit|a little) )?(?:too|so|very|pretty|awfully|really|quite) \w+",
    rf"{_LEAD}(?:freezing|boiling|roasting|sweltering|melting|shivering|sweating|starving|knackered"
    r"|exhausted|tired|pitch|dark|cold|hot|stuffy|barely|hardly)\b",
    rf"{_LEAD}(?:can't|cannot|couldn't|can not|can hardly|can barely|haven't|hasn't|never been"
    r"|never felt|not been|don't want to|don't like|didn't sleep)\b",
    rf"{_LEAD}(?:not a soul|no (?:point|sense|use|reason|light|sun|air|time)|nothing"
    r"|not (?:enough|much|very|even))\b",
    rf"{_LEAD}(?:otherwise|or else|or) (?:{_PEOPLE}|my|our|the|his|her|their)\b",
    rf"{_LEAD}(?:(?:just|only|simply|in order|so as) to|so that|so (?:i|we|he|she|they|it)) \w+",
    rf"{_LEAD}(?:last (?:time|night|week)|feels|looks|smells|sounds|what a|such a)\b",
)
"""How a reason begins."""
_REASON_ZH = _any(
    "^(?:因为|毕竟|反正|主要是|实在|真是|真的|不然|否则|要不然|要不|怕|哎|唉|天哪|都|这|那)",
    "我|咱|孩子|小孩|娃|宝|崽|老婆|老公|妻|丈夫|媳妇|妈|爸|爷|奶|姥|外婆|外公|哥|姐|弟|妹|儿子|女儿|闺女|孙|邻居|客人|朋友",
    "老人|家里|屋|里面|外面|里头|外头|这[里儿边]|天|太阳|阳光|风|雨|雪|眼|头|手|脚|腿|腰|膝|身|嗓|耳|肚|心|电费|油费|蚊|猫|狗",
    "电影|节目|没人|没电|没光|热|冷|冻|晒|困|累|黑|暗|亮|刺眼|晃|吵|闹|疼|痛|晕|饿|渴|闷|潮|睡|醒|受不了|找不|看不|听不|摔",
    "绊|忙|烦|无聊|省|浪费|费|难[受听看闻]|来不及|等不及|忘|迟到|起不来|好听|好看",
)
STILL = _any(
    r"\b(?:i'm|we're|he's|she's|they're|am|are|is) still \w+ing\b",
    "[还正]在?[看听用读写做玩吃聊](?![一下点起上了])",
)
"""What goes on yet: it may not be meant to end."""
_BARELY = re.compile(r"\bonly just\b ?(?!(?:the|my|our|this|that|these|those|in|for|at|to)\b)")
"""How lately something happened: no exception is made."""
_ALREADY = re.compile(
    r"\balready\b ?(?!on\b|off\b|open|closed|shut|done|did|set|turned|switched|running|playing)"
    r"|\b(?:has|have|had|got|needs?) to do\b|已经(?![开关停调打拉])"
)
"""What is so by now, or must be done, and not of the thing itself."""
_HEARSAY = re.compile(
    r"^(?:(?:and|but|so|well|because|cos|as|since) ?,? ?)*"
    r"(?:apparently|supposedly|rumour has it|i hear|i heard|they say|听说|据说)(?: that)? ?,? ?"
    r"(?=\w)"
)
"""How somebody tells what they have heard, and wants nothing by it."""
_TURNING: frozenset[whose.Kind] = frozenset({
    "with_exception", "others_words", "on_condition", "only_asked", "not_now",
})  # fmt: skip
"""What a reason does not say: that something is not so, or was, it may say."""
_TELLS_WHEN = _any(
    r"\b(?:last|this|all|every|half the|the other|since)"
    r" (?:night|morning|evening|afternoon|week|weekend|month|day)s?\b",
    r"\b(?:for|in) (?:\w+ ){1,2}(?:nights|days|hours|weeks|months|years|ages)\b",
    r"\bneeds? (?:some|more|a|an|his|her|their|its)\b(?!.* (?:on|off|up|down|open|closed|shut)$)",
    r"\bafter all\b|\b(?:i|we) only\b|^(?:otherwise|不然|否则|要不然|要不)|[什谁哪怎]么?(?=[都也])",
    "每[天次]|天天|一晚上|一夜|半夜|早上|[今昨]晚上?|只(?=穿|睡|吃|有一)",
)
"""What looks like a time or a condition, and a reason may tell of."""


def kind_of(tokens: Sequence[Token], *, leads: bool) -> Kind:
    """What a clause beside a command is; `leads`: it stands before it."""
    gone = courteous(tokens)
    flat = _flat([one for n, one in enumerate(tokens) if n not in gone])
    if gone and not flat:
        return "reason"
    if leads and _GREETING.search(flat):
        return "reason"
    flat = _HEARSAY.sub("", _BARELY.sub("", flat))
    kinds, harm = set(_signals(flat)), _HARM.search(flat)
    if takes_back(tokens) or "with_exception" in kinds or _turns(flat, leads=leads):
        return "turning"
    if _ORDER_NOT.search(flat) and not harm:
        return "doubtful" if leads else "turning"
    if kinds or _DOUBTFUL.search(_ALREADY.sub("", flat)):
        return "doubtful"
    begins = _REASON_ZH if any(one.chinese for one in tokens) else _REASON
    return "reason" if harm or begins.search(flat) else "doubtful"


def _turns(flat: str, *, leads: bool) -> bool:
    """It says whose words the command is, when or of what it is meant."""
    anywhere = (_OTHERS_SAY, _ONLY_WHEN, _CONDITION, _EXCEPTION)
    ahead = (_UNFINISHED, _SUPPOSES) if leads else ()
    return not flat or any(one.search(flat) for one in (*anywhere, *ahead))


def _signals(flat: str) -> Iterator[whose.Kind]:
    """What stands in a clause against a plain command, but that something is not, or was."""
    plain = _TELLS_WHEN.sub("", signals.IDIOMS.sub("", flat))
    for one in signals.STOPPING:
        if one.kind in _TURNING and one.pattern.search(plain):
            yield one.kind


def takes_back(tokens: Sequence[Token]) -> bool:
    """A clause says that the command is not meant."""
    flat = _flat(tokens)
    if acts.act_of(list(tokens)) in ("cancel", "no"):
        return True
    return _TAKES_BACK.search(signals.IDIOMS.sub("", flat)) is not None


def forbids(tokens: Sequence[Token]) -> bool:
    """A clause is an order not to do something."""
    return _ORDER_NOT.search(_flat(tokens)) is not None


def never_meant(tokens: Sequence[Token]) -> bool:
    """A clause says that what was said is no wish: "I'm just kidding", 说着玩的."""
    return _NEVER_MEANT.search(_flat(tokens)) is not None


def _flat(tokens: Sequence[Token]) -> str:
    return joined([one.text for one in tokens])[0].strip(" ,.;:!。-…")
