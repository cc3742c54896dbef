import { base, get, keyed } from "./api.js";
import { copy } from "./clipboard.js";
import { $, element, say, seconds, show } from "./dom.js";
import { ended } from "./events.js";
import * as jobs from "./jobs.js";
import { put, putFresh, thumbnail } from "./pictures.js";
import { meter } from "./progress.js";
import { curl, python } from "./snippets.js";
import { takings } from "./take.js";

const PAGE = 24;
const WIDTH = 320;
const STATES = { queued: "Waiting", processing: "Under way", canceled: "Canceled", aborted: "Timed out" };

let list = [];
let cursor = null;
let on = { choose: () => {}, reuse: () => {}, further: () => {}, cancel: () => {} };
let selected = null;
const cards = new Map(); // by job id
const posted = new Map(); // what was asked for, by job id; this tab keeps it over a reload

const kept = (jobId) => `pentimento.asked.${jobId}`;
const asked = (jobId) => posted.get(jobId) ?? sessionStorage.getItem(kept(jobId));

/** What an edit is to show: a sentence for each of its pictures. */
export const sentences = ({ request }) => request.prompts ?? [request.prompt ?? ""];

/** The edits of this image, newest first, as many as a page holds. */
export async function load(imageId, listeners) {
  on = listeners;
  [list, cursor, selected] = [[], null, null];
  cards.clear();
  $("edits").replaceChildren();
  $("older").onclick = () => page(imageId);
  await page(imageId);
  return list;
}

/** Keep in mind what was asked for when this job was made. */
export function remember(jobId, request) {
  posted.set(jobId, JSON.stringify(request));
  try {
    sessionStorage.setItem(kept(jobId), posted.get(jobId));
  } catch {
    // There is no more room: it is known until the page is left.
  }
}

/** The job that was made for the very same, which would come out the same again. */
export const same = (request) =>
  list.find(({ id, status }) => asked(id) === JSON.stringify(request) && (!ended(status) || status === "succeeded"));

/** What was asked for; where that is not known any more, what the service chose is its to choose again. */
export function asAsked({ id, request, result }) {
  if (asked(id)) return JSON.parse(asked(id));
  if (!result?.chosen) return request;
  const inversion = result.chosen.kept ? request.inversion : undefined;
  return { ...request, method: "auto", params: undefined, inversion, guidance_scale: null };
}

/** The job of this id, as it is known here. */
export const find = (jobId) => list.find((job) => job.id === jobId);

/** Put a job among the others as it stands now. */
export function note(job) {
  const at = list.findIndex((other) => other.id === job.id);
  if (at >= 0) list[at] = job;
  else list.unshift(job);
  const old = cards.get(job.id)?.root;
  const made = card(job);
  if (old) old.replaceWith(made);
  else $("edits").prepend(made);
  select(selected);
  show("history");
}

/** Show how a job goes on its own card. */
export function told(jobId) {
  const mine = cards.get(jobId);
  if (!mine?.meter) return;
  const state = jobs.state(jobId);
  mine.meter.paint(state);
  const preview = state.progress?.preview_url;
  if (preview && mine.shown !== preview && !mine.fetching) {
    [mine.shown, mine.fetching] = [preview, true];
    const image = element("img", { alt: "" });
    putFresh(image, preview, () => cards.get(jobId) === mine)
      .then(() => image.src && mine.thumb.replaceChildren(image), () => {})
      .finally(() => (mine.fetching = false));
  }
}

/** Mark the edit that is on the stage. */
export function select(jobId) {
  selected = jobId;
  for (const [id, { root }] of cards) {
    root.toggleAttribute("data-selected", id === jobId);
    root.querySelector(".open").setAttribute("aria-pressed", String(id === jobId));
  }
}

async function page(imageId) {
  say("history-error", null);
  try {
    const after = cursor ? `&cursor=${encodeURIComponent(cursor)}` : "";
    const found = await get(`/jobs?image_id=${imageId}&kind=edit&limit=${PAGE}${after}`);
    const more = found.jobs.filter((job) => !find(job.id));
    list.push(...more);
    $("edits").append(...more.map(card));
    cursor = found.next_cursor;
  } catch (problem) {
    say("history-error", problem.message);
  }
  show("history", list.length > 0 || !$("history-error").hidden);
  show("older", Boolean(cursor));
  select(selected);
}

function card(job) {
  const made = job.result?.images ?? [];
  const lines = sentences(job);
  const thumb = element("span", { class: "thumb", "data-count": made.length > 1 ? Math.min(made.length, 4) : null });
  for (const { url } of made.slice(0, 4)) {
    const image = element("img", { alt: "", loading: "lazy" });
    put(image, thumbnail(url, WIDTH)).catch(() => image.remove());
    thumb.append(image);
  }
  const open = element(
    "button",
    { type: "button", class: "open", click: () => on.choose(find(job.id)) },
    thumb,
    element("span", { class: "prompt" }, ...lines.map((line) => element("span", {}, line))),
  );
  const going = ended(job.status) ? null : meter(lines.join(" / "), () => on.cancel(job.id));
  const note = going?.root ?? element("p", { class: job.error ? "error" : "soft" }, job.error ? on.explain(job.error) : outline(job));
  const root = element("li", { "data-job": job.id, "data-status": job.status }, open, note, actions(job, made));
  cards.set(job.id, { root, thumb, meter: going });
  going?.paint(jobs.state(job.id));
  return root;
}

function actions(job, made) {
  const of = sentences(job).join(" / ");
  const small = (label, click, what = of) =>
    element("button", { type: "button", class: "link", click, "aria-label": `${label}: ${what}` }, label);
  const takes = (one, at) => [...takings(one, { brief: true }), small("Edit this one", () => on.further(job, at), one.prompt)];
  const copies = element(
    "details",
    { class: "more" },
    element("summary", { "aria-label": `Code: ${of}` }, "Code"),
    element(
      "div",
      { class: "actions" },
      small("Copy as curl", () => copy(curl(origin(), job.request, keyed()), "curl")),
      small("Copy as Python", () => copy(python(origin(), job.request), "Python")),
    ),
  );
  return element(
    "div",
    { class: "actions" },
    small("Use again", () => on.reuse(find(job.id))),
    ...(made.length === 1 ? takes(made[0], 0) : []),
    made.length > 1 ? each(made, takes) : null,
    copies,
  );
}

/** What can be done with each of several pictures. */
function each(made, takes) {
  const rows = made.map((one, at) =>
    element("div", {}, element("span", { class: "prompt" }, one.prompt), element("div", { class: "actions" }, ...takes(one, at))),
  );
  const all = made.map(({ prompt }) => prompt).join(" / ");
  return element("details", { class: "more each" }, element("summary", { "aria-label": `Each picture: ${all}` }, "Each picture"), ...rows);
}

const origin = () => base.href.replace(/\/$/, "");

function outline(job) {
  if (job.status !== "succeeded") return STATES[job.status];
  const { timings } = job.result;
  return [summary(job.request), seconds(timings.source + timings.edit + timings.save)].filter(Boolean).join(" · ");
}

function summary({ params: { blend_words: blend, subtract_words: keep = [], reweight = {} }, mask }) {
  const where = mask ? "only what was painted" : blend === "changed" ? "only what changes" : blend?.length ? `only ${blend.join(", ")}` : null;
  const weights = Object.entries(reweight).map(([word, factor]) => `${word} ×${factor}`);
  return [where, keep.length ? `keeps ${keep.join(", ")}` : null, ...weights].filter(Boolean).join(" · ");
}
