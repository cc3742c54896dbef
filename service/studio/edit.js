import { get, postJson } from "./api.js";
import { controls } from "./controls.js";
import { $, choice, choices, say, show, submitOnEnter } from "./dom.js";
import * as ink from "./ink.js";
import * as guidance from "./guidance.js";
import { warn } from "./models.js";
import * as words from "./words.js";

const ERRORS = ["target-error", "blend-error", "controls-error", "weights-error", "style-error", "edit-error"];

const ELSEWHERE = ["attention", "blend_words", "reweight", "value_prompt"]; // set by controls of their own

let methods = [];
let models = [];
let drawn = { chosen: () => ({}), has: () => false };
let image = null;
let busy = false;
let region = "auto";
let ready = false;

const draftKey = () => `pentimento.draft.${image.id}`;
const method = (name) => methods.find((other) => other.name === name && other.kind === "edit");

/** The models that are served, for what they take where nothing is set. */
export const serve = (served) => (models = served);

/** Let edits be asked for; `accepted` gets the service's answers. */
export function enable(known, accepted) {
  methods = known;
  ink.enable();
  $("target").addEventListener("input", changed);
  submitOnEnter($("target"));
  $("edit").addEventListener("submit", async (event) => {
    event.preventDefault();
    const answer = await ask();
    if (answer) accepted(answer);
  });
}

/** Offer edits of this image, beginning with what was last written for it here, else with this request. */
export function begin(chosen, request) {
  image = chosen;
  const draft = JSON.parse(sessionStorage.getItem(draftKey()) ?? "null");
  fill(image.prompt, draft ?? request ?? { prompt: image.prompt });
  show("edit");
}

/** Take over a request as it was made. */
export function reuse(chosen, request) {
  image = chosen;
  fill(image.prompt, request);
  changed();
  $("target").focus();
}

/** Let the image be edited as another of its inversions has it, as asked by now. */
export function turn(chosen) {
  const asked = request();
  image = chosen;
  fill(image.prompt, asked);
  changed();
}

/** Go on in the field for the target, unless one is elsewhere or would type on glass. */
export function focus() {
  if (document.activeElement === document.body && matchMedia("(pointer: fine)").matches) $("target").focus({ preventScroll: true });
}

/** Whether the image can be edited, and whether an edit of it is under way. */
export function allow(isReady, isBusy) {
  [ready, busy] = [isReady, isBusy];
  paintButton();
}

/** Say what is wrong where it can be mended; returns whether there is such a place. */
export function complain(problem) {
  const id = place(problem);
  say(id, problem.message ?? problem.detail);
  const details = $(id).closest("details");
  if (details) details.open = true;
  return id !== "edit-error";
}

function fill(prompt, request) {
  for (const id of ERRORS) say(id, null);
  const offered = suitable();
  const named = offered.find((other) => other.name === request.method) ?? offered.find((other) => other.default) ?? offered[0];
  choices($("methods"), offered, named.name, (name) => {
    suit(method(name), drawn.chosen());
    changed();
  });
  $("published").checked = request.preset === "published";
  $("published").onchange = () => {
    draw(method(choice($("methods"))), drawn.chosen());
    changed();
  };
  region = request.region ?? "auto";
  $("close-up").checked = Boolean(request.region);
  $("close-up").onchange = changed;
  offerCloseUp();
  words.begin(request.params, changed);
  guidance.begin(request, changed);
  suit(named, request.params);
  ink.begin(prompt, request.prompt ?? request.prompts[0], (compared) => {
    words.offer(compared);
    const old = compared.source.map((word) => word.text.toLowerCase());
    warn("target-doubts", compared.warnings.filter(({ word }) => !old.includes(word.toLowerCase())));
    paintButton();
  });
}

/** Offer to edit a region where the model sees less than half of the image's detail, or where one was edited. */
async function offerCloseUp() {
  show("close-up-label", $("close-up").checked);
  if (!models.length) models = await get("/models"); // the worker may have come after the page
  const size = models.find((model) => model.name === image.model)?.size;
  if (size && Math.min(image.width, image.height) > 2 * size) show("close-up-label");
}

