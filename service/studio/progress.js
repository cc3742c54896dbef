import { element, seconds } from "./dom.js";
import { ended } from "./events.js";

const DOING = {
  upload: "Sending the picture",
  encode: "Reading the picture",
  invert: "Preparing the picture",
  optimize: "Learning its style",
  find: "Finding the place",
  reconstruct: "Checking what was kept",
  mask: "Finding where to change it",
  edit: "Editing",
  paint: "Painting",
  decode: "Finishing it",
  save: "Keeping it",
};

const ticking = new Map();
setInterval(() => {
  for (const [root, tick] of ticking) root.isConnected ? tick() : ticking.delete(root);
}, 250);

/** A bar with words beside it; `paint` shows how a job goes in it, `label` is what the bar measures. */
export function meter(label, cancel) {
  const fill = element("span", {});
  const bar = element("div", { class: "bar", role: "progressbar", "aria-valuemin": 0, "aria-valuemax": 100, "aria-label": label }, fill);
  const doing = element("p", { class: "doing" });
  const eta = element("p", { class: "soft eta" });
  const button = element("button", { type: "button", class: "link cancel", "aria-label": `Cancel: ${label}`, click: cancel }, "Cancel");
  const root = element("div", { class: "meter" }, bar, doing, eta, button);
  let due = null;
  const tick = () => (eta.textContent = left(due));

  function paint(state) {
    const { progress, canceling } = state;
    const percent = progress?.percent ?? null;
    due = state.lost ? null : (state.due ?? null);
    doing.textContent = inWords(state);
    doing.dataset.step = progress?.total > 1 && !canceling ? `${progress.step} of ${progress.total}` : "";
    bar.classList.toggle("unknown", percent === null);
    if (percent === null) bar.removeAttribute("aria-valuenow");
    else bar.setAttribute("aria-valuenow", Math.round(percent));
    fill.style.inlineSize = `${percent ?? 0}%`;
    tick();
    if (due !== null) ticking.set(root, tick);
    button.disabled = Boolean(canceling);
  }
  return { root, doing, paint };
}

/** What is being done to a job in this state. */
export function inWords({ status, progress, lost, canceling }) {
  if (canceling) return "Canceling";
  if (lost) return "The service does not answer; trying again";
  if (ended(status)) return "Done";
  return status === "queued" ? "Waiting for its turn" : (DOING[progress?.phase] ?? "Beginning");
}

function left(due) {
  if (due === null) return "";
  const rest = Math.max(0, due - performance.now() / 1000);
  return rest < 1 ? "almost done" : `${seconds(rest)} left`;
}
