// JupyterLab takes arrow keys for itself wherever the focus is in a notebook: within a widget they belong to the widget.
document.addEventListener("focusin", event => {
  if (event.target.closest(".jupyter-widgets")) event.target.setAttribute("data-lm-suppress-shortcuts", "true");
});
