import { askForKey } from "./key.js";

/** An error in words: what the service answered, or that it did not. */
export class Problem extends Error {
  constructor(problem) {
    super(problem.detail);
    Object.assign(this, problem);
  }
}

const KEY = "pentimento.key";
const PAUSES_MS = [800, 2500];

/** Whether the service asked for a key and got one. */
export const keyed = () => sessionStorage.getItem(KEY) !== null;

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

/** Ask the service; throws a Problem, and asks the person for a key where one is needed. */
export async function send(path, options = {}) {
  for (;;) {
    const key = sessionStorage.getItem(KEY);
    const headers = { ...options.headers, ...(key && { Authorization: `Bearer ${key}` }) };
    let answer;
    try {
      answer = await fetch(path, { ...options, headers });
    } catch (error) {
      if (options.signal?.aborted) throw error;
      throw new Problem({ code: "unreachable", detail: "The service does not answer. Is it still running?" });
    }
    if (answer.ok) return answer;
    const problem = await read(answer);
    if (answer.status !== 401) throw problem;
    // Another request may have got a key meanwhile.
    if (sessionStorage.getItem(KEY) === key) sessionStorage.setItem(KEY, await askForKey(problem, key));
  }
}

/** The JSON at a path. */
export const get = async (path, options) => (await send(path, options)).json();

/** POST, again if no answer comes; the key sees to it that no job is made twice. */
export async function post(path, body, headers = {}) {
  const sent = { method: "POST", body, headers: { "Idempotency-Key": unique(), ...headers } };
  for (const wait of PAUSES_MS) {
    try {
      return await (await send(path, sent)).json();
    } catch (problem) {
      if (problem.code !== "unreachable") throw problem;
      await pause(wait);
    }
  }
  return (await send(path, sent)).json();
}

/** POST JSON. */
export const postJson = (path, body) =>
  post(path, JSON.stringify(body), { "Content-Type": "application/json" });

async function read(answer) {
  const words = `The service answered ${answer.status} ${answer.statusText}.`;
  const told = await answer.json().catch(() => null);
  const after = answer.headers.get("Retry-After");
  const problem = new Problem(told?.detail ? told : { code: "unknown", status: answer.status, detail: words });
  if (after && answer.status === 503) problem.message += ` Try again in ${after} s.`;
  return problem;
}

function unique() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
