// What the server answers, as its OpenAPI document has it.

export type Role = "owner" | "member" | "guest";
export type Language = "en" | "zh";
export type Theme = "light" | "dark";

export interface Me {
  person: string;
  name: string;
  role: Role;
  csrf: string | null;
  kept: boolean;
  language: Language | null;
  assistant: string | null;
  model: string;
}

export interface Session {
  id: string;
  title: string;
  began: number;
  spoke: number;
}

/** How a conversation's answers are written; null: as usual. */
export interface Manner {
  system: string;
  temperature: number | null;
  top_k: number | null;
  min_p: number | null;
}

/** Something that rings, or was missed; `words` are its person's alone. */
export interface Ring {
  id: string;
  kind: "alarm" | "timer" | "reminder";
  at: number;
  words: string;
  missed: boolean;
}

/** Where something was said last. */
export type News = { session: string; spoke: number } | { session: null; spoke: null };

export interface Note {
  name: string;
  data: unknown;
}

export interface Turn {
  number: number;
  at: number;
  role: string;
  text: string;
  notes: Note[];
}

export interface Found {
  session: Session;
  turn: Turn;
}

/** `start` and `end` count characters (code points), not UTF-16 units. */
export interface Passage {
  text: string;
  document: string;
  source: string;
  location: string;
  start: number;
  end: number;
}

export interface Cited {
  number: number;
  passage: Passage;
}

export interface Action {
  id: string;
  tool: string;
  arguments: Record<string, unknown>;
  describes: string;
}

export interface Outcome {
  ok: boolean;
  data: Record<string, unknown>;
  error: string;
}

/** A device, a timer, a note: what a tool shows, and what may be pressed there. */
export interface Thing {
  tool: string;
  kind: string;
  key: string;
  name: string;
  also: string[];
  room: string;
  state: Record<string, unknown>;
  reason: string;
  careful: boolean;
  presses: { name: string; value: string }[];
}

export interface Understood {
  intent: string | null;
  stage: string;
  confidence: number;
  slots: { name: string; value: unknown; text: string }[];
}

export interface Usage {
  prompt_tokens: number;
  cached_tokens: number;
  completion_tokens: number;
  prefill_seconds: number;
  decode_seconds: number;
}

export type Event =
  | ({ type: "understood" } & Understood)
  | { type: "said"; text: string; trust: string }
  | ({ type: "cited" } & Cited)
  | { type: "confirm"; action: Action }
  | { type: "acted"; action: Action; outcome: Outcome; undoable?: boolean }
  | { type: "undone"; action: Action; outcome: Outcome }
  | { type: "planned"; action: Action; when: { words: string } }
  | { type: "remarked"; text: string }
  | { type: "finished"; reason: "stop" | "length" | "cancelled"; usage: Usage | null }
  | { type: "error"; error: string };

export interface Document {
  id: string;
  name: string;
  media: string;
  size: number;
  added: number;
  passages: number;
  state: "kept" | "indexing" | "ready" | "failed";
  problem: string;
}

export interface Piece {
  text: string;
  start: number;
  end: number;
}

export interface Measurement {
  metric: string;
  value: number;
  low?: number | null;
  high?: number | null;
  n?: number;
}

export interface Control {
  name: string;
  description: string;
  bytes: number;
  measurements: Measurement[];
}

export interface Passport {
  model?: string;
  created?: string;
  baseline?: { name: string; bytes: number; sha256?: string; note?: string };
  file?: { bytes: number; sha256?: string; parameters?: number; effective_bits?: number };
  held_out?: { name: string; tokens: number; windows?: number };
  method?: { name: string; description?: string };
  measurements?: Measurement[];
  controls?: Control[];
  runtime?: {
    engine?: string;
    threads?: number;
    rows?: { name: string; bytes: number; prefill_tps: number; decode_tps: number; peak_rss_bytes: number }[];
  };
  seed?: number;
  hardware?: { cpu?: string; cores?: number; ram_bytes?: number };
}

export interface ModelAbout {
  name: string;
  manifest: Record<string, unknown>;
  passport: Passport | null;
  device: string;
}

export interface Person {
  id: string;
  name: string;
  role: Role;
  permissions: { kind: string; name: string; allowed: boolean }[];
}

/** The least first. */
export const SCOPES = ["read", "chat", "tools", "documents", "admin"] as const;
export type Scope = (typeof SCOPES)[number];

export interface Token {
  id: string;
  label: string;
  scopes: string[];
  /** What to know of it, in one line; empty for nothing. */
  note: string;
}

/** What somebody may be allowed to use, by name. */
export interface Usable {
  assistant: string[];
  tool: string[];
  source: string[];
}

export interface Settings {
  language: Language | null;
  theme: Theme | null;
  keep_days: number | null;
}
