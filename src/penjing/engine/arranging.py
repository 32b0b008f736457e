"""The same conversation for templates that take fewer roles than there are, or only turns.

Some know no system (Gemma 2, Mistral 0.1), some only users and assistants who take turns. What is
said is never left out: it moves into a message beside it. Pure values; must not know templates.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from penjing.core.messages import Message


def arrangements(messages: Sequence[Message]) -> Iterator[tuple[Message, ...]]:
    """The messages as they are, then nearer and nearer to users and assistants who take turns."""
    said = tuple(messages)
    yield said
    given = [said]
    for changed in (_system_first(said), _without_system(said), _in_turns(_without_system(said))):
        if changed not in given:
            given.append(changed)
            yield changed


def _system_first(messages: Sequence[Message]) -> tuple[Message, ...]:
    """All that the system says in one message before the others."""
    system = [one.text for one in messages if one.role == "system"]
    others = [one for one in messages if one.role != "system"]
    return (Message.of("system", "\n\n".join(system)), *others) if system else tuple(messages)


def _without_system(messages: Sequence[Message]) -> tuple[Message, ...]:
    """What the system says begins the user's message that follows it, or ends the last one."""
    out: list[Message] = []
    waiting: list[str] = []
    for one in messages:
        if one.role == "system":
            waiting += [one.text] * bool(one.text.strip())
        elif one.role == "user" and waiting:
            out.append(Message.of("user", "\n\n".join([*waiting, one.text])))
            waiting = []
        else:
            out.append(one)
    if not waiting:
        return tuple(out)
    if out and out[-1].role == "user":
        waiting.insert(0, out.pop().text)
    return (*out, Message.of("user", "\n\n".join(waiting)))


def _in_turns(messages: Sequence[Message]) -> tuple[Message, ...]:
    """Neighbours of one role as one message."""
    out: list[Message] = []
    for one in messages:
        if out and out[-1].role == one.role:
            one = Message.of(one.role, f"{out.pop().text}\n\n{one.text}")  # noqa: PLW2901
        out.append(one)
    return tuple(out)
