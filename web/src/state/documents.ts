// A person's documents and the ones on their way.

import { signal } from "@preact/signals";
import { ask, lineOf } from "../api/http";
import type { Document } from "../api/types";
import { type Sending, upload } from "../api/upload";
import { say } from "./notice";

export interface Upload {
  key: number;
  name: string;
  share: number;
  error: string;
  sending: Sending | null;
}

export const documents = signal<Document[] | null>(null);
export const uploads = signal<Upload[]>([]);

const AGAIN = 1500;
let timer = 0;
let key = 0;
let line: Promise<void> = Promise.resolve();

/** Load the list, and again as long as something in it is being read. */
export async function loadDocuments(): Promise<void> {
  clearTimeout(timer);
  try {
    documents.value = await ask<Document[]>("GET", "/api/documents");
    if (documents.value.some((one) => one.state === "indexing")) {
      timer = window.setTimeout(() => void loadDocuments(), AGAIN);
    }
  } catch (error) {
    say(lineOf(error), true);
  }
}

/** Send files, one after the other: the server holds each in memory. */
export function add(files: Iterable<File>): void {
  for (const file of files) {
    const one: Upload = { key: (key += 1), name: file.name, share: 0, error: "", sending: null };
    uploads.value = [...uploads.value, one];
    line = line.then(() => sendOne(one.key, file));
  }
}

async function sendOne(at: number, file: File): Promise<void> {
  if (!uploads.peek().some((one) => one.key === at)) return; // taken back meanwhile
  try {
    const sending = upload(file, (share) => change(at, { share }));
    change(at, { sending });
    await sending.done;
    dropUpload(at);
    await loadDocuments();
  } catch (error) {
    if (error instanceof DOMException) dropUpload(at);
    else change(at, { error: lineOf(error), sending: null });
  }
}

function change(at: number, what: Partial<Upload>): void {
  uploads.value = uploads.value.map((one) => (one.key === at ? { ...one, ...what } : one));
}

export function dropUpload(at: number): void {
  uploads.value.find((one) => one.key === at)?.sending?.stop();
  uploads.value = uploads.value.filter((one) => one.key !== at);
}

export async function deleteDocument(id: string): Promise<void> {
  await ask("DELETE", `/api/documents/${id}`);
  await loadDocuments();
}

export function forgetDocuments(): void {
  clearTimeout(timer);
  for (const one of uploads.peek()) one.sending?.stop();
  uploads.value = [];
  documents.value = null;
}
