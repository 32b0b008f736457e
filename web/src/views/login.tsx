import { useEffect, useRef, useState } from "preact/hooks";
import { lineOf } from "../api/http";
import { Tree } from "../parts/tree";
import { wear, theme } from "../state/look";
import { login, names, takeLink, why } from "../state/me";
import { language, words } from "../words";

/** Name and passphrase; the one-time link is taken before this is shown. */
export function Login() {
  const t = words.value;
  const [name, setName] = useState(names.value.length === 1 ? (names.value[0] ?? "") : "");
  const [passphrase, setPassphrase] = useState("");
  const [busy, setBusy] = useState(false);
  const first = useRef<HTMLInputElement>(null);
  const second = useRef<HTMLInputElement>(null);
  useEffect(() => (name ? second : first).current?.focus(), []);
  useEffect(() => {
    if (names.value.length === 1) setName(names.value[0] ?? "");
    if (names.value.length > 0) second.current?.focus();
  }, [names.value]);
  useEffect(() => {
    const pasted = (event: ClipboardEvent) => {
      const text = event.clipboardData?.getData("text") ?? "";
      if (!text.includes("#login=")) return;
      event.preventDefault();
      void takeLink(text);
    };
    addEventListener("paste", pasted);
    return () => removeEventListener("paste", pasted);
  }, []);

  async function enter(event: Event) {
    event.preventDefault();
    setBusy(true);
    try {
      await login(name, passphrase);
    } catch (error) {
      why.value = lineOf(error);
      setPassphrase("");
      setBusy(false);
      second.current?.focus();
    }
  }

  return (
    <main class="login">
      <div class="card">
        <Tree size="large" />
        <h1>
          Penjing <span lang="zh">盆景</span>
        </h1>
        <p class="tagline">{t.tagline}</p>
        <p class="why" role="alert">
          {why.value}
        </p>
        {names.value.length > 0 && !why.value && <p class="note">{t.linkTaken}</p>}
        <form onSubmit={enter}>
          {names.value.length > 1 && (
            <div class="names" role="group" aria-label={t.whoAreYou}>
              {names.value.map((one) => (
                <button
                  type="button"
                  aria-pressed={one === name}
                  onClick={() => {
                    setName(one);
                    second.current?.focus();
                  }}
                >
                  {one}
                </button>
              ))}
            </div>
          )}
          <label class="field">
            <span>{t.name}</span>
            <input ref={first} name="name" autocomplete="username" autocapitalize="none" spellcheck={false} required value={name} onInput={(event) => setName(event.currentTarget.value)} />
          </label>
          <label class="field">
            <span>{t.passphrase}</span>
            <input ref={second} name="passphrase" type="password" autocomplete="current-password" required value={passphrase} onInput={(event) => setPassphrase(event.currentTarget.value)} />
          </label>
          <button type="submit" class="strong" disabled={busy}>
            {t.login}
          </button>
        </form>
        <p class="note">{t.loginHint}</p>
        <p class="tongues">
          <button type="button" lang="en" aria-pressed={language.value === "en"} onClick={() => wear("en", theme.value)}>
            English
          </button>
          <button type="button" lang="zh" aria-pressed={language.value === "zh"} onClick={() => wear("zh", theme.value)}>
            中文
          </button>
        </p>
      </div>
    </main>
  );
}
