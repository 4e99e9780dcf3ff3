// On a wide screen a row of a list opens its short page beside the list, and the address keeps which
// one. On a narrow screen, and without this script, the link of the row opens the whole page.

const PARAMETER = "open";
const ID = /^[0-9a-f-]{36}$/;
const wide = matchMedia("(min-width: 1280px)");
// An empty list has no panel; nothing can be opened then.
const panel = document.getElementById("beside") ?? document.createElement("div");
const part = document.getElementById("beside-part") ?? document.createElement("div");

const rowOf = (id) => document.querySelector(`[data-open="${id}"]`);
const rows = () => document.querySelectorAll("[data-open]");
const asked = () => new URLSearchParams(location.search).get(PARAMETER) ?? "";

function mark(id) {
  for (const row of rows()) {
    if (row.dataset.open === id) row.setAttribute("aria-current", "true");
    else row.removeAttribute("aria-current");
  }
}

function keep(id) {
  const address = new URL(location.href);
  if (id) address.searchParams.set(PARAMETER, id);
  else address.searchParams.delete(PARAMETER);
  if (address.href !== location.href) history.pushState(null, "", address);
}

// `focuses`: whether the keyboard goes to what is shown, as after a click.
function show(id, focuses) {
  panel.dataset.shown = id;
  panel.dataset.focuses = focuses ? "true" : "";
  panel.hidden = false;
  mark(id);
  // The panel asks, not the row: of several rows pressed quickly, the last one is shown.
  window.htmx.ajax("GET", `${panel.dataset.path}/${id}/short`, { source: panel, target: part, swap: "innerHTML" });
}

function close() {
  panel.hidden = true;
  panel.dataset.shown = "";
  part.replaceChildren();
  mark("");
}

function leave() {
  const row = rowOf(panel.dataset.shown);
  close();
  keep("");
  row?.focus();
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-open], [data-beside-close]");
  if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  if (link.matches("[data-beside-close]")) return void leave();
  if (!wide.matches) return;
  event.preventDefault();
  keep(link.dataset.open);
  show(link.dataset.open, true);
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || panel.hidden) return;
  const at = document.activeElement;
  if (at === document.body || panel.contains(at) || at.matches("[data-open]")) leave();
});

document.addEventListener("htmx:afterSettle", ({ detail }) => {
  // The list was drawn anew, by a search for example.
  if (detail.target !== part) return mark(panel.dataset.shown ?? "");
  // An answer that comes after the panel was closed.
  if (panel.hidden) return part.replaceChildren();
  if (panel.dataset.focuses) part.querySelector("h2")?.focus({ preventScroll: true });
});

// What cannot be shown here says why on its own page: signed out, erased, not one's own course. That
// page takes the place of this one, as going back to it would only fail again.
for (const name of ["htmx:responseError", "htmx:sendError"]) {
  panel.addEventListener(name, ({ target }) => {
    if (target === panel && panel.dataset.shown) location.replace(`${panel.dataset.path}/${panel.dataset.shown}`);
  });
}

function follow() {
  const id = asked();
  if (!ID.test(id) || !wide.matches) {
    const row = panel.contains(document.activeElement) ? rowOf(panel.dataset.shown) : null;
    close();
    return void row?.focus();
  }
  show(id, false);
  rowOf(id)?.scrollIntoView({ block: "nearest" });
}
addEventListener("popstate", follow);
addEventListener("load", follow);
