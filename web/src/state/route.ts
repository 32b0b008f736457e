// Where in the page somebody is. It lies in the fragment, which no server ever sees.

import { signal } from "@preact/signals";

export type Route =
  | { view: "talk"; session: string | null; turn: number | null }
  | { view: "house" | "documents" | "model" | "people" | "settings" };

function parse(hash: string): Route {
  const [first, id, turn] = hash.replace(/^#\/?/, "").split("/");
  if (first === "house" || first === "documents" || first === "model" || first === "people" || first === "settings") {
    return { view: first };
  }
  const number = Number.parseInt(turn ?? "", 10);
  const session = first === "s" && id ? id : null;
  return { view: "talk", session, turn: Number.isFinite(number) ? number : null };
}

export const route = signal<Route>(parse(""));

export function watchRoute(): void {
  route.value = parse(location.hash);
  addEventListener("hashchange", () => {
    if (!location.hash.startsWith("#login=")) route.value = parse(location.hash);
  });
}

export function go(path: string, replace = false): void {
  if (replace) history.replaceState(null, "", `#${path}`);
  else history.pushState(null, "", `#${path}`);
  route.value = parse(location.hash);
}
