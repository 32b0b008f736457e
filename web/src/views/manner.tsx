// How the answers of one conversation are written: what the model is told first, and how it chooses.

import { useEffect, useState } from "preact/hooks";
import { ask } from "../api/http";
import type { Manner } from "../api/types";
import { Dialog } from "../parts/dialog";
import { attempt, say } from "../state/notice";
import { loadSessions } from "../state/sessions";
import { adopt, type Talk } from "../state/talk";
import { words } from "../words";

const USUAL: Manner = { system: "", temperature: null, top_k: null, min_p: null };
const NUMBERS = [
  { name: "temperature", most: 2, step: 0.05 },
  { name: "top_k", most: 1000, step: 1 },
  { name: "min_p", most: 1, step: 0.01 },
] as const;

export function MannerDialog({ talk, close }: { talk: Talk; close: () => void }) {
  const t = words.value;
  const [chosen, setChosen] = useState<Manner | null>(talk.id === null ? USUAL : null);
  useEffect(() => {
    if (talk.id !== null) void attempt(async () => setChosen(await ask<Manner>("GET", `/api/sessions/${talk.id}/manner`)));
  }, []);
  async function save(wanted: Manner) {
    const done = await attempt(async () => {
      await adopt(talk);
      await ask<Manner>("PUT", `/api/sessions/${talk.id}/manner`, wanted);
      await loadSessions();
      say(t.saved);
    });
    if (done) close();
  }
  return (
    <Dialog title={t.manner} close={close}>
      {chosen === null ? (
        <p class="note">{t.loading}</p>
      ) : (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            void save(chosen);
          }}
        >
          <p class="note">{t.mannerMore}</p>
          <label class="field">
            <span>{t.system}</span>
            <textarea rows={4} maxLength={4000} value={chosen.system} onInput={(event) => setChosen({ ...chosen, system: event.currentTarget.value })} />
          </label>
          <div class="grid">
            {NUMBERS.map(({ name, most, step }) => (
              <label class="field" key={name}>
                <span>{t.sampling[name]}</span>
                <input
                  type="number"
                  min={0}
                  max={most}
                  step={step}
                  placeholder={t.asUsual}
                  value={chosen[name] ?? ""}
                  onInput={(event) => {
                    const typed = event.currentTarget.valueAsNumber;
                    setChosen({ ...chosen, [name]: Number.isFinite(typed) ? typed : null });
                  }}
                />
              </label>
            ))}
          </div>
          <div class="row end">
            <button type="button" class="plain" onClick={() => setChosen(USUAL)}>
              {t.asUsual}
            </button>
            <button type="submit" class="strong">
              {t.save}
            </button>
          </div>
        </form>
      )}
    </Dialog>
  );
}
