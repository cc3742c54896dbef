import { $, element, show } from "./dom.js";
import * as brush from "./brush.js";

export const same = (one, other) => one.toLowerCase() === other.toLowerCase();

let words = [];
let seen = true; // whether the model can tell where a word is
let blend = [];
let keep = [];
let suggested = []; // where it may change as long as the person has not said so
let decided = false; // whether the person has said where it may change
let given = null; // where a request says that it may, until its words are known
let changed = () => {};
let wide = () => false;

const confined = () => given?.blend ?? (decided ? blend : brush.painted() ? [] : suggested);

/** Where the picture may change, by words of the prompts, whether the person has said so, and where it may not after all. */
export function chosen() {
  const where = confined();
  return { blend_words: where.length ? where : null, decided: decided || Boolean(given), subtract_words: keep };
}

/** Take these over from a request; `isWide` says of a word whether it is of the whole picture. */
export function begin(params, isWide, tell) {
  blend = [];
  given = params && "blend_words" in params ? { blend: params.blend_words ?? [] } : null;
  keep = params?.subtract_words ?? [];
  decided = false;
  [changed, wide] = [tell, isWide];
}

/** Offer the words of a comparison, if the model can tell where they are; choices of words that are gone are dropped. */
export function offer(compared, sees) {
  seen = sees;
  const gone = compared.source.filter((word) => word.change !== "kept");
  words = (seen ? [...gone, ...compared.target] : []).filter(
    (word, at, all) => all.findIndex((other) => same(other.text, word.text)) === at,
  );
  const things = compared.swapped && !words.some((word) => word.change === "changed" && wide(word.text));
  suggested = !seen ? [] : compared.chosen ? (compared.chosen.params.blend_words ?? []) : things ? "changed" : [];
  if (given) {
    // What the page would have chosen by itself goes on to follow the words.
    blend = given.blend;
    decided = JSON.stringify(blend) !== JSON.stringify(suggested);
    given = null;
  }
  const there = (text) => words.some((word) => same(word.text, text));
  if (blend !== "changed" && blend.length) {
    blend = blend.filter(there);
    decided = blend.length > 0;
  }
  keep = keep.filter(there);
  paint();
}

/** Show the choices anew, as after a stroke of the brush. */
export function paint() {
  const where = confined();
  const anywhere = where !== "changed" && !where.length;
  const choose = (value) => () => [decided, blend] = [true, value];
  const places = [
    chip("anywhere", "wide", anywhere && !brush.painted(), () => (choose([])(), brush.clear())),
    ...(seen ? [chip("where words change", "wide", where === "changed", choose("changed"))] : []),
    chip("where I paint", "wide", brush.painted() > 0, () => brush.open(), { id: "by-hand", "aria-expanded": String(brush.isOpen()) }),
    ...words.map((word) => {
      const on = where !== "changed" && where.some((text) => same(text, word.text));
      return chip(word.text, word.change, on, choose(without(where === "changed" ? [] : where, word.text, on)));
    }),
  ];
  fill($("places"), places);
  const kept = words.map((word) => {
    const on = keep.some((text) => same(text, word.text));
    return chip(word.text, word.change, on, () => (keep = without(keep, word.text, on)), { "aria-label": `Keep ${word.text}` });
  });
  fill($("kept"), kept);
  $("keeping-words").querySelector("summary").dataset.now = keep.join(", ");
  show("keeping-words", words.length > 0);
  $("blend-hint").textContent = hint(where, anywhere);
}

function hint(where, anywhere) {
  const part = brush.painted();
  if (part) return `You painted ${Math.max(1, Math.round(part * 100))} % of the picture. Everywhere else it is kept.`;
  if (anywhere) return `${seen ? "Click words, or paint," : "Paint"} to confine the change to a place.`;
  return "Everywhere else the picture is kept.";
}

const without = (list, text, on) => (on ? list.filter((other) => !same(other, text)) : [...list, text]);

function fill(group, chips) {
  const focused = [...group.children].indexOf(document.activeElement);
  group.replaceChildren(...chips);
  if (focused >= 0) chips[Math.min(focused, chips.length - 1)].focus();
}

function chip(label, kind, on, choose, more = {}) {
  const click = () => {
    choose();
    paint();
    changed();
  };
  return element("button", { type: "button", class: `chip ${kind}`, "aria-pressed": String(on), click, ...more }, label);
}
