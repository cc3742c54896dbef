import { $, choices, say, show } from "./dom.js";
import { put, putFresh } from "./pictures.js";

const VIEWS = [
  { name: "compare", label: "Compare" },
  { name: "side", label: "Side by side" },
];

let shown = { before: null, after: null };
let view = "compare";
let behind = "plain"; // what is shown again once painting is done
let fetching = false;

function look(name) {
  behind = name;
  if ($("stage").dataset.view !== "paint") $("stage").dataset.view = name;
}

/** Make room for a picture of this size. */
export function fit(width, height) {
  $("stage").style.setProperty("--ratio", width / height);
  say("file-hint", null);
  show("drop", false);
  show("stage");
}

/** Show the place where a picture can be dropped. */
export function empty() {
  showNothing();
  show("stage", false);
  show("drop");
}

/** Show a picture that is not the service's yet; answers with its size. */
export async function showFile(file) {
  const image = $("before");
  const url = URL.createObjectURL(file);
  delete image.dataset.path;
  image.src = url;
  await image.decode().finally(() => URL.revokeObjectURL(url));
  image.alt = "The picture you chose";
  fit(image.naturalWidth, image.naturalHeight);
  plain();
  return { width: image.naturalWidth, height: image.naturalHeight };
}

/** Show the source alone. */
export async function showSource(path, prompt) {
  shown = { before: path, after: null };
  plain();
  $("before").alt = `The source: ${prompt}`;
  await put($("before"), path);
}

/** Show an empty canvas, for a picture that is still to be painted. */
export function showNothing() {
  shown = { before: null, after: null };
  plain();
  $("before").removeAttribute("src");
  delete $("before").dataset.path;
  $("before").alt = "";
}

/** Show what a job's latents show by now, as long as that job is on the stage. */
export async function showPreview(path, wanted) {
  if (fetching) return;
  fetching = true;
  try {
    const working = () => behind === "working" && !shown.after && wanted();
    await putFresh($("after"), path, working);
    if (!working()) return;
    $("after").alt = "What the job shows by now";
    show("after");
  } catch {
    // The next one will do.
  } finally {
    fetching = false;
  }
}

/** Bring the stage into view where it is not. */
export function reveal() {
  if ($("stage").getBoundingClientRect().top < 0) $("stage").scrollIntoView();
}

/** A job is under way: its previews cover the source. */
export function work() {
  show("after", false);
  say("caption", null);
  look("working");
}

/** Show the source to be painted on, or again what was shown before. */
export function paint(on) {
  $("stage").dataset.view = on ? "paint" : behind;
}

/** Show an edited picture beside its source. */
export async function showResult(before, after, prompt) {
  shown = { before, after };
  $("after").alt = `The edit: ${prompt}`;
  await Promise.all([put($("before"), before), put($("after"), after)]);
  if (shown.after !== after) return;
  show("after");
  peek(null);
  look(view);
  choices($("views"), VIEWS, view, (name) => look((view = name)));
}

/** Show other pictures in place of both, or a mask over both, as long as someone looks; without any, show both again. */
export function peek(words, { before, after, veil } = {}) {
  const over = Boolean(veil) && view !== "side";
  if (veil && !over) [before, after] = [veil, veil];
  say("caption", words);
  show("veil", over);
  const replaced = Boolean(words) && !over;
  $("before").classList.toggle("dim", replaced && !before);
  $("after").classList.toggle("dim", replaced && !after);
  const pictures = [put($("before"), before ?? shown.before), put($("after"), after ?? shown.after)];
  return Promise.all(over ? [put($("veil"), veil), ...pictures] : pictures);
}

function plain() {
  for (const id of ["after", "veil"]) show(id, false);
  say("caption", null);
  look("plain");
}

function divide(percent) {
  const at = Math.min(100, Math.max(0, percent));
  $("divider").value = at;
  $("canvas").style.setProperty("--at", `${at}%`);
}

/** Let the handle between source and edit be dragged, and moved by keys. */
export function enable() {
  const canvas = $("canvas");
  const drag = (event) => {
    const box = canvas.getBoundingClientRect();
    divide(((event.clientX - box.left) / box.width) * 100);
  };
  canvas.addEventListener("pointerdown", (event) => {
    if ($("stage").dataset.view !== "compare") return;
    canvas.setPointerCapture(event.pointerId);
    drag(event);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (canvas.hasPointerCapture(event.pointerId)) drag(event);
  });
  $("divider").addEventListener("input", (event) => divide(event.target.value));
  divide(50);
}
