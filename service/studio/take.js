import { postJson } from "./api.js";
import { element, toast } from "./dom.js";
import { blob, picture } from "./pictures.js";

/** What can be done with a picture that an edit made: taken away at each size, copied, shared. */
export function takings({ prompt, url, full_url: full, model_url: model }, { brief = false } = {}) {
  const small = (label, name, click) =>
    element("button", { type: "button", class: "link", click, "aria-label": `${name}: ${prompt}` }, label);
  const both = full && model && full !== model && !brief;
  return [
    small("Download", "Download", () => save(both ? full : url, prompt)),
    both && small("at the model's size", "Download at the model's size", () => save(model, prompt)),
    navigator.clipboard?.write && small("Copy", "Copy the picture", () => copyPicture(url)),
    sharable() && small("Share", "Share", () => share(url, prompt)),
  ].filter(Boolean);
}

/** Make a picture of an edit an image of its own; `opened` gets the service's answer. */
export const further = (job, index) => postJson("/images", { from_result: { job_id: job.id, index } });

const suffix = (path) => path.split("?")[0].split(".").pop();
const fileName = (path, prompt) => `${prompt.replace(/[^\p{L}\p{N}]+/gu, "-")}.${suffix(path)}`;

async function save(path, prompt) {
  element("a", { href: await picture(path), download: fileName(path, prompt) }).click();
}

async function copyPicture(path) {
  const png = path.replace(/\.(jpg|webp)(\?.*)?$/, ".png");
  try {
    await navigator.clipboard.write([new ClipboardItem({ "image/png": blob(png) })]);
    toast("Copied the picture");
  } catch {
    toast("This browser does not let the page copy pictures");
  }
}

function sharable() {
  const empty = new File([""], "picture.png", { type: "image/png" });
  return Boolean(navigator.canShare?.({ files: [empty] }));
}

async function share(url, prompt) {
  const data = await blob(url);
  const files = [new File([data], fileName(url, prompt), { type: data.type })];
  await navigator.share({ files, title: prompt }).catch((error) => error.name === "AbortError" || toast("It could not be shared"));
}
