// Choosing rows of a list: all on the page at once, and how many. Without it each row has its box.

document.documentElement.dataset.script = "";

function count(form) {
  const boxes = [...form.querySelectorAll("input[type=checkbox]:not([data-choose-all])")];
  const chosen = boxes.filter((one) => one.checked).length;
  const words = form.querySelector("[data-choose-count]");
  words.textContent = chosen ? words.dataset.chooseCount.replace("{count}", chosen) : "";
  const all = form.querySelector("[data-choose-all]");
  all.checked = chosen > 0 && chosen === boxes.length;
  all.indeterminate = chosen > 0 && chosen < boxes.length;
}

document.addEventListener("change", ({ target }) => {
  const form = target.closest?.("[data-choose]");
  if (!form) return;
  if (target.matches("[data-choose-all]")) {
    for (const one of form.querySelectorAll("input[type=checkbox]")) one.checked = target.checked;
  }
  count(form);
});

// The browser keeps the ticks of a page that a person comes back to.
addEventListener("pageshow", () => document.querySelectorAll("[data-choose]").forEach(count));
