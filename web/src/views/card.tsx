// A card that asks before something is done, and then says what came of it: a sentence in the person's
// language. Nothing is hidden: the tool and every argument stand behind it, as they are used.

import type { Outcome } from "../api/types";
import { Icon } from "../parts/icon";
import type { Card } from "../state/shown";
import { sure } from "../state/asking";
import { decide, type Talk, undo } from "../state/talk";
import { words } from "../words";

export function CardView({ card, talk }: { card: Card; talk: Talk }) {
  const t = words.value;
  const { action, outcome } = card;
  const waits = card.state === "waiting";
  const state = stateOf(card);
  const what = sentence(action.describes || t.useTool(action.tool));
  const why = outcome === null || outcome.ok ? "" : whyNot(outcome);
  return (
    <section class={`action ${card.state}${toldOf(outcome)}`} aria-label={`${state}: ${what}`}>
      <header>
        <Icon name={card.state === "done" ? "check" : card.state === "undone" ? "again" : card.state === "failed" ? "close" : card.state === "planned" ? "bell" : "tool"} />
        <p>
          <strong>{what}</strong>
          <small>{state}</small>
        </p>
      </header>
      {why && <p class="why">{why}</p>}
      {waits && (
        <div class="row">
          <button type="button" class="strong" disabled={talk.writing.value !== null} onClick={() => void decide(talk, action.id, true)}>
            {t.yes}
          </button>
          <button type="button" class="plain" disabled={talk.writing.value !== null} onClick={() => void decide(talk, action.id, false)}>
            {t.no}
          </button>
        </div>
      )}
      {card.undoable && card.state === "done" && (
        <div class="row">
          <button type="button" class="plain" disabled={talk.writing.value !== null} aria-label={t.undoOf(what)} onClick={() => void takeBack(talk, card, what)}>
            {t.undo}
          </button>
        </div>
      )}
      <Exactly card={card} />
    </section>
  );
}

/** What was asked about before it was done, because it moves say, is asked about again. */
async function takeBack(talk: Talk, card: Card, what: string): Promise<void> {
  const t = words.peek();
  if (card.asked && !(await sure({ title: t.undoOf(what), more: t.undoMore, yes: t.undo }))) return;
  await undo(talk, card.action.id);
}

/** Where somebody wants to see it as a program does. */
function Exactly({ card }: { card: Card }) {
  const t = words.value;
  const { action, outcome } = card;
  const pairs = [...Object.entries(action.arguments), ...Object.entries(outcome?.data ?? {})].filter(([, value]) => !isEmpty(value));
  return (
    <details class="exactly">
      <summary>{t.exactly}</summary>
      <dl>
        <dt>{t.tool}</dt>
        <dd>
          <code>{action.tool}</code>
        </dd>
        {pairs.map(([name, value]) => (
          <>
            <dt>
              <code>{name}</code>
            </dt>
            <dd>{valueOf(value)}</dd>
          </>
        ))}
        {outcome?.error && (
          <>
            <dt>
              <code>error</code>
            </dt>
            <dd lang="en">{outcome.error}</dd>
          </>
        )}
      </dl>
    </details>
  );
}

/** How it stands, in words: of a device also whether it said so itself. */
function stateOf(card: Card): string {
  const t = words.value;
  if (card.state === "waiting") return t.confirmTitle;
  if (card.state === "planned") return t.plannedFor(card.when || "");
  const told = card.outcome?.data["told"];
  if (card.state === "done" && typeof told === "string" && told in t.told) return t.told[told as keyof typeof t.told];
  return t[card.state];
}

function toldOf(outcome: Outcome | null): string {
  const told = outcome?.data["told"];
  return told === "no_answer" || told === "sent" ? ` ${told}` : "";
}

function whyNot(outcome: Outcome): string {
  const t = words.value;
  const reason = String(outcome.data["reason"] ?? "");
  return reason in t.reasons ? t.reasons[reason as keyof typeof t.reasons] : t.reasons.other;
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function isEmpty(value: unknown): boolean {
  return value === "" || value === null || (Array.isArray(value) && value.length === 0);
}

/** Plain data as a person reads it. */
export function valueOf(value: unknown): string {
  if (typeof value === "boolean") return value ? words.value.on : words.value.off;
  if (Array.isArray(value)) return value.map(valueOf).join(words.value.comma);
  return typeof value === "string" ? value : typeof value === "object" ? JSON.stringify(value) : String(value);
}
