// One conversation: its turns, and where one writes.

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { ask } from "../api/http";
import type { Me } from "../api/types";
import { Icon } from "../parts/icon";
import { Tree } from "../parts/tree";
import { route } from "../state/route";
import { sessions } from "../state/sessions";
import { loadTalk, speak, spoken, type Talk, talkOf } from "../state/talk";
import { language, words } from "../words";
import { Composer } from "./composer";
import { MannerDialog } from "./manner";
import { TurnView } from "./turn";

const NEAR = 80;
const SUGGESTED = 6;

export function TalkView({ me, session, turn }: { me: Me; session: string | null; turn: number | null }) {
  const t = words.value;
  const talk = talkOf(session);
  useEffect(() => void loadTalk(talk), [talk]);
  const title = sessions.value.find((one) => one.id === session)?.title ?? "";
  const turns = talk.turns.value;
  const empty = turns.length === 0 && talk.state.value === "ready";
  return (
    <div class={`talk${empty ? " empty" : ""}`}>
      <header class="head">
        <h1 class={session === null ? "unseen" : "titled"}>{title || t.newSession}</h1>
        <Tools talk={talk} session={session} />
      </header>
      <Turns talk={talk} turn={turn} hello={empty && <Hello me={me} talk={talk} />} me={me} />
      <Spoken />
      <Composer talk={talk} />
    </div>
  );
}

/** What can be done with the whole conversation. */
function Tools({ talk, session }: { talk: Talk; session: string | null }) {
  const t = words.value;
  const [choosing, setChoosing] = useState(false);
  return (
    <div class="tools">
      <button type="button" class="quiet" onClick={() => setChoosing(true)} aria-label={t.manner} title={t.manner}>
        <Icon name="sliders" />
      </button>
      {session !== null && (
        <>
          <a class="quiet" href={`/api/sessions/${session}/transcript?language=${language.value}`} download aria-label={t.download} title={t.download}>
            <Icon name="save" />
          </a>
          <button type="button" class="quiet" onClick={() => print()} aria-label={t.print} title={t.print}>
            <Icon name="print" />
          </button>
        </>
      )}
      {choosing && <MannerDialog talk={talk} close={() => setChoosing(false)} />}
    </div>
  );
}

function Hello({ me, talk }: { me: Me; talk: Talk }) {
  const t = words.value;
  const tongue = language.value;
  const [said, setSaid] = useState<string[]>([]);
  useEffect(() => {
    if (me.assistant === null) return;
    // a guest who may say nothing yet is told so when they try
    ask<string[]>("GET", `/api/suggestions?language=${tongue}`).then(setSaid, () => setSaid([]));
  }, [me.person, tongue]);
  return (
    <div class="hello">
      <Tree size="large" />
      <p class="greeting">{me.kept ? t.greeting(me.name) : t.greetingNobody}</p>
      <p class="note">{t.greetingMore(me.assistant ?? me.model)}</p>
      {said.length > 0 && (
        <ul class="suggestions" aria-label={t.suggestions}>
          {said.slice(0, SUGGESTED).map((one) => (
            <li key={one}>
              <button type="button" onClick={() => void speak(talk, one)}>
                {one}
              </button>
            </li>
          ))}
        </ul>
      )}
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
