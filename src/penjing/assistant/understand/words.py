"""Small words of English and Chinese that decide how a sentence is taken. Data, and how to read it."""

from __future__ import annotations

from collections.abc import Sequence

from penjing.assistant.understand.text import Token

FILLERS = (
    "please", "could you", "can you", "would you", "will you", "would you mind", "hey", "hi",
    "hello", "ok", "okay", "um", "uh", "er", "well", "so", "just", "now", "right now", "for me",
    "kindly", "thanks", "thank you", "i want you to", "i would like you to", "i'd like you to",
    "i'd like to", "i would like to", "i want to", "i need to", "let's", "let us", "go ahead and",
    "then", "also", "my", "the", "a", "an", "again", "will", "us", "could", "can", "i need",
    "quickly", "too",
    "请", "请你", "帮我", "帮忙", "麻烦", "麻烦你", "给我", "一下", "吧", "好吗", "可以吗", "能不能",
    "可不可以", "可以", "你", "嗯", "那", "呃", "啊", "哦", "我想", "我要", "现在", "劳驾", "快", "再",
    "又", "也", "就", "下", "的", "了", "把", "先", "都", "谢谢", "行吗", "您",
)  # fmt: skip
"""What may be left out of a sentence without changing what is wanted."""
GUARDS = frozenset({
    "not", "don't", "dont", "doesn't", "didn't", "won't", "never", "no", "without", "except",
    "how", "why", "what", "who", "whose", "when", "which", "where", "if", "did", "does", "was",
    "were", "should", "says", "said", "say", "wrote", "told", "asked", "unless", "before", "after",
    "until", "while", "is", "are", "has", "have", "do", "whenever", "instead", "only", "every", "always",
    "不", "别", "没", "未", "勿", "莫", "怎", "么", "谁", "吗", "如", "哪", "说", "写", "若", "除", "否",
    "何", "几", "问", "时", "前", "后", "每",
})  # fmt: skip
"""What may never be overlooked in a sentence: it may turn it around."""
JOINTS = (
    "and then", "and also", "then", "and", "after that", "also", "plus", ",", ";", ".", "!",
    "然后", "接着", "并且", "同时", "顺便", "再", "还有", "并", "另外", "、", "，", "；", "。", "！", "以及", "和",
)  # fmt: skip
"""What may stand between two requests."""
COMMON = frozenset(
    """able about above across add after against age air all almost alone along already although among
    animal another answer any anyone anything apart area arm around art ask away baby back bad bank base
    beautiful bed been began being below best better between big bird bit black boat body book born both
    bottle bottom box boy bread bring brother brought brown build built bus business busy but buy cake came
    camera car card care cat catch cause chair chance change cheap child children church city class clean
    clear clothes coat coffee cold come cook corner cost country course cup dance daughter day dead deal dear
    deep dinner dog done dream dress drink drive drop dry each early earth east easy eat egg else end enough
    even ever eye face fact fall family far farm fast father feel feet fell felt few field fight fill film
    find fine fire first fish floor flower fly follow food foot force found free fresh friend front fruit
    full fun game gave girl give glad glass gold gone great grew ground group grow guess hair half hand happy
    hard hat hate head hear heart heat held help here high hill hit hold hole home hope horse hot hotel house
    idea ill inside job join keep kept key kind king knew know land large last late later laugh law lead
    learn least leave led left leg letter lie life line list listen live long look lose lost lot loud love
    low lunch made main man many map mark market may mean meat meet men might mile milk mind miss moment
    money month moon more most mother mountain mouse mouth move much must name near neck need never new news
    nice night nose note nothing number ocean office often oil old once one open order other outside own page
    paint paper parent park part party pass past pay peace pen people perhaps person phone picture piece place
    plan plane plant plate play point poor post pound power price print pull push quick quiet quite rain ran
    reach read ready real reason rest rice rich ride ring river road rock room round rule run sad safe said
    salt same sand save saw school sea seat second see seem seen sell send sent serve shape share ship shirt
    shoe shop short show sick side sign since sing sister sit size skin sky sleep slow small smile snow soft
    sold some son song soon sort sound south space speak spend spring stand star stay step still stone story
    street strong such sugar sun sure sweet swim table take talk tall taste teach team tell ten test than
    their there these thing think third though thought through ticket time today told tomorrow tonight took
    top touch town toy train travel tree trip true try under use very visit voice wait walk wall warm wash
    watch water weather week weight well went west wet wheel while white whole wide wife wild win wind window
    winter wish woman wonder wood word work world worry write wrong year yellow yes yesterday yet young""".split()
)
"""Words that are what they are: never taken for a typing error."""
PRONOUNS = ("it", "that", "that one", "this", "this one", "them", "those", "the same one",
            "它", "它们", "那个", "这个", "他", "她")  # fmt: skip
"""What stands for something that was named before."""


def pieces(text: str) -> tuple[str, ...]:
    """The tokens of a small phrase."""
    return tuple(text.split()) if text.isascii() else tuple(text)


class Phrases:
    """Phrases that can be looked for at a place, longest first."""

    def __init__(self, phrases: Sequence[str]) -> None:
        self._by_first: dict[str, list[tuple[str, ...]]] = {}
        for one in phrases:
            parts = pieces(one)
            self._by_first.setdefault(parts[0], []).append(parts)
        for many in self._by_first.values():
            many.sort(key=len, reverse=True)

    def ends(self, tokens: Sequence[Token], at: int) -> list[int]:
        """Where phrases that begin at a token end, the longest first."""
        found = []
        for parts in self._by_first.get(tokens[at].text, ()):
            said = tokens[at : at + len(parts)]
            if len(said) == len(parts) and all(
                one.text == part for one, part in zip(said, parts, strict=True)
            ):
                found.append(at + len(parts))
        return found


FILLER = Phrases(FILLERS)
JOINT = Phrases(JOINTS)
PRONOUN = Phrases(PRONOUNS)
