// One line that says what went wrong or well; the newest one is shown.

import { signal } from "@preact/signals";
import { lineOf } from "../api/http";

export interface Notice {
  line: string;
  bad: boolean;
}

export const notice = signal<Notice | null>(null);
let timer = 0;

/** `stays` until it is dismissed, as what is bad does. */
export function say(line: string, bad = false, stays = bad): void {
  clearTimeout(timer);
  notice.value = { line, bad };
  if (!stays) timer = window.setTimeout(() => (notice.value = null), 4000);
}

/** Do something that may be refused; what is refused is said. */
export async function attempt(work: () => Promise<void>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    say(lineOf(error), true);
    return false;
  }
}
