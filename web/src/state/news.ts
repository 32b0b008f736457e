// What rings, or is said elsewhere, while the page lies open. Asking does not keep anybody logged in.

import { ask } from "../api/http";
import type { Me, News, Ring } from "../api/types";
import { chime } from "../parts/chime";
import { say } from "./notice";
import { hear, ringing } from "./ringing";
import { route } from "./route";
import { loadSessions, sessions } from "./sessions";
import { isWriting, loadTalk, talkOf } from "./talk";

const LONGEST = 160;
let who: () => Me | null = () => null;
let looking = false;
/** Something rang while an answer was written: it is shown with the others once that is over. */
let late = false;

/** Look now and then, from here on, whoever is logged in. */
export function watchNews(asked: () => Me | null): void {
  who = asked;
  const clock = new Worker(new URL("../parts/ticking.ts", import.meta.url), { type: "module" });
  clock.onmessage = lookForNews;
  lookForNews();
}

/** A person is gone: what is theirs is not shown any more. */
export function forgetNews(): void {
  late = false;
  hear(ringing.peek().filter((ring) => !ring.missed).map((ring) => ({ ...ring, words: "" })));
}

export function lookForNews(): void {
  if (!looking) void look();
}

async function look(): Promise<void> {
  looking = true;
  try {
    const person = who()?.person;
    const found = await ask<{ ringing: Ring[] }>("GET", "/api/ringing");
    if (who()?.person !== person) return;
    const more = found.ringing.length > ringing.peek().length;
    hear(found.ringing);
    if (person !== undefined) await lookFor(person, found.ringing.length > 0, more);
  } catch {
    // nobody is logged in any more, or nothing answers: what is asked next says so
  } finally {
    looking = false;
  }
}

async function lookFor(person: string, rings: boolean, more: boolean): Promise<void> {
  const known = sessions.peek()[0]?.spoke ?? 0;
  const news = await ask<News>("GET", "/api/news");
  if (who()?.person !== person) return;
  if (isWriting()) late ||= more;
  else if (news.session !== null && (late || news.spoke > known || isUnread(news.session, news.spoke))) {
    late = false;
    await tell(news.session, rings);
  }
}

/** Something came while this page read what was there: the list knows of it, the conversation not. */
function isUnread(session: string, spoke: number): boolean {
  const seen = talkOf(session).seen;
  return seen > 0 && spoke > seen;
}

/** Show it where it was said; what came unasked rings, where it does not already. */
async function tell(session: string, rings: boolean): Promise<void> {
  await loadSessions();
  const talk = talkOf(session);
  await loadTalk(talk);
  const [before, last] = talk.turns.peek().slice(-2);
  const newest = last ?? before;
  if (newest === undefined || newest.role !== "assistant") return;
  if (last !== undefined && before?.role === "user") return; // an answer to a page elsewhere
  if (rings) return;
  chime();
  const at = route.peek();
  const open = at.view === "talk" && at.session === session;
  if (!open || document.hidden) say(newest.text.slice(0, LONGEST), false, true);
}
