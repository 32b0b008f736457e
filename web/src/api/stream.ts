// An answer as it is written: server-sent events over a fetch, because EventSource cannot POST.

import { lost } from "./http";
import type { Event } from "./types";

/** Every event in order. Aborting the request's signal ends it; the answer itself goes on. */
export async function* events(reply: Response, signal: AbortSignal): AsyncGenerator<Event> {
  if (reply.body === null) return;
  const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader();
  let kept = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      const lines = (kept + value).split("\n");
      kept = lines.pop() ?? "";
      for (const line of lines) {
        if (line.startsWith("data:")) {
          const data = line.slice(5).trim();
          if (data !== "" && data !== "[DONE]") yield JSON.parse(data) as Event;
        }
      }
    }
  } catch (error) {
    if (signal.aborted) return;
    throw error instanceof TypeError ? lost() : error;
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}
