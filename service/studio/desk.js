import { get, send } from "./api.js";
import * as brush from "./brush.js";
import { $, attempt, say, show, toast } from "./dom.js";
import * as edit from "./edit.js";
import { ended } from "./events.js";
import * as facts from "./facts.js";
import * as history from "./history.js";
import * as jobs from "./jobs.js";
import { hideOutcome, showOutcome, working } from "./outcome.js";
import { onStage } from "./pictures.js";
import { plainly } from "./problems.js";
import { meter } from "./progress.js";
import * as settings from "./settings.js";
import * as shelf from "./shelf.js";
import * as source from "./source.js";
import * as stage from "./stage.js";
import { further } from "./take.js";

let image = null;
let chosen = null; // the edit on the stage, by its job's id
let shown = null; // the meter under the stage

/** Whether an image of the service is shown. */
export const isOpen = () => image !== null;

/** Where one is: `#image` or `#image/job`, so that a reload finds everything again. */
export const place = () => location.hash.slice(1).split("/");
const goTo = (...parts) => window.history.replaceState(null, "", `#${parts.filter(Boolean).join("/")}`);

/** Show where a picture can be dropped, and those that were. */
export function home() {
  [image, chosen, shown] = [null, null, null];
  document.title = "Pentimento";
  jobs.lookAway();
  brush.close();
  hideOutcome();
  say("job-error", null);
  edit.forget();
  for (const id of ["another", "facts", "history", "progress"]) show(id, false);
  for (const id of ["source", "paint"]) show(id);
  shelf.load();
}

/** Show an image and, if it names one, an edit of it; all that is under way is followed. */
export async function open(imageId, jobId) {
  for (const id of ["notice", "job-error"]) say(id, null);
  jobs.lookAway();
  hideOutcome();
  [chosen, shown] = [null, null];
  try {
    const [found, models] = await Promise.all([source.record(imageId), get("/models")]);
    image = facts.own(found);
    settings.serve(models);
  } catch (problem) {
    leave();
    say("notice", problem.message);
    return;
  }
  for (const id of ["source", "paint", "shelf"]) show(id, false);
  show("another");
  stage.fit(image.width, image.height);
  paintFacts();
  if (image.status === "failed") return failed();
  const known = await history.load(imageId, { choose, reuse, further: editFurther, cancel, explain: plainly });
  if (image?.id !== imageId) return;
  let job = known.find((other) => other.id === jobId) ?? known.find((other) => !ended(other.status));
  if (jobId && job?.id !== jobId) job = (await attempt(() => get(`/jobs/${jobId}`))) ?? job;
  if (image.status === "pending") jobs.watch(image.job_id, true);
  for (const other of known.filter(({ status }) => !ended(status)).reverse()) jobs.watch(other.id);
  const asked = job && history.asAsked(job);
  if (asked?.inversion) turn(facts.taken(image, asked.inversion));
  edit.begin(image, asked);
  edit.focus();
  if (job) await choose(job, { fill: false });
  else await showSource();
}

async function failed() {
  for (const id of ["edit", "history", "progress"]) show(id, false);
  if (image.method !== "painted") await stage.showSource(onStage(image.source_url, image), image.prompt);
  say("job-error", image.error ? plainly(image.error) : "Preparing it was canceled.");
}

function paintFacts() {
  facts.paint(image, (used) => {
    turn(used);
    edit.turn(image);
  });
}

/** Let edits take another inversion of the image. */
function turn(used) {
  image = facts.by(image, used);
  paintFacts();
}

/** Put the source on the stage; previews of a job that is under way will cover it. */
async function showSource() {
  if (image.status === "pending" && image.method === "painted") {
    stage.showNothing();
    return paintProgress();
  }
  const edited = chosen && !ended(history.find(chosen)?.status);
  await stage.showSource(edited ? working(image) : onStage(image.source_url, image), image.prompt);
  paintProgress();
}

/** The job whose progress the stage shows: that of the edit, or of the picture that it waits for. */
function underWay() {
  const waits = !chosen || jobs.state(chosen).status === "queued";
  if (image?.status === "pending" && waits) return image.job_id;
  return chosen && jobs.isWatched(chosen) ? chosen : null;
}

