"""Words that say a sentence is no plain command: whose words, not, if, was, only, later, perhaps.

Data for the gate and nothing else: patterns over a sentence in lower case, English words apart by
one space, Chinese characters together. `w` is what is said to the person; all of a pattern without.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from penjing.assistant.understand.whose import OTHERS, PERSON_ZH, Signal, signals, words

_NOT = (
    r"(?:do|does|did|wo|ca|should|must|would|could|is|are|was|were|have|has|had|need|might|ai|dare)n'?t"
    r"|(?:do|did|does|can|could|should|must|would|is|are|was|were|have|has|had)not|dun|dnt|nvr"
    r"|(?:di|din|did|do|does|ca|can|could|cou|will|wi|wo|would|should|shou|must|was|wis|is|are|have"
    r"|has|had|need|di)nn?ae?|nae|naebody|naething|nowt|nay"
)
"""Not, with and without its apostrophe, and as it is said in the north."""
NEGATIONS = signals(
    "said_not",
    rf"\b(?P<w>not|{_NOT}|never|no|none|nobody|nothing|nowhere|without|neither|nor|hardly"
    r"|almost|nearly"
    r"|rather than|instead of|any(?:thing|one|body|where) but)\b",
    r"\b(?P<w>avoid|refrain|forbid|prohibit|prevent|refuse|stop|quit) (?:from )?\w+ing\b",
    r"\b(?P<w>hold off|leave it|leave them|let it be|wait)\b",
    r"(?P<w>never ?mind|(?:scratch|scrap|cancel|bin) that|sod it|算了|等等|等一下"
    r"|拉倒吧?|作罢|免了吧?|得了吧"
    r"|(?<![\u4e00-\u9fff])取消吧|不弄了|不做了|放弃) ?[.!。]?$",
    r"(?P<w>不|别|没|未|勿|莫|甭|毋|无需|无须|禁止|严禁|避免|拒绝|休要|免得|以免|切忌)",
)
NOT_NEEDED = (
    r"\b(?:not|don't|dont|doesn't|nobody|no one|never|no)\b(?: \w+){0,2}? (?:need|needs|needed"
    r"|require|required|necessary)\b",
    r"不需要|不要了|用不着|不必|不用",
)
NO_NEED = (
    *NOT_NEEDED,
    r"\bno (?:longer|more)\b", r"\bany (?:more|longer)\b|\banymore\b",
    r"不(?:[看听玩用要开出]|去|起|早起|加班|上[班学课])\S{0,4}了|不看了|不听了|不玩了|没用了",
)  # fmt: skip
"""What is over, or not needed, may well be a wish: it is asked about."""

QUESTIONS = signals(
    "only_asked",
    r"^(?:(?:hey|ok|okay|so|well|and|but|please|um|uh|er|oh|now|then) [,:;.!-]? ?)*"
    r"(?P<w>(?:is|are|was|were|am|did|does|has|had|isn't|aren't|didn't|doesn't|hasn't|haven't|wasn't|weren't|who"
    r"|who's|whose|whom|what|what's|whats|why|when|where|where's|which|how|how's|whats)\b"
    r"|(?:do|have) (?:i|you|we|they|my|the|any|all)\b)",
    r"\b(?P<w>whether|how to|how do|how does|how can|how many|how much|how long|why|who|whose"
    r"|have (?:you|i|we|they) ever|what if|what happens|what does|what is|what's|which"
    r"|when was|when is|when did|is there"
    r"|are there|is it|are they|was it|wonder|wondering|curious)\b",
    r"(?P<w>吗|什么|怎么|怎样|怎|如何|为何|谁|哪|几点|几个|几度|几盏|几分|多少|多久|多大|多高|多亮|是不是|有没有|是否|为啥|凭啥"
    r"|何时|干嘛|咋|难道)",
    r"(?:^|[,。;!?])(?P<w>你(?:们)?是)[^,。;!?]{1,8}(?:吗|么|呢|吧)?(?=[,。?!]|$)",
    r"(?P<w>([开关亮停放锁])没\2|[开关亮停好着了](?:没有|没)$)",
    r"(?P<w>[了过](?:吗|么|没有|没))(?=[,。?!]|$)",
)
_POLITE = (
    r"^(?:(?:hey|ok|okay|so|well|and|but|please|um|uh|er|oh|hi|hello|\w+ ,) ?)*"
    r"(?:can|could|would|will|won't|can't|would you mind|do you mind|may i ask) ?you\b"
)
POLITE = re.compile(
    rf"{_POLITE}|(?:能|可以|可否|能否|能不能|可不可以|麻烦|请).*(?:吗|呢)?|(?:好|可以|行|成|好不好|行不行)吗?[?？。!]*$"
)
"""A question that is a wish."""
ABLE = re.compile(
    r"(?:^|[,。;!?])(?!.*(?:一下|点|些|帮|给|麻烦|请|把|为我|了))[^,。;!?你您我咱谁能可多几]{1,8}"
    r"(?:(?:能够|能|可以)[^,。;!?]+[吗么嘛不]|(?:能不能|可不可以)[^,。;!?]+)[?？]?$"
)
"""Whether a thing can do something: 台灯能变成紫色的吗. No wish, unless it is put gently."""

CONDITIONS = signals(
    "on_condition",
    r"\b(?P<w>if|when(?!'s)|whenever|unless|until|till|once|while|as soon as|as long as|in case"
    r"|provided|providing|assuming|suppose|supposing|imagine|pretend|wish|otherwise|before"
    r"|after(?! that\b)|every time|each time|hypothetically|in the event)\b",
    r"(?:would|'d) be (?:(?:a|an|such|really|so|ever|very|just|super|real|big|huge) )*"
    r"(?P<w>\w+) if\b",
    r"(?:would|'d) (?:really |so |rather )*(?P<w>(?!be\b)\w+)(?: it)? if (?:you|we)\b",
    r"(?P<w>如果|假如|要是|倘若|若是|若|假设|假装|想象|只要|除非|一旦|万一|的话|的时候|时候|之后|以后|之前|以前"
    r"|直到|等到|每当|每次|否则|不然)",
    r"(?P<w>等)[^,。]{1,10}(?:再|就|后|完)",
    r"[,。;] ?(?P<w>等)(?!不|着|得|于|会|下|一|你一下|等)[^,。;!?]{2,10}[。!]?$",
    r"(?P<w>再[^,。]{1,8}就)(?![好行可])",
    r"(?P<w>到了[^,。]{1,8}(?:再|就))",
    r"(?P<w>当)[^,。]{1,10}时",
    r"(?P<w>一[^,。个下点些]{1,3}就)", r"(?P<w>等)[^,。]{1,10}了(?![,。]|$)",
    r"(?P<w>[^,。;!?那请麻烦]{2,}[你您]就)(?![好行可])",
    r"(?P<w>(?:来|去|响|到家|起床|黑|亮|睡着|停|没人|下雨|出门)了?就)(?![好行可])",
    r"(?<![然最])(?P<w>后)(?![天面台视院门来备头排座边方])",
    r"(?P<w>了就)(?![好行可是])", r"(?<![听看好])(?P<w>了再)(?!来|.*[一两几][遍次首])",
    r"(?:^|[,。]) ?(?P<w>[^,。])[^,。]{0,10}(?:了|完[^,。再]{0,3}) ?[,，] ?再(?!来)",
    r"(?P<w>完)(?=[^,。再]{0,3}再(?!来))",
    r"先(?:把|帮我|给我|请|去)?(?P<w>[^,。])(?=[^。]{1,14}[再才])",
    r"\bfirst,? (?:please |let's |we |you )?(?P<w>\w+)(?=.* (?:then|after that)\b)",
)  # fmt: skip

PAST = signals(
    "in_the_past",
    r"\b(?P<w>(?:i|we|you|he|she|they|it|somebody|someone|nobody|who|everyone)(?: \w+)?"
    r" ?(?:just |already |have |had |has |also )*(?:turned|switched|closed|opened|dimmed|locked"
    r"|unlocked|paused|played|stopped|started|cancelled|canceled|raised|lowered|changed|shut off"
    r"|left|put on|filed|reported|complained|lodged|logged|spoke|talked|transferred|connected"
    r"|got|made|went|came|forgot|spent|heard|woke))\b",
    r"^(?!.*\b(?:want|wants|need|like|have|get|keep|leave|should be|to be|be|make sure|see)\b)"
    r"(?P<w>(?:my |the )?[\w'-]+(?: [\w'-]+)? (?:just |already )?(?:turned|switched|closed|opened"
    r"|dimmed|locked|unlocked|paused|played|stopped|started|cancelled|filed|reported|complained"
    r"|lodged|logged|spoke|talked|transferred|connected))\b",
    r"\b(?P<w>yesterday|already|ago|last (?:night|week|month|year|time|evening)|earlier|used to"
    r"|was|were|been|had|did)\b",
    r"(?<=[找说诉修用见打问报转提试系接告聊买开来去])(?P<w>过)(?![来去程会头一二两三四五六七八九十半几\d])",
    r"(?P<w>(?:\bhas|\bhave|\bhad|'ve)(?: just| already| also)? (?:turned|switched|changed|closed"
    r"|opened|dimmed|locked|unlocked|paused|stopped|started|set|put|shut|made|left|drawn|pulled"
    r"|raised|lowered|cancelled|canceled))\b",
    rf"(?:^|[,。;!?])[^,。;!?]{{0,2}}?(?P<w>{PERSON_ZH})[^,。;!?]{{0,5}}把[^,。;!?]+(?:了|过|啦|掉)",
    r"是[^,。;!?]{1,6}?(?P<w>[开关调放停锁弄设拉打灭按][^,。;!?是]{0,2}的)(?:啦|呀|啊|吧|嘛|哦|哈)?(?=[,。;!?]|$)",
    r"(?P<w>差点|差一点|险些|本来|原本|早知道|昨天|昨晚|昨夜|前天|刚才|刚刚|刚|上次|曾经|曾|已经|已|过了|之前|以前)",
    r"\b(?P<w>(?:my|our|his|her|their|the) (?:wife|husband|mum|mom|dad|mother|father|son|daughter"
    r"|sister|brother|partner|gran|grandma|grandpa|boss|friend|flatmate|roommate|neighbour|kids|boy|girl)"
    r"(?: just| already| always)? (?:set|sets|put|puts|took|takes|wrote|kept|asked))\b",
    rf"(?<![给帮替为])(?:{PERSON_ZH})(?:真的|又|刚|也|都|早就)?(?P<w>把)",
    rf"(?<![给帮替为])(?:{PERSON_ZH})[^,。;!?]{{0,2}}?(?P<w>[定设开关调放停记]了)",
    r"(?P<w>自己)(?:打开|关掉|关上|关闭|[停关开灭亮熄响断跳])[^,。;!?]{0,2}了",
    r"(?P<w>[我你他她]自己)[^,。;!?]{0,6}[关开拉停灭](?:好|上|掉|完)?(?:了|过)",
    r"(?:^|[,。;!?])(?P<w>我们|我|他们|她们|他|她|你|您|有人|谁)(?:都|就|也|把[^,。]{1,8})?(?:打开|关掉|关上|关闭"
    r"|开|关|调|设|放|停|锁|拉|(?:记|写|存|加)(?:在|到|进|好|完))[^,。]{0,8}(?:了|过)",
)
EXCEPTIONS = signals(
    "with_exception",
    r"\b(?P<w>except|excepting|excepted|excluding|apart from|aside from|other than|besides|all but"
    r"|barring|omitting|leaving out|leaving aside|leave out|not counting|not including"
    r"|with the exception of|exceptions?|outside of|short of"
    r"|everything but|anything but|every \w+ but|lights but|but (?:not|leave|keep|the|for|my)"
    r"|save for|only|the rest|the others?|all others?|everything else|minus the)\b",
    r"(?<!\bthe )(?<!\ba )(?<!\bsound )(?P<w>bar|save|minus|without|bar for)"
    r" (?:the|my|our|his|her|their|this|that|these|those|mine|ours|yours|one|for)\b",
    r"(?P<w>除了|除(?![湿霜尘])|以外|之外|只有|只|仅|其他|其它|别的|其余|剩下|例外|不算|不包[括含]|不含"
    r"|不计(?!时)|不在内|别[动碰管]|排除|抛开|撇开|刨[去除开]|[唯惟]独)",
    r"(?P<w>留[着下一个]|保留|继续|不动|照旧|照常|不要?停|不用[停关])",
    r"[,;-] ?(?:just |only )?(?P<w>keep|leave|spare|not) (?:the|my|our|that|this|one|on)\b",
    r"(?P<w>stays?|remains?|keeps (?:on|going|running))\b",
)
NOT_ALSO = signals(
    "with_exception",
    r"(?:[,;-]|\bbut) ?(?P<w>not|no|never|don't)\b",
    r"[,;] ?(?P<w>不[是要]|别|没)",
)
"""Behind a mark in free words it may be said of them: "play Hey Jude, not the live one"."""
LATER = signals(
    "not_now",
    r"\b(?P<w>later|soon|tonight|tomorrow|every|each|daily|nightly|weekly|hourly|monthly"
    r"|weekdays?|weekends?|sometime|eventually|afterwards|one day|in (?:a|an|one|two|three|half"
    r"|\d+) [\w]+|for (?:a|an) (?:while|bit|moment|minute|second|hour|day)|sunset|sunrise|dawn"
    r"|dusk|noon|midnight|morning|mornings|afternoon|evening|evenings|night|nights|january"
    r"|february|april|june|july|august|september|october|november|december|mondays?|tuesdays?"
    r"|wednesdays?|thursdays?|fridays?|saturdays?|sundays?|o'clock|(?<!\bi )am|pm"
    r"|(?:next|this|last) (?:week|month|year|weekend)|regularly|(?:once|twice|(?:two|three|four"
    r"|five|several|\d+) times) (?:a|an|per) (?:hour|day|week|month|year)|from (?:now|today) on"
    r"|(?:a )?(?:little |bit )?while later|in a while|whenever)\b",
    r"(?P<w>稍后|待会|等会|一会|过会|晚点|晚些|回头|每|天天|周末|工作日|日出|日落|天黑|天亮|今晚|明天|后天|明早"
    r"|(?<![一记写存留放])下周|(?<!一)下个?星期|(?<!一)下个?月|月底|年底|明年|明晚|早上|早晨|中午|下午|傍晚|晚上|凌晨|半夜|夜里|点钟|小时后|分钟后|定时"
    r"|下次|下回|定期|经常|时不时|隔三差五|一[天日周月年][一两二三四五几\d]+[次回遍]|从[今明]天起|往后)",
)
UNREAD = signals(
    "not_used",
    r"\b(?P<w>between|either|(?:this |next )?weekend|(?:next|this) (?:week|month|year))\b",
    r"(?P<w>之间|或者|或是|周末|(?<![一记写存留放])下周|(?<!一)下个?星期|(?<!一)下个?月)",
    r"\bwake (?!me\b|us\b|up\b)(?P<w>(?:my |the )?\w+)",
    r"叫(?![我醒起做到])(?P<w>[^\s,。我]{1,3}?)(?=.{0,6}(?:起床|起来|醒))",
)  # fmt: skip
DOUBTS = signals(
    "unsure",
    r"\b(?P<w>call(?:ing)? it (?:a day|a night|quits))\b",
    r"\b(?P<w>maybe|perhaps|might|thinking of|thinking about|considering|planning to|about to"
    r"|going to|probably|possibly|leave|keep|undo|forget)\b",
    r"^(?:(?:hey|ok|okay|so|well|and|but|um|uh|er|oh) [,:;.!-]? ?)*"
    r"(?P<w>should|shall|may|must|could|can|would|will)\b(?! you\b)",
    r"\b(?P<w>is|are|has|have|seems|looks|stays?|remains?) (?:still |now |always )?(?:on|off|open"
    r"|closed|shut|set|running|playing|up|down|locked|unlocked|bright|dark|dim)\b",
    r"^(?:the |my |our |some |most |all )?(?P<w>people|kids|children|they|everyone|everybody"
    r"|somebody|someone|he|she|others|neighbours|neighbors|guests|parents|men|women|boys|girls|students)"
    r" (?:\w+ ){0,3}?(?:turn|switch|shut|open|close|dim|put|play|set|start|stop|cancel|go|drive)\b",
    r"(?P<w>也许|可能|大概|或许|考虑|打算|准备|想过|正在|一直)", r"(?P<w>[开关亮停放]着)",
    r"(?P<w>再说)吧?[。!.]?$", r"(?P<w>呢)", r"(?P<w>太)[亮暗黑热冷高低大小响吵]",
    r"\b(?P<w>all|both)\b(?! (?:right|good|set|in all|over|day|night))|所有|全部|统统|通通",
    r"是(?P<w>[开关亮])的", r"\b(?P<w>should|ought to|supposed to)\b",
    r"\b(?P<w>(?:my|our|his|her|their|the) \w+ (?:wants?|needs?|likes?|loves?|hates?|always|usually"
    r"|often))\b",
)  # fmt: skip
QUERY = re.compile(r"\?\s*$")
_ROOMS = (
    "bathroom,bath,toilet,basement,attic,garage,garden,patio,balcony,office,study,nursery,"
    "dining room,upstairs,downstairs,outside,porch,laundry,pantry,closet,cellar,kitchen,bedroom,"
    "living room,lounge,hallway,corridor,terrace,workshop,guest room,kids room,playroom,shed,pool,"
    "entrance,stairs,staircase,loft,conservatory,gym,library"
)
ROOMS = re.compile(
    rf"\b(?P<w>{words(_ROOMS)})\b|(?P<z>浴室|卫生间|洗手间|厕所|阳台|地下室|阁楼|书房|餐厅|车库|花园|院子|儿童房"
    r"|婴儿房|主卧|次卧|玄关|楼上|楼下|办公室|客房|储藏室|露台|厨房|卧室|客厅|走廊|门口|过道)"
)
"""Places that a home may have: one that is named and not used is asked about."""
IDIOMS = re.compile(
    r"\bif (?:you (?:don't|wouldn't|do not) mind|you please|possible)\b"
    r"|\bif you(?:'d| would)? be so (?:good|kind)\b|\bwhile you're at it\b"
    r"|\bwhen you get a (?:chance|minute|moment|second)\b"
    r"|\bif you (?:(?:can|will)(?= ?(?:[,.!?]|please\b|$))|(?:could|would)(?!['’]| ?not\b))"
    r"|\bif (?:i|we) (?:may|might|could)\b|\bor not(?= ?[?.!]*$)"
    r"|\bif (?:that's|that is|it's|it is) (?:ok|okay|alright|all right|fine|possible|no trouble"
    r"|no bother|not too much trouble)(?: with you| by you)?(?= ?(?:[,.!?]|$))"
    r"|\bno (?:rush|hurry|problem|worries|thanks)\b|\bas soon as possible\b|\bwhy don't you\b"
    r"|\bdon't (?:worry|mind me)\b|\b(?:can't|cannot|can not|couldn't) (?:see|sleep|find|reach|wait"
    r"|hear|breathe|stand|read|concentrate|focus|work|think|tell|make out|cope|relax)\b"
    r"|\bwhen you (?:can|have time)\b|\bnot (?:so|too|that|very) \w+\b"
    r"|\b(?:it's|it is|its|what|such)(?: such| been)? an? (?:[a-z]+ ){0,3}"
    r"(?:morning|evening|afternoon|night|day)\b(?= ?(?:[,.!;]|$))"
    r"|[,.;] (?:\w+ ){0,3}(?:is|are|am|i'm|it's|there's)(?: \w+){0,4} only(?= ?[.!]*$)"
    r"|\bgood (?:morning|evening|night|afternoon)\b|\bi have to\b|\bwhat about\b|\bhow about\b"
    r"|\bbeen a long day\b|\bonce more\b|\bonce again\b|\bwait a (?:second|moment)\b"
    r"|如果可以的话|可以的话|方便的话|不好意思|没关系|没问题|没事|对不起|可不可以|能不能|好不好|行不行|不错|不久"
    r"|特别|分别|级别|看不见|看不清|看不到|睡不着|受不了|来不及|不够|不太|不行了|不舒服|晚上好|早上好|下午好"
    r"|再说(?!吧?[。!.]?$)|话说|说实话|百叶|千万|只好|怎么样|十分(?!钟)|一点点?|等一下(?!$)|等等(?!$)"
)
"""Words that look like one of the above and turn nothing around."""
REST = re.compile(
    r"(?:[,;]|\bbut\b|\band\b) ?(?:and |but |please )?(?:leave|keep) the"
    r" (?:rest|others|other ones?)"
    r"(?: alone| be| on| off| as (?:it is|they are|is))?(?= ?[.!]*$)"
    r"|[,;] ?其[他它余](?:的|灯|的灯)?都?(?:别动|不用管|不用动|不动|留着|保持原样|照旧|不变|别管)"
    r"(?= ?[。.!]*$)"
)
"""What is told of all others beside things that were named: nothing is done with them anyway."""
ASKING = re.compile(r"ask|问|wonder|want|know|查")
"""What somebody else asks may be told."""
NO_TITLE = re.compile(
    r"(?:it (?!is\b)\w|(?:with|along|around|for|up|dead|fair|down|about|outside|together|safe)\b"
    r"|(?:a |the |some )?(?:chess|cards|games?|football|soccer|tennis|golf"
    r"|(?:piano|guitar|violin)(?! (?:music|songs?|concert|sonata|pieces?|tunes?|solos?))|tricks?"
    r"|(?:a |an |me )?(?:headache|migraine|earache)|role|part|fool|hide and seek"
    r"|what|how|why|whether|your|him|her|them|us|me)\b)"
    r"|不[清懂见到了下起完腻够好进住着同]|[说话懂见腻够烦到]|起来"
    r"|[心学假手弃慢屁种报音撒出力众课证讲取命从]"
    r"|(?:the )?(?:songs?|music|tracks?|something|stuff|anything)? ?(?:from|off|on) (?:my|the)"
    r" (?:phone|mobile|tablet|laptop|computer|usb|stick|ipod|cd)\b"
    r"|[我你他她]的?(?:手机|电脑|平板|[uU]盘|优盘)"
    r"|着?的?(?:是|叫)?(?:什么|啥|哪[首个支位张段]?|谁)(?:歌|曲子?|音乐|玩意儿?|东西|的歌|唱的|啊|呀|呢)*$"
    r"|得(?!意|闲|道|不到)|死(?:我|了)|[下大过开](?!.)|[我你他她](?:的话|说|讲)"
)
"""How free words begin that are no title: "play it by ear", 听不清, 放心."""
PLACE = re.compile(
    r"\b(?:in|at|near|around) (?:the |my |our )?(?P<w>[a-z]+(?: [a-z]+)?)"
    r"(?: ?[?.!])*$"
)
"""A place at the end of a sentence."""
PLACE_ZH = re.compile(
    r"^(?:请问|你好|告诉我|我想知道|看看|看一下|查查|查一下|帮我|今天|明天|后天|现在|嗯|那)*"
    r"(?P<w>[\u4e00-\u9fff]{2,6}?)(?:的)?(?:今天|明天|后天|现在|时间)*(?:的)?"
    r"(?:天气|几点|会(?:下|刮|冷|热))"
)
"""A place at the beginning of one."""
OPPOSITES: Sequence[tuple[frozenset[str], frozenset[str]]] = (
    (frozenset({"on", "start"}), frozenset({"off", "kill", "stop"})),
    (frozenset({"open", "raise"}), frozenset({"close", "shut", "lower"})),
    (frozenset({"lock", "arm"}), frozenset({"unlock", "disarm"})),
    (frozenset({"开", "亮"}), frozenset({"关", "灭", "熄"})),
    (frozenset({"升"}), frozenset({"降"})),
)
"""A sentence with one of these is not for an intent that knows only the other."""
LATE_PART = re.compile(r"\b(?:tonight|evening|afternoon|night|pm)\b|下午|傍晚|晚|夜")
NIGHT = re.compile(r"\b(?:tonight|night|midnight)\b|晚|夜")
"""An hour before noon does not go with these, and twelve not with a night."""
NOT_THAT = re.compile(
    r"(?:\bnot|\bexcept|\bbut not|不是|不要|除了|别)[ 的]?(?:the |in |my |一下)*$"
)
"""Right before a value: it is not this one."""
DATED = re.compile(
    r"\b(?:january|february|march|april|june|july|august|september|october|november|december) \d"
    r"|\b\d{1,2}(?:st|nd|rd|th)? (?:of )?(?:january|february|march|april|may|june|july|august"
    r"|september|october|november|december)\b|\d月\d+[日号]"
)
"""A day, in words that are written down: it may have been meant for the clock."""
RELATIVE = re.compile(
    r"\bby (?:about |around |another )?$|(?:调暗|调亮|调高|调低|降低|提高|升高|增加|减少|加|减"
    r"|往[上下][调升降减加提压拉][高低亮暗]?|上升|下降|[升降])了?$"
)
"""Right before a number: more or less by it, not to it."""
STOPS = frozenset({"off", "cancel", "stop", "pause", "关", "停", "取"})
"""Words of intents that end something: that it is not needed any more is a reason for them."""
HOMOPHONES = frozenset({"to", "too", "for", "won", "ate", "form", "tree", "free"})
"""What was meant as one of the small words, and read as a number."""
NUMBERS = frozenset({
    "half", "quarter", "third", "thirds", "fifth", "double", "twice", "triple", "dozen", "hundred",
    "hundreds", "thousand", "percent", "%", "半", "倍", "成",
})  # fmt: skip
"""Beside numbers in digits and words."""

STOPPING: Sequence[Signal] = (
    *OTHERS, *EXCEPTIONS, *CONDITIONS, *QUESTIONS, *PAST, *NEGATIONS, *LATER, *UNREAD, *DOUBTS,
)  # fmt: skip
"""In the order in which the person is told."""
OF_VALUES: Mapping[str, None] = dict.fromkeys(
    ("others_words", "said_not", "only_asked", "on_condition", "in_the_past", "with_exception")
)
"""What also keeps a value from being an answer to a question."""
OF_ALL = frozenset({"on_condition", "with_exception", "not_now"})
"""What at the end of free words may be meant for the whole sentence."""
LEADS = frozenset({"no", "nope", "not", "wrong", "sorry", "actually", "不", "对", "是", "错", "了"})
SMALL = frozenset({
    "the", "a", "an", "my", "our", "your", "this", "that", "all", "both", "some", "any", "in", "on",
    "of", "off", "at", "for", "with", "up", "down", "out", "to", "and", "or", "get", "give", "turn",
    "switch", "put", "make", "set", "have", "want", "like", "need", "light", "lights",
})  # fmt: skip
ENDING = frozenset({*".!?。,", "please", "thanks"})
GARBLED = 0.305
"""Confidence of a template for which a word of the sentence may have been passed over: 0.3, and
what sums of costs are off by."""
TODAY = frozenset({"today", "今天"})
