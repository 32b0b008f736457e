"""Answers side by side on a memory made of nothing: none lost, none mixed, nobody starved."""

from __future__ import annotations

import time

import pytest
from fake_rows import FakeRows, RowsModel, expected, long_winded, request_prompt
from hypothesis import given, settings
from hypothesis import strategies as st
from listening import Listener, ask, begin, request

from penjing.core.errors import BadInput, Busy, EngineError
from penjing.core.messages import Chunk, GenerationSettings
from penjing.core.serving import Request
from penjing.engine.batching import BatchScheduler


def opened(places: int = 2, **wanted) -> tuple[BatchScheduler, FakeRows]:
    rows = FakeRows(places, pause=wanted.pop("pause", 0.0))
    return BatchScheduler(RowsModel(), rows, **wanted), rows


ASKED = st.tuples(
    st.sampled_from(["ada", "bob", "eve"]),
    st.text("ab", max_size=40),
    st.integers(1, 30),
    st.integers(0, 3),
)
"""Owner, what they ask, the most tokens; 0: cancelled at some moment."""


@settings(max_examples=60)
@given(st.integers(1, 4), st.lists(ASKED, min_size=1, max_size=20), st.integers(0, 12))
def test_no_answer_is_lost_or_mixed(places, asked, failing_step) -> None:
    scheduler, rows = opened(places, queue=100)
    listeners = []
    for number, (owner, text, limit, fate) in enumerate(asked):
        listeners.append(begin(scheduler, request(text, owner, max_tokens=limit)))
        if number == failing_step:
            rows.failing = 1
        if fate == 0:
            listeners[-1].ticket.cancel()
    scheduler.close(grace=20)
    for listener, (_, text, limit, fate) in zip(listeners, asked, strict=True):
        whole = expected(request_prompt(text), limit)
        last = listener.last()
        assert listener.after == 0
        if isinstance(last, Exception):
            assert str(last) == "the engine could not run"
            assert failing_step < len(asked)
        elif last.finish_reason == "cancelled":
            assert fate == 0
            assert whole.startswith(listener.text())
        else:
            assert listener.text() == whole
            assert last.finish_reason == ("length" if len(whole) == limit else "stop")
    counters = scheduler.health().counters
    ended = counters.get("finished", 0) + counters.get("cancelled", 0) + counters.get("failed", 0)
    assert ended == counters["requests"] == len(asked)


def test_the_next_turn_reads_only_what_is_new() -> None:
    scheduler, _ = opened()
    text, first = ask(scheduler, request("a long question " * 5, max_tokens=20))
    assert first.usage.cached_tokens == 0
    follow = request("a long question " * 5, max_tokens=20)
    said = type(follow.messages[0]).of("assistant", text)
    more = type(follow.messages[0]).of("user", "and?")
    follow = Request("ada", (*follow.messages, said, more), follow.settings)
    _, second = ask(scheduler, follow)
    # the answer's own tokens, too, are not read again
    assert (
        second.usage.cached_tokens >= first.usage.prompt_tokens + first.usage.completion_tokens - 1
    )
    scheduler.close()


def test_nobody_is_given_what_another_said() -> None:
    scheduler, rows = opened(places=3)
    words = "the very same words " * 5
    _, first = ask(scheduler, request(words, "ada"))
    read = len(rows.steps)
    _, foreign = ask(scheduler, request(words, "eve"))
    assert foreign.usage.cached_tokens == 0
    # all of it was really computed, so it took eve as long as if nobody had asked before
    assert (
        sum(len(p.tokens) for step in rows.steps[read:] for p in step)
        >= foreign.usage.prompt_tokens
    )
    _, own = ask(scheduler, request(words, "ada"))
    assert own.usage.cached_tokens == first.usage.prompt_tokens - 1
    scheduler.close()


def test_what_an_owner_is_reading_elsewhere_is_copied() -> None:
    scheduler, rows = opened(places=3)
    words = "the same beginning " * 5
    rows.pause = 0.01
    first = begin(scheduler, request(words + "one", max_tokens=30))
    assert first.first.wait(5)
    text, second = ask(scheduler, request(words + "two", max_tokens=30))
    assert second.usage.cached_tokens >= len(words)
    assert text == expected(request_prompt(words + "two"), 30)
    first.last()
    assert first.text() == expected(request_prompt(words + "one"), 30)
    scheduler.close()


def test_forgetting_drops_what_was_cached() -> None:
    scheduler, rows = opened()
    ask(scheduler, request("something private"))
    scheduler.forget("ada")
    assert rows.held == [[], []]
    assert ask(scheduler, request("something private"))[1].usage.cached_tokens == 0
    scheduler.close()


def test_forgetting_waits_for_what_is_being_written() -> None:
    scheduler, rows = opened(pause=0.005)
    listener = begin(scheduler, request(long_winded(60), max_tokens=60))
    listener.first.wait(5)
    scheduler.forget("ada")
    assert any(rows.held)
    listener.last()
    scheduler.close(grace=1)
    assert rows.held == [[], []]


def test_one_owner_with_thirty_does_not_starve_another() -> None:
    scheduler, _ = opened(places=4, queue=100, pause=0.001)
    many = [Listener() for _ in range(30)]
    for number, listener in enumerate(many):
        scheduler.submit(request(f"{number} {'x' * 30}", "greedy", max_tokens=40), listener)
    many[0].first.wait(5)
    text, _ = ask(scheduler, request("just one", "modest", max_tokens=40))
    ended = [listener.over.is_set() for listener in many]
    assert sum(ended) <= 8  # what was running, and little more
    assert text == expected(request_prompt("just one"), 40)
    scheduler.close(grace=30)
    assert scheduler.health().counters["interrupted"] >= 1
    for number, listener in enumerate(many):  # the interrupted ones went on where they were
        assert listener.text() == expected(request_prompt(f"{number} {'x' * 30}"), 40)


