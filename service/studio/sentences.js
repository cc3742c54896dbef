import { postJson } from "./api.js";
import { $, characters, element, say } from "./dom.js";
import { isAuto } from "./settings.js";

const DELAY_MS = 120;
const MOST = 8;

let source = "";
let known = new Map(); // by sentence, how it compares as it stands, and as what it means if it is an instruction
let heard = () => {};
let timer = null;

/** What the picture is to show: a sentence a line, a picture of each. */
export const targets = () => [...new Set($("target").value.split("\n").map((line) => line.trim()).filter(Boolean))];

/** What is wrong with the sentences themselves, or nothing. */
export function trouble() {
  const asked = targets();
  if (asked.length > MOST) return `At most ${MOST} sentences at a time.`;
  const same = asked.find((target) => unchanged(read(target)));
  if (same === undefined) return null;
  const which = asked.length > 1 ? `“${same}” is what it shows already.` : "That is what it shows already.";
  return `${which} Change a word, add some, or take some away.`;
}

/** The comparison that counts: where the service chooses, of what an instruction means. */
const read = (target) => (isAuto() ? known.get(target)?.meant : known.get(target)?.typed);

/** Resolves once what stands in the field now has been compared. */
export async function settled() {
  clearTimeout(timer);
  await compare();
}

/** Compare what is typed with this prompt from now on; `changed` gets every comparison. */
export function begin(prompt, asked, changed) {
  heard = changed;
  $("target").value = asked;
  against(prompt);
}

/** Compare with another prompt, and leave what is typed. */
export function against(prompt) {
  if (source !== prompt) known = new Map();
  source = prompt;
  paint();
  clearTimeout(timer);
  timer = setTimeout(compare, DELAY_MS);
}

/** Read what is typed again, as after a change of who chooses the method. */
export const again = () => against(source);

/** Colour words as they are typed. */
export function enable() {
  $("target").addEventListener("input", () => {
    say("target-error", null);
    paint();
    clearTimeout(timer);
    timer = setTimeout(compare, DELAY_MS);
  });
  $("one-more").addEventListener("click", () => {
    const field = $("target");
    const last = targets().at(-1) ?? source;
    field.value = [...targets(), last].join("\n");
    field.focus();
    field.setSelectionRange(field.value.length - last.length, field.value.length);
    field.dispatchEvent(new Event("input"));
  });
}

async function compare() {
  const [before, asked] = [source, targets()];
  if (!before.trim()) return;
  try {
    const missing = asked.filter((target) => !known.has(target));
    const answers = await Promise.all(missing.map((target) => understand(before, target)));
    if (before !== source) return;
    missing.forEach((target, which) => known.set(target, answers[which]));
    if (asked.join("\n") !== targets().join("\n")) return;
    const all = asked.length ? merged(asked.map(read)) : await nothing(before);
    paint();
    paintSource(all.source);
    say("reading", asked.length > 1 ? `${asked.length} sentences, a picture of each` : meaning(asked[0]) + inWords(all));
    heard(all);
  } catch (problem) {
    if (asked.join("\n") === targets().join("\n")) say("target-error", problem.message);
  }
}

async function understand(before, target) {
  const typed = await postJson("/prompts/compare", { source: before, target });
  const prompt = typed.chosen?.prompts[0] ?? target;
  const meant = prompt === target ? typed : await postJson("/prompts/compare", { source: before, target: prompt });
  return { typed, meant, prompt };
}

const isInstruction = (target) => read(target) !== known.get(target)?.typed;
const meaning = (target) => (target && isInstruction(target) ? `“${known.get(target).prompt}”: ` : "");
const nothing = (prompt) => postJson("/prompts/compare", { source: prompt, target: "" });

const unchanged = (compared) =>
  compared !== undefined && [...compared.source, ...compared.target].every((word) => word.change === "kept");

/** Several comparisons with one source as one: a word of the source counts as changed if any of them changes it. */
function merged(all) {
  const source = all[0].source.map((word, which) => all.map((one) => one.source[which]).find(({ change }) => change !== "kept") ?? word);
  const swapped = all.every((one) => one.edit === "replace" && !unchanged(one));
  const warnings = all.flatMap((one) => one.warnings);
  return {
    source,
    target: all.flatMap((one) => one.target),
    swapped,
    chosen: all.length === 1 ? all[0].chosen : null,
    warnings: warnings.filter((one, at) => warnings.findIndex((other) => other.message === one.message) === at),
  };
}

/** Lay the coloured words under the field's own text, which is transparent. */
function paint() {
  const parts = $("target").value.split("\n").flatMap((line) => {
    const start = line.length - line.trimStart().length;
    return [line.slice(0, start), ...inked(line.slice(start), isInstruction(line.trim()) ? [] : (read(line.trim())?.target ?? [])), "\n"];
  });
  // A line that is empty at the end counts only with something on it.
  $("ink").replaceChildren(...parts.slice(0, -1), "\u200b");
}

const paintSource = (words) => $("said").replaceChildren(...inked(source, words));

function inked(line, words) {
  const text = characters(line);
  const parts = [];
  let at = 0;
  for (const word of words) {
    parts.push(text.slice(at, word.start).join(""));
    parts.push(element("span", { class: word.change }, word.text));
    at = word.stop;
  }
  return [...parts, text.slice(at).join("")];
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
