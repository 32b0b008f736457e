"""What is asked of documents, and what is not: wishes, deeds and remarks."""

from __future__ import annotations

import pytest
from assisted import EXAMPLES

from penjing.assistant.answer import sources_for
from penjing.assistant.spec.parse import load
from penjing.assistant.understand.asking import asks_something

ASKED = (
    "When does the lease end?", "can I paint the walls", "Can I keep a dog?",
    "tell me what the deposit is", "can you tell me when the boiler was serviced",
    "Could you tell me where the fuse box is?", "how much is the rent", "is parking included",
    "What's the wifi password", "dishwasher shows E20, what does it mean", "the deposit?",
    "押金是多少", "我可以养狗吗", "请问宽带密码", "租期到什么时候", "房租几号交",
    "洗碗机报E20是什么意思",
    "能告诉我合同什么时候到期吗", "我们需要自己修水管吗", "停车位呢？",
)  # fmt: skip
TOLD = (
    "Write a poem about the lease", "can you write a poem about cats?", "play some jazz",
    "turn on the heater", "could you dim the lights?", "I turned the lights off yesterday",
    "good morning", "Summarize my lease", "would you mind closing the blinds?", "", "...",
    "把暖气打开", "帮我写一首诗", "可以帮我写首诗吗？", "你能把灯关了吗",
    "翻译这句话", "请关灯", "放首歌好吗？",
)  # fmt: skip


@pytest.mark.parametrize("text", ASKED)
def test_a_question_is_one(text: str) -> None:
    assert asks_something(text)


@pytest.mark.parametrize("text", TOLD)
def test_what_is_to_be_done_and_what_is_only_said_is_none(text: str) -> None:
    assert not asks_something(text)


def test_documents_are_asked_what_is_asked_and_the_model_the_rest() -> None:
    both = ("knowledge", "model")
    assert sources_for(both, "押金是多少") == both
    assert sources_for(both, "Write a poem about the lease") == ("model",)
    assert sources_for(("knowledge",), "the washing machine leaks") == ("knowledge",)


@pytest.mark.parametrize("name", ["smart-home", "personal", "in-car"])
def test_the_examples_look_into_a_person_s_documents_before_the_model_answers(name: str) -> None:
    assert load(EXAMPLES / name / "assistant.yaml").unknown == ("knowledge", "model")
