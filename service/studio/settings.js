import { controls } from "./controls.js";
import { $, choice, choices, say } from "./dom.js";
import { offers } from "./models.js";

const ELSEWHERE = ["attention", "attention_steps", "blend_words", "subtract_words", "reweight", "value_prompt"]; // set by controls of their own, or not shown here

let methods = [];
let models = [];
let model = null;
let drawn = { chosen: () => ({}), has: () => false };
let changed = () => {};
let suited = () => {};

/** Take the methods there are; `told` is called when something is set, `fits` with the schema of the method chosen. */
export const enable = (known, told, fits) => ([methods, changed, suited] = [known, told, fits]);

/** The models that are served, for what they take where nothing is set. */
export const serve = (served) => (models = served);

/** The model that works on an image: the one it was prepared by, else the one that is served. */
export const modelOf = (image) => models.find((one) => one.name === image.model) ?? (image.model ? null : models[0]);

/** Offer the methods that need no more than the image's inversion gives and the model offers, set as this request has them. */
export function begin(image, request) {
  model = modelOf(image);
  const gives = methods.find((other) => other.kind === "invert" && other.name === image.method)?.gives;
  const suits = ({ needs, needs_of_model: ofModel }) => (!gives || needs.every((need) => gives.includes(need))) && offers(model, ofModel);
  const offered = methods.filter((other) => other.kind === "edit" && suits(other));
  const named = offered.find((other) => other.name === request.method) ?? offered.find((other) => other.default) ?? offered[0];
  const method = (name) => offered.find((other) => other.name === name);
  choices($("methods"), offered, named.name, (name) => {
    suit(method(name), drawn.chosen());
    changed();
  });
  $("published").checked = request.preset === "published";
  $("published").onchange = () => {
    draw(method(choice($("methods"))), drawn.chosen());
    changed();
  };
  suit(named, request.params);
}

/** What is set: the method, its parameters that differ from their defaults, and whether the rest is as published. */
export const chosen = () => ({
  method: choice($("methods")),
  params: drawn.chosen(),
  ...($("published").checked && { preset: "published" }),
});

/** Whether the service chooses the method, and all that is not set. */
export const isAuto = () => choice($("methods")) === "auto";

/** Whether the model has attention to words, by which places are found. */
export const seesWords = () => offers(model, ["cross_attention"]);

/** Whether a parameter of this name can be set here. */
export const has = (name) => drawn.has(name);

/** Offer what this method can be told. */
function suit(named, values) {
  say("method-hint", named.summary);
  $("published").disabled = !Object.keys(named.published).length;
  if ($("published").disabled) $("published").checked = false;
  draw(named, values);
  suited(named.params_schema);
}

function draw(named, values) {
  const { properties } = named.params_schema;
  const published = $("published").checked ? named.published : fillingNull(named.published, properties);
  drawn = controls($("controls"), named.params_schema, {
    values: overrides(values, named.params_schema),
    defaults: $("published").checked ? published : { ...published, ...model?.defaults[named.name] },
    skip: ELSEWHERE,
    hint: "controls-hint",
    summary: $("keeping").querySelector("summary"),
    changed,
  });
}

/** Of the published settings, those of parameters that are null by default. */
const fillingNull = (published, properties) =>
  Object.fromEntries(Object.entries(published).filter(([name]) => properties[name]?.default === null));

/** What of the parameters is not as the schema has it anyway. */
function overrides(params, { properties }) {
  const differ = ([name, value]) => JSON.stringify(value) !== JSON.stringify(properties[name]?.default);
  return Object.fromEntries(Object.entries(params ?? {}).filter(differ));
}
