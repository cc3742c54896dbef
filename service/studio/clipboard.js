import { element, toast } from "./dom.js";

/** Copy a text, and say so; beyond localhost browsers lend the clipboard to https alone. */
export async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const field = element("textarea", { class: "unseen", readonly: true }, text);
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
  }
  toast(`Copied as ${what}`);
}
