// The code on a phone: htmx fetches a new one every 20 s. Here: what happens when it cannot.
// A code that has ended is hidden, so that nobody holds it up in vain.

const LIFETIME_MS = 60_000;
let shownAt = Date.now();
let ending = 0;

const code = () => document.getElementById("own-code");
const offline = () => document.getElementById("own-offline");

function started() {
  shownAt = Date.now();
  clearTimeout(ending);
  ending = setTimeout(ended, LIFETIME_MS);
  code().hidden = false;
  offline().hidden = true;
}

function ended() {
  code().hidden = true;
  offline().hidden = false;
}

function failed() {
  offline().hidden = false;
  if (Date.now() - shownAt >= LIFETIME_MS) ended();
}

function refresh() {
  // A phone that slept has an old code on its screen.
  if (Date.now() - shownAt >= LIFETIME_MS) code().hidden = true;
  htmx.trigger("#own-code", "refresh");
}

for (const name of ["htmx:sendError", "htmx:responseError", "htmx:timeout"]) {
  document.addEventListener(name, failed);
}
document.addEventListener("htmx:afterSwap", started);
document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
window.addEventListener("online", refresh);
started();