function paintProgress() {
  const jobId = underWay();
  show("progress", Boolean(jobId));
  if (!jobId) return;
  if (shown?.of !== (chosen ?? jobId)) {
    const of = chosen ?? jobId;
    shown = { of, ...meter("Progress", () => cancel(of)) };
    shown.doing.setAttribute("aria-live", "polite");
    $("progress").replaceChildren(shown.root);
    stage.work();
  }
  const canceling = jobs.state(shown.of).canceling;
  shown.paint({ ...jobs.state(jobId), canceling });
  const preview = jobs.state(jobId).progress?.preview_url;
  if (preview) stage.showPreview(preview, () => underWay() === jobId);
}

/** A job has gone on. */
export function heard(jobId) {
  history.told(jobId);
  if (jobId === underWay()) paintProgress();
}

/** A job has ended, or cannot be followed. */
export async function over(jobId, job, trouble) {
  if (!job) return say("notice", trouble.message);
  if (job.kind === "edit") history.note(job);
  if (image && jobId === image.job_id) return prepared(image.id);
  if (jobId === chosen) await present(job);
}

async function prepared(imageId) {
  const found = await attempt(() => source.record(imageId));
  if (!found || image?.id !== imageId) return;
  image = facts.by(found, facts.taken(facts.own(found), image.used));
  paintFacts();
  if (image.status === "failed") return failed();
  edit.renew(image);
  if (chosen && ended(history.find(chosen)?.status)) return;
  shown = null;
  await showSource();
}

/** Put an edit on the stage: as it goes if it is under way, what it made if it has ended. */
async function choose(job, { fill = true } = {}) {
  if (image?.id !== job.image_id) return;
  chosen = job.id;
  goTo(image.id, job.id);
  if (fill) takeOver(job);
  if (!history.find(job.id)) history.note(job);
  history.select(job.id);
  hideOutcome();
  say("job-error", null);
  stage.reveal();
  if (ended(job.status)) return present(job);
  jobs.watch(job.id, true);
  shown = null;
  await showSource();
}

async function present(job) {
  show("progress", false);
  if (job.status === "succeeded") return showOutcome(image, job, editFurther);
  await stage.showSource(working(image), image.prompt);
  if (chosen !== job.id) return;
  if (!job.error) return say("job-error", job.status === "aborted" ? "It timed out." : "Canceled. Nothing of it is kept.");
  const why = plainly(job.error);
  if (!edit.complain(job.error, why)) {
    say("edit-error", null);
    say("job-error", why);
  }
}

/** Write the request of an edit into the form, with the inversion that it took. */
function takeOver(job) {
  const asked = history.asAsked(job);
  if (asked.inversion) turn(facts.taken(image, asked.inversion));
  edit.reuse(image, asked);
}

function reuse(job) {
  takeOver(job);
  $("target").focus();
}

/** An edit was accepted: of the image that is shown, or of one that came with it. */
export async function accepted(answer) {
  if (image?.id !== answer.image_id) {
    location.hash = `${answer.image_id}/${answer.job_id}`;
    return;
  }
  const known = history.find(answer.job_id);
  if (known) return choose(known, { fill: false });
  const job = await attempt(() => get(`/jobs/${answer.job_id}`));
  if (!job || image?.id !== job.image_id) return;
  const busy = chosen && jobs.isWatched(chosen);
  history.note(job);
  if (!busy) return choose(job, { fill: false });
  jobs.watch(job.id);
  toast("Added; it comes after the others");
}

const cancel = (jobId) => attempt(() => jobs.cancel(jobId));

/** Edit a result in its turn: it becomes an image of its own, at its full size. */
async function editFurther(job, index) {
  const answer = await attempt(() => further(job, index));
  if (answer) location.hash = answer.image_id;
}

/** Delete the image, once the person is sure. */
export async function remove() {
  const dialog = $("sure");
  dialog.returnValue = "";
  dialog.showModal();
  await new Promise((done) => dialog.addEventListener("close", done, { once: true }));
  if (dialog.returnValue !== "yes") return;
  const gone = await attempt(() => send(`/images/${image.id}`, { method: "DELETE", patient: false }));
  if (gone) leave();
}

/** Go home. */
export function leave() {
  goTo();
  source.reset();
  home();
}

/** Offer to prepare the picture again, otherwise. */
export async function differently() {
  const known = image;
  leave();
  await attempt(() => source.again(known));
}
