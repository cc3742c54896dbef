import { postJson } from "./api.js";
import { $, choices, describe, element, say, seconds, show } from "./dom.js";
import { warn } from "./models.js";
import { onStage } from "./pictures.js";
import { peek, showResult } from "./stage.js";
import { takings } from "./take.js";

let latest = null;

/**
 * Show what an edit made: the picture beside its source, where words look, what can be taken away, and figures.
 * `further` is called with the number of the picture that is to be edited in its turn.
 */
export async function showOutcome(image, job, further, which = 0) {
  const mine = (latest = {});
  const made = job.result.images[which];
  const prompts = job.result.images.map(({ prompt }, at) => ({ name: String(at), label: prompt }));
  choices($("variants"), prompts, String(which), (name) => showOutcome(image, job, further, Number(name)));
  show("variants", prompts.length > 1);
  describe($("figures"), figures(job, made.metrics));
  say("why", job.result.chosen?.why);
  warn("outcome-doubts", news(job, image));
  const again = element("button", { type: "button", class: "link", click: () => further(job, which), "aria-label": `Edit this one: ${made.prompt}` }, "Edit this one");
  $("take").replaceChildren(...takings(made), again);
  show("outcome");
  const pair = { source: job.result.inversion?.prompt ?? image.prompt, target: made.prompt };
  const before = made.resolution === "source" ? onStage(image.source_url, image) : working(image);
  const after = made.resolution === "source" ? onStage(made.url, image) : made.url;
  const [compared] = await Promise.all([postJson("/prompts/compare", pair), showResult(before, after, made.prompt)]);
  if (mine !== latest) return;
  const looks = partners(made.attention ?? [], compared).map(look);
  if (made.mask_url) {
    looks.push(look({ label: "the mask", change: "wide", words: "Where it may change", veil: made.mask_url }));
  }
  const title = element("span", { class: "soft" }, made.attention ? "Where each word looks" : "Look at");
  $("looks").replaceChildren(...(looks.length ? [title, ...looks] : []));
}

/** Warnings that the page does not show elsewhere: of words it does as they are typed, of the picture beside that. */
function news(job, image) {
  const shown = new Set((image.result?.warnings ?? []).map(({ code }) => code));
  return job.warnings.filter(({ code, word }) => !word && !shown.has(code));
}

/** The picture as the model sees it; where that is not known yet, as it was sent. */
export const working = (image) => image.result?.source_url ?? onStage(image.source_url, image);
/** The words whose attention was drawn; one that took another's place is shown beside that one. */
function partners(attention, compared) {
  const drawn = (word) => attention.find((entry) => entry.word.toLowerCase() === word.text.toLowerCase());
  const rows = compared.target.map((word) => {
    const other = word.change === "changed" ? compared.source[word.others[0]] : word;
    return row(word.text, word.change, other.text, drawn(other)?.source_url, drawn(word)?.url);
  });
  const gone = compared.source.filter((word) => word.change === "removed");
  rows.push(...gone.map((word) => row(word.text, word.change, word.text, drawn(word)?.source_url)));
  return rows.filter(
    ({ label, before, after }, at) => (before || after) && rows.findIndex((other) => other.label === label) === at,
  );
}

function row(label, change, other, before, after) {
  const both = other === label ? `“${label}” looks` : `“${other}” and “${label}” look`;
  return { label, change, words: `Where ${both}`, before, after };
}

/** Take the result away. */
export function hideOutcome() {
  latest = null;
  show("outcome", false);
  $("looks").replaceChildren();
}

function look({ label, change, words, ...pictures }) {
  const button = element("button", { type: "button", class: `chip ${change}`, "aria-pressed": "false", "aria-label": words }, label);
  const open = () => peek(words, pictures);
  const held = () => $("looks").querySelector("[aria-pressed=true]");
  const close = () => (held() ?? { open: () => peek(null) }).open();
  button.open = open;
  button.addEventListener("pointerenter", (event) => event.pointerType === "mouse" && open());
  button.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && close());
  button.addEventListener("focus", open);
  button.addEventListener("blur", close);
  button.addEventListener("click", () => {
    const on = held() !== button;
    for (const other of $("looks").querySelectorAll("button")) other.setAttribute("aria-pressed", "false");
    button.setAttribute("aria-pressed", String(on));
    if (on) open();
    else peek(null);
  });
  return button;
}

function figures({ request, result }, metrics) {
  const { chosen, timings, source_cached: cached, features_cached: features, inversion } = result;
  const took = timings.source + timings.edit + timings.save;
  const outside = metrics.psnr_outside;
  return [
    ["Took", seconds(took), `waited ${seconds(timings.queued)}, source ${seconds(timings.source)}, edit ` +
      `${seconds(timings.edit)}, saving ${seconds(timings.save)}`],
    ["Method", chosen ? `${chosen.method} on ${chosen.inversion}, chosen for these words` : request.method],
    ["Prepared by", inversion && `${inversion.method}, ${inversion.steps} steps, ${cached ? "from the cache" : "made anew"}`],
    ["What the model sees in it", features ? "from the cache" : "computed anew"],
    ["PSNR", decibels(metrics.psnr), "of the edit against the source, over the whole picture"],
    ["SSIM", metrics.ssim.toFixed(3), "of the edit against the source, over the whole picture"],
    ["Outside the mask", outside == null ? null : outside >= 100 ? "identical" : decibels(outside),
      "PSNR where nothing may change"],
  ];
}

/** A peak signal-to-noise ratio as one writes it. */
export const decibels = (value) => (value >= 100 ? "identical" : `${value.toFixed(1)} dB`);
