import { at } from "./api.js";
import { element } from "./dom.js";

/* Every edit here was made with the bundled model as the page asks for it, and looked at. */
const EXAMPLES = [
  {
    name: "cat",
    prompt: "a cat on grass",
    edits: { "a fox": "a fox on grass", "on wood": "a cat on wood", "a watercolour": "a watercolour of a cat on grass" },
  },
  {
    name: "fox",
    prompt: "a fox on snow",
    edits: { "a lion": "a lion on snow", "on grass": "a fox on grass", "a sketch": "a sketch of a fox on snow" },
  },
  {
    name: "balloon",
    prompt: "a blue balloon in the sky",
    edits: {
      pink: "a pink balloon in the sky",
      purple: "a purple balloon in the sky",
      "a sketch": "a sketch of a blue balloon in the sky",
    },
  },
  {
    name: "apple",
    prompt: "a watercolour of an apple on wood",
    edits: {
      "a pear": "a watercolour of a pear on wood",
      "on grass": "a watercolour of an apple on grass",
      "a photo": "a photo of an apple on wood",
    },
  },
];

/** Offer the examples in this element; `take` gets the file, what it shows and what it should show, if that was chosen. */
export function offer(group, take) {
  group.replaceChildren(...EXAMPLES.map((each) => card(each, take)));
}

/** Offer sentences that work for a picture of this prompt, if it is an example's; `write` gets the one that is chosen. */
export function suggest(group, prompt, write) {
  const edits = Object.values(EXAMPLES.find((each) => each.prompt === prompt)?.edits ?? {});
  const idea = (sentence) => element("button", { type: "button", class: "link", click: () => write(sentence) }, sentence);
  group.replaceChildren(...(edits.length ? ["Try ", ...edits.map(idea)] : []));
  group.hidden = !edits.length;
}

function card({ name, prompt, edits }, take) {
  const path = at(`/studio/examples/${name}.png`);
  const choose = async (target) => take(await (await fetch(path)).blob(), prompt, target);
  const picture = element("img", { src: path, alt: "", width: 64, height: 64 });
  const whole = element(
    "button",
    { type: "button", class: "whole", click: () => choose(null), "aria-label": `Example: ${prompt}`, title: prompt },
    picture,
  );
  const ideas = Object.entries(edits).map(([label, target]) =>
    element("button", { type: "button", class: "link", click: () => choose(target), "aria-label": `Turn ${prompt} into ${target}` }, label),
  );
  return element("li", {}, whole, ...ideas);
}
