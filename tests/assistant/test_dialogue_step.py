"""The dialogue as a state machine: what may never happen, over any order of events."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence

import pytest
from assisted import EXAMPLES, smart_tools
from hypothesis import given, settings
from hypothesis import strategies as st

from penjing.assistant.dialogue.events import Answered, Chosen, Do, Event, Heard, Say, Wait
from penjing.assistant.dialogue.keep import from_plain, to_plain
from penjing.assistant.dialogue.plan import Plan, plan_of
from penjing.assistant.dialogue.state import (
    MAX_FRAMES,
    MAX_QUEUE,
    MAX_RECENT,
    DialogueState,
)
from penjing.assistant.dialogue.step import step
from penjing.assistant.spec.parse import load
from penjing.assistant.understand import gate
from penjing.assistant.understand.gate import Passed
from penjing.assistant.understand.heard import Doubt
from penjing.assistant.understand.reading import Reading
from penjing.core.dialogue import Outcome, Recognition, Slot

PLAN: Plan = plan_of(load(EXAMPLES / "smart-home/assistant.yaml"), list(smart_tools().values()))
_VALUES = {
    "light": ["kitchen light", "bedroom light", "\N{REPLACEMENT CHARACTER}it"],
    "cover": ["garage door", "curtains", "\N{REPLACEMENT CHARACTER}it"],
    "brightness": [30, 100],
    "colour": ["red"],
    "temperature": [21],
    "scene": ["party"],
    "duration": [600],
}


def gated(requests: object = (), values: object = (), doubt: Doubt | None = None) -> Passed:
    """What the gate let through."""
    if doubt is not None:
        requests = values = ()
    return Passed(requests, values, doubt, unsure=False, seal=gate._SEAL)  # type: ignore[arg-type]


doubts = st.sampled_from(
    [None, None, None, Doubt("others_words", "ben"), Doubt("only_asked", "is", of_values=True)]
)


@st.composite
def slots(draw: st.DrawFn) -> Slot:
    name = draw(st.sampled_from(sorted(_VALUES)))
    value = draw(st.sampled_from(_VALUES[name]))
    return Slot(name, value, str(value), 0, len(str(value)), "person")


@st.composite
def recognitions(draw: st.DrawFn) -> Recognition:
    intent = draw(st.sampled_from(sorted(PLAN.programs)))
    wanted = PLAN.slots[intent]
    found = {s.name: s for s in draw(st.lists(slots(), max_size=3)) if s.name in wanted}
    stage = draw(st.sampled_from(["templates", "classifier", "model"]))
    confidence = draw(st.sampled_from([0.4, 0.7, 1.0]))
    return Recognition(intent, tuple(found.values()), confidence, stage)


@st.composite
def heard(draw: st.DrawFn) -> Heard:
    requests = draw(st.lists(st.tuples(recognitions()), max_size=3))
    reading = Reading(
        text=draw(st.sampled_from(["kitchen light", "30", "so what"])),
        language=draw(st.sampled_from(["en", "zh"])),
        passed=gated(tuple(requests), tuple(draw(st.lists(slots(), max_size=3))), draw(doubts)),
        act=draw(st.sampled_from([None, None, "yes", "no", "cancel"])),
        bare=draw(st.booleans()),
        denies=draw(st.booleans()),
        asks=draw(st.booleans()),
        own="so what",
    )
    role = draw(st.sampled_from(["owner", "member", "guest", "talker"]))
    return Heard(reading, draw(st.sampled_from([10.0, 20.0, 5000.0])), role, "f")


@st.composite
def happenings(draw: st.DrawFn) -> object:
    kind = draw(st.sampled_from(["heard", "heard", "heard", "chosen", "answered"]))
    if kind == "heard":
        return draw(heard())
    if kind == "chosen":
        return ("chosen", draw(st.booleans()), draw(st.booleans()))
    return ("answered", draw(st.booleans()), draw(st.booleans()))


def event_of(drawn: object, state: DialogueState, at: float) -> Event:
    """A drawn event, aimed at what waits now or at nothing."""
    if isinstance(drawn, Heard):
        return dataclasses.replace(drawn, at=at + drawn.at)
    kind, aimed, yes = drawn  # type: ignore[misc]
    action = state.frames[-1].action if aimed and state.frames else "nothing"
    if kind == "chosen":
        return Chosen(action, yes, at, "owner")
    outcome = Outcome(yes, {"open": True}, "" if yes else "broken")
    return Answered(action, outcome, "owner", at)


def agrees(event: Event) -> bool:
    return (isinstance(event, Chosen) and event.yes) or (
        isinstance(event, Heard) and event.reading.act == "yes"
    )


@settings(max_examples=120)
@given(st.lists(happenings(), max_size=14))
def test_whatever_happens(drawn: Sequence[object]) -> None:
    state, at = DialogueState(), 1000.0
    asked: dict[str, object] = {}
    done: set[str] = set()
    for one in drawn:
        at += 5
        event = event_of(one, state, at)
        at = max(at, getattr(event, "at", at))
        frames_before = state.frames
        stepped = step(PLAN, state, event)
        assert step(PLAN, state, event) == stepped  # pure
        state = stepped.state
        # bounded
        assert len(state.frames) <= MAX_FRAMES
        assert len(state.queue) <= MAX_QUEUE
        assert len(state.recent) <= MAX_RECENT
        assert len(json.dumps(to_plain(state))) < 20_000
        # survives a restart
        assert from_plain(json.loads(json.dumps(to_plain(state))), PLAN, answered=True) == state
        if event.role == "talker":  # nothing now, and nothing that could be made a call of later
            assert not [one for one in stepped.orders if isinstance(one, Do | Wait)]
            assert not any(PLAN.acts(one.intent) for one in state.frames)
            assert (state.queue, state.last, state.recent) == ((), None, ())
        for order in stepped.orders:
            if isinstance(order, Wait):
                asked[order.call.action.id] = dict(order.call.action.arguments)
            if isinstance(order, Do):
                action = order.call.action
                # never twice, never what was not said, never without a role
                assert action.id not in done
                done.add(action.id)
                assert event.role in PLAN.spec.tools[action.tool].who
                assert all(slot.trust in ("person", "spec") for slot in order.call.evidence)
                if action.tool in PLAN.careful:
                    assert agrees(event)
                    assert asked[action.id] == dict(action.arguments)
                    assert any(frame.action == action.id for frame in frames_before)


@settings(max_examples=60)
@given(st.lists(happenings(), max_size=8), st.sampled_from(["no", "cancel"]))
def test_what_was_refused_never_acts(drawn: Sequence[object], word: str) -> None:
    state, at = DialogueState(), 1000.0
    for one in drawn:
        at += 5
        event = event_of(one, state, at)
        at = max(at, getattr(event, "at", at))
        state = step(PLAN, state, event).state
    if not state.frames or state.frames[-1].waits != "yes":
        return
    waiting = state.frames[-1].action
    reading = Reading("no", "en", gated(), act=word)  # type: ignore[arg-type]
    stepped = step(PLAN, state, Heard(reading, at + 1, "owner", "g"))
    assert not [o for o in stepped.orders if isinstance(o, Do) and o.call.action.id == waiting]
    after = step(PLAN, stepped.state, Chosen(waiting, True, at + 2, "owner"))
    ids = [order.call.action.id for order in after.orders if isinstance(order, Do)]
    assert waiting not in ids


def said(text: str, *, act: str | None = None, at: float = 1000.0, **more: object) -> Heard:
    reading = Reading(text, "en", gated(more.pop("requests", ())), act=act, **more)  # type: ignore[arg-type]
    return Heard(reading, at, "owner", "f")


def request(intent: str, **values: object) -> tuple[tuple[Recognition, ...], ...]:
    found = tuple(Slot(k, v, str(v), 0, len(str(v)), "person") for k, v in values.items())
    return ((Recognition(intent, found, 1.0, "templates"),),)


def test_silence_drops_what_was_begun() -> None:
    first = step(PLAN, DialogueState(), said("x", requests=request("cover_open", cover="blinds")))
    assert [type(one) for one in first.orders] == [Say, Wait]
    late = said("yes", act="yes", at=1000.0 + PLAN.spec.timeout + 1)
    after = step(PLAN, first.state, late)
    assert after.state.frames == ()
    assert not [one for one in after.orders if isinstance(one, Do)]
    assert "dropped" in after.orders[0].text  # type: ignore[union-attr]


def test_a_guest_may_not_use_what_the_spec_keeps_from_guests() -> None:
    event = dataclasses.replace(
        said("x", requests=request("cover_open", cover="blinds")), role="guest"
    )
    orders = step(PLAN, DialogueState(), event).orders
    assert [type(one) for one in orders] == [Say]


def test_a_call_that_a_crash_cut_off_is_not_made_again() -> None:
    first = step(PLAN, DialogueState(), said("x", requests=request("cover_open", cover="blinds")))
    kept = json.loads(json.dumps(to_plain(first.state)))
    assert from_plain(kept, PLAN, answered=True).frames != ()
    assert from_plain(kept, PLAN, answered=False).frames == ()


@pytest.mark.parametrize("key", ["frames", "recent", "spoke"])
def test_a_damaged_state_is_forgotten(key: str) -> None:
    kept = to_plain(DialogueState(language="en"))
    kept[key] = [["light", "x", "x", 0, 1, "document"]] if key == "recent" else "nonsense"
    assert from_plain(kept, PLAN, answered=True) == DialogueState()
