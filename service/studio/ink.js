import { postJson } from "./api.js";
import { $, characters, element, say } from "./dom.js";

const DELAY_MS = 120;

let source = "";
let latest = null;
let compared = null;
let heard = () => {};
let timer = null;

/** Resolves once what stands in the field now has been compared. */
export async function settled() {
  clearTimeout(timer);
  if (compared !== $("target").value) await compare();
}

/** Compare what is typed with this prompt from now on; `changed` gets every comparison. */
export function begin(prompt, target, changed) {
  source = prompt;
  heard = changed;
  latest = compared = null;
  write(target);
}

/** Put another text into the field. */
export function write(target) {
  $("target").value = target;
  paint();
  compare();
}

/** Colour words as they are typed. */
export function enable() {
  $("target").addEventListener("input", () => {
    say("target-error", null);
    paint();
    clearTimeout(timer);
    timer = setTimeout(compare, DELAY_MS);
  });
}

async function compare() {
  const [before, target] = [source, $("target").value];
  try {
    const answer = await postJson("/prompts/compare", { source: before, target });
    if (before !== source || target !== $("target").value) return;
    [latest, compared] = [answer, target];
    paint();
    paintSource();
    say("reading", inWords(answer));
    heard(answer);
  } catch (problem) {
    if (target === $("target").value) say("target-error", problem.message);
  }
}

/** Lay the coloured words under the field's own text, which is transparent. */
function paint() {
  const text = characters($("target").value);
  const parts = [];
  let at = 0;
  for (const word of latest?.target ?? []) {
    if (text.slice(word.start, word.stop).join("") !== word.text) break;
    parts.push(text.slice(at, word.start).join(""));
    parts.push(element("span", { class: word.change }, word.text));
    at = word.stop;
  }
  // A line that is empty at the end counts only with something on it.
  $("ink").replaceChildren(...parts, `${text.slice(at).join("")}\u200b`);
}

function paintSource() {
  const text = characters(source);
  const parts = [];
  let at = 0;
  for (const word of latest.source) {
    parts.push(text.slice(at, word.start).join(""));
    parts.push(element("span", { class: word.change }, word.text));
    at = word.stop;
  }
  $("said").replaceChildren(...parts, text.slice(at).join(""));
}

function inWords({ source: before, target: after }) {
  const said = [];
  const told = new Set();
  after.forEach((word) => {
    const key = word.others.join();
    if (word.change !== "changed" || told.has(key)) return;
    told.add(key);
    const now = after.filter((other) => other.change === "changed" && other.others.join() === key);
    said.push(`${phrase(word.others.map((at) => before[at]))} → ${phrase(now)}`);
  });
  const added = after.filter((word) => word.change === "added");
  const removed = before.filter((word) => word.change === "removed");
  if (added.length) said.push(`new: ${phrase(added)}`);
  if (removed.length) said.push(`gone: ${phrase(removed)}`);
  if (!said.length) return after.length ? "The same words as before." : "Change a word, add some, or take some away.";
  return said.join(" · ");
}

const phrase = (words) => words.map((word) => word.text).join(" ");
