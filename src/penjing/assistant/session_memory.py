"""Session memory: what the assistant remembers of conversations while it runs, bounded.

Everything here can be had again from the store; it is kept so that the five-hundredth turn costs
what the first did.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from penjing.assistant.dialogue.keep import from_plain
from penjing.assistant.dialogue.plan import Plan
from penjing.assistant.dialogue.state import DialogueState
from penjing.assistant.generate.prompt import Memory, forget
from penjing.assistant.notes import TALKED, is_deed
from penjing.core.history import Turn
from penjing.core.protocols import Store

MAX_SESSIONS = 64
MAX_MESSAGES = 60
"""Of one session that are held for the model; older ones are summarised."""
MAX_SENTENCES = 60
"""Of one session that an argument may come from."""


@dataclass
class Talk:
    """One session while it is spoken in."""

    state: DialogueState = field(default_factory=DialogueState)
    memory: Memory = field(default_factory=Memory)
    sentences: deque[str] = field(default_factory=lambda: deque(maxlen=MAX_SENTENCES))
    """What the person said, word for word."""
    turn: threading.Lock = field(default_factory=threading.Lock)
    """One reply at a time."""

    def go_back(self, turns: Sequence[Turn], plan: Plan) -> None:
        """Be what it was after these turns: what came later is not said any more."""
        self.state, self.memory = DialogueState(), Memory()
        self.sentences.clear()
        for turn in turns[-2 * MAX_MESSAGES :]:
            _recall(self, turn)
        for turn in reversed(turns):
            if turn.message.notes("state"):
                self.stand_at(turn, plan, answered=turns[-1].message.role == "assistant")
                return

    def stand_at(self, turn: Turn, plan: Plan, *, answered: bool = True) -> None:
        """Have the state that was kept with a turn, where one was."""
        if states := turn.message.notes("state"):
            self.state = from_plain(states[-1], plan, answered=answered)

    def remember(self, memory: Memory) -> None:
        """Keep what the model may be told, but not for ever more of it."""
        while len(memory.messages) > MAX_MESSAGES:
            memory = forget(memory, MAX_MESSAGES // 3)
        self.memory = memory


class Talks:
    """The sessions spoken in lately."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._kept: OrderedDict[tuple[str, str], Talk] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, person: str, store: Store, session: str) -> Talk:
        """A person's session, read from the store when it was not spoken in lately."""
        key = (person, session)
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
                return found
        fresh = self._read(store, session)
        with self._lock:
            found = self._kept.setdefault(key, fresh)
            while len(self._kept) > MAX_SESSIONS:
                self._kept.popitem(last=False)
        return found

    def forget(self, person: str) -> None:
        """A person left: nothing of theirs stays in memory."""
        with self._lock:
            for key in [one for one in self._kept if one[0] == person]:
                del self._kept[key]

    def _read(self, store: Store, session: str) -> Talk:
        talk = Talk()
        talk.go_back(store.history.turns(session), self._plan)
        return talk


def _recall(talk: Talk, turn: Turn) -> None:
    message = turn.message
    if message.role == "user":
        if not message.notes(TALKED):
            talk.sentences.append(message.text)
        sent = message.notes("sent")
        text = sent[-1].get("text") if sent else None
        talk.remember(talk.memory.with_more("user", str(text or message.text)))
    elif message.role == "assistant" and is_deed(message):
        talk.remember(talk.memory.without_unanswered())
    elif message.role == "assistant" and message.text:
        talk.remember(talk.memory.with_more("assistant", message.text))


Clock = Callable[[], float]
