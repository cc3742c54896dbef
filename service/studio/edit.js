import { postJson } from "./api.js";
import { $, choice, choices, say, show, submitOnEnter } from "./dom.js";
import * as ink from "./ink.js";
import * as manner from "./manner.js";
import { warn } from "./models.js";
import * as sliders from "./sliders.js";
import * as words from "./words.js";

const ERRORS = ["target-error", "blend-error", "sliders-error", "weights-error", "manner-error", "edit-error"];

let methods = [];
let imageId = null;
let busy = false;
let ready = false;

const draftKey = () => `pentimento.draft.${imageId}`;
const method = (name) => methods.find((other) => other.name === name);

/** Let edits be asked for; `accepted` gets the service's answers. */
export function enable(known, accepted) {
  methods = known.filter((other) => other.kind === "edit");
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
export function begin(image, request) {
  imageId = image.id;
  const draft = JSON.parse(sessionStorage.getItem(draftKey()) ?? "null");
  fill(image.prompt, draft ?? request ?? { prompt: image.prompt });
  show("edit");
}

/** Take over a request as it was made. */
export function reuse(image, request) {
  fill(image.prompt, request);
  changed();
  $("target").focus();
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
  const named = method(request.method) ?? methods.find((other) => other.default);
  choices($("methods"), methods, named.name, (name) => {
    sliders.begin(sliders.chosen(), method(name).params_schema, changed);
    say("method-hint", method(name).summary);
    changed();
  });
  say("method-hint", named.summary);
  sliders.begin(overrides(request.params, named.params_schema), named.params_schema, changed);
  words.begin(request.params, named.params_schema, changed);
  manner.begin(request, changed);
  ink.begin(prompt, request.prompt ?? request.prompts[0], (compared) => {
    words.offer(compared);
    const old = compared.source.map((word) => word.text.toLowerCase());
    warn("target-doubts", compared.warnings.filter(({ word }) => !old.includes(word.toLowerCase())));
    paintButton();
  });
}

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
  const params = { ...sliders.chosen(), attention: true };
  if (blend) params.blend_words = blend;
  if (Object.keys(reweight).length) params.reweight = reweight;
  const { scale, look } = manner.chosen();
  if (look) params.value_prompt = look;
  const asked = { image_id: imageId, prompt: $("target").value.trim(), method: choice($("methods")), params };
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
  const name = problem.parameter ?? (loc[0] === "params" ? loc.find((part) => part in byName) : loc[0]) ?? "";
  if (problem.code === "unknown_word") {
    const { reweight } = words.chosen();
    return problem.word in reweight ? "weights-error" : "blend-error";
  }
  const ofTarget = ["prompts_do_not_align", "prompt_too_long"].includes(problem.code);
  return byName[name] ?? (ofTarget ? "target-error" : "edit-error");
}

const byName = {
  prompt: "target-error",
  guidance_scale: "manner-error",
  value_prompt: "manner-error",
  reweight: "weights-error",
  blend_words: "blend-error",
  tau_c: "sliders-error",
  tau_s: "sliders-error",
  tau_u: "sliders-error",
  tau_v: "sliders-error",
};
