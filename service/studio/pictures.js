import { send } from "./api.js";

const KEPT = 120;
const LARGEST = 1600; // pixels a picture on the stage is wide at most, on screens of two pixels to the point too
const urls = new Map();

/** The address of a picture at most so wide: small, since WebP. */
export const thumbnail = (path, width) => `${path.split("?")[0].replace(/\.(png|jpg|webp)$/, "")}.webp?width=${width}`;

/** The address of a picture as the stage needs it: itself, unless the image is larger than any stage. */
export const onStage = (path, image) => (image.width > LARGEST ? thumbnail(path, LARGEST) : path);

/** The bytes of the picture at a path of the API. */
export const blob = async (path, options) => (await send(path, options)).blob();

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
  const url = await fetchUrl(path, { patient: false });
  if (!wanted()) return;
  delete image.dataset.path;
  image.src = url;
  await image.decode().catch(() => {});
  URL.revokeObjectURL(url);
}

async function fetchUrl(path, options) {
  return URL.createObjectURL(await blob(path, options));
}
