import { useEffect, useState } from "preact/hooks";
import { ask } from "../api/http";
import type { Me, Person, Role, Usable } from "../api/types";
import { Icon } from "../parts/icon";
import { Room } from "../parts/room";
import { sure } from "../state/asking";
import { attempt, say } from "../state/notice";
import { words } from "../words";

const ROLES: Role[] = ["owner", "member", "guest"];
const KINDS = ["assistant", "tool", "source"] as const;
type Kind = (typeof KINDS)[number];

/** Who there is; for owners. */
export function People({ me }: { me: Me }) {
  const t = words.value;
  const [people, setPeople] = useState<Person[] | null>(null);
  const [usable, setUsable] = useState<Usable>({ assistant: [], tool: [], source: [] });
  const load = async () => setPeople(await ask<Person[]>("GET", "/api/people"));
  useEffect(() => void attempt(load), []);
  useEffect(() => {
    if (me.kept && me.role === "owner") void attempt(async () => setUsable(await ask<Usable>("GET", "/api/people/usable")));
  }, []);
  return (
    <Room title={t.people} more={me.kept ? t.peopleMore : t.peopleAlone}>
      {people === null ? (
        <p class="note">{t.loading}</p>
      ) : (
        <ul class="people">
          {people.map((one) => (
            <Row key={one.id} one={one} me={me} usable={usable} load={load} />
          ))}
        </ul>
      )}
      {me.kept && me.role === "owner" && <Add usable={usable} load={load} />}
    </Room>
  );
}

function Row({ one, me, usable, load }: { one: Person; me: Me; usable: Usable; load: () => Promise<void> }) {
  const t = words.value;
  const self = one.id === me.person;
  const may = me.kept && me.role === "owner";
  async function remove() {
    const yes = await sure({ title: t.removePerson(one.name), more: t.removePersonMore(one.name), yes: t.remove, typed: one.name });
    if (yes) {
      await attempt(async () => {
        await ask("DELETE", `/api/people/${one.id}`, { confirm: one.name });
        await load();
      });
    }
  }
  return (
    <li>
      <span class="face" aria-hidden="true">
        {Array.from(one.name)[0]?.toUpperCase()}
      </span>
      <div>
        <strong>{one.name}</strong>
        {self && <small> ({t.thatIsYou})</small>}
        {may ? <Permissions one={one} usable={usable} load={load} /> : <Exceptions one={one} />}
      </div>
      {may ? (
        <select
          aria-label={t.roleOf(one.name)}
          value={one.role}
          onChange={async (event) => {
            const role = event.currentTarget.value;
            const done = await attempt(() => ask("PATCH", `/api/people/${one.id}`, { role }));
            if (done) say(t.saved);
            await attempt(load);
          }}
        >
          {ROLES.map((role) => (
            <option value={role} selected={role === one.role}>
              {t[role]}
            </option>
          ))}
        </select>
      ) : (
        <span class="note">{t[one.role]}</span>
      )}
      {may && !self && (
        <button type="button" class="quiet" aria-label={t.removeOf(one.name)} onClick={() => void remove()}>
          <Icon name="bin" />
        </button>
      )}
    </li>
  );
}

/** What was said for them, to be read. */
function Exceptions({ one }: { one: Person }) {
  const t = words.value;
  if (one.permissions.length === 0) return null;
  return (
    <ul class="permissions" aria-label={t.permissions}>
      {one.permissions.map((that) => (
        <li>{that.allowed ? t.allowed(that.kind, that.name) : t.denied(that.kind, that.name)}</li>
      ))}
    </ul>
  );
}

/** What they may use: what was said for them, else what their role may. */
function mayUse(one: Person, kind: Kind, name: string): boolean {
  const said = one.permissions.find((that) => that.kind === kind && that.name === name) ?? one.permissions.find((that) => that.kind === kind && that.name === "*");
  return said?.allowed ?? one.role !== "guest";
}

function Permissions({ one, usable, load }: { one: Person; usable: Usable; load: () => Promise<void> }) {
  const t = words.value;
  const every = KINDS.flatMap((kind) => usable[kind].map((name) => ({ kind, name })));
  if (every.length === 0) return <Exceptions one={one} />;
  const some = every.filter(({ kind, name }) => mayUse(one, kind, name)).length;
  const count = some === every.length ? t.mayAll : some === 0 ? t.mayNothing : t.maySome(some, every.length);
  async function permit(kind: Kind, name: string, allowed: boolean) {
    if (await attempt(() => ask("PATCH", `/api/people/${one.id}`, { permissions: [{ kind, name, allowed }] }))) say(t.saved);
    await attempt(load);
  }
  return (
    <details class="may">
      <summary aria-label={t.mayOf(one.name, count)}>{count}</summary>
      {KINDS.filter((kind) => usable[kind].length > 0).map((kind) => (
        <fieldset key={kind}>
          <legend>{t.kinds[kind]}</legend>
          {usable[kind].map((name) => (
            <label key={name}>
              <input type="checkbox" checked={mayUse(one, kind, name)} onChange={(event) => void permit(kind, name, event.currentTarget.checked)} />
              <span>{kind === "tool" ? (t.tools[name] ?? name) : name}</span>
            </label>
          ))}
        </fieldset>
      ))}
    </details>
  );
}

function Add({ usable, load }: { usable: Usable; load: () => Promise<void> }) {
  const t = words.value;
  const [name, setName] = useState("");
  const [role, setRole] = useState<Role>("member");
  const [passphrase, setPassphrase] = useState("");
  const [talks, setTalks] = useState(true);
  const [busy, setBusy] = useState(false);
  async function add(event: Event) {
    event.preventDefault();
    setBusy(true);
    const done = await attempt(async () => {
      const made = await ask<Person>("POST", "/api/people", { name: name.trim(), role, passphrase });
      const permissions = usable.assistant.map((one) => ({ kind: "assistant", name: one, allowed: true }));
      if (role === "guest" && talks && permissions.length > 0) await ask("PATCH", `/api/people/${made.id}`, { permissions });
      await load();
    });
    setBusy(false);
    if (done) {
      setName("");
      setPassphrase("");
    }
  }
  return (
    <section class="panel">
      <h2>{t.addPerson}</h2>
      <form class="grid" onSubmit={add}>
        <label class="field">
          <span>{t.name}</span>
          <input required maxLength={64} autocomplete="off" value={name} onInput={(event) => setName(event.currentTarget.value)} />
        </label>
        <label class="field">
          <span>{t.role}</span>
          <select value={role} onChange={(event) => setRole(event.currentTarget.value as Role)}>
            {ROLES.map((one) => (
              <option value={one} selected={one === role}>
                {t[one]}
              </option>
            ))}
          </select>
        </label>
        <label class="field">
          <span>{t.theirPassphrase}</span>
          <input required type="password" autocomplete="new-password" value={passphrase} onInput={(event) => setPassphrase(event.currentTarget.value)} />
        </label>
        {role === "guest" && usable.assistant.length > 0 && (
          <label class="check">
            <input type="checkbox" checked={talks} onChange={(event) => setTalks(event.currentTarget.checked)} />
            <span>{t.guestTalks(usable.assistant[0] ?? "")}</span>
          </label>
        )}
        <button type="submit" class="strong" disabled={busy}>
          {t.add}
        </button>
      </form>
    </section>
  );
}
