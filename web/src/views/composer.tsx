// Where one writes. Enter sends, but never while an input method is composing.

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { Icon } from "../parts/icon";
import { speak, stopWriting, type Talk, type Trouble } from "../state/talk";
import { words } from "../words";

const TALLEST = 260;

export function Composer({ talk }: { talk: Talk }) {
  const t = words.value;
  const area = useRef<HTMLTextAreaElement>(null);
  const writing = talk.writing.value !== null;
  const draft = talk.draft.value;
  useEffect(() => {
    if (matchMedia("(hover: hover)").matches) area.current?.focus({ preventScroll: true });
  }, [talk]);
  useLayoutEffect(() => {
    const at = area.current;
    if (!at) return;
    at.style.height = "auto";
    at.style.height = `${Math.min(at.scrollHeight + 2, TALLEST)}px`;
  }, [draft]);
  function send() {
    if (!writing && draft.trim() !== "") void speak(talk, draft);
  }
  return (
    <div class="composer">
      {talk.trouble.value && <Troubled talk={talk} trouble={talk.trouble.value} again={send} />}
      <form
        onSubmit={(event) => {
          event.preventDefault();
          send();
        }}
      >
        <textarea
          dir="auto"
          ref={area}
          rows={1}
          aria-label={t.message}
          aria-describedby="send-hint"
          placeholder={t.placeholder}
          value={draft}
          maxLength={200_000}
          onInput={(event) => (talk.draft.value = event.currentTarget.value)}
          onKeyDown={(event) => {
            // 229: what Safari says of the Enter that ends a composition
            if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
            event.preventDefault();
            send();
          }}
        />
        {writing ? (
          <button type="button" class="round" aria-label={t.stop} title={`${t.stop} (Esc)`} onClick={() => void stopWriting(talk)}>
            <Icon name="stop" />
          </button>
        ) : (
          <button type="submit" class="round" aria-label={t.send} disabled={draft.trim() === ""}>
            <Icon name="send" />
          </button>
        )}
      </form>
      <p class="hint" id="send-hint">
        {t.sendHint}
      </p>
    </div>
  );
}

/** Why something was not sent, and when to try again. */
function Troubled({ talk, trouble, again }: { talk: Talk; trouble: Trouble; again: () => void }) {
  const t = words.value;
  const [now, setNow] = useState(Date.now());
  const left = Math.max(0, Math.ceil((trouble.until - now) / 1000));
  useEffect(() => {
    setNow(Date.now());
    if (trouble.until === 0) return;
    const timer = setInterval(() => setNow(Date.now()), 500);
    return () => clearInterval(timer);
  }, [trouble]);
  return (
    <div class="trouble">
      <p role="alert">{trouble.line}</p>
      {talk.draft.value.trim() !== "" && (
        <button type="button" class="plain" disabled={left > 0} onClick={again}>
          {left > 0 ? t.tryAgainIn(left) : t.tryAgain}
        </button>
      )}
    </div>
  );
}
