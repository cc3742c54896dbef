import { $, element, show } from "./dom.js";

const WEIGHT = { low: -2, high: 6, step: 0.25 };

const same = (one, other) => one.toLowerCase() === other.toLowerCase();

let words = [];
let blend = [];
let weights = {};
let weighable = [];
let bounds = null;
let changed = () => {};

/** What stands in the request: which words confine the change, and what each word's attention is times. */
export const chosen = () => ({
  blend_words: blend === "changed" ? "changed" : blend.length ? blend : null,
  reweight: bounds ? weights : {},
});

/** Take these over from a request. */
export function begin(params, tell) {
  blend = params?.blend_words ?? [];
  weights = { ...params?.reweight };
  changed = tell;
}

/** Offer weights within the bounds of the method's schema, if it has any. */
export function suit(schema) {
  bounds = schema.properties.reweight?.additionalProperties;
  show("weighing", Boolean(bounds));
  paintWeights();
}

/** Offer the words of a comparison; choices of words that are gone are dropped. */
export function offer(compared) {
  const gone = compared.source.filter((word) => word.change !== "kept");
  words = [...gone, ...compared.target].filter(
    (word, at, all) => all.findIndex((other) => same(other.text, word.text)) === at,
  );
  const there = (text) => words.some((word) => same(word.text, text));
  if (blend !== "changed") blend = blend.filter(there);
  const inTarget = (text) => compared.target.some((word) => same(word.text, text));
  weights = Object.fromEntries(Object.entries(weights).filter(([text]) => inTarget(text)));
  weighable = words.filter((word) => inTarget(word.text));
  paintPlaces();
  paintWeights();
}

function paintPlaces() {
  const anywhere = blend !== "changed" && !blend.length;
  const wide = [
    ["anywhere", anywhere, () => (blend = [])],
    ["where words change", blend === "changed", () => (blend = "changed")],
  ];
  const chips = [
    ...wide.map(([label, on, choose]) => chip(label, "wide", on, choose)),
    ...words.map((word) => {
      const on = blend !== "changed" && blend.some((text) => same(text, word.text));
      return chip(word.text, word.change, on, () => toggle(word.text, on));
    }),
  ];
  const focused = [...$("places").children].indexOf(document.activeElement);
  $("places").replaceChildren(...chips);
  if (focused >= 0) chips[Math.min(focused, chips.length - 1)].focus();
  $("blend-hint").textContent = anywhere
    ? "Click words to confine the change to where they are."
    : "Everywhere else the picture is kept.";
}

function toggle(text, on) {
  const listed = blend === "changed" ? [] : blend;
  blend = on ? listed.filter((other) => !same(other, text)) : [...listed, text];
}

function chip(label, kind, on, choose) {
  const click = () => {
    choose();
    paintPlaces();
    changed();
  };
  return element("button", { type: "button", class: `chip ${kind}`, "aria-pressed": String(on), click }, label);
}

function paintWeights() {
  const open = $("weights").contains(document.activeElement);
  if (open || !bounds) return;
  $("weights").replaceChildren(...weighable.map(({ text, change }) => weight(text, change)));
  tellWeights();
}

function weight(text, change) {
  const value = weights[text] ?? 1;
  const range = { type: "range", min: WEIGHT.low, max: WEIGHT.high, step: WEIGHT.step };
  const number = { type: "number", min: bounds.minimum, max: bounds.maximum, step: "any" };
  const inputs = [range, number].map((attributes) =>
    element("input", { ...attributes, value, "aria-label": `Weight of ${text}` }),
  );
  for (const input of inputs) {
    input.addEventListener("input", () => {
      const given = input.valueAsNumber;
      if (Number.isNaN(given)) return;
      for (const other of inputs) if (other !== input) other.value = given;
      if (given === 1) delete weights[text];
      else weights[text] = given;
      tellWeights();
      changed();
    });
  }
  return element("label", { class: "dial" }, element("span", { class: change }, text), ...inputs);
}

function tellWeights() {
  const said = Object.entries(weights).map(([text, factor]) => `${text} ×${factor}`);
  $("weighing").querySelector("summary").dataset.now = said.join(", ");
}
