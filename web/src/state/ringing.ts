// What rings, on every page: also one that shows the login form. It is asked on each tick; ticks come
// from a worker, because browsers let a hidden page's own timers sleep.

import { signal } from "@preact/signals";
import { ask, Refused } from "../api/http";
import type { Ring } from "../api/types";
import { chime } from "../parts/chime";
import { when, words } from "../words";

export const ringing = signal<Ring[]>([]);
/** Silenced on this page alone: nobody was ever logged in here, so it goes on elsewhere. */
const hushed = new Set<string>();
const shown = new Map<string, Notification>();
let sounding = 0;
const AGAIN = 4000;

export const keyOf = (ring: Ring): string => `${ring.id} ${ring.at}`;

/** What the server says rings now. */
export function hear(found: Ring[]): void {
  const rings = found.filter((ring) => !hushed.has(keyOf(ring)));
  for (const key of [...shown.keys()]) if (!rings.some((ring) => keyOf(ring) === key)) forget(key);
  for (const ring of rings) if (!ring.missed) notify(ring);
  if (JSON.stringify(rings) !== JSON.stringify(ringing.peek())) ringing.value = rings;
  sound(rings.some((ring) => !ring.missed));
}

export function lineOfRing(ring: Ring): string {
  const t = words.value;
  const what = ring.kind === "timer" ? t.rang.timer : t.rang[ring.kind](when(ring.at, "time"));
  return ring.words === "" ? what : t.rangWith(what, ring.words);
}

export async function stopRing(ring: Ring): Promise<void> {
  await act(ring, "stop");
}

export async function snoozeRing(ring: Ring): Promise<void> {
  await act(ring, "snooze", { minutes: null });
}

async function act(ring: Ring, how: "stop" | "snooze", body?: unknown): Promise<void> {
  hear(ringing.peek().filter((one) => keyOf(one) !== keyOf(ring)));
  try {
    await ask("POST", `/api/ringing/${ring.id}/${how}`, body);
  } catch (error) {
    if (error instanceof Refused && error.status === 401) hushed.add(keyOf(ring));
    else if (!(error instanceof Refused && error.status === 404)) throw error;
  }
}

function sound(on: boolean): void {
  if (on === (sounding !== 0)) return;
  clearInterval(sounding);
  sounding = 0;
  if (!on) return;
  chime();
  sounding = window.setInterval(chime, AGAIN);
}

/** Beside the page, where the person allowed it. */
function notify(ring: Ring): void {
  const key = keyOf(ring);
  if (shown.has(key) || !("Notification" in window) || Notification.permission !== "granted") return;
  try {
    const one = new Notification(lineOfRing(ring), { tag: key, requireInteraction: true });
    one.onclick = () => window.focus();
    shown.set(key, one);
  } catch {
    // a browser that notifies through a service worker alone: the page itself shows it
  }
}

function forget(key: string): void {
  shown.get(key)?.close();
  shown.delete(key);
}

/** Whether notifications can be asked for. */
export const mayAsk = signal("Notification" in window && Notification.permission === "default");

export async function allowNotifications(): Promise<void> {
  await Notification.requestPermission();
  mayAsk.value = Notification.permission === "default";
  for (const ring of ringing.peek()) if (!ring.missed) notify(ring);
}
