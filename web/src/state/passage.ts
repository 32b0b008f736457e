// The passage that a citation opened, with what stands around it.

import { signal } from "@preact/signals";
import { ask } from "../api/http";
import type { Cited, Piece } from "../api/types";

const AROUND = 700;

export interface Opened {
  cited: Cited;
  /** What stands before and after; empty until it is here. */
  before: string;
  marked: string;
  after: string;
  state: "loading" | "found" | "moved" | "gone";
}

export const opened = signal<Opened | null>(null);
let origin: HTMLElement | null = null;

export async function openPassage(cited: Cited): Promise<void> {
  if (opened.peek() === null) origin = document.activeElement as HTMLElement | null;
  const bare = { cited, before: "", marked: cited.passage.text, after: "" };
  opened.value = { ...bare, state: "loading" };
  const { document: id, start, end, text } = cited.passage;
  let next: Opened = { ...bare, state: "gone" };
  try {
    const from = Math.max(0, start - AROUND);
    const piece = await ask<Piece>("GET", `/api/documents/${id}/text?start=${from}&end=${end + AROUND}`);
    const characters = Array.from(piece.text); // offsets count code points
    const cut = (a: number, b: number) => characters.slice(Math.max(0, a - piece.start), b - piece.start).join("");
    const marked = cut(start, end);
    next =
      marked === text
        ? { cited, before: cut(piece.start, start), marked, after: cut(end, piece.end), state: "found" }
        : { ...bare, state: "moved" };
  } catch {
    // what was cited is shown, and that its document is not to be had
  }
  if (opened.peek()?.cited === cited) opened.value = next;
}

export function closePassage(): void {
  if (opened.peek() === null) return;
  opened.value = null;
  if (origin?.isConnected) origin.focus();
  origin = null;
}
