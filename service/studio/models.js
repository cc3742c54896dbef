import { postJson } from "./api.js";
import { $, element, say, show } from "./dom.js";

const DELAY_MS = 250;
const LARGER = "PENTIMENTO_MODEL=stable-diffusion-v1-5/stable-diffusion-v1-5 PENTIMENTO_DEVICES=cuda:0 pentimento serve";
const KINDS = [["objects", "Things"], ["backgrounds", "Behind them"], ["colours", "Colours"], ["styles", "Styles"]];

/** Name in the header what is served; of a demo also what it knows, and how to serve a model for photographs. */
export function introduce(models) {
  show("model", models.length > 0);
  if (!models.length) return;
  if (models.every((model) => model.demo)) say("taken", "the demo model knows drawings like these, not photographs");
  const names = models.flatMap((model) => [
    element("span", { class: "name" }, model.name.split("/").at(-1)),
    model.demo ? element("span", { class: "tag" }, "demo") : null,
  ]);
  $("model").querySelector("summary").replaceChildren(...names.filter(Boolean));
  $("about-model").replaceChildren(...models.flatMap(about));
}

function about(model) {
  const what = `${model.name} is of the family ${model.family} and works on pictures of ${model.size} pixels.`;
  const known = KINDS.filter(([kind]) => model.knows?.[kind].length);
  const list = known.flatMap(([kind, label]) => [
    element("dt", {}, label),
    element("dd", {}, model.knows[kind].join(", ")),
  ]);
  return [
    element("p", {}, what),
    list.length ? element("p", {}, "It was taught these, and nothing else:") : null,
    list.length ? element("dl", {}, ...list) : null,
    model.demo ? element("p", {}, "It is a demo. For photographs, serve a larger model:") : null,
    model.demo ? element("pre", {}, element("code", {}, LARGER)) : null,
  ].filter(Boolean);
}

/** Whether a model has all that a method needs of one; where it does not say, it has. */
export const offers = (model, needs) => !model?.offers || needs.every((need) => model.offers.includes(need));

/** List warnings in this element; without any, hide it. */
export function warn(id, warnings) {
  $(id).replaceChildren(...warnings.map((warning) => element("li", {}, warning.message)));
  show(id, warnings.length > 0);
}

/** Warn of words of this field that the model was not taught, as they are typed; returns a function that looks now. */
export function lookUp(field, id) {
  let timer = null;
  const look = async () => {
    const text = field.value;
    const compared = text.trim() ? await postJson("/prompts/compare", { source: text, target: text }).catch(() => null) : null;
    if (field.value === text) warn(id, compared?.warnings ?? []);
  };
  field.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(look, DELAY_MS);
  });
  return look;
}
