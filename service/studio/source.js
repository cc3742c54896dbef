import { get, post, send } from "./api.js";
import { controls } from "./controls.js";
import { $, choice, choices, say, show } from "./dom.js";
import * as examples from "./examples.js";
import { lookUp, offers, warn } from "./models.js";
import { meter } from "./progress.js";
import { empty, showFile } from "./stage.js";

// What every browser shows; of the rest the service alone may be able to make something.
const SHOWN = { "image/png": "PNG", "image/jpeg": "JPEG", "image/webp": "WebP", "image/gif": "GIF", "image/bmp": "BMP", "image/avif": "AVIF" };
const FITS = [
  { name: "crop", label: "Keep its middle", summary: "What is beyond 2:1 is cut off at both ends." },
  { name: "pad", label: "Add white", summary: "All of it stays; white makes it 2:1." },
  { name: "stretch", label: "Squeeze it", summary: "All of it stays, shortened to 2:1." },
];

let file = null;
let size = { width: null, height: null };
let inverters = [];
let drawn = { chosen: () => ({}), has: () => false };
let on = { leave: () => {}, drafted: () => {}, accepted: () => {}, complete: () => {} };
let lookAtWords = () => {};

/**
 * Offer to choose a picture. `leave` is called before one is shown, `drafted` whenever what is to be sent has changed,
 * with whether it is another picture, `accepted` with the service's answer, `complete` with an edit that came with an example.
 */
export function enable(methods, listeners) {
  on = listeners;
  inverters = methods.filter((method) => method.kind === "invert");
  offer(null);
  const explain = (name) => say("fit-hint", FITS.find((fit) => fit.name === name).summary);
  choices($("fits"), FITS, "crop", explain);
  explain("crop");
  examples.offer($("examples"), take);
  $("file").addEventListener("change", (event) => take(event.target.files[0]));
  lookAtWords = lookUp($("prompt"), "prompt-doubts");
  $("prompt").addEventListener("input", () => {
    say("prompt-error", null);
    if (file) on.drafted(false);
  });
  $("prompt").addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    if (file) $("target").select();
  });
  $("source").addEventListener("submit", (event) => {
    event.preventDefault();
    prepare();
  });
  drops(document.body);
  document.addEventListener("paste", (event) => take(event.clipboardData.files[0]));
}

/** Offer the models there are to choose from. */
export function serve(models) {
  const named = models.map(({ name }) => ({ name, label: name.split("/").at(-1) }));
  const model = () => models.find(({ name }) => name === choice($("models")));
  choices($("models"), named, choice($("models")) ?? named[0]?.name, () => {
    offer(model());
    if (file) on.drafted(false);
  });
  offer(model());
  show("which-model", named.length > 1);
}

/** Take the picture that was chosen before the page was ready for it. */
export const catchUp = () => take($("file").files[0]);

/** The picture as it is to be sent, as if it were an image of the service. */
export function draft() {
  const [method, prompt, steps, params] = [choice($("inverters")), $("prompt").value.trim(), $("steps").valueAsNumber, drawn.chosen()];
  return { id: null, prompt, method, model: choice($("models")), ...size, used: { method, prompt, steps, params } };
}

/** Begin anew, without a picture. */
export function reset() {
  file = null;
  $("file").value = "";
  $("prompt").value = "";
  for (const id of ["file-hint", "file-error", "prompt-error", "source-error"]) say(id, null);
  show("fit", false);
  warn("prompt-doubts", []);
  $("prepare").disabled = true;
  empty();
}

/** Offer to prepare again, otherwise, what was prepared already. */
export async function again(image) {
  await take(await (await send(image.source_url)).blob(), image.prompt);
  $("how").open = true;
  $("steps").value = image.steps;
  const radio = $("inverters").querySelector(`[value="${image.method}"]`);
  if (!radio) return;
  radio.click();
  draw(image.method, image.params);
}

/** What the service knows of an image. */
export const record = (imageId) => get(`/images/${imageId}`);

/** Whether the picture is described; says so where it is not. */
export function described() {
  if ($("prompt").value.trim()) return true;
  say("prompt-error", "Say in a few words what the picture shows; edits compare with this.");
  $("prompt").focus();
  return false;
}

/** Send the picture with an edit of it. */
export async function sendAlong({ prompt, prompts, inversion, method, params, mask, ...more }) {
  const form = filled("source_prompt");
  if (prompts) form.append("prompts", JSON.stringify(prompts));
  else form.append("prompt", prompt);
  form.append("method", method);
  form.append("params", JSON.stringify(params));
  form.append("inversion", JSON.stringify(inversion));
  if (mask) form.append("mask", new Blob([Uint8Array.from(atob(mask.split(",")[1]), (char) => char.charCodeAt(0))]), "mask.png");
  for (const [name, value] of Object.entries(more)) form.append(name, value);
  return deliver("/edit", form, "source_prompt");
}

