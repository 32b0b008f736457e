// Every request of the page goes through here, and to this server only.

/** Why a request came to nothing, in one line for people. */
export class Refused extends Error {
  /** 0 when no answer came at all. */
  readonly status: number;
  /** Seconds after which it is worth trying again. */
  readonly wait: number | null;

  constructor(status: number, line: string, wait: number | null = null) {
    super(line);
    this.status = status;
    this.wait = wait;
  }
}

interface Hooks {
  csrf: () => string | null;
  /** Somebody was logged in and is no more. */
  gone: () => void;
  offline: () => string;
  /** What the server says, in the reader's language. */
  said: (line: string) => string;
}

let hooks: Hooks = { csrf: () => null, gone: () => undefined, offline: () => "", said: (line) => line };

export function connect(given: Hooks): void {
  hooks = given;
}

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

export function headers(method: Method, media = "application/json"): Record<string, string> {
  const csrf = hooks.csrf();
  const about: Record<string, string> = {};
  if (method !== "GET") about["Content-Type"] = media;
  if (method !== "GET" && csrf !== null) about["X-CSRF-Token"] = csrf;
  return about;
}

/** Send and get the answer's head; anything but success is thrown as `Refused`. */
export async function send(
  method: Method,
  path: string,
  body?: unknown,
  signal?: AbortSignal,
): Promise<Response> {
  let reply: Response;
  try {
    reply = await fetch(path, {
      method,
      headers: headers(method),
      body: body === undefined ? null : JSON.stringify(body),
      credentials: "same-origin",
      cache: "no-store",
      redirect: "error",
      ...(signal ? { signal } : {}),
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Refused(0, hooks.offline());
  }
  if (reply.ok) return reply;
  const text = await reply.text().catch(() => "");
  throw refusal(reply.status, text, reply.headers.get("Retry-After"), path);
}

/** What a refused answer says. A 401 that is no failed login ends the visit. */
export function refusal(status: number, text: string, retry: string | null, path: string): Refused {
  let line = "";
  try {
    const said: unknown = JSON.parse(text);
    if (typeof said === "object" && said !== null && "error" in said) line = String(said.error);
  } catch {
    // whatever answered was not our server: its status has to do
  }
  if (status === 401 && !path.startsWith("/api/login")) hooks.gone();
  const seconds = Number.parseInt(retry ?? "", 10);
  return new Refused(status, hooks.said(line) || `HTTP ${status}`, Number.isFinite(seconds) ? seconds : null);
}

export function lost(): Refused {
  return new Refused(0, hooks.offline());
}

export async function ask<T>(method: Method, path: string, body?: unknown): Promise<T> {
  const reply = await send(method, path, body);
  if (reply.status === 204) return undefined as T;
  return (await reply.json()) as T;
}

/** The line of anything that was thrown. */
export function lineOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
