// Language and appearance: the only two things that this page leaves in the browser.

import { effect, signal } from "@preact/signals";
import type { Language, Theme } from "../api/types";
import { chosenLanguage, words } from "../words";

const KEPT = "penjing.look";

export const theme = signal<Theme | null>(null);

export function recallLook(): void {
  try {
    const kept = JSON.parse(localStorage.getItem(KEPT) ?? "{}") as { language?: unknown; theme?: unknown };
    if (kept.language === "en" || kept.language === "zh") chosenLanguage.value = kept.language;
    if (kept.theme === "light" || kept.theme === "dark") theme.value = kept.theme;
  } catch {
    // a browser that keeps nothing, or something that is not ours: both are as they come
  }
  effect(() => {
    document.documentElement.lang = words.value.tag;
    if (theme.value === null) delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme.value;
  });
}

export function wear(language: Language | null, chosen: Theme | null): void {
  chosenLanguage.value = language;
  theme.value = chosen;
  try {
    localStorage.setItem(KEPT, JSON.stringify({ language, theme: chosen }));
  } catch {
    // see above
  }
}
