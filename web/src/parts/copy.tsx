import { useEffect, useState } from "preact/hooks";
import { words } from "../words";
import { Icon } from "./icon";

/** Copies a text, and says so for a moment. */
export function Copy({ text, label }: { text: string; label: string }) {
  const [done, setDone] = useState(false);
  useEffect(() => {
    if (!done) return;
    const timer = setTimeout(() => setDone(false), 1600);
    return () => clearTimeout(timer);
  }, [done]);
  return (
    <button type="button" class="quiet" onClick={() => void copied(text).then(setDone)} aria-label={done ? words.value.copied : label} title={label}>
      <Icon name={done ? "check" : "copy"} />
    </button>
  );
}

async function copied(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return byHand(text); // no TLS, no clipboard: the old way
  }
}

function byHand(text: string): boolean {
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "unseen";
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  return done;
}
