"""The whole server for a browser: the real app behind the real door, a vault or none.

Made of nothing are the engine (FakeScheduler), and what an assistant cites and does (`Gardener`).
Everything else it is asked goes to the plain model's own code.
"""

from __future__ import annotations

import itertools
import json
import re
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from doorway import Doorway, doorway
from household import household

from penjing.core.dialogue import (
    Acted,
    Action,
    Cited,
    Confirm,
    Event,
    Finished,
    Outcome,
    Passage,
    Recognition,
    Remarked,
    Said,
    Slot,
    Standing,
    Understood,
    Undone,
)
from penjing.core.errors import BadInput, NotFound
from penjing.core.history import Document, Excerpt
from penjing.core.messages import Message, Note, Text
from penjing.core.protocols import Scheduler, Store
from penjing.serve.api.me import described
from penjing.serve.app import RequestLog, build_app
from penjing.serve.door.accounts import Known, OneOwner, UnlockedPerson
from penjing.serve.door.residents import VaultAccounts
from penjing.serve.people import Alone, VaultPeople
from penjing.serve.plain import Plain
from penjing.serve.services import Model, Services
from penjing.serve.who import OWNER
from penjing.testing.scheduler import FakeScheduler
from penjing.vault.memory import MemoryStore

PASSPORT = Path(__file__).parent.parent / "web" / "passport.json"
QUOTED = {
    "en": "Water a Chinese elm when the top centimetre of soil is dry to the touch",
    "zh": "表土一厘米深处摸起来干了再浇水",
}
REMARK = "One older message was left out."
ANSWERED = {
    "en": (
        "Water it **when the top centimetre of soil feels dry** [1]. In a small pot that is:\n\n"
        "- most days in summer, in the morning\n- every three to five days in winter\n\n"
        "Pour until water leaves the pot from below."
    ),
    "zh": (
        "**表土一厘米深处摸起来干了**再浇 [1]。小盆里大致是：\n\n"
        "- 夏天几乎每天早晨浇一次\n- 冬天三到五天浇一次\n\n浇到水从盆底流出为止。"
    ),
}


class Gardener:
    """Satisfies `Assistant`: knows about water, and switches one lamp."""

    def __init__(self, scheduler: Scheduler, pause: float = 0.0) -> None:
        self._plain, self._pause = Plain(scheduler), pause
        self._waiting: dict[str, Action] = {}
        self.done: list[Action] = []
        """What was confirmed."""

    @property
    def name(self) -> str:
        """What people call it."""
        return "Penjing"

    def suggestions(self, role: Standing, language: str) -> Sequence[str]:
        """What works, in a language; a talker has no tools."""
        works = {
            "en": ["switch on the lamp", "how often should I water it?"],
            "zh": ["开灯", "多久浇一次水？"],
        }
        return works[language][1:] if role == "talker" else works[language]

    def uses(self) -> Mapping[str, Sequence[str]]:
        """One tool."""
        return {"tool": ["switch_lamp"], "source": []}

    def reply(
        self,
        person: str,
        store: Store,
        session: str,
        text: str,
        *,
        role: Standing = "guest",
        instead: int | None = None,
        vary: bool = False,
    ) -> Iterator[Event]:
        """Answer about water and the lamp; the rest is the plain model's."""
        language = "zh" if any("\u4e00" <= c <= "\u9fff" for c in text) else "en"
        if "water" in text or "浇" in text:
            yield from self._cite(store, session, text, language)
        elif "lamp" in text or "灯" in text:
            yield from self._ask(store, session, text, language)
        else:
            yield from self._plain.reply(
                person, store, session, text, role=role, instead=instead, vary=vary
            )

    def takes(self, person: str, store: Store, session: str, text: str) -> bool:
        """Water and the lamp."""
        return any(word in text for word in ("water", "浇", "lamp", "灯"))

    def more(
        self, person: str, store: Store, session: str, *, role: Standing = "guest"
    ) -> Iterator[Event]:
        """The plain model's: only it breaks off."""
        yield from self._plain.more(person, store, session, role=role)

    def confirm(
        self,
        person: str,
        store: Store,
        session: str,
        action: str,
        *,
        yes: bool,
        role: Standing = "guest",
    ) -> Iterator[Event]:
        """Switch the lamp, or do not."""
        asked = self._waiting.pop(action, None)
        if asked is None:
            raise NotFound("action", action)
        said: tuple[Text | Note, ...] = (Text("All right, I left it as it is."),)
        if yes:
            self.done.append(asked)
            outcome = Outcome(True, {"state": "on", "brightness": 40, "told": "no_answer"})
            yield Acted(asked, outcome, {"was": {}, "made": {}})
            data = {"action": vars(asked), "outcome": vars(outcome), "memory": {"was": {}}}
            said = (Text("The lamp is on."), Note("acted", data))
        yield Said(said[0].text, "spec")  # type: ignore[union-attr]
        store.history.append_turn(session, Message("assistant", said))
        yield Finished("stop")

    def undo(
        self, person: str, store: Store, session: str, action: str, *, role: Standing = "guest"
    ) -> Iterator[Event]:
        """The lamp is as it was."""
        found = next((one for one in self.done if one.id == action), None)
        if found is None:
            raise NotFound("action that can be undone", action)
        self.done.remove(found)
        outcome = Outcome(True, {"devices": ["elm shelf"], "told": "confirmed"})
        yield Undone(found, outcome)
        yield Said("Undone.", "spec")
        note = Note("undone", {"action": vars(found), "outcome": vars(outcome)})
        store.history.append_turn(session, Message("assistant", (Text("Undone."), note)))
        yield Finished("stop")

    def close(self) -> None:
        """Nothing to close."""

    def _cite(self, store: Store, session: str, text: str, language: str) -> Iterator[Event]:
        store.history.append_turn(session, Message.of("user", text))
        taken = Recognition(
            "ask_document", (Slot("about", "watering", "water", 0, 5),), 0.93, "classifier"
        )
        yield Understood(taken)
        passage = _found(store, QUOTED[language])
        answer = ANSWERED[language]
        for at in range(0, len(answer), 6):
            time.sleep(self._pause)
            yield Said(answer[at : at + 6])
        yield Cited(1, passage)
        where = {key: value for key, value in vars(passage).items() if key != "score"}
        note = Note("cited", {"number": 1, "passage": where})
        store.history.append_turn(session, Message("assistant", (Text(answer), note)))
        yield Finished("stop")

    def _ask(self, store: Store, session: str, text: str, language: str) -> Iterator[Event]:
        store.history.append_turn(session, Message.of("user", text))
        describes = {
            "en": "Switch on the lamp over the elm at 40%",
            "zh": "打开榆树上方的灯，亮度 40%",
        }[language]
        arguments = {"lamp": "elm shelf", "state": "on", "brightness": 40}
        action = Action(f"action-{len(self._waiting)}", "switch_lamp", arguments, describes)
        self._waiting[action.id] = action
        slots = (Slot("lamp", "elm shelf", "the lamp", 7, 15), Slot("brightness", 40, "40", 20, 22))
        yield Understood(Recognition("switch_lamp", slots, 0.98, "templates"))
        yield Confirm(action)
        yield Remarked(REMARK)
        notes = (Note("confirm", vars(action)), Note("remarked", {"text": REMARK}))
        store.history.append_turn(session, Message("assistant", (Text(""), *notes)))
        yield Finished("stop")


