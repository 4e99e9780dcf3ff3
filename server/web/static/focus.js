// Parts of some pages are replaced every few seconds. The keyboard stays on the link or button that
// it was on: without this it would go back to the top of the page.

let kept = null;

// How to find an element again in the new part: by id, else by what it leads to.
function selectorOf(element) {
  if (element.id) return `#${CSS.escape(element.id)}`;
  const tag = element.localName;
  for (const name of ["href", "name", "aria-controls"]) {
    const value = element.getAttribute(name);
    if (value) return `${tag}[${name}="${CSS.escape(value)}"]`;
  }
  return tag;
}

document.addEventListener("htmx:beforeSwap", (event) => {
  const part = event.detail.target;
  const element = document.activeElement;
  kept = null;
  if (!part.id || part === element || !part.contains(element)) return;
  const selector = selectorOf(element);
  kept = { part: part.id, selector, at: [...part.querySelectorAll(selector)].indexOf(element) };
});

document.addEventListener("htmx:afterSettle", () => {
  if (!kept) return;
  const part = document.getElementById(kept.part);
  const found = part ? [...part.querySelectorAll(kept.selector)] : [];
  const element = found[kept.at] ?? found[0];
  kept = null;
  if (element && element !== document.activeElement) element.focus({ preventScroll: true });
});
