// Single keys for what is done often. They rest while something is typed, with Ctrl, Alt or Meta, while a dialog is
// open, and when they are switched off there (speech input software types letters: WCAG 2.1.4).

export class Shortcuts {
  /** `keys` maps a key to what it does. `dialog` is the help, `button` opens it, `toggle` is the check box in it. */
  constructor({ keys, dialog, button, toggle, enabled, remember }) {
    toggle.checked = enabled;
    toggle.addEventListener("change", () => remember(toggle.checked));
    button.addEventListener("click", () => dialog.showModal());
    dialog.addEventListener("click", (event) => {
      if (event.target === dialog) dialog.close(); // beside it
    });
    document.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.altKey || event.metaKey || event.repeat || event.defaultPrevented) return;
      if (!toggle.checked || document.querySelector("dialog[open]") !== null || takesText(event.target)) return;
      if (event.key === "?") dialog.showModal();
      else if (keys[event.key.toLowerCase()] === undefined) return;
      else keys[event.key.toLowerCase()]();
      event.preventDefault();
    });
  }
}

/** Lists and fields choose by letter themselves; radio buttons, sliders and check boxes do not. */
function takesText(element) {
  if (element.isContentEditable || element.tagName === "SELECT" || element.tagName === "TEXTAREA") return true;
  return element.tagName === "INPUT" && !["radio", "range", "checkbox"].includes(element.type);
}
