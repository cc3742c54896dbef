import { postJson } from "./api.js";
import { $, choice, say, submitOnEnter } from "./dom.js";
import { lookUp } from "./models.js";

/** Offer to have a picture painted from a sentence; `accepted` gets the service's answer, which names the image. */
export function enable(accepted) {
  lookUp($("paint-prompt"), "paint-doubts");
  submitOnEnter($("paint-prompt"));
  $("paint").addEventListener("submit", async (event) => {
    event.preventDefault();
    const answer = await ask();
    if (answer) accepted(answer);
  });
}

async function ask() {
  const prompt = $("paint-prompt").value.trim();
  say("paint-error", prompt ? null : "Say in a few words what it is to show.");
  if (!prompt) return null;
  $("paint-it").disabled = true;
  try {
    return await postJson("/generate", { prompt, ...given() });
  } catch (problem) {
    say("paint-error", problem.message);
    return null;
  } finally {
    $("paint-it").disabled = false;
  }
}

/** What is set; the rest is the service's to choose. */
function given() {
  const fields = [...$("painting").querySelectorAll("input")].map(({ name, type, value, valueAsNumber }) => [
    name,
    type === "number" ? valueAsNumber : value.trim(),
  ]);
  const set = fields.filter(([, value]) => value !== "" && !Number.isNaN(value));
  return { ...Object.fromEntries(set), ...(!$("which-model").hidden && { model: choice($("models")) }) };
}
