import { get, keyed } from "./api.js";
import { copy } from "./clipboard.js";
import { $, element, say, seconds, show } from "./dom.js";
import { ended } from "./events.js";
import { put } from "./pictures.js";
import { curl, python } from "./snippets.js";

const PAGE = 24;
const STATES = { queued: "waiting", processing: "under way", canceled: "canceled", aborted: "given up" };

let jobs = [];
let cursor = null;
let choosing = () => {};
let reusing = () => {};
let selected = null;

/** The edits of this image, newest first, as many as a page holds. */
export async function load(imageId, { choose, reuse }) {
  [choosing, reusing] = [choose, reuse];
  [jobs, cursor, selected] = [[], null, null];
  $("older").onclick = () => page(imageId);
  await page(imageId);
  return jobs;
}

/** Put a job among the others as it stands now. */
export function note(job) {
  const at = jobs.findIndex((other) => other.id === job.id);
  if (at >= 0) jobs[at] = job;
  else jobs.unshift(job);
  paint();
}

/** Mark the edit that is on the stage. */
export function select(jobId) {
  selected = jobId;
  for (const card of $("edits").children) card.toggleAttribute("data-selected", card.dataset.job === jobId);
}

async function page(imageId) {
  say("history-error", null);
  try {
    const after = cursor ? `&cursor=${encodeURIComponent(cursor)}` : "";
    const list = await get(`/jobs?image_id=${imageId}&kind=edit&limit=${PAGE}${after}`);
    jobs.push(...list.jobs.filter((job) => !jobs.some((other) => other.id === job.id)));
    cursor = list.next_cursor;
  } catch (problem) {
    say("history-error", problem.message);
  }
  paint();
}

function paint() {
  $("edits").replaceChildren(...jobs.map(card));
  show("history", jobs.length > 0 || !$("history-error").hidden);
  show("older", Boolean(cursor));
  select(selected);
}

function card(job) {
  const made = job.result?.images[0];
  const prompt = job.request.prompt ?? job.request.prompts?.join(" / ") ?? "";
  const picture = element("span", { class: "thumb" });
  if (made) {
    const image = element("img", { alt: "", loading: "lazy" });
    put(image, made.url).catch(() => image.remove());
    picture.append(image);
  }
  const open = element(
    "button",
    { type: "button", class: "open", click: () => choosing(job), disabled: ended(job.status) && !made },
    picture,
    element("span", { class: "prompt" }, prompt),
  );
  const note = job.error ? element("p", { class: "error" }, job.error.detail) : element("p", { class: "soft" }, told(job));
  const small = (label, click) => element("button", { type: "button", class: "link", click }, label);
  const actions = element(
    "p",
    { class: "actions" },
    small("Copy as curl", () => copy(curl(location.origin, job.request, keyed()), "curl")),
    small("Copy as Python", () => copy(python(location.origin, job.request), "Python")),
    small("Use again", () => reusing(job)),
  );
  return element("li", { "data-job": job.id, "data-status": job.status }, open, note, actions);
}

function told(job) {
  if (job.status !== "succeeded") return STATES[job.status];
  const { timings, source_cached: cached } = job.result;
  const took = seconds(timings.source + timings.edit + timings.save);
  return [job.request.method, took, cached ? "cached" : null, summary(job.request.params)].filter(Boolean).join(" · ");
}

function summary({ blend_words: blend, reweight = {} }) {
  const where = blend === "changed" ? "only what changes" : blend?.length ? `only ${blend.join(", ")}` : null;
  const weights = Object.entries(reweight).map(([word, factor]) => `${word} ×${factor}`);
  return [where, ...weights].filter(Boolean).join(" · ");
}
