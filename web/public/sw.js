// Keeps the page's own files for when the server cannot be reached, and nothing else: no answer of
// the API ever passes through here. The start page is asked of the server first.
const SHELL = "shell";
const NAMED = /(?:src|href)="(\/assets\/[^"]+)"/g;

self.addEventListener("install", (event) => event.waitUntil(renew(fetch("/")).then(() => self.skipWaiting())));
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== location.origin) return;
  if (url.pathname === "/" && event.request.mode === "navigate") {
    const asked = fetch(event.request);
    event.waitUntil(renew(asked.then((found) => found.clone())).catch(() => undefined));
    event.respondWith(asked.catch(() => caches.match("/")).then((found) => found ?? Response.error()));
  } else if (url.pathname.startsWith("/assets/")) {
    event.respondWith(kept(event.request));
  }
});

/** Files with a hash in their name never change. */
async function kept(request) {
  const shell = await caches.open(SHELL);
  const found = await shell.match(request);
  if (found) return found;
  const fresh = await fetch(request);
  if (fresh.ok) await shell.put(request, fresh.clone());
  return fresh;
}

/** The start page as it is now, with the files it names; those of an older page are let go. */
async function renew(asked) {
  const start = await asked;
  if (!start.ok) return;
  const shell = await caches.open(SHELL);
  const before = await shell.match("/").then((found) => found?.text());
  const now = await start.clone().text();
  await shell.put("/", start);
  if (before === now) return;
  const named = [...now.matchAll(NAMED)].map((found) => found[1]);
  for (const one of await shell.keys()) {
    const path = new URL(one.url).pathname;
    if (path !== "/" && !named.includes(path)) await shell.delete(one);
  }
  await Promise.all(named.map((path) => kept(new Request(path))));
}
