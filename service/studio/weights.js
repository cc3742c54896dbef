import { $, element, show } from "./dom.js";
import { same } from "./words.js";

const WEIGHT = { low: -2, high: 6, step: 0.25 };

let weights = {};
let words = [];
let bounds = null;
let changed = () => {};

/** What the attention of each word is times. */
export const chosen = () => (bounds ? weights : {});

/** Take these over from a request. */
export function begin(params, tell) {
  weights = { ...params?.reweight };
  changed = tell;
}

/** Offer weights within the bounds of the method's schema, if it has any. */
export function suit(schema) {
  bounds = schema.properties.reweight?.additionalProperties;
  show("weighing", Boolean(bounds));
  paint();
}

/** Offer the words of a comparison; weights of words that are gone are dropped. */
export function offer({ target }) {
  words = target.filter((word, at) => target.findIndex((other) => same(other.text, word.text)) === at);
  weights = Object.fromEntries(Object.entries(weights).filter(([text]) => words.some((word) => same(word.text, text))));
  paint();
}

function paint() {
  const open = $("weights").contains(document.activeElement);
  if (open || !bounds) return;
  $("weights").replaceChildren(...words.map(({ text, change }) => weight(text, change)));
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
  return element("div", { class: "dial" }, element("span", { class: change }, text), ...inputs);
}

function tellWeights() {
  const said = Object.entries(weights).map(([text, factor]) => `${text} ×${factor}`);
  $("weighing").querySelector("summary").dataset.now = said.join(", ");
}
