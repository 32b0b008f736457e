// A card that asks before something is done, and then says what came of it. Nothing is hidden: the
// tool and every argument stand there as they will be used.

import { Icon } from "../parts/icon";
import type { Card } from "../state/shown";
import { decide, type Talk } from "../state/talk";
import { words } from "../words";

export function CardView({ card, talk }: { card: Card; talk: Talk }) {
  const t = words.value;
  const { action, outcome } = card;
  const waits = card.state === "waiting";
  const pairs = Object.entries(action.arguments);
  const results = Object.entries(outcome?.data ?? {});
  return (
    <section class={`action ${card.state}`} aria-label={`${waits ? t.confirmTitle : t[card.state]}: ${action.describes || action.tool}`}>
      <header>
        <Icon name={card.state === "done" ? "check" : card.state === "failed" ? "close" : "tool"} />
        <p>
          <small>{waits ? t.confirmTitle : t[card.state]}</small>
          <strong>{action.describes || action.tool}</strong>
        </p>
      </header>
      <dl>
        <dt>{t.tool}</dt>
        <dd>
          <code>{action.tool}</code>
        </dd>
        {pairs.length === 0 && (
          <>
            <dt>{t.arguments}</dt>
            <dd>{t.noArguments}</dd>
          </>
        )}
        {pairs.map(([name, value]) => (
          <>
            <dt>{name}</dt>
            <dd>{valueOf(value)}</dd>
          </>
        ))}
      </dl>
      {outcome?.error && <p class="why">{outcome.error}</p>}
      {results.length > 0 && (
        <dl class="results">
          {results.map(([name, value]) => (
            <>
              <dt>{name}</dt>
              <dd>{valueOf(value)}</dd>
            </>
          ))}
        </dl>
      )}
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
    </section>
  );
}

/** Plain data as a person reads it. */
export function valueOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value, null, 1);
}
