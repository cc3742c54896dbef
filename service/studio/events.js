import { get, send } from "./api.js";

const ENDED = ["succeeded", "failed", "canceled", "aborted"];
const PAUSES_MS = [300, 1000, 2000, 4000];

/** Whether a job in this state stays in it. */
export const ended = (status) => ENDED.includes(status);

/** Tell of each event of a job, reconnecting where the stream breaks; returns the job once it has ended. */
export async function follow(jobId, tell, signal) {
  let last = null;
  for (let failures = 0; ; ) {
    try {
      const headers = { Accept: "text/event-stream", ...(last && { "Last-Event-ID": last }) };
      const answer = await send(`/jobs/${jobId}/events`, { headers, signal, cache: "no-store", patient: false });
      for await (const event of answer.status === 204 ? [] : parse(answer.body)) {
        failures = 0;
        last = event.id ?? last;
        tell(event.data);
        if (ended(event.data.status)) break;
      }
      const job = await get(`/jobs/${jobId}`, { signal, patient: false });
      if (ended(job.status)) return job;
    } catch (problem) {
      if (signal.aborted || (problem.status && problem.status < 500)) throw problem;
      tell({ lost: true });
    }
    await new Promise((done) => setTimeout(done, PAUSES_MS[Math.min(failures++, PAUSES_MS.length - 1)]));
    signal.throwIfAborted();
  }
}
/** The events of a stream, as the standard has them: fields by line, an empty line after each event. */
async function* parse(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  let event = { id: null, data: "" };
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const lines = (rest + value).split(/\r\n|\n|\r(?!$)/);
      rest = lines.pop();
      for (const line of lines) {
        const [, field, text] = /^([^:]*):? ?(.*)$/.exec(line);
        if (field === "data") event.data += text;
        else if (field === "id") event.id = text;
        else if (line === "") {
          if (event.data) yield { id: event.id, data: JSON.parse(event.data) };
          event = { id: null, data: "" };
        }
      }
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}
