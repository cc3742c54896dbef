import { askForKey } from "./key.js";
import { plainly } from "./problems.js";
import { upload } from "./upload.js";
import { found, lost } from "./waiting.js";

/** An error in words: what the service answered, or that it did not. */
export class Problem extends Error {
  constructor(problem) {
    super(plainly(problem));
    Object.assign(this, problem);
  }
}

const KEY = "pentimento.key";
const PASSING = [502, 503, 504];

/** Where the service is: the page is as deep below it as this file says, whatever path it is served under. */
export const base = new URL("..", import.meta.url);

/** A path of the API as the browser has to ask for it. */
export const at = (path) => (path.startsWith(base.pathname) ? path : base.pathname + path.slice(1));

/** Whether the service asked for a key and got one. */
export const keyed = () => sessionStorage.getItem(KEY) !== null;

/**
 * Ask the service; throws a Problem, and asks the person for a key where one is needed.
 *
 * While the service does not answer the page says so and asks again until it does, unless the caller is not `patient`.
 * `sent` gets the part of a large body that has gone.
 */
export async function send(path, { patient = true, sent, ...options } = {}) {
  for (let failures = 0; ; ) {
    const key = sessionStorage.getItem(KEY);
    const headers = { ...options.headers, ...(key && { Authorization: `Bearer ${key}` }) };
    const asked = { ...options, headers };
    let problem;
    try {
      const answer = await (sent ? upload(at(path), asked, sent) : fetch(at(path), asked));
      if (answer.ok) {
        found();
        return answer;
      }
      problem = await read(answer);
    } catch (error) {
      if (options.signal?.aborted) throw error;
      problem = new Problem({ code: "unreachable", detail: "The service does not answer." });
    }
    if (problem.code === "unreachable" || PASSING.includes(problem.status)) {
      if (!patient) throw problem;
      await lost(problem, failures++, options.signal);
      continue;
    }
    found();
    if (problem.status !== 401) throw problem;
    // Another request may have got a key meanwhile.
    if (sessionStorage.getItem(KEY) === key) sessionStorage.setItem(KEY, await askForKey(problem, key));
  }
}

/** The JSON at a path. */
export const get = async (path, options) => (await send(path, options)).json();

/** POST; the key sees to it that no job is made twice where it has to be sent again. */
export async function post(path, body, { headers, ...options } = {}) {
  const sent = { method: "POST", body, headers: { "Idempotency-Key": unique(), ...headers }, ...options };
  return (await send(path, sent)).json();
}

/** POST JSON. */
export const postJson = (path, body) =>
  post(path, JSON.stringify(body), { headers: { "Content-Type": "application/json" } });

async function read(answer) {
  const told = await answer.json().catch(() => null);
  if (!told?.detail) return new Problem({ code: "unknown", status: answer.status });
  return new Problem({ ...told, after: answer.headers.get("Retry-After") });
}

function unique() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
