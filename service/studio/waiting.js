import { say } from "./dom.js";

const FIRST_MS = 600;
const LONGEST_MS = 8000;

let since = null;

/** Say that the service does not answer, and wait a while before it is asked again; longer each time. */
export function lost(problem, failures, signal) {
  since ??= Date.now();
  say("waiting", `${problem.message} Trying again…`);
  return new Promise((resolve, reject) => {
    const done = () => {
      clearTimeout(timer);
      window.removeEventListener("online", done);
      signal?.aborted ? reject(signal.reason) : resolve();
    };
    const timer = setTimeout(done, Math.min(FIRST_MS * 2 ** failures, LONGEST_MS));
    window.addEventListener("online", done);
    signal?.addEventListener("abort", done, { once: true });
  });
}

/** The service has answered. */
export function found() {
  if (since === null) return;
  since = null;
  say("waiting", null);
}
