"""The customer-service example, whole: a ticket, a person, a greeting, thanks, or nothing at all.

Sentences by the hand that wrote the example's templates, after it had read sentences by others.
"""

from __future__ import annotations

import pytest
from assisted import DATA
from blind import Came, Stage

from penjing.assistant.understand.beside import Remark, of_wish, taken_back
from penjing.assistant.understand.text import tokens_of

WANTED = {
    "ticket": (
        "the drip tray never empties by itself, raise a ticket please",
        "three of four buttons are dead and I'd like that recorded as a fault",
        "Please open a case because the lid does not close any more",
        "it has not worked since Monday. Could you log a fault?",
        "ticket, the hot water tap drips every night",
        "complaint about your hotline",
        "I must complain about the courier who was two hours late",
        "file a report that no steam comes out",
        "nobody answers my mails, I want to file a complaint",
        "hello, I'd like to log a defect on my espresso maker",
        "The second grinder in a month has failed! I am raising a formal complaint",
        "would you create a ticket for the loose power cord",
        "my machine shows error 7 when I switch it on, register a fault please",
        "I want this looked at, make a ticket",
        "got a complaint about the bill",
        "pump makes noise; please report this",
        "we need to open a support case regarding leaking seals",
        "defect report please",
        "can I register a complaint with you",
        "the display is black, please note it as a fault",
        "水泵不出水了，给我开张工单",
        "每次开机都跳闸，帮我报修",
        "我想报修，机器没反应",
        "投诉快递员，晚了两个小时",
        "麻烦提交一份投诉，账单多收了三十块",
        "已经修过两次还是漏，我要投诉",
        "屏幕不亮了 报修",
        "帮忙建一个售后工单，蒸汽管裂了",
        "我要登记一个故障，按钮失灵",
        "请帮我登记一下，磨豆机不转",
        "从昨天开始就不加热了，申请维修",
        "客服电话一直打不通，我要投诉你们",
        "工单，漏水",
        "说明书少了一页，我要反映一下",
        "开个单，出水口堵了",
        "收到的机器是坏的，要求售后处理，开工单",
        "你们的师傅没来，我要投诉",
        "能不能给我提个报修单",
        "杯子托盘坏了麻烦报一下修",
        "我想投诉",
    ),
    "person": (
        "could you put me on to one of your technicians",
        "I'm fed up with this bot, get me a person",
        "you have not understood me three times now, I want a human",
        "agent please",
        "human agent",
        "let me talk to the manager",
        "hi, can I speak to someone in support?",
        "this isn't helping, transfer me to a real person",
        "is anyone there I can talk to",
        "I'd prefer to speak to a woman from your team",
        "connect me to customer service",
        "may I have a word with the supervisor",
        "I need to speak with a representative right now",
        "nothing works, please pass me to an operator",
        "can you fetch a colleague",
        "I want to speak to a human being not a computer",
        "supervisor please",
        "do you have a hotline agent I can talk to",
        "please let a human take over",
        "give me someone from the service team",
        "说了半天你都不明白，转人工吧",
        "我要跟你们经理谈",
        "找客服",
        "请转真人",
        "有活人在吗",
        "能帮我叫个工作人员吗",
        "机器人解决不了，请接人工",
        "我想和你们售后的人沟通",
        "换个真人跟我聊",
        "给我转到人工座席",
        "麻烦找一下你们负责人",
        "有没有人工客服啊",
        "让你们主管来跟我谈",
        "不想跟机器人聊了，找人工",
        "客服在吗，我要人工",
        "请帮我接通技术人员",
        "我要人工服务，快点",
        "真人客服",
        "直接转人工",
        "可以和工程师通话吗",
    ),
    "greeting": (
        "hey",
        "hello Brewmaster",
        "good evening to you all",
        "hi, how are you?",
        "morning!",
        "hallo",
        "hey hey",
        "good afternoon, sir",
        "hello, anybody there?",
        "pleased to meet you",
        "哈喽",
        "您好啊",
        "早",
        "晚上好呀",
        "嘿",
        "各位早上好",
        "在么",
        "你好你好",
        "喂，你好",
        "下午好，客服",
    ),
    "thanks": (
        "thank you",
        "great, thanks!",
        "many thanks for your patience",
        "thanks, that helped",
        "ok thanks a million",
        "appreciated",
        "you've been very helpful",
        "thank you kindly",
        "cool, thx",
        "that's very nice of you",
        "谢谢您的帮助",
        "多谢啦",
        "非常感谢",
        "明白了，多谢",
        "太谢谢你了",
        "感谢您",
        "谢谢谢谢",
        "辛苦啦",
        "好的，谢谢",
        "麻烦您了，谢谢",
    ),
}
NOTHING = (
    "please do not open a ticket",
    "don't raise a complaint for me",
    "no ticket, please",
    "never connect me with an operator again",
    "open a ticket if it happens again",
    "if the new part fails too, file a complaint",
    "unless it works tomorrow I will complain",
    "once the warranty is over transfer me to sales",
    "was a ticket opened for me",
    "when did you forward me to an agent",
    "is there an open ticket on my machine",
    "who is the supervisor",
    "how many agents work for you",
    "my neighbour filed a complaint in May",
    "I already spoke to a representative",
    "the dealer told me to open a ticket",
    "my boss said, get me a human",
    '"connect me to an agent" is what I said yesterday',
    "I would complain if I had the time",
    "had I known, I would have opened a ticket",
    "I bought two tickets for the cinema",
    "he is only human",
    "the film is about a secret agent",
    "put me through to the president",
    "open a ticket, never mind",
    "open a ticket? no, forget it",
    "不要开工单",
    "先别报修",
    "我没有要投诉",
    "下次再漏就报修",
    "如果明天还不行，就转人工",
    "等保修期过了再投诉",
    "谁转的人工",
    "我的工单开了吗",
    "报修要多久",
    "投诉电话是多少",
    "你们有几个客服",
    "我昨天投诉过了",
    "我朋友找过你们经理",
    "邻居说要投诉你们",
    "老板说，转人工",
    "他喊着“给我转人工”",
    "要是早知道就投诉了",
    "我买了两张车票",
    "人工智能真厉害",
    "真人版电影好看吗",
    "主管是谁",
    "转人工要钱吗",
    "开工单，算了不用了",
    "投诉有用吗",
    "报修过了",
    "不是我要找人工，是我妈",
    "别给我叫经理来",
)
ASKED = (
    "I don't need a human",
    "my supervisor likes espresso",
    "no need to put me through to anyone",
    "connect me to the moon",
    "给我转接市长",
    "给我接火星",
)
"""Not done; at most it is asked whether it is meant."""
ABOUT = (
    ("my machine leaks, please open a ticket", "my machine leaks"),
    ("Hello, the pump does not work any more, log a fault", "the pump does not work any more"),
    ("open a ticket: no power", "no power"),
    ("raise a complaint because nobody came on Monday", "nobody came on Monday"),
    ("ticket please, it trips the fuse every morning", "it trips the fuse every morning"),
    ("I was charged three times and I want to complain", "I was charged three times"),
    ("水箱裂了，我要报修", "水箱裂了"),
    ("开个工单，按钮没有反应", "按钮没有反应"),
    ("每天早上都跳闸 帮我报修", "每天早上都跳闸"),
    ("我要投诉快递员太慢", "快递员太慢"),
)
"""What a ticket is about, with words in it that elsewhere turn a wish around."""


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return Stage("customer-service", tmp_path_factory.mktemp("intents"))


