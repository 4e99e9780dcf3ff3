// Parts of some pages are replaced every few seconds. The keyboard stays on the link or button that
// it was on: without this it would go back to the top of the page.

// By the part's id: the answers of two parts may come at once.
const kept = new Map();

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
  // On the body: the part was replaced a moment ago, and what it had is kept.
  if (!part.id || element === document.body) return;
  kept.delete(part.id);
  if (part === element || !part.contains(element)) return;
  const selector = selectorOf(element);
  kept.set(part.id, { selector, at: [...part.querySelectorAll(selector)].indexOf(element) });
});

document.addEventListener("htmx:afterSettle", (event) => {
  const id = event.detail.target?.id;
  const was = kept.get(id);
  if (!was) return;
  kept.delete(id);
  const part = document.getElementById(id);
  const found = part ? [...part.querySelectorAll(was.selector)] : [];
  const element = found[was.at] ?? found[0];
  if (element && element !== document.activeElement) element.focus({ preventScroll: true });
});
