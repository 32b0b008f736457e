import { useEffect, useState } from "preact/hooks";
import { ask } from "../api/http";
import { type Me, SCOPES, type Scope, type Token } from "../api/types";
import { Copy } from "../parts/copy";
import { Icon } from "../parts/icon";
import { attempt } from "../state/notice";
import { words } from "../words";

const PATH = "/api/me/tokens";
type Made = Token & { token: string };

/** Programs that speak as this person. A token's text is shown once, and kept nowhere. */
export function Tokens({ me }: { me: Me }) {
  const t = words.value;
  const [all, setAll] = useState<Token[]>([]);
  const [made, setMade] = useState<Made | null>(null);
  const load = async () => setAll(await ask<Token[]>("GET", PATH));
  useEffect(() => void attempt(load), []);
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
                <small>{one.note === "" ? t.tokenMay(one.scopes.join(", ")) : t.tokenOld}</small>
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
      <Make me={me} shown={setMade} load={load} />
    </section>
  );
}

/** A new one: what for, and what it may do. The least is chosen already. */
function Make({ me, shown, load }: { me: Me; shown: (made: Made) => void; load: () => Promise<void> }) {
  const t = words.value;
  const [label, setLabel] = useState("");
  const [scopes, setScopes] = useState<Scope[]>(["read"]);
  const [passphrase, setPassphrase] = useState("");
  const admin = scopes.includes("admin");
  async function make(event: Event) {
    event.preventDefault();
    const wanted = { label: label.trim(), scopes, ...(admin ? { passphrase } : {}) };
    setPassphrase("");
    await attempt(async () => {
      shown(await ask<Made>("POST", PATH, wanted));
      setLabel("");
      setScopes(["read"]);
      await load();
    });
  }
  const choose = (one: Scope, on: boolean) => setScopes(SCOPES.filter((other) => (other === one ? on : scopes.includes(other))));
  return (
    <form class="inline" onSubmit={make}>
      <label class="field">
        <span>{t.programName}</span>
        <input required maxLength={64} autocomplete="off" value={label} onInput={(event) => setLabel(event.currentTarget.value)} />
      </label>
      <fieldset class="scopes">
        <legend>{t.scopes}</legend>
        {SCOPES.map((one) => (
          <label key={one}>
            <input type="checkbox" checked={scopes.includes(one)} onChange={(event) => choose(one, event.currentTarget.checked)} />
            <code lang="en">{one}</code>
            <span>
              {t.scope[one]} {one === "admin" && me.role === "owner" && t.scopeOwner}
            </span>
          </label>
        ))}
      </fieldset>
      {admin && (
        <label class="field">
          <span>{t.scopePassphrase}</span>
          <input required type="password" autocomplete="current-password" value={passphrase} onInput={(event) => setPassphrase(event.currentTarget.value)} />
        </label>
      )}
      <button type="submit" class="plain" disabled={scopes.length === 0}>
        {t.makeToken}
      </button>
    </form>
  );
}
