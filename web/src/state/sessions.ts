// The list of conversations, and the search over all of them.

import { signal } from "@preact/signals";
import { ask, lineOf } from "../api/http";
import type { Found, Session } from "../api/types";
import { say } from "./notice";

export const sessions = signal<Session[]>([]);
export const sought = signal("");
/** null while nothing is looked for. */
export const hits = signal<Found[] | null>(null);

let timer = 0;

export async function loadSessions(): Promise<void> {
  sessions.value = await ask<Session[]>("GET", "/api/sessions");
}

export async function renameSession(id: string, title: string): Promise<void> {
  await ask<Session>("PATCH", `/api/sessions/${id}`, { title });
  await loadSessions();
}

export async function deleteSession(id: string): Promise<void> {
  await ask("DELETE", `/api/sessions/${id}`);
  hits.value = hits.value?.filter((hit) => hit.session.id !== id) ?? null;
  await loadSessions();
}

/** Look for words once somebody has stopped typing. */
export function seek(words: string): void {
  sought.value = words;
  clearTimeout(timer);
  if (words.trim() === "") {
    hits.value = null;
    return;
  }
  timer = window.setTimeout(async () => {
    try {
      const found = await ask<Found[]>("POST", "/api/search", { words, limit: 50 });
      if (sought.value === words) hits.value = found;
    } catch (error) {
      say(lineOf(error), true);
    }
  }, 250);
}

export function forgetSessions(): void {
  clearTimeout(timer);
  sessions.value = [];
  sought.value = "";
  hits.value = null;
}
