import { postJson } from "./api.js";
import * as brush from "./brush.js";
import { $, say, show, submitOnEnter, toast } from "./dom.js";
import * as examples from "./examples.js";
import * as guidance from "./guidance.js";
import * as history from "./history.js";
import { warn } from "./models.js";
import * as sentences from "./sentences.js";
import * as settings from "./settings.js";
import * as source from "./source.js";
import * as weights from "./weights.js";
import * as words from "./words.js";

const ERRORS = ["target-error", "blend-error", "controls-error", "weights-error", "style-error", "edit-error"];

const LARGER = 2; // than the model's pictures, from where on it sees less than half of an image's detail

let image = null; // an image of the service, or a draft: a picture that is to be sent along
let coming = null; // the id that a draft has got, until it is opened
let typed = false; // whether something was set that no job has
let aside = null;
let region = "auto";
let latest = null; // the words as they were compared last

const draftKey = () => `pentimento.draft.${image.id ?? coming}`;

/** Let edits be asked for; `accepted` gets the service's answers. */
export function enable(known, accepted) {
  settings.enable(known, changed, (schema) => {
    weights.suit(schema);
    guidance.suit(schema);
    if (latest) sentences.again();
  });
  sentences.enable();
  $("target").addEventListener("input", changed);
  $("aside").addEventListener("click", () => fill(aside));
  submitOnEnter($("target"));
  $("edit").addEventListener("submit", async (event) => {
    event.preventDefault();
    const answer = await ask();
    if (answer) accepted(answer);
  });
}

/** Offer edits of this image, beginning with what was last written for it here, else with this request. */
export function begin(chosen, asked) {
  const written = image?.id === null && typed ? request() : null; // while the picture was on its way
  const { value, selectionStart: start, selectionEnd: end } = $("target");
  [image, coming] = [chosen, null];
  const draft = written ?? JSON.parse(sessionStorage.getItem(draftKey()) ?? "null");
  fill(draft ?? asked ?? { prompt: image.prompt });
  typed = Boolean(draft);
  if (written) {
    $("target").value = value; // to the space, and where it goes on
    $("target").setSelectionRange(start, end);
    keepDraft();
  }
  show("edit");
}

/** The draft was accepted under this id; what is written for it is kept from now on. */
export function arriving(id) {
  coming = id;
  if (image && !image.id && typed) keepDraft();
}

/** Forget the image. */
export function forget() {
  [image, coming, typed] = [null, null, false];
  show("edit", false);
}

/** Offer edits of a picture that is not the service's yet; what was written before stays. */
export function describe(draft, { anew = false } = {}) {
  const written = $("target").value;
  const mirrored = anew || !image || image.id || written === image.prompt;
  const asked = anew || image?.id !== null ? {} : request();
  if (anew) coming = null;
  const same = !anew && image?.id === null && image.method === draft.method && image.model === draft.model;
  image = draft;
  if (!same) fill({ ...asked, prompt: mirrored ? draft.prompt : written, prompts: undefined });
  else if (mirrored) $("target").value = draft.prompt;
  sentences.against(draft.prompt);
  examples.suggest($("ideas"), draft.prompt, write);
  show("edit");
}

/** Put another sentence into the field. */
export function write(sentence) {
  $("target").value = sentence;
  $("target").dispatchEvent(new Event("input"));
  $("target").focus({ preventScroll: true });
}

/** Ask for what stands in the form. */
export const submit = () => $("edit").requestSubmit($("go"));

/** Take over a request as it was made; what was being written can be had back. */
export function reuse(chosen, asked) {
  const mine = typed ? request() : null;
  image = chosen;
  fill(asked);
  changed();
  typed = false;
  aside = mine;
  show("aside", Boolean(aside));
}

/** Let the image be edited as another of its inversions has it, as asked by now. */
export function turn(chosen) {
  const asked = request();
  image = chosen;
  fill(asked);
  changed();
}

/** Know the image as it is by now; the form stays as it is. */
export const renew = (known) => (image = known);

/** Go on in the field for the target, unless one is elsewhere or would type on glass. */
export function focus() {
  if (document.activeElement === document.body && matchMedia("(pointer: fine)").matches) $("target").focus({ preventScroll: true });
}

/** Say what is wrong where it can be mended; returns whether there is such a place. */
export function complain(problem, words) {
  const id = place(problem);
  say(id, words);
  const details = $(id).closest("details");
  if (details) details.open = true;
  return id !== "edit-error";
}

