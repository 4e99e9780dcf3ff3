// "/" goes to the search field from anywhere, except where a person is typing.
document.addEventListener("keydown", (event) => {
  const at = document.activeElement;
  const types = at?.matches("input, textarea, select") || at?.isContentEditable;
  if (event.key !== "/" || types || event.ctrlKey || event.metaKey || event.altKey) return;
  const field = [...document.querySelectorAll("[data-search]")].find((one) => one.offsetParent);
  event.preventDefault();
  if (field) field.focus();
  else window.location.assign("/search");
});
