import { element, say } from "./dom.js";
import { spoken } from "./problems.js";

const STEP = 0.05;

/** The plain forms a value may have: a schema's alternatives, without null. */
const forms = (schema) =>
  (schema.anyOf ?? schema.oneOf ?? [schema]).flatMap((form) => (form.anyOf || form.oneOf ? forms(form) : form.type === "null" ? [] : [form]));

/**
 * Controls for the parameters of a method, drawn into `group` from its JSON schema; windows come first.
 *
 * `values` are those of a request, `defaults` what stands for null, `skip` names that are set elsewhere. A value in a
 * form that a control cannot show, such as a window per word, is kept as it is until the control is moved.
 */
export function controls(group, schema, { values = {}, defaults = {}, skip = [], hint, summary, changed }) {
  const drawn = Object.entries(schema.properties)
    .map(([name, property]) => ({ name, property, kind: kindOf(property), usual: defaults[name] ?? property.default ?? null }))
    .filter(({ name, kind }) => kind && !skip.includes(name))
    .sort((one, other) => isWindow(other.property) - isWindow(one.property));
  const set = {};
  for (const { name, usual } of drawn) if (!equal(values[name] ?? null, usual)) keep(set, name, values[name]);
  const told = () => {
    const said = drawn.filter(({ name }) => name in set);
    summary.dataset.now = said.map(({ name, property, kind }) => (kind === flag && set[name] ? property.title : `${property.title} ${inWords(set[name])}`)).join(", ");
  };
  const dials = drawn.map((one) => dial(one, set, hint, () => {
    told();
    changed();
  }));
  group.replaceChildren(...dials);
  say(hint, null);
  told();
  return { chosen: () => set, has: (name) => drawn.some((one) => one.name === name) };
}

const equal = (one, other) => JSON.stringify(one) === JSON.stringify(other);

function keep(set, name, value) {
  if (value == null) delete set[name];
  else set[name] = value;
}

const isWindow = (property) => forms(property).some((form) => form.prefixItems);

function kindOf(property) {
  const found = forms(property);
  const of = (type) => found.find((form) => form.type === type);
  if (isWindow(property)) return range;
  if (found.length === 1 && found[0].enum) return choice;
  if (of("boolean")) return flag;
  if (of("integer")) return number;
  if (of("number")) return inSteps(of("number"), property.default) ? range : number;
  if (of("array")) return list;
  return of("string") ? text : null;
}

const low = (form) => form.minimum ?? form.exclusiveMinimum + STEP;
const high = (form) => form.maximum ?? form.exclusiveMaximum - STEP;
const inSteps = (form, usual) => high(form) - low(form) <= 1 && Number.isInteger(Math.round((usual ?? 0) * 1e6) / (STEP * 1e6));

function dial({ name, property, kind, usual }, set, hint, changed) {
  const title = property.title;
  const help = spoken(property.description).replace(/\bnull\b/g, "“usual”").replaceAll("`", "");
  const shown = element("output", {});
  const reset = element("button", { type: "button", class: "link", "aria-label": `Reset ${title}` }, "reset");
  const { input, read, write } = kind(property, title);
  const paint = () => {
    const value = set[name] ?? usual;
    write(value);
    shown.textContent = kind === range ? inWords(value) : "";
    reset.hidden = !(name in set);
  };
  input.addEventListener(kind === choice || kind === flag ? "change" : "input", () => {
    const value = read();
    keep(set, name, equal(value, usual) ? null : value);
    if (kind === range) paint();
    reset.hidden = !(name in set);
    changed();
  });
  reset.addEventListener("click", () => {
    delete set[name];
    paint();
    changed();
    input.focus();
  });
  input.addEventListener("focus", () => say(hint, help));
  paint();
  return element("div", { class: "dial", title: help, "data-name": name }, element("span", {}, title), input, shown, reset);
}

function inWords(value) {
  if (value === null) return "usual";
  if (typeof value === "boolean") return value ? "on" : "off";
  if (typeof value === "number") return Number.isInteger(value) ? String(value) : value.toFixed(2);
  if (Array.isArray(value)) return value.every((one) => typeof one === "number") ? value.join(" to ") : value.join(", ");
  return typeof value === "object" ? "by word" : String(value);
}

function range(property, label) {
  const form = forms(property).find((one) => one.type === "number");
  const input = element("input", { type: "range", min: low(form), max: high(form), step: STEP, "aria-label": label });
  return {
    input,
    read: () => input.valueAsNumber,
    write: (value) => typeof value === "number" && (input.value = value),
  };
}

function number(property, label) {
  const form = forms(property)[0];
  const step = form.type === "integer" ? 1 : "any";
  const input = element("input", {
    type: "number", min: form.minimum, max: form.maximum, step, placeholder: "usual", "aria-label": label,
  });
  return {
    input,
    read: () => (Number.isNaN(input.valueAsNumber) ? null : input.valueAsNumber),
    write: (value) => (input.value = value ?? ""),
  };
}

function choice(property, label) {
  const nullable = "anyOf" in property;
  const options = [...(nullable ? [["", "usual"]] : []), ...forms(property)[0].enum.map((one) => [one, one])];
  const input = element("select", { "aria-label": label }, ...options.map(([value, shown]) => element("option", { value }, shown)));
  return { input, read: () => input.value || null, write: (value) => (input.value = value ?? "") };
}

function flag(property, label) {
  const input = element("input", { type: "checkbox", "aria-label": label });
  return { input, read: () => input.checked, write: (value) => (input.checked = value) };
}

function text(property, label) {
  const input = element("input", { type: "text", spellcheck: "false", "aria-label": label });
  return { input, read: () => input.value.trim() || null, write: (value) => (input.value = value ?? "") };
}

function list(property, label) {
  const input = element("input", { type: "text", spellcheck: "false", placeholder: "word, word", "aria-label": label });
  const read = () => input.value.split(",").map((word) => word.trim()).filter(Boolean);
  return { input, read, write: (value) => (input.value = (value ?? []).join(", ")) };
}
