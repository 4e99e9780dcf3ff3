"use strict";
window.addEventListener("load", () => {
  const form = document.getElementById("key-form");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const key = document.getElementById("key").value;
    const headers = { "X-API-Key": key };
    const answer = await fetch("openapi.json", { headers });
    document.getElementById("key-problem").hidden = answer.ok;
    if (!answer.ok) return;
    form.hidden = true;
    SwaggerUIBundle({
      spec: await answer.json(),
      dom_id: "#swagger-ui",
      deepLinking: true,
      validatorUrl: null, // nothing is sent to another site
      requestInterceptor: (request) => {
        request.headers["X-API-Key"] ??= key;
        return request;
      },
    });
  });
});
