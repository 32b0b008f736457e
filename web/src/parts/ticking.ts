// A worker that does nothing but tick.

const PAUSE = 5000;
setInterval(() => postMessage(0), PAUSE);
