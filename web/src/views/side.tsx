// The side bar: search, conversations, and the other parts of the page.

import { useState } from "preact/hooks";
import type { Found, Me, Session } from "../api/types";
import { Dialog } from "../parts/dialog";
import { Icon, type IconName } from "../parts/icon";
import { Tree } from "../parts/tree";
import { sure } from "../state/asking";
import { logout } from "../state/me";
import { attempt } from "../state/notice";
import { go, route } from "../state/route";
import { deleteSession, hits, renameSession, seek, sessions, sought } from "../state/sessions";
import { forgetTalk } from "../state/talk";
import { when, words } from "../words";

export function Side({ me, help }: { me: Me; help: () => void }) {
  const t = words.value;
  return (
    <div class="side" id="side">
      <header>
        <a class="brand" href="#/" onClick={(event) => follow(event, "/")}>
          <Tree size="small" />
          <span>
            Penjing <span lang="zh">盆景</span>
          </span>
        </a>
        <button type="button" class="quiet" onClick={() => go("/")} aria-label={t.newSession} title={`${t.newSession} (Alt+N)`}>
          <Icon name="plus" />
        </button>
      </header>
      <Search />
      <nav class="sessions" aria-label={t.conversations}>
        {hits.value === null ? <Sessions /> : <Hits found={hits.value} />}
      </nav>
      <nav class="rooms" aria-label={t.navigation}>
        {me.assistant !== null && <Room path="house" icon="house" label={t.house} />}
        <Room path="documents" icon="paper" label={t.documents} />
        <Room path="model" icon="seal" label={t.model} />
        {me.role === "owner" && <Room path="people" icon="people" label={t.people} />}
        <Room path="settings" icon="sliders" label={t.settings} />
      </nav>
      <footer>
        <span class="who">
          <strong>{me.name}</strong>
          {me.kept && <small>{t[me.role]}</small>}
        </span>
        <button type="button" class="quiet" onClick={help} aria-label={t.shortcuts} title={`${t.shortcuts} (Ctrl+/)`}>
          <Icon name="keys" />
        </button>
        <button type="button" class="quiet" onClick={() => void attempt(logout)} aria-label={t.logout} title={t.logout}>
          <Icon name="leave" />
        </button>
      </footer>
    </div>
  );
}

function follow(event: Event, path: string) {
  event.preventDefault();
  go(path);
}

function Room({ path, icon, label }: { path: string; icon: IconName; label: string }) {
  const here = route.value.view === path;
  return (
    <a href={`#/${path}`} aria-current={here ? "page" : undefined} onClick={(event) => follow(event, `/${path}`)}>
      <Icon name={icon} />
      {label}
    </a>
  );
}

function Search() {
  const t = words.value;
  return (
    <form class="search" role="search" onSubmit={(event) => event.preventDefault()}>
      <Icon name="search" />
      <input
        id="search"
        type="search"
        aria-label={t.search}
        placeholder={t.searchHint}
        title="Ctrl+K"
        autocomplete="off"
        value={sought.value}
        onInput={(event) => seek(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "Escape" && sought.value) {
            event.stopPropagation();
            seek("");
          }
        }}
      />
      {sought.value && (
        <button type="button" class="quiet" aria-label={t.clearSearch} onClick={() => seek("")}>
          <Icon name="close" />
        </button>
      )}
    </form>
  );
}

function Sessions() {
  const t = words.value;
  const day = 86_400_000;
  const midnight = new Date().setHours(0, 0, 0, 0);
  const groups: [string, Session[]][] = [
    [t.today, sessions.value.filter((one) => one.spoke * 1000 >= midnight)],
    [t.yesterday, sessions.value.filter((one) => one.spoke * 1000 < midnight && one.spoke * 1000 >= midnight - day)],
    [t.earlier, sessions.value.filter((one) => one.spoke * 1000 < midnight - day)],
  ];
  if (sessions.value.length === 0) return <p class="note">{t.noSessions}</p>;
  return (
    <>
      {groups.map(
        ([label, of]) =>
          of.length > 0 && (
            <section key={label}>
              <h2>{label}</h2>
              <ul>
                {of.map((one) => (
                  <Row key={one.id} session={one} />
                ))}
              </ul>
            </section>
          ),
      )}
    </>
  );
}

