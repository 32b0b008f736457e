// Who is logged in. Everything else that is known of a person is forgotten when another comes.

import { signal } from "@preact/signals";
import { ask, connect, lineOf, Refused } from "../api/http";
import type { Me, Settings } from "../api/types";
import { words } from "../words";
import { inWords } from "../words/lines";
import { forgetDocuments } from "./documents";
import { forgetHouse } from "./house";
import { wear } from "./look";
import { say } from "./notice";
import { forgetNews, lookForNews } from "./news";
import { closePassage } from "./passage";
import { go } from "./route";
import { forgetSessions, loadSessions } from "./sessions";
import { forgetTalks, stopAll } from "./talk";

/** undefined: not known yet; null: nobody. */
export const me = signal<Me | null | undefined>(undefined);
export const settings = signal<Settings>({ language: null, theme: null, keep_days: null });
/** Names to choose from, once a one-time link was accepted. */
export const names = signal<string[]>([]);
/** Why there is a login, in one line. */
export const why = signal<string>("");

let last: string | null = null;

export async function arrive(): Promise<void> {
  connect({ csrf: () => me.peek()?.csrf ?? null, gone, offline: () => words.value.offline, said: inWords });
  addEventListener("hashchange", () => void takeLink(location.hash), true);
  if (await takeLink(location.hash)) return;
  try {
    await enter(await ask<Me>("GET", "/api/me"));
  } catch (error) {
    if (!(error instanceof Refused && error.status === 401)) why.value = lineOf(error);
    me.value = null;
  }
}

/** A one-time link: opened, put into the address of an open page, or pasted. Whether it was one. */
export async function takeLink(text: string): Promise<boolean> {
  const code = /#login=([\w%.~-]+)\s*$/.exec(text)?.[1];
  if (code === undefined) return false;
  if (location.hash.startsWith("#login=")) history.replaceState(null, "", location.pathname);
  if (!me.peek()) await once(decodeURIComponent(code)); // who is in needs no other way in
  return true;
}

async function once(code: string): Promise<void> {
  try {
    const found = await ask<Me | { people: string[] }>("POST", "/api/login/once", { code });
    if ("people" in found) {
      names.value = found.people;
      me.value = null;
    } else {
      await enter(found);
    }
  } catch (error) {
    why.value = lineOf(error);
    me.value = null;
  }
}

export async function login(name: string, passphrase: string): Promise<void> {
  await enter(await ask<Me>("POST", "/api/login", { name, passphrase }));
}

export async function logout(): Promise<void> {
  await stopAll(); // what is written for them has nobody to read it
  await ask("POST", "/api/logout", {});
  leave("");
}

/** Nobody is logged in any more, on purpose: nothing of them stays in this page. */
export function leave(line: string): void {
  forget();
  last = null;
  me.value = null;
  why.value = line;
  go("/", true);
}

export async function refresh(): Promise<void> {
  me.value = await ask<Me>("GET", "/api/me");
}

async function enter(found: Me): Promise<void> {
  if (last !== null && last !== found.person) forget();
  last = found.person;
  try {
    settings.value = await ask<Settings>("GET", "/api/settings");
    wear(settings.value.language, settings.value.theme);
    await loadSessions();
  } catch (error) {
    say(lineOf(error), true);
  }
  me.value = found; // last: what is shown shows it as its person wants it
  names.value = [];
  why.value = "";
  lookForNews();
}

/** A session ended by itself: drafts stay, for whoever had them. */
function gone(): void {
  if (me.peek()) why.value = words.value.loggedOut;
  me.value = null;
}

function forget(): void {
  forgetNews();
  forgetTalks();
  forgetSessions();
  forgetDocuments();
  forgetHouse();
  closePassage();
}