def _is(kind: str, came: Came) -> bool:
    if kind == "person":
        return [tool for tool, _ in came.calls] == ["handover"]
    return came.intents == (kind,)


@pytest.mark.parametrize("kind", list(WANTED))
def test_what_people_want_of_a_service_desk(desk: Stage, kind: str) -> None:
    assert [one for one in WANTED[kind] if not _is(kind, desk.hear(one))] == []


def test_who_tells_of_a_fault_is_at_a_service_desk(desk: Stage) -> None:
    lines = (DATA / "customer-service.tsv").read_text("utf-8").splitlines()
    assert len(lines) > 150
    told = [line.split("\t") for line in lines]
    assert [said for said, kind in told if not _is(kind, desk.hear(said))] == []


def test_of_a_fault_the_manual_is_quoted_and_a_ticket_offered(desk: Stage) -> None:
    told = desk.hear("the orange lamp is blinking").said
    assert "Descale the machine when the orange lamp blinks" in told
    assert "[1]" in told
    assert "How can we reach you?" in told
    assert "“" not in desk.hear("water tank leaks when I fill it").said.split("I can open")[0]


def test_who_wants_nothing_is_left_alone(desk: Stage) -> None:
    heard = {one: desk.hear(one) for one in NOTHING}
    assert [one for one, came in heard.items() if came.calls or came.intents] == []


def test_what_nobody_can_be_sure_of_is_not_done(desk: Stage) -> None:
    assert [one for one in ASKED if desk.hear(one).at_once] == []


@pytest.mark.parametrize(("said", "about"), ABOUT)
def test_a_ticket_is_about_what_was_said_beside_the_wish(
    desk: Stage, said: str, about: str
) -> None:
    came = desk.hear(said)
    assert came.intents == ("ticket",)
    assert about in _problem(desk, said)


def _problem(desk: Stage, said: str) -> str:
    """What the card says, once the contact was given."""
    from penjing.core.dialogue import Confirm
    from penjing.vault.memory import MemoryStore

    store = MemoryStore()
    session = store.history.begin().id
    list(desk.assistant.reply("p", store, session, said, role="owner"))
    events = list(desk.assistant.reply("p", store, session, "anna@example.org", role="owner"))
    card = next(one for one in events if isinstance(one, Confirm))
    return str(card.action.arguments["subject"])


@pytest.mark.parametrize(
    ("text", "leads", "turning"),
    [
        ("it trips when I switch it on", True, ""),
        ("if it breaks again", True, "if"),
        ("my wife said", True, "said"),
        ("the lamp said nothing", True, ""),
        ("tomorrow", True, "tomorrow"),
        ("it is loud every morning", True, ""),
        ("but only if it leaks", False, "only if"),
        ("插电的时候冒火花", True, ""),
        ("坏了的话", True, "的话"),
        ("如果再坏", True, "如果"),
    ],
)
def test_what_of_a_remark_speaks_of_the_request(text: str, leads: bool, turning: str) -> None:
    tokens = tokens_of(text)
    remark = Remark(0, len(tokens), leads, parted=True, text=True)
    found = sorted(of_wish(tokens, remark))
    assert [tokens[n].text for n in found] == [one.text for one in tokens_of(turning)]


@pytest.mark.parametrize("text", ["never mind", "no, forget it", "算了", "it leaks, cancel that"])
def test_a_wish_is_taken_back(text: str) -> None:
    tokens = tokens_of(text)
    assert taken_back(tokens, Remark(0, len(tokens), leads=False, parted=True, text=True))
