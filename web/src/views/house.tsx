// The house as it is: devices by room, what rings, lists, tickets. What is pressed here passes the
// same gate as what is said.

import { useEffect, useState } from "preact/hooks";
import type { Thing } from "../api/types";
import { Room } from "../parts/room";
import { came, house, houseTrouble, idOf, loadHouse, nameOf, press } from "../state/house";
import { clockTime, number, words } from "../words";

const AGAIN = 10_000;
const RINGS = ["alarm", "timer", "reminder"];
const LISTS = ["list", "note"];

export function House() {
  const t = words.value;
  useEffect(() => {
    void loadHouse();
    const timer = setInterval(() => document.visibilityState === "visible" && void loadHouse(), AGAIN);
    return () => clearInterval(timer);
  }, []);
  const all = house.value ?? [];
  const rings = all.filter((one) => RINGS.includes(one.kind)).sort((a, b) => Number(a.state["at"]) - Number(b.state["at"]));
  const notes = all.filter((one) => LISTS.includes(one.kind));
  const tickets = all.filter((one) => one.kind === "ticket");
  const devices = all.filter((one) => ![...rings, ...notes, ...tickets].includes(one));
  return (
    <Room title={t.house} more={t.houseMore}>
      {houseTrouble.value && (
        <p class="why" role="alert">
          {houseTrouble.value}
        </p>
      )}
      {house.value === null && !houseTrouble.value && <p class="note">{t.loading}</p>}
      {house.value !== null && all.length === 0 && <p class="note">{t.houseEmpty}</p>}
      {byRoom(devices).map(([room, things]) => (
        <Group key={room} title={room || t.devices} things={things} />
      ))}
      {rings.length > 0 && <Group title={t.whatRings} things={rings} />}
      {notes.length > 0 && <Group title={t.lists} things={notes} />}
      {tickets.length > 0 && <Group title={t.tickets} things={tickets} />}
    </Room>
  );
}

function byRoom(devices: Thing[]): [string, Thing[]][] {
  const rooms = [...new Set(devices.map((one) => one.room))].sort((a, b) => (a === "" ? 1 : b === "" ? -1 : a.localeCompare(b)));
  return rooms.map((room) => [room, devices.filter((one) => one.room === room)]);
}

function Group({ title, things }: { title: string; things: Thing[] }) {
  return (
    <section class="things">
      <h2>{title}</h2>
      <ul>
        {things.map((one) => (
          <Row key={idOf(one)} thing={one} />
        ))}
      </ul>
    </section>
  );
}

function Row({ thing }: { thing: Thing }) {
  if (thing.kind === "list") {
    return (
      <li>
        <Add thing={thing} />
      </li>
    );
  }
  return (
    <li>
      <div>
        <strong>{nameOf(thing) || (words.value.ringKinds[thing.kind] ?? thing.kind)}</strong>
        <small>{stateOf(thing)}</small>
        <Came thing={thing} />
      </div>
      <Presses thing={thing} />
    </li>
  );
}

/** What came of what was pressed: of a device whether it said so itself. */
function Came({ thing }: { thing: Thing }) {
  const t = words.value;
  const outcome = came.value[idOf(thing)];
  if (outcome === undefined) return null;
  const told = String(outcome.data["told"] ?? "");
  const reason = String(outcome.data["reason"] ?? "");
  const line = outcome.ok
    ? (t.told[told as keyof typeof t.told] ?? t.done)
    : (t.reasons[reason as keyof typeof t.reasons] ?? (outcome.error || t.failed));
  return (
    <small role="status" class={outcome.ok ? "came" : "why"}>
      {line}
    </small>
  );
}

function stateOf(thing: Thing): string {
  const t = words.value;
  const { state } = thing;
  if (thing.reason) return t.notTold;
  if (RINGS.includes(thing.kind)) return t.due(clockTime(Number(state["at"])), (state["days"] as string[]).map((day) => t.weekdays[day] ?? day));
  if (thing.kind === "ticket") return `${thing.key}${t.comma}${new Date(String(state["at"])).toLocaleDateString(t.tag)}`;
  const parts = Object.entries(state).flatMap(([name, value]) => {
    if (name === "on" || name === "open" || name === "mute") return [t.is[name][value ? "yes" : "no"]];
    if (name === "value") return [`${value}${state["unit"] ? ` ${state["unit"]}` : ""}`];
    if (name === "brightness" || name === "position" || name === "volume") return state["on"] === false ? [] : [`${t.levels[name]} ${number(Number(value))}%`];
    if (name === "temperature" || name === "current_temperature") return [`${t.levels[name]} ${number(Number(value), 1)} °C`];
    return [];
  });
  return parts.join(t.comma);
}

/** Presses without a value are buttons (of on and off only what it is not), others are set. */
function Presses({ thing }: { thing: Thing }) {
  const t = words.value;
  const on = thing.state["on"];
  const shown = thing.presses.filter((one) => (one.name === "on" ? on !== true : one.name === "off" ? on === true || on === undefined : true));
  return (
    <div class="presses">
      {shown.map((one) => {
        const what = t.press[one.name] ?? one.name;
        const label = t.pressOf(what, nameOf(thing));
        if (one.value !== "") return <Level key={one.name} thing={thing} name={one.name} label={label} />;
        return (
          <button key={one.name} type="button" class="plain" aria-label={label} onClick={() => void press(thing, one.name, label)}>
            {what}
          </button>
        );
      })}
    </div>
  );
}

const BOUNDS: Record<string, [number, number, number]> = { temperature: [5, 30, 0.5] };

function Level({ thing, name, label }: { thing: Thing; name: string; label: string }) {
  const [low, high, step] = BOUNDS[name] ?? [0, 100, 1];
  const now = Number(thing.state[name]);
  return (
    <input
      type="range"
      aria-label={label}
      title={label}
      min={low}
      max={high}
      step={step}
      value={now}
      onChange={(event) => void press(thing, name, `${label}: ${event.currentTarget.value}`, Number(event.currentTarget.value))}
    />
  );
}

function Add({ thing }: { thing: Thing }) {
  const t = words.value;
  const [text, setText] = useState("");
  async function add(event: Event) {
    event.preventDefault();
    if (text.trim() !== "" && (await press(thing, "add", t.addNote, text.trim()))) setText("");
  }
  return (
    <form class="inline" onSubmit={add}>
      <label class="field">
        <span>{t.addNote}</span>
        <input value={text} maxLength={1000} onInput={(event) => setText(event.currentTarget.value)} />
      </label>
      <button type="submit" class="plain" disabled={text.trim() === ""}>
        {t.add}
      </button>
    </form>
  );
}
