import { post } from "./api.js";
import { $, say, seconds, show } from "./dom.js";
import { ended, follow } from "./events.js";
import { showPreview, work } from "./stage.js";

const DOING = {
  encode: "Reading the picture",
  invert: "Inverting",
  optimize: "Learning its style",
  find: "Finding the place",
  reconstruct: "Checking the inversion",
  edit: "Editing",
  decode: "Painting",
  save: "Keeping it",
};

let watching = new AbortController();

/** Stop looking at whatever job is being watched; the job goes on. */
export function lookAway() {
  watching.abort();
  show("progress", false);
}

/** Show how a job goes until it has ended; returns it. Throws if it cannot be asked for, or on lookAway. */
export async function watch(jobId) {
  lookAway();
  const mine = (watching = new AbortController());
  let due = null;
  const tick = setInterval(() => tellEta(due), 250);
  $("cancel").onclick = () => cancel(jobId);
  $("cancel").disabled = false;
  say("job-error", null);
  tell({ status: "queued" });
  work();
  show("progress");
  try {
    const job = await follow(
      jobId,
      (event) => {
        tell(event);
        if (!event.lost) due = event.eta_s == null ? null : performance.now() / 1000 + event.eta_s;
        tellEta(due);
      },
      mine.signal,
    );
    return job;
  } finally {
    clearInterval(tick);
    if (mine === watching) show("progress", false);
  }
}

async function cancel(jobId) {
  $("cancel").disabled = true;
  $("doing").textContent = "Canceling";
  try {
    await post(`/jobs/${jobId}/cancel`);
  } catch (problem) {
    if (problem.code !== "conflict") say("job-error", problem.message);
    $("cancel").disabled = false;
  }
}

function tell({ status, progress, lost }) {
  if (lost) {
    $("doing").textContent = "The service does not answer; trying again";
    return;
  }
  if (ended(status)) return;
  const { phase, step, total, percent, preview_url: preview } = progress ?? {};
  const doing = status === "queued" ? "Waiting for its turn" : (DOING[phase] ?? "Beginning");
  if (!$("cancel").disabled && $("doing").dataset.said !== doing) $("doing").textContent = doing;
  $("doing").dataset.said = doing;
  $("doing").dataset.step = total > 1 ? `${step} of ${total}` : "";
  const bar = $("bar");
  bar.classList.toggle("unknown", percent == null);
  if (percent == null) bar.removeAttribute("aria-valuenow");
  else bar.setAttribute("aria-valuenow", Math.round(percent));
  bar.firstElementChild.style.inlineSize = `${percent ?? 0}%`;
  if (preview) showPreview(preview);
}

function tellEta(due) {
  const left = due == null ? null : Math.max(0, due - performance.now() / 1000);
  $("eta").textContent = left == null ? "" : left < 1 ? "almost done" : `${seconds(left)} left`;
}
