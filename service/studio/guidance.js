import { $, show } from "./dom.js";

/** Show the guidance of a request: its scale, its negative prompt, and the prompt that its style is read from. */
export function begin({ guidance_scale: scale, negative_prompt: negative, params }, changed) {
  $("guidance").value = scale ?? "";
  $("negative").value = negative ?? "";
  $("look").value = params?.value_prompt ?? "";
  for (const field of [$("guidance"), $("negative"), $("look")]) {
    field.oninput = () => {
      tellChoice();
      changed();
    };
  }
  tellChoice();
}

/** Offer a prompt for the look, if the method's schema has one. */
export function suit(schema) {
  for (const id of ["look-dial", "look-hint"]) show(id, "value_prompt" in schema.properties);
  tellChoice();
}

/** The guidance scale, the negative prompt and the prompt that gives the look; null is the service's to choose. */
export function chosen() {
  const scale = $("guidance").valueAsNumber;
  const look = $("look-dial").hidden ? null : $("look").value.trim();
  return { scale: Number.isNaN(scale) ? null : scale, negative: $("negative").value.trim() || null, look: look || null };
}

function tellChoice() {
  const { scale, negative, look } = chosen();
  const said = [scale === null ? null : `prompt followed ${scale}`, negative && `not “${negative}”`, look && `the look of “${look}”`];
  $("style").querySelector("summary").dataset.now = said.filter(Boolean).join(", ");
}
