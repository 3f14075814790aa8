// A slider of ipywidgets has no name for a screen reader: its handle takes the label, and the value with its unit.
const timer = setInterval(() => document.querySelectorAll(".own-price:not([data-named])").forEach(row => {
  const handle = row.querySelector(".noUi-handle"), value = row.querySelector(".own-value");
  if (!handle || !value) return;
  row.dataset.named = "yes";
  handle.setAttribute("aria-label", row.querySelector("label").textContent);
  const tell = () => handle.getAttribute("aria-valuetext") === value.textContent
    || handle.setAttribute("aria-valuetext", value.textContent);
  const changes = new MutationObserver(tell);
  changes.observe(value, {childList: true, characterData: true, subtree: true});
  changes.observe(handle, {attributeFilter: ["aria-valuetext"]});
  tell();
}), 200);
setTimeout(() => clearInterval(timer), 60000);