def _found(store: Store, words: str) -> Passage:
    for one in store.documents.all():
        text = store.documents.read(one.id).decode()
        start = text.find(words)
        if start >= 0:
            end = start + len(words)
            heading = text[:start].rpartition("## ")[2].partition("\n")[0]
            return Passage(words, one.id, one.name, heading, start, end, 1.0)
    raise BadInput("no document says anything about water: add one")


def index(store: Store, document: Document) -> None:
    """One excerpt a paragraph; what is no text cannot be read."""
    time.sleep(0.3)
    try:
        text = store.documents.read(document.id).decode()
    except UnicodeDecodeError as error:
        raise BadInput(f"{document.name} is no text: save it as .txt or .md") from error
    pieces = re.split(r"(?<=\n\n)", text)
    starts = itertools.accumulate(map(len, pieces), initial=0)
    excerpts = [Excerpt(piece, "", start=at) for piece, at in zip(pieces, starts, strict=False)]
    store.documents.put_excerpts(document.id, excerpts)
    store.passages.finish(document.id)


@dataclass
class Garden:
    """A running server and what it is made of."""

    way: Doorway
    scheduler: Any
    gardener: Gardener
    store: Any = None
    vault: Any = None
    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="garden-")))
    """For files of a test; gone with the server."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.way.port}/"

    def link(self) -> str:
        """The one-time link, as it is printed."""
        return f"{self.url}#login={self.way.code()}"


@contextmanager
def garden(
    home: Path | None = None,
    *,
    answers: Sequence[str] = (),
    scheduler: Any = None,
    delay: float = 0.002,
    kept_as: str | None = None,
    **fake: Any,
) -> Iterator[Garden]:
    """A server as long as the block runs; with a vault where a home is given.

    `kept_as` is for pictures: the one owner has that name, and the page believes in a vault.
    """
    with ExitStack() as parts:
        engine = scheduler or FakeScheduler(answers, name="smollm2-135m", delay=delay, **fake)
        parts.callback(engine.close)
        gardener = Gardener(engine)
        store: Any = MemoryStore(time.time) if home is None else None
        vault = None if home is None else parts.enter_context(household(home))
        people: Any = Alone(store) if vault is None else VaultPeople(vault)
        accounts: Any = OneOwner(store) if vault is None else VaultAccounts(vault)
        if kept_as is not None and store is not None:
            accounts.kept = True
            accounts._opened = UnlockedPerson(Known(OWNER, kept_as, "owner"), store)
        passport = json.loads(PASSPORT.read_text("utf-8"))
        model = Model(
            "smollm2-135m-instruct-70MB", {"licence": "Apache-2.0"}, passport, "AMD EPYC, 2 cores"
        )
        services = Services(engine, model, people, gardener, index=index)
        app = build_app(services)

        def around(door: Any) -> Any:
            app.desk.aside = door.aside
            return RequestLog(door, app.desk.metrics)

        way = parts.enter_context(
            doorway(accounts, app=app, described=described(app.desk), around=around)
        )
        place = Garden(way, engine, gardener, store, vault)
        parts.callback(shutil.rmtree, place.folder, ignore_errors=True)
        yield place
