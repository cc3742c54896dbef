/* What the service refuses, in words for a person: names of fields and messages of validators never reach the page. */

const TITLES = {
  image: "the picture",
  mask: "what you painted",
  region: "close up",
  prompt: "what it should show",
  prompts: "what it should show",
  source_prompt: "what it shows",
  steps: "steps",
  width: "width",
  height: "height",
  seed: "seed",
  guidance_scale: "how closely the prompt is followed",
  negative_prompt: "it is not to show",
  reweight: "how much each word counts",
  blend_words: "it may change",
  subtract_words: "it keeps",
};

const REFUSED = {
  missing: () => "is missing",
  string_too_short: () => "is empty",
  string_too_long: (msg) => `is too long: it takes ${number(msg)} characters at most`,
  too_long: () => "has too many parts",
  less_than_equal: (msg) => `takes ${number(msg)} at most`,
  greater_than_equal: (msg) => `takes ${number(msg)} at least`,
  less_than: (msg) => `takes less than ${number(msg)}`,
  greater_than: (msg) => `takes more than ${number(msg)}`,
  literal_error: (msg) => `takes ${msg.replace("Input should be ", "")}`,
  value_error: (msg, name) => CANNOT[name] ?? "cannot be like this",
};

const CANNOT = {
  region: "takes a part of the picture, 16 pixels wide and high at least, and at most twice as long as wide",
  reweight: "takes one number for each word",
};

const number = (msg) => msg.match(/-?[\d.]+(?!.*\d)/)?.[0] ?? "that";

/** Learn what the parameters of these methods are called on the page. */
export function learn(methods) {
  for (const { params_schema: schema } of methods) {
    for (const [name, { title }] of Object.entries(schema.properties)) TITLES[name] ??= title;
  }
}

/** What a problem says, as one says it to a person. */
export function plainly(problem) {
  if (problem.code === "unknown") return `Something went wrong in the service (${problem.status}). Try again.`;
  if (problem.code === "deadline_exceeded") return "It timed out. Try again, or with fewer steps.";
  const later = problem.status === 429 && problem.after ? ` Try again in ${problem.after} s.` : "";
  return (refused(problem) ?? spoken(named(problem) ?? problem.detail ?? "")) + later;
}

function refused({ code, errors }) {
  if (code !== "validation_error" || !errors?.length) return null;
  const { loc, msg, type } = errors[0];
  const name = loc.findLast((part) => TITLES[part]);
  const title = TITLES[name];
  if (!title) return "The service does not take this. Reload the page and try again.";
  const word = loc.includes("reweight") && loc.at(-1) !== "reweight" ? ` (“${loc.at(-1)}”)` : "";
  const kind = Object.keys(REFUSED).find((one) => one === type);
  const why = kind ? REFUSED[kind](msg, name) : type.startsWith("int") ? "takes a whole number" : "takes something else";
  const shown = type.startsWith("float") || type === "finite_number" ? "takes a number" : why;
  return `“${title}”${word} ${shown}.`;
}

/** The same words with the page's names for parameters. */
export function spoken(words) {
  const known = Object.keys(TITLES).filter((name) => name.includes("_"));
  return words.replace(new RegExp(`'?\\b(${known.join("|")})\\b'?`, "g"), (_, name) => `“${TITLES[name]}”`);
}

/** A parameter by the name that it has on the page. */
function named({ code, parameter, expected }) {
  const title = TITLES[parameter?.split(".")[0]];
  return code === "invalid_parameter" && title && expected ? `“${title}” takes ${expected}.` : null;
}
