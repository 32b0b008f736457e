import { useEffect, useState } from "preact/hooks";
import { ask } from "../api/http";
import type { Me, Person, Role } from "../api/types";
import { Icon } from "../parts/icon";
import { Room } from "../parts/room";
import { sure } from "../state/asking";
import { attempt, say } from "../state/notice";
import { words } from "../words";

const ROLES: Role[] = ["owner", "member", "guest"];

/** Who there is; for owners. */
export function People({ me }: { me: Me }) {
  const t = words.value;
  const [people, setPeople] = useState<Person[] | null>(null);
  const load = async () => setPeople(await ask<Person[]>("GET", "/api/people"));
  useEffect(() => void attempt(load), []);
  return (
    <Room title={t.people} more={me.kept ? t.peopleMore : t.peopleAlone}>
      {people === null ? (
        <p class="note">{t.loading}</p>
      ) : (
        <ul class="people">
          {people.map((one) => (
            <Row key={one.id} one={one} me={me} load={load} />
          ))}
        </ul>
      )}
      {me.kept && me.role === "owner" && <Add load={load} />}
    </Room>
  );
}

function Row({ one, me, load }: { one: Person; me: Me; load: () => Promise<void> }) {
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
        {one.permissions.length > 0 && (
          <ul class="permissions" aria-label={t.permissions}>
            {one.permissions.map((that) => (
              <li>{that.allowed ? t.allowed(that.kind, that.name) : t.denied(that.kind, that.name)}</li>
            ))}
          </ul>
        )}
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

function Add({ load }: { load: () => Promise<void> }) {
  const t = words.value;
  const [name, setName] = useState("");
  const [role, setRole] = useState<Role>("member");
  const [passphrase, setPassphrase] = useState("");
  const [busy, setBusy] = useState(false);
  async function add(event: Event) {
    event.preventDefault();
    setBusy(true);
    const done = await attempt(async () => {
      await ask("POST", "/api/people", { name: name.trim(), role, passphrase });
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
        <button type="submit" class="strong" disabled={busy}>
          {t.add}
        </button>
      </form>
    </section>
  );
}