def test_a_long_prompt_holds_up_nobody() -> None:
    scheduler, rows = opened(places=2)
    rows.token_pause = 0.005
    short = begin(scheduler, request(long_winded(150), max_tokens=150))
    short.first.wait(5)
    before = len(rows.steps)
    begin(scheduler, request("x" * 200, "bob", max_tokens=1)).last()
    (writing,) = {piece.row for piece in rows.steps[before - 1]}
    since = rows.steps[before:]
    reading = [step for step in since if any(piece.row != writing for piece in step)]
    assert len(reading) > 1  # in pieces
    assert all(any(piece.row == writing for piece in step) for step in reading)
    scheduler.close()


def test_full_is_busy_and_one_owner_cannot_fill_the_queue() -> None:
    scheduler, rows = opened(places=1, queue=4)
    rows.gate.clear()
    first = begin(scheduler, request("first", "greedy", max_tokens=5))
    time.sleep(0.05)
    taken = [first]
    taken += [begin(scheduler, request("more", "greedy", max_tokens=5)) for _ in range(2)]
    with pytest.raises(Busy) as refused:
        scheduler.submit(request("more", "greedy", max_tokens=5), print)
    assert refused.value.seconds >= 1
    taken.append(begin(scheduler, request("modest", "modest", max_tokens=5)))
    health = scheduler.health()
    assert (health.running, health.places) == (1, 1)
    assert health.waiting == len(taken) - 1
    assert health.counters["refused"] == 1
    rows.gate.set()
    assert all(isinstance(listener.last(), Chunk) for listener in taken)
    scheduler.close()


@pytest.mark.alone
def test_the_wait_that_is_told_is_about_the_wait() -> None:
    scheduler, _ = opened(places=1, queue=0, pause=0.05)
    text = long_winded(60)
    for _ in range(3):  # it learns how fast it is
        ask(scheduler, request(text, max_tokens=60))
    running = begin(scheduler, request(text, max_tokens=60))
    running.first.wait(5)
    with pytest.raises(Busy) as refused:
        scheduler.submit(request("late"), print)
    started = time.perf_counter()
    running.last()
    really = time.perf_counter() - started
    assert refused.value.seconds / 4 < really < refused.value.seconds * 4
    scheduler.close()


def test_a_grammar_that_gives_up_ends_its_own_answer_only() -> None:
    scheduler, rows = opened(places=2)
    model: RowsModel = scheduler._model  # type: ignore[assignment]
    rows.gate.clear()
    good = begin(scheduler, request("good one", max_tokens=30))
    bad = begin(scheduler, request("bad", max_tokens=30, grammar="3"))
    rows.gate.set()
    assert isinstance(bad.last(), EngineError)
    assert "too complex" in str(bad.last())
    good.last()
    assert good.text() == expected(request_prompt("good one"), 30)
    assert model.whims[0].closed
    scheduler.close()


def test_closing_gives_grace_and_then_ends() -> None:
    scheduler, rows = opened(places=1, pause=0.01)
    listeners = [begin(scheduler, request(f"{n}", max_tokens=200)) for n in range(5)]
    listeners[0].first.wait(5)
    scheduler.close(grace=0.05)
    last = listeners[-1].last()
    assert isinstance(last, Chunk)
    assert last.finish_reason == "cancelled"
    assert rows.closed == 1
    assert all(listener.over.is_set() and not listener.after for listener in listeners)
    with pytest.raises(EngineError, match="not running"):
        scheduler.submit(request("late"), print)
    scheduler.close()


def test_a_text_is_continued_as_it_is() -> None:
    scheduler, _ = opened()
    prompt = RowsModel().tokenize("Once <|im_end|>")
    assert max(prompt[1:]) < 256  # no control token comes of a typed marker
    text, last = ask(
        scheduler, Request("ada", (), GenerationSettings(max_tokens=9), "Once <|im_end|>")
    )
    assert last.usage.prompt_tokens == len(prompt)
    assert text == expected(prompt, 9)
    scheduler.close()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (request("x" * 300), "context holds 256"),
        (request("x", max_tokens=0), "max_tokens is 0"),
        (request("x", temperature=float("nan")), "temperature is nan"),
        (request("x", top_p=-1.0), "top_p"),
        (request("x", top_logprobs=10**9), "top_logprobs"),
        (request("x", frequency_penalty=float("inf")), "frequency_penalty"),
        (request("x", stop=("y" * 2000,)), "stop"),
        (Request("ada", request("x").messages, GenerationSettings(), "and text"), "not both"),
    ],
)
def test_what_cannot_be_written_is_refused_at_once(wrong: Request, words: str) -> None:
    scheduler, _ = opened()
    with pytest.raises(BadInput, match=words):
        scheduler.submit(wrong, print)
    assert scheduler.health().waiting == 0
    scheduler.close()


def test_logprobs_are_of_the_tokens_that_were_given() -> None:
    scheduler, _ = opened()
    listener = begin(scheduler, request("tell me", max_tokens=12, top_logprobs=2))
    listener.last()
    found = [one for said in listener.got for one in said.logprobs]
    assert b"".join(one.token for one in found).decode() == listener.text()
    assert all(one.logprob == one.top[0][1] for one in found)  # it was the likeliest
    assert all(len(one.top) == 2 and one.top[1][1] < one.logprob for one in found)
    scheduler.close()
