// A turn as the page shows it, made of what was kept or of events as they come. Pure functions.

import type { Action, Cited, Event, Outcome, Turn, Understood, Usage } from "../api/types";

export interface Card {
  action: Action;
  state: "waiting" | "done" | "failed" | "refused" | "over" | "planned" | "undone";
  outcome: Outcome | null;
  /** It was asked about before it was done. */
  asked: boolean;
  /** It can be taken back. */
  undoable: boolean;
  /** Of what is planned: when, in words. */
  when?: string;
}

export interface Shown {
  key: string;
  number: number | null;
  role: "user" | "assistant";
  text: string;
  understood: Understood | null;
  cites: Cited[];
  cards: Card[];
  /** Something was done or asked about there: words may be said anew, deeds may not. */
  deed: boolean;
  /** It says what came of taking something back, and nothing else. */
  undoing: boolean;
  leftOut: number;
  remarks: string[];
  usage: Usage | null;
  /** broken: kept, but something ended it; failed: what this page saw of it. */
  state: "writing" | "done" | "stopped" | "length" | "broken" | "failed";
  error: string;
}

const CUT: Record<string, Shown["state"]> = { stopped: "stopped", length: "length", failed: "broken" };
let made = 0;

export function fresh(role: Shown["role"], text: string, state: Shown["state"]): Shown {
  made += 1;
  return {
    ...{ key: `new-${made}`, number: null, role, text, understood: null, cites: [], cards: [], deed: false, undoing: false },
    ...{ leftOut: 0, remarks: [], usage: null, state, error: "" },
  };
}

function card(action: Action, state: Card["state"], outcome: Outcome | null = null): Card {
  return { action, state, outcome, asked: false, undoable: false };
}

/** A turn that was kept; roles the page does not show give null. */
export function ofTurn(turn: Turn): Shown | null {
  if (turn.role !== "user" && turn.role !== "assistant") return null;
  let shown: Shown = { ...fresh(turn.role, turn.text, "done"), key: `turn-${turn.number}`, number: turn.number };
  for (const note of turn.notes) {
    const data = note.data as Record<string, unknown>;
    if (note.name === "confirm") shown = after(shown, { type: "confirm", action: data as unknown as Action });
    else if (note.name === "left_out") shown = { ...shown, leftOut: Number(data["messages"]) || 0 };
    else if (note.name === "cut") shown = { ...shown, state: CUT[String(data["why"])] ?? "stopped" };
    else if (["cited", "acted", "undone", "remarked", "planned"].includes(note.name)) {
      shown = after(shown, { ...data, type: note.name } as unknown as Event);
    }
  }
  return shown;
}

/** A turn after one more event. */
export function after(shown: Shown, event: Event): Shown {
  switch (event.type) {
    case "said":
      return { ...shown, text: shown.text + event.text };
    case "understood":
      return { ...shown, understood: event };
    case "cited":
      return { ...shown, cites: [...shown.cites.filter((one) => one.number !== event.number), event] };
    case "confirm":
      return { ...shown, deed: true, cards: [...shown.cards, { ...card(event.action, "waiting"), asked: true }] };
    case "acted": {
      const state = event.outcome.ok ? "done" : "failed";
      const done = { ...card(event.action, state, event.outcome), undoable: event.undoable ?? false };
      return { ...shown, deed: true, cards: [...shown.cards.filter((one) => one.action.id !== done.action.id), done] };
    }
    case "undone": {
      const cards = event.outcome.ok ? [card(event.action, "undone", event.outcome)] : [];
      return { ...shown, deed: true, undoing: true, cards: [...shown.cards, ...cards] };
    }
    case "planned": {
      const kept: Card = { ...card(event.action, "planned"), when: event.when.words };
      return { ...shown, deed: true, cards: [...shown.cards, kept] };
    }
    case "remarked":
      return { ...shown, remarks: [...shown.remarks, event.text] };
    case "finished": {
      const state = event.reason === "length" ? "length" : event.reason === "cancelled" ? "stopped" : "done";
      return { ...shown, usage: event.usage, state };
    }
    case "error":
      return { ...shown, state: "failed", error: event.error };
    default:
      return shown; // of a newer server: the page knows nothing to do with it
  }
}

/** What was kept, with what only this page saw: how the newest was understood, and its speed. */
export function merged(seen: Shown[], kept: Shown[]): Shown[] {
  return kept.map((one, at) => {
    const before = seen[at];
    if (before === undefined || before.role !== one.role) return one;
    const { key, understood, usage, remarks } = before;
    const refused = before.cards.filter((card) => card.state === "refused").map((card) => card.action.id);
    const cards = one.cards.map((card) => (refused.includes(card.action.id) ? { ...card, state: "refused" as const } : card));
    return { ...one, key, understood, usage, cards, remarks: one.remarks.length > 0 ? one.remarks : remarks };
  });
}

/** One card for each action, where it was asked for, with what came of it; only the last turn's wait. */
export function settled(turns: Shown[]): Shown[] {
  const asks = turns.map((turn) => turn.undoing).lastIndexOf(false); // to undo something answers no card
  const first = new Map<string, number>();
  const done = new Map<string, Card>();
  turns.forEach((turn, at) => {
    for (const card of turn.cards) {
      if (!first.has(card.action.id)) first.set(card.action.id, at);
      if (card.outcome !== null) done.set(card.action.id, card);
    }
  });
  return turns.map((turn, at) => {
    if (turn.cards.length === 0) return turn;
    const here = turn.cards.filter((card) => first.get(card.action.id) === at);
    const cards = here.map((card) => {
      const came = done.get(card.action.id);
      if (came !== undefined) return { ...came, asked: card.asked };
      return card.state === "waiting" && at < asks ? { ...card, state: "over" as const } : card;
    });
    return { ...turn, cards };
  });
}
