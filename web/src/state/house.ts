// What there is in the house, as the server says it is; looked at again while it is shown.

import { signal } from "@preact/signals";
import { ask, lineOf } from "../api/http";
import type { Outcome, Thing } from "../api/types";
import { language, words } from "../words";
import { sure } from "./asking";

/** null: not read yet. */
export const house = signal<Thing[] | null>(null);
/** What came of what was pressed last, by thing. */
export const came = signal<Record<string, Outcome>>({});
/** Why it could not be read. */
export const houseTrouble = signal("");

export const idOf = (thing: Thing): string => `${thing.tool}/${thing.kind}/${thing.key}`;

/** What it is called in the page's language, where it has such a name. */
export function nameOf(thing: Thing): string {
  if (language.value !== "zh") return thing.name;
  return [thing.name, ...thing.also].find((one) => /\p{Script=Han}/u.test(one)) ?? thing.name;
}

export async function loadHouse(): Promise<void> {
  try {
    house.value = await ask<Thing[]>("GET", "/api/house");
    houseTrouble.value = "";
  } catch (error) {
    houseTrouble.value = lineOf(error);
  }
}

/** Press something; whether it was done. */
export async function press(thing: Thing, name: string, what: string, value: number | string | null = null): Promise<boolean> {
  const t = words.peek();
  if (thing.careful && !(await sure({ title: t.confirmTitle, more: what, yes: t.yes }))) return false;
  const { tool, kind, key } = thing;
  let outcome: Outcome;
  try {
    outcome = await ask<Outcome>("POST", "/api/house/press", { tool, kind, key, press: name, value, sure: thing.careful });
  } catch (error) {
    outcome = { ok: false, data: {}, error: lineOf(error) };
  }
  came.value = { ...came.peek(), [idOf(thing)]: outcome };
  await loadHouse();
  return outcome.ok;
}

export function forgetHouse(): void {
  house.value = null;
  came.value = {};
  houseTrouble.value = "";
}
