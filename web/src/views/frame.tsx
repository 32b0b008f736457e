// Around every view: the side bar, the banner, the keys that work everywhere, and files dropped in.

import { useEffect, useState } from "preact/hooks";
import type { Me } from "../api/types";
import { Icon } from "../parts/icon";
import { add } from "../state/documents";
import { closePassage, opened } from "../state/passage";
import { go, route } from "../state/route";
import { sessions } from "../state/sessions";
import { stopWriting, talkOf } from "../state/talk";
import { words } from "../words";
import { Documents } from "./documents";
import { House } from "./house";
import { Passage } from "./passage";
import { Passport } from "./passport";
import { People } from "./people";
import { Settings } from "./settings";
import { Shortcuts } from "./shortcuts";
import { Side } from "./side";
import { TalkView } from "./talk";

/** Where the side bar is a drawer over the rest, as in style/frame.css. */
const NARROW = "(max-width: 48rem)";

export function Frame({ me }: { me: Me }) {
  const t = words.value;
  const at = route.value;
  const [menu, setMenu] = useState(false);
  const [help, setHelp] = useState(false);
  useEffect(() => setMenu(false), [at]);
  useKeys({ menu: setMenu, help: () => setHelp(true) });
  const dropping = useDrops();
  const drawer = menu && matchMedia(NARROW).matches;
  useEffect(() => {
    const side = document.getElementById("side");
    if (drawer && !side?.contains(document.activeElement)) side?.querySelector("a")?.focus();
  }, [drawer]);
  return (
    <div class={`frame${menu ? " open" : ""}${opened.value ? " beside" : ""}`}>
      <a
        class="skip"
        href="#main"
        onClick={(event) => {
          event.preventDefault();
          document.getElementById("main")?.focus();
        }}
      >
        {t.skip}
      </a>
      <Side me={me} help={() => setHelp(true)} />
      <div class="veil" onClick={() => setMenu(false)} />
      <div class="stage" inert={drawer}>
        {!me.kept && (
          <aside class="banner" aria-label={t.privacy}>
            <strong>{t.notKept}</strong> {t.notKeptMore}
          </aside>
        )}
        <button type="button" class="quiet menu" aria-expanded={menu} aria-controls="side" aria-label={t.menu} onClick={() => setMenu(!menu)}>
          <Icon name="menu" />
        </button>
        <main id="main" tabIndex={-1}>
          {at.view === "talk" && <TalkView me={me} session={at.session} turn={at.turn} />}
          {at.view === "house" && <House />}
          {at.view === "documents" && <Documents />}
          {at.view === "model" && <Passport />}
          {at.view === "people" && <People me={me} />}
          {at.view === "settings" && <Settings me={me} />}
        </main>
      </div>
      {opened.value && <Passage opened={opened.value} />}
      {help && <Shortcuts close={() => setHelp(false)} />}
      {dropping && <div class="dropping">{t.dropAnywhere}</div>}
    </div>
  );
}

/** Keys with a modifier alone: single letters belong to whoever types, and to screen readers. */
function useKeys({ menu, help }: { menu: (open: boolean) => void; help: () => void }) {
  useEffect(() => {
    function pressed(event: KeyboardEvent) {
      if (event.isComposing || document.querySelector("dialog[open]")) return;
      const command = (event.ctrlKey || event.metaKey) && !event.altKey;
      const alt = event.altKey && !event.ctrlKey && !event.metaKey;
      if (event.key === "Escape") escape(menu);
      else if (command && event.code === "KeyK") search(menu);
      else if (command && event.code === "Slash") help();
      else if (alt && event.code === "KeyN") go("/");
      else if (alt && event.code === "ArrowUp") step(-1);
      else if (alt && event.code === "ArrowDown") step(1);
      else return;
      event.preventDefault();
    }
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, []);
}

function escape(menu: (open: boolean) => void) {
  const at = route.peek();
  if (opened.peek()) closePassage();
  else if (at.view === "talk") void stopWriting(talkOf(at.session));
  menu(false);
  const side = document.getElementById("side");
  if (matchMedia(NARROW).matches && side?.contains(document.activeElement)) {
    requestAnimationFrame(() => document.querySelector<HTMLElement>("button.menu")?.focus());
  }
}

function search(menu: (open: boolean) => void) {
  const focus = () => document.getElementById("search")?.focus();
  focus();
  menu(true); // where the side bar is hidden, it is there a moment later
  requestAnimationFrame(focus);
}

function step(by: number) {
  const at = route.peek();
  const here = at.view === "talk" ? sessions.peek().findIndex((one) => one.id === at.session) : -1;
  const next = sessions.peek()[here < 0 ? 0 : here + by];
  if (next) go(`/s/${next.id}`);
}

function useDrops(): boolean {
  const [over, setOver] = useState(false);
  useEffect(() => {
    const holds = (event: DragEvent) => event.dataTransfer?.types.includes("Files") ?? false;
    function enter(event: DragEvent) {
      if (!holds(event)) return;
      event.preventDefault();
      setOver(true);
    }
    function leave(event: DragEvent) {
      if (event.relatedTarget === null) setOver(false);
    }
    function drop(event: DragEvent) {
      setOver(false);
      if (!holds(event)) return;
      event.preventDefault();
      add(event.dataTransfer?.files ?? []);
      go("/documents");
    }
    const all = { dragenter: enter, dragover: enter, dragleave: leave, drop };
    for (const [name, work] of Object.entries(all)) addEventListener(name, work as EventListener);
    return () => {
      for (const [name, work] of Object.entries(all)) removeEventListener(name, work as EventListener);
    };
  }, []);
  return over;
}
