/** Send a body and tell how much of it has gone, which fetch does not: `sent` gets a part of one. Answers as fetch. */
export function upload(path, { method, headers, body, signal }, sent) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(method, path);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.responseType = "blob";
    request.upload.onprogress = ({ loaded, total }) => total && sent(loaded / total);
    request.onload = () => {
      const after = request.getResponseHeader("Retry-After");
      resolve(new Response(request.response, { status: request.status, headers: after ? { "Retry-After": after } : {} }));
    };
    request.onerror = () => reject(new TypeError("no answer"));
    request.onabort = () => reject(new DOMException("no longer wanted", "AbortError"));
    signal?.addEventListener("abort", () => request.abort(), { once: true });
    request.send(body);
  });
}
