"""Commands, and what makes a sentence with a command in it none: shared by tests and the siege."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

COMMANDS = {
    "en": (
        "turn off the kitchen light", "turn on the desk lamp",
        "dim the bedroom light to 30 percent",
        "open the garage door", "switch the tv off", "turn on the ac",
        "set a timer for ten minutes",
        "close the blinds", "lights on in the kitchen", "kill the telly",
    ),
    "zh": (
        "关掉厨房灯", "打开台灯", "把卧室灯调到百分之三十", "打开车库门", "把电视关掉", "打开空调",
        "定个十分钟的计时器", "关上窗帘", "开冷气", "看会儿电视",
    ),
}  # fmt: skip
FRAMES: Mapping[str, Mapping[str, Sequence[str]]] = {
    "others": {
        "en": (
            "Ben says: {}", "Ben said {}", "my mother told me to {}", "Fwd: {}", "FW: {}", "Re: {}",
            "Anna wrote: {}", "the email says {}", "> {}", "according to Ben, {}", "Ben: {}",
            "Ben wants you to {}", "my boss asked me to {}", "the radio says {}",
            "the note on the fridge reads {}", "she told you to {}", "they say {}",
            "a voice from the tv said {}", "tell Anna to {}", "Dad texted: {}",
            "message from Peter: {}", "my wife would like you to {}", "\"{}\" is what he said",
            "somebody just shouted {}", "the sign says {}", "I was told to {}",
        ),
        "zh": (
            "小明说：{}", "邮件说：{}", "妈妈让我{}", "他让我{}", "有人说{}", "转发：{}",
            "短信：{}",
            "老板叫我{}", "消息里说{}", "她要你{}", "回复：{}", "张伟：{}", "电视里喊{}",
            "邻居要求{}", "爸爸告诉我{}", "奶奶说要{}", "听说{}", "群里有人说{}", "书上写着{}",
            "他发微信说{}", "“{}”是他说的", "客服建议{}", "张伟让我{}", "纸条上写道：{}",
        ),
    },
    "not": {
        "en": (
            "don't {}", "do not {}", "never {}", "please don't {}", "you must not {}", "dont {}",
            "I did not say {}", "whatever you do, do not {}", "no need to {}", "you needn't {}",
            "I would rather you didn't {}", "under no circumstances {}",
        ),
        "zh": (
            "别{}", "不要{}", "不许{}", "千万别{}", "先别{}", "请不要{}", "不能{}", "我没说{}",
            "勿{}", "不用{}", "禁止{}", "你可别{}",
        ),
    },
    "asked": {
        "en": (
            "how do I {}", "should I {}", "why did you {}", "did I {}", "who will {}",
            "what happens if I {}", "is it safe to {}", "does it help to {}", "when did you {}",
            "do you know how to {}", "what if you {}", "have you ever {}",
        ),
        "zh": (
            "怎么{}", "为什么要{}", "谁会{}", "要不要{}", "该不该{}？", "什么时候{}",
            "是不是应该{}",
            "如何{}", "为何{}", "怎样{}", "是谁要{}", "难道要{}",
        ),
    },
    "if": {
        "en": (
            "if it rains {}", "{} when I leave", "{} unless somebody is home", "{} if it is dark",
            "when the film ends {}", "{} once I am asleep", "as soon as Ben leaves {}",
            "{} until I say stop", "{} before the guests come", "in case of fire {}",
            "{} after the movie", "suppose I {}", "if you can't answer my next question, {}",
        ),
        "zh": (
            "如果下雨就{}", "要是没人就{}", "等我睡着了再{}", "天黑以后{}", "我出门的时候{}",
            "一到家就{}", "除非有人，{}", "假如天黑了{}", "电影结束后{}", "万一着火{}",
            "客人来之前{}",
            "只要天一黑就{}", "等把小李送到了，再{}", "加完油再{}", "先送完小李再{}",
            "吃完饭，再{}", "你要是答不上来，{}",
        ),
    },
    "but": {
        "en": ("{} except on Sundays", "{} but only if needed",
        "{} and everything else but the fan",
               "{} apart from mine", "{} excluding the left one", "{} other than the small one",
               "{} bar mine", "{} with the exception of mine", "{}, aside from the small one",
               "barring the small one, {}", "{} - not the small one though",
               "{} leaving out the old one", "besides mine, {}", "{}, just not the small one",
               "{}, the small one stays", "{}, leave the small one"),
        "zh": ("除了星期天，{}", "除了他的，{}", "只在需要时{}", "{}，其他的除外", "除小的以外{}",
               "除非停电{}", "{}，小的例外", "{}，我的不算", "{}，小的之外", "{}，不包括小的",
               "刨去小的，{}", "{}，别动小的", "{}，就小的那个留着", "{}，小的继续", "{}，小的不动",
               "{}，留一个小的", "{}，小的那个不要停"),
    },
    "later": {
        "en": (
            "{} in half an hour", "{} tonight", "{} tomorrow morning", "{} at 11 pm",
            "{} every evening", "{} later", "{} in a bit", "{} on monday", "{} at sunset",
            "in two hours {}", "{} for an hour", "{} daily",
        ),
        "zh": (
            "半小时后{}", "今晚{}", "明天早上{}", "晚上十一点{}", "每天晚上{}", "等会儿{}",
            "过一会儿{}",
            "周一{}", "日落时{}", "两小时后{}", "稍后{}", "每周末{}",
        ),
    },
}  # fmt: skip