async function prepare() {
  if (!described()) return;
  const form = filled("prompt");
  form.append("method", choice($("inverters")));
  form.append("steps", $("steps").value);
  form.append("params", JSON.stringify(drawn.chosen()));
  try {
    const answer = await deliver("/invert", form, "prompt");
    if (answer) on.accepted(answer);
  } catch (problem) {
    say("source-error", problem.message);
  }
}

function filled(described) {
  const form = new FormData();
  form.append("image", file, "picture");
  form.append(described, $("prompt").value.trim());
  if (!$("fit").hidden) form.append("fit", choice($("fits")));
  if (!$("which-model").hidden) form.append("model", choice($("models")));
  return form;
}

/** POST the form, and show how much of it has gone; null if that was canceled, or refused for what this form holds. */
async function deliver(path, form, described) {
  for (const id of ["source-error", "file-error", "prompt-error"]) say(id, null);
  const going = new AbortController();
  const shown = meter("Sending the picture", () => going.abort());
  $("progress").replaceChildren(shown.root);
  $("prepare").disabled = true;
  const sent = (part) => {
    shown.paint({ status: "processing", progress: { phase: "upload", percent: part * 100 } });
    show("progress");
  };
  try {
    return await post(path, form, { sent, signal: going.signal });
  } catch (problem) {
    if (problem.name === "AbortError") return null;
    const id = place(problem, described);
    if (!id) throw problem;
    say(id, problem.message);
    return null;
  } finally {
    $("prepare").disabled = !file;
    show("progress", false);
  }
}

/** Where on this form a refusal belongs, if it does. */
function place({ code, errors, parameter }, described) {
  const [field, of] = errors?.[0]?.loc ?? [];
  if ([field, parameter].includes("mask")) return null;
  if (field === "image" || ["invalid_image", "unsupported_media_type", "payload_too_large"].includes(code)) return "file-error";
  if ([field, parameter].includes(described)) return "prompt-error";
  const ofPreparing = ["steps", "inversion"].includes(field) || ["model", "fit"].includes(field);
  if (ofPreparing || (field === "params" && drawn.has(of) && $("edit").hidden)) $("how").open = true;
  if (ofPreparing) return "source-error";
  return null;
}

/** Offer the inversions that the model can do, beginning with the one that is chosen. */
function offer(model) {
  const able = inverters.filter((method) => offers(model, method.needs_of_model));
  const usual = able.find(({ name }) => name === choice($("inverters"))) ?? able.find((method) => method.default);
  choices($("inverters"), able, usual.name, (name) => {
    draw(name);
    on.drafted(false);
  });
  draw(usual.name);
}

function draw(name, values) {
  const method = inverters.find((other) => other.name === name);
  say("inverter-hint", method.summary);
  drawn = controls($("inverter-controls"), method.params_schema, {
    values,
    hint: "inverter-controls-hint",
    summary: $("how").querySelector("summary"),
    changed: () => say("source-error", null),
  });
}

async function take(chosen, prompt, target) {
  if (!chosen) return;
  on.leave();
  for (const id of ["file-error", "source-error", "file-hint"]) say(id, null);
  show("fit", false);
  try {
    size = await showFile(chosen);
    show("fit", Math.max(size.width, size.height) > 2 * Math.min(size.width, size.height));
  } catch {
    const kind = SHOWN[chosen.type];
    if (kind) {
      const article = /^A/.test(kind) ? "an" : "a";
      say("file-error", `This isn't ${article} ${kind}: its name says so, but there is no picture in it.`);
      return;
    }
    empty();
    size = { width: null, height: null };
    say("file-hint", `${chosen.name}: this browser cannot show it. You will see it once it is sent.`);
    show("fit");
  }
  file = chosen;
  show("another");
  $("prepare").disabled = false;
  if (prompt != null) $("prompt").value = prompt;
  lookAtWords();
  on.drafted(true);
  if (target) return on.complete(target);
  if (prompt == null) $("prompt").focus({ preventScroll: true });
  else if (matchMedia("(pointer: fine)").matches) $("target").focus({ preventScroll: true });
}

function drops(target) {
  const over = (event, is) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    target.classList.toggle("dropping", is);
  };
  target.addEventListener("dragover", (event) => over(event, true));
  target.addEventListener("dragleave", (event) => over(event, false));
  target.addEventListener("drop", (event) => {
    over(event, false);
    take(event.dataTransfer.files[0]);
  });
}
