import { useEffect, useState } from "preact/hooks";
import { ask } from "../api/http";
import type { Token } from "../api/types";
import { Copy } from "../parts/copy";
import { Icon } from "../parts/icon";
import { attempt } from "../state/notice";
import { words } from "../words";

const PATH = "/api/me/tokens";

/** Programs that speak as this person. A token's text is shown once, and kept nowhere. */
export function Tokens() {
  const t = words.value;
  const [all, setAll] = useState<Token[]>([]);
  const [label, setLabel] = useState("");
  const [made, setMade] = useState<(Token & { token: string }) | null>(null);
  const load = async () => setAll(await ask<Token[]>("GET", PATH));
  useEffect(() => void attempt(load), []);
  async function make(event: Event) {
    event.preventDefault();
    await attempt(async () => {
      setMade(await ask<Token & { token: string }>("POST", PATH, { label: label.trim() }));
      setLabel("");
      await load();
    });
  }
  async function remove(one: Token) {
    await attempt(async () => {
      await ask("DELETE", `${PATH}/${one.id}`);
      if (made?.id === one.id) setMade(null);
      await load();
    });
  }
  return (
    <section class="panel">
      <h2>{t.programs}</h2>
      <p class="note">{t.programsMore}</p>
      {all.length > 0 && (
        <ul class="files">
          {all.map((one) => (
            <li key={one.id}>
              <div>
                <strong>{one.label}</strong>
              </div>
              <button type="button" class="quiet" aria-label={t.removeToken(one.label)} onClick={() => void remove(one)}>
                <Icon name="bin" />
              </button>
            </li>
          ))}
        </ul>
      )}
      {made && (
        <div class="made" role="status">
          <p class="note">{t.tokenOnce(made.label)}</p>
          <p class="row">
            <code>{made.token}</code>
            <Copy text={made.token} label={t.copy} />
          </p>
        </div>
      )}
      <form class="inline" onSubmit={make}>
        <label class="field">
          <span>{t.programName}</span>
          <input required maxLength={64} autocomplete="off" value={label} onInput={(event) => setLabel(event.currentTarget.value)} />
        </label>
        <button type="submit" class="plain">
          {t.makeToken}
        </button>
      </form>
    </section>
  );
}
