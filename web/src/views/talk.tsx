// One conversation: its turns, and where one writes.

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Me } from "../api/types";
import { Icon } from "../parts/icon";
import { Tree } from "../parts/tree";
import { route } from "../state/route";
import { sessions } from "../state/sessions";
import { loadTalk, spoken, type Talk, talkOf } from "../state/talk";
import { words } from "../words";
import { Composer } from "./composer";
import { TurnView } from "./turn";

const NEAR = 80;

export function TalkView({ me, session, turn }: { me: Me; session: string | null; turn: number | null }) {
  const t = words.value;
  const talk = talkOf(session);
  useEffect(() => void loadTalk(talk), [talk]);
  const title = sessions.value.find((one) => one.id === session)?.title ?? "";
  const turns = talk.turns.value;
  const empty = turns.length === 0 && talk.state.value === "ready";
  return (
    <div class={`talk${empty ? " empty" : ""}`}>
      <h1 class={session === null ? "unseen" : "titled"}>{title || t.newSession}</h1>
      <Turns talk={talk} turn={turn} hello={empty && <Hello me={me} />} me={me} />
      <Spoken />
      <Composer talk={talk} />
    </div>
  );
}

function Hello({ me }: { me: Me }) {
  const t = words.value;
  return (
    <div class="hello">
      <Tree size="large" />
      <p class="greeting">{me.kept ? t.greeting(me.name) : t.greetingNobody}</p>
      <p class="note">{t.greetingMore(me.assistant ?? me.model)}</p>
    </div>
  );
}

function Turns({ talk, turn, hello, me }: { talk: Talk; turn: number | null; hello: preact.ComponentChildren; me: Me }) {
  const t = words.value;
  const box = useRef<HTMLDivElement>(null);
  const stick = useRef(true);
  const [away, setAway] = useState(false);
  const turns = talk.turns.value;
  const ready = talk.state.value === "ready";
  const last = turns.at(-1);
  useEffect(() => {
    if (turn === null) stick.current = true;
  }, [talk]);
  useLayoutEffect(() => {
    if (stick.current && box.current && route.peek().view === "talk") box.current.scrollTop = box.current.scrollHeight;
  }, [turns, talk]);
  useEffect(() => {
    const found = turn === null || !ready ? null : document.getElementById(`turn-${turn}`);
    if (!found) return;
    stick.current = false;
    found.scrollIntoView({ block: "center" });
    found.focus({ preventScroll: true });
  }, [turn, ready, talk, turns.length]);
  useEffect(() => {
    const column = box.current?.firstElementChild;
    if (!column) return;
    const again = new ResizeObserver(() => {
      if (stick.current && box.current) box.current.scrollTop = box.current.scrollHeight;
    });
    again.observe(column); // a passage opened beside it, a detail unfolded, a window made narrower
    return () => again.disconnect();
  }, []);
  function scrolled() {
    const at = box.current;
    if (!at) return;
    const far = at.scrollHeight - at.scrollTop - at.clientHeight;
    stick.current = far < NEAR;
    setAway(far > 400);
  }
  return (
    <>
      <div class="turns" ref={box} onScroll={scrolled} tabIndex={0} role="region" aria-label={t.conversations}>
        <div class="column">
          {hello}
          {talk.state.value === "loading" && <p class="note">{t.loading}</p>}
          {turns.map((one) => (
            <TurnView key={one.key} turn={one} talk={talk} found={one.number !== null && one.number === turn} name={me.assistant ?? me.model} last={one === last} />
          ))}
        </div>
      </div>
      {away && (
        <button
          type="button"
          class="to-end"
          aria-label={t.jumpToEnd}
          onClick={() => {
            stick.current = true;
            box.current?.scrollTo({ top: box.current.scrollHeight });
          }}
        >
          <Icon name="down" />
        </button>
      )}
    </>
  );
}

/** What a screen reader hears: whole sentences, once each, and how the answer ended. */
function Spoken() {
  return (
    <div class="unseen" role="log" aria-live="polite">
      {spoken.value.map((line, at) => (
        <p key={`${at}-${line}`}>{line}</p>
      ))}
    </div>
  );
}
