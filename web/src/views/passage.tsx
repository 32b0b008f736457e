import { useEffect, useRef } from "preact/hooks";
import { Icon } from "../parts/icon";
import { closePassage, type Opened } from "../state/passage";
import { words } from "../words";

/** Beside the conversation: what was cited, marked, in what stands around it. */
export function Passage({ opened }: { opened: Opened }) {
  const t = words.value;
  const { passage, number } = opened.cited;
  const head = useRef<HTMLHeadingElement>(null);
  const mark = useRef<HTMLElement>(null);
  useEffect(() => head.current?.focus(), [opened.cited]);
  useEffect(() => mark.current?.scrollIntoView({ block: "center" }), [opened]);
  const alone = opened.state === "moved" ? t.passageMoved : opened.state === "gone" ? t.passageGone : "";
  return (
    <aside class="passage" aria-labelledby="passage-title">
      <header>
        <div>
          <p class="kicker">
            {t.passage} {number}
          </p>
          <h2 id="passage-title" ref={head} tabIndex={-1}>
            {passage.source}
          </h2>
          {passage.location && <p class="note">{passage.location}</p>}
        </div>
        <button type="button" class="quiet" onClick={closePassage} aria-label={t.close}>
          <Icon name="close" />
        </button>
      </header>
      <p class={alone ? "why" : "note"}>{alone || (opened.state === "loading" ? t.loading : t.cited)}</p>
      <div class="text" tabIndex={0} role="group" aria-label={passage.source}>
        {opened.before}
        <mark ref={mark}>{opened.marked}</mark>
        {opened.after}
      </div>
    </aside>
  );
}
