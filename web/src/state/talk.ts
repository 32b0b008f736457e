// Conversations that were opened: their turns, the answer being written, and the draft.
// A draft lies here and nowhere else: it is gone when the page is.

import { type Signal, signal } from "@preact/signals";
import { ask, lineOf, Refused } from "../api/http";
import { events } from "../api/stream";
import type { Event, Session, Turn } from "../api/types";
import { words } from "../words";
import { go, route } from "./route";
import { loadSessions } from "./sessions";
import { after, fresh, ofTurn, type Shown, settled } from "./shown";

export interface Trouble {
  line: string;
  /** When it is worth trying again, in milliseconds of the clock; 0: at once. */
  until: number;
}

export interface Talk {
  id: string | null;
  turns: Signal<Shown[]>;
  writing: Signal<AbortController | null>;
  trouble: Signal<Trouble | null>;
  draft: Signal<string>;
  state: Signal<"empty" | "loading" | "ready" | "missing">;
}

const FRAME = 40;
let talks = new Map<string | null, Talk>();

/** What a screen reader is told of an answer, sentence by sentence. */
export const spoken = signal<string[]>([]);

export function talkOf(id: string | null): Talk {
  let talk = talks.get(id);
  if (talk === undefined) {
    talk = {
      id,
      turns: signal([]),
      writing: signal(null),
      trouble: signal(null),
      draft: signal(""),
      state: signal(id === null ? "ready" : "empty"),
    };
    talks.set(id, talk);
  }
  return talk;
}

export async function loadTalk(talk: Talk): Promise<void> {
  if (talk.id === null || talk.writing.peek() !== null) return;
  if (talk.state.peek() === "empty") talk.state.value = "loading";
  try {
    const kept = await ask<Turn[]>("GET", `/api/sessions/${talk.id}/turns`);
    if (talk.writing.peek() !== null) return;
    talk.turns.value = settled(kept.map(ofTurn).filter((one) => one !== null));
    talk.trouble.value = null;
    talk.state.value = "ready";
  } catch (error) {
    talk.state.value = error instanceof Refused && error.status === 404 ? "missing" : "ready";
    talk.trouble.value = troubleOf(error);
  }
}

export async function speak(talk: Talk, text: string): Promise<void> {
  if (talk.writing.peek() !== null || text.trim() === "") return;
  const stop = new AbortController();
  talk.writing.value = stop;
  talk.trouble.value = null;
  talk.draft.value = "";
  const before = talk.turns.peek();
  talk.turns.value = [...settled([...before, fresh("user", text, "done")]), fresh("assistant", "", "writing")];
  try {
    await adopt(talk);
    await write(talk, `/api/sessions/${talk.id}/turns`, { text }, stop);
    talk.writing.value = null;
  } catch (error) {
    talk.writing.value = null;
    talk.turns.value = before; // nothing was taken: the words go back to who wrote them
    if (talk.draft.peek() === "") talk.draft.value = text;
    talk.trouble.value = stop.signal.aborted ? null : troubleOf(error);
  }
  await loadSessions().catch(() => undefined);
}

export async function decide(talk: Talk, action: string, yes: boolean): Promise<void> {
  if (talk.writing.peek() !== null) return;
  const stop = new AbortController();
  talk.writing.value = stop;
  talk.trouble.value = null;
  const before = talk.turns.peek();
  const cards = (turn: Shown) =>
    turn.cards.map((card) =>
      card.action.id === action && !yes ? { ...card, state: "refused" as const } : card,
    );
  talk.turns.value = [...before.map((turn) => ({ ...turn, cards: cards(turn) })), fresh("assistant", "", "writing")];
  try {
    await write(talk, `/api/sessions/${talk.id}/actions/${action}`, { yes }, stop);
    talk.turns.value = settled(talk.turns.peek());
  } catch (error) {
    const over = error instanceof Refused && error.status === 404;
    talk.turns.value = over ? settled([...before, fresh("assistant", "", "done")]).slice(0, -1) : before;
    talk.trouble.value = stop.signal.aborted ? null : troubleOf(error);
  }
  talk.writing.value = null;
}

/** Whether any answer is being written here. */
export function isWriting(): boolean {
  return [...talks.values()].some((talk) => talk.writing.peek() !== null);
}

/** Closing the connection is what stops an answer; the server keeps what was said. */
export function stopWriting(talk: Talk): void {
  talk.writing.peek()?.abort();
}

export function forgetTalks(): void {
  for (const talk of talks.values()) stopWriting(talk);
  talks = new Map();
  spoken.value = [];
}

export function forgetTalk(id: string): void {
  const talk = talks.get(id);
  if (talk) stopWriting(talk);
  talks.delete(id);
}

/** A conversation begins to exist with the first thing said in it. */
async function adopt(talk: Talk): Promise<void> {
  if (talk.id !== null) return;
  const session = await ask<Session>("POST", "/api/sessions", {});
  talks.delete(null);
  talks.set(session.id, talk);
  talk.id = session.id;
  const at = route.peek();
  if (at.view === "talk" && at.session === null) go(`/s/${session.id}`, true);
}

async function write(talk: Talk, path: string, body: unknown, stop: AbortController): Promise<void> {
  let shown = talk.turns.peek().at(-1) as Shown;
  let said = 0;
  let began = false;
  let timer = 0;
  spoken.value = [words.value.answering];
  const show = () => {
    timer = 0;
    const turns = talk.turns.peek();
    talk.turns.value = [...turns.slice(0, -1), shown];
    said = tell(shown.text, said, false);
  };
  const take = (event: Event) => {
    shown = after(shown, event);
    if (event.type !== "said") show();
    else if (timer === 0) timer = window.setTimeout(show, FRAME);
  };
  try {
    for await (const event of events(path, body, stop.signal)) {
      if (!began && event.type === "error") throw new Refused(0, event.error);
      if (!began) void loadSessions().catch(() => undefined);
      began = true;
      take(event);
    }
    if (shown.state === "writing") shown = ended(shown, stop);
  } catch (error) {
    if (!began && !stop.signal.aborted) {
      spoken.value = [];
      throw error;
    }
    shown = stop.signal.aborted ? ended(shown, stop) : { ...shown, state: "failed", error: lineOf(error) };
  } finally {
    clearTimeout(timer);
  }
  show();
  tell(shown.text, said, true);
  spoken.value = [...spoken.value, shown.state === "done" ? words.value.answered : stateLine(shown)];
}

function ended(shown: Shown, stop: AbortController): Shown {
  return stop.signal.aborted
    ? { ...shown, state: "stopped" }
    : { ...shown, state: "failed", error: words.value.lost };
}

export function stateLine(shown: Shown): string {
  const t = words.value;
  if (shown.state === "failed") return shown.error;
  return shown.state === "stopped" ? t.stopped : shown.state === "length" ? t.cutShort : "";
}

/** Hand whole sentences to the screen reader: half words would be spelled out. */
function tell(text: string, from: number, last: boolean): number {
  const rest = text.slice(from);
  const end = last ? rest.length : Math.max(...[".", "!", "?", "。", "！", "？", "\n"].map((mark) => rest.lastIndexOf(mark))) + 1;
  const piece = rest.slice(0, end).trim();
  if (piece !== "") spoken.value = [...spoken.value.slice(-40), piece];
  return from + end;
}

function troubleOf(error: unknown): Trouble {
  const wait = error instanceof Refused && error.wait !== null ? error.wait * 1000 : 0;
  return { line: lineOf(error), until: wait > 0 ? Date.now() + wait : 0 };
}
