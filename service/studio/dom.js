/** The element of the page with this id. */
export const $ = (id) => document.getElementById(id);

/** A new element: functions become listeners, true an empty attribute, false and null none. */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(name, value);
    else if (value !== false && value != null) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child != null));
  return made;
}

/** Show one element, or hide it. */
export const show = (id, shown = true) => ($(id).hidden = !shown);

/** Put words into the element and show it; without words, hide it. */
export function say(id, words) {
  $(id).textContent = words ?? "";
  show(id, Boolean(words));
}

/** Names and values as a description list. */
export function describe(list, pairs) {
  const rows = pairs.filter(([, value]) => value != null);
  list.replaceChildren(
    ...rows.map(([name, value, why]) =>
      element("div", { title: why ?? null }, element("dt", {}, name), element("dd", {}, value)),
    ),
  );
}

/** A group of radio buttons that look like one control; calls `chosen` with a name. */
export function choices(group, options, name, chosen) {
  const labels = options.map((option) => {
    const radio = element("input", {
      type: "radio", name: group.id, value: option.name, checked: option.name === name, change: () => chosen(option.name),
    });
    return element("label", {}, radio, element("span", {}, option.label ?? option.name));
  });
  group.replaceChildren(...labels);
}

/** What is chosen in such a group. */
export const choice = (group) => group.querySelector("input:checked")?.value;

/** Let Enter send the form that the field is in; with Shift it begins a line. */
export function submitOnEnter(field) {
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    const button = field.form.querySelector(".primary");
    if (!button.disabled) field.form.requestSubmit(button);
  });
}

/** Tell a thing that needs no answer, for a moment. */
export function toast(words) {
  say("toast", words);
  clearTimeout(toast.timer);
  toast.timer = setTimeout(() => say("toast", null), 2500);
}

/** Seconds as one says them. */
export function seconds(value) {
  if (value < 1) return `${Math.max(value, 0.01).toFixed(2)} s`;
  if (value < 10) return `${value.toFixed(1)} s`;
  if (value < 90) return `${Math.round(value)} s`;
  return `${Math.round(value / 60)} min`;
}

/** A moment as a day. */
export const day = (moment) => new Date(moment).toLocaleDateString([], { day: "numeric", month: "long" });

/** The code points of a text, which is what the API counts in. */
export const characters = (text) => Array.from(text);

/** Do it; what goes wrong is said above the page, unless one has gone elsewhere meanwhile. */
export async function attempt(action) {
  try {
    return await action();
  } catch (problem) {
    if (problem.name !== "AbortError") say("notice", problem.message);
    return null;
  }
}
