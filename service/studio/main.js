import { get, postJson, send } from "./api.js";
import { $, choices, day, describe, say, seconds, show } from "./dom.js";
import * as edit from "./edit.js";
import { ended } from "./events.js";
import * as history from "./history.js";
import { introduce, warn } from "./models.js";
import { decibels, hideOutcome, showOutcome } from "./outcome.js";
import { lookAway, watch } from "./progress.js";
import * as shelf from "./shelf.js";
import * as source from "./source.js";
import * as stage from "./stage.js";

let image = null;

/** Where one is: `#image` or `#image/job`, so that a reload finds everything again. */
const place = () => location.hash.slice(1).split("/");
const goTo = (...parts) => window.history.replaceState(null, "", `#${parts.filter(Boolean).join("/")}`);

function home() {
  image = null;
  document.title = "Pentimento";
  lookAway();
  hideOutcome();
  say("job-error", null);
  for (const id of ["another", "facts", "edit", "history"]) show(id, false);
  show("source");
  shelf.load();
}

/** Show an image and, if it names one, an edit of it; what is under way is followed. */
async function open(imageId, jobId) {
  say("notice", null);
  say("job-error", null);
  lookAway();
  hideOutcome();
  try {
    const [found, models] = await Promise.all([source.record(imageId), get("/models")]);
    image = own(found);
    edit.serve(models);
  } catch (problem) {
    leave();
    say("notice", problem.message);
    return;
  }
  for (const id of ["source", "shelf"]) show(id, false);
  show("another");
  stage.fit(image.width, image.height);
  const shown = stage.showSource(image.source_url, image.prompt);
  if (image.status === "pending") {
    paintFacts();
    edit.begin(image);
    edit.allow(false, false);
    show("history", false);
    await shown;
    await invert(imageId);
    return;
  }
  await inverted(jobId);
}

async function invert(imageId) {
  const job = await attempt(() => watch(image.job_id));
  if (!job || image.id !== imageId) return;
  image = own(await source.record(imageId));
  await inverted();
}

/** The image as one of its inversions has it; one that an edit made shows the same picture as the image's own. */
function by(found, used) {
  const { prompt, method, steps, params } = used;
  return { ...found, used, prompt, method, steps, params, result: used.result ?? found.result };
}

const own = (found) => by(found, found.inversions.find((each) => each.own));

/** Let edits take another inversion of the image. */
function turn(used) {
  image = by(image, used);
  paintFacts();
}

/** Ask for an edit again, of the inversion that it took. */
function reuse({ request }) {
  const same = (each) => ["method", "steps", "prompt", "params"].every((name) => equal(each[name], request.inversion[name]));
  turn(image.inversions.find(same) ?? { ...image.used, id: null, result: null, ...request.inversion });
  edit.reuse(image, request);
}

function equal(one, other) {
  if (one === null || typeof one !== "object") return one === other;
  return JSON.stringify(Object.entries(one).sort()) === JSON.stringify(Object.entries(other ?? {}).sort());
}

/** The inversion has ended, well or badly. */
async function inverted(jobId) {
  paintFacts();
  if (image.status === "failed") {
    show("edit", false);
    show("history", false);
    await stage.showSource(image.source_url, image.prompt);
    say("job-error", image.error?.detail ?? "The inversion was canceled.");
    return;
  }
  await stage.showSource(image.result.source_url, image.prompt);
  const jobs = await history.load(image.id, { choose: follow, reuse });
  const job = jobs.find((other) => other.id === jobId) ?? jobs.find((other) => !ended(other.status));
  edit.begin(image, job?.request);
  edit.allow(true, false);
  edit.focus();
  if (job) await follow(job);
  else if (jobId) await attempt(async () => follow(await get(`/jobs/${jobId}`)));
}

/** Show an edit: as it goes if it is under way, what it made if it has ended. */
async function follow(job) {
  const mine = image;
  goTo(mine.id, job.id);
  history.note(job);
  history.select(job.id);
  hideOutcome();
  say("job-error", null);
  stage.reveal();
  if (!ended(job.status)) {
    edit.allow(true, true);
    await stage.showSource(mine.result.source_url, mine.prompt);
    const done = await attempt(() => watch(job.id));
    if (!done || image?.id !== mine.id || place()[1] !== job.id) return;
    job = done;
    history.note(job);
  }
  edit.allow(true, false);
  if (job.status === "succeeded") return showOutcome(mine, job, further);
  await stage.showSource(mine.result.source_url, mine.prompt);
  if (job.error && !edit.complain(job.error)) {
    say("edit-error", null);
    say("job-error", job.error.detail);
  } else if (!job.error) say("job-error", "Canceled. Nothing of it is kept.");
}

/** Edit a result in its turn: it becomes an image of its own, at its full size. */
async function further(job, index) {
  const accepted = await attempt(() => postJson("/images", { from_result: { job_id: job.id, index } }));
  if (accepted) location.hash = accepted.image_id;
}

/** Do it; what goes wrong is said above the page, unless one has gone elsewhere meanwhile. */
async function attempt(action) {
  try {
    return await action();
  } catch (problem) {
    if (problem.name !== "AbortError") say("notice", problem.message);
    return null;
  }
}

function paintFacts() {
  document.title = `${image.prompt} · Pentimento`;
  $("said").textContent = image.prompt;
  const { used } = image;
  const made = used.result;
  const offered = image.inversions.filter((each) => each.own || (each.status === "ready" && !each.region));
  const named = offered.map((each) => ({ name: each.id, label: `${each.method}, ${each.steps} steps` }));
  choices($("inversions"), named, used.id, (id) => {
    turn(offered.find((each) => each.id === id));
    edit.turn(image);
  });
  show("inversions", offered.length > 1);
  describe($("facts-figures"), [
    ["Inversion", image.method],
    ["Steps", String(image.steps)],
    ["Fidelity", made && decibels(made.psnr), "PSNR of what the model makes of the inversion, against the source"],
    ["Kept until", day(image.expires_at), "Every use puts this off."],
    ["Took", made && `${seconds(made.seconds)}${made.cached ? ", cached" : ""}`],
  ]);
  warn("facts-doubts", made?.warnings ?? []);
  show("facts");
}

async function remove() {
  const dialog = $("sure");
  dialog.returnValue = "";
  dialog.showModal();
  await new Promise((done) => dialog.addEventListener("close", done, { once: true }));
  if (dialog.returnValue !== "yes") return;
  const gone = await attempt(() => send(`/images/${image.id}`, { method: "DELETE" }));
  if (gone) leave();
}

function leave() {
  goTo();
  source.reset();
  home();
}

async function differently() {
  const known = image;
  leave();
  await attempt(() => source.again(known));
}

async function arrive() {
  const [imageId, jobId] = place();
  await attempt(async () => (imageId ? open(imageId, jobId) : leave()));
}

async function start() {
  stage.enable();
  const methods = await attempt(() => get("/methods"));
  if (!methods) return;
  attempt(introduce);
  source.enable(methods, () => image && leave(), (accepted) => (location.hash = accepted.image_id));
  edit.enable(methods, (accepted) => attempt(async () => follow(await get(`/jobs/${accepted.job_id}`))));
  $("another").addEventListener("click", (event) => {
    event.preventDefault();
    leave();
  });
  $("delete").addEventListener("click", remove);
  $("differently").addEventListener("click", differently);
  window.addEventListener("hashchange", arrive);
  if (place()[0]) return arrive();
  home();
  await source.catchUp();
}

start();
