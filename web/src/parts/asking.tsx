import { useState } from "preact/hooks";
import { type Question, question } from "../state/asking";
import { words } from "../words";
import { Dialog } from "./dialog";

/** The question that is being asked, if any. */
export function Asking() {
  const asked = question.value;
  return asked === null ? null : <One asked={asked} key={asked.title} />;
}

function One({ asked }: { asked: Question }) {
  const t = words.value;
  const [typed, setTyped] = useState("");
  const may = asked.typed === undefined || typed.trim() === asked.typed;
  return (
    <Dialog title={asked.title} close={() => asked.answer(false)}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (may) asked.answer(true);
        }}
      >
        <p>{asked.more}</p>
        {asked.typed !== undefined && (
          <label class="field">
            <span>{t.typeName(asked.typed)}</span>
            <input value={typed} autocomplete="off" spellcheck={false} onInput={(event) => setTyped(event.currentTarget.value)} />
          </label>
        )}
        <div class="row end">
          <button type="button" class="plain" onClick={() => asked.answer(false)}>
            {t.cancel}
          </button>
          <button type="submit" class="danger" disabled={!may}>
            {asked.yes}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