/** The methods that need no more than the image's inversion gives. */
function suitable() {
  const gives = methods.find((other) => other.kind === "invert" && other.name === image.method)?.gives ?? [];
  return methods.filter((other) => other.kind === "edit" && other.needs.every((need) => gives.includes(need)));
}

/** Offer what this method can be told. */
function suit(named, values) {
  say("method-hint", named.summary);
  $("published").disabled = !Object.keys(named.published).length;
  if ($("published").disabled) $("published").checked = false;
  draw(named, values);
  words.suit(named.params_schema);
  guidance.suit(named.params_schema);
}

function draw(named, values) {
  const own = models.find((model) => model.name === image.model)?.defaults[named.name];
  const { properties } = named.params_schema;
  const published = $("published").checked ? named.published : fillingNull(named.published, properties);
  drawn = controls($("controls"), named.params_schema, {
    values: overrides(values, named.params_schema),
    defaults: $("published").checked ? published : { ...published, ...own },
    skip: ELSEWHERE,
    hint: "controls-hint",
    summary: $("keeping").querySelector("summary"),
    changed,
  });
}

/** Of the published settings, those of parameters that are null by default. */
const fillingNull = (published, properties) =>
  Object.fromEntries(Object.entries(published).filter(([name]) => properties[name]?.default === null));

/** What of the parameters is not as the schema has it anyway. */
function overrides(params, { properties }) {
  const differ = ([name, value]) => JSON.stringify(value) !== JSON.stringify(properties[name]?.default);
  return Object.fromEntries(Object.entries(params ?? {}).filter(differ));
}

function changed() {
  for (const id of ERRORS.slice(1)) say(id, null);
  sessionStorage.setItem(draftKey(), JSON.stringify(request()));
  paintButton();
}

function request() {
  const { blend_words: blend, reweight } = words.chosen();
  const params = { ...drawn.chosen(), attention: true };
  if (blend) params.blend_words = blend;
  if (Object.keys(reweight).length) params.reweight = reweight;
  const { scale, negative, look } = guidance.chosen();
  if (look) params.value_prompt = look;
  const { method, steps, prompt, params: learned } = image.used;
  const asked = {
    image_id: image.id,
    inversion: { method, steps, prompt, params: learned },
    prompt: $("target").value.trim(),
    method: choice($("methods")),
    params,
  };
  if ($("published").checked) asked.preset = "published";
  if ($("close-up").checked && !$("close-up-label").hidden) asked.region = region;
  if (negative) asked.negative_prompt = negative;
  return scale === null ? asked : { ...asked, guidance_scale: scale };
}

async function ask() {
  for (const id of ERRORS) say(id, null);
  $("go").disabled = true;
  await ink.settled();
  try {
    return await postJson("/edit", request());
  } catch (problem) {
    complain(problem);
    return null;
  } finally {
    paintButton();
  }
}

function paintButton() {
  $("go").disabled = !ready || busy || !$("target").value.trim();
  $("go").textContent = busy ? "Editing…" : "Edit";
}

function place(problem) {
  const loc = problem.errors?.[0]?.loc ?? [];
  const name = problem.parameter ?? (loc[0] === "params" ? loc[1] : loc[0]) ?? "";
  if (problem.code === "unknown_word") {
    const { reweight } = words.chosen();
    return problem.word in reweight ? "weights-error" : "blend-error";
  }
  const ofTarget = ["prompts_do_not_align", "prompt_too_long"].includes(problem.code);
  if (drawn.has(name.split(".")[0])) return "controls-error";
  return byName[name] ?? (ofTarget ? "target-error" : "edit-error");
}

const byName = {
  prompt: "target-error",
  guidance_scale: "style-error",
  negative_prompt: "style-error",
  value_prompt: "style-error",
  reweight: "weights-error",
  blend_words: "blend-error",
  region: "blend-error",
};
