import { $, choices, day, describe, say, seconds, show } from "./dom.js";
import { warn } from "./models.js";
import { decibels } from "./outcome.js";

let usual = null; // how images are prepared that are not to be prepared otherwise

/** Learn the methods there are. */
export const learn = (methods) => (usual = methods.find((method) => method.kind === "invert" && method.default).name);

/** The image as one of its inversions has it; one that an edit made shows the same picture as the image's own. */
export function by(found, used) {
  const { prompt, method, steps, params } = used;
  return { ...found, used, prompt, method, steps, params, result: used.result ?? found.result };
}

/** The image as its own inversion has it, or as the usual one has where the service chose its own for an edit. */
export function own(found) {
  const its = found.inversions.find((each) => each.own);
  if (!its.chosen) return by(found, its);
  const { prompt, steps } = its;
  return by(found, taken(by(found, its), { method: usual, prompt, steps, params: {} }));
}

/** The inversion of the image that a request takes, whether it is known by now or not. */
export function taken(image, asked) {
  const equal = (each) => ["method", "steps", "prompt", "params"].every((name) => alike(each[name], asked[name]));
  return image.inversions.find((each) => !each.region && equal(each)) ?? { ...image.used, id: null, result: null, ...asked };
}

function alike(one, other) {
  if (one === null || typeof one !== "object") return one === other;
  return JSON.stringify(Object.entries(one).sort()) === JSON.stringify(Object.entries(other ?? {}).sort());
}

/** Say what is known of an image; `turn` is called with the inversion that edits are to take. */
export function paint(image, turn) {
  document.title = `${image.prompt} · Pentimento`;
  $("said").textContent = image.prompt;
  $("facts").dataset.status = image.status;
  const { used } = image;
  const made = used.result;
  const offered = image.inversions.filter((each) => each.own || (each.status === "ready" && !each.region));
  const named = offered.map((each) => ({ name: each.id, label: `${each.method}, ${each.steps} steps` }));
  choices($("inversions"), named, used.id, (id) => turn(offered.find((each) => each.id === id)));
  show("inversions", offered.length > 1);
  describe($("facts-figures"), [
    ["Model", image.model],
    ["Prepared by", image.method],
    ["Steps", String(image.steps)],
    ["Fidelity", made && decibels(made.psnr), "how close the picture as the model gives it back is to the one that was sent (PSNR)"],
    ["Took", made && `${seconds(made.seconds)}${made.cached ? ", cached" : ""}`],
    ["Size", `${image.width} × ${image.height}`],
  ]);
  say("kept-until", `Kept until ${day(image.expires_at)}; every use puts this off.`);
  warn("facts-doubts", made?.warnings ?? []);
  show("facts");
}
