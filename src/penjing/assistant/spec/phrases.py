"""What every assistant can say when its spec says nothing else, in English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping

ASKED_BY_KIND: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "number": {"en": ("How many?",), "zh": ("多少？",)},
    "percentage": {"en": ("How much, in percent?",), "zh": ("百分之多少？",)},
    "duration": {"en": ("For how long?",), "zh": ("多长时间？",)},
    "time": {"en": ("At what time?",), "zh": ("几点？",)},
    "date": {"en": ("On which day?",), "zh": ("哪一天？",)},
    "days": {"en": ("On which days?",), "zh": ("哪几天？",)},
    "sum": {"en": ("Which sum?",), "zh": ("算什么？",)},
    "colour": {"en": ("Which colour?",), "zh": ("什么颜色？",)},
    "temperature": {"en": ("How warm?",), "zh": ("多少度？",)},
    "place": {"en": ("Where?",), "zh": ("哪里？",)},
    "list": {"en": ("Which one?",), "zh": ("哪一个？",)},
    "entity": {"en": ("Which one?",), "zh": ("哪一个？",)},
    "group": {"en": ("Which ones?",), "zh": ("哪些？",)},
    "text": {"en": ("What exactly?",), "zh": ("具体是什么？",)},
}
"""Questions for a slot that has none of its own: what a spec calls it is nobody's business."""
FALLBACKS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "unknown": {
        "en": ("Sorry, I did not understand that.",),
        "zh": ("抱歉，我没听懂。",),
    },
    "no_answer": {
        "en": ("I do not know: my documents say nothing about it.",),
        "zh": ("我不知道：我的资料里没有提到。",),
    },
    "failed": {
        "en": ("That did not work: {error}.",),
        "zh": ("没有成功：{error}。",),
    },
    "failed_for": {
        "en": ("That did not work for {name}: {error}.",),
        "zh": ("{name}没有成功：{error}。",),
    },
    "done_for": {
        "en": ("Done for: {names}.",),
        "zh": ("已完成的：{names}。",),
    },
    "out_of_range": {
        "en": ("“{words}” is out of range: {low} to {high}.",),
        "zh": ("“{words}”超出了范围：{low}到{high}。",),
    },
    "not_permitted": {
        "en": ("You may not do that here.",),
        "zh": ("你没有这个权限。",),
    },
    "may_not_act": {
        "en": ("I did nothing: this was asked with a token that lacks the scope “tools”.",),
        "zh": ("什么也没有做：发来请求的令牌没有 tools 权限。",),
    },
    "confirm": {
        "en": ("Shall I do this: {action}?",),
        "zh": ("要执行吗：{action}？",),
    },
    "did_you_mean": {
        "en": ("Did you mean: {action}?",),
        "zh": ("你是想：{action}？",),
    },
    "refused": {
        "en": ("All right, I leave it.",),
        "zh": ("好的，不做了。",),
    },
    "cancelled": {
        "en": ("Cancelled.",),
        "zh": ("已取消。",),
    },
    "nothing_to_cancel": {
        "en": ("There is nothing to cancel.",),
        "zh": ("没有要取消的。",),
    },
    "nothing_to_answer": {
        "en": ("I had not asked anything.",),
        "zh": ("我没有在等你回答。",),
    },
    "timed_out": {
        "en": ("I have dropped what we had begun before.",),
        "zh": ("之前没做完的事我已经放下了。",),
    },
    "back": {
        "en": ("Back to where we were.",),
        "zh": ("回到刚才的事。",),
    },
    "ask": {
        "en": ("I need one thing more: what is it?",),
        "zh": ("还差一样：是什么？",),
    },
    "gave_up": {
        "en": ("I still do not know that, so I leave it.",),
        "zh": ("我还是不知道，先不做了。",),
    },
    "let_go": {
        "en": ("I leave what I had asked about.",),
        "zh": ("刚才问的就先放下了。",),
    },
    "cannot_do": {
        "en": ("I can not do that, so nothing was done.",),
        "zh": ("这个我做不了，所以什么都没做。",),
    },
    "done": {
        "en": ("Done.",),
        "zh": ("好了。",),
    },
    "others_words": {
        "en": (
            "Those seem to be somebody else's words (“{words}”), so I did nothing. "
            "If you want it, say it yourself.",
        ),
        "zh": ("这像是别人的话（“{words}”），我什么都没做。如果是你要的，请你自己说。",),
    },
    "said_not": {
        "en": ("You said “{words}”, so I left everything as it is.",),
        "zh": ("你说了“{words}”，所以我什么都没动。",),
    },
    "only_asked": {
        "en": ("You asked that, so I changed nothing. I can not answer it.",),
        "zh": ("你是在问，所以我什么都没改；这个我答不上来。",),
    },
    "on_condition": {
        "en": ("I can not wait for that (“{words}”), so I did nothing.",),
        "zh": ("我不会等条件（“{words}”），所以什么都没做。",),
    },
    "not_so": {
        "en": ("That is not so now (“{words}”), so I did nothing.",),
        "zh": ("现在不是这样（“{words}”），所以什么都没做。",),
    },
    "cannot_tell": {
        "en": ("I can not tell whether that is so (“{words}”), so I did nothing.",),
        "zh": ("我看不出是不是这样（“{words}”），所以什么都没做。",),
    },
    "in_the_past": {
        "en": ("That sounds like something that was (“{words}”), so I did nothing.",),
        "zh": ("这像是已经发生的事（“{words}”），我什么都没做。",),
    },
    "with_exception": {
        "en": ("I can not do “{words}”, so I did nothing: name what you mean.",),
        "zh": ("我做不了“{words}”，所以什么都没做：请说出具体的名字。",),
    },
    "not_now": {
        "en": ("I can not do that at another time (“{words}”), so I did nothing now.",),
        "zh": ("我不能换个时间做（“{words}”），现在什么都没做。",),
    },
    "help": {
        "en": ("You can say, for example: {examples}.",),
        "zh": ("你可以这样说：{examples}。",),
    },
    "no_answer_yet": {
        "en": ("I have sent it, but no answer came yet.",),
        "zh": ("已经发出，但还没有收到设备的回应。",),
    },
    "planned": {
        "en": ("{when} I will {action}.",),
        "zh": ("{when}我会{action}。",),
    },
    "confirm_planned": {
        "en": ("{when} I {action}. Right?",),
        "zh": ("{when}我会{action}，对吗？",),
    },
    "and_back": {
        "en": ("{action}, and after {lasts} {back}",),
        "zh": ("{action}，{lasts}后{back}",),
    },
    "undo": {
        "en": ("undo “{action}”",),
        "zh": ("撤销“{action}”",),
    },
    "undone": {
        "en": ("Undone.",),
        "zh": ("已撤销。",),
    },
    "changed_since": {
        "en": ("Somebody has changed that since ({names}), so it stays as it is.",),
        "zh": ("之后有人改动过（{names}），所以保持现状。",),
    },
    "no_way_back": {
        "en": ("I can not take that back by myself (“{words}”), so I did nothing.",),
        "zh": ("到时候我没法自己恢复原样（“{words}”），所以什么都没做。",),
    },
    "not_used": {
        "en": ("I did not understand “{words}” in that, so I did nothing.",),
        "zh": ("我没听懂其中的“{words}”，所以什么都没做。",),
    },
    "strange_names": {
        "en": (
            "Devices here have names that I do not listen to ({names}): "
            "to use one, write it under the values of its slot.",
        ),
        "zh": ("这里有些设备的名字我不会听（{names}）：要用的话，请写进该槽位的 values。",),
    },
    "which": {
        "en": ("I know: {names}.",),
        "zh": ("我知道的有：{names}。",),
    },
    "summary": {
        "en": ("Older turns are summarised to fit the model's memory.",),
        "zh": ("较早的对话已被概括，以便模型记得住。",),
    },
    "no_model": {
        "en": ("I cannot answer that freely: no model is loaded.",),
        "zh": ("我没法随意回答：没有加载模型。",),
    },
}
"""Situation to what is said."""

REASONS: Mapping[str, Mapping[str, str]] = {
    "unreachable": {"zh": "连不上，什么都没有做"},
    "timeout": {"zh": "没有及时回应"},
    "unconfirmed": {"zh": "对方没有确认，可能已经执行"},
    "unknown_name": {"zh": "没有这个名字"},
    "ambiguous": {"zh": "有好几个同名的"},
    "refused": {"zh": "对方拒绝了"},
    "not_supported": {"zh": "对方做不到"},
    "not_known": {"zh": "不知道它现在的状态"},
    "out_of_range": {"zh": "超出了范围，要在{lowest}到{highest}之间"},
    "not_kept": {"zh": "没能保存"},
    "full": {"zh": "已经太多了"},
    "wrong_answer": {"zh": "对方的回答看不懂"},
    "arguments": {"zh": "参数不对"},
}
"""Why a tool failed, where its own English line does not do."""
