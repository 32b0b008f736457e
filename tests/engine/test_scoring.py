"""Prompt log-probabilities through the scheduler: those of `score`, beside answers."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from fake_rows import FakeRows, RowsModel, expected, next_token
from listening import Listener, ask, begin, request

from penjing.core.errors import BadInput
from penjing.core.messages import Chunk, GenerationSettings, TokenLogprob
from penjing.core.serving import Request
from penjing.engine import ipc
from penjing.engine.batching import BatchScheduler
from penjing.engine.llamacpp import LlamaCpp
from penjing.engine.remote import open_scheduler
from penjing.testing.model import VOCABULARY

SURE = math.log(math.exp(9) / (math.exp(9) + VOCABULARY - 1))
ELSE = SURE - 9


def scored(text: str, owner: str = "ada", most: int = 0, top: int | None = 1) -> Request:
    settings = GenerationSettings(max_tokens=most, top_logprobs=top, prompt_logprobs=True)
    return Request(owner, (), settings, tokens=tuple(text.encode()))


def read(listener: Listener) -> list[TokenLogprob]:
    return [one for said in listener.got if isinstance(said, Chunk) for one in said.prompt]


def test_every_token_of_the_prompt_is_told_once_and_first() -> None:
    model = RowsModel()
    scheduler = BatchScheduler(model, FakeRows(2))
    text = "a text of some twenty letters"
    listener = begin(scheduler, scored(text))
    last = listener.last()
    assert isinstance(last, Chunk)
    assert (last.finish_reason, last.usage.completion_tokens) == ("length", 0)
    found = read(listener)
    assert b"".join(one.token for one in found) == text.encode()
    assert found[0].logprob == 0
    for at in range(1, len(text)):
        likeliest = next_token(text.encode()[:at])
        wanted = SURE if likeliest == text.encode()[at] else ELSE
        assert found[at].logprob == pytest.approx(wanted, abs=1e-6)
        assert found[at].top[0][1] == pytest.approx(SURE, abs=1e-6)
    assert model.scoring_ended == 1
    scheduler.close()


def test_the_answer_follows_and_its_end_is_told() -> None:
    scheduler = BatchScheduler(RowsModel(), FakeRows(2))
    ended = next(text for n in range(999) if 0 < len(expected((text := f"b{n}").encode(), 99)) < 60)
    listener = begin(scheduler, scored(ended, most=99))
    listener.last()
    assert listener.text() == expected(ended.encode(), 99)
    spoken = [one for said in listener.got if isinstance(said, Chunk) for one in said.logprobs]
    assert spoken[-1].token == b"<control>"
    assert b"".join(one.token for one in spoken[:-1]).decode() == listener.text()
    scheduler.close()


def test_scoring_goes_on_beside_answers_and_two_texts_do_not_mix() -> None:
    scheduler = BatchScheduler(RowsModel(), FakeRows(3, pause=0.002), queue=20)
    texts = [f"{letter} and so on, for a while {n}" for n, letter in enumerate("abcdef")]
    listeners = [begin(scheduler, scored(text, owner)) for owner in "xy" for text in texts]
    talk, _ = ask(scheduler, request("beside it", "eve", max_tokens=20))
    assert talk
    for listener, text in zip(listeners, texts * 2, strict=True):
        listener.last()
        found = read(listener)
        assert b"".join(one.token for one in found) == text.encode()
        sure = [one.logprob > -1 for one in found[1:]]
        held = text.encode()
        assert sure == [next_token(held[:at]) == held[at] for at in range(1, len(held))]
    scheduler.close()


def test_a_cancelled_scoring_ends() -> None:
    scheduler = BatchScheduler(RowsModel(), FakeRows(1, pause=0.01))
    listener = begin(scheduler, scored("x" * 200))
    assert listener.ticket is not None
    listener.ticket.cancel()
    last = listener.last()
    assert isinstance(last, Chunk)
    assert ask(scheduler, request("hi", max_tokens=3))[1].finish_reason
    scheduler.close()


@pytest.mark.parametrize("tokens", [(1, VOCABULARY), (-1,), ()])
def test_numbers_of_no_token_are_refused(tokens) -> None:
    scheduler = BatchScheduler(RowsModel(), FakeRows(1))
    with pytest.raises(BadInput, match=r"tokens are numbered|the prompt is empty"):
        scheduler.submit(Request("ada", (), GenerationSettings(), tokens=tokens), Listener())
    biased = GenerationSettings(logit_bias=((999, 1.0),))
    with pytest.raises(BadInput, match="logit_bias has 999"):
        scheduler.submit(Request("ada", (), biased, text="x"), Listener())
    with pytest.raises(BadInput, match="max_tokens is 0"):
        scheduler.submit(Request("ada", (), GenerationSettings(max_tokens=0), text="x"), Listener())
    scheduler.close()


def test_a_bias_decides() -> None:
    scheduler = BatchScheduler(RowsModel(), FakeRows(1))
    text, _ = ask(scheduler, request("x", max_tokens=5, logit_bias=((ord("q"), 100.0),)))
    assert text == "qqqqq"
    scheduler.close()


def test_the_wire_carries_both() -> None:
    settings = GenerationSettings(logit_bias=((3, -1.5),), prompt_logprobs=True, stop=("a",))
    wanted = Request("ada", (), settings, tokens=(1, 2))
    assert ipc.request_in(ipc.request_out(wanted)) == wanted
    chunk = Chunk("", prompt=(TokenLogprob(b"\xff", -1.5, ((b"a", -0.5),)),))
    assert ipc.chunk_in(ipc.chunk_out(chunk)).prompt == chunk.prompt


def test_it_is_our_own_scoring_to_a_ten_thousandth(default_model: Path) -> None:
    with LlamaCpp.open(default_model, context=2048, threads=1) as model:
        text = "Penjing is the ancient art of growing miniature trees in trays. " * 60
        tokens = model.tokenize(text)[:600]
        logits = model.score(tokens).astype(np.float64)
        total = np.log(np.exp(logits - logits.max(1, keepdims=True)).sum(1)) + logits.max(1)
        wanted = [logits[at - 1][tokens[at]] - total[at - 1] for at in range(1, len(tokens))]
    scheduler = open_scheduler(default_model, context=2048, threads=1, places=2)
    settings = GenerationSettings(max_tokens=1, top_logprobs=2, prompt_logprobs=True)
    listener = begin(scheduler, Request("ada", (), settings, tokens=tuple(tokens)))
    listener.last(timeout=300)
    found = [one.logprob for one in read(listener)]
    scheduler.close()
    assert len(found) == len(tokens)
    assert np.abs(np.array(found[1:]) - np.array(wanted)).max() < 1e-4
