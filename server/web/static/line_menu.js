// The menu of a line opens as a dialog: the keyboard stays in it, Escape closes it.

document.addEventListener("htmx:afterSwap", ({ target }) => {
  if (target.id !== "line-menu") return;
  const dialog = target.querySelector("dialog");
  dialog?.showModal();
  // The line may have been drawn anew meanwhile, and with it what the keyboard was on.
  dialog?.addEventListener("close", () => document.getElementById(dialog.dataset.back)?.focus());
});

document.addEventListener("htmx:afterRequest", ({ detail }) => {
  if (detail.successful) detail.elt.closest("#line-menu dialog")?.close();
});
