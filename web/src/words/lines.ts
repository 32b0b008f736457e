// What the server says in English, in the page's language. The table is read when it is needed;
// tests/web/test_page_lines.py holds that no line of the server's is missing there.

import { effect, signal } from "@preact/signals";
import { language, words } from "./index";

type Line = [RegExp, string];

const lines = signal<Line[]>([]);

/** Have the table where the page speaks another language than the server. */
export function watchLines(): void {
  effect(() => {
    if (language.value !== "en" && lines.peek().length === 0) void import("./lines.json").then((read) => (lines.value = parsed(read.default)));
  });
}

function parsed(table: Record<string, string>): Line[] {
  const longest = Object.entries(table).sort(([one], [other]) => other.length - one.length);
  return longest.map(([said, ours]) => {
    const pattern = said.replace(/[.*+?^$()|[\]\\]/g, "\\$&").replaceAll("{}", "(.+?)");
    return [new RegExp(`^${pattern}$`, "s"), ours];
  });
}

/** A line as the page's reader reads it; what is not in the table is told as what the server says. */
export function inWords(line: string): string {
  if (language.value === "en" || line === "" || /\p{Script=Han}/u.test(line)) return line;
  return known(line) ?? words.value.serverSays(line);
}

function known(line: string): string | null {
  for (const [pattern, ours] of lines.value) {
    const found = pattern.exec(line);
    if (found) return ours.replace(/\{(\d)\}/g, (_, at: string) => known(found[Number(at)] ?? "") ?? found[Number(at)] ?? "");
  }
  return null;
}
