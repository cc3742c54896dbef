import { postJson } from "./api.js";
import { $, choices, describe, element, seconds, show } from "./dom.js";
import { picture } from "./pictures.js";
import { peek, showResult } from "./stage.js";

/**
 * Show what an edit made: the picture beside its source, where words look, what can be taken away, and figures.
 * `further` is called with the number of the picture that is to be edited in its turn.
 */
export async function showOutcome(image, job, further, which = 0) {
  const made = job.result.images[which];
  const prompts = job.result.images.map(({ prompt }, at) => ({ name: String(at), label: prompt }));
  choices($("variants"), prompts, String(which), (name) => showOutcome(image, job, further, Number(name)));
  show("variants", prompts.length > 1);
  describe($("figures"), figures(job.result, made.metrics));
  $("take").replaceChildren(...downloads(made), small("Edit this one", () => further(job, which)));
  show("outcome");
  const pair = { source: job.result.inversion?.prompt ?? image.prompt, target: made.prompt };
  const [compared] = await Promise.all([
    postJson("/prompts/compare", pair),
    showResult(made.resolution === "source" ? image.source_url : image.result.source_url, made.url, made.prompt),
  ]);
  const looks = partners(made.attention ?? [], compared).map(look);
  if (made.mask_url) {
    const where = { before: made.mask_url, after: made.mask_url };
    looks.push(look({ label: "the mask", change: "wide", words: "Where it may change", ...where }));
  }
  $("looks").replaceChildren(element("span", { class: "soft" }, "Where each word looks"), ...looks);
}

const small = (label, click) => element("button", { type: "button", class: "link", click }, label);

/** The picture at every size that there is. */
function downloads(made) {
  const sizes = [["Download at full size", made.full_url], ["Download as the model made it", made.model_url]];
  const known = sizes.filter(([, path]) => path);
  return (known.length ? known : [["Download", made.url]]).map(([label, path]) => small(label, () => save(path, made.prompt)));
}

async function save(path, prompt) {
  const suffix = path.split("?")[0].split(".").pop();
  const link = element("a", { href: await picture(path), download: `${prompt.replace(/[^\p{L}\p{N}]+/gu, "-")}.${suffix}` });
  link.click();
}

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
  show("outcome", false);
  $("looks").replaceChildren();
}

function look({ label, change, words, before, after }) {
  const button = element("button", { type: "button", class: `chip ${change}`, "aria-pressed": "false" }, label);
  const open = () => peek(words, before, after);
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

function figures({ timings, source_cached: cached, features_cached: features, chosen }, metrics) {
  const took = timings.source + timings.edit + timings.save;
  const outside = metrics.psnr_outside;
  return [
    ["Took", seconds(took), `waited ${seconds(timings.queued)}, source ${seconds(timings.source)}, edit ` +
      `${seconds(timings.edit)}, saving ${seconds(timings.save)}`],
    ["Chosen", chosen ? `${chosen.method} on ${chosen.inversion}` : null, chosen?.why],
    ["Inversion", cached ? "from the cache" : "made anew"],
    ["Source features", features ? "from the cache" : "computed"],
    ["PSNR", decibels(metrics.psnr), "of the edit against the source, over the whole picture"],
    ["SSIM", metrics.ssim.toFixed(3), "of the edit against the source, over the whole picture"],
    ["Outside the mask", outside == null ? null : outside >= 100 ? "identical" : decibels(outside),
      "PSNR where nothing may change"],
  ];
}

/** A peak signal-to-noise ratio as one writes it. */
export const decibels = (value) => (value >= 100 ? "identical" : `${value.toFixed(1)} dB`);
