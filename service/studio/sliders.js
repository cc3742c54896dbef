import { $, element, say } from "./dom.js";

const NAMES = {
  tau_c: ["where words look", "cross-attention"],
  tau_s: ["shapes and layout", "self-attention"],
  tau_u: ["layout, without the prompt", "unconditional self-attention"],
  tau_v: ["learned style", "values"],
};

let set = {};
let defaults = {};
let changed = () => {};

/** What differs from the defaults, and what was given in a form that a slider cannot show. */
export const chosen = () => set;

/** A slider for every window of the method, with the range and default of its schema. */
export function begin(params, schema, tell) {
  const windows = Object.keys(NAMES).filter((name) => name in schema.properties);
  defaults = Object.fromEntries(windows.map((name) => [name, schema.properties[name].default]));
  set = Object.fromEntries(windows.filter((name) => params?.[name] != null).map((name) => [name, params[name]]));
  changed = tell;
  $("sliders").replaceChildren(...windows.map((name) => slider(name, schema.properties[name])));
  say("slider-hint", null);
  tellChoice();
}

function slider(name, schema) {
  const number = (schema.oneOf ?? schema.anyOf ?? [schema]).find((form) => form.type === "number");
  const [what, paper] = NAMES[name];
  const shown = element("output", {});
  const input = element("input", {
    type: "range", min: number.minimum, max: number.maximum, step: 0.05, "aria-label": `${name}: ${what}`,
  });
  const reset = element("button", { type: "button", class: "link", "aria-label": `Reset ${name}` }, "reset");
  const paint = () => {
    const value = set[name] ?? defaults[name];
    const simple = typeof value === "number";
    if (simple) input.value = value;
    shown.textContent = simple ? value.toFixed(2) : JSON.stringify(value);
    reset.hidden = value === defaults[name];
  };
  input.addEventListener("input", () => {
    set[name] = input.valueAsNumber;
    if (set[name] === defaults[name]) delete set[name];
    paint();
    tellChoice();
    changed();
  });
  reset.addEventListener("click", () => {
    delete set[name];
    paint();
    tellChoice();
    changed();
    input.focus();
  });
  paint();
  input.addEventListener("focus", () => say("slider-hint", schema.description));
  const label = element("span", {}, what, element("small", {}, `${name} · ${paper}`));
  return element("div", { class: "dial" }, label, input, shown, reset);
}

function tellChoice() {
  const said = Object.entries(set).map(([name, value]) => `${name} ${JSON.stringify(value)}`);
  $("keeping").querySelector("summary").dataset.now = said.join(", ");
}
