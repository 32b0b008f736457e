// Conversations that were opened: their turns, the answer being written, and the draft.
// A draft lies here and nowhere else: it is gone when the page is.

import { type Signal, signal } from "@preact/signals";
import { ask, lineOf, Refused, send } from "../api/http";
import { events } from "../api/stream";
import type { Event, Session, Turn } from "../api/types";
import { words } from "../words";
import { inWords } from "../words/lines";
import { attempt, say } from "./notice";
import { go, route } from "./route";
import { loadSessions } from "./sessions";
import { after, fresh, merged, ofTurn, type Shown, settled } from "./shown";

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
  /** When what was read last was said; 0 before anything was. */
  seen: number;
  /** The answer that is written here has begun on the server. */
  begun: boolean;
  /** It is to be stopped. */
  stopping: boolean;
}

const FRAME = 40;
let talks = new Map<string | null, Talk>();

let isGuest = (): boolean => false;

/** Why something may be refused: whether who is logged in is a guest. */
export function askIfGuest(asked: () => boolean): void {
  isGuest = asked;
}

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
      seen: 0,
      begun: false,
      stopping: false,
    };
    talks.set(id, talk);
  }
  return talk;
}

export async function loadTalk(talk: Talk): Promise<void> {
  if (talk.id === null || talk.writing.peek() !== null) return;
  if (talk.state.peek() === "empty") talk.state.value = "loading";
  try {
    await read(talk);
    talk.trouble.value = null;
    talk.state.value = "ready";
    await hearOn(talk);
  } catch (error) {
    talk.state.value = error instanceof Refused && error.status === 404 ? "missing" : "ready";
    talk.trouble.value = troubleOf(error);
  }
}

async function read(talk: Talk): Promise<void> {
  const kept = await ask<Turn[]>("GET", `/api/sessions/${talk.id}/turns`);
  if (talk.writing.peek() === null) {
    talk.seen = kept.at(-1)?.at ?? 0;
    talk.turns.value = settled(merged(talk.turns.peek(), kept.map(ofTurn).filter((one) => one !== null)));
  }
}

/** An answer goes on without any page: hear the rest of it where one is being written. */
async function hearOn(talk: Talk): Promise<void> {
  const stop = new AbortController();
  const reply = await send("GET", `/api/sessions/${talk.id}/answer`, undefined, stop.signal);
  if (talk.writing.peek() !== null) {
    stop.abort(); // meanwhile something was said here
  } else if (reply.status !== 204) {
    started(talk, stop);
    talk.turns.value = [...talk.turns.peek(), fresh("assistant", "", "writing")];
    await write(talk, () => Promise.resolve(reply), stop).catch(() => undefined);
    talk.writing.value = null;
    await read(talk);
  } else if (talk.turns.peek().at(-1)?.role === "user") {
    await read(talk); // it came to its end between the two questions
  }
}

/** Say something; in place of turn `instead` and all after it, where that is given. */
export async function speak(talk: Talk, text: string, instead: number | null = null): Promise<void> {
  if (talk.writing.peek() !== null || text.trim() === "") return;
  const before = talk.turns.peek();
  const kept = instead === null ? before : before.filter((one) => one.number !== null && one.number < instead);
  if (instead === null) talk.draft.value = "";
  const failed = await hear(talk, "turns", { text, instead }, [...settled([...kept, fresh("user", text, "done")])]);
  if (failed && talk.draft.peek() === "") talk.draft.value = text; // the words go back to who wrote them
  await loadSessions().catch(() => undefined);
}

/** Another answer to what was said last. */
export async function answerAgain(talk: Talk): Promise<void> {
  const turns = talk.turns.peek();
  const asked = turns.map((one) => one.role).lastIndexOf("user");
  if (asked >= 0) await hear(talk, "again", {}, turns.slice(0, asked + 1));
}

/** The rest of the last answer, which never came to its end. */
export async function goOn(talk: Talk): Promise<void> {
  const turns = talk.turns.peek();
  const last = turns.at(-1);
  if (last !== undefined) await hear(talk, "more", {}, turns.slice(0, -1), { ...last, state: "writing", usage: null });
}

/** A conversation that begins as this one did; null where none could be made. */
export async function branch(talk: Talk, turn: number): Promise<Talk | null> {
  const made = await attempt(async () => {
    const session = await ask<Session>("POST", `/api/sessions/${talk.id}/branch`, { turn });
    await loadSessions();
    go(`/s/${session.id}`);
    await loadTalk(talkOf(session.id));
    say(words.value.branched);
  });
  const at = route.peek();
  return made && at.view === "talk" && at.session !== null ? talkOf(at.session) : null;
}

function started(talk: Talk, stop = new AbortController()): AbortController {
  talk.writing.value = stop;
  talk.trouble.value = null;
  talk.begun = talk.stopping = false;
  return stop;
}

