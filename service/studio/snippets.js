/** The edit as lines for a shell; they leave the picture in edit.png, and need the key in the environment. */
export function curl(origin, request, keyed) {
  const body = quoted(JSON.stringify(whole(request)));
  const auth = keyed ? ' -H "Authorization: Bearer $PENTIMENTO_API_KEY"' : "";
  return [
    `api=${origin}`,
    `job=$(curl -sS $api/edit${auth} -H 'Content-Type: application/json' -H 'Prefer: wait=60' -d ${body})`,
    `url=$(echo "$job" | python3 -c 'import json, sys; print(json.load(sys.stdin)["result"]["images"][0]["url"])')`,
    `curl -sS${auth} -o edit.png "$api$url"`,
    "",
  ].join("\n");
}

/** The edit as a Python script; it leaves the picture in edit.png. */
export function python(origin, request) {
  const { image_id: image, prompt, prompts, ...rest } = whole(request);
  const options = Object.entries(rest).map(([name, value]) => `        ${name}=${literal(value)},`);
  return [
    "from pentimento import Client",
    "",
    `with Client(${literal(origin)}) as client:`,
    "    edit = client.edit(",
    `        ${literal(image)},`,
    `        ${literal(prompt ?? prompts)},`,
    ...options,
    "    )",
    '    edit.images[0].save("edit.png")',
    "",
  ].join("\n");
}

/** Without what is null or empty, which is what the service takes anyway; of an inversion it takes the image's own. */
function whole({ inversion, ...request }) {
  return inversion ? { ...trim(request), inversion } : trim(request);
}

function trim(value) {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return value;
  const said = Object.entries(value).map(([name, part]) => [name, trim(part)]);
  return Object.fromEntries(said.filter(([, part]) => part !== null && JSON.stringify(part) !== "[]" && JSON.stringify(part) !== "{}"));
}

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

function literal(value) {
  if (value === true) return "True";
  if (value === false) return "False";
  if (value === null) return "None";
  if (Array.isArray(value)) return `[${value.map(literal).join(", ")}]`;
  if (typeof value === "object") {
    return `{${Object.entries(value).map(([name, part]) => `${literal(name)}: ${literal(part)}`).join(", ")}}`;
  }
  return JSON.stringify(value);
}
