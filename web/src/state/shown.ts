// A turn as the page shows it, made of what was kept or of events as they come. Pure functions.

import type { Action, Cited, Event, Outcome, Turn, Understood, Usage } from "../api/types";

export interface Card {
  action: Action;
  state: "waiting" | "done" | "failed" | "refused" | "over";
  outcome: Outcome | null;
}

export interface Shown {
  key: string;
  number: number | null;
  role: "user" | "assistant";
  text: string;
  understood: Understood | null;
  cites: Cited[];
  cards: Card[];
  leftOut: number;
  remarks: string[];
  usage: Usage | null;
  state: "writing" | "done" | "stopped" | "length" | "failed";
  error: string;
}

let made = 0;

export function fresh(role: Shown["role"], text: string, state: Shown["state"]): Shown {
  made += 1;
  return {
    ...{ key: `new-${made}`, number: null, role, text, understood: null, cites: [], cards: [] },
    ...{ leftOut: 0, remarks: [], usage: null, state, error: "" },
  };
}

/** A turn that was kept; roles the page does not show give null. */
export function ofTurn(turn: Turn): Shown | null {
  if (turn.role !== "user" && turn.role !== "assistant") return null;
  let shown: Shown = { ...fresh(turn.role, turn.text, "done"), key: `turn-${turn.number}`, number: turn.number };
  for (const note of turn.notes) {
    const data = note.data as Record<string, unknown>;
    if (note.name === "confirm") shown = after(shown, { type: "confirm", action: data as unknown as Action });
    else if (note.name === "left_out") shown = { ...shown, leftOut: Number(data["messages"]) || 0 };
    else if (note.name === "cut") shown = { ...shown, state: "stopped" };
    else if (["cited", "acted", "remarked"].includes(note.name)) {
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
      return { ...shown, cards: [...shown.cards, { action: event.action, state: "waiting", outcome: null }] };
    case "acted": {
      const state = event.outcome.ok ? "done" : "failed";
      const card: Card = { action: event.action, state, outcome: event.outcome };
      return { ...shown, cards: [...shown.cards.filter((one) => one.action.id !== card.action.id), card] };
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

/** Only the cards of the last turn can still wait for an answer. */
export function settled(turns: Shown[]): Shown[] {
  return turns.map((turn, at) => {
    if (at === turns.length - 1 || !turn.cards.some((card) => card.state === "waiting")) return turn;
    const acted = turns.slice(at + 1).flatMap((later) => later.cards);
    const cards = turn.cards.map((card) => {
      const done = acted.find((one) => one.action.id === card.action.id && one.outcome !== null);
      return card.state !== "waiting" ? card : { ...card, state: done ? done.state : ("over" as const) };
    });
    return { ...turn, cards };
  });
}
