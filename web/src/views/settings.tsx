import { useState } from "preact/hooks";
import { ask, lineOf, send } from "../api/http";
import type { Language, Me, Settings as Chosen, Theme } from "../api/types";
import { Room } from "../parts/room";
import { sure } from "../state/asking";
import { wear } from "../state/look";
import { leave, settings } from "../state/me";
import { attempt, say } from "../state/notice";
import { allowNotifications, mayAsk } from "../state/ringing";
import { words } from "../words";
import { Tokens } from "./tokens";

/** A person's own: how it looks, how long things are kept, and taking or destroying all of it. */
export function Settings({ me }: { me: Me }) {
  const t = words.value;
  return (
    <Room title={t.settings}>
      <Look />
      {mayAsk.value && <Notifying />}
      {me.kept && <Keeping />}
      <Export />
      {me.kept && <Tokens me={me} />}
      {me.kept && <Passphrase />}
      <Wipe me={me} />
      <p class="note">
        <a href="/licences.txt" rel="license">
          {t.licences}
        </a>
      </p>
    </Room>
  );
}

async function choose(what: Partial<Chosen>): Promise<boolean> {
  return attempt(async () => {
    settings.value = await ask<Chosen>("PUT", "/api/settings", { ...settings.value, ...what });
    wear(settings.value.language, settings.value.theme);
    say(words.value.saved);
  });
}

interface Option<T> {
  value: T | null;
  label: string;
  tag?: string;
}

function Choice<T extends string>({ label, name, value, options, pick }: { label: string; name: string; value: T | null; options: Option<T>[]; pick: (value: T | null) => void }) {
  return (
    <fieldset class="choice">
      <legend>{label}</legend>
      <div>
        {options.map((one) => (
          <label>
            <input type="radio" name={name} checked={one.value === value} onChange={() => pick(one.value)} />
            <span lang={one.tag}>{one.label}</span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}

function Look() {
  const t = words.value;
  return (
    <section class="panel">
      <h2>{t.look}</h2>
      <Choice<Language>
        label={t.language}
        name="language"
        value={settings.value.language}
        options={[
          { value: null, label: t.automatic },
          { value: "en", label: "English", tag: "en" },
          { value: "zh", label: "中文", tag: "zh" },
        ]}
        pick={(language) => void choose({ language })}
      />
      <Choice<Theme>
        label={t.theme}
        name="theme"
        value={settings.value.theme}
        options={[
          { value: null, label: t.automatic },
          { value: "light", label: t.light },
          { value: "dark", label: t.dark },
        ]}
        pick={(theme) => void choose({ theme })}
      />
    </section>
  );
}

/** Asked for while nothing rings yet: a browser wants a person's own click for it. */
function Notifying() {
  const t = words.value;
  return (
    <section class="panel">
      <h2>{t.whatRings}</h2>
      <p class="note">{t.notifyMore}</p>
      <button type="button" class="plain" onClick={() => void allowNotifications()}>
        {t.notifyMe}
      </button>
    </section>
  );
}

function Keeping() {
  const t = words.value;
  const [days, setDays] = useState(settings.value.keep_days?.toString() ?? "");
  return (
    <section class="panel">
      <h2>{t.privacy}</h2>
      <form
        class="inline"
        onSubmit={(event) => {
          event.preventDefault();
          void choose({ keep_days: days === "" ? null : Number(days) });
        }}
      >
        <label class="field short">
          <span>{t.keepDays}</span>
          <span class="unit">
            <input type="number" min={1} max={36500} step={1} inputMode="numeric" value={days} onInput={(event) => setDays(event.currentTarget.value)} />
            {t.days}
          </span>
        </label>
        <button type="submit" class="plain">
          {t.save}
        </button>
      </form>
      <p class="note">{t.keepDaysMore}</p>
    </section>
  );
}

function Export() {
  const t = words.value;
  const [busy, setBusy] = useState(false);
  async function pack() {
    setBusy(true);
    await attempt(async () => {
      const reply = await send("POST", "/api/me/export", {});
      const address = URL.createObjectURL(await reply.blob());
      const link = document.createElement("a");
      link.href = address;
      link.download = "penjing-about-me.zip";
      link.click();
      setTimeout(() => URL.revokeObjectURL(address), 10_000);
    });
    setBusy(false);
  }
  return (
    <section class="panel">
      <h2>{t.exportTitle}</h2>
      <p class="note">{t.exportMore}</p>
      <button type="button" class="plain" disabled={busy} onClick={() => void pack()}>
        {busy ? t.exporting : t.export}
      </button>
    </section>
  );
}

function Passphrase() {
  const t = words.value;
  const [old, setOld] = useState("");
  const [fresh, setFresh] = useState("");
  const [again, setAgain] = useState("");
  const [line, setLine] = useState("");
  const [busy, setBusy] = useState(false);
  async function change(event: Event) {
    event.preventDefault();
    if (fresh !== again) return setLine(t.notTheSame);
    setBusy(true);
    try {
      await ask("POST", "/api/me/passphrase", { old, new: fresh });
      leave(words.value.passphraseChanged);
    } catch (error) {
      setLine(lineOf(error));
      setBusy(false);
    }
  }
  return (
    <section class="panel">
      <h2>{t.changePassphrase}</h2>
      <p class="note">{t.changePassphraseMore}</p>
      <form class="grid" onSubmit={change}>
        <Secret label={t.oldPassphrase} value={old} set={setOld} fill="current-password" />
        <Secret label={t.newPassphrase} value={fresh} set={setFresh} fill="new-password" />
        <Secret label={t.newAgain} value={again} set={setAgain} fill="new-password" />
        <button type="submit" class="plain" disabled={busy}>
          {t.changePassphrase}
        </button>
      </form>
      <p class="why" role="alert">
        {line}
      </p>
    </section>
  );
}

function Secret({ label, value, set, fill }: { label: string; value: string; set: (text: string) => void; fill: string }) {
  return (
    <label class="field">
      <span>{label}</span>
      <input type="password" required autocomplete={fill} value={value} onInput={(event) => set(event.currentTarget.value)} />
    </label>
  );
}

function Wipe({ me }: { me: Me }) {
  const t = words.value;
  const [passphrase, setPassphrase] = useState("");
  const [line, setLine] = useState("");
  const more = me.kept ? t.wipeMore : t.wipeMoreMemory;
  async function wipe(event: Event) {
    event.preventDefault();
    if (!(await sure({ title: t.wipe, more, yes: t.wipe, typed: me.name }))) return;
    try {
      await ask("POST", "/api/me/wipe", { passphrase });
      leave(words.value.wiped);
    } catch (error) {
      setLine(lineOf(error));
    }
  }
  return (
    <section class="panel last">
      <h2>{t.wipe}</h2>
      <p class="note">{more}</p>
      <form class="inline" onSubmit={wipe}>
        {me.kept && <Secret label={t.oldPassphrase} value={passphrase} set={setPassphrase} fill="current-password" />}
        <button type="submit" class="danger">
          {t.wipe}
        </button>
      </form>
      <p class="why" role="alert">
        {line}
      </p>
    </section>
  );
}
