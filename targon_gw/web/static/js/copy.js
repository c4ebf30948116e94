/* Copying, also on plain http, where browsers have no `navigator.clipboard`. */

import { toast } from "./toast.js";
import { t } from "./words.js";

/** Put `text` on the clipboard; whether it is there. Call it from a click or a key press. */
export async function copy(text) {
  if (window.isSecureContext && navigator.clipboard) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      // not allowed here: the old way may be
    }
  }
  return copyBySelection(text);
}

function copyBySelection(text) {
  const selection = document.getSelection();
  const before = selection.rangeCount ? selection.getRangeAt(0) : null;
  const focused = document.activeElement;
  const carrier = document.createElement("pre");
  carrier.className = "visually-hidden copied";
  carrier.textContent = text;
  // What lies outside an open modal dialog is inert and can't be selected.
  (focused?.closest("dialog[open]") ?? document.body).append(carrier);
  const range = document.createRange();
  range.selectNodeContents(carrier);
  selection.removeAllRanges();
  selection.addRange(range);
  const fill = (event) => {
    event.clipboardData.setData("text/plain", text);
    event.preventDefault();
  };
  document.addEventListener("copy", fill, { once: true, capture: true });
  let done = false;
  try {
    done = document.execCommand("copy");
  } finally {
    document.removeEventListener("copy", fill, { capture: true });
    carrier.remove();
    selection.removeAllRanges();
    if (before) selection.addRange(before);
    focused?.focus?.({ preventScroll: true });
  }
  return done;
}

const SHOWN = 1600; // milliseconds for which a button says that it has copied

/** Have `element`, a button, copy what `getText` returns (or promises); it shows a tick, and says so aloud. */
export function copyButton(element, getText) {
  let timer = 0;
  element.addEventListener("click", async () => {
    let done = false;
    try {
      done = await copy(await getText());
    } catch {
      done = false;
    }
    if (!done) {
      toast(t("copy.failed"), "bad");
      return;
    }
    toast(t("copy.done"), "ok", { quiet: true });
    element.dataset.copied = "";
    clearTimeout(timer);
    timer = setTimeout(() => delete element.dataset.copied, SHOWN);
  });
}
