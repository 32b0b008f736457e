// Which language the page speaks: the person's setting, else the browser's.

import { computed, signal } from "@preact/signals";
import type { Language } from "../api/types";
import { en } from "./en";
import { zh } from "./zh";

const TABLE = { en, zh };

function ofBrowser(): Language {
  for (const tag of navigator.languages) {
    if (tag.toLowerCase().startsWith("zh")) return "zh";
    if (tag.toLowerCase().startsWith("en")) return "en";
  }
  return "en";
}

/** What was chosen; null for what the browser says. */
export const chosenLanguage = signal<Language | null>(null);
export const language = computed<Language>(() => chosenLanguage.value ?? ofBrowser());
export const words = computed(() => TABLE[language.value]);

/** Dates and numbers as the browser writes them, where it speaks the same language. */
const locale = computed(
  () => navigator.languages.find((tag) => tag.toLowerCase().startsWith(language.value)) ?? words.value.tag,
);

export function number(value: number, digits = 0): string {
  return new Intl.NumberFormat(locale.value, {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  }).format(value);
}

/** As many digits as say something: 0.198, 5.24, 66. */
export function significant(value: number, digits = 3, least = digits): string {
  const how = { maximumSignificantDigits: digits, minimumSignificantDigits: least };
  return new Intl.NumberFormat(locale.value, how).format(value);
}

export function percent(value: number, digits = 1): string {
  return `${number(value * 100, digits)}%`;
}

export function size(bytes: number): string {
  const units = ["B", "kB", "MB", "GB"];
  let at = 0;
  let left = bytes;
  while (left >= 1000 && at < units.length - 1) {
    left /= 1000;
    at += 1;
  }
  return `${number(left, at < 2 || left >= 100 ? 0 : 1)} ${units[at]}`;
}

/** When something comes: the time alone where it comes today. */
export function clockTime(seconds: number): string {
  const date = new Date(seconds * 1000);
  const time = date.toLocaleTimeString(locale.value, { hour: "2-digit", minute: "2-digit" });
  if (date.toDateString() === new Date().toDateString()) return time;
  return `${date.toLocaleDateString(locale.value, { weekday: "short", month: "short", day: "numeric" })} ${time}`;
}

export function when(seconds: number, style: "day" | "time" = "day"): string {
  const date = new Date(seconds * 1000);
  return style === "time"
    ? date.toLocaleTimeString(locale.value, { hour: "2-digit", minute: "2-digit" })
    : date.toLocaleDateString(locale.value, { year: "numeric", month: "short", day: "numeric" });
}
