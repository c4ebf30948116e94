/** Questions to the reader, in a dialog: sure? what shall it be called? */

import { t } from "../words.js";
import { el } from "../dom.js";

const dialog = document.getElementById("ask-dialog");

function asked(title, parts, action, danger) {
  const go = el(`button.button${danger ? ".danger" : ".primary"}`, { type: "submit", value: "yes" }, action);
  const cancel = el("button.button", { type: "button", onclick: () => dialog.close("") }, t("cancel"));
  const heading = el("h2", { id: "ask-title" }, title);
  const form = el("form", { method: "dialog" }, heading, ...parts, el("div.actions", {}, cancel, go));
  dialog.replaceChildren(form);
  dialog.returnValue = "";
  dialog.showModal();
  (form.querySelector("input") ?? cancel).focus();
  return new Promise((done) => {
    dialog.addEventListener("close", () => done(dialog.returnValue === "yes"), { once: true });
  });
}

/** Whether the reader is sure. */
export function confirmed({ title, text, action, danger = true }) {
  return asked(title, [el("p", {}, text)], action, danger);
}

/** A new name for what is called `name`; null where the reader thought better of it. */
export async function renamed({ title, label, name }) {
  const input = el("input", { id: "ask-name", maxlength: "120", autocomplete: "off" });
  input.value = name;
  const going = asked(title, [el("div.field", {}, el("label", { for: "ask-name" }, label), input)], t("save"), false);
  input.select();
  return (await going) && input.value.trim() ? input.value.trim() : null;
}
