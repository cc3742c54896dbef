import { get, post, send } from "./api.js";
import { controls } from "./controls.js";
import { $, choice, choices, element, say, show, submitOnEnter } from "./dom.js";
import { lookUp, warn } from "./models.js";
import { empty, showFile } from "./stage.js";

const EXAMPLES = [
  { name: "cat", prompt: "a cat on grass" },
  { name: "fox", prompt: "a fox on snow" },
  { name: "balloon", prompt: "a blue balloon in the sky" },
  { name: "apple", prompt: "a watercolour of an apple on wood" },
];
// What every browser shows; of the rest the service alone may be able to make something.
const SHOWN = ["image/png", "image/jpeg", "image/webp", "image/gif", "image/bmp", "image/avif"];
const FITS = [
  { name: "crop", label: "Keep its middle", summary: "What is beyond 2:1 is cut off at both ends." },
  { name: "pad", label: "Add white", summary: "All of it stays; white makes it 2:1." },
  { name: "stretch", label: "Squeeze it", summary: "All of it stays, shortened to 2:1." },
];

let file = null;
let inverters = [];
let drawn = { chosen: () => ({}), has: () => false };
let makeRoom = () => {};
let lookAtWords = () => {};

/** Offer to choose a picture; `leave` is called before one is shown, `inverted` with the answer once it is sent. */
export function enable(methods, leave, inverted) {
  makeRoom = leave;
  inverters = methods.filter((method) => method.kind === "invert");
  const usual = inverters.find((method) => method.default).name;
  choices($("inverters"), inverters, usual, (name) => draw(name));
  draw(usual);
  const explain = (name) => say("fit-hint", FITS.find((fit) => fit.name === name).summary);
  choices($("fits"), FITS, "crop", explain);
  explain("crop");
  $("examples").replaceChildren(...EXAMPLES.map(example));
  $("file").addEventListener("change", (event) => take(event.target.files[0]));
  $("prompt").addEventListener("input", () => say("prompt-error", null));
  lookAtWords = lookUp($("prompt"), "prompt-doubts");
  submitOnEnter($("prompt"));
  $("source").addEventListener("submit", async (event) => {
    event.preventDefault();
    const accepted = await invert();
    if (accepted) inverted(accepted);
  });
  drops(document.body);
  document.addEventListener("paste", (event) => take(event.clipboardData.files[0]));
}

/** Take the picture that was chosen before the page was ready for it. */
export const catchUp = () => take($("file").files[0]);

/** Begin anew, without a picture. */
export function reset() {
  file = null;
  $("file").value = "";
  $("prompt").value = "";
  for (const id of ["file-hint", "file-error", "prompt-error", "source-error"]) say(id, null);
  show("fit", false);
  warn("prompt-doubts", []);
  $("invert").disabled = true;
  empty();
}

/** Offer to invert again, otherwise, what was inverted already. */
export async function again(image) {
  await take(await (await send(image.source_url)).blob(), image.prompt);
  $("inverters").querySelector(`[value="${image.method}"]`)?.click();
  $("steps").value = image.steps;
  draw(image.method, image.params);
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

function example({ name, prompt }) {
  const path = `/studio/examples/${name}.png`;
  const choose = async () => take(await (await fetch(path)).blob(), prompt);
  const picture = element("img", { src: path, alt: "", width: 64, height: 64 });
  return element("button", { type: "button", click: choose, "aria-label": `Example: ${prompt}`, title: prompt }, picture);
}

async function take(chosen, prompt) {
  if (!chosen) return;
  makeRoom();
  say("file-error", null);
  say("source-error", null);
  say("file-hint", null);
  show("fit", false);
  try {
    const { width, height } = await showFile(chosen);
    show("fit", Math.max(width, height) > 2 * Math.min(width, height));
  } catch {
    if (SHOWN.includes(chosen.type)) {
      say("file-error", "That file cannot be read as a picture.");
      return;
    }
    empty();
    say("file-hint", `${chosen.name}: this browser cannot show it. You will see it once it is inverted.`);
    show("fit");
  }
  file = chosen;
  show("another");
  $("invert").disabled = false;
  if (prompt != null) $("prompt").value = prompt;
  lookAtWords();
  $("prompt").focus({ preventScroll: true });
}

async function invert() {
  if (!$("prompt").value.trim()) {
    say("prompt-error", "Say in a few words what the picture shows; edits compare with this.");
    $("prompt").focus();
    return null;
  }
  say("source-error", null);
  $("invert").disabled = true;
  const form = new FormData();
  form.append("image", file, "picture");
  form.append("prompt", $("prompt").value.trim());
  form.append("method", choice($("inverters")));
  form.append("steps", $("steps").value);
  form.append("params", JSON.stringify(drawn.chosen()));
  if (!$("fit").hidden) form.append("fit", choice($("fits")));
  try {
    return await post("/invert", form);
  } catch (problem) {
    say(place(problem), problem.message);
    return null;
  } finally {
    $("invert").disabled = false;
  }
}

function place(problem) {
  const field = problem.errors?.[0]?.loc[0];
  if (field === "image" || ["invalid_image", "unsupported_media_type", "payload_too_large"].includes(problem.code)) {
    return "file-error";
  }
  if (field === "steps" || field === "params") $("how").open = true;
  return field === "prompt" || problem.code === "prompt_too_long" ? "prompt-error" : "source-error";
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

/** What the service knows of an image. */
export const record = (imageId) => get(`/images/${imageId}`);
