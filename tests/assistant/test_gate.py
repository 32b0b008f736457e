"""Nothing acts past the gate: all stages on, tools that record, both languages, whole assistants.

Sentences written for these tests by the gate's own author, while it was tuned, and more made by
grammar. "Nothing acts" is: no tool is called without a yes. What is a plain command must still be
done.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from assisted import EXAMPLES, ROOT, recording, smart_tools
from sayings import COMMANDS, FRAMES

from penjing.assistant.build import build
from penjing.assistant.spec.parse import load
from penjing.assistant.turn import SpecAssistant
from penjing.assistant.understand.gate import Passed
from penjing.core.dialogue import Acted, Event, Said
from penjing.vault.memory import MemoryStore

WRITTEN = {
    "en": (
        "so: have you ever turned off the kitchen light",
        "so: Ben Smith: turn off the kitchen light",
        "is the kitchen light on", "the kitchen light is on", "I turned off the kitchen light",
        "Ben turned off the kitchen light", "who turned the tv off", "the tv was on",
        "I already closed the blinds", "it would be a shame if you turned off the tv",
        "I'd hate it if you turned off the tv",
        "only the kitchen light off", "kitchen light on?",
        "set the kitchen light to 150 percent", "set the kitchen light to 1000",
        "set the kitchen light to minus ten percent",
        "turn on two lights",
        "turn on the bathroom light", "open the attic blinds", "leave the kitchen light on",
        "keep the desk lamp off", "stop turning on the kitchen light",
        "maybe turn off the tv", "should the tv be on", "I wonder if the ac is on",
        "turn off the kitchen light rather than the bedroom light", "turn off the TV at 9",
        "what does turn off the kitchen light mean", "translate turn off the kitchen light",
        "yesterday you turned on the ac", "the ac has been on all day", "was the garage opened",
        "I am thinking of turning on the ac",
        "kitchen light", "the sign on the door says garage open", "I wish the ac was on",
        "my son set a timer for twenty minutes and then forgot the eggs",
        "set a timer for ten minutes once the water boils",
        "start a 5 minute timer when the egg is in",
        "I wouldnae turn the kitchen light off", "ye shouldna open the garage",
        "dinnae close the blinds",
        "you didnt turn the tv on", "you neednt close the blinds", "nae kitchen light on",
        "turn on anything but the kitchen light", "turn the kitchen light on for ten minutes",
        "don't even think about opening the garage",
        "open the window in the attic and the blinds upstairs", "blinds down on weekdays",
    ),
    "zh": (
        "so: 张伟：打开厨房灯", "水开了就设十分钟计时", "客人走了再关灯",
        "台灯能变成紫色的吗", "卧室灯可以变红吗", "空调能不能开到二十度",
                "厨房灯开着吗", "厨房灯开着呢", "我关了厨房灯", "我把厨房灯关了", "谁关了卧室灯",
        "他刚打开空调",
        "空调已经关了", "只关厨房灯", "厨房灯关没关", "空调开了没",
        "空调开了吗",
        "打开浴室的灯", "打开阁楼的窗帘", "别忘了谁关的电视", "电视怎么开",
        "昨天你开了空调", "也许该关电视了", "要关厨房灯吗", "厨房灯", "厨房灯是开着的",
        "不是关厨房灯",
        "台灯开着没有", "客厅灯到底开没开", "十点关掉台灯", "每天七点打开窗帘", "我没让你关厨房灯",
        "关厨房灯是什么意思", "空调开着多久了", "谁让你打开车库门的", "窗帘昨晚拉上了",
        "刚才电视开着", "卧室灯以外的灯关掉", "打开三个灯", "晚上八点打开厨房灯", "以后别开空调",
    ),
}  # fmt: skip
PLAIN = {
    "en": (
        "turn off the kitchen light", "could you turn off the kitchen light please",
        "can you switch on the desk lamp?",
        "please turn the tv off now",
        "hey Home, turn on the kitchen light",
        "Home: turn on the kitchen light", "no, turn off the desk lamp",
        "I can not see anything in the bedroom", "let's do movie night",
        "set a timer for ten minutes", "is the garage door open", "did I leave the garage open",
        "dim the bedroom light to 30 percent and turn off the tv", "turn it off again",
        "thanks, now turn off the tv",
        "make the hallway light seventy percent bright", "enough tv for today",
        "turn off the desk lamp today", "it is too dark in the kitchen",
        "no rush, turn off the tv", "set the ac to 21 degrees",
    ),
    "zh": (
        "关掉厨房灯", "请帮我把电视关了好吗", "能不能打开台灯", "可以关掉厨房灯吗",
        "麻烦把空调打开",
        "不好意思，关一下厨房灯", "卧室看不清，开灯", "太冷了，别吹冷风了", "别放电视了",
        "定个十分钟的计时器", "车库门关了吗", "把客厅灯打开然后定个十分钟的闹钟",
        "空调调到二十二度",
        "把厨房灯关了", "好热，吹点冷风", "把台灯变成红色", "晚安模式", "不用开卧室灯了",
        "厨房灯亮度百分之五十", "我说关掉厨房灯", "请你打开空调", "让卧室灯亮起来",
    ),
}  # fmt: skip
_ASKS_FIRST = frozenset({"garage door", "blinds", "窗帘", "车库门"})


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("intents")


@pytest.fixture(scope="module")
def home(cache: Path) -> SpecAssistant:
    spec = load(EXAMPLES / "smart-home/assistant.yaml")
    return build(spec, list(smart_tools().values()), cache=cache)


def told(assistant: SpecAssistant, *said: str) -> list[Event]:
    """What came of the last of some sentences."""
    store = MemoryStore()
    session = store.history.begin().id
    for text in said:
        events = list(assistant.reply("p", store, session, text, role="owner"))
    return events


def acted(assistant: SpecAssistant, *said: str) -> list[str]:
    """Tools that were called without a yes."""
    return [one.action.tool for one in told(assistant, *said) if isinstance(one, Acted)]


def framed(kind: str) -> Iterator[str]:
    for language, frames in FRAMES[kind].items():
        for frame, command in itertools.product(frames, COMMANDS[language]):
            yield frame.format(command)


@pytest.mark.parametrize("kind", sorted(FRAMES))
def test_a_framed_command_is_not_done(kind: str, home: SpecAssistant) -> None:
    looks = {"states"} if kind == "asked" else set()  # a question may be answered
    done = [one for one in framed(kind) if set(acted(home, one)) - looks]
    assert done == []


def test_there_are_enough_sentences() -> None:
    made = {kind: list(framed(kind)) for kind in FRAMES}
    assert sum(map(len, made.values())) > 1500
    assert min(len(one) for kind in FRAMES.values() for one in kind.values()) >= 6
    assert min(map(len, WRITTEN.values())) > 30


@pytest.mark.parametrize("text", [*WRITTEN["en"], *WRITTEN["zh"]])
def test_what_is_no_plain_command_is_not_done(text: str, home: SpecAssistant) -> None:
    assert set(acted(home, text)) <= {"states"}  # a question may be answered


@pytest.mark.parametrize("text", [*PLAIN["en"], *PLAIN["zh"]])
def test_a_plain_command_is_done(text: str, home: SpecAssistant) -> None:
    assert acted(home, "turn on the hallway light", text) != []


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("Ben says: turn off the kitchen light", "somebody else"),
        ("don't turn on the desk lamp", "left everything"),
        ("turn off the tv in half an hour", "another time"),
        ("turn off the kitchen light except on sundays", "except"),
        ("if it rains close the blinds", "if"),
        ("set the kitchen light to 150 percent", "150"),
        ("邮件说：关掉厨房灯", "别人的话"),
        ("别打开台灯", "什么都没动"),
        ("晚上八点打开厨房灯", "换个时间"),
    ],
)
def test_the_person_is_told_why(said: str, words: str, home: SpecAssistant) -> None:
    text = "".join(one.text for one in told(home, said) if isinstance(one, Said))
    assert words in text
    assert "\n" not in text


@pytest.mark.parametrize(
    "answer",
    [
        "Ben says the kitchen light", "not the kitchen light", "if it rains the kitchen light",
        "is the kitchen light on?", "anything except the kitchen light", "不是厨房灯",
        "妈妈说厨房灯", "除了厨房灯", "the email says kitchen light",
    ],
)  # fmt: skip
def test_an_answer_to_a_question_passes_the_gate_too(answer: str, home: SpecAssistant) -> None:
    assert set(acted(home, "turn on the light please", answer)) <= {"states"}
    assert set(acted(home, "打开灯", answer)) <= {"states"}


def test_a_plain_answer_is_taken(home: SpecAssistant) -> None:
    assert acted(home, "dim the kitchen light", "30 percent") == ["lights"]
    assert acted(home, "调暗厨房灯", "百分之三十") == ["lights"]


@pytest.mark.parametrize(
    "answer", ["not the kitchen light", "不是厨房灯", "Ben says no, the kitchen light"]
)
def test_a_correction_passes_the_gate_too(answer: str, home: SpecAssistant) -> None:
    assert acted(home, "turn on the desk lamp", answer) == []


@pytest.mark.parametrize(
    "text",
    ["Ben says yes", "he said yes", "the email says yes please", "他说好的", "if it rains, yes"],
)
def test_somebody_elses_yes_is_none(text: str, home: SpecAssistant) -> None:
    assert acted(home, "open the garage door", text) == []
    assert acted(home, "open the garage door", "yes") == ["covers"]


OTHER_EXAMPLES = {
    "personal": (
        ("Ben says: wake me at 5", "Ben says wake me up at five", "don't wake me up at seven",
         "Fwd: wake me up at 5", "wake me up every other day at 7",
         "妈妈说七点叫我起床", "别在七点叫我", "如果下雨就七点叫我",
         "set a timer for 10-15 minutes",
         "他让我定个十分钟的定时器", "play some jazz later", "听说播放周杰伦",
         "play some jazz unless ben sleeps", "“wake me up at seven” please",
         "my boss said play some jazz", "邮件说：播放周杰伦",
         "what time is it in tokyo", "邻居说音量调到百分之八十"),
        ("wake me up at seven", "wake me up every weekday at 7", "set an alarm for tonight at 9",
         "note down salt and pepper", "明天早上六点半叫我起床", "play some jazz",
        "note down that ben says hi",
         "十分钟后提醒我关火", "set a timer for ten minutes", "what time is it",
         "记一下他说明天来"),
    ),
    "in-car": (
        ("don't navigate home", "Ben says navigate home", "他说导航回家", "别导航回家",
         "should I navigate home", "Fwd: take me to the office", "要是堵车就导航回家",
         "turn off everything except the music", "妈妈让我导航去公司"),
        ("navigate home", "导航回家", "set the temperature to 21 degrees"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("example", sorted(OTHER_EXAMPLES))
def test_other_assistants_pass_the_same_gate(example: str, cache: Path) -> None:
    stopped, plain = OTHER_EXAMPLES[example]
    spec = load(EXAMPLES / example / "assistant.yaml")
    tools = recording(*spec.tools)
    tools_names = {"navigation": {"to": ("home", "work", "office", "airport", "公司", "家")}}
    for name, known in tools_names.items():
        if name in tools:
            tools[name]._names = known
    assistant = build(spec, list(tools.values()), cache=cache)
    assert [one for one in stopped if acted(assistant, one)] == []
    assert [one for one in plain if not acted(assistant, one)] == []


# -- by construction


def test_only_the_gate_says_what_may_be_acted_on() -> None:
    with pytest.raises(TypeError, match="gate"):
        Passed((), (), None, unsure=False, seal=object())
    makers, seals = set(), set()
    for path in (ROOT / "src/penjing").rglob("*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Passed":
                makers.add(path.name)
            if isinstance(node, ast.ImportFrom) and node.module and node.module.endswith("gate"):
                seals |= {one.name for one in node.names if one.name.startswith("_")}
    assert makers == {"gate.py"}
    assert not seals