function fill(asked) {
  for (const id of [...ERRORS, "chosen"]) say(id, null);
  latest = null;
  aside = null;
  show("aside", false);
  settings.begin(image, asked);
  words.begin(asked.params, isWide, changed);
  weights.begin(asked.params, changed);
  guidance.begin(asked, changed);
  region = asked.region ?? "auto";
  $("close-up").checked = Boolean(asked.region);
  $("close-up").onchange = changed;
  show("close-up-label", Boolean(asked.region) || settings.seesWords() && Math.min(image.width, image.height) > LARGER * settings.modelOf(image)?.size);
  if (image.width) brush.begin(image.width, image.height, asked.mask);
  examples.suggest($("ideas"), image.prompt, write);
  const lines = asked.prompts?.join("\n") ?? asked.prompt ?? image.prompt;
  sentences.begin(image.prompt, lines, (compared) => {
    latest = compared;
    offer();
    weights.offer(compared);
    const old = compared.source.map((word) => word.text.toLowerCase());
    warn("target-doubts", compared.warnings.filter(({ word }) => !old.includes(word?.toLowerCase())));
  });
}

/** Offer the words that were compared last, with what the service would choose for them where that is its to choose. */
function offer() {
  const chosen = settings.isAuto() ? latest.chosen : null;
  words.offer({ ...latest, chosen }, settings.seesWords());
  say("chosen", chosen?.why);
}

/** Whether a word is of the whole picture, as styles and backgrounds are, as far as the model says. */
function isWide(word) {
  const { styles = [], backgrounds = [] } = settings.modelOf(image)?.knows ?? {};
  return [...styles, ...backgrounds].some((name) => name.split(" ").some((part) => words.same(part, word)));
}

/** Something was set or painted. */
export function changed() {
  for (const id of ERRORS.slice(1)) say(id, null);
  typed = true;
  if (image.id ?? coming) keepDraft();
}

const keepDraft = () => sessionStorage.setItem(draftKey(), JSON.stringify(request()));

function request() {
  const { blend_words: blend, decided, subtract_words: keep } = words.chosen();
  const { method, params: set, ...preset } = settings.chosen();
  const reweight = weights.chosen();
  const { scale, negative, look } = guidance.chosen();
  const asked = sentences.targets();
  const painted = brush.mask();
  const { method: inverter, steps, params: learned, prompt } = image.used;
  return {
    ...(image.id && { image_id: image.id }),
    inversion: { method: inverter, steps, ...(image.id && { prompt }), params: learned },
    ...(asked.length > 1 ? { prompts: asked } : { prompt: asked[0] ?? "" }),
    method,
    params: {
      ...set,
      ...(settings.seesWords() && { attention: true }),
      ...((decided || !settings.isAuto()) && { blend_words: blend }),
      ...(keep.length && { subtract_words: keep }),
      ...(Object.keys(reweight).length && { reweight }),
      ...(look && { value_prompt: look }),
    },
    ...preset,
    ...(painted && { mask: painted }),
    ...($("close-up").checked && { region }),
    ...(negative && { negative_prompt: negative }),
    ...(scale !== null && { guidance_scale: scale }),
  };
}

async function ask() {
  for (const id of ERRORS) say(id, null);
  if (!image.id && !source.described()) return null;
  await sentences.settled();
  const { reweight, value_prompt: look } = request().params;
  const wrong = sentences.targets().length ? sentences.trouble() : "Say what it should show.";
  if (wrong && !(sentences.targets().length && (reweight || look))) {
    say("target-error", wrong);
    $("target").focus();
    return null;
  }
  brush.close();
  if (!image.id) image = source.draft();
  const asked = request();
  const earlier = history.same(asked);
  if (earlier) {
    toast("That edit is there already");
    return { image_id: image.id, job_id: earlier.id };
  }
  $("go").disabled = true;
  const [described, mine] = [image.used.prompt, typed];
  typed = false;
  let answer = null;
  try {
    answer = await (image.id ? postJson("/edit", asked) : source.sendAlong(asked));
    if (answer) history.remember(answer.job_id, known(answer.image_id, described, asked));
    return answer;
  } catch (problem) {
    complain(problem, problem.message);
    return null;
  } finally {
    if (!answer) typed ||= mine;
    $("go").disabled = false;
  }
}

/** A request for a picture that was sent along, as it would be for the image that it has become. */
function known(id, described, asked) {
  const { method, steps, params } = asked.inversion;
  return { image_id: id, ...asked, inversion: { method, steps, prompt: described, params } };
}

function place(problem) {
  const loc = problem.errors?.[0]?.loc ?? [];
  const name = problem.parameter ?? (loc[0] === "params" ? loc[1] : loc[0]) ?? "";
  if (problem.code === "empty_mask") return "blend-error";
  if (problem.code === "unknown_word") return problem.word in weights.chosen() ? "weights-error" : "blend-error";
  const ofTarget = ["prompts_do_not_align", "prompt_too_long"].includes(problem.code);
  if (settings.has(name.split(".")[0])) return "controls-error";
  const known = Object.keys(PLACES).find((id) => PLACES[id].includes(name));
  return known ?? (ofTarget ? "target-error" : "edit-error");
}

const PLACES = {
  "target-error": ["prompt", "prompts"],
  "style-error": ["guidance_scale", "negative_prompt", "value_prompt"],
  "weights-error": ["reweight"],
  "blend-error": ["blend_words", "subtract_words", "mask", "region"],
};
