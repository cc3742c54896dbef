import { $, say } from "./dom.js";

let asking = null;

/** The key that the person gives, asked for once however many requests need it; throws the problem if none. */
export function askForKey(problem, refused) {
  asking ??= open(problem, refused).finally(() => (asking = null));
  return asking;
}

function open(problem, refused) {
  const dialog = $("key");
  say("key-error", refused ? problem.message : null);
  $("key-text").value = "";
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve, reject) => {
    dialog.addEventListener(
      "close",
      () => {
        const key = $("key-text").value.trim();
        $("key-text").value = "";
        if (dialog.returnValue === "yes" && key) resolve(key);
        else reject(problem);
      },
      { once: true },
    );
  });
}
