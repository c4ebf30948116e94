/** What the chat is made of more than once. */

import { el, icon } from "../dom.js";

/** The two symbols of a button that copies: before, and for a while after. */
export function copyIcons() {
  return [icon("copy", "before"), icon("check", "after")];
}

/** A button that shows a symbol and is called `label`. */
export function iconButton(name, label, onclick) {
  return el("button.button.plain.small.square", { type: "button", "aria-label": label, title: label, onclick }, icon(name));
}

/** Save `text` as a file called `name` on the reader's side. */
export function download(name, text, type) {
  const address = URL.createObjectURL(new Blob([text], { type }));
  const link = el("a", { href: address, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
