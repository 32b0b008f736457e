// One turn: the words, how they were understood, what they stand on, what was done.

import { useState } from "preact/hooks";
import type { Understood } from "../api/types";
import { Copy } from "../parts/copy";
import { Icon, type IconName } from "../parts/icon";
import { openPassage } from "../state/passage";
import type { Shown } from "../state/shown";
import { answerAgain, branch, goOn, loadTalk, speak, stateLine, type Talk } from "../state/talk";
import { Markdown } from "../text/render";
import { percent, significant, words } from "../words";
import { CardView, valueOf } from "./card";

interface Props {
  turn: Shown;
  talk: Talk;
  found: boolean;
  last: boolean;
  name: string;
}

export function TurnView({ turn, talk, found, last, name }: Props) {
  const t = words.value;
  const mine = turn.role === "user";
  const writing = turn.state === "writing";
  const id = turn.number === null ? undefined : `turn-${turn.number}`;
  return (
    <article id={id} class={`turn ${turn.role}${found ? " found" : ""}`} aria-label={mine ? t.you : name} tabIndex={-1} aria-busy={writing}>
      {mine ? <Mine turn={turn} talk={talk} last={last} /> : turn.text && <Markdown text={turn.text} cites={turn.cites} />}
      {writing && turn.text === "" && (
        <p class="pulse">
          <span class="unseen">{t.writing}</span>
          <i />
          <i />
          <i />
        </p>
      )}
      {turn.cards.map((card) => (
        <CardView key={card.action.id} card={card} talk={talk} />
      ))}
      {turn.cites.length > 0 && <Sources turn={turn} />}
      {!mine && !writing && <Foot turn={turn} talk={talk} last={last} />}
    </article>
  );
}

/** What the person said; it can be said otherwise. */
function Mine({ turn, talk, last }: { turn: Shown; talk: Talk; last: boolean }) {
  const t = words.value;
  const [draft, setDraft] = useState<string | null>(null);
  const idle = talk.writing.value === null;
  if (draft === null) {
    return (
      <>
        <p class="words" dir="auto">{turn.text}</p>
        <div class="row said-acts">
          {last && idle && <p class="note">{t.unanswered}</p>}
          {last && idle && <Act icon="again" label={t.again} act={() => answerAgain(talk)} />}
          {turn.number !== null && idle && <Act icon="pen" label={t.edit} act={() => setDraft(turn.text)} />}
        </div>
      </>
    );
  }
  return (
    <form
      class="edit"
      onSubmit={(event) => {
        event.preventDefault();
        setDraft(null);
        void sayInstead(talk, turn, draft);
      }}
    >
      <textarea
        ref={(at) => at?.focus()}
        rows={Math.min(8, draft.split("\n").length + 1)}
        aria-label={t.edit}
        maxLength={200_000}
        value={draft}
        onInput={(event) => setDraft(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key !== "Escape") return;
          event.stopPropagation();
          setDraft(null);
        }}
      />
      <div class="row end">
        <button type="button" class="plain" onClick={() => setDraft(null)}>
          {t.cancel}
        </button>
        <button type="submit" class="strong" disabled={draft.trim() === ""}>
          {t.send}
        </button>
      </div>
    </form>
  );
}

/** In its place where nothing else would be lost; else in a conversation that begins the same. */
async function sayInstead(talk: Talk, turn: Shown, text: string): Promise<void> {
  const number = turn.number ?? 0;
  const after = talk.turns.peek().filter((one) => (one.number ?? 0) >= number);
  if (after.length <= 2 && !after.some((one) => one.deed)) return speak(talk, text, number);
  const other = await branch(talk, number - 1);
  if (other !== null) await speak(other, text);
}

function Act({ icon, label, act }: { icon: IconName; label: string; act: () => unknown }) {
  return (
    <button type="button" class="quiet" onClick={() => void act()} aria-label={label} title={label}>
      <Icon name={icon} />
    </button>
  );
}

function Sources({ turn }: { turn: Shown }) {
  const t = words.value;
  return (
    <ol class="sources" aria-label={t.sources}>
      {[...turn.cites]
        .sort((a, b) => a.number - b.number)
        .map((one) => (
          <li key={one.number}>
            <button type="button" onClick={() => void openPassage(one)}>
              <b>{one.number}</b>
              <span>{one.passage.source}</span>
              {one.passage.location && <small>{one.passage.location}</small>}
            </button>
          </li>
        ))}
    </ol>
  );
}

function Foot({ turn, talk, last }: { turn: Shown; talk: Talk; last: boolean }) {
  const t = words.value;
  const line = stateLine(turn);
  const usage = turn.usage;
  const idle = talk.writing.value === null;
  const unfinished = turn.state === "stopped" || turn.state === "length" || turn.state === "broken";
  const rate = usage && usage.decode_seconds > 0 ? usage.completion_tokens / usage.decode_seconds : 0;
  return (
    <footer>
      {line && <p class={turn.state === "failed" ? "why" : "note"}>{line}</p>}
      {turn.state === "failed" && last && (
        <button type="button" class="plain" onClick={() => void loadTalk(talk)}>
          {t.reload}
        </button>
      )}
      {turn.remarks.map((one) => (
        <p class="note">{one}</p>
      ))}
      {turn.leftOut > 0 && <p class="note">{t.leftOut(turn.leftOut)}</p>}
      <div class="row">
        {turn.text && <Copy text={turn.text} label={t.copy} />}
        {last && idle && !turn.deed && turn.state !== "failed" && <Act icon="again" label={t.again} act={() => answerAgain(talk)} />}
        {turn.number !== null && idle && <Act icon="branch" label={t.branch} act={() => branch(talk, turn.number ?? 0)} />}
        {last && idle && unfinished && turn.text && turn.cites.length === 0 && !turn.deed && (
          <button type="button" class="plain" onClick={() => void goOn(talk)}>
            {t.goOn}
          </button>
        )}
        {turn.understood && <Taken understood={turn.understood} />}
        {rate > 0 && usage && <span class="note rate">{t.speed(usage.completion_tokens, significant(rate, 2))}</span>}
      </div>
    </footer>
  );
}

function Taken({ understood }: { understood: Understood }) {
  const t = words.value;
  return (
    <details class="taken">
      <summary>{t.understood}</summary>
      <dl>
        <dt>{t.intent}</dt>
        <dd>{understood.intent ?? t.noIntent}</dd>
        <dt>{t.stage}</dt>
        <dd>{understood.stage}</dd>
        <dt>{t.confidence}</dt>
        <dd>{percent(understood.confidence, 0)}</dd>
        {understood.slots.map((slot) => (
          <>
            <dt>{slot.name}</dt>
            <dd>
              {valueOf(slot.value)}
              {slot.text && slot.text !== valueOf(slot.value) && <q>{slot.text}</q>}
            </dd>
          </>
        ))}
      </dl>
    </details>
  );
}
