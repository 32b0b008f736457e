import { render } from "preact";
import "./style/base.css";
import "./style/frame.css";
import "./style/talk.css";
import "./style/rooms.css";
import "./style/print.css";
import { Page } from "./page";
import { recallLook } from "./state/look";
import { arrive, me } from "./state/me";
import { watchNews } from "./state/news";
import { watchRoute } from "./state/route";
import { askIfGuest } from "./state/talk";
import { watchLines } from "./words/lines";

recallLook();
watchLines();
const arrived = arrive(); // takes a one-time code out of the address before the route is read
if ("serviceWorker" in navigator) void navigator.serviceWorker.register("/sw.js").catch(() => undefined); // not over plain HTTP
watchRoute();
const place = document.getElementById("page");
if (place) render(<Page />, place);
watchNews(() => me.peek() ?? null);
askIfGuest(() => me.peek()?.role === "guest");
void arrived;
