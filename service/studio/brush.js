import { $, choice, choices, element, show } from "./dom.js";
import { picture } from "./pictures.js";

const LARGEST = 1024; // pixels of the mask's long side; the service fits it to the image
const TOOLS = [{ name: "paint", label: "Paint" }, { name: "erase", label: "Erase" }];

let last = null;
let part = 0;
let given = null; // the address of a mask that the service has, until something is painted over it
let changed = () => {};
let shown = () => {};

const canvas = () => $("brush");
const size = () => ($("brush-size").valueAsNumber / 100) * Math.min(canvas().width, canvas().height);

/** Let what may change be painted on the stage; `told` is called after every stroke, `opened` where painting begins or ends. */
export function enable(told, opened) {
  [changed, shown] = [told, opened];
  choices($("brush-tools"), TOOLS, "paint", () => {});
  $("brush-clear").addEventListener("click", () => {
    clear();
    changed();
  });
  $("brush-done").addEventListener("click", close);
  canvas().addEventListener("pointerdown", (event) => {
    canvas().setPointerCapture(event.pointerId);
    event.preventDefault();
    canvas().focus({ preventScroll: true });
    stroke((last = place(event)));
  });
  canvas().addEventListener("pointermove", (event) => {
    if (canvas().hasPointerCapture(event.pointerId)) stroke(place(event));
  });
  canvas().addEventListener("pointerup", done);
  canvas().addEventListener("keydown", byKeys);
}

/** Take an image of this size, and a mask of it if there is one: a data URL, or a path of the API. */
export async function begin(width, height, mask = null) {
  const scale = Math.min(1, LARGEST / Math.max(width, height)) * Math.max(1, 256 / Math.max(width, height));
  [canvas().width, canvas().height] = [Math.round(width * scale), Math.round(height * scale)];
  [part, last, given] = [0, null, mask];
  close();
  if (mask) await load(mask).catch(() => (given = null));
}

/** What part of the picture is painted. */
export const painted = () => part;

/** What is painted, white where the picture may change: a PNG in a data URL, or its path; null if nothing is. */
export function mask() {
  if (given) return given;
  if (!part) return null;
  const [white, black] = [copy(), copy()];
  flood(white, "source-in", "#fff");
  flood(black, "source-over", "#000");
  black.drawImage(white.canvas, 0, 0);
  return black.canvas.toDataURL("image/png");
}

/** Wipe it all off. */
export function clear() {
  pen().clearRect(0, 0, canvas().width, canvas().height);
  [part, given] = [0, null];
}

export const isOpen = () => !$("brushes").hidden;

/** Begin to paint, or go on. */
export function open() {
  show("brushes");
  shown(true);
  canvas().focus({ preventScroll: true });
}

/** Have done with painting. */
export function close() {
  if (!isOpen()) return;
  show("brushes", false);
  shown(false);
}

const pen = () => canvas().getContext("2d", { willReadFrequently: true });

function copy() {
  const made = element("canvas", { width: canvas().width, height: canvas().height }).getContext("2d");
  made.drawImage(canvas(), 0, 0);
  return made;
}

function flood(context, how, colour) {
  context.globalCompositeOperation = how;
  context.fillStyle = colour;
  context.fillRect(0, 0, context.canvas.width, context.canvas.height);
  context.globalCompositeOperation = "source-over";
}

/** Stripes that are seen on any picture. */
function stripes() {
  const tile = element("canvas", { width: 16, height: 16 }).getContext("2d");
  flood(tile, "source-over", "#c2401c");
  Object.assign(tile, { strokeStyle: "#fff", lineWidth: 4 });
  for (const at of [-16, 0, 16]) {
    tile.moveTo(at - 4, 20);
    tile.lineTo(at + 20, -4);
  }
  tile.stroke();
  return pen().createPattern(tile.canvas, "repeat");
}

function place({ clientX, clientY }) {
  const box = canvas().getBoundingClientRect();
  return [((clientX - box.left) / box.width) * canvas().width, ((clientY - box.top) / box.height) * canvas().height];
}

function stroke(to) {
  const context = pen();
  context.globalCompositeOperation = choice($("brush-tools")) === "erase" ? "destination-out" : "source-over";
  context.strokeStyle = context.fillStyle = stripes();
  context.lineWidth = size();
  context.beginPath();
  context.arc(...to, size() / 2, 0, 2 * Math.PI);
  context.fill();
  context.beginPath();
  context.moveTo(...(last ?? to));
  context.lineTo(...to);
  context.stroke();
  [last, given] = [to, null];
}

function done() {
  measure();
  changed();
}

function measure() {
  const { data } = pen().getImageData(0, 0, canvas().width, canvas().height);
  let count = 0;
  for (let at = 3; at < data.length; at += 4) count += data[at] > 127;
  part = count / (data.length / 4);
}

/** Arrows move a ring over the picture, space paints where it is. */
function byKeys(event) {
  const step = size() / 2;
  const move = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step], " ": [0, 0] }[event.key];
  if (event.key === "Escape") close();
  if (!move) return;
  event.preventDefault();
  const [x, y] = last ?? [canvas().width / 2, canvas().height / 2];
  const to = [Math.max(0, Math.min(canvas().width, x + move[0])), Math.max(0, Math.min(canvas().height, y + move[1]))];
  last = to;
  const ring = $("brush-ring");
  ring.style.insetInlineStart = `${(to[0] / canvas().width) * 100}%`;
  ring.style.insetBlockStart = `${(to[1] / canvas().height) * 100}%`;
  ring.style.inlineSize = `${(size() / canvas().width) * 100}%`;
  show("brush-ring");
  if (event.key !== " ") return;
  stroke(to);
  done();
}

async function load(mask) {
  const image = new Image();
  image.src = mask.startsWith("data:") ? mask : await picture(mask);
  await image.decode();
  if (given !== mask) return;
  const context = pen();
  context.drawImage(image, 0, 0, canvas().width, canvas().height);
  const pixels = context.getImageData(0, 0, canvas().width, canvas().height);
  for (let at = 0; at < pixels.data.length; at += 4) pixels.data[at + 3] = pixels.data[at];
  context.putImageData(pixels, 0, 0);
  flood(context, "source-in", stripes());
  measure();
  shown(isOpen());
}
