import { send } from "./api.js";

const KEPT = 120;
const urls = new Map();

/** The picture at a path of the API as a URL that an <img> can load, key or no key. */
export function picture(path) {
  const known = urls.get(path);
  urls.delete(path);
  const url = known ?? fetchUrl(path);
  urls.set(path, url);
  url.catch(() => urls.delete(path));
  if (urls.size > KEPT) {
    const [oldest, promised] = urls.entries().next().value;
    urls.delete(oldest);
    promised.then(URL.revokeObjectURL, () => {});
  }
  return url;
}

/** Put the picture at this path into the <img>, unless another has been asked for meanwhile. */
export async function put(image, path) {
  if (image.dataset.path === path) return;
  image.dataset.path = path;
  const url = await picture(path);
  if (image.dataset.path === path) image.src = url;
}

/** Put a picture that changes all the time into the <img>, if it is still `wanted` once it is there. */
export async function putFresh(image, path, wanted) {
  const url = await fetchUrl(path);
  if (!wanted()) return;
  delete image.dataset.path;
  image.src = url;
  await image.decode().catch(() => {});
  URL.revokeObjectURL(url);
}

async function fetchUrl(path) {
  return URL.createObjectURL(await (await send(path)).blob());
}
