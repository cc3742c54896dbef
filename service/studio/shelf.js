import { get } from "./api.js";
import { $, element, say, show } from "./dom.js";
import { put, thumbnail } from "./pictures.js";

const LAST = 12;
const WIDTH = 320;

/** The pictures that were prepared last, each a link. */
export async function load() {
  say("shelf-error", null);
  try {
    const { images } = await get(`/images?limit=${LAST}`);
    $("pictures").replaceChildren(...images.map(card));
    show("shelf", images.length > 0);
  } catch (problem) {
    say("shelf-error", problem.message);
    show("shelf");
  }
}

function card(image) {
  const shown = element("img", { alt: "", loading: "lazy" });
  put(shown, thumbnail(image.source_url, WIDTH)).catch(() => shown.remove());
  const words = element("span", { class: "prompt" }, image.prompt);
  return element("li", {}, element("a", { class: "open", href: `#${image.id}` }, element("span", { class: "thumb" }, shown), words));
}