function Row({ session }: { session: Session }) {
  const t = words.value;
  const [renaming, setRenaming] = useState(false);
  const title = session.title || t.untitled;
  const at = route.value;
  const here = at.view === "talk" && at.session === session.id;
  async function remove() {
    if (!(await sure({ title: t.deleteSession, more: t.deleteSessionMore(title), yes: t.delete }))) return;
    const done = await attempt(async () => {
      forgetTalk(session.id);
      await deleteSession(session.id);
    });
    if (done && here) go("/", true);
  }
  return (
    <li class={here ? "here" : ""}>
      <a href={`#/s/${session.id}`} aria-current={here ? "page" : undefined} onClick={(event) => follow(event, `/s/${session.id}`)}>
        {title}
      </a>
      <span class="acts">
        <button type="button" class="quiet" aria-label={t.renameOf(title)} title={t.rename} onClick={() => setRenaming(true)}>
          <Icon name="pen" />
        </button>
        <button type="button" class="quiet" aria-label={t.deleteOf(title)} title={t.delete} onClick={() => void remove()}>
          <Icon name="bin" />
        </button>
      </span>
      {renaming && <Rename session={session} close={() => setRenaming(false)} />}
    </li>
  );
}

function Rename({ session, close }: { session: Session; close: () => void }) {
  const t = words.value;
  const [title, setTitle] = useState(session.title);
  async function save(event: Event) {
    event.preventDefault();
    if (await attempt(() => renameSession(session.id, title.trim()))) close();
  }
  return (
    <Dialog title={t.rename} close={close}>
      <form onSubmit={save}>
        <label class="field">
          <span>{t.title}</span>
          <input value={title} maxLength={200} onInput={(event) => setTitle(event.currentTarget.value)} />
        </label>
        <div class="row end">
          <button type="button" class="plain" onClick={close}>
            {t.cancel}
          </button>
          <button type="submit" class="strong">
            {t.save}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function Hits({ found }: { found: Found[] }) {
  const t = words.value;
  if (found.length === 0) return <p class="note" role="status">{t.noHits(sought.value)}</p>;
  return (
    <section>
      <h2>
        <span role="status">{t.hits(found.length)}</span>
      </h2>
      <ul class="hits">
        {found.map((one) => {
          const path = `/s/${one.session.id}/${one.turn.number}`;
          return (
            <li key={path}>
              <a href={`#${path}`} onClick={(event) => follow(event, path)}>
                <strong>{one.session.title || t.untitled}</strong>
                <span>{snippet(one.turn.text, sought.value)}</span>
                <small>{when(one.turn.at)}</small>
              </a>
            </li>
          );
        })}
      </ul>
    </section>
  );
}

/** Some words around the first hit, with every hit marked. */
function snippet(text: string, words: string) {
  const wanted = words.trim().split(/\s+/).filter(Boolean).map((word) => word.toLowerCase());
  const flat = text.replace(/\s+/g, " ");
  const lower = flat.toLowerCase();
  const first = Math.min(...wanted.map((word) => lower.indexOf(word)).filter((at) => at >= 0), flat.length);
  const start = first === flat.length ? 0 : Math.max(0, first - 24);
  const piece = flat.slice(start, start + 110);
  const pattern = wanted.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|");
  const parts = pattern ? piece.split(new RegExp(`(${pattern})`, "gi")) : [piece];
  return (
    <>
      {start > 0 && "…"}
      {parts.map((part, at) => (at % 2 === 1 ? <mark>{part}</mark> : part))}
    </>
  );
}
