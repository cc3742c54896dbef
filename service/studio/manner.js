import { $ } from "./dom.js";

/** Show how strongly a request follows its prompt, and whose look it takes. */
export function begin({ guidance_scale: scale, params }, changed) {
  $("guidance").value = scale ?? "";
  $("look").value = params?.value_prompt ?? "";
  for (const field of [$("guidance"), $("look")]) {
    field.oninput = () => {
      tellChoice();
      changed();
    };
  }
  tellChoice();
}

/** The guidance scale and the prompt that gives the look; null is the service's to choose. */
export function chosen() {
  const scale = $("guidance").valueAsNumber;
  return { scale: Number.isNaN(scale) ? null : scale, look: $("look").value.trim() || null };
}

function tellChoice() {
  const { scale, look } = chosen();
  const said = [scale === null ? null : `guidance ${scale}`, look && `the look of “${look}”`];
  $("manner").querySelector("summary").dataset.now = said.filter(Boolean).join(", ");
}
