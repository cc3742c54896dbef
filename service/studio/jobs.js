import { get, post } from "./api.js";
import { follow } from "./events.js";

const AT_ONCE = 2; // browsers open six connections to a host, and the page needs some for itself

let tell = () => {};
let end = () => {};
let going = new AbortController();
let waiting = [];
let streams = new Set();
const states = new Map();

/** Get the news of every job from now on: `told` gets its id; `over`, once it has ended, its id, the job, or what kept it away. */
export const listen = (told, over) => ([tell, end] = [told, over]);

/** How a job goes: what its last event said, and when it is due, in seconds of the page's clock. */
export const state = (jobId) => states.get(jobId) ?? { status: "queued" };

/** Whether this job is known to be under way. */
export const isWatched = (jobId) => states.has(jobId);

/** Follow a job that has not ended; the one that is looked at comes `first`. */
export function watch(jobId, first = false) {
  if (streams.has(jobId)) return;
  if (!states.has(jobId)) states.set(jobId, { status: "queued" });
  waiting = waiting.filter((other) => other !== jobId);
  if (first) stream(jobId);
  else waiting.push(jobId);
  next();
}

/** Look at none of them any more; the jobs go on. */
export function lookAway() {
  going.abort();
  [going, waiting, streams] = [new AbortController(), [], new Set()];
  states.clear();
}

/** Cancel a job; answers once the service has been asked to. */
export async function cancel(jobId) {
  states.set(jobId, { ...state(jobId), canceling: true });
  tell(jobId);
  try {
    await post(`/jobs/${jobId}/cancel`);
    if (streams.has(jobId)) return;
    // Nobody listens to it: it waits for its turn, and is over at once.
    waiting = waiting.filter((other) => other !== jobId);
    states.delete(jobId);
    end(jobId, await get(`/jobs/${jobId}`));
  } catch (problem) {
    if (problem.code === "conflict") return;
    states.set(jobId, { ...state(jobId), canceling: false });
    tell(jobId);
    throw problem;
  }
}

function next() {
  while (streams.size < AT_ONCE && waiting.length) stream(waiting.shift());
}

async function stream(jobId) {
  const { signal } = going;
  const mine = streams.add(jobId);
  let job = null;
  let trouble = null;
  try {
    job = await follow(jobId, (event) => hear(jobId, event), signal);
  } catch (problem) {
    trouble = problem;
  }
  mine.delete(jobId);
  if (signal.aborted) return;
  states.delete(jobId);
  end(jobId, job, trouble);
  next();
}

function hear(jobId, event) {
  const known = state(jobId);
  const due = event.lost ? known.due : event.eta_s == null ? null : performance.now() / 1000 + event.eta_s;
  states.set(jobId, { ...known, ...event, lost: Boolean(event.lost), due });
  tell(jobId);
}
