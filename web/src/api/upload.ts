// Sending a file with its progress, which fetch does not tell.

import { headers, lost, refusal } from "./http";
import type { Document } from "./types";

const MEDIA: Record<string, string> = {
  md: "text/markdown",
  markdown: "text/markdown",
  txt: "text/plain",
  csv: "text/csv",
  html: "text/html",
  pdf: "application/pdf",
  json: "application/json",
};

export interface Sending {
  done: Promise<Document>;
  stop: () => void;
}

export function upload(file: File, progress: (share: number) => void): Sending {
  const path = `/api/documents?name=${encodeURIComponent(file.name)}`;
  const request = new XMLHttpRequest();
  const ending = file.name.slice(file.name.lastIndexOf(".") + 1).toLowerCase();
  const media = file.type || MEDIA[ending] || "application/octet-stream";
  const done = new Promise<Document>((resolve, reject) => {
    request.upload.onprogress = (event) => {
      if (event.lengthComputable) progress(event.loaded / event.total);
    };
    request.onload = () => {
      if (request.status === 200) resolve(JSON.parse(request.responseText) as Document);
      else reject(refusal(request.status, request.responseText, request.getResponseHeader("Retry-After"), path));
    };
    request.onerror = () => reject(lost());
    request.onabort = () => reject(new DOMException("stopped", "AbortError"));
  });
  request.open("POST", path);
  for (const [name, value] of Object.entries(headers("POST", media))) request.setRequestHeader(name, value);
  request.send(file);
  return { done, stop: () => request.abort() };
}
