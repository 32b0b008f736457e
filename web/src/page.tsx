// The whole page: who is nobody logs in, who is somebody sees the frame.

import { useEffect } from "preact/hooks";
import { Asking } from "./parts/asking";
import { Notices } from "./parts/notices";
import { Ringing } from "./parts/ringing";
import { me } from "./state/me";
import { words } from "./words";
import { Frame } from "./views/frame";
import { Login } from "./views/login";

export function Page() {
  const who = me.value;
  useEffect(() => {
    document.title = who ? `${who.assistant ?? "Penjing"} · 盆景` : "Penjing 盆景";
  }, [who]);
  return (
    <>
      {who === undefined ? <p class="arriving">{words.value.loading}</p> : who === null ? <Login /> : <Frame me={who} />}
      <Asking />
      <Ringing />
      <Notices />
    </>
  );
}
