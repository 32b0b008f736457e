// What rings, or is said elsewhere, while the page lies open. Asking does not keep anybody logged in.

import { ask } from "../api/http";
import type { News } from "../api/types";
import { chime } from "../parts/chime";
import { say } from "./notice";
import { route } from "./route";
import { loadSessions, sessions } from "./sessions";
import { isWriting, loadTalk, talkOf } from "./talk";

const PAUSE = 5000;
const LONGEST = 160;
let timer: number | null = null;

export function watchNews(): void {
  ignoreNews();
  timer = window.setInterval(look, PAUSE);
}

export function ignoreNews(): void {
  if (timer !== null) clearInterval(timer);
  timer = null;
}

async function look(): Promise<void> {
  const asked = timer;
  try {
    const known = sessions.peek()[0]?.spoke ?? 0;
    const news = await ask<News>("GET", "/api/news");
    if (asked !== timer || isWriting()) return;
    if (news.session !== null && news.spoke > known) await tell(news.session);
  } catch {
    // nobody is logged in any more, or nothing answers: what is asked next says so
  }
}

/** Show it where it was said; what came unasked rings. */
async function tell(session: string): Promise<void> {
  await loadSessions();
  const talk = talkOf(session);
  await loadTalk(talk);
  const [before, last] = talk.turns.peek().slice(-2);
  const newest = last ?? before;
  if (newest === undefined || newest.role !== "assistant") return;
  if (last !== undefined && before?.role === "user") return; // an answer to a page elsewhere
  chime();
  const at = route.peek();
  const open = at.view === "talk" && at.session === session;
  if (!open || document.hidden) say(newest.text.slice(0, LONGEST), false, true);
}