/** Ask for an answer and show it as it comes; whether nothing came of it, and all is as before. */
async function hear(talk: Talk, path: string, body: unknown, turns: Shown[], last = fresh("assistant", "", "writing")): Promise<boolean> {
  if (talk.writing.peek() !== null) return false;
  const stop = started(talk);
  const before = talk.turns.peek();
  talk.turns.value = [...turns, last];
  try {
    await adopt(talk);
    await write(talk, () => send("POST", `/api/sessions/${talk.id}/${path}`, body, stop.signal), stop);
    talk.writing.value = null;
    talk.turns.value = settled(talk.turns.peek());
    if (talk.turns.peek().at(-1)?.state !== "failed") await read(talk).catch(() => undefined);
    return false;
  } catch (error) {
    talk.writing.value = null;
    talk.turns.value = before; // nothing was taken
    talk.trouble.value = stop.signal.aborted ? null : troubleOf(error);
    return true;
  }
}

export async function decide(talk: Talk, action: string, yes: boolean): Promise<void> {
  if (talk.writing.peek() !== null) return;
  const stop = started(talk);
  const before = talk.turns.peek();
  const cards = (turn: Shown) =>
    turn.cards.map((card) =>
      card.action.id === action && !yes ? { ...card, state: "refused" as const } : card,
    );
  talk.turns.value = [...before.map((turn) => ({ ...turn, cards: cards(turn) })), fresh("assistant", "", "writing")];
  try {
    await write(talk, () => send("POST", `/api/sessions/${talk.id}/actions/${action}`, { yes }, stop.signal), stop);
    talk.turns.value = settled(talk.turns.peek());
  } catch (error) {
    const over = error instanceof Refused && error.status === 404;
    talk.turns.value = over ? settled([...before, fresh("assistant", "", "done")]).slice(0, -1) : before;
    talk.trouble.value = stop.signal.aborted ? null : troubleOf(error);
  }
  talk.writing.value = null;
  if (talk.trouble.peek() === null) await read(talk).catch(() => undefined);
}

/** Take back what was done. */
export async function undo(talk: Talk, action: string): Promise<void> {
  await hear(talk, `actions/${action}/undo`, {}, talk.turns.peek());
}

/** Whether any answer is being written here. */
export function isWriting(): boolean {
  return [...talks.values()].some((talk) => talk.writing.peek() !== null);
}

/** Stop the answer where it is written; the server keeps what was said. */
export async function stopWriting(talk: Talk): Promise<void> {
  const writing = talk.writing.peek();
  if (writing === null || talk.stopping) return;
  talk.stopping = true;
  if (talk.id === null) writing.abort();
  else if (talk.begun) await end(talk, writing);
}

async function end(talk: Talk, writing: AbortController): Promise<void> {
  try {
    await ask("DELETE", `/api/sessions/${talk.id}/answer`);
  } catch {
    writing.abort(); // nobody is logged in any more, or nothing answers
  }
}

/** Answers that are being written here are stopped: whoever they are for leaves. */
export async function stopAll(): Promise<void> {
  await Promise.all([...talks.values()].map(stopWriting));
}

export function forgetTalks(): void {
  for (const talk of talks.values()) talk.writing.peek()?.abort();
  talks = new Map();
  spoken.value = [];
}

export function forgetTalk(id: string): void {
  talks.get(id)?.writing.peek()?.abort();
  talks.delete(id);
}

/** A conversation begins to exist with the first thing said in it. */
export async function adopt(talk: Talk): Promise<void> {
  if (talk.id !== null) return;
  const session = await ask<Session>("POST", "/api/sessions", {});
  talks.delete(null);
  talks.set(session.id, talk);
  talk.id = session.id;
  const at = route.peek();
  if (at.view === "talk" && at.session === null) go(`/s/${session.id}`, true);
}

async function write(talk: Talk, open: () => Promise<Response>, stop: AbortController): Promise<void> {
  let shown = talk.turns.peek().at(-1) as Shown;
  let said = 0;
  let began = false;
  let timer = 0;
  spoken.value = [words.value.answering];
  const show = () => {
    clearTimeout(timer);
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
    const reply = await open();
    talk.begun = true;
    if (talk.stopping) void end(talk, stop); // it was asked for before there was anything to stop
    for await (const event of events(reply, stop.signal)) {
      if (!began && event.type === "error") throw new Refused(0, inWords(event.error));
      if (!began) void loadSessions().catch(() => undefined);
      began = true;
      take(event);
    }
    if (shown.state === "writing") shown = ended(shown, stop);
  } catch (error) {
    if (!began && !(talk.begun && stop.signal.aborted)) {
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
  if (shown.state === "failed") return inWords(shown.error);
  return { stopped: t.stopped, length: t.cutShort, broken: t.broken, writing: "", done: "" }[shown.state];
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
  if (error instanceof Refused && error.status === 403 && isGuest()) return { line: words.value.guestWaits, until: 0 };
  return { line: lineOf(error), until: wait > 0 ? Date.now() + wait : 0 };
}
