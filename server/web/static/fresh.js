// Some parts of pages ask for themselves every few seconds. The server names each answer (ETag); we
// say which one is shown, and it answers 304 where that is still right. Nothing is replaced then.
// The names are kept in this page alone, because the browser may not store our answers.

const shown = new Map();

document.addEventListener("htmx:configRequest", (event) => {
  const { verb, path, elt, headers } = event.detail;
  const known = shown.get(elt.id);
  if (verb === "get" && known?.path === path) headers["If-None-Match"] = known.etag;
});

document.addEventListener("htmx:afterSwap", (event) => {
  const { xhr, target, pathInfo, requestConfig } = event.detail;
  const etag = xhr.getResponseHeader("ETag");
  if (!target.id) return;
  // Anything else that came into this part ends what is known of it.
  if (etag && requestConfig.verb === "get") shown.set(target.id, { path: pathInfo.requestPath, etag });
  else shown.delete(target.id);
});
